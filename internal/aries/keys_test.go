package aries_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"kindpakket/credential/jose"
	"kindpakket/internal/aries"
)

// place is a new master key file and a path for a key file.
func place(t *testing.T) (path, master string) {
	t.Helper()
	dir := t.TempDir()
	master = filepath.Join(dir, "master.key")
	if err := aries.CreateMaster(master); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "keys.db"), master
}

func create(t *testing.T) (k *aries.Keys, path, master string) {
	t.Helper()
	path, master = place(t)
	k, err := aries.Create(path, master)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k, path, master
}

func reopen(t *testing.T, k *aries.Keys, path, master string) *aries.Keys {
	t.Helper()
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	k, err := aries.Open(path, master)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

func newSigner(t *testing.T, k *aries.Keys, name string) jose.Signer {
	t.Helper()
	s, err := k.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// edit changes a closed key file as somebody with the disk could.
func edit(t *testing.T, path string, f func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(f); err != nil {
		t.Fatal(err)
	}
}

func TestSign(t *testing.T) {
	k, path, master := create(t)
	made := newSigner(t, k, "municipality")
	k = reopen(t, k, path, master)
	again, err := k.Signer("municipality")
	if err != nil {
		t.Fatal(err)
	}
	if made.Public() != again.Public() {
		t.Errorf("the key is another after opening: %v, %v", made.Public(), again.Public())
	}
	for _, s := range []jose.Signer{made, again} { // the first is of a closed file, and works
		token, err := jose.Sign(s, jose.Header{Type: "JWT"}, []byte(`{"amount":1250}`))
		if err != nil {
			t.Fatal(err)
		}
		j, err := jose.Parse(token)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Verify(made.Public()); err != nil {
			t.Error(err)
		}
		if err := j.Verify(newKey(t)); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("under another key: got %v", err)
		}
	}
}

func TestNames(t *testing.T) {
	k, path, master := create(t)
	newSigner(t, k, "shops/did:web:127.0.0.1%3a8080:bikes")
	newSigner(t, k, "a")
	if _, err := k.Create("a"); !errors.Is(err, aries.ErrExists) {
		t.Errorf("a second key of a name: got %v", err)
	}
	k = reopen(t, k, path, master)
	if _, err := k.Create("a"); !errors.Is(err, aries.ErrExists) {
		t.Errorf("a second key of a name, after opening: got %v", err)
	}
	for _, name := range []string{"", "A", "-a", "/a", "a b", "é", "a\x00", strings.Repeat("a", 101)} {
		if _, err := k.Create(name); !errors.Is(err, aries.ErrName) {
			t.Errorf("Create(%q): got %v", name, err)
		}
		if err := k.Seal(name, nil); !errors.Is(err, aries.ErrName) {
			t.Errorf("Seal(%q): got %v", name, err)
		}
		if _, err := k.Signer(name); !errors.Is(err, aries.ErrNotFound) {
			t.Errorf("Signer(%q): got %v", name, err)
		}
	}
	if _, err := k.CryptoSigner("b"); !errors.Is(err, aries.ErrNotFound) {
		t.Errorf("CryptoSigner: got %v", err)
	}
	if _, err := k.Unseal("a"); !errors.Is(err, aries.ErrNotFound) {
		t.Errorf("Unseal of a key's name: got %v", err)
	}
}

// Of many who make one name at once, one has made it, and everybody signs with that one afterwards.
func TestCreateOnce(t *testing.T) {
	k, path, master := create(t)
	var mu sync.Mutex
	var won []jose.Signer
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := k.Create("one")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, s)
			} else if !errors.Is(err, aries.ErrExists) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d have made it, want 1", len(won))
	}
	for range 2 {
		s, err := k.Signer("one")
		if err != nil {
			t.Fatal(err)
		}
		if s.Public() != won[0].Public() {
			t.Errorf("got %v, want %v", s.Public(), won[0].Public())
		}
		k = reopen(t, k, path, master)
	}
}

func TestSeal(t *testing.T) {
	k, path, master := create(t)
	secret := []byte("a scalar of the mint \x00\xff")
	for name, s := range map[string][]byte{"mint": secret, "empty": {}, "large": make([]byte, aries.MaxSecret)} {
		if err := k.Seal(name, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Seal("mint", []byte("another")); !errors.Is(err, aries.ErrExists) {
		t.Errorf("a second secret of a name: got %v", err)
	}
	if err := k.Seal("larger", make([]byte, aries.MaxSecret+1)); err == nil {
		t.Error("a secret too large was taken")
	}
	k = reopen(t, k, path, master)
	if got, err := k.Unseal("mint"); !bytes.Equal(got, secret) || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := k.Unseal("empty"); len(got) != 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"raw": string(secret), "hex": hex.EncodeToString(secret), "base64": base64.RawStdEncoding.EncodeToString(secret),
		"base64url": base64.RawURLEncoding.EncodeToString(secret),
	} {
		if bytes.Contains(file, []byte(text)) {
			t.Errorf("the file holds the secret, %s", what)
		}
	}
}

// An X.509 certificate, a request for one, and a TLS handshake, by a key that signs messages only.
func TestCryptoSigner(t *testing.T) {
	k, _, _ := create(t)
	newSigner(t, k, "ca")
	ca, err := k.CryptoSigner("ca")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Kindpakket"}, NotBefore: now, NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, ca.Public(), ca)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := cert.CheckSignatureFrom(cert); err != nil {
		t.Error(err)
	}
	req, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, ca)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := x509.ParseCertificateRequest(req); err != nil || r.CheckSignature() != nil {
		t.Errorf("certificate request: %v", err)
	}

	digest := sha256.Sum256(nil)
	if _, err := ca.Sign(rand.Reader, digest[:], crypto.SHA256); !errors.Is(err, aries.ErrDigest) {
		t.Errorf("a digest: got %v", err)
	}
	for _, opts := range []crypto.SignerOpts{nil, crypto.SHA512, crypto.Hash(0)} {
		if _, err := ca.SignMessage(rand.Reader, nil, opts); err == nil {
			t.Errorf("signed with %v", opts)
		}
	}

	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	clock := func() time.Time { return now }
	done := make(chan error, 1)
	go func() {
		done <- tls.Server(server, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: ca}}, Time: clock}).HandshakeContext(t.Context())
	}()
	if err := tls.Client(client, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", Time: clock}).HandshakeContext(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Who has another's keys, another's file or another's master key cannot sign as us.
func TestSwapped(t *testing.T) {
	ours, path, master := create(t)
	our := newSigner(t, ours, "municipality")
	ours.Close()
	theirs, theirPath, theirMaster := create(t)
	their := newSigner(t, theirs, "municipality")
	theirs.Close()

	if k, err := aries.Open(path, theirMaster); !errors.Is(err, aries.ErrWrongMaster) {
		t.Errorf("another master key: got %v, %v", k, err)
	}
	if k, err := aries.Open(theirPath, master); !errors.Is(err, aries.ErrWrongMaster) {
		t.Errorf("another key file: got %v, %v", k, err)
	}

	// Their keyset and their name in our file.
	swap := make(map[string]map[string][]byte)
	edit(t, theirPath, func(tx *bbolt.Tx) error {
		for _, b := range []string{"names", "kmsdb"} {
			swap[b] = make(map[string][]byte)
			tx.Bucket([]byte(b)).ForEach(func(k, v []byte) error { swap[b][string(k)] = bytes.Clone(v); return nil })
		}
		return nil
	})
	ourID, theirID := our.Public().Thumbprint().String(), their.Public().Thumbprint().String()
	for _, tt := range []struct {
		name string
		edit func(names, kmsdb *bbolt.Bucket) error
	}{
		{"their keyset for ours", func(_, kmsdb *bbolt.Bucket) error { return kmsdb.Put([]byte(ourID), swap["kmsdb"][theirID]) }},
		{"their name for ours", func(names, _ *bbolt.Bucket) error {
			return names.Put([]byte("municipality"), swap["names"]["municipality"])
		}},
		{"both", func(names, kmsdb *bbolt.Bucket) error {
			return errors.Join(names.Put([]byte("municipality"), swap["names"]["municipality"]), kmsdb.Put([]byte(theirID), swap["kmsdb"][theirID]))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "keys.db")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(copied, b, 0o600); err != nil {
				t.Fatal(err)
			}
			edit(t, copied, func(tx *bbolt.Tx) error { return tt.edit(tx.Bucket([]byte("names")), tx.Bucket([]byte("kmsdb"))) })
			k, err := aries.Open(copied, master)
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			if s, err := k.Signer("municipality"); !errors.Is(err, aries.ErrTampered) {
				t.Errorf("got %v, %v, want %v", s, err, aries.ErrTampered)
			}
		})
	}
}

// Every record is bound to its place: changed, moved or taken away it does not open.
func TestTampered(t *testing.T) {
	fill := func(t *testing.T) (path, master, shopID, cityID string) {
		k, path, master := create(t)
		shopID, cityID = newSigner(t, k, "shop").Public().Thumbprint().String(), newSigner(t, k, "city").Public().Thumbprint().String()
		for _, name := range []string{"mint", "log"} {
			if err := k.Seal(name, []byte(name)); err != nil {
				t.Fatal(err)
			}
		}
		k.Close()
		return path, master, shopID, cityID
	}
	move := func(tx *bbolt.Tx, fromBucket, from, toBucket, to string) error {
		v := tx.Bucket([]byte(fromBucket)).Get([]byte(from))
		if v == nil {
			return errors.New("nothing there to move")
		}
		return tx.Bucket([]byte(toBucket)).Put([]byte(to), bytes.Clone(v))
	}
	for _, tt := range []struct {
		name string
		edit func(tx *bbolt.Tx, shop, city string) error
		key  string // of the key or secret that must not open
		want error
	}{
		{"name moved", func(tx *bbolt.Tx, _, _ string) error { return move(tx, "names", "shop", "names", "city") }, "city", aries.ErrTampered},
		{"keyset moved", func(tx *bbolt.Tx, shop, city string) error { return move(tx, "kmsdb", shop, "kmsdb", city) }, "city", aries.ErrTampered},
		{"keyset gone", func(tx *bbolt.Tx, _, city string) error { return tx.Bucket([]byte("kmsdb")).Delete([]byte(city)) }, "city", aries.ErrTampered},
		{"name gone", func(tx *bbolt.Tx, _, _ string) error { return tx.Bucket([]byte("names")).Delete([]byte("city")) }, "city", aries.ErrNotFound},
		{"keyset of rubbish", func(tx *bbolt.Tx, _, city string) error {
			return tx.Bucket([]byte("kmsdb")).Put([]byte(city), []byte("{}"))
		}, "city", aries.ErrTampered},
		{"secret for a name", func(tx *bbolt.Tx, _, _ string) error { return move(tx, "secrets", "mint", "names", "city") }, "city", aries.ErrTampered},
		{"secret moved", func(tx *bbolt.Tx, _, _ string) error { return move(tx, "secrets", "log", "secrets", "mint") }, "mint", aries.ErrTampered},
		{"secret of rubbish", func(tx *bbolt.Tx, _, _ string) error {
			return tx.Bucket([]byte("secrets")).Put([]byte("mint"), []byte("x"))
		}, "mint", aries.ErrTampered},
		{"one bit of a secret", func(tx *bbolt.Tx, _, _ string) error {
			sealed, err := base64.URLEncoding.DecodeString(string(tx.Bucket([]byte("secrets")).Get([]byte("mint"))))
			if err != nil {
				return err
			}
			sealed[len(sealed)-1] ^= 1
			return tx.Bucket([]byte("secrets")).Put([]byte("mint"), []byte(base64.URLEncoding.EncodeToString(sealed)))
		}, "mint", aries.ErrTampered},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, master, shop, city := fill(t)
			edit(t, path, func(tx *bbolt.Tx) error { return tt.edit(tx, shop, city) })
			k, err := aries.Open(path, master)
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			if tt.key == "mint" {
				_, err = k.Unseal("mint")
			} else {
				_, err = k.Signer(tt.key)
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if s, err := k.Signer("shop"); err != nil || s == nil {
				t.Errorf("the others open no more: %v", err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	k, path, master := create(t)
	if _, err := aries.Open(path, master); !errors.Is(err, aries.ErrInUse) {
		t.Errorf("a file in use: got %v", err)
	}
	if _, err := aries.Create(path, master); !errors.Is(err, fs.ErrExist) {
		t.Errorf("creating it again: got %v", err)
	}
	k.Close()
	if _, err := aries.Open(path+".not", master); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	for name, content := range map[string]string{"rubbish": strings.Repeat("rubbish ", 10_000), "nothing": ""} {
		other := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(other, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := aries.Open(other, master); !errors.Is(err, aries.ErrNotKeys) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("check")).Delete([]byte("master")) })
	if _, err := aries.Open(path, master); !errors.Is(err, aries.ErrNotKeys) {
		t.Errorf("without its mark: got %v", err)
	}
}

func TestMasterFile(t *testing.T) {
	k, path, master := create(t)
	text, err := os.ReadFile(master)
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
	if err := aries.CreateMaster(master); !errors.Is(err, fs.ErrExist) {
		t.Errorf("creating it again: got %v", err)
	}
	if fi, err := os.Stat(master); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v", fi, err)
	}
	raw, err := base64.URLEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != 32 {
		t.Fatalf("got %d bytes, %v", len(raw), err)
	}
	for _, tt := range []struct {
		name, content string
		mode          fs.FileMode
		want          error
	}{
		{"base64", base64.StdEncoding.EncodeToString(raw), 0o600, nil},
		{"base64 without padding", base64.RawStdEncoding.EncodeToString(raw), 0o400, nil},
		{"base64url without padding", base64.RawURLEncoding.EncodeToString(raw) + "\r\n", 0o600, nil},
		{"hex", hex.EncodeToString(raw) + "\n", 0o600, nil},
		{"readable by the group", string(text), 0o640, aries.ErrMaster},
		{"readable by all", string(text), 0o604, aries.ErrMaster},
		{"raw bytes", string(raw), 0o600, aries.ErrMaster},
		{"16 bytes", hex.EncodeToString(raw[:16]), 0o600, aries.ErrMaster},
		{"33 bytes", hex.EncodeToString(append(raw, 7)), 0o600, aries.ErrMaster},
		{"nothing", "", 0o600, aries.ErrMaster},
		{"too long", string(text) + strings.Repeat("\n", 1000), 0o600, aries.ErrMaster},
		{"another", base64.StdEncoding.EncodeToString(make([]byte, 32)), 0o600, aries.ErrWrongMaster},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "master")
			if err := os.WriteFile(file, []byte(tt.content), tt.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, tt.mode); err != nil { // whatever the umask
				t.Fatal(err)
			}
			k, err := aries.Open(path, file)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err == nil {
				k.Close()
			} else if len(tt.content) > 8 && strings.Contains(err.Error(), strings.TrimSpace(tt.content)[:8]) {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
	if _, err := aries.Open(path, t.TempDir()); !errors.Is(err, aries.ErrMaster) {
		t.Errorf("a directory: got %v", err)
	}
	if _, err := aries.Open(path, master+".not"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
}

// However keys and signers are printed, nothing of them shows but the public half.
func TestPrintsNothing(t *testing.T) {
	k, _, _ := create(t)
	s := newSigner(t, k, "city")
	c, err := k.CryptoSigner("city")
	if err != nil {
		t.Fatal(err)
	}
	public := "signer of " + s.Public().Thumbprint().String()
	for _, tt := range []struct {
		v    any
		want string
	}{{k, "[redacted]"}, {s, public}, {c, public}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if got := fmt.Sprintf(verb, tt.v); got != tt.want {
				t.Errorf("%T by %s: got %s, want %s", tt.v, verb, got, tt.want)
			}
		}
		if got, err := json.Marshal(tt.v); string(got) != `"[redacted]"` || err != nil {
			t.Errorf("%T as JSON: got %s, %v", tt.v, got, err)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", tt.v)
		if !strings.HasSuffix(log.String(), "v=[redacted]\n") {
			t.Errorf("%T in a log: got %s", tt.v, &log)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	dir := b.TempDir()
	master := filepath.Join(dir, "master")
	if err := aries.CreateMaster(master); err != nil {
		b.Fatal(err)
	}
	k, err := aries.Create(filepath.Join(dir, "keys"), master)
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	if _, err := k.Create("city"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := k.Signer("city")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Sign([]byte("message")); err != nil {
			b.Fatal(err)
		}
	}
}
