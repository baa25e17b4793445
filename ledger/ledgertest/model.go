package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
)

// Model is what a ledger must do with money, told again in plain numbers and without any of its code. Step says one
// thing to a ledger, right or wrong, and compares.
type Model struct {
	Totals struct{ Issued, ToppedUp, Spent, Returned, PaidOut budget.Cents }
	Said   []Said // everything that was said, in order

	w        *World
	families []*family
	shops    map[string]*till
	bought   []*purchase
	answered []answered
	closed   bool
}

// Said is a command and what the ledger's clock said.
type Said struct {
	Command ledger.Command
	At      time.Time
}

type (
	family struct {
		Holder
		left    budget.Cents
		blocked bool
		lost    []*jose.PrivateKey // keys that were dropped
	}
	till struct {
		suspended bool
		unpaid    []row
	}
	row struct {
		index uint64
		net   budget.Cents
	}
	purchase struct {
		index        uint64
		shop         string
		category     budget.Category
		amount, back budget.Cents
		payer        Holder // with the key that paid
		by           *family
	}
	answered struct {
		command ledger.Command
		entry   ledger.Entry
	}
)

// Appender is a ledger as the model speaks to it.
type Appender func(ledger.Command) (ledger.Entry, error)

// NewModel opens w's ledger.
func NewModel(w *World, ask Appender) (*Model, error) {
	m := &Model{w: w, shops: map[string]*till{"trapper": {}, "plein": {}}}
	for _, c := range w.Open() {
		if err := m.say(ask, c, "", nil); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// say offers c; want is empty if it must be accepted.
func (m *Model) say(ask Appender, c ledger.Command, want ledger.Reason, then func(ledger.Entry)) error {
	m.Said = append(m.Said, Said{c, m.w.Clock})
	e, err := ask(c)
	switch {
	case want == "" && err != nil:
		return fmt.Errorf("%s at %s: %w, want it accepted", c.Kind, m.w.Clock, err)
	case want != "" && !errors.Is(err, want):
		return fmt.Errorf("%s at %s: got %v, want %s", c.Kind, m.w.Clock, err, want)
	case want != "":
		return nil
	}
	m.answered = append(m.answered, answered{c, e})
	if then != nil {
		then(e)
	}
	return nil
}

// Step says one thing. draw returns a number from 0 up to but not including n, under a name.
func (m *Model) Step(ask Appender, draw func(name string, n int) int) error {
	steps := []func(Appender, func(string, int) int) error{m.issue, m.pay, m.pay, m.pay, m.pay, m.giveBack, m.giveBack, m.topUp, m.block, m.suspend,
		m.rekey, m.payOut, m.payOut, m.again, m.wait, m.close}
	return steps[draw("step", len(steps))](ask, draw)
}

// over says whether the period is over for orders made now.
func (m *Model) over() bool { return m.closed || m.w.Clock.After(m.w.Period.Closes) }

func (m *Model) issue(ask Appender, draw func(string, int) int) error {
	f := &family{Holder: m.w.NewHolder(), left: budget.Cents(1 + draw("budget", 60000))}
	want := ledger.Reason("")
	if m.over() {
		want = ledger.PeriodClosed
	}
	return m.say(ask, m.w.Issue(f.Holder, f.left), want, func(ledger.Entry) {
		m.families = append(m.families, f)
		m.Totals.Issued += f.left
	})
}

// someone draws a family, making one if there is none.
func (m *Model) someone(draw func(string, int) int) *family {
	if len(m.families) == 0 {
		return &family{Holder: m.w.NewHolder()} // unknown to the ledger
	}
	return m.families[draw("family", len(m.families))]
}

func (m *Model) pay(ask Appender, draw func(string, int) int) error {
	f := m.someone(draw)
	shop := []string{"trapper", "plein"}[draw("shop", 2)]
	category := m.w.Shops[shop].Categories[0]
	if draw("category", 8) == 0 {
		category = "speelgoed" // nobody sells it
	}
	amount := []budget.Cents{49, 50, f.left, f.left + 1, 5000, 5001, 50000, 50001, budget.Cents(1 + draw("cents", 3000))}[draw("amount", 9)]
	amount = min(max(amount, 1), budget.MaxCents) // no order can say more
	payer, known := f.Holder, len(m.families) > 0
	if len(f.lost) > 0 && draw("lost phone", 4) == 0 {
		payer.Key, known = f.lost[draw("which", len(f.lost))], false
	}
	blind := draw("blind", 4) == 0
	order := m.w.Sign(m.w.Order(shop, amount, category))
	kb := KB{}
	if blind {
		kb.Hashes = []string{}
	}
	c := m.w.SpendWith(order, m.w.Proof(payer, order, kb))

	want := ledger.Reason("")
	switch {
	case m.over():
		want = ledger.PeriodClosed
	case m.shops[shop].suspended:
		want = ledger.ShopSuspended
	case category == "speelgoed":
		want = ledger.WrongCategory
	case amount < 50:
		want = ledger.BelowMinimum
	case amount > 50000:
		want = ledger.AboveMaximum
	case !known:
		want = ledger.UnknownAccount
	case blind && amount > 5000:
		want = ledger.BlindLimit
	case f.blocked:
		want = ledger.AccountBlocked
	case amount > f.left:
		want = ledger.TooLittleLeft
	}
	return m.say(ask, c, want, func(e ledger.Entry) {
		f.left -= amount
		m.Totals.Spent += amount
		m.bought = append(m.bought, &purchase{e.Index, shop, category, amount, 0, payer, f})
		m.shops[shop].unpaid = append(m.shops[shop].unpaid, row{e.Index, amount})
	})
}

func (m *Model) giveBack(ask Appender, draw func(string, int) int) error {
	if len(m.bought) == 0 {
		return m.pay(ask, draw)
	}
	p := m.bought[draw("purchase", len(m.bought))]
	rest := p.amount - p.back
	amount := max(1, []budget.Cents{1, rest, rest + 1, budget.Cents(1 + draw("cents", 3000))}[draw("amount", 4)])
	to := p.payer
	if draw("a friend", 6) == 0 {
		to = m.w.NewHolder()
	}
	want := ledger.Reason("")
	switch {
	case m.closed || m.w.Clock.After(m.w.Period.Settles):
		want = ledger.PeriodClosed
	case to != p.payer:
		want = ledger.NotForYou
	case amount > rest:
		want = ledger.ReturnExceedsSpend
	}
	return m.say(ask, m.w.Return(m.w.Sign(m.w.ReturnOrder(to, p.shop, p.index, amount, p.category))), want, func(e ledger.Entry) {
		p.back += amount
		p.by.left += amount
		m.Totals.Returned += amount
		m.shops[p.shop].unpaid = append(m.shops[p.shop].unpaid, row{e.Index, -amount})
	})
}

func (m *Model) topUp(ask Appender, draw func(string, int) int) error {
	f := m.someone(draw)
	amount := []budget.Cents{1, 5000, budget.MaxCents}[draw("amount", 3)]
	want := ledger.Reason("")
	switch {
	case m.over():
		want = ledger.PeriodClosed
	case len(m.families) == 0:
		want = ledger.UnknownAccount
	case f.left+amount > budget.MaxCents:
		want = ledger.AboveMaximum
	}
	return m.say(ask, m.w.TopUp(m.w.Sign(m.w.TopUpOrder(f.Holder, amount))), want, func(ledger.Entry) {
		f.left += amount
		m.Totals.ToppedUp += amount
	})
}

func (m *Model) block(ask Appender, draw func(string, int) int) error {
	f := m.someone(draw)
	state := []ledger.BlockState{ledger.Active, ledger.Blocked}[draw("blocked", 2)]
	want := ledger.Reason("")
	switch {
	case m.closed:
		want = ledger.PeriodClosed
	case len(m.families) == 0:
		want = ledger.UnknownAccount
	}
	return m.say(ask, m.w.Block(f.Holder, state), want, func(ledger.Entry) { f.blocked = state == ledger.Blocked })
}

func (m *Model) suspend(ask Appender, draw func(string, int) int) error {
	shop := []string{"trapper", "plein"}[draw("shop", 2)]
	state := []ledger.ShopState{ledger.Accredited, ledger.Suspended}[draw("suspended", 2)]
	return m.say(ask, m.w.Accredit(shop, state), "", func(ledger.Entry) { m.shops[shop].suspended = state == ledger.Suspended })
}

// rekey gives a family a new phone, or tries to give it a key that somebody had before.
func (m *Model) rekey(ask Appender, draw func(string, int) int) error {
	f := m.someone(draw)
	fresh, want := NewKey(m.w.t), ledger.Reason("")
	if len(f.lost) > 0 && draw("an old key", 3) == 0 {
		fresh, want = f.lost[0], ledger.AlreadyIssued
	}
	switch {
	case m.closed:
		want = ledger.PeriodClosed
	case len(m.families) == 0:
		want = ledger.UnknownAccount
	}
	c := m.w.Keys(f.Holder, []jose.Thumbprint{fresh.Public().Thumbprint()}, []jose.Thumbprint{f.Key.Public().Thumbprint()})
	return m.say(ask, c, want, func(ledger.Entry) { f.lost, f.Key = append(f.lost, f.Key), fresh })
}

// payOut pays a shop for its first n unpaid rows, sometimes a cent wrong.
func (m *Model) payOut(ask Appender, draw func(string, int) int) error {
	shop := []string{"trapper", "plein"}[draw("shop", 2)]
	t := m.shops[shop]
	if len(t.unpaid) == 0 {
		return m.pay(ask, draw)
	}
	n := 1 + draw("rows", len(t.unpaid))
	var net budget.Cents
	for _, r := range t.unpaid[:n] {
		net += r.net
	}
	wrong := budget.Cents(draw("wrong", 4) / 3)
	if net < 1 {
		return m.pay(ask, draw) // a shop that owes is paid later
	}
	want := ledger.Reason("")
	if wrong > 0 {
		want = ledger.Conservation
	}
	c := m.w.Payout(shop, t.unpaid[0].index, t.unpaid[n-1].index, net+wrong, n)
	if err := m.say(ask, c, want, func(ledger.Entry) { m.Totals.PaidOut += net }); err != nil || wrong > 0 {
		return err
	}
	again := m.w.Payout(shop, t.unpaid[0].index, t.unpaid[n-1].index, net, n)
	t.unpaid = t.unpaid[n:]
	return m.say(ask, again, ledger.AlreadyPaidOut, nil)
}

// again repeats what was answered before.
func (m *Model) again(ask Appender, draw func(string, int) int) error {
	a := m.answered[draw("answered", len(m.answered))]
	m.Said = append(m.Said, Said{a.command, m.w.Clock})
	e, err := ask(a.command)
	if err != nil || !slices.Equal(e.Raw, a.entry.Raw) {
		return fmt.Errorf("%s again: got entry %d (%v), want entry %d", a.command.Kind, e.Index, err, a.entry.Index)
	}
	return nil
}

func (m *Model) wait(_ Appender, draw func(string, int) int) error {
	m.w.Clock = m.w.Clock.Add([]time.Duration{time.Second, time.Minute, 25 * time.Hour, 75 * 24 * time.Hour, -time.Second}[draw("how long", 5)])
	if n := len(m.answered); m.answered[n-1].entry.Time.After(m.w.Clock) {
		m.w.Clock = m.answered[n-1].entry.Time // the world's clock is right again
	}
	return nil
}

func (m *Model) close(ask Appender, draw func(string, int) int) error {
	t := m.Totals
	wrong := budget.Cents(draw("wrong", 4) / 3)
	c := ledger.Close{Head: m.w.Head(ledger.KindClose), Issued: t.Issued, ToppedUp: t.ToppedUp, Spent: t.Spent, Returned: t.Returned, Expired: m.Left() + wrong}
	want := ledger.Reason("")
	switch {
	case m.closed:
		want = ledger.PeriodClosed
	case !m.w.Clock.After(m.w.Period.Settles):
		want = ledger.NotOpenYet
	case wrong > 0:
		want = ledger.Conservation
	}
	return m.say(ask, m.w.Statement(c), want, func(ledger.Entry) { m.closed = true })
}

// Left is what all families together have.
func (m *Model) Left() (sum budget.Cents) {
	for _, f := range m.families {
		sum += f.left
	}
	return sum
}

// Accounts returns what each account must hold.
func (m *Model) Accounts() map[string]budget.Cents {
	out := map[string]budget.Cents{}
	for _, f := range m.families {
		out[f.Account] = f.left
	}
	return out
}
