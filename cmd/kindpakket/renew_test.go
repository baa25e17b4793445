package main

import (
	"crypto"
	"crypto/x509"
	"os"
	"testing"
	"time"

	"kindpakket/issuer"
)

// TestCardCertificateIsRenewed opens the issuer a year later: the certificate of the cards is new, for the same key.
func TestCardCertificateIsRenewed(t *testing.T) {
	d := dir(t.TempDir() + "/house")
	c := &InitCmd{Dir: string(d), URL: "http://127.0.0.1:8080", Municipality: "Gemeente Zuidhorn", IBAN: "NL42TEST0000000099"}
	if err := c.Run(t.Context(), &output{out: os.Stderr, err: os.Stderr, log: discard()}); err != nil {
		t.Fatal(err)
	}
	h := &house{dir: d, log: discard()}
	var err error
	if h.cfg, err = d.loadConfig(); err != nil {
		t.Fatal(err)
	}
	defer h.close()
	keys, err := h.openKeys("issuer")
	if err != nil {
		t.Fatal(err)
	}
	caKey, err := keys.CryptoSigner("ca")
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := d.loadAnchor()
	if err != nil {
		t.Fatal(err)
	}
	ca := &issuer.CA{Anchor: anchor, Key: caKey}
	first, err := h.cardCertificate(keys, ca, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	later := first.NotAfter.AddDate(-1, 0, 0) // a card of a whole year would outlive the first certificate
	second, err := h.cardCertificate(keys, ca, later)
	if err != nil {
		t.Fatal(err)
	}
	if !second.NotAfter.After(first.NotAfter) || !second.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(first.PublicKey) {
		t.Error("the certificate was not renewed for the same key")
	}
	if _, err := second.Verify(x509.VerifyOptions{Roots: pool(anchor), CurrentTime: later, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Errorf("the renewed certificate: %v", err)
	}
	if again, err := h.cardCertificate(keys, ca, later); err != nil || !again.Equal(second) {
		t.Errorf("asked again it is another certificate (%v)", err)
	}
}
