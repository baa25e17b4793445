package wallet_test

import (
	"bytes"
	"errors"
	"testing"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
	"kindpakket/wallet"
)

// paidBy makes the entry of a payment of o by a stranger.
func (w *world) paidBy(t *testing.T, o budget.Order) ledger.Receipt {
	t.Helper()
	h := w.NewHolder()
	w.books.issue([]jose.Thumbprint{h.Key.Public().Thumbprint()}, 30000)
	order := w.Sign(o)
	r, err := w.books.spend(order, w.Proof(h, order, ledgertest.KB{}))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// "Paid" without a receipt that proves exactly this payment is not paid.
func TestReceiptsThatProveNothing(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *world, ledger.Receipt) *ledger.Receipt{
		"none": func(*testing.T, *world, ledger.Receipt) *ledger.Receipt { return nil },
		"for another order of the same shop": func(t *testing.T, w *world, _ ledger.Receipt) *ledger.Receipt {
			r := w.paidBy(t, w.Order("trapper", 1250, "fiets"))
			return &r
		},
		"for another shop's order": func(t *testing.T, w *world, _ ledger.Receipt) *ledger.Receipt {
			r := w.paidBy(t, w.Order("plein", 1250, "boeken"))
			return &r
		},
		"of a return": func(t *testing.T, w *world, _ ledger.Receipt) *ledger.Receipt {
			r := w.books.giveBack(w.Sign(w.ReturnOrder(w.NewHolder(), "trapper", 0, 1250, "fiets")))
			return &r
		},
		"signed by another key under the ledger's name": func(t *testing.T, w *world, r ledger.Receipt) *ledger.Receipt {
			other := ledgertest.New(t)
			signed, err := ledger.Checkpoint{Origin: w.Origin, Size: 1, Root: ledger.LeafHash(r.Entry)}.Sign(other.Signer)
			if err != nil {
				t.Fatal(err)
			}
			forged := ledger.NewReceipt(r.Entry, 0, nil, signed)
			return &forged
		},
		"a checkpoint of other entries": func(t *testing.T, w *world, r ledger.Receipt) *ledger.Receipt {
			signed, err := ledger.Checkpoint{Origin: w.Origin, Size: 1, Root: ledger.LeafHash([]byte("else"))}.Sign(w.Signer)
			if err != nil {
				t.Fatal(err)
			}
			forged := ledger.NewReceipt(r.Entry, 0, nil, signed)
			return &forged
		},
		"the entry was changed": func(t *testing.T, w *world, r ledger.Receipt) *ledger.Receipt {
			forged := r
			forged.Entry = bytes.Replace(bytes.Clone(r.Entry), []byte(`"index":0`), []byte(`"index":1`), 1)
			return &forged
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			wal := w.holder()
			honest := ledger.Receipt{}
			c := look(t, wal, w.shop.sell(1250, "fiets"))
			w.shop.receipt = func(r ledger.Receipt) *ledger.Receipt { honest = r; return change(t, w, r) }
			r, err := wal.Answer(t.Context(), c)
			if !errors.Is(err, wallet.ErrReceipt) || r.State() != wallet.Pending {
				t.Errorf("got %v, %v, want ErrReceipt and not paid", r.State(), err)
			}
			wantBalance(t, wal, 30000)
			if _, err := wal.ExportReceipt(1); !errors.Is(err, wallet.ErrNoReceipt) {
				t.Errorf("the receipt was kept: %v", err)
			}

			// The true receipt, by the shop's next answer or by hand, books it once.
			w.shop.receipt = nil
			l, err := wal.AddReceipt(honest.Bytes())
			if err != nil || l.State() != wallet.Paid {
				t.Errorf("the true receipt by hand: got %v, %v", l.State(), err)
			}
			if r, err := wal.Answer(t.Context(), c); err != nil || r.State() != wallet.Paid {
				t.Errorf("asking again: got %v, %v", r.State(), err)
			}
			wantBalance(t, wal, 28750)
		})
	}
}

// The receipt of an earlier purchase, by the same key, does not pay for this one.
func TestAnOldReceiptPaysForNothing(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(newVault(t, newStore()))
	cfg.Copies = 1
	wal, err := wallet.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wal.Accept(t.Context(), w.issuer.offer(), txCode); err != nil {
		t.Fatal(err)
	}
	var old *ledger.Receipt
	w.shop.receipt = func(r ledger.Receipt) *ledger.Receipt { old = &r; return &r }
	pay(t, wal, w.shop.sell(1, "fiets"))
	w.shop.receipt = func(ledger.Receipt) *ledger.Receipt { return old }
	c := look(t, wal, w.shop.sell(1250, "fiets"))
	if r, err := wal.Answer(t.Context(), c); !errors.Is(err, wallet.ErrReceipt) || r.State() != wallet.Pending {
		t.Errorf("got %v, %v, want ErrReceipt and not paid", r.State(), err)
	}
	wantBalance(t, wal, 29999)
}

// A shop that says "refused" and takes the money all the same is found out by the receipt.
func TestAReceiptCountsMoreThanTheShopsWord(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	w.shop.state = wallet.Refused
	uri := w.shop.sell(1250, "fiets")
	if r := pay(t, wal, uri); r.State() != wallet.Refused {
		t.Fatalf("got %v", r.State())
	}
	w.shop.state = ""
	got := w.shop.decide(w.shop.asks[lastID(t, uri)], []byte(w.shop.posted[0].Encode()))
	receipt := got["receipt"].(*ledger.Receipt)
	if l, err := wal.AddReceipt(receipt.Bytes()); err != nil || l.State() != wallet.Paid {
		t.Errorf("got %v, %v, want paid", l.State(), err)
	}
	wantBalance(t, wal, 28750)
}

func TestReturns(t *testing.T) {
	w := newWorld(t)
	wal := w.holder()
	bought := pay(t, wal, w.shop.sell(1250, "fiets")).Line()
	e, err := ledger.ParseEntry(w.books.entries[0])
	if err != nil {
		t.Fatal(err)
	}
	body, err := ledger.ParseBody[ledger.SpendBody](e.Command())
	if err != nil {
		t.Fatal(err)
	}
	back := func(amount budget.Cents, change func(*budget.Order)) []byte {
		o := w.Order("trapper", amount, "fiets")
		o.Kind, o.Original, o.For = budget.Return, bought.Entry(), body.Account.JWK.Thumbprint().String()
		if change != nil {
			change(&o)
		}
		return w.books.giveBack(w.Sign(o)).Bytes()
	}
	good := back(500, nil)
	l, err := wal.AddReceipt(good)
	if err != nil || l.State() != wallet.Returned || l.Amount() != 500 || l.Purchase() != bought.Number() || l.Shop() != bought.Shop() {
		t.Fatalf("got %v %v, %v", l.State(), l.Amount(), err)
	}
	wantBalance(t, wal, 29250)
	if again, err := wal.AddReceipt(good); err != nil || again.Number() != l.Number() {
		t.Errorf("the same receipt again: got line %d, %v, want line %d", again.Number(), err, l.Number())
	}
	wantBalance(t, wal, 29250)
	stranger := w.NewHolder()
	forged, err := ledger.ParseReceipt(back(1, nil))
	if err != nil {
		t.Fatal(err)
	}
	forged.Proof = bytes.Replace(forged.Proof, []byte("kindpakket.zuidhorn"), []byte("kindpakket.elders.."), 1)
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"more than is left of it":    {back(751, nil), wallet.ErrReceipt},
		"somebody else's":            {back(1, func(o *budget.Order) { o.For = stranger.Key.Public().Thumbprint().String() }), wallet.ErrUnknownPurchase},
		"of another purchase":        {back(1, func(o *budget.Order) { o.Original = 99 }), wallet.ErrUnknownPurchase},
		"of another shop":            {back(1, func(o *budget.Order) { o.Shop = w.Shops["plein"].DID }), wallet.ErrUnknownPurchase},
		"of another ledger":          {back(1, func(o *budget.Order) { o.Ledger = "elders.example" }), wallet.ErrReceipt},
		"a purchase of someone else": {w.paidBy(t, w.Order("trapper", 5, "fiets")).Bytes(), wallet.ErrUnknownPurchase},
		"not signed by the ledger":   {forged.Bytes(), wallet.ErrReceipt},
		"no receipt":                 {[]byte("hello"), wallet.ErrReceipt},
		"nothing":                    {nil, wallet.ErrReceipt},
	} {
		if _, err := wal.AddReceipt(c.file); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if _, err := wal.AddReceipt(back(750, nil)); err != nil {
		t.Errorf("the rest: %v", err)
	}
	wantBalance(t, wal, 30000)
}

// A policy of the reader's own counts instead of the key that the card names.
func TestAPolicyOfOnesOwn(t *testing.T) {
	w := newWorld(t)
	v := newVault(t, newStore())
	cfg := w.config(v)
	stranger := ledgertest.New(t).Policy
	cfg.Policy = &stranger
	wal, err := wallet.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wal.Accept(t.Context(), w.issuer.offer(), txCode); err != nil {
		t.Fatal(err)
	}
	c := look(t, wal, w.shop.sell(1250, "fiets"))
	if r, err := wal.Answer(t.Context(), c); !errors.Is(err, wallet.ErrReceipt) || r.State() != wallet.Pending {
		t.Errorf("a ledger that the policy does not name: got %v, %v, want ErrReceipt", r.State(), err)
	}
	cfg.Policy = &w.Policy
	if wal, err = wallet.New(cfg); err != nil {
		t.Fatal(err)
	}
	if results, err := wal.Retry(t.Context()); err != nil || len(results) != 1 || results[0].State() != wallet.Paid {
		t.Errorf("under the right policy: %d results, %v", len(results), err)
	}
}
