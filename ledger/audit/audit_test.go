package audit_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"kindpakket/ledger"
	"kindpakket/ledger/audit"
	"kindpakket/ledger/bolt"
	"kindpakket/ledger/ledgertest"
)

// export makes a ledger of one of everything over two days and returns it in its public form.
func export(t *testing.T, w *ledgertest.World) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := bolt.Create(path, w.Origin); err != nil {
		t.Fatal(err)
	}
	l, err := bolt.Open(bolt.Config{Path: path, Origin: w.Origin, Signer: w.Signer, Policy: w.Policy, Now: func() time.Time { return w.Clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := w.Fill(t, l, 30000)
	bought := w.Append(t, l, w.Pay(h, "trapper", 12000, "fiets"))
	w.Append(t, l, w.Pay(h, "plein", 995, "boeken"))
	w.Clock = w.Clock.AddDate(0, 0, 1)
	w.Append(t, l, w.Return(w.Sign(w.ReturnOrder(h, "trapper", bought.Index, 2000, "fiets"))))
	w.Append(t, l, w.TopUp(w.Sign(w.TopUpOrder(h, 5000))))
	w.Append(t, l, w.Payout("trapper", bought.Index, bought.Index+3, 10000, 2))
	w.Append(t, l, w.Block(h, ledger.Blocked))

	signed, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := l.Entries(t.Context(), 0, ledger.MaxRead)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = audit.Export(&out, func(yield func([]byte, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}, signed)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestClean(t *testing.T) {
	w := ledgertest.New(t)
	file := export(t, w)
	r, err := audit.Run(bytes.NewReader(file), audit.Options{Policy: &w.Policy})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Clean || r.KeyFromFile || r.Origin != w.Origin || r.Entries != 12 || len(r.Funds) != 1 {
		t.Fatalf("report: %+v", r)
	}
	f := r.Funds[0]
	if f.Issued != 30000 || f.ToppedUp != 5000 || f.Spent != 12995 || f.Returned != 2000 || f.PaidOut != 10000 || f.Outstanding != 24005 || f.Accounts != 1 {
		t.Errorf("sums: %+v", f)
	}
	if len(f.Shops) != 2 || f.Shops[1] != (audit.Sum{Name: "Winkel trapper", Spends: 1, Spent: 12000, Returned: 2000, PaidOut: 10000}) {
		t.Errorf("shops: %+v", f.Shops)
	}
	if r, err := audit.Run(bytes.NewReader(file), audit.Options{}); err != nil || !r.KeyFromFile {
		t.Errorf("without a policy: %v, key from file %v, want nil and true", err, r.KeyFromFile)
	}
}

// TestEveryByte changes one byte of every line, and finds the line or the one after it.
func TestEveryByte(t *testing.T) {
	w := ledgertest.New(t)
	file := export(t, w)
	line := 1
	for at, was := range file {
		if was == '\n' {
			line++
			continue
		}
		if at%37 != 0 {
			continue
		}
		changed := bytes.Clone(file)
		changed[at] ^= 1
		_, err := audit.Run(bytes.NewReader(changed), audit.Options{Policy: &w.Policy})
		var f *audit.Fault
		if !errors.As(err, &f) {
			t.Fatalf("byte %d in line %d changed: got %v, want a fault", at, line, err)
		}
		if f.Line != line && f.Line != line+1 && line < 14 {
			t.Errorf("byte %d in line %d changed: found in line %d (%s)", at, line, f.Line, f.What)
		}
	}
}

// TestRemade makes the whole log again with other keys: it is clean by itself, and refused under the policy.
func TestRemade(t *testing.T) {
	w := ledgertest.New(t)
	other := ledgertest.New(t)
	file := export(t, other)
	if _, err := audit.Run(bytes.NewReader(file), audit.Options{}); err != nil {
		t.Fatal(err)
	}
	_, err := audit.Run(bytes.NewReader(file), audit.Options{Policy: &w.Policy})
	if err == nil || !strings.Contains(err.Error(), "not signed by a log that the policy names") {
		t.Errorf("under the policy: got %v", err)
	}
}

// TestSignedLies has the log sign what the rules refuse: a spend without its holder, and an entry that was taken out.
func TestSignedLies(t *testing.T) {
	w := ledgertest.New(t)
	file := export(t, w)
	lines := bytes.Split(file, []byte("\n"))
	resign := func(rows [][]byte) []byte {
		var out bytes.Buffer
		l := &lying{w: w, rows: rows}
		signed := l.checkpoint(t)
		for _, row := range l.rows {
			out.Write(append(row, '\n'))
		}
		out.WriteByte('\n')
		out.Write(signed)
		return out.Bytes()
	}
	entries := lines[:12]
	// Rebuilt with all entries it is clean: the lying log itself works.
	if _, err := audit.Run(bytes.NewReader(resign(entries)), audit.Options{Policy: &w.Policy}); err != nil {
		t.Fatalf("rebuilt: %v", err)
	}
	without := append(append([][]byte{}, entries[:4]...), entries[5:]...) // no issue
	_, err := audit.Run(bytes.NewReader(resign(without)), audit.Options{Policy: &w.Policy})
	if err == nil || !strings.Contains(err.Error(), string(ledger.UnknownAccount)) {
		t.Errorf("an issue taken out: got %v, want unknown-account", err)
	}
	twice := append(append([][]byte{}, entries[:7]...), entries[6])
	_, err = audit.Run(bytes.NewReader(resign(twice)), audit.Options{Policy: &w.Policy})
	if err == nil || !strings.Contains(err.Error(), "stands at entry") {
		t.Errorf("a spend twice: got %v, want that it stands already", err)
	}
}

func TestCutOff(t *testing.T) {
	w := ledgertest.New(t)
	file := export(t, w)
	for _, n := range []int{0, 10, len(file) / 2, len(file) - 5} {
		if _, err := audit.Run(bytes.NewReader(file[:n]), audit.Options{Policy: &w.Policy}); err == nil {
			t.Errorf("the first %d bytes were clean", n)
		}
	}
}

// lying is a log that signs whatever it is given, with a good chain and tree.
type lying struct {
	w    *ledgertest.World
	rows [][]byte
}

func (l *lying) checkpoint(t *testing.T) []byte {
	t.Helper()
	prev := ledger.GenesisPrev(l.w.Origin)
	var rows [][]byte
	for i, raw := range l.rows {
		e, err := ledger.ParseEntry(raw)
		if err != nil {
			t.Fatal(err)
		}
		if e, err = ledger.NewEntry(uint64(i), prev, e.Time, e.Command()); err != nil {
			t.Fatal(err)
		}
		prev = ledger.LeafHash(e.Raw)
		rows = append(rows, e.Raw)
	}
	l.rows = rows
	c := ledger.Checkpoint{Origin: l.w.Origin, Size: uint64(len(rows)), Root: root(rows)}
	signed, err := c.Sign(l.w.Signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// root is the RFC 6962 root over rows, by an implementation apart from the ledger's own.
func root(rows [][]byte) ledger.Hash {
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for _, row := range rows {
		leaf := rfc6962.DefaultHasher.HashLeaf(row)
		if err := tree.Append(leaf, nil); err != nil {
			panic(err)
		}
	}
	h, err := tree.GetRootHash(nil)
	if err != nil {
		panic(err)
	}
	return ledger.Hash(h)
}
