package verifier_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
	"kindpakket/verifier"
)

func (h *house) giveBack(a verifier.Asked, amount budget.Cents, key string) verifier.Result {
	h.t.Helper()
	r, err := h.verifier.Return(h.t.Context(), verifier.GiveBack{OrderID: a.OrderID, Amount: amount, Key: key})
	h.must(err)
	return r
}

func TestReturnInParts(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	a, _ := w.pay(1000)
	r := h.giveBack(a, 400, "")
	h.wants(r, verifier.Returned, "")
	entry, err := ledger.Verify(*r.Receipt, h.Policy)
	h.must(err)
	if entry.Kind != ledger.KindReturn {
		t.Errorf("the receipt is for a %s", entry.Kind)
	}
	h.wants(h.giveBack(a, 601, ""), verifier.Refused, ledger.ReturnExceedsSpend)
	h.wants(h.giveBack(a, 600, ""), verifier.Returned, "")
	h.wants(h.giveBack(a, 1, ""), verifier.Refused, ledger.ReturnExceedsSpend)
	if h.balance(w) != 3000 {
		t.Errorf("left: got %d, want 3000", h.balance(w))
	}
	h.wants(h.result(a), verifier.Paid, "")
}

func TestReturnRefused(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(1000)
	open := h.ask("trapper", 100, "fiets")
	refused, _ := w.pay(1001)
	paid, _ := w.pay(100)
	for name, test := range map[string]struct {
		give verifier.GiveBack
		want error
	}{
		"not answered": {verifier.GiveBack{OrderID: open.OrderID, Amount: 100}, verifier.ErrNotPaid},
		"refused":      {verifier.GiveBack{OrderID: refused.OrderID, Amount: 100}, verifier.ErrNotPaid},
		"unknown":      {verifier.GiveBack{OrderID: ledgertest.ID(), Amount: 100}, verifier.ErrUnknownOrder},
		"nothing":      {verifier.GiveBack{OrderID: paid.OrderID}, verifier.ErrInput},
		"negative":     {verifier.GiveBack{OrderID: paid.OrderID, Amount: -100}, verifier.ErrInput},
		"a weak key":   {verifier.GiveBack{OrderID: paid.OrderID, Amount: 100, Key: "1"}, verifier.ErrInput},
	} {
		if _, err := h.verifier.Return(t.Context(), test.give); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	// A suspended shop may still give back; after the last day nobody may.
	h.Append(t, h.ledger, h.Accredit("trapper", ledger.Suspended))
	h.wants(h.giveBack(paid, 40, ""), verifier.Returned, "")
	h.Clock = h.Period.Settles.Add(time.Second)
	h.wants(h.giveBack(paid, 40, ""), verifier.Refused, ledger.PeriodClosed)
}

func TestReturnAgain(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	a, _ := w.pay(1000)
	key := ledgertest.ID()
	first := h.giveBack(a, 100, key)
	h.wants(first, verifier.Returned, "")
	h.restart()
	again := h.giveBack(a, 100, key)
	if !bytes.Equal(first.Receipt.Entry, again.Receipt.Entry) {
		t.Error("the same key gave another return")
	}
	if _, err := h.verifier.Return(t.Context(), verifier.GiveBack{OrderID: a.OrderID, Amount: 101, Key: key}); !errors.Is(err, verifier.ErrInput) {
		t.Errorf("the same key for another amount: got %v, want ErrInput", err)
	}
	var all sync.WaitGroup
	for range 4 {
		key = ledgertest.ID()
		for range 8 {
			all.Go(func() { h.wants(h.giveBack(a, 100, key), verifier.Returned, "") })
		}
		all.Wait()
	}
	if h.balance(w) != 2500 {
		t.Errorf("left: got %d, want 2500", h.balance(w))
	}
}

func TestReturnInterrupted(t *testing.T) {
	for name, fault := range map[string]func(ledger.Command, func() (ledger.Receipt, error)) (ledger.Receipt, error){
		"before the ledger": down, "after the ledger": lost,
	} {
		for _, again := range []string{"till", "till with a key", "resume"} {
			t.Run(name+", asked again by the "+again, func(t *testing.T) {
				h := newHouse(t)
				w := h.newWallet(3000)
				a, _ := w.pay(1000)
				key := ""
				if again == "till with a key" {
					key = ledgertest.ID()
				}
				h.log.fault = fault
				h.wants(h.giveBack(a, 300, key), verifier.Pending, "")
				h.restart()
				h.wants(h.giveBack(a, 300, key), verifier.Pending, "")
				h.log.fault = nil
				if again == "resume" {
					h.must(h.verifier.Resume(t.Context()))
				} else {
					h.wants(h.giveBack(a, 300, key), verifier.Returned, "")
				}
				h.must(h.verifier.Resume(t.Context()))
				if h.balance(w) != 2300 {
					t.Errorf("left: got %d, want 2300", h.balance(w))
				}
			})
		}
	}
}

func TestReturnWaitedTooLong(t *testing.T) {
	for _, key := range []string{"", ledgertest.ID()} {
		h := newHouse(t)
		w := h.newWallet(3000)
		a, _ := w.pay(1000)
		h.log.fault = down
		h.wants(h.giveBack(a, 300, key), verifier.Pending, "")
		h.Clock = h.Clock.Add(verifier.OrderLife + time.Second)
		h.log.fault = nil
		h.wants(h.giveBack(a, 300, key), verifier.Returned, "") // by a new note
		h.must(h.verifier.Resume(t.Context()))
		if h.balance(w) != 2300 {
			t.Errorf("left: got %d, want 2300", h.balance(w))
		}
		// One that the ledger did have is not made again, however long it took.
		h.log.fault = lost
		h.wants(h.giveBack(a, 200, key2(key)), verifier.Pending, "")
		h.Clock = h.Clock.Add(verifier.OrderLife + time.Second)
		h.log.fault = nil
		h.wants(h.giveBack(a, 200, key2(key)), verifier.Returned, "")
		if h.balance(w) != 2500 {
			t.Errorf("left: got %d, want 2500", h.balance(w))
		}
	}
}

// key2 is another key, always the same, or none.
func key2(key string) string {
	if key == "" {
		return ""
	}
	return "AAAAAAAAAAAAAAAAAAAAAA"
}
