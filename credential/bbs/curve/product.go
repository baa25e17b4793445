package curve

import (
	"math/bits"
	"sync"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
)

// Widths of the signed digits. A fixed base is worth a larger table than a point that is used once. The wider ones are
// multiples of the narrowest, so that the digits of all bases fall on the same positions.
const (
	freshWidth = 4
	fixedWidth = 8
	wideWidth  = 12
	shifts     = 2                 // tables of a fixed base: P and 2^64 P
	shiftBits  = halfBits / shifts // a multiple of fixedWidth
	halfBits   = 128               // a scalar is split into two halves of at most this many bits
	positions  = halfBits + 1      // the recoding may carry once
)

// Base is a point together with the small multiples that [Evaluate] adds up. A Base may be used by several goroutines.
type Base struct {
	width uint
	table []entry // 1P, 2P, 3P …

	group   *group          // of a fixed base
	shifted [shifts][]entry // of a fixed base: table of 2^(64 i) P, made when first needed
}

// group is the bases that were prepared together; their further tables are made together too.
type group struct {
	once  sync.Once
	bases []*Base
}

// entry is a multiple of a point, and its image under the endomorphism (x, y) -> (βx, y), which multiplies by -x².
type entry struct {
	p  Point
	bx fp.Element
}

// FreshBases prepares points that are used in one calculation.
func FreshBases(points ...Point) []*Base { return bases(points, freshWidth) }

// FixedBases prepares points that are used again and again: 18 KB each, and 18 KB more from the first product of fixed
// bases alone on.
func FixedBases(points ...Point) []*Base { return bases(points, fixedWidth) }

// WideBases prepares points for thousands of products: 295 KB each, for a third fewer additions.
func WideBases(points ...Point) []*Base { return bases(points, wideWidth) }

func bases(points []Point, width uint) []*Base {
	tables := multiples(points, width)
	out := make([]*Base, len(points))
	g := &group{bases: out}
	for i := range out {
		out[i] = &Base{width: width, table: tables[i], group: g}
	}
	return out
}

// Point is the point itself.
func (b *Base) Point() Point { return b.table[0].p }

// shift makes the tables of the shifted points, for the whole group.
func (b *Base) shift() *[shifts][]entry {
	b.group.once.Do(b.group.shift)
	return &b.shifted
}

func (g *group) shift() {
	n := len(g.bases)
	jacobians := make([]bls12381.G1Jac, 0, n*(shifts-1))
	for _, b := range g.bases {
		var j bls12381.G1Jac
		p := b.Point()
		j.FromAffine(&p)
		for range shifts - 1 {
			for range shiftBits {
				j.DoubleAssign()
			}
			jacobians = append(jacobians, j)
		}
	}
	points := make([]Point, len(jacobians))
	toAffine(points, jacobians)
	tables := multiples(points, fixedWidth)
	for i, b := range g.bases {
		b.shifted[0] = b.table
		copy(b.shifted[1:], tables[i*(shifts-1):])
	}
}

// multiples makes 1P, 2P … 2^(width-1) P of every point. Each round doubles the number of entries: the next ones are
// the present ones plus the last of them.
func multiples(points []Point, width uint) [][]entry {
	size := 1 << (width - 1)
	flat := make([]entry, size*len(points))
	for i := range points {
		flat[i*size].p = points[i]
	}
	var add adder
	for have := 1; have < size; have *= 2 {
		for i := range points {
			row := flat[i*size : (i+1)*size]
			for k := range have {
				add.queue(&row[have+k].p, &row[k].p, &row[have-1].p)
			}
		}
		add.run()
	}
	beta := endomorphism()
	tables := make([][]entry, len(points))
	for i := range flat {
		flat[i].bx.Mul(&flat[i].p.X, &beta)
	}
	for i := range tables {
		tables[i] = flat[i*size : (i+1)*size]
	}
	return tables
}

// Product is a sum of scalar products Σ k·P. The zero value is the empty sum.
type Product struct {
	bases   []*Base
	scalars []Scalar
}

// Add adds k·b to the sum.
func (p *Product) Add(b *Base, k Scalar) {
	p.bases = append(p.bases, b)
	p.scalars = append(p.scalars, k)
}

// Sum is the product with the given terms: bases[i] times scalars[i].
func Sum(bases []*Base, scalars []Scalar) *Product {
	if len(bases) != len(scalars) {
		panic("curve: a sum of bases and scalars of different number")
	}
	return &Product{bases: bases, scalars: scalars}
}

// Bases and Scalars are the terms of the sum.
func (p *Product) Bases() []*Base    { return p.bases }
func (p *Product) Scalars() []Scalar { return p.scalars }

// term is a digit's table entry: which one, negated or not, through the endomorphism or not.
type term struct {
	at     *entry
	bucket uint32
	flags  uint8
}

const (
	negated = 1 << iota
	mapped
)

// Evaluate computes every product. Straus' method with signed digits of both halves of every scalar; the entries that
// fall on one digit position are added in affine coordinates, all positions of all products sharing each inversion, and
// the positions are then joined by doublings. Variable time.
func Evaluate(products ...*Product) []Point {
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	counts := cleared(&w.counts, len(products)*positions+1)
	terms := w.terms[:0]
	tops := make([]int, len(products)) // highest position in use, plus one
	for i, p := range products {
		fixed := true
		for _, b := range p.bases {
			fixed = fixed && b.width == fixedWidth
		}
		for k, b := range p.bases {
			low, high := split(&p.scalars[k])
			// x² P = -φ(P), so the high half enters negated.
			terms = b.digits(terms, low, 0, uint32(i*positions), fixed)
			terms = b.digits(terms, high, negated|mapped, uint32(i*positions), fixed)
		}
	}
	w.terms = terms
	for i := range terms {
		counts[terms[i].bucket+1]++
	}
	for b := range len(products) * positions {
		if counts[b+1] > 0 {
			tops[b/positions] = max(tops[b/positions], b%positions+1)
		}
		counts[b+1] += counts[b]
	}
	if cap(w.points) < len(terms) {
		w.points = make([]Point, len(terms)+len(terms)/4)
	}
	points := w.points[:len(terms)]
	fill := cleared(&w.fill, len(counts)-1)
	for i := range terms {
		t := &terms[i]
		at := &points[counts[t.bucket]+fill[t.bucket]]
		fill[t.bucket]++
		if *at = t.at.p; t.flags&mapped != 0 {
			at.X = t.at.bx
		}
		if t.flags&negated != 0 {
			at.Y.Neg(&at.Y)
		}
	}
	w.add.reduce(points, counts, fill)

	sums := make([]bls12381.G1Jac, len(products))
	for i := range sums {
		s := &sums[i]
		for at := tops[i] - 1; at >= 0; at-- {
			s.DoubleAssign()
			if b := i*positions + at; fill[b] == 1 {
				s.AddMixed(&points[counts[b]])
			}
		}
	}
	out := make([]Point, len(products))
	toAffine(out, sums)
	return out
}

// workspace is the memory of one Evaluate, a few hundred kilobytes; it is used again.
type workspace struct {
	terms        []term
	counts, fill []uint32
	points       []Point
	add          adder
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// cleared is n zeros in the memory of at.
func cleared(at *[]uint32, n int) []uint32 {
	if cap(*at) < n {
		*at = make([]uint32, n)
	}
	out := (*at)[:n]
	clear(out)
	return out
}

// reduce adds up every bucket: afterwards the sum of bucket b, if it had any point, stands at points[starts[b]].
func (add *adder) reduce(points []Point, starts, lengths []uint32) {
	for {
		for b, n := range lengths {
			if n < 2 {
				continue
			}
			row := points[starts[b] : starts[b]+n]
			half := n / 2
			for k := range half {
				add.queue(&row[k], &row[k], &row[n-1-k])
			}
			lengths[b] = n - half
		}
		if len(add.jobs) == 0 {
			return
		}
		add.run()
	}
}

// digits appends the entries for the signed digits of half. With fixed tables the positions fold onto the lower half.
func (b *Base) digits(terms []term, half [2]uint64, flags uint8, bucket uint32, fixed bool) []term {
	var tables *[shifts][]entry
	if fixed {
		tables = b.shift()
	}
	w := b.width
	mask, most := uint64(1)<<w-1, uint64(1)<<(w-1)
	lo, hi := half[0], half[1]
	for at := uint(0); lo|hi != 0; at += w {
		d, f := lo&mask, flags
		lo = lo>>w | hi<<(64-w)
		hi >>= w
		if d > most {
			// A negative digit: the rest of the number is one larger.
			d, f = mask+1-d, f^negated
			var carry uint64
			lo, carry = bits.Add64(lo, 1, 0)
			hi += carry
		}
		if d == 0 {
			continue
		}
		table, position := b.table, at
		if fixed {
			s := min(at/shiftBits, shifts-1)
			table, position = tables[s], at-s*shiftBits
		}
		terms = append(terms, term{at: &table[d-1], bucket: bucket + uint32(position), flags: f})
	}
	return terms
}
