// Package ledgertest is the contract of [ledger.Log] as tests, and a small world to test with: a municipality, shops
// and holders that can say anything the ledger understands, right or wrong.
package ledgertest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
)

// World is everything outside a ledger that tests need.
type World struct {
	t      testing.TB
	Origin string
	Fund   string
	Period budget.Period
	Clock  time.Time // what the ledger's clock says; tests move it
	DID    string
	Key    *jose.PrivateKey // the municipality's
	Signer note.Signer      // the log's
	VKey   string           // of the log
	Policy ledger.Policy
	Shops  map[string]*Shop
}

// Shop is a shop of the world.
type Shop struct {
	DID        string
	Key        *jose.PrivateKey
	Categories []budget.Category
	ClientID   string
}

// Holder is a family's key and account.
type Holder struct {
	Key     *jose.PrivateKey
	Account string
}

// New makes a world whose clock stands on 1 March 2027, 10:15:30, in the middle of its only period.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{t: t, Origin: "kindpakket.zuidhorn.example", Fund: "kindpakket", DID: "did:web:zuidhorn.example",
		Clock: time.Date(2027, 3, 1, 10, 15, 30, 0, time.UTC), Key: NewKey(t), Shops: map[string]*Shop{}}
	w.Period = budget.Year(w.Clock, time.UTC)
	skey, vkey, err := note.GenerateKey(rand.Reader, w.Origin)
	must(t, err)
	w.Signer, err = note.NewSigner(skey)
	must(t, err)
	w.VKey = vkey
	w.Policy, err = ledger.NewPolicy(vkey)
	must(t, err)
	for name, cs := range map[string][]budget.Category{"trapper": {"fiets", "sport"}, "plein": {"boeken"}} {
		w.Shops[name] = &Shop{DID: "did:web:zuidhorn.example:shops:" + name, Key: NewKey(t), Categories: cs, ClientID: "x509_hash:" + name}
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// NewKey makes a P-256 key.
func NewKey(t testing.TB) *jose.PrivateKey {
	t.Helper()
	k, err := jose.Generate(rand.Reader)
	must(t, err)
	return k
}

// ID returns 16 random bytes in base64url.
func ID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Head makes the front of a statement with a new id.
func (w *World) Head(kind ledger.Kind) ledger.Head {
	h := ledger.Head{Ledger: w.Origin, Kind: kind, ID: ID()}
	if kind != ledger.KindGenesis && kind != ledger.KindShop {
		h.Fund, h.Period = w.Fund, w.Period.ID
	}
	return h
}

// Statement signs s with the municipality's key.
func (w *World) Statement(s ledger.Statement) ledger.Command {
	w.t.Helper()
	return w.SignedBy(w.Key, s)
}

// SignedBy signs s with any key.
func (w *World) SignedBy(key *jose.PrivateKey, s ledger.Statement) ledger.Command {
	w.t.Helper()
	payload, err := ledger.Payload(s)
	must(w.t, err)
	jws, err := jose.Sign(key, jose.Header{Type: ledger.StatementJWSType, KeyID: w.DID + "#key-1"}, payload)
	must(w.t, err)
	return w.command(ledger.HeadOf(s).Kind, ledger.SignedBody{JWS: jws})
}

func (w *World) command(kind ledger.Kind, body any) ledger.Command {
	w.t.Helper()
	c, err := ledger.NewCommand(kind, body)
	must(w.t, err)
	return c
}

// Genesis opens the ledger.
func (w *World) Genesis() ledger.Command {
	return w.Statement(ledger.Genesis{Head: w.Head(ledger.KindGenesis), Municipality: w.DID, Log: w.VKey, Format: ledger.Version,
		Keys: []ledger.NamedKey{{KeyID: w.DID + "#key-1", JWK: w.Key.Public()}}})
}

// OpenFund opens the fund: € 0,50 to € 500 a spend, € 50 blind, boeken, fiets and sport.
func (w *World) OpenFund() ledger.Command { return w.Statement(w.FundStatement()) }

// FundStatement is what OpenFund signs.
func (w *World) FundStatement() ledger.Fund {
	return ledger.Fund{Head: w.Head(ledger.KindFund), Names: ledger.Names{NL: "Kindpakket", EN: "Children's package"},
		Opens: w.Period.Opens.Format(time.RFC3339), Closes: w.Period.Closes.Format(time.RFC3339), Settles: w.Period.Settles.Format(time.RFC3339),
		Categories: []budget.Category{"boeken", "fiets", "sport"}, Limits: ledger.Limits{Min: 50, Max: 50000, Blind: 5000}}
}

// Accredit accredits a shop of the world, or suspends it.
func (w *World) Accredit(shop string, state ledger.ShopState) ledger.Command {
	s := w.Shops[shop]
	return w.Statement(ledger.Shop{Head: w.Head(ledger.KindShop), Shop: s.DID, Name: "Winkel " + shop, Categories: s.Categories, State: state,
		Keys: []ledger.NamedKey{{KeyID: s.DID + "#key-1", JWK: s.Key.Public()}}, From: w.Period.Opens.Format(time.RFC3339)})
}

// Open is the set-up of most tests: genesis, fund and both shops.
func (w *World) Open() []ledger.Command {
	return []ledger.Command{w.Genesis(), w.OpenFund(), w.Accredit("trapper", ledger.Accredited), w.Accredit("plein", ledger.Accredited)}
}

// NewHolder makes a holder with a key and an account id that no ledger knows yet.
func (w *World) NewHolder() Holder { return Holder{Key: NewKey(w.t), Account: ID()} }

// Issue gives amount to h.
func (w *World) Issue(h Holder, amount budget.Cents) ledger.Command {
	return w.Statement(ledger.Issue{Head: w.Head(ledger.KindIssue), Amount: amount,
		Account: ledger.Account{ID: h.Account, Keys: []jose.Thumbprint{h.Key.Public().Thumbprint()}}})
}

// Order is a good purchase order at shop; change it before signing.
func (w *World) Order(shop string, amount budget.Cents, category budget.Category) budget.Order {
	s := w.Shops[shop]
	at := w.Clock.UTC().Truncate(time.Second)
	return budget.Order{Ledger: w.Origin, Fund: w.Fund, Period: w.Period.ID, Kind: budget.Purchase, Shop: s.DID, Till: "t-1",
		ClientID: s.ClientID, OrderID: ID(), Amount: amount, Category: category, IssuedAt: at, ExpiresAt: at.Add(2 * time.Minute)}
}

// SignOrder signs o with any key under the key id of its shop, or of the municipality.
func (w *World) SignOrder(key *jose.PrivateKey, o budget.Order) string {
	w.t.Helper()
	payload, err := o.Bytes()
	must(w.t, err)
	kid := o.Shop
	if kid == "" {
		kid = w.DID
	}
	jws, err := jose.Sign(key, jose.Header{Type: budget.OrderJWSType, KeyID: kid + "#key-1"}, payload)
	must(w.t, err)
	return jws
}

// Sign signs o with its shop's key, or the municipality's for a top-up.
func (w *World) Sign(o budget.Order) string {
	w.t.Helper()
	if o.Kind == budget.TopUp {
		return w.SignOrder(w.Key, o)
	}
	for _, s := range w.Shops {
		if s.DID == o.Shop {
			return w.SignOrder(s.Key, o)
		}
	}
	w.t.Fatal("no such shop in the world")
	return ""
}

// KB is what a key binding JWT says; the zero value of a field leaves what is right for the order.
type KB struct {
	Audience string
	Nonce    string
	Hashes   []string // nil: the order's; empty: none are written
}

// Proof makes the holder's proof for a signed order.
func (w *World) Proof(h Holder, order string, kb KB) ledger.AccountProof {
	w.t.Helper()
	token, err := jose.Parse(order)
	must(w.t, err)
	o, err := budget.ParseOrder(token.Payload)
	must(w.t, err)
	bind := budget.BindOf(token.PayloadSegment())
	if kb.Audience == "" {
		kb.Audience = o.ClientID
	}
	if kb.Nonce == "" {
		kb.Nonce = bind.Nonce()
	}
	if kb.Hashes == nil {
		kb.Hashes = []string{bind.Nonce()}
	}
	sum := sha256.Sum256([]byte(ID()))
	claims := map[string]any{"aud": kb.Audience, "nonce": kb.Nonce, "iat": w.Clock.Unix(), "sd_hash": base64.RawURLEncoding.EncodeToString(sum[:])}
	if len(kb.Hashes) > 0 {
		claims["transaction_data_hashes"] = kb.Hashes
		claims["transaction_data_hashes_alg"] = "sha-256"
	}
	payload, err := json.Marshal(claims)
	must(w.t, err)
	jwt, err := jose.Sign(h.Key, jose.Header{Type: "kb+jwt"}, payload)
	must(w.t, err)
	return ledger.AccountProof{JWK: h.Key.Public(), KBJWT: jwt}
}

// Spend pays a signed order from h's account.
func (w *World) Spend(h Holder, order string) ledger.Command {
	return w.SpendWith(order, w.Proof(h, order, KB{}))
}

// SpendWith pays a signed order with any proof.
func (w *World) SpendWith(order string, proof ledger.AccountProof) ledger.Command {
	return w.command(ledger.KindSpend, ledger.SpendBody{Order: order, Account: &proof})
}

// Pay makes, signs and pays an order.
func (w *World) Pay(h Holder, shop string, amount budget.Cents, category budget.Category) ledger.Command {
	return w.Spend(h, w.Sign(w.Order(shop, amount, category)))
}

// ReturnOrder is a good credit note for the purchase at index original, paid by h.
func (w *World) ReturnOrder(h Holder, shop string, original uint64, amount budget.Cents, category budget.Category) budget.Order {
	o := w.Order(shop, amount, category)
	o.Kind, o.Original, o.For = budget.Return, original, h.Key.Public().Thumbprint().String()
	return o
}

// Return gives back by a signed credit note.
func (w *World) Return(order string) ledger.Command {
	return w.command(ledger.KindReturn, ledger.OrderBody{Order: order})
}

// TopUpOrder is a good addition to h's account.
func (w *World) TopUpOrder(h Holder, amount budget.Cents) budget.Order {
	at := w.Clock.UTC().Truncate(time.Second)
	return budget.Order{Ledger: w.Origin, Fund: w.Fund, Period: w.Period.ID, Kind: budget.TopUp, For: h.Account,
		ClientID: "decentralized_identifier:" + w.DID, OrderID: ID(), Amount: amount, IssuedAt: at, ExpiresAt: at.Add(time.Minute)}
}

// TopUp adds by a signed order.
func (w *World) TopUp(order string) ledger.Command {
	return w.command(ledger.KindTopUp, ledger.OrderBody{Order: order})
}

// Keys, Block, Payout and Close are the other statements.
func (w *World) Keys(h Holder, add, drop []jose.Thumbprint) ledger.Command {
	if add == nil {
		add = []jose.Thumbprint{}
	}
	if drop == nil {
		drop = []jose.Thumbprint{}
	}
	return w.Statement(ledger.Keys{Head: w.Head(ledger.KindKeys), Account: h.Account, Add: add, Drop: drop})
}

// Block blocks h's account, or makes it active.
func (w *World) Block(h Holder, state ledger.BlockState) ledger.Command {
	return w.Statement(ledger.Block{Head: w.Head(ledger.KindBlock), Account: h.Account, State: state})
}

// Payout pays a shop.
func (w *World) Payout(shop string, first, last uint64, total budget.Cents, entries int) ledger.Command {
	return w.Statement(ledger.Payout{Head: w.Head(ledger.KindPayout), Shop: w.Shops[shop].DID, First: first, Last: last, Total: total,
		Entries: entries, FileSHA256: ledger.Hash(sha256.Sum256([]byte(fmt.Sprint(first, last))))})
}

func cents(n int64) budget.Cents { return budget.Cents(n) }
