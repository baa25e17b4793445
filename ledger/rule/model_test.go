package rule_test

import (
	"testing"

	"pgregory.net/rapid"

	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
	"kindpakket/ledger/rule"
)

// TestModel says random things, right and wrong, to the rules and to a model of plain numbers: both accept and refuse
// the same, for the same reasons, and after each step issued + topped up = spent - returned + what the families hold.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := ledgertest.New(t)
		memory := ledgertest.NewMemory(w.Origin)
		ask := func(c ledger.Command) (ledger.Entry, error) { return memory.Append(c, w.Clock) }
		draw := func(name string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, name) }
		m, err := ledgertest.NewModel(w, ask)
		if err != nil {
			rt.Fatal(err)
		}
		for range 20 + draw("steps", 40) {
			if err := m.Step(ask, draw); err != nil {
				rt.Fatal(err)
			}
			got := rule.Sums(memory, w.Fund, w.Period.ID)
			want := rule.Totals{Issued: m.Totals.Issued, ToppedUp: m.Totals.ToppedUp, Spent: m.Totals.Spent, Returned: m.Totals.Returned}
			if got != want || got.Outstanding() != m.Left() {
				rt.Fatalf("sums: %+v with %d outstanding, want %+v with %d", got, got.Outstanding(), want, m.Left())
			}
			for account, want := range m.Accounts() {
				if got, ok := rule.Balance(memory, account); !ok || got != want {
					rt.Fatalf("balance: %d, want %d", got, want)
				}
			}
		}
	})
}
