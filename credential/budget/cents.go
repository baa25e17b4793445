package budget

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Cents is an amount of money in euro cents. It is written in JSON as a whole number.
type Cents int64

// MaxCents is the most that one budget can hold and one order can move: 2^20 - 1 cents, € 10485,75.
// Totals over many budgets may be larger.
const MaxCents Cents = 1<<20 - 1

// ErrAmount is returned by [ParseEuros] for text that is no amount from € 0,00 to [MaxCents].
var ErrAmount = errors.New("not an amount in euros, such as 12,50")

// ErrOverflow is returned by [Cents.Add] and [Cents.Times] when the result does not fit.
var ErrOverflow = errors.New("amount too large to count")

// Euros returns e euros and c cents, for amounts that stand in the code: Euros(12, 50).
// It panics unless 0 <= c <= 99, e is not negative, and the amount fits.
func Euros(e, c int64) Cents {
	if e < 0 || c < 0 || c > 99 || e > (math.MaxInt64-c)/100 {
		panic("budget: Euros takes whole euros and 0 to 99 cents")
	}
	return Cents(e*100 + c)
}

// ParseEuros reads an amount as a person types it: whole euros, or euros with exactly two digits of cents after a
// comma or a point, with or without a euro sign before it ("12", "12,50", "12.50", "€ 12,50"). It takes no sign, no
// thousands separator and no part of a cent, and computes in whole numbers only.
//
// ParseEuros returns [ErrAmount] for anything else, and for more than [MaxCents].
func ParseEuros(s string) (Cents, error) {
	s = strings.TrimSpace(s)
	s = strings.TrimSpace(strings.TrimPrefix(s, "€"))
	whole, part := s, "00"
	if i := strings.IndexAny(s, ",."); i >= 0 {
		whole, part = s[:i], s[i+1:]
		if len(part) != 2 {
			return 0, ErrAmount
		}
	}
	// Seven digits are more than MaxCents has; with the cap, the sum below cannot overflow.
	if len(whole) < 1 || len(whole) > 7 {
		return 0, ErrAmount
	}
	var c Cents
	for _, digit := range []byte(whole + part) {
		if digit < '0' || digit > '9' {
			return 0, ErrAmount
		}
		c = c*10 + Cents(digit-'0')
	}
	if c > MaxCents {
		return 0, ErrAmount
	}
	return c, nil
}

// String returns c as it is written in Dutch: "€ 12,50".
func (c Cents) String() string { return c.Format("nl") }

// Format returns c for a reader of the language lang, a BCP 47 tag: "€ 12.50" if it is English, and otherwise
// "€ 12,50" as in Dutch. A negative amount has its sign before the digits: "€ -12,50". There is no thousands
// separator, so that [ParseEuros] reads back what is written here.
func (c Cents) Format(lang string) string {
	if english(lang) {
		return "€ " + c.decimal('.')
	}
	return "€ " + c.decimal(',')
}

// Decimal returns c in euros with two decimals and a point, "12.50", as payment files and CSV exports want it.
func (c Cents) Decimal() string { return c.decimal('.') }

func (c Cents) decimal(point byte) string {
	// The unsigned magnitude, so that the smallest int64 has one too.
	sign, u := "", uint64(c)
	if c < 0 {
		sign, u = "-", -u
	}
	b := make([]byte, 0, 24)
	b = append(b, sign...)
	b = strconv.AppendUint(b, u/100, 10)
	return string(append(b, point, byte('0'+u/10%10), byte('0'+u%10)))
}

// Add returns c + d, or [ErrOverflow].
func (c Cents) Add(d Cents) (Cents, error) {
	sum := c + d
	if (sum > c) != (d > 0) && d != 0 {
		return 0, ErrOverflow
	}
	return sum, nil
}

// Times returns n times c, or [ErrOverflow]. Neither may be negative: that too is ErrOverflow.
func (c Cents) Times(n int) (Cents, error) {
	if c < 0 || n < 0 || n > 0 && c > math.MaxInt64/Cents(n) {
		return 0, ErrOverflow
	}
	return c * Cents(n), nil
}

// english reports whether lang, a BCP 47 tag, is English.
func english(lang string) bool {
	primary, _, _ := strings.Cut(lang, "-")
	return strings.EqualFold(primary, "en")
}
