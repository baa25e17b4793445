package budget_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"kindpakket/credential/budget"
)

// TestD5EveryAmountIsExact reads all amounts from 0,01 to 900,00: an earlier system computed 9 175 of them wrong by
// multiplying a float by 100 (history, D5).
func TestD5EveryAmountIsExact(t *testing.T) {
	for want := budget.Cents(1); want <= 90_000; want++ {
		// Written by integer division, independently of Format.
		for _, layout := range []string{"%d.%02d", "%d,%02d", "€ %d,%02d"} {
			text := fmt.Sprintf(layout, int64(want)/100, int64(want)%100)
			got, err := budget.ParseEuros(text)
			if err != nil || got != want {
				t.Fatalf("ParseEuros(%q): got %d, %v, want %d", text, int64(got), err, int64(want))
			}
		}
		for _, written := range []string{want.String(), want.Format("en"), want.Decimal()} {
			if got, err := budget.ParseEuros(written); err != nil || got != want {
				t.Fatalf("ParseEuros(%q): got %d, %v, want %d", written, int64(got), err, int64(want))
			}
		}
	}
}

func TestParseEuros(t *testing.T) {
	for text, want := range map[string]budget.Cents{
		"12": 1250 - 50, "12,50": 1250, "12.50": 1250, "€ 12,50": 1250, "€12.50": 1250, "€\u00a012,50": 1250,
		" 0,01 ": 1, "0": 0, "007,00": 700, "10485,75": budget.MaxCents,
	} {
		if got, err := budget.ParseEuros(text); err != nil || got != want {
			t.Errorf("ParseEuros(%q): got %d, %v, want %d", text, int64(got), err, int64(want))
		}
	}
	for _, text := range []string{
		"", "€", ",50", "12,", "12,5", "12,500", "1.234,50", "1,234.50", "-1", "+1", "1e3", "0x10", "12 50", "12,5O", "1,-",
		"10485,76", "99999999", "99999999999999999999", "12,50 €", "€ € 1", "١٢", "NaN", "12.5.",
	} {
		if got, err := budget.ParseEuros(text); !errors.Is(err, budget.ErrAmount) {
			t.Errorf("ParseEuros(%q): got %d, %v, want ErrAmount", text, int64(got), err)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		cents  budget.Cents
		nl, en string
	}{
		{0, "€ 0,00", "€ 0.00"},
		{1, "€ 0,01", "€ 0.01"},
		{1250, "€ 12,50", "€ 12.50"},
		{-5, "€ -0,05", "€ -0.05"},
		{123456789, "€ 1234567,89", "€ 1234567.89"},
		{math.MinInt64, "€ -92233720368547758,08", "€ -92233720368547758.08"},
	} {
		if got := c.cents.String(); got != c.nl {
			t.Errorf("String: got %q, want %q", got, c.nl)
		}
		if got := c.cents.Format("en-GB"); got != c.en {
			t.Errorf("Format(en-GB): got %q, want %q", got, c.en)
		}
	}
}

func TestAddAndTimesAreChecked(t *testing.T) {
	const most = budget.Cents(math.MaxInt64)
	for _, c := range []struct {
		a, b, want budget.Cents
		err        error
	}{
		{1, 2, 3, nil}, {5, -7, -2, nil}, {0, 0, 0, nil}, {7, 0, 7, nil}, {most, -1, most - 1, nil}, {most - 1, 1, most, nil},
		{most, 1, 0, budget.ErrOverflow}, {math.MinInt64, -1, 0, budget.ErrOverflow}, {most, most, 0, budget.ErrOverflow},
	} {
		if got, err := c.a.Add(c.b); got != c.want || err != c.err {
			t.Errorf("%d.Add(%d): got %d, %v, want %d, %v", int64(c.a), int64(c.b), int64(got), err, int64(c.want), c.err)
		}
	}
	for _, c := range []struct {
		a    budget.Cents
		n    int
		want budget.Cents
		err  error
	}{
		{budget.Euros(300, 0), 3, 90_000, nil}, {most, 1, most, nil}, {most, 0, 0, nil}, {0, math.MaxInt, 0, nil},
		{most/2 + 1, 2, 0, budget.ErrOverflow}, {-1, 1, 0, budget.ErrOverflow}, {1, -1, 0, budget.ErrOverflow},
	} {
		if got, err := c.a.Times(c.n); got != c.want || err != c.err {
			t.Errorf("%d.Times(%d): got %d, %v, want %d, %v", int64(c.a), c.n, int64(got), err, int64(c.want), c.err)
		}
	}
}

func TestEurosRefusesNonsense(t *testing.T) {
	if got := budget.Euros(12, 50); got != 1250 {
		t.Errorf("Euros(12, 50): got %d, want 1250", int64(got))
	}
	for _, c := range [][2]int64{{1, 100}, {1, -1}, {-1, 0}, {math.MaxInt64 / 100, 8}, {math.MaxInt64, 0}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Euros(%d, %d) did not panic", c[0], c[1])
				}
			}()
			budget.Euros(c[0], c[1])
		}()
	}
}

func FuzzParseEuros(f *testing.F) {
	for _, s := range []string{"12,50", "€ 0.01", "10485,75", "1e3", "-1", "", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := budget.ParseEuros(s)
		if err != nil {
			return
		}
		if c < 0 || c > budget.MaxCents {
			t.Fatalf("ParseEuros(%q): %d is out of range", s, int64(c))
		}
		if again, err := budget.ParseEuros(c.String()); err != nil || again != c {
			t.Fatalf("ParseEuros(%q) is %d, but reads back as %d, %v", s, int64(c), int64(again), err)
		}
	})
}

func ExampleParseEuros() {
	amount, err := budget.ParseEuros("€ 12,50")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(int64(amount), amount, amount.Format("en"))
	// Output: 1250 € 12,50 € 12.50
}
