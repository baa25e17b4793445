// Package rule is the ledger's "smart contract": [Decide] says whether a command may be appended, and what it changes.
//
// Decide is a pure function of the state, the command and the time: no clock, no disk, no randomness, no map order. It
// is the same function on one node, in a cluster, in an auditor's replay and in the tests. It answers with one of the
// reasons of package ledger and never with a bare failure, and it trusts nothing but the keys that the state itself
// records: the municipality's in the genesis entry, each shop's in its shop entry, each holder's in the account.
//
// The order of its checks is that of docs/spec/purse.md, Section 7: what was seen before comes first, so that a retry
// is answered whatever the time has become and costs no signature check.
package rule
