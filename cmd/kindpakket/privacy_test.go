package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kindpakket/ledger"
	"kindpakket/wallet"
)

// tap sends requests and keeps everything that a wallet sends and gets.
type tap struct {
	mu   sync.Mutex
	seen bytes.Buffer // guarded by mu
}

func (p *tap) Do(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(&p.seen, r.URL, r.Header)
	p.seen.Write(body)
	p.seen.Write(answer)
	return resp, nil
}

// files reads every file of a house.
func (h *town) files() map[string][]byte {
	h.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(string(h.dir), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		all[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return all
}

// spends returns the spends on the ledger.
func (h *town) spends() []ledger.SpendBody {
	h.Helper()
	entries, _ := h.export()
	var all []ledger.SpendBody
	for _, e := range entries {
		if e.Kind != ledger.KindSpend {
			continue
		}
		body, err := ledger.ParseBody[ledger.SpendBody](e.Command())
		if err != nil {
			h.Fatal(err)
		}
		all = append(all, body)
	}
	return all
}

// TestP1AccountsAreLinkableByKeysAlone: one static address a family stood in every spend. With an account, whoever reads
// the whole ledger can still link its spends, by the keys that an entry gives to one account; what changes is that no
// two spends in turn show the same key, and that nothing on the ledger says who it is.
func TestP1AccountsAreLinkableByKeysAlone(t *testing.T) {
	h := newTown(t)
	w := h.takeCard("973333", http.DefaultClient)
	for range wallet.DefaultCopies {
		if _, r, err := h.buy(t.Context(), w, 1000); err != nil || r.State() != wallet.Paid {
			t.Fatalf("paying: %v %v", r.State(), err)
		}
	}
	keys := map[string]int{}
	for _, s := range h.spends() {
		keys[fmt.Sprint(s.Account.JWK)]++
	}
	if len(keys) != wallet.DefaultCopies {
		t.Errorf("%d spends show %d keys: one address for all", wallet.DefaultCopies, len(keys))
	}
	_, ledgerText := h.export()
	for _, secret := range []string{"973333", "900.00", "children", "amount_cents\":90000"} {
		if bytes.Contains(ledgerText, []byte(secret)) {
			t.Errorf("the ledger holds %q", secret)
		}
	}
}

// TestP5NothingOfAWalletLiesWithTheOperator: everybody's private keys lay with the operator.
func TestP5NothingOfAWalletLiesWithTheOperator(t *testing.T) {
	h := newTown(t)
	wire := &tap{}
	w := h.takeCard("973333", wire)
	if _, r, err := h.buy(t.Context(), w, 1000); err != nil || r.State() != wallet.Paid {
		t.Fatalf("paying: %v %v", r.State(), err)
	}
	h.kill()
	places := h.files()
	places["the wire"], places["the log"] = wire.seen.Bytes(), h.log.Bytes()
	keys, err := h.vault.Records("key/")
	if err != nil || len(keys) != wallet.DefaultCopies {
		t.Fatalf("the wallet holds %d keys, %v: the test looks for nothing", len(keys), err)
	}
	secrets := [][]byte{[]byte(passphraseOfTests)}
	for _, k := range keys {
		secrets = append(secrets, k.Value)
	}
	for where, b := range places {
		for _, key := range secrets {
			for _, form := range []string{string(key), hex.EncodeToString(key), base64.RawURLEncoding.EncodeToString(key), base64.RawStdEncoding.EncodeToString(key)} {
				if bytes.Contains(b, []byte(form)) {
					t.Errorf("%s holds a secret of a wallet", where)
				}
			}
		}
	}
}

// TestC6SecretsLieInTheirFilesAlone: passphrases lay in the repository, and one key was open for ever.
func TestC6SecretsLieInTheirFilesAlone(t *testing.T) {
	h := newTown(t)
	h.kill()
	all := h.files()
	var secrets [][]byte
	own := map[string]bool{}
	for path, b := range all {
		if strings.HasSuffix(path, ".token") || strings.HasSuffix(path, "master.key") {
			own[path] = true
			secrets = append(secrets, bytes.TrimSpace(b))
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
			}
		}
	}
	if len(secrets) != 8 { // two officials, three readers, three rooms
		t.Fatalf("found %d secret files, want 8", len(secrets))
	}
	for path, b := range all {
		for _, s := range secrets {
			if !own[path] && bytes.Contains(b, s) {
				t.Errorf("%s holds a secret of another file", path)
			}
		}
		if !own[path] && bytes.Contains(b, []byte("PRIVATE KEY")) {
			t.Errorf("%s holds a private key in clear", path)
		}
	}
}

// TestNothingPointsToAFamily searches log and metrics after a day.
func TestNothingPointsToAFamily(t *testing.T) {
	h := newTown(t)
	h.kill()
	metrics := "127.0.0.1:" + freePort(t.Fatalf)
	b, err := os.ReadFile(h.dir.config())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.dir.config(), bytes.Replace(b, []byte(`metrics = ""`), []byte(`metrics = "`+metrics+`"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	w := h.takeCard("973333", http.DefaultClient)
	a, r, err := h.buy(t.Context(), w, 12347)
	if err != nil || r.State() != wallet.Paid {
		t.Fatalf("paying: %v %v", r.State(), err)
	}
	resp, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	counts, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Contains(counts, []byte("kindpakket_requests_total")) {
		t.Fatalf("metrics: %v %.100s", err, counts)
	}
	secrets := []string{"973333", "12347", "123.47", "123,47", a.OrderID, "did:jwk", "tx_code", "127.0.0.1:" + strings.TrimPrefix(a.RequestURI, "openid4vp://")}
	for _, s := range h.spends() {
		secrets = append(secrets, s.Account.JWK.Thumbprint().String())
	}
	h.kill()
	for where, text := range map[string][]byte{"the metrics": counts, "the log": h.log.Bytes()} {
		for _, s := range secrets {
			if bytes.Contains(text, []byte(s)) {
				t.Errorf("%s hold %q", where, s)
			}
		}
	}
}

// TestSIGTERMDrains stops the server while requests are under way: each that was taken is answered.
func TestSIGTERMDrains(t *testing.T) {
	h := newTown(t)
	file := h.dir.path("sample", "many.csv")
	var b bytes.Buffer
	b.WriteString("NR PERS;KINDEREN\n")
	for n := range 5000 {
		fmt.Fprintf(&b, "%d;2\n", 10_000_000+n)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		first := true
		done <- h.dir.admin("issuer").post(t.Context(), "/families", b.Bytes(), func(r io.Reader) error {
			buf := make([]byte, 4096)
			var last []byte
			for {
				n, err := r.Read(buf)
				last = append(last, buf[:n]...)
				if first {
					first = false
					close(begun)
				}
				if err == io.EOF {
					if !bytes.Contains(last, []byte(`"good":5000`)) {
						return fmt.Errorf("the answer broke off: %.200s", last[max(0, len(last)-200):])
					}
					return nil
				}
				if err != nil {
					return err
				}
			}
		})
	}()
	select {
	case <-begun:
	case err := <-done:
		t.Fatal(err)
	case <-time.After(20 * time.Second):
		t.Fatal("the import did not begin")
	}
	if err := h.server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("a request under way: %v", err)
	}
	if err := h.server.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	h.server = nil
	if _, err := http.Get(h.url + "/healthz"); err == nil {
		t.Error("the server still answers")
	}
}
