package pain001

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Text returns s in the characters that every SEPA bank carries (EPC217-08): a-z, A-Z, 0-9, space and / - ? : ( ) . , ' +
// in at most limit of them. Accents are dropped, a ligature is spelled out, & becomes +, and what has no likeness
// becomes a point. It begins and ends with neither a space nor a slash and has no two of either in a row.
// Text of what Text returned is the same again.
func Text(s string, limit int) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r): // the accent of the letter before, or nothing to see
		case carried(r):
			b.WriteRune(r)
		case unicode.IsSpace(r) || unicode.IsControl(r):
			b.WriteByte(' ')
		default:
			b.WriteString(like(r))
		}
	}
	words := strings.Join(strings.Fields(b.String()), " ")
	// EPC132-08, Section 1.4: no slash at the beginning or end, and no two together.
	parts := strings.FieldsFunc(words, func(r rune) bool { return r == '/' })
	words = strings.Trim(strings.Join(parts, "/"), " /")
	if len(words) > limit { // ASCII by now: bytes are characters
		words = strings.TrimRight(words[:limit], " /")
	}
	return words
}

func carried(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r < 0x80 && strings.ContainsRune(" /-?:().,'+", r)
}

// like returns the nearest that is carried, after the table of EPC217-08.
func like(r rune) string {
	switch r {
	case '&':
		return "+"
	case '_', '~', '‐', '‑', '‒', '–', '—', '−':
		return "-"
	case '`', '´', '‘', '’', '‛', '′':
		return "'"
	case ';':
		return ","
	case '[', '{':
		return "("
	case ']', '}':
		return ")"
	case '\\', '|':
		return "/"
	case '€':
		return "EUR"
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'Æ':
		return "AE"
	case 'œ':
		return "oe"
	case 'Œ':
		return "OE"
	case 'ø':
		return "o"
	case 'Ø':
		return "O"
	case 'ł':
		return "l"
	case 'Ł':
		return "L"
	case 'đ', 'ð':
		return "d"
	case 'Đ', 'Ð':
		return "D"
	case 'ı':
		return "i"
	case 'þ':
		return "th"
	case 'Þ':
		return "Th"
	}
	return "."
}
