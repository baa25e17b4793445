// Package ledger is the face of the ledger: what an entry, an order's receipt and a checkpoint are, how they are
// checked, and what a [Log] promises, whichever engine keeps it.
//
// The ledger is an append-only list of entries. Each entry names the hash of the one before it (the hash chain), and
// the same hashes are the leaves of an RFC 6962 Merkle tree, so that one entry can be proved to somebody who does not
// hold the log. What may be appended is decided by package rule; this package only says what the bytes mean.
//
// The package trusts nobody: a [Receipt] is worth what [Verify] says of it under a [Policy], the list of keys its
// reader chose to trust. It has no field for a person, a name or a client number, so that none can be written here by
// accident. It reads no clock and no disk and builds for js/wasm. The format is docs/spec/ledger-entry.md.
package ledger
