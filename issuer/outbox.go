package issuer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/jose"
	"kindpakket/ledger"
)

const (
	// deliverWait is how long one command waits for the ledger's answer.
	deliverWait = 30 * time.Second
	// ResumeAfter is longer than any command waits for the ledger, so that Resume never takes a parcel from under a
	// request that holds it.
	ResumeAfter = 2 * deliverWait
	// sweepEvery is how often Resume clears away what has run out.
	sweepEvery = 10 * time.Minute
)

// A parcel is a command in the outbox, and what is done when the ledger has answered it. The parcels of one record (Key)
// are sent in the order in which they were posted: the answer to one may decide the next.
type parcel struct {
	Command ledger.Command    `json:"command"`
	Done    string            `json:"done"` // names a function of settle
	Key     []byte            `json:"key"`  // of the record that is waiting
	Posted  time.Time         `json:"posted"`
	Keys    []jose.Thumbprint `json:"keys,omitempty"`   // "card": the card's keys from then on
	Reason  string            `json:"reason,omitempty"` // "block": the official's; empty when it ends
	Shop    *shopRecord       `json:"shop,omitempty"`   // "shop": as it is from then on
	TopUp   []byte            `json:"topup,omitempty"`  // "topup": key of its mark
}

// errSettled says that the parcel's answer was booked by another delivery of it.
var errSettled = errors.New("the ledger's answer was booked already")

// post puts a command into the outbox within tx.
func (i *Issuer) post(tx *bbolt.Tx, p parcel) (id []byte, err error) {
	n, err := tx.Bucket([]byte("outbox")).NextSequence()
	if err != nil {
		return nil, err
	}
	id = fmt.Appendf(nil, "%016x", n)
	p.Posted = i.now()
	return id, i.put(tx, "outbox", id, p)
}

// publish posts a command, with what also changes, in one transaction, and delivers it and what waits before it. A
// refusal is returned as it is. With any other error from the ledger the parcel stays, and Resume sends it again.
func (i *Issuer) publish(ctx context.Context, p parcel, also func(*bbolt.Tx) error) error {
	var id []byte
	err := i.db.Update(func(tx *bbolt.Tx) (err error) {
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		id, err = i.post(tx, p)
		return err
	})
	if err != nil {
		return err
	}
	return i.flushTo(ctx, p.Key, id)
}

// flush delivers what waits for the record under key. Refusals are booked and not returned.
func (i *Issuer) flush(ctx context.Context, key []byte) error { return i.flushTo(ctx, key, nil) }

// flushTo delivers what waits for the record under key, in order, and returns what became of parcel id.
func (i *Issuer) flushTo(ctx context.Context, key, id []byte) error {
	waiting, err := i.waiting(func(p parcel) bool { return bytes.Equal(p.Key, key) })
	if err != nil {
		return err
	}
	for _, w := range waiting {
		err := i.deliver(ctx, w.id)
		if bytes.Equal(w.id, id) || err != nil && !answered(err) {
			return err
		}
	}
	if id != nil {
		return errSettled
	}
	return nil
}

// answered reports whether err still means that the ledger's answer is booked.
func answered(err error) bool {
	var refusal *ledger.Refusal
	return errors.As(err, &refusal) || errors.Is(err, errSettled)
}

type waitingParcel struct{ id, key []byte }

// waiting lists the parcels that which accepts, the oldest first.
func (i *Issuer) waiting(which func(parcel) bool) (out []waitingParcel, err error) {
	err = i.db.View(func(tx *bbolt.Tx) error {
		return each(i.store, tx, "outbox", func(k []byte, p parcel) error {
			if which(p) {
				out = append(out, waitingParcel{bytes.Clone(k), p.Key})
			}
			return nil
		})
	})
	return out, err
}

// deliver sends one parcel and books the ledger's answer, a receipt that verifies or a refusal, once.
func (i *Issuer) deliver(ctx context.Context, id []byte) error {
	var p parcel
	var there bool
	err := i.db.View(func(tx *bbolt.Tx) (err error) {
		there, err = i.get(tx, "outbox", id, &p)
		return err
	})
	if err != nil {
		return err
	}
	if !there {
		return errSettled
	}
	// A phone that hangs up does not call its command back: it is on its way, and its answer is to be booked.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliverWait)
	defer cancel()
	_, err = i.append(ctx, p.Command)
	var refusal *ledger.Refusal
	if err != nil && !errors.As(err, &refusal) {
		return err
	}
	if refusal != nil {
		i.cfg.Logger.WarnContext(ctx, "the ledger refused a command", "kind", string(p.Command.Kind), "reason", string(refusal.Reason))
	}
	if settled := i.db.Update(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte("outbox")).Get(id) == nil {
			return nil // a second delivery at the same time was first; its booking must not be done twice
		}
		if err := i.settle(tx, p, refusal); err != nil {
			return err
		}
		return tx.Bucket([]byte("outbox")).Delete(id)
	}); settled != nil {
		return fmt.Errorf("booking what the ledger said: %w", settled)
	}
	if p.Done == "card" {
		i.lists.forget() // the old phone's copies may have ended
	}
	return err
}

// append offers c and verifies the receipt.
func (i *Issuer) append(ctx context.Context, c ledger.Command) (ledger.Entry, error) {
	r, err := i.cfg.Log.Append(ctx, c)
	if err != nil {
		return ledger.Entry{}, err
	}
	e, err := ledger.Verify(r, i.cfg.Policy)
	if err != nil {
		return ledger.Entry{}, fmt.Errorf("the ledger's receipt: %w", err)
	}
	if e.Kind != c.Kind || string(e.Body) != string(c.Body) {
		return ledger.Entry{}, fmt.Errorf("%w: the receipt is for another command", ledger.ErrReceipt)
	}
	return e, nil
}

// settle books the ledger's answer to a parcel.
func (i *Issuer) settle(tx *bbolt.Tx, p parcel, refused *ledger.Refusal) error {
	switch p.Done {
	case "card":
		return i.settleCard(tx, p, refused)
	case "block":
		return i.settleBlock(tx, p, refused)
	case "shop":
		return i.settleShop(tx, p, refused)
	case "fund":
		return i.settleFund(tx, p.Key, refused)
	case "topup":
		if refused != nil { // nothing was added; the same request may come again
			return tx.Bucket([]byte("meta")).Delete(p.TopUp)
		}
	}
	return nil
}

// Resume sends what was posted at least age ago and what the ledger has not answered yet, and clears away what has run
// out. Call it with 0 after a start, before requests come in, and with [ResumeAfter] now and then. A parcel that cannot
// be delivered holds up those of its own record only, unless the ledger cannot answer at all.
func (i *Issuer) Resume(ctx context.Context, age time.Duration) error {
	if err := i.sweepDue(); err != nil {
		return err
	}
	before := i.now().Add(-age)
	waiting, err := i.waiting(func(p parcel) bool { return !p.Posted.After(before) })
	var stuck [][]byte
	for _, w := range waiting {
		if slices.ContainsFunc(stuck, func(k []byte) bool { return bytes.Equal(k, w.key) }) {
			continue
		}
		e := i.deliver(ctx, w.id)
		if e == nil || answered(e) {
			continue
		}
		err = errors.Join(err, e)
		if errors.Is(e, ledger.ErrUnavailable) {
			return err
		}
		stuck = append(stuck, w.key)
	}
	return err
}

// sweepDue sweeps now and then.
func (i *Issuer) sweepDue() error {
	i.tidy.Lock()
	defer i.tidy.Unlock()
	now := i.now()
	if now.Sub(i.swept) < sweepEvery && !now.Before(i.swept) {
		return nil
	}
	i.swept = now
	return i.sweep()
}
