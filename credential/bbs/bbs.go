package bbs

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"kindpakket/credential/bbs/curve"
)

// Suite is one of the two ciphersuites of the draft (Section 6.2). The zero value is none.
type Suite int

const (
	SHA256   Suite = iota + 1 // BBS_BLS12381G1_XMD:SHA-256_SSWU_RO_
	SHAKE256                  // BBS_BLS12381G1_XOF:SHAKE-256_SSWU_RO_
)

// String is the ciphersuite_id.
func (s Suite) String() string {
	if c := s.curve(); c != nil {
		return c.ID()
	}
	return "no suite"
}

func (s Suite) curve() *curve.Suite {
	switch s {
	case SHA256:
		return curve.SHA256
	case SHAKE256:
		return curve.SHAKE256
	}
	return nil
}

// Limits. They bound what a stranger can make a verifier compute: the number of messages is read off the length of a
// proof.
const (
	MaxMessages   = 256                                          // messages of one signature, committed ones included
	MaxHeader     = 1 << 16                                      // bytes of a header or presentation header
	SignatureSize = curve.PointSize + curve.ScalarSize           // 80 bytes
	PublicKeySize = curve.KeySize                                // 96 bytes
	SecretKeySize = curve.ScalarSize                             // 32 bytes
	minProof      = 3*curve.PointSize + 4*curve.ScalarSize       // 272 bytes: nothing hidden
	MaxProof      = minProof + (MaxMessages+1)*curve.ScalarSize  // bytes of a proof
	minCommitment = curve.PointSize + 2*curve.ScalarSize         // 112 bytes: nothing committed
	MaxCommitment = minCommitment + MaxMessages*curve.ScalarSize // bytes of a commitment with its proof
	minMaterial   = 32                                           // bytes of key material, at least
	maxKeyInfo    = 65535                                        // bytes of key info, at most
	maxContexts   = 32                                           // headers and lengths that a key remembers
	plainAPI      = "H2G_HM2S_"                                  // the Interface of the BBS draft, Section 3.4
	blindAPI      = "BLIND_H2G_HM2S_"                            // the Interface of the blind BBS draft, Section 4.2
	blindPrefix   = "BLIND_"                                     // before the api_id of the committed messages' generators
	mapTag        = "MAP_MSG_TO_SCALAR_AS_HASH_"                 // messages_to_scalars
	hashTag       = "H2S_"                                       // hash_to_scalar
)

// Errors that a caller may want to tell apart.
var (
	ErrSignature  = errors.New("signature does not verify")
	ErrProof      = errors.New("proof does not verify")
	ErrCommitment = errors.New("commitment does not verify")
	ErrTooMany    = errors.New("too many messages")
	ErrIndex      = errors.New("index of a message out of range, or named twice")
	ErrSuite      = errors.New("values of no ciphersuite, or of different ones")
	ErrMalformed  = errors.New("malformed")
)

// messageScalars is messages_to_scalars (Section 4.1.2).
func messageScalars(cs *curve.Suite, apiID string, messages [][]byte) []curve.Scalar {
	out := make([]curve.Scalar, len(messages))
	for i, m := range messages {
		out[i] = cs.HashToScalar(m, []byte(apiID+mapTag))
	}
	return out
}

// checkHeader refuses what is longer than MaxHeader.
func checkHeader(headers ...[]byte) error {
	for _, h := range headers {
		if len(h) > MaxHeader {
			return fmt.Errorf("reading header: %w", ErrMalformed)
		}
	}
	return nil
}

// checkIndexes returns a sorted copy of the indexes, each of which must be below n and named once.
func checkIndexes(indexes []int, n int) ([]int, error) {
	sorted := slices.Sorted(slices.Values(indexes))
	for i, at := range sorted {
		if at < 0 || at >= n || i > 0 && sorted[i-1] == at {
			return nil, ErrIndex
		}
	}
	return sorted, nil
}

// disclosure is what a verifier was shown: scalars at ascending positions of the signed list.
type disclosure struct {
	at      []int
	scalars []curve.Scalar
}

// add appends the messages of m, whose indexes must be below n, moved up by offset.
func (d *disclosure) add(cs *curve.Suite, apiID string, m map[int][]byte, n, offset int) error {
	for _, at := range slices.Sorted(maps.Keys(m)) {
		if at < 0 || at >= n {
			return ErrIndex
		}
		d.at = append(d.at, at+offset)
		d.scalars = append(d.scalars, cs.HashToScalar(m[at], []byte(apiID+mapTag)))
	}
	return nil
}
