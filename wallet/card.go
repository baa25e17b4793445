package wallet

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/sdjwt"
	"kindpakket/ledger"
	"kindpakket/wallet/vault"
)

// cardRecord is a card as it lies in the vault.
type cardRecord struct {
	ID     string       `json:"id"`
	Issuer string       `json:"issuer"` // credential issuer identifier
	Taken  time.Time    `json:"taken"`
	Names  Message      `json:"names"` // what the card is called
	Copies []copyRecord `json:"copies"`
}

// copyRecord is one copy of a card, bound to one key.
type copyRecord struct {
	Text string          `json:"text"` // SD-JWT with all disclosures
	Key  jose.Thumbprint `json:"key"`
	Used int             `json:"used"` // presentations made with it
}

// Card is a card in the wallet. It prints as [redacted].
type Card struct {
	record  cardRecord
	claims  map[string]any
	expires time.Time
	begins  time.Time
	moved   budget.Cents // returned less spent, by receipts
}

// card reads a record that was verified when it was stored.
func (r cardRecord) card() (Card, error) {
	if len(r.Copies) == 0 {
		return Card{}, errors.New("reading card: it has no copies")
	}
	sd, err := sdjwt.Parse(r.Copies[0].Text)
	if err != nil {
		return Card{}, fmt.Errorf("reading card: %w", err)
	}
	c := Card{record: r, claims: sd.Claims()}
	for name, to := range map[string]*time.Time{"exp": &c.expires, "nbf": &c.begins} {
		if n, ok := c.number(name); ok {
			*to = time.Unix(n, 0).UTC()
		}
	}
	return c, nil
}

func (c Card) text(name string) string {
	s, _ := c.claims[name].(string)
	return s
}

func (c Card) number(name string) (int64, bool) {
	n, ok := c.claims[name].(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

// ID names the card in this wallet. It is random and never leaves the phone.
func (c Card) ID() string { return c.record.ID }

// Name returns what the card is called in the language lang.
func (c Card) Name(lang string) string { return c.record.Names.In(lang) }

// Issuer returns the credential issuer's identifier, a URL.
func (c Card) Issuer() string { return c.record.Issuer }

// Fund and Period return the ids of the fund and its period, as in the ledger.
func (c Card) Fund() string   { return c.text(catalog.Fund) }
func (c Card) Period() string { return c.text(catalog.Period) }

// Municipality returns the municipality's name.
func (c Card) Municipality() string { return c.text(catalog.Municipality) }

// Categories returns what the card pays for.
func (c Card) Categories() []budget.Category {
	list, _ := c.claims[catalog.Categories].([]any)
	var out []budget.Category
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, budget.Category(s))
		}
	}
	return out
}

// ValidFrom and ValidUntil are when the card begins and ends.
func (c Card) ValidFrom() time.Time  { return c.begins }
func (c Card) ValidUntil() time.Time { return c.expires }

// Copies returns how many copies there are, each with a key of its own.
func (c Card) Copies() int { return len(c.record.Copies) }

// Keys returns the thumbprints of the card's keys: for a help desk that must find the account.
func (c Card) Keys() []jose.Thumbprint {
	var keys []jose.Thumbprint
	for _, k := range c.record.Copies {
		keys = append(keys, k.Key)
	}
	return keys
}

// Balance returns what is left as far as this wallet knows: what the card started with, less what was paid and plus what
// came back by the receipts that it holds. What happened elsewhere (a top-up, a return whose receipt was not added,
// another phone) it does not know; the ledger decides.
//
// It returns [ErrBalanceUnknown] if the card does not say what it started with, and never 0 in place of an error.
func (c Card) Balance() (budget.Cents, error) {
	amount, ok := c.number(catalog.Amount)
	if !ok {
		return 0, ErrBalanceUnknown
	}
	return budget.Cents(amount).Add(c.moved)
}

// Ledger returns the origin line of the ledger on which the card's account stands, "" if it has none.
func (c Card) Ledger() string {
	m, _ := c.claims[catalog.Ledger].(map[string]any)
	origin, _ := m[catalog.LedgerOrigin].(string)
	return origin
}

// policy returns whose signatures make a receipt for this card good.
func (c Card) policy(own *ledger.Policy) (ledger.Policy, error) {
	if own != nil {
		return *own, nil
	}
	m, _ := c.claims[catalog.Ledger].(map[string]any)
	key, _ := m[catalog.LedgerKey].(string)
	// C2SP signed-note: a verifier key begins with its name, and a log's name is its origin.
	if name, _, _ := strings.Cut(key, "+"); name != c.Ledger() || name == "" {
		return ledger.Policy{}, errors.New("the card names no ledger, or a key of another")
	}
	return ledger.NewPolicy(key)
}

// String returns "[redacted]".
func (Card) String() string { return redacted }

// GoString returns "[redacted]".
func (Card) GoString() string { return redacted }

// LogValue returns "[redacted]".
func (Card) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON writes "[redacted]".
func (Card) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// Cards returns the wallet's cards, the one taken first first.
func (w *Wallet) Cards() ([]Card, error) {
	records, err := loadAll[cardRecord](w.cfg.Vault, cardRecords)
	if err != nil {
		return nil, err
	}
	history, err := loadAll[historyRecord](w.cfg.Vault, historyRecords)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(records, func(a, b cardRecord) int { return a.Taken.Compare(b.Taken) })
	cards := make([]Card, len(records))
	for i, r := range records {
		if cards[i], err = r.card(); err != nil {
			return nil, err
		}
		for _, h := range history {
			if h.Card == r.ID {
				if cards[i].moved, err = cards[i].moved.Add(h.moves()); err != nil {
					return nil, err
				}
			}
		}
	}
	return cards, nil
}

// card returns one card, with what was paid from it.
func (w *Wallet) card(id string) (Card, error) {
	cards, err := w.Cards()
	if err != nil {
		return Card{}, err
	}
	for _, c := range cards {
		if c.ID() == id {
			return c, nil
		}
	}
	return Card{}, vault.ErrNotFound
}

// choose returns the copy that was used least, the first of equals.
func (r cardRecord) choose() int {
	best := 0
	for i, c := range r.Copies {
		if c.Used < r.Copies[best].Used {
			best = i
		}
	}
	return best
}
