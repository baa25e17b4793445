package oid4vci

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Code is an error code of OAuth 2.0 or OpenID4VCI. It is an error itself, so that errors.Is(err, InvalidNonce) works.
type Code string

// Codes of the token endpoint: RFC 6749, Section 5.2, with what OpenID4VCI 1.0, Section 6.3, adds to their meaning.
const (
	// InvalidRequest: a parameter is missing, malformed or repeated; also a tx_code where none is expected, or none where
	// one is.
	InvalidRequest Code = "invalid_request"
	// InvalidGrant: the code is unknown, used or expired, or the tx_code is wrong. The standard has one code for all, and
	// an issuer answers all alike, so that nobody can test which codes exist.
	InvalidGrant         Code = "invalid_grant"
	InvalidClient        Code = "invalid_client"
	UnauthorizedClient   Code = "unauthorized_client"
	UnsupportedGrantType Code = "unsupported_grant_type"
	InvalidScope         Code = "invalid_scope"
)

// Codes of a protected resource: RFC 6750, Section 3.1, and RFC 9449, Sections 5, 7.1 and 8.
const (
	InvalidToken      Code = "invalid_token"
	InsufficientScope Code = "insufficient_scope"
	InvalidDPoPProof  Code = "invalid_dpop_proof"
	UseDPoPNonce      Code = "use_dpop_nonce"
)

// Codes of the credential endpoint: OpenID4VCI 1.0, Section 8.3.1.2.
const (
	InvalidCredentialRequest       Code = "invalid_credential_request"
	UnknownCredentialConfiguration Code = "unknown_credential_configuration"
	UnknownCredentialIdentifier    Code = "unknown_credential_identifier"
	InvalidProof                   Code = "invalid_proof" // a proof is missing, wrong, or has no nonce
	InvalidNonce                   Code = "invalid_nonce" // a proof's nonce is unknown, used or old: fetch a new one
	InvalidEncryptionParameters    Code = "invalid_encryption_parameters"
	CredentialRequestDenied        Code = "credential_request_denied" // there is no use in asking again
	InvalidTransactionID           Code = "invalid_transaction_id"
	InvalidNotificationID          Code = "invalid_notification_id"
	InvalidNotificationRequest     Code = "invalid_notification_request"
)

// Error returns the code itself.
func (c Code) Error() string { return string(c) }

// Error is an OAuth error as it travels: a code, and a sentence for developers.
type Error struct {
	Code        Code
	Description string // optional; printable ASCII without quotation marks and backslashes
	Cause       error  // optional; never travels
}

// Error returns the code, the description and the cause.
func (e *Error) Error() string {
	s := string(e.Code)
	if e.Description != "" {
		s += ": " + e.Description
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the code and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.Cause}
}

// Status returns the HTTP status that the error is answered with: RFC 6749, Section 5.2, RFC 6750, Section 3.1, and
// otherwise 400.
func (e *Error) Status() int {
	switch e.Code {
	case InvalidClient, InvalidToken:
		return 401
	case InsufficientScope:
		return 403
	}
	return 400
}

type errorJSON struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// MarshalJSON writes {"error", "error_description"}. Characters that RFC 6749, Section 5.2, does not allow become spaces.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(errorJSON{Error: describable(string(e.Code)), Description: describable(e.Description)})
}

// maxDescription is how much of a foreign description is kept, in bytes.
const maxDescription = 512

// describable keeps the characters %x20-21 / %x23-5B / %x5D-7E.
func describable(s string) string {
	if len(s) > maxDescription {
		s = s[:maxDescription]
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return ' '
		}
		return r
	}, s)
}

// ParseError reads the error that an issuer or authorization server answered with. Its description comes from outside:
// it is shortened and cleaned of control characters, and should not be shown to people as if it were ours.
func ParseError(b []byte) (*Error, error) {
	var j errorJSON
	if err := decode(b, MaxAnswer, &j); err != nil {
		return nil, fmt.Errorf("parsing OAuth error: %w", err)
	}
	if j.Error == "" {
		return nil, fmt.Errorf("parsing OAuth error: no code")
	}
	return &Error{Code: Code(describable(j.Error)), Description: describable(j.Description)}, nil
}
