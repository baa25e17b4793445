package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"kindpakket/internal/problem"
)

var (
	errSpent = errors.New("spending: already spent")
	errDown  = errors.New("reaching mint at 10.0.0.7")
)

type refusal struct{ reason string }

func (r *refusal) Error() string  { return "refused" }
func (r *refusal) Reason() string { return r.reason }

var table = problem.Table{
	{Is: errSpent, Status: 409, Type: "/problems/already-spent", Title: "This payment was already made.", Reason: "already-spent"},
	{Is: (*refusal)(nil), Status: 422, Type: "/problems/refused", Title: "The ledger refused."},
	{Is: (*http.MaxBytesError)(nil), Status: 413, Type: "/problems/too-large", Title: "Too large."},
	{Is: errDown, Status: 503, Type: "/problems/down", Title: "Try again."},
	{Status: 418, Title: "a line without an error matches nothing"},
}

func TestDescribe(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		want  problem.Details
		known bool
	}{
		{"sentinel", errSpent,
			problem.Details{Type: "/problems/already-spent", Title: "This payment was already made.", Status: 409, Detail: "spending: already spent", Reason: "already-spent"}, true},
		{"wrapped", fmt.Errorf("submitting: %w", errSpent),
			problem.Details{Type: "/problems/already-spent", Title: "This payment was already made.", Status: 409, Detail: "submitting: spending: already spent", Reason: "already-spent"}, true},
		{"type brings its reason", fmt.Errorf("deciding: %w", &refusal{"wrong-category"}),
			problem.Details{Type: "/problems/refused", Title: "The ledger refused.", Status: 422, Detail: "deciding: refused", Reason: "wrong-category"}, true},
		{"joined", errors.Join(errors.New("x"), &http.MaxBytesError{Limit: 3}),
			problem.Details{Type: "/problems/too-large", Title: "Too large.", Status: 413, Detail: "x\nhttp: request body too large"}, true},
		{"no detail from 500 up", errDown, problem.Details{Type: "/problems/down", Title: "Try again.", Status: 503}, true},
		{"unknown", errors.New("bsn 123456782"), problem.Details{Title: "Internal Server Error", Status: 500}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, known := table.Describe(tt.err)
			if got != tt.want || known != tt.known {
				t.Errorf("got %+v, %v, want %+v, %v", got, known, tt.want, tt.known)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	w := httptest.NewRecorder()
	table.Write(w, errors.New("bsn 123456782"))
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type: got %q", got)
	}
	if w.Code != 500 || strings.Contains(w.Body.String(), "123456782") {
		t.Errorf("unknown error: got %d %s", w.Code, w.Body)
	}

	w = httptest.NewRecorder()
	table.Write(w, &refusal{"too-little-left"})
	var members map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &members); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"type": "/problems/refused", "title": "The ledger refused.", "status": 422.0, "detail": "refused", "reason": "too-little-left"} {
		if members[name] != want {
			t.Errorf("%s: got %v, want %v", name, members[name], want)
		}
	}
	d, err := problem.Parse(w.Body.Bytes())
	if err != nil || d.Reason != "too-little-left" || d.Status != 422 {
		t.Errorf("reading it back: got %+v, %v", d, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"not JSON":     "<html>",
		"other JSON":   `{"error":"invalid_grant"}`,
		"a list":       `[]`,
		"status words": `{"title":"x","status":"four"}`,
		"too large":    `{"title":"` + strings.Repeat("x", problem.MaxDetails) + `"}`,
	} {
		if d, err := problem.Parse([]byte(body)); err == nil {
			t.Errorf("%s: got %+v", name, d)
		}
	}
}

func TestKindHasNoText(t *testing.T) {
	secret := "bsn 123456782"
	err := fmt.Errorf("storing %s: %w", secret, fmt.Errorf("writing %s: %w", secret, syscall.ENOSPC))
	got := problem.Kind(err)
	if strings.Contains(got, "123456782") {
		t.Errorf("got %q", got)
	}
	if want := "*fmt.wrapError > *fmt.wrapError > syscall.Errno: no space left on device"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := problem.Kind(errors.New(secret)), "*errors.errorString"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"/problems/x","title":"X","status":409,"reason":"x","other":[1]}`))
	f.Add([]byte(`{"title":""}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := problem.Parse(body)
		if err != nil {
			return
		}
		if d.Title == "" && d.Type == "" {
			t.Errorf("accepted %q without type or title", body)
		}
	})
}
