package issuer

import (
	"context"
	"fmt"

	"kindpakket/credential/budget"
	"kindpakket/ledger"
)

// Totals are the sums of a fund and period as the ledger's entries give them, in cents.
type Totals struct {
	Issued   budget.Cents `json:"issued"`
	ToppedUp budget.Cents `json:"topped_up"`
	Spent    budget.Cents `json:"spent"`
	Returned budget.Cents `json:"returned"`
	Expired  budget.Cents `json:"expired"` // what nobody spent
}

// ClosePeriod closes the books of a fund's period after its last day for returns: what nobody spent expires. Two
// officials must say yes, by their tokens. It cannot be undone.
func (i *Issuer) ClosePeriod(ctx context.Context, f FundSpec, tokens []string) (Totals, error) {
	var t Totals
	yes := map[string]bool{}
	for _, token := range tokens {
		name, err := i.official(token)
		if err != nil {
			return t, err
		}
		yes[name] = true
	}
	if len(yes) < approvalsNeeded {
		return t, fmt.Errorf("%w: closing a period needs the yes of two officials", ErrInput)
	}
	i.office.Lock()
	defer i.office.Unlock()
	if err := i.scan(ctx, func(e ledger.Entry) error { return t.add(e, f) }); err != nil {
		return t, err
	}
	t.Expired = t.Issued + t.ToppedUp - t.Spent + t.Returned
	h, err := i.head(ledger.KindClose, f.Fund, f.Period.ID)
	if err != nil {
		return t, err
	}
	c, err := i.sign(ledger.Close{Head: h, Issued: t.Issued, ToppedUp: t.ToppedUp, Spent: t.Spent, Returned: t.Returned, Expired: t.Expired})
	if err != nil {
		return t, err
	}
	// The totals are those of this moment. If the ledger cannot be reached, the officials ask again: nothing is kept that
	// could be sent later with sums that are no longer right.
	_, err = i.append(ctx, c)
	return t, err
}

// add counts one entry of the fund and period.
func (t *Totals) add(e ledger.Entry, f FundSpec) error {
	switch e.Kind {
	case ledger.KindIssue:
		s, err := ledger.ReadStatement[ledger.Issue](e)
		if err == nil && s.Fund == f.Fund && s.Period == f.Period.ID {
			t.Issued += s.Amount
		}
		return err
	case ledger.KindSpend, ledger.KindReturn, ledger.KindTopUp:
	default:
		return nil
	}
	o, err := ledger.ReadOrder(e)
	if err != nil || o.Fund != f.Fund || o.Period != f.Period.ID {
		return err
	}
	switch o.Kind {
	case budget.Purchase:
		t.Spent += o.Amount
	case budget.Return:
		t.Returned += o.Amount
	case budget.TopUp:
		t.ToppedUp += o.Amount
	}
	return nil
}

// CloseRequest names the period to close, by the fund's id and its own, and brings the tokens of two officials.
type CloseRequest struct {
	Fund   string   `json:"fund"`
	Period string   `json:"period"`
	Tokens []string `json:"tokens"`
}

func (i *Issuer) adminClose(ctx context.Context, r CloseRequest) (Totals, error) {
	f, err := i.payoutFund(r.Fund, r.Period)
	if err != nil {
		return Totals{}, err
	}
	return i.ClosePeriod(ctx, f, r.Tokens)
}
