package issuer

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vci"
	"kindpakket/internal/problem"
	"kindpakket/internal/serve"
	"kindpakket/ledger"
)

// Handler serves wallets: OpenID4VCI 1.0 with its metadata, the status lists, the municipality's DID document and the
// descriptions of the cards. Its root is the issuer's URL.
func (i *Issuer) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+oid4vci.WellKnownIssuer, i.serveValue(func() (any, error) { return i.Metadata() }))
	mux.HandleFunc("GET "+oid4vci.WellKnownServer, i.serveValue(func() (any, error) { return i.serverMetadata(), nil }))
	mux.HandleFunc("GET /.well-known/did.json", i.serveDocument)
	mux.HandleFunc("GET /vct/{rest...}", i.serveType)
	mux.HandleFunc("GET /status/{list}", i.serveStatus)
	mux.HandleFunc("GET /offers/{id}", i.serveOffer)
	mux.HandleFunc("POST /token", i.serveToken)
	mux.HandleFunc("POST /nonce", i.serveNonce)
	mux.HandleFunc("POST /credential", i.serveCredential)
	return serve.MaxBytes(mux, oid4vci.MaxRequest)
}

// Metadata is what the issuer says about itself (OpenID4VCI 1.0, Section 12.2.4).
func (i *Issuer) Metadata() (*oid4vci.IssuerMetadata, error) {
	t := catalog.Kindpakket()
	shown, err := t.CredentialMetadata()
	if err != nil {
		return nil, err
	}
	var m oid4vci.CredentialMetadata
	if err := json.Unmarshal(shown, &m); err != nil {
		return nil, err
	}
	return &oid4vci.IssuerMetadata{
		Issuer:             i.cfg.URL,
		CredentialEndpoint: i.cfg.URL + "/credential",
		NonceEndpoint:      i.cfg.URL + "/nonce",
		Batch:              &oid4vci.Batch{Size: BatchSize},
		Display:            []oid4vci.IssuerDisplay{{Name: i.cfg.Municipality, Locale: "nl"}, {Name: i.cfg.Municipality, Locale: "en"}},
		Configurations: map[string]oid4vci.Configuration{t.ConfigurationID: {
			Format: t.Format, VCT: t.VCT(i.cfg.URL), Metadata: &m,
			SigningAlgs:    []string{string(jose.ES256)},
			BindingMethods: []string{"jwk", "did:jwk", "did:key"},
			ProofTypes:     map[string]oid4vci.ProofType{oid4vci.ProofJWT: {Algs: []string{string(jose.ES256)}}},
		}},
	}, nil
}

func (i *Issuer) serverMetadata() *oid4vci.ServerMetadata {
	return &oid4vci.ServerMetadata{Issuer: i.cfg.URL, TokenEndpoint: i.cfg.URL + "/token",
		GrantTypes: []string{oid4vci.GrantPreAuthorizedCode}, AuthMethods: []string{"none"}, AnonymousPreAuthorized: true}
}

func (i *Issuer) serveValue(value func() (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := value()
		if err != nil {
			serve.Fail(w, r, nil, err)
			return
		}
		writeJSON(w, "application/json", v)
	}
}

func writeJSON(w http.ResponseWriter, contentType string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Write(b)
}

// serveDocument serves the municipality's did:web document.
func (i *Issuer) serveDocument(w http.ResponseWriter, r *http.Request) {
	method := func(name string, key jose.Key) map[string]any {
		return map[string]any{"id": i.cfg.DID + "#" + name, "type": "JsonWebKey2020", "controller": i.cfg.DID, "publicKeyJwk": key}
	}
	statements, cards := method("statements", i.cfg.Statements.Public()), method("cards", i.cfg.Cards.Public())
	writeJSON(w, "application/did+json", map[string]any{
		"@context":           []string{"https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"},
		"id":                 i.cfg.DID,
		"verificationMethod": []any{statements, cards},
		"assertionMethod":    []any{statements["id"], cards["id"]},
	})
}

func (i *Issuer) serveType(w http.ResponseWriter, r *http.Request) {
	t, ok := catalog.LookupVCT(i.cfg.URL, i.cfg.URL+"/vct/"+r.PathValue("rest"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	b, err := t.TypeMetadata(i.cfg.URL)
	if err != nil {
		serve.Fail(w, r, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Write(b)
}

func (i *Issuer) serveStatus(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("list"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	token, err := i.StatusList(n)
	if errors.Is(err, errNoList) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		serve.Fail(w, r, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/statuslist+jwt")
	w.Write([]byte(token))
}

// serveOffer serves an offer that was made by reference (OpenID4VCI 1.0, Section 4.1.3).
func (i *Issuer) serveOffer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	offer, err := i.FetchOffer(r.PathValue("id"))
	if errors.Is(err, errNoOffer) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		serve.Fail(w, r, nil, err)
		return
	}
	writeJSON(w, "application/json", offer)
}

func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/x-www-form-urlencoded" {
		oauthError(w, r, &oid4vci.Error{Code: oid4vci.InvalidRequest, Description: "want application/x-www-form-urlencoded"})
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		oauthError(w, r, &oid4vci.Error{Code: oid4vci.InvalidRequest, Description: "the body is too large"})
		return
	}
	resp, err := i.Token(body)
	if err != nil {
		oauthError(w, r, err)
		return
	}
	writeJSON(w, "application/json", resp)
}

func (i *Issuer) serveNonce(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	nonce, err := i.Nonce()
	if err != nil {
		oauthError(w, r, err)
		return
	}
	writeJSON(w, "application/json", oid4vci.NonceResponse{Nonce: nonce})
}

func (i *Issuer) serveCredential(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, oid4vci.TokenBearer) || token == "" || len(token) > 256 {
		oauthError(w, r, &oid4vci.Error{Code: oid4vci.InvalidToken, Description: "no bearer token"})
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		oauthError(w, r, &oid4vci.Error{Code: oid4vci.InvalidCredentialRequest, Description: "the body is too large"})
		return
	}
	resp, err := i.Credential(r.Context(), token, body)
	if err != nil {
		oauthError(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(resp)
}

// oauthError answers as OAuth does. What is our own fault is a 503 or a bare 500, with a line in the log.
func oauthError(w http.ResponseWriter, r *http.Request, err error) {
	var e *oid4vci.Error
	if errors.As(err, &e) {
		b, err := json.Marshal(e)
		if err == nil {
			w.Header().Set("Content-Type", "application/json")
			if e.Status() == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer") // RFC 6750, Section 3
			}
			w.WriteHeader(e.Status())
			w.Write(b)
			return
		}
	}
	serve.Fail(w, r, unavailable, err)
}

var unavailable = problem.Table{
	{Is: ledger.ErrUnavailable, Status: http.StatusServiceUnavailable, Type: "/problems/unavailable",
		Title: "The ledger cannot answer now. Ask the same again later."},
}
