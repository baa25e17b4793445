// Package did reads and writes decentralized identifiers (W3C DID Core 1.0) of the three methods that Kindpakket speaks:
// did:jwk and did:key for parents' wallets, which say their key in their own text, and did:web for the municipality and
// the shops, whose document somebody has to fetch.
//
// Fetching is not done here. [Resolve] answers for did:jwk and did:key from the identifier alone; for did:web,
// [WebURL] says where the document stands and [ParseDocument] checks what came back. A [Resolver] joins the two: the
// page's fetch in the wallet, a guarded client on servers.
//
// A document is believed as far as the way it came: TLS to the host that the identifier names. What a document says about
// any other identifier is ignored: a key counts only if its id and its controller are the document's own subject.
//
// Keys are JWKs as bytes, in the canonical form of RFC 7638, P-256 or Ed25519; package jose makes keys of them.
//
// A did:jwk is not the identity of its key: one key has many texts, since the JSON inside may stand in any order. Compare
// keys by their thumbprint.
package did
