package intake

import (
	_ "embed"
	"strings"

	"kindpakket/credential/budget"
)

// Family is one row of a file of families.
type Family struct {
	Client   Client
	Children int          // 1 to MaxChildren
	Cents    budget.Cents // Children times the amount for a child; at most budget.MaxCents
	Line     int          // in the file
}

const (
	// MinClient and MaxClient are the least and most digits of a client number, leading zeros not counted.
	MinClient = 5
	MaxClient = 12
	// MaxChildren is the most children of one family.
	MaxChildren = 20
)

// FamilyOptions say how a file of families is read.
type FamilyOptions struct {
	// PerChild is the amount for each child, in cents.
	PerChild budget.Cents
	// Known reports whether c was in an earlier file. Optional. It is called once for each good row, in their order.
	Known func(c Client) bool
	// Progress is told how many of total rows are done, now and then and at the end. Optional.
	Progress func(done, total int)
}

// progressEvery is the number of rows between two calls of Progress.
const progressEvery = 500

const (
	columnClient   = "NR PERS"
	columnChildren = "KINDEREN"
)

func familyColumns() []column {
	return []column{
		{columnClient, []string{"nummer persoon", "persoonsnummer", "persoonsnr", "cliëntnummer", "clientnummer", "cliëntnr", "clientnr", "client number"}},
		{columnChildren, []string{"aantal kinderen", "children", "number of children"}},
	}
}

// ParseFamilies reads a file of families: CSV (; or , or tab; with or without byte order mark and quotation marks) or
// the first sheet of an .xlsx workbook, with a first row that names the columns NR PERS and KINDEREN in either order.
// At most [MaxFile] bytes and [MaxRows] rows are read.
//
// The report counts what is good and lists what is not; unless it is OK, no family is returned.
func ParseFamilies(file []byte, o FamilyOptions) ([]Family, Report) {
	var report Report
	rows := readTable(file, familyColumns(), &report)
	families := make([]Family, 0, len(rows))
	first := make(map[Client]int, len(rows))
	for i, r := range rows {
		family, fault := parseFamily(r, o, first)
		if fault.Reason == "" {
			total, err := report.Cents.Add(family.Cents)
			if err != nil {
				panic("intake: a total of MaxRows budgets that does not fit") // cannot happen: 100 000 times MaxCents fits
			}
			report.Cents = total
			report.Good++
			report.Children += family.Children
			families = append(families, family)
		} else {
			fault.Line = r.line
			report.add(fault)
		}
		if o.Progress != nil && ((i+1)%progressEvery == 0 || i+1 == len(rows)) {
			o.Progress(i+1, len(rows))
		}
	}
	if !report.OK() {
		return nil, report
	}
	return families, report
}

// parseFamily reads one row. first has the line on which each client was seen first.
func parseFamily(r row, o FamilyOptions, first map[Client]int) (Family, Fault) {
	if r.fault != "" {
		return Family{}, Fault{Reason: r.fault}
	}
	digits, reason := wholeNumber(r.cells[0])
	if reason == "" {
		reason = clientReason(digits)
	}
	if reason != "" {
		return Family{}, Fault{Column: columnClient, Reason: reason}
	}
	client := newClient(digits)
	if line, seen := first[client]; seen {
		return Family{}, Fault{Column: columnClient, Reason: Twice, First: line}
	}
	first[client] = r.line

	digits, reason = wholeNumber(r.cells[1])
	if reason != "" {
		return Family{}, Fault{Column: columnChildren, Reason: reason}
	}
	children, reason := countChildren(digits)
	if reason != "" {
		return Family{}, Fault{Column: columnChildren, Reason: reason}
	}
	cents, err := o.PerChild.Times(children)
	if err != nil || cents > budget.MaxCents {
		return Family{}, Fault{Column: columnChildren, Reason: OutOfRange}
	}
	if o.Known != nil && o.Known(client) {
		return Family{}, Fault{Column: columnClient, Reason: Uploaded}
	}
	return Family{Client: client, Children: children, Cents: cents, Line: r.line}, Fault{}
}

func clientReason(digits string) Reason {
	switch {
	case len(digits) < MinClient:
		return TooShort
	case len(digits) > MaxClient:
		return TooLong
	}
	return ""
}

// countChildren turns digits without leading zeros into a number. It looks at the length first: twenty nines are a
// typing error and not an overflow.
func countChildren(digits string) (int, Reason) {
	n := 0
	if len(digits) > 2 {
		return 0, OutOfRange
	}
	for _, d := range []byte(digits) {
		n = n*10 + int(d-'0')
	}
	switch {
	case n == 0:
		return 0, NoChildren
	case n > MaxChildren:
		return 0, OutOfRange
	}
	return n, ""
}

// wholeNumber returns the digits of a cell without leading zeros, or why it is no whole number from 0 up.
func wholeNumber(cell string) (string, Reason) {
	switch {
	case cell == "":
		return "", Empty
	case strings.ContainsRune("=@+", rune(cell[0])):
		return "", Formula
	case cell[0] == '-':
		if _, reason := wholeNumber(cell[1:]); reason == "" || reason == Fraction {
			return "", Negative
		}
		return "", Formula // a spreadsheet takes -A1 for a formula too
	}
	points := 0
	for _, c := range []byte(cell) {
		switch {
		case c == ',' || c == '.':
			points++
		case c < '0' || c > '9':
			return "", NotANumber
		}
	}
	if points == 1 {
		return "", Fraction
	}
	if points > 1 {
		return "", NotANumber
	}
	return strings.TrimLeft(cell, "0"), ""
}

//go:embed testdata/zuidhorn/families.csv
var sampleFamilies []byte

//go:embed testdata/zuidhorn/shops.csv
var sampleShops []byte

// Sample returns the files of the made-up municipality: 85 families and 12 shops. The caller owns the bytes.
func Sample() (families, shops []byte) {
	return append([]byte(nil), sampleFamilies...), append([]byte(nil), sampleShops...)
}
