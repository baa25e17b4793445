package remote_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"kindpakket/ledger"
	"kindpakket/ledger/bolt"
	"kindpakket/ledger/ledgertest"
	"kindpakket/ledger/remote"
)

func local(t *testing.T, w *ledgertest.World) ledger.Log {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := bolt.Create(path, w.Origin); err != nil {
		t.Fatal(err)
	}
	l, err := bolt.Open(bolt.Config{Path: path, Origin: w.Origin, Signer: w.Signer, Policy: w.Policy, Now: func() time.Time { return w.Clock }})
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

func TestContract(t *testing.T) {
	ledgertest.Test(t, func(t *testing.T, w *ledgertest.World) ledger.Log {
		server := httptest.NewServer(remote.Handler(local(t, w), remote.Everyone(remote.Municipality)))
		t.Cleanup(server.Close)
		return remote.NewClient(server.URL, server.Client(), "")
	})
}

// TestRoles asks everything as everyone. B7: each route has its permission check.
func TestRoles(t *testing.T) {
	w := ledgertest.New(t)
	log := local(t, w)
	h := w.Fill(t, log, 1000)
	tokens := map[string]remote.Role{"Bearer a": remote.Auditor, "Bearer s": remote.Shops, "Bearer m": remote.Municipality}
	server := httptest.NewServer(remote.Handler(log, func(r *http.Request) remote.Role { return tokens[r.Header.Get("Authorization")] }))
	t.Cleanup(server.Close)
	asks := map[string]func(*remote.Client) error{
		"append": func(c *remote.Client) error {
			_, err := c.Append(t.Context(), w.Pay(h, "trapper", 50, "fiets"))
			return err
		},
		"receipt":     func(c *remote.Client) error { _, err := c.Receipt(t.Context(), 1); return err },
		"checkpoint":  func(c *remote.Client) error { _, err := c.Checkpoint(t.Context()); return err },
		"entries":     func(c *remote.Client) error { _, err := c.Entries(t.Context(), 0, 3); return err },
		"consistency": func(c *remote.Client) error { _, err := c.Consistency(t.Context(), 1, 3); return err },
		"balance":     func(c *remote.Client) error { _, err := c.Balance(t.Context(), h.Account); return err },
	}
	may := map[string]string{"append": "sm", "receipt": "sam", "checkpoint": "sam", "entries": "am", "consistency": "sam", "balance": "am"}
	for name, ask := range asks {
		for _, token := range []string{"", "x", "a", "s", "m"} {
			err := ask(remote.NewClient(server.URL, server.Client(), token))
			allowed := token != "" && token != "x" && contains(may[name], token)
			if (err == nil) != allowed {
				t.Errorf("%s as %q: got %v, want allowed %v", name, token, err, allowed)
			}
		}
	}
}

func contains(s, sub string) bool {
	for _, r := range s {
		if string(r) == sub {
			return true
		}
	}
	return false
}

// TestUnavailable: D6, an error is never a balance of 0, and a ledger that is away is no refusal.
func TestUnavailable(t *testing.T) {
	w := ledgertest.New(t)
	for name, answer := range map[string]http.HandlerFunc{
		"500":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"not JSON": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
	} {
		server := httptest.NewServer(answer)
		c := remote.NewClient(server.URL, server.Client(), "")
		if _, err := c.Balance(t.Context(), ledgertest.ID()); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("%s: balance: got %v, want ErrUnavailable", name, err)
		}
		if _, err := c.Append(t.Context(), w.Genesis()); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("%s: append: got %v, want ErrUnavailable", name, err)
		}
		server.Close()
	}
	c := remote.NewClient("http://127.0.0.1:1", http.DefaultClient, "")
	if _, err := c.Append(t.Context(), w.Genesis()); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("no server: got %v, want ErrUnavailable", err)
	}
}
