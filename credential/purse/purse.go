package purse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"
)

// Errors of a holder's own steps.
var (
	ErrTooLittle = errors.New("purse holds less than that")
	ErrTooMuch   = errors.New("purse would hold more than it can")
	ErrOriginal  = errors.New("opening is not that of the purchase row") // or is missing, or one too many
)

// Purse is a balance that a mint signed: (A, e; v, k, w). The holder secret h is derived, not kept. A purse prints as
// [redacted] in every way of printing; [Purse.Balance] is the one way to see what it holds.
type Purse struct {
	v      budget.Cents
	k, w   curve.Scalar
	answer Answer
}

// purseSize is the length of a purse's encoding.
const purseSize = 8 + 2*curve.ScalarSize + AnswerSize

// Balance is what the purse holds. Show it to its holder only.
func (p Purse) Balance() budget.Cents { return p.v }

// Serial is the purse's number. It is shown to nobody before the purse is spent, except to the shop that is to write a
// credit note for it.
func (p Purse) Serial() Serial { return Serial(p.k.Bytes()) }

func (p Purse) append(out []byte) []byte {
	out = binary.BigEndian.AppendUint64(out, uint64(p.v))
	out = curve.AppendScalar(out, &p.k)
	out = curve.AppendScalar(out, &p.w)
	return append(out, p.answer.Bytes()...)
}

func parsePurse(b []byte) (Purse, error) {
	if len(b) != purseSize {
		return Purse{}, ErrParse
	}
	v := binary.BigEndian.Uint64(b)
	if v > uint64(MaxBalance) {
		return Purse{}, ErrRange
	}
	p := Purse{v: budget.Cents(v)}
	var err error
	if p.k, err = curve.ParseNonZero(b[8:40]); err != nil {
		return Purse{}, ErrParse
	}
	if p.w, err = curve.ParseScalar(b[40:72]); err != nil {
		return Purse{}, ErrParse
	}
	p.answer, err = ParseAnswer(b[72:])
	return p, err
}

// checkPurse says whether p is a purse of h's (Section 2). The mint's signature is the last thing looked at.
func (h *Holder) checkPurse(p Purse) error {
	if p.answer.a.IsInfinity() || p.answer.e.IsZero() || p.k.IsZero() {
		return ErrParse
	}
	if p.v < 0 || p.v > MaxBalance {
		return ErrRange
	}
	g := params()
	return h.key.check(p.answer, curve.Sum(
		[]*curve.Base{g.hv, g.hk, g.hr, g.hh},
		[]curve.Scalar{cents(p.v), p.k, p.w, h.h}))
}

// Step is a spend that a holder is asked for: an order in the terms of a purse.
type Step struct {
	Kind     Kind
	Amount   budget.Cents // s: what leaves the purse; zero for all but purchases
	Back     budget.Cents // t: what flows back with the re-issue; zero for purchases and roll-overs
	Bind     Bind         // hash of the order
	Original *Opening     // for a return: the holder's own purchase it takes back
}

// check says whether p can make the step (Sections 5 and 6).
func (s Step) check(p Purse) error {
	back := s.Kind == Return || s.Kind == TopUp
	switch {
	case s.Kind.size() == 0:
		return ErrParse
	case s.Amount < 0 || s.Amount > MaxBalance || s.Back < 0 || s.Back > MaxBalance:
		return ErrRange
	case (s.Amount == 0) == (s.Kind == Purchase), (s.Back == 0) == back:
		return ErrAmount
	case (s.Original != nil) != (s.Kind == Return):
		return ErrOriginal
	case s.Amount > p.v:
		return ErrTooLittle
	case p.v-s.Amount+s.Back > MaxBalance:
		return ErrTooMuch
	}
	return nil
}

// Opening is what a holder keeps of a purchase in order to take goods back: the row's N and K', and what is inside K'.
// It follows from the words and the row; it is secret and prints as [redacted].
type Opening struct {
	n    curve.Scalar
	k    curve.Point
	v    budget.Cents
	kAt  curve.Scalar
	wAt  curve.Scalar
	bind Bind
}

// Serial and Commitment name the purchase row.
func (o *Opening) Serial() Serial         { return Serial(o.n.Bytes()) }
func (o *Opening) Commitment() Commitment { return Commitment{o.k} }

// Bind is the hash of the purchase's order.
func (o *Opening) Bind() Bind { return o.bind }

// Open makes the opening of the purchase that p paid with step: before or after it was sent.
func (h *Holder) Open(p Purse, step Step) (*Opening, error) {
	if err := step.check(p); err != nil || step.Kind != Purchase {
		return nil, fmt.Errorf("opening purchase: %w", errors.Join(err, ErrOriginal))
	}
	return h.open(p, step), nil
}

func (h *Holder) open(p Purse, step Step) *Opening {
	kNext, wNext := h.next(p.Serial(), uint64(step.Amount), step.Bind)
	rest := p.v - step.Amount
	return &Opening{n: p.k, k: h.commitment(rest, kNext, wNext), v: rest, kAt: kNext, wAt: wNext, bind: step.Bind}
}

// commitment is K' = Hv·rest + Hk·k' + Hr·w' + Hh·h.
func (h *Holder) commitment(rest budget.Cents, k, w curve.Scalar) curve.Point {
	g := params()
	return hiddenSum([]*curve.Base{g.hv, g.hk, g.hr, g.hh}, []curve.Scalar{cents(rest), k, w, h.h})
}

// Spend proves that p is a purse of the key, worth at least step.Amount, and commits to what is left. It is the bare
// proof: a wallet uses [State], which writes the spend down before it is sent. random should be crypto/rand's Reader.
//
// Spend returns [ErrTooLittle] if p holds less than the amount, and [ErrTooMuch] if more would flow back than a purse
// can hold.
func (h *Holder) Spend(random io.Reader, p Purse, step Step) (*Spend, error) {
	if err := step.check(p); err != nil {
		return nil, fmt.Errorf("spending: %w", err)
	}
	n, err := h.nonces(random, h.statement(p, step))
	if err != nil {
		return nil, fmt.Errorf("spending: %w", err)
	}
	return h.prove(p, step, drawSpend(n, step.Kind)), nil
}

// statement is what the nonces are drawn for (Section 3).
func (h *Holder) statement(p Purse, step Step) []byte {
	name := "SPEND"
	if step.Kind == Return {
		name = "RETURN"
	}
	out := curve.AppendScalar([]byte(name), &h.key.dom)
	out = binary.BigEndian.AppendUint64(out, uint64(step.Amount))
	out = curve.AppendScalar(out, &p.k)
	out = binary.BigEndian.AppendUint64(out, uint64(p.v))
	out = append(out, p.answer.Bytes()...)
	out = append(out, counted(step.Bind[:])...)
	if step.Kind == Return {
		out = curve.AppendPoint(out, &step.Original.k)
	}
	return out
}

// Next checks the mint's answer to a spend of p and returns the purse that follows. It returns [ErrPairing] for an
// answer that does not sign it; p then remains the purse to ask for again.
func (h *Holder) Next(p Purse, step Step, answer Answer) (Purse, error) {
	if err := step.check(p); err != nil {
		return Purse{}, fmt.Errorf("accepting re-issue: %w", err)
	}
	next, err := h.follow(p, h.open(p, step), step.Back, answer)
	if err != nil {
		return Purse{}, fmt.Errorf("accepting re-issue: %w", err)
	}
	return next, nil
}

// OpeningSize is the length of an opening's encoding, in bytes.
const OpeningSize = 32 + curve.PointSize + 8 + 3*32

// Bytes is the opening's encoding, for the vault. It is secret.
func (o *Opening) Bytes() []byte {
	out := curve.AppendScalar(make([]byte, 0, OpeningSize), &o.n)
	out = curve.AppendPoint(out, &o.k)
	out = binary.BigEndian.AppendUint64(out, uint64(o.v))
	out = curve.AppendScalar(out, &o.kAt)
	out = curve.AppendScalar(out, &o.wAt)
	return append(out, o.bind[:]...)
}

// ParseOpening reads [Opening.Bytes] and checks that it opens its K' to h: an opening of another holder is refused with
// [ErrOriginal].
func (h *Holder) ParseOpening(b []byte) (*Opening, error) {
	if len(b) != OpeningSize {
		return nil, fmt.Errorf("parsing opening: %w", ErrParse)
	}
	var o Opening
	var errs [4]error
	o.n, errs[0] = curve.ParseNonZero(b[:32])
	o.k, errs[1] = curve.ParsePoint(b[32:80])
	v := binary.BigEndian.Uint64(b[80:])
	o.kAt, errs[2] = curve.ParseScalar(b[88:120])
	o.wAt, errs[3] = curve.ParseScalar(b[120:152])
	if err := errors.Join(errs[:]...); err != nil || v > uint64(MaxBalance) {
		return nil, fmt.Errorf("parsing opening: %w", ErrParse)
	}
	o.v, o.bind = budget.Cents(v), Bind(b[152:])
	if k := h.commitment(o.v, o.kAt, o.wAt); !k.Equal(&o.k) {
		return nil, fmt.Errorf("parsing opening: %w", ErrOriginal)
	}
	return &o, nil
}

func (Purse) String() string               { return redacted }
func (Purse) GoString() string             { return redacted }
func (Purse) Format(f fmt.State, _ rune)   { f.Write([]byte(redacted)) }
func (Purse) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (Purse) LogValue() slog.Value         { return slog.StringValue(redacted) }

func (*Opening) String() string               { return redacted }
func (*Opening) GoString() string             { return redacted }
func (*Opening) Format(f fmt.State, _ rune)   { f.Write([]byte(redacted)) }
func (*Opening) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (*Opening) LogValue() slog.Value         { return slog.StringValue(redacted) }
