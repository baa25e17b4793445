package purse

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"
)

// The tests of this file's neighbours play in one small town: a mint, and holders made of numbered seeds.

var testHeader = Header{Origin: "ledger.kindpakket.example", Fund: "kindpakket", Period: "2027"}

// stream is a source of bytes that is the same for the same name.
type stream struct {
	name string
	n    uint64
	left []byte
}

func (s *stream) Read(b []byte) (int, error) {
	for n := 0; n < len(b); {
		if len(s.left) == 0 {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(s.name), s.n))
			s.n++
			s.left = sum[:]
		}
		k := copy(b[n:], s.left)
		n, s.left = n+k, s.left[k:]
	}
	return len(b), nil
}

func newStream(format string, args ...any) io.Reader {
	return &stream{name: fmt.Sprintf(format, args...)}
}

func testMint(t testing.TB, h Header) *Mint {
	t.Helper()
	m, err := NewMint(newStream("mint %s", h.Bytes()), h)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func testHolder(t testing.TB, key *Key, number int) *Holder {
	t.Helper()
	var seed Seed
	newStream("seed %d", number).Read(seed[:])
	return NewHolder(seed, key)
}

func bindOf(format string, args ...any) Bind { return sha256.Sum256(fmt.Appendf(nil, format, args...)) }

func idOf(format string, args ...any) []byte {
	b := bindOf("issue "+format, args...)
	return b[:]
}

// issue gives h a first purse.
func issue(t testing.TB, m *Mint, h *Holder, id []byte, amount budget.Cents) Purse {
	t.Helper()
	r, err := h.Request(newStream("request %x", id), id)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := m.Issue(r, id, amount)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Accept(id, amount, answer)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// spend proves, verifies and re-issues.
func spend(t testing.TB, m *Mint, h *Holder, p Purse, step Step) (Purse, *Accepted) {
	t.Helper()
	made, err := h.Spend(newStream("spend %x", step.Bind), p, step)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseSpend(step.Kind, made.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var original *Commitment
	if step.Original != nil {
		c := step.Original.Commitment()
		original = &c
	}
	accepted, err := m.Key().Verify(parsed, step.Bind, original)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := m.Reissue(accepted, step.Back)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Key().CheckReissue(accepted, step.Back, answer); err != nil {
		t.Fatal(err)
	}
	next, err := h.Next(p, step, answer)
	if err != nil {
		t.Fatal(err)
	}
	return next, accepted
}

// cheat is a prover that may believe anything: the steps of prove, with a witness of the test's own choosing and no
// check. digits are integers, -1 and 2 included.
type cheat struct {
	answer     Answer
	v, k, w, h curve.Scalar // what the prover says was signed
	rest       curve.Scalar // what K' holds
	digits     [Bits]curve.Scalar
	kind       Kind
	s          uint64
	n          curve.Scalar // the serial it names
	bind       Bind
	original   *Opening
	omit       *omission // items left out of the challenge by the verifier it was written for
	tag        Kind      // the kind whose tag it uses, if another
}

// honest is a cheat that does not.
func honest(h *Holder, p Purse, step Step) *cheat {
	c := &cheat{answer: p.answer, v: cents(p.v), k: p.k, w: p.w, h: h.h, rest: cents(p.v - step.Amount),
		kind: step.Kind, s: uint64(step.Amount), n: p.k, bind: step.Bind, original: step.Original}
	for j := range c.digits {
		c.digits[j] = curve.Uint64Scalar(uint64(p.v-step.Amount) >> j & 1)
	}
	return c
}

// prove makes the proof by the equations of Section 5 as they stand there, point by point.
func (c *cheat) prove(t testing.TB, key *Key) []byte {
	t.Helper()
	g := params()
	random := newStream("cheat %x %d %x", c.bind, c.s, c.n.Marshal())
	draw := func() curve.Scalar {
		var wide [48]byte
		random.Read(wide[:])
		return curve.WideScalar(wide[:])
	}
	mul := func(a, b curve.Scalar) curve.Scalar { var out curve.Scalar; return *out.Mul(&a, &b) }
	add := func(a, b curve.Scalar) curve.Scalar { var out curve.Scalar; return *out.Add(&a, &b) }
	neg := func(a curve.Scalar) curve.Scalar { var out curve.Scalar; return *out.Neg(&a) }
	sum := func(terms ...any) curve.Point {
		p := &curve.Product{}
		for i := 0; i < len(terms); i += 2 {
			switch at := terms[i].(type) {
			case *curve.Base:
				p.Add(at, terms[i+1].(curve.Scalar))
			case curve.Point:
				p.Add(curve.FreshBases(at)[0], terms[i+1].(curve.Scalar))
			}
		}
		return curve.Evaluate(p)[0]
	}
	one := curve.Uint64Scalar(1)
	r1, r2, e, r1t, r3, w, h, kn, wn := draw(), draw(), draw(), draw(), draw(), draw(), draw(), draw(), draw()
	pV, pQ, pA, pD := draw(), draw(), draw(), draw()
	kNext, wNext := draw(), draw()
	var a [Bits]curve.Scalar
	var vTilde, power curve.Scalar
	power = one
	for j := range a {
		a[j] = draw()
		vTilde = add(vTilde, mul(power, a[j]))
		power = add(power, power)
	}
	b := sum(key.base, one, g.hv, c.v, g.hk, c.k, g.hr, c.w, g.hh, c.h)
	out := &Spend{kind: c.kind, s: c.s, amount: curve.Uint64Scalar(c.s), n: c.n}
	out.abar = sum(c.answer.a, mul(r1, r2))
	out.d = sum(b, r2)
	out.bbar = sum(out.d, r1, out.abar, neg(c.answer.e))
	out.k = sum(g.hv, c.rest, g.hk, kNext, g.hr, wNext, g.hh, c.h)
	v, q := []any{g.hr, pV}, []any{g.hr, pQ}
	t4, t5 := []any{g.hr, pA}, []any{g.hr, pD}
	for j := range a {
		v = append(v, g.g[j], c.digits[j])
		q = append(q, g.g[j], mul(a[j], add(one, neg(add(c.digits[j], c.digits[j])))))
		t4 = append(t4, g.g[j], a[j])
		t5 = append(t5, g.g[j], neg(mul(a[j], a[j])))
	}
	out.v, out.q = sum(v...), sum(q...)
	ts := []curve.Point{
		sum(out.abar, e, out.d, r1t),
		sum(out.d, r3, g.hv, vTilde, g.hr, w, g.hh, h),
		sum(g.hv, vTilde, g.hk, kn, g.hr, wn, g.hh, h),
		sum(t4...), sum(t5...),
	}
	vo, ko, wo := draw(), draw(), draw()
	var original *Commitment
	if c.kind == Return {
		original = &Commitment{c.original.k}
		ts = append(ts, sum(g.hv, vo, g.hk, ko, g.hr, wo, g.hh, h))
	}
	out.c = key.challenge(out, c.bind[:], original, ts, c.omit)
	answer := func(tilde, secret curve.Scalar) curve.Scalar { return add(tilde, mul(out.c, secret)) }
	var inverse curve.Scalar
	inverse.Inverse(&r2)
	out.e, out.r1, out.r3 = answer(e, c.answer.e), answer(r1t, neg(r1)), answer(r3, neg(inverse))
	out.w, out.h, out.kNext, out.wNext = answer(w, c.w), answer(h, c.h), answer(kn, kNext), answer(wn, wNext)
	for j := range a {
		out.f[j] = answer(a[j], c.digits[j])
	}
	out.zA, out.zC = answer(pA, pV), answer(pD, pQ)
	if c.kind == Return {
		out.vo, out.ko, out.wo = answer(vo, cents(c.original.v)), answer(ko, c.original.kAt), answer(wo, c.original.wAt)
	}
	return out.Bytes()
}

// verify parses and verifies as the ledger does.
func verify(key *Key, kind Kind, proof []byte, bind Bind, original *Commitment) error {
	p, err := ParseSpend(kind, proof)
	if err != nil {
		return err
	}
	_, err = key.Verify(p, bind, original)
	return err
}

// constant is a random source that is stuck.
type constant byte

func (c constant) Read(b []byte) (int, error) {
	copy(b, bytes.Repeat([]byte{byte(c)}, len(b)))
	return len(b), nil
}
