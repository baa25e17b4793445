package did

import (
	"bytes"
	"crypto/ecdh"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Resolve returns the document of a did:jwk or did:key, which follows from its text, and [ErrMethod] for any other.
// The key's fragment is #0 in a did:jwk and the identifier itself in a did:key.
func Resolve(d DID) (*Document, error) {
	if _, err := Parse(string(d)); err != nil {
		return nil, err
	}
	method, id, _ := d.cut()
	m := Method{Relations: []Relation{Authentication, AssertionMethod}}
	switch method {
	case "jwk":
		raw, err := decode64(id)
		if err != nil {
			return nil, fmt.Errorf("resolving did:jwk: %w", ErrSyntax)
		}
		if m.JWK, err = canonical(raw); err != nil {
			return nil, fmt.Errorf("resolving did:jwk: %w", err)
		}
		// The did:jwk method: use enc leaves keyAgreement only, no use gives everything, use sig all but keyAgreement.
		members, err := parseObject(raw)
		if err != nil {
			return nil, fmt.Errorf("resolving did:jwk: %w", err)
		}
		var use string
		if raw, ok := members["use"]; ok && json.Unmarshal(raw, &use) != nil {
			return nil, fmt.Errorf("resolving did:jwk: %w: use is not a string", ErrKey)
		}
		switch {
		case use == "enc":
			m.Relations = []Relation{KeyAgreement}
		case use != "sig" && bytes.Contains(m.JWK, []byte(`"P-256"`)):
			m.Relations = append(m.Relations, KeyAgreement)
		}
		m.ID = string(d) + "#0"
	case "key":
		var err error
		if m.JWK, err = fromMultikey(id); err != nil {
			return nil, fmt.Errorf("resolving did:key: %w", err)
		}
		m.ID = string(d) + "#" + id
	default:
		return nil, fmt.Errorf("resolving DID: %w", ErrMethod)
	}
	if m.JWK == nil {
		return nil, fmt.Errorf("resolving did:%s: %w: neither P-256 nor Ed25519", method, ErrKey)
	}
	return &Document{ID: d, Methods: []Method{m}}, nil
}

// FromJWK returns the did:jwk of a public JWK, which it takes as it stands. Give it the canonical form (jose.Key.JWK), so that
// one key has one DID.
func FromJWK(canonicalJWK []byte) DID {
	return DID("did:jwk:" + base64.RawURLEncoding.EncodeToString(canonicalJWK))
}

// KeyDID returns the did:key of a public P-256 or Ed25519 JWK, and an error that wraps [ErrKey] for any other.
func KeyDID(jwk []byte) (DID, error) {
	key, err := canonical(jwk)
	if err != nil || key == nil {
		return "", fmt.Errorf("making did:key: %w: neither P-256 nor Ed25519", ErrKey)
	}
	var m struct{ Crv, X, Y string }
	if err := json.Unmarshal(key, &m); err != nil {
		return "", fmt.Errorf("making did:key: %w", err)
	}
	x, _ := decode64(m.X) // canonical has checked both
	y, _ := decode64(m.Y)
	if m.Crv == "Ed25519" {
		return DID("did:key:z" + base58(slices.Concat(codecEd25519, x))), nil
	}
	return DID("did:key:z" + base58(slices.Concat(codecP256, []byte{2 | y[31]&1}, x))), nil
}

// Multicodec prefixes, as unsigned varints.
var (
	codecEd25519 = []byte{0xed, 0x01}       // ed25519-pub
	codecP256    = []byte{0x80, 0x24}       // p256-pub, compressed point
	codecJWK     = []byte{0xd1, 0xd6, 0x03} // jwk_jcs-pub, the JWK as JSON
)

// fromMultikey reads a multibase, multicodec key. It returns nil for a kind of key that we do not use.
func fromMultikey(text string) (json.RawMessage, error) {
	digits, ok := strings.CutPrefix(text, "z")
	if !ok {
		return nil, fmt.Errorf("%w: not in base58btc", ErrKey)
	}
	b, err := unbase58(digits)
	if err != nil {
		return nil, err
	}
	if x, ok := bytes.CutPrefix(b, codecEd25519); ok {
		return okp(x)
	}
	if point, ok := bytes.CutPrefix(b, codecP256); ok {
		x, y := elliptic.UnmarshalCompressed(elliptic.P256(), point)
		if x == nil {
			return nil, fmt.Errorf("%w: not a compressed point on P-256", ErrKey)
		}
		return ec(x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32)))
	}
	if raw, ok := bytes.CutPrefix(b, codecJWK); ok {
		return canonical(raw)
	}
	return nil, nil
}

// canonical returns the required members of a public JWK in the order of RFC 7638, nil for a kind of key that we do not use,
// and an error that wraps ErrKey for a private or malformed one.
func canonical(jwk []byte) (json.RawMessage, error) {
	m, err := parseObject(jwk)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if _, ok := m[name]; ok {
			return nil, fmt.Errorf("%w: the JWK has the private member %q", ErrKey, name)
		}
	}
	text := map[string]string{}
	for _, name := range []string{"kty", "crv", "x", "y"} {
		raw, ok := m[name]
		var s string
		if ok && json.Unmarshal(raw, &s) == nil {
			text[name] = s
		}
	}
	ecKey, okpKey := text["kty"] == "EC" && text["crv"] == "P-256", text["kty"] == "OKP" && text["crv"] == "Ed25519"
	if !ecKey && !okpKey {
		return nil, nil
	}
	x, err := decode64(text["x"])
	if err != nil {
		return nil, err
	}
	if okpKey {
		return okp(x)
	}
	y, err := decode64(text["y"])
	if err != nil {
		return nil, err
	}
	return ec(x, y)
}

func ec(x, y []byte) (json.RawMessage, error) {
	if len(x) != 32 || len(y) != 32 {
		return nil, fmt.Errorf("%w: a coordinate is not 32 bytes", ErrKey)
	}
	if _, err := ecdh.P256().NewPublicKey(slices.Concat([]byte{4}, x, y)); err != nil {
		return nil, fmt.Errorf("%w: the point is not on P-256", ErrKey)
	}
	return json.RawMessage(`{"crv":"P-256","kty":"EC","x":"` + base64.RawURLEncoding.EncodeToString(x) +
		`","y":"` + base64.RawURLEncoding.EncodeToString(y) + `"}`), nil
}

func okp(x []byte) (json.RawMessage, error) {
	if len(x) != 32 {
		return nil, fmt.Errorf("%w: an Ed25519 key is not 32 bytes", ErrKey)
	}
	return json.RawMessage(`{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(x) + `"}`), nil
}

func decode64(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("%w: malformed base64url", ErrKey)
	}
	return b, nil
}

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58 writes the btc alphabet: each leading zero byte is a 1, the rest is a number in base 58.
func base58(b []byte) string {
	var out []byte
	n, mod, base := new(big.Int).SetBytes(b), new(big.Int), big.NewInt(58)
	for n.Sign() > 0 {
		n.DivMod(n, base, mod)
		out = append(out, alphabet[mod.Int64()])
	}
	for i := 0; i < len(b) && b[i] == 0; i++ {
		out = append(out, alphabet[0])
	}
	slices.Reverse(out)
	return string(out)
}

// maxBase58 bounds the quadratic cost of reading a number in base 58. It fits a P-256 JWK.
const maxBase58 = 512

func unbase58(s string) ([]byte, error) {
	if s == "" || len(s) > maxBase58 {
		return nil, fmt.Errorf("%w: base58 of no length or more than %d", ErrKey, maxBase58)
	}
	n, base := new(big.Int), big.NewInt(58)
	for _, c := range []byte(s) {
		i := strings.IndexByte(alphabet, c)
		if i < 0 {
			return nil, fmt.Errorf("%w: malformed base58", ErrKey)
		}
		n.Mul(n, base).Add(n, big.NewInt(int64(i)))
	}
	zeros := len(s) - len(strings.TrimLeft(s, alphabet[:1]))
	return append(make([]byte, zeros), n.Bytes()...), nil
}

var errJSON = errors.New("malformed JSON")
