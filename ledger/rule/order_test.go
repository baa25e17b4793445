package rule_test

import (
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
	"kindpakket/ledger/rule"
)

// TestRetryComesFirst: what was done is answered whatever the time, the shop, the account and the period have become.
func TestRetryComesFirst(t *testing.T) {
	b := opened(t)
	h := b.family(30000)
	order := b.Sign(b.order("trapper", 400, nil))
	spend := b.Spend(h, order)
	spent := b.ok(spend)
	note := b.Sign(b.ReturnOrder(h, "trapper", spent.Index, 100, "fiets"))
	returned := b.ok(b.Return(note))
	added := b.Sign(b.TopUpOrder(h, 500))
	topUp := b.ok(b.TopUp(added))
	block := b.Block(h, ledger.Blocked)
	blocked := b.ok(block)
	b.ok(b.Accredit("trapper", ledger.Suspended))
	b.Clock = b.Period.Settles.Add(time.Second)
	b.ok(b.Statement(b.closing()))
	b.Clock = b.Clock.AddDate(1, 0, 0)

	b.same(spend, spent)
	b.same(b.Spend(h, order), spent) // signed again by the same family
	b.same(b.Return(note), returned)
	b.same(b.TopUp(added), topUp)
	b.same(block, blocked)
	b.no(b.pay(h, "trapper", 400, nil), ledger.PeriodClosed) // another order is no retry
}

// TestRetryIsProved: a shop that saw two keys learns nothing by offering its old order with the other one. Had the ledger
// answered without a proof, the receipt would have said that both belong to one account.
func TestRetryIsProved(t *testing.T) {
	b := opened(t)
	h, stranger := b.family(1000), b.family(1000)
	other := ledgertest.Holder{Key: ledgertest.NewKey(t), Account: h.Account}
	b.ok(b.Keys(h, []jose.Thumbprint{other.Key.Public().Thumbprint()}, []jose.Thumbprint{}))
	order := b.Sign(b.order("trapper", 400, nil))
	spent := b.ok(b.Spend(h, order))
	seen := b.Proof(other, b.Sign(b.order("trapper", 100, nil)), ledgertest.KB{}) // what the shop has of the other key
	b.no(b.SpendWith(order, seen), ledger.OrderUsed)
	for _, key := range []jose.Key{h.Key.Public(), other.Key.Public(), stranger.Key.Public(), ledgertest.NewKey(t).Public()} {
		b.no(b.SpendWith(order, ledger.AccountProof{JWK: key, KBJWT: "e30.e30.AA"}), ledger.OrderUsed)
		b.no(b.SpendWith(order, ledger.AccountProof{JWK: key, KBJWT: seen.KBJWT}), ledger.OrderUsed)
	}
	b.no(b.Spend(stranger, order), ledger.OrderUsed)
	b.same(b.Spend(other, order), spent) // the family itself, with whichever of its keys
}

// TestOrderOfChecks: what is wrong twice is refused for what comes first in docs/spec/purse.md, Section 7.
func TestOrderOfChecks(t *testing.T) {
	b := opened(t)
	h := b.family(100)
	late := at(b.Clock.Add(-time.Hour))
	forged := func(change func(*budget.Order)) ledger.Command {
		return b.Spend(h, b.SignOrder(h.Key, b.order("trapper", 100, change)))
	}
	b.no(forged(func(o *budget.Order) { o.Ledger, o.Fund = "elsewhere.example", "stadspas" }), ledger.WrongLedger)
	b.no(forged(func(o *budget.Order) { o.Fund = "stadspas" }), ledger.UnknownFund)
	b.no(forged(late), ledger.BadSignature) // the signature before the time
	b.no(b.pay(h, "trapper", 10, late), ledger.OrderExpired)
	b.no(b.pay(h, "trapper", 10, func(o *budget.Order) { o.Category = "boeken" }), ledger.WrongCategory)
	b.no(b.pay(b.NewHolder(), "trapper", 10, nil), ledger.BelowMinimum)
	b.ok(b.Block(h, ledger.Blocked))
	order := b.Sign(b.order("trapper", 101, nil))
	b.no(b.SpendWith(order, b.Proof(h, order, ledgertest.KB{Audience: "x509_hash:elders", Nonce: "elders"})), ledger.WrongAudience)
	b.no(b.SpendWith(order, b.Proof(h, order, ledgertest.KB{Nonce: "elders"})), ledger.BadProof) // who is blocked is told only to the key's holder
	b.no(b.Spend(h, order), ledger.AccountBlocked)
	b.ok(b.Block(h, ledger.Active))
	b.no(b.Spend(h, order), ledger.TooLittleLeft)
}

// TestLimits stands one cent, and one second, on either side of each limit.
func TestLimits(t *testing.T) {
	b := opened(t)
	h := b.family(budget.MaxCents)
	blind := func(amount budget.Cents) ledger.Command {
		order := b.Sign(b.order("trapper", amount, nil))
		return b.SpendWith(order, b.Proof(h, order, ledgertest.KB{Hashes: []string{}}))
	}
	b.no(b.pay(h, "trapper", 49, nil), ledger.BelowMinimum)
	b.ok(b.pay(h, "trapper", 50, nil))
	b.ok(b.pay(h, "trapper", 50000, nil))
	b.no(b.pay(h, "trapper", 50001, nil), ledger.AboveMaximum)
	b.ok(blind(5000))
	b.no(blind(5001), ledger.BlindLimit)
	b.ok(b.pay(h, "trapper", 5001, nil))

	b.no(b.TopUp(b.Sign(b.TopUpOrder(h, 60052))), ledger.AboveMaximum)
	b.ok(b.TopUp(b.Sign(b.TopUpOrder(h, 60051))))
	b.left(h, budget.MaxCents)

	poor := b.family(100)
	b.no(b.pay(poor, "trapper", 101, nil), ledger.TooLittleLeft)
	b.ok(b.pay(poor, "trapper", 100, nil))
	b.left(poor, 0)
}

// TestOrderTimes: an order may lie two minutes ahead of the ledger's clock, and be used until the second it expires.
func TestOrderTimes(t *testing.T) {
	b := opened(t)
	h := b.family(10000)
	start := b.Clock
	b.ok(b.pay(h, "trapper", 100, at(start.Add(2*time.Minute))))
	b.no(b.pay(h, "trapper", 100, at(start.Add(2*time.Minute+time.Second))), ledger.OrderEarly)
	b.ok(b.pay(h, "trapper", 100, at(start.Add(-2*time.Minute))))
	b.no(b.pay(h, "trapper", 100, at(start.Add(-2*time.Minute-time.Second))), ledger.OrderExpired)
	bought := b.ok(b.pay(h, "trapper", 100, nil))
	note := func(move time.Duration) ledger.Command {
		o := b.ReturnOrder(h, "trapper", bought.Index, 10, "fiets")
		at(start.Add(move))(&o)
		return b.Return(b.Sign(o))
	}
	add := func(move time.Duration) ledger.Command {
		o := b.TopUpOrder(h, 10)
		at(start.Add(move))(&o)
		return b.TopUp(b.Sign(o))
	}
	for _, make := range []func(time.Duration) ledger.Command{note, add} {
		b.ok(make(2 * time.Minute))
		b.no(make(2*time.Minute+time.Second), ledger.OrderEarly)
		b.ok(make(-2 * time.Minute))
		b.no(make(-2*time.Minute-time.Second), ledger.OrderExpired)
	}
}

// TestPeriodEnds: the order's own time counts, to the second; returns go on until the last day for them.
func TestPeriodEnds(t *testing.T) {
	b := empty(t)
	b.Clock = b.Period.Opens.Add(-time.Minute)
	for _, c := range b.Open() {
		b.ok(c)
	}
	h := b.family(10000)
	b.no(b.pay(h, "trapper", 100, at(b.Period.Opens.Add(-time.Second))), ledger.NotOpenYet)
	bought := b.ok(b.pay(h, "trapper", 100, at(b.Period.Opens))) // the ledger's clock stands a minute before
	last := at(b.Period.Closes)
	b.Clock = b.Period.Closes.Add(time.Minute)
	b.ok(b.pay(h, "trapper", 100, last)) // made in the last second, paid after it
	b.no(b.pay(h, "trapper", 100, at(b.Period.Closes.Add(time.Second))), ledger.PeriodClosed)
	b.no(b.Issue(b.NewHolder(), 100), ledger.PeriodClosed)
	b.no(b.TopUp(b.Sign(b.TopUpOrder(h, 100))), ledger.PeriodClosed)
	note := b.ReturnOrder(h, "trapper", bought.Index, 10, "fiets")
	b.ok(b.Return(b.Sign(note)))
	b.Clock = b.Period.Settles
	b.ok(b.Return(b.Sign(b.ReturnOrder(h, "trapper", bought.Index, 10, "fiets"))))
	b.Clock = b.Period.Settles.Add(time.Second)
	b.no(b.Return(b.Sign(b.ReturnOrder(h, "trapper", bought.Index, 10, "fiets"))), ledger.PeriodClosed)
}

// TestKeys: keys are added and dropped, a key belongs to one account for ever, and money follows the account.
func TestKeys(t *testing.T) {
	b := opened(t)
	h, other := b.family(1000), b.family(1000)
	bought := b.ok(b.pay(h, "trapper", 600, nil))
	phone := b.NewHolder()
	phone.Account = h.Account
	b.no(b.Keys(h, []jose.Thumbprint{thumb(other)}, nil), ledger.AlreadyIssued)
	b.no(b.Keys(h, nil, []jose.Thumbprint{thumb(other)}), ledger.NotForYou)
	b.no(b.Keys(h, nil, []jose.Thumbprint{thumb(phone)}), ledger.NotForYou)
	b.no(b.Keys(b.NewHolder(), []jose.Thumbprint{thumb(phone)}, nil), ledger.UnknownAccount)
	rekey := b.Keys(h, []jose.Thumbprint{thumb(phone)}, []jose.Thumbprint{thumb(h)})
	e := b.ok(rekey)
	b.same(rekey, e)
	b.no(b.pay(h, "trapper", 100, nil), ledger.UnknownAccount)
	b.no(b.Keys(h, nil, []jose.Thumbprint{thumb(h)}), ledger.NotForYou)         // dropped already
	b.no(b.Keys(h, []jose.Thumbprint{thumb(h)}, nil), ledger.AlreadyIssued)     // dropped keys do not come back
	b.no(b.Keys(other, []jose.Thumbprint{thumb(h)}, nil), ledger.AlreadyIssued) // nor to another account
	lost := b.NewHolder()
	lost.Key = h.Key
	b.no(b.Issue(lost, 100), ledger.AlreadyIssued)
	// The purchase was paid with the old key: its return names that key and goes to the account all the same.
	b.no(b.Return(b.Sign(b.ReturnOrder(phone, "trapper", bought.Index, 100, "fiets"))), ledger.NotForYou)
	b.ok(b.Return(b.Sign(b.ReturnOrder(h, "trapper", bought.Index, 100, "fiets"))))
	b.left(phone, 500)
	b.ok(b.pay(phone, "trapper", 500, nil))

	full := make([]jose.Thumbprint, ledger.MaxAccountKeys)
	for i := range full {
		full[i] = jose.Thumbprint{byte(i), 7}
	}
	b.ok(b.Keys(phone, full, []jose.Thumbprint{thumb(phone)})) // 64 in, one out: exactly full
	b.no(b.Keys(phone, []jose.Thumbprint{{255}}, nil), ledger.Malformed)
	b.ok(b.Keys(phone, []jose.Thumbprint{{255}}, full[:1]))
}

// TestTopUp: the same order adds once; it names an account of its fund.
func TestTopUp(t *testing.T) {
	b := opened(t)
	h := b.family(1000)
	order := b.Sign(b.TopUpOrder(h, 250))
	e := b.ok(b.TopUp(order))
	b.same(b.TopUp(order), e)
	b.left(h, 1250)
	b.no(b.TopUp(b.Sign(b.TopUpOrder(b.NewHolder(), 250))), ledger.UnknownAccount)
	b.no(b.TopUp(b.SignOrder(b.Shops["trapper"].Key, b.TopUpOrder(h, 250))), ledger.BadSignature)
	b.no(b.command(ledger.KindTopUp, ledger.OrderBody{Order: b.Sign(b.TopUpOrder(h, 250)), Purse: "AAAA"}), ledger.BadProof)
	b.ok(b.Block(h, ledger.Blocked))
	b.ok(b.TopUp(b.Sign(b.TopUpOrder(h, 1)))) // a blocked account may be added to
}

// TestReturns gives a purchase back in parts, to the cent, by the shop that sold it and to who paid.
func TestReturns(t *testing.T) {
	b := opened(t)
	h, other := b.family(1000), b.family(1000)
	bought := b.ok(b.pay(h, "trapper", 1000, nil))
	note := func(shop string, index uint64, amount budget.Cents, category budget.Category) ledger.Command {
		return b.Return(b.Sign(b.ReturnOrder(h, shop, index, amount, category)))
	}
	b.no(note("plein", bought.Index, 10, "boeken"), ledger.OriginalUnknown)    // another shop
	b.no(note("trapper", bought.Index-1, 10, "fiets"), ledger.OriginalUnknown) // not a purchase
	b.no(note("trapper", bought.Index, 10, "sport"), ledger.WrongCategory)
	b.no(b.Return(b.Sign(b.ReturnOrder(other, "trapper", bought.Index, 10, "fiets"))), ledger.NotForYou)
	b.no(b.Return(b.SignOrder(b.Shops["plein"].Key, b.ReturnOrder(h, "trapper", bought.Index, 10, "fiets"))), ledger.BadSignature)
	b.no(b.command(ledger.KindReturn, ledger.OrderBody{Order: b.Sign(b.ReturnOrder(h, "trapper", bought.Index, 10, "fiets")), Purse: "AAAA"}), ledger.BadProof)
	first := note("trapper", bought.Index, 1, "fiets") // below the least amount of a spend
	e := b.ok(first)
	b.same(first, e)
	b.no(note("trapper", e.Index, 1, "fiets"), ledger.OriginalUnknown) // a return of a return
	b.ok(b.Accredit("trapper", ledger.Suspended))
	b.ok(b.Block(h, ledger.Blocked))
	b.no(note("trapper", bought.Index, 1000, "fiets"), ledger.ReturnExceedsSpend)
	b.ok(note("trapper", bought.Index, 999, "fiets")) // suspended sells nothing but gives back, to a blocked account too
	b.no(note("trapper", bought.Index, 1, "fiets"), ledger.ReturnExceedsSpend)
	b.left(h, 1000)
	b.left(other, 1000)
}

// TestShops: a suspended shop sells nothing until it is accredited again, and not before its date; new keys replace old.
func TestShops(t *testing.T) {
	b := opened(t)
	h := b.family(10000)
	b.ok(b.Accredit("trapper", ledger.Suspended))
	b.no(b.pay(h, "trapper", 100, nil), ledger.ShopSuspended)
	b.ok(b.Accredit("trapper", ledger.Accredited))
	b.ok(b.pay(h, "trapper", 100, nil))

	s := b.Shops["trapper"]
	statement := ledger.Shop{Head: b.Head(ledger.KindShop), Shop: s.DID, Name: "Trapper", Categories: s.Categories, State: ledger.Accredited,
		Keys: []ledger.NamedKey{{KeyID: s.DID + "#key-1", JWK: s.Key.Public()}}, From: b.Clock.Add(time.Second).Format(time.RFC3339)}
	b.ok(b.Statement(statement))
	b.no(b.pay(h, "trapper", 100, nil), ledger.ShopSuspended) // not accredited yet
	b.Clock = b.Clock.Add(time.Second)
	b.ok(b.pay(h, "trapper", 100, nil))

	old := s.Key
	s.Key = ledgertest.NewKey(t)
	b.ok(b.Accredit("trapper", ledger.Accredited))
	b.ok(b.pay(h, "trapper", 100, nil))
	b.no(b.Spend(h, b.SignOrder(old, b.order("trapper", 100, nil))), ledger.BadSignature)
}

// TestWrongFund sends every kind that names a fund to one that is not there, and to accounts of another.
func TestWrongFund(t *testing.T) {
	b := opened(t)
	h := b.family(1000)
	bought := b.ok(b.pay(h, "trapper", 100, nil))
	second := b.FundStatement()
	second.Fund = "stadspas"
	b.ok(b.Statement(second))
	commands := func() map[string]ledger.Command {
		c := b.closing()
		return map[string]ledger.Command{
			"issue": b.Issue(b.NewHolder(), 100), "keys": b.Keys(h, []jose.Thumbprint{{1}}, nil), "block": b.Block(h, ledger.Blocked),
			"payout": b.Payout("trapper", bought.Index, bought.Index, 100, 1), "close": b.Statement(c),
			"spend": b.pay(h, "trapper", 100, nil), "topup": b.TopUp(b.Sign(b.TopUpOrder(h, 100))),
			"return": b.Return(b.Sign(b.ReturnOrder(h, "trapper", bought.Index, 100, "fiets"))),
		}
	}
	b.Fund = "nergens"
	for _, c := range commands() {
		b.no(c, ledger.UnknownFund)
	}
	b.Fund = "stadspas" // it is there, but nothing in it is ours
	for name, c := range commands() {
		switch name {
		case "keys", "block", "spend", "topup":
			b.no(c, ledger.UnknownAccount)
		case "return", "payout":
			b.no(c, ledger.OriginalUnknown)
		}
	}
	b.Fund, b.Origin = "kindpakket", "kindpakket.elders.example"
	for _, c := range commands() {
		b.no(c, ledger.WrongLedger)
	}
	b.no(b.OpenFund(), ledger.WrongLedger)
	b.no(b.Accredit("trapper", ledger.Accredited), ledger.WrongLedger)
}

// TestDecideIsPure: asking changes nothing, and a prepared command gives the same answer again against a newer state.
func TestDecideIsPure(t *testing.T) {
	b := opened(t)
	h := b.family(150)
	p := rule.Prepare(b.pay(h, "trapper", 100, nil))
	for range 3 {
		if _, err := p.Decide(b.ledger, b.Clock); err != nil {
			t.Fatal(err)
		}
	}
	b.left(h, 150)
	b.ok(b.pay(h, "trapper", 100, nil))
	b.no(p.Command, ledger.TooLittleLeft)
	if _, err := p.Decide(b.ledger, b.Clock); err == nil {
		t.Error("prepared before, and now there is too little left: accepted")
	}
}
