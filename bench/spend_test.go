package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kindpakket/internal/serve"
	"kindpakket/ledger"
	"kindpakket/verifier"
	"kindpakket/wallet"
	"kindpakket/wallet/vault"
)

// house is the sample municipality, served by the binary in a process of its own.
type house struct {
	b       *testing.B
	program string
	dir     string
	policy  ledger.Policy
	anchors *x509.CertPool
}

func (h *house) must(err error) {
	h.b.Helper()
	if err != nil {
		h.b.Fatal(err)
	}
}

// run runs a command of the binary and returns what it prints.
func (h *house) run(args ...string) []byte {
	h.b.Helper()
	var out, failed bytes.Buffer
	cmd := exec.CommandContext(h.b.Context(), h.program, args...)
	cmd.Stdout, cmd.Stderr = &out, &failed
	if err := cmd.Run(); err != nil {
		h.b.Fatalf("kindpakket %s: %v\n%s", strings.Join(args, " "), err, failed.Bytes())
	}
	return out.Bytes()
}

func newHouse(b *testing.B) *house {
	b.Helper()
	h := &house{b: b, program: filepath.Join(b.TempDir(), "kindpakket"), dir: filepath.Join(b.TempDir(), "house"), anchors: x509.NewCertPool()}
	build := exec.CommandContext(b.Context(), "go", "build", "-o", h.program, "./cmd/kindpakket")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	h.must(err)
	listen := free.Addr().String()
	h.must(free.Close())
	h.run("init", "--dir", h.dir, "--url", "http://"+listen, "--sample", "zuidhorn")

	server := exec.CommandContext(b.Context(), h.program, "serve", "--dir", h.dir, "--listen", listen)
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	h.must(server.Start())
	b.Cleanup(func() {
		server.Process.Signal(os.Interrupt)
		server.Wait()
	})
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for ready := false; !ready; { // it answers when it is ready
		select {
		case <-again.C:
		case <-b.Context().Done():
			b.Fatal("the server did not get ready")
		}
		if resp, err := http.Get("http://" + listen + "/readyz"); err == nil {
			ready = resp.StatusCode == http.StatusOK
			resp.Body.Close()
		}
	}
	h.run("issuer", "import-shops", "--dir", h.dir, filepath.Join(h.dir, "sample", "shops.csv"))
	ca, err := os.ReadFile(filepath.Join(h.dir, "ca.pem"))
	h.must(err)
	block, _ := pem.Decode(ca)
	cert, err := x509.ParseCertificate(block.Bytes)
	h.must(err)
	h.anchors.AddCert(cert)
	text, err := os.ReadFile(filepath.Join(h.dir, "ledger-policy.txt"))
	h.must(err)
	h.policy, err = ledger.ParsePolicy(text)
	h.must(err)
	return h
}

// wallet makes a wallet in memory with a family's card in it.
func (h *house) wallet() *wallet.Wallet {
	h.b.Helper()
	v, err := vault.Create(new(vault.Memory), []byte("correct horse"), vault.Params{Time: 1, Memory: 8, Threads: 1}, rand.Reader)
	h.must(err)
	w, err := wallet.New(wallet.Config{Vault: v, Doer: &http.Client{}, Anchors: h.anchors, Rand: rand.Reader, Policy: &h.policy, AllowHTTPLoopback: true})
	h.must(err)
	var offer struct {
		URI    string `json:"credential_offer_uri"`
		TxCode string `json:"tx_code"`
	}
	h.must(json.Unmarshal(h.run("issuer", "offer", "--dir", h.dir, "--children", "8", "--json"), &offer))
	_, err = w.Accept(h.b.Context(), offer.URI, offer.TxCode)
	h.must(err)
	return w
}

// ask has a till ask for 50 cents.
func (h *house) ask(ctx context.Context, client *http.Client) (verifier.Asked, error) {
	var a verifier.Asked
	body, err := json.Marshal(verifier.Ask{Shop: "fietsenhandel-de-trapper", Amount: 50, Category: "fiets"})
	if err != nil {
		return a, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://verifier/requests", bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return a, fmt.Errorf("the till was answered %s", resp.Status)
	}
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

// BenchmarkSpend is a whole purchase from an account, over HTTP, with a server in a process of its own: the till asks,
// the wallet fetches and checks the request, signs, answers, and verifies the receipt that comes back.
func BenchmarkSpend(b *testing.B) {
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
			h := newHouse(b)
			till := serve.UnixClient(filepath.Join(h.dir, "run", "verifier.sock"))
			free := make(chan *wallet.Wallet, n)
			for range n {
				free <- h.wallet()
			}
			clients(b, n, func(int) error {
				w := <-free
				defer func() { free <- w }()
				asked, err := h.ask(b.Context(), till)
				if err != nil {
					return err
				}
				consent, err := w.Look(b.Context(), asked.RequestURI)
				if err != nil {
					return err
				}
				result, err := w.Answer(b.Context(), consent)
				if err != nil {
					return err
				}
				if result.State() != wallet.Paid { // paid means that the wallet verified the receipt
					return fmt.Errorf("the wallet was told %s %s", result.State(), result.Reason())
				}
				return nil
			})
		})
	}
}
