package ledgertest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"kindpakket/ledger"
	"kindpakket/ledger/rule"
)

// Memory is the plainest ledger there is: the rules over a map, one command after another. What an engine does must give
// the same entries. It is the [rule.State] of its tests.
type Memory struct {
	Entries [][]byte
	origin  string
	records map[string][]byte
	last    ledger.Entry
	prev    ledger.Hash
}

// NewMemory makes an empty ledger.
func NewMemory(origin string) *Memory {
	return &Memory{origin: origin, records: map[string][]byte{}, prev: ledger.GenesisPrev(origin)}
}

func (m *Memory) Origin() string        { return m.origin }
func (m *Memory) Size() uint64          { return uint64(len(m.Entries)) }
func (m *Memory) Get(key string) []byte { return m.records[key] }

// Digest is as package rule defines it.
func (m *Memory) Digest() (ledger.Hash, error) {
	h := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(m.records)) {
		rule.WriteDigest(h, k, m.records[k])
	}
	return ledger.Hash(h.Sum(nil)), nil
}

// Append decides c at now and appends it. A retry returns the entry that is there.
func (m *Memory) Append(c ledger.Command, now time.Time) (ledger.Entry, error) {
	now = now.UTC().Truncate(time.Second)
	if m.Size() > 0 && m.last.Time.After(now) {
		now = m.last.Time
	}
	out, err := rule.Decide(m, c, now)
	if err != nil {
		return ledger.Entry{}, err
	}
	if out.Retry != nil {
		return ledger.ParseEntry(m.Entries[*out.Retry])
	}
	if m.Size() > 0 && rule.StateDue(m.last.Time, now) {
		state, err := rule.StateCommand(m, m.last.Raw)
		if err != nil {
			return ledger.Entry{}, err
		}
		if err := m.put(state, now, nil); err != nil {
			return ledger.Entry{}, err
		}
		if out, err = rule.Decide(m, c, now); err != nil {
			return ledger.Entry{}, fmt.Errorf("deciding again after the state: %w", err)
		}
	}
	err = m.put(c, now, out.Changes)
	return m.last, err
}

// put appends what was decided.
func (m *Memory) put(c ledger.Command, now time.Time, changes []rule.Change) error {
	e, err := ledger.NewEntry(m.Size(), m.prev, now, c)
	if err != nil {
		return err
	}
	for _, change := range changes {
		m.records[change.Key] = change.Value
	}
	m.Entries = append(m.Entries, e.Raw)
	m.last, m.prev = e, ledger.LeafHash(e.Raw)
	return nil
}

// Export writes the ledger in its public form: one entry a line, an empty line, the checkpoint signed by the signers.
func (m *Memory) Export(signers ...note.Signer) ([]byte, error) {
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	var out bytes.Buffer
	for _, e := range m.Entries {
		if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(e), nil); err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s\n", e)
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		return nil, err
	}
	signed, err := ledger.Checkpoint{Origin: m.origin, Size: m.Size(), Root: ledger.Hash(root)}.Sign(signers...)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&out, "\n%s", signed)
	return out.Bytes(), nil
}
