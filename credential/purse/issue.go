package purse

import (
	"fmt"
	"io"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"
)

// Request asks a mint for a first purse (Section 4): K0 and a proof that the sender knows what it commits to, bound to
// one issue id.
type Request struct {
	k0         curve.Point
	c, k, w, h curve.Scalar
}

// ParseRequest reads 176 bytes.
func ParseRequest(b []byte) (Request, error) { return parseRequest(b, nil) }

func parseRequest(b []byte, omit *omission) (Request, error) {
	var r Request
	if len(b) != RequestSize {
		return r, fmt.Errorf("parsing request: %w", ErrParse)
	}
	var err error
	if r.k0, err = omit.point(b[:curve.PointSize]); err != nil {
		return Request{}, fmt.Errorf("parsing request: %w: %w", ErrParse, err)
	}
	b = b[curve.PointSize:]
	for _, at := range []*curve.Scalar{&r.c, &r.k, &r.w, &r.h} {
		if *at, err = curve.ParseScalar(b[:curve.ScalarSize]); err != nil {
			return Request{}, fmt.Errorf("parsing request: %w: %w", ErrParse, err)
		}
		b = b[curve.ScalarSize:]
	}
	if r.c.IsZero() {
		return Request{}, fmt.Errorf("parsing request with a challenge of zero: %w", ErrParse)
	}
	return r, nil
}

// Bytes is the request's encoding, 176 bytes: K0 || c || k^ || w^ || h^.
func (r Request) Bytes() []byte {
	out := curve.AppendPoint(make([]byte, 0, RequestSize), &r.k0)
	for _, x := range []*curve.Scalar{&r.c, &r.k, &r.w, &r.h} {
		out = curve.AppendScalar(out, x)
	}
	return out
}

// Commitment is K0. A ledger takes each K0 once under a header.
func (r Request) Commitment() Commitment { return Commitment{r.k0} }

func checkIssueID(id []byte) error {
	if len(id) < MinIssueID || len(id) > MaxIssueID {
		return fmt.Errorf("reading issue id: %w", ErrParse)
	}
	return nil
}

// VerifyRequest says whether r is a request for issueID under this key: nil, or an error that is [ErrChallenge].
func (k *Key) VerifyRequest(r Request, issueID []byte) error { return k.verifyRequest(r, issueID, nil) }

func (k *Key) verifyRequest(r Request, issueID []byte, omit *omission) error {
	if err := checkIssueID(issueID); err != nil {
		return err
	}
	if r.c.IsZero() {
		return fmt.Errorf("verifying request: %w", ErrParse)
	}
	p := params()
	var minus curve.Scalar
	minus.Neg(&r.c)
	t := omit.sums(curve.Sum(
		[]*curve.Base{p.hk, p.hr, p.hh, curve.FreshBases(r.k0)[0]},
		[]curve.Scalar{r.k, r.w, r.h, minus}))
	if c := k.requestChallenge(&r.k0, &t[0], issueID, omit); !c.Equal(&r.c) {
		return fmt.Errorf("verifying request: %w", ErrChallenge)
	}
	return nil
}

func (k *Key) requestChallenge(k0, t *curve.Point, issueID []byte, omit *omission) curve.Scalar {
	in := transcript{omit: omit}
	in.scalar("dom", &k.dom)
	in.point("K0", k0)
	in.point("T", t)
	in.counted("issue_id", issueID)
	return hs(tagIssue, in.bytes)
}

// Request asks for the first purse of issueID, which the issuer chose and shows to nobody else before. random should be
// crypto/rand's Reader.
func (h *Holder) Request(random io.Reader, issueID []byte) (Request, error) {
	if err := checkIssueID(issueID); err != nil {
		return Request{}, err
	}
	statement := append([]byte("ISSUE"), curve.AppendScalar(nil, &h.key.dom)...)
	k0 := h.firstCommitment(issueID)
	statement = curve.AppendPoint(statement, &k0)
	statement = append(statement, counted(issueID)...)
	n, err := h.nonces(random, statement)
	if err != nil {
		return Request{}, fmt.Errorf("making request: %w", err)
	}
	return h.request(issueID, k0, [3]curve.Scalar{n.next(), n.next(), n.next()}), nil
}

// firstCommitment is K0 = Hk·k*_0 + Hr·w_0 + Hh·h.
func (h *Holder) firstCommitment(issueID []byte) curve.Point {
	k, w := h.first(issueID)
	p := params()
	return hiddenSum([]*curve.Base{p.hk, p.hr, p.hh}, []curve.Scalar{k, w, h.h})
}

// hiddenSum is Σ scalars[i]·bases[i] for scalars that are secret and last: each is split into two random summands.
func hiddenSum(bases []*curve.Base, scalars []curve.Scalar) curve.Point {
	left, right := make([]curve.Scalar, len(scalars)), make([]curve.Scalar, len(scalars))
	for i := range scalars {
		left[i] = curve.RandomScalar()
		right[i].Sub(&scalars[i], &left[i])
	}
	points := curve.Evaluate(curve.Sum(bases, left), curve.Sum(bases, right))
	var sum curve.Point
	sum.Add(&points[0], &points[1])
	return sum
}

// request is the proof with the given nonces k~, w~, h~.
func (h *Holder) request(issueID []byte, k0 curve.Point, tilde [3]curve.Scalar) Request {
	k, w := h.first(issueID)
	p := params()
	t := curve.Evaluate(curve.Sum([]*curve.Base{p.hk, p.hr, p.hh}, tilde[:]))
	r := Request{k0: k0, c: h.key.requestChallenge(&k0, &t[0], issueID, nil)}
	r.k.Mul(&r.c, &k).Add(&r.k, &tilde[0])
	r.w.Mul(&r.c, &w).Add(&r.w, &tilde[1])
	r.h.Mul(&r.c, &h.h).Add(&r.h, &tilde[2])
	return r
}

// issueSerial is d0, the signer's contribution to the first serial.
func issueSerial(k0 *curve.Point, issueID []byte) curve.Scalar {
	in := curve.AppendPoint(make([]byte, 32), k0)
	return hs(tagSerial, append(in, counted(issueID)...))
}

// Issue verifies the request and signs a first purse over amount, from 1 to [MaxBalance]. The caller has written the
// ISSUE entry before the answer leaves, and uses an issue id once. The same input gives the same bytes.
//
// Issue returns [ErrChallenge] for a request that does not verify and [ErrRange] for an amount out of range.
func (m *Mint) Issue(r Request, issueID []byte, amount budget.Cents) (Answer, error) {
	if amount < 1 || amount > MaxBalance {
		return Answer{}, fmt.Errorf("issuing purse: %w", ErrRange)
	}
	if err := m.key.VerifyRequest(r, issueID); err != nil {
		return Answer{}, fmt.Errorf("issuing purse: %w", err)
	}
	b := m.key.issued(r.k0, issueID, amount)
	b.Add(m.key.base, curve.Uint64Scalar(1))
	return m.sign(curve.Evaluate(b)[0])
}

// issued is K0 + Hv·v0 + Hk·d0.
func (k *Key) issued(k0 curve.Point, issueID []byte, amount budget.Cents) *curve.Product {
	p := params()
	return curve.Sum(
		[]*curve.Base{curve.FreshBases(k0)[0], p.hv, p.hk},
		[]curve.Scalar{curve.Uint64Scalar(1), cents(amount), issueSerial(&k0, issueID)})
}

// CheckIssue says whether answer is what a mint of this key gives for K0, issueID and amount: the public check of an
// ISSUE entry. nil, or an error that is [ErrRange] or [ErrPairing].
func (k *Key) CheckIssue(k0 Commitment, issueID []byte, amount budget.Cents, answer Answer) error {
	if err := checkIssueID(issueID); err != nil {
		return fmt.Errorf("checking issue: %w", err)
	}
	if k0.point.IsInfinity() {
		return fmt.Errorf("checking issue: %w", ErrParse)
	}
	if amount < 1 || amount > MaxBalance {
		return fmt.Errorf("checking issue: %w", ErrRange)
	}
	if err := k.check(answer, k.issued(k0.point, issueID, amount)); err != nil {
		return fmt.Errorf("checking issue: %w", err)
	}
	return nil
}

// Accept checks the mint's answer to the request for issueID and returns the first purse. It returns [ErrPairing] for an
// answer that does not sign it, and then nothing has changed: ask again.
func (h *Holder) Accept(issueID []byte, amount budget.Cents, answer Answer) (Purse, error) {
	if err := checkIssueID(issueID); err != nil {
		return Purse{}, fmt.Errorf("accepting purse: %w", err)
	}
	if amount < 1 {
		return Purse{}, fmt.Errorf("accepting purse: %w", ErrRange)
	}
	k0 := h.firstCommitment(issueID)
	k, w := h.first(issueID)
	d := issueSerial(&k0, issueID)
	k.Add(&k, &d)
	p := Purse{v: amount, k: k, w: w, answer: answer}
	if err := h.checkPurse(p); err != nil {
		return Purse{}, fmt.Errorf("accepting purse: %w", err)
	}
	return p, nil
}
