package iban_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kindpakket/issuer/iban"
)

// The examples that the IBAN registry (ISO 13616-1, SWIFT) prints for each country.
var registry = []string{
	"AD1200012030200359100100", "AL47212110090000000235698741", "AT611904300234573201", "BE68539007547034",
	"BG80BNBG96611020345678", "CH9300762011623852957", "CY17002001280000001200527600", "CZ6508000000192000145399",
	"DE89370400440532013000", "DK5000400440116243", "EE382200221020145685", "ES9121000418450200051332",
	"FI2112345600000785", "FR1420041010050500013M02606", "GB29NWBK60161331926819", "GI75NWBK000000007099453",
	"GR1601101250000000012300695", "HR1210010051863000160", "HU42117730161111101800000000", "IE29AIBK93115212345678",
	"IS140159260076545510730339", "IT60X0542811101000000123456", "LI21088100002324013AA", "LT121000011101001000",
	"LU280019400644750000", "LV80BANK0000435195001", "MC5811222000010123456789030", "MD24AG000225100013104168",
	"ME25505000012345678951", "MK07250120000058984", "MT84MALT011000012345MTLCAST001S", "NL91ABNA0417164300",
	"NO9386011117947", "PL61109010140000071219812874", "PT50000201231234567890154", "RO49AAAA1B31007593840000",
	"RS35260005601001611379", "SE4550000000058398257466", "SI56263300012039086", "SK3112000000198742637541",
	"SM86U0322509800000000270100", "VA59001123000012345678",
}

func TestRegistryExamples(t *testing.T) {
	for _, want := range registry {
		got, err := iban.Parse(want)
		if err != nil || string(got) != want {
			t.Errorf("Parse(%s): got %q, %v", want, got, err)
			continue
		}
		if again, err := iban.Parse(" " + strings.ToLower(got.Print()) + "\u00a0"); err != nil || again != got {
			t.Errorf("Parse of %s as printed: got %q, %v", want, again, err)
		}
	}
}

// TestEveryTypingErrorIsSeen changes each digit of a number: MOD 97-10 finds every single one.
func TestEveryTypingErrorIsSeen(t *testing.T) {
	const good = "NL69TEST0000000001"
	for n := 2; n < len(good); n++ {
		for c := byte('0'); c <= '9'; c++ {
			if good[n] == c || good[n] > '9' {
				continue
			}
			bad := good[:n] + string(c) + good[n+1:]
			if got, err := iban.Parse(bad); !errors.Is(err, iban.ErrCheck) || got != "" {
				t.Errorf("Parse(%s): got %q, %v, want ErrCheck", bad, got, err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		text string
		want error
	}{
		{"", iban.ErrForm}, {"NL", iban.ErrForm}, {"NL69", iban.ErrForm}, {"hello world", iban.ErrForm},
		{"NL69TEST000000001", iban.ErrForm}, {"NL69TEST00000000011", iban.ErrForm}, {"NL69TES10000000001", iban.ErrForm},
		{"NL69-TEST-0000-0000-01", iban.ErrForm}, {"NL69TEST000000000O", iban.ErrForm}, {"ＮＬ69TEST0000000001", iban.ErrForm},
		{"US12345678901234567890", iban.ErrCountry}, {"BR1800360305000010009795493C1", iban.ErrCountry},
		{strings.Repeat(" ", 60) + "NL69TEST0000000001", iban.ErrForm},
		{"DE01370400440532013000", iban.ErrCheck}, {"DE99370400440532013000", iban.ErrCheck},
	} {
		if got, err := iban.Parse(c.text); !errors.Is(err, c.want) || got != "" {
			t.Errorf("Parse(%q): got %q, %v, want %v", c.text, got, err, c.want)
		}
	}
}

// TestCheckDigitsOutOfRange takes numbers whose remainder is right with check digits that ISO 13616 never gives.
func TestCheckDigitsOutOfRange(t *testing.T) {
	refused := 0
	for n := range 97 * 2 {
		for _, check := range []string{"00", "01", "99"} {
			if _, err := iban.Parse(fmt.Sprintf("NL%sTEST%010d", check, n)); !errors.Is(err, iban.ErrCheck) {
				t.Errorf("check digits %s with account %d: got %v, want ErrCheck", check, n, err)
			}
			refused++
		}
	}
	if refused != 582 {
		t.Errorf("got %d cases, want 582", refused)
	}
}

func TestPrint(t *testing.T) {
	i, err := iban.Parse("NL69TEST0000000001")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := i.Print(), "NL69 TEST 0000 0000 01"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := i.Country(); got != "NL" {
		t.Errorf("got %q, want NL", got)
	}
	if got := iban.IBAN("").Country(); got != "" {
		t.Errorf("the zero IBAN: got %q, want nothing", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range registry {
		f.Add(s)
	}
	f.Add("nl69 test 0000 0000 01")
	f.Fuzz(func(t *testing.T, text string) {
		i, err := iban.Parse(text)
		if err != nil {
			if i != "" {
				t.Fatalf("refused, but got %q", i)
			}
			return
		}
		if again, err := iban.Parse(i.Print()); err != nil || again != i {
			t.Fatalf("%q prints as %q, which reads as %q, %v", i, i.Print(), again, err)
		}
	})
}
