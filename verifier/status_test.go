package verifier_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/status"
	"kindpakket/ledger"
	"kindpakket/ledger/ledgertest"
	"kindpakket/verifier"
)

func TestStatusOutage(t *testing.T) {
	outage := func() (*http.Response, error) { return nil, errors.New("no route") }
	for name, test := range map[string]struct {
		life, ttl time.Duration
		after     time.Duration
		want      verifier.State
	}{
		"within ttl":                {0, time.Hour, 50 * time.Minute, verifier.Entitled},
		"after ttl, no exp":         {0, time.Hour, time.Hour, verifier.Refused},
		"after ttl, before exp":     {3 * time.Hour, time.Hour, 2 * time.Hour, verifier.Entitled},
		"B9: after exp, within ttl": {time.Hour, 12 * time.Hour, 2 * time.Hour, verifier.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			w := h.newWallet(100)
			h.status.life, h.status.ttl = test.life, test.ttl
			h.wants(w.answer(h.check("trapper"), shown{}), verifier.Entitled, "")
			h.status.answer = outage
			h.Clock = h.Clock.Add(test.after)
			h.restart() // the list survives that
			reason := ledger.Reason("")
			if test.want == verifier.Refused {
				reason = verifier.StatusUnavailable
			}
			h.wants(w.answer(h.check("trapper"), shown{}), test.want, reason)
		})
	}
}

func TestStatusNeverSeen(t *testing.T) {
	for name, answer := range map[string]func(h *house) (*http.Response, error){
		"no route":     func(*house) (*http.Response, error) { return nil, errors.New("no route") },
		"server fault": func(*house) (*http.Response, error) { return respond(http.StatusBadGateway, ""), nil },
		"rubbish":      func(*house) (*http.Response, error) { return respond(http.StatusOK, "rubbish"), nil },
		"without end": func(*house) (*http.Response, error) {
			return respond(http.StatusOK, strings.Repeat("x", status.MaxToken+2)), nil
		},
		"another signer": func(h *house) (*http.Response, error) {
			h.status.signer = ledgertest.NewKey(h.t)
			return respond(http.StatusOK, h.status.token()), nil
		},
		"of tomorrow": func(h *house) (*http.Response, error) {
			h.Clock = h.Clock.AddDate(0, 0, 1)
			token := h.status.token()
			h.Clock = h.Clock.AddDate(0, 0, -1)
			return respond(http.StatusOK, token), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			w := h.newWallet(100)
			h.status.answer = func() (*http.Response, error) { return answer(h) }
			h.wants(w.answer(h.ask("trapper", 100, "fiets"), shown{}), verifier.Refused, verifier.StatusUnavailable)
			if h.log.asked != 0 {
				t.Error("the ledger was asked")
			}
			h.status.answer, h.status.signer = nil, nil
			h.wants(w.answer(h.ask("trapper", 100, "fiets"), shown{}), verifier.Paid, "")
		})
	}
}

func TestStatusIsKept(t *testing.T) {
	h := newHouse(t)
	w := h.newWallet(100)
	check := func(state verifier.State, reason ledger.Reason, fetched int) {
		t.Helper()
		h.wants(w.answer(h.check("trapper"), shown{}), state, reason)
		if h.status.fetched != fetched {
			t.Errorf("fetched %d times, want %d", h.status.fetched, fetched)
		}
	}
	check(verifier.Entitled, "", 1)
	stale := h.status.token()
	check(verifier.Entitled, "", 1)
	h.Clock = h.Clock.Add(time.Minute)
	h.status.revoked[w.index] = true
	check(verifier.Refused, verifier.Revoked, 2)

	// An older list, played again, does not undo the revocation; and an outage is not waited for by every customer.
	h.Clock = h.Clock.Add(time.Minute)
	h.status.answer = func() (*http.Response, error) { return respond(http.StatusOK, stale), nil }
	check(verifier.Refused, verifier.Revoked, 3)
	check(verifier.Refused, verifier.Revoked, 3)
	h.Clock = h.Clock.Add(15 * time.Second)
	check(verifier.Refused, verifier.Revoked, 4)
}
