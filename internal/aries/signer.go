package aries

import (
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"

	"github.com/google/tink/go/keyset"
	"github.com/hyperledger/aries-framework-go/pkg/crypto/tinkcrypto"

	"kindpakket/credential/jose"
)

// ErrDigest is what a signer of [Keys.CryptoSigner] says when it is handed a digest: Tink hashes what it signs itself.
var ErrDigest = errors.New("this key signs messages, not digests")

// A signer is the jose.Signer of a Tink keyset.
type signer struct {
	pub    jose.Key
	handle *keyset.Handle
	crypto *tinkcrypto.Crypto
}

func (s *signer) Public() jose.Key { return s.pub }

// Sign returns r || s, 64 bytes, over the SHA-256 of message (RFC 7518, Section 3.4).
func (s *signer) Sign(message []byte) ([]byte, error) {
	sig, err := s.crypto.Sign(message, s.handle)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	if len(sig) != 64 {
		return nil, fmt.Errorf("signing: a signature of %d bytes, want 64", len(sig))
	}
	return sig, nil
}

// CryptoSigner returns the key of this name for package x509 and for TLS. It signs messages by SignMessage and refuses digests with
// [ErrDigest]; crypto.SignMessage, and so x509.CreateCertificate and CreateCertificateRequest, do the right thing. It returns the
// errors of [Keys.Signer].
func (k *Keys) CryptoSigner(name string) (crypto.MessageSigner, error) {
	s, err := k.signer(name)
	if err != nil {
		return nil, fmt.Errorf("opening key %q: %w", name, err)
	}
	return &cryptoSigner{s}, nil
}

type cryptoSigner struct{ key *signer }

func (c *cryptoSigner) Public() crypto.PublicKey { return c.key.pub.Public() }

func (c *cryptoSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, ErrDigest
}

// SignMessage returns the ASN.1 form of the signature over the SHA-256 of message. The randomness is Tink's own.
func (c *cryptoSigner) SignMessage(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts == nil || opts.HashFunc() != crypto.SHA256 {
		return nil, errors.New("signing: this key signs with SHA-256 only")
	}
	sig, err := c.key.Sign(message)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])})
}

// A signer holds its keyset, so it too shows nothing but its public half.

func (s *signer) String() string               { return "signer of " + s.pub.Thumbprint().String() }
func (s *signer) Format(f fmt.State, _ rune)   { io.WriteString(f, s.String()) }
func (s *signer) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (s *signer) LogValue() slog.Value         { return slog.StringValue(redacted) }

func (c *cryptoSigner) String() string               { return c.key.String() }
func (c *cryptoSigner) Format(f fmt.State, _ rune)   { io.WriteString(f, c.String()) }
func (c *cryptoSigner) MarshalJSON() ([]byte, error) { return c.key.MarshalJSON() }
func (c *cryptoSigner) LogValue() slog.Value         { return c.key.LogValue() }
