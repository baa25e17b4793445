package issuer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vci"
	"kindpakket/ledger"
)

// BatchSize is the most copies of a card that one request may ask for, each with a key of its own.
const BatchSize = 16

// Credential answers a credential request (OpenID4VCI 1.0, Section 8): it decides the family's one budget, puts it on
// the ledger, and only then makes the copies of the card. The same request again under the same token gets the same
// answer, byte for byte, and so does one with a new nonce for the same keys; any other request under that token is
// refused. Errors are [*oid4vci.Error], but for what is our own fault.
func (i *Issuer) Credential(ctx context.Context, accessToken string, body []byte) ([]byte, error) {
	tokenKey := hashOf(accessToken)
	var token tokenRecord
	if err := i.db.View(func(tx *bbolt.Tx) (err error) {
		token, err = i.token(tx, tokenKey)
		return err
	}); err != nil {
		return nil, err
	}
	bodyHash := hashOf(string(body))
	again := token.Keys != nil && bytes.Equal(token.Body, bodyHash)
	if again && token.Answer != nil {
		return token.Answer, nil
	}
	req, err := oid4vci.ParseCredentialRequest(body)
	if err != nil {
		return nil, err
	}
	if req.Identifier != "" {
		return nil, &oid4vci.Error{Code: oid4vci.UnknownCredentialIdentifier}
	}
	if req.ConfigurationID != catalog.Kindpakket().ConfigurationID {
		return nil, &oid4vci.Error{Code: oid4vci.UnknownCredentialConfiguration}
	}
	if req.ResponseEncryption != nil {
		return nil, &oid4vci.Error{Code: oid4vci.InvalidEncryptionParameters, Description: "responses are not encrypted here"}
	}
	policy := oid4vci.ProofPolicy{Issuer: i.cfg.URL, Now: i.now(), Nonce: i.useNonce, MaxProofs: BatchSize}
	if again {
		policy.Nonce = func(string) error { return nil } // it was used up by this very request
	}
	holders, err := policy.Verify(req.Proofs)
	if err != nil {
		return nil, err
	}
	keys := make([]jose.Thumbprint, len(holders))
	for n, h := range holders {
		keys[n] = h.Key.Thumbprint()
	}

	defer i.lockCard(token.Card)()
	// What the ledger has not answered decides what this request may ask: it goes first.
	if err := i.flush(ctx, token.Card); err != nil {
		return nil, err
	}
	token, parcel, err := i.claim(tokenKey, bodyHash, keys)
	if err != nil {
		return nil, err
	}
	if token.Answer != nil {
		return token.Answer, nil
	}
	if parcel != nil {
		if err := i.deliver(ctx, parcel); err != nil && !answered(err) {
			return nil, err
		}
	}
	return i.answer(ctx, tokenKey, keys, holders)
}

// token returns an access token that has not run out.
func (i *Issuer) token(tx *bbolt.Tx, key []byte) (t tokenRecord, err error) {
	ok, err := i.get(tx, "tokens", key, &t)
	if err == nil && (!ok || !i.now().Before(t.Expires)) {
		err = &oid4vci.Error{Code: oid4vci.InvalidToken}
	}
	return t, err
}

func denied(description string) error {
	return &oid4vci.Error{Code: oid4vci.CredentialRequestDenied, Description: description}
}

// claim ties the token to these keys and, where the card has no budget yet or a new phone takes it over, posts to the
// ledger what that needs: a parcel for the caller to deliver. All of it is one transaction.
func (i *Issuer) claim(tokenKey, body []byte, keys []jose.Thumbprint) (token tokenRecord, id []byte, err error) {
	err = i.db.Update(func(tx *bbolt.Tx) error {
		if token, err = i.token(tx, tokenKey); err != nil {
			return err
		}
		var card cardRecord
		ok, err := i.get(tx, "cards", token.Card, &card)
		if err != nil || !ok {
			return errors.Join(err, errors.New("a token without its card"))
		}
		if token.Keys != nil {
			if !slices.Equal(token.Keys, keys) {
				return denied("this token was used for other keys")
			}
			return nil
		}
		// One entitlement, one budget; and only the newest letter counts, however fresh an older one's token is.
		if card.Revoked || (card.Account != "") != token.Rekey || !bytes.Equal(card.Offer, token.Offer) {
			return denied("this budget was decided before")
		}
		if card.Account == "" {
			if card.Account, err = i.accountID(tx, token.Card, card); err != nil {
				return err
			}
		}
		c, err := i.claimCommand(card, token.Rekey, keys)
		if err != nil {
			return err
		}
		if id, err = i.post(tx, parcel{Command: c, Done: "card", Key: token.Card, Keys: keys}); err != nil {
			return err
		}
		token.Keys, token.Body = keys, body
		return errors.Join(i.put(tx, "tokens", tokenKey, token), i.put(tx, "cards", token.Card, card))
	})
	return token, id, err
}

// claimCommand is the statement that gives the budget to these keys, or hands an account over to them.
func (i *Issuer) claimCommand(card cardRecord, rekey bool, keys []jose.Thumbprint) (ledger.Command, error) {
	if rekey {
		h, err := i.head(ledger.KindKeys, card.Fund, card.Period)
		if err != nil {
			return ledger.Command{}, err
		}
		return i.sign(ledger.Keys{Head: h, Account: card.Account, Add: keys, Drop: append([]jose.Thumbprint{}, card.Keys...)})
	}
	h, err := i.head(ledger.KindIssue, card.Fund, card.Period)
	if err != nil {
		return ledger.Command{}, err
	}
	return i.sign(ledger.Issue{Head: h, Amount: card.Amount, Account: ledger.Account{ID: card.Account, Keys: keys}})
}

// settleCard books what the ledger said of a card's keys. Copies for the keys that it dropped are revoked.
func (i *Issuer) settleCard(tx *bbolt.Tx, p parcel, refused *ledger.Refusal) error {
	var card cardRecord
	if ok, err := i.get(tx, "cards", p.Key, &card); err != nil || !ok {
		return err
	}
	if refused != nil {
		if len(card.Keys) > 0 {
			return nil // the old keys stay
		}
		card.Account = "" // nothing stands on the ledger; a new offer may try again
		return i.put(tx, "cards", p.Key, card)
	}
	if err := i.revoke(tx, card.Status); err != nil {
		return err
	}
	card.Keys, card.Status = p.Keys, nil
	return i.put(tx, "cards", p.Key, card)
}

// answer makes the copies of the card, one for each key, if the ledger has taken these keys, and keeps the answer with
// the token.
func (i *Issuer) answer(ctx context.Context, tokenKey []byte, keys []jose.Thumbprint, holders []oid4vci.Holder) ([]byte, error) {
	token, card, err := i.granted(tokenKey, keys)
	if err != nil {
		return nil, err
	}
	amount := card.Amount
	if token.Rekey {
		// A new phone starts with what is left: it has no history to take off.
		if amount, err = i.cfg.Log.Balance(ctx, card.Account); err != nil {
			return nil, err
		}
	}
	err = i.db.Update(func(tx *bbolt.Tx) error {
		var fund fundRecord
		if ok, err := i.get(tx, "funds", fundKey(card.Fund, card.Period), &fund); err != nil || !ok {
			return errors.Join(err, ErrNoFund)
		}
		var resp oid4vci.CredentialResponse
		for _, h := range holders {
			ref, err := i.allocate(tx)
			if err != nil {
				return err
			}
			text, err := i.makeCard(fund.Spec, card.Children, amount, ref, h.Key)
			if err != nil {
				return fmt.Errorf("making a card: %w", err)
			}
			card.Status = append(card.Status, ref)
			resp.Credentials = append(resp.Credentials, oid4vci.IssuedText(text))
		}
		if token.Answer, err = json.Marshal(resp); err != nil {
			return err
		}
		return errors.Join(i.put(tx, "tokens", tokenKey, token), i.put(tx, "cards", token.Card, card))
	})
	return token.Answer, err
}

// granted returns a token and its card if the card's budget stands on the ledger for these keys. The caller holds the
// card's lock, and nothing of the card waits in the outbox: it does not change before the caller is done.
func (i *Issuer) granted(tokenKey []byte, keys []jose.Thumbprint) (token tokenRecord, card cardRecord, err error) {
	err = i.db.View(func(tx *bbolt.Tx) error {
		if ok, err := i.get(tx, "tokens", tokenKey, &token); err != nil || !ok {
			return errors.Join(err, &oid4vci.Error{Code: oid4vci.InvalidToken})
		}
		if _, err := i.get(tx, "cards", token.Card, &card); err != nil {
			return err
		}
		if card.Revoked || !slices.Equal(card.Keys, keys) {
			return denied("the ledger did not take this budget")
		}
		return nil
	})
	return token, card, err
}
