package oid4vp

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"kindpakket/credential/jose"
)

// WalletMetadata is what a wallet says about itself when it fetches a request by POST (OpenID4VP 1.0, Sections 5.10 and
// 10). Every member may be absent.
type WalletMetadata struct {
	VPFormats         map[string]json.RawMessage `json:"vp_formats_supported,omitempty"`
	ClientIDPrefixes  []string                   `json:"client_id_prefixes_supported,omitempty"`
	RequestObjectAlgs []string                   `json:"request_object_signing_alg_values_supported,omitempty"`
	EncryptionAlgs    []string                   `json:"authorization_encryption_alg_values_supported,omitempty"`
	EncryptionEncs    []string                   `json:"authorization_encryption_enc_values_supported,omitempty"`
	ResponseModes     []string                   `json:"response_modes_supported,omitempty"`
	JWKS              json.RawMessage            `json:"jwks,omitempty"` // keys to encrypt the request object to

	// TransactionDataTypes names the types of transaction data that the wallet understands. A parameter of our own: the
	// standard has no way to say it, and a wallet that does not know a type must refuse the whole request.
	TransactionDataTypes []string `json:"transaction_data_types_supported,omitempty"`
}

// walletParameters are the names of WalletMetadata's members.
var walletParameters = []string{
	"vp_formats_supported", "client_id_prefixes_supported", "request_object_signing_alg_values_supported",
	"authorization_encryption_alg_values_supported", "authorization_encryption_enc_values_supported",
	"response_modes_supported", "jwks", "transaction_data_types_supported",
}

// Understands reports whether the wallet says that it knows a type of transaction data.
func (m *WalletMetadata) Understands(transactionType string) bool {
	return m != nil && slices.Contains(m.TransactionDataTypes, transactionType)
}

// Reads reports whether the wallet can present a credential format. One that names no formats may know any.
func (m *WalletMetadata) Reads(format string) bool {
	if m == nil || len(m.VPFormats) == 0 {
		return true
	}
	_, ok := m.VPFormats[format]
	return ok
}

// RequestPost is what a wallet posts to the request URI. Nonce must come back in the request object.
type RequestPost struct {
	Metadata *WalletMetadata // nil: the wallet says nothing about itself
	Nonce    string          // wallet_nonce; "" is none
}

// Form returns the post as application/x-www-form-urlencoded values.
func (p RequestPost) Form() (url.Values, error) {
	q := url.Values{}
	if p.Metadata != nil {
		b, err := json.Marshal(p.Metadata)
		if err != nil {
			return nil, fmt.Errorf("writing request post: %w", err)
		}
		q.Set("wallet_metadata", string(b))
	}
	if p.Nonce != "" {
		q.Set("wallet_nonce", p.Nonce)
	}
	return q, nil
}

// ParseRequestPost reads the body of a POST to the request URI. Some wallets post the members of the metadata as form
// fields of their own, each holding JSON, instead of one wallet_metadata: these are read where wallet_metadata is absent.
// Other parameters are ignored (Section 5.10).
func ParseRequestPost(body []byte) (RequestPost, error) {
	if len(body) > MaxPost {
		return RequestPost{}, invalid("the request is too large", errTooLong)
	}
	q, err := url.ParseQuery(string(body))
	if err != nil {
		return RequestPost{}, invalid("the body is not a form", nil)
	}
	for _, name := range append([]string{"wallet_metadata", "wallet_nonce"}, walletParameters...) {
		if len(q[name]) > 1 {
			return RequestPost{}, invalid("a parameter comes twice: "+name, nil)
		}
	}
	p := RequestPost{Nonce: q.Get("wallet_nonce")}
	if len(p.Nonce) > 1<<10 {
		return RequestPost{}, invalid("wallet_nonce is too long", nil)
	}
	raw := []byte(q.Get("wallet_metadata"))
	if len(raw) == 0 {
		if raw, err = gather(q); err != nil {
			return RequestPost{}, err
		}
	}
	if raw == nil {
		return p, nil
	}
	p.Metadata = new(WalletMetadata)
	if err := decode(raw, MaxPost, p.Metadata); err != nil {
		return RequestPost{}, invalid("wallet_metadata is malformed", err)
	}
	return p, nil
}

// gather makes one object of metadata that came as loose form fields, nil if there are none.
func gather(q url.Values) ([]byte, error) {
	loose := map[string]json.RawMessage{}
	for _, name := range walletParameters {
		if v := q.Get(name); v != "" {
			if err := jose.CheckJSON([]byte(v)); err != nil {
				return nil, invalid("a metadata parameter is not JSON: "+name, err)
			}
			loose[name] = json.RawMessage(v)
		}
	}
	if len(loose) == 0 {
		return nil, nil
	}
	return json.Marshal(loose)
}
