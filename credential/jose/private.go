package jose

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
)

// Signer makes signatures under one key. Its private half may live in memory ([PrivateKey]), in Tink or in WebCrypto.
type Signer interface {
	// Public returns the key that verifies the signatures.
	Public() Key
	// Sign returns the JWS signature over message, which is the message itself and not its hash. For ES256 that is r and s
	// of 32 bytes each (RFC 7518, Section 3.4), for EdDSA the 64 bytes of RFC 8032.
	Sign(message []byte) ([]byte, error)
}

// PrivateKey is a P-256 key in memory. It is a [Signer], and prints as [redacted] however it is printed.
type PrivateKey struct {
	key *ecdsa.PrivateKey
	pub Key
}

// Generate makes a key from 32 bytes of rand (more with probability 2⁻³², when they exceed the group's order). Equal bytes
// make equal keys.
func Generate(rand io.Reader) (*PrivateKey, error) {
	// crypto/ecdsa has ignored its reader since Go 1.26, so the scalar is drawn here: FIPS 186-5, Appendix A.2.2.
	var scalar [32]byte
	for range 64 {
		if _, err := io.ReadFull(rand, scalar[:]); err != nil {
			return nil, fmt.Errorf("generating key: %w", err)
		}
		if key, err := ParsePrivateKey(scalar[:]); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("generating key: the randomness is broken")
}

// ParsePrivateKey reads what [PrivateKey.Bytes] wrote: a scalar of 32 bytes, neither zero nor beyond the group's order.
func ParsePrivateKey(b []byte) (*PrivateKey, error) {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), b)
	if err != nil {
		return nil, errors.New("parsing private key: not a scalar of P-256")
	}
	return NewPrivateKey(key)
}

// NewPrivateKey wraps a P-256 key of crypto/ecdsa.
func NewPrivateKey(key *ecdsa.PrivateKey) (*PrivateKey, error) {
	if key == nil {
		return nil, errors.New("wrapping private key: no key")
	}
	pub, err := NewKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("wrapping private key: %w", err)
	}
	return &PrivateKey{key, pub}, nil
}

// Bytes returns the scalar, 32 bytes. It is a secret, for a vault.
func (p *PrivateKey) Bytes() []byte {
	b, err := p.key.Bytes()
	if err != nil {
		panic("jose: a PrivateKey is always on P-256: " + err.Error())
	}
	return b
}

// ECDSA returns the key for x509.CreateCertificateRequest and the like.
func (p *PrivateKey) ECDSA() *ecdsa.PrivateKey { return p.key }

// ECDH returns the key for [Decrypt]. A key that signs should not decrypt as well; make one for each.
func (p *PrivateKey) ECDH() *ecdh.PrivateKey {
	k, err := p.key.ECDH()
	if err != nil {
		panic("jose: a PrivateKey is always on P-256: " + err.Error())
	}
	return k
}

// Public returns the public half.
func (p *PrivateKey) Public() Key { return p.pub }

// Sign returns the ES256 signature over message: r and s, 64 bytes. It is deterministic (RFC 6979), so that a bad source
// of randomness cannot give the key away.
func (p *PrivateKey) Sign(message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	der, err := p.key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return FromDER(der)
}

// FromDER turns an ECDSA signature on P-256 from the ASN.1 form that certificates and most keystores use into the 64
// bytes of RFC 7518, Section 3.4, for a [Signer] over such a keystore.
func FromDER(der []byte) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &sig)
	if err != nil || len(rest) > 0 || sig.R.Sign() <= 0 || sig.S.Sign() <= 0 || sig.R.BitLen() > 256 || sig.S.BitLen() > 256 {
		return nil, errors.New("converting signature: not an ECDSA signature on P-256")
	}
	out := make([]byte, 64)
	sig.R.FillBytes(out[:32])
	sig.S.FillBytes(out[32:])
	return out, nil
}

const redacted = "[redacted]"

// String returns [redacted].
func (p *PrivateKey) String() string { return redacted }

// GoString returns [redacted].
func (p *PrivateKey) GoString() string { return redacted }

// Format writes [redacted] whatever the verb.
func (p *PrivateKey) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// MarshalJSON writes "[redacted]".
func (p *PrivateKey) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue returns [redacted].
func (p *PrivateKey) LogValue() slog.Value { return slog.StringValue(redacted) }
