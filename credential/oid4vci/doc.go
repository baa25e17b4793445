// Package oid4vci is both ends of OpenID for Verifiable Credential Issuance 1.0, as functions of bytes and values: what
// an issuer publishes and answers, what a wallet reads and asks. The routes stand in package issuer and the fetching in
// package wallet; here is no transport, no clock and no store, and the package builds for js/wasm.
//
// The main road is the pre-authorised code (Section 3.5): a letter holds an [Offer] as a QR code and a transaction code
// in digits; the wallet reads [IssuerMetadata] and [ServerMetadata] at their well-known places, sends a [TokenRequest],
// fetches a nonce, proves with [Prove] that it holds its keys, and sends a [CredentialRequest]; the issuer checks the
// proofs with [ProofPolicy.Verify] and answers with a [CredentialResponse].
//
// Nothing that arrives is trusted. Every parser has a limit in bytes, refuses JSON that names a member twice or is nested
// deep, ignores members that it does not know (as the standard demands at every one of these places), and refuses
// addresses that are neither https nor on this very machine. An offer proves nothing about who made it (Section 13, "Credential Offer"):
// trust comes later, from the signature under the credential. What an issuer refuses it answers as an [Error] with a code
// of the standard; codes, tokens and transaction codes are of type [Secret], which prints as [redacted].
//
// Members that belong to later work (deferred issuance, encryption, key attestation) have a place in the types and are
// carried, not acted on. Members of our own travel under the one name `kindpakket`.
package oid4vci
