package intake_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"kindpakket/credential/budget"
	"kindpakket/issuer/intake"
)

func shopOptions() intake.ShopOptions { return intake.ShopOptions{Categories: budget.Categories()} }

func TestSampleShops(t *testing.T) {
	_, file := intake.Sample()
	shops, report := intake.ParseShops(file, shopOptions())
	if !report.OK() || len(shops) != 12 || report.Rows != 12 || report.Good != 12 {
		t.Fatalf("got %d shops, %+v", len(shops), report)
	}
	want := intake.Shop{
		Name: "Tweewielers Noord", Slug: "tweewielers-noord", KvK: "90000002", IBAN: "NL42TEST0000000002",
		Categories: []budget.Category{budget.Fiets, budget.Sport}, Line: 3,
	}
	if !reflect.DeepEqual(shops[1], want) {
		t.Errorf("got %+v, want %+v", shops[1], want)
	}
}

func TestShopFaults(t *testing.T) {
	const good = "Fietsenmaker;90000001;NL69TEST0000000001;fiets"
	for name, c := range map[string]struct {
		line   string
		column string
		reason intake.Reason
	}{
		"good":                     {good, "", ""},
		"printed IBAN":             {"Fietsenmaker;90000001;nl69 test 0000 0000 01;fiets", "", ""},
		"spaced categories":        {"Fietsenmaker;90000001;NL69TEST0000000001; Fiets | sport ", "", ""},
		"no name":                  {";90000001;NL69TEST0000000001;fiets", "name", intake.Empty},
		"formula":                  {"=1+1;90000001;NL69TEST0000000001;fiets", "name", intake.Formula},
		"long name":                {strings.Repeat("a", 71) + ";90000001;NL69TEST0000000001;fiets", "name", intake.TooLong},
		"name without letters":     {"!!!;90000001;NL69TEST0000000001;fiets", "name", intake.BadName},
		"name that turns text":     {"Fiets\u202eenmaker;90000001;NL69TEST0000000001;fiets", "name", intake.BadName},
		"short kvk":                {"Fietsenmaker;9000001;NL69TEST0000000001;fiets", "kvk", intake.BadKvK},
		"kvk with letter":          {"Fietsenmaker;9000000O;NL69TEST0000000001;fiets", "kvk", intake.BadKvK},
		"no kvk":                   {"Fietsenmaker;;NL69TEST0000000001;fiets", "kvk", intake.Empty},
		"wrong check digits":       {"Fietsenmaker;90000001;NL68TEST0000000001;fiets", "iban", intake.BadIBAN},
		"no IBAN":                  {"Fietsenmaker;90000001;;fiets", "iban", intake.Empty},
		"foreign IBAN":             {"Fietsenmaker;90000001;BR1800360305000010009795493C1;fiets", "iban", intake.ForeignIBAN},
		"unknown category":         {"Fietsenmaker;90000001;NL69TEST0000000001;fiets|drank", "categories", intake.BadCategory},
		"category twice":           {"Fietsenmaker;90000001;NL69TEST0000000001;fiets|fiets", "categories", intake.BadCategory},
		"empty category":           {"Fietsenmaker;90000001;NL69TEST0000000001;fiets|", "categories", intake.BadCategory},
		"no category":              {"Fietsenmaker;90000001;NL69TEST0000000001;", "categories", intake.Empty},
		"same slug":                {"De  Bóekhandel!;90000001;NL69TEST0000000001;fiets", "name", intake.Twice},
		"letters of another table": {"Caf\xe9;90000001;NL69TEST0000000001;fiets", "", intake.WrongEncoding},
	} {
		t.Run(name, func(t *testing.T) {
			file := "name;kvk;iban;categories\nde boekhandel;90000003;NL15TEST0000000003;boeken\n" + c.line + "\n"
			shops, report := intake.ParseShops([]byte(file), shopOptions())
			if got := onlyReason(t, report, 3); got != c.reason {
				t.Fatalf("got %q, want %q", got, c.reason)
			}
			if (shops != nil) != (c.reason == "") {
				t.Errorf("got %d shops", len(shops))
			}
			if c.reason != "" && report.Faults[0].Column != c.column {
				t.Errorf("got column %q, want %q", report.Faults[0].Column, c.column)
			}
		})
	}
}

// TestB6CategoryOfAnotherFund: a shop can have only categories that the municipality's fund has (history, B6).
func TestB6CategoryOfAnotherFund(t *testing.T) {
	file := []byte("name;kvk;iban;categories\nZwembad;90000005;NL58TEST0000000005;zwemmen\n")
	_, report := intake.ParseShops(file, intake.ShopOptions{Categories: []budget.Category{budget.Boeken}})
	if got := onlyReason(t, report, 2); got != intake.BadCategory {
		t.Errorf("got %q, want unknown-category", got)
	}
}

// TestShopsOfOneOwner: two branches may share the trade register number and the account.
func TestShopsOfOneOwner(t *testing.T) {
	file := "naam,KvK-nummer,IBAN,categorieën\nBakfiets Noord,90000001,NL69TEST0000000001,fiets\nBakfiets Zuid,90000001,NL69TEST0000000001,fiets\n"
	if shops, report := intake.ParseShops([]byte(file), shopOptions()); len(shops) != 2 {
		t.Errorf("got %d shops, %+v, want 2", len(shops), report)
	}
}

func TestShopsFromASheet(t *testing.T) {
	file := workbook(t, [][]any{{"name", "kvk", "iban", "categories"}, {"Café ’t Boek", 90000003, "NL15 TEST 0000 0000 03", "boeken|speelgoed"}})
	shops, report := intake.ParseShops(file, shopOptions())
	if len(shops) != 1 || shops[0].Slug != "cafe-t-boek" || shops[0].KvK != "90000003" || shops[0].IBAN != "NL15TEST0000000003" {
		t.Errorf("got %+v, %+v", shops, report)
	}
}

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"Fietsenhandel De Trapper": "fietsenhandel-de-trapper", "  Café   Zoë & Zn. ": "cafe-zoe-zn", "ＡＢＣ 1": "abc-1", "Åse's": "ases",
		"!!!": "", "": "", "店": "", "-a-": "a", strings.Repeat("ab ", 40): strings.Repeat("ab-", 15) + "ab",
		strings.Repeat("x", 200): strings.Repeat("x", intake.MaxSlug),
	} {
		if got := intake.Slug(name); got != want {
			t.Errorf("Slug(%q): got %q, want %q", name, got, want)
		}
	}
}

func FuzzParseShops(f *testing.F) {
	families, shops := intake.Sample()
	f.Add(shops)
	f.Add(families)
	if faults, err := os.ReadFile("testdata/zuidhorn/families-with-faults.csv"); err == nil {
		f.Add(faults)
	}
	f.Add([]byte("naam,kvk,iban,categorie\n\"Zoë, Zn\",90000001,nl69 test 0000 0000 01,Fiets|sport\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, report := intake.ParseShops(file, shopOptions())
		if report.OK() != (len(got) > 0) || len(got) > 0 && len(got) != report.Rows {
			t.Fatalf("got %d shops with %+v", len(got), report)
		}
		seen := map[string]bool{}
		for _, s := range got {
			n := utf8.RuneCountInString(s.Name)
			if seen[s.Slug] || s.Slug == "" || len(s.Slug) > intake.MaxSlug || s.Slug != intake.Slug(s.Name) || n < 1 || n > intake.MaxName || len(s.KvK) != 8 || len(s.Categories) == 0 {
				t.Fatalf("line %d: %+v", s.Line, s)
			}
			seen[s.Slug] = true
			for _, c := range s.Categories {
				if !slices.Contains(budget.Categories(), c) {
					t.Fatalf("line %d: category of no fund", s.Line)
				}
			}
		}
	})
}
