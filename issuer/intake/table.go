package intake

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxFile is the largest file that is read, in bytes: 8 MiB.
	MaxFile = 8 << 20
	// MaxRows is the most rows below the header.
	MaxRows = 100_000
	// MaxColumns is the most cells that a row of a spreadsheet may have.
	MaxColumns = 64
)

// ErrTooLarge is returned by [Read] for more than [MaxFile] bytes.
var ErrTooLarge = fmt.Errorf("file is larger than %d MiB", MaxFile>>20)

// Read reads a file that is to be parsed, and no more than [MaxFile] bytes of it. It returns [ErrTooLarge] for more.
func Read(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading file: %w", err)
	}
	if len(b) > MaxFile {
		return nil, ErrTooLarge
	}
	return b, nil
}

// A row is one line of a file, its cells in our order of the columns and without surrounding space.
type row struct {
	line  int
	cells []string
	fault Reason // why the line could not be read; "" if it could
}

// A column is what we look for in the first row.
type column struct {
	name string   // ours, and the one that reports use
	also []string // other ways to spell it; see heading
}

// readTable returns the rows below the header of a CSV file or of a spreadsheet's first sheet. The cells come in the
// order of columns. What is wrong with the file as a whole is added to the report, and then no rows are returned.
func readTable(file []byte, columns []column, report *Report) []row {
	rows, whole := rawRows(file)
	if whole.Reason != "" {
		report.add(whole)
		return nil
	}
	if len(rows) == 0 {
		report.add(Fault{Reason: NoRows})
		return nil
	}
	header := rows[0]
	if header.fault != "" {
		report.add(Fault{Line: header.line, Reason: header.fault})
		return nil
	}
	order, faults := match(header, columns)
	for _, f := range faults {
		report.add(f)
	}
	if len(faults) > 0 {
		return nil
	}
	rows = rows[1:]
	if len(rows) == 0 {
		report.add(Fault{Reason: NoRows})
		return nil
	}
	report.Rows = len(rows)
	for i := range rows {
		rows[i].arrange(order)
	}
	return rows
}

// arrange puts the cells of r in our order. Empty cells to the right of the last column are what a spreadsheet leaves.
func (r *row) arrange(order []int) {
	if r.fault != "" {
		return
	}
	for len(r.cells) > len(order) && r.cells[len(r.cells)-1] == "" {
		r.cells = r.cells[:len(r.cells)-1]
	}
	if len(r.cells) != len(order) {
		r.fault = Cells
		return
	}
	cells := make([]string, len(order))
	for i, from := range order {
		cells[i] = r.cells[from]
	}
	r.cells = cells
}

// match returns for each of columns where the header has it.
func match(header row, columns []column) (order []int, faults []Fault) {
	names := header.cells
	for len(names) > 0 && names[len(names)-1] == "" {
		names = names[:len(names)-1]
	}
	used := 0
	for _, c := range columns {
		at, found := -1, 0
		for i, name := range names {
			if c.is(name) {
				at = i
				found++
			}
		}
		if found != 1 {
			faults = append(faults, Fault{Line: header.line, Column: c.name, Reason: NoHeader})
		}
		used += found
		order = append(order, at)
	}
	if used < len(names) && len(faults) == 0 {
		// Which column it is is not said: in a file without a header it would be somebody's number.
		faults = append(faults, Fault{Line: header.line, Reason: ExtraColumn})
	}
	return order, faults
}

func (c column) is(name string) bool {
	h := heading(name)
	if h == heading(c.name) {
		return true
	}
	for _, also := range c.also {
		if h == heading(also) {
			return true
		}
	}
	return false
}

// heading reduces a column's name to its small letters: "Nr. Pers" and "NR_PERS" are one.
func heading(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// rawRows splits a file into rows, the header among them.
func rawRows(file []byte) ([]row, Fault) {
	switch {
	case len(file) > MaxFile:
		return nil, Fault{Reason: TooLarge}
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		return sheetRows(file)
	case bytes.HasPrefix(file, []byte("\xd0\xcf\x11\xe0")):
		// A spreadsheet of before 2007, or one with a password.
		return nil, Fault{Reason: UnknownFormat}
	}
	file = bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(file, 0) >= 0 {
		return nil, Fault{Reason: WrongEncoding} // UTF-16, or no text at all
	}
	return csvRows(file)
}

func csvRows(file []byte) ([]row, Fault) {
	reader := csv.NewReader(bytes.NewReader(file))
	reader.Comma = separator(file)
	reader.FieldsPerRecord = -1
	var rows []row
	for {
		cells, err := reader.Read()
		if err == io.EOF {
			return rows, Fault{}
		}
		if len(rows) > MaxRows {
			return nil, Fault{Reason: TooManyRows}
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			rows = append(rows, row{line: wrong.StartLine, fault: Quotes})
			continue
		}
		if err != nil {
			return nil, Fault{Reason: UnknownFormat} // cannot happen: the reader has the bytes in memory
		}
		line, _ := reader.FieldPos(0)
		r := row{line: line, cells: cells}
		for i := range cells {
			if !utf8.ValidString(cells[i]) {
				r.fault = WrongEncoding
			}
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, r)
	}
}

// separator returns the one of ; , and tab that stands most often in the first line with text.
func separator(file []byte) rune {
	first, _, _ := bytes.Cut(bytes.TrimLeft(file, "\r\n"), []byte("\n"))
	best, most := ';', 0
	for _, c := range []rune{';', ',', '\t'} {
		if n := bytes.Count(first, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}
