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

// DeliverFirst delivers the oldest parcel n times at once, as requests and Resume might.
func (i *Issuer) DeliverFirst(ctx context.Context, n int) error {
	w, err := i.waiting(func(parcel) bool { return true })
	if err != nil {
		return err
	}
	errs := make(chan error, n)
	for range n {
		go func() { errs <- i.deliver(ctx, w[0].id) }()
	}
	for range n {
		if e := <-errs; e != nil && !answered(e) {
			err = e
		}
	}
	return err
}
