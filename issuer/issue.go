package issuer

import (
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
// answer; another request under that token is refused. Errors are [*oid4vci.Error], but for what is our own fault.
func (i *Issuer) Credential(ctx context.Context, accessToken string, body []byte) ([]byte, error) {
	tokenKey := hashOf(accessToken)
	var token tokenRecord
	err := i.db.View(func(tx *bbolt.Tx) error {
		ok, err := i.get(tx, "tokens", tokenKey, &token)
		if err == nil && (!ok || i.now().After(token.Expires)) {
			err = &oid4vci.Error{Code: oid4vci.InvalidToken}
		}
		return err
	})
	if err != nil {
		return nil, err
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
	holders, err := oid4vci.ProofPolicy{Issuer: i.cfg.URL, Now: i.now(), Nonce: i.useNonce, MaxProofs: BatchSize}.Verify(req.Proofs)
	if err != nil {
		return nil, err
	}
	keys := make([]jose.Thumbprint, len(holders))
	for n, h := range holders {
		keys[n] = h.Key.Thumbprint()
	}

	defer i.lockCard(token.Card)()
	card, err := i.claim(tokenKey, &token, keys)
	if err != nil {
		return nil, err
	}
	if token.Answer != nil {
		return token.Answer, nil
	}
	if card.Parcel != nil {
		if _, err := i.deliver(ctx, card.Parcel); errors.Is(err, ledger.ErrUnavailable) {
			return nil, err
		}
		// Whatever happened to the parcel, the card says what the ledger decided.
		if err := i.db.View(func(tx *bbolt.Tx) error {
			_, err := i.get(tx, "cards", token.Card, &card)
			return err
		}); err != nil {
			return nil, err
		}
	}
	if card.Denied != "" || card.Parcel != nil || !containsAll(card.Keys, keys) {
		return nil, &oid4vci.Error{Code: oid4vci.CredentialRequestDenied, Description: "the ledger did not take this budget"}
	}
	return i.answer(ctx, tokenKey, token, card, holders)
}

func containsAll(have, want []jose.Thumbprint) bool {
	for _, k := range want {
		if !slices.Contains(have, k) {
			return false
		}
	}
	return true
}

// claim ties the token to these keys and, where the card has no budget yet or a new phone takes it over, posts to the
// ledger what that needs. All of it is one transaction.
func (i *Issuer) claim(tokenKey []byte, token *tokenRecord, keys []jose.Thumbprint) (card cardRecord, err error) {
	err = i.db.Update(func(tx *bbolt.Tx) error {
		if ok, err := i.get(tx, "tokens", tokenKey, token); err != nil || !ok {
			return errors.Join(err, &oid4vci.Error{Code: oid4vci.InvalidToken})
		}
		ok, err := i.get(tx, "cards", token.Card, &card)
		if err != nil || !ok {
			return errors.Join(err, errors.New("a token without its card"))
		}
		if token.Keys != nil {
			if !slices.Equal(token.Keys, keys) {
				return &oid4vci.Error{Code: oid4vci.CredentialRequestDenied, Description: "this token was used for other keys"}
			}
			return nil
		}
		if card.Revoked || (card.Account != "") != token.Rekey {
			return &oid4vci.Error{Code: oid4vci.CredentialRequestDenied, Description: "this budget was decided before"}
		}
		if card.Account == "" {
			if card.Account, err = i.random(16); err != nil {
				return err
			}
		}
		c, err := i.claimCommand(card, token.Rekey, keys)
		if err != nil {
			return err
		}
		card.Want, card.Denied = keys, ""
		if card.Parcel, err = i.post(tx, parcel{Command: c, Done: "card", Key: token.Card}); err != nil {
			return err
		}
		token.Keys = keys
		return errors.Join(i.put(tx, "tokens", tokenKey, *token), i.put(tx, "cards", token.Card, card))
	})
	return card, err
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

// settleCard books what the ledger said of a card's keys.
func (i *Issuer) settleCard(tx *bbolt.Tx, key []byte, refused *ledger.Refusal) error {
	var card cardRecord
	if ok, err := i.get(tx, "cards", key, &card); err != nil || !ok {
		return err
	}
	if refused == nil {
		card.Keys = card.Want
	} else {
		card.Denied = string(refused.Reason)
		if len(card.Keys) == 0 {
			card.Account = "" // nothing stands on the ledger; a new offer may try again
		}
	}
	card.Want, card.Parcel = nil, nil
	return i.put(tx, "cards", key, card)
}

// answer makes the copies of the card, one for each key, and keeps the answer with the token.
func (i *Issuer) answer(ctx context.Context, tokenKey []byte, token tokenRecord, card cardRecord, holders []oid4vci.Holder) ([]byte, error) {
	amount := card.Amount
	if token.Rekey {
		// A new phone starts with what is left: it has no history to take off.
		left, err := i.cfg.Log.Balance(ctx, card.Account)
		if err != nil {
			return nil, err
		}
		amount = left
	}
	var out []byte
	err := i.db.Update(func(tx *bbolt.Tx) error {
		var fund fundRecord
		if ok, err := i.get(tx, "funds", []byte(card.Fund+"/"+card.Period), &fund); err != nil || !ok {
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
		b, err := json.Marshal(resp)
		if err != nil {
			return err
		}
		out, token.Answer = b, b
		return errors.Join(i.put(tx, "tokens", tokenKey, token), i.put(tx, "cards", token.Card, card))
	})
	return out, err
}
