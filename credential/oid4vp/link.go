package oid4vp

import (
	"errors"
	"fmt"
	"net/url"
)

// The schemes under which wallets can be called (OpenID4VP 1.0, Section 13.1.2, and HAIP 1.0, Section 5.1).
const (
	Scheme     = "openid4vp"
	SchemeHAIP = "haip-vp"
)

// The values of request_uri_method.
const (
	MethodGet  = "get"
	MethodPost = "post"
)

// ErrUnsigned is returned for a request that is not a signed request object.
var ErrUnsigned = errors.New("the request is not signed")

// Link is what a QR code or link holds: who asks, and where the signed request is (Section 5; RFC 9101, Section 5).
type Link struct {
	ClientID   ClientID // must be that of the request object
	RequestURI string   // an https URL
	Method     string   // MethodGet, MethodPost or "", which means GET. A wallet may use GET in any case
}

// URI returns the link for a QR code: openid4vp://?client_id=…&request_uri=…
func (l Link) URI() (string, error) {
	if err := l.verify(); err != nil {
		return "", fmt.Errorf("writing presentation link: %w", err)
	}
	q := url.Values{"client_id": {string(l.ClientID)}, "request_uri": {l.RequestURI}}
	if l.Method != "" {
		q.Set("request_uri_method", l.Method)
	}
	return Scheme + "://?" + q.Encode(), nil
}

func (l Link) verify() error {
	if err := l.ClientID.Verify(); err != nil {
		return err
	}
	if err := verifyEndpoint(l.RequestURI); err != nil {
		return fmt.Errorf("request_uri: %w", err)
	}
	if l.Method != "" && l.Method != MethodGet && l.Method != MethodPost {
		return &Error{Code: InvalidRequestURIMethod}
	}
	return nil
}

// ParseLink reads a URI that opened the wallet: scheme openid4vp, haip-vp or, where the wallet claims web addresses,
// https. All parameters but the three of [Link] are ignored: a wallet goes by the request object alone (Section 5.10.1).
// It returns [ErrUnsigned] for a request whose parameters stand in the URI itself.
func ParseLink(uri string) (Link, error) {
	if len(uri) > MaxLink {
		return Link{}, fmt.Errorf("parsing presentation link: %w", errTooLong)
	}
	u, err := url.Parse(uri)
	if err != nil {
		return Link{}, errors.New("parsing presentation link: not a URI")
	}
	if u.Scheme != Scheme && u.Scheme != SchemeHAIP && u.Scheme != "https" {
		return Link{}, errors.New("parsing presentation link: not a presentation's scheme")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Link{}, errors.New("parsing presentation link: not a query")
	}
	for _, name := range []string{"client_id", "request_uri", "request_uri_method", "request"} {
		if len(q[name]) > 1 {
			return Link{}, errors.New("parsing presentation link: a parameter comes twice")
		}
	}
	switch {
	case q.Has("request"):
		return Link{}, errors.New("parsing presentation link: a request by value is not supported")
	case !q.Has("request_uri"):
		return Link{}, fmt.Errorf("parsing presentation link: %w", ErrUnsigned)
	case q.Has("request_uri_method") && q.Get("request_uri_method") == "":
		return Link{}, &Error{Code: InvalidRequestURIMethod}
	}
	l := Link{ClientID(q.Get("client_id")), q.Get("request_uri"), q.Get("request_uri_method")}
	if err := l.verify(); err != nil {
		return Link{}, fmt.Errorf("parsing presentation link: %w", err)
	}
	return l, nil
}
