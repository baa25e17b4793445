package bbs

import (
	"encoding/binary"
	"fmt"
	"log/slog"

	"kindpakket/credential/bbs/curve"
)

// ProverBlind is the secret factor that hides the messages of a [Commitment]. The holder keeps it as long as the
// signature. It prints as [redacted]; the zero value belongs to a signature made without a commitment.
type ProverBlind struct{ x curve.Scalar }

// ParseProverBlind reads the 32 bytes of [ProverBlind.Bytes]. Zero is accepted: it is what a blind signature without a
// commitment has.
func ParseProverBlind(b []byte) (ProverBlind, error) {
	x, err := curve.ParseScalar(b)
	if err != nil {
		return ProverBlind{}, fmt.Errorf("parsing prover blind: %w", err)
	}
	return ProverBlind{x}, nil
}

// Bytes is the secret factor, 32 bytes big endian.
func (b ProverBlind) Bytes() []byte { return curve.AppendScalar(nil, &b.x) }

func (ProverBlind) String() string               { return redacted }
func (ProverBlind) GoString() string             { return redacted }
func (ProverBlind) Format(f fmt.State, _ rune)   { f.Write([]byte(redacted)) }
func (ProverBlind) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (ProverBlind) LogValue() slog.Value         { return slog.StringValue(redacted) }

// Commitment hides messages that an issuer is to sign without seeing them, with a proof that whoever made it knows
// them. The issuer learns how many there are.
type Commitment struct {
	point  curve.Point
	s      curve.Scalar
	hidden []curve.Scalar
	c      curve.Scalar
}

// ParseCommitment reads a commitment with its proof (octets_to_commitment_with_proof): 112 bytes and 32 more for each
// message, at most [MaxCommitment].
func ParseCommitment(b []byte) (Commitment, error) {
	var m Commitment
	if len(b) < minCommitment || len(b) > MaxCommitment || (len(b)-minCommitment)%curve.ScalarSize != 0 {
		return m, fmt.Errorf("parsing commitment: %w", curve.ErrLength)
	}
	var err error
	if m.point, err = curve.ParsePoint(b[:curve.PointSize]); err != nil {
		return Commitment{}, fmt.Errorf("parsing commitment: %w", err)
	}
	b = b[curve.PointSize:]
	m.hidden = make([]curve.Scalar, len(b)/curve.ScalarSize-2)
	scalars := []*curve.Scalar{&m.s}
	for i := range m.hidden {
		scalars = append(scalars, &m.hidden[i])
	}
	for _, at := range append(scalars, &m.c) {
		if *at, err = curve.ParseNonZero(b[:curve.ScalarSize]); err != nil {
			return Commitment{}, fmt.Errorf("parsing commitment: %w", err)
		}
		b = b[curve.ScalarSize:]
	}
	return m, nil
}

// Bytes is the encoding of the commitment with its proof.
func (m Commitment) Bytes() []byte {
	out := curve.AppendPoint(nil, &m.point)
	out = curve.AppendScalar(out, &m.s)
	for i := range m.hidden {
		out = curve.AppendScalar(out, &m.hidden[i])
	}
	return curve.AppendScalar(out, &m.c)
}

// Messages is the number of committed messages.
func (m Commitment) Messages() int { return len(m.hidden) }

// Commit hides messages for [SecretKey.BlindSign] behind a fresh factor.
func (s Suite) Commit(messages [][]byte) (Commitment, ProverBlind, error) {
	return s.commit(systemScalars, nil, messages)
}

// CommitWith is [Suite.Commit] with a factor of the caller's, for a holder who must be able to derive it again. It has
// to be uniform, secret, and used for one commitment only: with a known factor the commitment hides nothing that can be
// guessed. The proof's own randomness stays fresh.
func (s Suite) CommitWith(blind ProverBlind, messages [][]byte) (Commitment, error) {
	if blind.x.IsZero() {
		return Commitment{}, fmt.Errorf("committing with a factor of zero: %w", ErrMalformed)
	}
	m, _, err := s.commit(systemScalars, &blind, messages)
	return m, err
}

func (s Suite) commit(random scalarSource, blind *ProverBlind, messages [][]byte) (Commitment, ProverBlind, error) {
	cs := s.curve()
	if cs == nil {
		return Commitment{}, ProverBlind{}, fmt.Errorf("committing: %w", ErrSuite)
	}
	if len(messages) > MaxMessages {
		return Commitment{}, ProverBlind{}, fmt.Errorf("committing: %w", ErrTooMany)
	}
	apiID := cs.ID() + blindAPI
	scalars := messageScalars(cs, apiID, messages)
	drawn := random(len(messages) + 2)
	if blind != nil {
		drawn[0] = blind.x
	}
	all := append([]curve.Scalar{drawn[0]}, scalars...) // what Q_2, J_1 … are multiplied by
	tilde := drawn[1:]
	// C + Cbar and Cbar have random scalars throughout, which C itself has not.
	sum := make([]curve.Scalar, len(all))
	for i := range all {
		sum[i].Add(&all[i], &tilde[i])
	}
	bases := cs.Bases(len(all), blindPrefix+apiID)
	points := curve.Evaluate(curve.Sum(bases, sum), curve.Sum(bases, tilde))
	m := Commitment{hidden: make([]curve.Scalar, len(messages))}
	m.point.Sub(&points[0], &points[1])
	m.c = blindChallenge(cs, apiID, &m.point, &points[1], len(messages))
	for i := range all {
		at := &m.s
		if i > 0 {
			at = &m.hidden[i-1]
		}
		at.Mul(&all[i], &m.c).Add(at, &tilde[i])
	}
	return m, ProverBlind{drawn[0]}, nil
}

// verify is CoreCommitVerify.
func (m *Commitment) verify(cs *curve.Suite, apiID string) error {
	if m.point.IsInfinity() || m.c.IsZero() {
		return fmt.Errorf("verifying commitment: %w", ErrMalformed)
	}
	bases := cs.Bases(len(m.hidden)+1, blindPrefix+apiID)
	sum := &curve.Product{}
	sum.Add(bases[0], m.s)
	for i := range m.hidden {
		sum.Add(bases[i+1], m.hidden[i])
	}
	var minus curve.Scalar
	sum.Add(curve.FreshBases(m.point)[0], *minus.Neg(&m.c))
	cbar := curve.Evaluate(sum)[0]
	if c := blindChallenge(cs, apiID, &m.point, &cbar, len(m.hidden)); !c.Equal(&m.c) {
		return ErrCommitment
	}
	return nil
}

// blindChallenge is calculate_blind_challenge.
func blindChallenge(cs *curve.Suite, apiID string, c, cbar *curve.Point, n int) curve.Scalar {
	in := binary.BigEndian.AppendUint64(nil, uint64(n))
	generators := cs.Generators(n+1, blindPrefix+apiID)
	for i := range generators {
		in = curve.AppendPoint(in, &generators[i])
	}
	in = curve.AppendPoint(in, c)
	in = curve.AppendPoint(in, cbar)
	return cs.HashToScalar(in, []byte(apiID+hashTag))
}

// BlindSign signs the messages the issuer chose and, unseen, those inside the commitment, after checking its proof. A
// nil commitment is none. The same input gives the same bytes.
//
// BlindSign returns [ErrCommitment] for a commitment whose proof does not verify.
func (k *SecretKey) BlindSign(commitment *Commitment, header []byte, messages [][]byte) (Signature, error) {
	committed := 0
	if commitment != nil {
		committed = len(commitment.hidden)
	}
	if len(messages)+committed > MaxMessages {
		return Signature{}, fmt.Errorf("signing blindly: %w", ErrTooMany)
	}
	if err := checkHeader(header); err != nil {
		return Signature{}, fmt.Errorf("signing blindly: %w", err)
	}
	c := k.public.blind(header, len(messages), committed)
	b := curve.Evaluate(c.terms(messageScalars(c.suite, c.apiID, messages), curve.Uint64Scalar(1)))[0]
	if commitment != nil {
		if err := commitment.verify(c.suite, c.apiID); err != nil {
			return Signature{}, fmt.Errorf("signing blindly: %w", err)
		}
		b.Add(&b, &commitment.point)
	}
	// The draft's FinalizeBlindSign hashes (SK, B, domain); its fixtures, and the implementations that follow them, hash
	// (SK, B). B determines the domain's part already. Only the signer computes e, so nobody can see the difference.
	in := curve.AppendScalar(nil, &k.x)
	in = curve.AppendPoint(in, &b)
	return k.finish(b, c.suite.HashToScalar(in, []byte(c.apiID+hashTag)))
}

// blindScalars is the signed list of a blind signature: the issuer's messages, the blind, the committed messages.
func blindScalars(c *context, messages, committed [][]byte, blind ProverBlind) []curve.Scalar {
	out := append(messageScalars(c.suite, c.apiID, messages), blind.x)
	return append(out, messageScalars(c.suite, c.apiID, committed)...)
}

// VerifyBlindSign says whether sig is a blind signature of this key over both lists of messages: nil, or an error that
// is [ErrSignature]. blind is what Commit returned, or the zero value where there was no commitment.
func (k *PublicKey) VerifyBlindSign(sig Signature, header []byte, messages, committed [][]byte, blind ProverBlind) error {
	if len(messages)+len(committed) > MaxMessages {
		return fmt.Errorf("verifying blind signature: %w", ErrTooMany)
	}
	if err := checkHeader(header); err != nil {
		return fmt.Errorf("verifying blind signature: %w", err)
	}
	c := k.blind(header, len(messages), len(committed))
	return k.verify(c, sig, blindScalars(c, messages, committed, blind))
}

// BlindProofGen is [PublicKey.ProofGen] for a blind signature: disclose counts in messages, discloseCommitted in
// committed, each from zero.
func (k *PublicKey) BlindProofGen(sig Signature, header, presentation []byte, messages, committed [][]byte, blind ProverBlind, disclose, discloseCommitted []int) (Proof, error) {
	return k.blindProofGen(systemScalars, sig, header, presentation, messages, committed, blind, disclose, discloseCommitted)
}

func (k *PublicKey) blindProofGen(random scalarSource, sig Signature, header, presentation []byte, messages, committed [][]byte, blind ProverBlind, disclose, discloseCommitted []int) (Proof, error) {
	if len(messages)+len(committed) > MaxMessages {
		return Proof{}, fmt.Errorf("making proof: %w", ErrTooMany)
	}
	if err := checkHeader(header, presentation); err != nil {
		return Proof{}, fmt.Errorf("making proof: %w", err)
	}
	shown, err := checkIndexes(disclose, len(messages))
	if err != nil {
		return Proof{}, fmt.Errorf("making proof: %w", err)
	}
	more, err := checkIndexes(discloseCommitted, len(committed))
	if err != nil {
		return Proof{}, fmt.Errorf("making proof: %w", err)
	}
	for _, at := range more {
		shown = append(shown, at+len(messages)+1) // one place is the blind's
	}
	c := k.blind(header, len(messages), len(committed))
	return prove(random, c, sig, presentation, blindScalars(c, messages, committed, blind), shown)
}

// BlindProofVerify is [PublicKey.ProofVerify] for a blind signature. n is the number of messages that the issuer chose,
// disclosed and hidden together; a verifier must know it.
func (k *PublicKey) BlindProofVerify(p Proof, header, presentation []byte, n int, disclosed, disclosedCommitted map[int][]byte) error {
	// The blind is always hidden, so there is one scalar that is no message.
	total := len(p.hidden) + len(disclosed) + len(disclosedCommitted) - 1
	committed := total - n
	if n < 0 || committed < 0 {
		return fmt.Errorf("verifying proof: %w", ErrProof)
	}
	if total > MaxMessages {
		return fmt.Errorf("verifying proof: %w", ErrTooMany)
	}
	if err := checkHeader(header, presentation); err != nil {
		return fmt.Errorf("verifying proof: %w", err)
	}
	c := k.blind(header, n, committed)
	var d disclosure
	if err := d.add(c.suite, c.apiID, disclosed, n, 0); err != nil {
		return fmt.Errorf("verifying proof: %w", err)
	}
	if err := d.add(c.suite, c.apiID, disclosedCommitted, committed, n+1); err != nil {
		return fmt.Errorf("verifying proof: %w", err)
	}
	return k.verifyProof(c, &p, presentation, d)
}
