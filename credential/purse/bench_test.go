package purse

import (
	"testing"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"
)

// BenchmarkF is the unit of docs/benchmarks.md: one check of two pairings with prepared lines.
func BenchmarkF(b *testing.B) {
	p := curve.SHA256.P1()
	lines := curve.NewLines(curve.MultiplySecretG2(curve.Uint64Scalar(1)))
	for b.Loop() {
		if !curve.PairsEqual(p, lines, p) {
			b.Fatal("e(P, g2) differs from itself")
		}
	}
}

func benchmarkSpend(b *testing.B) (*Mint, *Holder, Purse, Step, []byte) {
	m := testMint(b, testHeader)
	h := testHolder(b, m.Key(), 1)
	p := issue(b, m, h, idOf("1"), 25000)
	step := Step{Kind: Purchase, Amount: 1250, Bind: bindOf("order")}
	made, err := h.Spend(newStream("x"), p, step)
	if err != nil {
		b.Fatal(err)
	}
	return m, h, p, step, made.Bytes()
}

func BenchmarkSpendProve(b *testing.B) {
	_, h, p, step, _ := benchmarkSpend(b)
	random := newStream("bench")
	for b.Loop() {
		if _, err := h.Spend(random, p, step); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSpendParse(b *testing.B) {
	_, _, _, _, proof := benchmarkSpend(b)
	for b.Loop() {
		if _, err := ParseSpend(Purchase, proof); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSpendParseVerify(b *testing.B) {
	m, _, _, step, proof := benchmarkSpend(b)
	for b.Loop() {
		if err := verify(m.Key(), Purchase, proof, step.Bind, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReissue(b *testing.B) {
	m, _, _, step, proof := benchmarkSpend(b)
	p, err := ParseSpend(Purchase, proof)
	if err != nil {
		b.Fatal(err)
	}
	accepted, err := m.Key().Verify(p, step.Bind, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := m.Reissue(accepted, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBatch256 reports the time of one spend in a batch of 256, decoding included.
func BenchmarkBatch256(b *testing.B) {
	m := testMint(b, testHeader)
	h := testHolder(b, m.Key(), 1)
	p := issue(b, m, h, idOf("1"), 25000)
	items := make([]Item, 256)
	for i := range items {
		step := Step{Kind: Purchase, Amount: budget.Cents(i + 1), Bind: bindOf("order %d", i)}
		made, err := h.Spend(newStream("%d", i), p, step)
		if err != nil {
			b.Fatal(err)
		}
		items[i] = Item{Kind: Purchase, Proof: made.Bytes(), Bind: step.Bind}
	}
	for b.Loop() {
		if _, errs := m.Key().VerifyBatch(items); errs[0] != nil {
			b.Fatal(errs[0])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(items)), "ns/spend")
}
