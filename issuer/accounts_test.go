package issuer_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"kindpakket/credential/budget"
	"kindpakket/credential/oid4vci"
	"kindpakket/credential/sdjwt"
	"kindpakket/credential/status"
	"kindpakket/issuer"
	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
)

// TestRekey: a new phone takes over the balance; the old one's keys and copies end.
func TestRekey(t *testing.T) {
	h := newHouse(t)
	h.families()
	h.enrol("trapper", ibanOne)
	if _, err := h.issuer.Rekey(t.Context(), client, issuer.ByValue); !errors.Is(err, issuer.ErrNoCard) {
		t.Errorf("before there is a card: got %v", err)
	}
	old := h.enrolled(client, 2)
	h.paid(old, "trapper", 1500, "fiets")
	if old.statusOf(0) != status.Valid { // the list is signed and kept by now
		t.Fatal("revoked too early")
	}
	o, err := h.issuer.Rekey(t.Context(), client, issuer.ByValue)
	h.must(err)
	h.paid(old, "trapper", 500, "fiets") // the letter alone changes nothing
	next := h.phone(3).login(o)
	next.take(next.ask())
	if _, err := h.pay(old, "trapper", 100, "fiets"); !errors.Is(err, ledger.UnknownAccount) {
		t.Errorf("the old phone: got %v", err)
	}
	for n := range old.cards {
		if old.statusOf(n) != status.Invalid {
			t.Errorf("copy %d of the old phone is still entitled", n)
		}
	}
	for n := range next.cards {
		if v := next.verified(n); v.Claims["amount"] != jsonNumber("58000") || next.statusOf(n) != status.Valid {
			t.Errorf("copy %d: got %v cents, want what is left", n, v.Claims["amount"])
		}
	}
	if a := h.accounts(); len(a) != 1 || h.balance(a[0]) != 58000 {
		t.Error("the balance did not stay")
	}
	h.paid(next, "trapper", 58000, "fiets")
}

// TestRekeyTwice: a phone's takeover hangs while another is asked for; they come one after the other.
func TestRekeyTwice(t *testing.T) {
	for name, f := range map[string]fault{"question lost": down, "answer lost": lost} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.families()
			h.enrol("trapper", ibanOne)
			old := h.enrolled(client, 1)
			var phones []*phone
			for n := range 2 {
				o, err := h.issuer.Rekey(t.Context(), client, issuer.ByValue)
				h.must(err)
				p := h.phone(1).login(o)
				if n == 0 {
					h.log.set(only(ledger.KindKeys, f))
					if a := p.ask(); a.code != 503 {
						t.Fatalf("got %d %s", a.code, a.body)
					}
					h.log.set(nil)
				} else {
					p.take(p.ask())
				}
				phones = append(phones, p)
			}
			for _, p := range []*phone{old, phones[0]} {
				if _, err := h.pay(p, "trapper", 100, "fiets"); !errors.Is(err, ledger.UnknownAccount) {
					t.Errorf("an older phone: got %v", err)
				}
			}
			h.paid(phones[1], "trapper", 60000, "fiets")
			wantOAuth(t, "the first phone again", phones[0].again(), 400, oid4vci.CredentialRequestDenied)
		})
	}
}

// TestRevoke: every copy is revoked in the list, at once and whatever the ledger does; the budget is blocked.
func TestRevoke(t *testing.T) {
	h := newHouse(t)
	h.families()
	h.enrol("trapper", ibanOne)
	p, bystander := h.enrolled(client, 3), h.enrolled(other, 1)
	if p.statusOf(0) != status.Valid {
		t.Fatal("revoked too early")
	}
	if err := h.issuer.Revoke(t.Context(), client, ""); !errors.Is(err, issuer.ErrInput) {
		t.Errorf("without a reason: got %v", err)
	}
	if err := h.issuer.Revoke(t.Context(), client, strings.Repeat("x", issuer.MaxReason+1)); !errors.Is(err, issuer.ErrInput) {
		t.Errorf("a long reason: got %v", err)
	}
	h.log.set(down)
	wantErr(t, "while the ledger is down", h.issuer.Revoke(t.Context(), client, "moved away"), ledger.ErrUnavailable)
	for n := range p.cards {
		if p.statusOf(n) != status.Invalid {
			t.Errorf("copy %d is not revoked", n)
		}
	}
	h.log.set(nil)
	h.restart()
	if _, err := h.pay(p, "trapper", 100, "fiets"); !errors.Is(err, ledger.AccountBlocked) {
		t.Errorf("paying: got %v", err)
	}
	if p.statusOf(2) != status.Invalid || bystander.statusOf(0) != status.Valid {
		t.Error("after a restart the list says something else")
	}
	wantErr(t, "opening a revoked card", h.issuer.Block(t.Context(), client, ledger.Active, ""), issuer.ErrRevoked)
	wantErr(t, "topping up a revoked card", h.issuer.TopUp(t.Context(), client, 100, ledgertest.ID()), issuer.ErrRevoked)
	_, err := h.issuer.Rekey(t.Context(), client, issuer.ByValue)
	wantErr(t, "a new phone for a revoked card", err, issuer.ErrRevoked)
	for _, e := range append(h.entries(ledger.KindBlock), h.entries(ledger.KindIssue)...) {
		if strings.Contains(string(e.Raw), "moved") {
			t.Error("the reason stands on the ledger")
		}
	}
}

// TestRevokeUnderWay: revoked before the card was taken, or while the ledger's answer is awaited: no card comes of it.
func TestRevokeUnderWay(t *testing.T) {
	h := newHouse(t)
	h.families()
	letter := h.offer(client)
	p := h.phone(1).login(letter)
	h.must(h.issuer.Revoke(t.Context(), client, "a mistake in the file"))
	wantOAuth(t, "a token from before", p.ask(), 400, oid4vci.CredentialRequestDenied)
	_, err := h.issuer.OfferFamily(client, issuer.ByValue)
	wantErr(t, "another letter", err, issuer.ErrRevoked)

	q := h.phone(1).login(h.offer(other))
	h.log.set(lost)
	q.ask()
	h.issuer.Revoke(t.Context(), other, "moved away")
	h.log.set(nil)
	wantOAuth(t, "a card that was under way", q.again(), 400, oid4vci.CredentialRequestDenied)
	h.enrol("trapper", ibanOne)
	if _, err := h.pay(q, "trapper", 100, "fiets"); !errors.Is(err, ledger.AccountBlocked) {
		t.Errorf("paying: got %v", err)
	}
}

func TestBlock(t *testing.T) {
	h := newHouse(t)
	h.families()
	h.enrol("trapper", ibanOne)
	wantErr(t, "without a card", h.issuer.Block(t.Context(), client, ledger.Blocked, "x"), issuer.ErrNoCard)
	wantErr(t, "an unknown family", h.issuer.Block(t.Context(), "99999", ledger.Blocked, "x"), issuer.ErrUnknownFamily)
	p := h.enrolled(client, 1)
	wantErr(t, "without a reason", h.issuer.Block(t.Context(), client, ledger.Blocked, ""), issuer.ErrInput)
	wantErr(t, "another state", h.issuer.Block(t.Context(), client, "frozen", "x"), issuer.ErrInput)
	h.must(h.issuer.Block(t.Context(), "00"+client, ledger.Blocked, "phone stolen")) // a spreadsheet drops the zeros
	if _, err := h.pay(p, "trapper", 100, "fiets"); !errors.Is(err, ledger.AccountBlocked) {
		t.Errorf("blocked: got %v", err)
	}
	h.must(h.issuer.Block(t.Context(), client, ledger.Active, ""))
	h.paid(p, "trapper", 100, "fiets")

	// A block that hangs and the opening after it reach the ledger in the order in which the official said them.
	h.log.set(down)
	wantErr(t, "block", h.issuer.Block(t.Context(), client, ledger.Blocked, "x"), ledger.ErrUnavailable)
	h.log.set(nil)
	h.must(h.issuer.Block(t.Context(), client, ledger.Active, ""))
	h.must(h.issuer.Resume(t.Context(), 0))
	h.paid(p, "trapper", 100, "fiets")
}

// TestB2TopUpOnce: payment without an idempotency key paid twice.
func TestB2TopUpOnce(t *testing.T) {
	for name, f := range map[string]fault{"answered": nil, "question lost": down, "answer lost": lost} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.families()
			h.enrolled(client, 1)
			id := ledgertest.ID()
			h.log.set(f)
			err := h.issuer.TopUp(t.Context(), client, 30000, id)
			if (f == nil) != (err == nil) {
				t.Fatalf("got %v", err)
			}
			h.log.set(nil)
			for range 2 {
				wantErr(t, "the same again", h.issuer.TopUp(t.Context(), client, 30000, id), issuer.ErrDone)
			}
			h.must(h.issuer.Resume(t.Context(), 0))
			if left := h.balance(h.accounts()[0]); left != 90000 {
				t.Errorf("got %v, want € 900", left)
			}
		})
	}
}

func TestTopUpRefused(t *testing.T) {
	h := newHouse(t)
	h.families()
	h.enrolled(client, 1)
	h.enrolled(other, 1)
	id := ledgertest.ID()
	wantErr(t, "an unknown family", h.issuer.TopUp(t.Context(), "99999", 100, id), issuer.ErrUnknownFamily)
	for name, amount := range map[string]budget.Cents{"nothing": 0, "less than nothing": -1, "more than a budget holds": budget.MaxCents + 1} {
		wantErr(t, name, h.issuer.TopUp(t.Context(), client, amount, id), issuer.ErrInput)
	}
	wantErr(t, "an id of another form", h.issuer.TopUp(t.Context(), client, 100, "1"), issuer.ErrInput)
	wantErr(t, "the ledger says no", h.issuer.TopUp(t.Context(), client, budget.MaxCents, id), ledger.AboveMaximum)
	h.must(h.issuer.TopUp(t.Context(), client, 100, id)) // what was refused may come again
	wantErr(t, "the id for another amount", h.issuer.TopUp(t.Context(), client, 200, id), issuer.ErrInput)
	wantErr(t, "the id for another family", h.issuer.TopUp(t.Context(), other, 100, id), issuer.ErrInput)
}

// TestFundTwice: opening a fund again must neither write over it nor take it away.
func TestFundTwice(t *testing.T) {
	h := newHouse(t)
	h.families()
	again := h.fund()
	again.PerChild = 1
	wantErr(t, "the same fund again", h.issuer.OpenFund(t.Context(), again), issuer.ErrDone)
	if f, err := h.issuer.Fund(); err != nil || f.PerChild != perChild {
		t.Errorf("got %v, %v", f.PerChild, err)
	}
	h.enrolled(client, 1)
	for name, change := range map[string]func(*issuer.FundSpec){
		"no amount":     func(f *issuer.FundSpec) { f.PerChild = 0 },
		"no name":       func(f *issuer.FundSpec) { f.NameNL = "" },
		"no categories": func(f *issuer.FundSpec) { f.Categories = nil },
		"an id":         func(f *issuer.FundSpec) { f.Fund = "A b" },
		"limits":        func(f *issuer.FundSpec) { f.Min, f.Max = 10, 5 },
	} {
		f := h.fund()
		f.Period.ID = "other"
		change(&f)
		wantErr(t, name, h.issuer.OpenFund(t.Context(), f), issuer.ErrInput)
	}
}

// TestFundLost: the ledger's answer to a new fund is lost.
func TestFundLost(t *testing.T) {
	h := newHouse(t)
	next := h.fund()
	next.Fund = "sportpakket"
	h.log.set(lost)
	wantErr(t, "lost", h.issuer.OpenFund(t.Context(), next), ledger.ErrUnavailable)
	h.log.set(nil)
	wantErr(t, "asked again", h.issuer.OpenFund(t.Context(), next), issuer.ErrDone)
	if n := len(h.entries(ledger.KindFund)); n != 2 {
		t.Errorf("%d funds", n)
	}
}

func TestAccreditRefused(t *testing.T) {
	h := newHouse(t)
	h.enrol("trapper", ibanOne)
	trapper, plein := h.Shops["trapper"], h.Shops["plein"]
	for name, change := range map[string]func(*issuer.Accreditation){
		"iban":              func(a *issuer.Accreditation) { a.IBAN = "NL69TEST0000000002" },
		"kvk":               func(a *issuer.Accreditation) { a.KvK = "1234567x" },
		"no name":           func(a *issuer.Accreditation) { a.Name = "..." },
		"another's name":    func(a *issuer.Accreditation) { a.Name = "winkel  Trapper" },
		"another's key":     func(a *issuer.Accreditation) { a.Key = trapper.Key.Public() },
		"another's request": func(a *issuer.Accreditation) { a.CSR = signingRequest(t, trapper.Key.ECDSA(), trapper.DID) },
		"two hosts": func(a *issuer.Accreditation) {
			a.CSR = signingRequest(t, plein.Key.ECDSA(), plein.DID, "a.example", "b.example")
		},
		"no request":         func(a *issuer.Accreditation) { a.CSR = nil },
		"a huge request":     func(a *issuer.Accreditation) { a.CSR = make([]byte, 9<<10) },
		"no categories":      func(a *issuer.Accreditation) { a.Categories = nil },
		"a category of none": func(a *issuer.Accreditation) { a.Categories = []budget.Category{"A B"} },
	} {
		a := h.accreditation("Winkel plein", ibanTwo, plein)
		change(&a)
		if _, err := h.issuer.Accredit(t.Context(), a); !errors.Is(err, issuer.ErrInput) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if shops, err := h.issuer.Shops(); err != nil || len(shops) != 1 {
		t.Errorf("%d shops, %v", len(shops), err)
	}
	wantErr(t, "suspending nobody", h.issuer.Suspend(t.Context(), "nobody", ledger.Suspended, "fraud"), issuer.ErrUnknownShop)
	wantErr(t, "another state", h.issuer.Suspend(t.Context(), "winkel-trapper", "closed", "fraud"), issuer.ErrInput)
}

// TestAccessCertificate: it says which shop it is, and is nobody's certificate in TLS.
func TestAccessCertificate(t *testing.T) {
	h := newHouse(t)
	s := h.Shops["trapper"]
	a := h.accreditation("Winkel trapper", ibanOne, s)
	a.CSR = signingRequest(t, s.Key.ECDSA(), s.DID, "zuidhorn.example")
	der, err := h.issuer.Accredit(t.Context(), a)
	h.must(err)
	cert, err := x509.ParseCertificate(der)
	h.must(err)
	if cert.IsCA || len(cert.URIs) != 1 || cert.URIs[0].String() != s.DID {
		t.Errorf("names: %v", cert.URIs)
	}
	options := x509.VerifyOptions{Roots: h.anchor, CurrentTime: h.Clock, DNSName: "zuidhorn.example"}
	if _, err := cert.Verify(options); err == nil {
		t.Error("a shop's certificate serves TLS for the municipality's host")
	}
	options.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	if _, err := cert.Verify(options); err != nil {
		t.Error(err)
	}
}

// TestShopChange: a change counts when the ledger has it, and not before.
func TestShopChange(t *testing.T) {
	h := newHouse(t)
	h.families()
	h.enrol("trapper", ibanOne)
	p := h.enrolled(client, 1)
	a := h.accreditation("Winkel trapper", ibanTwo, h.Shops["trapper"])
	h.log.set(down)
	_, err := h.issuer.Accredit(t.Context(), a)
	wantErr(t, "while the ledger is down", err, ledger.ErrUnavailable)
	if shops, err := h.issuer.Shops(); err != nil || shops[0].IBAN != ibanOne {
		t.Errorf("got %v, %v", shops, err)
	}
	h.log.set(nil)
	h.must(h.issuer.Suspend(t.Context(), "winkel-trapper", ledger.Suspended, "fraud"))
	if shops, err := h.issuer.Shops(); err != nil || shops[0].IBAN != ibanTwo || shops[0].State != ledger.Suspended {
		t.Errorf("got %v, %v", shops, err)
	}
	if _, err := h.pay(p, "trapper", 100, "fiets"); !errors.Is(err, ledger.ShopSuspended) {
		t.Errorf("got %v", err)
	}
	// A suspended shop that renews its certificate stays suspended.
	_, err = h.issuer.Accredit(t.Context(), a)
	h.must(err)
	if _, err := h.pay(p, "trapper", 100, "fiets"); !errors.Is(err, ledger.ShopSuspended) {
		t.Errorf("after a new certificate: got %v", err)
	}
	h.must(h.issuer.Suspend(t.Context(), "winkel-trapper", ledger.Accredited, ""))
	h.paid(p, "trapper", 100, "fiets")
}

// TestApproveAccounts: two officials, not one of them twice; not somebody; not for another number.
func TestApproveAccounts(t *testing.T) {
	h := newHouse(t)
	h.enrol("trapper", ibanOne)
	ready := func(token string, slugs ...string) int {
		t.Helper()
		n, err := h.issuer.ApproveAccounts(token, slugs)
		h.must(err)
		return n
	}
	if ready("a") != 0 || ready("a", "winkel-trapper") != 0 {
		t.Error("one official approved twice")
	}
	_, err := h.issuer.ApproveAccounts("c", nil)
	wantErr(t, "somebody", err, issuer.ErrOfficial)
	_, err = h.issuer.ApproveAccounts("", nil)
	wantErr(t, "nobody", err, issuer.ErrOfficial)
	_, err = h.issuer.ApproveAccounts("b", []string{"winkel-trapper", "nobody"})
	wantErr(t, "a shop that is not there", err, issuer.ErrUnknownShop)
	if ready("b") != 1 {
		t.Error("two approvals do not count")
	}
	h.enrol("trapper", ibanTwo)
	if ready("b") != 0 {
		t.Error("a changed account number kept its approvals")
	}
	h.enrol("trapper", ibanOne)
	if ready("b") != 0 {
		t.Error("changing the account number there and back kept its approvals")
	}
	cfg := h.cfg
	cfg.Officials = map[string][32]byte{"official-1": sha256.Sum256([]byte("a")), "official-1-again": sha256.Sum256([]byte("a"))}
	if i, err := issuer.Open(cfg); err == nil {
		i.Close()
		t.Error("one token is two officials")
	}
}

// TestP3FamilySizeOnlyIfChosen: the amount divided by 300 gave away the number of children.
func TestP3FamilySizeOnlyIfChosen(t *testing.T) {
	h := newHouse(t)
	h.families()
	p := h.enrolled(client, 1)
	c, err := sdjwt.Parse(p.cards[0])
	h.must(err)
	shown := func(paths ...sdjwt.Path) map[string]any {
		t.Helper()
		shop, err := c.Present(paths...)
		h.must(err)
		v, err := shop.Verify(sdjwt.Policy{Now: h.Clock, Key: sdjwt.TrustChain(h.anchor, h.Clock, h.url)})
		h.must(err)
		return v.Claims
	}
	till := shown(sdjwt.Path{"fund"}, sdjwt.Path{"period"})
	for _, name := range []string{"children", "amount", "municipality", "categories"} {
		if _, ok := till[name]; ok {
			t.Errorf("a till sees %s", name)
		}
	}
	if till["fund"] != h.Fund || till["period"] != h.Period.ID {
		t.Errorf("a till sees %v and %v", till["fund"], till["period"])
	}
	if open := shown(); open["fund"] != nil || open["amount"] != nil {
		t.Error("something is shown that nobody chose")
	}
	if chosen := shown(sdjwt.Path{"children"}); chosen["children"] != jsonNumber("2") || chosen["amount"] != nil {
		t.Error("the number of children cannot be shown by choice, or shows the amount too")
	}
}

// TestClientHangsUp: a phone that hangs up does not call its command back.
func TestClientHangsUp(t *testing.T) {
	h := newHouse(t)
	h.families()
	p := h.phone(1).login(h.offer(client))
	body := p.request(h.nonce(), h.url)
	ctx, cancel := context.WithCancel(t.Context())
	h.log.set(only(ledger.KindIssue, func(_ ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) {
		cancel()
		return next()
	}))
	h.issuer.Credential(ctx, string(p.token), body)
	if len(h.accounts()) != 1 || h.issuer.Waiting() != 0 {
		t.Error("the answer was not booked")
	}
}
