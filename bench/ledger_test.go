// Package bench measures the house against its own limits and against peers. It is a module of its own.
package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"kindpakket/ledger"
	"kindpakket/ledger/bolt"
	"kindpakket/ledger/ledgertest"
)

// quantiles reports the median and the 99th percentile of took.
func quantiles(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	at := func(q float64) float64 {
		return float64(took[int(q*float64(len(took)-1))]) / float64(time.Millisecond)
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "per-s")
}

// clients has n goroutines do b.N things and reports how long each took.
func clients(b *testing.B, n int, do func(i int) error) {
	b.Helper()
	took := make([]time.Duration, b.N)
	next := make(chan int, b.N)
	for i := range b.N {
		next <- i
	}
	close(next)
	b.ResetTimer()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for i := range next {
				start := time.Now()
				if err := do(i); err != nil {
					b.Error(err)
				}
				took[i] = time.Since(start)
			}
		})
	}
	all.Wait()
	b.StopTimer()
	quantiles(b, took)
}

// BenchmarkFsync is the limit: the bytes of an entry are appended to a plain file and synced, one after another.
func BenchmarkFsync(b *testing.B) {
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "plain"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	entry := make([]byte, 2300) // about the size of a spend's entry
	clients(b, 1, func(int) error {
		if _, err := f.Write(entry); err != nil {
			return err
		}
		return f.Sync()
	})
}

// BenchmarkAppend appends account spends that were made beforehand: signatures checked, decided, hashed into the tree,
// checkpoint signed, synced, receipt made.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
			w := ledgertest.New(b)
			path := filepath.Join(b.TempDir(), "ledger.db")
			if err := bolt.Create(path, w.Origin); err != nil {
				b.Fatal(err)
			}
			l, err := bolt.Open(bolt.Config{Path: path, Origin: w.Origin, Signer: w.Signer, Policy: w.Policy, Now: func() time.Time { return w.Clock }})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			for _, c := range w.Open() {
				w.Append(b, l, c)
			}
			families := make([]ledgertest.Holder, 64)
			for i := range families {
				families[i] = w.NewHolder()
				w.Append(b, l, w.Issue(families[i], 1_000_000))
			}
			spends := make([]ledger.Command, b.N)
			for i := range spends {
				spends[i] = w.Pay(families[i%len(families)], "trapper", 50, "fiets")
			}
			clients(b, n, func(i int) error {
				_, err := l.Append(b.Context(), spends[i])
				return err
			})
		})
	}
}
