package issuer_test

import (
	"errors"
	"testing"

	"kindpakket/issuer"
	"kindpakket/ledger"
)

// TestClosePeriod: two officials close a year that is over, with the sums of its entries; nothing moves afterwards.
func TestClosePeriod(t *testing.T) {
	h := newHouse(t)
	h.families()
	h.enrol("trapper", ibanOne)
	p := h.enrolled(client, 1)
	h.paid(p, "trapper", 1250, "fiets")
	both := []string{"a", "b"}

	_, err := h.issuer.ClosePeriod(t.Context(), h.fund(), both)
	if !errors.Is(err, ledger.NotOpenYet) {
		t.Errorf("in the middle of the year: got %v, want not-open-yet", err)
	}
	h.Clock = h.Period.Settles
	_, err = h.issuer.ClosePeriod(t.Context(), h.fund(), both)
	if !errors.Is(err, ledger.NotOpenYet) {
		t.Errorf("in the last second for returns: got %v, want not-open-yet", err)
	}
	h.Clock = h.Clock.Add(1e9)
	for name, tokens := range map[string][]string{"nobody": nil, "one official": {"a"}, "one official twice": {"a", "a"}} {
		_, err := h.issuer.ClosePeriod(t.Context(), h.fund(), tokens)
		wantErr(t, name, err, issuer.ErrInput)
	}
	_, err = h.issuer.ClosePeriod(t.Context(), h.fund(), []string{"a", "x"})
	wantErr(t, "somebody else", err, issuer.ErrOfficial)
	h.log.set(down)
	_, err = h.issuer.ClosePeriod(t.Context(), h.fund(), both)
	wantErr(t, "while the ledger is down", err, ledger.ErrUnavailable)
	h.log.set(nil)

	got, err := h.issuer.ClosePeriod(t.Context(), h.fund(), both)
	h.must(err)
	want := issuer.Totals{Issued: 2 * perChild, Spent: 1250, Expired: 2*perChild - 1250}
	if got != want {
		t.Errorf("totals: got %+v, want %+v", got, want)
	}
	_, err = h.issuer.ClosePeriod(t.Context(), h.fund(), both)
	if !errors.Is(err, ledger.PeriodClosed) {
		t.Errorf("a second time: got %v, want period-closed", err)
	}
	if _, err := h.pay(p, "trapper", 100, "fiets"); !errors.Is(err, ledger.PeriodClosed) {
		t.Errorf("a payment afterwards: got %v, want period-closed", err)
	}
	// The shop is paid for what it sold, all the same.
	h.approve()
	file, report, err := h.issuer.Payout(t.Context(), h.fund(), false)
	h.must(err)
	if file == nil || report.Total != 1250 {
		t.Errorf("payout after the close: got %d bytes and %v, want € 12,50", len(file), report.Total)
	}
}
