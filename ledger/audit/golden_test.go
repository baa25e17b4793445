package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
	"kindpakket/ledger/audit"
	"kindpakket/ledger/ledgertest"
)

var update = flag.Bool("update", false, "rewrite the golden ledger")

// golden is a ledger with an entry of each kind. Package ledger reads it in its own tests.
const golden = "../testdata/ledger.txt"

// fixed makes the same 32 bytes for the same name, always.
func fixed(name string) []byte {
	sum := sha256.Sum256([]byte("kindpakket golden " + name))
	return sum[:]
}

func id(name string) string { return base64.RawURLEncoding.EncodeToString(fixed(name)[:16]) }

func key(t *testing.T, name string) *jose.PrivateKey {
	t.Helper()
	k, err := jose.ParsePrivateKey(fixed(name))
	must(t, err)
	return k
}

// TestGolden makes the golden ledger anew: ES256 signatures are deterministic here, so that every byte is.
func TestGolden(t *testing.T) {
	const origin, did, shop = "kindpakket.zuidhorn.example", "did:web:zuidhorn.example", "did:web:fietsen.example"
	municipality, seller, holder, phone := key(t, "municipality"), key(t, "shop"), key(t, "holder"), key(t, "phone")
	skey, vkey, err := note.GenerateKey(bytes.NewReader(bytes.Repeat(fixed("log"), 4)), origin)
	must(t, err)
	signer, err := note.NewSigner(skey)
	must(t, err)
	policy, err := ledger.NewPolicy(vkey)
	must(t, err)

	memory := ledgertest.NewMemory(origin)
	now := time.Date(2027, 3, 1, 10, 15, 30, 0, time.UTC)
	period := budget.Year(now, time.UTC)
	add := func(kind ledger.Kind, body any) uint64 {
		t.Helper()
		c, err := ledger.NewCommand(kind, body)
		must(t, err)
		e, err := memory.Append(c, now)
		must(t, err)
		return e.Index
	}
	head := func(kind ledger.Kind, name string) ledger.Head {
		h := ledger.Head{Ledger: origin, Kind: kind, ID: id(name)}
		if kind != ledger.KindGenesis && kind != ledger.KindShop {
			h.Fund, h.Period = "kindpakket", period.ID
		}
		return h
	}
	say := func(s ledger.Statement) {
		t.Helper()
		payload, err := ledger.Payload(s)
		must(t, err)
		jws, err := jose.Sign(municipality, jose.Header{Type: ledger.StatementJWSType, KeyID: did + "#key-1"}, payload)
		must(t, err)
		add(ledger.HeadOf(s).Kind, ledger.SignedBody{JWS: jws})
	}
	sign := func(k *jose.PrivateKey, kid string, o budget.Order) string {
		t.Helper()
		payload, err := o.Bytes()
		must(t, err)
		jws, err := jose.Sign(k, jose.Header{Type: budget.OrderJWSType, KeyID: kid + "#key-1"}, payload)
		must(t, err)
		return jws
	}
	rfc3339 := func(at time.Time) string { return at.Format(time.RFC3339) }

	say(ledger.Genesis{Head: head(ledger.KindGenesis, "genesis"), Municipality: did, Log: vkey, Format: ledger.Version,
		Keys: []ledger.NamedKey{{KeyID: did + "#key-1", JWK: municipality.Public()}}})
	say(ledger.Fund{Head: head(ledger.KindFund, "fund"), Names: ledger.Names{NL: "Kindpakket", EN: "Children's <package> & more"},
		Opens: rfc3339(period.Opens), Closes: rfc3339(period.Closes), Settles: rfc3339(period.Settles),
		Categories: []budget.Category{"boeken", "fiets"}, Limits: ledger.Limits{Min: 50, Max: 50000, Blind: 5000}})
	say(ledger.Shop{Head: head(ledger.KindShop, "accredited"), Shop: shop, Name: "Fietsen & Zo", Categories: []budget.Category{"fiets"},
		Keys: []ledger.NamedKey{{KeyID: shop + "#key-1", JWK: seller.Public()}}, State: ledger.Accredited, From: rfc3339(period.Opens)})
	say(ledger.Issue{Head: head(ledger.KindIssue, "issue"), Amount: 30000,
		Account: ledger.Account{ID: id("account"), Keys: []jose.Thumbprint{holder.Public().Thumbprint()}}})
	order := budget.Order{Ledger: origin, Fund: "kindpakket", Period: period.ID, Kind: budget.Purchase, Shop: shop, Till: "t-2",
		ClientID: "x509_hash:" + base64.RawURLEncoding.EncodeToString(fixed("certificate")), OrderID: id("order"), Amount: 1250, Category: "fiets",
		IssuedAt: now, ExpiresAt: now.Add(2 * time.Minute)}
	signed := sign(seller, shop, order)
	token, err := jose.Parse(signed)
	must(t, err)
	bind := budget.BindOf(token.PayloadSegment()).Nonce()
	claims, err := json.Marshal(map[string]any{"aud": order.ClientID, "nonce": bind, "iat": now.Unix(), "sd_hash": base64.RawURLEncoding.EncodeToString(fixed("card")),
		"transaction_data_hashes": []string{bind}, "transaction_data_hashes_alg": "sha-256"})
	must(t, err)
	kb, err := jose.Sign(holder, jose.Header{Type: "kb+jwt"}, claims)
	must(t, err)
	bought := add(ledger.KindSpend, ledger.SpendBody{Order: signed, Account: &ledger.AccountProof{JWK: holder.Public(), KBJWT: kb}})

	now = now.AddDate(0, 0, 1)
	back := order
	back.Kind, back.OrderID, back.Amount, back.Original, back.For = budget.Return, id("return"), 250, bought, holder.Public().Thumbprint().String()
	back.IssuedAt, back.ExpiresAt = now, now.Add(time.Minute)
	returned := add(ledger.KindReturn, ledger.OrderBody{Order: sign(seller, shop, back)}) // after a state entry
	add(ledger.KindTopUp, ledger.OrderBody{Order: sign(municipality, did, budget.Order{Ledger: origin, Fund: "kindpakket", Period: period.ID, Kind: budget.TopUp,
		ClientID: "decentralized_identifier:" + did, OrderID: id("top-up"), Amount: 500, For: id("account"), IssuedAt: now, ExpiresAt: now.Add(time.Minute)})})
	say(ledger.Keys{Head: head(ledger.KindKeys, "keys"), Account: id("account"), Add: []jose.Thumbprint{phone.Public().Thumbprint()},
		Drop: []jose.Thumbprint{holder.Public().Thumbprint()}})
	say(ledger.Block{Head: head(ledger.KindBlock, "block"), Account: id("account"), State: ledger.Blocked})
	say(ledger.Shop{Head: head(ledger.KindShop, "suspended"), Shop: shop, Name: "Fietsen & Zo", Categories: []budget.Category{"fiets"},
		Keys: []ledger.NamedKey{{KeyID: shop + "#key-1", JWK: seller.Public()}}, State: ledger.Suspended, Reason: "contract-ended", From: rfc3339(period.Opens)})
	say(ledger.Payout{Head: head(ledger.KindPayout, "payout"), Shop: shop, First: bought, Last: returned, Total: 1000, Entries: 2,
		FileSHA256: ledger.Hash(fixed("payment file"))})
	now = period.Settles.Add(time.Second)
	say(ledger.Close{Head: head(ledger.KindClose, "close"), Issued: 30000, ToppedUp: 500, Spent: 1250, Returned: 250, Expired: 29500})

	got, err := memory.Export(signer)
	must(t, err)
	if *update {
		must(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("the golden ledger is written otherwise today; if that is meant, rewrite it with -update:\n%s", got)
	}
	r, err := audit.Run(bytes.NewReader(want), audit.Options{Policy: &policy})
	if err != nil || !r.Clean || r.Funds[0].Outstanding != 29500 || !r.Funds[0].Closed {
		t.Errorf("audit of the golden ledger: %v, %+v", err, r)
	}
}
