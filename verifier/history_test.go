package verifier_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
	"kindpakket/credential/sdjwt"
	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
	"kindpakket/verifier"
)

// TestC1 gives a thief the key of a shop: he can ask in its name, and take from nobody.
func TestC1(t *testing.T) {
	h := newHouse(t)
	victim := h.newWallet(3000)
	_, paid := victim.pay(1000)
	h.wants(paid, verifier.Paid, "")
	entry, err := ledger.Verify(*paid.Receipt, h.Policy)
	h.must(err)
	old, err := ledger.ParseBody[ledger.SpendBody](entry.Command())
	h.must(err)

	thief := h.Shops["trapper"] // the key, not the service
	order := h.Sign(h.Order("trapper", 500, "fiets"))
	for name, proof := range map[string]ledger.AccountProof{
		"the proof of an earlier purchase": *old.Account,
		"signed by the shop itself":        h.Proof(ledgertest.Holder{Key: thief.Key}, order, ledgertest.KB{}),
		"the victim's key, the shop's signature": {JWK: victim.Key.Public(),
			KBJWT: h.Proof(ledgertest.Holder{Key: thief.Key}, order, ledgertest.KB{}).KBJWT},
	} {
		var refusal *ledger.Refusal
		if _, err := h.ledger.Append(t.Context(), h.SpendWith(order, proof)); !errors.As(err, &refusal) {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
	// Nor by way of the service: a presentation from an earlier purchase does not fit a new order.
	first := victim.fetch(h.ask("trapper", 10, "fiets"), shown{})
	captured := victim.present(first, shown{})
	second := victim.fetch(h.ask("trapper", 500, "fiets"), shown{})
	h.wants(victim.post(second, victim.form(second, captured)), verifier.Refused, verifier.BadPresentation)
	if left := h.balance(victim); left != 2000 {
		t.Errorf("left: got %d, want 2000", left)
	}
	// And one shop's key does not sell as another shop.
	o := h.Order("plein", 500, "boeken")
	forged := h.SignOrder(thief.Key, o)
	if _, err := h.ledger.Append(t.Context(), h.SpendWith(forged, h.Proof(victim.Holder, forged, ledgertest.KB{}))); !errors.Is(err, ledger.BadSignature) {
		t.Errorf("an order in another shop's name: got %v, want bad-signature", err)
	}
}

// TestC3 has the ledger refuse, and its road break: neither is ever told as success.
func TestC3(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	for name, fault := range map[string]error{
		"a refusal":            ledger.Refuse(ledger.UnknownAccount, ""),
		"a refusal, wrapped":   errors.Join(errors.New("asking"), ledger.Refuse(ledger.UnknownAccount, "")),
		"out of reach":         ledger.ErrUnavailable,
		"something unforeseen": errors.New("unforeseen"),
	} {
		h.log.fault = func(ledger.Command, func() (ledger.Receipt, error)) (ledger.Receipt, error) {
			return ledger.Receipt{}, fault
		}
		_, got := w.pay(100)
		if strings.HasPrefix(name, "a refusal") {
			h.wants(got, verifier.Refused, ledger.UnknownAccount)
		} else {
			h.wants(got, verifier.Pending, "")
		}
	}
}

// TestD1 lets the ledger refuse after an outage: nobody is told "paid" meanwhile, and the refusal stands.
func TestD1(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(1000)
	h.log.fault = down
	a, got := w.pay(600)
	h.wants(got, verifier.Pending, "")
	h.log.fault = nil
	_, other := w.pay(600)
	h.wants(other, verifier.Paid, "")
	h.wants(h.result(a), verifier.Refused, ledger.TooLittleLeft)
	// A refusal that was told is not taken back, whatever comes to the account afterwards.
	h.Append(t, h.ledger, h.TopUp(h.SignOrder(h.Key, h.TopUpOrder(w.Holder, 5000))))
	asked := h.log.asked
	h.must(h.verifier.Resume(t.Context()))
	h.wants(h.result(a), verifier.Refused, ledger.TooLittleLeft)
	if h.log.asked != asked || h.balance(w) != 5400 {
		t.Errorf("the ledger was asked again, or money moved: %d left", h.balance(w))
	}
}

// TestD2 tries to give back a payment that is still pending.
func TestD2(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	h.log.fault = lost
	a, got := w.pay(1000)
	h.wants(got, verifier.Pending, "")
	if _, err := h.verifier.Return(t.Context(), verifier.GiveBack{OrderID: a.OrderID, Amount: 1000}); !errors.Is(err, verifier.ErrNotPaid) {
		t.Errorf("returning what is pending: got %v, want ErrNotPaid", err)
	}
	h.log.fault = nil
	back, err := h.verifier.Return(t.Context(), verifier.GiveBack{OrderID: a.OrderID, Amount: 1000}) // finds that it was paid
	h.must(err)
	h.wants(back, verifier.Returned, "")
	if h.balance(w) != 3000 {
		t.Errorf("left: got %d, want 3000", h.balance(w))
	}
}

// TestD4 answers with receipts that prove something else, or nothing: none of them is "paid".
func TestD4(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	_, first := w.pay(100)
	h.wants(first, verifier.Paid, "")
	genesis, err := h.ledger.Receipt(t.Context(), 0)
	h.must(err)
	forger := ledgertest.New(t) // another log of the same name
	for name, receipt := range map[string]ledger.Receipt{
		"nothing":                   {},
		"the receipt of another":    *first.Receipt,
		"an entry that is no spend": genesis,
		"a proof without an entry":  {Proof: first.Receipt.Proof},
		"an entry without a proof":  {Entry: first.Receipt.Entry},
	} {
		h.log.fault = func(ledger.Command, func() (ledger.Receipt, error)) (ledger.Receipt, error) { return receipt, nil }
		a, got := w.pay(100)
		h.wants(got, verifier.Pending, "")
		h.wants(h.result(a), verifier.Pending, "")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	// A true receipt, signed by a log that the policy does not name.
	h.log.fault = func(_ ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) {
		r, err := next()
		if err != nil {
			return r, err
		}
		e, err := ledger.ParseEntry(r.Entry)
		h.must(err)
		signed, err := ledger.Checkpoint{Origin: h.Origin, Size: e.Index + 1, Root: ledger.LeafHash(r.Entry)}.Sign(forger.Signer)
		h.must(err)
		return ledger.NewReceipt(r.Entry, e.Index, nil, signed), nil
	}
	a, got := w.pay(100)
	h.wants(got, verifier.Pending, "")
	h.log.fault = nil
	h.wants(h.result(a), verifier.Paid, "")
}

// TestB1 races two tills for an account's last euros.
func TestB1(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(1000)
	var got [8]verifier.Result
	var all sync.WaitGroup
	for i := range got {
		v := w.fetch(h.ask("trapper", 1000, "fiets"), shown{})
		form := w.form(v, w.present(v, shown{}))
		all.Go(func() { got[i] = w.post(v, form) })
	}
	all.Wait()
	paid := 0
	for _, r := range got {
		if r.State == verifier.Paid {
			paid++
			continue
		}
		h.wants(r, verifier.Refused, ledger.TooLittleLeft)
	}
	if paid != 1 || h.balance(w) != 0 {
		t.Errorf("%d tills were paid, %d cents are left; want 1 and 0", paid, h.balance(w))
	}
}

// TestOneAnswer races two phones, and the same phone many times, for one order.
func TestOneAnswer(t *testing.T) {
	h := newHouse(t)
	one, two := h.newWallet(1000), h.newWallet(1000)
	a := h.ask("trapper", 400, "fiets")
	v := one.fetch(a, shown{})
	p1, p2 := one.present(v, shown{}), two.present(v, shown{})
	got1, got2 := make([]verifier.Result, 4), make([]verifier.Result, 4)
	var all sync.WaitGroup
	for i := range got1 {
		f1, f2 := one.form(v, p1), two.form(v, p2) // encrypted anew: other bytes each time
		all.Go(func() { got1[i] = one.post(v, f1) })
		all.Go(func() { got2[i] = two.post(v, f2) })
	}
	all.Wait()
	winner, loser := got1, got2
	if got2[0].State == verifier.Paid {
		winner, loser = got2, got1
	}
	for i := range winner {
		h.wants(winner[i], verifier.Paid, "")
		h.wants(loser[i], verifier.Refused, ledger.OrderUsed)
		if winner[i].Receipt == nil || !bytes.Equal(winner[i].Receipt.Entry, winner[0].Receipt.Entry) {
			t.Fatal("one phone has two receipts")
		}
	}
	if sum := h.balance(one) + h.balance(two); sum != 1600 {
		t.Errorf("left: got %d, want 1600", sum)
	}
	h.wants(h.result(a), verifier.Paid, "")
}

// TestB2 loses something between every two steps of a payment, restarts the service in between, and asks again: nothing
// is paid twice, and till and wallet end with the same receipt.
func TestB2(t *testing.T) {
	for name, fault := range map[string]func(ledger.Command, func() (ledger.Receipt, error)) (ledger.Receipt, error){
		"before the ledger": down, "after the ledger": lost,
	} {
		for _, again := range []string{"till", "wallet", "wallet, encrypted anew", "resume"} {
			t.Run(name+", asked again by the "+again, func(t *testing.T) {
				h := newHouse(t)
				w := h.newWallet(3000)
				a := h.ask("trapper", 1250, "fiets")
				h.restart()
				v := w.fetch(a, shown{})
				h.restart()
				presentation := w.present(v, shown{})
				form := w.form(v, presentation)
				h.log.fault = fault
				h.wants(w.post(v, form), verifier.Pending, "")
				h.wants(h.result(a), verifier.Pending, "")
				h.restart()
				if err := h.verifier.Resume(t.Context()); !errors.Is(err, ledger.ErrUnavailable) {
					t.Errorf("resuming while the ledger is down: got %v", err)
				}
				h.wants(h.result(a), verifier.Pending, "")
				h.log.fault = nil
				switch again {
				case "resume":
					h.must(h.verifier.Resume(t.Context()))
				case "wallet":
					h.wants(w.post(v, form), verifier.Paid, "")
				case "wallet, encrypted anew":
					h.wants(w.post(v, w.form(v, presentation)), verifier.Paid, "")
				}
				till := h.result(a)
				h.wants(till, verifier.Paid, "")
				h.restart()
				phone := w.post(v, form)
				h.wants(phone, verifier.Paid, "")
				if !bytes.Equal(till.Receipt.Bytes(), phone.Receipt.Bytes()) {
					t.Error("till and phone have different receipts")
				}
				if h.balance(w) != 1750 {
					t.Errorf("left: got %d, want 1750", h.balance(w))
				}
				asked := h.log.asked
				h.must(h.verifier.Resume(t.Context()))
				if h.log.asked != asked {
					t.Error("what is settled was asked again")
				}
			})
		}
	}
}

// TestPendingTooLong shows what becomes of an answer that the ledger sees only after the order's time: it depends on
// whether the ledger had it, and on nothing else.
func TestPendingTooLong(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	h.log.fault = down
	never, _ := w.pay(100)
	h.log.fault = lost
	had, _ := w.pay(1000)
	h.Clock = h.Clock.Add(verifier.OrderLife + time.Minute)
	h.wants(h.result(had), verifier.Pending, "")
	h.log.fault = nil
	h.must(h.verifier.Resume(t.Context()))
	h.wants(h.result(never), verifier.Refused, ledger.OrderExpired)
	h.wants(h.result(had), verifier.Paid, "")
	if h.balance(w) != 2000 {
		t.Errorf("left: got %d, want 2000", h.balance(w))
	}
}

// TestB8 tries to name a till in free text.
func TestB8(t *testing.T) {
	h := newHouse(t)
	for _, till := range []string{"Kassa 3", "t-1\n", "123456789", "<b>", "T-1"} {
		if _, err := h.verifier.Request(t.Context(), verifier.Ask{Shop: "trapper", Amount: 100, Category: "fiets", Till: till}); !errors.Is(err, verifier.ErrInput) {
			t.Errorf("till %q: got %v, want ErrInput", till, err)
		}
	}
	w := h.newWallet(1000)
	a, err := h.verifier.Request(t.Context(), verifier.Ask{Shop: "trapper", Amount: 100, Category: "fiets", Till: "t-2"})
	h.must(err)
	v := w.fetch(a, shown{})
	if o, err := budget.ParseOrder(v.Transactions[0].Payload); err != nil || o.Till != "t-2" {
		t.Errorf("the signed order's till: got %q, %v", o.Till, err)
	}
}

// TestB9 shows an expired order and an expired request to everyone who might still take it. Cards, certificates and
// status lists that expired are in TestRefusedPresentations, TestShops and TestStatus.
func TestB9(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	a := h.ask("trapper", 100, "fiets")
	c := h.check("trapper")
	v, vc := w.fetch(a, shown{}), w.fetch(c, shown{})
	h.Clock = h.Clock.Add(verifier.OrderLife)
	for _, v := range []*oid4vp.Verified{v, vc} {
		h.wants(w.post(v, w.form(v, w.present(v, shown{}))), verifier.Refused, ledger.OrderExpired)
	}
	h.wants(h.result(a), verifier.Refused, ledger.OrderExpired)
	h.wants(h.result(c), verifier.Refused, ledger.OrderExpired)
}

// TestP4 looks for the balance, the amount of the card and the size of the family in everything that the shop gets or keeps.
func TestP4(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(77731)
	a, paid := w.pay(12000)
	h.wants(paid, verifier.Paid, "")
	_, paid = w.pay(48888)
	h.wants(paid, verifier.Paid, "")
	_, refused := w.pay(48889)
	h.wants(refused, verifier.Refused, ledger.TooLittleLeft)
	if h.log.balance != 0 {
		t.Error("the verifier asked the ledger for a balance")
	}
	file, err := os.ReadFile(h.path)
	h.must(err)
	seen := append(h.admin("GET", "/results/"+a.OrderID, nil).Body.Bytes(), file...)
	seen = append(seen, h.logged.Bytes()...)
	for name, secret := range map[string]string{"what was given": "77731", "what was left": "16843", "the card's amount": "90000", "the family": "children", "its town": "Zuidhorn"} {
		if bytes.Contains(seen, []byte(secret)) {
			t.Errorf("%s stands in the shop's books", name)
		}
	}
}

// TestP9 gives a photo of the QR code to somebody else: it is an invitation to pay, and worth nothing.
func TestP9(t *testing.T) {
	h := newHouse(t)
	customer := h.newWallet(3000)
	passer := h.newWallet(1)
	a := h.ask("trapper", 1250, "fiets")
	v := passer.fetch(a, shown{})
	cv := customer.fetch(a, shown{})
	h.wants(customer.post(cv, customer.form(cv, customer.present(cv, shown{}))), verifier.Paid, "")
	if got := h.do("GET", strings.Replace(v.ResponseURI, "/responses/", "/requests/", 1), nil); got.Code != http.StatusNotFound {
		t.Errorf("fetching an answered request: got %d", got.Code)
	}
	h.wants(passer.post(v, passer.form(v, passer.present(v, shown{}))), verifier.Refused, ledger.OrderUsed)
	h.wants(passer.post(v, v.Refuse(&oid4vp.Error{Code: oid4vp.AccessDenied})), verifier.Refused, ledger.OrderUsed)
	h.wants(h.result(a), verifier.Paid, "")

	// And a photo of what the customer's phone sent, for a new code of the same till.
	next := customer.fetch(h.ask("trapper", 1250, "fiets"), shown{})
	h.wants(passer.post(next, passer.form(next, customer.present(cv, shown{}))), verifier.Refused, verifier.BadPresentation)
}

// recorder remembers the randomness that was drawn 32 bytes at a time: the private keys.
type recorder struct{ keys [][]byte }

func (r *recorder) Read(b []byte) (int, error) {
	copy(b, ledgertest.ID()+ledgertest.ID())
	if len(b) == 32 {
		r.keys = append(r.keys, bytes.Clone(b))
	}
	return len(b), nil
}

// TestSecrets searches the file and the log for what must not stand there.
func TestSecrets(t *testing.T) {
	h := newHouse(t)
	drawn := &recorder{}
	h.cfg.Rand = drawn
	h.restart()
	w := h.newWallet(3000)
	a := h.ask("trapper", 1250, "fiets")
	v := w.fetch(a, shown{})
	h.log.fault = down
	form := w.form(v, w.present(v, shown{}))
	h.wants(w.post(v, form), verifier.Pending, "")
	h.log.fault = nil
	h.wants(h.result(a), verifier.Paid, "")
	w.answer(h.check("trapper"), shown{holder: ledgertest.NewKey(t), fake: func(c *sdjwt.Credential, _ sdjwt.KB) string { return c.String() }})
	_, err := h.verifier.Return(t.Context(), verifier.GiveBack{OrderID: a.OrderID, Amount: 10})
	h.must(err)
	if len(drawn.keys) != 2 {
		t.Fatalf("keys drawn: got %d, want one for each request", len(drawn.keys))
	}
	if link, err := oid4vp.ParseLink(a.RequestURI); err != nil || len(link.RequestURI) != len(serviceURL+"/requests/")+22 || strings.Contains(link.RequestURI, a.OrderID) {
		t.Errorf("the request's address is guessable, or tells the order: %v", err)
	}
	inFile := func(secret []byte) bool {
		file, err := os.ReadFile(h.path)
		h.must(err)
		for _, text := range []string{string(secret), hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret), jose.EncodeSegment(secret)} {
			if bytes.Contains(file, []byte(text)) {
				return true
			}
		}
		return false
	}
	for _, key := range drawn.keys {
		if inFile(key) {
			t.Error("a request's private key lies open in the file")
		}
	}
	if !inFile([]byte(v.ResponseURI[len(serviceURL+"/responses/"):])) {
		t.Error("the search finds nothing that is there")
	}
	for name, secret := range map[string]string{
		"the order's id": a.OrderID, "the request's id": v.ResponseURI[len(serviceURL+"/responses/"):], "the nonce": v.Nonce, "the state": v.State,
		"the holder's key": string(w.Key.Public().JWK()), "its thumbprint": w.Key.Public().Thumbprint().String(), "the fund": h.Fund + `"`, "the account": w.Account,
		"the status list": statusURL,
	} {
		if strings.Contains(h.logged.String(), secret) {
			t.Errorf("%s stands in the log", name)
		}
	}
	if !strings.Contains(h.logged.String(), "request made") {
		t.Error("the log is empty: the search proves nothing")
	}

	// When the request has ended nothing opens an answer any more, and the result stays.
	h.Clock = h.Clock.Add(verifier.OrderLife + verifier.KeepRequest + time.Second)
	h.must(h.verifier.Resume(t.Context()))
	if got := h.do("POST", v.ResponseURI, form); got.Code != http.StatusNotFound {
		t.Errorf("answering a request that has ended: got %d", got.Code)
	}
	h.wants(h.result(a), verifier.Paid, "")
	h.must(h.verifier.Close())
	db, err := bbolt.Open(h.path, 0o600, nil)
	h.must(err)
	h.must(db.View(func(tx *bbolt.Tx) error {
		for _, bucket := range []string{"requests", "open"} {
			if n := tx.Bucket([]byte(bucket)).Stats().KeyN; n != 0 {
				t.Errorf("%s: %d are left", bucket, n)
			}
		}
		return tx.Bucket([]byte("orders")).ForEach(func(_, b []byte) error {
			for _, member := range []string{`"request"`, `"key"`, `"nonce"`, `"command"`} {
				if bytes.Contains(b, []byte(member)) {
					t.Errorf("an ended order still has %s", member)
				}
			}
			return nil
		})
	}))
	h.must(db.Close())
	h.open()
}
