package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/budget"
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

// TestB7EveryRouteAsksWho: one call lacked the permission check that stood beside it in its siblings. Here everything is
// asked as everyone.
func TestB7EveryRouteAsksWho(t *testing.T) {
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
	may := map[string]string{"append": "sm", "receipt": "am", "checkpoint": "sam", "entries": "am", "consistency": "sam", "balance": "am"}
	for name, ask := range asks {
		for _, token := range []string{"", "x", "a", "s", "m"} {
			err := ask(remote.NewClient(server.URL, server.Client(), token))
			allowed := token != "" && strings.Contains(may[name], token)
			if (err == nil) != allowed {
				t.Errorf("%s as %q: got %v, want allowed %v", name, token, err, allowed)
			}
		}
	}
}

// TestOnlyTheRulesRefuse: a payment that stands in the ledger is asked for again, and the request breaks off on its way. The
// server calls that malformed, as the rules call a bad body; the room must not take it for the ledger's no.
func TestOnlyTheRulesRefuse(t *testing.T) {
	w := ledgertest.New(t)
	log := local(t, w)
	c := w.Pay(w.Fill(t, log, 1000), "trapper", 400, "fiets")
	handler, cut := remote.Handler(log, remote.Everyone(remote.Shops)), false
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if cut {
			r.Body = io.NopCloser(io.LimitReader(r.Body, 100))
		}
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	client := remote.NewClient(server.URL, server.Client(), "")
	if _, err := client.Append(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	cut = true
	var refusal *ledger.Refusal
	if _, err := client.Append(t.Context(), c); errors.As(err, &refusal) || !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("a request that broke off: got %v, want ErrUnavailable", err)
	}
	cut = false
	if _, err := client.Append(t.Context(), c); err != nil {
		t.Error(err)
	}
}

// TestD6AnErrorIsNoBalance: the balance read 0 on an error. Here an error is an error, and a ledger that is away is no
// refusal.
func TestD6AnErrorIsNoBalance(t *testing.T) {
	w := ledgertest.New(t)
	for name, answer := range map[string]http.HandlerFunc{
		"500":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"empty":   func(w http.ResponseWriter, _ *http.Request) {},
		"another": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"amount":1200}`)) },
		"null":    func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`null`)) },
		"a text":  func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"cents":"1200"}`)) },
		"a float": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"cents":12.5}`)) },
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte(`{"cents":12`))
		},
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
	if amount, err := c.Balance(t.Context(), ledgertest.ID()); !errors.Is(err, ledger.ErrUnavailable) || amount != 0 {
		t.Errorf("no server: balance: got %v, want ErrUnavailable", err)
	}
}

// TestRefusalsCrossTheWire: every reason arrives as itself, with its sentence; other errors as what they are.
func TestRefusalsCrossTheWire(t *testing.T) {
	var answer error
	server := httptest.NewServer(remote.Handler(failing{&answer}, remote.Everyone(remote.Municipality)))
	t.Cleanup(server.Close)
	c := remote.NewClient(server.URL+"/", server.Client(), "")
	command := ledger.Command{Kind: ledger.KindSpend, Body: []byte(`{}`)}
	for _, reason := range ledger.Reasons() {
		answer = ledger.Refuse(reason, "the %s rule", "tested")
		_, err := c.Append(t.Context(), command)
		var got *ledger.Refusal
		if !errors.As(err, &got) || got.Reason != reason || got.Detail != "the tested rule" {
			t.Errorf("%s: got %v", reason, err)
		}
		answer = ledger.Refuse(reason, "")
		if _, err := c.Balance(t.Context(), "a"); !errors.As(err, &got) || got.Reason != reason || got.Detail != "" {
			t.Errorf("%s without a sentence: got %v", reason, err)
		}
	}
	for _, want := range []error{ledger.ErrRange, ledger.ErrUnavailable} {
		answer = fmt.Errorf("reading: %w", want)
		for name, ask := range map[string]func() error{
			"append":      func() error { _, err := c.Append(t.Context(), command); return err },
			"balance":     func() error { _, err := c.Balance(t.Context(), "a"); return err },
			"receipt":     func() error { _, err := c.Receipt(t.Context(), 1); return err },
			"checkpoint":  func() error { _, err := c.Checkpoint(t.Context()); return err },
			"entries":     func() error { _, err := c.Entries(t.Context(), 0, 1); return err },
			"consistency": func() error { _, err := c.Consistency(t.Context(), 0, 1); return err },
		} {
			if err := ask(); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", name, err, want)
			}
		}
	}
	answer = errors.New("something inside broke")
	if _, err := c.Append(t.Context(), command); !errors.Is(err, ledger.ErrUnavailable) || strings.Contains(err.Error(), "inside") {
		t.Errorf("an error without a line in the table: got %v, want ErrUnavailable and nothing from inside", err)
	}
}

// failing is a log that gives one error to everything.
type failing struct{ err *error }

func (f failing) Append(context.Context, ledger.Command) (ledger.Receipt, error) {
	return ledger.Receipt{}, *f.err
}
func (f failing) Receipt(context.Context, uint64) (ledger.Receipt, error) {
	return ledger.Receipt{}, *f.err
}
func (f failing) Checkpoint(context.Context) ([]byte, error)                { return nil, *f.err }
func (f failing) Entries(context.Context, uint64, uint64) ([][]byte, error) { return nil, *f.err }
func (f failing) Consistency(context.Context, uint64, uint64) ([]ledger.Hash, error) {
	return nil, *f.err
}
func (f failing) Balance(context.Context, string) (budget.Cents, error) { return 0, *f.err }

// TestHandlerRefuses asks what cannot be asked.
func TestHandlerRefuses(t *testing.T) {
	w := ledgertest.New(t)
	log := local(t, w)
	w.Fill(t, log, 1000)
	server := httptest.NewServer(remote.Handler(log, remote.Everyone(remote.Municipality)))
	t.Cleanup(server.Close)
	for _, test := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/entries?from=0&to=3", "", 200},
		{"GET", "/entries", "", 404},
		{"GET", "/entries?from=-1&to=3", "", 404},
		{"GET", "/entries?from=0&to=18446744073709551615", "", 404},
		{"GET", "/entries?from=3&to=0", "", 404},
		{"GET", "/receipts/x", "", 404},
		{"GET", "/receipts/99", "", 404},
		{"GET", "/consistency?older=1", "", 404},
		{"GET", "/consistency?older=3&newer=1", "", 404},
		{"POST", "/append", "{", 400},
		{"POST", "/append", `{"kind":"spend","body":{},"more":1}`, 400},
		{"POST", "/append", `{"kind":"spend","body":{}}`, 422},
		{"POST", "/append", `{"kind":"spend","body":"` + strings.Repeat("a", 1<<20) + `"}`, 413},
		{"POST", "/balance", `{"account":"nobody"}`, 422},
		{"GET", "/append", "", 405},
		{"GET", "/", "", 404},
	} {
		req, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != test.want {
			t.Errorf("%s %s %.40s: got %d, want %d", test.method, test.path, test.body, resp.StatusCode, test.want)
		}
	}
}

// TestClientReadsNoMore: an answer without end is not read to its end, and noise is no answer.
func TestClientReadsNoMore(t *testing.T) {
	sent := 0
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for block := make([]byte, 1<<20); sent < 1<<30; sent += len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	c := remote.NewClient(endless.URL, endless.Client(), "")
	if _, err := c.Checkpoint(t.Context()); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("endless: got %v, want ErrUnavailable", err)
	}
	endless.Close() // waits for the handler
	if sent == 1<<30 {
		t.Error("the client read a gigabyte")
	}
	noise := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("noise\n")) }))
	t.Cleanup(noise.Close)
	c = remote.NewClient(noise.URL, noise.Client(), "")
	if _, err := c.Receipt(t.Context(), 1); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("noise for a receipt: got %v, want ErrUnavailable", err)
	}
	if _, err := c.Consistency(t.Context(), 1, 2); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("noise for hashes: got %v, want ErrUnavailable", err)
	}
	for name, body := range map[string][]byte{"no JSON": []byte("{"), "too large": []byte(`"` + strings.Repeat("a", ledger.MaxEntry) + `"`)} {
		if _, err := c.Append(t.Context(), ledger.Command{Kind: ledger.KindSpend, Body: body}); !errors.Is(err, ledger.Malformed) {
			t.Errorf("%s: got %v, want malformed", name, err)
		}
	}
}
