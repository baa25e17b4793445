package wallet

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
)

// State is what became of a request.
type State string

const (
	Paid     State = "paid"     // the ledger's receipt was verified
	Entitled State = "entitled" // the shop saw the card; no money moved
	Refused  State = "refused"  // the shop says so, with a reason
	Pending  State = "pending"  // answered, and nothing that can be trusted came back yet
	Returned State = "returned" // money came back; the ledger's receipt was verified
)

// historyRecord is a line of the history as it lies in the vault.
type historyRecord struct {
	N        int             `json:"n"`
	Ask      string          `json:"ask"` // which request: see Consent.ask
	Card     string          `json:"card"`
	State    State           `json:"state"`
	At       time.Time       `json:"at"`
	Shop     string          `json:"shop,omitempty"` // DID
	Name     string          `json:"name"`           // certified
	Amount   budget.Cents    `json:"amount,omitempty"`
	Category budget.Category `json:"category,omitempty"`
	OrderID  string          `json:"order_id,omitempty"`
	Order    string          `json:"order,omitempty"` // the order's payload segment
	Key      jose.Thumbprint `json:"key"`             // that answered
	Reason   ledger.Reason   `json:"reason,omitempty"`
	Entry    uint64          `json:"entry,omitempty"` // index in the ledger
	Receipt  string          `json:"receipt,omitempty"`
	Purchase int             `json:"purchase,omitempty"` // of a return: the line of the purchase
}

// moves returns by how much the line changes the card's balance.
func (h historyRecord) moves() budget.Cents {
	switch h.State {
	case Paid:
		return -h.Amount
	case Returned:
		return h.Amount
	}
	return 0
}

func historyName(n int) string { return fmt.Sprintf("%s%09d", historyRecords, n) }

// Line is one line of the history. It prints as [redacted].
type Line struct{ record historyRecord }

// Number names the line in this wallet.
func (l Line) Number() int { return l.record.N }

// State is what became of it.
func (l Line) State() State { return l.record.State }

// At is when the parent answered, or when the return was booked, by this phone's clock.
func (l Line) At() time.Time { return l.record.At }

// Shop is who asked: the name in the certificate.
func (l Line) Shop() string { return l.record.Name }

// Amount is what was asked or came back, 0 where no money was asked for.
func (l Line) Amount() budget.Cents { return l.record.Amount }

// Category is what was bought, "" where no money was asked for.
func (l Line) Category() budget.Category { return l.record.Category }

// OrderID is the order's, "" where no money was asked for.
func (l Line) OrderID() string { return l.record.OrderID }

// Reason is why it was refused, "" if it was not.
func (l Line) Reason() ledger.Reason { return l.record.Reason }

// Entry is the index in the ledger of what was paid or came back.
func (l Line) Entry() uint64 { return l.record.Entry }

// Purchase is the number of the line of the purchase that a return belongs to, 0 if it is no return.
func (l Line) Purchase() int { return l.record.Purchase }

// String returns "[redacted]".
func (Line) String() string { return redacted }

// GoString returns "[redacted]".
func (Line) GoString() string { return redacted }

// LogValue returns "[redacted]".
func (Line) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON writes "[redacted]".
func (Line) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// History returns what happened, the newest first.
func (w *Wallet) History() ([]Line, error) {
	records, err := loadAll[historyRecord](w.cfg.Vault, historyRecords)
	if err != nil {
		return nil, err
	}
	lines := make([]Line, len(records))
	for i, r := range records {
		lines[len(records)-1-i] = Line{r}
	}
	return lines, nil
}

// ErrNoReceipt is returned by [Wallet.ExportReceipt] for a line that has none.
var ErrNoReceipt = &Error{"the line has no receipt", Message{
	"Bij deze regel hoort geen bewijs van betaling.", "There is no proof of payment for this line."}}

// ExportReceipt returns the receipt file of line number n. Anyone can check it with the ledger's key.
func (w *Wallet) ExportReceipt(n int) ([]byte, error) {
	r, err := load[historyRecord](w.cfg.Vault, historyName(n))
	if err != nil || r.Receipt == "" {
		return nil, ErrNoReceipt
	}
	return []byte(r.Receipt), nil
}

// AddReceipt verifies a receipt file and books what it proves: a return for a purchase in the history, which happens
// without the wallet where an account paid, or a purchase whose own receipt never arrived. The same receipt again
// changes nothing.
//
// It returns [ErrReceipt] if the receipt does not verify and [ErrUnknownPurchase] if it is about no purchase here.
func (w *Wallet) AddReceipt(file []byte) (Line, error) {
	receipt, err := ledger.ParseReceipt(file)
	if err != nil {
		return Line{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	e, err := ledger.ParseEntry(receipt.Entry)
	if err != nil {
		return Line{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	history, err := loadAll[historyRecord](w.cfg.Vault, historyRecords)
	if err != nil {
		return Line{}, err
	}
	switch e.Kind {
	case ledger.KindReturn:
		return w.addReturn(receipt, e, history)
	case ledger.KindSpend:
		return w.addSpend(receipt, e, history)
	}
	return Line{}, fmt.Errorf("%w: it is about neither a purchase nor a return", ErrUnknownPurchase)
}

func (w *Wallet) addReturn(receipt ledger.Receipt, e ledger.Entry, history []historyRecord) (Line, error) {
	o, _, err := orderOf(e)
	if err != nil {
		return Line{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	i := slices.IndexFunc(history, func(h historyRecord) bool {
		return h.State == Paid && h.Entry == o.Original && h.Key.String() == o.For && h.Shop == o.Shop
	})
	if i < 0 {
		return Line{}, ErrUnknownPurchase
	}
	bought := history[i]
	if err := w.verifyReceipt(bought.Card, receipt, o.Ledger); err != nil {
		return Line{}, err
	}
	back := o.Amount
	for _, h := range history {
		if h.State == Returned && h.Purchase == bought.N {
			if h.Entry == e.Index {
				return Line{h}, nil
			}
			back += h.Amount
		}
	}
	// The ledger refuses this; a receipt that says otherwise is of a ledger that breaks its rules.
	if back > bought.Amount {
		return Line{}, fmt.Errorf("%w: more came back than was paid", ErrReceipt)
	}
	rec := historyRecord{N: next(history), Ask: "return", Card: bought.Card, State: Returned, At: w.cfg.Now().UTC(), Shop: bought.Shop,
		Name: bought.Name, Amount: o.Amount, Category: bought.Category, OrderID: o.OrderID, Key: bought.Key, Entry: e.Index,
		Receipt: string(receipt.Bytes()), Purchase: bought.N}
	return Line{rec}, w.write(map[string]any{historyName(rec.N): rec})
}

func (w *Wallet) addSpend(receipt ledger.Receipt, e ledger.Entry, history []historyRecord) (Line, error) {
	_, segment, err := orderOf(e)
	if err != nil {
		return Line{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	i := slices.IndexFunc(history, func(h historyRecord) bool { return h.Order == segment && h.State != Returned })
	if i < 0 {
		return Line{}, ErrUnknownPurchase
	}
	if history[i].State == Paid {
		return Line{history[i]}, nil
	}
	rec, err := w.paid(history[i], receipt)
	if err != nil {
		return Line{}, err
	}
	return Line{rec}, w.write(map[string]any{historyName(rec.N): rec, answerRecords + rec.Ask: nil})
}

func next(history []historyRecord) int {
	n := 0
	for _, h := range history {
		n = max(n, h.N)
	}
	return n + 1
}

// orderOf reads the order of a spend or return entry, and its payload segment.
func orderOf(e ledger.Entry) (budget.Order, string, error) {
	text := ""
	switch e.Kind {
	case ledger.KindSpend:
		body, err := ledger.ParseBody[ledger.SpendBody](e.Command())
		if err != nil {
			return budget.Order{}, "", err
		}
		text = body.Order
	case ledger.KindReturn:
		body, err := ledger.ParseBody[ledger.OrderBody](e.Command())
		if err != nil {
			return budget.Order{}, "", err
		}
		text = body.Order
	default:
		return budget.Order{}, "", errors.New("the entry is neither a spend nor a return")
	}
	token, err := jose.Parse(text)
	if err != nil {
		return budget.Order{}, "", err
	}
	o, err := budget.ParseOrder(token.Payload)
	return o, token.PayloadSegment(), err
}

// verifyReceipt checks a receipt under the policy of a card, and that it is of the card's ledger.
func (w *Wallet) verifyReceipt(card string, receipt ledger.Receipt, origin string) error {
	rec, err := load[cardRecord](w.cfg.Vault, cardRecords+card)
	if err != nil {
		return err
	}
	c, err := rec.card()
	if err != nil {
		return err
	}
	policy, err := c.policy(w.cfg.Policy)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	if _, err := ledger.Verify(receipt, policy); err != nil {
		return fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	if origin != c.Ledger() {
		return fmt.Errorf("%w: it is of another ledger than the card's", ErrReceipt)
	}
	return nil
}

// paid returns h as it is when receipt proves it: the entry is a spend of exactly the order that the parent saw, by the
// key that answered.
func (w *Wallet) paid(h historyRecord, receipt ledger.Receipt) (historyRecord, error) {
	e, err := ledger.ParseEntry(receipt.Entry)
	if err != nil {
		return h, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	o, segment, err := orderOf(e)
	switch {
	case err != nil:
		return h, fmt.Errorf("%w: %w", ErrReceipt, err)
	// The same bytes, and so the same shop, amount and category that the parent agreed to.
	case e.Kind != ledger.KindSpend || segment != h.Order || h.Order == "":
		return h, fmt.Errorf("%w: it is for another order", ErrReceipt)
	}
	body, err := ledger.ParseBody[ledger.SpendBody](e.Command())
	if err != nil || body.Account == nil || body.Account.JWK.Thumbprint() != h.Key {
		return h, fmt.Errorf("%w: another key paid", ErrReceipt)
	}
	if err := w.verifyReceipt(h.Card, receipt, o.Ledger); err != nil {
		return h, err
	}
	h.State, h.Reason, h.Entry, h.Receipt = Paid, "", e.Index, string(receipt.Bytes())
	return h, nil
}
