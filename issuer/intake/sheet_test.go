package intake_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"kindpakket/issuer/intake"
)

// workbook returns an .xlsx file whose first sheet has the given rows.
func workbook(t testing.TB, rows [][]any, more ...func(*excelize.File)) []byte {
	t.Helper()
	book := excelize.NewFile()
	defer book.Close()
	for i, r := range rows {
		if err := book.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &r); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range more {
		f(book)
	}
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSheetOfFamilies(t *testing.T) {
	file := workbook(t, [][]any{{}, {"Nr Pers", "Kinderen"}, {123456, 2}, {"0234567", "3"}, {}, {345678.0, 1}}, func(b *excelize.File) {
		// A number is read and not the way in which a cell shows it; another sheet is not looked at.
		style, err := b.NewStyle(&excelize.Style{NumFmt: 4}) // #,##0.00
		must(t, err)
		must(t, b.SetCellStyle("Sheet1", "A3", "B3", style))
		_, err = b.NewSheet("Namen")
		must(t, err)
		must(t, b.SetCellFormula("Namen", "A3", "1+1"))
	})
	families, report := intake.ParseFamilies(file, intake.FamilyOptions{PerChild: perChild})
	if !report.OK() || len(families) != 3 {
		t.Fatalf("got %d families, %+v", len(families), report)
	}
	for i, want := range []struct {
		number         string
		children, line int
	}{{"123456", 2, 3}, {"234567", 3, 4}, {"345678", 1, 6}} {
		if f := families[i]; f.Client.Reveal() != want.number || f.Children != want.children || f.Line != want.line {
			t.Errorf("family %d: got %s, %d children, line %d, want %v", i, f.Client.Reveal(), f.Children, f.Line, want)
		}
	}
}

func TestSheetWithFaults(t *testing.T) {
	rows := [][]any{{"NR PERS", "KINDEREN"}, {123456, 2}, {123456, 2}, {654321, 0}, {77, 1}, {888888, -1}, {999999, 2.5},
		{555555, "veel"}, {333333, 1e20}, {"=cmd|' /C calc'!A0", 1}, {444441, 3}, {444442, true}, {444443}, {nil, 2}, {444445, 3, 4}, {444446, 1}}
	file := workbook(t, rows, func(b *excelize.File) {
		must(t, b.SetCellFormula("Sheet1", "B11", "1+2")) // its stored result is 3
		must(t, b.SetCellFormula("Sheet1", "A16", "A2"))
	})
	families, report := intake.ParseFamilies(file, intake.FamilyOptions{PerChild: perChild})
	want := []intake.Fault{
		{Line: 3, Column: "NR PERS", Reason: intake.Twice, First: 2},
		{Line: 4, Column: "KINDEREN", Reason: intake.NoChildren},
		{Line: 5, Column: "NR PERS", Reason: intake.TooShort},
		{Line: 6, Column: "KINDEREN", Reason: intake.Negative},
		{Line: 7, Column: "KINDEREN", Reason: intake.Fraction},
		{Line: 8, Column: "KINDEREN", Reason: intake.NotANumber},
		{Line: 9, Column: "KINDEREN", Reason: intake.OutOfRange},
		{Line: 10, Column: "NR PERS", Reason: intake.Formula},
		{Line: 11, Column: "KINDEREN", Reason: intake.Formula},
		{Line: 12, Column: "KINDEREN", Reason: intake.NotANumber},
		{Line: 13, Column: "KINDEREN", Reason: intake.Empty},
		{Line: 14, Column: "NR PERS", Reason: intake.Empty},
		{Line: 15, Reason: intake.Cells},
		{Line: 16, Column: "NR PERS", Reason: intake.Formula},
	}
	if !reflect.DeepEqual(report.Faults, want) || families != nil {
		t.Errorf("got %d families and\n%+v, want\n%+v", len(families), report.Faults, want)
	}
}

func TestSheetWithMergedCells(t *testing.T) {
	file := workbook(t, [][]any{{"NR PERS", "KINDEREN"}, {123456, 2}, {nil, 3}}, func(b *excelize.File) {
		must(t, b.MergeCell("Sheet1", "A2", "A3"))
	})
	_, report := intake.ParseFamilies(file, intake.FamilyOptions{PerChild: perChild})
	if got := onlyReason(t, report, 0); got != intake.MergedCells {
		t.Errorf("got %q, want merged-cells", got)
	}
}

func TestSheetWithPassword(t *testing.T) {
	book := excelize.NewFile()
	defer book.Close()
	var out bytes.Buffer
	must(t, book.Write(&out, excelize.Options{Password: "geheim"}))
	_, report := intake.ParseFamilies(out.Bytes(), intake.FamilyOptions{PerChild: perChild})
	if got := onlyReason(t, report, 0); got != intake.UnknownFormat {
		t.Errorf("got %q, want unknown-format", got)
	}
}

// replaceSheet returns the workbook with other XML for its first sheet.
func replaceSheet(t *testing.T, file []byte, sheet io.Reader) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	must(t, err)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, part := range in.File {
		p, err := w.Create(part.Name)
		must(t, err)
		from := sheet
		if part.Name != "xl/worksheets/sheet1.xml" {
			r, err := part.Open()
			must(t, err)
			defer r.Close()
			from = r
		}
		_, err = io.Copy(p, from)
		must(t, err)
	}
	must(t, w.Close())
	return out.Bytes()
}

const sheetStart = `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`

// TestSheetBombs: some bytes that unpack, or are filled in, to gigabytes are refused. It would run out of memory if not.
func TestSheetBombs(t *testing.T) {
	file := workbook(t, [][]any{{"NR PERS", "KINDEREN"}})
	header := `<row r="1"><c r="A1" t="inlineStr"><is><t>NR PERS</t></is></c><c r="B1" t="inlineStr"><is><t>KINDEREN</t></is></c></row>`
	end := `</sheetData></worksheet>`

	zeros := io.MultiReader(strings.NewReader(sheetStart), io.LimitReader(spaces{}, intake.MaxUnzipped), strings.NewReader(end))
	_, report := intake.ParseFamilies(replaceSheet(t, file, zeros), intake.FamilyOptions{PerChild: perChild})
	if got := onlyReason(t, report, 0); got != intake.UnknownFormat {
		t.Errorf("a sheet that unpacks to more than the limit: got %q", got)
	}

	wide := sheetStart + header + strings.Repeat(`<row><c r="XFD2"><v>1</v></c></row>`, 100_000) + end
	_, report = intake.ParseFamilies(replaceSheet(t, file, strings.NewReader(wide)), intake.FamilyOptions{PerChild: perChild})
	if got := onlyReason(t, report, 2); got != intake.ExtraColumn {
		t.Errorf("rows of 16 384 cells: got %q", got)
	}

	// A last row far below, as some programs write it: read, and nothing is filled in between.
	deep := sheetStart + header + `<row r="2"><c r="A2"><v>123456</v></c><c r="B2"><v>2</v></c></row><row r="1048576"><c r="A1048576" s="0"/></row>` + end
	families, report := intake.ParseFamilies(replaceSheet(t, file, strings.NewReader(deep)), intake.FamilyOptions{PerChild: perChild})
	if !report.OK() || len(families) != 1 {
		t.Errorf("an empty last row: got %d families, %+v", len(families), report)
	}

	rows := sheetStart + header + strings.Repeat(`<row><c><v>1</v></c></row>`, intake.MaxRows+1) + end
	_, report = intake.ParseFamilies(replaceSheet(t, file, strings.NewReader(rows)), intake.FamilyOptions{PerChild: perChild})
	if got := onlyReason(t, report, 0); got != intake.TooManyRows {
		t.Errorf("too many rows: got %q", got)
	}
}

type spaces struct{}

func (spaces) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// TestSheetLeavesNoFile: client numbers are not unpacked into a temporary file, however large the sheet.
func TestSheetLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	sheet := io.MultiReader(strings.NewReader(sheetStart), io.LimitReader(spaces{}, 20<<20),
		strings.NewReader(`<row r="1"><c r="A1" t="inlineStr"><is><t>NR PERS</t></is></c><c r="B1" t="inlineStr"><is><t>KINDEREN</t></is></c></row>`+
			`<row r="2"><c r="A2"><v>123456</v></c><c r="B2"><v>2</v></c></row></sheetData></worksheet>`))
	file := replaceSheet(t, workbook(t, nil), sheet)
	var during []os.DirEntry
	families, report := intake.ParseFamilies(file, intake.FamilyOptions{PerChild: perChild, Known: func(intake.Client) bool {
		during, _ = os.ReadDir(dir)
		return false
	}})
	if !report.OK() || len(families) != 1 {
		t.Fatalf("got %d families, %+v", len(families), report)
	}
	after, err := os.ReadDir(dir)
	if err != nil || len(after)+len(during) != 0 {
		t.Errorf("got %d and %d files, %v, want none", len(during), len(after), err)
	}
}
