package oid4vp

import "strings"

// Code is an error code that a wallet answers with. It is an error itself, so that errors.Is(err, AccessDenied) works.
type Code string

// The codes of OpenID4VP 1.0, Section 8.5, and RFC 6749, Section 4.1.2.1.
const (
	InvalidRequest          Code = "invalid_request"
	InvalidClient           Code = "invalid_client"
	AccessDenied            Code = "access_denied" // no such credential, or the person said no: the two look alike
	InvalidScope            Code = "invalid_scope"
	UnsupportedResponseType Code = "unsupported_response_type"
	ServerError             Code = "server_error"
	VPFormatsNotSupported   Code = "vp_formats_not_supported"
	InvalidRequestURIMethod Code = "invalid_request_uri_method"
	InvalidTransactionData  Code = "invalid_transaction_data"
	WalletUnavailable       Code = "wallet_unavailable"
)

// Error returns the code itself.
func (c Code) Error() string { return string(c) }

// Error is a refusal as it travels from wallet to verifier: a code, and a sentence for developers.
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

func invalid(description string, cause error) *Error {
	return &Error{Code: InvalidRequest, Description: description, Cause: cause}
}

// maxDescription is how much of a foreign description is kept, in bytes.
const maxDescription = 512

// describable keeps the characters %x20-21 / %x23-5B / %x5D-7E (RFC 6749, Section 4.1.2.1).
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
