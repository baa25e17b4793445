package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"kindpakket/internal/problem"
	"kindpakket/internal/serve"
	"kindpakket/ledger"
)

// admin talks to a room of a running house over its socket.
type admin struct {
	room   string
	client *http.Client
}

func (d dir) admin(room string) admin { return admin{room, serve.UnixClient(d.socket(room))} }

// errProblem is a room's answer that something is not as it should be.
type errProblem struct{ *problem.Details }

// ask posts in as JSON (nil is a GET) and reads the answer into out, which may be nil.
func (a admin) ask(ctx context.Context, path string, in, out any) error {
	method, body := http.MethodGet, io.Reader(nil)
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		method, body = http.MethodPost, bytes.NewReader(b)
	}
	return a.send(ctx, method, path, "application/json", body, func(r io.Reader) error {
		if out == nil {
			return nil
		}
		b, err := io.ReadAll(io.LimitReader(r, 64<<20))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, out); err != nil {
			return fmt.Errorf("reading the answer of the %s: %w", a.room, err)
		}
		return nil
	})
}

// post sends a file and hands the answer to read.
func (a admin) post(ctx context.Context, path string, file []byte, read func(io.Reader) error) error {
	return a.send(ctx, http.MethodPost, path, "application/octet-stream", bytes.NewReader(file), read)
}

func (a admin) send(ctx context.Context, method, path, contentType string, body io.Reader, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+a.room+path, body)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return hint(fmt.Errorf("reaching the %s of this house: %w", a.room, unwrapURL(err)), "Is it running? Start it with: kindpakket serve --dir D")
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		b, err := io.ReadAll(io.LimitReader(resp.Body, problem.MaxDetails))
		if err != nil {
			return err
		}
		d, err := problem.Parse(b)
		if err != nil {
			return fmt.Errorf("the %s answered %s", a.room, resp.Status)
		}
		return errProblem{d}
	}
	return read(resp.Body)
}

// unwrapURL leaves out the address, which for a socket says nothing.
func unwrapURL(err error) error {
	var inner interface{ Unwrap() error }
	if errors.As(err, &inner) && inner.Unwrap() != nil {
		return inner.Unwrap()
	}
	return err
}

// explain says what happened and what to do.
func explain(err error) (what, do string) {
	var h *errHint
	var p errProblem
	switch {
	case errors.As(err, &p):
		what = p.Title
		if p.Detail != "" {
			what = p.Detail
			do = p.Title
		}
		if do == "" {
			do = "Correct what it names and run the command again."
		}
		return what, do
	case errors.As(err, &h):
		return err.Error(), h.hint
	case errors.Is(err, ledger.ErrUnavailable):
		return err.Error(), "Is the ledger running? Nothing is lost: run the same command again."
	}
	return err.Error(), ""
}
