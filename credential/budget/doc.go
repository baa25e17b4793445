// Package budget holds the words that every room of the Kindpakket shares: [Cents], [Category], [Period] and [Order].
//
// Money is a whole number of euro cents, never a float: an amount that a person typed is read by [ParseEuros] digit by
// digit, and what is shown to a person comes from [Cents.Format]. An [Order] is what a shop asks for or gives back; its
// bytes have one encoding, so that one order has one hash, and the holder signs that hash (docs/spec/ledger-entry.md,
// Section 2).
//
// The package trusts nobody: the parsers here take foreign bytes and refuse what they would not have written
// themselves. It has no clock, no disk and no network, and it builds for js/wasm. Nothing here has a field that could
// name a person: what identifies a parent or child has no type in this package, and so cannot get into the ledger.
package budget
