package wallet_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"math/big"
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
	"kindpakket/credential/oid4vci"
	"kindpakket/credential/oid4vp"
	"kindpakket/credential/sdjwt"
	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
	"kindpakket/wallet"
	"kindpakket/wallet/vault"
)

// quick is cheap, so that tests are fast.
var quick = vault.Params{Time: 1, Memory: 8, Threads: 1}

// world is a municipality, two shops and a ledger, made of the wire packages alone.
type world struct {
	*ledgertest.World
	t      *testing.T
	ca     authority
	roots  *x509.CertPool
	issuer *issuer
	shop   *verifier // trapper: fiets, sport
	books  *books
}

func newWorld(t *testing.T) *world {
	w := &world{World: ledgertest.New(t), t: t}
	w.ca = newAuthority(t, w.Clock)
	w.roots = x509.NewCertPool()
	w.roots.AddCert(w.ca.cert)
	w.books = &books{world: w, left: map[jose.Thumbprint]*budget.Cents{}, byOrder: map[string]int{}}
	w.issuer = newIssuer(w)
	w.shop = newVerifier(w, "trapper")
	return w
}

func newStore() vault.Store { return new(vault.Memory) }

// newVault makes an empty vault in s.
func newVault(t *testing.T, s vault.Store) *vault.Vault {
	t.Helper()
	v, err := vault.Create(s, []byte("correct horse"), quick, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) config(v *vault.Vault) wallet.Config {
	return wallet.Config{Vault: v, Doer: http.DefaultClient, Anchors: w.roots, Rand: rand.Reader, AllowHTTPLoopback: true,
		Now: func() time.Time { return w.Clock }, Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
}

func (w *world) open(v *vault.Vault) *wallet.Wallet {
	w.t.Helper()
	wal, err := wallet.New(w.config(v))
	if err != nil {
		w.t.Fatal(err)
	}
	return wal
}

// holder returns a wallet with a card.
func (w *world) holder() *wallet.Wallet {
	w.t.Helper()
	wal := w.open(newVault(w.t, new(vault.Memory)))
	if _, err := wal.Accept(w.t.Context(), w.issuer.offer(), txCode); err != nil {
		w.t.Fatal(err)
	}
	return wal
}

// authority is a small CA.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	now  time.Time
}

func newAuthority(t *testing.T, now time.Time) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{key: key, now: now}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Zuidhorn CA"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.cert = a.sign(t, template, template, key.Public())
	return a
}

func (a authority) sign(t *testing.T, template, parent *x509.Certificate, pub crypto.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, a.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// leaf certifies a key for a name and URIs.
func (a authority) leaf(t *testing.T, key *jose.PrivateKey, name string, uris ...string) jose.Chain {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: a.now.Add(-time.Hour),
		NotAfter: a.now.AddDate(2, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature}
	for _, text := range uris {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = append(template.URIs, u)
	}
	return jose.Chain{a.sign(t, template, a.cert, key.Public().Public())}
}

const (
	txCode = "04936535"
	code   = "oaKazRN8I0IbtZ0C7JuMn5tZ"
	token  = "czZCaGRSa3F0Mzpnc2ZCa3RZ"
)

// issuer is an in-test municipality. Tests change its fields to make it misbehave.
type issuer struct {
	*world
	url   string
	key   *jose.PrivateKey
	chain jose.Chain
	batch int

	drop       int                                         // how many credential answers are lost on the way
	badNonces  int                                         // how many credential requests are told that their nonce is old
	deny       bool                                        // credential_request_denied
	edit       func(n int, claims map[string]any) jose.Key // changes the claims of copy n; a key it returns is bound instead
	used       bool                                        // the code
	keys       []jose.Thumbprint                           // of the first request
	answer     []byte                                      // given to the first request
	tokens     int                                         // token requests seen
	references int
	alsoCode   string // another letter's code that is good
}

func newIssuer(w *world) *issuer {
	i := &issuer{world: w, key: ledgertest.NewKey(w.t), batch: 8}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	w.t.Cleanup(srv.Close)
	i.url = srv.URL
	i.chain = w.ca.leaf(w.t, i.key, "Gemeente Zuidhorn", w.DID, i.url)
	mux.HandleFunc("GET "+oid4vci.WellKnownIssuer, func(rw http.ResponseWriter, _ *http.Request) { send(rw, 200, i.metadata()) })
	mux.HandleFunc("GET "+oid4vci.WellKnownServer, func(rw http.ResponseWriter, _ *http.Request) {
		send(rw, 200, oid4vci.ServerMetadata{Issuer: i.url, TokenEndpoint: i.url + "/token", GrantTypes: []string{oid4vci.GrantPreAuthorizedCode}})
	})
	mux.HandleFunc("GET /offers/1", func(rw http.ResponseWriter, _ *http.Request) {
		i.references++
		send(rw, 200, i.theOffer())
	})
	mux.HandleFunc("POST /token", i.serveToken)
	mux.HandleFunc("POST /nonce", func(rw http.ResponseWriter, _ *http.Request) {
		send(rw, 200, oid4vci.NonceResponse{Nonce: ledgertest.ID()})
	})
	mux.HandleFunc("POST /credential", i.serveCredential)
	return i
}

func send(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	json.NewEncoder(rw).Encode(v)
}

func (i *issuer) theOffer() oid4vci.Offer {
	return oid4vci.Offer{Issuer: i.url, Configurations: []string{"kindpakket"},
		Grants: oid4vci.Grants{PreAuthorized: &oid4vci.PreAuthorizedGrant{Code: code, TxCode: &oid4vci.TxCode{Length: 8}}}}
}

// nextLetter makes the code good for another family.
func (i *issuer) nextLetter() { i.used, i.keys, i.answer = false, nil, nil }

func (i *issuer) offer() string {
	o := i.theOffer()
	uri, err := o.URI()
	if err != nil {
		i.t.Fatal(err)
	}
	return uri
}

func (i *issuer) metadata() oid4vci.IssuerMetadata {
	t := catalog.Kindpakket()
	return oid4vci.IssuerMetadata{Issuer: i.url, CredentialEndpoint: i.url + "/credential", NonceEndpoint: i.url + "/nonce",
		Batch: &oid4vci.Batch{Size: i.batch},
		Configurations: map[string]oid4vci.Configuration{"kindpakket": {Format: oid4vci.FormatSDJWT, VCT: t.VCT(i.url),
			BindingMethods: []string{"jwk", "did:jwk"}, ProofTypes: map[string]oid4vci.ProofType{oid4vci.ProofJWT: {Algs: []string{"ES256"}}},
			Metadata: &oid4vci.CredentialMetadata{Display: []oid4vci.CredentialDisplay{{Name: "Kindpakket", Locale: "nl"}, {Name: "Children's package", Locale: "en"}}}}}}
}

func (i *issuer) serveToken(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	i.tokens++
	req, err := oid4vci.ParseTokenRequest(body)
	if err != nil || string(req.PreAuthorizedCode) != code && string(req.PreAuthorizedCode) != i.alsoCode || string(req.TxCode) != txCode || i.used {
		send(rw, 400, &oid4vci.Error{Code: oid4vci.InvalidGrant})
		return
	}
	i.used = true
	send(rw, 200, oid4vci.TokenResponse{AccessToken: token, TokenType: oid4vci.TokenBearer, ExpiresIn: 600})
}

func (i *issuer) serveCredential(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+token {
		send(rw, 401, &oid4vci.Error{Code: oid4vci.InvalidToken})
		return
	}
	body, _ := io.ReadAll(r.Body)
	req, err := oid4vci.ParseCredentialRequest(body)
	if err != nil {
		send(rw, 400, err)
		return
	}
	if i.badNonces > 0 {
		i.badNonces--
		send(rw, 400, &oid4vci.Error{Code: oid4vci.InvalidNonce})
		return
	}
	holders, err := oid4vci.ProofPolicy{Issuer: i.url, Now: i.Clock, Nonce: func(string) error { return nil }, MaxProofs: i.batch}.Verify(req.Proofs)
	if err != nil || i.deny {
		send(rw, 400, &oid4vci.Error{Code: oid4vci.CredentialRequestDenied})
		return
	}
	var keys []jose.Thumbprint
	for _, h := range holders {
		keys = append(keys, h.Key.Thumbprint())
	}
	if i.keys != nil {
		same := len(keys) == len(i.keys)
		for n := range keys {
			same = same && keys[n] == i.keys[n]
		}
		if !same {
			send(rw, 400, &oid4vci.Error{Code: oid4vci.CredentialRequestDenied})
			return
		}
	} else {
		i.keys = keys
		i.books.issue(keys, 30000)
		var resp oid4vci.CredentialResponse
		for n, h := range holders {
			resp.Credentials = append(resp.Credentials, oid4vci.IssuedText(i.card(n, h.Key)))
		}
		i.answer, _ = json.Marshal(resp)
	}
	if i.drop > 0 {
		i.drop--
		hangUp(rw)
		return
	}
	rw.Write(i.answer)
}

// hangUp breaks the connection before anything is answered.
func hangUp(rw http.ResponseWriter) {
	conn, _, err := rw.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

func (i *issuer) card(n int, key jose.Key) string {
	t := catalog.Kindpakket()
	claims := map[string]any{
		"iss": i.url, "vct": t.VCT(i.url), "iat": i.Period.Opens.Unix(), "nbf": i.Period.Opens.Unix(), "exp": i.Period.Closes.Unix(),
		"status":       map[string]any{"status_list": map[string]any{"idx": 100 + n, "uri": i.url + "/status/1"}},
		catalog.Ledger: map[string]any{catalog.LedgerOrigin: i.Origin, catalog.LedgerKey: i.VKey},
		catalog.Fund:   i.Fund, catalog.Period: i.Period.ID, catalog.Municipality: "Zuidhorn",
		catalog.Categories: []string{"boeken", "fiets", "sport"}, catalog.Children: 1, catalog.Amount: 30000,
	}
	if i.edit != nil {
		if other := i.edit(n, claims); !other.IsZero() {
			key = other
		}
	}
	var hide []sdjwt.Path
	for _, name := range t.Disclosable() {
		if _, ok := claims[name]; ok {
			hide = append(hide, sdjwt.Path{name})
		}
	}
	c, err := sdjwt.Issue(rand.Reader, i.key, sdjwt.Template{Header: jose.Header{X5C: i.chain.DER()}, Claims: claims, Holder: key, Hide: hide})
	if err != nil {
		i.t.Error(err)
		return ""
	}
	return c.String()
}

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
