package curve

import (
	"math/big"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// InvertSecret is 1/x for a secret x, or zero for zero: the variable-time inversion sees only x times a fresh random
// factor.
func InvertSecret(x Scalar) Scalar {
	rho := RandomScalar()
	var y Scalar
	y.Mul(&x, &rho)
	y.Inverse(&y)
	y.Mul(&y, &rho)
	return y
}

// MultiplySecret is k·p for a secret k: p is multiplied by a fresh random scalar and by what is missing to k.
func MultiplySecret(p Point, k Scalar) Point {
	a, b := halves(k)
	var left, right bls12381.G1Jac
	left.FromAffine(&p)
	right.Set(&left)
	left.ScalarMultiplication(&left, a)
	right.ScalarMultiplication(&right, b)
	left.AddAssign(&right)
	var out Point
	out.FromJacobian(&left)
	return out
}

// MultiplySecretG2 is k·g2 for a secret k, in the manner of [MultiplySecret].
func MultiplySecretG2(k Scalar) KeyPoint {
	a, b := halves(k)
	_, g2, _, _ := bls12381.Generators()
	var left, right bls12381.G2Jac
	left.ScalarMultiplication(&g2, a)
	right.ScalarMultiplication(&g2, b)
	left.AddAssign(&right)
	var out KeyPoint
	out.FromJacobian(&left)
	return out
}

// halves splits k into two summands, each of them uniform by itself.
func halves(k Scalar) (a, b *big.Int) {
	rho := RandomScalar()
	var rest Scalar
	rest.Sub(&k, &rho)
	return rho.BigInt(new(big.Int)), rest.BigInt(new(big.Int))
}

// AddSelected is start + Σ bits[j]·points[j] for secret bits: every point is added, and what is not wanted is selected
// away without a branch. start must be random and unknown, so that no addition meets an exceptional case.
func AddSelected(start Point, points []Point, bits []int) Point {
	var sum bls12381.G1Jac
	sum.FromAffine(&start)
	for j := range points {
		next := sum
		next.AddMixed(&points[j])
		sum.X.Select(bits[j], &sum.X, &next.X)
		sum.Y.Select(bits[j], &sum.Y, &next.Y)
		sum.Z.Select(bits[j], &sum.Z, &next.Z)
	}
	var out Point
	out.FromJacobian(&sum)
	return out
}
