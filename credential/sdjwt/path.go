package sdjwt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"kindpakket/credential/jose"
)

// Path is a claims path pointer (SD-JWT VC, draft -19, Section 5.6.1; OpenID4VP 1.0, Section 7): a string chooses a member, an int
// the element of an array, nil every element. The empty path is the whole credential. Indexes count as if everything that
// the credential holds were disclosed.
type Path []any

// Equal reports whether p and q are the same path.
func (p Path) Equal(q Path) bool { return slices.Equal(p, q) }

// String returns the path as JSON, ["address","street"]. A path names claims and holds no values.
func (p Path) String() string {
	b, err := json.Marshal([]any(p))
	if err != nil {
		return "invalid path"
	}
	return string(b)
}

// UnmarshalJSON reads an array of strings, non-negative integers and null, at most [jose.MaxDepth] long.
func (p *Path) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var raw []any
	if err := dec.Decode(&raw); err != nil || raw == nil || len(raw) > jose.MaxDepth {
		return fmt.Errorf("parsing path: not an array of at most %d", jose.MaxDepth)
	}
	for i, step := range raw {
		switch step := step.(type) {
		case nil, string:
		case json.Number:
			n, err := step.Int64()
			if err != nil || n < 0 || n > 1<<20 {
				return fmt.Errorf("parsing path: step %d is not an index", i)
			}
			raw[i] = int(n)
		default:
			return fmt.Errorf("parsing path: step %d is neither string, index nor null", i)
		}
	}
	*p = raw
	return nil
}

// check returns an error for a step of another type than the three.
func (p Path) check() error {
	for i, step := range p {
		switch step := step.(type) {
		case nil, string:
		case int:
			if step < 0 {
				return fmt.Errorf("path: step %d is negative", i)
			}
		default:
			return fmt.Errorf("path: step %d is neither string, int nor nil", i)
		}
	}
	return nil
}

// touches reports whether one of pattern and concrete leads to or through the other.
func (pattern Path) touches(concrete Path) bool {
	for i := range min(len(pattern), len(concrete)) {
		if !matches(pattern[i], concrete[i]) {
			return false
		}
	}
	return true
}

func matches(pattern, step any) bool {
	if pattern == nil {
		_, isIndex := step.(int)
		return isIndex
	}
	return pattern == step
}

// Select returns the values that p chooses in claims, a tree of map[string]any and []any, in their order: none, one, or with
// a nil step any number.
func (p Path) Select(claims any) []any {
	selected := []any{claims}
	for _, step := range p {
		var next []any
		for _, v := range selected {
			switch v := v.(type) {
			case map[string]any:
				if name, ok := step.(string); ok {
					if member, ok := v[name]; ok {
						next = append(next, member)
					}
				}
			case []any:
				switch i := step.(type) {
				case nil:
					next = append(next, v...)
				case int:
					if i >= 0 && i < len(v) {
						next = append(next, v[i])
					}
				}
			}
		}
		selected = next
	}
	return selected
}
