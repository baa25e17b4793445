package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kindpakket/internal/problem"
	"kindpakket/internal/serve"
)

type ask struct {
	Amount int64  `json:"amount"`
	Goods  *goods `json:"goods"`
	ID     string `json:"-"`
}

type goods struct {
	Kind string `json:"kind"`
}

func (a *ask) ReadRequest(r *http.Request) error {
	a.ID = r.PathValue("id")
	if a.ID == "gone" {
		return errGone
	}
	return nil
}

type asked struct {
	Text string `json:"text"`
}

var (
	errGone  = errors.New("asking: gone")
	problems = problem.Table{{Is: errGone, Status: 410, Type: "/problems/gone", Title: "Gone."}}
)

func answer(_ context.Context, a ask) (asked, error) {
	switch a.ID {
	case "secret":
		return asked{}, errors.New("family 4711 at 10.0.0.7")
	case "panic":
		panic("family 4711")
	}
	return asked{fmt.Sprintf("%s %d", a.ID, a.Amount)}, nil
}

func mux() *http.ServeMux {
	m := http.NewServeMux()
	m.Handle("/ask/{id}", serve.JSON(problems, answer))
	m.Handle("POST /quiet", serve.JSON(problems, func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }))
	return m
}

func TestJSON(t *testing.T) {
	const js = "application/json"
	for _, tt := range []struct {
		name, method, path, media, body string
		status                          int
		want                            string // of the body, a part
	}{
		{"post", "POST", "/ask/a", js, `{"amount":1250}`, 200, `{"text":"a 1250"}`},
		{"charset", "POST", "/ask/a", js + "; charset=utf-8", ` {"amount":1250} `, 200, `{"text":"a 1250"}`},
		{"get", "GET", "/ask/b", "", "", 200, `{"text":"b 0"}`},
		{"no answer", "POST", "/quiet", js, "{}", 204, ""},
		{"its own error", "POST", "/ask/gone", js, "{}", 410, `"detail":"asking: gone"`},
		{"get with a body", "GET", "/ask/b", js, `{"amount":1}`, 400, "malformed"},
		{"unknown member", "POST", "/ask/a", js, `{"amount":1,"x":1}`, 400, "malformed"},
		{"unknown member below", "POST", "/ask/a", js, `{"goods":{"kind":"a","x":1}}`, 400, "malformed"},
		{"member twice", "POST", "/ask/a", js, `{"amount":1,"amount":2}`, 400, "malformed"},
		{"member twice in other case", "POST", "/ask/a", js, `{"amount":1,"goods":{},"Amount":2}`, 400, "malformed"},
		{"member twice below", "POST", "/ask/a", js, `{"goods":{"kind":"a","kind":"b"}}`, 400, "malformed"},
		{"no body", "POST", "/ask/a", js, "", 400, "malformed"},
		{"two values", "POST", "/ask/a", js, `{"amount":1} {"amount":2}`, 400, "malformed"},
		{"rubbish behind", "POST", "/ask/a", js, `{"amount":1}x`, 400, "malformed"},
		{"cent in two", "POST", "/ask/a", js, `{"amount":12.5}`, 400, "malformed"},
		{"form", "POST", "/ask/a", "application/x-www-form-urlencoded", `amount=1`, 415, "media-type"},
		{"no media type", "POST", "/ask/a", "", `{}`, 415, "media-type"},
		{"too large", "POST", "/ask/a", js, `{"amount":1` + strings.Repeat(" ", serve.MaxBody) + `}`, 413, "too-large"},
		{"unforeseen", "POST", "/ask/secret", js, `{}`, 500, `{"title":"Internal Server Error","status":500}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			if tt.media != "" {
				r.Header.Set("Content-Type", tt.media)
			}
			w := httptest.NewRecorder()
			serve.Guard(slog.New(slog.DiscardHandler), mux()).ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, tt.status, tt.want)
			}
			media := w.Header().Get("Content-Type")
			if want := map[bool]string{true: problem.ContentType, false: "application/json"}[tt.status >= 400]; tt.status != 204 && media != want {
				t.Errorf("content type: got %q, want %q", media, want)
			}
		})
	}
}

// A member may have the same name in different objects.
func TestDecodeNamesBelow(t *testing.T) {
	var v struct {
		A struct{ A, B []struct{ A int } }
		B int
	}
	if err := serve.Decode([]byte(`{"A":{"A":[{"A":1},{"A":2}],"B":[]},"B":3}`), &v); err != nil {
		t.Fatal(err)
	}
	if v.A.A[1].A != 2 || v.B != 3 {
		t.Errorf("got %+v", v)
	}
	if err := serve.Decode([]byte(`{"A":{"A":[{"A":1},{"A":2,"A":3}]}}`), &v); !errors.Is(err, serve.ErrMalformed) {
		t.Errorf("a member twice in an array's object: got %v", err)
	}
}

func TestGuardLogsNoValues(t *testing.T) {
	for _, tt := range []struct {
		path, route string
		status      float64
		fault       string // "" is none
	}{
		{"/ask/family-4711?mail=a@example.org", "/ask/{id}", 200, ""},
		{"/ask/secret", "/ask/{id}", 500, "*errors.errorString"},
		{"/ask/panic", "/ask/{id}", 500, "panic string at kindpakket/internal/serve_test.answer"},
		{"/family-4711", "unmatched", 404, ""},
	} {
		t.Run(tt.path, func(t *testing.T) {
			var lines bytes.Buffer
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", tt.path, nil)
			r.RemoteAddr = "192.0.2.77:1234"
			serve.Guard(slog.New(slog.NewJSONHandler(&lines, nil)), serve.MaxBytes(mux(), 10)).ServeHTTP(w, r)
			if w.Code != int(tt.status) {
				t.Errorf("status: got %d, want %v", w.Code, tt.status)
			}
			for _, secret := range []string{"4711", "example.org", "192.0.2.77"} {
				if strings.Contains(lines.String(), secret) {
					t.Errorf("log holds %q: %s", secret, &lines)
				}
				if tt.fault != "" && strings.Contains(w.Body.String(), secret) {
					t.Errorf("answer holds %q: %s", secret, w.Body)
				}
			}
			var fault string
			dec := json.NewDecoder(&lines)
			for {
				var line map[string]any
				err := dec.Decode(&line)
				if err == io.EOF {
					t.Fatal("no line for the request")
				}
				if err != nil {
					t.Fatal(err)
				}
				if line["msg"] == "fault" {
					fault = line["fault"].(string)
					continue
				}
				if line["route"] != tt.route || line["status"] != tt.status {
					t.Errorf("got %v", line)
				}
				if _, ok := line["ms"].(float64); !ok || len(line) != 6 { // time, level, msg and the three
					t.Errorf("keys of the line: got %v", line)
				}
				break
			}
			if !strings.HasPrefix(fault, tt.fault) || (fault == "") != (tt.fault == "") {
				t.Errorf("fault: got %q, want %q", fault, tt.fault)
			}
		})
	}
}

// A panic after half an answer must cut the connection, or the half would pass for the whole.
func TestGuardCutsHalfAnswers(t *testing.T) {
	s := httptest.NewServer(serve.Guard(slog.New(slog.DiscardHandler), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"state":"pa`)
		http.NewResponseController(w).Flush()
		panic("torn")
	})))
	defer s.Close()
	s.Config.ErrorLog = nil
	resp, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("got a whole answer %q", body)
	}
}

func TestGuardHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	serve.Guard(slog.New(slog.DiscardHandler), mux()).ServeHTTP(w, httptest.NewRequest("GET", "/ask/a", nil))
	for name, want := range map[string]string{
		"X-Content-Type-Options":  "nosniff",
		"X-Frame-Options":         "DENY",
		"Referrer-Policy":         "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		"Cache-Control":           "no-store",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"amount":1,"goods":{"kind":"fiets"}}`))
	f.Add([]byte(`{"amount":1,"AMOUNT":1}`))
	f.Add([]byte(`[[{}],{"a":[1,"a"]}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var a ask
		if err := serve.Decode(body, &a); err != nil {
			return
		}
		again, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var b ask
		if err := serve.Decode(again, &b); err != nil || b.Amount != a.Amount || (b.Goods == nil) != (a.Goods == nil) {
			t.Errorf("%s became %s: %v", body, again, err)
		}
	})
}
