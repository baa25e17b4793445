package purse

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"kindpakket/credential/bbs/curve"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// class is the word of the vectors for the reason in err.
func class(err error) string {
	for name, sentinel := range map[string]error{"parse": ErrParse, "range": ErrRange, "amount": ErrAmount, "challenge": ErrChallenge, "pairing": ErrPairing} {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	if err == nil {
		return "accepted"
	}
	return err.Error()
}

// plainly evaluates by double and add, which is right for points outside the subgroup, where the endomorphism is not.
func plainly(products ...*curve.Product) []curve.Point {
	out := make([]curve.Point, len(products))
	for i, p := range products {
		var sum bls12381.G1Jac
		for k, b := range p.Bases() {
			point := b.Point()
			var multiple bls12381.G1Jac
			n := p.Scalars()[k].BigInt(new(big.Int))
			for at := n.BitLen() - 1; at >= 0; at-- {
				multiple.DoubleAssign()
				if n.Bit(at) == 1 {
					multiple.AddMixed(&point)
				}
			}
			sum.AddAssign(&multiple)
		}
		out[i].FromJacobian(&sum)
	}
	return out
}

// without leaves out what passes_without names: one check, or several items of one hash.
func without(checks string) *omission {
	if checks == "" {
		return nil
	}
	o := &omission{checks: make(map[string]bool), evaluate: plainly}
	if items, ok := strings.CutPrefix(checks, "hash:"); ok {
		for _, item := range strings.Split(items, ",") {
			o.checks["hash:"+item] = true
		}
		return o
	}
	o.checks[checks] = true
	return o
}

// attempt does with the input what the vectors say, leaving out the given checks.
func (v *vectors) attempt(t *testing.T, r *refusedVector, omit *omission) error {
	t.Helper()
	mint := v.mints[r.Mint]
	switch r.What {
	case "spend":
		kind := kindOf(t, r.Kind)
		var original *Commitment
		if r.KOrig != nil {
			c, err := parseCommitment(*r.KOrig, omit)
			if err != nil {
				return err
			}
			original = &c
		}
		p, err := parseSpend(kind, v.proofOf(t, r), omit, true)
		if err != nil {
			return err
		}
		if err := mint.key.verifyChallenge(p, r.Bind, original, params(), omit); err != nil {
			return err
		}
		if !omit.has("pairing") && !curve.PairsEqual(p.abar, mint.key.lines, p.bbar) {
			return ErrPairing
		}
		return nil
	case "request":
		p, err := parseRequest(r.Request, omit)
		if err != nil {
			return err
		}
		return mint.key.verifyRequest(p, r.IssueID, omit)
	case "answer":
		answer, err := ParseAnswer(r.Answer)
		if err != nil {
			return err
		}
		h := &Holder{key: mint.key, h: r.Expect.H.scalar()}
		p := Purse{v: r.Expect.V, k: r.Expect.K.scalar(), w: r.Expect.W.scalar(), answer: answer}
		if omit.has("range") {
			g := params()
			return mint.key.check(answer, curve.Sum([]*curve.Base{g.hv, g.hk, g.hr, g.hh}, []curve.Scalar{cents(p.v), p.k, p.w, h.h}))
		}
		return h.checkPurse(p)
	}
	t.Fatalf("what is a %q?", r.What)
	return nil
}

func (v *vectors) proofOf(t *testing.T, r *refusedVector) []byte {
	t.Helper()
	switch {
	case r.Proof != nil:
		return *r.Proof
	case r.From == "":
		return nil
	}
	b := append([]byte(nil), v.spends[r.From].Proof...)
	for i := len(r.Edits) - 1; i >= 0; i-- {
		e := r.Edits[i]
		b = append(append(append([]byte(nil), b[:e.At]...), e.Hex...), b[e.At+e.Del:]...)
	}
	return b
}

// Everything the vectors refuse is refused for the reason they give; and where one check alone stops an input, the input
// passes without that check. So each of those checks can fail.
func TestVectorRefused(t *testing.T) {
	eachVectors(t, func(t *testing.T, v *vectors) {
		needed := 0
		for i := range v.Refused {
			r := &v.Refused[i]
			t.Run(r.Name, func(t *testing.T) {
				if got := class(v.attempt(t, r, nil)); got != r.Class {
					t.Errorf("%s: got %s, want %s", r.Why, got, r.Class)
				}
				// The exported door says the same.
				if got := v.publicly(t, r); got != nil && class(got) != r.Class || got == nil && r.What != "answer" {
					t.Errorf("%s: the exported functions say %v, want %s", r.Why, got, r.Class)
				}
				if r.PassesWithout == "" {
					return
				}
				needed++
				if err := v.attempt(t, r, without(r.PassesWithout)); err != nil {
					t.Errorf("%s: without %s: %v", r.Why, r.PassesWithout, err)
				}
			})
		}
		if len(v.Refused) > 0 && needed == 0 {
			t.Error("no vector shows that a check is needed")
		}
	})
}

// publicly is attempt through the exported functions alone; an answer cannot be had that way.
func (v *vectors) publicly(t *testing.T, r *refusedVector) error {
	t.Helper()
	key := v.mints[r.Mint].Key()
	switch r.What {
	case "spend":
		var original *Commitment
		if r.KOrig != nil {
			c, err := ParseCommitment(*r.KOrig)
			if err != nil {
				return err
			}
			original = &c
		}
		if len(r.Bind) != len(Bind{}) {
			return ErrChallenge // a Bind cannot hold it
		}
		item := Item{Kind: kindOf(t, r.Kind), Proof: v.proofOf(t, r), Bind: Bind(r.Bind), Original: original}
		p, err := ParseSpend(item.Kind, item.Proof)
		if err == nil {
			_, err = key.Verify(p, item.Bind, original)
		}
		if _, errs := key.VerifyBatch([]Item{item}); class(errs[0]) != class(err) {
			t.Errorf("batch: %v, alone: %v", errs[0], err)
		}
		return err
	case "request":
		p, err := ParseRequest(r.Request)
		if err != nil {
			return err
		}
		return key.VerifyRequest(p, r.IssueID)
	}
	return nil
}
