package issuer

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vci"
	"kindpakket/issuer/intake"
	"kindpakket/ledger"
)

const (
	// OfferLife is how long a letter can be used.
	OfferLife = 60 * 24 * time.Hour
	// TokenLife is how long an access token can be used.
	TokenLife = 10 * time.Minute
	// TxTries is after how many wrong activation codes an offer is dead.
	TxTries = 5
	// txDigits is the length of an activation code.
	txDigits = 8
)

// Errors of offers.
var (
	ErrHasCard = errors.New("this family has its card already")
	ErrRevoked = errors.New("this family's card was revoked")
)

// cardRecord is one entitlement and what became of it.
type cardRecord struct {
	Children int               `json:"children"`
	Amount   budget.Cents      `json:"amount"`
	Fund     string            `json:"fund"`
	Period   string            `json:"period"`
	Offer    []byte            `json:"offer,omitempty"`   // key of the offer that counts; older ones are dead
	Account  string            `json:"account,omitempty"` // on the ledger; empty until the first request decides
	Keys     []jose.Thumbprint `json:"keys,omitempty"`    // active on the ledger
	Status   []statusRef       `json:"status,omitempty"`  // of every copy for these keys
	Revoked  bool              `json:"revoked,omitempty"`
	Blocked  string            `json:"blocked,omitempty"` // the official's reason; never leaves the issuer
}

// offerRecord is a letter.
type offerRecord struct {
	Card    []byte    `json:"card"`
	Rekey   bool      `json:"rekey,omitempty"` // a new phone: old keys are dropped
	TxHash  []byte    `json:"tx_hash"`         // keyed hash of the activation code
	Tries   int       `json:"tries"`           // wrong ones so far
	Expires time.Time `json:"expires"`
}

// live reports whether an offer can still be taken.
func (o offerRecord) live(now time.Time) bool { return o.Tries < TxTries && now.Before(o.Expires) }

// tokenRecord is an access token, and the answer that was given under it.
type tokenRecord struct {
	Card    []byte            `json:"card"`
	Offer   []byte            `json:"offer"` // by which it was got
	Rekey   bool              `json:"rekey,omitempty"`
	Expires time.Time         `json:"expires"`
	Keys    []jose.Thumbprint `json:"keys,omitempty"`   // of the first request; the token is for no others
	Body    []byte            `json:"body,omitempty"`   // SHA-256 of the first request
	Answer  []byte            `json:"answer,omitempty"` // the credential response, for the same request again
}

// Offered is an offer on its way to a letter. Both values are secrets.
type Offered struct {
	URI    string `json:"credential_offer_uri"`
	TxCode string `json:"tx_code"`
}

// String returns "[redacted]".
func (Offered) String() string { return "[redacted]" }

// GoString returns "[redacted]".
func (Offered) GoString() string { return "[redacted]" }

// LogValue returns "[redacted]".
func (Offered) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Form is how an offer travels.
type Form bool

// ByValue has the offer in the QR code itself; ByReference an address from which the wallet fetches it, which makes a
// QR code that old phones read too.
const (
	ByValue     Form = false
	ByReference Form = true
)

// OfferFamily makes an offer for a family that was imported, by its client number. An earlier offer that was not used
// is dead from then on. It returns [ErrHasCard] if the family has taken its card: see [Issuer.Rekey].
func (i *Issuer) OfferFamily(client string, form Form) (Offered, error) {
	return i.offer(client, false, form)
}

// Rekey makes an offer for a new phone: taking it drops the old phone's keys, revokes its copies and keeps the balance.
// It returns [ErrNoCard] if there is no card yet.
func (i *Issuer) Rekey(ctx context.Context, client string, form Form) (Offered, error) {
	if err := i.adopt(ctx, client); err != nil {
		return Offered{}, err
	}
	return i.offer(client, true, form)
}

// adopt finds the account of a family whose card stands on the ledger and not in this file: an older copy of it was put
// back. The keys of the phone that took the card are not known any more, so a new phone is added and the old one stays.
func (i *Issuer) adopt(ctx context.Context, client string) error {
	var key []byte
	var card cardRecord
	var account string
	if err := i.db.View(func(tx *bbolt.Tx) (err error) {
		if key, card, err = i.findCard(tx, client); err != nil || card.Account != "" {
			return err
		}
		account, err = i.accountID(tx, key, card)
		return err
	}); err != nil || card.Account != "" {
		return err
	}
	if _, err := i.cfg.Log.Balance(ctx, account); errors.Is(err, ledger.UnknownAccount) {
		return nil
	} else if err != nil {
		return err
	}
	return i.db.Update(func(tx *bbolt.Tx) error {
		_, card, err := i.findCard(tx, client)
		if err != nil || card.Account != "" {
			return err
		}
		card.Account = account
		return i.put(tx, "cards", key, card)
	})
}

// OfferChildren makes an offer for a family that stands in no file: anonymous, for so many children.
func (i *Issuer) OfferChildren(children int, form Form) (o Offered, err error) {
	if children < 1 || children > intake.MaxChildren {
		return Offered{}, fmt.Errorf("%w: children must be 1 to %d", ErrInput, intake.MaxChildren)
	}
	id, err := i.random(32)
	if err != nil {
		return Offered{}, err
	}
	family := i.keyed("anonymous", id)
	err = i.db.Update(func(tx *bbolt.Tx) error {
		fund, err := i.fund(tx)
		if err != nil {
			return err
		}
		amount := fund.PerChild * budget.Cents(children)
		if amount > budget.MaxCents {
			return fmt.Errorf("%w: the budget is above %d cents", ErrInput, int64(budget.MaxCents))
		}
		f := familyRecord{Children: children, Amount: amount, Fund: fund.Fund, Period: fund.Period.ID}
		if err := i.put(tx, "families", family, f); err != nil {
			return err
		}
		key, card, err := i.cardOf(tx, family)
		if err != nil {
			return err
		}
		o, err = i.makeOffer(tx, key, card, false, form)
		return err
	})
	return o, err
}

func (i *Issuer) offer(client string, rekey bool, form Form) (o Offered, err error) {
	err = i.db.Update(func(tx *bbolt.Tx) error {
		key, card, err := i.findCard(tx, client)
		if err != nil {
			return err
		}
		o, err = i.makeOffer(tx, key, card, rekey, form)
		return err
	})
	return o, err
}

// makeOffer makes a card's one live offer.
func (i *Issuer) makeOffer(tx *bbolt.Tx, key []byte, card cardRecord, rekey bool, form Form) (Offered, error) {
	switch {
	case card.Revoked:
		return Offered{}, ErrRevoked
	case rekey && card.Account == "":
		return Offered{}, ErrNoCard
	case !rekey && card.Account != "":
		return Offered{}, ErrHasCard
	}
	if card.Offer != nil {
		if err := tx.Bucket([]byte("offers")).Delete(card.Offer); err != nil {
			return Offered{}, err
		}
	}
	id, err := i.random(32)
	if err != nil {
		return Offered{}, err
	}
	tx8, err := digits(i.cfg.Rand, txDigits)
	if err != nil {
		return Offered{}, err
	}
	code := i.offerCode(id)
	card.Offer = hashOf(code)
	o := offerRecord{Card: key, Rekey: rekey, TxHash: i.keyed("tx", tx8), Expires: i.now().Add(OfferLife)}
	if err := errors.Join(i.put(tx, "offers", card.Offer, o), i.put(tx, "cards", key, card)); err != nil {
		return Offered{}, err
	}
	offer := i.credentialOffer(code)
	uri := ""
	if form == ByReference {
		uri, err = oid4vci.OfferReferenceURI(i.cfg.URL + "/offers/" + id)
	} else {
		uri, err = offer.URI()
	}
	return Offered{URI: uri, TxCode: tx8}, err
}

// offerCode is the pre-authorised code of the offer with this id, 256 bits. It is computed, so that an offer can be
// fetched by its id and yet no code is kept.
func (i *Issuer) offerCode(id string) string {
	return base64.RawURLEncoding.EncodeToString(i.keyed("code", id))
}

func (i *Issuer) credentialOffer(code string) *oid4vci.Offer {
	return &oid4vci.Offer{Issuer: i.cfg.URL, Configurations: []string{catalog.Kindpakket().ConfigurationID},
		Grants: oid4vci.Grants{PreAuthorized: &oid4vci.PreAuthorizedGrant{Code: oid4vci.Secret(code),
			TxCode: &oid4vci.TxCode{InputMode: "numeric", Length: txDigits, Description: "De code van 8 cijfers in uw brief / the 8 digits in your letter"}}}}
}

var errNoOffer = errors.New("no such offer, or it was used")

// FetchOffer returns the offer that was made by reference with this id, while it can be taken.
func (i *Issuer) FetchOffer(id string) (*oid4vci.Offer, error) {
	code := i.offerCode(id)
	err := i.db.View(func(tx *bbolt.Tx) error {
		var o offerRecord
		ok, err := i.get(tx, "offers", hashOf(code), &o)
		if err == nil && (!ok || !o.live(i.now())) {
			err = errNoOffer
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return i.credentialOffer(code), nil
}

// cardOf returns the card of a family for the fund it was imported for, as it is or as it would begin.
func (i *Issuer) cardOf(tx *bbolt.Tx, family []byte) (key []byte, card cardRecord, err error) {
	var f familyRecord
	if ok, err := i.get(tx, "families", family, &f); err != nil || !ok {
		return nil, card, errors.Join(err, ErrUnknownFamily)
	}
	key = i.keyed("card", string(family))
	ok, err := i.get(tx, "cards", key, &card)
	if err == nil && !ok {
		card = cardRecord{Children: f.Children, Amount: f.Amount, Fund: f.Fund, Period: f.Period}
	}
	return key, card, err
}

// digits draws n decimal digits without bias.
func digits(r io.Reader, n int) (string, error) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	v, err := rand.Int(r, limit)
	if err != nil {
		return "", fmt.Errorf("drawing digits: %w", err)
	}
	return fmt.Sprintf("%0*d", n, v), nil
}

// Token answers a token request (OpenID4VCI 1.0, Section 6). Codes are single use. An unknown, used or expired code and
// a wrong activation code are answered alike, and cost the same work: nobody can test who gets aid (B5).
func (i *Issuer) Token(body []byte) (oid4vci.TokenResponse, error) {
	var none oid4vci.TokenResponse
	req, err := oid4vci.ParseTokenRequest(body)
	if err != nil {
		return none, err
	}
	if req.GrantType != oid4vci.GrantPreAuthorizedCode {
		return none, &oid4vci.Error{Code: oid4vci.UnsupportedGrantType}
	}
	if err := req.CheckTxCode(true); err != nil {
		return none, err
	}
	token, err := i.random(32)
	if err != nil {
		return none, err
	}
	key := hashOf(string(req.PreAuthorizedCode))
	given := i.keyed("tx", string(req.TxCode))
	granted := false
	err = i.db.Update(func(tx *bbolt.Tx) error {
		var o offerRecord
		ok, err := i.get(tx, "offers", key, &o)
		if err != nil {
			return err
		}
		if !ok {
			o = offerRecord{TxHash: make([]byte, len(given)), Tries: TxTries}
		}
		right := subtle.ConstantTimeCompare(o.TxHash, given) == 1
		granted = ok && right && o.live(i.now())
		switch {
		case granted:
			return errors.Join(tx.Bucket([]byte("offers")).Delete(key),
				i.put(tx, "tokens", hashOf(token), tokenRecord{Card: o.Card, Offer: key, Rekey: o.Rekey, Expires: i.now().Add(TokenLife)}))
		case ok && o.Tries < TxTries:
			o.Tries++
			return i.put(tx, "offers", key, o)
		}
		// An unknown code costs one sealed write too.
		return i.put(tx, "meta", []byte("unknown"), o)
	})
	if err != nil {
		return none, err
	}
	if !granted {
		return none, &oid4vci.Error{Code: oid4vci.InvalidGrant, Description: "the code is unknown, used or expired, or the transaction code is wrong"}
	}
	return oid4vci.TokenResponse{AccessToken: oid4vci.Secret(token), TokenType: oid4vci.TokenBearer, ExpiresIn: int(TokenLife / time.Second)}, nil
}
