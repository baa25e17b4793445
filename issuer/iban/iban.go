// Package iban checks bank account numbers: ISO 13616, for the countries of the Single Euro Payments Area.
//
// It knows the form of every number and its check digits. It does not know whether the account exists or whose it is:
// that is why two officials approve the account of a shop before it is paid.
package iban

import (
	"errors"
	"strings"
)

// MaxText is the longest text that [Parse] reads, in bytes: 34 characters in groups of four.
const MaxText = 64

// IBAN is an International Bank Account Number in its electronic form: capitals and digits, no spaces.
// One that [Parse] returned is well formed. The zero IBAN is no account.
type IBAN string

var (
	// ErrForm is returned by [Parse] for text that has not the form of its country's account numbers.
	ErrForm = errors.New("not an IBAN of its country's form")
	// ErrCountry is returned by [Parse] for an account outside the Single Euro Payments Area.
	ErrCountry = errors.New("IBAN is of a country that takes no SEPA payments")
	// ErrCheck is returned by [Parse] when the check digits do not fit the rest: usually a typing error.
	ErrCheck = errors.New("check digits of the IBAN do not fit")
)

// Parse reads an IBAN as it is printed or typed, in capitals or not, in groups or not.
// It returns [ErrForm], [ErrCountry] or [ErrCheck], and never repeats the number.
func Parse(text string) (IBAN, error) {
	if len(text) > MaxText {
		return "", ErrForm
	}
	s := strings.ToUpper(strings.NewReplacer(" ", "", "\u00a0", "", "\t", "").Replace(text))
	if len(s) < 5 || !fits("aann", s[:4]) {
		return "", ErrForm
	}
	form, ok := forms[s[:2]]
	if !ok {
		return "", ErrCountry
	}
	if !fits(spell(form), s[4:]) {
		return "", ErrForm
	}
	// ISO 13616-1: the check digits are 98 minus a remainder of 97, so 02 to 98; others can only pass by accident.
	if check := s[2:4]; check < "02" || check > "98" || mod97(s[4:]+s[:4]) != 1 {
		return "", ErrCheck
	}
	return IBAN(s), nil
}

// Country returns the ISO 3166 code that i begins with.
func (i IBAN) Country() string { return string(i[:min(2, len(i))]) }

// Print returns i in groups of four, as it stands on paper.
func (i IBAN) Print() string {
	var b strings.Builder
	for n := range len(i) {
		if n > 0 && n%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(i[n])
	}
	return b.String()
}

// mod97 is ISO/IEC 7064 MOD 97-10 over digits and letters, A = 10 to Z = 35, in whole numbers that cannot overflow.
func mod97(s string) int {
	r := 0
	for n := range len(s) {
		switch c := s[n]; {
		case c >= '0' && c <= '9':
			r = (r*10 + int(c-'0')) % 97
		default:
			r = (r*100 + int(c-'A') + 10) % 97
		}
	}
	return r
}

// fits reports whether s is as long as classes and each character is of its class:
// n a digit, a a capital, c either.
func fits(classes, s string) bool {
	if len(classes) != len(s) {
		return false
	}
	for n := range len(s) {
		digit := s[n] >= '0' && s[n] <= '9'
		capital := s[n] >= 'A' && s[n] <= 'Z'
		switch classes[n] {
		case 'n':
			if !digit {
				return false
			}
		case 'a':
			if !capital {
				return false
			}
		default:
			if !digit && !capital {
				return false
			}
		}
	}
	return true
}

// spell writes a form such as "4a10n" out: aaaannnnnnnnnn.
func spell(form string) string {
	var b strings.Builder
	count := 0
	for n := range len(form) {
		if c := form[n]; c >= '0' && c <= '9' {
			count = count*10 + int(c-'0')
			continue
		}
		b.WriteString(strings.Repeat(form[n:n+1], count))
		count = 0
	}
	return b.String()
}

// forms has what follows the country and check digits, in the notation of the IBAN registry (ISO 13616-1, SWIFT),
// for the countries in the geographical scope of the SEPA schemes (EPC409-09).
var forms = map[string]string{
	"AD": "8n12c", "AL": "8n16c", "AT": "16n", "BE": "12n", "BG": "4a6n8c", "CH": "5n12c", "CY": "8n16c", "CZ": "20n",
	"DE": "18n", "DK": "14n", "EE": "16n", "ES": "20n", "FI": "14n", "FR": "10n11c2n", "GB": "4a14n", "GI": "4a15c",
	"GR": "7n16c", "HR": "17n", "HU": "24n", "IE": "4a14n", "IS": "22n", "IT": "1a10n12c", "LI": "5n12c", "LT": "16n",
	"LU": "3n13c", "LV": "4a13c", "MC": "10n11c2n", "MD": "20c", "ME": "18n", "MK": "3n10c2n", "MT": "4a5n18c",
	"NL": "4a10n", "NO": "11n", "PL": "24n", "PT": "21n", "RO": "4a16c", "RS": "18n", "SE": "20n", "SI": "15n",
	"SK": "20n", "SM": "1a10n12c", "VA": "18n",
}
