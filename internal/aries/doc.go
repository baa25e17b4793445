// Package aries is the one door to Hyperledger Aries Framework Go (v0.3.2, archived upstream) and to Tink below it. It gives the
// servers three things:
//
//   - [Keys]: the keys of the municipality, of shops and of the log. Signing keys are Tink keysets, made and used by aries' local
//     key manager; secrets that Tink does not know are sealed by the same lock. All of them lie in one bbolt file, encrypted under
//     a master key that is read from another file.
//   - [Resolver]: DID documents by way of aries' registry, for did:web, did:key and our did:jwk.
//   - [Client]: the HTTP client for every address that somebody else chose, guarded against request forgery (SSRF).
//
// What it trusts: the master key's file, and for did:web the web's certificate authorities. It does not trust the key file: who can
// write there can take keys away, and that is noticed when they are asked for, but can neither read a key, nor put in one of his
// own, nor make one key answer to another's name.
//
// Aries is large and does not build small for the browser: nothing on the wallet's wasm path imports this package. Its credential,
// SD-JWT, BBS+ and wallet packages are not used at all; docs/dependencies.md says what leaving aries would take.
package aries
