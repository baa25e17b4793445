package jose

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// MaxChain is the largest number of certificates in x5c, MaxCertificate the size of each in bytes of DER.
const (
	MaxChain       = 5
	MaxCertificate = 8 << 10
)

// ErrChain is returned for a certificate chain that does not lead from its leaf to an anchor of the caller.
var ErrChain = errors.New("untrusted certificate chain")

// Chain is the certificates of an x5c header, leaf first. It is never empty, and not to be believed before [Chain.Verify].
type Chain []*x509.Certificate

// ParseChain reads the certificates of [Header.X5C].
func ParseChain(x5c [][]byte) (Chain, error) {
	if len(x5c) == 0 || len(x5c) > MaxChain {
		return nil, fmt.Errorf("parsing certificate chain: not 1 to %d certificates", MaxChain)
	}
	var c Chain
	for _, der := range x5c {
		if len(der) > MaxCertificate {
			return nil, fmt.Errorf("parsing certificate chain: a certificate is longer than %d bytes", MaxCertificate)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("parsing certificate chain: %w", err)
		}
		c = append(c, cert)
	}
	return c, nil
}

// Verify returns nil if c leads from its leaf to one of roots at the time now, in the order it stands in (RFC 7515,
// Section 4.1.6). HAIP 1.0, Section 5: the leaf must not be self-signed and the anchor must not be in the header. The leaf
// must be no CA and, if it says what its key is for, be for digital signatures. What the leaf names (a DID, a DNS name) is
// the caller's to check. It returns an error that wraps [ErrChain].
func (c Chain) Verify(roots *x509.CertPool, now time.Time) error {
	if len(c) == 0 || roots == nil {
		return fmt.Errorf("%w: nothing to verify", ErrChain)
	}
	inter := x509.NewCertPool()
	for i, cert := range c {
		if bytes.Equal(cert.RawIssuer, cert.RawSubject) && cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil {
			return fmt.Errorf("%w: certificate %d is self-signed", ErrChain, i)
		}
		if i > 0 {
			if err := c[i-1].CheckSignatureFrom(cert); err != nil {
				return fmt.Errorf("%w: certificate %d did not sign the one before it", ErrChain, i)
			}
			inter.AddCert(cert)
		}
	}
	leaf := c[0]
	if leaf.IsCA {
		return fmt.Errorf("%w: the leaf is a CA", ErrChain)
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return fmt.Errorf("%w: the leaf is not for signatures", ErrChain)
	}
	paths, err := leaf.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: inter,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChain, err)
	}
	// An anchor need not be self-signed: look for the one that each path ends in.
	for _, path := range paths {
		if !c.has(path[len(path)-1]) {
			return nil
		}
	}
	return fmt.Errorf("%w: the anchor is in the header", ErrChain)
}

func (c Chain) has(cert *x509.Certificate) bool {
	for _, own := range c {
		if own.Equal(cert) {
			return true
		}
	}
	return false
}

// Leaf returns the first certificate.
func (c Chain) Leaf() *x509.Certificate { return c[0] }

// Key returns the leaf's key, or an error that wraps [ErrKey] if it is outside the profile.
func (c Chain) Key() (Key, error) { return NewKey(c[0].PublicKey) }

// SHA256 returns the hash of the leaf's DER, which the client id prefix x509_hash names (OpenID4VP 1.0, Section 5.9.3).
func (c Chain) SHA256() [32]byte { return sha256.Sum256(c[0].Raw) }

// DER returns the certificates for [Header.X5C].
func (c Chain) DER() [][]byte {
	var der [][]byte
	for _, cert := range c {
		der = append(der, cert.Raw)
	}
	return der
}
