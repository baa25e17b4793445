package purse

import (
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"

	"kindpakket/credential/bbs/curve"
)

// Key is the public side of a mint: its key W under one header. It verifies requests, spends and re-issues, and may be
// used by several goroutines.
//
// A wallet must take it from a fund entry that is proved to stand in the ledger, the only one for its header: a second
// key would be a mark on whoever gets it.
type Key struct {
	header Header
	bytes  [curve.KeySize]byte
	dom    curve.Scalar
	lines  *curve.Lines
	base   *curve.Base // P1 + Q1·dom

	verified atomic.Int64 // spends so far
}

// ParseKey reads a mint key W, 96 bytes: canonical, in the subgroup, not the identity.
func ParseKey(header Header, w []byte) (*Key, error) {
	if err := header.check(); err != nil {
		return nil, fmt.Errorf("parsing mint key: %w", err)
	}
	point, err := curve.ParseKeyPoint(w)
	if err != nil {
		return nil, fmt.Errorf("parsing mint key: %w: %w", ErrParse, err)
	}
	return newKey(header, point), nil
}

func newKey(header Header, w curve.KeyPoint) *Key {
	p := params()
	k := &Key{header: header, bytes: w.Bytes(), lines: curve.NewLines(w)}
	k.dom = curve.SHA256.Domain(k.bytes[:], p.q1, p.all, header.Bytes(), apiID)
	fresh := curve.FreshBases(p.p1, p.q1)
	sum := curve.Evaluate(curve.Sum(fresh, []curve.Scalar{curve.Uint64Scalar(1), k.dom}))
	k.base = curve.FixedBases(sum[0])[0]
	return k
}

// Bytes is W, 96 bytes.
func (k *Key) Bytes() []byte { return append([]byte(nil), k.bytes[:]...) }

// Header is the header under which the key is used.
func (k *Key) Header() Header { return k.header }

// same says whether both are one key under one header.
func (k *Key) same(other *Key) bool {
	return k == other || k != nil && other != nil && k.bytes == other.bytes && k.header == other.header
}

// Mint is the secret side: it signs purses. It prints as [redacted]; only [Mint.Secret] gives the key away.
type Mint struct {
	sk  curve.Scalar
	key *Key
}

// NewMint makes a mint with a key drawn from random, which should be crypto/rand's Reader.
func NewMint(random io.Reader, header Header) (*Mint, error) {
	var wide [48]byte
	if _, err := io.ReadFull(random, wide[:]); err != nil {
		return nil, fmt.Errorf("drawing mint key: %w", err)
	}
	sk := curve.WideScalar(wide[:])
	return ParseMint(header, sk.Marshal())
}

// ParseMint reads the 32 bytes of [Mint.Secret]: a scalar from 1 to r-1.
func ParseMint(header Header, secret []byte) (*Mint, error) {
	if err := header.check(); err != nil {
		return nil, fmt.Errorf("parsing mint: %w", err)
	}
	sk, err := curve.ParseNonZero(secret)
	if err != nil {
		return nil, fmt.Errorf("parsing mint: %w: %w", ErrParse, err)
	}
	return &Mint{sk: sk, key: newKey(header, curve.MultiplySecretG2(sk))}, nil
}

// Secret is the signing key, 32 bytes big endian. Keep it sealed.
func (m *Mint) Secret() []byte { return curve.AppendScalar(nil, &m.sk) }

// Key is the public side of the mint.
func (m *Mint) Key() *Key { return m.key }

// sign is Sign(B) of Section 4: deterministic, so that a repeated request gets the same bytes. The key is only used
// behind random factors and summands.
func (m *Mint) sign(b curve.Point) (Answer, error) {
	in := curve.AppendScalar(nil, &m.sk)
	in = curve.AppendPoint(in, &b)
	in = curve.AppendScalar(in, &m.key.dom)
	e := hs(tagE, in)
	var sum curve.Scalar
	if sum.Add(&m.sk, &e); sum.IsZero() || e.IsZero() || b.IsInfinity() {
		return Answer{}, fmt.Errorf("signing purse: %w", ErrParse)
	}
	return Answer{a: curve.MultiplySecret(b, curve.InvertSecret(sum)), e: e}, nil
}

// Answer is the mint's signature (A, e) over a purse: what the holder gets back. It is no secret.
type Answer struct {
	a curve.Point
	e curve.Scalar
}

// ParseAnswer reads 80 bytes.
func ParseAnswer(b []byte) (Answer, error) {
	if len(b) != AnswerSize {
		return Answer{}, fmt.Errorf("parsing answer: %w", ErrParse)
	}
	a, err := curve.ParsePoint(b[:curve.PointSize])
	if err != nil {
		return Answer{}, fmt.Errorf("parsing answer: %w: %w", ErrParse, err)
	}
	e, err := curve.ParseNonZero(b[curve.PointSize:])
	if err != nil {
		return Answer{}, fmt.Errorf("parsing answer: %w: %w", ErrParse, err)
	}
	return Answer{a, e}, nil
}

// Bytes is the answer's encoding, 80 bytes.
func (a Answer) Bytes() []byte { return curve.AppendScalar(curve.AppendPoint(nil, &a.a), &a.e) }

// check says whether answer signs B = P1 + Q1·dom + the sum in b: e(A, W) = e(B - A·e, g2).
func (k *Key) check(answer Answer, b *curve.Product) error {
	if answer.a.IsInfinity() || answer.e.IsZero() {
		return ErrParse
	}
	var minus curve.Scalar
	b.Add(k.base, curve.Uint64Scalar(1))
	b.Add(curve.FreshBases(answer.a)[0], *minus.Neg(&answer.e))
	if !curve.PairsEqual(answer.a, k.lines, curve.Evaluate(b)[0]) {
		return ErrPairing
	}
	return nil
}

// Commitment is K0 of a request or K' of a spend: what the holder commits to of the purse that follows.
type Commitment struct{ point curve.Point }

// ParseCommitment reads 48 bytes: canonical, in the subgroup, not the identity.
func ParseCommitment(b []byte) (Commitment, error) { return parseCommitment(b, nil) }

func parseCommitment(b []byte, omit *omission) (Commitment, error) {
	p, err := omit.point(b)
	if err != nil {
		return Commitment{}, fmt.Errorf("parsing commitment: %w: %w", ErrParse, err)
	}
	return Commitment{p}, nil
}

// Bytes is the commitment's encoding, 48 bytes.
func (c Commitment) Bytes() []byte { return curve.AppendPoint(nil, &c.point) }

// Equal says whether both are the same.
func (c Commitment) Equal(other Commitment) bool { return c.point.Equal(&other.point) }

const redacted = "[redacted]"

func (*Mint) String() string               { return redacted }
func (*Mint) GoString() string             { return redacted }
func (*Mint) Format(f fmt.State, _ rune)   { f.Write([]byte(redacted)) }
func (*Mint) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (*Mint) LogValue() slog.Value         { return slog.StringValue(redacted) }
