package remote

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"kindpakket/credential/budget"
	"kindpakket/internal/problem"
	"kindpakket/internal/serve"
	"kindpakket/ledger"
)

// Role says what a caller may do.
type Role int

const (
	Nobody       Role = iota // nothing
	Auditor                  // read everything
	Shops                    // append (which gives the receipt, also of a retry) and read checkpoints
	Municipality             // everything
)

// Authorize tells a caller's role from its request.
type Authorize func(*http.Request) Role

// Everyone gives every caller the same role. It is for a socket that only those may open who have it.
func Everyone(role Role) Authorize { return func(*http.Request) Role { return role } }

var errForbidden = errors.New("this caller may not do this")

func problems() problem.Table {
	t := problem.Table{
		{Is: errForbidden, Status: http.StatusForbidden, Type: "/problems/forbidden", Title: "You may not read or write this part of the ledger."},
		{Is: ledger.ErrRange, Status: http.StatusNotFound, Type: "/problems/no-such-entry", Title: "The ledger has no such entry."},
		{Is: ledger.ErrUnavailable, Status: http.StatusServiceUnavailable, Type: "/problems/unavailable", Title: "The ledger cannot answer now. Ask the same again later."},
	}
	for _, r := range ledger.Reasons() {
		t = append(t, problem.Problem{Is: r, Status: http.StatusUnprocessableEntity, Type: "/problems/" + string(r),
			Title: "The ledger refused this.", Reason: string(r)})
	}
	return t
}

type handler struct {
	log   ledger.Log
	role  Authorize
	table problem.Table
}

// Handler serves log to callers with a role.
func Handler(log ledger.Log, role Authorize) http.Handler {
	h := &handler{log: log, role: role, table: problems()}
	mux := http.NewServeMux()
	mux.Handle("POST /append", h.only(serve.JSON(h.table, h.append), Shops, Municipality))
	mux.Handle("POST /balance", h.only(serve.JSON(h.table, h.balance), Auditor, Municipality))
	mux.Handle("GET /checkpoint", h.only(h.text(h.checkpoint), Shops, Auditor, Municipality))
	mux.Handle("GET /receipts/{index}", h.only(h.text(h.receipt), Auditor, Municipality))
	mux.Handle("GET /entries", h.only(h.text(h.entries), Auditor, Municipality))
	mux.Handle("GET /consistency", h.only(h.text(h.consistency), Shops, Auditor, Municipality))
	return mux
}

func (h *handler) only(next http.Handler, roles ...Role) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		have := h.role(r)
		for _, role := range roles {
			if have == role {
				next.ServeHTTP(w, r)
				return
			}
		}
		serve.Fail(w, r, h.table, errForbidden)
	})
}

// text answers with the bytes that f returns.
func (h *handler) text(f func(*http.Request) ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := f(r)
		if err != nil {
			serve.Fail(w, r, h.table, err)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write(b)
	})
}

type appended struct {
	Receipt ledger.Receipt `json:"receipt"`
}

func (h *handler) append(ctx context.Context, c ledger.Command) (appended, error) {
	r, err := h.log.Append(ctx, c)
	return appended{r}, err
}

type (
	balanceRequest struct {
		Account string `json:"account"`
	}
	balance struct {
		Cents budget.Cents `json:"cents"`
	}
)

func (h *handler) balance(ctx context.Context, r balanceRequest) (balance, error) {
	c, err := h.log.Balance(ctx, r.Account)
	return balance{c}, err
}

func (h *handler) checkpoint(r *http.Request) ([]byte, error) { return h.log.Checkpoint(r.Context()) }

func (h *handler) receipt(r *http.Request) ([]byte, error) {
	index, err := number(r.PathValue("index"))
	if err != nil {
		return nil, err
	}
	receipt, err := h.log.Receipt(r.Context(), index)
	return receipt.Bytes(), err
}

func (h *handler) entries(r *http.Request) ([]byte, error) {
	from, err1 := number(r.FormValue("from"))
	to, err2 := number(r.FormValue("to"))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	entries, err := h.log.Entries(r.Context(), from, to)
	if err != nil {
		return nil, err
	}
	return lines(entries), nil
}

func (h *handler) consistency(r *http.Request) ([]byte, error) {
	older, err1 := number(r.FormValue("older"))
	newer, err2 := number(r.FormValue("newer"))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	hashes, err := h.log.Consistency(r.Context(), older, newer)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(hashes))
	for i, hash := range hashes {
		out[i] = []byte(hash.String())
	}
	return lines(out), nil
}

func number(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, ledger.ErrRange
	}
	return n, nil
}

func lines(rows [][]byte) []byte {
	var out []byte
	for _, row := range rows {
		out = append(append(out, row...), '\n')
	}
	return out
}
