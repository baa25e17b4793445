package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
)

// ContentType is the media type of an answer (RFC 9457, Section 6.1).
const ContentType = "application/problem+json"

// MaxDetails is the size, in bytes, of the largest answer that [Parse] reads.
const MaxDetails = 16 << 10

// A Problem is one line of a [Table].
type Problem struct {
	// Is says which errors the line is for. An error matches if errors.Is says so. A nil pointer of an error type,
	// like (*http.MaxBytesError)(nil), stands for every error of that type, as errors.As finds it.
	Is error

	Status int    // HTTP status, 400 to 599
	Type   string // URI reference that names the kind of problem, like "/problems/already-spent"
	Title  string // one sentence for people, the same each time the problem occurs

	// Reason is a word for programs, like "already-spent". Optional: an error that matches and has a method
	// Reason() string brings its own.
	Reason string
}

// A Table maps errors to problems. The first line that matches counts.
type Table []Problem

// Details is the body of an answer (RFC 9457, Section 3.1). Reason is an extension member (Section 3.2).
type Details struct {
	Type   string `json:"type,omitempty"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"` // the error's own sentence; never for a status of 500 and up
	Reason string `json:"reason,omitempty"`
}

// Error makes Details an error, for the client that parsed one.
func (d *Details) Error() string {
	what := d.Title
	if d.Detail != "" {
		what = d.Detail
	}
	if d.Reason != "" {
		return fmt.Sprintf("%s (%s)", what, d.Reason)
	}
	return what
}

// Describe returns the answer for err, and whether err stands in the table. An error that does not is a bare 500.
func (t Table) Describe(err error) (Details, bool) {
	for _, p := range t {
		if !p.matches(err) {
			continue
		}
		d := Details{Type: p.Type, Title: p.Title, Status: p.Status, Reason: p.Reason}
		var r interface {
			error
			Reason() string
		}
		if errors.As(err, &r) && r.Reason() != "" {
			d.Reason = r.Reason()
		}
		if p.Status < 500 {
			d.Detail = err.Error()
		}
		return d, true
	}
	return Details{Title: http.StatusText(http.StatusInternalServerError), Status: http.StatusInternalServerError}, false
}

func (p Problem) matches(err error) bool {
	if p.Is == nil {
		return false
	}
	v := reflect.ValueOf(p.Is)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return errors.As(err, reflect.New(v.Type()).Interface())
	}
	return errors.Is(err, p.Is)
}

// Write answers with err and returns what was answered, and whether err stood in the table; if not, the caller logs [Kind] of it.
// It must be the first thing written to w.
func (t Table) Write(w http.ResponseWriter, err error) (Details, bool) {
	d, known := t.Describe(err)
	d.Write(w)
	return d, known
}

// Write answers with d.
func (d Details) Write(w http.ResponseWriter) {
	body, err := json.Marshal(d)
	if err != nil {
		panic("problem: details do not marshal") // cannot happen: strings and an int
	}
	h := w.Header()
	h.Del("Content-Length")
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(d.Status)
	w.Write(append(body, '\n')) // the status is out; a client that has gone cannot be told more
}

// Parse reads the body of an answer, at most [MaxDetails] bytes. Members it does not know are skipped (RFC 9457, Section 3.2).
func Parse(body []byte) (*Details, error) {
	if len(body) > MaxDetails {
		return nil, fmt.Errorf("parsing problem details: over %d bytes", MaxDetails)
	}
	var d Details
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, errors.New("parsing problem details: not the JSON expected")
	}
	if d.Title == "" && d.Type == "" {
		return nil, errors.New("parsing problem details: neither type nor title")
	}
	return &d, nil
}
