package wallet_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vci"
	"kindpakket/ledger/ledgertest"
	"kindpakket/wallet"
	"kindpakket/wallet/vault"
)

func TestAcceptTakesACard(t *testing.T) {
	w := newWorld(t)
	wal := w.open(newVault(t, new(vault.Memory)))
	card, err := wal.Accept(t.Context(), w.issuer.offer(), txCode)
	if err != nil {
		t.Fatal(err)
	}
	if card.Name("nl") != "Kindpakket" || card.Name("en-GB") != "Children's package" || card.Fund() != "kindpakket" || card.Period() != w.Period.ID ||
		card.Municipality() != "Zuidhorn" || card.Ledger() != w.Origin || card.Issuer() != w.issuer.url {
		t.Errorf("got another card: %q, %q, %q, %q", card.Name("nl"), card.Fund(), card.Period(), card.Municipality())
	}
	if !slices.Equal(card.Categories(), []budget.Category{"boeken", "fiets", "sport"}) {
		t.Errorf("categories: got %v", card.Categories())
	}
	if !card.ValidFrom().Equal(w.Period.Opens) || !card.ValidUntil().Equal(w.Period.Closes) {
		t.Errorf("valid from %v until %v, want the period", card.ValidFrom(), card.ValidUntil())
	}
	if card.Copies() != wallet.DefaultCopies || !slices.Equal(card.Keys(), w.issuer.keys) {
		t.Errorf("got %d copies, want %d, each bound to a key that was proved", card.Copies(), wallet.DefaultCopies)
	}
	wantBalance(t, wal, 30000)

	again, err := wal.Accept(t.Context(), w.issuer.offer(), txCode)
	if err != nil || again.ID() != card.ID() || w.issuer.tokens != 1 {
		t.Errorf("the same letter again: %v, want the same card without asking", err)
	}
}

func TestAcceptByReference(t *testing.T) {
	w := newWorld(t)
	uri, err := oid4vci.OfferReferenceURI(w.issuer.url + "/offers/1")
	if err != nil {
		t.Fatal(err)
	}
	wal := w.open(newVault(t, new(vault.Memory)))
	if _, err := wal.Accept(t.Context(), uri, txCode); err != nil || w.issuer.references != 1 {
		t.Errorf("got %v after %d fetches", err, w.issuer.references)
	}
}

func TestAcceptAsksForAtMostTheBatch(t *testing.T) {
	w := newWorld(t)
	w.issuer.batch = 2
	wal := w.holder()
	if cards, err := wal.Cards(); err != nil || cards[0].Copies() != 2 {
		t.Errorf("got %d copies, %v, want 2", cards[0].Copies(), err)
	}
}

func TestAcceptRefused(t *testing.T) {
	for name, c := range map[string]struct {
		setup  func(*world)
		txCode string
		want   error
	}{
		"wrong transaction code": {nil, "00000000", wallet.ErrTxCode},
		"no transaction code":    {nil, "", wallet.ErrTxCodeMissing},
		"letter used elsewhere":  {func(w *world) { w.issuer.used = true }, txCode, wallet.ErrTxCode},
		"denied":                 {func(w *world) { w.issuer.deny = true }, txCode, wallet.ErrDenied},
		"issuer of another anchor": {func(w *world) {
			w.issuer.chain = newAuthority(w.t, w.Clock).leaf(w.t, w.issuer.key, "Gemeente Zuidhorn", w.issuer.url)
		}, txCode, wallet.ErrIssuer},
		"a shop's certificate signs cards": {func(w *world) {
			w.issuer.key, w.issuer.chain = w.shop.key, w.shop.chain
		}, txCode, wallet.ErrIssuer},
		"another issuer's card": {edit("iss", "https://elders.example"), txCode, wallet.ErrIssuer},
		"another type":          {edit("vct", "https://elders.example/vct"), txCode, wallet.ErrIssuer},
		"expired":               {edit("exp", time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).Unix()), txCode, wallet.ErrIssuer},
		"valid only next year":  {edit("nbf", time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC).Unix()), txCode, wallet.ErrIssuer},
		"without an end": {func(w *world) {
			w.issuer.edit = func(_ int, m map[string]any) jose.Key { delete(m, "exp"); return jose.Key{} }
		}, txCode, wallet.ErrIssuer},
		"without a fund": {func(w *world) {
			w.issuer.edit = func(_ int, m map[string]any) jose.Key { delete(m, catalog.Fund); return jose.Key{} }
		}, txCode, wallet.ErrIssuer},
		"the key of another ledger": {func(w *world) {
			edit(catalog.Ledger, map[string]any{"origin": "elders.example", "key": w.VKey})(w)
		}, txCode, wallet.ErrIssuer},
		"no key of a ledger": {func(w *world) {
			edit(catalog.Ledger, map[string]any{"origin": w.Origin, "key": w.Origin + "+1+A"})(w)
		}, txCode, wallet.ErrIssuer},
		"bound to a stranger's key": {func(w *world) {
			stranger := ledgertest.NewKey(w.t).Public()
			w.issuer.edit = func(n int, _ map[string]any) jose.Key {
				if n == 2 {
					return stranger
				}
				return jose.Key{}
			}
		}, txCode, wallet.ErrIssuer},
		"copies that differ": {func(w *world) {
			w.issuer.edit = func(n int, m map[string]any) jose.Key { m[catalog.Amount] = 30000 + n; return jose.Key{} }
		}, txCode, wallet.ErrIssuer},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.setup != nil {
				c.setup(w)
			}
			wal := w.open(newVault(t, new(vault.Memory)))
			if _, err := wal.Accept(t.Context(), w.issuer.offer(), c.txCode); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if cards, err := wal.Cards(); err != nil || len(cards) != 0 {
				t.Errorf("%d cards were kept (%v)", len(cards), err)
			}
		})
	}
}

func edit(name string, value any) func(*world) {
	return func(w *world) {
		w.issuer.edit = func(_ int, m map[string]any) jose.Key { m[name] = value; return jose.Key{} }
	}
}

func TestOffersThatCannotBeUsed(t *testing.T) {
	w := newWorld(t)
	login := oid4vci.Offer{Issuer: w.issuer.url, Configurations: []string{"kindpakket"},
		Grants: oid4vci.Grants{AuthorizationCode: &oid4vci.AuthorizationCodeGrant{}}}
	other := w.issuer.theOffer()
	other.Configurations = []string{"diploma"}
	uris := map[string]string{"not an offer": "https://zuidhorn.example/", "a request": w.shop.check(), "empty": ""}
	for name, o := range map[string]oid4vci.Offer{"login": login, "unknown configuration": other} {
		uri, err := o.URI()
		if err != nil {
			t.Fatal(err)
		}
		uris[name] = uri
	}
	wal := w.open(newVault(t, new(vault.Memory)))
	for name, uri := range uris {
		if _, err := wal.Accept(t.Context(), uri, txCode); !errors.Is(err, wallet.ErrOffer) {
			t.Errorf("%s: got %v, want ErrOffer", name, err)
		}
	}
}

func TestAcceptAWrongCodeCanBeTypedAgain(t *testing.T) {
	w := newWorld(t)
	wal := w.open(newVault(t, new(vault.Memory)))
	if _, err := wal.Accept(t.Context(), w.issuer.offer(), "11111111"); !errors.Is(err, wallet.ErrTxCode) {
		t.Fatalf("got %v, want ErrTxCode", err)
	}
	if _, err := wal.Accept(t.Context(), w.issuer.offer(), txCode); err != nil {
		t.Errorf("the right code after a wrong one: %v", err)
	}
}

// The issuer gave the answer and the phone never saw it: the same letter gives the same card, to the keys that were
// stored before anything was asked. The phone was switched off in between.
func TestAcceptLostAnswer(t *testing.T) {
	w := newWorld(t)
	store := new(vault.Memory)
	v := newVault(t, store)
	w.issuer.drop = 1
	if _, err := w.open(v).Accept(t.Context(), w.issuer.offer(), txCode); !errors.Is(err, wallet.ErrNetwork) {
		t.Fatalf("got %v, want ErrNetwork", err)
	}
	v.Close()
	v, err := vault.Open(store, []byte("correct horse"), zero{})
	if err != nil {
		t.Fatal(err)
	}
	wal := w.open(v)
	if cards, err := wal.Cards(); err != nil || len(cards) != 0 {
		t.Fatalf("%d cards before the answer came (%v)", len(cards), err)
	}
	card, err := wal.Accept(t.Context(), w.issuer.offer(), txCode)
	if err != nil {
		t.Fatal(err)
	}
	if w.issuer.tokens != 1 || !slices.Equal(card.Keys(), w.issuer.keys) {
		t.Errorf("%d tokens were asked for, or the keys are others", w.issuer.tokens)
	}
}

// zero is no randomness: what comes after it must not need any but nonces.
type zero struct{}

func (zero) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestAcceptFetchesANewNonce(t *testing.T) {
	w := newWorld(t)
	w.issuer.badNonces = 1
	if wal := w.holder(); wal == nil {
		t.Fatal("no wallet")
	}
	w = newWorld(t)
	w.issuer.badNonces = 2
	wal := w.open(newVault(t, new(vault.Memory)))
	if _, err := wal.Accept(t.Context(), w.issuer.offer(), txCode); !errors.Is(err, oid4vci.InvalidNonce) {
		t.Errorf("an issuer that takes no nonce: got %v", err)
	}
}

func TestAcceptBeforeThePeriod(t *testing.T) {
	w := newWorld(t)
	w.Clock = w.Period.Opens.AddDate(0, -1, 0)
	w.ca = newAuthority(t, w.Clock.AddDate(-1, 0, 0))
	w.roots.AddCert(w.ca.cert)
	w.issuer.chain = w.ca.leaf(t, w.issuer.key, "Gemeente Zuidhorn", w.issuer.url)
	wal := w.holder()
	if cards, err := wal.Cards(); err != nil || len(cards) != 1 {
		t.Fatalf("a letter a month before the year: %d cards, %v", len(cards), err)
	}
	w.shop.certify(w.shop.shop.DID)
	if _, err := wal.Look(t.Context(), w.shop.sell(100, "fiets")); !errors.Is(err, wallet.ErrNoCard) {
		t.Errorf("paying before the year: got %v, want ErrNoCard", err)
	}
}

// D6: the balance read 0 on an error.
func TestD6BalanceIsNeverZeroForAnError(t *testing.T) {
	if got, err := (wallet.Card{}).Balance(); !errors.Is(err, wallet.ErrBalanceUnknown) {
		t.Errorf("a card that does not say: got %v, %v, want ErrBalanceUnknown", got, err)
	}
	w := newWorld(t)
	store := new(vault.Memory)
	v := newVault(t, store)
	wal := w.open(v)
	if _, err := wal.Accept(t.Context(), w.issuer.offer(), txCode); err != nil {
		t.Fatal(err)
	}
	names, err := store.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if string(n) != "header" {
			if err := store.Put(n, []byte(strings.Repeat("x", 600))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if cards, err := wal.Cards(); !errors.Is(err, vault.ErrDamaged) || cards != nil {
		t.Errorf("a damaged vault: got %d cards, %v, want ErrDamaged and none", len(cards), err)
	}
	v.Close()
	if cards, err := wal.Cards(); !errors.Is(err, vault.ErrClosed) || cards != nil {
		t.Errorf("a closed vault: got %d cards, %v, want ErrClosed and none", len(cards), err)
	}
}
