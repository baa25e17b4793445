package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"kindpakket/credential/did"
	"kindpakket/issuer/iban"
	"kindpakket/ledger"
	"kindpakket/ledger/remote"
)

// dir is the directory of a house, with everything that its rooms keep.
type dir string

func (d dir) path(parts ...string) string {
	return filepath.Join(append([]string{string(d)}, parts...)...)
}

func (d dir) config() string            { return d.path("kindpakket.toml") }
func (d dir) anchor() string            { return d.path("ca.pem") }
func (d dir) policy() string            { return d.path("ledger-policy.txt") }
func (d dir) tlsCert() string           { return d.path("tls", "server.pem") }
func (d dir) tlsKey() string            { return d.path("tls", "server.key") }
func (d dir) master(room string) string { return d.path(room, "master.key") }
func (d dir) keys(room string) string   { return d.path(room, "keys.db") }
func (d dir) file(room string) string   { return d.path(room, room+".db") }
func (d dir) socket(room string) string { return d.path("run", room+".sock") }
func (d dir) token(name string) string  { return d.path("tokens", name+".token") }

// Config is kindpakket.toml. Every member is commented in the file that init writes; zero values of optional members work.
type Config struct {
	Listen       string             `toml:"listen"`
	Metrics      string             `toml:"metrics"`
	TLS          TLSConfig          `toml:"tls"`
	Municipality MunicipalityConfig `toml:"municipality"`
	Issuer       RoomConfig         `toml:"issuer"`
	Verifier     VerifierConfig     `toml:"verifier"`
	Ledger       LedgerConfig       `toml:"ledger"`
	Officials    []SecretConfig     `toml:"officials"`
	Readers      []SecretConfig     `toml:"readers"`
}

// TLSConfig names the server's certificate and key; both empty is plain HTTP, for loopback and behind a proxy.
type TLSConfig struct {
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
}

// MunicipalityConfig is what people and the bank know of the municipality.
type MunicipalityConfig struct {
	Name string `toml:"name"`
	IBAN string `toml:"iban"`
}

// RoomConfig is the public address of a room.
type RoomConfig struct {
	URL string `toml:"url"`
}

// VerifierConfig is the public address of the tills' service, and the fund that they sell from.
type VerifierConfig struct {
	URL         string `toml:"url"`
	Fund        string `toml:"fund"`
	Period      string `toml:"period"`
	StatusFresh string `toml:"status_fresh"` // a duration like 1m; empty is the verifier's default
}

// fresh is how old a status list may be before a newer one is asked for; 0 is the default.
func (c VerifierConfig) fresh() (time.Duration, error) {
	if c.StatusFresh == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(c.StatusFresh)
	if err != nil || d <= 0 {
		return 0, hint(errors.New("configuration: verifier.status_fresh is not a duration above 0"), "Write it like 1m or 30s.")
	}
	return d, nil
}

// LedgerConfig is the ledger's name and, where it runs elsewhere, its address.
type LedgerConfig struct {
	Origin    string `toml:"origin"`
	URL       string `toml:"url"`
	Remote    string `toml:"remote"`
	TokenFile string `toml:"token_file"`
}

// SecretConfig is somebody who shows a token: only its hash stands here.
type SecretConfig struct {
	Name        string `toml:"name"`
	Role        string `toml:"role"`
	TokenSHA256 string `toml:"token_sha256"`
}

// errHint is an error with what to do about it.
type errHint struct {
	err  error
	hint string
}

func (e *errHint) Error() string { return e.err.Error() }
func (e *errHint) Unwrap() error { return e.err }

func hint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &errHint{err, fmt.Sprintf(format, args...)}
}

func (d dir) loadConfig() (Config, error) {
	var c Config
	b, err := os.ReadFile(d.config())
	if err != nil {
		return c, hint(fmt.Errorf("reading the house's configuration: %w", err), "Is --dir right? kindpakket init makes a new house.")
	}
	dec := toml.NewDecoder(strings.NewReader(string(b)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		var strict *toml.StrictMissingError
		if errors.As(err, &strict) {
			return c, hint(fmt.Errorf("reading %s: a key that is not known: %s", d.config(), strings.Join(strict.Errors[0].Key(), ".")), "Correct the key, or take the line out.")
		}
		return c, hint(fmt.Errorf("reading %s: %w", d.config(), err), "Correct the line it names.")
	}
	return c, c.verify()
}

func (c Config) verify() error {
	for name, u := range map[string]string{"issuer.url": c.Issuer.URL, "verifier.url": c.Verifier.URL, "ledger.url": c.Ledger.URL} {
		if err := checkURL(u); err != nil {
			return hint(fmt.Errorf("configuration: %s: %w", name, err), "Use https://host, or http://127.0.0.1:port on one machine.")
		}
	}
	if _, err := iban.Parse(c.Municipality.IBAN); err != nil {
		return hint(errors.New("configuration: municipality.iban does not check"), "Correct the account number from which shops are paid.")
	}
	if _, err := c.Verifier.fresh(); err != nil {
		return err
	}
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		return hint(errors.New("configuration: tls needs both certificate and key"), "Give both files, or neither.")
	}
	return nil
}

// plainAway refuses to serve plain http to other machines in a house whose addresses are plain http: tokens and cards
// would cross the network in the open.
func (c Config) plainAway(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil || c.TLS.Certificate != "" || did.IsLoopback(host) || !strings.HasPrefix(c.Issuer.URL, "http:") {
		return nil
	}
	return hint(fmt.Errorf("listening at %s: plain http is for this machine only", listen), "Make a house with --url https://…, or listen at 127.0.0.1.")
}

// checkURL accepts https, and http on loopback.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return errors.New("not an address")
	case u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(u.Path, "/"):
		return errors.New("an address without query, fragment or slash at its end")
	case u.Scheme == "https", u.Scheme == "http" && did.IsLoopback(u.Hostname()):
		return nil
	}
	return errors.New("plain http is for loopback only")
}

func loopback(text string) bool {
	u, err := url.Parse(text)
	return err == nil && did.IsLoopback(u.Hostname())
}

func (d dir) loadAnchor() (*x509.Certificate, error) {
	b, err := os.ReadFile(d.anchor())
	if err != nil {
		return nil, fmt.Errorf("reading the municipality's anchor: %w", err)
	}
	return parseCertificate(b)
}

func parseCertificate(b []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("reading certificate: not a PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

func pool(certs ...*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}

func (d dir) loadPolicy() (ledger.Policy, error) {
	b, err := os.ReadFile(d.policy())
	if err != nil {
		return ledger.Policy{}, fmt.Errorf("reading the ledger's policy: %w", err)
	}
	return ledger.ParsePolicy(b)
}

// newToken draws a token and returns it with its hash.
func newToken() (token, hash string) {
	b := make([]byte, 32)
	rand.Read(b)
	token = base64.RawURLEncoding.EncodeToString(b)
	sum := sha256.Sum256([]byte(token))
	return token, hex.EncodeToString(sum[:])
}

// hashes returns the token hashes of people by name.
func hashes(people []SecretConfig) (map[string][32]byte, error) {
	out := map[string][32]byte{}
	for _, p := range people {
		b, err := hex.DecodeString(p.TokenSHA256)
		if err != nil || len(b) != sha256.Size {
			return nil, fmt.Errorf("configuration: token_sha256 of %s is not 64 hex digits", p.Name)
		}
		for other, hash := range out {
			if other == p.Name || hash == [32]byte(b) {
				return nil, hint(fmt.Errorf("configuration: %s and %s have one name or one token", other, p.Name), "Each has a token of their own: two yeses must come from two people.")
			}
		}
		out[p.Name] = [32]byte(b)
	}
	return out, nil
}

// authorize gives the roles of the ledger's readers by their bearer tokens.
func authorize(readers []SecretConfig) (remote.Authorize, error) {
	roles := map[string]remote.Role{"auditor": remote.Auditor, "shops": remote.Shops, "municipality": remote.Municipality}
	known, err := hashes(readers)
	if err != nil {
		return nil, err
	}
	byName := map[string]remote.Role{}
	for _, r := range readers {
		role, ok := roles[r.Role]
		if !ok {
			return nil, fmt.Errorf("configuration: role of reader %s is not auditor, shops or municipality", r.Name)
		}
		byName[r.Name] = role
	}
	return func(r *http.Request) remote.Role {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			return remote.Nobody
		}
		given, role := sha256.Sum256([]byte(token)), remote.Nobody
		for name, want := range known {
			if subtle.ConstantTimeCompare(given[:], want[:]) == 1 {
				role = byName[name]
			}
		}
		return role
	}, nil
}

// readSecretFile reads a token or passphrase from a file: its first line.
func readSecretFile(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading secret: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	line = strings.TrimRight(line, "\r")
	if line == "" || len(line) > 4096 {
		return "", fmt.Errorf("reading secret: %s is empty or too long", path)
	}
	return line, nil
}
