package ledger

import (
	"bytes"
	"fmt"

	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxReceipt is the largest receipt file that is read, in bytes.
const MaxReceipt = MaxEntry + MaxCheckpoint + 8<<10

// Receipt proves that an entry stands in a ledger. As a file it is the entry's line, an empty line and the
// tlog-proof (C2SP tlog-proof@v1); it can be checked without asking anybody.
type Receipt struct {
	Entry []byte // the exact bytes
	Proof []byte // tlog-proof@v1: index, inclusion hashes, checkpoint
}

// NewReceipt joins an entry with its proof: hashes from the leaf's sibling up (RFC 6962, Section 2.1.1).
func NewReceipt(entry []byte, index uint64, hashes []Hash, checkpoint []byte) Receipt {
	p := proof.TLogProof{Index: index, Checkpoint: checkpoint}
	for _, h := range hashes {
		p.Hashes = append(p.Hashes, h)
	}
	return Receipt{Entry: entry, Proof: p.Marshal()}
}

// Bytes returns the receipt file.
func (r Receipt) Bytes() []byte {
	return bytes.Join([][]byte{r.Entry, nil, r.Proof}, []byte("\n"))
}

// ParseReceipt reads a receipt file of at most MaxReceipt bytes. Nothing is verified yet: see [Verify].
func ParseReceipt(file []byte) (Receipt, error) {
	if len(file) > MaxReceipt {
		return Receipt{}, fmt.Errorf("%w: larger than %d bytes", ErrReceipt, MaxReceipt)
	}
	entry, rest, ok := bytes.Cut(file, []byte("\n\n"))
	if !ok {
		return Receipt{}, fmt.Errorf("%w: no empty line between entry and proof", ErrReceipt)
	}
	if _, err := ParseEntry(entry); err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	r := Receipt{Entry: entry, Proof: rest}
	if _, err := r.proof(); err != nil {
		return Receipt{}, err
	}
	return r, nil
}

func (r Receipt) proof() (proof.TLogProof, error) {
	var p proof.TLogProof
	if err := p.Unmarshal(r.Proof); err != nil {
		return p, fmt.Errorf("%w: not a tlog-proof", ErrReceipt)
	}
	if p.ExtraData != nil || !bytes.Equal(p.Marshal(), r.Proof) {
		return p, fmt.Errorf("%w: the tlog-proof is not in its one encoding", ErrReceipt)
	}
	return p, nil
}

// Verify checks r: the checkpoint satisfies the policy, the entry is included in it, and the entry itself says the
// index that the proof says. It returns the entry; a caller still reads what the entry means.
func Verify(r Receipt, policy Policy) (Entry, error) {
	e, err := ParseEntry(r.Entry)
	if err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	p, err := r.proof()
	if err != nil {
		return Entry{}, err
	}
	c, err := policy.Open(p.Checkpoint)
	if err != nil {
		return Entry{}, err
	}
	if p.Index != e.Index || p.Index >= c.Size {
		return Entry{}, fmt.Errorf("%w: the proof is for another entry", ErrReceipt)
	}
	hashes := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		hashes[i] = h
	}
	if err := tlog.CheckRecord(hashes, int64(c.Size), tlog.Hash(c.Root), int64(p.Index), tlog.Hash(LeafHash(r.Entry))); err != nil {
		return Entry{}, fmt.Errorf("%w: the entry is not in the checkpoint's tree", ErrReceipt)
	}
	return e, nil
}

// MarshalText writes the receipt file, so that a receipt travels in JSON as one string.
func (r Receipt) MarshalText() ([]byte, error) { return r.Bytes(), nil }

// UnmarshalText reads what MarshalText writes; see [ParseReceipt].
func (r *Receipt) UnmarshalText(b []byte) error {
	parsed, err := ParseReceipt(bytes.Clone(b))
	if err == nil {
		*r = parsed
	}
	return err
}
