package purse

import "kindpakket/credential/bbs/curve"

// spendNonces are the fresh values of one proof, in the order in which they are drawn.
type spendNonces struct {
	r1, r2, e, r1Tilde, r3, w, h, kNext, wNext curve.Scalar
	a                                          [Bits]curve.Scalar
	pV, pQ, pA, pD                             curve.Scalar
	vo, ko, wo                                 curve.Scalar // of a return
}

func drawSpend(n *nonces, kind Kind) *spendNonces {
	x := &spendNonces{r1: n.nonZero(), r2: n.nonZero()}
	rest := []*curve.Scalar{&x.e, &x.r1Tilde, &x.r3, &x.w, &x.h, &x.kNext, &x.wNext}
	for j := range x.a {
		rest = append(rest, &x.a[j])
	}
	rest = append(rest, &x.pV, &x.pQ, &x.pA, &x.pD)
	if kind == Return {
		rest = append(rest, &x.vo, &x.ko, &x.wo)
	}
	for _, at := range rest {
		*at = n.next()
	}
	return x
}

// witness is everything a prover knows.
type witness struct {
	purse        Purse
	h            curve.Scalar
	rest         curve.Scalar       // v - s
	bits         [Bits]curve.Scalar // b_j
	digits       []int              // the same, to select with
	kNext, wNext curve.Scalar
}

// prove makes the proof of a step that was checked.
//
// Every product of a point with a scalar takes one that carries a fresh nonce as factor or summand: B is never computed
// (D and T2 are expanded over the generators, times r2 and r2·r3~), K' is the difference of two sums with nonces, and
// the bits select their generators without a branch.
func (h *Holder) prove(p Purse, step Step, x *spendNonces) *Spend {
	rest := uint64(p.v - step.Amount)
	know := witness{purse: p, h: h.h, rest: curve.Uint64Scalar(rest), digits: make([]int, Bits)}
	for j := range know.bits {
		know.digits[j] = int(rest >> j & 1)
		know.bits[j] = curve.Uint64Scalar(rest >> j & 1)
	}
	know.kNext, know.wNext = h.next(p.Serial(), uint64(step.Amount), step.Bind)
	return h.key.prove(&know, step, x)
}

func (k *Key) prove(know *witness, step Step, x *spendNonces) *Spend {
	g := params()
	out := &Spend{kind: step.Kind, s: uint64(step.Amount), amount: cents(step.Amount), n: know.purse.k}
	v := cents(know.purse.v)

	// v~ = Σ 2^j a_j
	var vTilde curve.Scalar
	for j := Bits - 1; j >= 0; j-- {
		vTilde.Double(&vTilde)
		vTilde.Add(&vTilde, &x.a[j])
	}
	var r12, r23 curve.Scalar
	r12.Mul(&x.r1, &x.r2)
	r23.Mul(&x.r2, &x.r3)

	opened := []curve.Scalar{v, know.purse.k, know.purse.w, know.h}
	a := curve.FreshBases(know.purse.answer.a)[0]
	sums := []*curve.Product{
		curve.Sum([]*curve.Base{a}, []curve.Scalar{r12}),
		k.expanded(times(opened, x.r2), x.r2),
		k.expanded(plus(times(opened, r23), []curve.Scalar{vTilde, {}, x.w, x.h}), r23),
	}
	// K' = (K' + T3) - T3
	next := []*curve.Base{g.hv, g.hk, g.hr, g.hh}
	t3 := []curve.Scalar{vTilde, x.kNext, x.wNext, x.h}
	sums = append(sums,
		curve.Sum(next, t3),
		curve.Sum(next, plus(t3, []curve.Scalar{know.rest, know.kNext, know.wNext, know.h})),
		curve.Sum([]*curve.Base{g.hr}, []curve.Scalar{x.pV}))
	q, t4, t5 := &curve.Product{}, &curve.Product{}, &curve.Product{}
	for j := range x.a {
		var sign, square curve.Scalar
		sign.Double(&know.bits[j])
		one := curve.Uint64Scalar(1)
		sign.Sub(&one, &sign)
		q.Add(g.g[j], *sign.Mul(&sign, &x.a[j]))
		t4.Add(g.g[j], x.a[j])
		square.Square(&x.a[j])
		t5.Add(g.g[j], *square.Neg(&square))
	}
	q.Add(g.hr, x.pQ)
	t4.Add(g.hr, x.pA)
	t5.Add(g.hr, x.pD)
	sums = append(sums, q, t4, t5)
	var original *Commitment
	if step.Kind == Return {
		original = &Commitment{step.Original.k}
		sums = append(sums, curve.Sum(next, []curve.Scalar{x.vo, x.ko, x.wo, x.h}))
	}
	first := curve.Evaluate(sums...)
	out.abar, out.d, out.q = first[0], first[1], first[6]
	out.k.Sub(&first[4], &first[3])
	out.v = curve.AddSelected(first[5], g.gPoints, know.digits)

	// Bbar = D·r1 - Abar·e and T1 = Abar·e~ + D·r1~, with A's table once more: Abar = A·r1·r2.
	d := curve.FreshBases(out.d)[0]
	var minusE, eTilde curve.Scalar
	minusE.Mul(&r12, &know.purse.answer.e)
	minusE.Neg(&minusE)
	eTilde.Mul(&r12, &x.e)
	second := curve.Evaluate(
		curve.Sum([]*curve.Base{d, a}, []curve.Scalar{x.r1, minusE}),
		curve.Sum([]*curve.Base{a, d}, []curve.Scalar{eTilde, x.r1Tilde}))
	out.bbar = second[0]
	t := append([]curve.Point{second[1], first[2], first[3], first[7], first[8]}, first[9:]...)

	out.c = k.challenge(out, step.Bind[:], original, t, nil)
	out.respond(know, step, x)
	return out
}

// expanded is (P1 + Q1·dom)·factor + Hv, Hk, Hr, Hh times scalars.
func (k *Key) expanded(scalars []curve.Scalar, factor curve.Scalar) *curve.Product {
	g := params()
	return curve.Sum(
		[]*curve.Base{k.base, g.hv, g.hk, g.hr, g.hh},
		append([]curve.Scalar{factor}, scalars...))
}

func times(in []curve.Scalar, factor curve.Scalar) []curve.Scalar {
	out := make([]curve.Scalar, len(in))
	for i := range in {
		out[i].Mul(&in[i], &factor)
	}
	return out
}

func plus(a, b []curve.Scalar) []curve.Scalar {
	out := make([]curve.Scalar, len(a))
	for i := range a {
		out[i].Add(&a[i], &b[i])
	}
	return out
}

// respond fills in the responses to the challenge.
func (p *Spend) respond(know *witness, step Step, x *spendNonces) {
	answer := func(tilde, secret *curve.Scalar) curve.Scalar {
		var out curve.Scalar
		return *out.Mul(&p.c, secret).Add(&out, tilde)
	}
	p.e = answer(&x.e, &know.purse.answer.e)
	var minus, inverse curve.Scalar
	minus.Neg(&x.r1)
	p.r1 = answer(&x.r1Tilde, &minus)
	inverse = curve.InvertSecret(x.r2)
	minus.Neg(&inverse)
	p.r3 = answer(&x.r3, &minus)
	p.w = answer(&x.w, &know.purse.w)
	p.h = answer(&x.h, &know.h)
	p.kNext = answer(&x.kNext, &know.kNext)
	p.wNext = answer(&x.wNext, &know.wNext)
	for j := range p.f {
		p.f[j] = answer(&x.a[j], &know.bits[j])
	}
	p.zA = answer(&x.pA, &x.pV)
	p.zC = answer(&x.pD, &x.pQ)
	if step.Kind == Return {
		v := cents(step.Original.v)
		p.vo = answer(&x.vo, &v)
		p.ko = answer(&x.ko, &step.Original.kAt)
		p.wo = answer(&x.wo, &step.Original.wAt)
	}
}
