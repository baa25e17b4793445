package issuer_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vci"
	"kindpakket/credential/sdjwt"
	"kindpakket/credential/status"
	"kindpakket/issuer"
	"kindpakket/issuer/iban"
	"kindpakket/issuer/pain001"
	"kindpakket/ledger"
	"kindpakket/ledger/bolt"
	"kindpakket/ledger/ledgertest"
)

const (
	perChild budget.Cents = 30000
	client                = "123456" // a family with two children
	other                 = "654321" // one with three
)

// house is a municipality with a real ledger and a real server, and everything a wallet needs.
type house struct {
	*ledgertest.World
	t      testing.TB
	ledger *bolt.Log
	log    *faultyLog // what the issuer sees of it
	cfg    issuer.Config
	issuer *issuer.Issuer
	url    string
	anchor *x509.CertPool
	logged *bytes.Buffer
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{World: ledgertest.New(t), t: t, logged: new(bytes.Buffer)}
	path := filepath.Join(t.TempDir(), "ledger.db")
	h.must(bolt.Create(path, h.Origin))
	var err error
	h.ledger, err = bolt.Open(bolt.Config{Path: path, Origin: h.Origin, Signer: h.Signer, Policy: h.Policy, Now: func() time.Time { return h.Clock }})
	h.must(err)
	t.Cleanup(func() { h.ledger.Close() })
	h.log = &faultyLog{Log: h.ledger}

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.issuer.Handler().ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	h.url = server.URL
	caKey, cards := ledgertest.NewKey(t), ledgertest.NewKey(t)
	ca, err := issuer.NewAnchor("Zuidhorn", caKey.ECDSA(), h.Clock)
	h.must(err)
	leaf, err := ca.Cards("cards", cards.Public().Public(), h.Clock, "", h.url)
	h.must(err)
	h.anchor = x509.NewCertPool()
	h.anchor.AddCert(ca.Anchor)
	account, err := iban.Parse("NL91ABNA0417164300")
	h.must(err)

	h.cfg = issuer.Config{Path: filepath.Join(t.TempDir(), "issuer.db"), URL: h.url, DID: h.DID, Municipality: "Gemeente Zuidhorn", Log: h.log, Policy: h.Policy,
		Origin: h.Origin, LogKey: h.VKey, Statements: h.Key, Cards: cards, CardChain: []*x509.Certificate{leaf}, CA: ca, DataKey: make([]byte, 32),
		HashKey: make([]byte, 32), Officials: map[string][32]byte{"official-1": sha256.Sum256([]byte("a")), "official-2": sha256.Sum256([]byte("b"))},
		Debtor: pain001.Party{Name: "Gemeente Zuidhorn", Account: account}, Now: func() time.Time { return h.Clock }, Rand: rand.Reader,
		Logger: slog.New(slog.NewJSONHandler(h.logged, nil))}
	rand.Read(h.cfg.DataKey)
	rand.Read(h.cfg.HashKey)
	h.must(issuer.Create(h.cfg.Path))
	h.open()
	t.Cleanup(func() { h.issuer.Close() })

	h.must(h.issuer.OpenGenesis(t.Context()))
	h.must(h.issuer.OpenFund(t.Context(), h.fund()))
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) open() {
	h.t.Helper()
	i, err := issuer.Open(h.cfg)
	h.must(err)
	h.issuer = i
}

// restart is what is left after a crash: the file, and what Resume does before requests come in.
func (h *house) restart() {
	h.t.Helper()
	h.must(h.issuer.Close())
	h.open()
	h.must(h.issuer.Resume(h.t.Context(), 0))
}

func (h *house) fund() issuer.FundSpec {
	return issuer.FundSpec{Fund: h.Fund, NameNL: "Kindpakket", NameEN: "Children's package", PerChild: perChild, Period: h.Period,
		Categories: []budget.Category{"boeken", "fiets", "sport"}, Min: 50, Max: 90000, BlindLimit: 5000}
}

// families imports the two families of most tests.
func (h *house) families() {
	h.t.Helper()
	report, err := h.issuer.ImportFamilies([]byte("NR PERS;KINDEREN\n"+client+";2\n"+other+";3\n"), false, nil)
	h.must(err)
	if !report.OK() || report.Good != 2 {
		h.t.Fatalf("importing families: got %+v", report)
	}
}

func (h *house) offer(client string) issuer.Offered {
	h.t.Helper()
	o, err := h.issuer.OfferFamily(client, issuer.ByValue)
	h.must(err)
	return o
}

// enrol accredits a shop of the world.
func (h *house) enrol(name, account string) []byte {
	h.t.Helper()
	s := h.Shops[name]
	cert, err := h.issuer.Accredit(h.t.Context(), h.accreditation("Winkel "+name, account, s))
	h.must(err)
	return cert
}

func (h *house) accreditation(name, account string, s *ledgertest.Shop) issuer.Accreditation {
	h.t.Helper()
	return issuer.Accreditation{Name: name, KvK: "12345678", IBAN: account, Categories: s.Categories, DID: s.DID, Key: s.Key.Public(),
		CSR: signingRequest(h.t, s.Key.ECDSA(), s.DID)}
}

func signingRequest(t testing.TB, key *ecdsa.PrivateKey, did string, hosts ...string) []byte {
	t.Helper()
	u, err := url.Parse(did)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{URIs: []*url.URL{u}, DNSNames: hosts}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// approve is the yes of both officials to all account numbers.
func (h *house) approve() {
	h.t.Helper()
	for _, token := range []string{"a", "b"} {
		_, err := h.issuer.ApproveAccounts(token, nil)
		h.must(err)
	}
}

const (
	ibanOne = "NL69TEST0000000001"
	ibanTwo = "NL42TEST0000000002"
)

// phone is a wallet by the standard: one key for each copy.
type phone struct {
	h     *house
	keys  []*jose.PrivateKey
	token oid4vci.Secret
	body  []byte // of its newest credential request
	cards []string
}

func (h *house) phone(copies int) *phone {
	p := &phone{h: h}
	for range copies {
		p.keys = append(p.keys, ledgertest.NewKey(h.t))
	}
	return p
}

// answer is an HTTP answer.
type answer struct {
	code   int
	header http.Header
	body   string
}

func (h *house) do(method, path, contentType, bearer string, body []byte) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, bytes.NewReader(body))
	h.must(err)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	h.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	h.must(err)
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// code is the OAuth error that an answer brings, "" for none.
func (a answer) oauth() oid4vci.Code {
	if e, err := oid4vci.ParseError([]byte(a.body)); err == nil && a.code >= 400 {
		return e.Code
	}
	return ""
}

func preAuthorized(t testing.TB, o issuer.Offered) oid4vci.Secret {
	t.Helper()
	offer, _, err := oid4vci.ParseOfferURI(o.URI)
	if err != nil {
		t.Fatal(err)
	}
	return offer.Grants.PreAuthorized.Code
}

// askToken posts a token request.
func (h *house) askToken(code, txCode oid4vci.Secret) answer {
	h.t.Helper()
	r := oid4vci.TokenRequest{GrantType: oid4vci.GrantPreAuthorizedCode, PreAuthorizedCode: code, TxCode: txCode}
	form, err := r.Form()
	h.must(err)
	return h.do("POST", "/token", "application/x-www-form-urlencoded", "", []byte(form.Encode()))
}

// login takes an offer's token.
func (p *phone) login(o issuer.Offered) *phone {
	p.h.t.Helper()
	a := p.h.askToken(preAuthorized(p.h.t, o), oid4vci.Secret(o.TxCode))
	t, err := oid4vci.ParseTokenResponse([]byte(a.body))
	if err != nil {
		p.h.t.Fatalf("token: %d %s", a.code, a.body)
	}
	p.token = t.AccessToken
	return p
}

func (h *house) nonce() string {
	h.t.Helper()
	n, err := oid4vci.ParseNonceResponse([]byte(h.do("POST", "/nonce", "", "", nil).body))
	h.must(err)
	return n.Nonce
}

// request is a credential request for the phone's keys, under any nonce and audience.
func (p *phone) request(nonce, audience string) []byte {
	p.h.t.Helper()
	var proofs oid4vci.Proofs
	proofs.Type = oid4vci.ProofJWT
	for n, k := range p.keys {
		form := []oid4vci.KeyForm{oid4vci.ByJWK, oid4vci.ByDIDJWK, oid4vci.ByDIDKey}[n%3]
		jwt, err := oid4vci.Prove(k, oid4vci.Proof{Issuer: audience, Nonce: nonce, IssuedAt: p.h.Clock, Form: form})
		p.h.must(err)
		proofs.JWT = append(proofs.JWT, jwt)
	}
	b, err := json.Marshal(oid4vci.CredentialRequest{ConfigurationID: catalog.Kindpakket().ConfigurationID, Proofs: &proofs})
	p.h.must(err)
	return b
}

// ask asks for the card with a fresh nonce; again repeats the very same request.
func (p *phone) ask() answer {
	p.h.t.Helper()
	p.body = p.request(p.h.nonce(), p.h.url)
	return p.again()
}

func (p *phone) again() answer {
	p.h.t.Helper()
	return p.h.do("POST", "/credential", "application/json", string(p.token), p.body)
}

// take has the card, one copy for each key.
func (p *phone) take(a answer) *phone {
	p.h.t.Helper()
	resp, err := oid4vci.ParseCredentialResponse([]byte(a.body), len(p.keys))
	if err != nil || a.code != http.StatusOK || len(resp.Credentials) != len(p.keys) {
		p.h.t.Fatalf("credential: %d %.300s, %v", a.code, a.body, err)
	}
	p.cards = nil
	for _, c := range resp.Credentials {
		text, err := c.Text()
		p.h.must(err)
		p.cards = append(p.cards, text)
	}
	return p
}

// enrolled is a phone that has taken a family's card.
func (h *house) enrolled(client string, copies int) *phone {
	h.t.Helper()
	p := h.phone(copies).login(h.offer(client))
	return p.take(p.ask())
}

// verified is copy n of the card after every check that a wallet makes.
func (p *phone) verified(n int) *sdjwt.Verified {
	p.h.t.Helper()
	c, err := sdjwt.Parse(p.cards[n])
	p.h.must(err)
	v, err := c.Verify(sdjwt.Policy{Now: p.h.Clock, Key: sdjwt.TrustChain(p.h.anchor, p.h.Clock, p.h.url), VCT: []string{catalog.Kindpakket().VCT(p.h.url)}})
	p.h.must(err)
	return v
}

// holder is the phone as the ledger knows it, with key n.
func (p *phone) holder(n int) ledgertest.Holder { return ledgertest.Holder{Key: p.keys[n]} }

// pay pays at a shop of the world, and returns why not or the entry's index.
func (h *house) pay(p *phone, shop string, amount budget.Cents, category budget.Category) (uint64, error) {
	h.t.Helper()
	r, err := h.ledger.Append(h.t.Context(), h.Pay(p.holder(0), shop, amount, category))
	if err != nil {
		return 0, err
	}
	e, err := ledger.Verify(r, h.Policy)
	h.must(err)
	return e.Index, nil
}

func (h *house) paid(p *phone, shop string, amount budget.Cents, category budget.Category) uint64 {
	h.t.Helper()
	n, err := h.pay(p, shop, amount, category)
	if err != nil {
		h.t.Fatalf("paying: %v", err)
	}
	return n
}

// returned gives part of a purchase back.
func (h *house) returned(p *phone, shop string, original uint64, amount budget.Cents, category budget.Category) {
	h.t.Helper()
	_, err := h.ledger.Append(h.t.Context(), h.Return(h.Sign(h.ReturnOrder(p.holder(0), shop, original, amount, category))))
	h.must(err)
}

// entries are the ledger's entries of one kind.
func (h *house) entries(kind ledger.Kind) (out []ledger.Entry) {
	h.t.Helper()
	c, err := h.ledger.Checkpoint(h.t.Context())
	h.must(err)
	open, err := h.Policy.Open(c)
	h.must(err)
	rows, err := h.ledger.Entries(h.t.Context(), 0, open.Size)
	h.must(err)
	for _, raw := range rows {
		e, err := ledger.ParseEntry(raw)
		h.must(err)
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// statement reads a municipal entry.
func statement[T ledger.Statement](t testing.TB, e ledger.Entry) T {
	t.Helper()
	b, err := ledger.ParseBody[ledger.SignedBody](e.Command())
	if err != nil {
		t.Fatal(err)
	}
	token, err := jose.Parse(b.JWS)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ledger.ParseStatement[T](token.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accounts are those on the ledger, in the order of their issue.
func (h *house) accounts() (out []string) {
	for _, e := range h.entries(ledger.KindIssue) {
		out = append(out, statement[ledger.Issue](h.t, e).Account.ID)
	}
	return out
}

func (h *house) balance(account string) budget.Cents {
	h.t.Helper()
	left, err := h.ledger.Balance(h.t.Context(), account)
	h.must(err)
	return left
}

// statusOf is the status of copy n, by the list as the issuer serves it.
func (p *phone) statusOf(n int) status.Value {
	p.h.t.Helper()
	ref, err := status.FromClaims(p.verified(n).Claims)
	p.h.must(err)
	a := p.h.do("GET", strings.TrimPrefix(ref.URI, p.h.url), "", "", nil)
	if a.code != http.StatusOK || a.header.Get("Content-Type") != "application/statuslist+jwt" {
		p.h.t.Fatalf("status list: %d, %s", a.code, a.header.Get("Content-Type"))
	}
	token, err := status.Verify(a.body, status.Policy{URI: ref.URI, Now: p.h.Clock, Key: sdjwt.TrustChain(p.h.anchor, p.h.Clock, p.h.url)})
	p.h.must(err)
	v, err := token.Status(ref)
	p.h.must(err)
	return v
}

// bytesOnDisk is the issuer's file as it lies there.
func (h *house) bytesOnDisk() []byte {
	h.t.Helper()
	b, err := os.ReadFile(h.cfg.Path)
	h.must(err)
	return b
}

// admin posts to the officials' routes.
func (h *house) admin(method, path string, body any) *httptest.ResponseRecorder {
	h.t.Helper()
	var raw []byte
	switch b := body.(type) {
	case nil:
	case string:
		raw = []byte(b)
	default:
		var err error
		raw, err = json.Marshal(b)
		h.must(err)
	}
	r := httptest.NewRequestWithContext(h.t.Context(), method, path, bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.issuer.Admin().ServeHTTP(w, r)
	return w
}

// faultyLog is a log whose road is bad.
type faultyLog struct {
	ledger.Log
	mu    sync.Mutex
	fault fault // nil: none
	asked int
}

type fault func(c ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error)

func (l *faultyLog) set(f fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = f
}

func (l *faultyLog) Append(ctx context.Context, c ledger.Command) (ledger.Receipt, error) {
	l.mu.Lock()
	f := l.fault
	l.asked++
	l.mu.Unlock()
	next := func() (ledger.Receipt, error) { return l.Log.Append(ctx, c) }
	if f == nil {
		return next()
	}
	return f(c, next)
}

// down loses the question; lost loses the answer.
func down(ledger.Command, func() (ledger.Receipt, error)) (ledger.Receipt, error) {
	return ledger.Receipt{}, ledger.ErrUnavailable
}

func lost(_ ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) {
	if _, err := next(); err != nil {
		return ledger.Receipt{}, err
	}
	return ledger.Receipt{}, ledger.ErrUnavailable
}

// only has a fault for one kind of command.
func only(kind ledger.Kind, f fault) fault {
	return func(c ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) {
		if c.Kind != kind {
			return next()
		}
		return f(c, next)
	}
}

func wantErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantOAuth(t testing.TB, what string, a answer, status int, code oid4vci.Code) {
	t.Helper()
	if a.code != status || a.oauth() != code {
		t.Errorf("%s: got %d %.200s, want %d %s", what, a.code, a.body, status, code)
	}
}

func jsonNumber(s string) json.Number { return json.Number(s) }
