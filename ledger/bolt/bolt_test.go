package bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kindpakket/ledger"
	"kindpakket/ledger/bolt"
	"kindpakket/ledger/ledgertest"
)

func config(w *ledgertest.World, path string) bolt.Config {
	return bolt.Config{Path: path, Origin: w.Origin, Signer: w.Signer, Policy: w.Policy, Now: func() time.Time { return w.Clock }}
}

func open(t *testing.T, w *ledgertest.World, path string) *bolt.Log {
	t.Helper()
	l, err := bolt.Open(config(w, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func create(t *testing.T, w *ledgertest.World) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := bolt.Create(path, w.Origin); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestContract(t *testing.T) {
	ledgertest.Test(t, func(t *testing.T, w *ledgertest.World) ledger.Log { return open(t, w, create(t, w)) })
}

func TestCreateOnce(t *testing.T) {
	w := ledgertest.New(t)
	path := create(t, w)
	if err := bolt.Create(path, w.Origin); !errors.Is(err, bolt.ErrExists) {
		t.Errorf("creating twice: got %v, want ErrExists", err)
	}
}

func TestReopen(t *testing.T) {
	w := ledgertest.New(t)
	path := create(t, w)
	l := open(t, w, path)
	h := w.Fill(t, l, 1000)
	w.Append(t, l, w.Pay(h, "trapper", 400, "fiets"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), w.Pay(h, "trapper", 100, "fiets")); err == nil {
		t.Error("a closed ledger appended")
	}
	again := open(t, w, path)
	if left, err := again.Balance(t.Context(), h.Account); left != 600 || err != nil {
		t.Errorf("left after opening again: %d, %v, want 600", left, err)
	}
	w.Append(t, again, w.Pay(h, "trapper", 600, "fiets"))
}

// TestRolledBack puts an older copy of the file back; the checkpoint beside it gives that away.
func TestRolledBack(t *testing.T) {
	w := ledgertest.New(t)
	path := create(t, w)
	l := open(t, w, path)
	h := w.Fill(t, l, 1000)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	older, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l = open(t, w, path)
	w.Append(t, l, w.Pay(h, "trapper", 1000, "fiets"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := bolt.Open(config(w, path)); !errors.Is(err, bolt.ErrRolledBack) {
		if l != nil {
			l.Close()
		}
		t.Errorf("opening an older copy: got %v, want ErrRolledBack", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	w := ledgertest.New(t)
	path := create(t, w)
	l := open(t, w, path)
	w.Fill(t, l, 1000)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	other := ledgertest.New(t)
	for name, c := range map[string]bolt.Config{
		"another log's key": {Path: path, Origin: w.Origin, Signer: other.Signer, Policy: other.Policy},
		"another origin":    {Path: path, Origin: "other.example", Signer: w.Signer, Policy: w.Policy},
		"no file":           {Path: path + ".gone", Origin: w.Origin, Signer: w.Signer, Policy: w.Policy},
	} {
		if l, err := bolt.Open(c); err == nil {
			l.Close()
			t.Errorf("%s: opened", name)
		}
	}
	if _, err := os.Stat(path + ".gone"); err == nil {
		t.Error("opening a missing file made one")
	}
}
