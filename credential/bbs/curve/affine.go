package curve

import (
	"math/big"
	"math/bits"
	"sync"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// adder adds pairs of affine points with one inversion for all of them.
type adder struct {
	jobs   []addition
	denoms []fp.Element
	prefix []fp.Element
}

type addition struct{ dst, a, b *Point }

// queue notes dst = a + b. dst may be a or b; no other job of the same run may read or write dst.
func (s *adder) queue(dst, a, b *Point) { s.jobs = append(s.jobs, addition{dst, a, b}) }

// run does what was queued.
func (s *adder) run() {
	n := len(s.jobs)
	if cap(s.denoms) < n {
		s.denoms = make([]fp.Element, n)
		s.prefix = make([]fp.Element, n)
	}
	denoms, prefix := s.denoms[:n], s.prefix[:n]
	var product fp.Element
	product.SetOne()
	for i := range s.jobs {
		a, b := s.jobs[i].a, s.jobs[i].b
		d := &denoms[i]
		d.Sub(&b.X, &a.X)
		if d.IsZero() || a.IsInfinity() || b.IsInfinity() {
			d.SetZero()
			if a.Equal(b) && !a.IsInfinity() {
				d.Double(&a.Y) // the slope of a tangent is 3x²/2y; y is never zero in a group of odd order
			}
		}
		prefix[i] = product
		if !d.IsZero() {
			product.Mul(&product, d)
		}
	}
	product.Inverse(&product)
	var slope, x, y fp.Element
	for i := n - 1; i >= 0; i-- {
		a, b, d := s.jobs[i].a, s.jobs[i].b, &denoms[i]
		if d.IsZero() {
			s.jobs[i].apart()
			continue
		}
		slope.Mul(&product, &prefix[i]) // 1/d
		product.Mul(&product, d)
		if b.X.Equal(&a.X) {
			x.Square(&a.X)
			y.Double(&x)
			x.Add(&x, &y)
		} else {
			x.Sub(&b.Y, &a.Y)
		}
		slope.Mul(&slope, &x)
		x.Square(&slope)
		x.Sub(&x, &a.X)
		x.Sub(&x, &b.X)
		y.Sub(&a.X, &x)
		y.Mul(&y, &slope)
		y.Sub(&y, &a.Y)
		s.jobs[i].dst.X, s.jobs[i].dst.Y = x, y
	}
	s.jobs = s.jobs[:0]
}

// apart does the additions that have no slope: one side is the identity, or the sum is.
func (j addition) apart() {
	switch {
	case j.a.IsInfinity():
		*j.dst = *j.b
	case j.b.IsInfinity():
		*j.dst = *j.a
	default:
		*j.dst = Point{}
	}
}

// toAffine is BatchJacobianToAffineG1 without its goroutines, which cost more than they bring for a few points.
func toAffine(dst []Point, src []bls12381.G1Jac) {
	prefix := make([]fp.Element, len(src))
	var product fp.Element
	product.SetOne()
	for i := range src {
		prefix[i] = product
		if !src[i].Z.IsZero() {
			product.Mul(&product, &src[i].Z)
		}
	}
	product.Inverse(&product)
	var inv, square fp.Element
	for i := len(src) - 1; i >= 0; i-- {
		if src[i].Z.IsZero() {
			dst[i] = Point{}
			continue
		}
		inv.Mul(&product, &prefix[i])
		product.Mul(&product, &src[i].Z)
		square.Square(&inv)
		dst[i].X.Mul(&src[i].X, &square)
		square.Mul(&square, &inv)
		dst[i].Y.Mul(&src[i].Y, &square)
	}
}

// endomorphism is β with (βx, y) = -x²·(x, y) on the subgroup, x being the parameter of the curve.
var endomorphism = sync.OnceValue(func() fp.Element {
	var cubeRoot, beta fp.Element
	root, _ := new(big.Int).SetString("4002409555221667392624310435006688643935503118305586438271171395842971157480381377015405980053539358417135540939436", 10)
	cubeRoot.SetBigInt(root)
	beta.Square(&cubeRoot)
	return beta
})

// x² = d2·2^64 + d1, the square of the curve's parameter 0xd201000000010000.
const (
	squareHigh = 0xac45a4010001a402
	squareLow  = 0x0000000100000000
)

// split writes k as low + x²·high with 0 <= low < x² and high at most 128 bits: r is x⁴ - x² + 1, so no lattice is
// needed.
func split(k *fr.Element) (low, high [2]uint64) {
	u := k.Bits() // little endian
	// Schoolbook division of four words by two: the divisor's top bit is set.
	rem := [3]uint64{u[2], u[3], 0}
	if !below(rem[1], rem[0]) {
		// k < r < 2^255 and x² > 2^127: the first quotient is at most 0.
		panic("curve: scalar beyond the group order")
	}
	for i := 1; i >= 0; i-- {
		var q uint64
		q, rem = divide3by2(rem[1], rem[0], u[i])
		high[i] = q
	}
	return [2]uint64{rem[0], rem[1]}, high
}

// below says whether hi·2^64 + lo < x².
func below(hi, lo uint64) bool { return hi < squareHigh || hi == squareHigh && lo < squareLow }

// divide3by2 divides three words by x², where the upper two are below x².
func divide3by2(a2, a1, a0 uint64) (q uint64, rem [3]uint64) {
	if a2 >= squareHigh {
		q = ^uint64(0)
	} else {
		q, _ = bits.Div64(a2, a1, squareHigh)
	}
	// The estimate is at most two too large.
	for {
		h1, l1 := bits.Mul64(q, squareLow)
		h2, l2 := bits.Mul64(q, squareHigh)
		p0 := l1
		p1, c := bits.Add64(l2, h1, 0)
		p2 := h2 + c
		r0, b := bits.Sub64(a0, p0, 0)
		r1, b := bits.Sub64(a1, p1, b)
		r2, b := bits.Sub64(a2, p2, b)
		if b == 0 && r2 == 0 && below(r1, r0) {
			return q, [3]uint64{r0, r1}
		}
		q--
	}
}
