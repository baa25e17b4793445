package jose

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// Algorithm is a JWS algorithm of RFC 7518, Section 3.1, or RFC 8037, Section 3.1.
type Algorithm string

// The algorithms that are allowed. There is no other, and no none.
const (
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256: written by default
	EdDSA Algorithm = "EdDSA" // Ed25519: read
)

// MaxKey is the size of the longest JWK that is read, in bytes. It leaves room for a certificate in x5c, which is ignored.
const MaxKey = 4 << 10

// ErrKey is returned for a key that is malformed, private where it should be public, or outside the profile.
var ErrKey = errors.New("unusable key")

// Key is a public key: a point on P-256 or an Ed25519 key. Keys are comparable with ==; the zero Key is no key.
type Key struct {
	alg  Algorithm
	x, y [32]byte // y is zero for Ed25519
}

// private are the members that a public JWK never has: RFC 7518, Sections 6.2.2, 6.3.2 and 6.4; RFC 8037, Section 2;
// and the AKP key type's priv.
var private = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

// ParseKey reads a public JWK (RFC 7517): kty EC with crv P-256, or kty OKP with crv Ed25519. Coordinates are exactly 32
// bytes (RFC 7518, Section 6.2.1.2). Members besides kty, crv, x and y (kid, use, alg …) are ignored; see [ParseKeySet]
// for those. It returns an error that wraps [ErrKey] for private members, another type or curve, a point that is not on
// the curve or of small order, more than [MaxKey] bytes, or a member named twice.
func ParseKey(jwk []byte) (Key, error) {
	if len(jwk) > MaxKey {
		return Key{}, fmt.Errorf("%w: longer than %d bytes", ErrKey, MaxKey)
	}
	m, err := ParseObject(jwk)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return parseKey(m)
}

func parseKey(m map[string]json.RawMessage) (Key, error) {
	for _, name := range private {
		if _, ok := m[name]; ok {
			return Key{}, fmt.Errorf("%w: it has the private member %q", ErrKey, name)
		}
	}
	kty, err := member(m, "kty")
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	crv, err := member(m, "crv")
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	switch {
	case kty == "EC" && crv == "P-256":
		k := Key{alg: ES256}
		if k.x, err = coordinate(m, "x"); err != nil {
			return Key{}, err
		}
		if k.y, err = coordinate(m, "y"); err != nil {
			return Key{}, err
		}
		if _, err := k.ecdsa(); err != nil {
			return Key{}, fmt.Errorf("%w: the point is not on P-256", ErrKey)
		}
		return k, nil
	case kty == "OKP" && crv == "Ed25519":
		k := Key{alg: EdDSA}
		if k.x, err = coordinate(m, "x"); err != nil {
			return Key{}, err
		}
		if _, ok := m["y"]; ok {
			return Key{}, fmt.Errorf("%w: an OKP key has no y", ErrKey)
		}
		if !goodEd25519(k.x) {
			return Key{}, fmt.Errorf("%w: the point is not a good Ed25519 key", ErrKey)
		}
		return k, nil
	}
	return Key{}, fmt.Errorf("%w: neither EC with P-256 nor OKP with Ed25519", ErrKey)
}

func coordinate(m map[string]json.RawMessage, name string) (c [32]byte, err error) {
	s, err := member(m, name)
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrKey, err)
	}
	b, err := DecodeSegment(s)
	if err != nil || len(b) != len(c) {
		return c, fmt.Errorf("%w: member %q is not 32 bytes of base64url", ErrKey, name)
	}
	copy(c[:], b)
	return c, nil
}

// NewKey returns the Key for an *ecdsa.PublicKey or *ecdh.PublicKey on P-256 or an ed25519.PublicKey, and an error that
// wraps [ErrKey] for everything else.
func NewKey(pub crypto.PublicKey) (Key, error) {
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		if pub == nil || pub.Curve != elliptic.P256() {
			return Key{}, fmt.Errorf("%w: not on P-256", ErrKey)
		}
		b, err := pub.Bytes()
		if err != nil {
			return Key{}, fmt.Errorf("%w: the point is not on P-256", ErrKey)
		}
		return fromPoint(b), nil
	case *ecdh.PublicKey:
		if pub == nil || pub.Curve() != ecdh.P256() {
			return Key{}, fmt.Errorf("%w: not on P-256", ErrKey)
		}
		return fromPoint(pub.Bytes()), nil
	case ed25519.PublicKey:
		k := Key{alg: EdDSA}
		if len(pub) != len(k.x) || !goodEd25519([32]byte(pub)) {
			return Key{}, fmt.Errorf("%w: the point is not a good Ed25519 key", ErrKey)
		}
		copy(k.x[:], pub)
		return k, nil
	}
	return Key{}, fmt.Errorf("%w: neither P-256 nor Ed25519", ErrKey)
}

// fromPoint takes the uncompressed form of SEC 1, Section 2.3.3: 0x04, x, y.
func fromPoint(b []byte) Key {
	return Key{alg: ES256, x: [32]byte(b[1:33]), y: [32]byte(b[33:65])}
}

func (k Key) ecdsa() (*ecdsa.PublicKey, error) {
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, k.x[:], k.y[:]))
}

// Public returns the key as *ecdsa.PublicKey or ed25519.PublicKey, nil for the zero Key.
func (k Key) Public() crypto.PublicKey {
	switch k.alg {
	case ES256:
		pub, err := k.ecdsa()
		if err != nil {
			panic("jose: a Key is always on its curve: " + err.Error())
		}
		return pub
	case EdDSA:
		return ed25519.PublicKey(slices.Clone(k.x[:]))
	}
	return nil
}

// Algorithm returns the one algorithm whose signatures k verifies, "" for the zero Key.
func (k Key) Algorithm() Algorithm { return k.alg }

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k == Key{} }

// Equal reports whether k and o are the same key. It is the same as ==.
func (k Key) Equal(o Key) bool { return k == o }

// JWK returns the canonical form of RFC 7638, Section 3.2: the required members only, sorted, without white space. It is
// nil for the zero Key.
func (k Key) JWK() []byte {
	switch k.alg {
	case ES256:
		return []byte(`{"crv":"P-256","kty":"EC","x":"` + EncodeSegment(k.x[:]) + `","y":"` + EncodeSegment(k.y[:]) + `"}`)
	case EdDSA:
		return []byte(`{"crv":"Ed25519","kty":"OKP","x":"` + EncodeSegment(k.x[:]) + `"}`)
	}
	return nil
}

// String returns the thumbprint, which is short enough for a message. A key is not a secret, but it can point to a person.
func (k Key) String() string {
	if k.IsZero() {
		return "no key"
	}
	return k.Thumbprint().String()
}

// MarshalJSON writes [Key.JWK], and null for the zero Key.
func (k Key) MarshalJSON() ([]byte, error) {
	if k.IsZero() {
		return []byte("null"), nil
	}
	return k.JWK(), nil
}

// UnmarshalJSON reads what [ParseKey] reads. As is the custom of encoding/json, null leaves k as it was.
func (k *Key) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	parsed, err := ParseKey(b)
	if err != nil {
		return err
	}
	*k = parsed
	return nil
}

// Thumbprint is the SHA-256 JWK thumbprint of RFC 7638.
type Thumbprint [sha256.Size]byte

// Thumbprint returns the hash of [Key.JWK].
func (k Key) Thumbprint() Thumbprint { return sha256.Sum256(k.JWK()) }

// ParseThumbprint reads the 43 characters that [Thumbprint.String] writes.
func ParseThumbprint(s string) (t Thumbprint, err error) {
	b, err := DecodeSegment(s)
	if err != nil || len(b) != len(t) {
		return t, fmt.Errorf("parsing thumbprint: not 32 bytes of base64url")
	}
	copy(t[:], b)
	return t, nil
}

// String returns the thumbprint as base64url, 43 characters.
func (t Thumbprint) String() string { return EncodeSegment(t[:]) }

// MarshalText writes [Thumbprint.String].
func (t Thumbprint) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what [ParseThumbprint] reads.
func (t *Thumbprint) UnmarshalText(b []byte) error {
	parsed, err := ParseThumbprint(string(b))
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}

// goodEd25519 reports whether b is the canonical encoding (RFC 8032, Section 5.1.3) of a point of Curve25519 that is not
// one of the eight of small order. crypto/ed25519 accepts those eight as keys, and under them a signature says nothing
// about its message.
func goodEd25519(b [32]byte) bool {
	b[31] &= 0x7f
	slices.Reverse(b[:])
	y := new(big.Int).SetBytes(b[:])
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	if y.Cmp(p) >= 0 {
		return false
	}
	// x² = (y² - 1) / (d·y² + 1), d = -121665/121666.
	d := new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), p))
	yy := new(big.Int).Mul(y, y)
	v := new(big.Int).Mul(d, yy)
	v.Add(v, big.NewInt(1)).Mod(v, p)
	x := new(big.Int).Sub(yy, big.NewInt(1))
	x.Mul(x, v.ModInverse(v, p)).Mod(x, p)
	if x.ModSqrt(x, p) == nil {
		return false
	}
	if x.Sign() == 0 { // y is 1 or -1: order 1 or 2
		return false
	}
	if y.Sign() == 0 {
		return false // order 4
	}
	// The four points of order 8 double to the points of order 4, whose y is 0: x² + y² = 0, by the curve's doubling
	// y₃ = (y² + x²) / (2 - …).
	sum := new(big.Int).Mul(x, x)
	sum.Add(sum, yy).Mod(sum, p)
	return sum.Sign() != 0
}
