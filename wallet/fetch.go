package wallet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"kindpakket/credential/did"
)

// answer is what came back, read whole.
type answer struct {
	status int
	body   []byte
}

// fetch sends one request and reads at most max bytes. It refuses what is neither https nor, where the configuration
// allows it, http to this very machine.
func (w *Wallet) fetch(ctx context.Context, method, target, contentType string, body []byte, max int, header http.Header) (answer, error) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.User != nil {
		return answer{}, errors.New("fetching: not an address")
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && w.cfg.AllowHTTPLoopback && loopback(u.Hostname())) {
		return answer{}, errors.New("fetching: the address is not https")
	}
	var reader io.Reader
	if body != nil {
		reader = strings.NewReader(string(body))
	}
	req, err := http.NewRequestWithContext(ctx, method, target, reader)
	if err != nil {
		return answer{}, errors.New("fetching: not an address")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := w.cfg.Doer.Do(req)
	if err != nil {
		// An *url.Error quotes the address, which may name an order.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return answer{}, fmt.Errorf("%w: %w", ErrNetwork, err)
	}
	defer resp.Body.Close()
	if resp.Request != nil && resp.Request.URL != nil && (resp.Request.URL.Host != u.Host || resp.Request.URL.Scheme != u.Scheme) {
		return answer{}, errors.New("fetching: redirected to another host")
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, int64(max)+1))
	if err != nil {
		return answer{}, fmt.Errorf("%w: the answer broke off", ErrNetwork)
	}
	if len(b) > max {
		return answer{}, fmt.Errorf("fetching: the answer is larger than %d bytes", max)
	}
	return answer{resp.StatusCode, b}, nil
}

func loopback(host string) bool { return host == "::1" || did.IsLoopback(host) }

const form = "application/x-www-form-urlencoded"
