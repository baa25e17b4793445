package dcql

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"kindpakket/credential/jose"
)

// Parse reads a query of at most [MaxQuery] bytes. Every rule of Section 6 on what a query must be is checked; what the section does
// not know is skipped, as it demands (Section 6: "Implementations MUST ignore any unknown properties"). Every error wraps [ErrQuery].
func Parse(b []byte) (*Query, error) {
	if len(b) > MaxQuery {
		return nil, refuse("over %d bytes", MaxQuery)
	}
	top, err := object(b, "the query")
	if err != nil {
		return nil, err
	}
	raws, err := list(top, "credentials", MaxCredentials)
	if err != nil {
		return nil, err
	}
	if raws == nil {
		return nil, refuse("no credentials")
	}
	q := new(Query)
	for _, raw := range raws {
		c, err := parseCredential(raw)
		if err != nil {
			return nil, err
		}
		if q.Credential(c.ID) != nil {
			return nil, refuse("two credential queries have one id") // Section 6.1: MUST NOT
		}
		q.Credentials = append(q.Credentials, c)
	}
	if raws, err = list(top, "credential_sets", MaxSets); err != nil {
		return nil, err
	}
	for _, raw := range raws {
		m, err := object(raw, "a credential set")
		if err != nil {
			return nil, err
		}
		required, err := boolean(m, "required", true)
		if err != nil {
			return nil, err
		}
		s := CredentialSet{Optional: !required}
		if s.Options, err = idSets(m, "options", func(id string) bool { return q.Credential(id) != nil }); err != nil {
			return nil, err
		}
		if s.Options == nil {
			return nil, refuse("a credential set without options")
		}
		q.Sets = append(q.Sets, s)
	}
	return q, nil
}

// UnmarshalJSON is [Parse].
func (q *Query) UnmarshalJSON(b []byte) error {
	p, err := Parse(b)
	if err != nil {
		return err
	}
	*q = *p
	return nil
}

func parseCredential(raw json.RawMessage) (c Credential, err error) {
	m, err := object(raw, "a credential query")
	if err != nil {
		return c, err
	}
	if c.ID, err = text(m, "id"); err != nil {
		return c, err
	}
	if !goodID(c.ID) {
		return c, refuse("a credential query's id is empty or not of letters, digits, _ and -")
	}
	if c.Format, err = text(m, "format"); err != nil {
		return c, err
	}
	if c.Format == "" {
		return c, refuse("a credential query without format")
	}
	if c.Multiple, err = boolean(m, "multiple", false); err != nil {
		return c, err
	}
	binding, err := boolean(m, "require_cryptographic_holder_binding", true)
	if err != nil {
		return c, err
	}
	c.Unbound = !binding
	if c.Meta, err = parseMeta(m["meta"]); err != nil {
		return c, err
	}
	raws, err := list(m, "trusted_authorities", MaxSets)
	if err != nil {
		return c, err
	}
	for _, raw := range raws {
		a, err := parseAuthorities(raw)
		if err != nil {
			return c, err
		}
		c.Authorities = append(c.Authorities, a)
	}
	if raws, err = list(m, "claims", MaxClaims); err != nil {
		return c, err
	}
	for _, raw := range raws {
		cl, err := parseClaim(raw)
		if err != nil {
			return c, err
		}
		if cl.ID != "" && c.claim(cl.ID) != nil {
			return c, refuse("two claims have one id") // Section 6.3: MUST NOT
		}
		c.Claims = append(c.Claims, cl)
	}
	if _, ok := m["claim_sets"]; ok && c.Claims == nil {
		return c, refuse("claim_sets without claims") // Section 6.4.1: MUST NOT
	}
	if c.ClaimSets, err = idSets(m, "claim_sets", func(id string) bool { return c.claim(id) != nil }); err != nil {
		return c, err
	}
	if c.ClaimSets != nil && slices.ContainsFunc(c.Claims, func(cl Claim) bool { return cl.ID == "" }) {
		return c, refuse("claim_sets, and a claim without id") // Section 6.3: REQUIRED if claim_sets is present
	}
	return c, nil
}

func parseMeta(raw json.RawMessage) (Meta, error) {
	m, err := object(raw, "meta")
	if err != nil {
		return Meta{}, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return Meta{}, refuse("meta is not JSON")
	}
	meta := Meta{Raw: compact.Bytes()}
	if meta.VCT, err = texts(m, "vct_values"); err != nil {
		return Meta{}, err
	}
	raws, err := list(m, "type_values", MaxSets)
	if err != nil {
		return Meta{}, err
	}
	for _, raw := range raws {
		set, err := texts(map[string]json.RawMessage{"type_values": raw}, "type_values")
		if err != nil {
			return Meta{}, err
		}
		meta.Types = append(meta.Types, set)
	}
	if meta.Doctype, err = text(m, "doctype_value"); err != nil {
		return Meta{}, err
	}
	if _, ok := m["doctype_value"]; ok && meta.Doctype == "" {
		return Meta{}, refuse("an empty doctype_value")
	}
	return meta, nil
}

func parseAuthorities(raw json.RawMessage) (a Authorities, err error) {
	m, err := object(raw, "a trusted authority")
	if err != nil {
		return a, err
	}
	if a.Type, err = text(m, "type"); err != nil {
		return a, err
	}
	if a.Values, err = texts(m, "values"); err != nil {
		return a, err
	}
	if a.Type == "" || a.Values == nil {
		return a, refuse("a trusted authority without type or values")
	}
	return a, nil
}

func parseClaim(raw json.RawMessage) (c Claim, err error) {
	m, err := object(raw, "a claim")
	if err != nil {
		return c, err
	}
	if c.ID, err = text(m, "id"); err != nil {
		return c, err
	}
	if _, ok := m["id"]; ok && !goodID(c.ID) {
		return c, refuse("a claim's id is empty or not of letters, digits, _ and -")
	}
	if c.Path, err = parsePath(m["path"]); err != nil {
		return c, err
	}
	raws, err := list(m, "values", MaxValues)
	if err != nil {
		return c, err
	}
	for _, raw := range raws {
		v, err := parseValue(raw)
		if err != nil {
			return c, err
		}
		c.Values = append(c.Values, v)
	}
	return c, nil
}

func parseValue(raw json.RawMessage) (any, error) {
	var s string
	var n int64
	var b bool
	switch {
	case string(raw) == "null":
	case json.Unmarshal(raw, &s) == nil:
		return s, nil
	case json.Unmarshal(raw, &n) == nil: // refuses fractions, exponents and what does not fit
		return n, nil
	case json.Unmarshal(raw, &b) == nil:
		return b, nil
	}
	return nil, refuse("a value is neither string, integer nor boolean")
}

// refuse makes an error. Its words are ours: nothing of the query stands in them but names of members.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrQuery, fmt.Sprintf(format, args...))
}

func object(raw json.RawMessage, what string) (map[string]json.RawMessage, error) {
	m, err := jose.ParseObject(raw)
	if err != nil {
		return nil, refuse("%s is missing or no object", what)
	}
	return m, nil
}

// list reads a member that is absent (nil) or a non-empty array.
func list(m map[string]json.RawMessage, name string, most int) ([]json.RawMessage, error) {
	raw, ok := m[name]
	if !ok {
		return nil, nil
	}
	var l []json.RawMessage
	if err := json.Unmarshal(raw, &l); err != nil || len(l) == 0 {
		return nil, refuse("%s is no array or empty", name)
	}
	if len(l) > most {
		return nil, refuse("%s has more than %d elements", name, most)
	}
	return l, nil
}

func text(m map[string]json.RawMessage, name string) (string, error) {
	raw, ok := m[name]
	if !ok {
		return "", nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", refuse("%s is no string", name)
	}
	return *s, nil
}

func boolean(m map[string]json.RawMessage, name string, absent bool) (bool, error) {
	raw, ok := m[name]
	if !ok {
		return absent, nil
	}
	var b *bool
	if err := json.Unmarshal(raw, &b); err != nil || b == nil {
		return false, refuse("%s is no boolean", name)
	}
	return *b, nil
}

// texts reads a member that is absent (nil) or a non-empty array of strings.
func texts(m map[string]json.RawMessage, name string) ([]string, error) {
	raws, err := list(m, name, MaxValues)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, raw := range raws {
		s, err := text(map[string]json.RawMessage{name: raw}, name)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// idSets reads a member that is absent (nil) or a non-empty array of non-empty arrays of ids that are known.
func idSets(m map[string]json.RawMessage, name string, known func(string) bool) ([][]string, error) {
	raws, err := list(m, name, MaxSets)
	if err != nil {
		return nil, err
	}
	var out [][]string
	for _, raw := range raws {
		set, err := texts(map[string]json.RawMessage{name: raw}, name)
		if err != nil {
			return nil, err
		}
		for _, id := range set {
			if !known(id) {
				return nil, refuse("%s names an id that is not there", name)
			}
		}
		out = append(out, set)
	}
	return out, nil
}

// goodID checks the alphabet of Sections 6.1 and 6.3.
func goodID(id string) bool {
	for _, c := range []byte(id) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return id != "" && len(id) <= 256
}
