package ledger_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"kindpakket/ledger"
)

func FuzzParseEntry(f *testing.F) {
	rows, _ := read(f)
	for _, row := range rows {
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ledger.ParseEntry(b)
		if err != nil {
			return
		}
		again, err := ledger.NewEntry(e.Index, e.Prev, e.Time, e.Command())
		if err != nil || !bytes.Equal(again.Raw, b) || len(b) > ledger.MaxEntry {
			t.Fatalf("%q was read and is written as %q (%v)", b, again.Raw, err)
		}
	})
}

// FuzzParseBody reads bodies of every kind, and the statements in them.
func FuzzParseBody(f *testing.F) {
	rows, _ := read(f)
	for _, row := range rows {
		e, err := ledger.ParseEntry(row)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(e.Kind), []byte(e.Body))
	}
	f.Fuzz(func(t *testing.T, kind string, b []byte) {
		body, statement, payload, err := rewrite(ledger.Command{Kind: ledger.Kind(kind), Body: b})
		if err == nil && (!bytes.Equal(body.Body, b) || !bytes.Equal(statement, payload)) {
			t.Fatalf("%q was read and is written as %q; %q as %q", b, body.Body, payload, statement)
		}
	})
}

func FuzzParseStatement(f *testing.F) {
	kinds := []ledger.Kind{ledger.KindGenesis, ledger.KindFund, ledger.KindShop, ledger.KindIssue, ledger.KindKeys, ledger.KindBlock, ledger.KindPayout, ledger.KindClose}
	for _, kind := range kinds {
		f.Add(payload(f, kind))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, kind := range kinds {
			if again, err := restate(kind, b); err == nil && !bytes.Equal(again, b) {
				t.Fatalf("%s: %q was read and is written as %q", kind, b, again)
			}
		}
	})
}

func FuzzParseReceipt(f *testing.F) {
	rows, signed := read(f)
	proof, err := tlog.ProveRecord(int64(len(rows)), 4, grow(f, rows))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ledger.NewReceipt(rows[4], 4, hashes(proof), signed).Bytes())
	f.Add(ledger.NewReceipt(rows[0], 0, nil, nil).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ledger.ParseReceipt(b)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Bytes(), b) || len(b) > ledger.MaxReceipt {
			t.Fatalf("%q was read and is written as %q", b, r.Bytes())
		}
		if _, err := ledger.Verify(r, ledger.Policy{}); err == nil {
			t.Fatal("a policy that trusts nobody accepted it")
		}
	})
}

func FuzzParsePolicy(f *testing.F) {
	log, w := logKey(f, origin).vkey, witnessKey(f, "w.example").vkey
	f.Add([]byte("log " + log + "\nquorum none\n"))
	f.Add([]byte("# ours\nlog " + log + " https://l.example/\nwitness w " + w + "\nwitness v " + w + " https://v.example/\ngroup g any w\ngroup h all w g\nquorum h\n"))
	_, signed := read(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ledger.ParsePolicy(b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Bytes(), b) || len(b) > ledger.MaxPolicy {
			t.Fatalf("%q was read and is written as %q", b, p.Bytes())
		}
		if !bytes.Contains(b, []byte("kindpakket.zuidhorn.example+")) {
			if _, err := p.Open(signed); err == nil {
				t.Fatal("a checkpoint opened under a policy that does not name its log")
			}
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	_, golden := read(f)
	log := logKey(f, origin)
	trusted := policy(f, "log "+log.vkey, "quorum none")
	c := ledger.Checkpoint{Origin: origin, Size: 7, Root: ledger.Hash{1}}
	signed := sign(f, c, log)
	f.Add(golden)
	f.Add(signed)
	f.Add([]byte(origin + "\n7\n" + stdZero + "\n\n— x AAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := trusted.Open(b); err == nil && got != c {
			t.Fatalf("nobody signed %+v", got)
		}
		if got, err := ledger.PeekCheckpoint(b); err == nil && len(b) > ledger.MaxCheckpoint {
			t.Fatalf("%d bytes were read: %+v", len(b), got)
		}
	})
}

// FuzzVerifyConsistency: no list of hashes makes a changed tree consistent with what was there before.
func FuzzVerifyConsistency(f *testing.F) {
	rows, _ := read(f)
	h := grow(f, rows)
	for _, sizes := range [][2]int{{1, 2}, {3, 7}, {4, 8}, {6, 14}} {
		proof, err := tlog.ProveTree(int64(sizes[1]), int64(sizes[0]), h)
		if err != nil {
			f.Fatal(err)
		}
		var b []byte
		for _, p := range proof {
			b = append(b, p[:]...)
		}
		f.Add(uint64(sizes[0]), uint64(sizes[1]), b)
	}
	f.Add(uint64(1<<63), uint64(1<<63+1), []byte{})
	f.Add(uint64(1), uint64(1<<64-1), make([]byte, 64))
	f.Fuzz(func(t *testing.T, older, newer uint64, b []byte) {
		var proof []ledger.Hash
		for ; len(b) >= 32; b = b[32:] {
			proof = append(proof, ledger.Hash(b[:32]))
		}
		a, c := ledger.Checkpoint{Origin: origin, Size: older}, ledger.Checkpoint{Origin: origin, Size: newer}
		if older <= uint64(len(rows)) && newer <= uint64(len(rows)) && older > 0 && newer > 0 {
			a, c = h.at(t, int(older)), h.at(t, int(newer))
		}
		binary.BigEndian.PutUint64(a.Root[:], ^binary.BigEndian.Uint64(a.Root[:])) // another tree
		if err := ledger.VerifyConsistency(a, c, proof); err == nil && older > 0 && a.Root != c.Root {
			t.Fatalf("%d to %d: another tree was consistent", older, newer)
		}
	})
}
