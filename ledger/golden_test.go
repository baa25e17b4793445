package ledger_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"kindpakket/credential/jose"
	"kindpakket/ledger"
)

// read returns the golden ledger, which the tests of package audit make: its entries and its checkpoint.
func read(t testing.TB) (rows [][]byte, checkpoint []byte) {
	t.Helper()
	file, err := os.ReadFile("testdata/ledger.txt")
	if err != nil {
		t.Fatal(err)
	}
	entries, checkpoint, ok := bytes.Cut(file, []byte("\n\n"))
	if !ok {
		t.Fatal("the golden ledger has no empty line")
	}
	return bytes.Split(entries, []byte("\n")), checkpoint
}

// rewrite reads a command's body, and the statement in it, and writes both again.
func rewrite(c ledger.Command) (body ledger.Command, statement, payload []byte, err error) {
	switch c.Kind {
	case ledger.KindSpend:
		body, err = again[ledger.SpendBody](c)
		return body, nil, nil, err
	case ledger.KindReturn, ledger.KindTopUp:
		body, err = again[ledger.OrderBody](c)
		return body, nil, nil, err
	case ledger.KindState:
		body, err = again[ledger.StateBody](c)
		return body, nil, nil, err
	}
	if body, err = again[ledger.SignedBody](c); err != nil {
		return body, nil, nil, err
	}
	b, err := ledger.ParseBody[ledger.SignedBody](c)
	if err != nil {
		return body, nil, nil, err
	}
	token, err := jose.Parse(b.JWS)
	if err != nil {
		return body, nil, nil, err
	}
	statement, err = restate(c.Kind, token.Payload)
	return body, statement, token.Payload, err
}

func again[T ledger.SignedBody | ledger.SpendBody | ledger.OrderBody | ledger.StateBody](c ledger.Command) (ledger.Command, error) {
	b, err := ledger.ParseBody[T](c)
	if err != nil {
		return ledger.Command{}, err
	}
	return ledger.NewCommand(c.Kind, b)
}

var errKind = errors.New("no statement of this kind")

// restate reads a statement's payload and writes it again.
func restate(kind ledger.Kind, payload []byte) ([]byte, error) {
	switch kind {
	case ledger.KindGenesis:
		return state[ledger.Genesis](payload)
	case ledger.KindFund:
		return state[ledger.Fund](payload)
	case ledger.KindShop:
		return state[ledger.Shop](payload)
	case ledger.KindIssue:
		return state[ledger.Issue](payload)
	case ledger.KindKeys:
		return state[ledger.Keys](payload)
	case ledger.KindBlock:
		return state[ledger.Block](payload)
	case ledger.KindPayout:
		return state[ledger.Payout](payload)
	case ledger.KindClose:
		return state[ledger.Close](payload)
	}
	return nil, errKind
}

func state[T ledger.Statement](payload []byte) ([]byte, error) {
	s, err := ledger.ParseStatement[T](payload)
	if err != nil {
		return nil, err
	}
	return ledger.Payload(s)
}

// TestGolden reads an entry of each kind and writes it again, byte for byte, down to the statement.
func TestGolden(t *testing.T) {
	rows, signed := read(t)
	prev := ledger.GenesisPrev("kindpakket.zuidhorn.example")
	kinds := map[ledger.Kind]bool{}
	for i, row := range rows {
		e, err := ledger.ParseEntry(row)
		if err != nil || e.Index != uint64(i) || e.Prev != prev {
			t.Fatalf("entry %d: %v, or its place is wrong", i, err)
		}
		prev = ledger.LeafHash(row)
		kinds[e.Kind] = true
		if written, err := ledger.NewEntry(e.Index, e.Prev, e.Time, e.Command()); err != nil || !bytes.Equal(written.Raw, row) {
			t.Errorf("entry %d written again: %s (%v), want %s", i, written.Raw, err, row)
		}
		body, statement, payload, err := rewrite(e.Command())
		if err != nil || !bytes.Equal(body.Body, e.Body) || !bytes.Equal(statement, payload) {
			t.Errorf("%s written again: %s %s (%v), want %s %s", e.Kind, body.Body, statement, err, e.Body, payload)
		}
	}
	if len(kinds) != 12 {
		t.Errorf("%d kinds of entry, want all 12", len(kinds))
	}
	c, err := ledger.PeekCheckpoint(signed)
	if err != nil || c.Size != uint64(len(rows)) || c.Origin != "kindpakket.zuidhorn.example" {
		t.Errorf("checkpoint: %+v, %v", c, err)
	}
}

// payload returns the golden statement of a kind, the last one if there are several.
func payload(t testing.TB, kind ledger.Kind) []byte {
	t.Helper()
	rows, _ := read(t)
	var out []byte
	for _, row := range rows {
		e, err := ledger.ParseEntry(row)
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == kind {
			if _, out, _, err = rewrite(e.Command()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out == nil {
		t.Fatalf("the golden ledger has no %s", kind)
	}
	return out
}
