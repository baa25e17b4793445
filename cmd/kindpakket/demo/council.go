package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
)

// payout pays the shops.
func (s *stage) payout(ctx context.Context) error {
	file := s.path("payout.xml")
	a, err := s.run(ctx, "issuer", "payout", s.house(), "--out", file)
	if err != nil || a.code != 0 {
		return fmt.Errorf("paying out: %v %s", err, a.err)
	}
	s.quote(strings.ReplaceAll(string(a.out), s.Dir+"/", ""))
	if a, err = s.run(ctx, "issuer", "audit-payout", s.house(), file); err != nil || a.code != 0 {
		return fmt.Errorf("auditing the payout: %v %s", err, a.err)
	}
	s.say("   %s", oneLine(a.out))
	xml, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	at := bytes.Index(xml, []byte("</InstdAmt>"))
	if at < 0 {
		return fmt.Errorf("the payment file has no amount")
	}
	xml[at-1] = '0' + (xml[at-1]-'0'+1)%10
	if a, err = s.refused(ctx, "issuer", "audit-payout", s.house(), s.write("payout-changed.xml", xml)); err != nil {
		return err
	}
	s.say("   A copy with one cent changed:")
	s.quote(a.err)
	var again struct {
		Paid  []any `json:"paid"`
		Total int64 `json:"total"`
	}
	if err := s.do(ctx, &again, "issuer", "payout", s.house(), "--json"); err != nil {
		return err
	}
	if len(again.Paid) != 0 {
		return fmt.Errorf("a second run pays %d shops again", len(again.Paid))
	}
	s.say("   A second run pays nobody twice: there is nothing to pay.")
	return nil
}

// closing closes the books of a year that is over, and tries to close one that is not.
func (s *stage) closing(ctx context.Context) error {
	officials := []string{"--official-token-file", s.path("house/tokens/official-1.token"), "--official-token-file", s.path("house/tokens/official-2.token")}
	command := func(fund, period string, tokens []string) []string {
		return append([]string{"issuer", "close-period", s.house(), "--fund", fund, "--period", period}, tokens...)
	}
	a, err := s.run(ctx, command("zwempas", "vorig-jaar", officials)...)
	if err != nil || a.code != 0 {
		return fmt.Errorf("closing a year: %v %s", err, a.err)
	}
	s.say("   %s", oneLine(a.out))
	if a, err = s.refused(ctx, command("zwempas", "volgend-jaar", officials)...); err != nil {
		return err
	}
	s.say("   A year that is not over:")
	s.quote(a.err)
	if a, err = s.refused(ctx, command("zwempas", "volgend-jaar", officials[:2])...); err != nil {
		return err
	}
	s.say("   With one official:")
	s.quote(a.err)
	return nil
}

// council exports the ledger and has it audited, right and wrong.
func (s *stage) council(ctx context.Context) error {
	export, policy := s.path("ledger.txt"), s.path("house/ledger-policy.txt")
	if err := s.do(ctx, nil, "ledger", "export", s.house(), "--out", export); err != nil {
		return err
	}
	a, err := s.run(ctx, "ledger", "audit", export, "--policy", policy)
	if err != nil || a.code != 0 {
		return fmt.Errorf("the audit: %v %s%s", err, a.out, a.err)
	}
	s.quote(string(a.out))

	ledger, err := os.ReadFile(export)
	if err != nil {
		return err
	}
	at := len(ledger) / 2
	for ledger[at] == '\n' {
		at++
	}
	ledger[at] ^= 1
	if a, err = s.refused(ctx, "ledger", "audit", s.write("ledger-changed.txt", ledger), "--policy", policy); err != nil {
		return err
	}
	s.say("   One byte of a copy is changed, in line %d:", 1+bytes.Count(ledger[:at], []byte("\n")))
	s.quote(string(a.out))

	// Somebody makes the whole log again, with keys of their own.
	other := &stage{Config: s.Config, pass: s.pass, url: s.url}
	other.Dir = s.path("forgery")
	if err := os.Mkdir(other.Dir, 0o700); err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	other.url = "http://" + address
	if err := other.do(ctx, nil, "init", "--dir", other.path("house"), "--url", other.url, "--sample", "zuidhorn"); err != nil {
		return err
	}
	if err := other.serve(ctx); err != nil {
		return err
	}
	err = other.do(ctx, nil, "ledger", "export", other.house(), "--out", s.path("forged.txt"))
	if err := firstError(err, other.stop()); err != nil {
		return err
	}
	if a, err = s.run(ctx, "ledger", "audit", s.path("forged.txt")); err != nil || a.code != 0 {
		return fmt.Errorf("the forged log is not even right by itself: %v %s", err, a.out)
	}
	if a, err = s.refused(ctx, "ledger", "audit", s.path("forged.txt"), "--policy", policy); err != nil {
		return err
	}
	s.say("   Somebody makes the whole log again with other keys. By itself it looks right; under the policy:")
	s.quote(string(a.out))

	receipt := s.path("purchase.receipt")
	if err := s.do(ctx, nil, "wallet", "receipt", s.wallet(1), "--line", "2", "--out", receipt); err != nil {
		return err
	}
	if a, err = s.run(ctx, "ledger", "verify-receipt", receipt, "--policy", policy); err != nil || a.code != 0 {
		return fmt.Errorf("a receipt: %v %s", err, a.err)
	}
	s.say("   A parent's receipt needs nobody's word. %s", oneLine(a.out))
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
