package verifier_test

import (
	"context"
	"fmt"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/verifier"
)

// A till asks for € 12,50, shows the code, and waits for the ledger's word.
func Example() {
	till := func(ctx context.Context, v *verifier.Verifier) error {
		asked, err := v.Request(ctx, verifier.Ask{Shop: "fietsen-trapper", Amount: budget.Euros(12, 50), Category: budget.Fiets})
		if err != nil {
			return err
		}
		fmt.Println(asked.RequestURI) // as a QR code
		for {
			r, err := v.Result(ctx, asked.OrderID)
			switch {
			case err != nil:
				return err
			case r.State == verifier.Paid:
				fmt.Println("Betaald")
				return nil
			case r.State == verifier.Refused:
				fmt.Println(verifier.MessageFor(r.Reason).NL)
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second):
			}
		}
	}
	_ = till
	fmt.Println(verifier.MessageFor(verifier.Declined).EN)
	// Output: The app said no. Nothing was shared and nothing was paid. Make a new code to try again.
}
