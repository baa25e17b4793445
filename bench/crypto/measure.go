package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// A meter measures operations in turns with the unit F, so that a busy machine slows both.
type meter struct {
	unit func()
	rows []row
}

type row struct {
	name   string
	time   time.Duration // median of the runs
	ratio  float64       // median of time / F, each run against the F beside it
	target string
}

// A block is how long one operation runs before the other's turn: long enough to be warm, short enough that both meet
// the same neighbours.
const block = 10 * time.Millisecond

// timed is the time of one call of do, over a warm block.
func timed(do func()) time.Duration {
	do()
	n := 0
	start := time.Now()
	for n == 0 || time.Since(start) < block {
		do()
		n++
	}
	return time.Since(start) / time.Duration(n)
}

// measure runs do and F in turns, a block each, and keeps the medians. per is how many operations one do does.
func (m *meter) measure(name, target string, runs, per int, do func()) row {
	do() // what is built lazily is built
	times := make([]time.Duration, runs)
	ratios := make([]float64, runs)
	f := timed(m.unit)
	for i := range runs {
		t := timed(do) / time.Duration(per)
		next := timed(m.unit)
		times[i], ratios[i] = t, 2*float64(t)/float64(f+next)
		f = next
	}
	slices.Sort(times)
	slices.Sort(ratios)
	r := row{name, times[runs/2], ratios[runs/2], target}
	m.rows = append(m.rows, r)
	return r
}

func (m *meter) print(w io.Writer) {
	fmt.Fprintln(w, "| operation | time | in F | reach |")
	fmt.Fprintln(w, "| --- | ---: | ---: | --- |")
	for _, r := range m.rows {
		fmt.Fprintf(w, "| %s | %v | %.2f | %s |\n", r.name, r.time.Round(time.Microsecond), r.ratio, r.target)
	}
}
