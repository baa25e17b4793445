package ledger

import (
	"fmt"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
)

// ReadOrder returns the order that a spend, return or top-up carries. It checks no signature: that was the rules' work
// when the entry was appended.
func ReadOrder(e Entry) (budget.Order, error) {
	var text string
	switch e.Kind {
	case KindSpend:
		b, err := ParseBody[SpendBody](e.Command())
		if err != nil {
			return budget.Order{}, err
		}
		text = b.Order
	case KindReturn, KindTopUp:
		b, err := ParseBody[OrderBody](e.Command())
		if err != nil {
			return budget.Order{}, err
		}
		text = b.Order
	default:
		return budget.Order{}, fmt.Errorf("%w: a %s carries no order", ErrEntry, e.Kind)
	}
	token, err := jose.Parse(text)
	if err != nil {
		return budget.Order{}, fmt.Errorf("%w: order: %w", ErrEntry, err)
	}
	return budget.ParseOrder(token.Payload)
}

// ReadStatement returns the municipal statement in an entry. It checks no signature, like [ReadOrder].
func ReadStatement[T Statement](e Entry) (T, error) {
	var none T
	b, err := ParseBody[SignedBody](e.Command())
	if err != nil {
		return none, err
	}
	token, err := jose.Parse(b.JWS)
	if err != nil {
		return none, fmt.Errorf("%w: statement: %w", ErrEntry, err)
	}
	return ParseStatement[T](token.Payload)
}
