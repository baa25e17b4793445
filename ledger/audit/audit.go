package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"kindpakket/credential/budget"
	"kindpakket/ledger"
	"kindpakket/ledger/rule"
)

// Fault is the first thing that is wrong in a ledger. Everything before it was right.
type Fault struct {
	Line  int    `json:"line"`  // in the export, from 1
	Index uint64 `json:"index"` // of the entry; the number of entries if it is the checkpoint that is wrong
	What  string `json:"what"`
}

func (f *Fault) Error() string {
	return fmt.Sprintf("line %d (entry %d): %s", f.Line, f.Index, f.What)
}

// Report says what a replay found.
type Report struct {
	Origin       string `json:"origin"`
	Entries      uint64 `json:"entries"`
	Root         string `json:"root"`          // base64url, of the checkpoint
	KeyFromFile  bool   `json:"key_from_file"` // no policy was given: the key inside the file was trusted
	Clean        bool   `json:"clean"`
	Fault        *Fault `json:"fault,omitempty"`
	Municipality string `json:"municipality"`
	Funds        []Fund `json:"funds"`
}

// Fund is what happened to a fund in a period. Amounts are cents.
type Fund struct {
	Fund        string       `json:"fund"`
	Period      string       `json:"period"`
	Accounts    int          `json:"accounts"` // budgets given
	Issued      budget.Cents `json:"issued"`
	ToppedUp    budget.Cents `json:"topped_up"`
	Spent       budget.Cents `json:"spent"`
	Returned    budget.Cents `json:"returned"`
	PaidOut     budget.Cents `json:"paid_out"`
	Outstanding budget.Cents `json:"outstanding"`
	Closed      bool         `json:"closed"`
	Shops       []Sum        `json:"shops"`
	Categories  []Sum        `json:"categories"`
}

// Sum is what was bought at a shop or in a category.
type Sum struct {
	Name     string       `json:"name"`
	Spends   int          `json:"spends"`
	Spent    budget.Cents `json:"spent"`
	Returned budget.Cents `json:"returned"`
	PaidOut  budget.Cents `json:"paid_out,omitempty"` // shops only
}

// Options of Run.
type Options struct {
	Policy   *ledger.Policy          // whose checkpoint to accept; nil trusts the key inside the file and says so
	Progress func(entries uint64)    // optional; called now and then
	Payouts  func(ledger.Payout)     // optional; called for each payout, for comparing files with the ledger
	Each     func(ledger.Entry) bool // optional; called for each entry after it was found right
}

// Run replays the export that r reads. It returns the report, and a [*Fault] (also in the report) if something is
// wrong. Another error says that r could not be read.
func Run(r io.Reader, o Options) (Report, error) {
	a := &auditor{o: o, state: &memory{records: map[string][]byte{}}, funds: map[string]*fund{}, names: map[string]string{},
		tree: (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)}
	err := a.run(bufio.NewReaderSize(r, 2*ledger.MaxEntry))
	a.report.Funds = a.summary()
	var f *Fault
	if errors.As(err, &f) {
		a.report.Fault = f
	}
	a.report.Clean = err == nil
	return a.report, err
}

// memory is a rule state in memory.
type memory struct {
	origin  string
	size    uint64
	records map[string][]byte
}

func (m *memory) Origin() string        { return m.origin }
func (m *memory) Size() uint64          { return m.size }
func (m *memory) Get(key string) []byte { return m.records[key] }
func (m *memory) Digest() (ledger.Hash, error) {
	keys := make([]string, 0, len(m.records))
	for k := range m.records {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	h := sha256.New()
	for _, k := range keys {
		rule.WriteDigest(h, k, m.records[k])
	}
	return ledger.Hash(h.Sum(nil)), nil
}

type auditor struct {
	o      Options
	state  *memory
	tree   *compact.Range
	prev   ledger.Hash
	last   ledger.Entry
	line   int
	vkey   string // of the genesis
	report Report
	funds  map[string]*fund
	names  map[string]string // shop DID → trade name
}

// fault makes the report's fault at the present line.
func (a *auditor) fault(what string, args ...any) error {
	return &Fault{Line: a.line, Index: a.state.size, What: fmt.Sprintf(what, args...)}
}

func (a *auditor) run(r *bufio.Reader) error {
	for {
		a.line++
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return a.fault("a line longer than an entry may be")
		}
		if errors.Is(err, io.EOF) {
			return a.fault("the file ends without a checkpoint: it was cut off")
		}
		if err != nil {
			return fmt.Errorf("reading ledger: %w", err)
		}
		line = line[:len(line)-1]
		if len(line) == 0 {
			break
		}
		if err := a.entry(bytes.Clone(line)); err != nil {
			return err
		}
		if a.o.Progress != nil && a.state.size%1000 == 0 {
			a.o.Progress(a.state.size)
		}
	}
	return a.checkpoint(r)
}

// entry checks one line and replays it.
func (a *auditor) entry(raw []byte) error {
	e, err := ledger.ParseEntry(raw)
	if err != nil {
		return a.fault("%v", err)
	}
	if e.Index != a.state.size {
		return a.fault("the entry says index %d", e.Index)
	}
	if e.Index == 0 {
		if err := a.begin(e); err != nil {
			return err
		}
	}
	switch {
	case e.Prev != a.prev:
		return a.fault("prev is not the hash of the entry before: one of the two was changed")
	case e.Time.Before(a.last.Time):
		return a.fault("the time goes back")
	case e.Index > 0 && rule.StateDue(a.last.Time, e.Time) && e.Kind != ledger.KindState:
		return a.fault("a new day begins without a state entry")
	}
	if e.Kind == ledger.KindState {
		want, err := rule.StateCommand(a.state, a.last.Raw)
		if err != nil {
			return fmt.Errorf("digesting state: %w", err)
		}
		if !bytes.Equal(want.Body, e.Body) {
			return a.fault("the state's digest is not what the entries before give")
		}
	}
	out, err := rule.Decide(a.state, e.Command(), e.Time)
	if err != nil {
		return a.fault("the rules refuse this entry: %v", err)
	}
	if out.Retry != nil {
		return a.fault("the same command stands at entry %d", *out.Retry)
	}
	if err := a.count(e); err != nil {
		return err
	}
	for _, c := range out.Changes {
		a.state.records[c.Key] = c.Value
	}
	leaf := ledger.LeafHash(raw)
	if err := a.tree.Append(leaf[:], nil); err != nil {
		return fmt.Errorf("hashing the tree: %w", err)
	}
	a.prev, a.last = leaf, e
	a.state.size++
	if a.o.Each != nil && !a.o.Each(e) {
		return a.fault("stopped here")
	}
	return nil
}

// begin reads the origin and the log's key from the genesis, the first entry. Whether they are to be trusted is the
// policy's to say.
func (a *auditor) begin(e ledger.Entry) error {
	if e.Kind != ledger.KindGenesis {
		return a.fault("the first entry is no genesis")
	}
	g, err := ledger.ReadStatement[ledger.Genesis](e)
	if err != nil {
		return a.fault("genesis: %v", err)
	}
	a.state.origin, a.vkey, a.prev = g.Ledger, g.Log, ledger.GenesisPrev(g.Ledger)
	a.report.Origin, a.report.Municipality = g.Ledger, g.Municipality
	return nil
}

// checkpoint reads the rest of the file and compares it with the entries.
func (a *auditor) checkpoint(r io.Reader) error {
	signed, err := io.ReadAll(io.LimitReader(r, ledger.MaxCheckpoint+1))
	if err != nil {
		return fmt.Errorf("reading ledger: %w", err)
	}
	a.line++
	if a.state.size == 0 {
		return a.fault("the ledger has no entries")
	}
	policy := a.o.Policy
	if policy == nil {
		own, err := ledger.NewPolicy(a.vkey)
		if err != nil {
			return a.fault("the genesis names no usable log key: %v", err)
		}
		policy, a.report.KeyFromFile = &own, true
	}
	c, err := policy.Open(signed)
	if err != nil {
		return a.fault("%v", err)
	}
	root, err := a.tree.GetRootHash(nil)
	if err != nil {
		return fmt.Errorf("hashing the tree: %w", err)
	}
	a.report.Entries, a.report.Root = c.Size, base64.RawURLEncoding.EncodeToString(root)
	switch {
	case c.Origin != a.state.origin:
		return a.fault("the checkpoint is of another ledger")
	case c.Size != a.state.size:
		return a.fault("the checkpoint says %d entries, the file has %d", c.Size, a.state.size)
	case !bytes.Equal(c.Root[:], root):
		return a.fault("the checkpoint's root is not that of the entries")
	}
	return a.reconcile()
}

// Export writes entries and checkpoint as [Run] reads them.
func Export(w io.Writer, entries func(yield func([]byte, error) bool), checkpoint []byte) error {
	for e, err := range entries {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", e); err != nil {
			return fmt.Errorf("writing export: %w", err)
		}
	}
	if _, err := fmt.Fprintf(w, "\n%s", checkpoint); err != nil {
		return fmt.Errorf("writing export: %w", err)
	}
	return nil
}
