package verifier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	bbolt "go.etcd.io/bbolt"
	"golang.org/x/sync/singleflight"

	"kindpakket/credential/sdjwt"
	"kindpakket/credential/status"
	"kindpakket/internal/problem"
)

// errStatus says that no status list can be had that says anything about now.
var errStatus = errors.New("the status list cannot be had")

// statusLists fetches status lists and keeps the newest of each, also through a restart, so that a till works through an
// outage of the municipality's server for as long as the list itself allows.
type statusLists struct {
	store   *store
	cfg     *Config
	fetches singleflight.Group

	mu    sync.Mutex
	tried map[string]time.Time // when a fetch last failed, by URI; guarded by mu
}

// check returns nil if the list says that a card is valid, [Revoked] if it says anything else, and errStatus if no list
// can be had that counts now. The card was verified before: its issuer chose the address.
func (l *statusLists) check(ctx context.Context, claims map[string]any) error {
	ref, err := status.FromClaims(claims)
	if err != nil {
		return err
	}
	token, err := l.list(ctx, ref.URI)
	if err != nil {
		return err
	}
	switch value, err := token.Status(ref); {
	case err != nil:
		return err
	case value != status.Valid:
		return Revoked
	}
	return nil
}

func (l *statusLists) list(ctx context.Context, uri string) (*status.Token, error) {
	token, err, _ := l.fetches.Do(uri, func() (any, error) { return l.listAlone(ctx, uri) })
	if err != nil {
		return nil, err
	}
	return token.(*status.Token), nil
}

func (l *statusLists) listAlone(ctx context.Context, uri string) (*status.Token, error) {
	now := l.cfg.Now().UTC()
	kept, fetched, usable := l.kept(uri, now)
	l.mu.Lock()
	tried, failed := l.tried[uri]
	l.mu.Unlock()
	switch {
	case usable && kept.Fresh(fetched, now) && now.Before(fetched.Add(l.cfg.StatusFresh)):
		return kept, nil
	case usable && failed && now.Before(tried.Add(statusRetry)):
		return kept, nil // not every customer of an outage waits for it
	}
	text, err := l.fetch(ctx, uri)
	var token *status.Token
	if err == nil {
		token, err = l.verify(text, uri, now)
	}
	if err == nil && kept != nil && token.IssuedAt.Before(kept.IssuedAt) {
		err = errors.New("it is older than the one we have") // replayed, to undo a revocation
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.tried[uri] = now
		l.cfg.Logger.WarnContext(ctx, "status list not renewed", "fault", problem.Kind(err), "old_one_counts", usable)
		if usable {
			return kept, nil
		}
		return nil, fmt.Errorf("%w: %w", errStatus, err)
	}
	delete(l.tried, uri)
	if err := l.store.db.Update(func(tx *bbolt.Tx) error {
		return put(tx, "status", uri, statusRecord{Token: text, Fetched: now})
	}); err != nil {
		l.cfg.Logger.ErrorContext(ctx, "status list not kept", "fault", problem.Kind(err)) // it counts all the same
	}
	return token, nil
}

// kept returns the list that was fetched before, when that was, and whether it counts now: until its exp, or, if it names
// none, for its ttl.
func (l *statusLists) kept(uri string, now time.Time) (token *status.Token, fetched time.Time, usable bool) {
	var rec statusRecord
	var ok bool
	if err := l.store.db.View(func(tx *bbolt.Tx) (err error) {
		ok, err = get(tx, "status", uri, &rec)
		return err
	}); err != nil || !ok {
		return nil, time.Time{}, false
	}
	token, err := l.verify(rec.Token, uri, now)
	if err != nil {
		return nil, time.Time{}, false
	}
	return token, rec.Fetched, !token.Expires.IsZero() || token.Fresh(rec.Fetched, now)
}

// verify checks a list under the anchors and the issuer that cards come from.
func (l *statusLists) verify(text, uri string, now time.Time) (*status.Token, error) {
	return status.Verify(text, status.Policy{URI: uri, Now: now, Leeway: ClockLeeway,
		Key: sdjwt.TrustChain(l.cfg.Anchors, now, l.cfg.Issuer)})
}

func (l *statusLists) fetch(ctx context.Context, uri string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return "", fmt.Errorf("fetching status list: %w", err)
	}
	r.Header.Set("Accept", "application/"+status.Type)
	resp, err := l.cfg.Doer.Do(r)
	if err != nil {
		return "", fmt.Errorf("fetching status list: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("fetching status list: the server answered %d", resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, status.MaxToken+1))
	if err != nil {
		return "", fmt.Errorf("fetching status list: %w", err)
	}
	if len(b) > status.MaxToken {
		return "", fmt.Errorf("fetching status list: more than %d bytes", status.MaxToken)
	}
	return string(b), nil
}
