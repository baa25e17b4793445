package bolt

import (
	"bytes"
	"context"
	"fmt"

	bbolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"kindpakket/ledger"
)

// Receipt implements [ledger.Log].
func (l *Log) Receipt(_ context.Context, index uint64) (ledger.Receipt, error) {
	h := l.durable.Load()
	return l.prove(index, h.size, h.checkpoint)
}

// prove makes the receipt of an entry under a checkpoint of size n.
func (l *Log) prove(index, n uint64, checkpoint []byte) (ledger.Receipt, error) {
	if index >= n {
		return ledger.Receipt{}, fmt.Errorf("proving entry: %w", ledger.ErrRange)
	}
	var r ledger.Receipt
	err := l.db.View(func(tx *bbolt.Tx) error {
		proof, err := tlog.ProveRecord(int64(n), int64(index), hashReader{tx.Bucket(bucketHashes)})
		if err != nil {
			return err
		}
		hashes := make([]ledger.Hash, len(proof))
		for i, h := range proof {
			hashes[i] = ledger.Hash(h)
		}
		r = ledger.NewReceipt(bytes.Clone(tx.Bucket(bucketEntries).Get(be(index))), index, hashes, checkpoint)
		return nil
	})
	if err != nil {
		return ledger.Receipt{}, unavailable(err)
	}
	return r, nil
}

// Checkpoint implements [ledger.Log]. An empty ledger has none yet: [ledger.ErrRange].
func (l *Log) Checkpoint(context.Context) ([]byte, error) {
	h := l.durable.Load()
	if h.size == 0 {
		return nil, fmt.Errorf("reading checkpoint: %w", ledger.ErrRange)
	}
	return bytes.Clone(h.checkpoint), nil
}

// Entries implements [ledger.Log].
func (l *Log) Entries(_ context.Context, from, to uint64) ([][]byte, error) {
	if to < from {
		return nil, fmt.Errorf("reading entries: %w", ledger.ErrRange)
	}
	if to = min(to, l.durable.Load().size); to <= from {
		return nil, nil
	}
	to = min(to, from+ledger.MaxRead)
	var out [][]byte
	err := l.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketEntries).Cursor()
		for k, v := c.Seek(be(from)); k != nil && bytes.Compare(k, be(to)) < 0; k, v = c.Next() {
			out = append(out, bytes.Clone(v))
		}
		return nil
	})
	if err != nil {
		return nil, unavailable(err)
	}
	return out, nil
}

// Consistency implements [ledger.Log].
func (l *Log) Consistency(_ context.Context, older, newer uint64) ([]ledger.Hash, error) {
	var out []ledger.Hash
	err := l.db.View(func(tx *bbolt.Tx) error {
		if older > newer || newer > l.durable.Load().size {
			return fmt.Errorf("proving consistency: %w", ledger.ErrRange)
		}
		if older == newer || older == 0 {
			return nil
		}
		proof, err := tlog.ProveTree(int64(newer), int64(older), hashReader{tx.Bucket(bucketHashes)})
		if err != nil {
			return err
		}
		for _, h := range proof {
			out = append(out, ledger.Hash(h))
		}
		return nil
	})
	if err != nil {
		return nil, unavailable(err)
	}
	return out, nil
}
