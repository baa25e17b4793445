package audit_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/ledger"
	"kindpakket/ledger/audit"
	"kindpakket/ledger/ledgertest"
)

// books is a ledger in memory that is audited in its public form.
type books struct {
	*ledgertest.World
	t      *testing.T
	memory *ledgertest.Memory
}

func begin(t *testing.T) *books {
	w := ledgertest.New(t)
	b := &books{w, t, ledgertest.NewMemory(w.Origin)}
	for _, c := range w.Open() {
		b.add(c)
	}
	return b
}

func (b *books) add(c ledger.Command) ledger.Entry {
	b.t.Helper()
	e, err := b.memory.Append(c, b.Clock)
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

func (b *books) file() []byte {
	b.t.Helper()
	out, err := b.memory.Export(b.Signer)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func (b *books) audit() audit.Fund {
	b.t.Helper()
	r, err := audit.Run(bytes.NewReader(b.file()), audit.Options{Policy: &b.Policy})
	if err != nil || !r.Clean || r.Entries != b.memory.Size() || len(r.Funds) != 1 {
		b.t.Fatalf("audit: %v, %+v", err, r)
	}
	return r.Funds[0]
}

// TestB11TheReportCounts: a report returned a constant. Here every step of a day moves exactly the sums it should.
func TestB11TheReportCounts(t *testing.T) {
	b := begin(t)
	var want audit.Fund
	step := func(what string, change func()) {
		t.Helper()
		change()
		got := b.audit()
		if got.Accounts != want.Accounts || got.Issued != want.Issued || got.ToppedUp != want.ToppedUp || got.Spent != want.Spent ||
			got.Returned != want.Returned || got.PaidOut != want.PaidOut || got.Closed != want.Closed ||
			got.Outstanding != want.Issued+want.ToppedUp-want.Spent+want.Returned {
			t.Errorf("after %s: got %+v, want %+v", what, got, want)
		}
	}
	h, other := b.NewHolder(), b.NewHolder()
	var bought ledger.Entry
	step("the opening", func() {})
	step("an issue", func() { b.add(b.Issue(h, 30000)); want.Accounts, want.Issued = 1, 30000 })
	step("another", func() { b.add(b.Issue(other, 12345)); want.Accounts, want.Issued = 2, 42345 })
	step("a spend", func() { bought = b.add(b.Pay(h, "trapper", 1299, "fiets")); want.Spent = 1299 })
	step("a spend elsewhere", func() { b.add(b.Pay(other, "plein", 501, "boeken")); want.Spent = 1800 })
	step("a return", func() {
		b.add(b.Return(b.Sign(b.ReturnOrder(h, "trapper", bought.Index, 299, "fiets"))))
		want.Returned = 299
	})
	step("a top-up", func() { b.add(b.TopUp(b.Sign(b.TopUpOrder(h, 7)))); want.ToppedUp = 7 })
	step("a payout", func() { b.add(b.Payout("trapper", bought.Index, bought.Index+2, 1000, 2)); want.PaidOut = 1000 })
	step("a block", func() { b.add(b.Block(other, ledger.Blocked)) })
	step("the end", func() {
		b.Clock = b.Period.Settles.Add(time.Second)
		b.add(b.Statement(ledger.Close{Head: b.Head(ledger.KindClose), Issued: 42345, ToppedUp: 7, Spent: 1800, Returned: 299, Expired: 40851}))
		want.Closed = true
	})

	got := b.audit()
	for _, test := range []struct {
		list []audit.Sum
		want []audit.Sum
	}{
		{got.Shops, []audit.Sum{{Name: "Winkel plein", Spends: 1, Spent: 501}, {Name: "Winkel trapper", Spends: 1, Spent: 1299, Returned: 299, PaidOut: 1000}}},
		{got.Categories, []audit.Sum{{Name: "boeken", Spends: 1, Spent: 501}, {Name: "fiets", Spends: 1, Spent: 1299, Returned: 299}}},
	} {
		if len(test.list) != len(test.want) || test.list[0] != test.want[0] || test.list[1] != test.want[1] {
			t.Errorf("got %+v, want %+v", test.list, test.want)
		}
	}
}

// TestFaults has the log's own signature under what no honest log writes; the auditor says which line and what.
func TestFaults(t *testing.T) {
	b := begin(t)
	h := b.NewHolder()
	b.add(b.Issue(h, 30000))
	spend := b.Pay(h, "trapper", 1200, "fiets")
	b.add(spend)
	b.Clock = b.Clock.AddDate(0, 0, 1)
	b.add(b.Pay(h, "trapper", 300, "fiets")) // after a state entry
	rows := b.memory.Entries

	at := func(raw []byte, change func(*ledger.Entry)) []byte {
		e, err := ledger.ParseEntry(raw)
		if err != nil {
			t.Fatal(err)
		}
		change(&e)
		if e, err = ledger.NewEntry(e.Index, e.Prev, e.Time, e.Command()); err != nil {
			t.Fatal(err)
		}
		return e.Raw
	}
	with := func(i int, row []byte) [][]byte {
		out := append([][]byte{}, rows...)
		out[i] = row
		return out
	}
	sealed := func(rows [][]byte) []byte { // the lying log of TestSignedLies: a good chain, tree and signature
		l := &lying{w: b.World, rows: rows}
		signed := l.checkpoint(t)
		return append(append(bytes.Join(l.rows, []byte("\n")), "\n\n"...), signed...)
	}
	plain := func(rows [][]byte) []byte { // as the rows are
		m := *b.memory
		m.Entries = rows
		out, err := m.Export(b.Signer)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	other := ledgertest.New(t)
	good := b.file()
	for name, test := range map[string]struct {
		file []byte
		line int
		what string
	}{
		"an index left out":     {plain(append(append([][]byte{}, rows[:4]...), rows[5:]...)), 5, "says index 5"},
		"a broken link":         {plain(with(4, at(rows[4], func(e *ledger.Entry) { e.Prev[0] ^= 1 }))), 5, "prev is not the hash"},
		"the time goes back":    {sealed(with(5, at(rows[5], func(e *ledger.Entry) { e.Time = e.Time.Add(-time.Hour) }))), 6, "the time goes back"},
		"no state on a new day": {sealed(append(append([][]byte{}, rows[:6]...), rows[7:]...)), 7, "a new day begins without a state"},
		"another state": {sealed(with(6, at(rows[6], func(e *ledger.Entry) {
			e.Body = bytes.Replace(e.Body, []byte(`"digest":"`), []byte(`"digest":"A`), 1)
		}))), 7, "digest"},
		"no genesis":               {sealed(rows[1:]), 1, "no genesis"},
		"the same command again":   {sealed(append(append([][]byte{}, rows...), at(rows[7], func(e *ledger.Entry) { e.Body = spend.Body }))), 9, "stands at entry 5"},
		"an entry too long":        {append(append(bytes.Clone(rows[0]), bytes.Repeat([]byte("x"), 3*ledger.MaxEntry)...), '\n'), 1, "longer than an entry"},
		"an entry of 16 KiB and 1": {append(bytes.Repeat([]byte("x"), ledger.MaxEntry+1), '\n'), 1, "larger than"},
		"no checkpoint":            {bytes.TrimSuffix(good, good[bytes.Index(good, []byte("\n\n"))+2:]), 10, "checkpoint"},
		"nothing":                  {nil, 1, "cut off"},
		"only an empty line":       {[]byte("\n"), 2, "no entries"},
		"a checkpoint of fewer":    {append(bytes.Join(rows, []byte("\n")), plain(rows[:7])[len(bytes.Join(rows[:7], []byte("\n"))):]...), 10, "the checkpoint says 7 entries"},
		"a checkpoint of a fork":   {append(bytes.Join(rows, []byte("\n")), plain(with(7, rows[6]))[len(bytes.Join(with(7, rows[6]), []byte("\n"))):]...), 10, "root is not that"},
		"another ledger's key":     {func() []byte { m := *b.memory; out, err := m.Export(other.Signer); must(t, err); return out }(), 10, "not signed by a log"},
	} {
		_, err := audit.Run(bytes.NewReader(test.file), audit.Options{Policy: &b.Policy})
		var f *audit.Fault
		if !errors.As(err, &f) || f.Line != test.line || !strings.Contains(f.What, test.what) {
			t.Errorf("%s: got %v, want line %d: …%s…", name, err, test.line, test.what)
		}
	}
	if _, err := audit.Run(bytes.NewReader(good), audit.Options{Policy: &b.Policy}); err != nil {
		t.Errorf("the good one: %v", err)
	}
	broken := errors.New("the disk broke")
	var f *audit.Fault
	_, err := audit.Run(io.MultiReader(bytes.NewReader(good[:100]), iotest.ErrReader(broken)), audit.Options{})
	if !errors.Is(err, broken) || errors.As(err, &f) {
		t.Errorf("a file that cannot be read: got %v, want its error and no fault", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOptions: each entry is shown once it was found right, payouts are shown, and the reader may stop.
func TestOptions(t *testing.T) {
	b := begin(t)
	h := b.NewHolder()
	b.add(b.Issue(h, 1000))
	e := b.add(b.Pay(h, "trapper", 600, "fiets"))
	b.add(b.Payout("trapper", e.Index, e.Index, 600, 1))
	var seen []uint64
	var paid budget.Cents
	_, err := audit.Run(bytes.NewReader(b.file()), audit.Options{
		Each:    func(e ledger.Entry) bool { seen = append(seen, e.Index); return true },
		Payouts: func(p ledger.Payout) { paid += p.Total },
	})
	if err != nil || len(seen) != 7 || seen[6] != 6 || paid != 600 {
		t.Errorf("saw %v and %d paid (%v), want 0 to 6 and 600", seen, paid, err)
	}
	r, err := audit.Run(bytes.NewReader(b.file()), audit.Options{Each: func(e ledger.Entry) bool { return e.Index < 3 }})
	if err == nil || r.Clean {
		t.Errorf("stopped half way: got clean %v, %v", r.Clean, err)
	}
	lost := errors.New("lost")
	if err := audit.Export(io.Discard, func(yield func([]byte, error) bool) { yield(nil, lost) }, nil); !errors.Is(err, lost) {
		t.Errorf("export of a ledger that cannot be read: got %v", err)
	}
}
