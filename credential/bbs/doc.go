// Package bbs signs a list of messages once and lets the holder show any of them, with a proof that cannot be linked to
// the signature or to another proof: BBS signatures as of draft-irtf-cfrg-bbs-signatures, with both ciphersuites
// ([SHA256], [SHAKE256]), and blind BBS signatures as of draft-irtf-cfrg-bbs-blind-signatures.
//
// It is experimental and unaudited. The fixtures of both drafts are reproduced byte for byte; docs/bbs.md says which
// state of the drafts that is, and what is proved from what.
//
// # Use
//
// The issuer has a [SecretKey] and signs; everyone else has the [PublicKey]. A holder keeps the [Signature] and the
// messages, and answers a verifier with a [Proof]:
//
//	sig, err := key.Sign(header, messages)                                     // issuer
//	err = public.Verify(sig, header, messages)                                  // holder, on receipt
//	proof, err := public.ProofGen(sig, header, nonce, messages, []int{0, 2})    // holder
//	err = public.ProofVerify(proof, header, nonce, map[int][]byte{0: …, 2: …})  // verifier
//
// header is shown to every verifier and is part of what was signed; the presentation header (here a nonce of the
// verifier) binds one proof to one occasion. A nil header is the empty one.
//
// # Values that were parsed are valid
//
// Every Parse function accepts exactly one encoding: points canonical, on the curve, in the subgroup and not the
// identity, scalars below the group order. The methods therefore have no second look at them. Zero values of the types
// are refused by every method that takes one.
//
// # Randomness
//
// Proofs and commitments draw their scalars from crypto/rand and from nothing else: a proof made with guessable scalars
// gives the hidden messages away, and one made twice with the same ones does too. There is no exported way around it.
// Signing is deterministic.
//
// # What touches secrets
//
//	operation                      secret                        how
//	Sign, BlindSign                the key                       its sum with e is inverted behind a random factor; the scalar
//	                                                             product is split into two random summands
//	KeyGen, Public                 the key                       the same split, in G2
//	ProofGen, BlindProofGen        hidden messages, signature    scalar products only with scalars that carry a fresh random
//	                                                             factor or summand; the products themselves are variable time
//	Commit                         committed messages, blind     the blind is such a summand; each message is split
//	Verify, VerifyBlindSign        (the holder's messages)       variable time: run it where nobody measures
//	ProofVerify, parsers           none                          variable time
//
// The field arithmetic under all of this is gnark-crypto's: multiplication and addition have no secret branches on
// amd64 and arm64; the conditional subtraction of its portable code, which runs in WebAssembly, may be compiled to a
// branch.
//
// BUG(kindpakket): Secrets are not wiped from memory after use. Go promises nothing about where copies stay.
//
// BUG(kindpakket): The commitments inside proofs that the blind draft has from June 2026 on are not implemented.
package bbs
