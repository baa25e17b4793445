package catalog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"kindpakket/credential/catalog"
)

const base = "https://zuidhorn.example"

func ExampleType_TypeMetadata() {
	card := catalog.Kindpakket()
	fmt.Println(card.VCT("https://zuidhorn.example"))
	fmt.Println(card.Look("nl-NL").Name, card.Disclosable())
	// Output:
	// https://zuidhorn.example/vct/kindpakket/1
	// Kindpakket [fund period municipality categories children amount]
}

func TestEveryTypeOfTheHouseParses(t *testing.T) {
	all := catalog.Types()
	if len(all) == 0 {
		t.Fatal("the catalogue is empty")
	}
	ids, paths := map[string]bool{}, map[string]bool{}
	for _, typ := range all {
		if ids[typ.ConfigurationID] || paths[typ.VCTPath] {
			t.Errorf("%s: configuration id or vct path is taken", typ.ConfigurationID)
		}
		ids[typ.ConfigurationID], paths[typ.VCTPath] = true, true
		for _, lang := range []string{"nl", "en"} {
			if got := typ.Look(lang).Locale; got != lang {
				t.Errorf("%s: display for %s is in %s", typ.ConfigurationID, lang, got)
			}
			for _, name := range typ.Disclosable() {
				if typ.Label(name, lang) == "" {
					t.Errorf("%s: claim %s has no label", typ.ConfigurationID, name)
				}
			}
		}
		found, ok := catalog.Lookup(typ.ConfigurationID)
		if !ok || found.VCTPath != typ.VCTPath {
			t.Errorf("%s: not found by its configuration id", typ.ConfigurationID)
		}
		if _, ok := catalog.LookupVCT(base, typ.VCT(base)); !ok {
			t.Errorf("%s: not found by its vct", typ.ConfigurationID)
		}
		if _, ok := catalog.LookupVCT("https://elsewhere.example", typ.VCT(base)); ok {
			t.Errorf("%s: another issuer's vct is taken for ours", typ.ConfigurationID)
		}
	}
}

func TestKindpakketHidesTheFamilyAndShowsTheLedger(t *testing.T) {
	card := catalog.Kindpakket()
	want := []string{
		catalog.Fund, catalog.Period, catalog.Municipality, catalog.Categories, catalog.Children, catalog.Amount,
	}
	if got := card.Disclosable(); !slices.Equal(got, want) {
		t.Errorf("disclosable claims: got %v, want %v", got, want)
	}
	open := map[string]bool{}
	for _, c := range card.Claims {
		if c.SD == catalog.Never {
			open[strings.Join(c.Path, ".")] = true
		}
	}
	for _, name := range []string{"iss", "vct", "iat", "nbf", "exp", "status", "cnf", "ledger", "ledger.origin", "ledger.key"} {
		if !open[name] {
			t.Errorf("claim %s is not always open", name)
		}
	}
	if len(open) != 10 {
		t.Errorf("%d claims are always open, want 10: each one more is a mark on the holder", len(open))
	}
}

func TestDocumentsAreThoseOfTheStandards(t *testing.T) {
	card := catalog.Kindpakket()
	b, err := card.TypeMetadata(base)
	if err != nil {
		t.Fatal(err)
	}
	var meta struct {
		VCT     string `json:"vct"`
		Display []struct {
			Locale, Name string
			Rendering    struct {
				Simple map[string]string `json:"simple"`
			}
		}
		Claims []struct {
			Path      []string
			SD        string
			Mandatory bool
			Display   []struct{ Locale, Label string }
		}
	}
	if err := json.Unmarshal(b, &meta); err != nil {
		t.Fatal(err)
	}
	if meta.VCT != base+"/vct/kindpakket/1" {
		t.Errorf("vct: got %q", meta.VCT)
	}
	if len(meta.Display) != 2 || meta.Display[0].Rendering.Simple["background_color"] == "" {
		t.Errorf("display: got %+v", meta.Display)
	}
	if len(meta.Claims) != len(card.Claims) || meta.Claims[0].Display[1].Label != "Scheme" {
		t.Errorf("claims: got %+v", meta.Claims)
	}
	if again, _ := card.TypeMetadata(base + "/"); !bytes.Equal(again, b) {
		t.Error("a base URL with a slash at its end gives another document")
	}

	c, err := card.CredentialMetadata()
	if err != nil {
		t.Fatal(err)
	}
	var shown struct {
		Display []struct {
			Name, Locale string
			Background   string `json:"background_color"`
		}
		Claims []struct {
			Path    []string
			Display []struct{ Name, Locale string }
		}
	}
	if err := json.Unmarshal(c, &shown); err != nil {
		t.Fatal(err)
	}
	if len(shown.Display) != 2 || shown.Display[0].Background == "" || len(shown.Claims) != 8 || shown.Claims[0].Display[0].Name != "Regeling" {
		t.Errorf("credential metadata: got %+v", shown)
	}
}

// card returns the claims of a card that is right.
func card() map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"iss": raw(`"https://zuidhorn.example"`), "vct": raw(`"https://zuidhorn.example/vct/kindpakket/1"`),
		"iat": raw(`1793487600`), "nbf": raw(`1793487600`), "exp": raw(`1825023600`),
		"status": raw(`{"status_list":{"idx":7,"uri":"https://zuidhorn.example/status/1"}}`),
		"cnf":    raw(`{"jwk":{}}`), "ledger": raw(`{"origin":"kindpakket.zuidhorn.example","key":"kindpakket.zuidhorn.example+1+AA"}`),
		"fund": raw(`"kindpakket"`), "period": raw(`"2027"`), "municipality": raw(`"Zuidhorn"`),
		"categories": raw(`["fiets","sport"]`), "children": raw(`2`), "amount": raw(`60000`),
	}
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

func TestVerifyRefusesAWrongCard(t *testing.T) {
	typ := catalog.Kindpakket()
	if err := typ.Verify(card()); err != nil {
		t.Fatalf("a card that is right: %v", err)
	}
	for name, value := range map[string]string{
		"fund": `""`, "period": `2027`, "municipality": `null`, "categories": `["fiets",""]`, "children": `-1`,
		"amount": `600.00`, "status": `"x"`, "ledger": `{"origin":"kindpakket.zuidhorn.example"}`, "exp": `"2027"`,
	} {
		c := card()
		c[name] = raw(value)
		if err := typ.Verify(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s of a wrong kind: got %v", name, err)
		} else if strings.Contains(err.Error(), "2027") {
			t.Errorf("the error shows a claim's value: %v", err)
		}
	}
	for name := range card() {
		c := card()
		delete(c, name)
		if err := typ.Verify(c); err == nil {
			t.Errorf("a card without %s is accepted", name)
		}
	}
	for name, value := range map[string]string{"categories": `[]`, "ledger": `"x"`, "amount": `9223372036854775808`} {
		c := card()
		c[name] = raw(value)
		if typ.Verify(c) == nil {
			t.Errorf("%s = %s is accepted", name, value)
		}
	}
	c := card()
	c["birthdate"] = raw(`"2015-03-01"`)
	if err := typ.Verify(c); err == nil {
		t.Error("a claim that the type does not know is accepted")
	}
}

func TestParseRefuses(t *testing.T) {
	good, err := os.ReadFile("types/kindpakket.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"unknown member":                {`"vct_path"`, `"vct_paths"`},
		"another format":                {`"dc+sd-jwt"`, `"mso_mdoc"`},
		"vct path that leaves the host": {`"/vct/kindpakket/1"`, `"//evil.example/1"`},
		"vct path with dots":            {`"/vct/kindpakket/1"`, `"/vct/../1"`},
		"colour with code":              {`"#0b5c4a"`, `"url(x)"`},
		"configuration id":              {`"configuration_id": "kindpakket"`, `"configuration_id": ""`},
		"hidden status":                 {"\"path\": [\"status\"],\n      \"value\": \"object\",\n      \"mandatory\": true,\n      \"sd\": \"never\"", "\"path\": [\"status\"],\n      \"value\": \"object\",\n      \"mandatory\": true,\n      \"sd\": \"always\""},
		"hidden part":                   {"\"path\": [\"ledger\", \"key\"],\n      \"value\": \"text\",\n      \"mandatory\": true,\n      \"sd\": \"never\"", "\"path\": [\"ledger\", \"key\"],\n      \"value\": \"text\",\n      \"mandatory\": true,\n      \"sd\": \"always\""},
		"described twice":               {`["fund"]`, `["period"]`},
		"unknown kind":                  {`"texts"`, `"list"`},
		"sd neither always nor never":   {`"sd": "always"`, `"sd": "allowed"`},
		"no path":                       {`["fund"]`, `[]`},
		"empty name":                    {`["fund"]`, `[""]`},
		"no label":                      {`"label": "Regeling"`, `"label": ""`},
		"two labels for one language":   {`{"locale": "en", "label": "Scheme"`, `{"locale": "nl", "label": "Scheme"`},
		"no locale":                     {`"locale": "nl"`, `"locale": ""`},
		"display without a name":        {`"name": "Kindpakket",`, `"name": "",`},
		"text after the object":         {"\n  ]\n}\n", "\n  ]\n}\n}"},
		"not an object":                 {"{\n  \"configuration_id\"", "[\n  \"configuration_id\""},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(string(good), change[0]) {
				t.Fatalf("the description has no %q", change[0])
			}
			bad := strings.Replace(string(good), change[0], change[1], 1)
			if _, err := catalog.Parse([]byte(bad)); err == nil {
				t.Error("accepted")
			}
		})
	}
	if _, err := catalog.Parse(append(good, bytes.Repeat([]byte(" "), catalog.MaxType)...)); err == nil {
		t.Error("a description larger than MaxType is accepted")
	}
}

func TestLookFallsBack(t *testing.T) {
	typ := catalog.Kindpakket()
	for lang, want := range map[string]string{"nl": "nl", "en-GB": "en", "EN": "en", "ar": "nl", "": "nl"} {
		if got := typ.Look(lang).Locale; got != want {
			t.Errorf("Look(%q): got %s, want %s", lang, got, want)
		}
	}
	for lang, want := range map[string]string{"en-GB": "Scheme", "nl": "Regeling", "tr": "Regeling"} {
		if got := typ.Label("fund", lang); got != want {
			t.Errorf("Label(fund, %q): got %q, want %q", lang, got, want)
		}
	}
	if got := typ.Label("cnf", "nl"); got != "" {
		t.Errorf("cnf is shown to people as %q", got)
	}
}

func FuzzParse(f *testing.F) {
	good, err := os.ReadFile("types/kindpakket.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"configuration_id":"a","format":"dc+sd-jwt","vct_path":"/a","display":[{"locale":"nl","name":"x"}],"claims":[{"path":["a"],"value":"text","sd":"never"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		typ, err := catalog.Parse(b)
		if err != nil {
			return
		}
		typ.Look("nl")
		if _, err := typ.TypeMetadata(base); err != nil {
			t.Errorf("type metadata of an accepted type: %v", err)
		}
		if _, err := typ.CredentialMetadata(); err != nil {
			t.Errorf("credential metadata of an accepted type: %v", err)
		}
		again, err := json.Marshal(typ)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := catalog.Parse(again); err != nil && len(again) <= catalog.MaxType {
			t.Errorf("an accepted type is not accepted again: %v", err)
		}
	})
}
