package bolt

import (
	"errors"
	"fmt"
	"time"

	bbolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"kindpakket/ledger"
	"kindpakket/ledger/rule"
)

// commitLoop takes what is queued, commits it and answers, until the queue is closed.
func (l *Log) commitLoop() {
	for first := range l.queue {
		batch := []*request{first}
	more:
		for len(batch) < maxBatch {
			select {
			case r, ok := <-l.queue:
				if !ok {
					break more
				}
				batch = append(batch, r)
			default:
				break more
			}
		}
		l.commit(batch)
	}
}

// commit decides a batch in one transaction and answers all of it. Nobody is told of success before the file is synced.
func (l *Log) commit(batch []*request) {
	answers := make([]answer, len(batch))
	var checkpoint []byte
	var total uint64
	var err error
	if l.stopped.Load() {
		err = errStopped()
	} else {
		err = l.update(func(tx *bbolt.Tx) error {
			var err error
			checkpoint, total, err = l.write(tx, batch, answers)
			return err
		})
	}
	switch {
	case errors.Is(err, errNothing):
		err = nil
	case err != nil && !l.stopped.Swap(true):
		// What the disk holds is not known any more. Acknowledge nothing until the file is opened again and checked.
		l.cfg.Logger.Error("the ledger stops: a write failed", "error", err)
	case err == nil:
		l.durable.Store(&head{checkpoint, total})
		l.publish(checkpoint)
	}
	l.waiting.Add(-int64(len(batch)))
	for i, r := range batch {
		a := answers[i]
		if err != nil {
			a.err = errStopped()
		}
		a.checkpoint, a.size = checkpoint, total
		r.answer <- a
	}
}

// errNothing rolls a transaction back in which every command was refused.
var errNothing = errors.New("nothing to write")

// write appends the accepted commands of batch, with the tree and a checkpoint, to tx. It fills answers.
func (l *Log) write(tx *bbolt.Tx, batch []*request, answers []answer) ([]byte, uint64, error) {
	w := &writer{tx: tx, view: view{origin: l.cfg.Origin, size: size(tx), bucket: tx.Bucket(bucketState), over: map[string][]byte{}}}
	now := l.time(tx)
	if w.size > 0 {
		last := tx.Bucket(bucketEntries).Get(be(w.size - 1))
		e, err := ledger.ParseEntry(last)
		if err != nil {
			return nil, 0, fmt.Errorf("reading the newest entry: %w", err)
		}
		w.prev, w.last = ledger.LeafHash(last), e
	} else {
		w.prev = ledger.GenesisPrev(l.cfg.Origin)
	}
	before := w.size
	for i, r := range batch {
		out, err := r.p.Decide(&w.view, now)
		var refusal *ledger.Refusal
		switch {
		case errors.As(err, &refusal):
			answers[i].err = err
			continue
		case err != nil:
			return nil, 0, err
		case out.Retry != nil:
			answers[i].index = *out.Retry
			continue
		}
		// The first entry of a new day is preceded by the digest of the state as the day before left it. That moves the
		// index of this entry, so it is decided again.
		if w.size > 0 && rule.StateDue(w.last.Time, now) {
			if err := w.appendState(now); err != nil {
				return nil, 0, err
			}
			if out, err = r.p.Decide(&w.view, now); err != nil {
				return nil, 0, err
			}
		}
		answers[i].index = w.size
		err = w.append(r.p.Command, now, out.Changes)
		if errors.Is(err, ledger.ErrEntry) {
			answers[i].err = ledger.Refuse(ledger.Malformed, "%v", err)
			continue
		}
		if err != nil {
			return nil, 0, err
		}
	}
	if w.size == before {
		checkpoint := tx.Bucket(bucketMeta).Get(keyCheckpoint)
		return append([]byte{}, checkpoint...), w.size, errNothing
	}
	if err := w.flush(); err != nil {
		return nil, 0, err
	}
	root, err := tlog.TreeHash(int64(w.size), hashReader{tx.Bucket(bucketHashes)})
	if err != nil {
		return nil, 0, err
	}
	checkpoint, err := ledger.Checkpoint{Origin: l.cfg.Origin, Size: w.size, Root: ledger.Hash(root)}.Sign(l.cfg.Signer)
	if err != nil {
		return nil, 0, err
	}
	return checkpoint, w.size, tx.Bucket(bucketMeta).Put(keyCheckpoint, checkpoint)
}

// writer is one batch on its way into a transaction.
type writer struct {
	view
	tx   *bbolt.Tx
	prev ledger.Hash
	last ledger.Entry
}

func (w *writer) appendState(now time.Time) error {
	c, err := rule.StateCommand(&w.view, w.last.Raw)
	if err != nil {
		return err
	}
	return w.append(c, now, nil)
}

// append writes one entry and its Merkle nodes.
func (w *writer) append(c ledger.Command, now time.Time, changes []rule.Change) error {
	e, err := ledger.NewEntry(w.size, w.prev, now, c)
	if err != nil {
		return err
	}
	leaf := ledger.LeafHash(e.Raw)
	hashes := w.tx.Bucket(bucketHashes)
	nodes, err := tlog.StoredHashesForRecordHash(int64(w.size), tlog.Hash(leaf), hashReader{hashes})
	if err != nil {
		return err
	}
	at := tlog.StoredHashIndex(0, int64(w.size))
	for i, h := range nodes {
		if err := hashes.Put(be(uint64(at)+uint64(i)), h[:]); err != nil {
			return err
		}
	}
	if err := w.tx.Bucket(bucketEntries).Put(be(w.size), e.Raw); err != nil {
		return err
	}
	w.apply(changes)
	w.size, w.prev, w.last = w.size+1, leaf, e
	return nil
}

// publish hands the newest checkpoint to keepBeside, replacing one that it has not taken yet.
func (l *Log) publish(checkpoint []byte) {
	for {
		select {
		case l.side <- checkpoint:
			return
		default:
		}
		select {
		case <-l.side:
		default:
		}
	}
}
