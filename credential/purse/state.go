package purse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"kindpakket/credential/budget"
)

// Errors of [State].
var (
	// ErrPending says that a spend is under way. Ask for its answer again, or roll over.
	ErrPending = errors.New("another spend of this purse is under way")
	// ErrTold says that a shop knows the purse's serial. Use its credit note, or roll over.
	ErrTold = errors.New("serial of this purse was told")
	// ErrNotPending says that no spend with that bind is under way.
	ErrNotPending = errors.New("no such spend is under way")
)

// State is a purse on a holder's side between steps: what it is, and what has been sent or is about to be. It is a value;
// every step returns a new one, and the old one stays good until the new one is written down. It prints as [redacted].
//
//	state, proof, err := holder.Begin(rand.Reader, state, step)
//	… write state.Bytes() to the vault …      before the proof leaves the phone
//	… send proof, as often as needed …        a retry sends the same bytes
//	state, opening, err := holder.Finish(state, step.Bind, answer)
//	… write state.Bytes() and the opening …
type State struct {
	purse   Purse
	told    bool
	pending []Pending
}

// Pending is a spend that was written down and not answered yet.
type Pending struct {
	Kind   Kind
	Amount budget.Cents // s
	Back   budget.Cents // t
	Bind   Bind
	Proof  []byte // send these bytes, and no others for this order
}

// maxPending: a spend, and the roll-over that is to settle whether it arrived.
const maxPending = 2

// NewState is a purse with nothing under way.
func NewState(p Purse) State { return State{purse: p} }

// Purse is the purse before whatever is pending.
func (s State) Purse() Purse { return s.purse }

// Balance is what the purse holds before whatever is pending. Show it to its holder only.
func (s State) Balance() budget.Cents { return s.purse.v }

// Pending lists what is under way, oldest first: at most a spend and a roll-over.
func (s State) Pending() []Pending { return append([]Pending(nil), s.pending...) }

// Tell notes that the purse's serial is told to a shop, for a credit note. From then on the purse takes that note, or a
// top-up, or rolls over; it pays nobody, because the shop would recognise it.
func (s State) Tell() (State, Serial) {
	s.told = true
	return s, s.purse.Serial()
}

// Begin makes the proof for step and notes it as pending. The caller writes the returned state down before it sends the
// proof.
//
// A step that is pending already gives the state as it is and the same proof. Another one while one is pending is
// refused with [ErrPending], unless it is a roll-over, which settles what became of the first: whichever of the two the
// ledger took is the one to finish. Begin returns [ErrTold] for a purchase from a purse whose serial was told, and the
// errors of [Holder.Spend].
func (h *Holder) Begin(random io.Reader, s State, step Step) (State, []byte, error) {
	for _, p := range s.pending {
		if p.Bind != step.Bind {
			continue
		}
		if p.Kind != step.Kind || p.Amount != step.Amount || p.Back != step.Back {
			return s, nil, fmt.Errorf("beginning spend: same order, other content: %w", ErrPending)
		}
		return s, p.Proof, nil
	}
	if len(s.pending) > 0 && step.Kind != RollOver || len(s.pending) >= maxPending {
		return s, nil, fmt.Errorf("beginning spend: %w", ErrPending)
	}
	if s.told && step.Kind == Purchase {
		return s, nil, fmt.Errorf("beginning spend: %w", ErrTold)
	}
	spend, err := h.Spend(random, s.purse, step)
	if err != nil {
		return s, nil, err
	}
	p := Pending{Kind: step.Kind, Amount: step.Amount, Back: step.Back, Bind: step.Bind, Proof: spend.Bytes()}
	s.pending = append(s.pending[:len(s.pending):len(s.pending)], p)
	return s, p.Proof, nil
}

// Finish takes the mint's answer to the pending spend of bind, checks it and moves to the purse that follows. What else
// was pending is dropped: its serial is spent. For a purchase the opening is what a later return needs.
//
// If the answer is not the one for that spend, Finish returns [ErrPairing] and the state it was given.
func (h *Holder) Finish(s State, bind Bind, answer Answer) (State, *Opening, error) {
	for _, p := range s.pending {
		if p.Bind != bind {
			continue
		}
		opening := h.open(s.purse, Step{Amount: p.Amount, Bind: p.Bind})
		next, err := h.follow(s.purse, opening, p.Back, answer)
		if err != nil {
			return s, nil, fmt.Errorf("finishing spend: %w", err)
		}
		if p.Kind != Purchase {
			opening = nil
		}
		return NewState(next), opening, nil
	}
	return s, nil, fmt.Errorf("finishing spend: %w", ErrNotPending)
}

// stateVersion is the first byte of a state's encoding.
const stateVersion = 1

// MaxState is the longest encoding of a [State], in bytes.
const MaxState = 2 + purseSize + maxPending*(1+8+8+32+ReturnSize) + 1

// Bytes is the state's encoding, for the vault. It is secret.
func (s State) Bytes() []byte {
	out := []byte{stateVersion, 0}
	if s.told {
		out[1] = 1
	}
	out = s.purse.append(out)
	out = append(out, byte(len(s.pending)))
	for _, p := range s.pending {
		out = append(out, byte(p.Kind))
		out = binary.BigEndian.AppendUint64(out, uint64(p.Amount))
		out = binary.BigEndian.AppendUint64(out, uint64(p.Back))
		out = append(out, p.Bind[:]...)
		out = append(out, p.Proof...)
	}
	return out
}

// ParseState reads [State.Bytes]. It checks the form only: the vault is trusted to give back what was put in.
func ParseState(b []byte) (State, error) {
	malformed := fmt.Errorf("parsing state: %w", ErrParse)
	if len(b) < 2+purseSize+1 || len(b) > MaxState || b[0] != stateVersion || b[1] > 1 {
		return State{}, malformed
	}
	s := State{told: b[1] == 1}
	var err error
	if s.purse, err = parsePurse(b[2 : 2+purseSize]); err != nil {
		return State{}, fmt.Errorf("parsing state: %w", err)
	}
	n, b := int(b[2+purseSize]), b[2+purseSize+1:]
	if n > maxPending {
		return State{}, malformed
	}
	for range n {
		if len(b) < 49 {
			return State{}, malformed
		}
		p := Pending{
			Kind:   Kind(b[0]),
			Amount: budget.Cents(binary.BigEndian.Uint64(b[1:])),
			Back:   budget.Cents(binary.BigEndian.Uint64(b[9:])),
			Bind:   Bind(b[17:49]),
		}
		size := p.Kind.size()
		if b = b[49:]; size == 0 || len(b) < size || p.Amount < 0 || p.Amount > MaxBalance || p.Back < 0 || p.Back > MaxBalance {
			return State{}, malformed
		}
		p.Proof, b = append([]byte(nil), b[:size]...), b[size:]
		s.pending = append(s.pending, p)
	}
	if len(b) != 0 {
		return State{}, malformed
	}
	return s, nil
}

func (State) String() string               { return redacted }
func (State) GoString() string             { return redacted }
func (State) Format(f fmt.State, _ rune)   { f.Write([]byte(redacted)) }
func (State) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (State) LogValue() slog.Value         { return slog.StringValue(redacted) }
