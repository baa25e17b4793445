package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"
)

// CA is the municipality's small certificate authority: its anchor is what wallets and tills trust, and it issues the
// certificate that signs cards and one access certificate for each shop.
type CA struct {
	Anchor *x509.Certificate
	Key    crypto.Signer // the anchor's key; signs messages (crypto.MessageSigner) where it lies in a key manager
}

const (
	anchorLife = 10 * 365 * 24 * time.Hour
	leafLife   = 400 * 24 * time.Hour

	// CardLife is how long the certificate of the cards counts, and CardRenew how long before its end it must be renewed: a
	// card that was signed today must count for its whole year, and it may be taken a quarter before that begins.
	CardLife  = 3 * 365 * 24 * time.Hour
	CardRenew = 500 * 24 * time.Hour
)

// NewAnchor makes the self-signed certificate of a new CA.
func NewAnchor(municipality string, key crypto.Signer, now time.Time) (*CA, error) {
	t, err := template("Kindpakket "+municipality+" CA", now, anchorLife)
	if err != nil {
		return nil, err
	}
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	ca := &CA{Key: key}
	ca.Anchor, err = sign(t, t, key.Public(), key)
	return ca, err
}

// Cards issues the certificate under which cards and status lists are signed: for a key whose owner is known by these
// URIs (the issuer's URL and DID) and, if host is not empty, by this host name or address.
func (c *CA) Cards(name string, pub crypto.PublicKey, now time.Time, host string, uris ...string) (*x509.Certificate, error) {
	return c.leaf(name, pub, now, CardLife, host, nil, uris...)
}

func (c *CA) leaf(name string, pub crypto.PublicKey, now time.Time, life time.Duration, host string, usage []x509.ExtKeyUsage, uris ...string) (*x509.Certificate, error) {
	t, err := template(name, now, life)
	if err != nil {
		return nil, err
	}
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, usage
	for _, text := range uris {
		u, err := url.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("issuing certificate: a name is not a URI")
		}
		t.URIs = append(t.URIs, u)
	}
	if ip := net.ParseIP(host); ip != nil {
		t.IPAddresses = []net.IP{ip}
	} else if host != "" {
		t.DNSNames = []string{host}
	}
	return sign(t, c.Anchor, pub, c.Key)
}

// ServerLeaf issues a certificate for a TLS server on host, for a house that runs without a public one.
func (c *CA) ServerLeaf(pub crypto.PublicKey, now time.Time, host string) (*x509.Certificate, error) {
	t, err := template(host, now, leafLife)
	if err != nil {
		return nil, err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if ip := net.ParseIP(host); ip != nil {
		t.IPAddresses = []net.IP{ip}
	} else {
		t.DNSNames = []string{host}
	}
	return sign(t, c.Anchor, pub, c.Key)
}

// Access issues a shop's access certificate from its signing request, whose only names must be this DID and the host
// under which the shop's verifier is reached.
func (c *CA) Access(der []byte, name, did string, now time.Time) (*x509.Certificate, error) {
	if len(der) > 8<<10 {
		return nil, fmt.Errorf("%w: the signing request is larger than 8 KiB", ErrInput)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil || csr.CheckSignature() != nil {
		return nil, fmt.Errorf("%w: the signing request does not verify", ErrInput)
	}
	if pub, ok := csr.PublicKey.(*ecdsa.PublicKey); !ok || pub.Params().BitSize != 256 {
		return nil, fmt.Errorf("%w: the signing request's key is not P-256", ErrInput)
	}
	if len(csr.URIs) != 1 || csr.URIs[0].String() != did {
		return nil, fmt.Errorf("%w: the signing request names another shop", ErrInput)
	}
	host := ""
	switch {
	case len(csr.DNSNames)+len(csr.IPAddresses) > 1:
		return nil, fmt.Errorf("%w: the signing request names more than one host", ErrInput)
	case len(csr.DNSNames) == 1:
		host = csr.DNSNames[0]
	case len(csr.IPAddresses) == 1:
		host = csr.IPAddresses[0].String()
	}
	// The host is what the shop says it is. clientAuth keeps the certificate from being taken for that host's own in TLS.
	return c.leaf(name, csr.PublicKey, now, leafLife, host, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, did)
}

func template(name string, now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-5 * time.Minute), NotAfter: now.Add(life)}, nil
}

func sign(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	if key == nil {
		return nil, errors.New("issuing certificate: no key")
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("issuing certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}
