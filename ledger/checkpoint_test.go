package ledger_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"kindpakket/ledger"
)

const origin = "kindpakket.zuidhorn.example"

// party is somebody who signs checkpoints.
type party struct {
	signer note.Signer
	vkey   string
}

func logKey(t testing.TB, name string) party {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return party{s, vkey}
}

func witnessKey(t testing.TB, name string) party {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := fnote.NewSignerForCosignatureV1(skey)
	if err != nil {
		t.Fatal(err)
	}
	if vkey, err = fnote.VKeyToCosignatureV1(vkey); err != nil {
		t.Fatal(err)
	}
	return party{s, vkey}
}

func policy(t testing.TB, lines ...string) ledger.Policy {
	t.Helper()
	p, err := ledger.ParsePolicy([]byte(strings.Join(lines, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sign(t testing.TB, c ledger.Checkpoint, by ...party) []byte {
	t.Helper()
	var signers []note.Signer
	for _, p := range by {
		signers = append(signers, p.signer)
	}
	b, err := c.Sign(signers...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPolicyOpen: whose signatures are enough, with witnesses and groups of them.
func TestPolicyOpen(t *testing.T) {
	log, other, elsewhere := logKey(t, origin), logKey(t, origin), logKey(t, "elders.example")
	a, b, c := witnessKey(t, "accountant.example"), witnessKey(t, "neighbour.example"), witnessKey(t, "shops.example")
	plain := policy(t, "log "+log.vkey, "quorum none")
	twoOf := policy(t, "# the council's choice", "log "+log.vkey+" https://ledger.example/", "witness a "+a.vkey, "witness b "+b.vkey+" https://b.example/", "witness c "+c.vkey,
		"group two 2 a b c", "quorum two")
	one := policy(t, "log "+log.vkey, "log "+elsewhere.vkey, "witness a "+a.vkey, "quorum a")
	point := ledger.Checkpoint{Origin: origin, Size: 7, Root: ledger.Hash{1}}
	wrong := ledger.Checkpoint{Origin: "elders.example", Size: 7, Root: ledger.Hash{1}}
	changed := bytes.Replace(sign(t, point, log), []byte("\n7\n"), []byte("\n8\n"), 1)
	text := func(s string) []byte {
		n, err := note.Sign(&note.Note{Text: s}, log.signer)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, test := range []struct {
		name   string
		policy ledger.Policy
		signed []byte
		good   bool
	}{
		{"the log", plain, sign(t, point, log), true},
		{"the log and a stranger", plain, sign(t, point, other, log), true},
		{"another key of the same name", plain, sign(t, point, other), false},
		{"another log", plain, sign(t, wrong, elsewhere), false},
		{"our log under another origin", plain, sign(t, wrong, log), false},
		{"another log under our origin", one, sign(t, point, elsewhere, a), false},
		{"the other log of two", one, sign(t, wrong, elsewhere, a), true},
		{"the log without its witness", one, sign(t, point, log), false},
		{"the witness without the log", one, sign(t, point, a), false},
		{"none of three", twoOf, sign(t, point, log), false},
		{"one of three", twoOf, sign(t, point, log, b), false},
		{"one of three twice", twoOf, sign(t, point, log, b, b), false},
		{"two of three", twoOf, sign(t, point, log, a, c), true},
		{"three of three", twoOf, sign(t, point, log, a, b, c), true},
		{"a changed size", plain, changed, false},
		{"no policy", ledger.Policy{}, sign(t, point, log), false},
		{"an extension line", plain, text(origin + "\n7\n" + stdZero + "\nmore\n"), false},
		{"a size with zeros before", plain, text(origin + "\n07\n" + stdZero + "\n"), false},
		{"a short root", plain, text(origin + "\n7\nAAAA\n"), false},
		{"another text", plain, text("pay the bearer\n"), false},
		{"nothing", plain, nil, false},
		{"too large", plain, append(sign(t, point, log), bytes.Repeat([]byte("— x AAAA\n"), ledger.MaxCheckpoint/8)...), false},
	} {
		got, err := test.policy.Open(test.signed)
		if test.good && (err != nil || got.Size != 7) || !test.good && !errors.Is(err, ledger.ErrCheckpoint) {
			t.Errorf("%s: got %+v, %v, want good %v", test.name, got, err, test.good)
		}
	}
	if got, err := ledger.PeekCheckpoint(sign(t, point, other)); err != nil || got != point {
		t.Errorf("peeking at a stranger's: got %+v, %v", got, err)
	}
	for _, in := range [][]byte{nil, []byte("noise"), make([]byte, ledger.MaxCheckpoint+1), []byte(origin + "\n7\nAAAA\n")} {
		if _, err := ledger.PeekCheckpoint(in); !errors.Is(err, ledger.ErrCheckpoint) {
			t.Errorf("peeking at %.20q: got %v, want ErrCheckpoint", in, err)
		}
	}
	if string(plain.Bytes()) != "log "+log.vkey+"\nquorum none\n" {
		t.Errorf("the policy's file: %q", plain.Bytes())
	}
}

const stdZero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func TestParsePolicyRefuses(t *testing.T) {
	log, w := logKey(t, origin).vkey, witnessKey(t, "w.example").vkey
	for name, text := range map[string]string{
		"nothing": "", "no log": "quorum none\n", "no quorum": "log " + log + "\n", "no key": "log\nquorum none\n", "a broken key": "log " + log[:len(log)-3] + "\nquorum none\n",
		"words after the key": "log " + log + " https://a.example/ more\nquorum none\n", "the same log twice": "log " + log + "\nlog " + log + "\nquorum none\n",
		"an unknown quorum": "log " + log + "\nquorum w\n", "two quorums": "log " + log + "\nquorum none\nquorum none\n", "an unknown line": "log " + log + "\nallow all\nquorum none\n",
		"a witness twice": "log " + log + "\nwitness w " + w + "\nwitness w " + w + "\nquorum w\n", "three of two": "log " + log + "\nwitness w " + w + "\ngroup g 2 w\nquorum g\n",
		"a witness without a name": "log " + log + "\nwitness " + w + "\nquorum none\n",
		"a group of strangers":     "log " + log + "\ngroup g 1 a\nquorum g\n", "too large": "log " + log + "\nquorum none\n" + strings.Repeat("#\n", ledger.MaxPolicy),
	} {
		if _, err := ledger.ParsePolicy([]byte(text)); !errors.Is(err, ledger.ErrPolicy) {
			t.Errorf("%s: got %v, want ErrPolicy", name, err)
		}
	}
	if _, err := ledger.NewPolicy("a b"); !errors.Is(err, ledger.ErrPolicy) {
		t.Errorf("NewPolicy of two words: got %v, want ErrPolicy", err)
	}
}

// tree is a Merkle tree over rows, for making proofs.
type tree []tlog.Hash

func (h tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = h[index]
	}
	return out, nil
}

func grow(t testing.TB, rows [][]byte) tree {
	t.Helper()
	var h tree
	for i, row := range rows {
		more, err := tlog.StoredHashes(int64(i), row, h)
		if err != nil {
			t.Fatal(err)
		}
		h = append(h, more...)
	}
	return h
}

func (h tree) at(t testing.TB, n int) ledger.Checkpoint {
	t.Helper()
	root, err := tlog.TreeHash(int64(n), h)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Checkpoint{Origin: origin, Size: uint64(n), Root: ledger.Hash(root)}
}

func hashes[T ~[]tlog.Hash](proof T) []ledger.Hash {
	out := make([]ledger.Hash, len(proof))
	for i, h := range proof {
		out[i] = ledger.Hash(h)
	}
	return out
}

func TestVerifyConsistency(t *testing.T) {
	rows, _ := read(t)
	h := grow(t, rows)
	for older := 1; older <= len(rows); older++ {
		for newer := older; newer <= len(rows); newer++ {
			proof, err := tlog.ProveTree(int64(newer), int64(older), h)
			if err != nil && newer > older {
				t.Fatal(err)
			}
			a, b, p := h.at(t, older), h.at(t, newer), hashes(proof)
			if err := ledger.VerifyConsistency(a, b, p); err != nil {
				t.Fatalf("%d to %d: %v", older, newer, err)
			}
			forged := a
			forged.Root[3] ^= 1
			elders := b
			elders.Origin = "elders.example"
			bad := map[string]error{"a forged root": ledger.VerifyConsistency(forged, b, p), "another ledger": ledger.VerifyConsistency(a, elders, p)}
			if newer > older {
				bad["shrunk"] = ledger.VerifyConsistency(b, a, p)
				bad["no proof"] = ledger.VerifyConsistency(a, b, nil)
				bad["a hash more"] = ledger.VerifyConsistency(a, b, append(p[:len(p):len(p)], ledger.Hash{}))
				changed := append([]ledger.Hash{}, p...)
				changed[0][0] ^= 1
				bad["a changed hash"] = ledger.VerifyConsistency(a, b, changed)
			}
			for name, err := range bad {
				if !errors.Is(err, ledger.ErrCheckpoint) {
					t.Fatalf("%d to %d: %s: got %v, want ErrCheckpoint", older, newer, name, err)
				}
			}
		}
	}
	if err := ledger.VerifyConsistency(ledger.Checkpoint{Origin: origin}, h.at(t, 3), nil); err != nil {
		t.Errorf("from nothing: %v", err)
	}
}

// TestReceipt proves each golden entry, and refuses each receipt with one thing changed.
func TestReceipt(t *testing.T) {
	rows, _ := read(t)
	h, log := grow(t, rows), logKey(t, origin)
	trusted := policy(t, "log "+log.vkey, "quorum none")
	signed := sign(t, h.at(t, len(rows)), log)
	receipt := func(i int) ledger.Receipt {
		proof, err := tlog.ProveRecord(int64(len(rows)), int64(i), h)
		if err != nil {
			t.Fatal(err)
		}
		return ledger.NewReceipt(rows[i], uint64(i), hashes(proof), signed)
	}
	for i := range rows {
		r, err := ledger.ParseReceipt(receipt(i).Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if e, err := ledger.Verify(r, trusted); err != nil || e.Index != uint64(i) {
			t.Errorf("entry %d: %v", i, err)
		}
		var text ledger.Receipt
		if b, err := r.MarshalText(); err != nil || text.UnmarshalText(b) != nil || !bytes.Equal(text.Bytes(), b) {
			t.Errorf("entry %d as text: %v", i, err)
		}
	}
	good := receipt(4)
	swapped := receipt(5)
	swapped.Entry = good.Entry
	renumbered := ledger.NewReceipt(good.Entry, 5, nil, signed)
	for name, test := range map[string]struct {
		receipt ledger.Receipt
		policy  ledger.Policy
		want    error
	}{
		"another entry's proof": {swapped, trusted, ledger.ErrReceipt},
		"another index":         {renumbered, trusted, ledger.ErrReceipt},
		"no hashes":             {ledger.NewReceipt(good.Entry, 4, nil, signed), trusted, ledger.ErrReceipt},
		"beyond the checkpoint": {ledger.NewReceipt(good.Entry, 4, nil, sign(t, h.at(t, 4), log)), trusted, ledger.ErrReceipt},
		"no checkpoint":         {ledger.NewReceipt(good.Entry, 4, nil, nil), trusted, ledger.ErrCheckpoint},
		"a stranger's ledger":   {good, policy(t, "log "+logKey(t, origin).vkey, "quorum none"), ledger.ErrCheckpoint},
		"no policy":             {good, ledger.Policy{}, ledger.ErrCheckpoint},
		"no entry":              {ledger.Receipt{Proof: good.Proof}, trusted, ledger.ErrReceipt},
		"no proof":              {ledger.Receipt{Entry: good.Entry}, trusted, ledger.ErrReceipt},
	} {
		if _, err := ledger.Verify(test.receipt, test.policy); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	file := string(good.Bytes())
	for _, change := range [][2]string{{"\n\n", "\n"}, {`"index":4`, `"index":04`}, {"tlog-proof@v1", "tlog-proof@v2"}, {"index 4\n", "index 04\n"}, {"index 4\n", "extra AAAA\nindex 4\n"},
		{"index 4\n", "index -4\n"}, {"index 4\n", "index 4\r\n"}, {"index 4\n", "index 4\nAAAA\n"}, {"\nindex 4", ""}, {`{"v":1`, `{"v":2`}} {
		bad := strings.Replace(file, change[0], change[1], 1)
		if bad == file {
			t.Fatalf("the receipt holds no %q", change[0])
		}
		if _, err := ledger.ParseReceipt([]byte(bad)); !errors.Is(err, ledger.ErrReceipt) {
			t.Errorf("%q → %q: got %v, want ErrReceipt", change[0], change[1], err)
		}
	}
	var none ledger.Receipt
	for _, in := range []string{"", "\n\n", "noise", file + strings.Repeat("x", ledger.MaxReceipt)} {
		if err := none.UnmarshalText([]byte(in)); !errors.Is(err, ledger.ErrReceipt) || none.Entry != nil {
			t.Errorf("%.20q: got %v, want ErrReceipt", in, err)
		}
	}
	// Whatever byte is changed, the receipt proves nothing or proves the very same entry.
	for i := range file {
		bad := []byte(file)
		bad[i] ^= 1
		if r, err := ledger.ParseReceipt(bad); err == nil {
			if _, err := ledger.Verify(r, trusted); err == nil && !bytes.Equal(r.Entry, good.Entry) {
				t.Fatal(fmt.Errorf("byte %d changed, and another entry is proved", i))
			}
		}
	}
}
