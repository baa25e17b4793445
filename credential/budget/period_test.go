package budget_test

import (
	"strings"
	"testing"
	"time"

	"kindpakket/credential/budget"
)

// TestYear: the Kindpakket year runs from 1 November to 31 October in Dutch local time, in winter and in summer.
func TestYear(t *testing.T) {
	dutch, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	utc := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	want := budget.Period{ID: "2027", Opens: utc("2026-10-31T23:00:00Z"), Closes: utc("2027-10-31T22:59:59Z"), Settles: utc("2027-11-30T22:59:59Z")}
	for _, now := range []string{"2026-10-31T23:00:00Z", "2026-12-31T22:59:59Z", "2027-01-01T00:00:00Z", "2027-07-01T12:00:00Z", "2027-10-31T22:59:59Z"} {
		got := budget.Year(utc(now), dutch)
		if got != want {
			t.Errorf("%s: got %+v, want %+v", now, got, want)
		}
		if err := got.Verify(); err != nil {
			t.Errorf("%s: %v", now, err)
		}
	}
	for now, id := range map[string]string{"2026-10-31T22:59:59Z": "2026", "2027-10-31T23:00:00Z": "2028"} {
		if got := budget.Year(utc(now), dutch).ID; got != id {
			t.Errorf("%s: got %s, want %s", now, got, id)
		}
	}
	// Years touch: no second belongs to two, none to neither.
	next := budget.Year(utc("2027-12-01T00:00:00Z"), dutch)
	if gap := next.Opens.Sub(want.Closes); gap != time.Second {
		t.Errorf("between two years: %s, want 1s", gap)
	}
}

func TestPeriodVerify(t *testing.T) {
	good := budget.Year(time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC), time.UTC)
	one := good
	one.Closes, one.Settles = one.Opens, one.Opens
	for name, p := range map[string]budget.Period{"a year": good, "one second": one} {
		if err := p.Verify(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*budget.Period){
		"no id":                 func(p *budget.Period) { p.ID = "" },
		"a long id":             func(p *budget.Period) { p.ID = strings.Repeat("2", 33) },
		"an id in capitals":     func(p *budget.Period) { p.ID = "Y2027" },
		"no opening":            func(p *budget.Period) { p.Opens = time.Time{} },
		"parts of a second":     func(p *budget.Period) { p.Closes = p.Closes.Add(time.Millisecond) },
		"another zone":          func(p *budget.Period) { p.Settles = p.Settles.In(time.FixedZone("CET", 3600)) },
		"closes before opening": func(p *budget.Period) { p.Closes = p.Opens.Add(-time.Second) },
		"settles before close":  func(p *budget.Period) { p.Settles = p.Closes.Add(-time.Second) },
	} {
		p := good
		change(&p)
		if err := p.Verify(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
