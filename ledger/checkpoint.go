package ledger

import (
	"errors"
	"fmt"
	"strings"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/witness"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxCheckpoint is the largest signed checkpoint that is read, in bytes; MaxPolicy the largest policy file.
const (
	MaxCheckpoint = 32 << 10
	MaxPolicy     = 64 << 10
)

// Checkpoint is a log's statement of its size and root hash (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   Hash // RFC 6962 root of the tree over the first Size entries
}

// Sign returns c as a signed note.
func (c Checkpoint) Sign(signers ...note.Signer) ([]byte, error) {
	text := log.Checkpoint{Origin: c.Origin, Size: c.Size, Hash: c.Root[:]}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, signers...)
	if err != nil {
		return nil, fmt.Errorf("signing checkpoint: %w", err)
	}
	return signed, nil
}

// Errors of checkpoints, policies and receipts.
var (
	ErrCheckpoint = errors.New("not a checkpoint that the policy accepts")
	ErrPolicy     = errors.New("not a policy file")
	ErrReceipt    = errors.New("not a receipt of this ledger")
)

// Policy says whose signatures make a checkpoint good: C2SP tlog-policy. The zero Policy accepts nothing.
type Policy struct {
	logs   []note.Verifier
	quorum witness.Group
	text   []byte
}

// NewPolicy trusts one log by its verifier key (C2SP signed-note) and asks for no witness.
func NewPolicy(vkey string) (Policy, error) {
	return ParsePolicy([]byte("log " + vkey + "\nquorum none\n"))
}

// ParsePolicy reads a tlog-policy file of at most MaxPolicy bytes: `log`, `witness`, `group` and `quorum` lines.
func ParsePolicy(text []byte) (Policy, error) {
	if len(text) > MaxPolicy {
		return Policy{}, fmt.Errorf("%w: larger than %d bytes", ErrPolicy, MaxPolicy)
	}
	p := Policy{text: text}
	var lines []string
	quorum := false // tlog-policy: exactly one; the library takes the last
	for n, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) > 0 && fields[0] == "log" {
			if len(fields) < 2 || len(fields) > 3 {
				return Policy{}, fmt.Errorf("%w: line %d: want log <vkey> [<url>]", ErrPolicy, n+1)
			}
			v, err := note.NewVerifier(fields[1])
			if err != nil {
				return Policy{}, fmt.Errorf("%w: line %d: verifier key: %w", ErrPolicy, n+1, err)
			}
			for _, other := range p.logs {
				if other.Name() == v.Name() && other.KeyHash() == v.KeyHash() {
					return Policy{}, fmt.Errorf("%w: line %d: the same log twice", ErrPolicy, n+1)
				}
			}
			p.logs = append(p.logs, v)
		}
		if len(fields) > 0 && fields[0] == "quorum" {
			if quorum {
				return Policy{}, fmt.Errorf("%w: line %d: a second quorum", ErrPolicy, n+1)
			}
			quorum = true
		}
		// The library wants a URL with each witness; the file format does not (tlog-policy, "Defining a witness").
		if len(fields) == 3 && fields[0] == "witness" {
			line += " https://witness.invalid/"
		}
		lines = append(lines, line)
	}
	if len(p.logs) == 0 {
		return Policy{}, fmt.Errorf("%w: no log line", ErrPolicy)
	}
	group, err := witness.ParsePolicy([]byte(strings.Join(lines, "\n")))
	if err != nil {
		return Policy{}, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	p.quorum = group
	return p, nil
}

// Bytes returns the file that p was read from.
func (p Policy) Bytes() []byte { return p.text }

// Open checks a signed checkpoint: it must be signed by a log of the policy under its origin, and cosigned by the
// quorum. Unknown signatures are ignored (C2SP signed-note). It returns [ErrCheckpoint] otherwise.
func (p Policy) Open(signed []byte) (Checkpoint, error) {
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, fmt.Errorf("%w: larger than %d bytes", ErrCheckpoint, MaxCheckpoint)
	}
	if len(p.logs) == 0 {
		return Checkpoint{}, fmt.Errorf("%w: the policy names no log", ErrCheckpoint)
	}
	n, err := note.Open(signed, note.VerifierList(p.logs...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: not signed by a log that the policy names", ErrCheckpoint)
	}
	var c log.Checkpoint
	rest, err := c.Unmarshal([]byte(n.Text))
	if err != nil || len(rest) > 0 || len(c.Hash) != len(Hash{}) {
		return Checkpoint{}, fmt.Errorf("%w: not a tlog-checkpoint without extensions", ErrCheckpoint)
	}
	if string(c.Marshal()) != n.Text {
		return Checkpoint{}, fmt.Errorf("%w: not the one encoding", ErrCheckpoint)
	}
	ours := false
	for _, s := range n.Sigs {
		ours = ours || s.Name == c.Origin
	}
	if !ours {
		return Checkpoint{}, fmt.Errorf("%w: signed under another origin", ErrCheckpoint)
	}
	if !p.quorum.Satisfied(signed) {
		return Checkpoint{}, fmt.Errorf("%w: too few witnesses", ErrCheckpoint)
	}
	return Checkpoint{Origin: c.Origin, Size: c.Size, Root: Hash(c.Hash)}, nil
}

// PeekCheckpoint reads a signed checkpoint without checking any signature. Use it to learn a size or an origin that
// is then checked by other means, never as evidence.
func PeekCheckpoint(signed []byte) (Checkpoint, error) {
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, fmt.Errorf("%w: larger than %d bytes", ErrCheckpoint, MaxCheckpoint)
	}
	var c log.Checkpoint
	if _, err := c.Unmarshal(signed); err != nil || len(c.Hash) != len(Hash{}) {
		return Checkpoint{}, fmt.Errorf("%w: not a tlog-checkpoint", ErrCheckpoint)
	}
	return Checkpoint{Origin: c.Origin, Size: c.Size, Root: Hash(c.Hash)}, nil
}

// VerifyConsistency checks that the tree of older is a prefix of the tree of newer (RFC 6962, Section 2.1.2).
func VerifyConsistency(older, newer Checkpoint, proof []Hash) error {
	switch {
	case older.Origin != newer.Origin:
		return fmt.Errorf("%w: checkpoints of two ledgers", ErrCheckpoint)
	case newer.Size < older.Size:
		return fmt.Errorf("%w: the ledger shrank from %d to %d entries", ErrCheckpoint, older.Size, newer.Size)
	case newer.Size == older.Size && newer.Root != older.Root:
		return fmt.Errorf("%w: two ledgers of %d entries differ", ErrCheckpoint, older.Size)
	case newer.Size == older.Size || older.Size == 0:
		return nil
	}
	tp := make(tlog.TreeProof, len(proof))
	for i, h := range proof {
		tp[i] = tlog.Hash(h)
	}
	if err := tlog.CheckTree(tp, int64(newer.Size), tlog.Hash(newer.Root), int64(older.Size), tlog.Hash(older.Root)); err != nil {
		return fmt.Errorf("%w: the newer checkpoint does not extend the older", ErrCheckpoint)
	}
	return nil
}
