package wallet_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
	"kindpakket/wallet"
)

// segment signs o with a shop's key and returns its transaction_data string.
func (v *verifier) segment(key *jose.PrivateKey, o budget.Order) string {
	jws, err := jose.Parse(v.SignOrder(key, o))
	if err != nil {
		v.t.Fatal(err)
	}
	return jws.PayloadSegment()
}

// show makes the request show these orders, with the nonce that belongs to the first.
func (v *verifier) show(segments ...string) {
	v.edit = func(r *oid4vp.Request) {
		r.TransactionData, r.Nonce = segments, budget.BindOf(segments[0]).Nonce()
	}
}

// change makes the request show a changed order.
func (v *verifier) change(f func(*budget.Order)) {
	o := v.Order("trapper", 1250, "fiets")
	f(&o)
	v.show(v.segment(v.shop.Key, o))
}

func TestLookRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		setup func(*verifier)
		want  error
	}{
		"unsigned": {func(v *verifier) {
			v.signed = func(r *oid4vp.Request) string {
				return "eyJhbGciOiJub25lIiwidHlwIjoib2F1dGgtYXV0aHotcmVxK2p3dCJ9." + jose.EncodeSegment([]byte(`{"client_id":"`+string(r.ClientID)+`"}`)) + "."
			}
		}, wallet.ErrStranger},
		"signed by another key": {func(v *verifier) {
			v.signed = func(r *oid4vp.Request) string {
				good, err := r.SignX509(v.key, v.chain)
				if err != nil {
					v.t.Error(err)
				}
				return good[:strings.LastIndexByte(good, '.')+1] + jose.EncodeSegment(make([]byte, 64))
			}
		}, wallet.ErrStranger},
		"certified by somebody else": {func(v *verifier) {
			v.chain = newAuthority(v.t, v.Clock).leaf(v.t, v.key, "Fietsenwinkel Trapper", v.shop.DID)
			v.shop.ClientID = string(oid4vp.HashClientID(v.chain))
		}, wallet.ErrStranger},
		"a certificate without a DID": {func(v *verifier) { v.certify("https://zuidhorn.example") }, wallet.ErrStranger},
		"a certificate without a name": {func(v *verifier) {
			v.chain = v.ca.leaf(v.t, v.key, "\u202e\u200b ", v.shop.DID)
			v.shop.ClientID = string(oid4vp.HashClientID(v.chain))
		}, wallet.ErrStranger},
		"the certificate of another shop": {func(v *verifier) { v.certify(v.Shops["plein"].DID) }, wallet.ErrWrongShop},
		"another shop's order": {func(v *verifier) {
			v.change(func(o *budget.Order) { o.Shop = v.Shops["plein"].DID })
		}, wallet.ErrWrongShop},
		"an amount that was changed": {func(v *verifier) {
			o := v.Order("trapper", 125, "fiets")
			v.edit = func(r *oid4vp.Request) { r.TransactionData = []string{v.segment(v.shop.Key, o)} } // the nonce is of the real one
		}, wallet.ErrOrder},
		"two orders": {func(v *verifier) {
			v.show(v.segment(v.shop.Key, v.Order("trapper", 1, "fiets")), v.segment(v.shop.Key, v.Order("trapper", 2, "fiets")))
		}, wallet.ErrOrder},
		"another client's order": {func(v *verifier) { v.change(func(o *budget.Order) { o.ClientID = "x509_hash:abc" }) }, wallet.ErrOrder},
		"a return": {func(v *verifier) {
			v.change(func(o *budget.Order) { o.Kind, o.For, o.Original = budget.Return, jose.Thumbprint{}.String(), 4 })
		}, wallet.ErrOrder},
		"an order of the future": {func(v *verifier) {
			v.change(func(o *budget.Order) { o.IssuedAt, o.ExpiresAt = o.IssuedAt.Add(time.Hour), o.ExpiresAt.Add(time.Hour) })
		}, wallet.ErrOrder},
		"an order that is spelled otherwise": {func(v *verifier) {
			good, err := v.Order("trapper", 1250, "fiets").Bytes()
			if err != nil {
				v.t.Fatal(err)
			}
			v.show(jose.EncodeSegment([]byte(strings.Replace(string(good), ":", ": ", 1))))
		}, wallet.ErrOrder},
		"an expired order": {func(v *verifier) {
			v.change(func(o *budget.Order) {
				o.IssuedAt, o.ExpiresAt = o.IssuedAt.Add(-3*time.Minute), o.IssuedAt.Add(-time.Minute)
			})
		}, wallet.ErrExpired},
		"an unknown kind of transaction": {func(v *verifier) {
			v.show(jose.EncodeSegment([]byte(`{"type":"urn:bank:payment","credential_ids":["card"]}`)))
		}, wallet.ErrRequest},
		"another ledger": {func(v *verifier) { v.change(func(o *budget.Order) { o.Ledger = "elders.example" }) }, wallet.ErrNoCard},
		"another fund":   {func(v *verifier) { v.change(func(o *budget.Order) { o.Fund = "sportpas" }) }, wallet.ErrNoCard},
		"another period": {func(v *verifier) { v.change(func(o *budget.Order) { o.Period = "2026" }) }, wallet.ErrNoCard},
		"a category that the card does not have": {func(v *verifier) {
			v.change(func(o *budget.Order) { o.Category = "zwemmen" })
		}, wallet.ErrNoCard},
		"a card of another type": {query(`{"credentials":[{"id":"card","format":"dc+sd-jwt","meta":{"vct_values":["urn:diploma"]}}]}`), wallet.ErrNoCard},
		"another format":         {query(`{"credentials":[{"id":"card","format":"mso_mdoc","meta":{"doctype_value":"x"}}]}`), wallet.ErrNoCard},
		"a claim that the card does not have": {
			query(`{"credentials":[{"id":"card","format":"dc+sd-jwt","meta":{"vct_values":["VCT"]},"claims":[{"path":["name"]}]}]}`), wallet.ErrNoCard},
		"the family's size with a payment": {
			query(`{"credentials":[{"id":"card","format":"dc+sd-jwt","meta":{"vct_values":["VCT"]},"claims":[{"path":["fund"]},{"path":["children"]}]}]}`), wallet.ErrOrder},
		"the amount with a payment": {
			query(`{"credentials":[{"id":"card","format":"dc+sd-jwt","meta":{"vct_values":["VCT"]},"claims":[{"path":["amount"]}]}]}`), wallet.ErrOrder},
		"two cards for one payment": {
			query(`{"credentials":[{"id":"card","format":"dc+sd-jwt","meta":{"vct_values":["VCT"]}},{"id":"b","format":"dc+sd-jwt","meta":{"vct_values":["VCT"]}}]}`), wallet.ErrOrder},
		"an answer to http elsewhere": {func(v *verifier) {
			v.signed = func(r *oid4vp.Request) string { r.ResponseURI = "http://evil.example/"; return rawSign(v, r) }
		}, wallet.ErrRequest},
		"another wallet's nonce": {func(v *verifier) { v.edit = func(r *oid4vp.Request) { r.WalletNonce = "x" } }, wallet.ErrRequest},
		"another client's request": {func(v *verifier) {
			linked := v.shop.ClientID // the link names one certificate, and the request is signed under another
			v.certify(v.shop.DID)
			now := v.shop.ClientID
			v.shop.ClientID = linked
			v.edit = func(r *oid4vp.Request) { r.ClientID = oid4vp.ClientID(now) }
		}, wallet.ErrRequest},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			wal := w.holder()
			if c.setup != nil {
				c.setup(w.shop)
			}
			uri := w.shop.sell(1250, "fiets")
			got, err := wal.Look(t.Context(), uri)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if _, err := wal.Answer(t.Context(), got); !errors.Is(err, wallet.ErrNoConsent) {
				t.Errorf("answering what Look returned beside its error: got %v, want ErrNoConsent", err)
			}
			if len(w.shop.posted) != 0 || len(w.books.entries) != 0 {
				t.Errorf("%d answers were sent", len(w.shop.posted))
			}
			if h := wallet.Hint(err); h.NL == "" || h.EN == "" || !strings.Contains(h.NL, ". ") {
				t.Errorf("the parent is told %q, %q", h.NL, h.EN)
			}
		})
	}
}

// rawSign signs a request that SignX509 would not.
func rawSign(v *verifier, r *oid4vp.Request) string {
	payload, err := json.Marshal(map[string]any{"client_id": r.ClientID, "aud": oid4vp.Audience, "response_type": "vp_token", "response_mode": r.ResponseMode,
		"response_uri": r.ResponseURI, "nonce": r.Nonce, "state": r.State, "dcql_query": r.Query, "client_metadata": r.Metadata,
		"wallet_nonce": r.WalletNonce, "iat": r.IssuedAt.Unix()})
	if err != nil {
		v.t.Error(err)
	}
	token, err := jose.Sign(v.key, jose.Header{Type: "oauth-authz-req+jwt", X5C: v.chain.DER()}, payload)
	if err != nil {
		v.t.Error(err)
	}
	return token
}

func query(q string) func(*verifier) {
	return func(v *verifier) {
		vct := v.issuer.metadata().Configurations["kindpakket"].VCT
		v.edit = func(r *oid4vp.Request) { r.Query = json.RawMessage(strings.ReplaceAll(q, "VCT", vct)) }
	}
}

func TestLookAtWhatIsNoRequest(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	for name, c := range map[string]struct {
		uri  string
		want error
	}{
		"an offer":               {w.issuer.offer(), wallet.ErrRequest},
		"nothing":                {"", wallet.ErrRequest},
		"a request in the link":  {"openid4vp://?client_id=x509_hash%3Aa&nonce=b&response_uri=https%3A%2F%2Fa.example", wallet.ErrStranger},
		"a request that is over": {strings.Replace(w.shop.check(), "requests%2F", "requests%2FA", 1), wallet.ErrExpired},
		"nobody there":           {strings.Replace(w.shop.check(), strings.TrimPrefix(w.shop.url, "http://127.0.0.1:"), "1", 1), wallet.ErrNetwork},
	} {
		if _, err := wal.Look(t.Context(), c.uri); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestHTTPOnlyWhereItIsAllowed(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(newVault(t, newStore()))
	cfg.AllowHTTPLoopback = false
	wal, err := wallet.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wal.Accept(t.Context(), w.issuer.offer(), txCode); err == nil || w.issuer.tokens != 0 {
		t.Errorf("a card was fetched over http: %v", err)
	}
	if _, err := wal.Look(t.Context(), w.shop.check()); err == nil || w.shop.sawTypes != nil {
		t.Errorf("a request was fetched over http: %v", err)
	}
}

// A redirect to another host ends the matter, whatever stands there.
func TestRedirectsAreRefused(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	uri := w.shop.check()
	target := w.shop.url + "/requests/" + lastID(t, uri)
	wal2cfg := w.config(newVault(t, newStore()))
	wal2cfg.Doer = redirected{to: target}
	other, err := wallet.New(wal2cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Look(t.Context(), strings.Replace(uri, "127.0.0.1", "localhost", 1)); err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("got %v", err)
	}
	if _, err := wal.Look(t.Context(), uri); err != nil {
		t.Errorf("without the redirect: %v", err)
	}
}

type redirected struct{ to string }

func (r redirected) Do(*http.Request) (*http.Response, error) { return http.Get(r.to) }

func TestTheNameIsTheCertificates(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	w.shop.chain = w.ca.leaf(t, w.shop.key, "Trapper\u202e\n\u200b B.V.", w.shop.shop.DID)
	w.shop.shop.ClientID = string(oid4vp.HashClientID(w.shop.chain))
	if c := look(t, wal, w.shop.check()); c.Who() != "Trapper B.V." {
		t.Errorf("got %q", c.Who())
	}
}

// Two cards: of those that hold enough, as far as the wallet knows, the newest answers.
func TestTheCardThatHoldsEnoughPays(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	w.issuer.nextLetter()
	w.Clock = w.Clock.Add(time.Second)
	o := w.issuer.theOffer()
	o.Grants.PreAuthorized.Code += "2"
	uri, err := o.URI()
	if err != nil {
		t.Fatal(err)
	}
	w.issuer.alsoCode = string(o.Grants.PreAuthorized.Code)
	second, err := wal.Accept(t.Context(), uri, txCode)
	if err != nil {
		t.Fatal(err)
	}
	if c := look(t, wal, w.shop.check()); c.Card().ID() != second.ID() {
		t.Error("an older card answers")
	}
	pay(t, wal, w.shop.sell(29000, "fiets"))
	if c := look(t, wal, w.shop.sell(1001, "fiets")); c.Card().ID() == second.ID() {
		t.Error("the card with too little answers")
	}
	if c := look(t, wal, w.shop.sell(1000, "fiets")); c.Card().ID() != second.ID() {
		t.Error("the newest card holds enough and does not answer")
	}
}
