package jose

import (
	"encoding/json"
	"errors"
	"fmt"
)

// MaxKeySet is the size of the longest JWK Set that is read, in bytes.
const MaxKeySet = 64 << 10

// NamedKey is a member of a JWK Set: the key and what the set says about it. ID is its kid, Use its use ("sig", "enc"),
// Alg its alg; each may be empty.
type NamedKey struct {
	Key
	ID, Use, Alg string
}

// KeySet is a JWK Set of public keys (RFC 7517, Section 5).
type KeySet struct {
	Keys []NamedKey
}

// ParseKeySet reads a JWK Set. Keys of a type or curve outside the profile are left out, as RFC 7517, Section 5, says.
// A private member, a kid that two usable keys share, or a malformed key refuses the whole set: one who publishes that
// has made a mistake that somebody must see.
func ParseKeySet(b []byte) (KeySet, error) {
	if len(b) > MaxKeySet {
		return KeySet{}, fmt.Errorf("parsing key set: longer than %d bytes", MaxKeySet)
	}
	m, err := ParseObject(b)
	if err != nil {
		return KeySet{}, fmt.Errorf("parsing key set: %w", err)
	}
	var keys []json.RawMessage
	if err := json.Unmarshal(m["keys"], &keys); err != nil || keys == nil {
		return KeySet{}, errors.New(`parsing key set: member "keys" is not an array`)
	}
	var set KeySet
	names := map[string]bool{}
	for _, raw := range keys {
		k, ok, err := parseNamed(raw)
		if err != nil {
			return KeySet{}, fmt.Errorf("parsing key set: %w", err)
		}
		if !ok {
			continue
		}
		if k.ID != "" && names[k.ID] {
			return KeySet{}, errors.New("parsing key set: two keys share a kid")
		}
		names[k.ID] = true
		set.Keys = append(set.Keys, k)
	}
	return set, nil
}

// parseNamed returns false for a public key of a type that we do not use.
func parseNamed(raw []byte) (k NamedKey, ok bool, err error) {
	if len(raw) > MaxKey {
		return k, false, fmt.Errorf("%w: longer than %d bytes", ErrKey, MaxKey)
	}
	m, err := ParseObject(raw)
	if err != nil {
		return k, false, fmt.Errorf("%w: %w", ErrKey, err)
	}
	for _, name := range private {
		if _, has := m[name]; has {
			return k, false, fmt.Errorf("%w: it has the private member %q", ErrKey, name)
		}
	}
	kty, err := member(m, "kty")
	if err != nil || kty == "" {
		return k, false, fmt.Errorf(`%w: no "kty"`, ErrKey)
	}
	crv, err := member(m, "crv")
	if err != nil {
		return k, false, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if !(kty == "EC" && crv == "P-256") && !(kty == "OKP" && crv == "Ed25519") {
		return k, false, nil
	}
	if k.Key, err = parseKey(m); err != nil {
		return k, false, err
	}
	for name, to := range map[string]*string{"kid": &k.ID, "use": &k.Use, "alg": &k.Alg} {
		if *to, err = member(m, name); err != nil {
			return k, false, fmt.Errorf("%w: %w", ErrKey, err)
		}
	}
	return k, true, nil
}

// Find returns the key with this kid, and false if there is none. An empty kid finds nothing.
func (s KeySet) Find(kid string) (Key, bool) {
	for _, k := range s.Keys {
		if kid != "" && k.ID == kid {
			return k.Key, true
		}
	}
	return Key{}, false
}

// MarshalJSON writes the JWK with kid, use and alg where they are set.
func (k NamedKey) MarshalJSON() ([]byte, error) {
	if k.IsZero() {
		return nil, errors.New("writing key: no key")
	}
	var m map[string]string
	if err := json.Unmarshal(k.JWK(), &m); err != nil {
		return nil, err
	}
	for name, v := range map[string]string{"kid": k.ID, "use": k.Use, "alg": k.Alg} {
		if v != "" {
			m[name] = v
		}
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads one key of the profile with its kid, use and alg.
func (k *NamedKey) UnmarshalJSON(b []byte) error {
	parsed, ok, err := parseNamed(b)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: neither EC with P-256 nor OKP with Ed25519", ErrKey)
	}
	*k = parsed
	return nil
}

// MarshalJSON writes {"keys":[…]}.
func (s KeySet) MarshalJSON() ([]byte, error) {
	keys := s.Keys
	if keys == nil {
		keys = []NamedKey{}
	}
	return json.Marshal(map[string][]NamedKey{"keys": keys})
}

// UnmarshalJSON reads what [ParseKeySet] reads.
func (s *KeySet) UnmarshalJSON(b []byte) error {
	parsed, err := ParseKeySet(b)
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}
