package oid4vp

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"kindpakket/credential/did"
	"kindpakket/credential/jose"
)

// ClockSkew is how far the clocks of wallet and verifier may be apart.
const ClockSkew = 5 * time.Minute

// RequestLife is how long after its iat a request without exp is accepted.
const RequestLife = time.Hour

// Policy is what a wallet demands of a request object that it fetched.
type Policy struct {
	ClientID    ClientID // of the [Link]; the request object must have the same
	WalletNonce string   // what was posted as wallet_nonce; "" for GET
	Now         time.Time

	// Roots are the anchors under which access certificates are issued. Nil: x509 client ids are refused.
	Roots *x509.CertPool

	// Document resolves the DID of a decentralized_identifier client id. Nil: these are refused. Whether a DID is anybody
	// to be trusted is for the caller to say: everyone can make one.
	Document func(d did.DID) (*did.Document, error)

	// TransactionTypes are the types of transaction data that the wallet understands and will show.
	TransactionTypes []string
}

// Verified is a request of which it is known who signed it.
type Verified struct {
	Request
	Chain        jose.Chain // of an x509 client id, verified: the leaf says who asks
	DID          did.DID    // of a decentralized_identifier client id
	Transactions []TransactionData
}

// Verify reads a request object and finds out who signed it (Sections 5.9 and 5.10.1).
//
// The Verified is nil if that is not known: nothing may then be sent anywhere. If it is not nil but there is an error, the
// request is authentic but cannot be met, and the error, an [Error], may be sent to its response URI ([Request.Refuse]).
// Every error is or wraps an [Error]; one for an object that is not signed wraps [ErrUnsigned].
func (p Policy) Verify(token string) (*Verified, error) {
	j, err := jose.Parse(strings.TrimSpace(token))
	if err != nil {
		if errors.Is(err, jose.ErrToken) || errors.Is(err, jose.ErrAlgorithm) {
			err = fmt.Errorf("%w: %w", ErrUnsigned, err)
		}
		return nil, invalid("the request object is not an acceptable JWT", err)
	}
	// Section 5: request objects of another typ MUST NOT be processed.
	if j.Header.Type != requestType {
		return nil, invalid("the request object has another typ than "+requestType, nil)
	}
	m, err := jose.ParseObject(j.Payload)
	if err != nil {
		return nil, invalid("the request object is not JSON", err)
	}
	r, err := parseRequest(m)
	if err != nil {
		return nil, invalid("the request object is malformed", err)
	}
	// Section 5.10.1: both MUST be identical, prefix included.
	if r.ClientID != p.ClientID {
		return nil, invalid("client_id is not that of the link", nil)
	}
	v, err := p.authenticate(j, r)
	if err != nil {
		return nil, err
	}
	if err := p.fresh(m, r); err != nil {
		return nil, err
	}
	queries, err := r.verify()
	if err != nil {
		if verifyEndpoint(r.ResponseURI) != nil || r.State != "" && !urlSafe(r.State, 1<<10) {
			return nil, invalid("the request cannot be answered", err)
		}
		return v, invalid("the request cannot be met", err)
	}
	if raw, ok := m["transaction_data"]; ok && string(raw) != "null" {
		if v.Transactions, err = transactions(r.TransactionData, p.TransactionTypes, queries); err != nil {
			return v, &Error{Code: InvalidTransactionData, Cause: err}
		}
	}
	return v, nil
}

func parseRequest(m map[string]json.RawMessage) (*Request, error) {
	// RFC 9101, Section 4: these MUST NOT be in a request object. Section 8.2: redirect_uri MUST NOT be beside response_uri.
	for _, name := range []string{"request", "request_uri", "redirect_uri"} {
		if _, ok := m[name]; ok {
			return nil, fmt.Errorf("member %q must not be there", name)
		}
	}
	var r Request
	var aud json.RawMessage
	var kind string
	var metadata json.RawMessage
	var iat, exp *float64
	err := members(m, map[string]any{
		"client_id": &r.ClientID, "aud": &aud, "response_type": &kind, "response_mode": &r.ResponseMode,
		"response_uri": &r.ResponseURI, "nonce": &r.Nonce, "state": &r.State, "dcql_query": &r.Query,
		"client_metadata": &metadata, "transaction_data": &r.TransactionData, "verifier_info": &r.VerifierInfo,
		"wallet_nonce": &r.WalletNonce, "iat": &iat, "exp": &exp,
	})
	if err != nil {
		return nil, err
	}
	if kind != responseType {
		return nil, errors.New("response_type is not vp_token")
	}
	if !audience(aud) {
		return nil, errors.New("aud is not " + Audience)
	}
	if len(metadata) > 0 && string(metadata) != "null" {
		r.Metadata = new(ClientMetadata)
		if err := decode(metadata, MaxRequest, r.Metadata); err != nil {
			return nil, fmt.Errorf("client_metadata: %w", err)
		}
	}
	if r.IssuedAt, err = date(iat); err != nil {
		return nil, fmt.Errorf("iat: %w", err)
	}
	if r.ExpiresAt, err = date(exp); err != nil {
		return nil, fmt.Errorf("exp: %w", err)
	}
	return &r, nil
}

// audience accepts Audience as a string, or as the only one of a list (RFC 7519, Section 4.1.3).
func audience(raw json.RawMessage) bool {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return one == Audience
	}
	var list []string
	return json.Unmarshal(raw, &list) == nil && len(list) == 1 && list[0] == Audience
}

// authenticate finds the key that the client id demands and verifies the signature under it. Keys of client_metadata are
// never used for that (Section 5.1).
func (p Policy) authenticate(j *jose.JWS, r *Request) (*Verified, error) {
	if err := r.ClientID.Verify(); err != nil {
		return nil, invalid("client_id is not supported", err)
	}
	v := &Verified{Request: *r}
	var key jose.Key
	if prefix, _ := r.ClientID.Split(); prefix == DecentralizedIdentifier {
		u, err := matchDID(r, j.Header.KeyID)
		if err != nil {
			return nil, invalid("the key is not the client's", err)
		}
		if key, err = p.didKey(u); err != nil {
			return nil, invalid("the key of the DID cannot be had", err)
		}
		v.DID = u.DID
	} else {
		chain, err := jose.ParseChain(j.Header.X5C)
		if err != nil {
			return nil, invalid("x5c is missing or malformed", err)
		}
		if err := matchCertificate(r, chain); err != nil {
			return nil, invalid("the certificate is not the client's", err)
		}
		if err := chain.Verify(p.Roots, p.Now); err != nil {
			return nil, invalid("the certificate is not trusted", err)
		}
		if key, err = chain.Key(); err != nil {
			return nil, invalid("the certificate's key cannot be used", err)
		}
		v.Chain = chain
	}
	if err := j.Verify(key); err != nil {
		return nil, invalid("the signature does not verify", err)
	}
	return v, nil
}

func (p Policy) didKey(u did.URL) (jose.Key, error) {
	if p.Document == nil {
		return jose.Key{}, errors.New("DIDs are not resolved")
	}
	doc, err := p.Document(u.DID)
	if err != nil {
		return jose.Key{}, err
	}
	// Section 5.9.3 asks for any key of verificationMethod; a key that may only receive is not one that signs.
	raw, err := doc.Key(u.String(), did.Authentication)
	if errors.Is(err, did.ErrRelation) {
		raw, err = doc.Key(u.String(), did.AssertionMethod)
	}
	if err != nil {
		return jose.Key{}, err
	}
	return jose.ParseKey(raw)
}

// matchCertificate checks that an x509 client id follows from the chain's leaf (Section 5.9.3).
func matchCertificate(r *Request, chain jose.Chain) error {
	prefix, rest := r.ClientID.Split()
	switch prefix {
	case X509Hash:
		if HashClientID(chain) != r.ClientID {
			return errors.New("x509_hash is not the hash of the leaf certificate")
		}
		return nil
	case X509SANDNS:
		// Compared as text: a wildcard in the certificate is no name of a client.
		if !slices.Contains(chain.Leaf().DNSNames, rest) {
			return errors.New("x509_san_dns is not a name of the leaf certificate")
		}
		// The wallet keeps no list of clients that may choose freely, so the host of the response URI must be the name.
		u, err := url.Parse(r.ResponseURI)
		if err != nil || u.Hostname() != rest {
			return errors.New("response_uri is not at the name of x509_san_dns")
		}
		return nil
	}
	return errors.New("the client id is not that of a certificate")
}

// fresh checks the times and the wallet's own nonce.
func (p Policy) fresh(m map[string]json.RawMessage, r *Request) error {
	var nbf *float64
	if err := members(m, map[string]any{"nbf": &nbf}); err != nil {
		return invalid("nbf is not a date", nil)
	}
	notBefore, err := date(nbf)
	switch {
	case err != nil:
		return invalid("nbf is not a date", nil)
	case notBefore.After(p.Now.Add(ClockSkew)), r.IssuedAt.After(p.Now.Add(ClockSkew)):
		return invalid("the request is of the future", nil)
	case !r.ExpiresAt.IsZero() && !p.Now.Before(r.ExpiresAt.Add(ClockSkew)):
		return invalid("the request has expired", nil)
	case r.ExpiresAt.IsZero() && !r.IssuedAt.IsZero() && p.Now.After(r.IssuedAt.Add(RequestLife+ClockSkew)):
		return invalid("the request is too old", nil)
	case r.WalletNonce != p.WalletNonce && p.WalletNonce != "":
		// Section 5.10.1: the wallet MUST terminate.
		return invalid("wallet_nonce is not the one that was sent", nil)
	}
	return nil
}
