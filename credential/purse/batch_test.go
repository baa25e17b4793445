package purse

import (
	"errors"
	"testing"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"
)

func TestBatch(t *testing.T) {
	m := testMint(t, testHeader)
	var items []Item
	h := testHolder(t, m.Key(), 1)
	p := issue(t, m, h, idOf("1"), 1000)
	for i := range 44 { // 264 points: the subgroup check of many points
		step := Step{Kind: Purchase, Amount: budget.Cents(i + 1), Bind: bindOf("order %d", i)}
		made, err := h.Spend(newStream("%d", i), p, step)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, Item{Kind: Purchase, Proof: made.Bytes(), Bind: step.Bind})
	}
	accepted, errs := m.Key().VerifyBatch(items)
	for i := range items {
		if errs[i] != nil || accepted[i] == nil || accepted[i].Amount() != budget.Cents(i+1) {
			t.Errorf("item %d: %v", i, errs[i])
		}
	}
	forged := honest(h, p, Step{Kind: Purchase, Amount: 1, Bind: bindOf("order 0")})
	forged.h = curve.Uint64Scalar(3)
	for name, c := range map[string]struct {
		proof []byte
		bind  Bind
		want  error
	}{
		"a wrong signature":   {forged.prove(t, m.Key()), bindOf("order 0"), ErrPairing},
		"a wrong challenge":   {items[3].Proof, bindOf("order 0"), ErrChallenge},
		"a wrong length":      {items[3].Proof[1:], bindOf("order 3"), ErrParse},
		"outside a subgroup":  {outsideProof(t, items[3].Proof), bindOf("order 3"), ErrParse},
		"a point that is not": {append(append([]byte(nil), items[3].Proof[:40]...), make([]byte, SpendSize-40)...), bindOf("order 3"), ErrParse},
	} {
		bad := append([]Item(nil), items...)
		bad[7] = Item{Kind: Purchase, Proof: c.proof, Bind: c.bind}
		accepted, errs := m.Key().VerifyBatch(bad)
		for i := range bad {
			if i == 7 && (!errors.Is(errs[i], c.want) || accepted[i] != nil) {
				t.Errorf("%s: got %v, want %v", name, errs[i], c.want)
			}
			if i != 7 && (errs[i] != nil || accepted[i] == nil) {
				t.Errorf("%s: item %d fell with it: %v", name, i, errs[i])
			}
		}
	}
	if accepted, errs := m.Key().VerifyBatch(nil); len(accepted) != 0 || len(errs) != 0 {
		t.Error("an empty batch has results")
	}
}

// outsideProof adds a point of order 3 to Bbar.
func outsideProof(t *testing.T, proof []byte) []byte {
	t.Helper()
	b := append([]byte(nil), proof...)
	q, err := curve.ParsePoint(b[88:136])
	if err != nil {
		t.Fatal(err)
	}
	three := curve.Point{} // x = 0: y² = 4
	three.Y.SetUint64(2)
	if three.IsInSubGroup() || !three.IsOnCurve() {
		t.Fatal("(0, 2) is not a point of order 3")
	}
	q.Add(&q, &three)
	copy(b[88:], pointBytes(q))
	return b
}
