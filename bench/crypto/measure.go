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

// measure runs do and F in turns for about the given number of runs and keeps the medians.
func (m *meter) measure(name, target string, runs, per int, do func()) row {
	do() // what is built lazily is built
	m.unit()
	times := make([]time.Duration, runs)
	ratios := make([]float64, runs)
	for i := range runs {
		start := time.Now()
		m.unit()
		f := time.Since(start)
		start = time.Now()
		do()
		t := time.Since(start) / time.Duration(per)
		start = time.Now()
		m.unit()
		f = (f + time.Since(start)) / 2
		times[i], ratios[i] = t, float64(t)/float64(f)
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
