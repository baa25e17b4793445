package jose

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"
)

// Encryption is a content encryption algorithm of RFC 7518, Section 5.1.
type Encryption string

// The content encryptions that are allowed.
const (
	A128GCM Encryption = "A128GCM"
	A256GCM Encryption = "A256GCM"
)

// ErrDecrypt is returned for a JWE that does not open, whatever the reason is, so that an answer gives nothing away.
var ErrDecrypt = errors.New("token does not decrypt")

// EncryptHeader is what the writer of a JWE chooses. Every field but Enc may be empty.
type EncryptHeader struct {
	Enc         Encryption // enc
	KeyID       string     // kid of the recipient's key
	ContentType string     // cty
	Type        string     // typ
	APU, APV    []byte     // agreement PartyUInfo and PartyVInfo, as bytes
}

// Encrypt returns the compact JWE of payload for the holder of the P-256 key to: ECDH-ES in direct key agreement
// (RFC 7518, Section 4.6), with an ephemeral key of its own for each call, uncompressed.
func Encrypt(payload []byte, to Key, h EncryptHeader) (string, error) {
	if to.Algorithm() != ES256 {
		return "", fmt.Errorf("encrypting: %w: not on P-256", ErrKey)
	}
	if h.Enc != A128GCM && h.Enc != A256GCM {
		return "", fmt.Errorf("encrypting: %w: neither A128GCM nor A256GCM", ErrAlgorithm)
	}
	protected, agreed := jwe.NewHeaders(), jwe.NewHeaders()
	for name, v := range map[string]string{jwe.KeyIDKey: h.KeyID, jwe.ContentTypeKey: h.ContentType, jwe.TypeKey: h.Type} {
		if v == "" {
			continue
		}
		if err := protected.Set(name, v); err != nil {
			return "", fmt.Errorf("encrypting: %w", err)
		}
	}
	// jwx takes apu and apv from the recipient's headers, and merges those into the protected one.
	for name, v := range map[string][]byte{jwe.AgreementPartyUInfoKey: h.APU, jwe.AgreementPartyVInfoKey: h.APV} {
		if len(v) == 0 {
			continue
		}
		if err := agreed.Set(name, v); err != nil {
			return "", fmt.Errorf("encrypting: %w", err)
		}
	}
	token, err := jwe.Encrypt(payload,
		jwe.WithKey(jwa.ECDH_ES, to.Public(), jwe.WithPerRecipientHeaders(agreed)),
		jwe.WithContentEncryption(jwa.ContentEncryptionAlgorithm(h.Enc)),
		jwe.WithProtectedHeaders(protected))
	if err != nil {
		return "", fmt.Errorf("encrypting: %w", err)
	}
	if len(token) > MaxToken {
		return "", fmt.Errorf("encrypting: %w: longer than %d bytes", ErrToken, MaxToken)
	}
	return string(token), nil
}

// Decrypt opens a compact JWE of at most [MaxToken] bytes that was made for key, on P-256. It returns an error that wraps
// [ErrToken], [ErrHeader] or [ErrAlgorithm] for what is refused unopened, and [ErrDecrypt] for what does not open.
func Decrypt(token string, key *ecdh.PrivateKey) ([]byte, error) {
	if _, err := DecryptHeader(token); err != nil {
		return nil, err
	}
	if key == nil || key.Curve() != ecdh.P256() {
		return nil, fmt.Errorf("decrypting: %w: not on P-256", ErrKey)
	}
	raw, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), key.Bytes())
	if err != nil {
		return nil, fmt.Errorf("decrypting: %w", ErrKey)
	}
	payload, err := jwe.Decrypt([]byte(token), jwe.WithKey(jwa.ECDH_ES, raw))
	if err != nil {
		return nil, ErrDecrypt
	}
	return payload, nil
}

// DecryptHeader checks everything about a JWE that can be checked without the key, as [Decrypt] does, and returns the kid
// of its header, which may be empty, to find the key by.
func DecryptHeader(token string) (kid string, err error) {
	if len(token) > MaxToken {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrToken, MaxToken)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 5 {
		return "", fmt.Errorf("%w: not five segments", ErrToken)
	}
	// RFC 7518, Section 4.6: in direct key agreement the encrypted key is empty. Section 5.3: 96 bits of IV, 128 of tag.
	if parts[1] != "" {
		return "", fmt.Errorf("%w: it has an encrypted key", ErrToken)
	}
	for i, size := range map[int]int{2: 12, 3: -1, 4: 16} {
		b, err := DecodeSegment(parts[i])
		if err != nil || size >= 0 && len(b) != size {
			return "", fmt.Errorf("%w: segment %d is malformed", ErrToken, i)
		}
	}
	raw, err := DecodeSegment(parts[0])
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrHeader, err)
	}
	m, err := ParseObject(raw)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrHeader, err)
	}
	// A list of what may stand there: p2c would cost the reader its processor, zip its memory, jku and x5u a fetch.
	for name := range m {
		switch name {
		case "alg", "enc", "epk", "apu", "apv", "kid", "typ", "cty":
		default:
			return "", fmt.Errorf("%w: a member is refused", ErrHeader)
		}
	}
	texts := map[string]string{}
	for _, name := range []string{"alg", "enc", "kid", "typ", "cty", "apu", "apv"} {
		if texts[name], err = member(m, name); err != nil {
			return "", fmt.Errorf("%w: %w", ErrHeader, err)
		}
	}
	if texts["alg"] != "ECDH-ES" {
		return "", fmt.Errorf("%w: not ECDH-ES", ErrAlgorithm)
	}
	if enc := Encryption(texts["enc"]); enc != A128GCM && enc != A256GCM {
		return "", fmt.Errorf("%w: neither A128GCM nor A256GCM", ErrAlgorithm)
	}
	for _, name := range []string{"apu", "apv"} {
		if _, err := DecodeSegment(texts[name]); err != nil {
			return "", fmt.Errorf("%w: member %q: %w", ErrHeader, name, err)
		}
	}
	// A point off the curve would leak our key bit by bit (RFC 8725, Section 3.4).
	if epk, err := ParseKey(m["epk"]); err != nil || epk.Algorithm() != ES256 {
		return "", fmt.Errorf(`%w: "epk" is not a P-256 key`, ErrHeader)
	}
	return texts["kid"], nil
}
