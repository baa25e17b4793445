package dcql_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"kindpakket/credential/dcql"
)

func specExamples(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/spec/*.json")
	if err != nil || len(files) != 7 {
		t.Fatalf("got %d examples of the specification, %v, want 7", len(files), err)
	}
	out := make(map[string][]byte)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".json")] = b
	}
	return out
}

func parse(t testing.TB, text string) *dcql.Query {
	t.Helper()
	q, err := dcql.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return q
}

// What is read is written back so that it is read the same.
func TestSpecExamplesRoundTrip(t *testing.T) {
	for name, b := range specExamples(t) {
		q := parse(t, string(b))
		again, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %s", name, again)
		}
	}
}

func TestParse(t *testing.T) {
	got := parse(t, `{"later":[1],"credentials":[{"id":"card","format":"kpb1","multiple":true,"meta":{"fund":"kindpakket", "vct_values":["a","b"]},
		"require_cryptographic_holder_binding":false,"trusted_authorities":[{"type":"aki","values":["s9tIpPmhxdiuNkHMEWNpYim8S8Y"],"x":1}],
		"claims":[{"id":"a","path":["x",null,0,"y"],"values":["1",1,-7,true],"intent_to_retain":true},{"id":"b","path":["z"]}],"claim_sets":[["a","b"],["b"]]}],
		"credential_sets":[{"options":[["card"]],"required":false,"purpose":"x"},{"options":[["card"]],"required":true}]}`)
	want := &dcql.Query{
		Credentials: []dcql.Credential{{
			ID: "card", Format: "kpb1", Multiple: true, Unbound: true,
			Meta:        dcql.Meta{VCT: []string{"a", "b"}, Raw: json.RawMessage(`{"fund":"kindpakket","vct_values":["a","b"]}`)},
			Authorities: []dcql.Authorities{{Type: "aki", Values: []string{"s9tIpPmhxdiuNkHMEWNpYim8S8Y"}}},
			Claims: []dcql.Claim{
				{ID: "a", Path: dcql.Path{"x", nil, 0, "y"}, Values: []any{"1", int64(1), int64(-7), true}},
				{ID: "b", Path: dcql.Path{"z"}},
			},
			ClaimSets: [][]string{{"a", "b"}, {"b"}},
		}},
		Sets: []dcql.CredentialSet{{Options: [][]string{{"card"}}, Optional: true}, {Options: [][]string{{"card"}}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := want.Credentials[0].Claims[0].Path.String(); got != `["x",null,0,"y"]` {
		t.Errorf("path: got %s", got)
	}
}

// credentialWith is a query that has in its only credential query one member besides those that must be.
func credentialWith(member string) string {
	if member != "" {
		member = "," + member
	}
	return `{"credentials":[{"id":"a","format":"f","meta":{}` + member + `}]}`
}

func repeat(element string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
}

func claimWith(member string) string { return credentialWith(`"claims":[{` + member + `}]`) }

func TestParseRefuses(t *testing.T) {
	parse(t, credentialWith("")) // what the others spoil
	parse(t, claimWith(`"path":["a"]`))
	sets := func(s string) string {
		return strings.TrimSuffix(credentialWith(""), "}") + `,"credential_sets":` + s + `}`
	}
	parse(t, sets(`[{"options":[["a"]]}]`))
	for name, text := range map[string]string{
		"nothing":                    ``,
		"null":                       `null`,
		"a list":                     `[]`,
		"two values":                 `{"credentials":[]}{}`,
		"a member twice":             `{"credentials":[{"id":"a","format":"f","format":"g","meta":{}}]}`,
		"credentials absent":         `{}`,
		"credentials empty":          `{"credentials":[]}`,
		"credentials null":           `{"credentials":null}`,
		"credentials an object":      `{"credentials":{}}`,
		"a credential no object":     `{"credentials":["a"]}`,
		"credentials in other case":  `{"Credentials":[{"id":"a","format":"f","meta":{}}]}`,
		"id absent":                  `{"credentials":[{"format":"f","meta":{}}]}`,
		"id empty":                   `{"credentials":[{"id":"","format":"f","meta":{}}]}`,
		"id with a dot":              `{"credentials":[{"id":"a.b","format":"f","meta":{}}]}`,
		"id with an umlaut":          `{"credentials":[{"id":"ä","format":"f","meta":{}}]}`,
		"id a number":                `{"credentials":[{"id":1,"format":"f","meta":{}}]}`,
		"id null":                    `{"credentials":[{"id":null,"format":"f","meta":{}}]}`,
		"id twice":                   `{"credentials":[{"id":"a","format":"f","meta":{}},{"id":"a","format":"g","meta":{}}]}`,
		"format absent":              `{"credentials":[{"id":"a","meta":{}}]}`,
		"format empty":               `{"credentials":[{"id":"a","format":"","meta":{}}]}`,
		"meta absent":                `{"credentials":[{"id":"a","format":"f"}]}`,
		"meta null":                  `{"credentials":[{"id":"a","format":"f","meta":null}]}`,
		"vct_values empty":           `{"credentials":[{"id":"a","format":"f","meta":{"vct_values":[]}}]}`,
		"vct_values of numbers":      `{"credentials":[{"id":"a","format":"f","meta":{"vct_values":[1]}}]}`,
		"vct_values a string":        `{"credentials":[{"id":"a","format":"f","meta":{"vct_values":"x"}}]}`,
		"type_values of strings":     `{"credentials":[{"id":"a","format":"f","meta":{"type_values":["x"]}}]}`,
		"type_values of nothing":     `{"credentials":[{"id":"a","format":"f","meta":{"type_values":[[]]}}]}`,
		"doctype_value empty":        `{"credentials":[{"id":"a","format":"f","meta":{"doctype_value":""}}]}`,
		"multiple a string":          credentialWith(`"multiple":"true"`),
		"multiple null":              credentialWith(`"multiple":null`),
		"holder binding a number":    credentialWith(`"require_cryptographic_holder_binding":0`),
		"authorities empty":          credentialWith(`"trusted_authorities":[]`),
		"authority without type":     credentialWith(`"trusted_authorities":[{"values":["a"]}]`),
		"authority without values":   credentialWith(`"trusted_authorities":[{"type":"aki"}]`),
		"authority of no values":     credentialWith(`"trusted_authorities":[{"type":"aki","values":[]}]`),
		"claims empty":               credentialWith(`"claims":[]`),
		"claims null":                credentialWith(`"claims":null`),
		"path absent":                claimWith(`"id":"a"`),
		"path null":                  claimWith(`"path":null`),
		"path empty":                 claimWith(`"path":[]`),
		"path a string":              claimWith(`"path":"a"`),
		"path with a fraction":       claimWith(`"path":["a",1.5]`),
		"path with a whole fraction": claimWith(`"path":["a",1.0]`),
		"path with -1":               claimWith(`"path":["a",-1]`),
		"path with -0":               claimWith(`"path":["a",-0]`),
		"path with true":             claimWith(`"path":["a",true]`),
		"path with a path":           claimWith(`"path":["a",["b"]]`),
		"path with a large index":    claimWith(`"path":["a",1048577]`),
		"path too long":              claimWith(`"path":` + repeat(`"a"`, dcql.MaxPath+1)),
		"values empty":               claimWith(`"path":["a"],"values":[]`),
		"values with null":           claimWith(`"path":["a"],"values":["a",null]`),
		"values with a fraction":     claimWith(`"path":["a"],"values":[1.5]`),
		"values with an object":      claimWith(`"path":["a"],"values":[{}]`),
		"values out of range":        claimWith(`"path":["a"],"values":[9223372036854775808]`),
		"claim id empty":             claimWith(`"id":"","path":["a"]`),
		"claim id with a space":      claimWith(`"id":"a b","path":["a"]`),
		"claim id twice":             credentialWith(`"claims":[{"id":"x","path":["a"]},{"id":"x","path":["b"]}]`),
		"claim_sets without claims":  credentialWith(`"claim_sets":[["x"]]`),
		"claim_sets empty":           credentialWith(`"claims":[{"id":"x","path":["a"]}],"claim_sets":[]`),
		"claim_sets of nothing":      credentialWith(`"claims":[{"id":"x","path":["a"]}],"claim_sets":[[]]`),
		"claim_sets of strangers":    credentialWith(`"claims":[{"id":"x","path":["a"]}],"claim_sets":[["y"]]`),
		"claim_sets without ids":     credentialWith(`"claims":[{"id":"x","path":["a"]},{"path":["b"]}],"claim_sets":[["x"]]`),
		"sets empty":                 sets(`[]`),
		"sets null":                  sets(`null`),
		"set no object":              sets(`[["a"]]`),
		"options absent":             sets(`[{}]`),
		"options empty":              sets(`[{"options":[]}]`),
		"options of nothing":         sets(`[{"options":[[]]}]`),
		"options of strings":         sets(`[{"options":["a"]}]`),
		"options of strangers":       sets(`[{"options":[["a"],["b"]]}]`),
		"required a string":          sets(`[{"options":[["a"]],"required":"no"}]`),
		"too many sets":              sets(repeat(`{"options":[["a"]]}`, dcql.MaxSets+1)),
		"too many claims":            credentialWith(`"claims":` + repeat(`{"path":["a"]}`, dcql.MaxClaims+1)),
		"too many credentials":       `{"credentials":` + repeat(`{}`, dcql.MaxCredentials+1) + `}`,
		"too many values":            claimWith(`"path":["a"],"values":` + repeat(`1`, dcql.MaxValues+1)),
		"too long":                   credentialWith("") + strings.Repeat(" ", dcql.MaxQuery),
	} {
		if q, err := dcql.Parse([]byte(text)); !errors.Is(err, dcql.ErrQuery) {
			t.Errorf("%s: got %+v, %v", name, q, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, b := range specExamples(f) {
		f.Add(b)
	}
	f.Add([]byte(claimWith(`"id":"a","path":["x",null,0],"values":["1",1,-7,true]`)))
	f.Add([]byte(credentialWith(`"trusted_authorities":[{"type":"aki","values":["a"]}],"multiple":true,"require_cryptographic_holder_binding":false`)))
	held := holdings()
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := dcql.Parse(b)
		if err != nil {
			if !errors.Is(err, dcql.ErrQuery) {
				t.Errorf("got %v", err)
			}
			return
		}
		text, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		again, err := dcql.Parse(text)
		if err != nil || !reflect.DeepEqual(q, again) {
			t.Errorf("%s became %s: %v", b, text, err)
		}
		a, err := dcql.Match(q, held)
		if err != nil && len(a.Chosen) == len(q.Credentials) {
			t.Errorf("everything is chosen, and yet: %v", err)
		}
	})
}
