package intake

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kindpakket/credential/budget"
	"kindpakket/issuer/iban"
)

// Shop is one row of a file of shops.
type Shop struct {
	Name       string // as people know it; 1 to MaxName characters
	Slug       string // made from Name; see Slug
	KvK        string // number in the trade register, 8 digits
	IBAN       iban.IBAN
	Categories []budget.Category // at least one, each once, in the order of the file
	Line       int               // in the file
}

const (
	// MaxName is the most characters of a shop's name: what a SEPA payment has room for.
	MaxName = 70
	// MaxSlug is the most characters of a slug.
	MaxSlug = 48
)

// ShopOptions say how a file of shops is read.
type ShopOptions struct {
	// Categories are those of the fund; a shop can have no other.
	Categories []budget.Category
}

const (
	columnName       = "name"
	columnKvK        = "kvk"
	columnIBAN       = "iban"
	columnCategories = "categories"
)

func shopColumns() []column {
	return []column{
		{columnName, []string{"naam", "winkel", "shop"}},
		{columnKvK, []string{"kvk-nummer", "kvk nr", "kvk number"}},
		{columnIBAN, []string{"rekeningnummer"}},
		{columnCategories, []string{"categorieën", "categorieen", "category", "categorie"}},
	}
}

// ParseShops reads a file of shops in the same formats and limits as [ParseFamilies], with the columns name, kvk, iban
// and categories (separated by |). Which categories a shop has is the municipality's to say, in this file (history, B6).
// Two shops may share an owner and an account, but no two the slug of their names.
//
// Unless the report is OK, no shop is returned.
func ParseShops(file []byte, o ShopOptions) ([]Shop, Report) {
	var report Report
	rows := readTable(file, shopColumns(), &report)
	shops := make([]Shop, 0, len(rows))
	first := make(map[string]int, len(rows))
	for _, r := range rows {
		shop, fault := parseShop(r, o, first)
		if fault.Reason != "" {
			fault.Line = r.line
			report.add(fault)
			continue
		}
		report.Good++
		shops = append(shops, shop)
	}
	if !report.OK() {
		return nil, report
	}
	return shops, report
}

// parseShop reads one row. first has the line on which each slug was seen first.
func parseShop(r row, o ShopOptions, first map[string]int) (Shop, Fault) {
	if r.fault != "" {
		return Shop{}, Fault{Reason: r.fault}
	}
	shop := Shop{Name: norm.NFC.String(r.cells[0]), KvK: r.cells[1], Line: r.line}
	if reason := nameReason(shop.Name); reason != "" {
		return Shop{}, Fault{Column: columnName, Reason: reason}
	}
	shop.Slug = Slug(shop.Name)
	if shop.Slug == "" {
		return Shop{}, Fault{Column: columnName, Reason: BadName}
	}
	if line, seen := first[shop.Slug]; seen {
		return Shop{}, Fault{Column: columnName, Reason: Twice, First: line}
	}
	first[shop.Slug] = r.line

	if reason := kvkReason(shop.KvK); reason != "" {
		return Shop{}, Fault{Column: columnKvK, Reason: reason}
	}
	account, err := iban.Parse(r.cells[2])
	switch {
	case r.cells[2] == "":
		return Shop{}, Fault{Column: columnIBAN, Reason: Empty}
	case errors.Is(err, iban.ErrCountry):
		return Shop{}, Fault{Column: columnIBAN, Reason: ForeignIBAN}
	case err != nil:
		return Shop{}, Fault{Column: columnIBAN, Reason: BadIBAN}
	}
	shop.IBAN = account
	if r.cells[3] == "" {
		return Shop{}, Fault{Column: columnCategories, Reason: Empty}
	}
	for id := range strings.SplitSeq(r.cells[3], "|") {
		c, err := budget.ParseCategory(strings.ToLower(strings.TrimSpace(id)))
		if err != nil || !slices.Contains(o.Categories, c) || slices.Contains(shop.Categories, c) {
			return Shop{}, Fault{Column: columnCategories, Reason: BadCategory}
		}
		shop.Categories = append(shop.Categories, c)
	}
	return shop, Fault{}
}

func nameReason(name string) Reason {
	switch {
	case name == "":
		return Empty
	case strings.ContainsRune("=@+-", rune(name[0])):
		return Formula
	case utf8.RuneCountInString(name) > MaxName:
		return TooLong
	}
	for _, r := range name {
		// Control and format characters would turn the text around on a till's screen.
		if !unicode.IsPrint(r) {
			return BadName
		}
	}
	return ""
}

func kvkReason(kvk string) Reason {
	if kvk == "" {
		return Empty
	}
	digits := strings.Trim(kvk, "0123456789") == ""
	if len(kvk) != 8 || !digits {
		return BadKvK
	}
	return ""
}

// Slug returns name as it stands in an address: a-z, 0-9 and single "-" in between, without accents, at most [MaxSlug]
// characters. "Fietsenhandel De Trapper" is fietsenhandel-de-trapper. It is empty for a name without a Latin letter or
// a digit.
func Slug(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(name) {
		r = unicode.ToLower(r)
		switch {
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’': // an accent of the letter before it; an apostrophe in a word
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		default:
			gap = true
		}
		if b.Len() >= MaxSlug {
			break
		}
	}
	return strings.TrimRight(b.String()[:min(b.Len(), MaxSlug)], "-")
}
