package oid4vp

import (
	"crypto/ecdh"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"kindpakket/credential/jose"
)

// VPToken is the vp_token of a response (OpenID4VP 1.0, Section 8.1): for each credential query that was met, its
// presentations. A presentation is a JSON string for dc+sd-jwt and an object in some other formats.
type VPToken map[string][]json.RawMessage

// TextToken returns a token with one presentation that is text, for one credential query.
func TextToken(queryID, presentation string) VPToken {
	b, err := json.Marshal(presentation)
	if err != nil {
		panic("oid4vp: " + err.Error()) // cannot happen: every string can be written
	}
	return VPToken{queryID: {b}}
}

// Text returns the one presentation for a credential query, which is text.
func (v VPToken) Text(queryID string) (string, error) {
	var s *string
	if len(v[queryID]) != 1 || json.Unmarshal(v[queryID][0], &s) != nil || s == nil || *s == "" {
		return "", errors.New("no presentation that is text")
	}
	return *s, nil
}

type responseJSON struct {
	Token            VPToken `json:"vp_token,omitempty"`
	State            string  `json:"state,omitempty"`
	Error            string  `json:"error,omitempty"`
	ErrorDescription string  `json:"error_description,omitempty"`
}

// Form returns what a wallet posts to the response URI to answer r with token: encrypted to the request's key if the
// request wants direct_post.jwt.
func (r *Request) Form(token VPToken) (url.Values, error) {
	if len(token) == 0 {
		return nil, errors.New("writing presentation response: no presentation")
	}
	if r.ResponseMode != DirectPostJWT {
		b, err := json.Marshal(token)
		if err != nil {
			return nil, fmt.Errorf("writing presentation response: %w", err)
		}
		q := url.Values{"vp_token": {string(b)}}
		if r.State != "" {
			q.Set("state", r.State)
		}
		return q, nil
	}
	to, err := r.ResponseKey()
	if err != nil {
		return nil, fmt.Errorf("writing presentation response: %w", err)
	}
	payload, err := json.Marshal(responseJSON{Token: token, State: r.State})
	if err != nil {
		return nil, fmt.Errorf("writing presentation response: %w", err)
	}
	jwe, err := jose.Encrypt(payload, to.Key, jose.EncryptHeader{Enc: to.Enc, KeyID: to.ID})
	if err != nil {
		return nil, fmt.Errorf("writing presentation response: %w", err)
	}
	return url.Values{"response": {jwe}}, nil
}

// Refuse returns what a wallet posts to the response URI to refuse r (Section 8.5). It is not encrypted, which Section
// 8.3.1 allows, and tells no more than the code and its description.
func (r *Request) Refuse(e *Error) url.Values {
	q := url.Values{"error": {describable(string(e.Code))}}
	if e.Description != "" {
		q.Set("error_description", describable(e.Description))
	}
	if r.State != "" {
		q.Set("state", r.State)
	}
	return q
}

// Expected is what a verifier knows about the response that it waits for.
type Expected struct {
	ResponseMode ResponseMode
	State        string   // that of the request; "" is none
	QueryIDs     []string // of the request's credential queries

	// StateOptional accepts a response without state. Some wallets drop it; that does no harm where the response URI
	// itself tells the request, and the nonce binds the presentation.
	StateOptional bool

	// Key returns the private key for this request with the given kid, or an error. Only for DirectPostJWT.
	Key func(kid string) (*ecdh.PrivateKey, error)
}

// Response is what a wallet answered: presentations, or a refusal.
type Response struct {
	Token   VPToken // nil if Refusal is not
	Refusal *Error  // its texts come from outside
}

// Why a response is not accepted.
var (
	ErrState       = errors.New("state is not that of the request")
	ErrUnencrypted = errors.New("the response is not encrypted")
	ErrKey         = errors.New("the response is encrypted to another key")
)

// Parse reads a POST to the response URI, application/x-www-form-urlencoded. It refuses a response that is not encrypted
// where it should be ([ErrUnencrypted]), one to another key ([ErrKey], [jose.ErrDecrypt]), another state ([ErrState]), an
// answer to a query that was not asked, and any number of presentations but one for each. The presentations themselves are
// not verified yet, and neither is who sent them.
func (e Expected) Parse(body []byte) (*Response, error) {
	r, err := e.parse(body)
	if err != nil {
		return nil, fmt.Errorf("parsing presentation response: %w", err)
	}
	return r, nil
}

func (e Expected) parse(body []byte) (*Response, error) {
	if len(body) > MaxResponse {
		return nil, errTooLong
	}
	q, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the body is not a form")
	}
	for _, name := range []string{"vp_token", "state", "error", "error_description", "response"} {
		if len(q[name]) > 1 {
			return nil, errors.New("a parameter comes twice")
		}
	}
	// A refusal may come unencrypted in either mode (Section 8.3.1).
	if q.Has("error") {
		if q.Has("vp_token") || q.Has("response") {
			return nil, errors.New("both an error and a presentation")
		}
		return e.accept(responseJSON{Error: q.Get("error"), ErrorDescription: q.Get("error_description"), State: q.Get("state")})
	}
	if e.ResponseMode == DirectPostJWT {
		if !q.Has("response") {
			return nil, ErrUnencrypted
		}
		if q.Has("vp_token") {
			return nil, errors.New("both vp_token and response")
		}
		return e.decrypt(q.Get("response"))
	}
	if !q.Has("vp_token") {
		return nil, errors.New("no vp_token")
	}
	var token VPToken
	if err := decode([]byte(q.Get("vp_token")), MaxResponse, &token); err != nil {
		return nil, fmt.Errorf("vp_token: %w", err)
	}
	return e.accept(responseJSON{Token: token, State: q.Get("state")})
}

func (e Expected) decrypt(jwe string) (*Response, error) {
	kid, err := jose.DecryptHeader(jwe)
	if err != nil {
		return nil, err
	}
	key, err := e.Key(kid)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	payload, err := jose.Decrypt(jwe, key)
	if err != nil {
		return nil, err
	}
	m, err := jose.ParseObject(payload)
	if err != nil {
		return nil, err
	}
	var j responseJSON
	err = members(m, map[string]any{
		"vp_token": &j.Token, "state": &j.State, "error": &j.Error, "error_description": &j.ErrorDescription,
	})
	if err != nil {
		return nil, err
	}
	if j.Error != "" && j.Token != nil {
		return nil, errors.New("both an error and a presentation")
	}
	return e.accept(j)
}

func (e Expected) accept(j responseJSON) (*Response, error) {
	missing := j.State == "" && e.StateOptional
	if !missing && subtle.ConstantTimeCompare([]byte(j.State), []byte(e.State)) != 1 {
		return nil, ErrState
	}
	if j.Error != "" {
		return &Response{Refusal: &Error{Code: Code(describable(j.Error)), Description: describable(j.ErrorDescription)}}, nil
	}
	if len(j.Token) == 0 {
		return nil, errors.New("vp_token is missing or empty")
	}
	for id, list := range j.Token {
		if !slices.Contains(e.QueryIDs, id) {
			return nil, errors.New("vp_token answers a query that was not asked")
		}
		// Section 8.1: without `multiple`, which we never ask for, exactly one.
		if len(list) != 1 || !presentation(list[0]) {
			return nil, errors.New("vp_token has not exactly one presentation for a query")
		}
	}
	return &Response{Token: j.Token}, nil
}

// presentation reports whether raw is a string or an object, and not an empty one.
func presentation(raw json.RawMessage) bool {
	return len(raw) > 2 && (raw[0] == '"' || raw[0] == '{')
}

// ResponseAnswer is what the response URI answers, with HTTP status 200 exactly (Section 8.2).
type ResponseAnswer struct {
	RedirectURI string          `json:"redirect_uri,omitempty"` // where the wallet sends the person's browser
	Kindpakket  json.RawMessage `json:"kindpakket,omitempty"`   // our own: {state, reason, receipt, …}, as it stood
}

// ParseResponseAnswer reads what a response URI answered. Other members are ignored. A redirect URI that is not an https
// URL is refused: it will be opened in a browser.
func ParseResponseAnswer(b []byte) (*ResponseAnswer, error) {
	var a ResponseAnswer
	if err := decode(b, MaxAnswer, &a); err != nil {
		return nil, fmt.Errorf("parsing response answer: %w", err)
	}
	if a.RedirectURI != "" {
		if err := verifyURL(a.RedirectURI); err != nil {
			return nil, fmt.Errorf("parsing response answer: redirect_uri: %w", err)
		}
	}
	return &a, nil
}
