package sdjwt

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kindpakket/credential/jose"
)

const (
	// MaxCredential is the size of the longest SD-JWT or SD-JWT+KB that is read, in bytes.
	MaxCredential = 64 << 10
	// MaxDisclosures is the largest number of disclosures in one SD-JWT.
	MaxDisclosures = 256
)

var (
	// ErrMalformed is returned for text that breaks a rule of RFC 9901, Sections 4 and 7.1, or of SD-JWT VC.
	ErrMalformed = errors.New("malformed SD-JWT")
	// ErrHashAlgorithm is returned for an _sd_alg or transaction_data_hashes_alg other than sha-256.
	ErrHashAlgorithm = errors.New("hash algorithm is not sha-256")
)

// VC is the typ of SD-JWT VC, draft -19, Section 2.2.1.
const VC = "dc+sd-jwt"

// Credential is a parsed SD-JWT, or an SD-JWT+KB. Nothing in it is to be believed before [Credential.Verify].
type Credential struct {
	jws         *jose.JWS
	text        string // the SD-JWT with its last tilde, without the key-binding JWT
	kb          string // empty if there is none
	disclosures []Disclosure
	claims      map[string]any // processed payload
}

// Disclosure is what the holder may show or keep: one member of an object, or one element of an array.
type Disclosure struct {
	Path  Path // where it stands
	Value any  // with everything that is disclosed inside it; numbers are json.Number

	text   string
	member bool
	name   string
	used   bool
}

// Text returns the disclosure as it stands in the SD-JWT, in base64url.
func (d Disclosure) Text() string { return d.text }

// Parse reads the compact form of RFC 9901, Section 4: an SD-JWT, which ends in a tilde, or an SD-JWT+KB. It returns an error
// that wraps [ErrMalformed] or [ErrHashAlgorithm].
func Parse(text string) (*Credential, error) {
	if len(text) > MaxCredential {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxCredential)
	}
	parts := strings.Split(text, "~")
	if len(parts) < 2 {
		return nil, fmt.Errorf("%w: no tilde", ErrMalformed)
	}
	if len(parts)-2 > MaxDisclosures {
		return nil, fmt.Errorf("%w: more than %d disclosures", ErrMalformed, MaxDisclosures)
	}
	c := &Credential{kb: parts[len(parts)-1]}
	c.text = text[:len(text)-len(c.kb)]
	if c.kb != "" {
		if _, err := jose.Parse(c.kb); err != nil {
			return nil, fmt.Errorf("%w: key-binding JWT: %w", ErrMalformed, err)
		}
	}
	var err error
	if c.jws, err = jose.Parse(parts[0]); err != nil {
		return nil, fmt.Errorf("%w: issuer-signed JWT: %w", ErrMalformed, err)
	}
	for i, part := range parts[1 : len(parts)-1] {
		d, err := parseDisclosure(part)
		if err != nil {
			return nil, fmt.Errorf("%w: disclosure %d: %w", ErrMalformed, i, err)
		}
		c.disclosures = append(c.disclosures, d)
	}
	if err := c.process(); err != nil {
		return nil, err
	}
	return c, nil
}

func parseDisclosure(text string) (Disclosure, error) {
	raw, err := jose.DecodeSegment(text)
	if err != nil {
		return Disclosure{}, err
	}
	v, err := decode(raw)
	if err != nil {
		return Disclosure{}, err
	}
	list, ok := v.([]any)
	// RFC 9901, Section 7.1, step 3.3: three elements in an object, two in an array. Where it belongs is found later.
	if !ok || len(list) != 2 && len(list) != 3 {
		return Disclosure{}, errors.New("not an array of two or three")
	}
	if _, ok := list[0].(string); !ok {
		return Disclosure{}, errors.New("the salt is not a string")
	}
	d := Disclosure{text: text, Value: list[len(list)-1], member: len(list) == 3}
	if d.member {
		if d.name, ok = list[1].(string); !ok {
			return Disclosure{}, errors.New("the claim name is not a string")
		}
	}
	return d, nil
}

// decode reads one JSON value with unique member names, its numbers as json.Number.
func decode(b []byte) (any, error) {
	if err := jose.CheckJSON(b); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, jose.ErrJSON
	}
	return v, nil
}

// digest is that of RFC 9901, Section 4.2.3: over the text, not over the JSON inside.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return jose.EncodeSegment(sum[:])
}

// String returns the text that was parsed or made, byte for byte.
func (c *Credential) String() string { return c.text + c.kb }

// Header returns the protected header of the issuer-signed JWT.
func (c *Credential) Header() jose.Header { return c.jws.Header }

// Claims returns the processed payload of RFC 9901, Section 7.1: everything that is open or disclosed, without _sd and
// _sd_alg. Numbers are json.Number. It is not verified, and not to be changed.
func (c *Credential) Claims() map[string]any { return c.claims }

// Disclosures returns what this text discloses beside the claims that are always open, in the order of the text: for a
// consent screen, or for a holder to know what could be shown.
func (c *Credential) Disclosures() []Disclosure { return slices.Clone(c.disclosures) }

// KeyBinding returns the key-binding JWT alone, or "".
func (c *Credential) KeyBinding() string { return c.kb }

// Hash is sd_hash: SHA-256 over the issuer-signed JWT and the disclosures with their tildes (RFC 9901, Section 4.3.1).
func (c *Credential) Hash() [32]byte { return sha256.Sum256([]byte(c.text)) }

// Holder returns the key in cnf.jwk that a key binding must be signed with, the zero Key if there is no cnf, and an error that
// wraps [ErrMalformed] if cnf holds no key that we can use.
func (c *Credential) Holder() (jose.Key, error) {
	cnf, ok := c.claims["cnf"]
	if !ok {
		return jose.Key{}, nil
	}
	m, ok := cnf.(map[string]any)
	if !ok || m["jwk"] == nil {
		return jose.Key{}, fmt.Errorf("%w: cnf has no jwk", ErrMalformed)
	}
	raw, err := json.Marshal(m["jwk"])
	if err != nil {
		return jose.Key{}, fmt.Errorf("%w: cnf: %w", ErrMalformed, err)
	}
	key, err := jose.ParseKey(raw)
	if err != nil {
		return jose.Key{}, fmt.Errorf("%w: cnf: %w", ErrMalformed, err)
	}
	return key, nil
}

// Split returns what a ledger entry keeps of a presentation: the key-binding JWT and the key it must be signed with. Both
// come from the text as it stands; verify the presentation first.
func Split(presentation string) (kbJWT string, holder jose.Key, err error) {
	c, err := Parse(presentation)
	if err != nil {
		return "", jose.Key{}, err
	}
	if c.kb == "" {
		return "", jose.Key{}, ErrNoBinding
	}
	if holder, err = c.Holder(); err != nil {
		return "", jose.Key{}, err
	}
	if holder.IsZero() {
		return "", jose.Key{}, fmt.Errorf("%w: no cnf", ErrHolder)
	}
	return c.kb, holder, nil
}
