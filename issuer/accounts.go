package issuer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
)

// MaxReason is the most characters of an official's reason.
const MaxReason = 500

// family finds a family's card, which must have an account.
func (i *Issuer) family(client string) (key []byte, card cardRecord, err error) {
	err = i.db.View(func(tx *bbolt.Tx) error {
		key, card, err = i.findCard(tx, client)
		if err == nil && card.Account == "" {
			err = ErrNoCard
		}
		return err
	})
	return key, card, err
}

func verifyReason(reason string) error {
	if reason == "" || utf8.RuneCountInString(reason) > MaxReason {
		return fmt.Errorf("%w: a reason of 1 to %d characters", ErrInput, MaxReason)
	}
	return nil
}

// blockParcel is the statement that blocks a card's account or opens it.
func (i *Issuer) blockParcel(key []byte, card cardRecord, state ledger.BlockState, reason string) (parcel, error) {
	h, err := i.head(ledger.KindBlock, card.Fund, card.Period)
	if err != nil {
		return parcel{}, err
	}
	c, err := i.sign(ledger.Block{Head: h, Account: card.Account, State: state})
	return parcel{Command: c, Done: "block", Key: key, Reason: reason}, err
}

// Block blocks a family's budget on the ledger, or with state Active opens it again. The reason stays here. A revoked
// card cannot be opened again.
func (i *Issuer) Block(ctx context.Context, client string, state ledger.BlockState, reason string) error {
	if state != ledger.Blocked && state != ledger.Active {
		return fmt.Errorf("%w: state is not blocked or active", ErrInput)
	}
	if state == ledger.Active {
		reason = ""
	} else if err := verifyReason(reason); err != nil {
		return err
	}
	key, _, err := i.family(client)
	if err != nil {
		return err
	}
	defer i.lockCard(key)()
	_, card, err := i.family(client)
	if err != nil {
		return err
	}
	if card.Revoked {
		return ErrRevoked
	}
	p, err := i.blockParcel(key, card, state, reason)
	if err != nil {
		return err
	}
	return i.publish(ctx, p, nil)
}

// settleBlock keeps why a budget is blocked, once it is.
func (i *Issuer) settleBlock(tx *bbolt.Tx, p parcel, refused *ledger.Refusal) error {
	var card cardRecord
	if ok, err := i.get(tx, "cards", p.Key, &card); err != nil || !ok || refused != nil {
		return err
	}
	card.Blocked = p.Reason
	return i.put(tx, "cards", p.Key, card)
}

// Revoke ends a family's card for good: its letter is dead, every copy is revoked in the status list, and the budget is
// blocked. The list does not wait for the ledger.
func (i *Issuer) Revoke(ctx context.Context, client, reason string) error {
	if err := verifyReason(reason); err != nil {
		return err
	}
	var key []byte
	if err := i.db.View(func(tx *bbolt.Tx) (err error) {
		key, _, err = i.findCard(tx, client)
		return err
	}); err != nil {
		return err
	}
	defer i.lockCard(key)()
	defer i.lists.forget()
	var id []byte
	err := i.db.Update(func(tx *bbolt.Tx) error {
		_, card, err := i.findCard(tx, client)
		if err != nil {
			return err
		}
		if card.Offer != nil {
			if err := tx.Bucket([]byte("offers")).Delete(card.Offer); err != nil {
				return err
			}
		}
		card.Revoked, card.Offer = true, nil
		if card.Account != "" {
			p, err := i.blockParcel(key, card, ledger.Blocked, reason)
			if err != nil {
				return err
			}
			if id, err = i.post(tx, p); err != nil {
				return err
			}
		}
		return errors.Join(i.put(tx, "cards", key, card), i.revoke(tx, card.Status))
	})
	if err != nil || id == nil {
		return err
	}
	return i.flushTo(ctx, key, id)
}

// topUpMark says that a top-up with this id was asked for.
type topUpMark struct {
	What []byte `json:"what"` // keyed hash of card and amount
}

// TopUp adds amount to a family's budget: a new baby. The order id makes a repeat of the same request add nothing twice
// (the repeat is told [ErrDone]); it is 16 random bytes in base64url, drawn by the caller once for what it wants.
func (i *Issuer) TopUp(ctx context.Context, client string, amount budget.Cents, orderID string) error {
	key, _, err := i.family(client)
	if err != nil {
		return err
	}
	defer i.lockCard(key)()
	// What the ledger has not answered may be this very top-up.
	if err := i.flush(ctx, key); err != nil {
		return err
	}
	_, card, err := i.family(client)
	if err != nil {
		return err
	}
	if card.Revoked {
		return ErrRevoked
	}
	at := i.now()
	payload, err := budget.Order{Ledger: i.cfg.Origin, Fund: card.Fund, Period: card.Period, Kind: budget.TopUp,
		ClientID: "decentralized_identifier:" + i.cfg.DID, OrderID: orderID, Amount: amount, For: card.Account,
		IssuedAt: at, ExpiresAt: at.Add(budget.OrderLife)}.Bytes()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	order, err := jose.Sign(i.cfg.Statements, jose.Header{Type: budget.OrderJWSType, KeyID: i.StatementKeyID()}, payload)
	if err != nil {
		return fmt.Errorf("signing a top-up: %w", err)
	}
	c, err := ledger.NewCommand(ledger.KindTopUp, ledger.OrderBody{Order: order})
	if err != nil {
		return err
	}
	done, what := []byte("topup/"+orderID), i.keyed("topup", string(key), strconv.FormatInt(int64(amount), 10))
	return i.publish(ctx, parcel{Command: c, Done: "topup", Key: key, TopUp: done}, func(tx *bbolt.Tx) error {
		var mark topUpMark
		ok, err := i.get(tx, "meta", done, &mark)
		switch {
		case err != nil:
			return err
		case ok && !bytes.Equal(mark.What, what):
			return fmt.Errorf("%w: the id was used for another top-up", ErrInput)
		case ok:
			return ErrDone
		}
		return i.put(tx, "meta", done, topUpMark{what})
	})
}
