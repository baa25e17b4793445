package bbs

import "kindpakket/credential/bbs/curve"

// The fixtures of the drafts name the random scalars of every proof. These doors exist in tests only.

// Scalars are random scalars that a fixture prescribes.
type Scalars = []curve.Scalar

// Seeded is seeded_random_scalars of the draft's test vectors.
func Seeded(s Suite, seed, dst string, n int) Scalars {
	v := s.curve().Expand([]byte(seed), []byte(dst), 48*n)
	out := make(Scalars, n)
	for i := range out {
		out[i] = curve.WideScalar(v[48*i : 48*(i+1)])
	}
	return out
}

func prescribed(s Scalars) scalarSource {
	return func(n int) []curve.Scalar {
		if n != len(s) {
			panic("the fixture has another number of scalars")
		}
		return append([]curve.Scalar(nil), s...)
	}
}

func (k *PublicKey) ProofGenWith(s Scalars, sig Signature, header, presentation []byte, messages [][]byte, disclose []int) (Proof, error) {
	return k.proofGen(prescribed(s), sig, header, presentation, messages, disclose)
}

func (k *PublicKey) BlindProofGenWith(s Scalars, sig Signature, header, presentation []byte, messages, committed [][]byte, blind ProverBlind, disclose, more []int) (Proof, error) {
	return k.blindProofGen(prescribed(s), sig, header, presentation, messages, committed, blind, disclose, more)
}

func (s Suite) CommitPrescribed(r Scalars, messages [][]byte) (Commitment, ProverBlind, error) {
	return s.commit(prescribed(r), nil, messages)
}

func (s Suite) Curve() *curve.Suite { return s.curve() }

// Domain is calculate_domain as the key computes it: for messages, and a blind signature if committed is not negative.
func (k *PublicKey) Domain(header []byte, messages, committed int) []byte {
	c := k.plain(header, messages)
	if committed >= 0 {
		c = k.blind(header, messages, committed)
	}
	return c.domain.Marshal()
}
