package oid4vci

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"

	"kindpakket/credential/jose"
)

// Limits on what the parsers of this package read, in bytes.
const (
	MaxMetadata = 1 << 20   // issuer and server metadata: an issuer may offer hundreds of types in many languages
	MaxOffer    = 16 << 10  // a credential offer, also inside a URI
	MaxForm     = 64 << 10  // a token request
	MaxAnswer   = 64 << 10  // a token response, nonce response or error
	MaxRequest  = 256 << 10 // a credential request
	MaxResponse = 4 << 20   // a credential response: up to MaxProofs credentials
	maxURL      = 2 << 10
)

var errTooLong = errors.New("too long")

// decode reads one JSON object into v. Members that v does not have are ignored.
func decode(b []byte, max int, v any) error {
	if len(b) > max {
		return fmt.Errorf("%w: more than %d bytes", errTooLong, max)
	}
	if _, err := jose.ParseObject(b); err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		// The errors of encoding/json quote what they read.
		return errors.New("a member has another type than it should")
	}
	return nil
}

// verifyURL refuses what is no https URL. As an exception http is allowed to a loopback address or localhost, so that
// everything can run on one machine; a fetcher decides for itself whether it follows such an address.
func verifyURL(raw string, query bool) error {
	u, err := url.Parse(raw)
	if err != nil || len(raw) > maxURL {
		return errors.New("not a URL, or longer than 2048 bytes")
	}
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return errors.New("not https")
	case u.Hostname() == "" || u.Opaque != "":
		return errors.New("no host")
	case u.User != nil:
		return errors.New("it has a user name")
	case u.Fragment != "":
		return errors.New("it has a fragment")
	case !query && (u.RawQuery != "" || u.ForceQuery):
		return errors.New("it has a query")
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// Secret is a code or token that lets whoever knows it act. It prints and logs as [redacted]; string(s) reveals it.
type Secret string

const redacted = "[redacted]"

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (s Secret) GoString() string { return redacted }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON writes "[redacted]". The types that carry a secret over the wire write it themselves.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
