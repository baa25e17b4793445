package jose

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep objects and arrays may be nested in JSON that travels: 32.
const MaxDepth = 32

// ErrJSON is returned for JSON that is not exactly one well-formed value, names an object member twice, is nested deeper
// than [MaxDepth] or is not UTF-8.
var ErrJSON = errors.New("malformed JSON")

// CheckJSON returns nil if b is exactly one JSON value in UTF-8 with unique member names in every object (RFC 7515,
// Section 4, and RFC 7519, Section 4, leave the choice; we refuse) and at most [MaxDepth] levels. Otherwise it returns
// an error that wraps [ErrJSON] and holds none of b.
//
// encoding/json alone keeps the last of two equal members, and a peer may keep the first.
func CheckJSON(b []byte) error {
	if !utf8.Valid(b) {
		return fmt.Errorf("%w: not UTF-8", ErrJSON)
	}
	if !json.Valid(b) {
		return fmt.Errorf("%w: not one JSON value", ErrJSON)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	type level struct {
		names map[string]bool // nil in an array
		name  bool            // the next token is a member name
	}
	var stack []level
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: not one JSON value", ErrJSON)
		}
		top := len(stack) - 1
		if top >= 0 && stack[top].name {
			if name, ok := tok.(string); ok {
				if stack[top].names[name] {
					return fmt.Errorf("%w: a member is named twice", ErrJSON)
				}
				stack[top].names[name] = true
				stack[top].name = false
				continue
			}
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			if len(stack) == MaxDepth {
				return fmt.Errorf("%w: nested too deep", ErrJSON)
			}
			if tok == json.Delim('{') {
				stack = append(stack, level{names: map[string]bool{}, name: true})
			} else {
				stack = append(stack, level{})
			}
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
			top--
		}
		if top >= 0 && stack[top].names != nil {
			stack[top].name = true
		}
	}
}

// ParseObject returns the members of the JSON object b, their names compared exactly (encoding/json would take ALG for
// alg). It refuses what [CheckJSON] refuses and everything that is not an object.
func ParseObject(b []byte) (map[string]json.RawMessage, error) {
	if err := CheckJSON(b); err != nil {
		return nil, err
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil || m == nil {
		return nil, fmt.Errorf("%w: not an object", ErrJSON)
	}
	return m, nil
}

// ErrBase64 is returned for text that is not canonical base64url without padding.
var ErrBase64 = errors.New("malformed base64url")

// DecodeSegment decodes base64url without padding (RFC 7515, Section 2) and refuses line breaks and trailing bits other
// than zero, so that every value has one text only.
func DecodeSegment(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, ErrBase64
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, ErrBase64
	}
	return b, nil
}

// EncodeSegment returns b as base64url without padding.
func EncodeSegment(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// member reads the string member name of m. A member that is absent is "", one that is no string is an error.
func member(m map[string]json.RawMessage, name string) (string, error) {
	raw, ok := m[name]
	if !ok {
		return "", nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", fmt.Errorf("member %q is not a string", name)
	}
	return *s, nil
}
