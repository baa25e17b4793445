package issuer

import "context"

// Sweep clears away what has run out.
func (i *Issuer) Sweep() error { return i.sweep() }

// UseNonce uses a nonce up.
func (i *Issuer) UseNonce(nonce string) error { return i.useNonce(nonce) }

// Waiting counts the parcels in the outbox.
func (i *Issuer) Waiting() int {
	w, err := i.waiting(func(parcel) bool { return true })
	if err != nil {
		return -1
	}
	return len(w)
}

// PlanPayout and KeepPlan are the first two steps of a payout.
func (i *Issuer) PlanPayout(ctx context.Context, f FundSpec) (PayoutReport, error) {
	return i.planPayout(ctx, f)
}

// KeepPlan keeps a plan.
func (i *Issuer) KeepPlan(f FundSpec, r PayoutReport) error {
	_, err := i.keepPlan(f, r)
	return err
}
