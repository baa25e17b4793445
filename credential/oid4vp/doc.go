// Package oid4vp is both ends of OpenID for Verifiable Presentations 1.0, as functions of bytes and values: how a shop
// asks, how a wallet knows who asks, how it answers. The routes stand in package verifier and the fetching in package
// wallet; here is no transport, no clock and no store, and the package builds for js/wasm.
//
// The road is the one that both Dutch wallets know: a QR code holds a [Link]; the wallet fetches the request object behind
// it, by GET or with a [RequestPost]; [Policy.Verify] finds out who signed it; the wallet answers with [Request.Form] or
// [Request.Refuse], posted to the response URI; the shop reads that with [Expected.Parse] and answers with a
// [ResponseAnswer].
//
// What the package trusts: the anchors and the resolver that a wallet hands to [Policy], nothing else. A request that is
// not signed is refused, so is one whose client id does not follow from its certificate or DID. Until [Policy.Verify] has
// returned a [Verified], nobody is known who could be answered: the response URI of a request that does not verify is
// never used, not even for an error.
//
// Presentations are carried as they are; package sdjwt verifies them, with the nonce and client id of the request, and
// package dcql reads the query. The nonce of a Kindpakket request is the hash of its order ([TransactionDataHash],
// docs/spec/ledger-entry.md, Section 2); this package does not look inside.
//
// Every parser has a limit in bytes, refuses JSON that names a member twice or is nested deep, and ignores members that it
// does not know, with the one exception that the standard makes: transaction data (Section 5.1).
package oid4vp
