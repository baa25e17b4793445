package sdjwt_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/jose"
	"kindpakket/credential/sdjwt"
)

// noon is when everything in these tests happens.
var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// random gives the same bytes in every run.
func random(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func key(t testing.TB, seed byte) *jose.PrivateKey {
	t.Helper()
	k, err := jose.Generate(random(seed))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const (
	issuerSeed = 1
	holderSeed = 2
)

func template(t testing.TB) sdjwt.Template {
	return sdjwt.Template{
		Claims: map[string]any{
			"vct":         "https://zuidhorn.example/kindpakket",
			"iss":         "https://zuidhorn.example",
			"iat":         noon.Add(-24 * time.Hour).Unix(),
			"exp":         noon.Add(24 * time.Hour).Unix(),
			"fund":        "kindpakket",
			"children":    3,
			"amount":      90000,
			"categories":  []string{"fiets", "sport", "<boeken>"},
			"address":     map[string]any{"street": "Hoofdstraat 1", "town": "Zuidhorn"},
			"description": map[string]any{"nl": "Kindpakket", "deep": []any{map[string]any{"a": 1, "b": nil}}},
		},
		Holder: key(t, holderSeed).Public(),
		Hide: []sdjwt.Path{{"children"}, {"amount"}, {"categories", nil}, {"address"}, {"address", "street"}, {"address", "town"},
			{"description", "deep", 0, "a"}},
		Decoys: []sdjwt.Decoys{{At: nil, Count: 2}, {At: sdjwt.Path{"categories"}, Count: 2}, {At: sdjwt.Path{"address"}, Count: 1}},
	}
}

func issue(t testing.TB, tmpl sdjwt.Template) *sdjwt.Credential {
	t.Helper()
	c, err := sdjwt.Issue(random(9), key(t, issuerSeed), tmpl)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func policy(t testing.TB) sdjwt.Policy {
	return sdjwt.Policy{
		Now:      noon,
		Leeway:   time.Minute,
		Key:      sdjwt.TrustKey(key(t, issuerSeed).Public()),
		VCT:      []string{"https://zuidhorn.example/kindpakket"},
		Required: []string{"exp", "cnf"},
	}
}

const (
	audience = "x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk"
	nonce    = "q1VnvQk0K8W7hFQ2xGk3aZkq1VnvQk0K8W7hFQ2xGk3"
)

func binding() sdjwt.KB {
	return sdjwt.KB{Audience: audience, Nonce: nonce, IssuedAt: noon}
}

func bound(t testing.TB, c *sdjwt.Credential, kb sdjwt.KB) *sdjwt.Credential {
	t.Helper()
	c, err := c.Bind(key(t, holderSeed), kb)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func bindingPolicy(t testing.TB) sdjwt.Policy {
	p := policy(t)
	p.Binding = &sdjwt.Binding{Audience: audience, Nonce: nonce, MaxAge: 5 * time.Minute}
	return p
}

// asJSON compares what json.Number and int hold.
func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestIssueAndVerify(t *testing.T) {
	tmpl := template(t)
	c := issue(t, tmpl)
	v, err := c.Verify(policy(t))
	if err != nil {
		t.Fatal(err)
	}
	want := tmpl.Claims
	want["cnf"] = map[string]any{"jwk": json.RawMessage(tmpl.Holder.JWK())}
	if got := asJSON(t, v.Claims); got != asJSON(t, want) {
		t.Errorf("got  %s\nwant %s", got, asJSON(t, want))
	}
	if v.Holder != tmpl.Holder || v.VCT != "https://zuidhorn.example/kindpakket" || v.Issuer != "https://zuidhorn.example" ||
		!v.IssuedAt.Equal(noon.Add(-24*time.Hour)) || !v.Expires.Equal(noon.Add(24*time.Hour)) || !v.NotBefore.IsZero() || v.KeyBindingJWT != "" {
		t.Errorf("got %+v", v)
	}
	if c.Header().Type != sdjwt.VC || len(c.Disclosures()) != 9 {
		t.Errorf("got %s, %d disclosures", c.Header().Type, len(c.Disclosures()))
	}
	again, err := sdjwt.Parse(c.String())
	if err != nil || again.String() != c.String() {
		t.Errorf("got %v, %v", again, err)
	}
	if twice := issue(t, template(t)); twice.String() != c.String() {
		t.Error("equal randomness made another credential")
	}
}

// TestIssueHides looks at the payload itself: nothing hidden stands there, digests are sorted, and decoys are among them.
func TestIssueHides(t *testing.T) {
	c := issue(t, template(t))
	j, err := jose.Parse(strings.Split(c.String(), "~")[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"children", "90000", "amount", "fiets", "Hoofdstraat", "street", "address", `"a"`} {
		if strings.Contains(string(j.Payload), secret) {
			t.Errorf("%s stands open in %s", secret, j.Payload)
		}
	}
	var payload struct {
		SD         []string `json:"_sd"`
		Alg        string   `json:"_sd_alg"`
		Categories []map[string]string
	}
	if err := json.Unmarshal(j.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	if len(payload.SD) != 5 || !slices.IsSorted(payload.SD) || payload.Alg != "sha-256" || len(payload.Categories) != 5 {
		t.Errorf("got %+v", payload)
	}
	salts := map[string]bool{}
	for _, d := range c.Disclosures() {
		raw, err := jose.DecodeSegment(d.Text())
		if err != nil {
			t.Fatal(err)
		}
		var parts []any
		if err := json.Unmarshal(raw, &parts); err != nil {
			t.Fatal(err)
		}
		salt, err := jose.DecodeSegment(parts[0].(string))
		if err != nil || len(salt) != 16 || salts[string(salt)] {
			t.Errorf("salt %x, %v", salt, err)
		}
		salts[string(salt)] = true
	}
}

func TestIssueRefuses(t *testing.T) {
	for name, change := range map[string]func(*sdjwt.Template){
		"no vct":                  func(t *sdjwt.Template) { delete(t.Claims, "vct") },
		"vct is a number":         func(t *sdjwt.Template) { t.Claims["vct"] = 1 },
		"a cnf of its own":        func(t *sdjwt.Template) { t.Claims["cnf"] = map[string]any{} },
		"_sd":                     func(t *sdjwt.Template) { t.Claims["_sd"] = []string{} },
		"... inside":              func(t *sdjwt.Template) { t.Claims["x"] = []any{map[string]any{"...": "x"}} },
		"_sd_alg inside":          func(t *sdjwt.Template) { t.Claims["x"] = map[string]any{"_sd_alg": "x"} },
		"a claim that is no JSON": func(t *sdjwt.Template) { t.Claims["x"] = func() {} },
		"no claims":               func(t *sdjwt.Template) { t.Claims = nil },
		"hides what is not there": func(t *sdjwt.Template) { t.Hide = append(t.Hide, sdjwt.Path{"nothing"}) },
		"hides beyond the array":  func(t *sdjwt.Template) { t.Hide = append(t.Hide, sdjwt.Path{"categories", 3}) },
		"hides a member of text":  func(t *sdjwt.Template) { t.Hide = append(t.Hide, sdjwt.Path{"fund", "x"}) },
		"hides everything":        func(t *sdjwt.Template) { t.Hide = append(t.Hide, sdjwt.Path{}) },
		"a step of another type":  func(t *sdjwt.Template) { t.Hide = append(t.Hide, sdjwt.Path{1.5}) },
		"a negative step":         func(t *sdjwt.Template) { t.Hide = append(t.Hide, sdjwt.Path{"categories", -1}) },
		"hides exp":               func(t *sdjwt.Template) { t.Hide = append(t.Hide, sdjwt.Path{"exp"}) },
		"hides iss":               func(t *sdjwt.Template) { t.Hide = append(t.Hide, sdjwt.Path{"iss"}) },
		"hides vct":               func(t *sdjwt.Template) { t.Hide = append(t.Hide, sdjwt.Path{"vct"}) },
		"hides the key":           func(t *sdjwt.Template) { t.Hide = append(t.Hide, sdjwt.Path{"cnf", "jwk"}) },
		"hides the status": func(t *sdjwt.Template) {
			t.Claims["status"] = map[string]any{"status_list": map[string]any{"idx": 1, "uri": "https://a.example"}}
			t.Hide = append(t.Hide, sdjwt.Path{"status", "status_list", "idx"})
		},
		"decoys in the status": func(t *sdjwt.Template) {
			t.Claims["status"] = map[string]any{}
			t.Decoys = append(t.Decoys, sdjwt.Decoys{At: sdjwt.Path{"status"}, Count: 1})
		},
		"decoys nowhere":      func(t *sdjwt.Template) { t.Decoys = append(t.Decoys, sdjwt.Decoys{At: sdjwt.Path{"fund"}, Count: 1}) },
		"no decoys":           func(t *sdjwt.Template) { t.Decoys[0].Count = 0 },
		"too many decoys":     func(t *sdjwt.Template) { t.Decoys[0].Count = sdjwt.MaxDecoys },
		"decoys on bad paths": func(t *sdjwt.Template) { t.Decoys[0].At = sdjwt.Path{true} },
		"crit in the header":  func(t *sdjwt.Template) { t.Header.Extra = map[string]json.RawMessage{"crit": []byte(`["x"]`)} },
		"too much": func(t *sdjwt.Template) {
			t.Claims["x"] = strings.Repeat("x", sdjwt.MaxCredential)
		},
	} {
		tmpl := template(t)
		change(&tmpl)
		if c, err := sdjwt.Issue(random(9), key(t, issuerSeed), tmpl); err == nil {
			t.Errorf("%s: got %s", name, c)
		}
	}
	if c, err := sdjwt.Issue(strings.NewReader("short"), key(t, issuerSeed), template(t)); err == nil {
		t.Errorf("randomness that ends: got %s", c)
	}
}

func TestPresent(t *testing.T) {
	c := issue(t, template(t))
	for _, tc := range []struct {
		paths []sdjwt.Path
		want  []sdjwt.Path // disclosed
	}{
		{nil, nil},
		{[]sdjwt.Path{{"fund"}}, nil},
		{[]sdjwt.Path{{"children"}}, []sdjwt.Path{{"children"}}},
		{[]sdjwt.Path{{"categories", 1}}, []sdjwt.Path{{"categories", 0}}}, // the second stands first once it is alone
		{[]sdjwt.Path{{"categories", nil}}, []sdjwt.Path{{"categories", 0}, {"categories", 1}, {"categories", 2}}},
		{[]sdjwt.Path{{"address", "street"}}, []sdjwt.Path{{"address", "street"}, {"address"}}},
		{[]sdjwt.Path{{"address"}}, []sdjwt.Path{{"address", "street"}, {"address", "town"}, {"address"}}},
		{[]sdjwt.Path{{"description", "deep", nil, "a"}}, []sdjwt.Path{{"description", "deep", 0, "a"}}},
		{[]sdjwt.Path{{"children"}, {"amount"}}, []sdjwt.Path{{"amount"}, {"children"}}},
	} {
		p, err := c.Present(tc.paths...)
		if err != nil {
			t.Errorf("%v: %v", tc.paths, err)
			continue
		}
		var got []sdjwt.Path
		for _, d := range p.Disclosures() {
			got = append(got, d.Path)
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%v: got %v, want %v", tc.paths, got, tc.want)
		}
		if !strings.HasPrefix(p.String(), strings.Split(c.String(), "~")[0]+"~") {
			t.Errorf("%v: the issuer's part is another", tc.paths)
		}
		if _, err := p.Verify(policy(t)); err != nil {
			t.Errorf("%v: %v", tc.paths, err)
		}
	}
	if all, err := c.Present(sdjwt.Path{}); err != nil || all.String() != c.String() {
		t.Errorf("everything: got %v, %v", all, err)
	}
	one, err := c.Present(sdjwt.Path{"categories", 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := asJSON(t, one.Claims()["categories"]); got != `["sport"]` {
		t.Errorf("got %s", got)
	}
	for _, path := range []sdjwt.Path{{"nothing"}, {"categories", 3}, {"fund", "x"}, {"address", "street", 0}, {"categories", "fiets"}} {
		if p, err := c.Present(path); !errors.Is(err, sdjwt.ErrNoClaim) {
			t.Errorf("%s: got %v, %v, want ErrNoClaim", path, p, err)
		}
	}
	if _, err := c.Present(sdjwt.Path{2.0}); err == nil {
		t.Error("a step of another type: accepted")
	}
	// What is kept back cannot be presented any more.
	if p, err := one.Present(sdjwt.Path{"children"}); !errors.Is(err, sdjwt.ErrNoClaim) {
		t.Errorf("got %v, %v, want ErrNoClaim", p, err)
	}
}

func TestDisclosuresForConsent(t *testing.T) {
	c, err := issue(t, template(t)).Present(sdjwt.Path{"address"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range c.Disclosures() {
		got[d.Path.String()] = asJSON(t, d.Value)
	}
	want := map[string]string{
		`["address"]`:          `{"street":"Hoofdstraat 1","town":"Zuidhorn"}`,
		`["address","street"]`: `"Hoofdstraat 1"`,
		`["address","town"]`:   `"Zuidhorn"`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBind(t *testing.T) {
	c, err := issue(t, template(t)).Present(sdjwt.Path{"children"})
	if err != nil {
		t.Fatal(err)
	}
	order := sha256.Sum256([]byte("eyJ0eXBlIjoi"))
	for name, kb := range map[string]sdjwt.KB{
		"plain": binding(),
		"order": {Audience: audience, Nonce: nonce, IssuedAt: noon, TransactionDataHashes: [][32]byte{order}, TransactionDataHashesAlg: "sha-256"},
		"dates": {Audience: audience, Nonce: nonce, IssuedAt: noon, Expires: noon.Add(time.Hour), NotBefore: noon.Add(-time.Hour)},
	} {
		b := bound(t, c, kb)
		p := bindingPolicy(t)
		if kb.TransactionDataHashes != nil {
			p.Binding.TransactionData = [][32]byte{order}
		}
		v, err := b.Verify(p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		kb.Hash = sha256.Sum256([]byte(c.String()))
		if !reflect.DeepEqual(v.Binding, kb) || v.KeyBindingJWT != b.KeyBinding() || !strings.HasSuffix(b.String(), "~"+b.KeyBinding()) {
			t.Errorf("%s: got %+v, want %+v", name, v.Binding, kb)
		}
		token, holder, err := sdjwt.Split(b.String())
		if err != nil || token != b.KeyBinding() || holder != v.Holder {
			t.Errorf("%s: split: %v", name, err)
		}
		alone, err := sdjwt.VerifyKeyBinding(token, holder)
		if err != nil || !reflect.DeepEqual(alone, kb) {
			t.Errorf("%s: got %+v, %v", name, alone, err)
		}
	}
	// A presentation of a bound text starts unbound.
	if p, err := bound(t, c, binding()).Present(); err != nil || p.KeyBinding() != "" {
		t.Errorf("got %v, %v", p, err)
	}
	if _, err := c.Bind(key(t, 7), binding()); !errors.Is(err, sdjwt.ErrHolder) {
		t.Errorf("another key: got %v, want ErrHolder", err)
	}
	tmpl := template(t)
	tmpl.Holder = jose.Key{}
	if _, err := issue(t, tmpl).Bind(key(t, holderSeed), binding()); !errors.Is(err, sdjwt.ErrHolder) {
		t.Errorf("no cnf: got %v, want ErrHolder", err)
	}
	for name, change := range map[string]func(*sdjwt.KB){
		"no audience": func(kb *sdjwt.KB) { kb.Audience = "" },
		"no nonce":    func(kb *sdjwt.KB) { kb.Nonce = "" },
		"no time":     func(kb *sdjwt.KB) { kb.IssuedAt = time.Time{} },
		"alg alone":   func(kb *sdjwt.KB) { kb.TransactionDataHashesAlg = "sha-256" },
		"another alg": func(kb *sdjwt.KB) {
			kb.TransactionDataHashes, kb.TransactionDataHashesAlg = make([][32]byte, 1), "sha-512"
		},
		"too many data": func(kb *sdjwt.KB) { kb.TransactionDataHashes = make([][32]byte, sdjwt.MaxTransactions+1) },
	} {
		kb := binding()
		change(&kb)
		if b, err := c.Bind(key(t, holderSeed), kb); err == nil {
			t.Errorf("%s: got %s", name, b)
		}
	}
}

func TestPath(t *testing.T) {
	var p sdjwt.Path
	if err := json.Unmarshal([]byte(`["a",0,null,"b"]`), &p); err != nil || !p.Equal(sdjwt.Path{"a", 0, nil, "b"}) || p.String() != `["a",0,null,"b"]` {
		t.Errorf("got %v, %v", p, err)
	}
	for _, s := range []string{`"a"`, `null`, `[1.5]`, `[-1]`, `[true]`, `[["a"]]`, `[{}]`, `[99999999999999999999]`, `[` + strings.Repeat(`"a",`, jose.MaxDepth) + `"a"]`} {
		if err := json.Unmarshal([]byte(s), &p); err == nil {
			t.Errorf("%s: got %v", s, p)
		}
	}
	tree := map[string]any{"a": []any{map[string]any{"b": "1"}, map[string]any{"c": "2"}, "3"}}
	for _, tc := range []struct {
		path sdjwt.Path
		want []any
	}{
		{sdjwt.Path{"a", nil, "b"}, []any{"1"}},
		{sdjwt.Path{"a", 2}, []any{"3"}},
		{sdjwt.Path{"a", 3}, nil},
		{sdjwt.Path{"a", "b"}, nil},
		{sdjwt.Path{0}, nil},
		{sdjwt.Path{nil}, nil},
		{sdjwt.Path{}, []any{tree}},
	} {
		if got := tc.path.Select(tree); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.path, got, tc.want)
		}
	}
}
