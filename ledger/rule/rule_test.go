package rule_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
	"kindpakket/ledger/rule"
)

// book is a world with a ledger in memory.
type book struct {
	*ledgertest.World
	t      *testing.T
	ledger *ledgertest.Memory
}

// empty is a world whose ledger has no entries yet.
func empty(t *testing.T) *book {
	w := ledgertest.New(t)
	return &book{w, t, ledgertest.NewMemory(w.Origin)}
}

// opened has genesis, fund and both shops.
func opened(t *testing.T) *book {
	b := empty(t)
	for _, c := range b.Open() {
		b.ok(c)
	}
	return b
}

// ok appends c, which must be accepted.
func (b *book) ok(c ledger.Command) ledger.Entry {
	b.t.Helper()
	e, err := b.ledger.Append(c, b.Clock)
	if err != nil {
		b.t.Fatalf("%s: %v, want it accepted", c.Kind, err)
	}
	return e
}

// no offers c, which must be refused for the reason and change nothing.
func (b *book) no(c ledger.Command, want ledger.Reason) {
	b.t.Helper()
	size := b.ledger.Size()
	digest, err := b.ledger.Digest()
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = b.ledger.Append(c, b.Clock)
	var refusal *ledger.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != want {
		b.t.Errorf("%s: got %v, want %s", c.Kind, err, want)
	}
	if after, err := b.ledger.Digest(); err != nil || after != digest || b.ledger.Size() != size {
		b.t.Errorf("a refused %s changed the state (%v)", c.Kind, err)
	}
}

// same offers c, which must be answered with the entry that is there already.
func (b *book) same(c ledger.Command, want ledger.Entry) {
	b.t.Helper()
	size := b.ledger.Size()
	e, err := b.ledger.Append(c, b.Clock)
	if err != nil || e.Index != want.Index || b.ledger.Size() != size {
		b.t.Errorf("%s again: got entry %d, %v, want entry %d and nothing new", c.Kind, e.Index, err, want.Index)
	}
}

func (b *book) family(amount budget.Cents) ledgertest.Holder {
	b.t.Helper()
	h := b.NewHolder()
	b.ok(b.Issue(h, amount))
	return h
}

func (b *book) left(h ledgertest.Holder, want budget.Cents) {
	b.t.Helper()
	if got, ok := rule.Balance(b.ledger, h.Account); !ok || got != want {
		b.t.Errorf("left: %d, want %d", got, want)
	}
}

// order makes a good order and changes it.
func (b *book) order(shop string, amount budget.Cents, change func(*budget.Order)) budget.Order {
	o := b.Order(shop, amount, b.Shops[shop].Categories[0])
	if change != nil {
		change(&o)
	}
	return o
}

// at moves an order to another time.
func at(t time.Time) func(*budget.Order) {
	return func(o *budget.Order) { o.IssuedAt, o.ExpiresAt = t, t.Add(2*time.Minute) }
}

func (b *book) pay(h ledgertest.Holder, shop string, amount budget.Cents, change func(*budget.Order)) ledger.Command {
	return b.Spend(h, b.Sign(b.order(shop, amount, change)))
}

func (b *book) command(kind ledger.Kind, body any) ledger.Command {
	b.t.Helper()
	c, err := ledger.NewCommand(kind, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func thumb(h ledgertest.Holder) jose.Thumbprint { return h.Key.Public().Thumbprint() }

// closing is the statement that closes the books with the totals as they are.
func (b *book) closing() ledger.Close {
	t := rule.Sums(b.ledger, b.Fund, b.Period.ID)
	return ledger.Close{Head: b.Head(ledger.KindClose), Issued: t.Issued, ToppedUp: t.ToppedUp, Spent: t.Spent, Returned: t.Returned, Expired: t.Outstanding()}
}

// reasons has one attempt, at least, for every reason that an account can provoke.
var reasons = []struct {
	name string
	want ledger.Reason
	try  func(b *book, h ledgertest.Holder) ledger.Command
}{
	{"no body", ledger.Malformed, func(b *book, h ledgertest.Holder) ledger.Command {
		return ledger.Command{Kind: ledger.KindSpend, Body: []byte(`{}`)}
	}},
	{"no such kind", ledger.Malformed, func(b *book, h ledgertest.Holder) ledger.Command {
		return ledger.Command{Kind: "gift", Body: []byte(`{}`)}
	}},
	{"two proofs in one spend", ledger.Malformed, func(b *book, h ledgertest.Holder) ledger.Command {
		order := b.Sign(b.order("trapper", 100, nil))
		proof := b.Proof(h, order, ledgertest.KB{})
		return b.command(ledger.KindSpend, ledger.SpendBody{Order: order, Purse: "AAAA", Account: &proof})
	}},
	{"no proof in a spend", ledger.Malformed, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.command(ledger.KindSpend, ledger.SpendBody{Order: b.Sign(b.order("trapper", 100, nil))})
	}},
	{"a statement for an order", ledger.Malformed, func(b *book, h ledgertest.Holder) ledger.Command {
		c := b.Block(h, ledger.Blocked)
		body, err := ledger.ParseBody[ledger.SignedBody](c)
		if err != nil {
			b.t.Fatal(err)
		}
		return b.command(ledger.KindTopUp, ledger.OrderBody{Order: body.JWS})
	}},
	{"a statement of another kind", ledger.Malformed, func(b *book, h ledgertest.Holder) ledger.Command {
		return ledger.Command{Kind: ledger.KindKeys, Body: b.Block(h, ledger.Blocked).Body}
	}},
	{"a purchase as a return", ledger.Malformed, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.Return(b.Sign(b.order("trapper", 100, nil)))
	}},
	{"a top-up as a spend", ledger.Malformed, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.Spend(h, b.Sign(b.TopUpOrder(h, 100)))
	}},
	{"more than 64 keys", ledger.Malformed, func(b *book, h ledgertest.Holder) ledger.Command {
		var add []jose.Thumbprint
		for i := range ledger.MaxAccountKeys {
			add = append(add, jose.Thumbprint{byte(i), 1})
		}
		return b.Keys(h, add, nil)
	}},
	{"order of another ledger", ledger.WrongLedger, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.pay(h, "trapper", 100, func(o *budget.Order) { o.Ledger = "kindpakket.elders.example" })
	}},
	{"statement of another ledger", ledger.WrongLedger, func(b *book, h ledgertest.Holder) ledger.Command {
		head := b.Head(ledger.KindBlock)
		head.Ledger = "kindpakket.elders.example"
		return b.Statement(ledger.Block{Head: head, Account: h.Account, State: ledger.Blocked})
	}},
	{"order of another fund", ledger.UnknownFund, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.pay(h, "trapper", 100, func(o *budget.Order) { o.Fund = "stadspas" })
	}},
	{"order of another period", ledger.UnknownFund, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.pay(h, "trapper", 100, func(o *budget.Order) { o.Period = "2028" })
	}},
	{"before the period", ledger.NotOpenYet, func(b *book, h ledgertest.Holder) ledger.Command {
		b.Clock = b.Period.Opens.Add(-time.Second)
		return b.pay(h, "trapper", 100, nil)
	}},
	{"closing before the last day for returns", ledger.NotOpenYet, func(b *book, h ledgertest.Holder) ledger.Command {
		b.Clock = b.Period.Settles
		return b.Statement(b.closing())
	}},
	{"after the period", ledger.PeriodClosed, func(b *book, h ledgertest.Holder) ledger.Command {
		b.Clock = b.Period.Closes.Add(time.Second)
		return b.pay(h, "trapper", 100, nil)
	}},
	{"no such shop", ledger.UnknownShop, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.Spend(h, b.SignOrder(b.Shops["trapper"].Key, b.order("trapper", 100, func(o *budget.Order) { o.Shop += "2" })))
	}},
	{"suspended", ledger.ShopSuspended, func(b *book, h ledgertest.Holder) ledger.Command {
		b.ok(b.Accredit("trapper", ledger.Suspended))
		return b.pay(h, "trapper", 100, nil)
	}},
	{"a category of another shop", ledger.WrongCategory, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.pay(h, "trapper", 100, func(o *budget.Order) { o.Category = "boeken" })
	}},
	{"one cent below the minimum", ledger.BelowMinimum, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.pay(h, "trapper", 49, nil)
	}},
	{"one cent above the maximum", ledger.AboveMaximum, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.pay(h, "trapper", 50001, nil)
	}},
	{"a top-up over what an account may hold", ledger.AboveMaximum, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.TopUp(b.Sign(b.TopUpOrder(h, budget.MaxCents)))
	}},
	{"one cent above the blind limit", ledger.BlindLimit, func(b *book, h ledgertest.Holder) ledger.Command {
		order := b.Sign(b.order("trapper", 5001, nil))
		return b.SpendWith(order, b.Proof(h, order, ledgertest.KB{Hashes: []string{}}))
	}},
	{"one second late", ledger.OrderExpired, func(b *book, h ledgertest.Holder) ledger.Command {
		c := b.pay(h, "trapper", 100, nil)
		b.Clock = b.Clock.Add(2*time.Minute + time.Second)
		return c
	}},
	{"one second too early", ledger.OrderEarly, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.pay(h, "trapper", 100, at(b.Clock.Add(rule.EarlyBy+time.Second)))
	}},
	{"another family's order", ledger.OrderUsed, func(b *book, h ledgertest.Holder) ledger.Command {
		order := b.Sign(b.order("trapper", 100, nil))
		b.ok(b.Spend(b.family(1000), order))
		return b.Spend(h, order)
	}},
	{"another statement with a used id", ledger.OrderUsed, func(b *book, h ledgertest.Holder) ledger.Command {
		head := b.Head(ledger.KindBlock)
		b.ok(b.Statement(ledger.Block{Head: head, Account: h.Account, State: ledger.Blocked}))
		return b.Statement(ledger.Block{Head: head, Account: h.Account, State: ledger.Active})
	}},
	{"an order that the shop did not sign", ledger.BadSignature, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.Spend(h, b.SignOrder(h.Key, b.order("trapper", 100, nil)))
	}},
	{"a proof for another verifier, with our nonce", ledger.WrongAudience, func(b *book, h ledgertest.Holder) ledger.Command {
		order := b.Sign(b.order("trapper", 100, nil))
		return b.SpendWith(order, b.Proof(h, order, ledgertest.KB{Audience: "x509_hash:elders"}))
	}},
	{"a proof for another order", ledger.BadProof, func(b *book, h ledgertest.Holder) ledger.Command {
		other := b.Sign(b.order("trapper", 100, nil))
		return b.SpendWith(b.Sign(b.order("trapper", 100, nil)), b.Proof(h, other, ledgertest.KB{}))
	}},
	{"a wrong transaction data hash", ledger.BadProof, func(b *book, h ledgertest.Holder) ledger.Command {
		order := b.Sign(b.order("trapper", 100, nil))
		return b.SpendWith(order, b.Proof(h, order, ledgertest.KB{Hashes: []string{ledger.Hash{1}.String()}}))
	}},
	{"a purse's proof", ledger.BadProof, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.command(ledger.KindSpend, ledger.SpendBody{Order: b.Sign(b.order("trapper", 100, nil)), Purse: "AAAA"})
	}},
	{"a return to a friend", ledger.NotForYou, func(b *book, h ledgertest.Holder) ledger.Command {
		bought, friend := b.ok(b.pay(h, "trapper", 100, nil)), b.family(1000)
		return b.Return(b.Sign(b.ReturnOrder(friend, "trapper", bought.Index, 100, "fiets")))
	}},
	{"a return of nothing", ledger.OriginalUnknown, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.Return(b.Sign(b.ReturnOrder(h, "trapper", 4711, 100, "fiets")))
	}},
	{"a key of no account", ledger.UnknownAccount, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.pay(b.NewHolder(), "trapper", 100, nil)
	}},
	{"blocked", ledger.AccountBlocked, func(b *book, h ledgertest.Holder) ledger.Command {
		b.ok(b.Block(h, ledger.Blocked))
		return b.pay(h, "trapper", 100, nil)
	}},
	{"the account twice", ledger.AlreadyIssued, func(b *book, h ledgertest.Holder) ledger.Command {
		again := b.NewHolder()
		again.Account = h.Account
		return b.Issue(again, 100)
	}},
	{"one cent too much", ledger.TooLittleLeft, func(b *book, h ledgertest.Holder) ledger.Command {
		return b.pay(h, "trapper", 30001, nil)
	}},
	{"one cent more back than paid", ledger.ReturnExceedsSpend, func(b *book, h ledgertest.Holder) ledger.Command {
		bought := b.ok(b.pay(h, "trapper", 100, nil))
		return b.Return(b.Sign(b.ReturnOrder(h, "trapper", bought.Index, 101, "fiets")))
	}},
	{"paid out twice", ledger.AlreadyPaidOut, func(b *book, h ledgertest.Holder) ledger.Command {
		e := b.ok(b.pay(h, "trapper", 100, nil))
		b.ok(b.Payout("trapper", e.Index, e.Index, 100, 1))
		return b.Payout("trapper", e.Index, e.Index, 100, 1)
	}},
	{"paid out one cent too much", ledger.Conservation, func(b *book, h ledgertest.Holder) ledger.Command {
		e := b.ok(b.pay(h, "trapper", 100, nil))
		return b.Payout("trapper", e.Index, e.Index, 101, 1)
	}},
}

func TestReasons(t *testing.T) {
	for _, test := range reasons {
		t.Run(string(test.want)+"/"+test.name, func(t *testing.T) {
			b := empty(t)
			b.Clock = b.Period.Opens.Add(-time.Hour) // so that tests can stand before the period
			for _, c := range b.Open() {
				b.ok(c)
			}
			h := b.family(30000)
			b.Clock = b.Period.Opens.AddDate(0, 4, 0)
			c := test.try(b, h)
			b.no(c, test.want)
		})
	}
}

// TestReasonsAreAll: the table above misses no reason but one. A serial is spent twice by purses; an account has none.
func TestReasonsAreAll(t *testing.T) {
	covered := []ledger.Reason{ledger.AlreadySpent}
	for _, test := range reasons {
		covered = append(covered, test.want)
	}
	for _, r := range ledger.Reasons() {
		if !slices.Contains(covered, r) {
			t.Errorf("no attempt is refused with %s", r)
		}
	}
}
