package jose_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"
	"time"

	"kindpakket/credential/jose"
)

var noon = time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)

type authority struct {
	key  *jose.PrivateKey
	cert *x509.Certificate
}

// certify makes a certificate for name with a key of its own, signed by parent, or by itself if parent is nil.
func certify(t testing.TB, name string, parent *authority, change func(*x509.Certificate)) *authority {
	t.Helper()
	a := &authority{key: generate(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    noon.Add(-time.Hour),
		NotAfter:     noon.Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(template)
	}
	signer := a
	parentCert := template
	if parent != nil {
		signer, parentCert = parent, parent.cert
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parentCert, a.key.Public().Public(), signer.key.ECDSA())
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func ca(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
}

func signingCA(c *x509.Certificate) {
	ca(c)
	c.KeyUsage |= x509.KeyUsageDigitalSignature
}

func pool(certs ...*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}

func TestChain(t *testing.T) {
	root := certify(t, "root", nil, ca)
	middle := certify(t, "middle", root, ca)
	leaf := certify(t, "leaf", middle, nil)
	stranger := certify(t, "leaf", certify(t, "root", nil, ca), nil)
	selfSigned := certify(t, "leaf", nil, nil)

	// The root again, by the same key under the same name: what the pool holds is another certificate.
	again := *root.cert
	again.SerialNumber = big.NewInt(2)
	der, err := x509.CreateCertificate(rand.Reader, &again, &again, root.key.Public().Public(), root.key.ECDSA())
	if err != nil {
		t.Fatal(err)
	}
	reissued, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}

	token, err := jose.Sign(leaf.key, jose.Header{X5C: jose.Chain{leaf.cert, middle.cert}.DER()}, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := jose.Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := jose.ParseChain(j.Header.X5C)
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.Verify(pool(root.cert), noon); err != nil {
		t.Fatal(err)
	}
	key, err := chain.Key()
	if err != nil || key != leaf.key.Public() || j.Verify(key) != nil {
		t.Errorf("got key %v, %v", key, err)
	}
	if chain.SHA256() != sha256.Sum256(leaf.cert.Raw) || !chain.Leaf().Equal(leaf.cert) {
		t.Error("the hash is not the leaf's")
	}
	// An anchor may be a certificate that another one signed, and the chain may end below it.
	if err := chain.Verify(pool(middle.cert, root.cert), noon); err != nil {
		t.Errorf("with a second anchor: %v", err)
	}
	if err := (jose.Chain{leaf.cert}).Verify(pool(middle.cert), noon); err != nil {
		t.Errorf("an anchor in the middle: %v", err)
	}

	for name, tc := range map[string]struct {
		chain jose.Chain
		roots *x509.CertPool
		now   time.Time
	}{
		"empty":                     {nil, pool(root.cert), noon},
		"no roots":                  {chain, nil, noon},
		"empty roots":               {chain, pool(), noon},
		"another root":              {chain, pool(stranger.cert), noon},
		"root of the same name":     {jose.Chain{stranger.cert}, pool(root.cert), noon},
		"root in the header":        {jose.Chain{leaf.cert, middle.cert, root.cert}, pool(root.cert), noon},
		"root re-issued, in header": {jose.Chain{leaf.cert, middle.cert, reissued}, pool(root.cert), noon},
		"anchor in the header":      {chain, pool(middle.cert), noon},
		"leaf is the anchor":        {jose.Chain{leaf.cert}, pool(leaf.cert), noon},
		"self-signed leaf":          {jose.Chain{selfSigned.cert}, pool(selfSigned.cert), noon},
		"middle is missing":         {jose.Chain{leaf.cert}, pool(root.cert), noon},
		"order reversed":            {jose.Chain{middle.cert, leaf.cert}, pool(root.cert), noon},
		"a stranger at the end":     {jose.Chain{leaf.cert, middle.cert, stranger.cert}, pool(root.cert), noon},
		"expired":                   {chain, pool(root.cert), noon.Add(2 * time.Hour)},
		"not yet valid":             {chain, pool(root.cert), noon.Add(-2 * time.Hour)},
		"leaf is a CA":              {jose.Chain{middle.cert}, pool(root.cert), noon},
		"leaf is a CA that signs":   {jose.Chain{certify(t, "x", root, signingCA).cert}, pool(root.cert), noon},
		"leaf signed by a leaf":     {jose.Chain{certify(t, "x", leaf, nil).cert, leaf.cert, middle.cert}, pool(root.cert), noon},
		"leaf for encryption":       {jose.Chain{certify(t, "x", root, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }).cert}, pool(root.cert), noon},
		"unknown critical addition": {jose.Chain{certify(t, "x", root, func(c *x509.Certificate) { c.ExtraExtensions = critical }).cert}, pool(root.cert), noon},
	} {
		if err := tc.chain.Verify(tc.roots, tc.now); !errors.Is(err, jose.ErrChain) {
			t.Errorf("%s: got %v, want ErrChain", name, err)
		}
	}
}

var critical = []pkix.Extension{{Id: []int{1, 2, 3, 4, 5}, Critical: true, Value: []byte{5, 0}}}

func TestParseChainRefuses(t *testing.T) {
	leaf := certify(t, "leaf", nil, nil).cert.Raw
	for name, x5c := range map[string][][]byte{
		"none":       nil,
		"too many":   {leaf, leaf, leaf, leaf, leaf, leaf},
		"too large":  {append(leaf[:len(leaf):len(leaf)], make([]byte, jose.MaxCertificate)...)},
		"more after": {append(leaf[:len(leaf):len(leaf)], 0)},
		"no DER":     {[]byte("-----BEGIN CERTIFICATE-----")},
	} {
		if c, err := jose.ParseChain(x5c); err == nil {
			t.Errorf("%s: got %v", name, c)
		}
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if k, err := (jose.Chain{{PublicKey: &p384.PublicKey}}).Key(); !errors.Is(err, jose.ErrKey) {
		t.Errorf("P-384: got %v, %v, want ErrKey", k, err)
	}
}

func FuzzParseChain(f *testing.F) {
	f.Add(certify(f, "leaf", nil, nil).cert.Raw)
	roots := pool()
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := jose.ParseChain([][]byte{der})
		if err == nil && c.Verify(roots, noon) == nil {
			t.Error("verified without a root")
		}
	})
}
