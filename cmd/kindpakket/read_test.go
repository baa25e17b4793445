package main

import (
	"testing"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
)

func cents(n int64) budget.Cents { return budget.Cents(n) }

// orderID reads the id of a signed order.
func orderID(t *testing.T, text string) string {
	t.Helper()
	token, err := jose.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	o, err := budget.ParseOrder(token.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return o.OrderID
}
