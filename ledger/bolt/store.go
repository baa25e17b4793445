package bolt

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	bbolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"kindpakket/ledger"
	"kindpakket/ledger/rule"
)

// The buckets of the file. Indexes are 8 bytes, big endian, so that a cursor walks in order.
//
//	meta      "format", "origin", "checkpoint" (the newest signed note)
//	entries   index → the entry's bytes
//	hashes    tlog storage index → 32 bytes: leaf and interior nodes of the Merkle tree
//	state     rule key → rule record
var (
	bucketMeta    = []byte("meta")
	bucketEntries = []byte("entries")
	bucketHashes  = []byte("hashes")
	bucketState   = []byte("state")

	keyFormat     = []byte("format")
	keyOrigin     = []byte("origin")
	keyCheckpoint = []byte("checkpoint")
)

const fileFormat = "kindpakket-ledger-bolt/1"

func be(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// size returns how many entries the file holds.
func size(tx *bbolt.Tx) uint64 {
	k, _ := tx.Bucket(bucketEntries).Cursor().Last()
	if k == nil {
		return 0
	}
	return binary.BigEndian.Uint64(k) + 1
}

// hashReader reads stored Merkle nodes from a transaction.
type hashReader struct{ b *bbolt.Bucket }

func (r hashReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		v := r.b.Get(be(uint64(index)))
		if len(v) != len(out[i]) {
			return nil, fmt.Errorf("reading Merkle node %d: missing or damaged", index)
		}
		copy(out[i][:], v)
	}
	return out, nil
}

// view is the rules' state as one transaction sees it, with the changes of the batch so far on top.
type view struct {
	origin string
	size   uint64
	bucket *bbolt.Bucket
	over   map[string][]byte // nil in a snapshot
}

func (v *view) Origin() string { return v.origin }
func (v *view) Size() uint64   { return v.size }

func (v *view) Get(key string) []byte {
	if b, ok := v.over[key]; ok {
		return b
	}
	return v.bucket.Get([]byte(key))
}

// Digest flushes the changes first: the digest is over what the file holds.
func (v *view) Digest() (ledger.Hash, error) {
	if err := v.flush(); err != nil {
		return ledger.Hash{}, err
	}
	h := sha256.New()
	c := v.bucket.Cursor()
	for k, val := c.First(); k != nil; k, val = c.Next() {
		rule.WriteDigest(h, string(k), val)
	}
	return ledger.Hash(h.Sum(nil)), nil
}

func (v *view) apply(changes []rule.Change) {
	for _, c := range changes {
		v.over[c.Key] = c.Value
	}
}

func (v *view) flush() error {
	for k, val := range v.over {
		if err := v.bucket.Put([]byte(k), val); err != nil {
			return err
		}
	}
	clear(v.over)
	return nil
}

var errNotOurs = errors.New("the file is not a kindpakket ledger")
