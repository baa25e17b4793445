package wallet

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vci"
	"kindpakket/credential/sdjwt"
	"kindpakket/wallet/vault"
)

// EarlyBy is how long before its period a card can be taken: letters are sent before the year begins.
const EarlyBy = 92 * 24 * time.Hour

// leeway is how far the clocks of issuer and phone may differ.
const leeway = 5 * time.Minute

// offerRecord is an offer on its way to be a card.
type offerRecord struct {
	Keys  []jose.Thumbprint `json:"keys"`                 // made before anything was asked
	Token string            `json:"token,omitempty"`      // access token
	ID    string            `json:"identifier,omitempty"` // credential_identifier, where the server names one
	Card  string            `json:"card,omitempty"`       // id of the card that it became
}

// acceptance is one run of Accept.
type acceptance struct {
	*Wallet
	offer  *oid4vci.Offer
	grant  *oid4vci.PreAuthorizedGrant
	meta   *oid4vci.IssuerMetadata
	config oid4vci.Configuration
	id     string // of config
	name   string // of the record
	rec    offerRecord
}

// Accept takes the card that an offer holds: by value or by reference, with the transaction code from the letter ("" if
// there is none). Keys are stored before anything is asked and the access token before it is used, so that after a lost
// answer the same offer can be accepted again and gives the same card; once taken, it gives that card at once.
//
// Every copy is verified: the issuer's certificate chain leads to the anchors and names the credential issuer, type and
// times are right, and each is bound to another one of our keys. If one is not, nothing is kept.
//
// It returns [ErrOffer], [ErrTxCode], [ErrTxCodeMissing], [ErrIssuer], [ErrDenied] or [ErrNetwork].
//
// BUG(kindpakket): An offer that needs a login (authorization code), deferred issuance, DPoP or an encrypted response is
// refused with ErrOffer.
func (w *Wallet) Accept(ctx context.Context, offerURI, txCode string) (Card, error) {
	w.accepting.Lock()
	defer w.accepting.Unlock()
	a := acceptance{Wallet: w}
	if err := a.readOffer(ctx, offerURI); err != nil {
		return Card{}, err
	}
	if err := a.resume(); err != nil {
		return Card{}, err
	}
	if a.rec.Card != "" {
		return w.card(a.rec.Card)
	}
	if a.grant.TxCode != nil && txCode == "" {
		return Card{}, ErrTxCodeMissing
	}
	if err := a.readMetadata(ctx); err != nil {
		return Card{}, err
	}
	if err := a.makeKeys(); err != nil {
		return Card{}, err
	}
	kept := a.rec.Token != ""
	if !kept {
		if err := a.fetchToken(ctx, txCode); err != nil {
			return Card{}, err
		}
	}
	resp, err := a.fetchCredentials(ctx)
	if kept && errors.Is(err, oid4vci.InvalidToken) {
		// The token of an earlier run has ended; the code may still be good.
		if err := a.fetchToken(ctx, txCode); err != nil {
			return Card{}, err
		}
		resp, err = a.fetchCredentials(ctx)
	}
	if err != nil {
		return Card{}, credentialError(err)
	}
	return a.keep(resp)
}

func (a *acceptance) readOffer(ctx context.Context, uri string) error {
	offer, ref, err := oid4vci.ParseOfferURI(uri)
	if err == nil && offer == nil {
		var ans answer
		if ans, err = a.fetch(ctx, http.MethodGet, ref, "", nil, oid4vci.MaxOffer, nil); err != nil {
			return err
		}
		if ans.status != http.StatusOK {
			return fmt.Errorf("%w: its address answers %d", ErrOffer, ans.status)
		}
		offer, err = oid4vci.ParseOffer(ans.body)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOffer, err)
	}
	if offer.Grants.PreAuthorized == nil {
		return fmt.Errorf("%w: it has no pre-authorized code", ErrOffer)
	}
	a.offer, a.grant = offer, offer.Grants.PreAuthorized
	sum := sha256.Sum256([]byte(offer.Issuer + "\x00" + string(a.grant.Code)))
	a.name = offerRecords + base64.RawURLEncoding.EncodeToString(sum[:])
	return nil
}

// resume reads what an earlier run left.
func (a *acceptance) resume() error {
	rec, err := load[offerRecord](a.cfg.Vault, a.name)
	if errors.Is(err, vault.ErrNotFound) {
		return nil
	}
	a.rec = rec
	return err
}

func (a *acceptance) readMetadata(ctx context.Context) error {
	at, err := oid4vci.IssuerMetadataURL(a.offer.Issuer)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOffer, err)
	}
	b, err := a.get(ctx, at)
	if err != nil {
		return err
	}
	if a.meta, err = oid4vci.ParseIssuerMetadata(b, a.offer.Issuer); err != nil {
		return fmt.Errorf("%w: %w", ErrOffer, err)
	}
	for _, id := range a.offer.Configurations {
		c, err := a.meta.Configuration(id)
		if err == nil && provable(c) {
			a.config, a.id = c, id
			return nil
		}
	}
	return fmt.Errorf("%w: no configuration that this wallet knows", ErrOffer)
}

// provable reports whether we can make the proofs that a configuration asks for.
func provable(c oid4vci.Configuration) bool {
	p, ok := c.ProofTypes[oid4vci.ProofJWT]
	return ok && slices.Contains(p.Algs, string(jose.ES256)) && p.KeyAttestation == nil && keyForm(c) != ""
}

func keyForm(c oid4vci.Configuration) oid4vci.KeyForm {
	for _, form := range []oid4vci.KeyForm{oid4vci.ByJWK, oid4vci.ByDIDJWK, oid4vci.ByDIDKey} {
		if slices.Contains(c.BindingMethods, string(form)) {
			return form
		}
	}
	return ""
}

func (a *acceptance) get(ctx context.Context, at string) ([]byte, error) {
	ans, err := a.fetch(ctx, http.MethodGet, at, "", nil, oid4vci.MaxMetadata, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return nil, err
	}
	if ans.status != http.StatusOK {
		return nil, fmt.Errorf("%w: metadata answers %d", ErrNetwork, ans.status)
	}
	return ans.body, nil
}

// makeKeys makes and stores the keys, unless an earlier run did.
func (a *acceptance) makeKeys() error {
	if len(a.rec.Keys) > 0 {
		return nil
	}
	var batch []vault.Record
	for range min(a.cfg.Copies, a.meta.BatchSize()) {
		key, err := jose.Generate(a.cfg.Rand)
		if err != nil {
			return fmt.Errorf("making keys: %w", err)
		}
		thumb := key.Public().Thumbprint()
		a.rec.Keys = append(a.rec.Keys, thumb)
		batch = append(batch, vault.Record{Name: keyRecords + thumb.String(), Value: key.Bytes()})
	}
	r, err := record(a.name, a.rec)
	if err != nil {
		return err
	}
	return a.cfg.Vault.Write(append(batch, r)...)
}

func (w *Wallet) key(t jose.Thumbprint) (*jose.PrivateKey, error) {
	b, err := w.cfg.Vault.Get(keyRecords + t.String())
	if err != nil {
		return nil, fmt.Errorf("reading key: %w", err)
	}
	return jose.ParsePrivateKey(b)
}

func (a *acceptance) fetchToken(ctx context.Context, txCode string) error {
	server, err := a.meta.AuthorizationServer(a.grant.AuthorizationServer)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOffer, err)
	}
	at, err := oid4vci.ServerMetadataURL(server)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOffer, err)
	}
	b, err := a.get(ctx, at)
	if err != nil {
		return err
	}
	meta, err := oid4vci.ParseServerMetadata(b, server)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOffer, err)
	}
	req := oid4vci.TokenRequest{GrantType: oid4vci.GrantPreAuthorizedCode, PreAuthorizedCode: a.grant.Code}
	if a.grant.TxCode != nil {
		req.TxCode = oid4vci.Secret(txCode)
	}
	values, err := req.Form()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOffer, err)
	}
	ans, err := a.fetch(ctx, http.MethodPost, meta.TokenEndpoint, form, []byte(values.Encode()), oid4vci.MaxAnswer, nil)
	if err != nil {
		return err
	}
	if err := oauthError(ans); err != nil {
		if errors.Is(err, oid4vci.InvalidGrant) {
			return fmt.Errorf("%w: %w", ErrTxCode, err)
		}
		return credentialError(err)
	}
	token, err := oid4vci.ParseTokenResponse(ans.body)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOffer, err)
	}
	if token.TokenType != oid4vci.TokenBearer {
		return fmt.Errorf("%w: the token is of a type that this wallet cannot use", ErrOffer)
	}
	a.rec.Token, a.rec.ID = string(token.AccessToken), ""
	for _, d := range token.AuthorizationDetails {
		if d.ConfigurationID == a.id && len(d.CredentialIdentifiers) > 0 {
			a.rec.ID = d.CredentialIdentifiers[0]
		}
	}
	// The code is used up: from here on the token is all there is.
	return a.write(map[string]any{a.name: a.rec})
}

// fetchCredentials asks for one copy for each key. A nonce that the issuer no longer takes is replaced once.
func (a *acceptance) fetchCredentials(ctx context.Context) (resp *oid4vci.CredentialResponse, err error) {
	for range 2 {
		if resp, err = a.fetchOnce(ctx); !errors.Is(err, oid4vci.InvalidNonce) {
			break
		}
	}
	return resp, err
}

func (a *acceptance) fetchOnce(ctx context.Context) (*oid4vci.CredentialResponse, error) {
	nonce := ""
	if a.meta.NonceEndpoint != "" {
		ans, err := a.fetch(ctx, http.MethodPost, a.meta.NonceEndpoint, "", nil, oid4vci.MaxAnswer, nil)
		if err != nil {
			return nil, err
		}
		if err := oauthError(ans); err != nil {
			return nil, err
		}
		n, err := oid4vci.ParseNonceResponse(ans.body)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOffer, err)
		}
		nonce = n.Nonce
	}
	proofs := oid4vci.Proofs{Type: oid4vci.ProofJWT}
	for _, thumb := range a.rec.Keys {
		key, err := a.key(thumb)
		if err != nil {
			return nil, err
		}
		proof, err := oid4vci.Prove(key, oid4vci.Proof{Issuer: a.offer.Issuer, Nonce: nonce, IssuedAt: a.cfg.Now(), Form: keyForm(a.config)})
		if err != nil {
			return nil, fmt.Errorf("proving keys: %w", err)
		}
		proofs.JWT = append(proofs.JWT, proof)
	}
	req := oid4vci.CredentialRequest{Proofs: &proofs, Identifier: a.rec.ID}
	if a.rec.ID == "" {
		req.ConfigurationID = a.id
	}
	body, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("writing credential request: %w", err)
	}
	ans, err := a.fetch(ctx, http.MethodPost, a.meta.CredentialEndpoint, "application/json", body, oid4vci.MaxResponse,
		http.Header{"Authorization": {"Bearer " + a.rec.Token}})
	if err != nil {
		return nil, err
	}
	if err := oauthError(ans); err != nil {
		return nil, err
	}
	resp, err := oid4vci.ParseCredentialResponse(ans.body, len(a.rec.Keys))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	if resp.TransactionID != "" {
		return nil, fmt.Errorf("%w: deferred issuance is not supported", ErrOffer)
	}
	return resp, nil
}

// oauthError returns what an endpoint refused, nil if it did not.
func oauthError(ans answer) error {
	if ans.status >= 200 && ans.status < 300 {
		return nil
	}
	if ans.status < 500 {
		if e, err := oid4vci.ParseError(ans.body); err == nil {
			return e
		}
	}
	return fmt.Errorf("%w: it answers %d", ErrNetwork, ans.status)
}

// credentialError says in our words what an issuer refused in OAuth's.
func credentialError(err error) error {
	var e *oid4vci.Error
	switch {
	case !errors.As(err, &e):
		return err
	case e.Code == oid4vci.CredentialRequestDenied:
		return fmt.Errorf("%w: %w", ErrDenied, err)
	case e.Code == oid4vci.InvalidToken:
		return fmt.Errorf("%w: %w", ErrTxCode, err)
	}
	return fmt.Errorf("%w: %w", ErrOffer, err)
}

// keep verifies all copies and stores the card.
func (a *acceptance) keep(resp *oid4vci.CredentialResponse) (Card, error) {
	id, err := a.random(16)
	if err != nil {
		return Card{}, err
	}
	rec := cardRecord{ID: id, Issuer: a.offer.Issuer, Taken: a.cfg.Now().UTC(), Names: a.names()}
	var first Card
	for n, issued := range resp.Credentials {
		text, err := issued.Text()
		if err != nil {
			return Card{}, fmt.Errorf("%w: %w", ErrIssuer, err)
		}
		key, err := a.verify(text)
		if err != nil {
			return Card{}, fmt.Errorf("%w: %w", ErrIssuer, err)
		}
		if slices.ContainsFunc(rec.Copies, func(c copyRecord) bool { return c.Key == key }) {
			return Card{}, fmt.Errorf("%w: two copies for one key", ErrIssuer)
		}
		rec.Copies = append(rec.Copies, copyRecord{Text: text, Key: key})
		one, err := cardRecord{Copies: []copyRecord{rec.Copies[n]}}.card()
		if err != nil {
			return Card{}, fmt.Errorf("%w: %w", ErrIssuer, err)
		}
		if n == 0 {
			first = one
		} else if !first.same(one) {
			return Card{}, fmt.Errorf("%w: the copies differ", ErrIssuer)
		}
	}
	// The keys lie in the vault already; card and end of the offer are one step.
	err = a.write(map[string]any{cardRecords + id: rec, a.name: offerRecord{Keys: a.rec.Keys, Card: id}})
	if err != nil {
		return Card{}, err
	}
	return rec.card()
}

// same reports whether two copies are of one card: only what must differ between copies differs.
func (c Card) same(o Card) bool {
	one, two := map[string]any{}, map[string]any{}
	for name, v := range c.claims {
		one[name] = v
	}
	for name, v := range o.claims {
		two[name] = v
	}
	for _, name := range []string{"cnf", "status", "iat"} {
		delete(one, name)
		delete(two, name)
	}
	a, err1 := json.Marshal(one)
	b, err2 := json.Marshal(two)
	return err1 == nil && err2 == nil && string(a) == string(b)
}

// verify checks one copy and returns which of our keys it is bound to.
func (a *acceptance) verify(text string) (jose.Thumbprint, error) {
	var none jose.Thumbprint
	c, err := sdjwt.Parse(text)
	if err != nil {
		return none, err
	}
	now := a.cfg.Now()
	policy := sdjwt.Policy{Now: now, Leeway: leeway, Key: sdjwt.TrustChain(a.cfg.Anchors, now, a.offer.Issuer),
		VCT: []string{a.config.VCT}, Required: []string{"iss", "exp", "cnf"}}
	v, err := c.Verify(policy)
	if errors.Is(err, sdjwt.ErrNotYet) {
		policy.Now = now.Add(EarlyBy)
		v, err = c.Verify(policy)
	}
	if err != nil {
		return none, err
	}
	thumb := v.Holder.Thumbprint()
	if !slices.Contains(a.rec.Keys, thumb) {
		return none, errors.New("a copy is bound to a key that is not ours")
	}
	if t, ok := catalog.LookupVCT(a.offer.Issuer, v.VCT); ok {
		if err := described(t, v.Claims); err != nil {
			return none, err
		}
		if _, err := (Card{claims: v.Claims}).policy(a.cfg.Policy); err != nil {
			return none, err
		}
	}
	return thumb, nil
}

// described checks the claims that the catalogue describes; an issuer may add others.
func described(t catalog.Type, claims map[string]any) error {
	known := map[string]json.RawMessage{}
	for _, c := range t.Claims {
		v, ok := claims[c.Path[0]]
		if !ok {
			continue
		}
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("claim %q cannot be written", c.Path[0])
		}
		known[c.Path[0]] = b
	}
	return t.Verify(known)
}

// names returns what the issuer calls the card.
func (a *acceptance) names() Message {
	m := Message{NL: a.id, EN: a.id}
	if a.config.Metadata == nil {
		return m
	}
	for i, d := range a.config.Metadata.Display {
		if i == 0 {
			m = Message{NL: d.Name, EN: d.Name}
		}
		switch d.Locale {
		case "nl", "nl-NL":
			m.NL = d.Name
		case "en", "en-GB", "en-US":
			m.EN = d.Name
		}
	}
	return m
}
