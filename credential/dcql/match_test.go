package dcql_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"kindpakket/credential/dcql"
)

func object(text string) any {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic(err)
	}
	return v
}

// arthur is the credential of OpenID4VP 1.0, Section 7.3.
const arthur = `{"name":"Arthur Dent",
	"address":{"street_address":"42 Market Street","locality":"Milliways","postal_code":"12345"},
	"degrees":[{"type":"Bachelor of Science","university":"University of Betelgeuse"},{"type":"Master of Science","university":"University of Betelgeuse"}],
	"nationalities":["British","Betelgeusian"]}`

const identity = "https://credentials.example.com/identity_credential"

// holdings are what the specification's examples ask for, but for the residence credential, and a card.
func holdings() []dcql.Candidate {
	sd := func(vct, claims string) dcql.Candidate {
		return dcql.Candidate{Format: "dc+sd-jwt", Types: []string{vct}, Claims: object(claims)}
	}
	return []dcql.Candidate{
		sd("https://kindpakket.example/card", `{"fund":"kindpakket","period":"2027","children":2}`),
		sd(identity, `{"family_name":"Doe","given_name":"John","address":{"street_address":"1 Main"},"postal_code":"90210","date_of_birth":"1940-01-01"}`),
		sd("https://company.example/company_rewards", `{"rewards_number":7}`),
		{Format: "mso_mdoc", Types: []string{"org.iso.18013.5.1.mDL"}, Claims: object(`{"org.iso.18013.5.1":{"given_name":"J","family_name":"D","portrait":"x","resident_address":"1 Main","resident_country":"NL"}}`)},
		{Format: "mso_mdoc", Types: []string{"org.iso.7367.1.mVRC"}, Claims: object(`{"org.iso.7367.1":{"vehicle_holder":"J"},"org.iso.18013.5.1":{"given_name":"J"}}`)},
	}
}

// show writes choices as "id=candidate[paths]".
func show(cs []dcql.Choice) string {
	var out []string
	for _, c := range cs {
		out = append(out, fmt.Sprintf("%s=%d%v", c.Query.ID, c.Candidate, c.Paths))
	}
	return strings.Join(out, " ")
}

func TestSpecExamples(t *testing.T) {
	examples := specExamples(t)
	all := holdings()
	without := func(i int) []dcql.Candidate {
		held := holdings()
		held[i].Format = "none"
		return held
	}
	for _, tt := range []struct {
		name, example string
		held          []dcql.Candidate
		want          string // "" is ErrNoMatch
	}{
		{"", "simple", all, `my_credential=1[["family_name"] ["given_name"] ["address","street_address"]]`},
		{"none", "simple", without(1), ""},
		{"", "simple_mdoc", all, `my_credential=4[["org.iso.7367.1","vehicle_holder"] ["org.iso.18013.5.1","given_name"]]`},
		{"", "value_matching_simple", all, `my_credential=1[["family_name"] ["given_name"] ["address","street_address"] ["postal_code"]]`},
		{"the second set", "claims_alternatives", all, `pid=1[["family_name"] ["postal_code"] ["date_of_birth"]]`},
		{"", "multi_credentials", all,
			`pid=1[["given_name"] ["family_name"] ["address","street_address"]] mdl=4[["org.iso.7367.1","vehicle_holder"] ["org.iso.18013.5.1","given_name"]]`},
		{"one of two is not enough", "multi_credentials", without(4), ""},
		{"the optional one is left out", "credentials_alternatives", all, `pid=1[["given_name"] ["family_name"] ["address","street_address"]]`},
		{"no option", "credentials_alternatives", without(1), ""},
		{"an option of two", "credentials_alternatives", append(without(1),
			dcql.Candidate{Format: "dc+sd-jwt", Types: []string{"https://cred.example/residence_credential"}, Claims: object(`{"postal_code":"1","locality":"2","region":"3"}`)},
			dcql.Candidate{Format: "dc+sd-jwt", Types: []string{"https://credentials.example.com/reduced_identity_credential"}, Claims: object(`{"family_name":"1","given_name":"2"}`)}),
			`pid_reduced_cred_1=6[["family_name"] ["given_name"]] pid_reduced_cred_2=5[["postal_code"] ["locality"] ["region"]]`},
		{"", "complex_mdoc", all, `mdl-id=3[["org.iso.18013.5.1","given_name"] ["org.iso.18013.5.1","family_name"] ["org.iso.18013.5.1","portrait"]]`},
	} {
		t.Run(tt.example+"/"+tt.name, func(t *testing.T) {
			a, err := dcql.Match(parse(t, string(examples[tt.example])), tt.held)
			if tt.want == "" {
				if !errors.Is(err, dcql.ErrNoMatch) {
					t.Errorf("got %s, %v", show(a.Chosen), err)
				}
				return
			}
			if got := show(a.Chosen); got != tt.want || err != nil {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}

	a, err := dcql.Match(parse(t, string(examples["complex_mdoc"])), all)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(a.CanAdd(1)), `mdl-address=3[["org.iso.18013.5.1","resident_address"] ["org.iso.18013.5.1","resident_country"]]`; got != want {
		t.Errorf("the optional set: got %s, want %s", got, want)
	}
	if a, err = dcql.Match(parse(t, string(examples["credentials_alternatives"])), without(2)); err != nil || a.CanAdd(1) != nil {
		t.Errorf("an optional set that cannot be had: got %s, %v", show(a.CanAdd(1)), err)
	}
}

// The paths of Section 7.3, and those that its processing rules call an error.
func TestPaths(t *testing.T) {
	for _, tt := range []struct {
		claim string // a claims query's members after path
		want  string // "" is no match
	}{
		{`["name"]`, `[["name"]]`},
		{`["address"]`, `[["address"]]`},
		{`["address","street_address"]`, `[["address","street_address"]]`},
		{`["degrees",null,"type"]`, `[["degrees",null,"type"]]`},
		{`["nationalities",1]`, `[["nationalities",1]]`},
		{`["nationalities",null]`, `[["nationalities",null]]`},
		{`["degrees",null]`, `[["degrees",null]]`},

		{`["nationalities",2]`, ""},
		{`["age"]`, ""},
		{`["name","first"]`, ""},         // of a string
		{`["name",0]`, ""},               // of a string
		{`["address",0]`, ""},            // of an object
		{`["address",null]`, ""},         // of an object
		{`["degrees","type"]`, ""},       // of an array
		{`["degrees",null,"grade"]`, ""}, // nothing is left
		{`[null]`, ""},
		{`["1"]`, ""},

		{`["name"],"values":["Arthur Dent"]`, `[["name"]]`},
		{`["name"],"values":["Ford","Arthur Dent"]`, `[["name"]]`},
		{`["name"],"values":["Ford"]`, ""},
		{`["name"],"values":["arthur dent"]`, ""},
		{`["name"],"values":[true]`, ""},
		{`["address"],"values":["Milliways"]`, ""},
		// Only the element that was asked for is shown, not its neighbours.
		{`["nationalities",null],"values":["Betelgeusian"]`, `[["nationalities",1]]`},
		{`["degrees",null,"type"],"values":["Master of Science","x"]`, `[["degrees",1,"type"]]`},
		{`["degrees",null,"university"],"values":["University of Betelgeuse"]`, `[["degrees",0,"university"] ["degrees",1,"university"]]`},
		{`["nationalities",null],"values":["Dutch"]`, ""},
	} {
		q := parse(t, claimWith(`"path":`+tt.claim))
		a, err := dcql.Match(q, []dcql.Candidate{{Format: "f", Claims: object(arthur)}})
		switch {
		case tt.want == "" && !errors.Is(err, dcql.ErrNoMatch):
			t.Errorf("%s: got %s, %v", tt.claim, show(a.Chosen), err)
		case tt.want != "" && (err != nil || fmt.Sprint(a.Chosen[0].Paths) != tt.want):
			t.Errorf("%s: got %s, %v, want %s", tt.claim, show(a.Chosen), err, tt.want)
		}
	}
}

// Section 6.3: type and value both match exactly.
func TestValues(t *testing.T) {
	for _, tt := range []struct {
		asked string
		claim any
		want  bool
	}{
		{`1250`, float64(1250), true},
		{`1250`, json.Number("1250"), true},
		{`1250`, json.Number("1250.0"), true},
		{`1250`, json.Number("1.25e3"), true},
		{`9007199254740993`, json.Number("9007199254740993"), true},
		{`-1`, float64(-1), true},
		{`0`, float64(0), true},
		{`true`, true, true},
		{`false`, false, true},
		{`""`, "", true},

		{`1250`, "1250", false},
		{`"1250"`, float64(1250), false},
		{`"1250"`, json.Number("1250"), false},
		{`1250`, float64(1250.5), false},
		{`1250`, json.Number("1250.5"), false},
		{`1250`, json.Number("1251"), false},
		{`9007199254740993`, float64(9007199254740992), false},
		{`9223372036854775807`, float64(9223372036854775807), false},
		{`1`, json.Number("1e999999999"), false},
		{`1`, true, false},
		{`true`, float64(1), false},
		{`true`, "true", false},
		{`true`, false, false},
		{`""`, nil, false},
		{`0`, nil, false},
		{`"a"`, []any{"a"}, false},
		{`"a"`, map[string]any{"a": "a"}, false},
	} {
		q := parse(t, claimWith(`"path":["x"],"values":[`+tt.asked+`]`))
		_, err := dcql.Match(q, []dcql.Candidate{{Format: "f", Claims: map[string]any{"x": tt.claim}}})
		if got := err == nil; got != tt.want {
			t.Errorf("%s of %T(%v): got %v, want %v", tt.asked, tt.claim, tt.claim, got, tt.want)
		}
	}
}

func TestMatchKind(t *testing.T) {
	card := dcql.Candidate{
		Format: "dc+sd-jwt", Types: []string{"urn:card:nl", "urn:card"}, Claims: object(`{"fund":"kindpakket"}`),
		Authorities: []dcql.Authorities{{Type: "aki", Values: []string{"k1", "k2"}}},
	}
	unbound := card
	unbound.Unbound = true
	query := func(format, meta, more string) string {
		return `{"credentials":[{"id":"a","format":"` + format + `","meta":` + meta + more + `}]}`
	}
	for _, tt := range []struct {
		name, query string
		held        dcql.Candidate
		want        bool
	}{
		{"no meta", query("dc+sd-jwt", `{}`, ""), card, true},
		{"vct", query("dc+sd-jwt", `{"vct_values":["urn:other","urn:card:nl"]}`, ""), card, true},
		{"vct that it extends", query("dc+sd-jwt", `{"vct_values":["urn:card"]}`, ""), card, true},
		{"meta of another kind", query("dc+sd-jwt", `{"later":1}`, ""), card, true},
		{"types", query("dc+sd-jwt", `{"type_values":[["urn:x"],["urn:card","urn:card:nl"]]}`, ""), card, true},
		{"doctype", query("dc+sd-jwt", `{"doctype_value":"urn:card"}`, ""), card, true},
		{"authority", query("dc+sd-jwt", `{}`, `,"trusted_authorities":[{"type":"x","values":["k1"]},{"type":"aki","values":["k0","k2"]}]`), card, true},
		{"no binding asked, none had", query("dc+sd-jwt", `{}`, `,"require_cryptographic_holder_binding":false`), unbound, true},
		{"no binding asked", query("dc+sd-jwt", `{}`, `,"require_cryptographic_holder_binding":false`), card, true},

		{"format", query("kpb1", `{}`, ""), card, false},
		{"format in other case", query("DC+SD-JWT", `{}`, ""), card, false},
		{"another vct", query("dc+sd-jwt", `{"vct_values":["urn:other"]}`, ""), card, false},
		{"one type too many", query("dc+sd-jwt", `{"type_values":[["urn:card","urn:x"]]}`, ""), card, false},
		{"another doctype", query("dc+sd-jwt", `{"doctype_value":"urn:other"}`, ""), card, false},
		{"another authority", query("dc+sd-jwt", `{}`, `,"trusted_authorities":[{"type":"aki","values":["k0"]}]`), card, false},
		{"its key as another type", query("dc+sd-jwt", `{}`, `,"trusted_authorities":[{"type":"etsi_tl","values":["k1"]}]`), card, false},
		{"binding asked, none had", query("dc+sd-jwt", `{}`, ""), unbound, false},
	} {
		_, err := dcql.Match(parse(t, tt.query), []dcql.Candidate{tt.held})
		if got := err == nil; got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestMatch(t *testing.T) {
	one, two := dcql.Candidate{Format: "f", Claims: object(`{"a":1}`)}, dcql.Candidate{Format: "f", Claims: object(`{"a":1,"b":2}`)}
	for _, tt := range []struct {
		name, query string
		held        []dcql.Candidate
		want        string
	}{
		{"no claims, no paths", credentialWith(""), []dcql.Candidate{one}, "a=0[]"},
		{"all claims", credentialWith(`"claims":[{"path":["a"]},{"path":["b"]}]`), []dcql.Candidate{one, two}, `a=1[["a"] ["b"]]`},
		{"a claim twice", credentialWith(`"claims":[{"path":["a"]},{"path":["a"]}]`), []dcql.Candidate{one}, `a=0[["a"]]`},
		{"the first set that can be had", credentialWith(`"claims":[{"id":"x","path":["a"]},{"id":"y","path":["b"]}],"claim_sets":[["y"],["x"]]`), []dcql.Candidate{one}, `a=0[["a"]]`},
		{"not more than the first set", credentialWith(`"claims":[{"id":"x","path":["a"]},{"id":"y","path":["b"]}],"claim_sets":[["x"],["x","y"]]`), []dcql.Candidate{two}, `a=0[["a"]]`},
		{"no set", credentialWith(`"claims":[{"id":"x","path":["a"]},{"id":"y","path":["b"]}],"claim_sets":[["y"],["x","y"]]`), []dcql.Candidate{one}, ""},
		{"nothing held", credentialWith(""), nil, ""},
		{"an unknown format beside", `{"credentials":[{"id":"a","format":"f","meta":{}},{"id":"b","format":"zk","meta":{}}],"credential_sets":[{"options":[["b"],["a"]]}]}`, []dcql.Candidate{one}, "a=0[]"},
		{"one credential for two queries", `{"credentials":[{"id":"a","format":"f","meta":{}},{"id":"b","format":"f","meta":{},"claims":[{"path":["a"]}]}]}`, []dcql.Candidate{one}, `a=0[] b=0[["a"]]`},
		{"a query in two sets, once", `{"credentials":[{"id":"a","format":"f","meta":{}}],"credential_sets":[{"options":[["a"]]},{"options":[["a","a"]]}]}`, []dcql.Candidate{one}, `a=0[]`},
		{"claims that are no object", credentialWith(`"claims":[{"path":["a"]}]`), []dcql.Candidate{{Format: "f", Claims: "a"}, {Format: "f"}}, ""},
	} {
		a, err := dcql.Match(parse(t, tt.query), tt.held)
		if tt.want == "" {
			if !errors.Is(err, dcql.ErrNoMatch) || len(a.Chosen) != 0 {
				t.Errorf("%s: got %s, %v", tt.name, show(a.Chosen), err)
			}
			continue
		}
		if got := show(a.Chosen); got != tt.want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
}

// Where nothing is required, nothing is chosen; the holder may add what there is.
func TestMatchOptionalOnly(t *testing.T) {
	const query = `{"credentials":[{"id":"a","format":"f","meta":{}}],"credential_sets":[{"options":[["a"]],"required":false}]}`
	a, err := dcql.Match(parse(t, query), []dcql.Candidate{{Format: "f"}})
	if err != nil || len(a.Chosen) != 0 || show(a.CanAdd(0)) != "a=0[]" {
		t.Errorf("got %s and %s, %v", show(a.Chosen), show(a.CanAdd(0)), err)
	}
	if _, err := dcql.Match(parse(t, query), nil); !errors.Is(err, dcql.ErrNoMatch) {
		t.Errorf("got %v", err)
	}
}

// A required query that fails takes everything with it, and says what was there.
func TestMatchAllOrNothing(t *testing.T) {
	a, err := dcql.Match(parse(t, `{"credentials":[{"id":"a","format":"f","meta":{}},{"id":"b","format":"g","meta":{}}]}`), []dcql.Candidate{{Format: "f"}, {Format: "f"}})
	if !errors.Is(err, dcql.ErrNoMatch) || len(a.Chosen) != 0 {
		t.Errorf("got %s, %v", show(a.Chosen), err)
	}
	var got []int
	for _, c := range a.Choices["a"] {
		got = append(got, c.Candidate)
	}
	if want := []int{0, 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("choices: got %v, want %v", got, want)
	}
}
