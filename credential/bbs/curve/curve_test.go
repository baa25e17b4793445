package curve

import (
	"encoding/hex"
	"math/big"
	"testing"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"pgregory.net/rapid"
)

// naive is Σ k·P by gnark's own multiplication.
func naive(points []Point, scalars []Scalar) Point {
	var sum bls12381.G1Jac
	for i := range points {
		var j bls12381.G1Jac
		j.FromAffine(&points[i])
		j.ScalarMultiplication(&j, scalars[i].BigInt(new(big.Int)))
		sum.AddAssign(&j)
	}
	var out Point
	out.FromJacobian(&sum)
	return out
}

func TestEndomorphismMultipliesByMinusSquareOfParameter(t *testing.T) {
	p := SHA256.P1()
	beta := endomorphism()
	q := p
	q.X.Mul(&q.X, &beta)
	square, _ := new(big.Int).SetString("d201000000010000", 16)
	square.Mul(square, square)
	var want Point
	want.ScalarMultiplication(&p, square)
	want.Neg(&want)
	if !q.Equal(&want) {
		t.Fatal("the endomorphism does not multiply by -x²")
	}
}

// edge scalars: digits that carry to the end, halves that are empty, r - 1.
func scalar(t *rapid.T, label string) Scalar {
	switch rapid.IntRange(0, 5).Draw(t, label) {
	case 0:
		return Uint64Scalar(rapid.Uint64Range(0, 300).Draw(t, label))
	case 1: // r - small
		x := Uint64Scalar(rapid.Uint64Range(1, 300).Draw(t, label))
		x.Neg(&x)
		return x
	case 2: // x² times small, plus small
		return WideScalar(new(big.Int).Add(
			new(big.Int).Mul(bigHex("ac45a4010001a4020000000100000000"), new(big.Int).SetUint64(rapid.Uint64().Draw(t, label))),
			new(big.Int).SetInt64(rapid.Int64Range(-2, 2).Draw(t, label))).Bytes())
	default:
		return WideScalar(rapid.SliceOfN(rapid.Byte(), 48, 48).Draw(t, label))
	}
}

func bigHex(s string) *big.Int { n, _ := new(big.Int).SetString(s, 16); return n }

func TestEvaluateAgreesWithPlainMultiplication(t *testing.T) {
	generators := SHA256.Generators(6, "test_")
	fixed := FixedBases(generators...)
	rapid.Check(t, func(t *rapid.T) {
		var products []*Product
		var want []Point
		for range rapid.IntRange(1, 3).Draw(t, "products") {
			var p Product
			var points []Point
			var scalars []Scalar
			for range rapid.IntRange(0, 4).Draw(t, "fixed terms") {
				i := rapid.IntRange(0, 5).Draw(t, "generator") // may repeat, so equal and opposite points meet
				k := scalar(t, "scalar")
				p.Add(fixed[i], k)
				points, scalars = append(points, generators[i]), append(scalars, k)
			}
			for range rapid.IntRange(0, 2).Draw(t, "fresh terms") {
				q := generators[rapid.IntRange(0, 5).Draw(t, "point")]
				if rapid.Bool().Draw(t, "negated") {
					q.Neg(&q)
				}
				k := scalar(t, "scalar")
				p.Add(FreshBases(q)[0], k)
				points, scalars = append(points, q), append(scalars, k)
			}
			products = append(products, &p)
			want = append(want, naive(points, scalars))
		}
		for i, got := range Evaluate(products...) {
			if !got.Equal(&want[i]) {
				t.Fatalf("product %d differs", i)
			}
		}
	})
}

func TestFreshBaseOfIdentity(t *testing.T) {
	var p Product
	p.Add(FreshBases(Point{})[0], Uint64Scalar(77))
	if got := Evaluate(&p)[0]; !got.IsInfinity() {
		t.Fatal("77 times the identity is not the identity")
	}
}

func TestSplit(t *testing.T) {
	square := bigHex("ac45a4010001a4020000000100000000")
	rapid.Check(t, func(t *rapid.T) {
		k := scalar(t, "k")
		low, high := split(&k)
		word := func(w [2]uint64) *big.Int {
			n := new(big.Int).SetUint64(w[1])
			return n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(w[0]))
		}
		if word(low).Cmp(square) >= 0 {
			t.Fatal("remainder is not below x²")
		}
		got := new(big.Int).Add(word(low), new(big.Int).Mul(square, word(high)))
		if got.Cmp(k.BigInt(new(big.Int))) != 0 {
			t.Fatalf("split does not add up")
		}
	})
}

func TestSecretOperationsAgreeWithPlainOnes(t *testing.T) {
	p := SHA256.P1()
	for _, k := range []Scalar{Uint64Scalar(0), Uint64Scalar(1), Uint64Scalar(12345), RandomScalar()} {
		got, want := MultiplySecret(p, k), naive([]Point{p}, []Scalar{k})
		if !got.Equal(&want) {
			t.Error("MultiplySecret differs")
		}
		inv := InvertSecret(k)
		var one Scalar
		if one.Mul(&inv, &k); !k.IsZero() && !one.IsOne() || k.IsZero() && !inv.IsZero() {
			t.Error("InvertSecret does not invert")
		}
		_, _, _, g2 := bls12381.Generators()
		var w KeyPoint
		w.ScalarMultiplication(&g2, k.BigInt(new(big.Int)))
		if got := MultiplySecretG2(k); !got.Equal(&w) {
			t.Error("MultiplySecretG2 differs")
		}
	}
	points := SHA256.Generators(5, "test_")
	bits := []int{1, 0, 0, 1, 1}
	got := AddSelected(p, points, bits)
	want := naive(append([]Point{p}, points...), []Scalar{Uint64Scalar(1), Uint64Scalar(1), {}, {}, Uint64Scalar(1), Uint64Scalar(1)})
	if !got.Equal(&want) {
		t.Error("AddSelected differs")
	}
}

func TestWideScalarReduces(t *testing.T) {
	r := bigHex("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001")
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 48).Draw(t, "bytes")
		x := WideScalar(b)
		want := new(big.Int).Mod(new(big.Int).SetBytes(b), r)
		if x.BigInt(new(big.Int)).Cmp(want) != 0 {
			t.Fatal("not OS2IP(b) mod r")
		}
	})
}

// pointOutside is a point of the curve outside the subgroup, made without an endomorphism.
func pointOutside(t *testing.T) Point {
	t.Helper()
	for i := byte(1); ; i++ {
		b := make([]byte, PointSize)
		b[0], b[PointSize-1] = compressed, i
		if p, err := DecodePoint(b); err == nil && !p.IsInSubGroup() {
			return p
		}
	}
}

func TestParsePointRefuses(t *testing.T) {
	g := SHA256.P1()
	good := g.Bytes()
	with := func(change func(b []byte) []byte) []byte { return change(append([]byte(nil), good[:]...)) }
	outside := pointOutside(t)
	outsideBytes := outside.Bytes()
	identity := append([]byte{0xc0}, make([]byte, 47)...)
	p := bigHex("1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab")
	x := new(big.Int).SetBytes(with(func(b []byte) []byte { b[0] &= 0x1f; return b }))
	unreduced := new(big.Int).Add(x, p).FillBytes(make([]byte, 48))
	unreduced[0] |= good[0] & flagMask
	for name, b := range map[string][]byte{
		"empty":                 {},
		"one byte short":        good[:47],
		"one byte long":         append(good[:], 0),
		"compression flag off":  with(func(b []byte) []byte { b[0] &^= 0x80; return b }),
		"identity flag":         with(func(b []byte) []byte { b[0] |= 0x40; return b }),
		"identity":              identity,
		"identity and sign":     append([]byte{0xe0}, make([]byte, 47)...),
		"uncompressed identity": append([]byte{0x40}, make([]byte, 47)...),
		"outside the subgroup":  outsideBytes[:],
		"x not reduced":         unreduced,
		"x all ones":            with(func(b []byte) []byte { b[0] |= 0x1f; return b }),
	} {
		if _, err := ParsePoint(b); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	// The identity too has one encoding.
	if p, err := DecodePoint(identity); err != nil || !p.IsInfinity() {
		t.Errorf("the identity does not decode: %v", err)
	}
	for name, b := range map[string][]byte{
		"with a sign":   append([]byte{0xe0}, make([]byte, 47)...),
		"with an x":     append(append([]byte{0xc0}, make([]byte, 46)...), 1),
		"with high bit": append([]byte{0xd0}, make([]byte, 47)...),
	} {
		if _, err := DecodePoint(b); err == nil {
			t.Errorf("an identity %s was decoded", name)
		}
	}
	if got, err := ParsePoint(good[:]); err != nil || !got.Equal(&g) {
		t.Errorf("a good point was refused: %v", err)
	}
	off := 0
	for i := byte(0); i < 20; i++ {
		b := with(func(b []byte) []byte { b[47] ^= i; return b })
		if _, err := DecodePoint(b); err != nil {
			off++
		}
	}
	if off == 0 {
		t.Error("no x without a y was refused")
	}
}

func TestPairsEqualLeavesLinesAlone(t *testing.T) {
	sk := RandomScalar()
	lines := NewLines(MultiplySecretG2(sk))
	a := SHA256.P1()
	b := MultiplySecret(a, sk)
	for range 3 {
		if !PairsEqual(a, lines, b) {
			t.Fatal("e(a, sk g2) differs from e(sk a, g2)")
		}
		if PairsEqual(b, lines, a) {
			t.Fatal("a false equation holds")
		}
	}
}

// RFC 9380, Appendix K.1 and K.6: expand_message_xmd (SHA-256) and expand_message_xof (SHAKE-256).
func TestExpandMessage(t *testing.T) {
	for _, c := range []struct {
		suite    *Suite
		dst, msg string
		n        int
		want     string
	}{
		{SHA256, "QUUX-V01-CS02-with-expander-SHA256-128", "", 32, "68a985b87eb6b46952128911f2a4412bbc302a9d759667f87f7a21d803f07235"},
		{SHA256, "QUUX-V01-CS02-with-expander-SHA256-128", "abc", 32, "d8ccab23b5985ccea865c6c97b6e5b8350e794e603b4b97902f53a8a0d605615"},
		{SHAKE256, "QUUX-V01-CS02-with-expander-SHAKE256", "", 32, "2ffc05c48ed32b95d72e807f6eab9f7530dd1c2f013914c8fed38c5ccc15ad76"},
		{SHAKE256, "QUUX-V01-CS02-with-expander-SHAKE256", "abc", 32, "b39e493867e2767216792abce1f2676c197c0692aed061560ead251821808e07"},
	} {
		if got := hex.EncodeToString(c.suite.Expand([]byte(c.msg), []byte(c.dst), c.n)); got != c.want {
			t.Errorf("expanding %q: got %s, want %s", c.msg, got, c.want)
		}
	}
}

func FuzzParsePoint(f *testing.F) {
	g := SHA256.P1()
	good := g.Bytes()
	f.Add(good[:])
	f.Add(append([]byte{0xc0}, make([]byte, 47)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePoint(b)
		if err != nil {
			return
		}
		if enc := p.Bytes(); string(enc[:]) != string(b) || p.IsInfinity() || !p.IsInSubGroup() {
			t.Fatal("accepted something that is not the encoding of a point of the group")
		}
	})
}

func FuzzParseKeyPoint(f *testing.F) {
	_, _, _, g2 := bls12381.Generators()
	good := g2.Bytes()
	f.Add(good[:])
	f.Add(append([]byte{0xc0}, make([]byte, 95)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := ParseKeyPoint(b)
		if err != nil {
			return
		}
		if enc := q.Bytes(); string(enc[:]) != string(b) || q.IsInfinity() || !q.IsInSubGroup() {
			t.Fatal("accepted something that is not the encoding of a point of the group")
		}
	})
}

func FuzzParseScalar(f *testing.F) {
	f.Add(make([]byte, 32))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := ParseScalar(b)
		if err != nil {
			return
		}
		if enc := x.Bytes(); string(enc[:]) != string(b) {
			t.Fatal("accepted a second encoding of a scalar")
		}
	})
}

func TestCheckSubgroups(t *testing.T) {
	points := make([]Point, 300)
	for i := range points {
		points[i] = MultiplySecret(SHA256.P1(), Uint64Scalar(uint64(i+1)))
	}
	points[7] = points[8] // equal points meet
	three := Point{}      // (0, 2) has order 3, the smallest there is
	three.Y.SetUint64(2)
	for _, n := range []int{0, 1, 50, 300} {
		some := append([]Point(nil), points[:n]...)
		if !CheckSubgroups(some) {
			t.Errorf("%d good points: refused", n)
		}
		if n == 0 {
			continue
		}
		for _, bad := range []Point{pointOutside(t), three} {
			for _, at := range []int{0, n / 2, n - 1} {
				was := some[at]
				some[at].Add(&some[at], &bad)
				if CheckSubgroups(some) {
					t.Errorf("%d points, one outside: accepted", n)
				}
				some[at] = was
			}
		}
		// Two that cancel are still outside.
		if n > 1 {
			minus := three
			minus.Neg(&minus)
			some[0], some[1] = three, minus
			if CheckSubgroups(some) {
				t.Errorf("%d points, two outside that cancel: accepted", n)
			}
		}
	}
}
