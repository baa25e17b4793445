package audit_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kindpakket/ledger"
	"kindpakket/ledger/audit"
	"kindpakket/ledger/bolt"
	"kindpakket/ledger/ledgertest"
)

// TestModelThroughBolt says random things to a ledger on disk. The model agrees with each answer, the same commands give
// the same entries in memory, byte for byte, and the auditor finds the books clean and the sums the model's.
func TestModelThroughBolt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := ledgertest.New(t)
		path := filepath.Join(t.TempDir(), "ledger.db")
		if err := bolt.Create(path, w.Origin); err != nil {
			rt.Fatal(err)
		}
		l, err := bolt.Open(bolt.Config{Path: path, Origin: w.Origin, Signer: w.Signer, Policy: w.Policy, Now: func() time.Time { return w.Clock }})
		if err != nil {
			rt.Fatal(err)
		}
		defer l.Close()
		ask := func(c ledger.Command) (ledger.Entry, error) {
			r, err := l.Append(t.Context(), c)
			if err != nil {
				return ledger.Entry{}, err
			}
			return ledger.Verify(r, w.Policy)
		}
		draw := func(name string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, name) }
		m, err := ledgertest.NewModel(w, ask)
		if err != nil {
			rt.Fatal(err)
		}
		for range 10 + draw("steps", 15) {
			if err := m.Step(ask, draw); err != nil {
				rt.Fatal(err)
			}
		}
		memory := ledgertest.NewMemory(w.Origin)
		for _, said := range m.Said {
			if _, err := memory.Append(said.Command, said.At); err != nil {
				continue // refused there as it was here, or the entries differ below
			}
		}
		rows, err := l.Entries(t.Context(), 0, ledger.MaxRead)
		if err != nil || len(rows) != len(memory.Entries) {
			rt.Fatalf("%d entries on disk (%v), %d in memory", len(rows), err, len(memory.Entries))
		}
		for i := range rows {
			if !bytes.Equal(rows[i], memory.Entries[i]) {
				rt.Fatalf("entry %d differs:\n%s\n%s", i, rows[i], memory.Entries[i])
			}
		}
		for account, want := range m.Accounts() {
			if got, err := l.Balance(t.Context(), account); err != nil || got != want {
				rt.Fatalf("balance: %d, %v, want %d", got, err, want)
			}
		}

		signed, err := l.Checkpoint(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		file := append(append(bytes.Join(rows, []byte("\n")), "\n\n"...), signed...)
		r, err := audit.Run(bytes.NewReader(file), audit.Options{Policy: &w.Policy})
		if err != nil || len(r.Funds) != 1 {
			rt.Fatalf("audit: %v", err)
		}
		if f, want := r.Funds[0], m.Totals; f.Issued != want.Issued || f.ToppedUp != want.ToppedUp || f.Spent != want.Spent ||
			f.Returned != want.Returned || f.PaidOut != want.PaidOut || f.Outstanding != m.Left() {
			rt.Fatalf("the auditor's sums %+v are not the model's %+v", f, want)
		}
	})
}
