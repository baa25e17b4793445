package oid4vci

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Where metadata is found, between host and path of an identifier.
const (
	WellKnownIssuer = "/.well-known/openid-credential-issuer"   // OpenID4VCI 1.0, Section 12.2.2
	WellKnownServer = "/.well-known/oauth-authorization-server" // RFC 8414, Section 3
)

// FormatSDJWT is the credential format identifier of an SD-JWT VC (OpenID4VCI 1.0, Appendix A.3).
const FormatSDJWT = "dc+sd-jwt"

// MaxConfigurations is how many credential configurations an issuer may list.
const MaxConfigurations = 1000

// IssuerMetadataURL returns where the metadata of a credential issuer is: the well-known path stands between the host and
// the path of the identifier (Section 12.2.2). It returns an error for what is no issuer identifier.
func IssuerMetadataURL(issuer string) (string, error) {
	u, err := identifier(issuer)
	if err != nil {
		return "", fmt.Errorf("credential issuer identifier: %w", err)
	}
	path := u.EscapedPath()
	if path == "/" {
		path = ""
	}
	return u.Scheme + "://" + u.Host + WellKnownIssuer + path, nil
}

// ServerMetadataURL is [IssuerMetadataURL] for the identifier of an authorization server; a slash at its end is left out
// (RFC 8414, Section 3.1).
func ServerMetadataURL(server string) (string, error) {
	u, err := identifier(server)
	if err != nil {
		return "", fmt.Errorf("authorization server identifier: %w", err)
	}
	return u.Scheme + "://" + u.Host + WellKnownServer + strings.TrimSuffix(u.EscapedPath(), "/"), nil
}

func identifier(raw string) (*url.URL, error) {
	if err := verifyURL(raw, false); err != nil {
		return nil, err
	}
	return url.Parse(raw)
}

// IssuerMetadata is what a credential issuer publishes about itself (Section 12.2.4).
type IssuerMetadata struct {
	Issuer                     string                   `json:"credential_issuer"`
	AuthorizationServers       []string                 `json:"authorization_servers,omitempty"` // empty: the issuer itself
	CredentialEndpoint         string                   `json:"credential_endpoint"`
	NonceEndpoint              string                   `json:"nonce_endpoint,omitempty"` // absent: no nonce is needed
	DeferredCredentialEndpoint string                   `json:"deferred_credential_endpoint,omitempty"`
	NotificationEndpoint       string                   `json:"notification_endpoint,omitempty"`
	RequestEncryption          *RequestEncryption       `json:"credential_request_encryption,omitempty"`
	ResponseEncryption         *ResponseEncryption      `json:"credential_response_encryption,omitempty"`
	Batch                      *Batch                   `json:"batch_credential_issuance,omitempty"`
	Display                    []IssuerDisplay          `json:"display,omitempty"`
	Configurations             map[string]Configuration `json:"credential_configurations_supported"`
	Kindpakket                 json.RawMessage          `json:"kindpakket,omitempty"` // our own; no standard wallet reads it
}

// RequestEncryption says how credential requests may be encrypted.
type RequestEncryption struct {
	JWKS     json.RawMessage `json:"jwks"` // a JWK Set: see jose.ParseKeySet
	Enc      []string        `json:"enc_values_supported"`
	Zip      []string        `json:"zip_values_supported,omitempty"`
	Required bool            `json:"encryption_required"`
}

// ResponseEncryption says how credential responses may be encrypted.
type ResponseEncryption struct {
	Alg      []string `json:"alg_values_supported"`
	Enc      []string `json:"enc_values_supported"`
	Zip      []string `json:"zip_values_supported,omitempty"`
	Required bool     `json:"encryption_required"`
}

// Batch says that several copies are issued at once.
type Batch struct {
	Size int `json:"batch_size"` // most proofs in one request; 2 or more
}

// IssuerDisplay is what the issuer is called in one language.
type IssuerDisplay struct {
	Name   string `json:"name,omitempty"`
	Locale string `json:"locale,omitempty"` // BCP 47
	Logo   *Image `json:"logo,omitempty"`
}

// Image is an image at an address: https or data.
type Image struct {
	URI     string `json:"uri"`
	AltText string `json:"alt_text,omitempty"`
}

// Configuration describes one kind of credential that the issuer issues. All fields but Format are those of dc+sd-jwt; a
// configuration of another format is kept as it stood, in Raw.
type Configuration struct {
	Format         string               `json:"format"`
	Scope          string               `json:"scope,omitempty"`
	VCT            string               `json:"vct,omitempty"`
	SigningAlgs    []string             `json:"credential_signing_alg_values_supported,omitempty"`
	BindingMethods []string             `json:"cryptographic_binding_methods_supported,omitempty"` // "jwk", "did:jwk", "did:key"
	ProofTypes     map[string]ProofType `json:"proof_types_supported,omitempty"`
	Metadata       *CredentialMetadata  `json:"credential_metadata,omitempty"`

	Raw json.RawMessage `json:"-"` // the whole object, if Format is not dc+sd-jwt
}

// ProofType says how a wallet proves that it holds a key.
type ProofType struct {
	Algs           []string        `json:"proof_signing_alg_values_supported"`
	KeyAttestation *KeyAttestation `json:"key_attestations_required,omitempty"` // nil: none is required
}

// KeyAttestation is what the issuer wants to be attested about the wallet's keys (Appendix D.2). Both lists may be empty.
type KeyAttestation struct {
	KeyStorage         []string `json:"key_storage,omitempty"`
	UserAuthentication []string `json:"user_authentication,omitempty"`
}

// CredentialMetadata says how a credential and its claims are shown to people.
type CredentialMetadata struct {
	Display []CredentialDisplay `json:"display,omitempty"`
	Claims  []ClaimDescription  `json:"claims,omitempty"` // in the order in which they are shown
}

// CredentialDisplay is how a credential looks in one language.
type CredentialDisplay struct {
	Name            string `json:"name"`
	Locale          string `json:"locale,omitempty"`
	Logo            *Image `json:"logo,omitempty"`
	Description     string `json:"description,omitempty"`
	BackgroundColor string `json:"background_color,omitempty"`
	BackgroundImage *Image `json:"background_image,omitempty"`
	TextColor       string `json:"text_color,omitempty"`
}

// ClaimDescription is what a claim is called (Appendix B.2).
type ClaimDescription struct {
	Path      []any          `json:"path"` // each a string, nil for all elements of an array, or a float64 index
	Mandatory bool           `json:"mandatory,omitempty"`
	Display   []ClaimDisplay `json:"display,omitempty"`
}

// ClaimDisplay is what a claim is called in one language.
type ClaimDisplay struct {
	Name   string `json:"name,omitempty"`
	Locale string `json:"locale,omitempty"`
}

// UnmarshalJSON reads a configuration; one of a format that we do not know is kept in Raw, so that an issuer of many
// formats can be used for the one that we know.
func (c *Configuration) UnmarshalJSON(b []byte) error {
	var f struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	if f.Format != FormatSDJWT {
		*c = Configuration{Format: f.Format, Raw: slices.Clone(b)}
		return nil
	}
	type plain Configuration
	var p plain
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*c = Configuration(p)
	return nil
}

// MarshalJSON writes Raw where it is set.
func (c Configuration) MarshalJSON() ([]byte, error) {
	if c.Raw != nil {
		return c.Raw, nil
	}
	type plain Configuration
	return json.Marshal(plain(c))
}

// ParseIssuerMetadata reads the metadata that was fetched for the given issuer identifier and verifies it; see
// [IssuerMetadata.Verify]. It refuses metadata of another issuer, compared byte by byte (Section 12.2.4). A configuration
// is verified when it is used: [IssuerMetadata.Configuration].
func ParseIssuerMetadata(b []byte, issuer string) (*IssuerMetadata, error) {
	var m IssuerMetadata
	if err := decode(b, MaxMetadata, &m); err != nil {
		return nil, fmt.Errorf("parsing issuer metadata: %w", err)
	}
	if m.Issuer != issuer {
		return nil, errors.New("parsing issuer metadata: it is another issuer's")
	}
	if err := m.Verify(); err != nil {
		return nil, fmt.Errorf("parsing issuer metadata: %w", err)
	}
	return &m, nil
}

// Verify checks the metadata as a whole: identifiers and endpoints are https URLs, there is a configuration, a batch is of
// two or more, one display a language.
func (m *IssuerMetadata) Verify() error {
	if err := verifyURL(m.Issuer, false); err != nil {
		return fmt.Errorf("credential_issuer: %w", err)
	}
	if err := verifyURL(m.CredentialEndpoint, true); err != nil {
		return fmt.Errorf("credential_endpoint: %w", err)
	}
	optional := []struct{ name, url string }{
		{"nonce_endpoint", m.NonceEndpoint},
		{"deferred_credential_endpoint", m.DeferredCredentialEndpoint},
		{"notification_endpoint", m.NotificationEndpoint},
	}
	for _, e := range optional {
		if e.url == "" {
			continue
		}
		if err := verifyURL(e.url, true); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	for _, s := range m.AuthorizationServers {
		if err := verifyURL(s, false); err != nil {
			return fmt.Errorf("authorization_servers: %w", err)
		}
	}
	if m.Batch != nil && m.Batch.Size < 2 {
		return errors.New("batch_size is below 2")
	}
	if n := len(m.Configurations); n == 0 || n > MaxConfigurations {
		return fmt.Errorf("not 1 to %d credential configurations", MaxConfigurations)
	}
	var locales []string
	for _, d := range m.Display {
		locales = append(locales, d.Locale)
	}
	if twice(locales) {
		return errors.New("two displays for one locale")
	}
	return nil
}

// Configuration returns the configuration with this id, verified; see [Configuration.Verify].
func (m *IssuerMetadata) Configuration(id string) (Configuration, error) {
	c, ok := m.Configurations[id]
	if !ok {
		return Configuration{}, &Error{Code: UnknownCredentialConfiguration}
	}
	if err := c.Verify(); err != nil {
		return Configuration{}, fmt.Errorf("credential configuration: %w", err)
	}
	return c, nil
}

// BatchSize returns the most proofs that one credential request may have: 1 where the issuer names no batch.
func (m *IssuerMetadata) BatchSize() int {
	if m.Batch == nil {
		return 1
	}
	return min(m.Batch.Size, MaxProofs)
}

// AuthorizationServer returns the authorization server to use. hint is the authorization_server of the offer's grant, or
// "". It is an error if the hint is none of several servers, or if there are several and no hint.
func (m *IssuerMetadata) AuthorizationServer(hint string) (string, error) {
	switch {
	case hint != "" && slices.Contains(m.AuthorizationServers, hint):
		return hint, nil
	case hint != "":
		// Section 12.2.4: the wallet MUST NOT proceed.
		return "", errors.New("the offer names an authorization server that is not the issuer's")
	case len(m.AuthorizationServers) == 0:
		return m.Issuer, nil
	case len(m.AuthorizationServers) == 1:
		return m.AuthorizationServers[0], nil
	}
	return "", errors.New("the issuer has several authorization servers and the offer names none")
}

// ErrFormat is returned by [Configuration.Verify] for a credential format other than dc+sd-jwt.
var ErrFormat = errors.New("credential format is not supported")

// Verify checks a configuration of format dc+sd-jwt: a type, binding methods if and only if proof types, algorithms for
// each of these, one display a language, claims that are described once. It returns [ErrFormat] for another format.
func (c Configuration) Verify() error {
	if c.Format != FormatSDJWT {
		return ErrFormat
	}
	if c.VCT == "" {
		return errors.New("no vct")
	}
	if (len(c.BindingMethods) > 0) != (len(c.ProofTypes) > 0) {
		return errors.New("cryptographic binding methods without proof types, or the other way around")
	}
	for _, name := range slices.Sorted(maps.Keys(c.ProofTypes)) {
		if len(c.ProofTypes[name].Algs) == 0 {
			return fmt.Errorf("proof type %q has no algorithms", name)
		}
	}
	if c.Metadata == nil {
		return nil
	}
	var locales []string
	for _, d := range c.Metadata.Display {
		if d.Name == "" {
			return errors.New("a display has no name")
		}
		locales = append(locales, d.Locale)
	}
	if twice(locales) {
		return errors.New("two displays for one locale")
	}
	return verifyClaims(c.Metadata.Claims)
}

// verifyClaims applies Appendix B.3: repeated or contradictory descriptions abort the processing.
func verifyClaims(claims []ClaimDescription) error {
	seen := map[string]bool{}
	for _, c := range claims {
		if len(c.Path) == 0 {
			return errors.New("a claim has an empty path")
		}
		for _, e := range c.Path {
			if !pathElement(e) {
				return errors.New("a claim path has an element that is neither a string, null nor an index")
			}
		}
		key, err := json.Marshal(c.Path)
		if err != nil {
			return errors.New("a claim path cannot be written")
		}
		if seen[string(key)] {
			return errors.New("a claim is described twice")
		}
		seen[string(key)] = true
		var locales []string
		for _, d := range c.Display {
			locales = append(locales, d.Locale)
		}
		if twice(locales) {
			return errors.New("a claim has two displays for one locale")
		}
	}
	return nil
}

func pathElement(e any) bool {
	switch e := e.(type) {
	case nil, string:
		return true
	case float64:
		return e >= 0 && e < 1<<31 && e == float64(int64(e))
	}
	return false
}

func twice(list []string) bool {
	for i, s := range list {
		if slices.Contains(list[:i], s) {
			return true
		}
	}
	return false
}
