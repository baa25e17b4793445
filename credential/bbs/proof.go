package bbs

import (
	"encoding/binary"
	"fmt"

	"kindpakket/credential/bbs/curve"
)

// Proof shows knowledge of a signature over messages of which some are shown and the others stay hidden. It carries no
// message and no index: a verifier has them from elsewhere. The zero value is refused everywhere.
type Proof struct {
	abar, bbar, d curve.Point
	e, r1, r3     curve.Scalar
	hidden        []curve.Scalar
	c             curve.Scalar
}

// ParseProof reads the encoding of a proof (octets_to_proof, Section 4.2.4.4): 272 bytes and 32 more for each hidden
// message, at most [MaxProof]. As in the draft, no scalar may be zero.
func ParseProof(b []byte) (Proof, error) {
	var p Proof
	if len(b) < minProof || len(b) > MaxProof || (len(b)-minProof)%curve.ScalarSize != 0 {
		return p, fmt.Errorf("parsing proof: %w", curve.ErrLength)
	}
	for _, at := range []*curve.Point{&p.abar, &p.bbar, &p.d} {
		var err error
		if *at, err = curve.ParsePoint(b[:curve.PointSize]); err != nil {
			return Proof{}, fmt.Errorf("parsing proof: %w", err)
		}
		b = b[curve.PointSize:]
	}
	p.hidden = make([]curve.Scalar, len(b)/curve.ScalarSize-4)
	scalars := []*curve.Scalar{&p.e, &p.r1, &p.r3}
	for i := range p.hidden {
		scalars = append(scalars, &p.hidden[i])
	}
	for _, at := range append(scalars, &p.c) {
		var err error
		if *at, err = curve.ParseNonZero(b[:curve.ScalarSize]); err != nil {
			return Proof{}, fmt.Errorf("parsing proof: %w", err)
		}
		b = b[curve.ScalarSize:]
	}
	return p, nil
}

// Bytes is the proof's encoding.
func (p Proof) Bytes() []byte {
	out := make([]byte, 0, minProof+len(p.hidden)*curve.ScalarSize)
	out = curve.AppendPoint(out, &p.abar)
	out = curve.AppendPoint(out, &p.bbar)
	out = curve.AppendPoint(out, &p.d)
	out = curve.AppendScalar(out, &p.e)
	out = curve.AppendScalar(out, &p.r1)
	out = curve.AppendScalar(out, &p.r3)
	for i := range p.hidden {
		out = curve.AppendScalar(out, &p.hidden[i])
	}
	return curve.AppendScalar(out, &p.c)
}

// Hidden is the number of messages the proof does not show. In a proof of a blind signature the holder's blinding
// factor counts as one.
func (p Proof) Hidden() int { return len(p.hidden) }

// scalarSource is calculate_random_scalars (Section 4.2.1). Only this package can name another than the operating
// system's: the fixtures need one.
type scalarSource func(n int) []curve.Scalar

func systemScalars(n int) []curve.Scalar {
	out := make([]curve.Scalar, n)
	for i := range out {
		out[i] = curve.RandomScalar()
	}
	return out
}

// ProofGen proves knowledge of sig over the messages and shows those whose indexes are in disclose (Section 3.5.3).
// presentation binds the proof to an occasion and must be given to ProofVerify alike. Two proofs from one signature
// cannot be linked by anything but what they show.
//
// ProofGen does not check sig: a wrong one gives a proof that does not verify. It returns [ErrIndex] for an index that
// is out of range or named twice.
func (k *PublicKey) ProofGen(sig Signature, header, presentation []byte, messages [][]byte, disclose []int) (Proof, error) {
	return k.proofGen(systemScalars, sig, header, presentation, messages, disclose)
}

func (k *PublicKey) proofGen(random scalarSource, sig Signature, header, presentation []byte, messages [][]byte, disclose []int) (Proof, error) {
	if len(messages) > MaxMessages {
		return Proof{}, fmt.Errorf("making proof: %w", ErrTooMany)
	}
	if err := checkHeader(header, presentation); err != nil {
		return Proof{}, fmt.Errorf("making proof: %w", err)
	}
	shown, err := checkIndexes(disclose, len(messages))
	if err != nil {
		return Proof{}, fmt.Errorf("making proof: %w", err)
	}
	c := k.plain(header, len(messages))
	return prove(random, c, sig, presentation, messageScalars(c.suite, c.apiID, messages), shown)
}

// prove is CoreProofGen (Section 3.6.3).
//
// B and D are never computed from the messages as they are: D = B·r2 and T2 = D·r3~ + … are expanded into scalars over
// the generators, each of which then carries the random r2.
func prove(random scalarSource, c *context, sig Signature, presentation []byte, scalars []curve.Scalar, shown []int) (Proof, error) {
	if sig.a.IsInfinity() {
		return Proof{}, fmt.Errorf("making proof: %w", ErrMalformed)
	}
	hidden := others(shown, len(scalars))
	s := random(5 + len(hidden))
	r1, r2, eTilde, r1Tilde, r3Tilde, mTilde := s[0], s[1], s[2], s[3], s[4], s[5:]
	if r1.IsZero() || r2.IsZero() {
		return Proof{}, fmt.Errorf("making proof with a blinding factor of zero: %w", ErrMalformed)
	}

	var r12, r23, x, y curve.Scalar
	r12.Mul(&r1, &r2)
	r23.Mul(&r2, &r3Tilde)
	a := curve.FreshBases(sig.a)[0]
	abar := &curve.Product{}
	abar.Add(a, r12)
	t2 := c.terms(scalars, r23) // D·r3~, and to it H_j·m~_j
	for i, j := range hidden {
		t2.Add(c.h[j], mTilde[i])
	}
	first := curve.Evaluate(c.terms(scalars, r2), abar, t2)
	p := Proof{d: first[0], abar: first[1]}

	d := curve.FreshBases(p.d)[0]
	bbar, t1 := &curve.Product{}, &curve.Product{}
	bbar.Add(d, r1)
	x.Mul(&r12, &sig.e)
	bbar.Add(a, *x.Neg(&x))
	t1.Add(a, *y.Mul(&r12, &eTilde))
	t1.Add(d, r1Tilde)
	second := curve.Evaluate(bbar, t1)
	p.bbar = second[0]

	disclosed := disclosure{at: shown}
	for _, i := range shown {
		disclosed.scalars = append(disclosed.scalars, scalars[i])
	}
	p.c = c.challenge(&p, &second[1], &first[2], disclosed, presentation)

	r3 := curve.InvertSecret(r2)
	p.e.Mul(&sig.e, &p.c).Add(&p.e, &eTilde)
	p.r1.Mul(&r1, &p.c).Sub(&r1Tilde, &p.r1)
	p.r3.Mul(&r3, &p.c).Sub(&r3Tilde, &p.r3)
	p.hidden = make([]curve.Scalar, len(hidden))
	for i, j := range hidden {
		p.hidden[i].Mul(&scalars[j], &p.c).Add(&p.hidden[i], &mTilde[i])
	}
	return p, nil
}

// ProofVerify says whether p proves knowledge of a signature of this key under header, over messages among which the
// disclosed ones stand at their indexes (Section 3.5.4): nil, or an error that is [ErrProof].
func (k *PublicKey) ProofVerify(p Proof, header, presentation []byte, disclosed map[int][]byte) error {
	n := len(p.hidden) + len(disclosed)
	if n > MaxMessages {
		return fmt.Errorf("verifying proof: %w", ErrTooMany)
	}
	if err := checkHeader(header, presentation); err != nil {
		return fmt.Errorf("verifying proof: %w", err)
	}
	c := k.plain(header, n)
	var d disclosure
	if err := d.add(c.suite, c.apiID, disclosed, n, 0); err != nil {
		return fmt.Errorf("verifying proof: %w", err)
	}
	return k.verifyProof(c, &p, presentation, d)
}

// verifyProof is CoreProofVerify (Section 3.6.4).
func (k *PublicKey) verifyProof(c *context, p *Proof, presentation []byte, shown disclosure) error {
	if p.c.IsZero() {
		return fmt.Errorf("verifying proof: %w", ErrMalformed)
	}
	points := curve.FreshBases(p.abar, p.bbar, p.d)
	t1 := curve.Sum([]*curve.Base{points[1], points[0], points[2]}, []curve.Scalar{p.c, p.e, p.r1})
	t2 := &curve.Product{}
	t2.Add(c.base, p.c)
	for i, at := range shown.at {
		var x curve.Scalar
		t2.Add(c.h[at], *x.Mul(&shown.scalars[i], &p.c))
	}
	for i, at := range others(shown.at, len(c.h)) {
		t2.Add(c.h[at], p.hidden[i])
	}
	t2.Add(points[2], p.r3)
	t := curve.Evaluate(t1, t2)
	if challenge := c.challenge(p, &t[0], &t[1], shown, presentation); !challenge.Equal(&p.c) {
		return ErrProof
	}
	if !curve.PairsEqual(p.abar, k.lines, p.bbar) {
		return ErrProof
	}
	return nil
}

// challenge is ProofChallengeCalculate (Section 3.7.4).
func (c *context) challenge(p *Proof, t1, t2 *curve.Point, shown disclosure, presentation []byte) curve.Scalar {
	in := binary.BigEndian.AppendUint64(nil, uint64(len(shown.at)))
	for i, at := range shown.at {
		in = binary.BigEndian.AppendUint64(in, uint64(at))
		in = curve.AppendScalar(in, &shown.scalars[i])
	}
	for _, q := range []*curve.Point{&p.abar, &p.bbar, &p.d, t1, t2} {
		in = curve.AppendPoint(in, q)
	}
	in = curve.AppendScalar(in, &c.domain)
	in = binary.BigEndian.AppendUint64(in, uint64(len(presentation)))
	in = append(in, presentation...)
	return c.suite.HashToScalar(in, []byte(c.apiID+hashTag))
}

// others is 0 … n-1 without the sorted indexes in at.
func others(at []int, n int) []int {
	out := make([]int, 0, n-len(at))
	for i := range n {
		if len(at) > 0 && at[0] == i {
			at = at[1:]
			continue
		}
		out = append(out, i)
	}
	return out
}
