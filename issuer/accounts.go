package issuer

import (
	"context"
	"errors"
	"fmt"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
)

// family finds a family's card, which must have an account.
func (i *Issuer) family(client string) (key []byte, card cardRecord, err error) {
	err = i.db.View(func(tx *bbolt.Tx) error {
		key, card, err = i.cardOf(tx, i.familyKey(normal(client)))
		if err == nil && card.Account == "" {
			err = ErrNoCard
		}
		return err
	})
	return key, card, err
}

// Block blocks a family's budget on the ledger, or with state Active opens it again. The reason stays here.
func (i *Issuer) Block(ctx context.Context, client string, state ledger.BlockState, reason string) error {
	key, _, err := i.family(client)
	if err != nil {
		return err
	}
	defer i.lockCard(key)()
	_, card, err := i.family(client)
	if err != nil {
		return err
	}
	if state == ledger.Blocked && reason == "" {
		return fmt.Errorf("%w: a block needs a reason", ErrInput)
	}
	h, err := i.head(ledger.KindBlock, card.Fund, card.Period)
	if err != nil {
		return err
	}
	c, err := i.sign(ledger.Block{Head: h, Account: card.Account, State: state})
	if err != nil {
		return err
	}
	_, err = i.publish(ctx, parcel{Command: c}, func(tx *bbolt.Tx) error {
		if card.Blocked = reason; state == ledger.Active {
			card.Blocked = ""
		}
		return i.put(tx, "cards", key, card)
	})
	return err
}

// Revoke ends a family's card for good: every copy is revoked in the status list, and the budget is blocked.
func (i *Issuer) Revoke(ctx context.Context, client, reason string) error {
	if reason == "" {
		return fmt.Errorf("%w: a revocation needs a reason", ErrInput)
	}
	key, card, err := i.family(client)
	if err != nil {
		return err
	}
	unlock := i.lockCard(key)
	err = i.db.Update(func(tx *bbolt.Tx) error {
		if _, err := i.get(tx, "cards", key, &card); err != nil {
			return err
		}
		card.Revoked = true
		return errors.Join(i.put(tx, "cards", key, card), i.revoke(tx, card.Status))
	})
	unlock()
	if err != nil {
		return err
	}
	i.lists.forget(card.Status)
	return i.Block(ctx, client, ledger.Blocked, reason)
}

// TopUp adds amount to a family's budget: a new baby. The order id makes a repeat of the same request add nothing twice;
// it is 16 random bytes in base64url, drawn by the caller once for what it wants.
func (i *Issuer) TopUp(ctx context.Context, client string, amount budget.Cents, orderID string) error {
	key, card, err := i.family(client)
	if err != nil {
		return err
	}
	defer i.lockCard(key)()
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
	done := []byte("topup/" + orderID)
	_, err = i.publish(ctx, parcel{Command: c, Done: "topup", Key: done}, func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte("meta")).Get(done) != nil {
			return ErrDone
		}
		return tx.Bucket([]byte("meta")).Put(done, []byte(at.Format(time.RFC3339)))
	})
	return err
}

// ErrDone says that a request with this id was carried out before.
var ErrDone = errors.New("this was done before")
