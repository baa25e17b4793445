package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"kindpakket/credential/jose"
)

const (
	// MaxToken is the size of the longest status list token that is read, in bytes of text.
	MaxToken = 2 << 20
	// MaxURI is the length of the longest URI of a list, in bytes.
	MaxURI = 1 << 10
	// Type is typ of a status list token, and with application/ in front its media type (draft -20, Section 5.1).
	Type = "statuslist+jwt"
)

var (
	// ErrIssuer is returned when the key of the list cannot be had or is not trusted, or the signature is not its own.
	ErrIssuer = errors.New("status list is not by a trusted issuer")
	// ErrOther is returned for a list that is about another URI than the credential's.
	ErrOther = errors.New("status list is another one")
	// ErrExpired is returned for a list after its exp.
	ErrExpired = errors.New("status list has expired")
	// ErrNotYet is returned for a list from the future.
	ErrNotYet = errors.New("status list is not valid yet")
	// ErrNoStatus is returned by [FromClaims] for a credential that names no status list.
	ErrNoStatus = errors.New("credential names no status list")
)

// Reference says where the status of one credential stands (draft -20, Section 6.2).
type Reference struct {
	Index int    `json:"idx"`
	URI   string `json:"uri"`
}

// Claim returns the value of the credential's status claim.
func (r Reference) Claim() map[string]any {
	return map[string]any{"status_list": map[string]any{"idx": r.Index, "uri": r.URI}}
}

// FromClaims returns the reference in the status claim of a credential's payload, as package sdjwt or encoding/json makes it. It
// returns [ErrNoStatus] if there is none, and an error that wraps [ErrMalformed] if idx is not an integer from 0 to [MaxIndex] or
// uri not an absolute http or https URL.
func FromClaims(claims map[string]any) (Reference, error) {
	claim, ok := claims["status"]
	if !ok {
		return Reference{}, ErrNoStatus
	}
	raw, err := json.Marshal(claim)
	if err != nil {
		return Reference{}, fmt.Errorf("%w: status: %w", ErrMalformed, err)
	}
	m, err := jose.ParseObject(raw)
	if err != nil {
		return Reference{}, fmt.Errorf("%w: status: %w", ErrMalformed, err)
	}
	list, ok := m["status_list"]
	if !ok {
		return Reference{}, ErrNoStatus
	}
	return ParseReference(list)
}

// ParseReference reads the JSON object with idx and uri. Other members are ignored.
func ParseReference(b []byte) (Reference, error) {
	m, err := jose.ParseObject(b)
	if err != nil {
		return Reference{}, fmt.Errorf("%w: reference: %w", ErrMalformed, err)
	}
	var r Reference
	var index *int
	if json.Unmarshal(m["idx"], &index) != nil || index == nil || *index < 0 || *index > MaxIndex {
		return Reference{}, fmt.Errorf("%w: idx is not an integer from 0 to %d", ErrMalformed, MaxIndex)
	}
	r.Index = *index
	if json.Unmarshal(m["uri"], &r.URI) != nil || !goodURI(r.URI) {
		return Reference{}, fmt.Errorf("%w: uri is not an absolute URL", ErrMalformed)
	}
	return r, nil
}

func goodURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= MaxURI && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.Fragment == ""
}

// Token is a status list with what its issuer says about it.
type Token struct {
	URI      string        // sub: where it is published, and the uri of the credentials in it
	IssuedAt time.Time     // iat, whole seconds
	Expires  time.Time     // exp. Optional
	TTL      time.Duration // ttl: how long a copy may be used before a new one is asked for, whole seconds. Optional
	List     *List
}

// Fresh reports whether a copy fetched at that time need not be asked for again at now. A list without ttl is never fresh. A
// list that is not fresh may still be used until it expires, if no newer one can be had.
func (t *Token) Fresh(fetched, now time.Time) bool { return now.Before(fetched.Add(t.TTL)) }

// Status returns the status of the credential with reference r. It returns [ErrOther] if r names another list and [ErrIndex] if
// its index is outside. Anything but [Valid] is to be refused.
func (t *Token) Status(r Reference) (Value, error) {
	if r.URI != t.URI {
		return 0, ErrOther
	}
	return t.List.Get(r.Index)
}

// Issue signs t as a status list token. The header may carry x5c or kid; its type is set. It returns an error if t has no URI, no
// time of issue or no list, expires before it was issued, or is longer than [MaxToken].
func Issue(s jose.Signer, h jose.Header, t Token) (string, error) {
	if !goodURI(t.URI) || t.IssuedAt.IsZero() || t.List == nil || t.TTL < 0 || !t.Expires.IsZero() && !t.Expires.After(t.IssuedAt) {
		return "", errors.New("issuing status list: URI, time of issue, expiry, ttl or list is unusable")
	}
	m := map[string]any{"sub": t.URI, "iat": t.IssuedAt.Unix(), "status_list": t.List}
	if !t.Expires.IsZero() {
		m["exp"] = t.Expires.Unix()
	}
	if ttl := int64(t.TTL / time.Second); ttl > 0 {
		m["ttl"] = ttl
	}
	payload, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("issuing status list: %w", err)
	}
	h.Type = Type
	token, err := jose.Sign(s, h, payload)
	if err != nil {
		return "", fmt.Errorf("issuing status list: %w", err)
	}
	if len(token) > MaxToken {
		return "", fmt.Errorf("issuing status list: longer than %d bytes", MaxToken)
	}
	return token, nil
}

// Policy is what a verifier accepts.
type Policy struct {
	// URI is the uri of the credential's [Reference].
	URI string
	// Now is the time of the check, Leeway how far clocks may differ.
	Now    time.Time
	Leeway time.Duration
	// Key returns the key that the policy trusts for this list, by the token's header and its iss ("" if absent, not to be believed
	// yet). It is of the same form as the Key of sdjwt.Policy.
	Key func(h jose.Header, iss string) (jose.Key, error)
}

// Verify checks a status list token by draft -20, Section 8.3, and returns it. It returns an error that wraps [ErrMalformed],
// [ErrIssuer], [ErrOther], [ErrExpired] or [ErrNotYet].
func Verify(token string, p Policy) (*Token, error) {
	j, err := jose.ParseSized(token, MaxToken)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if j.Header.Type != Type {
		return nil, fmt.Errorf("%w: typ is not %s", ErrMalformed, Type)
	}
	m, err := jose.ParseObject(j.Payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var iss string
	if raw, ok := m["iss"]; ok && json.Unmarshal(raw, &iss) != nil {
		return nil, fmt.Errorf("%w: iss is not a string", ErrMalformed)
	}
	if p.Key == nil {
		return nil, fmt.Errorf("%w: the policy trusts nobody", ErrIssuer)
	}
	key, err := p.Key(j.Header, iss)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	if err := j.Verify(key); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	t := &Token{}
	if json.Unmarshal(m["sub"], &t.URI) != nil || t.URI == "" {
		return nil, fmt.Errorf("%w: no sub", ErrMalformed)
	}
	if t.URI != p.URI {
		return nil, ErrOther
	}
	if err := t.times(m, p); err != nil {
		return nil, err
	}
	if t.List, err = ParseList(m["status_list"]); err != nil {
		return nil, err
	}
	return t, nil
}

// times reads and checks iat, exp, nbf and ttl.
func (t *Token) times(m map[string]json.RawMessage, p Policy) error {
	var notBefore time.Time
	for name, to := range map[string]*time.Time{"iat": &t.IssuedAt, "exp": &t.Expires, "nbf": &notBefore} {
		raw, ok := m[name]
		if !ok {
			continue
		}
		s, err := seconds(raw)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrMalformed, name, err)
		}
		*to = time.Unix(s, 0).UTC()
	}
	if t.IssuedAt.IsZero() {
		return fmt.Errorf("%w: no iat", ErrMalformed)
	}
	if raw, ok := m["ttl"]; ok {
		s, err := seconds(raw)
		if err != nil || s == 0 {
			return fmt.Errorf("%w: ttl is not a positive number", ErrMalformed)
		}
		t.TTL = time.Duration(min(s, maxTTL)) * time.Second
	}
	if !t.Expires.IsZero() && !p.Now.Before(t.Expires.Add(p.Leeway)) {
		return ErrExpired
	}
	if late := p.Now.Add(p.Leeway); late.Before(t.IssuedAt) || late.Before(notBefore) {
		return ErrNotYet
	}
	return nil
}

const (
	maxDate = 253402300800       // the year 10000
	maxTTL  = 100 * 365 * 86_400 // a century fits a time.Duration
)

// seconds reads a number from 0 up to the year 9999, and cuts off a fraction.
func seconds(raw json.RawMessage) (int64, error) {
	var f *float64
	if err := json.Unmarshal(raw, &f); err != nil || f == nil || !(*f >= 0 && *f < maxDate) {
		return 0, errors.New("not a number of seconds")
	}
	return int64(*f), nil
}
