// Package jose signs, verifies, encrypts and decrypts what travels between the rooms: JWS, JWE and JWK in the narrow
// profile that Kindpakket speaks. It is the one door to github.com/lestrrat-go/jwx.
//
// The profile is a list of what is allowed; everything else is refused:
//
//   - signatures are ES256 (written and read) and EdDSA with Ed25519 (read, and written by a [Signer] that holds such a
//     key). The key decides the algorithm; a token whose header says another one is refused (RFC 8725, Section 3.1);
//   - encryption is ECDH-ES in direct key agreement on P-256, with A128GCM or A256GCM;
//   - the serialization is compact, base64url is canonical, no JSON object names a member twice;
//   - a header with crit, b64, zip, jku or x5u is refused: nothing is fetched because a token asked for it, and nothing is
//     decompressed before it is known to be genuine.
//
// The package trusts nothing that it parses. A key that came along in a header ([Header.JWK], [Header.X5C]) is only a
// claim by whoever wrote the token: the caller decides whether that key may speak, by [Chain.Verify], by a credential's
// cnf claim or by a proof type that allows it.
//
// A JWS signature is not unique: whoever sees one ES256 signature can write a second one over the same message. A token's
// text or hash must not be used as the identity of what was signed.
//
// There is no clock and no I/O. Randomness is an argument where it makes a key; encryption draws its ephemeral key from
// the system.
package jose
