package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	bbolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"kindpakket/credential/budget"
	"kindpakket/ledger"
	"kindpakket/ledger/rule"
)

// Config says how a ledger is opened.
type Config struct {
	Path   string           // the database file; the checkpoint lies beside it as Path + ".checkpoint"
	Origin string           // the ledger's origin line; must be the one the file was made with
	Signer ledger.Signer    // signs checkpoints; its name is the origin
	Policy ledger.Policy    // checks checkpoints that were signed before
	Now    func() time.Time // optional; default time.Now
	Logger *slog.Logger     // optional; default discards
}

// Errors of Create and Open.
var (
	ErrExists     = errors.New("the ledger file is there already")
	ErrRolledBack = errors.New("the ledger file is older than its newest checkpoint")
	ErrDamaged    = errors.New("the ledger file is damaged")
)

const maxBatch = 1024

// Log is a ledger in a bbolt file. It implements [ledger.Log].
type Log struct {
	cfg    Config
	db     *bbolt.DB
	update func(func(*bbolt.Tx) error) error // db.Update; tests make it fail
	queue  chan *request
	done   chan struct{} // closed when the committer has ended
	side   chan []byte   // newest checkpoint for the file beside; holds one

	// durable is what was synced and may be shown. A reader's transaction can see more: bbolt lets it read a commit that is
	// written and not synced yet, and one whose sync failed.
	durable atomic.Pointer[head]
	stopped atomic.Bool  // a write failed: acknowledge nothing more
	waiting atomic.Int64 // commands that the committer was given and has not decided

	mu     sync.RWMutex // guards closed against sends on queue
	closed bool
}

// head is the newest checkpoint and its size.
type head struct {
	checkpoint []byte // nil if the ledger is empty
	size       uint64
}

type request struct {
	p      *rule.Prepared
	answer chan answer
}

type answer struct {
	index      uint64
	checkpoint []byte
	size       uint64
	err        error
}

var _ ledger.Log = (*Log)(nil)

// Create makes an empty ledger file. It returns [ErrExists] if there is one.
func Create(path, origin string) error {
	if !budget.ValidOrigin(origin) {
		return fmt.Errorf("creating ledger: origin must be 1 to 128 of a-z, 0-9 and .:/-")
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("creating ledger: %w", ErrExists)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return fmt.Errorf("creating ledger: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketEntries, bucketHashes, bucketState} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		meta, err := tx.CreateBucket(bucketMeta)
		if err != nil {
			return err
		}
		return errors.Join(meta.Put(keyFormat, []byte(fileFormat)), meta.Put(keyOrigin, []byte(origin)))
	})
	return errors.Join(err, db.Close())
}

// Open opens a ledger file and starts its committer. It refuses a file of another origin or format, a file that is
// behind its newest checkpoint ([ErrRolledBack]) and a file whose head does not agree with itself ([ErrDamaged]).
func Open(cfg Config) (*Log, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	var db *bbolt.DB
	err := guard(func() (err error) {
		db, err = openFile(cfg.Path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	l := &Log{cfg: cfg, db: db, update: db.Update, queue: make(chan *request, maxBatch), done: make(chan struct{}), side: make(chan []byte, 1)}
	if err := guard(l.verifyHead); err != nil {
		db.Close()
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	var beside sync.WaitGroup
	beside.Go(l.keepBeside)
	go func() {
		defer close(l.done)
		l.commitLoop()
		close(l.side)
		beside.Wait()
	}()
	return l, nil
}

// guard runs f and makes a panic of it ErrDamaged. bbolt reads pages through a memory map: one that is damaged panics, and
// one beyond the end of the file is a fault.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return f()
}

// openFile opens a bbolt file that is there and was not cut off.
func openFile(path string) (*bbolt.DB, error) {
	file, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if file.Size() == 0 {
		return nil, errNotOurs // bbolt would make it a database
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, fmt.Errorf("%w (is another process using it?)", err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		if tx.Size() > file.Size() {
			return fmt.Errorf("%w: it was cut off", ErrDamaged)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// verifyHead checks that the file is ours, that the stored checkpoint is the tree's, and that no newer one was seen.
func (l *Log) verifyHead() error {
	var stored []byte
	err := l.db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil || string(meta.Get(keyFormat)) != fileFormat {
			return errNotOurs
		}
		if string(meta.Get(keyOrigin)) != l.cfg.Origin {
			return fmt.Errorf("%w of this origin", errNotOurs)
		}
		for _, name := range [][]byte{bucketEntries, bucketHashes, bucketState} {
			if tx.Bucket(name) == nil {
				return fmt.Errorf("%w: a part of the file is missing", ErrDamaged)
			}
		}
		stored = bytes.Clone(meta.Get(keyCheckpoint))
		n := size(tx)
		l.durable.Store(&head{stored, n})
		if n == 0 {
			return nil
		}
		c, err := l.cfg.Policy.Open(stored)
		if err != nil {
			return fmt.Errorf("%w: stored checkpoint: %w", ErrDamaged, err)
		}
		root, err := tlog.TreeHash(int64(n), hashReader{tx.Bucket(bucketHashes)})
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		last, err := ledger.ParseEntry(tx.Bucket(bucketEntries).Get(be(n - 1)))
		if err != nil || last.Index != n-1 || c.Size != n || c.Root != ledger.Hash(root) || c.Origin != l.cfg.Origin {
			return fmt.Errorf("%w: entries, tree and checkpoint disagree", ErrDamaged)
		}
		return nil
	})
	if err != nil {
		return err
	}
	beside, err := os.ReadFile(l.besidePath())
	if errors.Is(err, os.ErrNotExist) || err == nil && len(beside) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the checkpoint beside the file: %w", err)
	}
	newest, err := l.cfg.Policy.Open(beside)
	if err != nil {
		return fmt.Errorf("reading the checkpoint beside the file: %w (if it was damaged by a crash, move %s away)", err, filepath.Base(l.besidePath()))
	}
	return l.db.View(func(tx *bbolt.Tx) error {
		n := size(tx)
		if newest.Size > n {
			return fmt.Errorf("%w: it has %d entries, the checkpoint says %d; put the newest backup in place", ErrRolledBack, n, newest.Size)
		}
		root, err := tlog.TreeHash(int64(newest.Size), hashReader{tx.Bucket(bucketHashes)})
		if err != nil || ledger.Hash(root) != newest.Root {
			return fmt.Errorf("%w: its first %d entries are not those of the checkpoint", ErrRolledBack, newest.Size)
		}
		return nil
	})
}

func (l *Log) besidePath() string { return l.cfg.Path + ".checkpoint" }

// keepBeside writes the newest checkpoint beside the database, off the way of the committer: it is there to notice an
// old copy put back, so a moment's delay costs nothing.
func (l *Log) keepBeside() {
	for c := range l.side {
		tmp := l.besidePath() + ".new"
		err := os.WriteFile(tmp, c, 0o600)
		if err == nil {
			err = os.Rename(tmp, l.besidePath())
		}
		if err != nil {
			l.cfg.Logger.Error("writing the checkpoint beside the ledger", "error", err)
		}
	}
}

// Close ends the committer after what is queued and closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.queue)
	l.mu.Unlock()
	<-l.done
	return l.db.Close()
}

// Append implements [ledger.Log].
func (l *Log) Append(ctx context.Context, c ledger.Command) (ledger.Receipt, error) {
	if c.Kind == ledger.KindState {
		return ledger.Receipt{}, ledger.Refuse(ledger.Malformed, "state entries are made by the ledger")
	}
	// Decide once against what is durable now: it checks the signatures in this goroutine, answers retries, and turns
	// away what would be refused, without troubling the committer. A retry of what is not synced yet waits in the queue.
	// While the committer has work, so does what would be refused: it may be asked again, and its first try, decided by an
	// earlier clock or after something else, be on its way to the disk.
	if l.stopped.Load() {
		return ledger.Receipt{}, errStopped()
	}
	idle := l.waiting.Load() == 0
	p := rule.Prepare(c)
	var retry *uint64
	err := l.db.View(func(tx *bbolt.Tx) error {
		out, err := p.Decide(&view{origin: l.cfg.Origin, size: size(tx), bucket: tx.Bucket(bucketState)}, l.time(tx))
		retry = out.Retry
		return err
	})
	var refusal *ledger.Refusal
	if err != nil && (idle || !errors.As(err, &refusal) || refusal.Reason == ledger.Malformed) {
		return ledger.Receipt{}, unavailable(err)
	}
	if retry != nil && *retry < l.durable.Load().size {
		return l.Receipt(ctx, *retry)
	}
	r := &request{p: p, answer: make(chan answer, 1)}
	if err := l.send(ctx, r); err != nil {
		return ledger.Receipt{}, err
	}
	select {
	case a := <-r.answer:
		if a.err != nil {
			return ledger.Receipt{}, a.err
		}
		return l.prove(a.index, a.size, a.checkpoint)
	case <-ctx.Done():
		return ledger.Receipt{}, fmt.Errorf("%w: %w", ledger.ErrUnavailable, context.Cause(ctx))
	}
}

func (l *Log) send(ctx context.Context, r *request) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return fmt.Errorf("%w: it is closing", ledger.ErrUnavailable)
	}
	l.waiting.Add(1)
	select {
	case l.queue <- r:
		return nil
	case <-ctx.Done():
		l.waiting.Add(-1)
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, context.Cause(ctx))
	}
}

func errStopped() error {
	return fmt.Errorf("%w: a write failed, and it stopped", ledger.ErrUnavailable)
}

// unavailable keeps refusals as they are and says of everything else that the log cannot answer.
func unavailable(err error) error {
	var refusal *ledger.Refusal
	if errors.As(err, &refusal) || errors.Is(err, ledger.ErrRange) {
		return err
	}
	return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
}

// time is the ledger's time: the clock's, but never before the newest entry.
func (l *Log) time(tx *bbolt.Tx) time.Time {
	now := l.cfg.Now().UTC().Truncate(time.Second)
	if n := size(tx); n > 0 {
		if last, err := ledger.ParseEntry(tx.Bucket(bucketEntries).Get(be(n - 1))); err == nil && last.Time.After(now) {
			return last.Time
		}
	}
	return now
}

// Balance implements [ledger.Log].
func (l *Log) Balance(_ context.Context, account string) (budget.Cents, error) {
	if l.stopped.Load() {
		return 0, errStopped()
	}
	var amount budget.Cents
	err := l.db.View(func(tx *bbolt.Tx) error {
		var ok bool
		amount, ok = rule.Balance(&view{bucket: tx.Bucket(bucketState)}, account)
		if !ok {
			return ledger.Refuse(ledger.UnknownAccount, "")
		}
		return nil
	})
	if err != nil {
		return 0, unavailable(err)
	}
	return amount, nil
}
