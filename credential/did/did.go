package did

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// MaxDID is the length of the longest DID or DID URL that is read, in bytes.
const MaxDID = 2 << 10

var (
	// ErrSyntax is returned for text that is not a DID or DID URL of DID Core 1.0, Section 3, or longer than [MaxDID].
	ErrSyntax = errors.New("malformed DID")
	// ErrMethod is returned for a DID of a method that the function does not serve.
	ErrMethod = errors.New("DID method is not served")
	// ErrDocument is returned for a DID document that is malformed or about somebody else.
	ErrDocument = errors.New("unacceptable DID document")
	// ErrKey is returned when a document has no such key, or the key is malformed or of a kind that we do not use.
	ErrKey = errors.New("no such key")
	// ErrRelation is returned when a document has the key, but not for this purpose.
	ErrRelation = errors.New("key is not for this purpose")
)

// DID is a decentralized identifier without path, query and fragment: did:method:specific.
type DID string

// Parse reads a DID (DID Core 1.0, Section 3.1).
func Parse(s string) (DID, error) {
	if len(s) > MaxDID {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrSyntax, MaxDID)
	}
	rest, ok := strings.CutPrefix(s, "did:")
	if !ok {
		return "", fmt.Errorf("%w: it does not begin with did:", ErrSyntax)
	}
	method, id, ok := strings.Cut(rest, ":")
	if !ok || method == "" || strings.Trim(method, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return "", fmt.Errorf("%w: no method", ErrSyntax)
	}
	if id == "" || strings.HasSuffix(id, ":") {
		return "", fmt.Errorf("%w: no identifier", ErrSyntax)
	}
	for i := 0; i < len(id); i++ {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_', c == ':':
		case c == '%' && i+2 < len(id) && isHex(id[i+1]) && isHex(id[i+2]):
			i += 2
		default:
			return "", fmt.Errorf("%w: a character is not allowed", ErrSyntax)
		}
	}
	return DID(s), nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// Method returns the part between the first two colons, "web" for did:web:example.nl, and "" if d is not a DID.
func (d DID) Method() string {
	method, _, _ := d.cut()
	return method
}

func (d DID) cut() (method, id string, ok bool) {
	rest, ok := strings.CutPrefix(string(d), "did:")
	if !ok {
		return "", "", false
	}
	if method, id, ok = strings.Cut(rest, ":"); !ok {
		return "", "", false
	}
	return method, id, true
}

// URL is a DID URL (DID Core 1.0, Section 3.2): what identifies a key inside a document. The parts stand without their
// delimiters but for Path, which begins with a slash or is empty.
type URL struct {
	DID                   DID
	Path, Query, Fragment string
}

// ParseURL reads an absolute DID URL. An empty query or fragment ("did:a:b#") is refused, so that every value has one text.
func ParseURL(s string) (URL, error) {
	if len(s) > MaxDID {
		return URL{}, fmt.Errorf("%w: longer than %d bytes", ErrSyntax, MaxDID)
	}
	var u URL
	rest, fragment, has := strings.Cut(s, "#")
	if has && fragment == "" {
		return URL{}, fmt.Errorf("%w: empty fragment", ErrSyntax)
	}
	u.Fragment = fragment
	rest, query, has := strings.Cut(rest, "?")
	if has && query == "" {
		return URL{}, fmt.Errorf("%w: empty query", ErrSyntax)
	}
	u.Query = query
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest, u.Path = rest[:i], rest[i:]
	}
	for _, part := range []string{u.Path, u.Query, u.Fragment} {
		for i := 0; i < len(part); i++ {
			c := part[i]
			if c == '%' && i+2 < len(part) && isHex(part[i+1]) && isHex(part[i+2]) {
				i += 2
				continue
			}
			// RFC 3986, Section 3.3: pchar, and the slash and question mark that query and fragment may hold.
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') && !strings.ContainsRune("-._~!$&'()*+,;=:@/?", rune(c)) {
				return URL{}, fmt.Errorf("%w: a character is not allowed", ErrSyntax)
			}
		}
	}
	var err error
	u.DID, err = Parse(rest)
	return u, err
}

// String returns the text that [ParseURL] reads.
func (u URL) String() string {
	s := string(u.DID) + u.Path
	if u.Query != "" {
		s += "?" + u.Query
	}
	if u.Fragment != "" {
		s += "#" + u.Fragment
	}
	return s
}

// Resolver finds the document of a DID. What it returns is about the DID that was asked for. It returns an error that wraps
// [ErrMethod] for a method that it does not serve. It is safe for concurrent use.
type Resolver interface {
	Resolve(ctx context.Context, d DID) (*Document, error)
}
