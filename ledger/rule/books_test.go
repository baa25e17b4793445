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

// TestOnce: genesis, fund and account are there once; what comes before its time is refused.
func TestOnce(t *testing.T) {
	b := empty(t)
	b.no(b.OpenFund(), ledger.WrongLedger) // no genesis yet
	b.no(b.Accredit("trapper", ledger.Accredited), ledger.WrongLedger)
	for _, c := range b.Open() {
		b.same(c, b.ok(c))
	}
	b.no(b.Genesis(), ledger.AlreadyIssued)
	b.no(b.OpenFund(), ledger.AlreadyIssued)
	h := b.family(100)
	b.no(b.Issue(h, 100), ledger.AlreadyIssued) // a second budget for the same account
	key := b.NewHolder()
	key.Key = h.Key
	b.no(b.Issue(key, 100), ledger.AlreadyIssued) // a second account for the same key
	b.no(b.Block(b.NewHolder(), ledger.Blocked), ledger.UnknownAccount)
}

// TestBlock: a blocked account pays nothing, and pays again when it is active.
func TestBlock(t *testing.T) {
	b := opened(t)
	h, other := b.family(1000), b.family(1000)
	b.ok(b.Block(h, ledger.Blocked))
	b.no(b.pay(h, "trapper", 100, nil), ledger.AccountBlocked)
	b.ok(b.pay(other, "trapper", 100, nil))
	b.ok(b.Block(h, ledger.Active))
	b.ok(b.pay(h, "trapper", 100, nil))
}

// TestPayouts: each entry of a shop stands in exactly one payout, and the payout says its sum and number.
func TestPayouts(t *testing.T) {
	b := opened(t)
	h := b.family(30000)
	pay := func(shop string, amount budget.Cents) uint64 { return b.ok(b.pay(h, shop, amount, nil)).Index }
	b.no(b.Payout("trapper", 0, 0, 100, 1), ledger.OriginalUnknown) // no entries at all
	one, book, two := pay("trapper", 500), pay("plein", 700), pay("trapper", 300)
	back := b.ok(b.Return(b.Sign(b.ReturnOrder(h, "trapper", one, 200, "fiets")))).Index
	for name, c := range map[string]ledger.Command{
		"total a cent over":      b.Payout("trapper", one, back, 601, 3),
		"total a cent under":     b.Payout("trapper", one, back, 599, 3),
		"return left out":        b.Payout("trapper", one, back, 800, 3),
		"an entry too many":      b.Payout("trapper", one, back, 600, 4),
		"an entry too few":       b.Payout("trapper", one, back, 600, 2),
		"the first left out":     b.Payout("trapper", two, back, 100, 2),
		"another shop's in sums": b.Payout("trapper", one, back, 1300, 4),
	} {
		t.Run(name, func(t *testing.T) { b.no(c, ledger.Conservation) })
	}
	for name, c := range map[string]ledger.Command{
		"first of another shop": b.Payout("trapper", book, back, 600, 3),
		"last of another shop":  b.Payout("trapper", one, book, 500, 1),
		"last not there":        b.Payout("trapper", one, back+1, 600, 3),
		"first no sale":         b.Payout("trapper", one-1, back, 600, 3),
	} {
		t.Run(name, func(t *testing.T) { b.no(c, ledger.OriginalUnknown) })
	}
	part := b.Payout("trapper", one, two, 800, 2)
	b.same(part, b.ok(part))
	b.no(b.Payout("trapper", one, two, 800, 2), ledger.AlreadyPaidOut)
	b.no(b.Payout("trapper", two, back, 100, 2), ledger.AlreadyPaidOut) // overlaps
	// The return alone is a debt of the shop: there is nothing to pay until it sells more than that.
	three := pay("trapper", 150)
	if _, err := ledger.Payload(ledger.Payout{Head: b.Head(ledger.KindPayout), Shop: b.Shops["trapper"].DID, First: back, Last: three, Total: -50, Entries: 2}); err == nil {
		t.Error("a payout of less than nothing can be written")
	}
	b.no(b.Payout("trapper", back, three, 50, 2), ledger.Conservation)
	four := pay("trapper", 100)
	b.no(b.Payout("trapper", three, four, 250, 2), ledger.Conservation) // without the debt
	b.ok(b.Payout("trapper", back, four, 50, 3))
	b.ok(b.Payout("plein", book, book, 700, 1))
	b.no(b.Payout("trapper", four, four, 100, 1), ledger.AlreadyPaidOut)
}

// TestClose: the books close after the last day for returns, with the totals as they are to the cent, once.
func TestClose(t *testing.T) {
	b := opened(t)
	h := b.family(30000)
	bought := b.ok(b.pay(h, "trapper", 700, nil))
	b.ok(b.Return(b.Sign(b.ReturnOrder(h, "trapper", bought.Index, 200, "fiets"))))
	b.ok(b.TopUp(b.Sign(b.TopUpOrder(h, 1000))))
	good := b.closing()
	if good.Issued != 30000 || good.ToppedUp != 1000 || good.Spent != 700 || good.Returned != 200 || good.Expired != 30500 {
		t.Fatalf("totals: %+v", good)
	}
	b.Clock = b.Period.Settles
	b.no(b.Statement(good), ledger.NotOpenYet)
	b.Clock = b.Clock.Add(time.Second)
	for name, change := range map[string]func(*ledger.Close){
		"issued":    func(c *ledger.Close) { c.Issued++ },
		"topped up": func(c *ledger.Close) { c.ToppedUp-- },
		"spent":     func(c *ledger.Close) { c.Spent++ },
		"returned":  func(c *ledger.Close) { c.Returned-- },
		"expired":   func(c *ledger.Close) { c.Expired++ },
	} {
		c := good
		c.Head = b.Head(ledger.KindClose)
		change(&c)
		t.Run(name, func(t *testing.T) { b.no(b.Statement(c), ledger.Conservation) })
	}
	b.ok(b.Statement(good))
	b.no(b.Statement(b.closing()), ledger.PeriodClosed)
	b.no(b.Issue(b.NewHolder(), 100), ledger.PeriodClosed)
	b.no(b.Block(h, ledger.Blocked), ledger.PeriodClosed)
	b.no(b.Keys(h, nil, []jose.Thumbprint{thumb(h)}), ledger.PeriodClosed)
	b.ok(b.Payout("trapper", bought.Index, bought.Index+1, 500, 2)) // what the shops have earned is still paid
}

// TestState: a state entry says the rules' version and the digest of the state before it, and nothing else will do.
func TestState(t *testing.T) {
	b := opened(t)
	digest, err := b.ledger.Digest()
	if err != nil {
		t.Fatal(err)
	}
	good := ledger.StateBody{Rule: rule.Version, Digest: digest, Salt: ledgertest.ID()}
	if _, err := rule.Decide(b.ledger, b.command(ledger.KindState, good), b.Clock); err != nil {
		t.Errorf("the good one: %v", err)
	}
	for name, change := range map[string]func(*ledger.StateBody){
		"another version": func(s *ledger.StateBody) { s.Rule++ },
		"another digest":  func(s *ledger.StateBody) { s.Digest[0] ^= 1 },
		"no salt":         func(s *ledger.StateBody) { s.Salt = "" },
	} {
		s := good
		change(&s)
		t.Run(name, func(t *testing.T) { b.no(b.command(ledger.KindState, s), ledger.Conservation) })
	}
	if rule.StateDue(b.Clock, b.Clock.Truncate(24*time.Hour).Add(24*time.Hour-time.Second)) {
		t.Error("a state is due on the same day")
	}
	if !rule.StateDue(b.Clock, b.Clock.Truncate(24*time.Hour).Add(24*time.Hour)) {
		t.Error("no state is due at midnight, UTC")
	}
}
