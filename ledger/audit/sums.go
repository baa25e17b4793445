package audit

import (
	"cmp"
	"maps"
	"slices"

	"kindpakket/credential/budget"
	"kindpakket/ledger"
	"kindpakket/ledger/rule"
)

// fund adds up what the entries say, apart from the rules' own totals, so that the two can be compared.
type fund struct {
	Fund
	shops      map[string]*Sum
	categories map[budget.Category]*Sum
}

func (a *auditor) fund(id, period string) *fund {
	key := id + "/" + period
	if a.funds[key] == nil {
		a.funds[key] = &fund{Fund: Fund{Fund: id, Period: period}, shops: map[string]*Sum{}, categories: map[budget.Category]*Sum{}}
	}
	return a.funds[key]
}

func (f *fund) shop(did string) *Sum {
	if f.shops[did] == nil {
		f.shops[did] = &Sum{Name: did}
	}
	return f.shops[did]
}

func (f *fund) category(c budget.Category) *Sum {
	if f.categories[c] == nil {
		f.categories[c] = &Sum{Name: string(c)}
	}
	return f.categories[c]
}

// count adds e, which the rules accepted, to the sums.
func (a *auditor) count(e ledger.Entry) error {
	var err error
	switch e.Kind {
	case ledger.KindShop:
		var s ledger.Shop
		if s, err = ledger.ReadStatement[ledger.Shop](e); err == nil {
			a.names[s.Shop] = s.Name
		}
	case ledger.KindFund:
		var s ledger.Fund
		if s, err = ledger.ReadStatement[ledger.Fund](e); err == nil {
			a.fund(s.Fund, s.Period)
		}
	case ledger.KindIssue:
		var s ledger.Issue
		if s, err = ledger.ReadStatement[ledger.Issue](e); err == nil {
			f := a.fund(s.Fund, s.Period)
			f.Accounts++
			f.Issued += s.Amount
		}
	case ledger.KindPayout:
		var s ledger.Payout
		if s, err = ledger.ReadStatement[ledger.Payout](e); err == nil {
			f := a.fund(s.Fund, s.Period)
			f.PaidOut += s.Total
			f.shop(s.Shop).PaidOut += s.Total
			if a.o.Payouts != nil {
				a.o.Payouts(s)
			}
		}
	case ledger.KindClose:
		var s ledger.Close
		if s, err = ledger.ReadStatement[ledger.Close](e); err == nil {
			a.fund(s.Fund, s.Period).Closed = true
		}
	case ledger.KindSpend, ledger.KindReturn, ledger.KindTopUp:
		err = a.countOrder(e)
	}
	if err != nil {
		return a.fault("%v", err)
	}
	return nil
}

func (a *auditor) countOrder(e ledger.Entry) error {
	o, err := ledger.ReadOrder(e)
	if err != nil {
		return err
	}
	f := a.fund(o.Fund, o.Period)
	switch o.Kind {
	case budget.Purchase:
		f.Spent += o.Amount
		for _, s := range []*Sum{f.shop(o.Shop), f.category(o.Category)} {
			s.Spends++
			s.Spent += o.Amount
		}
	case budget.Return:
		f.Returned += o.Amount
		f.shop(o.Shop).Returned += o.Amount
		f.category(o.Category).Returned += o.Amount
	case budget.TopUp:
		f.ToppedUp += o.Amount
	}
	return nil
}

// reconcile compares our own sums with the rules', and every shop's payouts with its sales.
func (a *auditor) reconcile() error {
	for _, key := range slices.Sorted(maps.Keys(a.funds)) {
		f := a.funds[key]
		want := rule.Totals{Issued: f.Issued, ToppedUp: f.ToppedUp, Spent: f.Spent, Returned: f.Returned}
		if rule.Sums(a.state, f.Fund.Fund, f.Period) != want {
			return a.fault("the sums of fund %s are not those of its entries", key)
		}
		if want.Outstanding() < 0 {
			return a.fault("fund %s gave out less than was spent", key)
		}
		for did, s := range f.shops {
			if s.PaidOut > s.Spent {
				return a.fault("shop %s was paid more than it sold", did)
			}
		}
	}
	return nil
}

func (a *auditor) summary() []Fund {
	var out []Fund
	for _, key := range slices.Sorted(maps.Keys(a.funds)) {
		f := a.funds[key]
		f.Outstanding = f.Issued + f.ToppedUp - f.Spent + f.Returned
		for did, s := range f.shops {
			s.Name = cmp.Or(a.names[did], did)
			f.Shops = append(f.Shops, *s)
		}
		for _, s := range f.categories {
			f.Categories = append(f.Categories, *s)
		}
		byName := func(x, y Sum) int { return cmp.Compare(x.Name, y.Name) }
		slices.SortFunc(f.Shops, byName)
		slices.SortFunc(f.Categories, byName)
		out = append(out, f.Fund)
	}
	return out
}
