package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kindpakket/ledger"
)

var at = time.Date(2027, 3, 1, 10, 15, 30, 0, time.UTC)

const zero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestEntry(t *testing.T) {
	e, err := ledger.NewEntry(4711, ledger.Hash{}, at.Add(999*time.Millisecond).In(time.FixedZone("CET", 3600)), ledger.Command{Kind: ledger.KindSpend, Body: []byte(`{"order":"<&>"}`)})
	want := `{"v":1,"index":4711,"prev":"` + zero + `","time":"2027-03-01T10:15:30Z","kind":"spend","body":{"order":"<&>"}}`
	if err != nil || string(e.Raw) != want || !e.Time.Equal(at) {
		t.Errorf("got %s, %v, want %s", e.Raw, err, want)
	}
	got, err := ledger.ParseEntry([]byte(want))
	if err != nil || got.Index != 4711 || got.Prev != (ledger.Hash{}) || !got.Time.Equal(at) || got.Kind != ledger.KindSpend || string(got.Body) != `{"order":"<&>"}` {
		t.Errorf("parsed: %+v, %v", got, err)
	}
}

func TestParseEntryRefuses(t *testing.T) {
	good := `{"v":1,"index":0,"prev":"` + zero + `","time":"2027-03-01T10:15:30Z","kind":"spend","body":{"a":[1,"b"]}}`
	if _, err := ledger.ParseEntry([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new string }{
		{`"v":1`, `"v":2`}, {`"v":1`, `"v":1.0`}, {`"v":1,`, ``}, {`"v":1`, `"V":1`},
		{`"index":0`, `"index":-1`}, {`"index":0`, `"index":00`}, {`"index":0`, `"index":1e0`}, {`"index":0`, `"index":18446744073709551616`},
		{zero, zero[1:]}, {zero, zero + "="}, {zero, zero[1:] + "B"}, {zero, ""}, {zero, strings.Replace(zero, "A", "+", 1)},
		{`10:15:30Z`, `10:15:30+00:00`}, {`10:15:30Z`, `10:15:30.5Z`}, {`10:15:30Z`, `11:15:30+01:00`}, {`10:15:30Z`, `25:15:30Z`},
		{`"kind":"spend"`, `"kind":7`}, {`"kind":"spend"`, `"kind":"sp\u0065nd"`},
		{`"kind":"spend","body":{"a":[1,"b"]}`, `"body":{"a":[1,"b"]},"kind":"spend"`},
		{`"body":{"a":[1,"b"]}`, `"body":{"a": [1,"b"]}`}, {`,"body":{"a":[1,"b"]}`, ``}, {`"b"`, "\"\xff\""},
		{`"kind"`, `"name":"J. de Vries","kind"`}, {`{"v"`, ` {"v"`}, {`]}}`, `]}} `}, {`]}}`, `]}}{}`}, {`{"v"`, `{"v":1,"v"`},
	} {
		if strings.Count(good, test.old) != 1 {
			t.Fatalf("the entry does not hold %s once", test.old)
		}
		if _, err := ledger.ParseEntry([]byte(strings.Replace(good, test.old, test.new, 1))); !errors.Is(err, ledger.ErrEntry) {
			t.Errorf("%s → %s: got %v, want ErrEntry", test.old, test.new, err)
		}
	}
	for _, in := range []string{"", "null", "[]", "{}", "noise"} {
		if _, err := ledger.ParseEntry([]byte(in)); !errors.Is(err, ledger.ErrEntry) {
			t.Errorf("%q: got %v, want ErrEntry", in, err)
		}
	}
}

// TestMaxEntry stands one byte on either side of the largest entry, when it is written and when it is read.
func TestMaxEntry(t *testing.T) {
	frame, err := ledger.NewEntry(0, ledger.Hash{}, at, ledger.Command{Kind: "spend", Body: []byte(`""`)})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]error{ledger.MaxEntry - len(frame.Raw): nil, ledger.MaxEntry - len(frame.Raw) + 1: ledger.ErrEntry} {
		body := fmt.Appendf(nil, "%q", strings.Repeat("a", n))
		_, err := ledger.NewEntry(0, ledger.Hash{}, at, ledger.Command{Kind: "spend", Body: body})
		if !errors.Is(err, want) {
			t.Errorf("writing %d bytes: got %v, want %v", len(frame.Raw)+n, err, want)
		}
		if _, err := ledger.ParseEntry(bytes.Replace(frame.Raw, []byte(`""}`), append(body, '}'), 1)); !errors.Is(err, want) {
			t.Errorf("reading %d bytes: got %v, want %v", len(frame.Raw)+n, err, want)
		}
	}
	for name, body := range map[string]string{"no body": "", "white space": `{ }`, "no JSON": "{", "two": "{}{}", "a line": "{}\n", "not UTF-8": "\"\xff\""} {
		if _, err := ledger.NewEntry(0, ledger.Hash{}, at, ledger.Command{Kind: "spend", Body: []byte(body)}); !errors.Is(err, ledger.ErrEntry) {
			t.Errorf("%s: got %v, want ErrEntry", name, err)
		}
	}
}

// TestHashes: the leaf hash of RFC 6962, Section 2.1, and the first link of the chain. Computed apart with sha256sum.
func TestHashes(t *testing.T) {
	if got, want := ledger.LeafHash(nil).String(), "bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0"; got != want {
		t.Errorf("leaf hash of nothing: got %s, want %s", got, want)
	}
	h := ledger.GenesisPrev("a.example")
	again, err := ledger.ParseHash(h.String())
	if err != nil || again != h || len(h.String()) != 43 {
		t.Errorf("%s read again: %v, %v", h, again, err)
	}
	if h == ledger.GenesisPrev("b.example") {
		t.Error("two origins begin with the same link")
	}
	var u ledger.Hash
	for _, in := range []string{"", zero[1:], zero + "A", zero + "=", zero[1:] + "B", strings.Replace(zero, "A", "/", 1), " " + zero[1:]} {
		if _, err := ledger.ParseHash(in); err == nil {
			t.Errorf("ParseHash(%q): accepted", in)
		}
		if err := u.UnmarshalText([]byte(in)); err == nil || u != (ledger.Hash{}) {
			t.Errorf("UnmarshalText(%q): accepted", in)
		}
	}
}

// TestBodies changes one thing in a good body each.
func TestBodies(t *testing.T) {
	rows, _ := read(t)
	parse := map[ledger.Kind]func(ledger.Command) error{
		ledger.KindSpend:  func(c ledger.Command) error { _, err := ledger.ParseBody[ledger.SpendBody](c); return err },
		ledger.KindReturn: func(c ledger.Command) error { _, err := ledger.ParseBody[ledger.OrderBody](c); return err },
		ledger.KindState:  func(c ledger.Command) error { _, err := ledger.ParseBody[ledger.StateBody](c); return err },
		ledger.KindBlock:  func(c ledger.Command) error { _, err := ledger.ParseBody[ledger.SignedBody](c); return err },
	}
	for _, test := range []struct {
		kind     ledger.Kind
		old, new string
	}{
		{ledger.KindSpend, `"order"`, `"Order"`}, {ledger.KindSpend, `"order":"`, `"order":"\u0061`}, {ledger.KindSpend, `"jwk":{`, `"jwk":{"d":"AA",`},
		{ledger.KindSpend, `"crv":"P-256"`, `"crv":"P-384"`}, {ledger.KindSpend, `"kb_jwt":`, `"name":"x","kb_jwt":`}, {ledger.KindSpend, `"order"`, `"purse":"","order"`},
		{ledger.KindReturn, `{"order":"`, `{"order":["`}, {ledger.KindReturn, `"}`, `","purse":""}`}, {ledger.KindReturn, `"}`, `","reason":"too small"}`},
		{ledger.KindState, `"rule":1`, `"rule":1.0`}, {ledger.KindState, `"digest":"`, `"digest":"A`}, {ledger.KindState, `"rule":1,`, ``},
		{ledger.KindBlock, `{"jws"`, `{"reason":"divorce","jws"`}, {ledger.KindBlock, `"jws":"`, `"jws":"a","jws":"`}, {ledger.KindBlock, `"}`, `"} `},
	} {
		tried := false
		for _, row := range rows {
			e, err := ledger.ParseEntry(row)
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind != test.kind || tried {
				continue
			}
			tried = true
			c := e.Command()
			if err := parse[test.kind](c); err != nil {
				t.Fatalf("the good %s: %v", test.kind, err)
			}
			changed := bytes.Replace(c.Body, []byte(test.old), []byte(test.new), 1)
			if bytes.Equal(changed, c.Body) {
				t.Fatalf("the %s holds no %s", test.kind, test.old)
			}
			c.Body = changed
			if err := parse[test.kind](c); !errors.Is(err, ledger.ErrEntry) {
				t.Errorf("%s: %s → %s: got %v, want ErrEntry", test.kind, test.old, test.new, err)
			}
		}
	}
	large := ledger.Command{Kind: ledger.KindBlock, Body: fmt.Appendf(nil, `{"jws":%q}`, strings.Repeat("a", ledger.MaxEntry))}
	if _, err := ledger.ParseBody[ledger.SignedBody](large); !errors.Is(err, ledger.ErrEntry) {
		t.Errorf("too large: got %v, want ErrEntry", err)
	}
}

// TestReasons: each refusal is its reason, whoever wraps it.
func TestReasons(t *testing.T) {
	seen := map[ledger.Reason]bool{}
	for _, r := range ledger.Reasons() {
		if seen[r] || r == "" {
			t.Errorf("%q stands twice", r)
		}
		seen[r] = true
		err := fmt.Errorf("asking: %w", ledger.Refuse(r, "%d cents", 5))
		if !errors.Is(err, r) || err.Error() != "asking: "+string(r)+": 5 cents" {
			t.Errorf("%s: got %v", r, err)
		}
		if errors.Is(err, ledger.Reason("another")) || ledger.Refuse(r, "").Error() != string(r) {
			t.Errorf("%s: says another, or more than it knows", r)
		}
	}
}
