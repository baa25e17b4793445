package verifier_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
	"kindpakket/credential/sdjwt"
	"kindpakket/credential/status"
	"kindpakket/ledger"
	"kindpakket/ledger/bolt"
	"kindpakket/ledger/ledgertest"
	"kindpakket/verifier"
)

const (
	serviceURL = "http://127.0.0.1:8080/verifier"
	issuerURL  = "http://127.0.0.1:8080/issuer"
	vct        = issuerURL + "/vct/kindpakket/1"
	statusURL  = issuerURL + "/status/1"
)

// house is a municipality, a ledger, a verifier with two shops, and everything a wallet needs.
type house struct {
	*ledgertest.World
	t        testing.TB
	ledger   *bolt.Log
	log      *faultyLog // what the verifier sees of it
	anchor   *x509.Certificate
	anchors  *x509.CertPool
	ca       *jose.PrivateKey
	card     *jose.PrivateKey // signs cards and status lists
	chain    [][]byte         // of card
	status   *statusServer
	keys     *memoryKeys
	path     string // of the verifier's file
	logged   *bytes.Buffer
	cfg      verifier.Config
	verifier *verifier.Verifier
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{World: ledgertest.New(t), t: t, keys: &memoryKeys{keys: map[string]*jose.PrivateKey{}}, logged: new(bytes.Buffer)}
	path := filepath.Join(t.TempDir(), "ledger.db")
	h.must(bolt.Create(path, h.Origin))
	var err error
	h.ledger, err = bolt.Open(bolt.Config{Path: path, Origin: h.Origin, Signer: h.Signer, Policy: h.Policy, Now: func() time.Time { return h.Clock }})
	h.must(err)
	t.Cleanup(func() { h.ledger.Close() })
	h.log = &faultyLog{Log: h.ledger}

	h.ca = ledgertest.NewKey(t)
	h.anchor = h.certificate(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, h.ca.Public())
	h.anchors = x509.NewCertPool()
	h.anchors.AddCert(h.anchor)
	h.card = ledgertest.NewKey(t)
	h.chain = [][]byte{h.leaf(h.card.Public(), issuerURL).Raw}
	h.status = &statusServer{h: h, revoked: map[int]bool{}}

	seal := make([]byte, 32)
	rand.Read(seal)
	h.path = filepath.Join(t.TempDir(), "verifier.db")
	h.cfg = verifier.Config{Path: h.path, Seal: seal, URL: serviceURL, Keys: h.keys, Log: h.log, Policy: h.Policy, Ledger: h.Origin, Fund: h.Fund,

		Period:  func(now time.Time) string { return budget.Year(now, time.UTC).ID },
		Anchors: h.anchors, Issuer: issuerURL, VCT: vct, Doer: h.status, StatusFresh: time.Minute, Now: func() time.Time { return h.Clock },
		Logger: slog.New(slog.NewJSONHandler(h.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	h.open()
	t.Cleanup(func() { h.verifier.Close() })

	for _, c := range []ledger.Command{h.Genesis(), h.OpenFund()} {
		h.Append(t, h.ledger, c)
	}
	h.enrol("trapper", "Fietsen Trapper", "fiets", "sport")
	h.enrol("plein", "Boek & Plein", "boeken")
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// open opens the verifier; again after a close it is a restart.
func (h *house) open() {
	h.t.Helper()
	v, err := verifier.Open(h.cfg)
	h.must(err)
	h.verifier = v
}

func (h *house) restart() {
	h.t.Helper()
	h.must(h.verifier.Close())
	h.open()
}

// certificate signs t with the CA's key; a nil parent makes it self-signed.
func (h *house) certificate(t, parent *x509.Certificate, pub jose.Key) *x509.Certificate {
	h.t.Helper()
	t.SerialNumber = big.NewInt(time.Now().UnixNano())
	t.Subject = pkix.Name{CommonName: fmt.Sprint("certificate ", t.SerialNumber)}
	t.NotBefore, t.NotAfter = h.Clock.AddDate(0, -1, 0), h.Clock.AddDate(3, 0, 0)
	if parent == nil {
		parent = t
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub.Public(), h.ca.ECDSA())
	h.must(err)
	c, err := x509.ParseCertificate(der)
	h.must(err)
	return c
}

// leaf is a certificate of the municipality's CA for the owner of these URIs.
func (h *house) leaf(pub jose.Key, uris ...string) *x509.Certificate {
	h.t.Helper()
	t := &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature}
	for _, text := range uris {
		u, err := url.Parse(text)
		h.must(err)
		t.URIs = append(t.URIs, u)
	}
	return h.certificate(t, h.anchor, pub)
}

// enrol makes a shop in the service, gives it its certificate and accredits it on the ledger.
func (h *house) enrol(slug, name string, categories ...budget.Category) {
	h.t.Helper()
	e, err := h.verifier.Enrol(h.t.Context(), slug, name)
	h.must(err)
	csr, err := x509.ParseCertificateRequest(e.CSR)
	h.must(err)
	h.must(csr.CheckSignature())
	if len(csr.URIs) != 1 || csr.URIs[0].String() != string(e.DID) {
		h.t.Fatalf("signing request names %v, want %v", csr.URIs, e.DID)
	}
	leaf := h.leaf(e.JWK, string(e.DID))
	h.must(h.verifier.Install(h.t.Context(), slug, [][]byte{leaf.Raw}, categories))
	h.World.Shops[slug] = &ledgertest.Shop{DID: string(e.DID), Key: h.keys.keys["shop/"+slug], Categories: categories,
		ClientID: string(oid4vp.HashClientID(jose.Chain{leaf}))}
	h.Append(h.t, h.ledger, h.Accredit(slug, ledger.Accredited))
}

// ask makes a request for cents at shop.
func (h *house) ask(shop string, amount budget.Cents, category budget.Category) verifier.Asked {
	h.t.Helper()
	a, err := h.verifier.Request(h.t.Context(), verifier.Ask{Shop: shop, Amount: amount, Category: category})
	h.must(err)
	return a
}

func (h *house) check(shop string) verifier.Asked {
	h.t.Helper()
	a, err := h.verifier.Request(h.t.Context(), verifier.Ask{Shop: shop, Check: true})
	h.must(err)
	return a
}

func (h *house) result(a verifier.Asked) verifier.Result {
	h.t.Helper()
	r, err := h.verifier.Result(h.t.Context(), a.OrderID)
	h.must(err)
	return r
}

func (h *house) wants(r verifier.Result, state verifier.State, reason ledger.Reason) {
	h.t.Helper()
	if r.State != state || r.Reason != reason {
		h.t.Errorf("result: got %s %q, want %s %q", r.State, r.Reason, state, reason)
	}
	if (r.Receipt != nil) != (state == verifier.Paid || state == verifier.Returned) {
		h.t.Errorf("result %s: receipt %v", r.State, r.Receipt)
	}
	if r.Receipt != nil {
		if _, err := ledger.Verify(*r.Receipt, h.Policy); err != nil {
			h.t.Errorf("receipt: %v", err)
		}
	}
}

func (h *house) balance(w *wallet) budget.Cents {
	h.t.Helper()
	left, err := h.ledger.Balance(h.t.Context(), w.Account)
	h.must(err)
	return left
}

// do sends a request to the public handler.
func (h *house) do(method, target string, form url.Values) *httptest.ResponseRecorder {
	h.t.Helper()
	path, ok := strings.CutPrefix(target, serviceURL)
	if !ok {
		h.t.Fatalf("%s is not below %s", target, serviceURL)
	}
	r := httptest.NewRequestWithContext(h.t.Context(), method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.verifier.Handler().ServeHTTP(w, r)
	return w
}

// wallet is a phone with a card.
type wallet struct {
	ledgertest.Holder
	h     *house
	index int // in the status list
	claim map[string]any
}

// newWallet makes a wallet with a card and amount cents on the ledger.
func (h *house) newWallet(amount budget.Cents) *wallet {
	h.t.Helper()
	w := &wallet{Holder: h.NewHolder(), h: h, index: 7}
	w.claim = map[string]any{"iss": issuerURL, "vct": vct, "iat": h.Period.Opens.Unix(), "nbf": h.Period.Opens.Unix(), "exp": h.Period.Closes.Unix(),
		"status": map[string]any{"status_list": map[string]any{"idx": w.index, "uri": statusURL}},
		"fund":   h.Fund, "period": h.Period.ID, "municipality": "Zuidhorn", "categories": []string{"fiets"}, "children": 3, "amount": 90000}
	h.Append(h.t, h.ledger, h.Issue(w.Holder, amount))
	return w
}

// shown is how a wallet shows its card; the zero value is how it should.
type shown struct {
	blind   bool                                     // do not say that orders are understood
	plain   bool                                     // say that nothing can be encrypted
	signer  *jose.PrivateKey                         // of the card, with chain
	chain   [][]byte                                 //
	typ     string                                   // of the card
	keep    []sdjwt.Path                             // what is shown instead of fund and period
	holder  *jose.PrivateKey                         // signs the key binding
	binding func(*sdjwt.KB)                          // changes the key binding
	fake    func(*sdjwt.Credential, sdjwt.KB) string // makes the presentation
}

// fetch gets the request object and verifies it as a wallet does.
func (w *wallet) fetch(a verifier.Asked, s shown) *oid4vp.Verified {
	w.h.t.Helper()
	link, err := oid4vp.ParseLink(a.RequestURI)
	w.h.must(err)
	post := oid4vp.RequestPost{Nonce: ledgertest.ID(), Metadata: &oid4vp.WalletMetadata{TransactionDataTypes: []string{budget.OrderType}}}
	if s.blind {
		post.Metadata = nil
	}
	if s.plain {
		post.Metadata = &oid4vp.WalletMetadata{ResponseModes: []string{"direct_post"}}
	}
	form, err := post.Form()
	w.h.must(err)
	got := w.h.do("POST", link.RequestURI, form)
	if got.Code != http.StatusOK || got.Header().Get("Content-Type") != oid4vp.RequestMediaType {
		w.h.t.Fatalf("fetching the request: got %d %s", got.Code, got.Body)
	}
	v, err := oid4vp.Policy{ClientID: link.ClientID, WalletNonce: post.Nonce, Now: w.h.Clock, Roots: w.h.anchors,
		TransactionTypes: []string{budget.OrderType}}.Verify(got.Body.String())
	w.h.must(err)
	return v
}

// present makes the presentation for a request.
func (w *wallet) present(v *oid4vp.Verified, s shown) string {
	w.h.t.Helper()
	if s.signer == nil {
		s.signer, s.chain = w.h.card, w.h.chain
	}
	if s.keep == nil {
		s.keep = []sdjwt.Path{{"fund"}, {"period"}}
	}
	if s.holder == nil {
		s.holder = w.Key
	}
	var hide []sdjwt.Path
	for _, name := range []string{"fund", "period", "municipality", "categories", "children", "amount"} {
		if _, ok := w.claim[name]; ok {
			hide = append(hide, sdjwt.Path{name})
		}
	}
	card, err := sdjwt.Issue(rand.Reader, s.signer, sdjwt.Template{Header: jose.Header{Type: s.typ, X5C: s.chain}, Claims: w.claim,
		Holder: w.Key.Public(), Hide: hide})
	w.h.must(err)
	card, err = card.Present(s.keep...)
	w.h.must(err)
	kb := sdjwt.KB{Audience: string(v.ClientID), Nonce: v.Nonce, IssuedAt: w.h.Clock}
	for _, d := range v.Transactions {
		kb.TransactionDataHashes = append(kb.TransactionDataHashes, d.Hash())
	}
	if s.binding != nil {
		s.binding(&kb)
	}
	if s.fake != nil {
		return s.fake(card, kb)
	}
	card, err = card.Bind(s.holder, kb)
	w.h.must(err)
	return card.String()
}

// answer is what a till or wallet reads of the response URI's answer.
type answer struct {
	State   verifier.State  `json:"state"`
	Reason  ledger.Reason   `json:"reason"`
	Receipt *ledger.Receipt `json:"receipt"`
}

// post posts a form to the response URI and reads the answer.
func (w *wallet) post(v *oid4vp.Verified, form url.Values) verifier.Result {
	w.h.t.Helper()
	got := w.h.do("POST", v.ResponseURI, form)
	if got.Code != http.StatusOK {
		w.h.t.Fatalf("answering: got %d %s", got.Code, got.Body)
	}
	parsed, err := oid4vp.ParseResponseAnswer(got.Body.Bytes())
	w.h.must(err)
	var a answer
	w.h.must(json.Unmarshal(parsed.Kindpakket, &a))
	return verifier.Result{State: a.State, Reason: a.Reason, Receipt: a.Receipt}
}

func (w *wallet) form(v *oid4vp.Verified, presentation string) url.Values {
	w.h.t.Helper()
	form, err := v.Form(oid4vp.TextToken("card", presentation))
	w.h.must(err)
	return form
}

// answer does all a wallet does with a request.
func (w *wallet) answer(a verifier.Asked, s shown) verifier.Result {
	w.h.t.Helper()
	v := w.fetch(a, s)
	return w.post(v, w.form(v, w.present(v, s)))
}

// pay has the wallet pay cents at trapper.
func (w *wallet) pay(amount budget.Cents) (verifier.Asked, verifier.Result) {
	w.h.t.Helper()
	a := w.h.ask("trapper", amount, "fiets")
	return a, w.answer(a, shown{})
}

// memoryKeys holds keys in memory.
type memoryKeys struct {
	mu   sync.Mutex
	keys map[string]*jose.PrivateKey
}

func (m *memoryKeys) Create(name string) (jose.Signer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys[name] != nil {
		return nil, errors.New("there is a key of this name")
	}
	k, err := jose.Generate(rand.Reader)
	m.keys[name] = k
	return k, err
}

func (m *memoryKeys) Signer(name string) (jose.Signer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys[name] == nil {
		return nil, errors.New("no key of this name")
	}
	return m.keys[name], nil
}

func (m *memoryKeys) CryptoSigner(name string) (crypto.MessageSigner, error) {
	if _, err := m.Signer(name); err != nil {
		return nil, err
	}
	return messageSigner{m.keys[name].ECDSA()}, nil
}

type messageSigner struct{ *ecdsa.PrivateKey }

func (s messageSigner) SignMessage(rand io.Reader, msg []byte, opts crypto.SignerOpts) ([]byte, error) {
	hash := opts.HashFunc().New()
	hash.Write(msg)
	return s.Sign(rand, hash.Sum(nil), opts)
}

// faultyLog is a log whose road is bad.
type faultyLog struct {
	ledger.Log
	mu      sync.Mutex
	fault   func(c ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) // nil: none
	asked   int
	balance int // how often somebody asked what is left
}

func (l *faultyLog) Append(ctx context.Context, c ledger.Command) (ledger.Receipt, error) {
	l.mu.Lock()
	fault := l.fault
	l.asked++
	l.mu.Unlock()
	if ctx.Err() != nil {
		return ledger.Receipt{}, ledger.ErrUnavailable
	}
	next := func() (ledger.Receipt, error) { return l.Log.Append(ctx, c) }
	if fault == nil {
		return next()
	}
	return fault(c, next)
}

func (l *faultyLog) Balance(ctx context.Context, account string) (budget.Cents, error) {
	l.balance++
	return l.Log.Balance(ctx, account)
}

// down loses the question; lost loses the answer.
func down(ledger.Command, func() (ledger.Receipt, error)) (ledger.Receipt, error) {
	return ledger.Receipt{}, ledger.ErrUnavailable
}

func lost(_ ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) {
	next()
	return ledger.Receipt{}, ledger.ErrUnavailable
}

// statusServer is the municipality's, as the verifier reaches it.
type statusServer struct {
	h       *house
	revoked map[int]bool
	fetched int
	life    time.Duration                  // until exp; 0: none
	ttl     time.Duration                  //
	signer  *jose.PrivateKey               // nil: the municipality's
	answer  func() (*http.Response, error) // nil: a good one
}

func (s *statusServer) Do(r *http.Request) (*http.Response, error) {
	s.fetched++
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if s.answer != nil {
		return s.answer()
	}
	if r.URL.String() != statusURL {
		return nil, errors.New("no such address")
	}
	return respond(http.StatusOK, s.token()), nil
}

func respond(code int, body string) *http.Response {
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func (s *statusServer) token() string {
	s.h.t.Helper()
	list, err := status.New(1024)
	s.h.must(err)
	for i := range s.revoked {
		s.h.must(list.Set(i, status.Invalid))
	}
	t := status.Token{URI: statusURL, IssuedAt: s.h.Clock, TTL: s.ttl, List: list}
	if s.life != 0 {
		t.Expires = s.h.Clock.Add(s.life)
	}
	if t.TTL == 0 {
		t.TTL = 12 * time.Hour
	}
	signer := s.signer
	if signer == nil {
		signer = s.h.card
	}
	token, err := status.Issue(signer, jose.Header{X5C: s.h.chain}, t)
	s.h.must(err)
	return token
}

// admin sends a request to the shop's own handler.
func (h *house) admin(method, path string, body io.Reader) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, path, body)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.verifier.Admin().ServeHTTP(w, r)
	return w
}

func certificateOf(t *testing.T, uri string) *x509.Certificate {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature, URIs: []*url.URL{u}}
}
