package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
	"kindpakket/ledger/remote"
)

// cheat is a shop with a till of its own making: it holds its key itself and sends the ledger whatever it likes, by
// HTTP, with the token that shops have.
type cheat struct {
	ledger  *remote.Client
	origin  string
	did     string
	key     *jose.PrivateKey
	holder  *foreign // a wallet with a card
	other   *foreign // another family's
	stolen  budget.Order
	blocked *foreign
}

const cheatClient = "x509_hash:cheat"

// newCheat makes the shop's key and has the municipality accredit it, as any shop with its own software would ask for.
func (s *stage) newCheat(ctx context.Context) (*cheat, error) {
	c := &cheat{origin: "kindpakket.zuidhorn.example", did: "did:web:eigenkassa.example"}
	token, err := os.ReadFile(s.path("house/tokens/shops.token"))
	if err != nil {
		return nil, err
	}
	c.ledger = remote.NewClient(s.url+"/ledger", http.DefaultClient, strings.TrimSpace(string(token)))
	if c.key, err = jose.Generate(rand.Reader); err != nil {
		return nil, err
	}
	id, err := url.Parse(c.did)
	if err != nil {
		return nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "Eigen Kassa"}, URIs: []*url.URL{id}}, c.key.ECDSA())
	if err != nil {
		return nil, err
	}
	file, err := json.Marshal(map[string]any{"name": "Eigen Kassa", "kvk": "90000099", "iban": "NL69TEST0000000001", "categories": []string{"fiets"},
		"did": c.did, "key": c.key.Public(), "csr": csr})
	if err != nil {
		return nil, err
	}
	return c, s.do(ctx, nil, "issuer", "accredit-shop", s.house(), s.write("eigen-kassa.json", file))
}

// order is a good order of the cheat's shop.
func (c *cheat) order(amount budget.Cents) budget.Order {
	now := time.Now().UTC().Truncate(time.Second)
	return budget.Order{Ledger: c.origin, Fund: "kindpakket", Period: budget.Year(now, dutch()).ID, Kind: budget.Purchase, Shop: c.did, Till: "t-1",
		ClientID: cheatClient, OrderID: random16(), Amount: amount, Category: "fiets", IssuedAt: now, ExpiresAt: now.Add(2 * time.Minute)}
}

func dutch() *time.Location {
	loc, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		return time.FixedZone("CET", 3600)
	}
	return loc
}

func random16() string {
	b := make([]byte, 16)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// sign signs an order with any key.
func (c *cheat) sign(key *jose.PrivateKey, o budget.Order) (string, error) {
	payload, err := o.Bytes()
	if err != nil {
		return "", err
	}
	return jose.Sign(key, jose.Header{Type: budget.OrderJWSType, KeyID: o.Shop + "#key-1"}, payload)
}

// spend makes the command of a spend; tweak may change what the holder signs.
func (c *cheat) spend(h *foreign, o budget.Order, key *jose.PrivateKey, tweak func(audience, nonce *string, hashes *[]string)) (ledger.Command, error) {
	order, err := c.sign(key, o)
	if err != nil {
		return ledger.Command{}, err
	}
	token, err := jose.Parse(order)
	if err != nil {
		return ledger.Command{}, err
	}
	audience, nonce := o.ClientID, budget.BindOf(token.PayloadSegment()).Nonce()
	hashes := []string{nonce}
	if tweak != nil {
		tweak(&audience, &nonce, &hashes)
	}
	proof, err := h.proof(order, audience, nonce, hashes)
	if err != nil {
		return ledger.Command{}, err
	}
	return ledger.NewCommand(ledger.KindSpend, ledger.SpendBody{Order: order, Account: &proof})
}

// attempt is something that must be refused.
type attempt struct {
	what   string
	reason ledger.Reason
	make   func() (ledger.Command, error)
}

// attempts lists what a dishonest shop and a dishonest holder can try with an account.
func (c *cheat) attempts(bought uint64) []attempt {
	spend := func(change func(*budget.Order), tweak func(a, n *string, h *[]string)) func() (ledger.Command, error) {
		return func() (ledger.Command, error) {
			o := c.order(1250)
			if change != nil {
				change(&o)
			}
			return c.spend(c.holder, o, c.key, tweak)
		}
	}
	give := func(change func(*budget.Order)) func() (ledger.Command, error) {
		return func() (ledger.Command, error) {
			o := c.order(100)
			o.Kind, o.Original, o.For = budget.Return, bought, c.holder.key.Public().Thumbprint().String()
			change(&o)
			order, err := c.sign(c.key, o)
			if err != nil {
				return ledger.Command{}, err
			}
			return ledger.NewCommand(ledger.KindReturn, ledger.OrderBody{Order: order})
		}
	}
	thief := func() (ledger.Command, error) { // C1: a shop's key alone takes from nobody
		key, err := jose.Generate(rand.Reader)
		if err != nil {
			return ledger.Command{}, err
		}
		return c.spend(&foreign{key: key, card: c.holder.card}, c.order(1250), c.key, nil)
	}
	return []attempt{
		{"sends something that is no payment", ledger.Malformed, func() (ledger.Command, error) {
			return ledger.Command{Kind: ledger.KindSpend, Body: json.RawMessage(`{"amount":1250}`)}, nil
		}},
		{"brings an order of another municipality's ledger", ledger.WrongLedger, spend(func(o *budget.Order) { o.Ledger = "kindpakket.elders.example" }, nil)},
		{"sells from a fund that does not exist", ledger.UnknownFund, spend(func(o *budget.Order) { o.Fund = "feestpakket" }, nil)},
		{"sells from next year's fund", ledger.NotOpenYet, spend(func(o *budget.Order) { o.Fund, o.Period = "zwempas", "volgend-jaar" }, nil)},
		{"sells from a fund whose year is over", ledger.PeriodClosed, spend(func(o *budget.Order) { o.Fund, o.Period = "zwempas", "vorig-jaar" }, nil)},
		{"is a shop that nobody accredited", ledger.UnknownShop, spend(func(o *budget.Order) { o.Shop = "did:web:onbekend.example" }, nil)},
		{"sells books, and may sell bicycles only", ledger.WrongCategory, spend(func(o *budget.Order) { o.Category = "boeken" }, nil)},
		{"asks for ten cents", ledger.BelowMinimum, spend(func(o *budget.Order) { o.Amount = 10 }, nil)},
		{"asks for everything at once, € 1 000", ledger.AboveMaximum, spend(func(o *budget.Order) { o.Amount = 100000 }, nil)},
		{"keeps an order for tomorrow", ledger.OrderExpired, spend(func(o *budget.Order) {
			o.IssuedAt, o.ExpiresAt = o.IssuedAt.Add(-10*time.Minute), o.IssuedAt.Add(-8*time.Minute)
		}, nil)},
		{"has a clock that is an hour ahead", ledger.OrderEarly, spend(func(o *budget.Order) {
			o.IssuedAt, o.ExpiresAt = o.IssuedAt.Add(time.Hour), o.ExpiresAt.Add(time.Hour)
		}, nil)},
		{"signs an order with somebody else's key", ledger.BadSignature, func() (ledger.Command, error) {
			return c.spend(c.holder, c.order(1250), c.other.key, nil)
		}},
		{"uses a proof that was made for another shop", ledger.WrongAudience, spend(nil, func(a, _ *string, _ *[]string) { *a = "x509_hash:another" })},
		{"uses a proof that was made for another order", ledger.BadProof, spend(nil, func(_, n *string, _ *[]string) { *n = random16() + random16()[:21] })},
		{"asks € 60 of a wallet that showed no amount", ledger.BlindLimit, spend(func(o *budget.Order) { o.Amount = 6000 }, func(_, _ *string, h *[]string) { *h = nil })},
		{"takes without the holder: its own key, somebody else's card", ledger.UnknownAccount, thief},
		{"asks for more than is left", ledger.TooLittleLeft, spend(func(o *budget.Order) { o.Amount = 30000 }, nil)},
		{"has the order paid again by another family", ledger.OrderUsed, func() (ledger.Command, error) {
			return c.spend(c.other, c.stolen, c.key, nil)
		}},
		{"gives back what was never bought", ledger.OriginalUnknown, give(func(o *budget.Order) { o.Original = 0 })},
		{"gives the money back to a friend", ledger.NotForYou, give(func(o *budget.Order) { o.For = c.other.key.Public().Thumbprint().String() })},
		{"gives back one cent too much", ledger.ReturnExceedsSpend, give(func(o *budget.Order) { o.Amount = 1001 })},
		{"takes from a blocked budget", ledger.AccountBlocked, func() (ledger.Command, error) {
			return c.spend(c.blocked, c.order(1250), c.key, nil)
		}},
	}
}

// refusedFor offers a command that must be refused for this reason.
func (c *cheat) refusedFor(ctx context.Context, cmd ledger.Command, want ledger.Reason) error {
	_, err := c.ledger.Append(ctx, cmd)
	if !errors.Is(err, want) {
		return fmt.Errorf("the ledger answered %v, want %s", err, want)
	}
	return nil
}

// buy pays an honest order of the cheat's shop and returns its entry.
func (c *cheat) buy(ctx context.Context, amount budget.Cents) (uint64, error) {
	c.stolen = c.order(amount)
	cmd, err := c.spend(c.holder, c.stolen, c.key, nil)
	if err != nil {
		return 0, err
	}
	r, err := c.ledger.Append(ctx, cmd)
	if err != nil {
		return 0, err
	}
	again, err := c.ledger.Append(ctx, cmd)
	if err != nil || !bytes.Equal(again.Entry, r.Entry) {
		return 0, fmt.Errorf("asked again, the ledger gave another entry (%v)", err)
	}
	e, err := ledger.ParseEntry(r.Entry)
	return e.Index, err
}
