package verifier

import (
	"context"
	"errors"

	"kindpakket/credential/budget"
	"kindpakket/credential/catalog"
	"kindpakket/credential/sdjwt"
	"kindpakket/internal/problem"
	"kindpakket/ledger"
)

// judge decides on a presentation for an order: whether it is a good card of this municipality, fund and period, shown by
// its holder for this very request, and not revoked. For a payment it returns the body of the spend. Whether there is
// money is for the ledger to say.
func (v *Verifier) judge(ctx context.Context, rec orderRecord, presentation string) (command []byte, reason ledger.Reason) {
	card, err := v.verifyCard(rec, presentation)
	if err == nil {
		err = v.status.check(ctx, card.Claims)
	}
	if err != nil {
		v.cfg.Logger.InfoContext(ctx, "presentation refused", "reason", reasonOf(err), "fault", problem.Kind(err))
		return nil, reasonOf(err)
	}
	if rec.check() {
		return nil, ""
	}
	c, err := ledger.NewCommand(ledger.KindSpend, ledger.SpendBody{Order: rec.Order,
		Account: &ledger.AccountProof{JWK: card.Holder, KBJWT: card.KeyBindingJWT}})
	if err != nil {
		return nil, BadPresentation
	}
	return c.Body, ""
}

// verifyCard verifies everything about a presentation but its status.
func (v *Verifier) verifyCard(rec orderRecord, presentation string) (*sdjwt.Verified, error) {
	parsed, err := sdjwt.Parse(presentation)
	if err != nil {
		return nil, err
	}
	now := v.now()
	card, err := parsed.Verify(sdjwt.Policy{
		Now: now,
		// Wide enough for a phone's clock, which iat of the key binding is read from; the card's own times follow below.
		Leeway:   BindingAge,
		Key:      sdjwt.TrustChain(v.cfg.Anchors, now, v.cfg.Issuer),
		VCT:      []string{v.cfg.VCT},
		Required: []string{"iss", "exp", "status", catalog.Fund, catalog.Period},
		Binding:  &sdjwt.Binding{Audience: rec.Request.ClientID, Nonce: rec.Nonce},
	})
	if err != nil {
		return nil, err
	}
	// The order's own time counts, so that a payment under way at midnight is not lost.
	if !rec.Issued.Before(card.Expires.Add(ClockLeeway)) {
		return nil, sdjwt.ErrExpired
	}
	if rec.Issued.Add(ClockLeeway).Before(card.NotBefore) {
		return nil, sdjwt.ErrNotYet
	}
	if err := v.verifyTransaction(rec, card.Binding); err != nil {
		return nil, err
	}
	if card.Claims[catalog.Fund] != v.cfg.Fund || card.Claims[catalog.Period] != v.cfg.Period(rec.Issued) {
		return nil, WrongFund
	}
	return card, nil
}

// verifyTransaction checks what the holder signed beside the nonce. A wallet that was shown the order signs its hash
// (OpenID4VP 1.0, Section 8.4); one that was not signs none, and how much it may pay then is for the ledger to say.
func (v *Verifier) verifyTransaction(rec orderRecord, kb sdjwt.KB) error {
	switch {
	case len(kb.TransactionDataHashes) == 0 && (rec.Request.Blind || rec.check()):
		return nil
	case len(kb.TransactionDataHashes) != 1 || rec.check():
		return sdjwt.ErrTransaction
	}
	bind, _, err := bindOf(rec.Order)
	if err != nil || budget.Bind(kb.TransactionDataHashes[0]) != bind {
		return sdjwt.ErrTransaction
	}
	return nil
}

// reasonOf translates why a presentation is not accepted.
func reasonOf(err error) ledger.Reason {
	var own ledger.Reason
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, sdjwt.ErrAudience):
		return ledger.WrongAudience
	case errors.Is(err, sdjwt.ErrIssuer), errors.Is(err, sdjwt.ErrType):
		return NotEntitled
	case errors.Is(err, sdjwt.ErrExpired):
		return CardExpired
	case errors.Is(err, sdjwt.ErrNotYet):
		return CardNotYet
	case errors.Is(err, errStatus):
		return StatusUnavailable
	}
	return BadPresentation
}
