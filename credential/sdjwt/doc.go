// Package sdjwt issues, presents and verifies SD-JWTs (RFC 9901) in the compact form, as verifiable credentials of type
// dc+sd-jwt (SD-JWT VC, draft -19) and as any other type that a caller names.
//
// An issuer calls [Issue] with the claims and the paths that the holder may keep hidden. A holder checks what came with
// [Credential.Verify], keeps the text, and for a verifier chooses paths with [Credential.Present] and signs with
// [Credential.Bind]. A verifier calls [Parse] and [Credential.Verify]. What is accepted is written back byte for byte by
// [Credential.String].
//
// [Parse] applies every rule of RFC 9901, Section 7.1, that needs no key: after it, each disclosure has its place and
// nothing stands there twice. Nothing in a parsed credential is to be believed before Verify. Verify trusts nobody by
// itself: whose signature counts is decided by [Policy.Key].
//
// SD-JWT hides claims, not people: the issuer's signature, the holder's key and the digests are the same in every
// presentation of one copy, so two presentations of one copy can be linked.
//
// The profile is narrower than the standards in three places. Digests are sha-256. Key binding is by a key in cnf.jwk.
// The JSON serialization of Section 8 is not read.
package sdjwt
