package curve

import (
	"crypto/rand"
	"sync"
	"sync/atomic"
)

// manyPoints is the number of points from which on sums are cheaper than a look at each point.
const manyPoints = 256

// A round of CheckSubgroups decides with one random byte for each point which of eight sums it belongs to.
const (
	subgroupRounds = 8
	bytePatterns   = 256
)

// CheckSubgroups says whether every one of the points, which must be on the curve, is in the subgroup of order r.
//
// From manyPoints on it looks at 64 sums, each of a random half of the points: a point outside the subgroup leaves any of
// them inside with probability at most 1/2, so it survives all with at most 2^-64. The points with the same random byte
// are added up first, so that eight sums cost one addition for each point.
func CheckSubgroups(points []Point) bool {
	if len(points) < manyPoints {
		for i := range points {
			if !points[i].IsInSubGroup() {
				return false
			}
		}
		return true
	}
	var outside atomic.Bool
	var wg sync.WaitGroup
	for range subgroupRounds {
		wg.Go(func() {
			if !outside.Load() && !checkSums(points) {
				outside.Store(true)
			}
		})
	}
	wg.Wait()
	return !outside.Load()
}

// checkSums looks at eight sums.
func checkSums(points []Point) bool {
	pattern := make([]byte, len(points))
	rand.Read(pattern)
	starts, lengths := make([]uint32, bytePatterns+1), make([]uint32, bytePatterns)
	for _, p := range pattern {
		starts[int(p)+1]++
	}
	for p := range bytePatterns {
		starts[p+1] += starts[p]
	}
	sorted := make([]Point, len(points))
	for i, p := range pattern {
		sorted[starts[p]+lengths[p]] = points[i]
		lengths[p]++
	}
	var add adder
	add.reduce(sorted, starts, lengths)

	const bits = 8
	var halves []Point
	starts2, lengths2 := make([]uint32, bits+1), make([]uint32, bits)
	for bit := range bits {
		for p := range bytePatterns {
			if p>>bit&1 == 1 && lengths[p] > 0 {
				halves = append(halves, sorted[starts[p]])
			}
		}
		starts2[bit+1] = uint32(len(halves))
		lengths2[bit] = starts2[bit+1] - starts2[bit]
	}
	add.reduce(halves, starts2, lengths2)
	for bit := range bits {
		if lengths2[bit] > 0 && !halves[starts2[bit]].IsInSubGroup() {
			return false
		}
	}
	return true
}
