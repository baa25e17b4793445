package demo

import (
	"context"
	"fmt"
	"os"
	"strings"

	"kindpakket/credential/budget"
)

// quote prints what a command said, set off.
func (s *stage) quote(text string) {
	for _, line := range strings.Split(strings.Trim(text, "\n"), "\n") {
		s.say("      | %s", line)
	}
}

func oneLine(b []byte) string { return lastLine(b, 1) }

// lastLine returns the n-th line from the end.
func lastLine(b []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return lines[max(0, len(lines)-n)]
}

// purchase is a payment in the story.
type purchase struct {
	wallet   int
	shop     string
	amount   budget.Cents
	category string
}

var day = []purchase{
	{1, "fietsenhandel-de-trapper", 12000, "fiets"}, {1, "fietsenhandel-de-trapper", 1250, "fiets"}, {1, "boekhandel-het-plein", 1895, "boeken"},
	{1, "zwembad-de-watersprong", 4500, "zwemmen"}, {1, "kinderkleding-knopje", 2999, "kleding"}, {1, "speelgoed-tollenaar", 1499, "speelgoed"},
	{2, "sporthuis-zuidhorn", 6495, "sport"}, {2, "sporthuis-zuidhorn", 1995, "kleding"}, {2, "warenhuis-de-brink", 2499, "speelgoed"},
	{2, "warenhuis-de-brink", 899, "boeken"}, {2, "computerwinkel-bit", 19900, "computer"}, {2, "schoenen-stap", 3995, "kleding"},
	{3, "computerwinkel-bit", 34900, "computer"}, {3, "modehuis-van-dijk", 5990, "kleding"}, {3, "muziek-en-boek", 1650, "boeken"},
	{3, "muziek-en-boek", 2195, "speelgoed"}, {3, "tweewielers-noord", 8950, "fiets"}, {3, "tweewielers-noord", 2450, "sport"}, {3, "zwembad-de-watersprong", 9000, "zwemmen"},
	{4, "fietsenhandel-de-trapper", 24900, "fiets"}, {4, "schoenen-stap", 4450, "sport"}, {4, "boekhandel-het-plein", 1295, "boeken"},
	{4, "kinderkleding-knopje", 3550, "kleding"}, {4, "kinderkleding-knopje", 75, "kleding"}, {4, "sporthuis-zuidhorn", 7999, "sport"},
	{5, "zwembad-de-watersprong", 4500, "zwemmen"}, {5, "zwembad-de-watersprong", 4500, "zwemmen"}, {5, "modehuis-van-dijk", 8995, "kleding"},
	{5, "speelgoed-tollenaar", 2999, "speelgoed"}, {5, "warenhuis-de-brink", 1799, "kleding"}, {5, "computerwinkel-bit", 4999, "computer"},
}

// ask makes a till ask.
func (s *stage) ask(ctx context.Context, p purchase) (asked, error) {
	var a asked
	err := s.do(ctx, &a, "verifier", "request", s.house(), "--shop", p.shop, "--amount", fmt.Sprint(int64(p.amount)), "--category", p.category, "--json")
	return a, err
}

// pay has a wallet pay; both sides must say paid.
func (s *stage) pay(ctx context.Context, p purchase) (asked, result, error) {
	a, err := s.ask(ctx, p)
	if err != nil {
		return a, result{}, err
	}
	var r, till result
	if err := s.do(ctx, &r, "wallet", "answer", s.wallet(p.wallet), a.RequestURI, "--yes", "--json"); err != nil {
		return a, r, err
	}
	if err := s.do(ctx, &till, "verifier", "result", s.house(), a.OrderID, "--json"); err != nil {
		return a, r, err
	}
	if r.State != "paid" || till.State != "paid" {
		return a, r, fmt.Errorf("the wallet says %s and the till %s, want paid", r.State, till.State)
	}
	s.payments++
	return a, r, nil
}

// shopping pays for everything of the day.
func (s *stage) shopping(ctx context.Context) error {
	a, err := s.ask(ctx, day[0])
	if err != nil {
		return err
	}
	said, err := s.refused(ctx, "wallet", "answer", s.wallet(1), a.RequestURI, "--no")
	if err != nil {
		return err
	}
	s.say("   The phone says who asks, how much, for what, and what is shown. This time the parent says no:")
	s.quote(said.err + string(said.out))
	for _, p := range day {
		if _, _, err := s.pay(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.shop, err)
		}
		s.say("   family %d pays %10s  %-10s %s", p.wallet, p.amount, p.category, p.shop)
	}
	s.say("   Wallet and till said paid only after the ledger's receipt was checked, %d times.", len(day))

	var check asked
	if err := s.do(ctx, &check, "verifier", "request", s.house(), "--shop", "zwembad-de-watersprong", "--check", "--json"); err != nil {
		return err
	}
	if err := s.do(ctx, nil, "wallet", "answer", s.wallet(5), check.RequestURI, "--yes"); err != nil {
		return err
	}
	var r result
	if err := s.do(ctx, &r, "verifier", "result", s.house(), check.OrderID, "--json"); err != nil {
		return err
	}
	if r.State != "entitled" {
		return fmt.Errorf("the swimming pool asked for a card and got %s", r.State)
	}
	s.say("   The swimming pool asks without money: entitled, yes. It saw no family size, no amount, no name.")
	return s.restart(ctx)
}

// restart stops the server while an order waits, and pays it afterwards.
func (s *stage) restart(ctx context.Context) error {
	a, err := s.ask(ctx, day[1])
	if err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	var r result
	if err := s.do(ctx, &r, "wallet", "answer", s.wallet(1), a.RequestURI, "--yes", "--json"); err != nil {
		return err
	}
	if r.State != "paid" {
		return fmt.Errorf("after a restart the order was %s", r.State)
	}
	s.payments++
	s.say("   The server was stopped and started while an order waited on a till's screen: it was paid all the same.")
	return nil
}

// till shows the refusals that a parent and a cashier can meet.
func (s *stage) till(ctx context.Context) error {
	for _, try := range []struct {
		what   string
		p      purchase
		reason string
	}{
		{"a bicycle shop sells a book", purchase{1, "fietsenhandel-de-trapper", 1250, "boeken"}, "wrong-category"},
		{"ten cents", purchase{1, "boekhandel-het-plein", 10, "boeken"}, "below-minimum"},
		{"€ 900,01 at once", purchase{3, "computerwinkel-bit", 90001, "computer"}, "above-maximum"},
		{"more than is left", purchase{2, "computerwinkel-bit", 60000, "computer"}, "too-little-left"},
	} {
		if err := s.refusedAtTill(ctx, try.what, try.p, try.reason); err != nil {
			return err
		}
	}
	if err := s.do(ctx, nil, "issuer", "suspend-shop", s.house(), "tweewielers-noord", "--reason", "onderzoek"); err != nil {
		return err
	}
	if err := s.refusedAtTill(ctx, "at a shop that the municipality suspended", purchase{1, "tweewielers-noord", 1000, "fiets"}, "shop-suspended"); err != nil {
		return err
	}
	if err := s.do(ctx, nil, "issuer", "suspend-shop", s.house(), "tweewielers-noord", "--undo"); err != nil {
		return err
	}
	if err := s.do(ctx, nil, "issuer", "block", s.house(), "--family", families[4], "--reason", "verhuisd"); err != nil {
		return err
	}
	if err := s.refusedAtTill(ctx, "from a budget that the municipality blocked", purchase{5, "speelgoed-tollenaar", 1000, "speelgoed"}, "account-blocked"); err != nil {
		return err
	}
	if err := s.do(ctx, nil, "issuer", "block", s.house(), "--family", families[4], "--undo"); err != nil {
		return err
	}

	// The other wallet shows no amount: it pays small amounts only.
	for _, try := range []struct {
		amount budget.Cents
		want   string
	}{{1200, "paid"}, {6000, "refused blind-limit"}} {
		a, err := s.ask(ctx, purchase{0, "boekhandel-het-plein", try.amount, "boeken"})
		if err != nil {
			return err
		}
		r, err := s.other.pay(ctx, a.RequestURI)
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(r.State + " " + r.Reason); got != try.want {
			return fmt.Errorf("another wallet that pays %s: %s, want %s", try.amount, got, try.want)
		}
		s.say("   a wallet that shows its holder no amount pays %s: %s", try.amount, try.want)
	}
	s.payments++
	s.refusals++
	return nil
}

// refusedAtTill has a wallet agree to what the ledger refuses: both sides must give the reason.
func (s *stage) refusedAtTill(ctx context.Context, what string, p purchase, reason string) error {
	a, err := s.ask(ctx, p)
	if err != nil {
		return err
	}
	said, err := s.refused(ctx, "wallet", "answer", s.wallet(p.wallet), a.RequestURI, "--yes", "--json")
	if err != nil {
		return err
	}
	var r result
	if err := said.json(&r); err != nil {
		return fmt.Errorf("%w: %s", err, said.err)
	}
	till, err := s.refused(ctx, "verifier", "result", s.house(), a.OrderID)
	if err != nil {
		return err
	}
	if r.Reason != reason || !strings.Contains(string(till.out), "("+reason+")") {
		return fmt.Errorf("%s: the wallet says %s %s and the till %q, want %s", what, r.State, r.Reason, till.out, reason)
	}
	s.refusals++
	s.say("   %s:", what)
	s.quote(string(till.out))
	return nil
}

// cheats sends the ledger what a shop with its own software and a stolen or forged proof can make.
func (s *stage) cheats(ctx context.Context) error {
	c, err := s.newCheat(ctx)
	if err != nil {
		return err
	}
	c.holder, c.other, c.blocked = s.foreign, s.other, s.blocked
	bought, err := c.buy(ctx, 1000)
	if err != nil {
		return fmt.Errorf("an honest payment: %w", err)
	}
	s.payments++
	s.say("   A shop brings its own till. Its honest order is paid once, however often it is sent. Then it")
	if err := s.do(ctx, nil, "issuer", "block", s.house(), "--family", blockedFamily, "--reason", "onderzoek"); err != nil {
		return err
	}
	for _, a := range c.attempts(bought) {
		cmd, err := a.make()
		if err != nil {
			return fmt.Errorf("%s: %w", a.what, err)
		}
		if err := c.refusedFor(ctx, cmd, a.reason); err != nil {
			return fmt.Errorf("%s: %w", a.what, err)
		}
		s.refusals++
		s.say("   - %-62s %s", a.what, a.reason)
	}
	s.say("   Nothing of that left a trace on the ledger.")
	return nil
}

// returns gives part of a purchase back, and adds to a budget.
func (s *stage) returns(ctx context.Context) error {
	p := purchase{1, "kinderkleding-knopje", 2995, "kleding"}
	a, _, err := s.pay(ctx, p)
	if err != nil {
		return err
	}
	receipt := s.path("terug.receipt")
	if err := s.do(ctx, nil, "verifier", "return", s.house(), a.OrderID, "--amount", "1500", "--out", receipt); err != nil {
		return err
	}
	said, err := s.run(ctx, "wallet", "receipt", s.wallet(1), "--add", receipt)
	if err != nil || said.code != 0 {
		return fmt.Errorf("booking the return: %v %s", err, said.err)
	}
	s.say("   A coat of %s goes back for € 15,00. %s", p.amount, oneLine(said.out))
	if _, err := s.refused(ctx, "verifier", "return", s.house(), a.OrderID, "--amount", "1496"); err != nil {
		return err
	}
	s.refusals++
	s.say("   One cent more than was paid: refused, return-exceeds-spend.")
	said, err = s.run(ctx, "issuer", "topup", s.house(), "--family", families[1], "--amount", "30000")
	if err != nil || said.code != 0 {
		return fmt.Errorf("topping up: %v %s", err, said.err)
	}
	s.say("   Family 2 has a new baby. %s", oneLine(said.out))
	return nil
}

// lost loses a phone, and then another.
func (s *stage) lost(ctx context.Context) error {
	backup := s.path("wallet-3.backup")
	if err := s.do(ctx, nil, "wallet", "backup", s.wallet(3), backup); err != nil {
		return err
	}
	if err := os.RemoveAll(s.path("wallet-3")); err != nil {
		return err
	}
	said, err := s.run(ctx, "wallet", "restore", s.wallet(3), backup, "--anchor", s.path("house/ca.pem"), "--loopback")
	if err != nil || said.code != 0 {
		return fmt.Errorf("restoring: %v %s", err, said.err)
	}
	if _, _, err := s.pay(ctx, purchase{3, "muziek-en-boek", 995, "boeken"}); err != nil {
		return err
	}
	s.say("   Family 3 has a backup: the wallet is restored and pays again.")

	var o offered
	if err := s.do(ctx, &o, "issuer", "rekey", s.house(), "--family", families[3], "--json"); err != nil {
		return err
	}
	if err := s.do(ctx, nil, "wallet", "init", s.wallet(6), "--anchor", s.path("house/ca.pem"), "--loopback"); err != nil {
		return err
	}
	said, err = s.run(ctx, "wallet", "accept", s.wallet(6), o.URI, "--tx-code", o.TxCode)
	if err != nil || said.code != 0 {
		return fmt.Errorf("a new phone: %v %s", err, said.err)
	}
	s.say("   Family 4 has none, and goes to the desk: a new letter, a new phone. %s", oneLine(said.out))
	return s.refusedAtTill(ctx, "The phone that was lost is found by somebody, who tries to pay", purchase{4, "boekhandel-het-plein", 500, "boeken"}, "unknown-account")
}
