package jose

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// MaxToken is the size of the longest JWS or JWE that [Parse] and [Decrypt] read, in bytes of text.
const MaxToken = 64 << 10

var (
	// ErrSignature is returned by [JWS.Verify] when the signature is not that of the key over the token.
	ErrSignature = errors.New("signature does not verify")
	// ErrAlgorithm is returned for an algorithm outside the profile, and for a key of another algorithm than the header's.
	ErrAlgorithm = errors.New("algorithm is not allowed")
	// ErrHeader is returned for a header that is malformed or has a parameter that we refuse.
	ErrHeader = errors.New("unacceptable header")
	// ErrToken is returned for text that is not a compact JWS or JWE, or too long.
	ErrToken = errors.New("malformed token")
)

// Header is the protected header of a JWS. An empty field is absent.
type Header struct {
	Algorithm Algorithm                  // alg; [Sign] fills it in from the signer
	Type      string                     // typ, as it stands: "dc+sd-jwt", "kb+jwt" … The caller compares it exactly
	KeyID     string                     // kid
	X5C       [][]byte                   // x5c, leaf first, DER: see [ParseChain]
	JWK       Key                        // jwk, a public key that the writer claims to hold
	Extra     map[string]json.RawMessage // every other member
}

// refused are header parameters that make a token unacceptable: extensions that must be understood (crit), payloads that
// are not base64url (b64), compression (zip), and addresses to fetch a key from (jku, x5u). The rest belong to JWE.
var refused = []string{"crit", "b64", "zip", "jku", "x5u", "enc", "epk", "p2c", "p2s"}

func (h Header) encode() ([]byte, error) {
	m := map[string]any{"alg": h.Algorithm}
	for name, raw := range h.Extra {
		if slices.Contains([]string{"alg", "typ", "kid", "x5c", "jwk"}, name) || slices.Contains(refused, name) {
			return nil, fmt.Errorf("%w: %q cannot be an extra member", ErrHeader, name)
		}
		m[name] = raw
	}
	if h.Type != "" {
		m["typ"] = h.Type
	}
	if h.KeyID != "" {
		m["kid"] = h.KeyID
	}
	if len(h.X5C) > 0 {
		// RFC 7515, Section 4.1.6: base64, not base64url, so [][]byte as encoding/json writes it.
		m["x5c"] = h.X5C
	}
	if !h.JWK.IsZero() {
		m["jwk"] = h.JWK
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	return b, CheckJSON(b)
}

func parseHeader(segment string) (Header, error) {
	raw, err := DecodeSegment(segment)
	if err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	m, err := ParseObject(raw)
	if err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	for _, name := range refused {
		if _, ok := m[name]; ok {
			return Header{}, fmt.Errorf("%w: %q is refused", ErrHeader, name)
		}
	}
	var h Header
	alg, err := member(m, "alg")
	if err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	if h.Algorithm = Algorithm(alg); h.Algorithm != ES256 && h.Algorithm != EdDSA {
		return Header{}, fmt.Errorf("%w: neither ES256 nor EdDSA", ErrAlgorithm)
	}
	if h.Type, err = member(m, "typ"); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	if h.KeyID, err = member(m, "kid"); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	if x5c, ok := m["x5c"]; ok {
		if h.X5C, err = parseX5C(x5c); err != nil {
			return Header{}, err
		}
	}
	if jwk, ok := m["jwk"]; ok {
		if h.JWK, err = ParseKey(jwk); err != nil {
			return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
		}
	}
	for _, name := range []string{"alg", "typ", "kid", "x5c", "jwk"} {
		delete(m, name)
	}
	if len(m) > 0 {
		h.Extra = m
	}
	return h, nil
}

func parseX5C(raw []byte) ([][]byte, error) {
	var texts []string
	if err := json.Unmarshal(raw, &texts); err != nil || len(texts) == 0 {
		return nil, fmt.Errorf(`%w: "x5c" is not a list of certificates`, ErrHeader)
	}
	if len(texts) > MaxChain {
		return nil, fmt.Errorf(`%w: "x5c" has more than %d certificates`, ErrHeader, MaxChain)
	}
	var der [][]byte
	for _, s := range texts {
		b, err := base64.StdEncoding.Strict().DecodeString(s)
		if err != nil || len(b) == 0 || strings.ContainsAny(s, "\r\n") {
			return nil, fmt.Errorf(`%w: "x5c" is not base64`, ErrHeader)
		}
		der = append(der, b)
	}
	return der, nil
}

// Sign returns the compact JWS of payload under s. h.Algorithm is filled in from the signer. It is an error for h.Extra to
// hold a member that has a field, or one that [Parse] refuses.
func Sign(s Signer, h Header, payload []byte) (string, error) {
	key := s.Public()
	if key.IsZero() {
		return "", errors.New("signing: the signer has no key")
	}
	if h.Algorithm != "" && h.Algorithm != key.Algorithm() {
		return "", fmt.Errorf("signing: %w", ErrAlgorithm)
	}
	h.Algorithm = key.Algorithm()
	header, err := h.encode()
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	input := EncodeSegment(header) + "." + EncodeSegment(payload)
	sig, err := s.Sign([]byte(input))
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	// A signer over a keystore that answers in DER would write tokens that nobody can read.
	if len(sig) != signatureSize {
		return "", fmt.Errorf("signing: the signer returned %d bytes, want %d", len(sig), signatureSize)
	}
	return input + "." + EncodeSegment(sig), nil
}

// signatureSize is that of ES256 (RFC 7518, Section 3.4) and of Ed25519 alike.
const signatureSize = 64

// JWS is a parsed token. Nothing in it is to be believed before [JWS.Verify] returned nil, except as a hint to find the key.
type JWS struct {
	Header  Header
	Payload []byte

	token string
	dots  [2]int
	sig   []byte
}

// Parse reads a compact JWS of at most [MaxToken] bytes. The signature is not verified yet. It returns an error that wraps
// [ErrToken], [ErrHeader] or [ErrAlgorithm].
func Parse(token string) (*JWS, error) { return ParseSized(token, MaxToken) }

// ParseSized is [Parse] with another limit, in bytes of text, for a token that is known to be long, such as a status list.
func ParseSized(token string, max int) (*JWS, error) {
	if len(token) > max {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrToken, max)
	}
	if strings.Count(token, ".") != 2 {
		return nil, fmt.Errorf("%w: not three segments", ErrToken)
	}
	j := &JWS{token: token}
	j.dots[0] = strings.IndexByte(token, '.')
	j.dots[1] = strings.LastIndexByte(token, '.')
	var err error
	if j.Header, err = parseHeader(token[:j.dots[0]]); err != nil {
		return nil, err
	}
	if j.Payload, err = DecodeSegment(j.PayloadSegment()); err != nil {
		return nil, fmt.Errorf("%w: payload: %w", ErrToken, err)
	}
	if j.sig, err = DecodeSegment(token[j.dots[1]+1:]); err != nil {
		return nil, fmt.Errorf("%w: signature: %w", ErrToken, err)
	}
	if len(j.sig) != signatureSize {
		return nil, fmt.Errorf("%w: the signature is not %d bytes", ErrToken, signatureSize)
	}
	return j, nil
}

// Verify returns nil if the token was signed by k. The key decides the algorithm: it returns an error that wraps
// [ErrAlgorithm] if the header names another, and [ErrSignature] if the signature is not k's.
func (j *JWS) Verify(k Key) error {
	if k.IsZero() {
		return fmt.Errorf("verifying signature: %w: no key", ErrKey)
	}
	if j.Header.Algorithm != k.Algorithm() {
		return fmt.Errorf("verifying signature: %w", ErrAlgorithm)
	}
	alg := jwa.ES256
	if k.Algorithm() == EdDSA {
		alg = jwa.EdDSA
	}
	// The verifier works on the bytes as they stood, so that the header is read once only, by us.
	v, err := jws.NewVerifier(alg)
	if err != nil {
		return fmt.Errorf("verifying signature: %w", err)
	}
	if v.Verify([]byte(j.token[:j.dots[1]]), j.sig, k.Public()) != nil {
		return ErrSignature
	}
	return nil
}

// PayloadSegment returns the base64url text of the payload as it stood in the token.
func (j *JWS) PayloadSegment() string { return j.token[j.dots[0]+1 : j.dots[1]] }

// String returns the token as it was parsed.
func (j *JWS) String() string { return j.token }
