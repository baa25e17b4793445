// Package vault keeps a wallet's records encrypted at rest, over any key-value store: one bbolt file natively, the
// browser's database in a page.
//
// A passphrase is stretched with Argon2id (RFC 9106) to a key that wraps a random data key; every record is sealed under
// a key derived from that one with XChaCha20-Poly1305 and a random nonce. The name under which a record stands in the
// store is a keyed hash of its name and the sealed text is bound to it, so that two records cannot be exchanged, and
// lengths are rounded up: who reads the store learns about how many records there are and about how long they are, and
// nothing else.
//
// The store is not trusted with secrecy and not with integrity: a record that was changed, or moved, is [ErrDamaged].
// It is trusted not to lose records and not to bring back old ones: whoever can write to the store can put an earlier
// copy of it back, and no local check can tell. Money is safe from that, because the ledger remembers what was spent.
//
// [Vault.ChangePassphrase] wraps the same data key anew. Who had both the old passphrase and an old copy of the file
// still has the key; a new vault, filled with [Vault.Import], is the remedy.
//
// Passphrases are bytes as they come: an app that takes them from different keyboards should normalise them first.
package vault
