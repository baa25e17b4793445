package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kindpakket/internal/serve"
	"kindpakket/issuer"
	"kindpakket/ledger"
	"kindpakket/ledger/audit"
	"kindpakket/ledger/remote"
	"kindpakket/verifier"
	"kindpakket/wallet"
	"kindpakket/wallet/vault"
)

// town is a house that a test runs as a process of its own.
type town struct {
	*testing.T
	dir    dir
	url    string
	server *exec.Cmd
	log    bytes.Buffer // what the server logged
	vault  *vault.Vault // of the wallet that was made last
}

// newTown makes the sample's house, starts it and imports families and shops.
func newTown(t *testing.T) *town {
	t.Helper()
	at, err := os.MkdirTemp("", "kindpakket-test-") // short, for the sockets
	if err != nil {
		t.Fatal(err)
	}
	h := &town{T: t, dir: dir(filepath.Join(at, "house")), url: "http://127.0.0.1:" + freePort(t.Fatalf)}
	t.Cleanup(func() {
		h.kill()
		os.RemoveAll(at)
	})
	h.command("init", "--dir", string(h.dir), "--url", h.url, "--sample", "zuidhorn")
	h.start()
	h.command("issuer", "import-families", "--dir", string(h.dir), h.dir.path("sample", "families.csv"))
	h.command("issuer", "import-shops", "--dir", string(h.dir), h.dir.path("sample", "shops.csv"))
	return h
}

// command types a command that must succeed.
func (h *town) command(args ...string) []byte {
	h.Helper()
	out, err := exec.CommandContext(h.Context(), "kindpakket", args...).Output()
	if err != nil {
		h.Fatalf("kindpakket %v: %v %s", args, err, out)
	}
	return out
}

func (h *town) start() {
	h.Helper()
	h.server = exec.Command("kindpakket", "serve", "--dir", string(h.dir))
	h.server.Stderr = &h.log
	if err := h.server.Start(); err != nil {
		h.Fatal(err)
	}
	if err := ready(h.Context(), h.url); err != nil {
		h.kill()
		h.Fatalf("%v: %s", err, h.log.Bytes())
	}
}

// kill ends the server with SIGKILL.
func (h *town) kill() {
	if h.server != nil {
		h.server.Process.Kill()
		h.server.Wait()
		h.server = nil
	}
}

// takeCard makes a wallet, cheap to open, with the card of a family.
func (h *town) takeCard(family string, doer wallet.Doer) *wallet.Wallet {
	h.Helper()
	file, err := vault.OpenFile(filepath.Join(h.TempDir(), "vault.db"))
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { file.Close() })
	v, err := vault.Create(file, []byte(passphraseOfTests), vault.Params{Time: 1, Memory: 8, Threads: 1}, rand.Reader)
	if err != nil {
		h.Fatal(err)
	}
	h.vault = v
	anchor, err := h.dir.loadAnchor()
	if err != nil {
		h.Fatal(err)
	}
	anchors := x509.NewCertPool()
	anchors.AddCert(anchor)
	w, err := wallet.New(wallet.Config{Vault: v, Doer: doer, Anchors: anchors, Rand: rand.Reader, AllowHTTPLoopback: true})
	if err != nil {
		h.Fatal(err)
	}
	var o issuer.Offered
	if err := h.dir.admin("issuer").ask(h.Context(), "/offers", issuer.OfferRequest{Family: family}, &o); err != nil {
		h.Fatal(err)
	}
	if _, err := w.Accept(h.Context(), o.URI, o.TxCode); err != nil {
		h.Fatal(err)
	}
	return w
}

const passphraseOfTests = "een zin die niemand raadt"

// buy asks for an amount in the book shop and has w pay.
func (h *town) buy(ctx context.Context, w *wallet.Wallet, amount int64) (verifier.Asked, wallet.Result, error) {
	var a verifier.Asked
	if err := h.dir.admin("verifier").ask(ctx, "/requests", verifier.Ask{Shop: "boekhandel-het-plein", Amount: cents(amount), Category: "boeken"}, &a); err != nil {
		return a, wallet.Result{}, err
	}
	consent, err := w.Look(ctx, a.RequestURI)
	if err != nil {
		return a, wallet.Result{}, err
	}
	r, err := w.Answer(ctx, consent)
	return a, r, err
}

// export reads the ledger, and audits it.
func (h *town) export() ([]ledger.Entry, []byte) {
	h.Helper()
	log := remote.NewClient("http://ledger", serve.UnixClient(h.dir.socket("ledger")), "")
	var b bytes.Buffer
	if err := export(h.Context(), log, &b); err != nil {
		h.Fatal(err)
	}
	policy, err := h.dir.loadPolicy()
	if err != nil {
		h.Fatal(err)
	}
	if _, err := audit.Run(bytes.NewReader(b.Bytes()), audit.Options{Policy: &policy}); err != nil {
		h.Errorf("the audit: %v", err)
	}
	rows, err := log.Entries(h.Context(), 0, uint64(bytes.Count(b.Bytes(), []byte("\n"))))
	if err != nil {
		h.Fatal(err)
	}
	var entries []ledger.Entry
	for _, row := range rows {
		e, err := ledger.ParseEntry(row)
		if err != nil {
			h.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries, b.Bytes()
}

// TestKilledServer kills the server 50 times while three wallets pay: what was acknowledged is there once, and wallet,
// till and ledger agree after asking again.
func TestKilledServer(t *testing.T) {
	h := newTown(t)
	families := []string{"973333", "207177", "355188"}
	wallets := make([]*wallet.Wallet, len(families))
	for i, family := range families {
		wallets[i] = h.takeCard(family, &http.Client{Timeout: 10 * time.Second})
	}
	var mu sync.Mutex
	acknowledged, orders := map[string]bool{}, []string{}
	ctx, stop := context.WithCancel(t.Context())
	var spending sync.WaitGroup
	for _, w := range wallets {
		spending.Go(func() {
			for ctx.Err() == nil {
				a, r, err := h.buy(ctx, w, 50)
				mu.Lock()
				if a.OrderID != "" {
					orders = append(orders, a.OrderID)
				}
				if err == nil && r.State() == wallet.Paid {
					acknowledged[r.Line().OrderID()] = true
				}
				mu.Unlock()
				select { // no faster than a queue at a till
				case <-ctx.Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
		})
	}
	draw := mathrand.New(mathrand.NewPCG(20171101, 50))
	for range 50 {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(draw.IntN(120)) * time.Millisecond):
		}
		h.kill()
		h.start()
	}
	stop()
	spending.Wait()

	lines := map[string]wallet.State{}
	for _, w := range wallets {
		if _, err := w.Retry(t.Context()); err != nil {
			t.Errorf("asking again: %v", err)
		}
		history, err := w.History()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range history {
			lines[l.OrderID()] = l.State()
		}
	}
	spent := map[string]int{}
	entries, _ := h.export()
	for _, e := range entries {
		if e.Kind != ledger.KindSpend {
			continue
		}
		body, err := ledger.ParseBody[ledger.SpendBody](e.Command())
		if err != nil {
			t.Fatal(err)
		}
		spent[orderID(t, body.Order)]++
	}
	for id, n := range spent {
		if n != 1 || lines[id] != wallet.Paid {
			t.Errorf("order %s stands on the ledger %d times, and the wallet says %q", id, n, lines[id])
		}
	}
	for id := range acknowledged {
		if spent[id] != 1 {
			t.Errorf("order %s was acknowledged and stands on the ledger %d times", id, spent[id])
		}
	}
	for _, id := range orders {
		var r verifier.Result
		if err := h.dir.admin("verifier").ask(t.Context(), "/results/"+id, nil, &r); err != nil {
			t.Fatal(err)
		}
		if (r.State == verifier.Paid) != (spent[id] == 1) || (lines[id] == wallet.Paid) != (r.State == verifier.Paid) {
			t.Errorf("order %s: the till says %s, the wallet %q, the ledger %d", id, r.State, lines[id], spent[id])
		}
	}
	if len(acknowledged) < 50 {
		t.Errorf("only %d payments: the test shows nothing", len(acknowledged))
	}
	t.Logf("%d orders, %d acknowledged, %d on the ledger", len(orders), len(acknowledged), len(spent))
}
