// Package purse is KPB1, the hidden-balance purse: a credential that holds an amount of euro cents which nobody but its
// holder can see. It can be spent in parts; a spend proves "this purse was issued for this fund and period and holds at
// least this amount" and nothing more, and the remainder comes back as a fresh purse. No two spends of one family can be
// linked to each other or to the issuing, not even by the municipality and all shops together, and everyone can verify
// every spend with public keys alone.
//
// KPB1 is our own composition of published parts. It is experimental and unaudited. docs/spec/purse.md is its
// specification: the equations, what is proved from which assumption, and what a spend does not hide.
//
// # Three sides
//
// A [Mint] is the municipality's signing key under one [Header]. It issues first purses ([Mint.Issue]) and signs what
// remains after every spend the ledger took ([Mint.Reissue]).
//
// A [Key] is the public side of a mint. A ledger, a shop or an auditor reads a spend with [ParseSpend] and verifies it
// with [Key.Verify], or many at once with [Key.VerifyBatch], and checks the mint with [Key.CheckIssue] and
// [Key.CheckReissue]. Whether a serial is new, an order signed, a period open: those are rules of the ledger, not of
// this package. A ledger may call the mint only for rows that it has written down.
//
// A [Holder] is a wallet's seed under a key. It keeps a [State]: the present purse, and a spend written down before it
// is sent, so that a retry sends the same bytes whatever happened in between. The words alone find everything again
// ([Holder.Recover]).
//
// # What it trusts
//
// The holder trusts its key to be the only one under the header: the caller proves that from the ledger. Everybody
// trusts the numbers in orders, which the caller hashes into a [Bind]. Nobody trusts bytes: what a parser of this
// package returns is canonical, on the curve, in the subgroup and not the identity.
//
// # Secrets and time
//
// The mint's key is used behind random factors and summands (see package bbs/curve). A holder's secrets are multiplied
// into points only together with fresh nonces, and the bits of a balance select without a branch; the multiplications
// themselves, and all verification, run in variable time. [Holder.Accept], [Holder.Next], [State] and [Holder.Recover]
// check equations over the holder's own secrets in variable time, on the holder's own machine. Balances, serials and
// secrets print as [redacted] and appear in no error.
//
// Nonces come from random bytes hedged with the seed and the statement (docs/spec/purse.md, Section 3): a random source
// that is stuck repeats a proof, but gives no two statements the same nonce.
//
// BUG(kindpakket): Secrets are not wiped from memory after use. Go promises nothing about where copies stay.
package purse
