package intake

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// MaxUnzipped is the most that a spreadsheet may unpack to, in bytes: 64 MiB.
const MaxUnzipped = 64 << 20

// maxOdd is the most cells that oddCells remembers.
const maxOdd = 4 * MaxRows

// Cells of a spreadsheet that are no plain text or number are replaced by one of these, so that they meet their reason.
const (
	formulaCell = "="
	wordCell    = "?" // a yes or no, or an error such as #REF!
)

// sheetRows returns the rows of the first sheet of an Office Open XML workbook.
func sheetRows(file []byte) (rows []row, fault Fault) {
	unreadable := Fault{Reason: UnknownFormat}
	defer func() {
		// The library was not written for hostile files; what makes it panic is a file that cannot be read.
		if recover() != nil {
			rows, fault = nil, unreadable
		}
	}()
	book, err := excelize.OpenReader(bytes.NewReader(file), excelize.Options{
		RawCellValue:   true, // the number, not the way in which a sheet shows it
		UnzipSizeLimit: MaxUnzipped,
		// As large as the limit, so that nothing of a family is ever unpacked into a temporary file.
		UnzipXMLSizeLimit: MaxUnzipped,
	})
	if err != nil {
		return nil, unreadable
	}
	defer book.Close()
	sheets := book.GetSheetList()
	if len(sheets) == 0 {
		return nil, unreadable
	}
	odd, merged, err := oddCells(book)
	switch {
	case err != nil:
		return nil, unreadable
	case merged:
		return nil, Fault{Reason: MergedCells}
	}
	// The stream, and no function that loads the sheet whole: a row that names the column XFD, or the row 1048576, costs
	// some bytes in the file and gigabytes when all is filled in.
	stream, err := book.Rows(sheets[0])
	if err != nil {
		return nil, unreadable
	}
	defer stream.Close()
	for line := 1; stream.Next(); line++ {
		cells, err := stream.Columns()
		switch {
		case err != nil:
			return nil, unreadable
		case len(rows) > MaxRows:
			return nil, Fault{Reason: TooManyRows}
		case len(cells) > MaxColumns:
			return nil, Fault{Line: line, Reason: ExtraColumn}
		}
		empty := true
		for n := range cells {
			if mark, ok := odd[place{n + 1, line}]; ok {
				cells[n] = mark
			}
			cells[n] = strings.TrimSpace(cells[n])
			empty = empty && cells[n] == ""
		}
		if empty {
			continue
		}
		rows = append(rows, row{line: line, cells: cells})
	}
	if stream.Error() != nil {
		return nil, unreadable
	}
	for i := range rows {
		for len(rows[i].cells) < len(rows[0].cells) { // empty cells at the end of a row are not in the file
			rows[i].cells = append(rows[i].cells, "")
		}
	}
	return rows, Fault{}
}

// place is where a cell stands: column and row, from 1.
type place struct{ column, row int }

// oddCells finds the cells of the first sheet that are no plain text or number, and what is to stand in their place. A
// formula's stored result is whatever the program that wrote the file put there: it is not looked at.
//
// The library could say it of each cell, but for that it fills in the whole sheet.
func oddCells(book *excelize.File) (odd map[place]string, merged bool, err error) {
	part, err := firstSheet(book)
	if err != nil {
		return nil, false, err
	}
	odd = map[place]string{}
	var at place
	for d := xml.NewDecoder(bytes.NewReader(part)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return odd, merged, nil
		}
		if err != nil {
			return nil, false, errors.New("reading sheet: not XML")
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "row":
			at = place{0, at.row + 1}
			if n, err := strconv.Atoi(attribute(start, "r")); err == nil {
				at.row = n
			}
		case "c":
			at.column++
			if column, row, err := excelize.CellNameToCoordinates(attribute(start, "r")); err == nil {
				at = place{column, row}
			}
			switch attribute(start, "t") {
			case "b", "e", "d":
				odd[at] = wordCell
			}
		case "f":
			odd[at] = formulaCell
		case "mergeCell":
			merged = true
		}
		if len(odd) > maxOdd {
			return nil, false, errors.New("reading sheet: too many cells with formulas")
		}
	}
}

// firstSheet returns the bytes of the workbook's first sheet: ECMA-376, Part 1, Sections 12.3.23 and 18.2.19.
func firstSheet(book *excelize.File) ([]byte, error) {
	var workbook struct {
		Sheets []struct {
			Attrs []xml.Attr `xml:",any,attr"`
		} `xml:"sheets>sheet"`
	}
	var links struct {
		Links []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	if xml.Unmarshal(part(book, "xl/workbook.xml"), &workbook) != nil || len(workbook.Sheets) == 0 ||
		xml.Unmarshal(part(book, "xl/_rels/workbook.xml.rels"), &links) != nil {
		return nil, errNoSheet
	}
	for _, a := range workbook.Sheets[0].Attrs {
		if a.Name.Local != "id" {
			continue
		}
		for _, l := range links.Links {
			if l.ID != a.Value {
				continue
			}
			target := path.Join("xl", l.Target)
			if path.IsAbs(l.Target) {
				target = strings.TrimPrefix(path.Clean(l.Target), "/")
			}
			if b := part(book, target); len(b) > 0 {
				return b, nil
			}
		}
	}
	return nil, errNoSheet
}

var errNoSheet = errors.New("finding the first sheet of the workbook")

func part(book *excelize.File, name string) []byte {
	b, _ := book.Pkg.Load(name)
	content, _ := b.([]byte)
	return content
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
