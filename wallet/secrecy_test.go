package wallet_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vci"
	"kindpakket/ledger"
	"kindpakket/wallet"
	"kindpakket/wallet/vault"
	"kindpakket/wallet/vault/vaulttest"
)

// notes hands out randomness and remembers it, so that a test knows every private key and seed that was made of it.
type notes struct{ seen []byte }

func (n *notes) Read(b []byte) (int, error) {
	c, err := rand.Read(b)
	if len(b) == 32 {
		n.seen = append(n.seen, b...)
	}
	return c, err
}

// TestTheWalletsFileTellsNothing searches the file on disk, and a backup, after a card was taken, money was spent, a
// payment was lost half way and the passphrase was changed: for keys, tokens, claims, balance and receipts, in every
// encoding.
func TestTheWalletsFileTellsNothing(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "wallet.db")
	f, err := vault.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Create(f, []byte("correct horse"), quick, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	random := new(notes)
	cfg := w.config(v)
	cfg.Rand = random
	w.issuer.edit = func(_ int, m map[string]any) jose.Key { m[catalog.Amount] = 2345678 / 4; return jose.Key{} }
	wal, err := wallet.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wal.Accept(t.Context(), w.issuer.offer(), txCode); err != nil {
		t.Fatal(err)
	}
	line := pay(t, wal, w.shop.sell(12345, "fiets")).Line()
	w.shop.drop = 3
	if _, err := wal.Answer(t.Context(), look(t, wal, w.shop.sell(5432, "fiets"))); err == nil {
		t.Fatal("the second payment was not lost")
	}
	wantBalance(t, wal, 2345678/4-12345)
	if err := v.ChangePassphrase([]byte("correct horse"), []byte("battery staple")); err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if err := wal.Backup([]byte("on paper"), &backup); err != nil {
		t.Fatal(err)
	}
	receipt, err := wal.ExportReceipt(line.Number())
	if err != nil {
		t.Fatal(err)
	}
	order := string(receipt[bytes.Index(receipt, []byte("eyJ")):]) // the signed order in it
	var plain bytes.Buffer                                         // what the search must be able to find things in
	records, err := v.Records("")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		fmt.Fprintf(&plain, "%s\x00%s\x00", r.Name, r.Value)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	disk, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	var secrets []vaulttest.Secret
	for i := 0; i+32 <= len(random.seen); i += 32 {
		secrets = append(secrets, vaulttest.Secret{Name: fmt.Sprintf("key %d", i/32), Bytes: random.seen[i : i+32]})
	}
	if len(secrets) < wallet.DefaultCopies {
		t.Fatalf("only %d keys were seen", len(secrets))
	}
	known := len(secrets)
	secrets = append(secrets, vaulttest.Number("amount at the start", 2345678/4)...)
	secrets = append(secrets, vaulttest.Number("balance", 2345678/4-12345)...)
	secrets = append(secrets, vaulttest.Number("a purchase", 12345)...)
	for name, text := range map[string]string{"token": token, "code": code, "transaction code": txCode, "municipality": "Zuidhorn", "shop": "Trapper",
		"shop's DID": w.shop.shop.DID, "fund": "kindpakket.zuidhorn.example", "passphrase": "battery staple", "old passphrase": "correct horse",
		"SD-JWT header": "dc+sd-jwt", "issuer": w.issuer.url, "record": "history/", "receipt": order[:60], "key name": w.issuer.keys[0].String()} {
		secrets = append(secrets, vaulttest.Secret{Name: name, Bytes: []byte(text)})
	}
	if found := vaulttest.Find(disk, secrets...); len(found) > 0 {
		t.Errorf("on disk: %q", found)
	}
	if found := vaulttest.Find(backup.Bytes(), secrets...); len(found) > 0 {
		t.Errorf("in the backup: %q", found)
	}

	found := strings.Join(vaulttest.Find(plain.Bytes(), secrets...), "\n")
	for _, needed := range append(keyNames(known), "issuer: ", "receipt: raw", "shop's DID: ", "record: raw", "key name: raw", "a purchase as decimal text: raw") {
		if !strings.Contains(found, needed) {
			t.Errorf("the search is blind for %q", needed)
		}
	}
	if strings.Contains(found, "token:") || strings.Contains(found, "transaction code:") {
		t.Error("the access token or the transaction code was kept after the card came")
	}
}

func keyNames(n int) []string {
	var names []string
	for i := range min(n, wallet.DefaultCopies) {
		names = append(names, fmt.Sprintf("key %d: raw", i))
	}
	return names
}

func TestNothingPrintsWhatItHolds(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	c := look(t, wal, w.shop.sell(1250, "fiets"))
	r, err := wal.Answer(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	cards, err := wal.Cards()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"wallet": wal, "card": cards[0], "consent": c, "result": r, "line": r.Line()} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		printed := []string{fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), strings.SplitN(log.String(), "v=", 2)[1]}
		if name != "wallet" {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			printed = append(printed, string(b))
		}
		for _, text := range printed {
			if strings.Trim(text, "\"\n") != "[redacted]" {
				t.Errorf("%s prints as %q", name, text)
			}
		}
	}
}

// Errors name members, never what stands in them.
func TestErrorsHoldNoSecrets(t *testing.T) {
	w := newWorld(t)
	wal := w.open(newVault(t, newStore()))
	_, wrong := wal.Accept(t.Context(), w.issuer.offer(), "76543210")
	w.issuer.edit = func(_ int, m map[string]any) jose.Key { m[catalog.Municipality] = 7171717; return jose.Key{} }
	_, card := wal.Accept(t.Context(), w.issuer.offer(), txCode)
	for _, err := range []error{wrong, card} {
		if err == nil {
			t.Fatal("accepted")
		}
		for _, secret := range []string{"76543210", txCode, code, token, "7171717", "30000"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q holds a secret", err)
			}
		}
	}
}

// Every refusal is told to people: what happened and what to do next, in two languages, each in its own words.
func TestEveryReasonIsExplained(t *testing.T) {
	general := wallet.Explain("no-such-reason")
	reasons := append(ledger.Reasons(), "not-entitled", "card-expired", "card-not-yet", "revoked", "wrong-fund", "bad-presentation", "declined", "status-unavailable")
	for _, reason := range reasons {
		m := wallet.Explain(reason)
		if m == general {
			t.Errorf("%s has no words of its own", reason)
		}
		for _, text := range []string{m.NL, m.EN} {
			if strings.Count(text, ". ") < 1 || !strings.HasSuffix(text, ".") || strings.Contains(text, string(reason)) {
				t.Errorf("%s: %q does not say what happened and what to do", reason, text)
			}
		}
	}
	if general.NL == "" || general.EN == "" {
		t.Error("an unknown reason leaves the parent without words")
	}
	hints := []error{wallet.ErrNetwork, vault.ErrPassphrase, fmt.Errorf("x: %w", vault.ErrNoVault), ledger.TooLittleLeft, oid4vci.InvalidNonce}
	seen := map[wallet.Message]bool{}
	for _, err := range hints {
		m := wallet.Hint(err)
		if m.NL == "" || m.EN == "" || seen[m] {
			t.Errorf("%v: %q", err, m.EN)
		}
		seen[m] = true
	}
	if m := (wallet.Message{NL: "nee", EN: "no"}); m.In("nl") != "nee" || m.In("en-GB") != "no" || m.In("fy") != "nee" {
		t.Error("a message in the wrong language")
	}
}
