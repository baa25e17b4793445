package bbs

import (
	"crypto/subtle"
	"fmt"

	"kindpakket/credential/bbs/curve"
)

// Signature is a BBS signature (A, e). A signature that came from Sign, BlindSign or ParseSignature is well formed;
// whether it is one over certain messages is for [PublicKey.Verify] to say. The zero value is refused everywhere.
type Signature struct {
	a curve.Point
	e curve.Scalar
}

// ParseSignature reads 80 bytes (octets_to_signature, Section 4.2.4.3).
func ParseSignature(b []byte) (Signature, error) {
	if len(b) != SignatureSize {
		return Signature{}, fmt.Errorf("parsing signature: %w", curve.ErrLength)
	}
	a, err := curve.ParsePoint(b[:curve.PointSize])
	if err != nil {
		return Signature{}, fmt.Errorf("parsing signature: %w", err)
	}
	e, err := curve.ParseNonZero(b[curve.PointSize:])
	if err != nil {
		return Signature{}, fmt.Errorf("parsing signature: %w", err)
	}
	return Signature{a, e}, nil
}

// Bytes is the signature's encoding, 80 bytes.
func (s Signature) Bytes() []byte {
	return curve.AppendScalar(curve.AppendPoint(nil, &s.a), &s.e)
}

// Equal says whether both are the same signature, in constant time.
func (s Signature) Equal(other Signature) bool {
	return subtle.ConstantTimeCompare(s.Bytes(), other.Bytes()) == 1
}

// Sign signs the messages, in their order, under the header (Section 3.5.1). The same input gives the same bytes.
//
// Sign returns [ErrTooMany] above [MaxMessages].
func (k *SecretKey) Sign(header []byte, messages [][]byte) (Signature, error) {
	if len(messages) > MaxMessages {
		return Signature{}, fmt.Errorf("signing: %w", ErrTooMany)
	}
	if err := checkHeader(header); err != nil {
		return Signature{}, fmt.Errorf("signing: %w", err)
	}
	c := k.public.plain(header, len(messages))
	scalars := messageScalars(c.suite, c.apiID, messages)
	in := curve.AppendScalar(nil, &k.x)
	for i := range scalars {
		in = curve.AppendScalar(in, &scalars[i])
	}
	in = curve.AppendScalar(in, &c.domain)
	b := curve.Evaluate(c.terms(scalars, curve.Uint64Scalar(1)))[0]
	return k.finish(b, c.suite.HashToScalar(in, []byte(c.apiID+hashTag)))
}

// finish is A = B·1/(SK + e).
func (k *SecretKey) finish(b curve.Point, e curve.Scalar) (Signature, error) {
	var sum curve.Scalar
	sum.Add(&k.x, &e)
	// Section 3.6.1: a zero here, which nobody can bring about, would give the identity.
	if sum.IsZero() || e.IsZero() || b.IsInfinity() {
		return Signature{}, fmt.Errorf("signing these messages: %w", ErrMalformed)
	}
	return Signature{curve.MultiplySecret(b, curve.InvertSecret(sum)), e}, nil
}

// Verify says whether sig is a signature of this key over the messages and the header (Section 3.5.2): nil, or an
// error that is [ErrSignature] if it is none.
func (k *PublicKey) Verify(sig Signature, header []byte, messages [][]byte) error {
	if len(messages) > MaxMessages {
		return fmt.Errorf("verifying signature: %w", ErrTooMany)
	}
	if err := checkHeader(header); err != nil {
		return fmt.Errorf("verifying signature: %w", err)
	}
	c := k.plain(header, len(messages))
	return k.verify(c, sig, messageScalars(c.suite, c.apiID, messages))
}

// verify checks e(A, W)·e(A·e - B, g2) = 1, which is the draft's h(A, W)·h(A·e - B, BP2) with one fixed point less to
// prepare: e(A, W) = e(B - A·e, g2).
func (k *PublicKey) verify(c *context, sig Signature, scalars []curve.Scalar) error {
	if sig.a.IsInfinity() {
		return fmt.Errorf("verifying signature: %w", ErrMalformed)
	}
	right := c.terms(scalars, curve.Uint64Scalar(1))
	var minus curve.Scalar
	right.Add(curve.FreshBases(sig.a)[0], *minus.Neg(&sig.e))
	if !curve.PairsEqual(sig.a, k.lines, curve.Evaluate(right)[0]) {
		return ErrSignature
	}
	return nil
}
