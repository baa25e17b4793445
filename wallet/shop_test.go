package wallet_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
	"kindpakket/credential/sdjwt"
	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
	"kindpakket/wallet"
)

// books is a ledger of a few rules: it debits an account once for each order and proves it.
type books struct {
	*world
	mu      sync.Mutex
	entries [][]byte
	left    map[jose.Thumbprint]*budget.Cents // keys of one account share their balance
	byOrder map[string]int                    // entry of an order, by its payload segment
}

func (b *books) issue(keys []jose.Thumbprint, amount budget.Cents) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range keys {
		b.left[k] = &amount
	}
}

// spend checks what a ledger checks of an account's proof.
func (b *books) spend(order string, proof ledger.AccountProof) (ledger.Receipt, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	jws, err := jose.Parse(order)
	if err != nil {
		return ledger.Receipt{}, err
	}
	o, err := budget.ParseOrder(jws.Payload)
	if err != nil {
		return ledger.Receipt{}, err
	}
	if n, ok := b.byOrder[jws.PayloadSegment()]; ok {
		return b.prove(n), nil
	}
	kb, err := sdjwt.VerifyKeyBinding(proof.KBJWT, proof.JWK)
	bind := budget.BindOf(jws.PayloadSegment())
	switch {
	case err != nil:
		return ledger.Receipt{}, ledger.BadProof
	case kb.Audience != o.ClientID:
		return ledger.Receipt{}, ledger.WrongAudience
	case kb.Nonce != bind.Nonce(), len(kb.TransactionDataHashes) != 1, kb.TransactionDataHashes[0] != bind:
		return ledger.Receipt{}, ledger.BadProof
	}
	left := b.left[proof.JWK.Thumbprint()]
	switch {
	case left == nil:
		return ledger.Receipt{}, ledger.UnknownAccount
	case *left < o.Amount:
		return ledger.Receipt{}, ledger.TooLittleLeft
	}
	*left -= o.Amount
	n := b.append(ledger.KindSpend, ledger.SpendBody{Order: order, Account: &proof})
	b.byOrder[jws.PayloadSegment()] = n
	return b.prove(n), nil
}

// giveBack books a return without any check: whether the wallet believes it is the wallet's to say.
func (b *books) giveBack(order string) ledger.Receipt {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.prove(b.append(ledger.KindReturn, ledger.OrderBody{Order: order}))
}

func (b *books) append(kind ledger.Kind, body any) int {
	c, err := ledger.NewCommand(kind, body)
	if err != nil {
		b.t.Error(err)
	}
	prev := ledger.GenesisPrev(b.Origin)
	if len(b.entries) > 0 {
		prev = ledger.LeafHash(b.entries[len(b.entries)-1])
	}
	e, err := ledger.NewEntry(uint64(len(b.entries)), prev, b.Clock, c)
	if err != nil {
		b.t.Error(err)
	}
	b.entries = append(b.entries, e.Raw)
	return len(b.entries) - 1
}

func (b *books) prove(n int) ledger.Receipt {
	var leaves []ledger.Hash
	for _, e := range b.entries {
		leaves = append(leaves, ledger.LeafHash(e))
	}
	signed, err := ledger.Checkpoint{Origin: b.Origin, Size: uint64(len(leaves)), Root: root(leaves)}.Sign(b.Signer)
	if err != nil {
		b.t.Error(err)
	}
	return ledger.NewReceipt(b.entries[n], uint64(n), path(n, leaves), signed)
}

// root and path are RFC 6962, Sections 2.1 and 2.1.1.
func root(leaves []ledger.Hash) ledger.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := split(len(leaves))
	l, r := root(leaves[:k]), root(leaves[k:])
	return sha256.Sum256(bytes.Join([][]byte{{1}, l[:], r[:]}, nil))
}

func path(n int, leaves []ledger.Hash) []ledger.Hash {
	if len(leaves) == 1 {
		return nil
	}
	if k := split(len(leaves)); n < k {
		return append(path(n, leaves[:k]), root(leaves[k:]))
	} else {
		return append(path(n-k, leaves[k:]), root(leaves[:k]))
	}
}

func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

// verifier is an in-test shop. Tests change its fields to make it misbehave.
type verifier struct {
	*world
	url    string
	shop   *ledgertest.Shop
	key    *jose.PrivateKey // of the access certificate
	chain  jose.Chain
	encKey *jose.PrivateKey

	mu       sync.Mutex
	asks     map[string]*ask
	noPost   bool                                 // POST to the request URI is refused
	drop     int                                  // how many answers are lost on the way, after the payment
	pending  int                                  // how many answers say pending first
	receipt  func(ledger.Receipt) *ledger.Receipt // changes the receipt on its way back
	state    wallet.State                         // "": the truth
	edit     func(*oid4vp.Request)                // changes the request before it is signed
	signed   func(*oid4vp.Request) string         // signs it instead
	posted   []url.Values                         // all that came to the response URI
	sawTypes []string                             // transaction data types of the wallet's metadata
	status   int                                  // 0: 200
}

type ask struct {
	id      string
	order   string // JWS; "" in a check
	segment string // transaction_data; "" is not shown
	nonce   string
}

func newVerifier(w *world, shop string) *verifier {
	v := &verifier{world: w, shop: w.Shops[shop], encKey: ledgertest.NewKey(w.t), key: ledgertest.NewKey(w.t), asks: map[string]*ask{}}
	v.certify(v.shop.DID)
	mux := http.NewServeMux()
	mux.HandleFunc("/requests/{id}", v.serveRequest)
	mux.HandleFunc("POST /responses/{id}", v.serveResponse)
	srv := httptest.NewServer(mux)
	w.t.Cleanup(srv.Close)
	v.url = srv.URL
	return v
}

// certify gives the verifier an access certificate for these URIs.
func (v *verifier) certify(uris ...string) {
	v.chain = v.ca.leaf(v.t, v.key, "Fietsenwinkel Trapper", uris...)
	v.shop.ClientID = string(oid4vp.HashClientID(v.chain))
}

// sell asks for a payment and returns the request URI.
func (v *verifier) sell(amount budget.Cents, category budget.Category) string {
	return v.ask(v.Order("trapper", amount, category))
}

func (v *verifier) ask(o budget.Order) string {
	v.t.Helper()
	order := v.Sign(o)
	jws, err := jose.Parse(order)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.publish(&ask{order: order, segment: jws.PayloadSegment(), nonce: budget.BindOf(jws.PayloadSegment()).Nonce()})
}

// check asks for a card without money.
func (v *verifier) check() string { return v.publish(&ask{nonce: ledgertest.ID()}) }

func (v *verifier) publish(a *ask) string {
	v.t.Helper()
	a.id = ledgertest.ID()
	v.mu.Lock()
	v.asks[a.id] = a
	v.mu.Unlock()
	uri, err := oid4vp.Link{ClientID: oid4vp.ClientID(v.shop.ClientID), RequestURI: v.url + "/requests/" + a.id, Method: oid4vp.MethodPost}.URI()
	if err != nil {
		v.t.Fatal(err)
	}
	return uri
}

func (v *verifier) serveRequest(rw http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.asks[r.PathValue("id")]
	var post oid4vp.RequestPost
	if r.Method == http.MethodPost {
		if v.noPost {
			rw.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		body, _ := io.ReadAll(r.Body)
		var err error
		if post, err = oid4vp.ParseRequestPost(body); err != nil {
			rw.WriteHeader(400)
			return
		}
		v.sawTypes = post.Metadata.TransactionDataTypes
	}
	if a == nil {
		rw.WriteHeader(404)
		return
	}
	t := catalog.Kindpakket()
	query := `{"credentials":[{"id":"card","format":"dc+sd-jwt","meta":{"vct_values":["` + t.VCT(v.issuer.url) + `"]},"claims":[` +
		`{"path":["fund"],"values":["` + v.Fund + `"]},{"path":["period"],"values":["` + v.Period.ID + `"]}]}]}`
	req := &oid4vp.Request{ClientID: oid4vp.ClientID(v.shop.ClientID), ResponseMode: oid4vp.DirectPostJWT, ResponseURI: v.url + "/responses/" + a.id,
		Nonce: a.nonce, State: ledgertest.ID(), Query: json.RawMessage(query), Metadata: oid4vp.NewClientMetadata(v.encKey.Public(), "enc"),
		WalletNonce: post.Nonce, IssuedAt: v.Clock, ExpiresAt: v.Clock.Add(2 * time.Minute)}
	if a.segment != "" && post.Metadata.Understands(budget.OrderType) {
		req.TransactionData = []string{a.segment}
	}
	if v.edit != nil {
		v.edit(req)
	}
	if v.signed != nil {
		io.WriteString(rw, v.signed(req))
		return
	}
	object, err := req.SignX509(v.key, v.chain)
	if err != nil {
		v.t.Error(err)
	}
	io.WriteString(rw, object)
}

func (v *verifier) serveResponse(rw http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	values, err := url.ParseQuery(string(body))
	if err != nil {
		v.t.Error(err)
	}
	v.posted = append(v.posted, values)
	if values.Has("error") {
		send(rw, 200, map[string]any{"kindpakket": map[string]any{"state": "refused", "reason": "declined"}})
		return
	}
	a := v.asks[r.PathValue("id")]
	got := v.decide(a, body)
	if v.drop > 0 {
		v.drop--
		hangUp(rw)
		return
	}
	if v.pending > 0 {
		v.pending--
		got = map[string]any{"state": "pending"}
	}
	if v.status != 0 {
		send(rw, v.status, map[string]any{"error": "invalid_request"})
		return
	}
	send(rw, 200, map[string]any{"kindpakket": got})
}

// decide verifies an answer as a shop does, and asks the books.
func (v *verifier) decide(a *ask, body []byte) map[string]any {
	text, err := v.presentation(body)
	if err != nil {
		v.t.Errorf("the shop cannot read the answer: %v", err)
		return nil
	}
	c, err := sdjwt.Parse(text)
	if err != nil {
		v.t.Error(err)
		return nil
	}
	card, err := c.Verify(sdjwt.Policy{Now: v.Clock, Leeway: time.Minute, Key: sdjwt.TrustChain(v.roots, v.Clock, v.issuer.url),
		Binding: &sdjwt.Binding{Audience: v.shop.ClientID, Nonce: a.nonce}})
	if err != nil {
		return map[string]any{"state": "refused", "reason": "bad-presentation"}
	}
	for _, hidden := range []string{catalog.Amount, catalog.Children, catalog.Municipality, catalog.Categories} {
		if _, ok := card.Claims[hidden]; ok {
			v.t.Errorf("the shop sees %s", hidden)
		}
	}
	if v.state != "" {
		return map[string]any{"state": v.state, "reason": "not-entitled"}
	}
	if a.order == "" {
		if card.Binding.TransactionDataHashes != nil {
			v.t.Error("a check is answered with transaction data")
		}
		return map[string]any{"state": "entitled"}
	}
	receipt, err := v.books.spend(a.order, ledger.AccountProof{JWK: card.Holder, KBJWT: card.KeyBindingJWT})
	var reason ledger.Reason
	if errors.As(err, &reason) {
		return map[string]any{"state": "refused", "reason": reason}
	}
	if err != nil {
		v.t.Error(err)
	}
	out := &receipt
	if v.receipt != nil {
		out = v.receipt(receipt)
	}
	return map[string]any{"state": "paid", "receipt": out}
}

func (v *verifier) presentation(body []byte) (string, error) {
	r, err := oid4vp.Expected{ResponseMode: oid4vp.DirectPostJWT, QueryIDs: []string{budget.CardQuery}, StateOptional: true, State: stateOf(body, v.encKey),
		Key: func(string) (*ecdh.PrivateKey, error) { return v.encKey.ECDH(), nil }}.Parse(body)
	if err != nil {
		return "", err
	}
	if r.Refusal != nil {
		return "", r.Refusal
	}
	return r.Token.Text(budget.CardQuery)
}

// stateOf reads the state that the wallet sent back; that it is the request's is tested in package oid4vp.
func stateOf(body []byte, key *jose.PrivateKey) string {
	values, _ := url.ParseQuery(string(body))
	payload, err := jose.Decrypt(values.Get("response"), key.ECDH())
	if err != nil {
		return ""
	}
	var s struct {
		State string `json:"state"`
	}
	json.Unmarshal(payload, &s)
	return s.State
}

// must are small steps that have to work.
func look(t *testing.T, w *wallet.Wallet, uri string) wallet.Consent {
	t.Helper()
	c, err := w.Look(t.Context(), uri)
	if err != nil {
		t.Fatalf("looking at the request: %v", err)
	}
	return c
}

func pay(t *testing.T, w *wallet.Wallet, uri string) wallet.Result {
	t.Helper()
	r, err := w.Answer(t.Context(), look(t, w, uri))
	if err != nil {
		t.Fatalf("answering: %v", err)
	}
	return r
}

func wantBalance(t *testing.T, w *wallet.Wallet, want budget.Cents) {
	t.Helper()
	cards, err := w.Cards()
	if err != nil || len(cards) != 1 {
		t.Fatalf("cards: got %d, %v, want 1", len(cards), err)
	}
	if got, err := cards[0].Balance(); err != nil || got != want {
		t.Errorf("balance: got %v, %v, want %v", got, err, want)
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q does not say %q", text, p)
		}
	}
}
