package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"kindpakket/credential/budget"
	"kindpakket/internal/problem"
	"kindpakket/ledger"
)

// maxAnswer bounds what a client reads: MaxRead entries of the largest size.
const maxAnswer = ledger.MaxRead*(ledger.MaxEntry+1) + 1

// Doer sends a request; *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client is a [ledger.Log] at the other end of HTTP.
type Client struct {
	base  string
	doer  Doer
	token string
}

var _ ledger.Log = (*Client)(nil)

// NewClient returns the log whose [Handler] is served at base. A token, if not empty, is sent as a bearer token.
func NewClient(base string, doer Doer, token string) *Client {
	return &Client{base: strings.TrimSuffix(base, "/"), doer: doer, token: token}
}

// ask sends one request and returns the body of a good answer. Whatever keeps it from an answer is ErrUnavailable.
func (c *Client) ask(ctx context.Context, method, path string, body any) ([]byte, error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("asking the ledger: %w", err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, in)
	if err != nil {
		return nil, fmt.Errorf("asking the ledger: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.doer.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil || len(b) > maxAnswer {
		return nil, fmt.Errorf("%w: its answer broke off or is too long", ledger.ErrUnavailable)
	}
	if resp.StatusCode == http.StatusOK {
		return b, nil
	}
	return nil, refusal(resp.StatusCode, b)
}

// refusal turns a problem back into the error that the log gave.
func refusal(status int, body []byte) error {
	d, err := problem.Parse(body)
	if err != nil {
		return fmt.Errorf("%w: it answered %d", ledger.ErrUnavailable, status)
	}
	// Only the rules say no with this status. A request that broke off on its way is "malformed" too, and says nothing about
	// what the ledger did with the same command before.
	if reason := ledger.Reason(d.Reason); status == http.StatusUnprocessableEntity && slices.Contains(ledger.Reasons(), reason) {
		detail := strings.TrimPrefix(strings.TrimPrefix(d.Detail, d.Reason), ": ")
		return ledger.Refuse(reason, "%s", detail)
	}
	switch status {
	case http.StatusNotFound:
		return ledger.ErrRange
	case http.StatusForbidden:
		return fmt.Errorf("asking the ledger: %w", errForbidden)
	}
	return fmt.Errorf("%w: it answered %d", ledger.ErrUnavailable, status)
}

// Append implements [ledger.Log].
func (c *Client) Append(ctx context.Context, cmd ledger.Command) (ledger.Receipt, error) {
	// A body that is no JSON cannot be sent; the rules would say the same.
	if !json.Valid(cmd.Body) || len(cmd.Body) > ledger.MaxEntry {
		return ledger.Receipt{}, ledger.Refuse(ledger.Malformed, "body is not JSON of at most %d bytes", ledger.MaxEntry)
	}
	b, err := c.ask(ctx, http.MethodPost, "/append", cmd)
	if err != nil {
		return ledger.Receipt{}, err
	}
	var a appended
	if err := json.Unmarshal(b, &a); err != nil || len(a.Receipt.Entry) == 0 {
		return ledger.Receipt{}, fmt.Errorf("%w: its answer holds no receipt", ledger.ErrUnavailable)
	}
	return a.Receipt, nil
}

// Receipt implements [ledger.Log].
func (c *Client) Receipt(ctx context.Context, index uint64) (ledger.Receipt, error) {
	b, err := c.ask(ctx, http.MethodGet, fmt.Sprintf("/receipts/%d", index), nil)
	if err != nil {
		return ledger.Receipt{}, err
	}
	r, err := ledger.ParseReceipt(b)
	if err != nil {
		return ledger.Receipt{}, fmt.Errorf("%w: its answer holds no receipt: %w", ledger.ErrUnavailable, err)
	}
	return r, nil
}

// Checkpoint implements [ledger.Log].
func (c *Client) Checkpoint(ctx context.Context) ([]byte, error) {
	return c.ask(ctx, http.MethodGet, "/checkpoint", nil)
}

// Entries implements [ledger.Log].
func (c *Client) Entries(ctx context.Context, from, to uint64) ([][]byte, error) {
	b, err := c.ask(ctx, http.MethodGet, fmt.Sprintf("/entries?from=%d&to=%d", from, to), nil)
	return split(b), err
}

// Consistency implements [ledger.Log].
func (c *Client) Consistency(ctx context.Context, older, newer uint64) ([]ledger.Hash, error) {
	b, err := c.ask(ctx, http.MethodGet, fmt.Sprintf("/consistency?older=%d&newer=%d", older, newer), nil)
	if err != nil {
		return nil, err
	}
	var out []ledger.Hash
	for _, line := range split(b) {
		h, err := ledger.ParseHash(string(line))
		if err != nil {
			return nil, fmt.Errorf("%w: its answer holds no hashes", ledger.ErrUnavailable)
		}
		out = append(out, h)
	}
	return out, nil
}

// Balance implements [ledger.Log].
func (c *Client) Balance(ctx context.Context, account string) (budget.Cents, error) {
	b, err := c.ask(ctx, http.MethodPost, "/balance", balanceRequest{account})
	if err != nil {
		return 0, err
	}
	var got struct{ Cents *budget.Cents }
	if err := json.Unmarshal(b, &got); err != nil || got.Cents == nil {
		return 0, fmt.Errorf("%w: its answer holds no balance", ledger.ErrUnavailable) // never a balance of 0 on an error
	}
	return *got.Cents, nil
}

func split(b []byte) [][]byte {
	if len(b) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
}
