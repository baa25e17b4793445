package oid4vci

import (
	"errors"
	"fmt"
	"slices"
)

// ServerMetadata is what an authorization server publishes about itself (RFC 8414, Section 2), as far as issuance needs.
type ServerMetadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint,omitempty"`
	TokenEndpoint         string   `json:"token_endpoint"`
	PAREndpoint           string   `json:"pushed_authorization_request_endpoint,omitempty"` // RFC 9126
	RequirePAR            bool     `json:"require_pushed_authorization_requests,omitempty"`
	JWKSURI               string   `json:"jwks_uri,omitempty"`
	Scopes                []string `json:"scopes_supported,omitempty"`
	ResponseTypes         []string `json:"response_types_supported,omitempty"` // may be absent: OpenID4VCI 1.0, Section 12.2.4
	GrantTypes            []string `json:"grant_types_supported,omitempty"`
	AuthMethods           []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	CodeChallengeMethods  []string `json:"code_challenge_methods_supported,omitempty"` // RFC 7636
	DPoPAlgs              []string `json:"dpop_signing_alg_values_supported,omitempty"`
	AuthorizationDetails  []string `json:"authorization_details_types_supported,omitempty"` // RFC 9396
	IssParameter          bool     `json:"authorization_response_iss_parameter_supported,omitempty"`

	// AnonymousPreAuthorized: a token request with a pre-authorised code needs no client_id (OpenID4VCI 1.0, Section 12.3).
	AnonymousPreAuthorized bool `json:"pre-authorized_grant_anonymous_access_supported,omitempty"`
}

// ParseServerMetadata reads the metadata that was fetched for the given authorization server and verifies it. It refuses
// that of another server (RFC 8414, Section 3.3).
func ParseServerMetadata(b []byte, server string) (*ServerMetadata, error) {
	var m ServerMetadata
	if err := decode(b, MaxMetadata, &m); err != nil {
		return nil, fmt.Errorf("parsing server metadata: %w", err)
	}
	if m.Issuer != server {
		return nil, errors.New("parsing server metadata: it is another server's")
	}
	if err := m.Verify(); err != nil {
		return nil, fmt.Errorf("parsing server metadata: %w", err)
	}
	return &m, nil
}

// Verify checks that the identifier and every endpoint is an https URL and that there is a token endpoint.
func (m *ServerMetadata) Verify() error {
	if err := verifyURL(m.Issuer, false); err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	if err := verifyURL(m.TokenEndpoint, true); err != nil {
		return fmt.Errorf("token_endpoint: %w", err)
	}
	optional := []struct{ name, url string }{
		{"authorization_endpoint", m.AuthorizationEndpoint},
		{"pushed_authorization_request_endpoint", m.PAREndpoint},
		{"jwks_uri", m.JWKSURI},
	}
	for _, e := range optional {
		if e.url == "" {
			continue
		}
		if err := verifyURL(e.url, true); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return nil
}

// Grants reports whether the server offers a grant type. Where it lists none, RFC 8414, Section 2, says authorization_code
// and implicit.
func (m *ServerMetadata) Grants(grantType string) bool {
	if len(m.GrantTypes) == 0 {
		return grantType == GrantAuthorizationCode
	}
	return slices.Contains(m.GrantTypes, grantType)
}
