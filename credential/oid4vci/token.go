package oid4vci

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// TokenRequest is a request to the token endpoint (OpenID4VCI 1.0, Section 6.1; RFC 6749, Sections 4.1.3 and 6).
type TokenRequest struct {
	GrantType            string
	PreAuthorizedCode    Secret                // grant type pre-authorized_code
	TxCode               Secret                // the transaction code that the person typed; "" where none was asked for
	Code                 Secret                // grant type authorization_code
	CodeVerifier         Secret                // RFC 7636
	RedirectURI          string                // grant type authorization_code
	RefreshToken         Secret                // grant type refresh_token
	ClientID             string                // optional where the server allows anonymous access
	Scope                string                // optional
	Resource             string                // optional; RFC 8707
	AuthorizationDetails []AuthorizationDetail // optional; RFC 9396
}

// AuthorizationDetail asks for, or grants, one credential configuration (Sections 5.1.1 and 6.2).
type AuthorizationDetail struct {
	Type                  string   `json:"type"` // openid_credential
	ConfigurationID       string   `json:"credential_configuration_id"`
	CredentialIdentifiers []string `json:"credential_identifiers,omitempty"` // in the response: never empty
	Locations             []string `json:"locations,omitempty"`
}

// DetailType is the type of the authorization details of this standard.
const DetailType = "openid_credential"

// ParseTokenRequest reads the body of a token request, application/x-www-form-urlencoded. Parameters that it does not know
// are ignored (Section 6.1), however often they come; one that it knows and that comes twice is refused (RFC 6749,
// Section 3.2), one without a value counts as absent. The error is an [Error] to answer with. Whether a tx_code is due is
// known to the issuer alone: see [TokenRequest.CheckTxCode].
func ParseTokenRequest(body []byte) (*TokenRequest, error) {
	if len(body) > MaxForm {
		return nil, &Error{Code: InvalidRequest, Description: "the request is too large", Cause: errTooLong}
	}
	q, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &Error{Code: InvalidRequest, Description: "the body is not a form"}
	}
	var r TokenRequest
	var details string
	for name, to := range map[string]*string{
		"grant_type": &r.GrantType, "pre-authorized_code": (*string)(&r.PreAuthorizedCode), "tx_code": (*string)(&r.TxCode),
		"code": (*string)(&r.Code), "code_verifier": (*string)(&r.CodeVerifier), "redirect_uri": &r.RedirectURI,
		"refresh_token": (*string)(&r.RefreshToken), "client_id": &r.ClientID, "scope": &r.Scope, "resource": &r.Resource,
		"authorization_details": &details,
	} {
		values := q[name]
		if len(values) > 1 {
			return nil, &Error{Code: InvalidRequest, Description: "a parameter comes twice: " + name}
		}
		if len(values) == 1 {
			*to = values[0]
		}
	}
	var needs Secret
	switch r.GrantType {
	case "":
		return nil, &Error{Code: InvalidRequest, Description: "grant_type is missing"}
	case GrantPreAuthorizedCode:
		needs = r.PreAuthorizedCode
	case GrantAuthorizationCode:
		needs = r.Code
	case GrantRefreshToken:
		needs = r.RefreshToken
	default:
		return nil, &Error{Code: UnsupportedGrantType}
	}
	if needs == "" {
		return nil, &Error{Code: InvalidRequest, Description: "the grant's code or token is missing"}
	}
	if r.TxCode != "" && r.GrantType != GrantPreAuthorizedCode {
		// Section 6.1: it MUST only be used with the pre-authorised code.
		return nil, &Error{Code: InvalidRequest, Description: "tx_code belongs to the pre-authorized code"}
	}
	if details != "" {
		if r.AuthorizationDetails, err = parseDetails(details); err != nil {
			return nil, &Error{Code: InvalidRequest, Description: "authorization_details is malformed", Cause: err}
		}
	}
	return &r, nil
}

func parseDetails(s string) ([]AuthorizationDetail, error) {
	var wrapped struct {
		List []AuthorizationDetail `json:"list"`
	}
	if err := decode([]byte(`{"list":`+s+`}`), MaxForm, &wrapped); err != nil {
		return nil, err
	}
	if err := verifyDetails(wrapped.List); err != nil {
		return nil, err
	}
	return wrapped.List, nil
}

func verifyDetails(list []AuthorizationDetail) error {
	if len(list) == 0 {
		return errors.New("no authorization details")
	}
	for _, d := range list {
		if d.Type == DetailType && d.ConfigurationID == "" {
			return errors.New("an authorization detail names no credential configuration")
		}
	}
	return nil
}

// CheckTxCode returns nil if the request has a transaction code exactly if one is due, and otherwise the InvalidRequest of
// Section 6.3. Whether it is the right one is compared by whoever keeps it, in constant time.
func (r *TokenRequest) CheckTxCode(due bool) error {
	switch {
	case due && r.TxCode == "":
		return &Error{Code: InvalidRequest, Description: "tx_code is missing"}
	case !due && r.TxCode != "":
		return &Error{Code: InvalidRequest, Description: "no tx_code is expected"}
	}
	return nil
}

// Form returns the request as a wallet posts it.
func (r *TokenRequest) Form() (url.Values, error) {
	q := url.Values{}
	for name, value := range map[string]string{
		"grant_type": r.GrantType, "pre-authorized_code": string(r.PreAuthorizedCode), "tx_code": string(r.TxCode),
		"code": string(r.Code), "code_verifier": string(r.CodeVerifier), "redirect_uri": r.RedirectURI,
		"refresh_token": string(r.RefreshToken), "client_id": r.ClientID, "scope": r.Scope, "resource": r.Resource,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(r.AuthorizationDetails) > 0 {
		b, err := json.Marshal(r.AuthorizationDetails)
		if err != nil {
			return nil, fmt.Errorf("writing token request: %w", err)
		}
		q.Set("authorization_details", string(b))
	}
	return q, nil
}

// The token types of RFC 6750 and RFC 9449.
const (
	TokenBearer = "Bearer"
	TokenDPoP   = "DPoP"
)

// TokenResponse is the answer of the token endpoint (Section 6.2).
type TokenResponse struct {
	AccessToken          Secret
	TokenType            string // TokenBearer or TokenDPoP
	ExpiresIn            int    // seconds; 0: not said
	RefreshToken         Secret // optional
	Scope                string // optional
	AuthorizationDetails []AuthorizationDetail
}

type tokenJSON struct {
	AccessToken          string                `json:"access_token"`
	TokenType            string                `json:"token_type"`
	ExpiresIn            int                   `json:"expires_in,omitempty"`
	RefreshToken         string                `json:"refresh_token,omitempty"`
	Scope                string                `json:"scope,omitempty"`
	AuthorizationDetails []AuthorizationDetail `json:"authorization_details,omitempty"`
}

// MarshalJSON writes the response as it travels, with its tokens.
func (r TokenResponse) MarshalJSON() ([]byte, error) {
	return json.Marshal(tokenJSON{
		string(r.AccessToken), r.TokenType, r.ExpiresIn, string(r.RefreshToken), r.Scope, r.AuthorizationDetails,
	})
}

// LogValue returns "[redacted]": the response holds tokens.
func (r TokenResponse) LogValue() slog.Value { return slog.StringValue(redacted) }

// ParseTokenResponse reads the answer of a token endpoint. The token type is compared without regard to case (RFC 6749,
// Section 7.1); one that is neither Bearer nor DPoP is refused.
func ParseTokenResponse(b []byte) (*TokenResponse, error) {
	var j tokenJSON
	if err := decode(b, MaxAnswer, &j); err != nil {
		return nil, fmt.Errorf("parsing token response: %w", err)
	}
	r := TokenResponse{
		Secret(j.AccessToken), "", j.ExpiresIn, Secret(j.RefreshToken), j.Scope, j.AuthorizationDetails,
	}
	for _, known := range []string{TokenBearer, TokenDPoP} {
		if strings.EqualFold(j.TokenType, known) {
			r.TokenType = known
		}
	}
	switch {
	case !tokenText(j.AccessToken):
		return nil, errors.New("parsing token response: access_token is missing, or cannot stand in a header")
	case r.TokenType == "":
		return nil, errors.New("parsing token response: token_type is neither Bearer nor DPoP")
	case r.ExpiresIn < 0:
		return nil, errors.New("parsing token response: expires_in is negative")
	}
	if len(r.AuthorizationDetails) > 0 {
		if err := verifyDetails(r.AuthorizationDetails); err != nil {
			return nil, fmt.Errorf("parsing token response: %w", err)
		}
	}
	return &r, nil
}

// tokenText reports whether s may stand behind "Bearer " in a header: %x21-7E (RFC 6749, Appendix A.12, without space).
func tokenText(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// NonceResponse is the answer of the nonce endpoint (Section 7.2). It must not be cached.
type NonceResponse struct {
	Nonce string `json:"c_nonce"`
}

// ParseNonceResponse reads the answer of a nonce endpoint.
func ParseNonceResponse(b []byte) (*NonceResponse, error) {
	var r NonceResponse
	if err := decode(b, MaxAnswer, &r); err != nil {
		return nil, fmt.Errorf("parsing nonce response: %w", err)
	}
	if r.Nonce == "" {
		return nil, errors.New("parsing nonce response: no c_nonce")
	}
	return &r, nil
}
