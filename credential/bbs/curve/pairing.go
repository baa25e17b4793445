package curve

import (
	"sync"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// Lines is a point of G2 with everything the Miller loop needs of it computed beforehand: 24 KB.
type Lines struct {
	lines [2][len(bls12381.LoopCounter) - 1]bls12381.LineEvaluationAff
}

// NewLines prepares q.
func NewLines(q KeyPoint) *Lines { return &Lines{bls12381.PrecomputeLines(q)} }

// MinusG2 is the prepared point -g2, g2 being the generator of G2.
var MinusG2 = sync.OnceValue(func() *Lines {
	_, _, _, g2 := bls12381.Generators()
	g2.Neg(&g2)
	return NewLines(g2)
})

// PairsEqual says whether e(a, q) = e(b, g2), for a point q that was prepared.
func PairsEqual(a Point, q *Lines, b Point) bool {
	// gnark scales the lines it is given in place: it gets copies.
	lines := [2][2][len(bls12381.LoopCounter) - 1]bls12381.LineEvaluationAff{q.lines, MinusG2().lines}
	ok, err := bls12381.PairingCheckFixedQ([]Point{a, b}, lines[:])
	return err == nil && ok
}
