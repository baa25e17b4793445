package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
)

func setup(t *testing.T) (*ledgertest.World, Config) {
	t.Helper()
	w := ledgertest.New(t)
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := Create(path, w.Origin); err != nil {
		t.Fatal(err)
	}
	return w, Config{Path: path, Origin: w.Origin, Signer: w.Signer, Policy: w.Policy, Now: func() time.Time { return w.Clock }}
}

func mustOpen(t *testing.T, cfg Config) *Log {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

var errDisk = errors.New("input/output error")

// failing are the ways in which a commit can go wrong. kept says whether the disk has the entry all the same.
var failing = map[string]struct {
	update func(l *Log) func(func(*bbolt.Tx) error) error
	kept   bool
}{
	"the write fails": {func(l *Log) func(func(*bbolt.Tx) error) error {
		return func(f func(*bbolt.Tx) error) error {
			return l.db.Update(func(tx *bbolt.Tx) error { return errors.Join(f(tx), errDisk) })
		}
	}, false},
	"the disk is full": {func(l *Log) func(func(*bbolt.Tx) error) error {
		return func(f func(*bbolt.Tx) error) error {
			return l.db.Update(func(tx *bbolt.Tx) error {
				l.db.MaxSize = 1 // the file may not grow
				return errors.Join(f(tx), tx.Bucket(bucketMeta).Put([]byte("large"), make([]byte, 1<<20)))
			})
		}
	}, false},
	"the write succeeds and reports failure": {func(l *Log) func(func(*bbolt.Tx) error) error {
		return func(f func(*bbolt.Tx) error) error { return errors.Join(l.db.Update(f), errDisk) }
	}, true},
}

// TestWriteFails: after a failed write nothing more is acknowledged, not even a retry of what the page cache shows;
// what was acknowledged before can still be read; and the file, opened again, is the truth.
func TestWriteFails(t *testing.T) {
	for name, fault := range failing {
		t.Run(name, func(t *testing.T) {
			w, cfg := setup(t)
			l := mustOpen(t, cfg)
			h := w.Fill(t, l, 1000)
			before, err := l.Checkpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			l.update = fault.update(l)
			lost := w.Pay(h, "trapper", 300, "fiets")
			if _, err := l.Append(t.Context(), lost); !errors.Is(err, ledger.ErrUnavailable) {
				t.Fatalf("append while the disk fails: got %v, want ErrUnavailable", err)
			}
			l.update = l.db.Update // the disk is well again: too late
			for what, c := range map[string]ledger.Command{"the same": lost, "another": w.Pay(h, "trapper", 100, "fiets"), "a retry of an old one": w.Genesis()} {
				if _, err := l.Append(t.Context(), c); !errors.Is(err, ledger.ErrUnavailable) {
					t.Errorf("append of %s afterwards: got %v, want ErrUnavailable", what, err)
				}
			}
			if amount, err := l.Balance(t.Context(), h.Account); !errors.Is(err, ledger.ErrUnavailable) || amount != 0 {
				t.Errorf("balance afterwards: got %d, %v, want ErrUnavailable", amount, err)
			}
			after, err := l.Checkpoint(t.Context())
			if err != nil || !bytes.Equal(after, before) {
				t.Errorf("the checkpoint moved (%v)", err)
			}
			if rows, err := l.Entries(t.Context(), 0, 100); err != nil || len(rows) != 5 {
				t.Errorf("entries afterwards: got %d, %v, want 5", len(rows), err)
			}
			if _, err := l.Receipt(t.Context(), 5); !errors.Is(err, ledger.ErrRange) {
				t.Errorf("receipt of what was not acknowledged: got %v, want ErrRange", err)
			}
			if _, err := l.Consistency(t.Context(), 5, 6); !errors.Is(err, ledger.ErrRange) {
				t.Errorf("consistency with what was not acknowledged: got %v, want ErrRange", err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}

			again := mustOpen(t, cfg)
			want := 1000
			if fault.kept {
				want = 700
			}
			if left, err := again.Balance(t.Context(), h.Account); err != nil || int(left) != want {
				t.Errorf("left after opening again: %d, %v, want %d", left, err, want)
			}
			// The till asks again, as it must, and the money moves exactly once.
			e := w.Append(t, again, lost)
			if left, err := again.Balance(t.Context(), h.Account); err != nil || left != 700 || e.Index != 5 {
				t.Errorf("after the retry: entry %d, %d left, %v, want 5 and 700", e.Index, left, err)
			}
		})
	}
}

// hold makes the committer wait inside its next transaction, and lets it go.
func hold(l *Log) (inside <-chan struct{}, release func()) {
	in, out := make(chan struct{}), make(chan struct{})
	var once sync.Once
	l.update = func(f func(*bbolt.Tx) error) error {
		return l.db.Update(func(tx *bbolt.Tx) error {
			once.Do(func() { close(in); <-out })
			return f(tx)
		})
	}
	return in, func() { close(out) }
}

// together appends commands that are all decided beforehand against the same state and then committed in one batch. It
// returns their errors.
func together(t *testing.T, w *ledgertest.World, l *Log, commands ...ledger.Command) []error {
	t.Helper()
	inside, release := hold(l)
	errs := make([]error, len(commands))
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := l.Append(t.Context(), w.Issue(w.NewHolder(), 1)); err != nil {
			t.Error(err)
		}
	})
	<-inside
	for i, c := range commands {
		all.Go(func() { _, errs[i] = l.Append(t.Context(), c) })
	}
	for len(l.queue) < len(commands) {
		runtime.Gosched()
	}
	release()
	all.Wait()
	return errs
}

// TestB1CommitterDecidesAgain: two tills checked the balance, then both wrote, and one euro was spent twice. Here the
// one committer decides again, against what its own batch left.
func TestB1CommitterDecidesAgain(t *testing.T) {
	w, cfg := setup(t)
	l := mustOpen(t, cfg)
	h := w.Fill(t, l, 1000)
	errs := together(t, w, l, w.Pay(h, "trapper", 700, "fiets"), w.Pay(h, "trapper", 700, "fiets"), w.Pay(h, "trapper", 700, "fiets"))
	paid := 0
	for i, err := range errs {
		if err == nil {
			paid++
		} else if !errors.Is(err, ledger.TooLittleLeft) {
			t.Errorf("till %d: got %v, want too-little-left", i, err)
		}
	}
	if left, err := l.Balance(t.Context(), h.Account); paid != 1 || left != 300 || err != nil {
		t.Errorf("%d tills were paid and %d is left (%v), want 1 and 300", paid, left, err)
	}
}

// TestRefusedNeighbours: a refused command leaves no trace in the batch that it came with.
func TestRefusedNeighbours(t *testing.T) {
	w, cfg := setup(t)
	l := mustOpen(t, cfg)
	rich, poor := w.Fill(t, l, 1000), w.NewHolder()
	w.Append(t, l, w.Issue(poor, 100))
	before, err := l.Entries(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	// Each of the poor holder's is good by itself: all of them pass the first check, and the batch can take but one.
	poorly := w.Sign(w.Order("trapper", 100, "fiets"))
	commands := []ledger.Command{
		w.Pay(poor, "trapper", 60, "fiets"), w.Pay(rich, "trapper", 200, "fiets"), w.Pay(poor, "trapper", 60, "fiets"),
		w.Pay(rich, "plein", 300, "boeken"), w.Spend(poor, poorly), w.Pay(rich, "trapper", 100, "sport"),
	}
	paid, refused := 0, 0
	for i, err := range together(t, w, l, commands...) {
		switch {
		case err == nil:
			paid++
		case errors.Is(err, ledger.TooLittleLeft) && i%2 == 0:
			refused++
		default:
			t.Errorf("command %d: %v", i, err)
		}
	}
	after, err := l.Entries(t.Context(), 0, 100)
	if err != nil || paid != 4 || refused != 2 || len(after) != len(before)+1+paid {
		t.Errorf("%d paid, %d refused, %d new entries (%v), want 4, 2 and 5", paid, refused, len(after)-len(before), err)
	}
	left, err := l.Balance(t.Context(), rich.Account)
	if err != nil || left != 400 {
		t.Errorf("the neighbour has %d (%v), want 400", left, err)
	}
}

// TestRetryBeforeSync: a retry that comes while its first try is being written waits for it, and both get one entry.
func TestRetryBeforeSync(t *testing.T) {
	w, cfg := setup(t)
	l := mustOpen(t, cfg)
	h := w.Fill(t, l, 1000)
	written, synced := make(chan struct{}), make(chan struct{})
	l.update = func(f func(*bbolt.Tx) error) error {
		err := l.db.Update(f) // readers see it from here on
		if written != nil {
			close(written)
			written = nil
			<-synced
		}
		return err
	}
	c := w.Pay(h, "trapper", 400, "fiets")
	started := written
	receipts := make([]ledger.Receipt, 2)
	var all sync.WaitGroup
	ask := func(i int) {
		all.Go(func() {
			var err error
			if receipts[i], err = l.Append(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	ask(0)
	<-started
	ask(1)
	for len(l.queue) < 1 {
		runtime.Gosched()
	}
	if _, err := l.Receipt(t.Context(), 5); !errors.Is(err, ledger.ErrRange) {
		t.Errorf("receipt before the sync: got %v, want ErrRange", err)
	}
	close(synced)
	all.Wait()
	if !bytes.Equal(receipts[0].Entry, receipts[1].Entry) {
		t.Error("the retry got another entry")
	}
	if left, err := l.Balance(t.Context(), h.Account); left != 600 || err != nil {
		t.Errorf("left: %d, %v, want 600", left, err)
	}
}

// TestNoRefusalBeforeACommit: a command that is being committed while its time runs out is not refused to who asks again
// meanwhile. A room that was told so would say "not paid" of a payment that is.
func TestNoRefusalBeforeACommit(t *testing.T) {
	w, cfg := setup(t)
	clock := w.Clock
	var mu sync.Mutex
	cfg.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return clock
	}
	l := mustOpen(t, cfg)
	h := w.Fill(t, l, 1000)
	for name, c := range map[string]struct {
		command ledger.Command
		until   time.Time
	}{
		"an order": {w.Pay(h, "trapper", 400, "fiets"), w.Clock.Add(time.Hour)},
		"a budget": {w.Issue(w.NewHolder(), 1000), w.Period.Closes.Add(time.Second)},
	} {
		decided, release := make(chan struct{}), make(chan struct{})
		first := true
		l.update = func(f func(*bbolt.Tx) error) error {
			return l.db.Update(func(tx *bbolt.Tx) error {
				err := f(tx)
				if first {
					first = false
					close(decided)
					<-release
				}
				return err
			})
		}
		receipts, errs := make([]ledger.Receipt, 2), make([]error, 2)
		var one, two sync.WaitGroup
		one.Go(func() { receipts[0], errs[0] = l.Append(t.Context(), c.command) })
		<-decided
		mu.Lock()
		clock = c.until
		mu.Unlock()
		answered := make(chan struct{})
		two.Go(func() {
			defer close(answered)
			receipts[1], errs[1] = l.Append(t.Context(), c.command)
		})
		for waiting := true; waiting; {
			select {
			case <-answered:
				waiting = false // too early: what it says is looked at below
			default:
				runtime.Gosched()
				waiting = len(l.queue) < 1
			}
		}
		close(release)
		one.Wait()
		two.Wait()
		if errs[0] != nil || errs[1] != nil || !bytes.Equal(receipts[0].Entry, receipts[1].Entry) {
			t.Errorf("%s: got %v and, asked again, %v, want one entry for both", name, errs[0], errs[1])
		}
		mu.Lock()
		clock = w.Clock
		mu.Unlock()
	}
}

// TestClockGoesBack: the ledger's time never does, whatever the process's clock says, and not after a restart either.
func TestClockGoesBack(t *testing.T) {
	w, cfg := setup(t)
	l := mustOpen(t, cfg)
	h := w.Fill(t, l, 1000)
	last := w.Append(t, l, w.Pay(h, "trapper", 100, "fiets")).Time
	for _, back := range []time.Duration{time.Second, 48 * time.Hour} {
		w.Clock = last.Add(-back)
		if e := w.Append(t, l, w.Issue(w.NewHolder(), 100)); !e.Time.Equal(last) {
			t.Errorf("clock %s back: entry at %s, want %s", back, e.Time, last)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = mustOpen(t, cfg)
	}
	// An order by the wrong clock runs out by the ledger's.
	if _, err := l.Append(t.Context(), w.Pay(h, "trapper", 100, "fiets")); !errors.Is(err, ledger.OrderExpired) {
		t.Errorf("an order two days old: got %v, want order-expired", err)
	}
}

// TestStateIsTheLedgersOwn: nobody may append a state entry from outside.
func TestStateIsTheLedgersOwn(t *testing.T) {
	w, cfg := setup(t)
	l := mustOpen(t, cfg)
	w.Fill(t, l, 1000)
	c, err := ledger.NewCommand(ledger.KindState, ledger.StateBody{Rule: 1, Salt: ledgertest.ID()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), c); !errors.Is(err, ledger.Malformed) {
		t.Errorf("got %v, want malformed", err)
	}
}

// TestBeside: the checkpoint beside the file is missing, empty, damaged, newer than the file, or of a fork.
func TestBeside(t *testing.T) {
	w, cfg := setup(t)
	l := mustOpen(t, cfg)
	h := w.Fill(t, l, 1000)
	w.Append(t, l, w.Pay(h, "trapper", 100, "fiets"))
	good, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := l.Entries(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	beside, err := os.ReadFile(cfg.Path + ".checkpoint")
	if err != nil || !bytes.Equal(beside, good) {
		t.Fatalf("after closing, the checkpoint beside is not the newest (%v)", err)
	}
	c, err := w.Policy.Open(good)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(w *ledgertest.World, c ledger.Checkpoint) []byte {
		b, err := c.Sign(w.Signer)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	newer, fork, older := c, c, c
	newer.Size++
	fork.Root[0] ^= 1
	older.Size, older.Root = 1, ledger.LeafHash(rows[0])
	stranger := ledgertest.New(t)
	damaged := bytes.Clone(good)
	damaged[len(damaged)-10] ^= 1
	for name, test := range map[string]struct {
		beside []byte
		want   error // nil opens
	}{
		"as it was":    {good, nil},
		"empty":        {[]byte{}, nil},
		"older":        {sign(w, older), nil},
		"missing":      {nil, nil},
		"damaged":      {damaged, ledger.ErrCheckpoint},
		"noise":        {[]byte("noise"), ledger.ErrCheckpoint},
		"by a strange": {sign(stranger, c), ledger.ErrCheckpoint},
		"newer":        {sign(w, newer), ErrRolledBack},
		"a fork":       {sign(w, fork), ErrRolledBack},
	} {
		if test.beside == nil {
			err = os.Remove(cfg.Path + ".checkpoint")
		} else {
			err = os.WriteFile(cfg.Path+".checkpoint", test.beside, 0o600)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		l, err := Open(cfg)
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
		if l != nil {
			l.Close()
		}
	}
}

// TestOpenDamaged changes what the file holds and opens it.
func TestOpenDamaged(t *testing.T) {
	del := func(bucket, key []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Delete(key) }
	}
	put := func(bucket, key, value []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put(key, value) }
	}
	for name, test := range map[string]struct {
		change func(*bbolt.Tx) error
		want   error
	}{
		"another format":       {put(bucketMeta, keyFormat, []byte("kindpakket-ledger-bolt/2")), errNotOurs},
		"no format":            {del(bucketMeta, keyFormat), errNotOurs},
		"another origin":       {put(bucketMeta, keyOrigin, []byte("elsewhere.example")), errNotOurs},
		"no meta":              {func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketMeta) }, errNotOurs},
		"no entries":           {func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketEntries) }, ErrDamaged},
		"no hashes":            {func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketHashes) }, ErrDamaged},
		"no state":             {func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketState) }, ErrDamaged},
		"no checkpoint":        {del(bucketMeta, keyCheckpoint), ErrDamaged},
		"noise for checkpoint": {put(bucketMeta, keyCheckpoint, []byte("noise")), ErrDamaged},
		"last entry gone":      {del(bucketEntries, be(5)), ErrDamaged},
		"noise for last entry": {put(bucketEntries, be(5), []byte("{}")), ErrDamaged},
		"an entry more":        {put(bucketEntries, be(6), []byte("{}")), ErrDamaged},
		"a Merkle node gone":   {del(bucketHashes, be(6)), ErrDamaged},
		"a short Merkle node":  {put(bucketHashes, be(6), []byte("short")), ErrDamaged},
		"another Merkle node":  {put(bucketHashes, be(6), make([]byte, 32)), ErrDamaged},
	} {
		w, cfg := setup(t)
		l := mustOpen(t, cfg)
		h := w.Fill(t, l, 1000)
		w.Append(t, l, w.Pay(h, "trapper", 100, "fiets"))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := bbolt.Open(cfg.Path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(test.change), db.Close()); err != nil {
			t.Fatal(err)
		}
		if l, err := Open(cfg); !errors.Is(err, test.want) {
			if l != nil {
				l.Close()
			}
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

// TestOpenOtherFiles opens what is no ledger, and a ledger that was cut off: it is refused, and the process lives.
func TestOpenOtherFiles(t *testing.T) {
	w, cfg := setup(t)
	l := mustOpen(t, cfg)
	h := w.Fill(t, l, 30000)
	for range 60 {
		w.Append(t, l, w.Pay(h, "trapper", 100, "fiets"))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(cfg.Path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	var used int64
	if err := errors.Join(db.View(func(tx *bbolt.Tx) error { used = tx.Size(); return nil }), db.Close()); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"nothing":        {},
		"a text":         []byte("origin\n"),
		"noise":          bytes.Repeat([]byte("kindpakket"), 10000),
		"two meta pages": file[:2*os.Getpagesize()],
		"a byte short":   file[:used-1],
	}
	for i := 1; i < 8; i++ {
		files["the first "+string(rune('0'+i))+" eighths"] = file[:used*int64(i)/8]
	}
	for name, b := range files {
		other := cfg
		other.Path = filepath.Join(t.TempDir(), "other.db")
		if err := os.WriteFile(other.Path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(other)
		if err == nil {
			l.Close()
			t.Errorf("%s: opened", name)
		}
		if got, err := os.ReadFile(other.Path); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: the file was changed (%v)", name, err)
		}
	}
	if _, err := Open(Config{Path: t.TempDir(), Origin: w.Origin, Signer: w.Signer, Policy: w.Policy}); err == nil {
		t.Error("a directory: opened")
	}
}

// TestDamagedPages overwrites one page after another: what Open looks at must be refused, and the process lives.
func TestDamagedPages(t *testing.T) {
	w, cfg := setup(t)
	l := mustOpen(t, cfg)
	h := w.Fill(t, l, 30000)
	for range 20 {
		w.Append(t, l, w.Pay(h, "trapper", 100, "fiets"))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	page, refused := os.Getpagesize(), 0
	dir := t.TempDir()
	for at := 2 * page; at+page <= len(file); at += page {
		changed := bytes.Clone(file)
		for i := range page {
			changed[at+i] = 0xa5
		}
		other := cfg
		other.Path = filepath.Join(dir, fmt.Sprint(at/page))
		if err := os.WriteFile(other.Path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if l, err := Open(other); err != nil {
			refused++
		} else {
			l.Close()
		}
	}
	if refused < 3 {
		t.Errorf("%d damaged pages were noticed, want at least those of the root, the newest entry and the checkpoint", refused)
	}
}
