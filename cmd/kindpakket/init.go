package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/internal/aries"
	"kindpakket/issuer"
	"kindpakket/issuer/intake"
	"kindpakket/ledger"
	"kindpakket/ledger/bolt"
)

// InitCmd makes a new house.
type InitCmd struct {
	Dir          string `required:"" placeholder:"D" help:"Directory of the new house; must not exist, or be empty."`
	URL          string `default:"http://127.0.0.1:8080" help:"Public address of the issuer. An https address gets a certificate of the municipality's own CA."`
	VerifierURL  string `help:"Public address of the verifier. Default: the issuer's, with /verifier."`
	LedgerURL    string `help:"Public address of the ledger. Default: the issuer's, with /ledger."`
	Listen       string `help:"Where to listen. Default: host and port of --url."`
	Municipality string `default:"Gemeente Zuidhorn" help:"Name of the municipality."`
	Origin       string `help:"The ledger's origin line. Default: kindpakket. and the host of --url."`
	IBAN         string `default:"NL42TEST0000000099" help:"Account from which shops are paid."`
	Sample       string `enum:",zuidhorn" default:"" help:"Add a sample municipality: zuidhorn opens this year's Kindpakket."`
	JSON         bool   `name:"json" help:"Print one JSON object."`
}

// Run makes everything in a directory beside and moves it into place at the end: a house is there whole or not at all.
func (c *InitCmd) Run(ctx context.Context, out *output) error {
	final, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(final); err == nil && len(entries) > 0 {
		return hint(fmt.Errorf("making a house: %s is not empty", c.Dir), "Give --dir a new directory. A house is made once; its keys cannot be made again.")
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("making a house: %w", err)
	}
	if err := c.defaults(); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(final), ".kindpakket-init-")
	if err != nil {
		return fmt.Errorf("making a house: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := c.build(ctx, dir(tmp)); err != nil {
		return fmt.Errorf("making a house: %w", err)
	}
	if err := os.Rename(tmp, final); err != nil {
		return fmt.Errorf("making a house: %w", err)
	}
	return out.value(map[string]any{"dir": c.Dir, "issuer": c.URL, "verifier": c.VerifierURL, "anchor": dir(c.Dir).anchor()},
		"The house stands in %s.\n  anchor for wallets   %s\n  configuration        %s\nNext: kindpakket serve --dir %s\n", c.Dir, dir(c.Dir).anchor(), dir(c.Dir).config(), c.Dir)
}

func (c *InitCmd) defaults() error {
	c.URL = strings.TrimSuffix(c.URL, "/")
	for to, path := range map[*string]string{&c.VerifierURL: "/verifier", &c.LedgerURL: "/ledger"} {
		if *to == "" {
			*to = c.URL + path
		}
	}
	for _, u := range []string{c.URL, c.VerifierURL, c.LedgerURL} {
		if err := checkURL(u); err != nil {
			return hint(fmt.Errorf("%s: %w", u, err), "Use https://host, or http://127.0.0.1:port on one machine.")
		}
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return err
	}
	if c.Listen == "" {
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		c.Listen = u.Hostname() + ":" + port
	}
	if c.Origin == "" {
		c.Origin = "kindpakket." + u.Hostname()
		if loopback(c.URL) {
			c.Origin = "kindpakket.zuidhorn.example"
		}
	}
	if !budget.ValidOrigin(c.Origin) {
		return hint(errors.New("--origin must be 1 to 128 of a-z, 0-9 and .:/-"), "Give --origin a name like kindpakket.gemeente.nl.")
	}
	return nil
}

func (c *InitCmd) build(ctx context.Context, d dir) error {
	for _, name := range []string{"issuer", "verifier", "ledger", "run", "tokens", "tls"} {
		if err := os.Mkdir(d.path(name), 0o700); err != nil {
			return err
		}
	}
	if err := errors.Join(c.writeConfig(d), c.ledgerKeys(d), c.verifierKeys(d), c.issuerKeys(d)); err != nil {
		return err
	}
	if err := errors.Join(bolt.Create(d.file("ledger"), c.Origin), issuer.Create(d.file("issuer"))); err != nil {
		return err
	}
	if c.Sample != "" {
		families, shops := intake.Sample()
		if err := errors.Join(os.Mkdir(d.path("sample"), 0o700), os.WriteFile(d.path("sample", "families.csv"), families, 0o600),
			os.WriteFile(d.path("sample", "shops.csv"), shops, 0o600)); err != nil {
			return err
		}
	}
	return c.begin(ctx, d)
}

// begin writes the genesis, and the sample's fund.
func (c *InitCmd) begin(ctx context.Context, d dir) error {
	cfg, err := d.loadConfig()
	if err != nil {
		return err
	}
	h := &house{dir: d, cfg: cfg, log: discard()}
	defer h.close()
	if err := h.openLedger(); err != nil {
		return err
	}
	if err := h.openIssuer(); err != nil {
		return err
	}
	if err := h.issuer.OpenGenesis(ctx); err != nil {
		return err
	}
	if c.Sample == "" {
		return nil
	}
	return h.issuer.OpenFund(ctx, sampleFund(time.Now()))
}

// sampleFund is the Kindpakket of the year that contains now.
func sampleFund(now time.Time) issuer.FundSpec {
	loc, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		loc = time.FixedZone("CET", 3600)
	}
	return issuer.FundSpec{Fund: "kindpakket", NameNL: "Kindpakket", NameEN: "Children's package", PerChild: budget.Euros(300, 0),
		Period: budget.Year(now, loc), Categories: []budget.Category{"boeken", "fiets", "sport", "zwemmen", "computer", "kleding", "speelgoed"},
		Min: budget.Euros(0, 50), Max: budget.Euros(900, 0), BlindLimit: budget.Euros(50, 0)}
}

func (c *InitCmd) ledgerKeys(d dir) error {
	return withNewKeys(d, "ledger", func(k *aries.Keys) error {
		skey, vkey, err := ledger.GenerateSigner(rand.Reader, c.Origin)
		if err != nil {
			return err
		}
		text := "# Whose signature makes a checkpoint of this ledger good (C2SP tlog-policy).\n# Add witness, group and quorum lines for cosignatures.\nlog " + vkey + " " + c.LedgerURL + "\nquorum none\n"
		return errors.Join(k.Seal("checkpoints", []byte(skey)), os.WriteFile(d.policy(), []byte(text), 0o644))
	})
}

func (c *InitCmd) verifierKeys(d dir) error {
	return withNewKeys(d, "verifier", func(k *aries.Keys) error { return sealRandom(k, "data") })
}

func (c *InitCmd) issuerKeys(d dir) error {
	return withNewKeys(d, "issuer", func(k *aries.Keys) error {
		for _, name := range []string{"ca", "statements", "cards"} {
			if _, err := k.Create(name); err != nil {
				return err
			}
		}
		caKey, err := k.CryptoSigner("ca")
		if err != nil {
			return err
		}
		ca, err := issuer.NewAnchor(c.Municipality, caKey, time.Now())
		if err != nil {
			return err
		}
		leaf, err := cardLeaf(k, ca, c.Municipality, c.URL, time.Now())
		if err != nil {
			return err
		}
		err = errors.Join(sealRandom(k, "data"), sealRandom(k, "hash"), writeCertificate(d.anchor(), ca.Anchor), writeCertificate(d.path("issuer", "cards.pem"), leaf))
		if u, perr := url.Parse(c.URL); err == nil && perr == nil && u.Scheme == "https" {
			err = serverCertificate(d, ca, u.Hostname())
		}
		return err
	})
}

// serverCertificate makes the server's own TLS key and has the municipality's CA certify it.
func serverCertificate(d dir, ca *issuer.CA, host string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	leaf, err := ca.ServerLeaf(key.Public(), time.Now(), host)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(writeCertificate(d.tlsCert(), leaf),
		os.WriteFile(d.tlsKey(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
}

func writeCertificate(path string, c *x509.Certificate) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o644)
}

func withNewKeys(d dir, room string, f func(*aries.Keys) error) error {
	if err := aries.CreateMaster(d.master(room)); err != nil {
		return err
	}
	k, err := aries.Create(d.keys(room), d.master(room))
	if err != nil {
		return err
	}
	return errors.Join(f(k), k.Close())
}

func sealRandom(k *aries.Keys, name string) error {
	secret := make([]byte, 32)
	rand.Read(secret)
	return k.Seal(name, secret)
}

var configText = template.Must(template.New("config").Parse(`# The configuration of this house. Unknown keys stop the start. Secrets stand in files, never here.

# Where the server listens: host:port. The addresses below are what others call.
listen = "{{.Listen}}"

# Where /metrics (Prometheus) is served: host:port, or unix:PATH. Never publicly: who polls it sees when somebody pays. Empty: nowhere.
metrics = ""

# The server's certificate (chain) and key, as PEM files; relative to this file. Empty: plain HTTP, for loopback or behind a proxy.
[tls]
certificate = "{{.Cert}}"
key = "{{.Key}}"

[municipality]
# Its name on cards, letters and certificates.
name = {{printf "%q" .Municipality}}
# The account from which shops are paid (IBAN).
iban = "{{.IBAN}}"

# Public addresses, without a slash at the end. A room is served below the path of its address.
[issuer]
url = "{{.URL}}"

[verifier]
url = "{{.VerifierURL}}"
# The fund that tills sell from, by its id.
fund = "kindpakket"
# How soon a withdrawn card is refused: a status list that is older is fetched again, as long as the issuer can be reached.
status_fresh = "1m"
# The period that they sell from, by its id. Empty: the Kindpakket year, from 1 November, named after the year it ends in.
period = ""

[ledger]
# The name in the ledger's checkpoints. It can never change.
origin = "{{.Origin}}"
url = "{{.LedgerURL}}"
# Where issuer and verifier find a ledger that another machine keeps, and the file with their token. Empty: in this directory.
remote = ""
token_file = ""

# Officials who approve account numbers. token_sha256: SHA-256 of the official's token, hex.
{{range .Officials}}[[officials]]
name = "{{.Name}}"
role = ""
token_sha256 = "{{.TokenSHA256}}"

{{end}}# Who may read or write the ledger over the network, by bearer token. role: auditor, shops or municipality.
{{range .Readers}}[[readers]]
name = "{{.Name}}"
role = "{{.Role}}"
token_sha256 = "{{.TokenSHA256}}"

{{end}}`))

func (c *InitCmd) writeConfig(d dir) error {
	v := struct {
		*InitCmd
		Cert, Key          string
		Officials, Readers []SecretConfig
	}{InitCmd: c}
	if strings.HasPrefix(c.URL, "https:") {
		v.Cert, v.Key = "tls/server.pem", "tls/server.key"
	}
	person := func(name, role string) (SecretConfig, error) {
		token, hash := newToken()
		return SecretConfig{name, role, hash}, os.WriteFile(d.token(name), []byte(token+"\n"), 0o600)
	}
	for _, name := range []string{"official-1", "official-2"} {
		p, err := person(name, "")
		if err != nil {
			return err
		}
		v.Officials = append(v.Officials, p)
	}
	for _, role := range []string{"auditor", "shops", "municipality"} {
		p, err := person(role, role)
		if err != nil {
			return err
		}
		v.Readers = append(v.Readers, p)
	}
	var b strings.Builder
	if err := configText.Execute(&b, v); err != nil {
		return err
	}
	return os.WriteFile(d.config(), []byte(b.String()), 0o600)
}
