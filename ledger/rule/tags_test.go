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

// The tests here are named after the faults of the system that went before; each first line says the fault.

// TestC1ShopCannotTakeWithoutHolder: an approved shop could take from any address, without the payer's consent.
func TestC1ShopCannotTakeWithoutHolder(t *testing.T) {
	b := opened(t)
	h := b.family(1000)
	order := b.Sign(b.order("trapper", 100, nil))
	shop := ledgertest.Holder{Key: b.Shops["trapper"].Key, Account: h.Account}
	forged := b.Proof(shop, order, ledgertest.KB{}) // signed by the shop under the family's key
	forged.JWK = h.Key.Public()
	b.no(b.SpendWith(order, forged), ledger.BadProof)
	b.no(b.Spend(shop, order), ledger.UnknownAccount)
	used := b.Sign(b.order("trapper", 100, nil))
	old := b.Proof(h, used, ledgertest.KB{})
	b.ok(b.SpendWith(used, old))
	b.no(b.SpendWith(order, old), ledger.BadProof) // consent to one order is none to the next
	b.left(h, 900)
}

// TestC2NoMoneyFromNothing: a transfer did not check the balance, and the underflow minted money.
func TestC2NoMoneyFromNothing(t *testing.T) {
	b := opened(t)
	h, rich := b.family(100), b.family(20000) // the fund as a whole has enough
	b.no(b.pay(h, "trapper", 101, nil), ledger.TooLittleLeft)
	b.ok(b.pay(h, "trapper", 100, nil))
	b.no(b.pay(h, "trapper", 50, nil), ledger.TooLittleLeft)
	b.left(h, 0)
	b.left(rich, 20000)
	if got := rule.Sums(b.ledger, b.Fund, b.Period.ID); got.Outstanding() != 20000 {
		t.Errorf("outstanding: %d, want 20000", got.Outstanding())
	}
}

// TestC3WrongPartyIsRefusedAloud: a call by the wrong party returned silently as success.
func TestC3WrongPartyIsRefusedAloud(t *testing.T) {
	b := opened(t)
	h := b.family(1000)
	bought := b.ok(b.pay(h, "trapper", 100, nil))
	thief := ledgertest.NewKey(t)
	head := func(k ledger.Kind) ledger.Head { return b.Head(k) }
	for name, c := range map[string]ledger.Command{
		"fund":   b.SignedBy(thief, func() ledger.Fund { f := b.FundStatement(); f.Fund = "tweede"; return f }()),
		"issue":  b.SignedBy(thief, ledger.Issue{Head: head(ledger.KindIssue), Amount: 1, Account: ledger.Account{ID: ledgertest.ID(), Keys: []jose.Thumbprint{{1}}}}),
		"keys":   b.SignedBy(thief, ledger.Keys{Head: head(ledger.KindKeys), Account: h.Account, Add: []jose.Thumbprint{{1}}, Drop: []jose.Thumbprint{}}),
		"block":  b.SignedBy(thief, ledger.Block{Head: head(ledger.KindBlock), Account: h.Account, State: ledger.Blocked}),
		"payout": b.SignedBy(thief, ledger.Payout{Head: head(ledger.KindPayout), Shop: b.Shops["trapper"].DID, First: bought.Index, Last: bought.Index, Total: 100, Entries: 1}),
		"topup":  b.TopUp(b.SignOrder(thief, b.TopUpOrder(h, 100))),
		"spend":  b.Spend(h, b.SignOrder(thief, b.order("trapper", 100, nil))),
		"return": b.Return(b.SignOrder(thief, b.ReturnOrder(h, "trapper", bought.Index, 100, "fiets"))),
	} {
		t.Run(name, func(t *testing.T) { b.no(c, ledger.BadSignature) })
	}
	o := b.TopUpOrder(h, 100) // by a key that nobody recorded
	payload, err := o.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	jws, err := jose.Sign(thief, jose.Header{Type: budget.OrderJWSType, KeyID: "did:web:thief.example#key-1"}, payload)
	if err != nil {
		t.Fatal(err)
	}
	b.no(b.TopUp(jws), ledger.BadSignature)
	b.left(h, 900)
}

// TestC4EverySpendIsBound: there was no category rule, no expiry, no purchase id, no nonce, no block and no link from a
// shop's tokens to its payout.
func TestC4EverySpendIsBound(t *testing.T) {
	b := opened(t)
	h := b.family(10000)
	b.no(b.pay(h, "trapper", 100, func(o *budget.Order) { o.Category = "boeken" }), ledger.WrongCategory)
	stale := b.pay(h, "trapper", 100, nil)
	b.Clock = b.Clock.Add(time.Hour)
	b.no(stale, ledger.OrderExpired)
	order := b.Sign(b.order("trapper", 100, nil))
	bought := b.ok(b.Spend(h, order))
	b.no(b.Spend(b.family(1000), order), ledger.OrderUsed)
	b.no(b.SpendWith(b.Sign(b.order("trapper", 100, nil)), b.Proof(h, order, ledgertest.KB{})), ledger.BadProof)
	b.no(b.Payout("trapper", bought.Index, bought.Index, 200, 1), ledger.Conservation)
	b.ok(b.Payout("trapper", bought.Index, bought.Index, 100, 1))
	b.no(b.Payout("trapper", bought.Index, bought.Index, 100, 1), ledger.AlreadyPaidOut)
	b.ok(b.Block(h, ledger.Blocked))
	b.no(b.pay(h, "trapper", 100, nil), ledger.AccountBlocked)
}

// TestC5ReturnGoesBackToItsPurchase: a refund was tied to no purchase and could go to a friend.
func TestC5ReturnGoesBackToItsPurchase(t *testing.T) {
	b := opened(t)
	h, friend := b.family(1000), b.family(1000)
	bought := b.ok(b.pay(h, "trapper", 400, nil))
	b.no(b.Return(b.Sign(b.ReturnOrder(friend, "trapper", bought.Index, 400, "fiets"))), ledger.NotForYou)
	b.no(b.Return(b.Sign(b.ReturnOrder(friend, "trapper", bought.Index+1, 400, "fiets"))), ledger.OriginalUnknown)
	b.ok(b.Return(b.Sign(b.ReturnOrder(h, "trapper", bought.Index, 400, "fiets"))))
	b.no(b.Return(b.Sign(b.ReturnOrder(h, "trapper", bought.Index, 1, "fiets"))), ledger.ReturnExceedsSpend)
	b.left(h, 1000)
	b.left(friend, 1000)
}

// TestB6MunicipalityChoosesCategories: shops chose their own categories.
func TestB6MunicipalityChoosesCategories(t *testing.T) {
	b := opened(t)
	h := b.family(1000)
	b.no(b.pay(h, "plein", 100, func(o *budget.Order) { o.Category = "fiets" }), ledger.WrongCategory)   // the fund's, not the shop's
	b.no(b.pay(h, "plein", 100, func(o *budget.Order) { o.Category = "alcohol" }), ledger.WrongCategory) // nobody's
	s := b.Shops["plein"]
	wider := ledger.Shop{Head: b.Head(ledger.KindShop), Shop: s.DID, Name: "Plein", State: ledger.Accredited, From: b.Period.Opens.Format(time.RFC3339),
		Keys: []ledger.NamedKey{{KeyID: s.DID + "#key-1", JWK: s.Key.Public()}}, Categories: []budget.Category{"boeken", "fiets", "computer"}}
	payload, err := ledger.Payload(wider)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := jose.Sign(s.Key, jose.Header{Type: ledger.StatementJWSType, KeyID: s.DID + "#key-1"}, payload)
	if err != nil {
		t.Fatal(err)
	}
	b.no(b.command(ledger.KindShop, ledger.SignedBody{JWS: jws}), ledger.BadSignature) // the shop says so itself
	b.ok(b.Statement(wider))
	b.ok(b.pay(h, "plein", 100, func(o *budget.Order) { o.Category = "fiets" }))
	b.no(b.pay(h, "plein", 100, func(o *budget.Order) { o.Category = "computer" }), ledger.WrongCategory) // the shop's, not the fund's
}

// TestB10ThePeriodEnds: the promised expiry was enforced nowhere.
func TestB10ThePeriodEnds(t *testing.T) {
	b := opened(t)
	h := b.family(1000)
	b.Clock = b.Period.Closes
	b.ok(b.pay(h, "trapper", 100, nil))
	b.Clock = b.Period.Closes.Add(time.Second)
	b.no(b.pay(h, "trapper", 100, nil), ledger.PeriodClosed)
	b.no(b.TopUp(b.Sign(b.TopUpOrder(h, 100))), ledger.PeriodClosed)
	b.no(b.Issue(b.NewHolder(), 100), ledger.PeriodClosed)
	b.Clock = b.Period.Settles.Add(time.Second)
	c := b.closing()
	if c.Expired != 900 {
		t.Errorf("expired: %d, want 900", c.Expired)
	}
	b.ok(b.Statement(c))
}

// TestB12MostPerSpend: the full balance could be taken in one call.
func TestB12MostPerSpend(t *testing.T) {
	b := opened(t)
	h := b.family(80000)
	b.no(b.pay(h, "trapper", 80000, nil), ledger.AboveMaximum)
	b.no(b.pay(h, "trapper", 50001, nil), ledger.AboveMaximum)
	b.ok(b.pay(h, "trapper", 50000, nil))
	b.left(h, 30000)
}
