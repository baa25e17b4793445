package oid4vci

import (
	"encoding/json"
	"errors"
	"fmt"

	"kindpakket/credential/jose"
)

// MaxProofs is how many proofs one credential request may have, whatever batch size an issuer names: as many keys as the
// ledger lets an account have.
const MaxProofs = 64

// ProofJWT is the proof type of a JWT signed by the key itself (OpenID4VCI 1.0, Appendix F.1).
const ProofJWT = "jwt"

// CredentialRequest asks for one credential, in one copy for each proof (Section 8.2). Exactly one of ConfigurationID and
// Identifier is set.
type CredentialRequest struct {
	ConfigurationID    string                   `json:"credential_configuration_id,omitempty"`
	Identifier         string                   `json:"credential_identifier,omitempty"` // where the token response named some
	Proofs             *Proofs                  `json:"proofs,omitempty"`
	ResponseEncryption *ResponseEncryptionOrder `json:"credential_response_encryption,omitempty"`
	Kindpakket         json.RawMessage          `json:"kindpakket,omitempty"` // our own, as it stood
}

// Proofs are the proofs that the wallet holds the keys to which the copies are bound, all of one type.
type Proofs struct {
	Type string            // ProofJWT, or another, which we only carry
	JWT  []string          // the proofs of type ProofJWT
	Raw  []json.RawMessage // the proofs of another type, as they stood
}

// ResponseEncryptionOrder asks for an encrypted response.
type ResponseEncryptionOrder struct {
	JWK json.RawMessage `json:"jwk"`           // a public key: see jose.ParseKey
	Alg string          `json:"alg,omitempty"` // not in the final standard, where it is a member of the key; some wallets expect it
	Enc string          `json:"enc"`
	Zip string          `json:"zip,omitempty"`
}

// MarshalJSON writes the one member of the proof type.
func (p Proofs) MarshalJSON() ([]byte, error) {
	switch {
	case p.Type == ProofJWT && len(p.JWT) > 0:
		return json.Marshal(map[string][]string{p.Type: p.JWT})
	case p.Type != ProofJWT && p.Type != "" && len(p.Raw) > 0:
		return json.Marshal(map[string][]json.RawMessage{p.Type: p.Raw})
	}
	return nil, errors.New("writing proofs: no type or no proof")
}

// UnmarshalJSON reads an object with exactly one member, the proof type, which is an array of 1 to MaxProofs proofs.
func (p *Proofs) UnmarshalJSON(b []byte) error {
	m, err := jose.ParseObject(b)
	if err != nil {
		return err
	}
	if len(m) != 1 {
		return errors.New("proofs is not of exactly one type")
	}
	for name, raw := range m {
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil || len(list) == 0 || len(list) > MaxProofs {
			return fmt.Errorf("proofs is not an array of 1 to %d", MaxProofs)
		}
		if name == "" {
			return errors.New("proofs has a type without a name")
		}
		*p = Proofs{Type: name, Raw: list}
	}
	if p.Type != ProofJWT {
		return nil
	}
	for _, raw := range p.Raw {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil || s == "" {
			return errors.New("a jwt proof is not a string")
		}
		p.JWT = append(p.JWT, s)
	}
	p.Raw = nil
	return nil
}

// ParseCredentialRequest reads the body of a credential request, application/json. The error is an [Error] to answer with.
// Whether proofs are needed and right is for [ProofPolicy.Verify].
func ParseCredentialRequest(body []byte) (*CredentialRequest, error) {
	var shape struct {
		Proofs json.RawMessage `json:"proofs"`
		CredentialRequest
	}
	if err := decode(body, MaxRequest, &shape); err != nil {
		return nil, &Error{Code: InvalidCredentialRequest, Description: "the body is not a credential request", Cause: err}
	}
	r := shape.CredentialRequest
	if (r.ConfigurationID == "") == (r.Identifier == "") {
		return nil, &Error{
			Code:        InvalidCredentialRequest,
			Description: "not exactly one of credential_configuration_id and credential_identifier",
		}
	}
	if shape.Proofs != nil {
		r.Proofs = new(Proofs)
		if err := r.Proofs.UnmarshalJSON(shape.Proofs); err != nil {
			return nil, &Error{Code: InvalidProof, Description: "proofs is malformed", Cause: err}
		}
	}
	return &r, nil
}

// CredentialResponse is the answer of the credential endpoint (Section 8.3): credentials, or a transaction to ask about
// later.
type CredentialResponse struct {
	Credentials    []Issued        `json:"credentials,omitempty"`
	TransactionID  string          `json:"transaction_id,omitempty"`  // deferred
	Interval       int             `json:"interval,omitempty"`        // deferred: seconds to wait before asking
	NotificationID string          `json:"notification_id,omitempty"` // optional, with credentials only
	Kindpakket     json.RawMessage `json:"kindpakket,omitempty"`      // our own, as it stood
}

// Issued is one credential: a JSON string for dc+sd-jwt, an object in some other formats.
type Issued struct {
	Credential json.RawMessage `json:"credential"`
}

// IssuedText returns a credential that is text, such as an SD-JWT VC.
func IssuedText(s string) Issued {
	b, err := json.Marshal(s)
	if err != nil {
		panic("oid4vci: " + err.Error()) // cannot happen: every string can be written
	}
	return Issued{Credential: b}
}

// Text returns a credential that is text.
func (i Issued) Text() (string, error) {
	var s *string
	if err := json.Unmarshal(i.Credential, &s); err != nil || s == nil || *s == "" {
		return "", errors.New("the credential is not text")
	}
	return *s, nil
}

// ParseCredentialResponse reads the answer of a credential endpoint to a request with so many proofs. It refuses more
// credentials than proofs: each key is bound to at most one credential (Section 8.3); fewer are allowed.
func ParseCredentialResponse(b []byte, proofs int) (*CredentialResponse, error) {
	var r CredentialResponse
	if err := decode(b, MaxResponse, &r); err != nil {
		return nil, fmt.Errorf("parsing credential response: %w", err)
	}
	deferred := r.TransactionID != ""
	switch {
	case deferred == (len(r.Credentials) > 0):
		return nil, errors.New("parsing credential response: not exactly one of credentials and transaction_id")
	case deferred != (r.Interval > 0) || r.Interval < 0:
		return nil, errors.New("parsing credential response: interval does not go with transaction_id")
	case deferred && r.NotificationID != "":
		return nil, errors.New("parsing credential response: notification_id without credentials")
	case len(r.Credentials) > max(proofs, 1):
		return nil, errors.New("parsing credential response: more credentials than keys")
	}
	for _, c := range r.Credentials {
		if len(c.Credential) == 0 || string(c.Credential) == "null" {
			return nil, errors.New("parsing credential response: an entry has no credential")
		}
	}
	return &r, nil
}
