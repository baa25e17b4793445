package verifier

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/sha256"
	"errors"
	"fmt"

	"kindpakket/credential/budget"
	"kindpakket/credential/oid4vp"
	"kindpakket/internal/problem"
	"kindpakket/ledger"
)

// Respond takes what a wallet posted to the response URI of a request (OpenID4VP 1.0, Section 8.2) and returns what
// became of the order. Each order takes one answer:
//
//   - what cannot be read as an answer to this request is an [*oid4vp.Error]; the order goes on waiting;
//   - the wallet's refusal ends the order as [Declined];
//   - a presentation ends a check, and a payment unless the ledger cannot say: then it is Pending, and posting the same
//     again, like [Verifier.Result], asks the ledger again;
//   - the same answer again, by its bytes or by the presentation inside, gets the same result;
//   - anything else for an order that was answered is refused as ledger.OrderUsed, and the order stays what it is.
//
// It returns [ErrUnknownRequest] if the request is unknown or has ended.
func (v *Verifier) Respond(ctx context.Context, request string, body []byte) (Result, error) {
	// What was begun is finished, also if the phone hangs up meanwhile: else an impatient wallet could make a status
	// list seem out of reach.
	ctx = context.WithoutCancel(ctx)
	id, rec, err := v.byRequest(request)
	if err != nil {
		return Result{}, err
	}
	arrived, posted := v.now(), sha256.Sum256(body)
	if bytes.Equal(rec.Posted, posted[:]) {
		return v.Result(ctx, id)
	}
	response, err := v.parseResponse(id, rec.Request, body)
	if err != nil {
		return Result{}, err
	}
	given := answer{posted: posted[:]}
	switch {
	case response.Refusal != nil:
		given.reason = Declined
	default:
		text, err := response.Token.Text(budget.CardQuery)
		if err != nil {
			return Result{}, &oid4vp.Error{Code: oid4vp.InvalidRequest, Description: "the presentation is not text", Cause: err}
		}
		presented := sha256.Sum256([]byte(text))
		given.presented = presented[:]
		switch {
		case rec.answered() || rec.State != Pending: // its answer counts; this one is only compared with it
		case !arrived.Before(rec.Expires):
			given.reason = ledger.OrderExpired
		case rec.check():
			_, given.reason = v.judge(ctx, rec, text)
		default:
			given.command, given.reason = v.judge(ctx, rec, text)
		}
	}
	mine := false
	rec, err = v.update(id, func(rec *orderRecord) bool {
		if rec.answered() {
			mine = bytes.Equal(rec.Posted, given.posted) || given.presented != nil && bytes.Equal(rec.Presented, given.presented)
			return false
		}
		mine = true
		if rec.State != Pending { // it expired while the answer was judged, or before
			rec.Posted, rec.Presented = given.posted, given.presented
			return true
		}
		given.into(rec)
		return true
	})
	if err != nil {
		return Result{}, fmt.Errorf("keeping an answer: %w", err)
	}
	if !mine {
		return Result{State: Refused, Reason: ledger.OrderUsed, Shop: rec.Shop}, nil
	}
	return v.Result(ctx, id)
}

// answer is what a wallet answered and what we make of it.
type answer struct {
	posted, presented []byte        // hashes
	reason            ledger.Reason // why it is refused; empty if it is good
	command           []byte        // a good payment: the body of the spend
}

// into stores the answer in the record of its order. With it, before the ledger is asked, lies all that is needed to ask.
func (a answer) into(rec *orderRecord) {
	rec.Posted, rec.Presented = a.posted, a.presented
	switch {
	case a.reason != "":
		rec.State, rec.Reason = Refused, a.reason
	case rec.check():
		rec.State = Entitled
	default:
		rec.Command = a.command
	}
}

// parseResponse reads the form that a wallet posted. Its error is an [*oid4vp.Error] that may be answered.
func (v *Verifier) parseResponse(id string, rec *requestRecord, body []byte) (*oid4vp.Response, error) {
	expected := oid4vp.Expected{
		ResponseMode: oid4vp.DirectPostJWT, State: rec.State, QueryIDs: []string{budget.CardQuery},
		// The request is known by its URL, 128 random bits, and the presentation is bound by the nonce.
		StateOptional: true,
		Key: func(kid string) (*ecdh.PrivateKey, error) {
			if kid != "" && kid != encryptionKeyID {
				return nil, errors.New("no such key")
			}
			key, err := v.decryptionKey(id, rec)
			if err != nil {
				return nil, err
			}
			return key.ECDH(), nil
		},
	}
	response, err := expected.Parse(body)
	if errors.Is(err, oid4vp.ErrUnencrypted) && rec.Plain {
		expected.ResponseMode = oid4vp.DirectPost
		response, err = expected.Parse(body)
	}
	if err != nil {
		return nil, &oid4vp.Error{Code: oid4vp.InvalidRequest, Description: "this is no answer to the request", Cause: err}
	}
	return response, nil
}

// Result returns what became of an order. It asks the ledger, if an answer waits for it, and lets an order expire that
// nobody answered. It returns [ErrUnknownOrder].
func (v *Verifier) Result(ctx context.Context, id string) (Result, error) {
	r, err := v.settle(ctx, id)
	if err != nil && r.State == Pending {
		// Not known is not refused: it stays pending, and whoever asks again asks the ledger again.
		v.cfg.Logger.WarnContext(ctx, "the ledger has not answered", "fault", problem.Kind(err))
		return r, nil
	}
	return r, err
}

// settle brings one order as far as it can get now. With an error the result is Pending if the order waits for the
// ledger, and empty if something else is wrong.
func (v *Verifier) settle(ctx context.Context, id string) (Result, error) {
	// Two commands of one order never cross: whoever comes second waits for the first one's outcome.
	r, err, _ := v.flights.Do("o/"+id, func() (any, error) { return v.settleAlone(ctx, id) })
	return r.(Result), err
}

func (v *Verifier) settleAlone(ctx context.Context, id string) (Result, error) {
	rec, err := v.order(id)
	switch {
	case err != nil:
		return Result{}, err
	case rec.State != Pending:
		return rec.result(), nil
	case rec.Command == nil:
		if v.now().Before(rec.Expires) {
			return rec.result(), nil
		}
		return v.finish(id, func(rec *orderRecord) bool {
			if rec.answered() {
				return false // in this very moment; the next question settles it
			}
			rec.State, rec.Reason = Refused, ledger.OrderExpired
			return true
		})
	}
	receipt, reason, err := v.submit(ctx, rec)
	if err != nil {
		return rec.result(), err
	}
	done, err := v.finish(id, func(rec *orderRecord) bool {
		if rec.State != Pending {
			return false
		}
		rec.Command = nil
		if reason != "" {
			rec.State, rec.Reason = Refused, reason
		} else {
			rec.State, rec.Receipt = Paid, &receipt
		}
		return true
	})
	if err != nil && reason == "" {
		// The payment happened, whatever the disk says: the receipt proves it. The command is still there to ask again.
		v.cfg.Logger.ErrorContext(ctx, "a payment could not be recorded and will be asked for again", "fault", problem.Kind(err))
		return Result{State: Paid, Receipt: &receipt, Shop: rec.Shop}, nil
	}
	if err != nil {
		return rec.result(), err
	}
	return done, nil
}

// finish changes a record and returns its result as it then is.
func (v *Verifier) finish(id string, change func(*orderRecord) bool) (Result, error) {
	rec, err := v.update(id, change)
	if err != nil {
		return Result{}, fmt.Errorf("recording a result: %w", err)
	}
	return rec.result(), nil
}

// submit asks the ledger for the payment that rec holds: it returns a receipt that was verified and is for this order,
// or the reason of a refusal, or an error that says nothing about what happened.
func (v *Verifier) submit(ctx context.Context, rec orderRecord) (ledger.Receipt, ledger.Reason, error) {
	receipt, entry, err := v.ask(ctx, ledger.Command{Kind: ledger.KindSpend, Body: rec.Command})
	var refusal *ledger.Refusal
	if errors.As(err, &refusal) {
		return ledger.Receipt{}, refusal.Reason, nil
	}
	if err != nil {
		return ledger.Receipt{}, "", err
	}
	body, err := ledger.ParseBody[ledger.SpendBody](entry.Command())
	if err != nil {
		return ledger.Receipt{}, "", fmt.Errorf("verifying the ledger's receipt: %w", err)
	}
	if err := sameOrder(rec.Order, body.Order); err != nil {
		return ledger.Receipt{}, "", err
	}
	return receipt, "", nil
}

// sameOrder compares a receipt's order with ours by their hash: a signature can have several texts.
func sameOrder(ours, theirs string) error {
	a, _, err := bindOf(ours)
	if err != nil {
		return err
	}
	b, _, err := bindOf(theirs)
	if err != nil || a != b {
		return fmt.Errorf("verifying the ledger's receipt: %w: it is for another order", ledger.ErrReceipt)
	}
	return nil
}

// Resume finishes what was left open: payments and returns that the ledger has not answered, orders that expired, and
// requests that have ended. Call it at the start and every few seconds; it returns when it has been through. Its error
// wraps [ledger.ErrUnavailable] if the ledger could not answer; what was asked then waits for the next time.
func (v *Verifier) Resume(ctx context.Context) error {
	orders, err := v.open("o/")
	if err != nil {
		return fmt.Errorf("resuming: %w", err)
	}
	var faults []error
	down := false
	for _, id := range orders {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rec, err := v.order(id)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		// While the ledger does not answer, the others would only wait for the same.
		if rec.State == Pending && (rec.Command == nil || !down) {
			_, err := v.settle(ctx, id)
			down = down || errors.Is(err, ledger.ErrUnavailable)
			faults = append(faults, err)
		}
		if v.now().After(rec.Expires.Add(KeepRequest)) {
			faults = append(faults, v.end(id))
		}
	}
	if !down {
		faults = append(faults, v.resumeReturns(ctx))
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("resuming: %w", err)
	}
	return nil
}
