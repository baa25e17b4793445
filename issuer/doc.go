// Package issuer is the municipality's room: it opens funds, reads the files of families and shops, makes offers, issues
// entitlement cards and puts the budgets on the ledger, keeps the status list, and pays the shops.
//
// It trusts its keys, its own bbolt file and, once a receipt verifies, the ledger. It trusts no wallet further than the
// proofs that the wallet makes, and no file of families or shops at all.
//
// What it may not know it does not keep: a family is a keyed hash of its client number and a number of children. Every
// record that could point to a family is sealed under a key that lies elsewhere. What must go to the ledger is written
// into the outbox first and sent until the ledger has answered, so that a crash between the two loses nothing and
// doubles nothing.
//
// The wires of wallets are in handler.go (OpenID4VCI 1.0), the officials' in admin.go (a unix socket). Nothing of HTTP
// is known anywhere else in the package.
package issuer
