package verifier_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/did"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
	"kindpakket/credential/sdjwt"
	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
	"kindpakket/verifier"
)

func TestPayment(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	a := h.ask("Fietsen TRAPPER", 1250, "fiets") // by trade name
	h.wants(h.result(a), verifier.Pending, "")

	v := w.fetch(a, shown{})
	if v.Chain.Leaf().URIs[0].String() != h.Shops["trapper"].DID {
		t.Error("the request's certificate names another shop")
	}
	if len(v.Transactions) != 1 {
		t.Fatalf("transaction data: got %d, want the order", len(v.Transactions))
	}
	order, err := budget.ParseOrder(v.Transactions[0].Payload)
	h.must(err)
	if order.Amount != 1250 || order.Category != "fiets" || order.Shop != h.Shops["trapper"].DID || order.ClientID != string(v.ClientID) ||
		order.OrderID != a.OrderID || order.ExpiresAt.Sub(order.IssuedAt) != verifier.OrderLife || order.IssuedAt != h.Clock.Truncate(time.Second) {
		t.Errorf("order: got %+v", order)
	}
	if v.Nonce != budget.BindOf(v.Transactions[0].Text).Nonce() {
		t.Error("the nonce is not the order's")
	}
	if v.ResponseMode != oid4vp.DirectPostJWT {
		t.Errorf("response mode: got %s", v.ResponseMode)
	}
	want := `{"credentials":[{"id":"card","format":"dc+sd-jwt","meta":{"vct_values":["` + vct + `"]},"claims":[` +
		`{"path":["fund"],"values":["kindpakket"]},{"path":["period"],"values":["2027"]}]}]}`
	if string(v.Query) != want {
		t.Errorf("query: got %s\nwant %s", v.Query, want)
	}

	form := w.form(v, w.present(v, shown{}))
	paid := w.post(v, form)
	h.wants(paid, verifier.Paid, "")
	entry, err := ledger.Verify(*paid.Receipt, h.Policy)
	h.must(err)
	if !bytes.Contains(entry.Body, []byte(v.Transactions[0].Text)) {
		t.Error("the receipt is for another order")
	}
	till := h.result(a)
	h.wants(till, verifier.Paid, "")
	if !bytes.Equal(till.Receipt.Entry, paid.Receipt.Entry) {
		t.Error("till and wallet have different receipts")
	}
	h.wants(w.post(v, form), verifier.Paid, "") // the same answer again
	if left := h.balance(w); left != 1750 {
		t.Errorf("left: got %d, want 1750", left)
	}
}

func TestWalletsThatKnowLess(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(20000)
	for name, s := range map[string]shown{"GET or no metadata": {blind: true}, "cannot encrypt": {plain: true}} {
		a := h.ask("trapper", 5000, "fiets")
		v := w.fetch(a, s)
		if len(v.Transactions) != 0 {
			t.Errorf("%s: transaction data was sent to a wallet that does not know it", name)
		}
		h.wants(w.post(v, w.form(v, w.present(v, s))), verifier.Paid, "")
		h.wants(w.answer(h.ask("trapper", 5001, "fiets"), s), verifier.Refused, ledger.BlindLimit)
	}
	a := h.ask("trapper", 100, "fiets")
	link, err := oid4vp.ParseLink(a.RequestURI)
	h.must(err)
	got := h.do("GET", link.RequestURI, nil)
	v, err := oid4vp.Policy{ClientID: link.ClientID, Now: h.Clock, Roots: h.anchors}.Verify(got.Body.String())
	h.must(err)
	h.wants(w.post(v, w.form(v, w.present(v, shown{}))), verifier.Paid, "")
	if left := h.balance(w); left != 20000-2*5000-100 {
		t.Errorf("left: got %d", left)
	}
}

func TestCheck(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(1)
	before, err := h.ledger.Checkpoint(t.Context())
	h.must(err)
	a := h.check("plein")
	v := w.fetch(a, shown{})
	if len(v.Transactions) != 0 || len(v.Nonce) != 22 {
		t.Errorf("check: %d transactions, nonce of %d characters", len(v.Transactions), len(v.Nonce))
	}
	h.wants(w.post(v, w.form(v, w.present(v, shown{}))), verifier.Entitled, "")
	h.wants(h.result(a), verifier.Entitled, "")
	after, err := h.ledger.Checkpoint(t.Context())
	h.must(err)
	if !bytes.Equal(before, after) || h.log.asked != 0 {
		t.Error("a check reached the ledger")
	}

	h.status.revoked[w.index] = true
	h.Clock = h.Clock.Add(2 * time.Minute)
	h.wants(w.answer(h.check("plein"), shown{}), verifier.Refused, verifier.Revoked)
	if _, err := h.verifier.Return(t.Context(), verifier.GiveBack{OrderID: a.OrderID, Amount: 1}); !errors.Is(err, verifier.ErrNotPaid) {
		t.Errorf("returning a check: got %v, want ErrNotPaid", err)
	}
}

// TestRefusedPresentations attempts what a wallet, or somebody with a stolen card, must not get away with.
func TestRefusedPresentations(t *testing.T) {
	stranger := ledgertest.NewKey(t)
	for _, test := range []struct {
		name   string
		change func(h *house, w *wallet, s *shown)
		want   ledger.Reason
	}{
		{"a card that the municipality did not sign", func(h *house, w *wallet, s *shown) { s.signer, s.chain = stranger, h.chain }, verifier.NotEntitled},
		{"a card signed by a shop of the same CA", func(h *house, w *wallet, s *shown) {
			s.signer = h.keys.keys["shop/trapper"]
			s.chain = [][]byte{h.leaf(s.signer.Public(), h.Shops["trapper"].DID).Raw}
		}, verifier.NotEntitled},
		{"a card from another issuer", func(h *house, w *wallet, s *shown) { w.claim["iss"] = "https://elsewhere.example" }, verifier.NotEntitled},
		{"a card without issuer", func(h *house, w *wallet, s *shown) { delete(w.claim, "iss") }, verifier.BadPresentation},
		{"another kind of card", func(h *house, w *wallet, s *shown) { w.claim["vct"] = issuerURL + "/vct/diploma" }, verifier.NotEntitled},
		{"another typ", func(h *house, w *wallet, s *shown) { s.typ = "vc+sd-jwt" }, verifier.NotEntitled},
		{"B9: a card that expired long ago", func(h *house, w *wallet, s *shown) { w.claim["exp"] = h.Clock.AddDate(0, 0, -1).Unix() }, verifier.CardExpired},
		{"B9: a card that expired five minutes ago", func(h *house, w *wallet, s *shown) { w.claim["exp"] = h.Clock.Add(-5 * time.Minute).Unix() }, verifier.CardExpired},
		{"B9: a card that never expires", func(h *house, w *wallet, s *shown) { delete(w.claim, "exp") }, verifier.BadPresentation},
		{"a card for next year", func(h *house, w *wallet, s *shown) {
			w.claim["iat"], w.claim["nbf"] = h.Clock.Add(5*time.Minute).Unix(), h.Clock.Add(5*time.Minute).Unix()
		}, verifier.CardNotYet},
		{"another fund", func(h *house, w *wallet, s *shown) { w.claim["fund"] = "meedoen" }, verifier.WrongFund},
		{"another period", func(h *house, w *wallet, s *shown) { w.claim["period"] = "2026" }, verifier.WrongFund},
		{"fund not shown", func(h *house, w *wallet, s *shown) { s.keep = []sdjwt.Path{{"period"}} }, verifier.BadPresentation},
		{"period not shown", func(h *house, w *wallet, s *shown) { s.keep = []sdjwt.Path{{"fund"}} }, verifier.BadPresentation},
		{"no status", func(h *house, w *wallet, s *shown) { delete(w.claim, "status") }, verifier.BadPresentation},
		{"a status outside the list", func(h *house, w *wallet, s *shown) {
			w.claim["status"] = map[string]any{"status_list": map[string]any{"idx": 1024, "uri": statusURL}}
		}, verifier.BadPresentation},
		{"revoked", func(h *house, w *wallet, s *shown) { h.status.revoked[w.index] = true }, verifier.Revoked},
		{"another phone", func(h *house, w *wallet, s *shown) {
			s.fake = func(c *sdjwt.Credential, kb sdjwt.KB) string {
				kb.Hash = c.Hash()
				return c.String() + bindBy(h, stranger, kb)
			}
		}, verifier.BadPresentation},
		{"no key binding: a copied card", func(h *house, w *wallet, s *shown) {
			s.fake = func(c *sdjwt.Credential, _ sdjwt.KB) string { return c.String() }
		}, verifier.BadPresentation},
		{"key binding over another presentation", func(h *house, w *wallet, s *shown) {
			s.fake = func(c *sdjwt.Credential, kb sdjwt.KB) string {
				kb.Hash[0] = 1
				return c.String() + bindBy(h, w.Key, kb)
			}
		}, verifier.BadPresentation},
		{"another verifier's audience with our nonce", func(h *house, w *wallet, s *shown) {
			s.binding = func(kb *sdjwt.KB) { kb.Audience = "x509_hash:elsewhere" }
		}, ledger.WrongAudience},
		{"the other shop of the same service", func(h *house, w *wallet, s *shown) {
			s.binding = func(kb *sdjwt.KB) { kb.Audience = h.Shops["plein"].ClientID }
		}, ledger.WrongAudience},
		{"another nonce", func(h *house, w *wallet, s *shown) { s.binding = func(kb *sdjwt.KB) { kb.Nonce = "elsewhere" } }, verifier.BadPresentation},
		{"signed an hour ago", func(h *house, w *wallet, s *shown) {
			s.binding = func(kb *sdjwt.KB) { kb.IssuedAt = kb.IssuedAt.Add(-time.Hour) }
		}, verifier.BadPresentation},
		{"signed an hour ahead", func(h *house, w *wallet, s *shown) {
			s.binding = func(kb *sdjwt.KB) { kb.IssuedAt = kb.IssuedAt.Add(time.Hour) }
		}, verifier.BadPresentation},
		{"other transaction data", func(h *house, w *wallet, s *shown) {
			s.binding = func(kb *sdjwt.KB) { kb.TransactionDataHashes = [][32]byte{{1}} }
		}, verifier.BadPresentation},
		{"the order and something else", func(h *house, w *wallet, s *shown) {
			s.binding = func(kb *sdjwt.KB) { kb.TransactionDataHashes = append(kb.TransactionDataHashes, [32]byte{1}) }
		}, verifier.BadPresentation},
		{"shown the order, signed without it", func(h *house, w *wallet, s *shown) {
			s.binding = func(kb *sdjwt.KB) { kb.TransactionDataHashes = nil }
		}, verifier.BadPresentation},
		{"not a card at all", func(h *house, w *wallet, s *shown) {
			s.fake = func(*sdjwt.Credential, sdjwt.KB) string { return "hello" }
		}, verifier.BadPresentation},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t)
			w := h.newWallet(3000)
			var s shown
			test.change(h, w, &s)
			a := h.ask("trapper", 1250, "fiets")
			h.wants(w.answer(a, s), verifier.Refused, test.want)
			h.wants(h.result(a), verifier.Refused, test.want)
			if h.log.asked != 0 || h.balance(w) != 3000 {
				t.Errorf("the ledger was asked %d times, %d cents are left", h.log.asked, h.balance(w))
			}
			if test.want != ledger.WrongAudience && s.binding != nil {
				return
			}
			// For a check, the same; what is about the order does not come up.
			h.wants(w.answer(h.check("trapper"), s), verifier.Refused, test.want)
		})
	}
}

func bindBy(h *house, key *jose.PrivateKey, kb sdjwt.KB) string {
	h.t.Helper()
	payload, err := json.Marshal(map[string]any{"aud": kb.Audience, "nonce": kb.Nonce, "iat": kb.IssuedAt.Unix(), "sd_hash": jose.EncodeSegment(kb.Hash[:])})
	h.must(err)
	token, err := jose.Sign(key, jose.Header{Type: "kb+jwt"}, payload)
	h.must(err)
	return token
}

// TestRefusedByTheLedger shows that each reason of the ledger reaches till and wallet as it is.
func TestRefusedByTheLedger(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	for _, test := range []struct {
		name     string
		before   func()
		amount   budget.Cents
		category budget.Category
		want     ledger.Reason
	}{
		{"a category the shop may not sell", nil, 100, "boeken", ledger.WrongCategory},
		{"one cent too little", nil, 49, "fiets", ledger.BelowMinimum},
		{"one cent too much for one payment", nil, 50001, "fiets", ledger.AboveMaximum},
		{"one cent more than there is", nil, 3001, "fiets", ledger.TooLittleLeft},
		{"a blocked account", func() { h.Append(t, h.ledger, h.Block(w.Holder, ledger.Blocked)) }, 100, "fiets", ledger.AccountBlocked},
		{"a suspended shop", func() { h.Append(t, h.ledger, h.Accredit("trapper", ledger.Suspended)) }, 100, "fiets", ledger.ShopSuspended},
		{"a phone that was replaced", func() {
			h.Append(t, h.ledger, h.Accredit("trapper", ledger.Accredited))
			h.Append(t, h.ledger, h.Keys(w.Holder, []jose.Thumbprint{ledgertest.NewKey(t).Public().Thumbprint()}, []jose.Thumbprint{w.Key.Public().Thumbprint()}))
		}, 100, "fiets", ledger.UnknownAccount},
	} {
		if test.before != nil {
			test.before()
		}
		a := h.ask("trapper", test.amount, test.category)
		h.wants(w.answer(a, shown{}), verifier.Refused, test.want)
		h.wants(h.result(a), verifier.Refused, test.want)
		if h.balance(w) != 3000 {
			t.Fatalf("%s: money moved", test.name)
		}
	}
}

func TestDeclined(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	a := h.ask("trapper", 1250, "fiets")
	v := w.fetch(a, shown{})
	no := v.Refuse(&oid4vp.Error{Code: oid4vp.AccessDenied})
	h.wants(w.post(v, no), verifier.Refused, verifier.Declined)
	h.wants(w.post(v, no), verifier.Refused, verifier.Declined)
	h.wants(w.post(v, w.form(v, w.present(v, shown{}))), verifier.Refused, ledger.OrderUsed)
	h.wants(h.result(a), verifier.Refused, verifier.Declined)
	if h.balance(w) != 3000 {
		t.Error("money moved")
	}
}

func TestExpiry(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	a := h.ask("trapper", 1250, "fiets")
	v := w.fetch(a, shown{})
	late := h.ask("trapper", 1250, "fiets")
	lateV := w.fetch(late, shown{})
	h.Clock = h.Clock.Add(verifier.OrderLife)
	h.wants(h.result(a), verifier.Refused, ledger.OrderExpired)
	for _, v := range []*oid4vp.Verified{v, lateV} {
		if got := h.do("GET", strings.Replace(v.ResponseURI, "/responses/", "/requests/", 1), nil); got.Code != http.StatusNotFound {
			t.Errorf("fetching an expired request: got %d", got.Code)
		}
	}
	// Whether somebody has looked or not, a late answer is late.
	h.wants(w.post(v, w.form(v, w.present(v, shown{}))), verifier.Refused, ledger.OrderExpired)
	h.wants(w.post(lateV, w.form(lateV, w.present(lateV, shown{}))), verifier.Refused, ledger.OrderExpired)
	h.wants(h.result(late), verifier.Refused, ledger.OrderExpired)
	if h.log.asked != 0 {
		t.Error("the ledger was asked")
	}
	if _, err := h.verifier.Result(t.Context(), ledgertest.ID()); !errors.Is(err, verifier.ErrUnknownOrder) {
		t.Errorf("unknown order: got %v", err)
	}
}

// TestHangUp has the phone, then the till, hang up while a payment is under way: it is finished all the same.
func TestHangUp(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	v := w.fetch(h.ask("trapper", 100, "fiets"), shown{})
	r, err := h.verifier.Respond(gone, v.ResponseURI[len(serviceURL+"/responses/"):], []byte(w.form(v, w.present(v, shown{})).Encode()))
	h.must(err)
	h.wants(r, verifier.Paid, "")
	h.log.fault = down
	a, _ := w.pay(100)
	h.log.fault = nil
	r, err = h.verifier.Result(gone, a.OrderID)
	h.must(err)
	h.wants(r, verifier.Paid, "")
}

// TestMidnight shows that a payment under way when the card's time ends is not lost.
func TestMidnight(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	h.Clock = h.Period.Closes.Add(-10 * time.Second)
	a := h.ask("trapper", 1250, "fiets")
	h.Clock = h.Period.Closes.Add(time.Minute)
	h.wants(w.answer(a, shown{}), verifier.Paid, "")
}

func TestMalformedAnswers(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	a := h.ask("trapper", 1250, "fiets")
	v := w.fetch(a, shown{})
	good := w.form(v, w.present(v, shown{}))
	other := w.fetch(h.ask("trapper", 1250, "fiets"), shown{})
	for name, form := range map[string]url.Values{
		"empty":                  {},
		"not encrypted":          {"vp_token": {`{"card":["x"]}`}, "state": {v.State}},
		"another request's key":  w.form(other, w.present(v, shown{})),
		"refusal, another state": {"error": {"access_denied"}, "state": {"x"}},
		"rubbish":                {"response": {"a.b.c.d.e"}},
		"twice":                  {"response": {good.Get("response"), good.Get("response")}},
		"refusal and answer":     {"response": {good.Get("response")}, "error": {"access_denied"}},
	} {
		got := h.do("POST", v.ResponseURI, form)
		var e struct{ Error string }
		if got.Code != http.StatusBadRequest || json.Unmarshal(got.Body.Bytes(), &e) != nil || e.Error != "invalid_request" {
			t.Errorf("%s: got %d %s", name, got.Code, got.Body)
		}
	}
	for name, token := range map[string]oid4vp.VPToken{
		"another query":     oid4vp.TextToken("diploma", "x"),
		"two presentations": {"card": {[]byte(`"x"`), []byte(`"x"`)}},
		"an object":         {"card": {[]byte(`{"x":1}`)}},
	} {
		form, err := v.Form(token)
		h.must(err)
		if got := h.do("POST", v.ResponseURI, form); got.Code != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", name, got.Code, got.Body)
		}
	}
	wrongState := *v
	wrongState.State = "elsewhere"
	if got := h.do("POST", v.ResponseURI, w.form(&wrongState, w.present(v, shown{}))); got.Code != http.StatusBadRequest {
		t.Errorf("another state: got %d %s", got.Code, got.Body)
	}
	if got := h.do("POST", v.ResponseURI+"x", good); got.Code != http.StatusNotFound {
		t.Errorf("unknown request: got %d", got.Code)
	}
	large := url.Values{"response": {strings.Repeat("x", oid4vp.MaxResponse)}}
	if got := h.do("POST", v.ResponseURI, large); got.Code != http.StatusBadRequest {
		t.Errorf("too large: got %d", got.Code)
	}
	if got := h.do("POST", v.ResponseURI, nil); got.Code != http.StatusBadRequest {
		t.Errorf("not a form: got %d", got.Code)
	}
	if got := h.do("POST", strings.Replace(v.ResponseURI, "/responses/", "/requests/", 1), url.Values{"wallet_metadata": {"{"}}); got.Code != http.StatusBadRequest {
		t.Errorf("malformed metadata: got %d", got.Code)
	}
	// None of that has touched the order.
	h.wants(h.result(a), verifier.Pending, "")
	h.wants(w.post(v, good), verifier.Paid, "")
}

func TestInput(t *testing.T) {
	h := newHouse(t)
	for name, test := range map[string]struct {
		ask  verifier.Ask
		want error
	}{
		"nothing":                {verifier.Ask{Shop: "trapper", Category: "fiets"}, verifier.ErrInput},
		"less than nothing":      {verifier.Ask{Shop: "trapper", Amount: -1, Category: "fiets"}, verifier.ErrInput},
		"too much to write":      {verifier.Ask{Shop: "trapper", Amount: budget.MaxCents + 1, Category: "fiets"}, verifier.ErrInput},
		"no category":            {verifier.Ask{Shop: "trapper", Amount: 100}, verifier.ErrInput},
		"a category in words":    {verifier.Ask{Shop: "trapper", Amount: 100, Category: "een fiets"}, verifier.ErrInput},
		"a check with an amount": {verifier.Ask{Shop: "trapper", Amount: 100, Check: true}, verifier.ErrInput},
		"a check with goods":     {verifier.Ask{Shop: "trapper", Category: "fiets", Check: true}, verifier.ErrInput},
		"unknown shop":           {verifier.Ask{Shop: "bakker", Amount: 100, Category: "fiets"}, verifier.ErrUnknownShop},
		"no shop":                {verifier.Ask{Amount: 100, Category: "fiets"}, verifier.ErrUnknownShop},
	} {
		if _, err := h.verifier.Request(t.Context(), test.ask); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

func TestShops(t *testing.T) {
	h := newHouse(t)
	first, err := h.verifier.Enrol(t.Context(), "bakker", "Bakker")
	h.must(err)
	if _, err := h.verifier.Request(t.Context(), verifier.Ask{Shop: "bakker", Check: true}); !errors.Is(err, verifier.ErrNoCertificate) {
		t.Errorf("asking without a certificate: got %v", err)
	}
	again, err := h.verifier.Enrol(t.Context(), "bakker", "Bakker & Zn")
	h.must(err)
	if !again.JWK.Equal(first.JWK) || again.DID != first.DID {
		t.Error("enrolling again made another key")
	}
	if _, err := h.verifier.Enrol(t.Context(), "bakker-2", "FIETSEN trapper"); !errors.Is(err, verifier.ErrShopName) {
		t.Errorf("a taken name: got %v", err)
	}
	// A till that asks for "kapper" or "BAKKER" must not get another shop's order.
	_, err = h.verifier.Enrol(t.Context(), "salon-west", "Kapper")
	h.must(err)
	if _, err := h.verifier.Enrol(t.Context(), "kapper", "Kapper Oost"); !errors.Is(err, verifier.ErrShopName) {
		t.Errorf("a slug that is another's trade name: got %v, want ErrShopName", err)
	}
	if _, err := h.verifier.Enrol(t.Context(), "bakker-2", "BAKKER"); !errors.Is(err, verifier.ErrShopName) {
		t.Errorf("a trade name that is another's slug: got %v, want ErrShopName", err)
	}
	for _, slug := range []string{"", "Bakker", "a/b", "..", "-a", strings.Repeat("a", 64)} {
		if _, err := h.verifier.Enrol(t.Context(), slug, "Name"); !errors.Is(err, verifier.ErrInput) {
			t.Errorf("slug %q: got %v", slug, err)
		}
	}

	selfSigned := h.certificate(certificateOf(t, string(first.DID)), nil, first.JWK)
	for name, chain := range map[string][][]byte{
		"none":              nil,
		"another key":       {h.leaf(ledgertest.NewKey(t).Public(), string(first.DID)).Raw},
		"another shop":      {h.leaf(first.JWK, h.Shops["trapper"].DID).Raw},
		"self-signed":       {selfSigned.Raw},
		"with the anchor":   {h.leaf(first.JWK, string(first.DID)).Raw, h.anchor.Raw},
		"no name":           {h.leaf(first.JWK).Raw},
		"not a certificate": {[]byte("x")},
	} {
		if err := h.verifier.Install(t.Context(), "bakker", chain, []budget.Category{"boeken"}); !errors.Is(err, verifier.ErrCertificate) {
			t.Errorf("%s: got %v, want ErrCertificate", name, err)
		}
	}
	leaf := h.leaf(first.JWK, string(first.DID))
	if err := h.verifier.Install(t.Context(), "slager", [][]byte{leaf.Raw}, nil); err == nil {
		t.Error("a certificate for a shop that is not there was kept")
	}
	h.must(h.verifier.Install(t.Context(), "bakker", [][]byte{leaf.Raw}, []budget.Category{"boeken"}))
	shops, err := h.verifier.Shops(t.Context())
	h.must(err)
	if len(shops) != 4 || shops[0].Slug != "bakker" || shops[0].Name != "Bakker & Zn" || shops[0].Categories[0] != "boeken" || !shops[0].Until.Equal(leaf.NotAfter) {
		t.Errorf("shops: got %+v", shops)
	}

	got := h.do("GET", serviceURL+"/shops/bakker/did.json", nil)
	doc, err := did.ParseDocument(got.Body.Bytes(), first.DID)
	h.must(err)
	jwk, err := doc.Key("#key-1", did.AssertionMethod)
	h.must(err)
	if key, err := jose.ParseKey(jwk); err != nil || !key.Equal(first.JWK) {
		t.Errorf("document's key: %v, or another", err)
	}
	if at, err := did.LoopbackURL(first.DID); err != nil || at != serviceURL+"/shops/bakker/did.json" {
		t.Errorf("the document is sought at %q, %v", at, err)
	}
	if got := h.do("GET", serviceURL+"/shops/slager/did.json", nil); got.Code != http.StatusNotFound {
		t.Errorf("document of nobody: got %d", got.Code)
	}

	h.Clock = leaf.NotAfter.Add(time.Second)
	if _, err := h.verifier.Request(t.Context(), verifier.Ask{Shop: "bakker", Check: true}); !errors.Is(err, verifier.ErrNoCertificate) {
		t.Errorf("B9: asking with an expired certificate: got %v", err)
	}
}

func TestMessages(t *testing.T) {
	seen := map[string]ledger.Reason{}
	for _, r := range append(ledger.Reasons(), verifier.Reasons()...) {
		m := verifier.MessageFor(r)
		if m.NL == "" || m.EN == "" || strings.Contains(m.NL, string(r)+".") {
			t.Errorf("%s has no message of its own", r)
		}
		if other, ok := seen[m.EN]; ok {
			t.Errorf("%s and %s say the same", r, other)
		}
		seen[m.EN] = r
	}
	if m := verifier.MessageFor("something-new"); !strings.Contains(m.NL, "something-new") {
		t.Errorf("a word that is not known: got %q", m.NL)
	}
}

func TestAdmin(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(3000)
	call := func(method, path string, in any, out any) int {
		t.Helper()
		body := io.Reader(http.NoBody)
		if in != nil {
			b, err := json.Marshal(in)
			h.must(err)
			body = bytes.NewReader(b)
		}
		got := h.admin(method, path, body)
		if got.Code == http.StatusOK && out != nil {
			h.must(json.Unmarshal(got.Body.Bytes(), out))
		}
		return got.Code
	}
	var e verifier.Enrolled
	if code := call("POST", "/shops", verifier.Enrolment{Slug: "bakker", Name: "Bakker"}, &e); code != http.StatusOK || e.JWK.IsZero() {
		t.Fatalf("enrolling: got %d", code)
	}
	leaf := h.leaf(e.JWK, string(e.DID))
	if code := call("POST", "/shops/bakker/certificate", map[string]any{"chain": [][]byte{leaf.Raw}, "categories": []string{"boeken"}}, nil); code != http.StatusNoContent {
		t.Fatalf("installing: got %d", code)
	}
	var shops verifier.ShopList
	if code := call("GET", "/shops", nil, &shops); code != http.StatusOK || len(shops.Shops) != 3 {
		t.Errorf("shops: got %d, %v", code, shops)
	}
	var a verifier.Asked
	if code := call("POST", "/requests", map[string]any{"shop": "trapper", "amount": 1250, "category": "fiets"}, &a); code != http.StatusOK {
		t.Fatalf("asking: got %d", code)
	}
	w.answer(a, shown{})
	var r verifier.Result
	if code := call("GET", "/results/"+a.OrderID, nil, &r); code != http.StatusOK {
		t.Fatalf("result: got %d", code)
	}
	h.wants(r, verifier.Paid, "")
	if code := call("POST", "/returns", verifier.GiveBack{OrderID: a.OrderID, Amount: 250}, &r); code != http.StatusOK {
		t.Fatalf("returning: got %d", code)
	}
	h.wants(r, verifier.Returned, "")
	if h.balance(w) != 2000 {
		t.Errorf("left: got %d", h.balance(w))
	}
	if code := call("GET", "/results/"+ledgertest.ID(), nil, nil); code != http.StatusNotFound {
		t.Errorf("unknown order: got %d", code)
	}

	// B7: none of that is open to the world.
	for _, path := range []string{"/shops", "/requests", "/returns", "/results/" + a.OrderID, "/shops/bakker/certificate"} {
		for _, method := range []string{"GET", "POST"} {
			if got := h.do(method, serviceURL+path, url.Values{}); got.Code < 400 {
				t.Errorf("%s %s in public: got %d", method, path, got.Code)
			}
		}
	}
}
