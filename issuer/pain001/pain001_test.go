package pain001_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"kindpakket/credential/budget"
	"kindpakket/issuer/iban"
	"kindpakket/issuer/pain001"
)

var (
	schema = flag.String("schema", "testdata/profile.xsd", "XML schema to validate files with")
	update = flag.Bool("update", false, "write the golden file anew")
)

// payout is a file with all that is hard: accents, an ampersand, one cent, more than a float can hold exactly.
func payout() pain001.File {
	return pain001.File{
		Message:   "KP-2027-0001",
		Created:   time.Date(2027, 3, 1, 10, 15, 30, 0, time.UTC),
		Execution: time.Date(2027, 3, 3, 0, 0, 0, 0, time.UTC),
		Debtor:    pain001.Party{Name: "Gemeente Zuidhorn", Account: "NL91ABNA0417164300"},
		Payments: []pain001.Payment{
			{"KP-2027-0001-1", pain001.Party{"Fietsenhandel De Trapper", "NL69TEST0000000001"}, 1250, "Kindpakket 2027, KP-2027-0001-1"},
			{"KP-2027-0001-2", pain001.Party{"Café Zoë & Zn. <b>", "NL42TEST0000000002"}, 1, "Kindpakket 2027 – € 0,01"},
			{"KP-2027-0001-3", pain001.Party{strings.Repeat("Ĳ", 100), "MT84MALT011000012345MTLCAST001S"}, 999_999_999_99, strings.Repeat("lang ", 100)},
		},
	}
}

// validate holds file against the schema and returns what xmllint says, "" if it is valid.
func validate(t *testing.T, file []byte) string {
	t.Helper()
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Fatal("xmllint is needed to hold payment files against their schema: install libxml2-utils (apt-get install libxml2-utils)")
	}
	cmd := exec.CommandContext(t.Context(), xmllint, "--nonet", "--noout", "--schema", *schema, "-")
	cmd.Stdin = bytes.NewReader(file)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("%s%v", out, err)
	}
	return ""
}

func TestFileIsValidAndStaysTheSame(t *testing.T) {
	got, err := payout().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if wrong := validate(t, got); wrong != "" {
		t.Errorf("the file is not valid: %s", wrong)
	}
	if *update {
		if err := os.WriteFile("testdata/payout.xml", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/payout.xml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	again, err := payout().Bytes()
	if err != nil || !bytes.Equal(got, again) {
		t.Errorf("the same file twice gives different bytes, %v", err)
	}
}

// TestSchemaRefuses shows that the validation can fail: each change makes a file that no bank takes.
func TestSchemaRefuses(t *testing.T) {
	good, err := payout().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"other version":     {"pain.001.001.09", "pain.001.001.03"},
		"no message id":     {"<MsgId>KP-2027-0001</MsgId>", ""},
		"elements swapped":  {"<PmtMtd>TRF</PmtMtd>", ""},
		"unknown element":   {"<ChrgBr>SLEV</ChrgBr>", "<ChrgBr>SLEV</ChrgBr><Kids>2</Kids>"},
		"decimal comma":     {"12.50", "12,50"},
		"no currency":       {` Ccy="EUR"`, ""},
		"local time format": {"2027-03-01T10:15:30Z", "01-03-2027 10:15"},
		"IBAN with spaces":  {"NL69TEST0000000001", "NL69 TEST 0000 0000 01"},
	} {
		bad := bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(bad, good) {
			t.Errorf("%s: nothing changed", name)
		}
		if validate(t, bad) == "" {
			t.Errorf("%s: valid, want refused", name)
		}
		if _, err := pain001.Parse(bad); !errors.Is(err, pain001.ErrFile) {
			t.Errorf("%s: Parse: got %v, want ErrFile", name, err)
		}
	}
}

func TestParseReadsWhatWasWritten(t *testing.T) {
	want := payout()
	b, err := want.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	got, err := pain001.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Payments {
		want.Payments[i].Creditor.Name = pain001.Text(want.Payments[i].Creditor.Name, pain001.MaxName)
		want.Payments[i].Text = pain001.Text(want.Payments[i].Text, pain001.MaxText)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	if got.Payments[1].Creditor.Name != "Cafe Zoe + Zn. .b." || got.Payments[1].Text != "Kindpakket 2027 - EUR 0,01" {
		t.Errorf("got %q and %q", got.Payments[1].Creditor.Name, got.Payments[1].Text)
	}
	total, err := got.Total()
	if err != nil || total != 1250+1+999_999_999_99 {
		t.Errorf("total: got %d, %v", int64(total), err)
	}
}

// TestD5EveryAmountIsExact writes and reads each amount that floats got wrong (history, D5).
func TestD5EveryAmountIsExact(t *testing.T) {
	const each = 9_000
	for from := budget.Cents(1); from <= 90_000; from += each {
		f := payout()
		f.Payments = nil
		for c := from; c < from+each; c++ {
			f.Payments = append(f.Payments, pain001.Payment{fmt.Sprint(int64(c)), f.Debtor, c, "x"})
		}
		b, err := f.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		got, err := pain001.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		written := bytes.Split(b, []byte("</InstdAmt>"))
		for i, p := range got.Payments {
			want := from + budget.Cents(i)
			text := fmt.Sprintf(">%d.%02d", int64(want)/100, int64(want)%100)
			if p.Amount != want || !bytes.HasSuffix(written[i], []byte(text)) {
				t.Fatalf("amount %d: got %d", int64(want), int64(p.Amount))
			}
		}
	}
}

// TestParseRefuses changes a good file in ways that would pay something else than the ledger says.
func TestParseRefuses(t *testing.T) {
	good, err := payout().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	replace := func(from, to string) []byte {
		bad := bytes.Replace(good, []byte(from), []byte(to), 1)
		if bytes.Equal(bad, good) {
			t.Errorf("%q does not stand in the file", from)
		}
		return bad
	}
	first := good[bytes.Index(good, []byte("<CdtTrfTxInf>")):]
	first = first[:bytes.Index(first, []byte("</CdtTrfTxInf>"))+len("</CdtTrfTxInf>")]
	for name, bad := range map[string][]byte{
		"empty":               nil,
		"not XML":             []byte("pain"),
		"cut short":           good[:len(good)-20],
		"other amount":        replace("12.50", "12.51"),
		"other sum":           replace("<CtrlSum>1000000012.50", "<CtrlSum>1000000012.51"),
		"other number":        replace("<NbOfTxs>3", "<NbOfTxs>2"),
		"payment twice":       replace("</PmtInf>", string(first)+"</PmtInf>"),
		"payment removed":     replace(string(first), ""),
		"second order":        replace("</PmtInf>", "</PmtInf><PmtInf></PmtInf>"),
		"other account":       replace("NL69TEST0000000001", "NL69TEST0000000010"),
		"other currency":      replace(`Ccy="EUR"`, `Ccy="USD"`),
		"leading zero":        replace(">12.50<", ">012.50<"),
		"plus sign":           replace(">12.50<", ">+12.50<"),
		"negative":            replace(">12.50<", ">-12.50<"),
		"a comment":           replace("<GrpHdr>", "<!-- --><GrpHdr>"),
		"an entity":           replace("Gemeente", "&#71;emeente"),
		"a document type":     replace("<Document", "<!DOCTYPE x [<!ENTITY a \"b\">]><Document"),
		"something behind":    append(bytes.Clone(good), ' '),
		"letters unlike SEPA": replace("Cafe Zoe", "Café Zoë"),
		"local time":          replace("10:15:30Z", "10:15:30+01:00"),
		"larger than allowed": append(bytes.Clone(good), bytes.Repeat([]byte(" "), pain001.MaxFile)...),
	} {
		if f, err := pain001.Parse(bad); !errors.Is(err, pain001.ErrFile) || !reflect.DeepEqual(f, pain001.File{}) {
			t.Errorf("%s: got %v, want ErrFile", name, err)
		}
	}
}

func TestBytesRefuses(t *testing.T) {
	for name, change := range map[string]func(*pain001.File){
		"no message id":         func(f *pain001.File) { f.Message = "" },
		"message id too long":   func(f *pain001.File) { f.Message = strings.Repeat("x", 36) },
		"message id with slash": func(f *pain001.File) { f.Message = "a/b" },
		"local time":            func(f *pain001.File) { f.Created = f.Created.In(time.FixedZone("", 3600)) },
		"parts of a second":     func(f *pain001.File) { f.Created = f.Created.Add(1) },
		"no time":               func(f *pain001.File) { f.Created = time.Time{} },
		"execution at noon":     func(f *pain001.File) { f.Execution = f.Execution.Add(12 * time.Hour) },
		"execution in the past": func(f *pain001.File) { f.Execution = f.Execution.AddDate(0, 0, -3) },
		"no payments":           func(f *pain001.File) { f.Payments = nil },
		"too many payments":     func(f *pain001.File) { f.Payments = make([]pain001.Payment, pain001.MaxPayments+1) },
		"no debtor":             func(f *pain001.File) { f.Debtor = pain001.Party{} },
		"debtor's account":      func(f *pain001.File) { f.Debtor.Account = "NL91ABNA0417164301" },
		"account with spaces":   func(f *pain001.File) { f.Payments[0].Creditor.Account = "NL69 TEST 0000 0000 01" },
		"no account":            func(f *pain001.File) { f.Payments[0].Creditor.Account = "" },
		"no name":               func(f *pain001.File) { f.Payments[0].Creditor.Name = " / " },
		"no text":               func(f *pain001.File) { f.Payments[0].Text = "" },
		"no id":                 func(f *pain001.File) { f.Payments[0].EndToEnd = "" },
		"id twice":              func(f *pain001.File) { f.Payments[1].EndToEnd = f.Payments[0].EndToEnd },
		"nothing":               func(f *pain001.File) { f.Payments[0].Amount = 0 },
		"less than nothing":     func(f *pain001.File) { f.Payments[0].Amount = -1250 },
		"one cent too much":     func(f *pain001.File) { f.Payments[0].Amount = pain001.MaxAmount + 1 },
	} {
		f := payout()
		change(&f)
		if b, err := f.Bytes(); err == nil || b != nil {
			t.Errorf("%s: got %d bytes, want an error", name, len(b))
		}
	}
}

// TestNamesCannotBreakOut: a name is text and never an element.
func TestNamesCannotBreakOut(t *testing.T) {
	f := payout()
	f.Payments[0].Creditor.Name = "</Nm></Cdtr><CdtrAcct>&amp;\"'\x00\u2028]]>"
	b, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if wrong := validate(t, b); wrong != "" {
		t.Errorf("not valid: %s", wrong)
	}
	if _, err := pain001.Parse(b); err != nil {
		t.Errorf("Parse: %v", err)
	}
}

func TestText(t *testing.T) {
	for s, want := range map[string]string{
		"":                            "",
		"De Trapper":                  "De Trapper",
		"  a \t\n b  ":                "a b",
		"Zoë Ångström & Søn":          "Zoe Angstrom + Son",
		"’s-Gravenhage":               "'s-Gravenhage",
		"Straße Ĳmuiden ŒUVR":         "Strasse IJmuiden OEUVR",
		"a_b;c@d[e]{f}|g\\h~i":        "a-b,c.d(e)(f)/g/h-i",
		"//a//b//":                    "a/b",
		"/ / a":                       "a",
		"店":                           ".",
		"€ 5":                         "EUR 5",
		"0123456789 0123456789 01234": "0123456789 0123456789",
	} {
		if got := pain001.Text(s, 22); got != want {
			t.Errorf("Text(%q): got %q, want %q", s, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"Café Zoë & Zn.", "/ / a", "//", "\xff", "\u0000", "ﬃ", "½", "a/ /b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := pain001.Text(s, 35)
		if pain001.Text(got, 35) != got || len(got) > 35 || len(got) != utf8.RuneCountInString(got) {
			t.Fatalf("Text(%q) is %q and then %q", s, got, pain001.Text(got, 35))
		}
		if strings.Trim(got, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ") != "" {
			t.Fatalf("Text(%q) is %q", s, got)
		}
		if strings.Contains(got, "//") || strings.Contains(got, "  ") || strings.Trim(got, " /") != got {
			t.Fatalf("Text(%q) is %q", s, got)
		}
	})
}

func FuzzParse(f *testing.F) {
	b, err := payout().Bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := pain001.Parse(b)
		if err != nil {
			return
		}
		again, err := file.Bytes()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted, but written as %q, %v", again, err)
		}
		for _, p := range file.Payments {
			if _, err := iban.Parse(string(p.Creditor.Account)); err != nil || p.Amount < 1 {
				t.Fatalf("accepted a payment of %d cents: %v", int64(p.Amount), err)
			}
		}
	})
}
