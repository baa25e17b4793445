package budget

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// OrderType is the `type` member of every order: the OpenID4VP transaction data type of a Kindpakket order.
const OrderType = "urn:kindpakket:order:1"

// OrderJWSType is the `typ` header of a signed order.
const OrderJWSType = "kindpakket-order+jwt"

// CardQuery is the id of the only credential query of a payment request, whichever format it asks for.
const CardQuery = "card"

// MaxOrder is the largest order payload that ParseOrder reads, in bytes.
const MaxOrder = 4 << 10

// OrderLife is the longest time between issued_at and expires_at.
const OrderLife = 5 * time.Minute

// OrderKind says what an order does with money.
type OrderKind string

const (
	Purchase OrderKind = "purchase" // a holder pays a shop
	Return   OrderKind = "return"   // a shop gives back (part of) a purchase: a credit note
	TopUp    OrderKind = "topup"    // the municipality adds to a budget
)

// Order is what a shop asks for, or gives back: the payload of a signed order. See docs/spec/ledger-entry.md, Section 2.
//
// An Order is bound to one ledger, fund and period; its hash (see [Bind]) is what a holder signs.
type Order struct {
	Ledger    string    // the ledger's origin line
	Fund      string    // fund id
	Period    string    // period id
	Kind      OrderKind //
	Shop      string    // the shop's DID; empty for TopUp, which the municipality signs
	Till      string    // [a-z0-9-]{1,8}; empty for TopUp
	ClientID  string    // the OpenID4VP client id under which the order is asked for
	OrderID   string    // 16 random bytes, base64url
	Amount    Cents     // what is paid, or what flows back; 1 … MaxCents
	Category  Category  // empty for TopUp
	For       string    // Return: the payer that the purchase's entry shows; TopUp: the account id, or the serial
	Original  uint64    // Return: the index of the purchase's entry
	IssuedAt  time.Time // set by the verifier service, UTC, whole seconds
	ExpiresAt time.Time // at most OrderLife after IssuedAt
}

// orderJSON has the members in the order in which they are written.
type orderJSON struct {
	Type          string    `json:"type"`
	CredentialIDs []string  `json:"credential_ids"`
	HashAlgs      []string  `json:"transaction_data_hashes_alg"`
	Ledger        string    `json:"ledger"`
	Fund          string    `json:"fund"`
	Period        string    `json:"period"`
	Kind          OrderKind `json:"kind"`
	Shop          string    `json:"shop,omitempty"`
	Till          string    `json:"till,omitempty"`
	ClientID      string    `json:"client_id"`
	OrderID       string    `json:"order_id"`
	Amount        Cents     `json:"amount"`
	Currency      string    `json:"currency"`
	Category      Category  `json:"category,omitempty"`
	For           string    `json:"for,omitempty"`
	Original      *uint64   `json:"original,omitempty"`
	IssuedAt      string    `json:"issued_at"`
	ExpiresAt     string    `json:"expires_at"`
}

// Bytes returns the one encoding of o: UTF-8 JSON without insignificant white space, the members in the order of the
// specification. It returns an error that names the first member that is out of shape.
func (o Order) Bytes() ([]byte, error) {
	if err := o.verify(); err != nil {
		return nil, err
	}
	j := orderJSON{
		Type: OrderType, CredentialIDs: []string{CardQuery}, HashAlgs: []string{"sha-256"},
		Ledger: o.Ledger, Fund: o.Fund, Period: o.Period, Kind: o.Kind, Shop: o.Shop, Till: o.Till,
		ClientID: o.ClientID, OrderID: o.OrderID, Amount: o.Amount, Currency: "EUR", Category: o.Category, For: o.For,
		IssuedAt: o.IssuedAt.Format(time.RFC3339), ExpiresAt: o.ExpiresAt.Format(time.RFC3339),
	}
	if o.Kind == Return {
		j.Original = &o.Original
	}
	return json.Marshal(j) // no member can hold a character that JSON or HTML escapes: see verify
}

// ErrOrder is returned by [ParseOrder] for bytes that are not the one encoding of an order.
var ErrOrder = errors.New("not a Kindpakket order")

// ParseOrder reads an order's payload. It accepts only what [Order.Bytes] writes, byte for byte, and at most MaxOrder
// bytes; everything else is [ErrOrder] with the member that is wrong.
func ParseOrder(b []byte) (Order, error) {
	if len(b) > MaxOrder {
		return Order{}, fmt.Errorf("%w: larger than %d bytes", ErrOrder, MaxOrder)
	}
	var j orderJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return Order{}, fmt.Errorf("%w: not JSON of its shape", ErrOrder)
	}
	issued, err1 := time.Parse(time.RFC3339, j.IssuedAt)
	expires, err2 := time.Parse(time.RFC3339, j.ExpiresAt)
	if err1 != nil || err2 != nil {
		return Order{}, fmt.Errorf("%w: issued_at or expires_at is not a time", ErrOrder)
	}
	o := Order{
		Ledger: j.Ledger, Fund: j.Fund, Period: j.Period, Kind: j.Kind, Shop: j.Shop, Till: j.Till,
		ClientID: j.ClientID, OrderID: j.OrderID, Amount: j.Amount, Category: j.Category, For: j.For,
		IssuedAt: issued.UTC(), ExpiresAt: expires.UTC(),
	}
	if j.Original != nil {
		o.Original = *j.Original
	}
	again, err := o.Bytes()
	if err != nil {
		return Order{}, fmt.Errorf("%w: %w", ErrOrder, err)
	}
	// The ledger parses, re-encodes and refuses unless the bytes are equal: one order has one hash.
	if !bytes.Equal(again, b) {
		return Order{}, fmt.Errorf("%w: members or spelling differ from the one encoding", ErrOrder)
	}
	return o, nil
}

var (
	originPattern = regexp.MustCompile(`^[a-z0-9.:/-]{1,128}$`)
	didPattern    = regexp.MustCompile(`^did:[a-z0-9]{1,16}:[A-Za-z0-9._:%-]{1,512}$`)
	clientPattern = regexp.MustCompile(`^[a-z0-9_]{1,32}:[A-Za-z0-9._:/%-]{1,512}$`)
	tillPattern   = regexp.MustCompile(`^[a-z0-9-]{1,8}$`)
	tokenPattern  = regexp.MustCompile(`^[A-Za-z0-9_-]{22,64}$`)
)

// ValidOrigin reports whether s may be a ledger's origin line: 1 to 128 of a-z, 0-9 and ".:/-".
func ValidOrigin(s string) bool { return originPattern.MatchString(s) }

// ValidDID reports whether s has the shape of a DID that may stand in an order.
func ValidDID(s string) bool { return didPattern.MatchString(s) }

func (o Order) verify() error {
	party := o.Kind == Purchase || o.Kind == Return
	switch {
	case o.Kind != Purchase && o.Kind != Return && o.Kind != TopUp:
		return errors.New("kind is not purchase, return or topup")
	case !ValidOrigin(o.Ledger):
		return errors.New("ledger is not an origin line")
	case !ValidID(o.Fund):
		return errors.New("fund is not an id")
	case !ValidID(o.Period):
		return errors.New("period is not an id")
	case party && !ValidDID(o.Shop), !party && o.Shop != "":
		return errors.New("shop is not a DID, or stands in a top-up")
	case party && !tillPattern.MatchString(o.Till), !party && o.Till != "":
		return errors.New("till is not 1 to 8 of a-z, 0-9 and -")
	case !clientPattern.MatchString(o.ClientID):
		return errors.New("client_id is not an OpenID4VP client id with its prefix")
	case !Random128(o.OrderID):
		return errors.New("order_id is not 16 bytes in base64url")
	case o.Amount < 1 || o.Amount > MaxCents:
		return fmt.Errorf("amount is not 1 to %d cents", int64(MaxCents))
	case party && !o.Category.Valid(), !party && o.Category != "":
		return errors.New("category is not an id, or stands in a top-up")
	case (o.Kind == Purchase) != (o.For == ""), o.For != "" && !tokenPattern.MatchString(o.For):
		return errors.New("for is missing, out of place or out of shape")
	case o.Kind != Return && o.Original != 0:
		return errors.New("original stands in an order that is no return")
	case !whole(o.IssuedAt) || !whole(o.ExpiresAt) || o.IssuedAt.Year() > 9999:
		return errors.New("issued_at and expires_at must be whole seconds in UTC")
	case !o.ExpiresAt.After(o.IssuedAt) || o.ExpiresAt.Sub(o.IssuedAt) > OrderLife:
		return fmt.Errorf("expires_at is not within %s after issued_at", OrderLife)
	}
	return nil
}

// Random128 reports whether s is exactly 16 bytes in unpadded, canonical base64url (22 characters).
func Random128(s string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == 16
}

// Bind is the SHA-256 of an order's payload as it stands in the signed order, in base64url: the OpenID4VP
// transaction_data hash, and (see [Bind.Nonce]) the nonce of the request.
type Bind [sha256.Size]byte

// BindOf hashes segment, the base64url payload segment of a signed order.
func BindOf(segment string) Bind { return sha256.Sum256([]byte(segment)) }

// Nonce returns b in base64url, 43 characters: the nonce of the OpenID4VP request that carries the order.
func (b Bind) Nonce() string { return base64.RawURLEncoding.EncodeToString(b[:]) }
