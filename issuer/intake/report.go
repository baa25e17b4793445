package intake

import (
	"encoding/json"
	"fmt"
	"strings"

	"kindpakket/credential/budget"
)

// MaxListed is the most faults that a [Report] lists; more are only counted.
const MaxListed = 1000

// Report says what a file holds and what is wrong with it. It repeats nothing of a family's data.
type Report struct {
	Rows     int          // rows below the header, blank lines not counted
	Good     int          // rows without a fault: families or shops
	Children int          // children in the good rows; 0 for shops
	Cents    budget.Cents // what the good rows' budgets come to; 0 for shops
	Faulty   int          // rows with a fault, and faults of the file as a whole
	Faults   []Fault      // the first MaxListed of them, in the order of their lines
}

// OK reports whether the file may be imported.
func (r Report) OK() bool { return r.Faulty == 0 }

func (r *Report) add(f Fault) {
	r.Faulty++
	if len(r.Faults) < MaxListed {
		r.Faults = append(r.Faults, f)
	}
}

// MarshalJSON writes r as an object whose members stay as they are:
// rows, good, children, cents, faulty, faults.
func (r Report) MarshalJSON() ([]byte, error) {
	faults := r.Faults
	if faults == nil {
		faults = []Fault{}
	}
	return json.Marshal(struct {
		Rows     int          `json:"rows"`
		Good     int          `json:"good"`
		Children int          `json:"children"`
		Cents    budget.Cents `json:"cents"`
		Faulty   int          `json:"faulty"`
		Faults   []Fault      `json:"faults"`
	}{r.Rows, r.Good, r.Children, r.Cents, r.Faulty, faults})
}

// Fault is one thing that is wrong with a file.
type Fault struct {
	Line   int    // as an editor or a spreadsheet counts, from 1; 0 if the fault is the whole file's
	Column string // the column by our name for it, never as the file spells it; "" if it is the whole line's
	Reason Reason
	First  int // Twice: the line that came first
}

// Reason is the code of a fault. Codes stay as they are; the sentences may be improved.
type Reason string

const (
	Twice         Reason = "twice"            // stands on an earlier line too
	Uploaded      Reason = "already-uploaded" // an earlier file had this family
	Empty         Reason = "empty"
	TooShort      Reason = "too-short"
	TooLong       Reason = "too-long"
	NoChildren    Reason = "no-children"
	Negative      Reason = "negative"
	Fraction      Reason = "fraction"
	NotANumber    Reason = "not-a-number"
	OutOfRange    Reason = "out-of-range"
	Formula       Reason = "formula" // begins like a spreadsheet formula, or is one
	BadKvK        Reason = "bad-kvk"
	BadIBAN       Reason = "bad-iban"
	ForeignIBAN   Reason = "foreign-iban"
	BadName       Reason = "bad-name"
	BadCategory   Reason = "unknown-category"
	Cells         Reason = "cells"        // fewer or more cells than the header has
	Quotes        Reason = "quotes"       // a quotation mark without its other half
	NoHeader      Reason = "no-header"    // the first row lacks a column that is needed
	ExtraColumn   Reason = "extra-column" // the first row has a column that is not needed
	MergedCells   Reason = "merged-cells"
	NoRows        Reason = "no-rows"
	TooManyRows   Reason = "too-many-rows"
	TooLarge      Reason = "too-large"
	WrongEncoding Reason = "wrong-encoding"
	UnknownFormat Reason = "unknown-format"
)

// Sentence says f to an official in the language lang ("en", otherwise Dutch): what is wrong, then what to do.
// It holds a line number, our name of the column, and nothing that stands in the file.
func (f Fault) Sentence(lang string) string {
	english := lang == "en"
	text := f.Reason.text(english)
	if f.Reason == Twice {
		text = fmt.Sprintf(text, f.First)
	}
	where := ""
	switch {
	case f.Line == 0:
		return strings.ToUpper(text[:1]) + text[1:] // all of these begin with an ASCII letter
	case english:
		where = fmt.Sprintf("Line %d", f.Line)
	default:
		where = fmt.Sprintf("Regel %d", f.Line)
	}
	if f.Column != "" {
		where += ", " + f.Column
	}
	return where + ": " + text
}

// MarshalJSON writes f as {"line", "column", "reason", "first_line", "nl", "en"}; column and first_line only if they say
// something.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Line   int    `json:"line"`
		Column string `json:"column,omitempty"`
		Reason Reason `json:"reason"`
		First  int    `json:"first_line,omitempty"`
		Dutch  string `json:"nl"`
		Eng    string `json:"en"`
	}{f.Line, f.Column, f.Reason, f.First, f.Sentence("nl"), f.Sentence("en")})
}

func (r Reason) text(english bool) string {
	nl, en := r.texts()
	if english {
		return en
	}
	return nl
}

func (r Reason) texts() (nl, en string) {
	switch r {
	case Twice:
		return "staat ook op regel %d. Haal één van de twee weg.", "also stands on line %d. Remove one of the two."
	case Uploaded:
		return "dit gezin staat al in een eerder bestand. Haal de regel weg, of gebruik een bijstorting.",
			"this family was in an earlier file. Remove the line, or use a top-up."
	case Empty:
		return "is leeg. Vul de cel in, of haal de regel weg.", "is empty. Fill in the cell, or remove the line."
	case TooShort:
		return "het nummer is te kort. Kijk het nummer na.", "the number is too short. Check the number."
	case TooLong:
		return "is te lang. Kijk de cel na.", "is too long. Check the cell."
	case NoChildren:
		return "het aantal kinderen is 0. Haal de regel weg, of vul het aantal in.",
			"the number of children is 0. Remove the line, or fill in the number."
	case Negative:
		return "is een getal onder 0. Vul een heel getal boven 0 in.", "is a number below 0. Fill in a whole number above 0."
	case Fraction:
		return "is geen heel getal. Vul een getal zonder komma in.", "is not a whole number. Fill in a number without decimals."
	case NotANumber:
		return "is geen getal. Gebruik alleen cijfers.", "is not a number. Use digits only."
	case OutOfRange:
		return "het getal is te groot. Kijk het aantal na.", "the number is too large. Check the number."
	case Formula:
		return "is een formule, of begint zo. Plak de cellen als waarden.",
			"is a formula, or begins like one. Paste the cells as values."
	case BadKvK:
		return "een KvK-nummer heeft 8 cijfers. Begint het met een 0? Maak de cel dan tekst.",
			"a KvK number has 8 digits. Does it begin with 0? Then make the cell text."
	case BadIBAN:
		return "dit is geen juist IBAN. Kijk het na, ook de twee cijfers na de landcode.",
			"this is not a correct IBAN. Check it, and the two digits after the country code too."
	case ForeignIBAN:
		return "naar dit land kan geen SEPA-betaling. Vraag de winkel om een ander IBAN.",
			"no SEPA payment can go to this country. Ask the shop for another IBAN."
	case BadName:
		return "in de naam staat een teken dat niet kan, of geen enkele letter. Kijk de naam na.",
			"the name has a character that cannot be used, or no letter at all. Check the name."
	case BadCategory:
		return "deze categorie kent het Kindpakket niet, of hij staat er twee keer. Scheid categorieën met |.",
			"the Kindpakket does not know this category, or it is named twice. Separate categories with |."
	case Cells:
		return "de regel heeft meer of minder cellen dan de eerste regel. Kijk de scheidingstekens na.",
			"the line has more or fewer cells than the first line. Check the separators."
	case Quotes:
		return "er staat een aanhalingsteken te veel of te weinig. Haal het weg.",
			"there is a quotation mark too many or too few. Remove it."
	case NoHeader:
		return "de eerste regel moet de namen van de kolommen bevatten. Deze kolom ontbreekt of staat er twee keer.",
			"the first line must name the columns. This column is missing, or named twice."
	case ExtraColumn:
		return "er is een kolom die hier niet nodig is. Haal de kolom weg: meer gegevens dan nodig horen hier niet.",
			"there is a column that is not needed here. Remove it: more data than needed does not belong here."
	case MergedCells:
		return "het werkblad heeft samengevoegde cellen. Splits ze eerst.", "the sheet has merged cells. Split them first."
	case NoRows:
		return "het bestand heeft geen regels onder de kolomnamen. Is het het goede bestand?",
			"the file has no lines below the column names. Is it the right file?"
	case TooManyRows:
		return "het bestand heeft te veel regels. Splits het bestand.", "the file has too many lines. Split the file."
	case TooLarge:
		return "het bestand is te groot. Splits het bestand.", "the file is too large. Split the file."
	case WrongEncoding:
		return "de letters zijn niet leesbaar. Sla het bestand op als ‘CSV UTF-8’.",
			"the letters cannot be read. Save the file as ‘CSV UTF-8’."
	case UnknownFormat:
		return "dit is geen CSV-bestand en geen Excel-bestand (.xlsx) dat open kan. Sla het opnieuw op, zonder wachtwoord.",
			"this is not a CSV file, nor an Excel file (.xlsx) that can be opened. Save it again, without a password."
	}
	panic("intake: a reason without a sentence: " + string(r)) // cannot happen: TestEveryReasonHasASentence
}
