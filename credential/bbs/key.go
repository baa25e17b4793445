package bbs

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"

	"kindpakket/credential/bbs/curve"
)

// SecretKey signs. It prints as [redacted] in every way of printing; only [SecretKey.Bytes] gives it away.
type SecretKey struct {
	x      curve.Scalar
	public *PublicKey
}

// KeyGen derives a key from at least 32 secret bytes, and optional info that makes several keys out of the same ones
// (Section 3.3.1, with the default key_dst).
func KeyGen(s Suite, material, info []byte) (*SecretKey, error) {
	return KeyGenTag(s, material, info, s.String()+"KEYGEN_DST_")
}

// KeyGenTag is [KeyGen] with a key_dst of the application's, at most 255 bytes.
func KeyGenTag(s Suite, material, info []byte, tag string) (*SecretKey, error) {
	cs := s.curve()
	if cs == nil {
		return nil, fmt.Errorf("generating key: %w", ErrSuite)
	}
	if len(material) < minMaterial || len(info) > maxKeyInfo || len(tag) > curve.MaxDST {
		return nil, fmt.Errorf("generating key from material or info of that length: %w", ErrMalformed)
	}
	in := append([]byte(nil), material...)
	in = binary.BigEndian.AppendUint16(in, uint16(len(info)))
	in = append(in, info...)
	return newSecretKey(s, cs.HashToScalar(in, []byte(tag)))
}

// ParseSecretKey reads the 32 bytes of [SecretKey.Bytes]: a scalar that is not zero and below the group order.
func ParseSecretKey(s Suite, b []byte) (*SecretKey, error) {
	if s.curve() == nil {
		return nil, fmt.Errorf("parsing secret key: %w", ErrSuite)
	}
	x, err := curve.ParseNonZero(b)
	if err != nil {
		return nil, fmt.Errorf("parsing secret key: %w", err)
	}
	return newSecretKey(s, x)
}

func newSecretKey(s Suite, x curve.Scalar) (*SecretKey, error) {
	if x.IsZero() {
		return nil, fmt.Errorf("making secret key: %w", ErrMalformed)
	}
	return &SecretKey{x: x, public: newPublicKey(s, curve.MultiplySecretG2(x))}, nil
}

// Public is the key's public half (SkToPk, Section 3.3.2).
func (k *SecretKey) Public() *PublicKey { return k.public }

// Bytes is the secret scalar, 32 bytes big endian. Keep it sealed.
func (k *SecretKey) Bytes() []byte { return curve.AppendScalar(nil, &k.x) }

const redacted = "[redacted]"

func (*SecretKey) String() string               { return redacted }
func (*SecretKey) GoString() string             { return redacted }
func (*SecretKey) Format(f fmt.State, _ rune)   { f.Write([]byte(redacted)) }
func (*SecretKey) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (*SecretKey) LogValue() slog.Value         { return slog.StringValue(redacted) }

// PublicKey verifies signatures and makes and verifies proofs. It keeps its pairing lines and, for the last headers it
// saw, their domains; it may be used by several goroutines.
type PublicKey struct {
	suite Suite
	bytes [PublicKeySize]byte
	point curve.KeyPoint
	lines *curve.Lines

	mu       sync.Mutex // guards contexts
	contexts map[contextID]*context
}

// contextID names what a domain is computed from, besides the key.
type contextID struct {
	api             string
	open, committed int // generators after Q_1: of the issuer's messages; with Q_2 of the holder's
	header          string
}

// context is a domain with the generators it is computed over.
type context struct {
	suite  *curve.Suite
	apiID  string
	domain curve.Scalar
	base   *curve.Base   // P1 + Q_1·domain, the part of B that is known to everyone
	h      []*curve.Base // H_1 … H_L, then Q_2, J_1 … J_M of a blind signature
}

// ParsePublicKey reads the 96 bytes of [PublicKey.Bytes] (octets_to_pubkey, Section 4.2.4.5).
func ParsePublicKey(s Suite, b []byte) (*PublicKey, error) {
	if s.curve() == nil {
		return nil, fmt.Errorf("parsing public key: %w", ErrSuite)
	}
	w, err := curve.ParseKeyPoint(b)
	if err != nil {
		return nil, fmt.Errorf("parsing public key: %w", err)
	}
	return newPublicKey(s, w), nil
}

func newPublicKey(s Suite, w curve.KeyPoint) *PublicKey {
	return &PublicKey{suite: s, bytes: w.Bytes(), point: w, lines: curve.NewLines(w), contexts: make(map[contextID]*context)}
}

// Bytes is the compressed point, 96 bytes.
func (k *PublicKey) Bytes() []byte { return append([]byte(nil), k.bytes[:]...) }

// Suite is the key's ciphersuite.
func (k *PublicKey) Suite() Suite { return k.suite }

// plain is the context of the Interface of the BBS draft for n messages.
func (k *PublicKey) plain(header []byte, n int) *context {
	return k.context(contextID{plainAPI, n, 0, string(header)})
}

// blind is the context of the Interface of the blind BBS draft for open messages of the issuer and committed ones of
// the holder.
func (k *PublicKey) blind(header []byte, open, committed int) *context {
	return k.context(contextID{blindAPI, open, committed + 1, string(header)})
}

func (k *PublicKey) context(id contextID) *context {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.contexts[id]; c != nil {
		return c
	}
	cs := k.suite.curve()
	c := &context{suite: cs, apiID: cs.ID() + id.api}
	points := cs.Generators(id.open+1, c.apiID)
	bases := cs.Bases(id.open+1, c.apiID)
	q1, h := points[0], points[1:]
	c.h = bases[1:]
	if id.committed > 0 {
		h = append(h[:len(h):len(h)], cs.Generators(id.committed, blindPrefix+c.apiID)...)
		c.h = append(c.h[:len(c.h):len(c.h)], cs.Bases(id.committed, blindPrefix+c.apiID)...)
	}
	c.domain = cs.Domain(k.bytes[:], q1, h, []byte(id.header), c.apiID)
	var sum curve.Product
	sum.Add(bases[0], c.domain)
	sum.Add(curve.FreshBases(cs.P1())[0], curve.Uint64Scalar(1))
	c.base = curve.FixedBases(curve.Evaluate(&sum)[0])[0]
	if len(k.contexts) >= maxContexts {
		clear(k.contexts)
	}
	k.contexts[id] = c
	return c
}

// terms is Σ h[i]·scalars[i] with the public part of B once: B = P1 + Q_1·domain + H_1·msg_1 + … + H_L·msg_L, times
// factor.
func (c *context) terms(scalars []curve.Scalar, factor curve.Scalar) *curve.Product {
	var p curve.Product
	p.Add(c.base, factor)
	for i := range scalars {
		var k curve.Scalar
		p.Add(c.h[i], *k.Mul(&scalars[i], &factor))
	}
	return &p
}
