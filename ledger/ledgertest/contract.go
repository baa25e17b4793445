package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"kindpakket/ledger"
)

// Test runs the contract of [ledger.Log] against a kind of log. open makes an empty log for the world, whose clock,
// signer and policy it uses, and closes it when the test ends.
func Test(t *testing.T, open func(t *testing.T, w *World) ledger.Log) {
	t.Run("receipts prove what was appended", func(t *testing.T) { testReceipts(t, open) })
	t.Run("a refusal changes nothing", func(t *testing.T) { testRefusal(t, open) })
	t.Run("an exact retry gets the same entry", func(t *testing.T) { testRetry(t, open) })
	t.Run("racing tills spend what there is", func(t *testing.T) { testRace(t, open) })
	t.Run("readers", func(t *testing.T) { testReaders(t, open) })
	t.Run("a day is closed by its state", func(t *testing.T) { testStateEntry(t, open) })
	t.Run("a cancelled ask can be asked again", func(t *testing.T) { testCancelled(t, open) })
}

// Append appends c and checks the receipt under the world's policy.
func (w *World) Append(t testing.TB, l ledger.Log, c ledger.Command) ledger.Entry {
	t.Helper()
	r, err := l.Append(context.Background(), c)
	if err != nil {
		t.Fatalf("appending %s: %v", c.Kind, err)
	}
	e, err := ledger.Verify(r, w.Policy)
	if err != nil {
		t.Fatalf("receipt of %s: %v", c.Kind, err)
	}
	if e.Kind != c.Kind || !bytes.Equal(e.Body, c.Body) {
		t.Fatalf("the receipt is for another command than %s", c.Kind)
	}
	return e
}

// Fill appends the commands of Open and an issue of amount cents to a new holder.
func (w *World) Fill(t testing.TB, l ledger.Log, amount int64) Holder {
	t.Helper()
	for _, c := range w.Open() {
		w.Append(t, l, c)
	}
	h := w.NewHolder()
	w.Append(t, l, w.Issue(h, cents(amount)))
	return h
}

func head(t *testing.T, l ledger.Log, w *World) ledger.Checkpoint {
	t.Helper()
	b, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.Policy.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func testReceipts(t *testing.T, open func(*testing.T, *World) ledger.Log) {
	w := New(t)
	l := open(t, w)
	if _, err := l.Checkpoint(t.Context()); !errors.Is(err, ledger.ErrRange) {
		t.Errorf("checkpoint of an empty ledger: got %v, want ErrRange", err)
	}
	h := w.Fill(t, l, 30000)
	prev := ledger.GenesisPrev(w.Origin)
	for i := range 7 {
		e := w.Append(t, l, w.Pay(h, "trapper", 1250, "fiets"))
		if e.Index != uint64(5+i) {
			t.Errorf("index: got %d, want %d", e.Index, 5+i)
		}
	}
	entries, err := l.Entries(t.Context(), 0, 100)
	if err != nil || len(entries) != 12 {
		t.Fatalf("entries: got %d, %v, want 12", len(entries), err)
	}
	for i, raw := range entries {
		e, err := ledger.ParseEntry(raw)
		if err != nil || e.Index != uint64(i) || e.Prev != prev {
			t.Fatalf("entry %d: %v, or the chain is broken", i, err)
		}
		prev = ledger.LeafHash(raw)
		r, err := l.Receipt(t.Context(), uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		again, err := ledger.ParseReceipt(r.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Verify(again, w.Policy); err != nil {
			t.Errorf("receipt of entry %d: %v", i, err)
		}
	}
	if _, err := l.Receipt(t.Context(), 12); !errors.Is(err, ledger.ErrRange) {
		t.Errorf("receipt beyond the end: got %v, want ErrRange", err)
	}
	if got, err := l.Balance(t.Context(), h.Account); err != nil || got != 30000-7*1250 {
		t.Errorf("balance: got %v, %v", got, err)
	}
	if _, err := l.Balance(t.Context(), ID()); !errors.Is(err, ledger.UnknownAccount) {
		t.Errorf("balance of nobody: got %v, want unknown-account", err)
	}
}

func testRefusal(t *testing.T, open func(*testing.T, *World) ledger.Log) {
	w := New(t)
	l := open(t, w)
	h := w.Fill(t, l, 1000)
	before := head(t, l, w)
	for name, c := range map[string]struct {
		command ledger.Command
		want    ledger.Reason
	}{
		"one cent too much": {w.Pay(h, "trapper", 1001, "fiets"), ledger.TooLittleLeft},
		"wrong category":    {w.Pay(h, "trapper", 100, "boeken"), ledger.WrongCategory},
		"not a body":        {ledger.Command{Kind: ledger.KindSpend, Body: []byte(`{}`)}, ledger.Malformed},
		"unknown kind":      {ledger.Command{Kind: "gift", Body: []byte(`{}`)}, ledger.Malformed},
		"state from outside": {ledger.Command{Kind: ledger.KindState, Body: []byte(`{"rule":1,"digest":"` + ledger.Hash{}.String() + `","salt":"` + ID() + `"}`)},
			ledger.Malformed},
	} {
		if _, err := l.Append(t.Context(), c.command); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if after := head(t, l, w); after != before {
		t.Errorf("the head moved from %v to %v", before, after)
	}
	w.Append(t, l, w.Pay(h, "trapper", 1000, "fiets"))
}

func testRetry(t *testing.T, open func(*testing.T, *World) ledger.Log) {
	w := New(t)
	l := open(t, w)
	h := w.Fill(t, l, 1000)
	order := w.Sign(w.Order("trapper", 400, "fiets"))
	spend := w.Spend(h, order)
	first := w.Append(t, l, spend)
	note := w.Return(w.Sign(w.ReturnOrder(h, "trapper", first.Index, 100, "fiets")))
	back := w.Append(t, l, note)
	issue := w.Issue(w.NewHolder(), 500)
	issued := w.Append(t, l, issue)

	w.Clock = w.Period.Settles.AddDate(1, 0, 0) // whatever the time or period has become
	for name, c := range map[string]struct {
		command ledger.Command
		want    ledger.Entry
	}{"spend": {spend, first}, "spend with a new proof": {w.Spend(h, order), first}, "return": {note, back}, "issue": {issue, issued}} {
		r, err := l.Append(t.Context(), c.command)
		if err != nil {
			t.Errorf("%s again: %v", name, err)
			continue
		}
		if e, err := ledger.Verify(r, w.Policy); err != nil || !bytes.Equal(e.Raw, c.want.Raw) {
			t.Errorf("%s again: another entry than the first time (%v)", name, err)
		}
	}
	if n := head(t, l, w).Size; n != issued.Index+1 {
		t.Errorf("retries appended: size %d, want %d", n, issued.Index+1)
	}
}

// testRace has 64 tills race for an account's last euros.
func testRace(t *testing.T, open func(*testing.T, *World) ledger.Log) {
	w := New(t)
	l := open(t, w)
	h := w.Fill(t, l, 1000)
	commands := make([]ledger.Command, 64)
	for i := range commands {
		commands[i] = w.Pay(h, "trapper", 300, "fiets")
	}
	errs := make([]error, len(commands))
	var all sync.WaitGroup
	for i, c := range commands {
		all.Go(func() { _, errs[i] = l.Append(t.Context(), c) })
	}
	all.Wait()
	paid := 0
	for i, err := range errs {
		switch {
		case err == nil:
			paid++
		case !errors.Is(err, ledger.TooLittleLeft):
			t.Errorf("till %d: %v", i, err)
		}
	}
	if left, err := l.Balance(t.Context(), h.Account); paid != 3 || left != 100 || err != nil {
		t.Errorf("%d tills were paid and %d cents are left (%v), want 3 and 100", paid, left, err)
	}
}

func testReaders(t *testing.T, open func(*testing.T, *World) ledger.Log) {
	w := New(t)
	l := open(t, w)
	h := w.Fill(t, l, 30000)
	older := head(t, l, w)
	for range 4 {
		w.Append(t, l, w.Pay(h, "plein", 100, "boeken"))
	}
	newer := head(t, l, w)
	proof, err := l.Consistency(t.Context(), older.Size, newer.Size)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.VerifyConsistency(older, newer, proof); err != nil {
		t.Errorf("consistency: %v", err)
	}
	forged := older
	forged.Root[0] ^= 1
	if err := ledger.VerifyConsistency(forged, newer, proof); !errors.Is(err, ledger.ErrCheckpoint) {
		t.Errorf("consistency with a forged checkpoint: got %v, want ErrCheckpoint", err)
	}
	if _, err := l.Consistency(t.Context(), newer.Size, newer.Size+1); !errors.Is(err, ledger.ErrRange) {
		t.Errorf("consistency beyond the end: got %v, want ErrRange", err)
	}
	if got, err := l.Entries(t.Context(), newer.Size, newer.Size+10); err != nil || len(got) != 0 {
		t.Errorf("entries at the end: got %d, %v, want none", len(got), err)
	}
	if _, err := l.Entries(t.Context(), 3, 2); !errors.Is(err, ledger.ErrRange) {
		t.Errorf("entries backwards: got %v, want ErrRange", err)
	}
}

func testStateEntry(t *testing.T, open func(*testing.T, *World) ledger.Log) {
	w := New(t)
	l := open(t, w)
	h := w.Fill(t, l, 1000)
	w.Clock = w.Clock.AddDate(0, 0, 1)
	e := w.Append(t, l, w.Pay(h, "trapper", 100, "fiets"))
	if e.Index != 6 {
		t.Fatalf("index of the first spend of a day: got %d, want 6, after the state", e.Index)
	}
	entries, err := l.Entries(t.Context(), 5, 6)
	if err != nil || len(entries) != 1 {
		t.Fatal(err)
	}
	if state, err := ledger.ParseEntry(entries[0]); err != nil || state.Kind != ledger.KindState {
		t.Errorf("entry before it: got %v, %v, want a state", state.Kind, err)
	}
	w.Append(t, l, w.Return(w.Sign(w.ReturnOrder(h, "trapper", 6, 100, "fiets"))))
	w.Clock = w.Clock.Add(-72 * 60 * 60 * 1e9)
	last := w.Append(t, l, w.Issue(w.NewHolder(), 100))
	if last.Time.Before(e.Time) || last.Index != 8 {
		t.Errorf("after the clock was put back: entry %d at %v, want 8 and never before %v", last.Index, last.Time, e.Time)
	}
}

func testCancelled(t *testing.T, open func(*testing.T, *World) ledger.Log) {
	w := New(t)
	l := open(t, w)
	h := w.Fill(t, l, 1000)
	c := w.Pay(h, "trapper", 1000, "fiets")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, c); err != nil && !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("cancelled: got %v, want nil or ErrUnavailable", err)
	}
	w.Append(t, l, c)
	if left, err := l.Balance(t.Context(), h.Account); left != 0 || err != nil {
		t.Errorf("left after asking twice: %d, %v, want 0", left, err)
	}
}
