package purse

import (
	"fmt"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"
)

// reissueSerial is d, the signer's contribution to the serial of the purse that follows a spend (Section 6).
func reissueSerial(r row) curve.Scalar {
	in := curve.AppendScalar(nil, &r.n)
	in = curve.AppendPoint(in, &r.k)
	return hs(tagSerial, append(in, counted(r.bind[:])...))
}

// reissued is K' + Hv·t + Hk·d.
func reissued(r row, t budget.Cents) *curve.Product {
	g := params()
	return curve.Sum(
		[]*curve.Base{curve.FreshBases(r.k)[0], g.hv, g.hk},
		[]curve.Scalar{curve.Uint64Scalar(1), cents(t), reissueSerial(r)})
}

// checkBack says whether t may flow back with a spend of this kind.
func checkBack(kind Kind, t budget.Cents) error {
	switch back := kind == Return || kind == TopUp; {
	case t < 0 || t > MaxBalance:
		return ErrRange
	case (t > 0) != back:
		return ErrAmount
	}
	return nil
}

// Reissue signs the purse that follows an accepted spend, t being the amount that flows back: zero for purchases and
// roll-overs. The same spend gives the same bytes whenever it is asked for.
//
// The mint calls it for rows that stand in the ledger and for nothing else (Section 6): an answer for a row that the
// ledger does not have is money. Reissue returns [ErrMint] for a spend accepted under another key.
func (m *Mint) Reissue(spend *Accepted, t budget.Cents) (Answer, error) {
	if !m.key.same(spend.key) {
		return Answer{}, fmt.Errorf("re-issuing purse: %w", ErrMint)
	}
	if err := checkBack(spend.kind, t); err != nil {
		return Answer{}, fmt.Errorf("re-issuing purse: %w", err)
	}
	b := reissued(spend.row, t)
	b.Add(m.key.base, curve.Uint64Scalar(1))
	return m.sign(curve.Evaluate(b)[0])
}

// CheckReissue is the public check of a REISSUE entry: whether answer is what a mint of this key gives for the spend and
// t. nil, or an error that is [ErrRange], [ErrAmount] or [ErrPairing].
func (k *Key) CheckReissue(spend *Accepted, t budget.Cents, answer Answer) error {
	if !k.same(spend.key) {
		return fmt.Errorf("checking re-issue: %w", ErrMint)
	}
	if err := checkBack(spend.kind, t); err != nil {
		return fmt.Errorf("checking re-issue: %w", err)
	}
	if err := k.check(answer, reissued(spend.row, t)); err != nil {
		return fmt.Errorf("checking re-issue: %w", err)
	}
	return nil
}
