package wallet_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vci"
	"kindpakket/credential/sdjwt"
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
