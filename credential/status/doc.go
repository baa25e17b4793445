// Package status says whether a credential was revoked, by Token Status Lists (draft -20): one bit for each copy of a
// credential, in a compressed list that the municipality signs and anyone may fetch. Whoever fetches the list does not say
// which credential it is about.
//
// An issuer gives each copy an unused index with [Allocate], puts [Reference.Claim] in it, keeps a [List] and publishes it
// with [Issue]. A verifier reads the reference with [FromClaims] after the credential itself was verified, fetches the
// list from Reference.URI, and calls [Verify] and [Token.Status]. Fetching, and what to do while the list cannot be
// fetched, stays with the caller: [Token.Fresh] says when a new copy should be asked for, and exp when the old one ends.
//
// Lists of 1, 2, 4 and 8 bits are read and lists of 1 bit are made: any other status than valid and invalid would tell a
// shop more than it needs. The CBOR forms are not read.
//
// Nothing is decompressed before its signature was verified, and never more than [MaxList].
package status
