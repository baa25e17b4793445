package budget_test

import (
	"errors"
	"strings"
	"testing"

	"kindpakket/credential/budget"
)

func TestParseCategory(t *testing.T) {
	for _, s := range []string{"fiets", "a", "school-reis", "0-9", strings.Repeat("a", budget.MaxCategory)} {
		if got, err := budget.ParseCategory(s); err != nil || string(got) != s {
			t.Errorf("ParseCategory(%q): got %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Fiets", "fiets ", "fi_ets", "ﬁets", "a|b", strings.Repeat("a", budget.MaxCategory+1)} {
		if got, err := budget.ParseCategory(s); !errors.Is(err, budget.ErrCategory) || got != "" {
			t.Errorf("ParseCategory(%q): got %q, %v, want ErrCategory", s, got, err)
		}
	}
}

func TestCategoriesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range budget.Categories() {
		nl, en := c.Name("nl"), c.Name("en")
		if !c.Valid() || nl == string(c) || en == string(c) || seen[nl] {
			t.Errorf("category %q: not valid, without a name of its own, or twice: %q, %q", c, nl, en)
		}
		seen[nl] = true
	}
	if len(seen) != 7 {
		t.Errorf("got %d categories, want 7", len(seen))
	}
	if got := budget.Category("school-reis").Name("en"); got != "school-reis" {
		t.Errorf("a category of another fund: got %q, want its id", got)
	}
	if got := budget.Zwemmen.Name("en-GB"); got != "Swimming" {
		t.Errorf("Name(en-GB): got %q, want Swimming", got)
	}
}
