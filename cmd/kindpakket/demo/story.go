package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Play plays the demo. It returns nil if everything came out as the story says.
func Play(ctx context.Context, c Config) (err error) {
	s := &stage{Config: c, pass: c.Dir + "/passphrase"}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(s.pass, []byte("een zin die niemand raadt\n"), 0o600); err != nil {
		return err
	}
	begin := time.Now()
	defer func() { err = errors.Join(err, s.stop()) }()
	acts := []struct {
		title string
		play  func(context.Context) error
	}{
		{"A house is made, and opens", s.open},
		{"The municipality decides who, and where", s.decide},
		{"Parents take their cards", s.cards},
		{"A day in the shops", s.shopping},
		{"What the till refuses, and why", s.till},
		{"What a dishonest shop and a dishonest phone can try", s.cheats},
		{"Goods come back, and a baby is born", s.returns},
		{"A phone is lost", s.lost},
		{"The shops are paid", s.payout},
		{"A year's books are closed", s.closing},
		{"The council asks", s.council},
	}
	for n, act := range acts {
		s.say("\n%d. %s", n+1, act.title)
		if err := act.play(ctx); err != nil {
			return fmt.Errorf("act %d, %s: %w", n+1, act.title, err)
		}
	}
	s.say("\nDone in %.0f seconds: %d payments, %d refusals, each seen by its reason.", time.Since(begin).Seconds(), s.payments, s.refusals)
	if c.Once {
		return nil
	}
	s.say("\nThe house goes on at %s until you press Ctrl-C. Try, in another terminal:", s.url)
	s.say("  %s verifier request --dir %s --shop boekhandel-het-plein --amount 995 --category boeken", c.Program, s.path("house"))
	s.say("  %s wallet answer --dir %s --passphrase-file %s REQUEST", c.Program, s.path("wallet-1"), s.pass)
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.ended:
		s.server = nil
		return fmt.Errorf("the server ended: %w", err)
	}
}

// open makes the house and starts its server.
func (s *stage) open(ctx context.Context) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	s.url = "http://" + address
	if err := s.do(ctx, nil, "init", "--dir", s.path("house"), "--url", s.url, "--sample", "zuidhorn"); err != nil {
		return err
	}
	s.say("   Keys, a small CA, a configuration and an empty ledger. Doing it twice is refused:")
	a, err := s.refused(ctx, "init", "--dir", s.path("house"), "--url", s.url)
	if err != nil {
		return err
	}
	s.quote(a.err)
	if err := s.serve(ctx); err != nil {
		return err
	}
	s.say("   Issuer, verifier and ledger run as one process at %s.", s.url)
	return nil
}

// decide imports families and shops.
func (s *stage) decide(ctx context.Context) error {
	s.say("   A file with mistakes is reported by line, and nothing of it is kept:")
	a, err := s.refused(ctx, "issuer", "import-families", s.house(), s.write("met-fouten.csv", faulty))
	if err != nil {
		return err
	}
	s.quote(string(a.out))
	families := s.path("house/sample/families.csv")
	if a, err = s.run(ctx, "issuer", "import-families", s.house(), families); err != nil || a.code != 0 {
		return fmt.Errorf("importing: %v %s", err, a.err)
	}
	s.say("   The right file: %s", oneLine(a.out))
	if a, err = s.refused(ctx, "issuer", "import-families", s.house(), families); err != nil {
		return err
	}
	s.say("   The same file again: %s", lastLine(a.out, 2))
	if a, err = s.run(ctx, "issuer", "import-shops", s.house(), s.path("house/sample/shops.csv")); err != nil || a.code != 0 {
		return fmt.Errorf("importing shops: %v %s", err, a.err)
	}
	s.say("   %s", oneLine(a.out))
	for _, official := range []string{"official-1", "official-2"} {
		if a, err = s.run(ctx, "issuer", "approve-shops", s.house(), "--official-token-file", s.path("house/tokens/"+official+".token")); err != nil || a.code != 0 {
			return fmt.Errorf("approving: %v %s", err, a.err)
		}
		s.say("   %s says yes to the account numbers: %s", official, oneLine(a.out))
	}
	for _, period := range [][]string{{"vorig-jaar", "-2", "-1"}, {"volgend-jaar", "1", "2"}} {
		if err := s.openOtherFund(ctx, period[0]); err != nil {
			return err
		}
	}
	return nil
}

// openOtherFund opens a swimming fund whose year is over, or has not begun.
func (s *stage) openOtherFund(ctx context.Context, period string) error {
	year := time.Now().Year() - 2
	if period == "volgend-jaar" {
		year = time.Now().Year() + 2
	}
	day := func(month, day int) string { return fmt.Sprintf("%d-%02d-%02d", year, month, day) }
	return s.do(ctx, nil, "issuer", "open-fund", s.house(), "--fund", "zwempas", "--name-nl", "Zwempas", "--name-en", "Swimming pass", "--per-child", "50",
		"--categories", "fiets", "--period", period, "--opens", day(1, 1), "--closes", day(11, 30), "--settles", day(12, 31))
}

// families are the clients of the sample that play a part, with their children.
var families = []string{"973333", "207177", "355188", "349766", "813230"}

const (
	foreignFamily = "394293" // one child
	otherFamily   = "170877" // one child
	blockedFamily = "562340" // one child
)

// wallet is the flag of one of our wallets, from 1.
func (s *stage) wallet(n int) string { return "--dir=" + s.path(fmt.Sprintf("wallet-%d", n)) }

// cards gives five families our wallet, and three another one.
func (s *stage) cards(ctx context.Context) error {
	for n, family := range families {
		var o offered
		if err := s.do(ctx, &o, "issuer", "offer", s.house(), "--family", family, "--json"); err != nil {
			return err
		}
		if err := s.do(ctx, nil, "wallet", "init", s.wallet(n+1), "--anchor", s.path("house/ca.pem"), "--loopback"); err != nil {
			return err
		}
		if n == 0 {
			a, err := s.refused(ctx, "wallet", "accept", s.wallet(1), o.URI, "--tx-code", wrongCode(o.TxCode))
			if err != nil {
				return err
			}
			s.say("   With a wrong activation code:")
			s.quote(a.err)
		}
		a, err := s.run(ctx, "wallet", "accept", s.wallet(n+1), o.URI, "--tx-code", o.TxCode)
		if err != nil || a.code != 0 {
			return fmt.Errorf("taking a card: %v %s", err, a.err)
		}
		s.say("   Family %d: %s", n+1, oneLine(a.out))
	}
	a, err := s.refused(ctx, "issuer", "offer", s.house(), "--family", families[0])
	if err != nil {
		return err
	}
	s.say("   One entitlement, one budget. A second offer for family 1:")
	s.quote(a.err)
	for _, f := range []struct {
		family string
		to     **foreign
	}{{foreignFamily, &s.foreign}, {otherFamily, &s.other}, {blockedFamily, &s.blocked}} {
		var o offered
		if err := s.do(ctx, &o, "issuer", "offer", s.house(), "--family", f.family, "--json"); err != nil {
			return err
		}
		if *f.to, err = accept(ctx, o, s.path("house/ca.pem")); err != nil {
			return fmt.Errorf("another wallet: %w", err)
		}
	}
	s.say("   Three families use another wallet, written from the standards alone.")
	return nil
}

// wrongCode is another code of as many digits.
func wrongCode(code string) string {
	b := []byte(code)
	b[0] = '0' + (b[0]-'0'+1)%10
	return string(b)
}

// faulty is a file of families with something wrong in most lines.
var faulty = []byte("NR PERS;KINDEREN\r\n123456;2\r\n123456;2\r\n654321;0\r\n77;1\r\n888888;-1\r\n999999;2,5\r\n;\r\n555555;veel\r\n444444;3\r\n=cmd|' /C calc'!A0;1\r\n")
