package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"kindpakket/internal/problem"
)

// MaxBody is the size, in bytes, of the largest body that [JSON] reads.
const MaxBody = 64 << 10

// Errors of reading a request, each with its line in every table of [JSON].
var (
	ErrMalformed = errors.New("reading request: not the JSON expected")
	ErrMediaType = errors.New("reading request: content type is not application/json")
	ErrTooLarge  = fmt.Errorf("reading request: over %d bytes", MaxBody)
	ErrBody      = errors.New("reading request: this method takes no body")
)

var requestProblems = problem.Table{
	{Is: ErrMalformed, Status: http.StatusBadRequest, Type: "/problems/malformed", Title: "The request could not be read.", Reason: "malformed"},
	{Is: ErrMediaType, Status: http.StatusUnsupportedMediaType, Type: "/problems/media-type", Title: "The request must be application/json.", Reason: "media-type"},
	{Is: ErrTooLarge, Status: http.StatusRequestEntityTooLarge, Type: "/problems/too-large", Title: "The request is too large.", Reason: "too-large"},
	{Is: ErrBody, Status: http.StatusBadRequest, Type: "/problems/malformed", Title: "The request could not be read.", Reason: "malformed"},
}

// A RequestReader is an In of [JSON], by pointer, that takes something from the request besides its body: a variable of the path,
// a parameter of the query. ReadRequest runs after the body was decoded; its error is answered like the function's own.
type RequestReader interface {
	ReadRequest(r *http.Request) error
}

// JSON is the handler that decodes the request's body to In, calls f and answers with its Out as JSON, or with its error by way of
// the table. An Out without size (struct{}) is answered with 204 and no body.
//
// GET, HEAD and DELETE take no body: In is its zero value, filled by [RequestReader] if it is one. Any other method takes one
// application/json value of at most [MaxBody] bytes. Members that In does not have are refused, and so is a member that stands
// twice in one object (in whatever case, as encoding/json does not mind the case of names).
//
// An error outside the table is a 500 and a line in the log of [Guard].
func JSON[In, Out any](table problem.Table, f func(context.Context, In) (Out, error)) http.Handler {
	table = append(table[:len(table):len(table)], requestProblems...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noteRoute(r)
		var in In
		err := decode(w, r, &in)
		if rr, ok := any(&in).(RequestReader); ok && err == nil {
			err = rr.ReadRequest(r)
		}
		var out Out
		if err == nil {
			out, err = f(r.Context(), in)
		}
		if err != nil {
			Fail(w, r, table, err)
			return
		}
		if reflect.TypeFor[Out]().Kind() != reflect.Interface && reflect.TypeFor[Out]().Size() == 0 {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		body, err := json.Marshal(out)
		if err != nil {
			Fail(w, r, table, fmt.Errorf("writing answer: %w", err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Write(append(body, '\n')) // the status is out; a client that has gone cannot be told more
	})
}

// Fail answers r with err by way of the table, for a handler that is not made by [JSON]. An error outside the table is a bare 500
// and a line in the log of [Guard].
func Fail(w http.ResponseWriter, r *http.Request, table problem.Table, err error) {
	noteRoute(r)
	if _, known := table.Write(w, err); !known {
		noteFault(r, problem.Kind(err))
	}
}

func decode(w http.ResponseWriter, r *http.Request, in any) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodDelete:
		if r.ContentLength != 0 {
			return ErrBody
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return ErrMediaType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return ErrTooLarge
	}
	if err != nil {
		return ErrMalformed // the client broke off; nobody will read this
	}
	return Decode(body, in)
}

// Decode reads body, one JSON value, into the value v points at, as strictly as [JSON] does. Its only error is [ErrMalformed].
func Decode(body []byte, v any) error {
	if repeats(json.NewDecoder(bytes.NewReader(body))) {
		return ErrMalformed
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return ErrMalformed // not err's own text: it quotes the body
	}
	if _, err := d.Token(); err != io.EOF {
		return ErrMalformed
	}
	return nil
}

// repeats reports whether some object of the value that d reads has a member twice. What is not JSON it leaves to the decoder.
func repeats(d *json.Decoder) bool {
	type level struct {
		seen map[string]bool // nil in an array
		name bool            // the next token is a name
	}
	var open []level
	for {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		top := len(open) - 1
		switch tok := tok.(type) {
		case json.Delim:
			switch tok {
			case '{':
				open = append(open, level{map[string]bool{}, true})
				continue
			case '[':
				open = append(open, level{})
				continue
			}
			open, top = open[:top], top-1
		case string:
			if top >= 0 && open[top].name {
				name := strings.ToLower(tok)
				if open[top].seen[name] {
					return true
				}
				open[top].seen[name], open[top].name = true, false
				continue
			}
		}
		// A value ended: in an object a name comes next.
		if top >= 0 && open[top].seen != nil {
			open[top].name = true
		}
		if top < 0 {
			return false
		}
	}
}
