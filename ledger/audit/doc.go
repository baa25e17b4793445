// Package audit replays a ledger from its entries and public keys alone, and says what it found.
//
// It is for the council's auditor, who trusts nobody in the house: it checks the bytes, the chain, the Merkle tree and
// its checkpoint, runs every command through the same rules at the time its entry says, and adds the sums up again by
// itself. It cannot say who paid: nothing on the ledger could tell it.
//
// What it reads is what `kindpakket ledger export` writes: one entry a line, an empty line, the checkpoint.
package audit
