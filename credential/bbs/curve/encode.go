package curve

import (
	"crypto/rand"
	"errors"
	"fmt"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// Sizes of the encodings, in bytes (BBS draft, Section 6.2).
const (
	PointSize  = 48 // a compressed point of G1
	KeySize    = 96 // a compressed point of G2
	ScalarSize = 32 // a scalar, big endian
)

// Errors of the parsers. None of them carries the value that was refused.
var (
	ErrLength   = errors.New("wrong length")
	ErrPoint    = errors.New("not the compressed encoding of a point on the curve")
	ErrSubgroup = errors.New("point outside the subgroup of order r")
	ErrIdentity = errors.New("point is the identity")
	ErrScalar   = errors.New("scalar not below the group order")
	ErrZero     = errors.New("scalar is zero")
)

// Point is a point of G1 in affine coordinates. The zero value is the identity.
type Point = bls12381.G1Affine

// KeyPoint is a point of G2 in affine coordinates.
type KeyPoint = bls12381.G2Affine

// Scalar is an integer modulo the group order r.
type Scalar = fr.Element

// compressed is the flag that the first byte of every compressed point carries.
const compressed = 0x80

// DecodePoint reads the one compressed encoding of a point of the curve. The point may be the identity or outside the
// subgroup: a caller that uses DecodePoint owes both checks ([CheckSubgroups] for many points at once).
func DecodePoint(b []byte) (Point, error) {
	var p Point
	if len(b) != PointSize {
		return p, fmt.Errorf("decoding point: %w", ErrLength)
	}
	// gnark would go on to read the uncompressed form.
	if b[0]&compressed == 0 {
		return p, fmt.Errorf("decoding point: %w", ErrPoint)
	}
	if err := decompress(&p, b); err != nil {
		return Point{}, fmt.Errorf("decoding point: %w", ErrPoint)
	}
	// Whatever was accepted must be written back as it was read.
	if enc := p.Bytes(); string(enc[:]) != string(b) {
		return Point{}, fmt.Errorf("decoding point: %w", ErrPoint)
	}
	return p, nil
}

// Flags of the first byte (the encoding of Appendix C of draft-irtf-cfrg-pairing-friendly-curves).
const (
	flagIdentity = 0x40
	flagLargest  = 0x20
	flagMask     = 0xe0
)

// decompress sets p to the point that b encodes, without asking for its subgroup: gnark offers no such reader for a
// single point.
func decompress(p *Point, b []byte) error {
	if b[0]&flagIdentity != 0 {
		*p = Point{}
		return nil // DecodePoint compares the bytes
	}
	var x [PointSize]byte
	copy(x[:], b)
	x[0] &^= flagMask
	if err := p.X.SetBytesCanonical(x[:]); err != nil {
		return err
	}
	var rhs fp.Element
	rhs.Square(&p.X).Mul(&rhs, &p.X)
	_, b4 := bls12381.CurveCoefficients()
	rhs.Add(&rhs, &b4)
	if p.Y.Sqrt(&rhs) == nil {
		return ErrPoint
	}
	if p.Y.LexicographicallyLargest() != (b[0]&flagLargest != 0) {
		p.Y.Neg(&p.Y)
	}
	return nil
}

// ParsePoint reads the compressed encoding of a point of G1: canonical, on the curve, in the subgroup, not the identity.
func ParsePoint(b []byte) (Point, error) {
	p, err := DecodePoint(b)
	if err != nil {
		return Point{}, err
	}
	if p.IsInfinity() {
		return Point{}, fmt.Errorf("parsing point: %w", ErrIdentity)
	}
	if !p.IsInSubGroup() {
		return Point{}, fmt.Errorf("parsing point: %w", ErrSubgroup)
	}
	return p, nil
}

// ParseKeyPoint reads the compressed encoding of a point of G2, with the checks of [ParsePoint].
func ParseKeyPoint(b []byte) (KeyPoint, error) {
	var q KeyPoint
	if len(b) != KeySize {
		return q, fmt.Errorf("parsing point of G2: %w", ErrLength)
	}
	if b[0]&compressed == 0 {
		return q, fmt.Errorf("parsing point of G2: %w", ErrPoint)
	}
	if _, err := q.SetBytes(b); err != nil {
		return KeyPoint{}, fmt.Errorf("parsing point of G2: %w", ErrPoint)
	}
	if enc := q.Bytes(); string(enc[:]) != string(b) {
		return KeyPoint{}, fmt.Errorf("parsing point of G2: %w", ErrPoint)
	}
	if q.IsInfinity() {
		return KeyPoint{}, fmt.Errorf("parsing point of G2: %w", ErrIdentity)
	}
	if !q.IsOnCurve() || !q.IsInSubGroup() {
		return KeyPoint{}, fmt.Errorf("parsing point of G2: %w", ErrSubgroup)
	}
	return q, nil
}

// ParseScalar reads 32 bytes, big endian, below r. Zero is a scalar.
func ParseScalar(b []byte) (Scalar, error) {
	var x Scalar
	if len(b) != ScalarSize {
		return x, fmt.Errorf("parsing scalar: %w", ErrLength)
	}
	if err := x.SetBytesCanonical(b); err != nil {
		return Scalar{}, fmt.Errorf("parsing scalar: %w", ErrScalar)
	}
	return x, nil
}

// ParseNonZero is [ParseScalar], and refuses zero.
func ParseNonZero(b []byte) (Scalar, error) {
	x, err := ParseScalar(b)
	if err != nil {
		return x, err
	}
	if x.IsZero() {
		return x, fmt.Errorf("parsing scalar: %w", ErrZero)
	}
	return x, nil
}

// RandomScalar draws a scalar from the operating system. It is never zero.
func RandomScalar() Scalar {
	for {
		var wide [48]byte
		rand.Read(wide[:]) // never fails since Go 1.24: it ends the program instead
		if x := WideScalar(wide[:]); !x.IsZero() {
			return x
		}
	}
}

// RandomFactor draws a number of 128 bits that is not zero: a factor of a random combination.
func RandomFactor() Scalar {
	for {
		var b [16]byte
		rand.Read(b[:])
		if x := WideScalar(b[:]); !x.IsZero() {
			return x
		}
	}
}

// WideScalar is the integer b, big endian, modulo r: OS2IP(b) mod r of the BBS draft. b has at most 48 bytes; with 48
// uniform ones the result is uniform but for 2^-128.
func WideScalar(b []byte) Scalar {
	// r has 255 bits. SetBytes reduces through big.Int; splitting avoids that for what may be secret.
	if len(b) > 48 {
		panic("curve: WideScalar of more than 48 bytes")
	}
	var in [48]byte
	copy(in[48-len(b):], b)
	var hi, mid, lo, two128 Scalar
	hi = from128(in[0:16])
	mid = from128(in[16:32])
	lo = from128(in[32:48])
	two128.SetUint64(1 << 63)
	two128.Double(&two128)
	two128.Square(&two128)
	hi.Mul(&hi, &two128)
	hi.Add(&hi, &mid)
	hi.Mul(&hi, &two128)
	hi.Add(&hi, &lo)
	return hi
}

// from128 reads 16 bytes, big endian: below r, so that the canonical reader takes them without a reduction.
func from128(b []byte) Scalar {
	var in [ScalarSize]byte
	copy(in[16:], b)
	var x Scalar
	if err := x.SetBytesCanonical(in[:]); err != nil {
		panic("curve: 128 bits exceed the group order")
	}
	return x
}

// Uint64Scalar is n as a scalar.
func Uint64Scalar(n uint64) Scalar {
	var x Scalar
	x.SetUint64(n)
	return x
}
