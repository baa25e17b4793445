package verifier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/credential/oid4vp"
	"kindpakket/internal/problem"
	"kindpakket/ledger"
)

// GiveBack says how much of a purchase comes back.
type GiveBack struct {
	OrderID string       `json:"order_id"` // of the purchase
	Amount  budget.Cents `json:"amount"`   // in cents; all of it or a part

	// Key makes asking again safe: the same key for the same order never gives back twice, whatever was lost in between.
	// 16 random bytes in base64url, drawn by the caller once for what it wants. Optional: without it a call repeats the
	// return of the same amount that still waits for the ledger, and is a return of its own if there is none.
	Key string `json:"key,omitempty"`
}

// Return gives back (part of) a purchase by a credit note to the key that paid, and returns what became of it: Returned
// with the verified receipt, Refused with the ledger's reason (ledger.ReturnExceedsSpend: more than is left of the
// purchase), or Pending if the ledger cannot answer now. The signed note is kept before it is sent; a repeat, and
// [Verifier.Resume], send the same one.
//
// It returns [ErrNotPaid] for an order that was not paid for certain, [ErrInput], [ErrUnknownOrder], and
// [ErrNoCertificate].
func (v *Verifier) Return(ctx context.Context, g GiveBack) (Result, error) {
	if g.Amount < 1 || g.Amount > budget.MaxCents || g.Key != "" && !budget.Random128(g.Key) {
		return Result{}, fmt.Errorf("%w: amount or key", ErrInput)
	}
	// Only what the ledger's receipt says was paid can come back: a purchase that may yet be refused cannot.
	paid, err := v.Result(ctx, g.OrderID)
	if err != nil {
		return Result{}, err
	}
	if paid.State != Paid {
		return Result{}, ErrNotPaid
	}
	id, fresh, err := v.openReturn(g, paid)
	if err != nil {
		return Result{}, err
	}
	r, err := v.settleReturn(ctx, id)
	if !fresh && r.Reason == ledger.OrderExpired {
		// The note that waited ran out before the ledger saw it, and never can count now: the next one may.
		if id, _, err = v.openReturn(g, paid); err != nil {
			return Result{}, err
		}
		r, err = v.settleReturn(ctx, id)
	}
	if err != nil && r.State == Pending {
		v.cfg.Logger.WarnContext(ctx, "the ledger has not answered", "fault", problem.Kind(err))
		return r, nil
	}
	return r, err
}

// openReturn finds the return that g repeats, or makes and keeps a new one.
func (v *Verifier) openReturn(g GiveBack, paid Result) (id string, fresh bool, err error) {
	err = v.db.View(func(tx *bbolt.Tx) (err error) {
		id, err = findReturn(tx, g)
		return err
	})
	if err != nil || id != "" {
		return id, false, err
	}
	note, err := v.creditNote(g, paid)
	if err != nil {
		return "", false, err
	}
	key := g.Key
	if key == "" {
		if key, err = v.random(); err != nil {
			return "", false, err
		}
	}
	err = v.db.Update(func(tx *bbolt.Tx) (err error) {
		// Looked for again: of two repeats that both signed a note, only the first one's counts.
		if id, err = findReturn(tx, g); err != nil || id != "" {
			return err
		}
		id, fresh = g.OrderID+"/"+key, true
		rec := returnRecord{Amount: g.Amount, Keyed: g.Key != "", Order: note, State: Pending}
		return errors.Join(put(tx, "returns", id, rec), tx.Bucket([]byte("open")).Put([]byte("r/"+id), []byte{}))
	})
	return id, fresh, err
}

// findReturn returns the id of the return that g repeats, "" if there is none. One that ran out before the ledger saw it
// never can count, and is none.
func findReturn(tx *bbolt.Tx, g GiveBack) (id string, err error) {
	prefix := []byte(g.OrderID + "/" + g.Key)
	c := tx.Bucket([]byte("returns")).Cursor()
	for k, b := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, b = c.Next() {
		var r returnRecord
		if err := json.Unmarshal(b, &r); err != nil {
			return "", errors.New("reading a return: it is damaged")
		}
		switch {
		case g.Key == "" && r.State == Pending && r.Amount == g.Amount && !r.Keyed:
			return string(k), nil
		case g.Key != "" && r.Amount != g.Amount:
			return "", fmt.Errorf("%w: this key was used for another amount", ErrInput)
		case g.Key != "" && r.Reason != ledger.OrderExpired:
			return string(k), nil
		}
	}
	return "", nil
}

// creditNote signs the return order for a purchase: to the key that paid, and for the purchase's entry.
func (v *Verifier) creditNote(g GiveBack, paid Result) (string, error) {
	entry, err := ledger.Verify(*paid.Receipt, v.cfg.Policy)
	if err != nil {
		return "", fmt.Errorf("reading the purchase: %w", err)
	}
	spend, err := ledger.ParseBody[ledger.SpendBody](entry.Command())
	if err != nil || spend.Account == nil {
		return "", errors.New("reading the purchase: it was not paid from an account")
	}
	_, bought, err := bindOf(spend.Order)
	if err != nil {
		return "", fmt.Errorf("reading the purchase: %w", err)
	}
	var shop shopRecord
	if err := v.db.View(func(tx *bbolt.Tx) error {
		ok, err := get(tx, "shops", paid.Shop, &shop)
		if err == nil && !ok {
			err = ErrUnknownShop
		}
		return err
	}); err != nil {
		return "", err
	}
	chain, err := v.chain(shop)
	if err != nil {
		return "", err
	}
	orderID, err := v.random()
	if err != nil {
		return "", err
	}
	now := v.now()
	note, err := v.signOrder(paid.Shop, oid4vp.HashClientID(chain), budget.Order{Kind: budget.Return, Period: bought.Period,
		OrderID: orderID, Till: bought.Till, Amount: g.Amount, Category: bought.Category, For: spend.Account.JWK.Thumbprint().String(),
		Original: entry.Index, IssuedAt: now, ExpiresAt: now.Add(OrderLife)})
	if err != nil {
		return "", err
	}
	return note.String(), nil
}

// settleReturn asks the ledger for one return, unless it has answered before. With an error the result is Pending if the
// return waits for the ledger, and empty if something else is wrong.
func (v *Verifier) settleReturn(ctx context.Context, id string) (Result, error) {
	r, err, _ := v.flights.Do("r/"+id, func() (any, error) { return v.settleReturnAlone(ctx, id) })
	return r.(Result), err
}

func (v *Verifier) settleReturnAlone(ctx context.Context, id string) (Result, error) {
	var rec returnRecord
	if err := v.db.View(func(tx *bbolt.Tx) error {
		ok, err := get(tx, "returns", id, &rec)
		if err == nil && !ok {
			err = ErrUnknownOrder
		}
		return err
	}); err != nil {
		return Result{}, err
	}
	if rec.State != Pending {
		return rec.result(), nil
	}
	c, err := ledger.NewCommand(ledger.KindReturn, ledger.OrderBody{Order: rec.Order})
	if err != nil {
		return rec.result(), err
	}
	receipt, entry, err := v.ask(ctx, c)
	var refusal *ledger.Refusal
	switch {
	case errors.As(err, &refusal):
		rec.State, rec.Reason = Refused, refusal.Reason
	case err != nil:
		return rec.result(), err
	default:
		body, err := ledger.ParseBody[ledger.OrderBody](entry.Command())
		if err == nil {
			err = sameOrder(rec.Order, body.Order)
		}
		if err != nil {
			return rec.result(), err
		}
		rec.State, rec.Receipt = Returned, &receipt
	}
	err = v.db.Update(func(tx *bbolt.Tx) error {
		return errors.Join(put(tx, "returns", id, rec), tx.Bucket([]byte("open")).Delete([]byte("r/"+id)))
	})
	if err != nil {
		// What the ledger said holds whatever the disk says; the note is still there to ask again.
		v.cfg.Logger.ErrorContext(ctx, "a return could not be recorded and will be asked for again", "fault", problem.Kind(err))
	}
	return rec.result(), nil
}

func (r *returnRecord) result() Result {
	return Result{State: r.State, Reason: r.Reason, Receipt: r.Receipt}
}

// resumeReturns asks the ledger for every return that waits.
func (v *Verifier) resumeReturns(ctx context.Context) error {
	ids, err := v.open("r/")
	if err != nil {
		return err
	}
	var faults []error
	for _, id := range ids {
		_, err := v.settleReturn(ctx, id)
		faults = append(faults, err)
		if ctx.Err() != nil || errors.Is(err, ledger.ErrUnavailable) {
			break
		}
	}
	return errors.Join(faults...)
}
