package purse

import (
	"encoding/binary"
	"fmt"
	"math/big"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"
)

// Spend is the proof of a purchase, roll-over, return or top-up (Section 5), well formed and of an amount that its kind
// allows, not verified. It knows no balance.
type Spend struct {
	kind          Kind
	s             uint64
	amount        curve.Scalar // s as a scalar
	n             curve.Scalar
	abar, bbar, d curve.Point
	k, v, q       curve.Point // K', V, Q
	e, r1, r3     curve.Scalar
	w, h          curve.Scalar
	kNext, wNext  curve.Scalar
	f             [Bits]curve.Scalar
	zA, zC        curve.Scalar
	vo, ko, wo    curve.Scalar // of a return
	c             curve.Scalar
}

// points lists the six points in the order in which they are written.
func (p *Spend) points() []*curve.Point {
	return []*curve.Point{&p.abar, &p.bbar, &p.d, &p.k, &p.v, &p.q}
}

// scalars lists the responses and the challenge in the order in which they are written.
func (p *Spend) scalars() []*curve.Scalar {
	out := []*curve.Scalar{&p.e, &p.r1, &p.r3, &p.w, &p.h, &p.kNext, &p.wNext}
	for j := range p.f {
		out = append(out, &p.f[j])
	}
	out = append(out, &p.zA, &p.zC)
	if p.kind == Return {
		out = append(out, &p.vo, &p.ko, &p.wo)
	}
	return append(out, &p.c)
}

// ParseSpend reads the proof of an order of the given kind: 1288 bytes, or 1384 for a return. It returns [ErrParse],
// [ErrRange] or [ErrAmount].
func ParseSpend(kind Kind, b []byte) (*Spend, error) {
	p, err := parseSpend(kind, b, nil, true)
	if err != nil {
		return nil, fmt.Errorf("parsing %s: %w", kind, err)
	}
	return p, nil
}

// parseSpend reads a spend. Without subgroups the caller owes [curve.CheckSubgroups] of its points.
func parseSpend(kind Kind, b []byte, omit *omission, subgroups bool) (*Spend, error) {
	if kind.size() == 0 || len(b) != kind.size() {
		return nil, ErrParse
	}
	p := &Spend{kind: kind, s: binary.BigEndian.Uint64(b)}
	b = b[8:]
	var err error
	if p.n, err = curve.ParseNonZero(b[:curve.ScalarSize]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParse, err)
	}
	b = b[curve.ScalarSize:]
	for _, at := range p.points() {
		if subgroups {
			*at, err = omit.point(b[:curve.PointSize])
		} else if *at, err = curve.DecodePoint(b[:curve.PointSize]); err == nil && at.IsInfinity() {
			err = curve.ErrIdentity
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrParse, err)
		}
		b = b[curve.PointSize:]
	}
	for _, at := range p.scalars() {
		if *at, err = curve.ParseScalar(b[:curve.ScalarSize]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrParse, err)
		}
		b = b[curve.ScalarSize:]
	}
	if p.c.IsZero() {
		return nil, fmt.Errorf("%w: %w", ErrParse, curve.ErrZero)
	}
	p.amount = curve.Uint64Scalar(p.s)
	if signed := int64(p.s); omit.has("signed") && signed < 0 {
		p.amount.SetBigInt(big.NewInt(signed))
	} else if p.s > uint64(MaxBalance) && !omit.has("range") {
		return nil, ErrRange
	}
	if (p.s == 0) == (kind == Purchase) && !omit.has("amount") {
		return nil, ErrAmount
	}
	return p, nil
}

// Bytes is the proof's encoding.
func (p *Spend) Bytes() []byte {
	out := binary.BigEndian.AppendUint64(make([]byte, 0, p.kind.size()), p.s)
	out = curve.AppendScalar(out, &p.n)
	for _, q := range p.points() {
		out = curve.AppendPoint(out, q)
	}
	for _, x := range p.scalars() {
		out = curve.AppendScalar(out, x)
	}
	return out
}

// Kind is the kind of order the proof was parsed for.
func (p *Spend) Kind() Kind { return p.kind }

// Amount is s: what leaves the purse, zero for all but purchases.
func (p *Spend) Amount() budget.Cents { return budget.Cents(p.s) }

// Serial is N: the number of the purse that is spent.
func (p *Spend) Serial() Serial { return Serial(p.n.Bytes()) }

// Commitment is K': what the holder commits to of the purse that follows.
func (p *Spend) Commitment() Commitment { return Commitment{p.k} }

// Peek reads amount, serial and K' without looking at anything else, for a door that wants to know whether it has seen
// a serial before it computes. What Peek returns is not checked at all.
func Peek(b []byte) (amount budget.Cents, serial Serial, commitment [curve.PointSize]byte, err error) {
	if len(b) != SpendSize && len(b) != ReturnSize || binary.BigEndian.Uint64(b) > uint64(MaxBalance) {
		return 0, serial, commitment, fmt.Errorf("peeking at spend: %w", ErrParse)
	}
	amount = budget.Cents(binary.BigEndian.Uint64(b))
	copy(serial[:], b[8:])
	copy(commitment[:], b[8+32+3*curve.PointSize:])
	return amount, serial, commitment, nil
}

// Accepted is a spend whose proof was verified under a key: what a mint signs a re-issue for.
type Accepted struct {
	key    *Key
	kind   Kind
	amount budget.Cents
	row    row
}

// row is what of a spend enters its re-issue.
type row struct {
	n    curve.Scalar
	k    curve.Point
	bind Bind
}

// Kind, Amount, Serial, Commitment and Bind are those of the spend and its order.
func (a *Accepted) Kind() Kind             { return a.kind }
func (a *Accepted) Amount() budget.Cents   { return a.amount }
func (a *Accepted) Serial() Serial         { return Serial(a.row.n.Bytes()) }
func (a *Accepted) Commitment() Commitment { return Commitment{a.row.k} }
func (a *Accepted) Bind() Bind             { return a.row.bind }

// Verify says whether p is a spend of a purse of this key for the order that bind is the hash of. original is the K' of
// the purchase row that a return names, as the ledger has it; it is nil for every other kind.
//
// Verify checks the proof and nothing else: that the serial and the order are new, that the order is signed, that the
// period is open and that value is conserved are rules of the ledger. It returns [ErrParse] for an original that is
// missing or too much, then [ErrChallenge], then [ErrPairing].
func (k *Key) Verify(p *Spend, bind Bind, original *Commitment) (*Accepted, error) {
	g := params()
	if k.verified.Add(1) > wideAfter {
		g = wideParams()
	}
	if err := k.verifyChallenge(p, bind[:], original, g, nil); err != nil {
		return nil, fmt.Errorf("verifying %s: %w", p.kind, err)
	}
	if !curve.PairsEqual(p.abar, k.lines, p.bbar) {
		return nil, fmt.Errorf("verifying %s: %w", p.kind, ErrPairing)
	}
	return k.accept(p, bind), nil
}

func (k *Key) accept(p *Spend, bind Bind) *Accepted {
	return &Accepted{key: k, kind: p.kind, amount: p.Amount(), row: row{n: p.n, k: p.k, bind: bind}}
}

// verifyChallenge recomputes T1 … T5, and T6 of a return, and the challenge over them.
func (k *Key) verifyChallenge(p *Spend, bind []byte, original *Commitment, g *parameters, omit *omission) error {
	if (p.kind == Return) != (original != nil) || p.c.IsZero() {
		return ErrParse
	}
	if original != nil && original.point.IsInfinity() && !omit.has("identity") {
		return ErrParse
	}
	t := omit.sums(k.recompute(p, original, g)...)
	if c := k.challenge(p, bind, original, t, omit); !c.Equal(&p.c) {
		return ErrChallenge
	}
	return nil
}

// recompute is the verifier's T1 … T6 as sums.
func (k *Key) recompute(p *Spend, original *Commitment, g *parameters) []*curve.Product {
	points := []curve.Point{p.abar, p.bbar, p.d, p.k, p.v, p.q}
	if original != nil {
		points = append(points, original.point)
	}
	fresh := curve.FreshBases(points...)
	var nc, cs, vHat, remainder, minusC curve.Scalar
	nc.Mul(&p.n, &p.c)
	cs.Mul(&p.amount, &p.c)
	for j := Bits - 1; j >= 0; j-- { // remainder = Σ 2^j f_j; v^ = remainder + c·s
		remainder.Double(&remainder)
		remainder.Add(&remainder, &p.f[j])
	}
	vHat.Add(&remainder, &cs)
	minusC.Neg(&p.c)

	t1 := curve.Sum(
		[]*curve.Base{fresh[1], fresh[0], fresh[2]},
		[]curve.Scalar{p.c, p.e, p.r1})
	t2 := curve.Sum(
		[]*curve.Base{k.base, g.hk, fresh[2], g.hv, g.hr, g.hh},
		[]curve.Scalar{p.c, nc, p.r3, vHat, p.w, p.h})
	t3 := curve.Sum(
		[]*curve.Base{g.hv, g.hk, g.hr, g.hh, fresh[3]},
		[]curve.Scalar{remainder, p.kNext, p.wNext, p.h, minusC})
	t4, t5 := &curve.Product{}, &curve.Product{}
	for j := range p.f {
		t4.Add(g.g[j], p.f[j])
		var x curve.Scalar
		x.Sub(&p.c, &p.f[j])
		t5.Add(g.g[j], *x.Mul(&x, &p.f[j]))
	}
	t4.Add(g.hr, p.zA)
	t4.Add(fresh[4], minusC)
	t5.Add(g.hr, p.zC)
	t5.Add(fresh[5], minusC)
	sums := []*curve.Product{t1, t2, t3, t4, t5}
	if original != nil {
		sums = append(sums, curve.Sum(
			[]*curve.Base{g.hv, g.hk, g.hr, g.hh, fresh[6]},
			[]curve.Scalar{p.vo, p.ko, p.wo, p.h, minusC}))
	}
	return sums
}

// challenge is c of Section 5, or of Section 5.1 for a return.
func (k *Key) challenge(p *Spend, bind []byte, original *Commitment, t []curve.Point, omit *omission) curve.Scalar {
	in := transcript{omit: omit}
	in.scalar("dom", &k.dom)
	in.add("s", binary.BigEndian.AppendUint64(nil, p.s))
	in.scalar("N", &p.n)
	for i, name := range []string{"Abar", "Bbar", "D", "K'", "V", "Q"} {
		in.point(name, p.points()[i])
	}
	tag := tagSpend
	if p.kind == Return {
		in.point("K_orig", &original.point)
		if !omit.has("tag") && !omit.has("hash:tag") {
			tag = tagReturn
		}
	}
	for i, name := range []string{"T1", "T2", "T3", "T4", "T5", "T6"}[:len(t)] {
		in.point(name, &t[i])
	}
	in.counted("bind", bind)
	return hs(tag, in.bytes)
}
