package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
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
	address, err := freeAddress()
	if err != nil {
		return err
	}
	s.url = "http://" + address
	if err := s.do(ctx, nil, "init", "--dir", s.path("house"), "--url", s.url, "--sample", "zuidhorn"); err != nil {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	h := "--dir=" + s.path("house")
	if err := s.do(ctx, nil, "issuer", "import-families", h, s.path("house/sample/families.csv")); err != nil {
		return err
	}
	if err := s.do(ctx, nil, "issuer", "import-shops", h, s.path("house/sample/shops.csv")); err != nil {
		return err
	}
	s.say("85 families and 12 shops are imported.")
	var o offered
	if err := s.do(ctx, &o, "issuer", "offer", h, "--family", "973333", "--json"); err != nil {
		return err
	}
	w := "--dir=" + s.path("wallet")
	if err := s.do(ctx, nil, "wallet", "init", w, "--anchor", s.path("house/ca.pem"), "--loopback"); err != nil {
		return err
	}
	if err := s.do(ctx, nil, "wallet", "accept", w, o.URI, "--tx-code", o.TxCode); err != nil {
		return err
	}
	s.say("One family has its card.")
	var a asked
	if err := s.do(ctx, &a, "verifier", "request", h, "--shop", "fietsenhandel-de-trapper", "--amount", "1250", "--category", "fiets", "--json"); err != nil {
		return err
	}
	var r result
	if err := s.do(ctx, &r, "wallet", "answer", w, a.RequestURI, "--yes", "--json"); err != nil {
		return err
	}
	var till result
	if err := s.do(ctx, &till, "verifier", "result", h, a.OrderID, "--json"); err != nil {
		return err
	}
	if r.State != "paid" || till.State != "paid" {
		return fmt.Errorf("the wallet says %s and the till %s, want paid", r.State, till.State)
	}
	s.say("It paid € 12,50 at Fietsenhandel De Trapper; wallet and till both hold the ledger's receipt.")
	if err := s.do(ctx, nil, "ledger", "export", h, "--out", s.path("ledger.txt")); err != nil {
		return err
	}
	audit, err := s.run(ctx, "ledger", "audit", s.path("ledger.txt"), "--policy", s.path("house/ledger-policy.txt"))
	if err != nil || audit.code != 0 {
		return fmt.Errorf("the audit: %v %s", err, audit.out)
	}
	s.say("%s", audit.out)
	return nil
}
