package purse

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"kindpakket/credential/bbs/curve"
)

// Item is one spend of a batch, as it stands in the ledger.
type Item struct {
	Kind     Kind
	Proof    []byte
	Bind     Bind
	Original *Commitment // of a return
}

// Larger tables (7 MB, a few hundredths of a second to make) pay for who verifies much: a batch of wideBatch spends, or
// a key that has verified wideAfter of them. A phone, which verifies none, never makes them.
const (
	wideBatch = 128
	wideAfter = 64
)

// VerifyBatch parses and verifies many spends under one key: for an auditor who replays a ledger, with one pairing
// check for all of them and on every processor. It returns the accepted spends in their order, and beside each of them
// nil or the error that [ParseSpend] or [Key.Verify] would have given.
//
// All pairing equations are checked as one random combination of them, whose factors of 128 bits are drawn afresh for
// each batch; a wrong spend survives with probability 2^-128 (and a point outside its subgroup with less than 2^-64).
// If the combination fails, every spend is checked by itself.
func (k *Key) VerifyBatch(items []Item) ([]*Accepted, []error) {
	g := params()
	if len(items) >= wideBatch {
		g = wideParams()
	}
	spends, errs := make([]*Spend, len(items)), make([]error, len(items))
	parallel(len(items), func(i int) {
		spends[i], errs[i] = parseSpend(items[i].Kind, items[i].Proof, nil, false)
		if errs[i] == nil {
			errs[i] = k.verifyChallenge(spends[i], items[i].Bind[:], items[i].Original, g, nil)
		}
	})
	// The sums were computed for points that may lie outside the subgroup, where they mean nothing; what they led to is
	// looked at only now.
	var points []curve.Point
	left, right := &curve.Product{}, &curve.Product{}
	for i := range spends {
		if spends[i] == nil {
			continue
		}
		for _, p := range spends[i].points() {
			points = append(points, *p)
		}
	}
	if !curve.CheckSubgroups(points) {
		return k.verifyEach(items)
	}
	for i := range spends {
		if errs[i] != nil {
			continue
		}
		rho := curve.RandomFactor()
		bases := curve.FreshBases(spends[i].abar, spends[i].bbar)
		left.Add(bases[0], rho)
		right.Add(bases[1], rho)
	}
	sums := curve.Evaluate(left, right)
	if !curve.PairsEqual(sums[0], k.lines, sums[1]) {
		return k.verifyEach(items)
	}
	out := make([]*Accepted, len(items))
	for i := range items {
		if errs[i] != nil {
			errs[i] = fmt.Errorf("verifying %s: %w", items[i].Kind, errs[i])
			continue
		}
		out[i] = k.accept(spends[i], items[i].Bind)
	}
	return out, errs
}

// verifyEach is the batch without any combination.
func (k *Key) verifyEach(items []Item) ([]*Accepted, []error) {
	out, errs := make([]*Accepted, len(items)), make([]error, len(items))
	parallel(len(items), func(i int) {
		spend, err := ParseSpend(items[i].Kind, items[i].Proof)
		if err == nil {
			out[i], err = k.Verify(spend, items[i].Bind, items[i].Original)
		}
		errs[i] = err
	})
	return out, errs
}

// parallel calls do for 0 … n-1 on as many goroutines as there are processors.
func parallel(n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(i)
			}
		})
	}
	wg.Wait()
}
