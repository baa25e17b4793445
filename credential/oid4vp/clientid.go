package oid4vp

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"kindpakket/credential/did"
	"kindpakket/credential/jose"
)

// ClientID is a client identifier with its prefix (OpenID4VP 1.0, Section 5.9): who asks, and how that is known. It is
// always used whole, prefix included, as the audience of presentations too (Section 14, "Always Use the Full Client
// Identifier").
type ClientID string

// Prefix is a client identifier prefix.
type Prefix string

// The prefixes that are known here; all demand a signed request. Any other is refused.
const (
	X509Hash                Prefix = "x509_hash"                // SHA-256 of the leaf certificate, base64url
	X509SANDNS              Prefix = "x509_san_dns"             // a DNS name of the leaf certificate
	DecentralizedIdentifier Prefix = "decentralized_identifier" // a DID
)

// MaxClientID is the longest client id that is read, in bytes.
const MaxClientID = 1 << 10

// HashClientID returns the x509_hash client id of the chain's leaf.
func HashClientID(c jose.Chain) ClientID {
	sum := c.SHA256()
	return ClientID(string(X509Hash) + ":" + jose.EncodeSegment(sum[:]))
}

// DNSClientID returns the x509_san_dns client id of a host.
func DNSClientID(host string) ClientID { return ClientID(string(X509SANDNS) + ":" + host) }

// DIDClientID returns the decentralized_identifier client id of a DID.
func DIDClientID(d did.DID) ClientID {
	return ClientID(string(DecentralizedIdentifier) + ":" + string(d))
}

// Split returns the prefix, before the first colon, and what stands behind it.
func (c ClientID) Split() (Prefix, string) {
	prefix, rest, _ := strings.Cut(string(c), ":")
	return Prefix(prefix), rest
}

var dnsPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Verify returns nil if c has a known prefix and what follows is of its kind.
func (c ClientID) Verify() error {
	if len(c) > MaxClientID {
		return fmt.Errorf("client_id: %w", errTooLong)
	}
	prefix, rest := c.Split()
	switch prefix {
	case X509Hash:
		if b, err := jose.DecodeSegment(rest); err != nil || len(b) != 32 {
			return errors.New("client_id: x509_hash is not a SHA-256 hash")
		}
	case X509SANDNS:
		// An address is not a DNS name; its last label would be a number.
		if last := rest[strings.LastIndexByte(rest, '.')+1:]; len(rest) > 253 || !dnsPattern.MatchString(rest) || strings.Trim(last, "0123456789") == "" {
			return errors.New("client_id: x509_san_dns is not a DNS name in lower case")
		}
	case DecentralizedIdentifier:
		if _, err := did.Parse(rest); err != nil {
			return fmt.Errorf("client_id: %w", err)
		}
	default:
		// Section 5.9.2 would let us take it for a pre-registered client; we know none.
		return errors.New("client_id: the prefix is not supported")
	}
	return nil
}
