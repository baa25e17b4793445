package oid4vp

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"kindpakket/credential/did"
	"kindpakket/credential/jose"
)

// requestType is the `typ` header of a request object (RFC 9101; OpenID4VP 1.0, Section 5).
const requestType = "oauth-authz-req+jwt"

// RequestMediaType is the media type of a signed request object.
const RequestMediaType = "application/oauth-authz-req+jwt"

// Audience is the `aud` of a request to a wallet that was not discovered (Section 5.8).
const Audience = "https://self-issued.me/v2"

// ResponseMode is the road by which a wallet answers.
type ResponseMode string

const (
	DirectPost    ResponseMode = "direct_post"     // Section 8.2
	DirectPostJWT ResponseMode = "direct_post.jwt" // Section 8.3.1, encrypted
)

// Request is a presentation request: the payload of a request object (Section 5). Members that it does not have are not
// read, as the standard demands.
type Request struct {
	ClientID        ClientID
	ResponseMode    ResponseMode
	ResponseURI     string            // an https URL, best with an id of this request in it
	Nonce           string            // URL safe; fresh for each request
	State           string            // URL safe; optional
	Query           json.RawMessage   // dcql_query: see package dcql
	Metadata        *ClientMetadata   // client_metadata
	TransactionData []string          // transaction_data, as strings; a wallet that does not know it must refuse
	VerifierInfo    []json.RawMessage // verifier_info, carried as it stands
	WalletNonce     string            // wallet_nonce, from the wallet's POST
	IssuedAt        time.Time         // iat; whole seconds
	ExpiresAt       time.Time         // exp; whole seconds
}

// ClientMetadata is what the verifier says about itself (Section 5.1). Whatever a wallet shows as the verifier's name comes
// from its certificate, never from here.
type ClientMetadata struct {
	Keys      jose.KeySet                `json:"jwks,omitzero"` // to encrypt the response to: P-256, alg ECDH-ES, use enc or none
	Enc       []jose.Encryption          `json:"encrypted_response_enc_values_supported,omitempty"`
	VPFormats map[string]json.RawMessage `json:"vp_formats_supported,omitempty"`
}

// Formats returns the vp_formats_supported of a verifier or wallet that takes SD-JWT VCs with ES256 (Appendix B.3.4).
func Formats() map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"dc+sd-jwt": json.RawMessage(`{"sd-jwt_alg_values":["ES256"],"kb-jwt_alg_values":["ES256"]}`),
	}
}

// NewClientMetadata returns the metadata of a verifier that takes SD-JWT VCs, encrypted to a key made for this one
// request, with A128GCM or A256GCM. A zero key is left out: the response then is not encrypted.
func NewClientMetadata(key jose.Key, kid string) *ClientMetadata {
	m := &ClientMetadata{VPFormats: Formats()}
	if !key.IsZero() {
		m.Keys = jose.KeySet{Keys: []jose.NamedKey{{Key: key, ID: kid, Use: "enc", Alg: "ECDH-ES"}}}
		m.Enc = []jose.Encryption{jose.A128GCM, jose.A256GCM}
	}
	return m
}

type requestJSON struct {
	ClientID        ClientID          `json:"client_id"`
	Audience        string            `json:"aud"`
	ResponseType    string            `json:"response_type"`
	ResponseMode    ResponseMode      `json:"response_mode"`
	ResponseURI     string            `json:"response_uri"`
	Nonce           string            `json:"nonce"`
	State           string            `json:"state,omitempty"`
	Query           json.RawMessage   `json:"dcql_query"`
	Metadata        *ClientMetadata   `json:"client_metadata,omitempty"`
	TransactionData []string          `json:"transaction_data,omitempty"`
	VerifierInfo    []json.RawMessage `json:"verifier_info,omitempty"`
	WalletNonce     string            `json:"wallet_nonce,omitempty"`
	IssuedAt        int64             `json:"iat,omitempty"`
	ExpiresAt       int64             `json:"exp,omitempty"`
}

const responseType = "vp_token"

// SignX509 returns the request object, signed by s, for a client id x509_hash or x509_san_dns: x5c is chain, leaf first,
// without the anchor (HAIP 1.0, Section 5). It is an error if a wallet would refuse it: if the leaf's key is not the
// signer's, the client id is not the leaf's, or a certificate is self-issued.
func (r *Request) SignX509(s jose.Signer, chain jose.Chain) (string, error) {
	if len(chain) == 0 {
		return "", errors.New("signing presentation request: no certificate")
	}
	key, err := chain.Key()
	if err != nil {
		return "", fmt.Errorf("signing presentation request: %w", err)
	}
	if !key.Equal(s.Public()) {
		return "", errors.New("signing presentation request: the certificate is for another key")
	}
	for _, c := range chain {
		if string(c.RawIssuer) == string(c.RawSubject) {
			return "", errors.New("signing presentation request: the chain holds a self-issued certificate")
		}
	}
	if err := matchCertificate(r, chain); err != nil {
		return "", fmt.Errorf("signing presentation request: %w", err)
	}
	return r.sign(s, jose.Header{Type: requestType, X5C: chain.DER()})
}

// SignDID returns the request object, signed by s, for a client id decentralized_identifier. kid is the DID URL of s's
// key in that DID's document.
func (r *Request) SignDID(s jose.Signer, kid string) (string, error) {
	if _, err := matchDID(r, kid); err != nil {
		return "", fmt.Errorf("signing presentation request: %w", err)
	}
	return r.sign(s, jose.Header{Type: requestType, KeyID: kid})
}

func (r *Request) sign(s jose.Signer, h jose.Header) (string, error) {
	queries, err := r.verify()
	if err != nil {
		return "", fmt.Errorf("signing presentation request: %w", err)
	}
	if r.TransactionData != nil {
		var known []string
		for _, text := range r.TransactionData {
			d, err := ParseTransactionData(text)
			if err != nil {
				return "", fmt.Errorf("signing presentation request: %w", err)
			}
			known = append(known, d.Type)
		}
		if _, err := transactions(r.TransactionData, known, queries); err != nil {
			return "", fmt.Errorf("signing presentation request: %w", err)
		}
	}
	payload, err := json.Marshal(requestJSON{
		r.ClientID, Audience, responseType, r.ResponseMode, r.ResponseURI, r.Nonce, r.State, r.Query, r.Metadata,
		r.TransactionData, r.VerifierInfo, r.WalletNonce, seconds(r.IssuedAt), seconds(r.ExpiresAt),
	})
	if err != nil {
		return "", fmt.Errorf("signing presentation request: %w", err)
	}
	token, err := jose.Sign(s, h, payload)
	if err != nil {
		return "", fmt.Errorf("signing presentation request: %w", err)
	}
	if len(token) > MaxRequest {
		return "", fmt.Errorf("signing presentation request: %w", errTooLong)
	}
	return token, nil
}

// verify checks the shape of the request, which does not depend on who signed it, and returns its credential queries.
func (r *Request) verify() ([]query, error) {
	if err := r.ClientID.Verify(); err != nil {
		return nil, err
	}
	if r.ResponseMode != DirectPost && r.ResponseMode != DirectPostJWT {
		return nil, errors.New("response_mode is neither direct_post nor direct_post.jwt")
	}
	if err := verifyEndpoint(r.ResponseURI); err != nil {
		return nil, fmt.Errorf("response_uri: %w", err)
	}
	if !urlSafe(r.Nonce, 512) {
		return nil, errors.New("nonce is missing, longer than 512 bytes or not URL safe")
	}
	if r.State != "" && !urlSafe(r.State, 1<<10) {
		return nil, errors.New("state is longer than 1024 bytes or not URL safe")
	}
	if r.ResponseMode == DirectPostJWT {
		if _, err := r.ResponseKey(); err != nil {
			return nil, err
		}
	}
	return parseQueries(r.Query)
}

// QueryIDs returns the ids of the request's credential queries, in order.
func (r *Request) QueryIDs() ([]string, error) {
	queries, err := parseQueries(r.Query)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, q := range queries {
		ids = append(ids, q.ID)
	}
	return ids, nil
}

// ResponseKey is the key to which a wallet encrypts its answer.
type ResponseKey struct {
	Key jose.Key
	ID  string          // its kid, which goes into the header
	Enc jose.Encryption // the first that the verifier names and we know
}

// ResponseKey returns the first usable key of the client metadata (Section 8.3): on P-256, with a kid, alg ECDH-ES, and
// use enc or none.
func (r *Request) ResponseKey() (ResponseKey, error) {
	if r.Metadata == nil {
		return ResponseKey{}, errors.New("client_metadata has no key to encrypt to")
	}
	enc := jose.A128GCM // Section 5.1: the default
	if len(r.Metadata.Enc) > 0 {
		i := slices.IndexFunc(r.Metadata.Enc, func(e jose.Encryption) bool { return e == jose.A128GCM || e == jose.A256GCM })
		if i < 0 {
			return ResponseKey{}, errors.New("encrypted_response_enc_values_supported names none that is supported")
		}
		enc = r.Metadata.Enc[i]
	}
	for _, k := range r.Metadata.Keys.Keys {
		if k.Algorithm() == jose.ES256 && k.ID != "" && k.Alg == "ECDH-ES" && (k.Use == "" || k.Use == "enc") {
			return ResponseKey{k.Key, k.ID, enc}, nil
		}
	}
	return ResponseKey{}, errors.New("client_metadata has no key to encrypt to")
}

// matchDID checks that kid is a key of the DID in the client id, and returns it.
func matchDID(r *Request, kid string) (did.URL, error) {
	prefix, rest := r.ClientID.Split()
	if prefix != DecentralizedIdentifier {
		return did.URL{}, errors.New("the client id is not that of a DID")
	}
	u, err := did.ParseURL(kid)
	if err != nil {
		return did.URL{}, fmt.Errorf("kid: %w", err)
	}
	switch {
	case string(u.DID) != rest:
		return did.URL{}, errors.New("kid is a key of another DID than the client id's")
	case u.Path != "" || u.Query != "" || u.Fragment == "":
		return did.URL{}, errors.New("kid does not name one key")
	}
	return u, nil
}
