package ledger

import "fmt"

// Reason is why the ledger refused a command. It is an error, so that callers write errors.Is(err, ledger.TooLittleLeft).
type Reason string

// Every reason there is. See docs/spec/ledger-entry.md, Section 3.
const (
	Malformed          Reason = "malformed"            // not an entry body of its kind
	WrongLedger        Reason = "wrong-ledger"         // made for another ledger
	UnknownFund        Reason = "unknown-fund"         // no such fund and period here
	NotOpenYet         Reason = "not-open-yet"         // the order was made before the period opens
	PeriodClosed       Reason = "period-closed"        // the order was made after the period closed, or the books are closed
	UnknownShop        Reason = "unknown-shop"         // the ledger knows no such shop
	ShopSuspended      Reason = "shop-suspended"       // the municipality suspended the shop
	WrongCategory      Reason = "wrong-category"       // the fund or the shop may not sell this
	BelowMinimum       Reason = "below-minimum"        // less than the fund's least amount per spend
	AboveMaximum       Reason = "above-maximum"        // more than the fund's most per spend
	BlindLimit         Reason = "blind-limit"          // the wallet showed no amount, and this is more than allowed then
	OrderExpired       Reason = "order-expired"        // the order's time is over, or was longer than allowed
	OrderEarly         Reason = "order-early"          // the order was made in the future
	OrderUsed          Reason = "order-used"           // this order or statement was used before
	BadSignature       Reason = "bad-signature"        // not signed by the recorded key
	WrongAudience      Reason = "wrong-audience"       // the holder's proof was made for another verifier
	BadProof           Reason = "bad-proof"            // the holder's proof does not prove this order
	NotForYou          Reason = "not-for-you"          // the order names another account, or another shop's purchase
	OriginalUnknown    Reason = "original-unknown"     // the return names no purchase of this shop and fund
	UnknownAccount     Reason = "unknown-account"      // the key belongs to no account, or no longer
	AccountBlocked     Reason = "account-blocked"      // the municipality blocked the account
	AlreadyIssued      Reason = "already-issued"       // the account, key, fund or shop key is there already
	AlreadySpent       Reason = "already-spent"        // the serial was spent before
	TooLittleLeft      Reason = "too-little-left"      // the account holds less than the amount
	ReturnExceedsSpend Reason = "return-exceeds-spend" // more comes back than was paid
	AlreadyPaidOut     Reason = "already-paid-out"     // an entry stands in an earlier payout
	Conservation       Reason = "conservation"         // the totals would not add up
)

func (r Reason) Error() string { return string(r) }

// Reasons lists every [Reason], in the order of the specification.
func Reasons() []Reason {
	return []Reason{Malformed, WrongLedger, UnknownFund, NotOpenYet, PeriodClosed, UnknownShop, ShopSuspended, WrongCategory,
		BelowMinimum, AboveMaximum, BlindLimit, OrderExpired, OrderEarly, OrderUsed, BadSignature, WrongAudience, BadProof,
		NotForYou, OriginalUnknown, UnknownAccount, AccountBlocked, AlreadyIssued, AlreadySpent, TooLittleLeft,
		ReturnExceedsSpend, AlreadyPaidOut, Conservation}
}

// Refusal is a Reason with a sentence for the log and the developer. Detail never holds a claim value, a key or a
// balance. errors.Is(refusal, reason) holds for its Reason.
type Refusal struct {
	Reason Reason
	Detail string // names the member or the rule; may be empty
}

func (r *Refusal) Error() string {
	if r.Detail == "" {
		return string(r.Reason)
	}
	return string(r.Reason) + ": " + r.Detail
}

// Unwrap returns the Reason.
func (r *Refusal) Unwrap() error { return r.Reason }

// Refuse makes a [*Refusal]; detail may hold fmt verbs for what follows.
func Refuse(r Reason, detail string, args ...any) error {
	return &Refusal{Reason: r, Detail: fmt.Sprintf(detail, args...)}
}
