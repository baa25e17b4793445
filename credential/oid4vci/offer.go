package oid4vci

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"unicode/utf8"
)

// The grant types that an offer can name.
const (
	GrantPreAuthorizedCode = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
	GrantAuthorizationCode = "authorization_code"
	GrantRefreshToken      = "refresh_token" // only in token requests
)

// Offer tells a wallet what it can have and where (OpenID4VCI 1.0, Section 4.1.1). Anybody can make one: it proves
// nothing about the issuer that it names.
type Offer struct {
	Issuer         string   `json:"credential_issuer"`
	Configurations []string `json:"credential_configuration_ids"`
	Grants         Grants   `json:"grants,omitzero"` // may be empty: look into the server's metadata
}

// Grants are the ways in which the issuer is ready to give the credential.
type Grants struct {
	AuthorizationCode *AuthorizationCodeGrant `json:"authorization_code,omitempty"`
	PreAuthorized     *PreAuthorizedGrant     `json:"urn:ietf:params:oauth:grant-type:pre-authorized_code,omitempty"`
}

// AuthorizationCodeGrant: the person logs in at the authorization server.
type AuthorizationCodeGrant struct {
	IssuerState         string `json:"issuer_state,omitempty"`
	AuthorizationServer string `json:"authorization_server,omitempty"`
}

// PreAuthorizedGrant: the issuer already knows the person, by the code.
type PreAuthorizedGrant struct {
	Code                Secret
	TxCode              *TxCode // nil: no transaction code is asked for. An empty one is asked for
	AuthorizationServer string
}

// TxCode describes the transaction code that the person has received by another road.
type TxCode struct {
	InputMode   string `json:"input_mode,omitempty"`  // "numeric" (the default) or "text"
	Length      int    `json:"length,omitempty"`      // 0: not said
	Description string `json:"description,omitempty"` // at most 300 characters
}

type preAuthorizedJSON struct {
	Code                string  `json:"pre-authorized_code"`
	TxCode              *TxCode `json:"tx_code,omitempty"`
	AuthorizationServer string  `json:"authorization_server,omitempty"`
}

// MarshalJSON writes the grant as it travels, with its code.
func (g PreAuthorizedGrant) MarshalJSON() ([]byte, error) {
	return json.Marshal(preAuthorizedJSON{string(g.Code), g.TxCode, g.AuthorizationServer})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (g *PreAuthorizedGrant) UnmarshalJSON(b []byte) error {
	var j preAuthorizedJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*g = PreAuthorizedGrant{Secret(j.Code), j.TxCode, j.AuthorizationServer}
	return nil
}

// LogValue returns "[redacted]": the grant holds a code.
func (g PreAuthorizedGrant) LogValue() slog.Value { return slog.StringValue(redacted) }

// LogValue returns the issuer only: the offer holds a code.
func (o Offer) LogValue() slog.Value { return slog.GroupValue(slog.String("issuer", o.Issuer)) }

// The schemes under which wallets can be called (OpenID4VCI 1.0, Section 12.1.1, and HAIP 1.0, Section 4.2).
const (
	OfferScheme     = "openid-credential-offer"
	OfferSchemeHAIP = "haip-vci"
)

// URI returns the offer by value, as a URI that opens a wallet. It holds the code: whoever sees it can use it.
func (o *Offer) URI() (string, error) {
	if err := o.Verify(); err != nil {
		return "", fmt.Errorf("writing credential offer: %w", err)
	}
	b, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("writing credential offer: %w", err)
	}
	return OfferScheme + "://?credential_offer=" + url.QueryEscape(string(b)), nil
}

// OfferReferenceURI returns a URI that opens a wallet and tells it to fetch the offer at ref, an https URL. It is short
// enough for a QR code.
func OfferReferenceURI(ref string) (string, error) {
	if err := verifyURL(ref, true); err != nil {
		return "", fmt.Errorf("writing credential offer: credential_offer_uri: %w", err)
	}
	return OfferScheme + "://?credential_offer_uri=" + url.QueryEscape(ref), nil
}

// ParseOfferURI reads a URI that opened the wallet: scheme openid-credential-offer, haip-vci or, where the wallet claims
// web addresses, https. Exactly one of the results is set: the offer, or the https URL to fetch it from and give to
// [ParseOffer].
func ParseOfferURI(uri string) (offer *Offer, ref string, err error) {
	// Every byte of the offer may take three in the URI.
	if len(uri) > 3*MaxOffer+maxURL {
		return nil, "", fmt.Errorf("parsing credential offer: %w", errTooLong)
	}
	u, err := url.Parse(uri)
	if err != nil {
		return nil, "", errors.New("parsing credential offer: not a URI")
	}
	if u.Scheme != OfferScheme && u.Scheme != OfferSchemeHAIP && u.Scheme != "https" {
		return nil, "", errors.New("parsing credential offer: not a credential offer's scheme")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, "", errors.New("parsing credential offer: not a query")
	}
	value, byValue := q["credential_offer"]
	refs, byRef := q["credential_offer_uri"]
	switch {
	case byValue == byRef:
		// Section 4.1: each MUST NOT be present when the other is.
		return nil, "", errors.New("parsing credential offer: not exactly one of credential_offer and credential_offer_uri")
	case len(value) > 1 || len(refs) > 1:
		return nil, "", errors.New("parsing credential offer: a parameter comes twice")
	case byRef:
		if err := verifyURL(refs[0], true); err != nil {
			return nil, "", fmt.Errorf("parsing credential offer: credential_offer_uri: %w", err)
		}
		return nil, refs[0], nil
	}
	offer, err = ParseOffer([]byte(value[0]))
	return offer, "", err
}

// ParseOffer reads a credential offer object and verifies it; see [Offer.Verify].
func ParseOffer(b []byte) (*Offer, error) {
	var o Offer
	if err := decode(b, MaxOffer, &o); err != nil {
		return nil, fmt.Errorf("parsing credential offer: %w", err)
	}
	if err := o.Verify(); err != nil {
		return nil, fmt.Errorf("parsing credential offer: %w", err)
	}
	return &o, nil
}

// Verify checks the shape of the offer: an issuer identifier, at least one configuration and none twice, a code in a
// pre-authorised grant, a tx_code that a wallet can show.
func (o *Offer) Verify() error {
	if err := verifyURL(o.Issuer, false); err != nil {
		return fmt.Errorf("credential_issuer: %w", err)
	}
	if len(o.Configurations) == 0 || twice(o.Configurations) {
		return errors.New("credential_configuration_ids is empty or names one twice")
	}
	for _, id := range o.Configurations {
		if id == "" {
			return errors.New("credential_configuration_ids has an empty id")
		}
	}
	g := o.Grants.PreAuthorized
	if g == nil {
		return nil
	}
	if g.Code == "" {
		return errors.New("the pre-authorised grant has no code")
	}
	if t := g.TxCode; t != nil {
		switch {
		case t.InputMode != "" && t.InputMode != "numeric" && t.InputMode != "text":
			return errors.New("tx_code: input_mode is neither numeric nor text")
		case t.Length < 0 || t.Length > 128:
			return errors.New("tx_code: length is not 0 to 128")
		case utf8.RuneCountInString(t.Description) > 300:
			return errors.New("tx_code: description is longer than 300 characters")
		}
	}
	return nil
}
