package demo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vci"
	"kindpakket/credential/oid4vp"
	"kindpakket/credential/sdjwt"
	"kindpakket/ledger"
)

// foreign is a wallet that is not ours, written from the standards alone. It fetches requests by GET, so it is shown no
// transaction data and signs none: it pays without having shown its holder an amount.
type foreign struct {
	key    *jose.PrivateKey
	card   string
	anchor *x509.CertPool
}

const maxAnswer = 4 << 20

func fetch(ctx context.Context, method, url, contentType, token, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s answered %s: %s", method, req.URL.Path, resp.Status, b)
	}
	return b, err
}

const form = "application/x-www-form-urlencoded"

// accept takes a card from an offer (OpenID4VCI 1.0).
func accept(ctx context.Context, o offered, anchorFile string) (*foreign, error) {
	f := &foreign{anchor: x509.NewCertPool()}
	pemBytes, err := os.ReadFile(anchorFile)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(pemBytes); block == nil || !f.anchor.AppendCertsFromPEM(pemBytes) {
		return nil, errors.New("no anchor")
	}
	if f.key, err = jose.Generate(rand.Reader); err != nil {
		return nil, err
	}
	offer, _, err := oid4vci.ParseOfferURI(o.URI)
	if err != nil || offer == nil {
		return nil, fmt.Errorf("reading the offer: %w", err)
	}
	get := func(url string, err error) ([]byte, error) {
		if err != nil {
			return nil, err
		}
		return fetch(ctx, http.MethodGet, url, "", "", "")
	}
	b, err := get(oid4vci.IssuerMetadataURL(offer.Issuer))
	if err != nil {
		return nil, err
	}
	meta, err := oid4vci.ParseIssuerMetadata(b, offer.Issuer)
	if err != nil {
		return nil, err
	}
	if b, err = get(oid4vci.ServerMetadataURL(offer.Issuer)); err != nil {
		return nil, err
	}
	server, err := oid4vci.ParseServerMetadata(b, offer.Issuer)
	if err != nil {
		return nil, err
	}
	values, err := (&oid4vci.TokenRequest{GrantType: oid4vci.GrantPreAuthorizedCode, PreAuthorizedCode: offer.Grants.PreAuthorized.Code,
		TxCode: oid4vci.Secret(o.TxCode)}).Form()
	if err != nil {
		return nil, err
	}
	if b, err = fetch(ctx, http.MethodPost, server.TokenEndpoint, form, "", values.Encode()); err != nil {
		return nil, err
	}
	token, err := oid4vci.ParseTokenResponse(b)
	if err != nil {
		return nil, err
	}
	if b, err = fetch(ctx, http.MethodPost, meta.NonceEndpoint, "", "", ""); err != nil {
		return nil, err
	}
	nonce, err := oid4vci.ParseNonceResponse(b)
	if err != nil {
		return nil, err
	}
	proof, err := oid4vci.Prove(f.key, oid4vci.Proof{Issuer: offer.Issuer, Nonce: nonce.Nonce, IssuedAt: time.Now()})
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(oid4vci.CredentialRequest{ConfigurationID: offer.Configurations[0], Proofs: &oid4vci.Proofs{Type: oid4vci.ProofJWT, JWT: []string{proof}}})
	if err != nil {
		return nil, err
	}
	if b, err = fetch(ctx, http.MethodPost, meta.CredentialEndpoint, "application/json", string(token.AccessToken), string(body)); err != nil {
		return nil, err
	}
	resp, err := oid4vci.ParseCredentialResponse(b, 1)
	if err != nil {
		return nil, err
	}
	f.card, err = resp.Credentials[0].Text()
	return f, err
}

// pay answers a till's request (OpenID4VP 1.0) and returns the till's word.
func (f *foreign) pay(ctx context.Context, uri string) (result, error) {
	var r result
	link, err := oid4vp.ParseLink(uri)
	if err != nil {
		return r, err
	}
	b, err := fetch(ctx, http.MethodGet, link.RequestURI, "", "", "")
	if err != nil {
		return r, err
	}
	req, err := oid4vp.Policy{ClientID: link.ClientID, Now: time.Now(), Roots: f.anchor}.Verify(string(b))
	if err != nil {
		return r, err
	}
	card, err := sdjwt.Parse(f.card)
	if err != nil {
		return r, err
	}
	shown, err := card.Present(sdjwt.Path{"fund"}, sdjwt.Path{"period"})
	if err != nil {
		return r, err
	}
	bound, err := shown.Bind(f.key, sdjwt.KB{Audience: string(req.ClientID), Nonce: req.Nonce, IssuedAt: time.Now()})
	if err != nil {
		return r, err
	}
	values, err := req.Form(oid4vp.TextToken(budget.CardQuery, bound.String()))
	if err != nil {
		return r, err
	}
	if b, err = fetch(ctx, http.MethodPost, req.ResponseURI, form, "", values.Encode()); err != nil {
		return r, err
	}
	var answer struct {
		Kindpakket result `json:"kindpakket"`
	}
	err = json.Unmarshal(b, &answer)
	return answer.Kindpakket, err
}

// proof signs a signed order as an account's holder would, without asking any wallet.
func (f *foreign) proof(order, audience, nonce string, hashes []string) (ledger.AccountProof, error) {
	sum := sha256.Sum256([]byte(f.card))
	claims := map[string]any{"aud": audience, "nonce": nonce, "iat": time.Now().Unix(), "sd_hash": base64.RawURLEncoding.EncodeToString(sum[:])}
	if hashes != nil {
		claims["transaction_data_hashes"] = hashes
		claims["transaction_data_hashes_alg"] = "sha-256"
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return ledger.AccountProof{}, err
	}
	jwt, err := jose.Sign(f.key, jose.Header{Type: "kb+jwt"}, payload)
	return ledger.AccountProof{JWK: f.key.Public(), KBJWT: jwt}, err
}
