package oid4vp

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"kindpakket/credential/jose"
)

// Limits on what the parsers of this package read, in bytes.
const (
	MaxLink            = 8 << 10       // an openid4vp:// URI
	MaxRequest         = jose.MaxToken // a request object
	MaxPost            = 64 << 10      // a POST to the request URI
	MaxResponse        = 256 << 10     // a POST to the response URI
	MaxAnswer          = 64 << 10      // what the response URI answers
	MaxTransactionData = 8 << 10       // one transaction_data string
	maxURL             = 2 << 10
)

var errTooLong = errors.New("too long")

// members reads the named members of the object m, their names compared exactly. Others are ignored, null counts as absent.
func members(m map[string]json.RawMessage, fields map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		raw, ok := m[name]
		if !ok {
			continue
		}
		// The errors of encoding/json quote what they read.
		if err := json.Unmarshal(raw, fields[name]); err != nil {
			return fmt.Errorf("member %q has another type than it should", name)
		}
	}
	return nil
}

// decode reads one JSON object into v. Members that v does not have are ignored.
func decode(b []byte, max int, v any) error {
	if len(b) > max {
		return fmt.Errorf("%w: more than %d bytes", errTooLong, max)
	}
	if _, err := jose.ParseObject(b); err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return errors.New("a member has another type than it should")
	}
	return nil
}

// verifyURL refuses what is no https URL. As an exception http is allowed to a loopback address or localhost, so that
// everything can run on one machine; a fetcher decides for itself whether it follows such an address.
func verifyURL(raw string) error {
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
	}
	return nil
}

// verifyEndpoint is verifyURL for what is fetched or posted to, which has no fragment.
func verifyEndpoint(raw string) error {
	if err := verifyURL(raw); err != nil {
		return err
	}
	if u, err := url.Parse(raw); err != nil || u.Fragment != "" {
		return errors.New("it has a fragment")
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

// urlSafe reports whether s is 1 to max ASCII URL safe characters (Section 5.2).
func urlSafe(s string, max int) bool {
	if s == "" || len(s) > max {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// date reads the seconds of RFC 7519, Section 2, which may have a fraction. The zero Time stands for an absent date.
func date(s *float64) (time.Time, error) {
	if s == nil {
		return time.Time{}, nil
	}
	if *s < 1 || *s > 1<<40 {
		return time.Time{}, errors.New("not a date")
	}
	return time.Unix(int64(*s), 0), nil
}

// seconds is the other way around.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
