package oid4vp_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/url"
	"testing"
	"time"

	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
)

var now = time.Date(2027, 3, 1, 10, 15, 30, 0, time.UTC)

const orderType = "urn:kindpakket:order:1"

func newKey(t testing.TB) *jose.PrivateKey {
	t.Helper()
	k, err := jose.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// shop is a verifier with a certificate of the municipality.
type shop struct {
	key    *jose.PrivateKey
	roots  *x509.CertPool
	chain  jose.Chain // the leaf alone
	anchor *x509.Certificate
	ca     *jose.PrivateKey
}

func newShop(t testing.TB) shop {
	t.Helper()
	ca := newKey(t)
	root := sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Gemeente Zuidhorn"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}, nil, ca.ECDSA(), ca.ECDSA())
	s := shop{roots: x509.NewCertPool(), anchor: root, ca: ca}
	s.roots.AddCert(root)
	return s.neighbour(t)
}

// neighbour returns another shop with a certificate from the same municipality.
func (s shop) neighbour(t testing.TB) shop {
	t.Helper()
	s.key = newKey(t)
	s.chain = jose.Chain{sign(t, leaf(), s.anchor, s.key.ECDSA(), s.ca.ECDSA())}
	return s
}

func leaf() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Fietsenwinkel De Ketting"},
		KeyUsage: x509.KeyUsageDigitalSignature, DNSNames: []string{"ketting.example"},
		URIs:      []*url.URL{{Scheme: "did", Opaque: "web:ketting.example"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
}

func sign(t testing.TB, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const query = `{"credentials":[{"id":"card","format":"dc+sd-jwt","meta":{"vct_values":["https://zuidhorn.example/vct/kindpakket/1"]},"claims":[{"path":["fund"]}]}]}`

func segment(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func order() string {
	return segment(`{"type":"` + orderType + `","credential_ids":["card"],"transaction_data_hashes_alg":["sha-256"],"amount":1250}`)
}

func (s shop) request() oid4vp.Request {
	sum := oid4vp.TransactionDataHash(order())
	return oid4vp.Request{
		ClientID: oid4vp.HashClientID(s.chain), ResponseMode: oid4vp.DirectPost,
		ResponseURI: "https://ketting.example/responses/1", Nonce: jose.EncodeSegment(sum[:]), State: "af0ifjsldkj",
		Query: json.RawMessage(query), Metadata: oid4vp.NewClientMetadata(jose.Key{}, ""), IssuedAt: now, ExpiresAt: now.Add(2 * time.Minute),
	}
}

func (s shop) policy() oid4vp.Policy {
	return oid4vp.Policy{ClientID: oid4vp.HashClientID(s.chain), Now: now, Roots: s.roots, TransactionTypes: []string{orderType}}
}

func (s shop) sign(t testing.TB, r oid4vp.Request) string {
	t.Helper()
	token, err := r.SignX509(s.key, s.chain)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// claims returns the payload of a good request, for requests that SignX509 would not make.
func (s shop) claims(t testing.TB) map[string]any {
	t.Helper()
	j, err := jose.Parse(s.sign(t, s.request()))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(j.Payload, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (s shop) forge(t testing.TB, by jose.Signer, claims map[string]any) string {
	t.Helper()
	b, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return raw(t, by, jose.Header{Type: "oauth-authz-req+jwt", X5C: s.chain.DER()}, string(b))
}

func raw(t testing.TB, by jose.Signer, h jose.Header, payload string) string {
	t.Helper()
	token, err := jose.Sign(by, h, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return token
}
