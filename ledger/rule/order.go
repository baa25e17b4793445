package rule

import (
	"slices"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/credential/sdjwt"
	"kindpakket/ledger"
)

// order is a signed order on its way through the checks.
type order struct {
	budget.Order
	token *jose.JWS
	bind  budget.Bind
	fund  fundRecord
}

// parseOrder does the first step: the bytes, the ledger, the fund.
func (d *decision) parseOrder(text string, kind budget.OrderKind) (order, error) {
	token, err := jose.Parse(text)
	if err != nil || token.Header.Type != budget.OrderJWSType {
		return order{}, ledger.Refuse(ledger.Malformed, "order is not a %s", budget.OrderJWSType)
	}
	parsed, err := budget.ParseOrder(token.Payload)
	if err != nil {
		return order{}, ledger.Refuse(ledger.Malformed, "%v", err)
	}
	o := order{Order: parsed, token: token, bind: budget.BindOf(token.PayloadSegment())}
	if o.Kind != kind {
		return o, ledger.Refuse(ledger.Malformed, "an order of another kind than its entry")
	}
	if o.Ledger != d.st.Origin() {
		return o, ledger.Refuse(ledger.WrongLedger, "")
	}
	if !load(d.st, fundKey(o.Fund, o.Period), &o.fund) {
		return o, ledger.Refuse(ledger.UnknownFund, "")
	}
	return o, nil
}

// current checks the order's own time: made not too far ahead, and not run out.
func (d *decision) current(o order) error {
	if d.now.After(o.ExpiresAt) {
		return ledger.Refuse(ledger.OrderExpired, "")
	}
	if o.IssuedAt.After(d.now.Add(EarlyBy)) {
		return ledger.Refuse(ledger.OrderEarly, "")
	}
	return nil
}

// shopSigned checks the order's signature against the keys that the ledger records for its shop.
func (d *decision) shopSigned(o order) (shopRecord, error) {
	var s shopRecord
	if !load(d.st, shopKey(o.Shop), &s) {
		return s, ledger.Refuse(ledger.UnknownShop, "")
	}
	return s, d.signedBy(s.Keys, o.token)
}

// spend decides a purchase.
func (d *decision) spend() error {
	body, err := ledger.ParseBody[ledger.SpendBody](d.p.Command)
	if err != nil {
		return ledger.Refuse(ledger.Malformed, "%v", err)
	}
	if (body.Account == nil) == (body.Purse == "") {
		return ledger.Refuse(ledger.Malformed, "a spend carries a purse proof or an account proof")
	}
	o, err := d.parseOrder(body.Order, budget.Purchase)
	if err != nil {
		return err
	}
	if body.Account == nil {
		// A fund has a mint key or it has none; this one has none, so no purse can have been issued from it.
		return ledger.Refuse(ledger.BadProof, "the fund has no mint key")
	}

	payer := body.Account.JWK.Thumbprint()
	var key keyRecord
	known := load(d.st, keyKey(payer), &key)
	// A retry is proved by its key like a payment: the receipt would tell a shop that shows two keys of its customers
	// whether they belong to one account.
	if err := d.seen(o, func(b bindRecord) bool {
		if !known || b.Account != key.Account {
			return false
		}
		_, err := d.binding(o, *body.Account)
		return err == nil
	}); err != nil {
		return answered(err)
	}

	shop, err := d.shopSigned(o)
	if err != nil {
		return err
	}
	if err := d.current(o); err != nil {
		return err
	}
	if err := d.sellable(o, shop); err != nil {
		return err
	}

	if !known || key.Dropped {
		return ledger.Refuse(ledger.UnknownAccount, "")
	}
	account, err := d.account(key.Account, o.Fund, o.Period)
	if err != nil {
		return err
	}
	if err := d.accountProof(o, *body.Account); err != nil {
		return err
	}
	if account.Blocked {
		return ledger.Refuse(ledger.AccountBlocked, "")
	}
	if account.Balance < o.Amount {
		return ledger.Refuse(ledger.TooLittleLeft, "")
	}
	sums := Sums(d.st, o.Fund, o.Period)
	sums.Spent += o.Amount
	if sums.Outstanding() < 0 {
		return ledger.Refuse(ledger.Conservation, "more would be spent than was given")
	}

	account.Balance -= o.Amount
	d.set(accountKey(key.Account), account)
	d.set(totalKey(o.Fund, o.Period), sums)
	d.set(bindKey(o.bind), bindRecord{Index: d.st.Size(), Account: key.Account})
	d.row(o, o.Amount, rowRecord{Category: o.Category, Amount: o.Amount, Account: key.Account, Payer: payer.String()})
	return nil
}

// seen answers an order that was used before: by the same party it is a retry, by another it is refused.
func (d *decision) seen(o order, same func(bindRecord) bool) error {
	var b bindRecord
	if !load(d.st, bindKey(o.bind), &b) {
		return nil
	}
	if same(b) {
		return d.retry(b.Index)
	}
	return ledger.Refuse(ledger.OrderUsed, "")
}

// sellable checks period, shop, category and limits of a purchase.
func (d *decision) sellable(o order, shop shopRecord) error {
	// The order's own time counts, so that a payment under way at midnight is not lost.
	switch {
	case o.IssuedAt.Before(o.fund.Period.Opens):
		return ledger.Refuse(ledger.NotOpenYet, "")
	case o.IssuedAt.After(o.fund.Period.Closes) || o.fund.Closed:
		return ledger.Refuse(ledger.PeriodClosed, "")
	case shop.State != ledger.Accredited:
		return ledger.Refuse(ledger.ShopSuspended, "")
	case o.IssuedAt.Before(shop.From):
		return ledger.Refuse(ledger.ShopSuspended, "not accredited yet")
	case !slices.Contains(o.fund.Categories, o.Category) || !slices.Contains(shop.Categories, o.Category):
		return ledger.Refuse(ledger.WrongCategory, "")
	case o.Amount < o.fund.Limits.Min:
		return ledger.Refuse(ledger.BelowMinimum, "")
	case o.Amount > o.fund.Limits.Max:
		return ledger.Refuse(ledger.AboveMaximum, "")
	}
	return nil
}

// binding checks that the holder's key binding JWT is signed by its key, for this order and its verifier.
func (d *decision) binding(o order, proof ledger.AccountProof) (sdjwt.KB, error) {
	kb, err := d.p.keyBinding(proof)
	if err != nil {
		return kb, ledger.Refuse(ledger.BadProof, "the key binding is not signed by the key")
	}
	if kb.Audience != o.ClientID {
		return kb, ledger.Refuse(ledger.WrongAudience, "")
	}
	if kb.Nonce != o.bind.Nonce() {
		return kb, ledger.Refuse(ledger.BadProof, "the key binding is for another order")
	}
	return kb, nil
}

// accountProof checks the holder's key binding JWT over the order, and what it says about what the holder saw.
func (d *decision) accountProof(o order, proof ledger.AccountProof) error {
	kb, err := d.binding(o, proof)
	if err != nil {
		return err
	}
	if kb.TransactionDataHashes == nil {
		if o.Amount > o.fund.Limits.Blind {
			return ledger.Refuse(ledger.BlindLimit, "")
		}
		return nil
	}
	if len(kb.TransactionDataHashes) != 1 || kb.TransactionDataHashes[0] != [32]byte(o.bind) {
		return ledger.Refuse(ledger.BadProof, "the key binding names other transaction data")
	}
	return nil
}

// row appends the shop's next row: net is what its claim grows by.
func (d *decision) row(o order, net budget.Cents, r rowRecord) {
	key := tillKey(o.Fund, o.Period, o.Shop)
	var till shopTotals
	load(d.st, key, &till)
	var before rowRecord
	if till.Last != nil {
		load(d.st, rowKey(*till.Last), &before)
	}
	index := d.st.Size()
	r.Shop, r.Fund, r.Period = o.Shop, o.Fund, o.Period
	r.Before, r.Net, r.Count = till.Last, before.Net+net, before.Count+1
	till.Last = &index
	if net > 0 {
		till.Sales.Spent += net
	} else {
		till.Sales.Returned -= net
	}
	d.set(rowKey(index), r)
	d.set(key, till)
}

// returned decides a credit note.
func (d *decision) returned() error {
	body, err := ledger.ParseBody[ledger.OrderBody](d.p.Command)
	if err != nil {
		return ledger.Refuse(ledger.Malformed, "%v", err)
	}
	o, err := d.parseOrder(body.Order, budget.Return)
	if err != nil {
		return err
	}
	if err := d.seen(o, func(bindRecord) bool { return true }); err != nil {
		return answered(err)
	}
	// A shop that was accredited when it sold may always give back: its keys count, its state does not.
	if _, err := d.shopSigned(o); err != nil {
		return err
	}
	if err := d.current(o); err != nil {
		return err
	}
	if o.IssuedAt.After(o.fund.Period.Settles) || o.fund.Closed {
		return ledger.Refuse(ledger.PeriodClosed, "")
	}
	var row rowRecord
	switch {
	case !load(d.st, rowKey(o.Original), &row) || row.Amount == 0 || !row.of(o.Shop, o.Fund, o.Period):
		return ledger.Refuse(ledger.OriginalUnknown, "")
	case row.Payer != o.For:
		return ledger.Refuse(ledger.NotForYou, "")
	case row.Category != o.Category:
		return ledger.Refuse(ledger.WrongCategory, "the purchase was of another category")
	case row.Returned+o.Amount > row.Amount:
		return ledger.Refuse(ledger.ReturnExceedsSpend, "")
	case body.Purse != "":
		return ledger.Refuse(ledger.BadProof, "a purchase from an account goes back to that account")
	}
	account, err := d.account(row.Account, o.Fund, o.Period)
	if err != nil {
		return err
	}
	account.Balance += o.Amount
	row.Returned += o.Amount
	sums := Sums(d.st, o.Fund, o.Period)
	sums.Returned += o.Amount
	d.set(accountKey(row.Account), account)
	d.set(rowKey(o.Original), row)
	d.set(totalKey(o.Fund, o.Period), sums)
	d.set(bindKey(o.bind), bindRecord{Index: d.st.Size()})
	d.row(o, -o.Amount, rowRecord{})
	return nil
}

// topUp decides a municipal addition to an account.
func (d *decision) topUp() error {
	body, err := ledger.ParseBody[ledger.OrderBody](d.p.Command)
	if err != nil {
		return ledger.Refuse(ledger.Malformed, "%v", err)
	}
	o, err := d.parseOrder(body.Order, budget.TopUp)
	if err != nil {
		return err
	}
	if err := d.seen(o, func(bindRecord) bool { return true }); err != nil {
		return answered(err)
	}
	var g genesisRecord
	if !load(d.st, "genesis", &g) {
		return ledger.Refuse(ledger.WrongLedger, "the ledger has no genesis yet")
	}
	if err := d.signedBy(g.Keys, o.token); err != nil {
		return err
	}
	if err := d.current(o); err != nil {
		return err
	}
	if o.IssuedAt.After(o.fund.Period.Closes) || o.fund.Closed {
		return ledger.Refuse(ledger.PeriodClosed, "")
	}
	account, err := d.account(o.For, o.Fund, o.Period)
	if err != nil {
		return err
	}
	if body.Purse != "" {
		return ledger.Refuse(ledger.BadProof, "the top-up names an account")
	}
	if account.Balance += o.Amount; account.Balance > budget.MaxCents {
		return ledger.Refuse(ledger.AboveMaximum, "an account holds at most %d cents", int64(budget.MaxCents))
	}
	sums := Sums(d.st, o.Fund, o.Period)
	sums.ToppedUp += o.Amount
	d.set(accountKey(o.For), account)
	d.set(totalKey(o.Fund, o.Period), sums)
	d.set(bindKey(o.bind), bindRecord{Index: d.st.Size()})
	return nil
}
