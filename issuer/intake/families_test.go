package intake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"kindpakket/credential/budget"
	"kindpakket/issuer/intake"
)

const perChild = budget.Cents(300_00)

func TestSampleFamilies(t *testing.T) {
	file, _ := intake.Sample()
	families, report := intake.ParseFamilies(file, intake.FamilyOptions{PerChild: perChild})
	// 85 families and 202 children: counted with awk over the file.
	want := intake.Report{Rows: 85, Good: 85, Children: 202, Cents: 202 * perChild}
	if !reflect.DeepEqual(report, want) {
		t.Errorf("report: got %+v, want %+v", report, want)
	}
	if len(families) != 85 {
		t.Fatalf("got %d families, want 85", len(families))
	}
	first := families[0]
	if first.Client.Reveal() != "973333" || first.Children != 3 || first.Cents != 900_00 || first.Line != 2 {
		t.Errorf("first family: got %+v with number %s", first, first.Client.Reveal())
	}
}

// TestFamiliesWithFaults names each faulty line of the file, and checks that nothing of it may be imported.
func TestFamiliesWithFaults(t *testing.T) {
	file, err := os.ReadFile("testdata/zuidhorn/families-with-faults.csv")
	if err != nil {
		t.Fatal(err)
	}
	families, report := intake.ParseFamilies(file, intake.FamilyOptions{
		PerChild: perChild,
		Known:    func(c intake.Client) bool { return c.Reveal() == "349766" }, // it is in families.csv
	})
	if families != nil {
		t.Errorf("got %d families of a file with faults, want none", len(families))
	}
	want := []intake.Fault{
		{Line: 3, Column: "NR PERS", Reason: intake.Twice, First: 2},
		{Line: 4, Column: "NR PERS", Reason: intake.Uploaded},
		{Line: 5, Column: "KINDEREN", Reason: intake.NoChildren},
		{Line: 6, Column: "NR PERS", Reason: intake.TooShort},
		{Line: 7, Column: "KINDEREN", Reason: intake.Negative},
		{Line: 8, Column: "KINDEREN", Reason: intake.Fraction},
		{Line: 9, Column: "NR PERS", Reason: intake.Empty},
		{Line: 10, Column: "KINDEREN", Reason: intake.NotANumber},
		{Line: 12, Column: "KINDEREN", Reason: intake.OutOfRange},
		{Line: 13, Column: "NR PERS", Reason: intake.Formula},
	}
	if !reflect.DeepEqual(report.Faults, want) {
		t.Errorf("faults: got\n%+v, want\n%+v", report.Faults, want)
	}
	if report.Rows != 12 || report.Good != 2 || report.Faulty != 10 || report.Children != 5 || report.Cents != 5*perChild || report.OK() {
		t.Errorf("counts: got %+v", report)
	}
}

// TestReportHoldsNoClientNumber searches what a fault says, in every form it has, for what stood in the file.
func TestReportHoldsNoClientNumber(t *testing.T) {
	const secret = "8675309"
	for _, file := range []string{
		"NR PERS;KINDEREN\n" + secret + ";2\n" + secret + ";2\n",
		"NR PERS;KINDEREN\n" + secret + ";\n",
		"NR PERS;KINDEREN\n" + secret + ";2;3\n",
		"NR PERS;KINDEREN\n" + secret + "x;2\n",
		"NR PERS;KINDEREN\n\"" + secret + ";2\n",
		"NR PERS;KINDEREN\n-" + secret + ";2\n",
		"NR PERS;KINDEREN\n" + strings.Repeat(secret, 3) + ";2\n",
		"NR PERS;KINDEREN\n2;" + secret + "\n",
		"NR PERS;KINDEREN;" + secret + "\n23456;2;x\n",
		secret + ";2\n",
		"NR PERS;KINDEREN\n\xff" + secret + ";2\n",
	} {
		_, report := intake.ParseFamilies([]byte(file), intake.FamilyOptions{PerChild: perChild})
		if report.OK() {
			t.Errorf("file %q has no fault", file)
		}
		text, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprintf("%s %+v %#v", text, report, report)
		if strings.Contains(said, secret) {
			t.Errorf("the report of %q repeats it: %s", file, said)
		}
	}
}

func TestClientPrintsNothing(t *testing.T) {
	families, _ := intake.ParseFamilies([]byte("NR PERS;KINDEREN\n86753;2\n"), intake.FamilyOptions{PerChild: perChild})
	if len(families) != 1 {
		t.Fatalf("got %d families, want 1", len(families))
	}
	c := families[0].Client
	asJSON, err := json.Marshal(families)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "client", c, "family", families[0])
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "client", c, "family", families[0])
	hidden := struct{ c intake.Client }{c} // printers cannot call the methods of an unexported field
	said := string(asJSON) + log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "%U"} {
		said += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c) + fmt.Sprintf(verb, hidden) + fmt.Sprintf(verb, families) + fmt.Sprintf(verb, &families[0])
	}
	for _, form := range []string{"86753", "3836373533", "152e1", "152E1"} { // text, its hex, the number's hex
		if strings.Contains(said, form) {
			t.Errorf("printed as %q in: %s", form, said)
		}
	}
	if !strings.Contains(said, "[redacted]") {
		t.Errorf("got no [redacted] in: %s", said)
	}
	if c.Reveal() != "86753" || (intake.Client{}).Reveal() != "" || !(intake.Client{}).IsZero() || c.IsZero() {
		t.Errorf("Reveal or IsZero: got %q and %v", c.Reveal(), c.IsZero())
	}
}

func TestSpellingsOfTheSameFile(t *testing.T) {
	for name, file := range map[string]string{
		"semicolon":           "NR PERS;KINDEREN\n123456;2\n234567;1\n",
		"comma":               "NR PERS,KINDEREN\n123456,2\n234567,1\n",
		"tab":                 "NR PERS\tKINDEREN\n123456\t2\n234567\t1\n",
		"CRLF and mark":       "\xef\xbb\xbfNR PERS;KINDEREN\r\n123456;2\r\n234567;1\r\n",
		"quotes":              "\"NR PERS\";\"KINDEREN\"\n\"123456\";\"2\"\n\"234567\";\"1\"\n",
		"mark and quotes":     "\xef\xbb\xbf\"NR PERS\",\"KINDEREN\"\n\"123456\",\"2\"\n\"234567\",\"1\"",
		"small letters":       "nr pers;kinderen\n123456;2\n234567;1\n",
		"other order":         "Aantal kinderen;Cliëntnummer\n2;123456\n1;234567\n",
		"English":             "Client number,Number of children\n123456,2\n234567,1\n",
		"spaces":              " Nr. Pers ; Kinderen \n 123456 ; 2 \n\t234567;\u00a01\n",
		"leading zeros":       "NR_PERS;KINDEREN\n0000123456;02\n00234567;1\n",
		"blank lines":         "\r\n\r\nNR PERS;KINDEREN\n\n123456;2\n\n\n234567;1\n\n",
		"empty cells at ends": "NR PERS;KINDEREN;;\n123456;2;;;;\n234567;1\n",
	} {
		t.Run(name, func(t *testing.T) {
			families, report := intake.ParseFamilies([]byte(file), intake.FamilyOptions{PerChild: perChild})
			if !report.OK() || len(families) != 2 {
				t.Fatalf("got %d families and %+v", len(families), report)
			}
			for i, want := range []struct {
				number   string
				children int
			}{{"123456", 2}, {"234567", 1}} {
				if got := families[i]; got.Client.Reveal() != want.number || got.Children != want.children {
					t.Errorf("family %d: got %s with %d children, want %v", i, got.Client.Reveal(), got.Children, want)
				}
			}
		})
	}
}

func TestCells(t *testing.T) {
	for cell, want := range map[string]intake.Reason{
		"1": "", "20": "", "007": "",
		"21": intake.OutOfRange, "100": intake.OutOfRange, "18446744073709551617": intake.OutOfRange, "0": intake.NoChildren,
		"00": intake.NoChildren, "-0": intake.Negative, "-2,5": intake.Negative, "-A1": intake.Formula, "--1": intake.Formula, "-": intake.Formula,
		"+1": intake.Formula, "=1+1": intake.Formula, "@SUM(A1)": intake.Formula, "2.5": intake.Fraction, "2,0": intake.Fraction,
		"1e1": intake.NotANumber, "0x1": intake.NotANumber, "1.000.000": intake.NotANumber, "٢": intake.NotANumber, "２": intake.NotANumber,
		"twee": intake.NotANumber, "1 2": intake.NotANumber, "": intake.Empty,
	} {
		_, report := intake.ParseFamilies([]byte("NR PERS;KINDEREN\n123456;"+cell+"\n"), intake.FamilyOptions{PerChild: 1})
		if got := onlyReason(t, report, 2); got != want {
			t.Errorf("children %q: got %q, want %q", cell, got, want)
		}
	}
	for cell, want := range map[string]intake.Reason{
		"12345": "", "123456789012": "", "0000000012345": "",
		"1234": intake.TooShort, "0001234": intake.TooShort, "0": intake.TooShort, "1234567890123": intake.TooLong,
		"-12345": intake.Negative, "12345,5": intake.Fraction, "12345A": intake.NotANumber, "=A1": intake.Formula, "": intake.Empty,
	} {
		_, report := intake.ParseFamilies([]byte("NR PERS;KINDEREN\n"+cell+";1\n"), intake.FamilyOptions{PerChild: 1})
		if got := onlyReason(t, report, 2); got != want {
			t.Errorf("number %q: got %q, want %q", cell, got, want)
		}
	}
}

// TestBudgetThatIsTooLarge: a family's euros fit a budget or the row is refused.
func TestBudgetThatIsTooLarge(t *testing.T) {
	file := []byte("NR PERS;KINDEREN\n123456;2\n")
	half := budget.MaxCents / 2
	if _, report := intake.ParseFamilies(file, intake.FamilyOptions{PerChild: half}); !report.OK() {
		t.Errorf("twice %d cents: got %+v, want it to fit", int64(half), report)
	}
	_, report := intake.ParseFamilies(file, intake.FamilyOptions{PerChild: half + 1})
	if got := onlyReason(t, report, 2); got != intake.OutOfRange {
		t.Errorf("twice %d cents: got %q, want out-of-range", int64(half+1), got)
	}
}

func TestFaultsOfTheWholeFile(t *testing.T) {
	for name, c := range map[string]struct {
		file   string
		reason intake.Reason
		line   int
	}{
		"nothing":                {"", intake.NoRows, 0},
		"header only":            {"NR PERS;KINDEREN\n", intake.NoRows, 0},
		"no children column":     {"NR PERS;PLAATS\n123456;2\n", intake.NoHeader, 1},
		"a column twice":         {"NR PERS;KINDEREN;kinderen\n123456;2;2\n", intake.NoHeader, 1},
		"names in the file":      {"NR PERS;NAAM;KINDEREN\n123456;Jansen;2\n", intake.ExtraColumn, 1},
		"header with open quote": {"\"NR PERS;KINDEREN\n123456;2\n", intake.Quotes, 1},
		"UTF-16":                 {"\xff\xfeN\x00R\x00", intake.WrongEncoding, 0},
		"old spreadsheet":        {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more", intake.UnknownFormat, 0},
		"broken zip":             {"PK\x03\x04 and more", intake.UnknownFormat, 0},
		"too large":              {strings.Repeat("\n", intake.MaxFile+1), intake.TooLarge, 0},
		"too many rows":          {"NR PERS;KINDEREN\n" + strings.Repeat("1;1\n", intake.MaxRows+1), intake.TooManyRows, 0},
	} {
		t.Run(name, func(t *testing.T) {
			families, report := intake.ParseFamilies([]byte(c.file), intake.FamilyOptions{PerChild: perChild})
			if got := onlyReason(t, report, c.line); got != c.reason || families != nil {
				t.Errorf("got %q and %d families, want %q", got, len(families), c.reason)
			}
		})
	}
	// Without a header both columns are missing, and the first row's data are not taken for names.
	_, report := intake.ParseFamilies([]byte("123456;2\n"), intake.FamilyOptions{PerChild: perChild})
	want := []intake.Fault{{Line: 1, Column: "NR PERS", Reason: intake.NoHeader}, {Line: 1, Column: "KINDEREN", Reason: intake.NoHeader}}
	if !reflect.DeepEqual(report.Faults, want) {
		t.Errorf("no header: got %+v, want %+v", report.Faults, want)
	}
}

func TestFaultsOfALine(t *testing.T) {
	file := "NR PERS;KINDEREN\n" +
		"12345;1\n" + // 2
		"23456\n" + // 3: too few cells
		"34567;1;1\n" + // 4: too many
		"4\"5678;1\n" + // 5: a lonely quotation mark
		"\"56789\";1\n" + // 6
		"67890;1\xff\n" + // 7
		"78901;2" // 8: no newline at the end
	_, report := intake.ParseFamilies([]byte(file), intake.FamilyOptions{PerChild: perChild})
	want := []intake.Fault{
		{Line: 3, Reason: intake.Cells}, {Line: 4, Reason: intake.Cells}, {Line: 5, Reason: intake.Quotes}, {Line: 7, Reason: intake.WrongEncoding},
	}
	if !reflect.DeepEqual(report.Faults, want) || report.Good != 3 {
		t.Errorf("got %d good and %+v, want 3 and %+v", report.Good, report.Faults, want)
	}
}

// TestListOfFaultsIsCapped: a file of the wrong kind does not make a report as long as itself.
func TestListOfFaultsIsCapped(t *testing.T) {
	file := "NR PERS;KINDEREN\n" + strings.Repeat("1;1\n", intake.MaxListed+7)
	_, report := intake.ParseFamilies([]byte(file), intake.FamilyOptions{PerChild: perChild})
	if report.Faulty != intake.MaxListed+7 || len(report.Faults) != intake.MaxListed {
		t.Errorf("got %d faults of which %d listed", report.Faulty, len(report.Faults))
	}
}

func TestProgress(t *testing.T) {
	var file strings.Builder
	file.WriteString("NR PERS;KINDEREN\n")
	for i := range 1234 {
		fmt.Fprintf(&file, "%d;1\n", 100_000+i)
	}
	var seen []int
	intake.ParseFamilies([]byte(file.String()), intake.FamilyOptions{PerChild: perChild, Progress: func(done, total int) {
		if total != 1234 {
			t.Errorf("total: got %d, want 1234", total)
		}
		seen = append(seen, done)
	}})
	if want := []int{500, 1000, 1234}; !reflect.DeepEqual(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}

// onlyReason returns the reason of the only fault, "" if there is none, and checks its line and its sentences.
func onlyReason(t *testing.T, r intake.Report, line int) intake.Reason {
	t.Helper()
	if r.OK() && len(r.Faults) == 0 {
		return ""
	}
	if len(r.Faults) != 1 || r.Faulty != 1 {
		t.Errorf("got %d faults, want 1: %+v", r.Faulty, r.Faults)
		return "none or many"
	}
	if r.Faults[0].Line != line {
		t.Errorf("fault %q: got line %d, want %d", r.Faults[0].Reason, r.Faults[0].Line, line)
	}
	return r.Faults[0].Reason
}

func TestSentences(t *testing.T) {
	f := intake.Fault{Line: 3, Column: "NR PERS", Reason: intake.Twice, First: 2}
	if got, want := f.Sentence("nl"), "Regel 3, NR PERS: staat ook op regel 2. Haal één van de twee weg."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := f.Sentence("en"), "Line 3, NR PERS: also stands on line 2. Remove one of the two."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	whole := intake.Fault{Reason: intake.TooLarge}
	if got, want := whole.Sentence("en"), "The file is too large. Split the file."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	b, err := json.Marshal(intake.Report{Rows: 1, Faulty: 1, Faults: []intake.Fault{whole}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"rows":1,"good":0,"children":0,"cents":0,"faulty":1,"faults":[{"line":0,"reason":"too-large",` +
		`"nl":"Het bestand is te groot. Splits het bestand.","en":"The file is too large. Split the file."}]}`
	if string(b) != want {
		t.Errorf("got %s, want %s", b, want)
	}
	if b, err := json.Marshal(intake.Report{}); err != nil || !strings.Contains(string(b), `"faults":[]`) {
		t.Errorf("got %s, %v, want an empty list", b, err)
	}
}

// TestEveryReasonHasASentence reads the reasons from the source, so that none can be forgotten.
func TestEveryReasonHasASentence(t *testing.T) {
	source, err := os.ReadFile("report.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\t\w+ +Reason = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(found) != 26 {
		t.Errorf("found %d reasons in report.go, want 26", len(found))
	}
	seen := map[string]bool{}
	for _, m := range found {
		nl, en := intake.Reason(m[1]).Texts()
		if nl == "" || en == "" || nl == en || seen[nl] || seen[en] || strings.Contains(nl+en, "%") != (m[1] == string(intake.Twice)) {
			t.Errorf("%s: no sentence, or not its own: %q, %q", m[1], nl, en)
		}
		seen[nl], seen[en] = true, true
	}
}

func TestReadIsCapped(t *testing.T) {
	if b, err := intake.Read(strings.NewReader(strings.Repeat("x", intake.MaxFile))); err != nil || len(b) != intake.MaxFile {
		t.Errorf("the largest file: got %d bytes, %v", len(b), err)
	}
	if _, err := intake.Read(strings.NewReader(strings.Repeat("x", intake.MaxFile+1))); err != intake.ErrTooLarge {
		t.Errorf("one byte more: got %v, want ErrTooLarge", err)
	}
}

func TestSampleIsACopy(t *testing.T) {
	for i, name := range []string{"families.csv", "shops.csv"} {
		onDisk, err := os.ReadFile("testdata/zuidhorn/" + name)
		if err != nil {
			t.Fatal(err)
		}
		get := func() []byte {
			families, shops := intake.Sample()
			return [][]byte{families, shops}[i]
		}
		get()[0] = 'X'
		if !bytes.Equal(get(), onDisk) {
			t.Errorf("%s: the sample differs from the file, or one caller changed it for the next", name)
		}
	}
}

func FuzzParseFamilies(f *testing.F) {
	sample, shops := intake.Sample()
	f.Add(sample)
	f.Add(shops)
	if faults, err := os.ReadFile("testdata/zuidhorn/families-with-faults.csv"); err == nil {
		f.Add(faults)
	}
	f.Add([]byte("\"NR PERS\"\tKINDEREN\n\"1\n2345\"\t1\n"))
	f.Add([]byte("PK\x03\x04"))
	f.Add(workbook(f, [][]any{{"NR PERS", "KINDEREN"}, {123456, 2}, {"234567", 1}}))
	f.Fuzz(func(t *testing.T, file []byte) {
		families, report := intake.ParseFamilies(file, intake.FamilyOptions{PerChild: perChild})
		if report.OK() != (len(families) > 0) || len(families) > 0 && len(families) != report.Rows {
			t.Fatalf("got %d families with %+v", len(families), report)
		}
		seen, children, cents := map[intake.Client]bool{}, 0, budget.Cents(0)
		for _, family := range families {
			digits := family.Client.Reveal()
			if seen[family.Client] || len(digits) < intake.MinClient || len(digits) > intake.MaxClient || strings.Trim(digits, "0123456789") != "" {
				t.Fatalf("line %d: twice, or no number", family.Line)
			}
			seen[family.Client] = true
			children += family.Children
			cents += family.Cents
		}
		if report.OK() && (children != report.Children || cents != report.Cents || cents != perChild*budget.Cents(children)) {
			t.Fatalf("sums differ: %d children, %d cents, %+v", children, int64(cents), report)
		}
	})
}
