package did

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// WebURL returns where the document of a did:web stands: https://host/.well-known/did.json, or https://host/a/b/did.json for
// did:web:host:a:b. An address in place of a name is refused (the did:web method, Section 3.1) unless it is a loopback
// IPv4 address. It returns [ErrMethod] for another method and an error that wraps [ErrSyntax] for a host or path that
// could lead elsewhere.
func WebURL(d DID) (string, error) {
	rest, _, err := webParts(d)
	if err != nil {
		return "", err
	}
	return "https://" + rest, nil
}

// LoopbackURL is [WebURL] with http, for development on one machine: it returns an error unless the host is localhost or a
// loopback IPv4 address.
func LoopbackURL(d DID) (string, error) {
	rest, host, err := webParts(d)
	if err != nil {
		return "", err
	}
	if !IsLoopback(host) {
		return "", fmt.Errorf("locating did:web: %w: not a loopback host", ErrSyntax)
	}
	return "http://" + rest, nil
}

// IsLoopback reports whether host (without port) is localhost or a loopback IPv4 address, by its text alone.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Is4() && addr.IsLoopback()
}

// webParts returns what follows https:// and the host without its port.
func webParts(d DID) (rest, host string, err error) {
	if _, err := Parse(string(d)); err != nil {
		return "", "", err
	}
	method, id, _ := d.cut()
	if method != "web" {
		return "", "", fmt.Errorf("locating did:web: %w", ErrMethod)
	}
	parts := strings.Split(id, ":")
	authority, err := url.PathUnescape(parts[0])
	if err != nil {
		return "", "", fmt.Errorf("locating did:web: %w: host", ErrSyntax)
	}
	host, err = checkAuthority(authority)
	if err != nil {
		return "", "", fmt.Errorf("locating did:web: %w", err)
	}
	if len(parts) == 1 {
		return authority + "/.well-known/did.json", host, nil
	}
	rest = authority
	for _, part := range parts[1:] {
		segment, err := url.PathUnescape(part)
		if err != nil || !goodSegment(segment) {
			return "", "", fmt.Errorf("locating did:web: %w: path", ErrSyntax)
		}
		rest += "/" + url.PathEscape(segment)
	}
	return rest + "/did.json", host, nil
}

// WebDID returns the did:web for documents under baseURL: https://example.nl:8443/a/b becomes did:web:example.nl%3A8443:a:b.
// http is accepted on a loopback host only.
func WebDID(baseURL string) (DID, error) {
	u, err := url.Parse(baseURL)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return "", fmt.Errorf("making did:web: %w: not a plain URL", ErrSyntax)
	}
	host, err := checkAuthority(u.Host)
	if err != nil {
		return "", fmt.Errorf("making did:web: %w", err)
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && IsLoopback(host)) {
		return "", fmt.Errorf("making did:web: %w: neither https nor loopback", ErrSyntax)
	}
	id := strings.ReplaceAll(u.Host, ":", "%3A")
	if path := strings.Trim(u.EscapedPath(), "/"); path != "" {
		for _, part := range strings.Split(path, "/") {
			segment, err := url.PathUnescape(part)
			if err != nil || !goodSegment(segment) {
				return "", fmt.Errorf("making did:web: %w: path", ErrSyntax)
			}
			id += ":" + escapeSegment(segment)
		}
	}
	return Parse("did:web:" + id)
}

// escapeSegment leaves only the characters that a DID may hold.
func escapeSegment(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// goodSegment refuses what a server or a client could read as another path.
func goodSegment(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\\%?#\x00\r\n")
}

// checkAuthority takes host or host:port and returns the host: a name of letters, digits and hyphens, localhost, or a loopback
// IPv4 address.
func checkAuthority(authority string) (host string, err error) {
	host, port, has := strings.Cut(authority, ":")
	if has {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || port != strconv.FormatUint(n, 10) {
			return "", fmt.Errorf("%w: port", ErrSyntax)
		}
	}
	if len(host) > 253 {
		return "", fmt.Errorf("%w: host is too long", ErrSyntax)
	}
	if IsLoopback(host) {
		return host, nil
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			return "", fmt.Errorf("%w: host", ErrSyntax)
		}
	}
	// Some resolvers take 127.1, 2130706433 and 0x7f.1 for addresses: a name does not end in a number.
	if last := labels[len(labels)-1]; '0' <= last[0] && last[0] <= '9' {
		return "", fmt.Errorf("%w: host is an address", ErrSyntax)
	}
	return host, nil
}
