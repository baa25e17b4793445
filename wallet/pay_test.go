package wallet_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"slices"
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/sdjwt"
	"kindpakket/ledger"
	"kindpakket/wallet"
	"kindpakket/wallet/vault"
)

func TestPay(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	c := look(t, wal, w.shop.sell(1250, "fiets"))
	o, ok := c.Order()
	if !ok || c.Who() != "Fietsenwinkel Trapper" || o.Amount != 1250 || o.Category != "fiets" || o.Shop != w.shop.shop.DID {
		t.Errorf("asked for another order: %q, %v, %v", c.Who(), o.Amount, o.Category)
	}
	contains(t, c.Text().NL, "Fietsenwinkel Trapper vraagt € 12,50 voor: Fiets.", "De winkel ziet: Regeling (kindpakket), Jaar (2027)",
		"De winkel ziet niet: Te gebruiken voor, Aantal kinderen, Bedrag bij de start", "hoeveel u nog hebt")
	contains(t, c.Text().EN, "Fietsenwinkel Trapper asks € 12.50 for: Bicycle.", "The shop does not see: Can be used for, Number of children", "how much you have left")
	r, err := wal.Answer(t.Context(), c)
	if err != nil || r.State() != wallet.Paid || r.Reason() != "" {
		t.Fatalf("got %v, %v, want paid", r.State(), err)
	}
	contains(t, r.Message().NL, "Betaald: € 12,50 aan Fietsenwinkel Trapper")
	wantBalance(t, wal, 28750)
	again, err := wal.Accept(t.Context(), w.issuer.offer(), txCode)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := again.Balance(); err != nil || left != 28750 {
		t.Errorf("the card of the same letter again: %v left (%v), want what is left now", left, err)
	}
	if !slices.Equal(w.shop.sawTypes, []string{budget.OrderType}) {
		t.Errorf("the wallet says that it understands %q", w.shop.sawTypes)
	}

	lines, err := wal.History()
	if err != nil || len(lines) != 1 {
		t.Fatalf("history: got %d lines, %v", len(lines), err)
	}
	l := lines[0]
	if l.State() != wallet.Paid || l.Amount() != 1250 || l.Category() != "fiets" || l.Shop() != "Fietsenwinkel Trapper" || l.OrderID() != o.OrderID || l.Entry() != 0 {
		t.Errorf("history: got %v %v %v %q %d", l.State(), l.Amount(), l.Category(), l.Shop(), l.Entry())
	}
	file, err := wal.ExportReceipt(l.Number())
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := ledger.ParseReceipt(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Verify(receipt, w.Policy); err != nil {
		t.Errorf("the exported receipt: %v", err)
	}
	if _, err := wal.ExportReceipt(99); !errors.Is(err, wallet.ErrNoReceipt) {
		t.Errorf("receipt of no line: got %v", err)
	}
}

// Each presentation takes another copy, so that a shop cannot tell two customers' visits from one customer's by the key.
func TestPayTakesTheCopyThatWasUsedLeast(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	used := map[jose.Thumbprint]int{}
	for range 8 {
		pay(t, wal, w.shop.sell(100, "fiets"))
	}
	for _, raw := range w.books.entries {
		e, err := ledger.ParseEntry(raw)
		if err != nil {
			t.Fatal(err)
		}
		body, err := ledger.ParseBody[ledger.SpendBody](e.Command())
		if err != nil {
			t.Fatal(err)
		}
		used[body.Account.JWK.Thumbprint()]++
	}
	for _, k := range w.issuer.keys {
		if used[k] != 2 {
			t.Errorf("a copy was used %d times, want each of 4 twice", used[k])
		}
	}
	wantBalance(t, wal, 29200)
}

func TestCheckWithoutMoney(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	for _, noPost := range []bool{false, true} { // by POST, and by GET where POST is refused
		w.shop.noPost = noPost
		c := look(t, wal, w.shop.check())
		if _, ok := c.Order(); ok {
			t.Error("a check has an order")
		}
		contains(t, c.Text().NL, "vraagt of u een Kindpakket hebt. Er wordt niets betaald.")
		r, err := wal.Answer(t.Context(), c)
		if err != nil || r.State() != wallet.Entitled {
			t.Errorf("got %v, %v, want entitled", r.State(), err)
		}
	}
	wantBalance(t, wal, 30000)
	if len(w.books.entries) != 0 {
		t.Error("a check left an entry")
	}
}

func TestRefusalHasAReasonAndANextStep(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	r := pay(t, wal, w.shop.sell(30001, "fiets"))
	if r.State() != wallet.Refused || r.Reason() != ledger.TooLittleLeft {
		t.Errorf("one cent too much: got %v %v", r.State(), r.Reason())
	}
	contains(t, r.Message().NL, "niet genoeg", "Er is niets betaald")
	wantBalance(t, wal, 30000)
	if lines, err := wal.History(); err != nil || lines[0].State() != wallet.Refused || lines[0].Reason() != ledger.TooLittleLeft {
		t.Errorf("history: %v", err)
	}
	if _, err := wal.ExportReceipt(r.Line().Number()); !errors.Is(err, wallet.ErrNoReceipt) {
		t.Errorf("receipt of a refusal: got %v", err)
	}
	pay(t, wal, w.shop.sell(30000, "fiets"))
	wantBalance(t, wal, 0)
}

// The payment happened and the answer was lost: asking again sends the same bytes and gets the same receipt, once.
func TestLostAnswer(t *testing.T) {
	w := newWorld(t)
	store := new(vault.Memory)
	v := newVault(t, store)
	wal := w.open(v)
	if _, err := wal.Accept(t.Context(), w.issuer.offer(), txCode); err != nil {
		t.Fatal(err)
	}
	w.shop.drop = 3 // as often as a wallet asks by itself
	uri := w.shop.sell(1250, "fiets")
	r, err := wal.Answer(t.Context(), look(t, wal, uri))
	if !errors.Is(err, wallet.ErrNoAnswer) || r.State() != wallet.Pending {
		t.Fatalf("got %v, %v, want pending and ErrNoAnswer", r.State(), err)
	}
	wantBalance(t, wal, 30000)
	if lines, err := wal.History(); err != nil || len(lines) != 1 || lines[0].State() != wallet.Pending {
		t.Errorf("the history does not show that it is pending: %v", err)
	}

	v.Close()
	if v, err = vault.Open(store, []byte("correct horse"), rand.Reader); err != nil {
		t.Fatal(err)
	}
	wal = w.open(v)
	results, err := wal.Retry(t.Context())
	if err != nil || len(results) != 1 || results[0].State() != wallet.Paid {
		t.Fatalf("retry: got %d results, %v, want paid", len(results), err)
	}
	wantBalance(t, wal, 28750)
	for _, p := range w.shop.posted[1:] {
		if p.Encode() != w.shop.posted[0].Encode() {
			t.Error("other bytes were sent the second time")
		}
	}
	first, err := wal.ExportReceipt(results[0].Line().Number())
	if err != nil {
		t.Fatal(err)
	}

	// The parent scans the same code once more, and agrees once more.
	posts := len(w.shop.posted)
	again := pay(t, wal, uri)
	second, err := wal.ExportReceipt(again.Line().Number())
	if err != nil || again.State() != wallet.Paid || !bytes.Equal(first, second) || len(w.shop.posted) != posts {
		t.Errorf("the same code again: got %v, %v, want the same receipt without sending anything", again.State(), err)
	}
	if results, err := wal.Retry(t.Context()); err != nil || len(results) != 0 {
		t.Errorf("retry when nothing is pending: got %d, %v", len(results), err)
	}
	if len(w.books.entries) != 1 {
		t.Errorf("%d payments were booked, want 1", len(w.books.entries))
	}
}

// The order's time is over: nothing new is sent, and what was sent before can still be asked for.
func TestAfterTheOrderExpired(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	w.shop.drop = 3
	if _, err := wal.Answer(t.Context(), look(t, wal, w.shop.sell(1250, "fiets"))); !errors.Is(err, wallet.ErrNoAnswer) {
		t.Fatal(err)
	}
	late := look(t, wal, w.shop.sell(500, "fiets"))
	posts := len(w.shop.posted)
	w.Clock = w.Clock.Add(time.Hour)
	if _, err := wal.Answer(t.Context(), late); !errors.Is(err, wallet.ErrExpired) || len(w.shop.posted) != posts {
		t.Errorf("an expired order: got %v, want ErrExpired and nothing sent", err)
	}
	w.Clock = w.Clock.Add(-time.Hour)
	w.shop.status = 404
	if results, err := wal.Retry(t.Context()); !errors.Is(err, wallet.ErrNoAnswer) || len(results) != 1 || results[0].State() != wallet.Pending {
		t.Errorf("while the shop is gone: got %d results, %v", len(results), err)
	}
	w.shop.status = 0
	if results, err := wal.Retry(t.Context()); err != nil || len(results) != 1 || results[0].State() != wallet.Paid {
		t.Errorf("when it is back: got %d results, %v", len(results), err)
	}
}

func TestAnOldCheckIsForgotten(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	w.shop.status = 503
	if _, err := wal.Answer(t.Context(), look(t, wal, w.shop.check())); !errors.Is(err, wallet.ErrNoAnswer) {
		t.Fatal(err)
	}
	if results, err := wal.Retry(t.Context()); !errors.Is(err, wallet.ErrNoAnswer) || len(results) != 1 {
		t.Errorf("at once: got %d results, %v, want it pending", len(results), err)
	}
	w.Clock = w.Clock.Add(2 * time.Hour)
	if results, err := wal.Retry(t.Context()); err != nil || len(results) != 0 {
		t.Errorf("two hours later: got %d results, %v, want it forgotten", len(results), err)
	}
	if lines, err := wal.History(); err != nil || len(lines) != 0 {
		t.Errorf("history: got %d lines, %v", len(lines), err)
	}
}

func TestPendingIsAskedAgain(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	w.shop.pending = 5
	if r := pay(t, wal, w.shop.sell(1250, "fiets")); r.State() != wallet.Paid || len(w.shop.posted) != 6 {
		t.Errorf("got %v after %d posts, want paid after 6", r.State(), len(w.shop.posted))
	}
	// It ends when the caller's patience ends, and nothing is lost.
	w.shop.pending = 1 << 30
	ctx, cancel := context.WithCancel(t.Context())
	c := look(t, wal, w.shop.sell(1250, "fiets"))
	cancel()
	if r, err := wal.Answer(ctx, c); !errors.Is(err, wallet.ErrNoAnswer) || r.State() != wallet.Pending {
		t.Errorf("got %v, %v, want pending", r.State(), err)
	}
	if r, err := wal.Answer(t.Context(), c); !errors.Is(err, wallet.ErrNoAnswer) || r.State() != wallet.Pending {
		t.Errorf("a shop that is pending for ever: got %v, %v, want pending", r.State(), err)
	}
	w.shop.pending = 0
	if r, err := wal.Answer(t.Context(), c); err != nil || r.State() != wallet.Paid {
		t.Errorf("the same consent again: got %v, %v, want paid", r.State(), err)
	}
	wantBalance(t, wal, 27500)
}

func TestServerErrorIsNotARefusal(t *testing.T) {
	for _, status := range []int{400, 404, 500, 503} {
		w := newWorld(t)
		wal := w.holder()
		w.shop.status = status
		c := look(t, wal, w.shop.sell(1250, "fiets"))
		if r, err := wal.Answer(t.Context(), c); !errors.Is(err, wallet.ErrNoAnswer) || r.State() != wallet.Pending {
			t.Errorf("%d: got %v, %v, want pending", status, r.State(), err)
		}
		w.shop.status = 0
		if r, err := wal.Answer(t.Context(), c); err != nil || r.State() != wallet.Paid {
			t.Errorf("%d, then an answer: got %v, %v", status, r.State(), err)
		}
	}
}

// C1: a shop could take without the payer's consent.
func TestC1NothingMovesWithoutConsent(t *testing.T) {
	w := newWorld(t)
	wal, other := w.holder(), w.open(newVault(t, new(vault.Memory)))
	c := look(t, wal, w.shop.sell(1250, "fiets"))
	if len(w.shop.posted) != 0 {
		t.Error("looking sent an answer")
	}
	for name, try := range map[string]func() error{
		"a consent made of nothing":   func() error { _, err := wal.Answer(t.Context(), wallet.Consent{}); return err },
		"a consent of another wallet": func() error { _, err := other.Answer(t.Context(), c); return err },
		"declining nothing":           func() error { return wal.Decline(t.Context(), wallet.Consent{}) },
	} {
		if err := try(); !errors.Is(err, wallet.ErrNoConsent) {
			t.Errorf("%s: got %v, want ErrNoConsent", name, err)
		}
	}
	if err := wal.Decline(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if len(w.shop.posted) != 1 || w.shop.posted[0].Get("error") != "access_denied" || w.shop.posted[0].Has("vp_token") || w.shop.posted[0].Has("response") {
		t.Errorf("declining sent something else than access_denied")
	}
	if len(w.books.entries) != 0 {
		t.Error("money moved")
	}
	c = look(t, wal, w.shop.sell(1250, "fiets"))
	if _, err := wal.Answer(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := wal.Decline(t.Context(), c); !errors.Is(err, wallet.ErrNoConsent) {
		t.Errorf("declining what was paid: got %v, want ErrNoConsent", err)
	}
}

// C1: a request that hides its order could be a payment that the parent never saw.
func TestC1NoBlindPayment(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	w.shop.noPost = true // by GET a wallet cannot say that it understands orders, and gets none
	if _, err := wal.Look(t.Context(), w.shop.sell(1250, "fiets")); !errors.Is(err, wallet.ErrBlind) {
		t.Errorf("got %v, want ErrBlind", err)
	}
}

// P9: a photo of the QR was money. Whoever has a picture of the request, of the card's presentation, or of everything
// that was sent, can move nothing with it.
func TestP9APhotoIsNotMoney(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	uri := w.shop.sell(1250, "fiets")
	pay(t, wal, uri)
	photo := w.shop.posted[0]
	body := []byte(photo.Encode())
	text, err := w.shop.presentation(body)
	if err != nil {
		t.Fatal(err)
	}
	kb, key, err := sdjwt.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	// The same presentation, for another order of the same shop and at another one's.
	for name, o := range map[string]budget.Order{"another order": w.Order("trapper", 1250, "fiets"), "another shop": w.Order("plein", 1250, "boeken")} {
		if _, err := w.books.spend(w.Sign(o), ledger.AccountProof{JWK: key, KBJWT: kb}); !errors.Is(err, ledger.BadProof) && !errors.Is(err, ledger.WrongAudience) {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
	// For the same order it is the same payment, which was made.
	a := w.shop.asks[lastID(t, uri)]
	if _, err := w.books.spend(a.order, ledger.AccountProof{JWK: key, KBJWT: kb}); err != nil || len(w.books.entries) != 1 {
		t.Errorf("the same order again: %v, and %d payments", err, len(w.books.entries))
	}
	// Another parent with a photo of the request is shown the first one's receipt: it does not count as theirs.
	w.issuer.nextLetter()
	other := w.holder()
	if r, err := other.Answer(t.Context(), look(t, other, uri)); !errors.Is(err, wallet.ErrReceipt) || r.State() != wallet.Pending {
		t.Errorf("somebody else's receipt: got %v, %v, want ErrReceipt", r.State(), err)
	}
	wantBalance(t, other, 30000)
	wantBalance(t, wal, 28750)
}

func lastID(t *testing.T, uri string) string {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	ref := u.Query().Get("request_uri")
	return ref[len(ref)-22:]
}

func TestRestoredBackupPays(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	pay(t, wal, w.shop.sell(1000, "fiets"))
	var file bytes.Buffer
	if err := wal.Backup([]byte("on paper"), &file); err != nil {
		t.Fatal(err)
	}
	pay(t, wal, w.shop.sell(500, "fiets")) // after the backup: the restored wallet does not know of it

	restored := w.open(newVault(t, new(vault.Memory)))
	if err := restored.Restore([]byte("wrong"), bytes.NewReader(file.Bytes())); !errors.Is(err, vault.ErrPassphrase) {
		t.Errorf("wrong passphrase: got %v, want ErrPassphrase", err)
	}
	if err := restored.Restore([]byte("on paper"), bytes.NewReader(file.Bytes())); err != nil {
		t.Fatal(err)
	}
	wantBalance(t, restored, 29000)
	if r := pay(t, restored, w.shop.sell(2000, "fiets")); r.State() != wallet.Paid {
		t.Errorf("after restoring: got %v %v, want paid", r.State(), r.Reason())
	}
	if err := restored.Restore([]byte("on paper"), bytes.NewReader(file.Bytes())); !errors.Is(err, vault.ErrNotEmpty) {
		t.Errorf("restoring into a wallet in use: got %v, want ErrNotEmpty", err)
	}
	// The ledger knows what the restored wallet does not.
	if r := pay(t, restored, w.shop.sell(27000, "fiets")); r.Reason() != ledger.TooLittleLeft {
		t.Errorf("spending what was spent after the backup: got %v %v, want too-little-left", r.State(), r.Reason())
	}
}

func TestTheShopsWordForACheck(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	w.shop.state = wallet.Refused
	if r := pay(t, wal, w.shop.check()); r.State() != wallet.Refused || r.Reason() != "not-entitled" {
		t.Errorf("got %v %v", r.State(), r.Reason())
	}
	// "Paid" for a check and "entitled" for a payment are no answers.
	for state, uri := range map[wallet.State]string{wallet.Paid: w.shop.check(), wallet.Entitled: w.shop.sell(100, "fiets"), "x": w.shop.check()} {
		w.shop.state = state
		if r, err := wal.Answer(t.Context(), look(t, wal, uri)); !errors.Is(err, wallet.ErrNoAnswer) || r.State() != wallet.Pending {
			t.Errorf("%s: got %v, %v, want pending", state, r.State(), err)
		}
	}
	if got := catalog.Kindpakket().Label(catalog.Fund, "nl"); got != "Regeling" {
		t.Errorf("label of the fund: %q", got)
	}
}
