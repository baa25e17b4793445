package sdjwt_test

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/jose"
	"kindpakket/credential/sdjwt"
)

// forge signs any payload with the issuer's key and puts any disclosures (as JSON) behind it.
func forge(t testing.TB, typ, payload string, disclosures ...string) string {
	t.Helper()
	token, err := jose.Sign(key(t, issuerSeed), jose.Header{Type: typ}, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	token += "~"
	for _, d := range disclosures {
		token += jose.EncodeSegment([]byte(d)) + "~"
	}
	return token
}

// hash is the digest of a disclosure given as JSON, quoted.
func hash(disclosure string) string {
	sum := sha256.Sum256([]byte(jose.EncodeSegment([]byte(disclosure))))
	return `"` + jose.EncodeSegment(sum[:]) + `"`
}

const example = "example+sd-jwt" // a type without the rules of SD-JWT VC

// TestParseRefuses has RFC 9901, Section 7.1, rule by rule, each broken under a good signature.
func TestParseRefuses(t *testing.T) {
	const (
		member  = `["salt","name","value"]`
		element = `["salt","value"]`
	)
	inner := `["s2","inner",1]`
	outer := `["s1","outer",{"_sd":[` + hash(inner) + `]}]`
	good := forge(t, example, `{"_sd":[`+hash(member)+`]}`, member)
	if _, err := sdjwt.Parse(good); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		text string
		want error
	}{
		"4: no tilde":                 {strings.TrimSuffix(forge(t, example, `{}`), "~"), sdjwt.ErrMalformed},
		"4: an empty disclosure":      {good + "~", sdjwt.ErrMalformed},
		"4: last tilde left out":      {strings.TrimSuffix(good, "~"), sdjwt.ErrMalformed},
		"4: no issuer-signed JWT":     {"~" + jose.EncodeSegment([]byte(member)) + "~", sdjwt.ErrMalformed},
		"4: empty":                    {"", sdjwt.ErrMalformed},
		"4: key binding is no JWT":    {good + "kb", sdjwt.ErrMalformed},
		"4: a disclosure sent twice":  {good + jose.EncodeSegment([]byte(member)) + "~", sdjwt.ErrMalformed},
		"too long":                    {good + strings.Repeat("A", sdjwt.MaxCredential) + "~", sdjwt.ErrMalformed},
		"too many disclosures":        {forge(t, example, `{}`, make([]string, sdjwt.MaxDisclosures+1)...), sdjwt.ErrMalformed},
		"payload is an array":         {forge(t, example, `[]`), sdjwt.ErrMalformed},
		"payload names a claim twice": {forge(t, example, `{"a":1,"a":2}`), sdjwt.ErrMalformed},
		"payload names _sd twice":     {forge(t, example, `{"_sd":[],"_sd":[`+hash(member)+`]}`, member), sdjwt.ErrMalformed},
		"payload is two":              {forge(t, example, `{}{}`), sdjwt.ErrMalformed},

		"2e: unknown _sd_alg":       {forge(t, example, `{"_sd_alg":"sha3-256"}`), sdjwt.ErrHashAlgorithm},
		"2e: md5":                   {forge(t, example, `{"_sd_alg":"md5","_sd":[`+hash(member)+`]}`, member), sdjwt.ErrHashAlgorithm},
		"2e: SHA-256 in capitals":   {forge(t, example, `{"_sd_alg":"SHA-256"}`), sdjwt.ErrHashAlgorithm},
		"2e: _sd_alg is null":       {forge(t, example, `{"_sd_alg":null}`), sdjwt.ErrHashAlgorithm},
		"4.1.1: _sd_alg below":      {forge(t, example, `{"a":{"_sd_alg":"sha-256"}}`), sdjwt.ErrMalformed},
		"4.1.1: _sd_alg disclosed":  {forge(t, example, `{"_sd":[`+hash(`["s","_sd_alg","sha-256"]`)+`]}`, `["s","_sd_alg","sha-256"]`), sdjwt.ErrMalformed},
		"3b: _sd is text":           {forge(t, example, `{"_sd":`+hash(member)+`}`, member), sdjwt.ErrMalformed},
		"3b: _sd holds a number":    {forge(t, example, `{"_sd":[1]}`), sdjwt.ErrMalformed},
		"3b: _sd is null":           {forge(t, example, `{"_sd":null}`), sdjwt.ErrMalformed},
		"3b: ... is a number":       {forge(t, example, `{"a":[{"...":1}]}`), sdjwt.ErrMalformed},
		"4.2.4.2: ... has company":  {forge(t, example, `{"a":[{"...":`+hash(element)+`,"b":1}]}`, element), sdjwt.ErrMalformed},
		"4.2.4.2: ... in an object": {forge(t, example, `{"a":{"...":`+hash(element)+`}}`, element), sdjwt.ErrMalformed},

		"3c.ii: two elements in an object":   {forge(t, example, `{"_sd":[`+hash(element)+`]}`, element), sdjwt.ErrMalformed},
		"3c.ii: four elements":               {forge(t, example, `{"_sd":[`+hash(`["s","n",1,2]`)+`]}`, `["s","n",1,2]`), sdjwt.ErrMalformed},
		"3c.ii: one element":                 {forge(t, example, `{"_sd":[`+hash(`["s"]`)+`]}`, `["s"]`), sdjwt.ErrMalformed},
		"3c.ii: an object":                   {forge(t, example, `{"_sd":[`+hash(`{}`)+`]}`, `{}`), sdjwt.ErrMalformed},
		"3c.ii: not JSON":                    {forge(t, example, `{"_sd":[`+hash(`salt`)+`]}`, `salt`), sdjwt.ErrMalformed},
		"3c.ii: salt is a number":            {forge(t, example, `{"_sd":[`+hash(`[1,"n",1]`)+`]}`, `[1,"n",1]`), sdjwt.ErrMalformed},
		"3c.ii: name is a number":            {forge(t, example, `{"_sd":[`+hash(`["s",1,1]`)+`]}`, `["s",1,1]`), sdjwt.ErrMalformed},
		"3c.ii: value names twice":           {forge(t, example, `{"_sd":[`+hash(`["s","n",{"a":1,"a":2}]`)+`]}`, `["s","n",{"a":1,"a":2}]`), sdjwt.ErrMalformed},
		"3c.ii: named _sd":                   {forge(t, example, `{"_sd":[`+hash(`["s","_sd",[]]`)+`]}`, `["s","_sd",[]]`), sdjwt.ErrMalformed},
		"3c.ii: named ...":                   {forge(t, example, `{"_sd":[`+hash(`["s","...","x"]`)+`]}`, `["s","...","x"]`), sdjwt.ErrMalformed},
		"3c.ii: name is there":               {forge(t, example, `{"name":1,"_sd":[`+hash(member)+`]}`, member), sdjwt.ErrMalformed},
		"3c.ii: name is there, below":        {forge(t, example, `{"a":{"name":1,"_sd":[`+hash(member)+`]}}`, member), sdjwt.ErrMalformed},
		"3c.ii: two disclosures of one name": {forge(t, example, `{"_sd":[`+hash(member)+`,`+hash(`["s2","name",2]`)+`]}`, member, `["s2","name",2]`), sdjwt.ErrMalformed},
		"3c.iii: three elements in an array": {forge(t, example, `{"a":[{"...":`+hash(member)+`}]}`, member), sdjwt.ErrMalformed},
		"3c: reserved name inside a value":   {forge(t, example, `{"_sd":[`+hash(`["s","n",{"...":"x"}]`)+`]}`, `["s","n",{"...":"x"}]`), sdjwt.ErrMalformed},

		"4: a digest twice in one _sd":       {forge(t, example, `{"_sd":[`+hash(member)+`,`+hash(member)+`]}`, member), sdjwt.ErrMalformed},
		"4: a digest twice, in two objects":  {forge(t, example, `{"_sd":[`+hash(member)+`],"a":{"_sd":[`+hash(member)+`]}}`, member), sdjwt.ErrMalformed},
		"4: a digest twice, not disclosed":   {forge(t, example, `{"_sd":["x"],"a":[{"...":"x"}]}`), sdjwt.ErrMalformed},
		"4: a digest twice, by a disclosure": {forge(t, example, `{"_sd":[`+hash(outer)+`,`+hash(inner)+`]}`, outer, inner), sdjwt.ErrMalformed},
		"5: a disclosure of nowhere":         {forge(t, example, `{}`, member), sdjwt.ErrMalformed},
		"5: its parent is not disclosed":     {forge(t, example, `{"_sd":[`+hash(outer)+`]}`, inner), sdjwt.ErrMalformed},
		"5: digest of the JSON, not of text": {forge(t, example, `{"_sd":["`+plain(member)+`"]}`, member), sdjwt.ErrMalformed},
		"not canonical base64url":            {good[:strings.Index(good, "~")] + "~" + strings.Replace(jose.EncodeSegment([]byte(element)), "=", "", -1)[:21] + "B~", sdjwt.ErrMalformed},
		"disclosure with padding":            {strings.TrimSuffix(good, "~") + "=~", sdjwt.ErrMalformed},
		"nested too deep by disclosures":     {deep(t), sdjwt.ErrMalformed},

		"VC: iss disclosed":     {forge(t, sdjwt.VC, `{"vct":"v","_sd":[`+hash(`["s","iss","x"]`)+`]}`, `["s","iss","x"]`), sdjwt.ErrMalformed},
		"VC: status disclosed":  {forge(t, sdjwt.VC, `{"vct":"v","_sd":[`+hash(`["s","status",{}]`)+`]}`, `["s","status",{}]`), sdjwt.ErrMalformed},
		"VC: vct disclosed":     {forge(t, sdjwt.VC, `{"_sd":[`+hash(`["s","vct","v"]`)+`]}`, `["s","vct","v"]`), sdjwt.ErrMalformed},
		"VC: part of cnf":       {forge(t, sdjwt.VC, `{"vct":"v","cnf":{"_sd":[`+hash(member)+`]}}`, member), sdjwt.ErrMalformed},
		"VC: status hides":      {forge(t, sdjwt.VC, `{"vct":"v","status":{"_sd":["x"]}}`), sdjwt.ErrMalformed},
		"VC: aka_vcts hides":    {forge(t, sdjwt.VC, `{"vct":"v","aka_vcts":["a",{"...":"x"}]}`), sdjwt.ErrMalformed},
		"none as algorithm":     {jose.EncodeSegment([]byte(`{"alg":"none","typ":"dc+sd-jwt"}`)) + ".e30.~", sdjwt.ErrMalformed},
		"HS256 as algorithm":    {jose.EncodeSegment([]byte(`{"alg":"HS256","typ":"dc+sd-jwt"}`)) + ".e30." + strings.Repeat("A", 43) + "~", sdjwt.ErrMalformed},
		"crit in the header":    {jose.EncodeSegment([]byte(`{"alg":"ES256","crit":["x"],"x":1}`)) + ".e30." + strings.Repeat("A", 86) + "~", sdjwt.ErrMalformed},
		"JSON serialization":    {`{"payload":"e30","signature":"","protected":""}~`, sdjwt.ErrMalformed},
		"white space in a part": {" " + good, sdjwt.ErrMalformed},
	} {
		if c, err := sdjwt.Parse(tc.text); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, %v, want %v", name, c, err, tc.want)
		}
	}
}

// plain is the digest that Section 4.2.3 warns of.
func plain(s string) string {
	sum := sha256.Sum256([]byte(s))
	return jose.EncodeSegment(sum[:])
}

// deep nests disclosures, each shallow, into one tree that is too deep.
func deep(t testing.TB) string {
	var disclosures []string
	d := `["s","x",1]`
	for range 2 * jose.MaxDepth {
		disclosures = append(disclosures, d)
		d = `["s","x",{"_sd":[` + hash(d) + `]}]`
	}
	return forge(t, example, `{"_sd":[`+hash(d)+`]}`, append(disclosures, d)...)
}

// TestParseAccepts has what looks odd and is allowed.
func TestParseAccepts(t *testing.T) {
	const element = `["salt","b"]`
	spaced := "[\"salt\" ,\n \"n\\u00e4me\", {\"b\":1, \"a\":2}]"
	for name, tc := range map[string]struct{ text, want string }{
		"empty _sd":                     {forge(t, example, `{"_sd":[],"a":{"_sd":[]}}`), `{"a":{}}`},
		"no disclosures":                {forge(t, example, `{"a":1}`), `{"a":1}`},
		"decoys alone":                  {forge(t, example, `{"_sd":["x","y"],"a":[{"...":"z"}]}`), `{"a":[]}`},
		"unknown digests are no base64": {forge(t, example, `{"_sd":["not base64"]}`), `{}`},
		"array in order":                {forge(t, example, `{"a":["a",{"...":`+hash(element)+`},{"...":"q"},"c"]}`, element), `{"a":["a","b","c"]}`},
		"array in array":                {forge(t, example, `{"a":[[{"...":`+hash(element)+`}]]}`, element), `{"a":[["b"]]}`},
		"hidden null":                   {forge(t, example, `{"_sd":[`+hash(`["","n",null]`)+`]}`, `["","n",null]`), `{"n":null}`},
		"white space and escapes":       {forge(t, example, `{"_sd":[`+hash(spaced)+`]}`, spaced), `{"näme":{"a":2,"b":1}}`},
		"great numbers":                 {forge(t, example, `{"a":123456789012345678901234567890,"b":1.10}`), `{"a":123456789012345678901234567890,"b":1.10}`},
		"hidden in hidden":              {forge(t, example, `{"_sd":[`+hash(`["s","o",{"_sd":[`+hash(`["s","i",1]`)+`]}]`)+`]}`, `["s","i",1]`, `["s","o",{"_sd":[`+hash(`["s","i",1]`)+`]}]`), `{"o":{"i":1}}`},
	} {
		c, err := sdjwt.Parse(tc.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := asJSON(t, c.Claims()); got != tc.want || c.String() != tc.text {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

// TestVerifyRefuses has the rules that depend on keys, time and type.
func TestVerifyRefuses(t *testing.T) {
	holder := string(key(t, holderSeed).Public().JWK())
	with := func(members string) string {
		return forge(t, sdjwt.VC, `{"vct":"https://zuidhorn.example/kindpakket","cnf":{"jwk":`+holder+`}`+members+`}`)
	}
	exp := fmt.Sprintf(`,"exp":%d`, noon.Add(time.Hour).Unix())
	if _, err := parse(t, with(exp)).Verify(policy(t)); err != nil {
		t.Fatal(err)
	}
	at := func(name string, d time.Duration) string { return fmt.Sprintf(`,"%s":%d`, name, noon.Add(d).Unix()) }
	for name, tc := range map[string]struct {
		text   string
		change func(*sdjwt.Policy)
		want   error
	}{
		"another issuer":        {with(exp), func(p *sdjwt.Policy) { p.Key = sdjwt.TrustKey(key(t, 7).Public()) }, sdjwt.ErrIssuer},
		"issuer unknown":        {with(exp), func(p *sdjwt.Policy) { p.Key = sdjwt.TrustKey(jose.Key{}) }, sdjwt.ErrIssuer},
		"nobody is trusted":     {with(exp), func(p *sdjwt.Policy) { p.Key = nil }, sdjwt.ErrIssuer},
		"payload changed":       {strings.Replace(with(exp), ".eyJ", ".eyK", 1), nil, nil},
		"iss is a number":       {with(exp + `,"iss":1`), nil, sdjwt.ErrMalformed},
		"typ vc+sd-jwt":         {forge(t, "vc+sd-jwt", `{"vct":"a"}`), nil, sdjwt.ErrType},
		"typ kb+jwt":            {forge(t, "kb+jwt", `{"vct":"a"}`), nil, sdjwt.ErrType},
		"no typ":                {forge(t, "", `{"vct":"a"}`), nil, sdjwt.ErrType},
		"typ of the policy":     {with(exp), func(p *sdjwt.Policy) { p.Type = example }, sdjwt.ErrType},
		"another vct":           {with(exp), func(p *sdjwt.Policy) { p.VCT = []string{"a", "b"} }, sdjwt.ErrType},
		"no vct":                {forge(t, sdjwt.VC, `{}`), nil, sdjwt.ErrMissing},
		"vct is a list":         {forge(t, sdjwt.VC, `{"vct":["https://zuidhorn.example/kindpakket"]}`), nil, sdjwt.ErrMalformed},
		"aka_vcts is text":      {with(exp + `,"aka_vcts":"a"`), nil, sdjwt.ErrMalformed},
		"aka_vcts is empty":     {with(exp + `,"aka_vcts":[]`), nil, sdjwt.ErrMalformed},
		"aka_vcts has vct":      {with(exp + `,"aka_vcts":["https://zuidhorn.example/kindpakket"]`), nil, sdjwt.ErrMalformed},
		"no exp":                {with(""), nil, sdjwt.ErrMissing},
		"exp is hidden":         {with(`,"_sd":[` + hash(`["s","exp",1]`) + `]`), nil, sdjwt.ErrMissing},
		"required is hidden":    {with(exp), func(p *sdjwt.Policy) { p.Required = []string{"fund"} }, sdjwt.ErrMissing},
		"expired":               {with(at("exp", -2*time.Minute)), nil, sdjwt.ErrExpired},
		"expired in 1970":       {with(`,"exp":0`), nil, sdjwt.ErrExpired},
		"expires at the second": {with(at("exp", -time.Minute)), nil, sdjwt.ErrExpired},
		"exp is text":           {with(`,"exp":"2030-01-01"`), nil, sdjwt.ErrMalformed},
		"exp is negative":       {with(`,"exp":-1`), nil, sdjwt.ErrMalformed},
		"exp is endless":        {with(`,"exp":1e300`), nil, sdjwt.ErrMalformed},
		"exp overflows":         {with(`,"exp":9223372036854775808`), nil, sdjwt.ErrMalformed},
		"not yet":               {with(exp + at("nbf", 2*time.Minute)), nil, sdjwt.ErrNotYet},
		"made tomorrow":         {with(exp + at("iat", 24*time.Hour)), nil, sdjwt.ErrNotYet},
		"for somebody":          {with(exp + `,"aud":"x"`), nil, sdjwt.ErrAudience},
		"for a list":            {with(exp + `,"aud":["x",{}]`), nil, sdjwt.ErrAudience},
		"cnf is text":           {forge(t, sdjwt.VC, `{"vct":"https://zuidhorn.example/kindpakket","cnf":"x"`+exp+`}`), nil, sdjwt.ErrMalformed},
		"cnf has no jwk":        {forge(t, sdjwt.VC, `{"vct":"https://zuidhorn.example/kindpakket","cnf":{"kid":"x"}`+exp+`}`), nil, sdjwt.ErrMalformed},
		"cnf is private": {forge(t, sdjwt.VC, `{"vct":"https://zuidhorn.example/kindpakket","cnf":{"jwk":`+strings.Replace(holder, "{", `{"d":"AA",`, 1)+`}`+exp+`}`),
			nil, sdjwt.ErrMalformed},
		"cnf is a secret": {forge(t, sdjwt.VC, `{"vct":"https://zuidhorn.example/kindpakket","cnf":{"jwk":{"kty":"oct","k":"AA"}}`+exp+`}`), nil, sdjwt.ErrMalformed},
	} {
		p := policy(t)
		if tc.change != nil {
			tc.change(&p)
		}
		c, err := sdjwt.Parse(tc.text)
		if err == nil {
			_, err = c.Verify(p)
		}
		if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
	// By another name, and just inside the leeway.
	p := policy(t)
	p.VCT = []string{"urn:other"}
	if _, err := parse(t, with(at("exp", -time.Minute+time.Second)+at("nbf", time.Minute)+at("iat", time.Minute)+`,"aka_vcts":["urn:other"]`)).Verify(p); err != nil {
		t.Error(err)
	}
}

func parse(t testing.TB, text string) *sdjwt.Credential {
	t.Helper()
	c, err := sdjwt.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bindRaw binds c with any key-binding payload; %s in it is replaced by the right sd_hash.
func bindRaw(t testing.TB, c *sdjwt.Credential, s jose.Signer, h jose.Header, payload string) string {
	t.Helper()
	sum := c.Hash()
	token, err := jose.Sign(s, h, []byte(strings.ReplaceAll(payload, "%s", jose.EncodeSegment(sum[:]))))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(c.String(), c.KeyBinding()) + token
}

// TestBindingRefuses has RFC 9901, Section 7.3.
func TestBindingRefuses(t *testing.T) {
	c, err := issue(t, template(t)).Present(sdjwt.Path{"children"})
	if err != nil {
		t.Fatal(err)
	}
	more, err := issue(t, template(t)).Present(sdjwt.Path{"children"}, sdjwt.Path{"amount"})
	if err != nil {
		t.Fatal(err)
	}
	good := bound(t, c, binding())
	if _, err := good.Verify(bindingPolicy(t)); err != nil {
		t.Fatal(err)
	}
	holder := key(t, holderSeed)
	kb := jose.Header{Type: "kb+jwt"}
	now := fmt.Sprint(noon.Unix())
	raw := func(payload string) string { return bindRaw(t, c, holder, kb, payload) }
	full := func(extra string) string {
		return raw(`{"aud":"` + audience + `","nonce":"` + nonce + `","iat":` + now + `,"sd_hash":"%s"` + extra + `}`)
	}
	if _, err := parse(t, full(`,"other":1,"transaction_data_hashes":["`+plain("x")+`"]`)).Verify(bindingPolicy(t)); err != nil {
		t.Fatal(err)
	}
	unbound := template(t)
	unbound.Holder = jose.Key{}
	order := sha256.Sum256([]byte("x"))
	wantOrder := func(p *sdjwt.Policy) { p.Binding.TransactionData = [][32]byte{order} }
	change := func(f func(*sdjwt.KB)) string {
		kb := binding()
		f(&kb)
		return bound(t, c, kb).String()
	}
	for name, tc := range map[string]struct {
		text   string
		change func(*sdjwt.Policy)
		want   error
	}{
		"none":                       {c.String(), nil, sdjwt.ErrNoBinding},
		"not asked for":              {good.String(), func(p *sdjwt.Policy) { p.Binding = nil }, sdjwt.ErrBindingUnasked},
		"no cnf":                     {bindRaw(t, issue(t, unbound), holder, kb, `{"aud":"a","nonce":"n","iat":1,"sd_hash":"%s"}`), func(p *sdjwt.Policy) { p.Required = nil }, sdjwt.ErrHolder},
		"another key":                {bindRaw(t, c, key(t, 7), kb, `{"aud":"`+audience+`","nonce":"`+nonce+`","iat":`+now+`,"sd_hash":"%s"}`), nil, sdjwt.ErrHolder},
		"the issuer's key":           {bindRaw(t, c, key(t, issuerSeed), kb, `{"aud":"`+audience+`","nonce":"`+nonce+`","iat":`+now+`,"sd_hash":"%s"}`), nil, sdjwt.ErrHolder},
		"another key, in the header": {bindRaw(t, c, key(t, 7), jose.Header{Type: "kb+jwt", JWK: key(t, 7).Public()}, `{"aud":"`+audience+`","nonce":"`+nonce+`","iat":`+now+`,"sd_hash":"%s"}`), nil, sdjwt.ErrHolder},
		"typ JWT":                    {bindRaw(t, c, holder, jose.Header{Type: "JWT"}, `{"aud":"`+audience+`","nonce":"`+nonce+`","iat":`+now+`,"sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"no typ":                     {bindRaw(t, c, holder, jose.Header{}, `{"aud":"`+audience+`","nonce":"`+nonce+`","iat":`+now+`,"sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"typ of an issuance proof":   {bindRaw(t, c, holder, jose.Header{Type: "openid4vci-proof+jwt"}, `{"aud":"`+audience+`","nonce":"`+nonce+`","iat":`+now+`,"sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"another audience":           {change(func(kb *sdjwt.KB) { kb.Audience = "x509_hash:other" }), nil, sdjwt.ErrAudience},
		"audience in capitals":       {change(func(kb *sdjwt.KB) { kb.Audience = strings.ToUpper(kb.Audience) }), nil, sdjwt.ErrAudience},
		"another nonce":              {change(func(kb *sdjwt.KB) { kb.Nonce = "n" }), nil, sdjwt.ErrNonce},
		"too old":                    {change(func(kb *sdjwt.KB) { kb.IssuedAt = noon.Add(-6*time.Minute - time.Second) }), nil, sdjwt.ErrStale},
		"from the future":            {change(func(kb *sdjwt.KB) { kb.IssuedAt = noon.Add(time.Minute + time.Second) }), nil, sdjwt.ErrStale},
		"its own exp":                {change(func(kb *sdjwt.KB) { kb.Expires = noon.Add(-time.Minute) }), nil, sdjwt.ErrStale},
		"its own nbf":                {change(func(kb *sdjwt.KB) { kb.NotBefore = noon.Add(2 * time.Minute) }), nil, sdjwt.ErrStale},
		"fewer disclosures":          {c.String() + bound(t, more, binding()).KeyBinding(), nil, sdjwt.ErrHash},
		"more disclosures":           {more.String() + good.KeyBinding(), nil, sdjwt.ErrHash},
		"another credential":         {issue(t, template(t)).String() + good.KeyBinding(), nil, sdjwt.ErrHash},
		"no transaction data":        {good.String(), wantOrder, sdjwt.ErrTransaction},
		"other transaction data":     {change(func(kb *sdjwt.KB) { kb.TransactionDataHashes = [][32]byte{{1}} }), wantOrder, sdjwt.ErrTransaction},
		"more transaction data":      {change(func(kb *sdjwt.KB) { kb.TransactionDataHashes = [][32]byte{order, {1}} }), wantOrder, sdjwt.ErrTransaction},
		"unwanted transaction data": {change(func(kb *sdjwt.KB) { kb.TransactionDataHashes = [][32]byte{order} }),
			func(p *sdjwt.Policy) { p.Binding.TransactionData = [][32]byte{} }, sdjwt.ErrTransaction},

		"aud is a list":           {raw(`{"aud":["` + audience + `"],"nonce":"` + nonce + `","iat":` + now + `,"sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"no aud":                  {raw(`{"nonce":"` + nonce + `","iat":` + now + `,"sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"no nonce":                {raw(`{"aud":"` + audience + `","iat":` + now + `,"sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"nonce is a number":       {raw(`{"aud":"` + audience + `","nonce":1,"iat":` + now + `,"sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"nonce is null":           {raw(`{"aud":"` + audience + `","nonce":null,"iat":` + now + `,"sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"no iat":                  {raw(`{"aud":"` + audience + `","nonce":"` + nonce + `","sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"iat is text":             {raw(`{"aud":"` + audience + `","nonce":"` + nonce + `","iat":"` + now + `","sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"iat is null":             {raw(`{"aud":"` + audience + `","nonce":"` + nonce + `","iat":null,"sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"iat is negative":         {raw(`{"aud":"` + audience + `","nonce":"` + nonce + `","iat":-1,"sd_hash":"%s"}`), nil, sdjwt.ErrKeyBinding},
		"no sd_hash":              {raw(`{"aud":"` + audience + `","nonce":"` + nonce + `","iat":` + now + `}`), nil, sdjwt.ErrKeyBinding},
		"sd_hash is short":        {raw(`{"aud":"` + audience + `","nonce":"` + nonce + `","iat":` + now + `,"sd_hash":"AA"}`), nil, sdjwt.ErrKeyBinding},
		"nonce twice":             {full(`,"nonce":"` + nonce + `"`), nil, sdjwt.ErrKeyBinding},
		"aud by escape":           {full(`,"\u0061ud":"x"`), nil, sdjwt.ErrKeyBinding},
		"hashes are text":         {full(`,"transaction_data_hashes":"` + plain("x") + `"`), nil, sdjwt.ErrKeyBinding},
		"hashes are empty":        {full(`,"transaction_data_hashes":[]`), nil, sdjwt.ErrKeyBinding},
		"a hash is null":          {full(`,"transaction_data_hashes":[null]`), nil, sdjwt.ErrKeyBinding},
		"a hash is short":         {full(`,"transaction_data_hashes":["AA"]`), nil, sdjwt.ErrKeyBinding},
		"too many hashes":         {full(`,"transaction_data_hashes":[` + strings.Repeat(`"`+plain("x")+`",`, sdjwt.MaxTransactions) + `"` + plain("x") + `"]`), nil, sdjwt.ErrKeyBinding},
		"hashes of another kind":  {full(`,"transaction_data_hashes":["` + plain("x") + `"],"transaction_data_hashes_alg":"sha-512"`), nil, sdjwt.ErrHashAlgorithm},
		"kind is a list":          {full(`,"transaction_data_hashes":["` + plain("x") + `"],"transaction_data_hashes_alg":["sha-256"]`), nil, sdjwt.ErrKeyBinding},
		"kind without hashes":     {full(`,"transaction_data_hashes_alg":"sha-256"`), nil, sdjwt.ErrKeyBinding},
		"payload is an array":     {raw(`[]`), nil, sdjwt.ErrKeyBinding},
		"policy without nonce":    {good.String(), func(p *sdjwt.Policy) { p.Binding.Nonce = "" }, nil},
		"policy without audience": {good.String(), func(p *sdjwt.Policy) { p.Binding.Audience = "" }, nil},
		"another issuer":          {good.String(), func(p *sdjwt.Policy) { p.Key = sdjwt.TrustKey(key(t, 7).Public()) }, sdjwt.ErrIssuer},
	} {
		p := bindingPolicy(t)
		if tc.change != nil {
			tc.change(&p)
		}
		if v, err := parse(t, tc.text).Verify(p); err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, %v, want %v", name, v, err, tc.want)
		}
	}
	if _, _, err := sdjwt.Split(c.String()); !errors.Is(err, sdjwt.ErrNoBinding) {
		t.Errorf("splitting without key binding: got %v, want ErrNoBinding", err)
	}
	if _, err := sdjwt.VerifyKeyBinding(good.KeyBinding(), jose.Key{}); !errors.Is(err, sdjwt.ErrHolder) {
		t.Errorf("no key: got %v, want ErrHolder", err)
	}
	// The aud of a credential is met by the verifier's.
	text := forge(t, sdjwt.VC, `{"vct":"https://zuidhorn.example/kindpakket","exp":1900000000,"aud":["a","`+audience+`"],"cnf":{"jwk":`+string(holder.Public().JWK())+`}}`)
	if _, err := bound(t, parse(t, text), binding()).Verify(bindingPolicy(t)); err != nil {
		t.Error(err)
	}
}

func TestTrustChain(t *testing.T) {
	const uri = "did:web:zuidhorn.example"
	root, leaf := key(t, 20), key(t, issuerSeed)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, root.Public().Public(), root.ECDSA())
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(anchor)
	certify := func(san string) [][]byte {
		u, err := url.Parse(san)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, URIs: []*url.URL{u}}
		der, err := x509.CreateCertificate(rand.Reader, c, anchor, leaf.Public().Public(), root.ECDSA())
		if err != nil {
			t.Fatal(err)
		}
		return [][]byte{der}
	}
	own := certify(uri)
	for name, tc := range map[string]struct {
		x5c  [][]byte
		iss  any
		now  time.Time
		uri  string
		want error
	}{
		"good":                  {own, uri, noon, uri, nil},
		"no iss":                {own, nil, noon, uri, nil},
		"another iss":           {own, "did:web:other.example", noon, uri, sdjwt.ErrIssuer},
		"no x5c":                {nil, uri, noon, uri, sdjwt.ErrIssuer},
		"expired":               {own, uri, noon.Add(2 * time.Hour), uri, sdjwt.ErrIssuer},
		"a shop's certificate":  {certify("did:web:shop.example"), nil, noon, uri, sdjwt.ErrIssuer},
		"a shop, as the issuer": {certify("did:web:shop.example"), uri, noon, uri, sdjwt.ErrIssuer},
		"no uri":                {own, nil, noon, "", sdjwt.ErrIssuer},
	} {
		tmpl := template(t)
		tmpl.Header.X5C = tc.x5c
		delete(tmpl.Claims, "iss")
		if tc.iss != nil {
			tmpl.Claims["iss"] = tc.iss
		}
		p := policy(t)
		p.Key = sdjwt.TrustChain(roots, tc.now, tc.uri)
		if _, err := issue(t, tmpl).Verify(p); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	c := issue(f, template(f))
	f.Add(c.String())
	f.Add(bound(f, c, binding()).String())
	f.Add(forge(f, example, `{"a":[{"...":`+hash(`["s",[{"...":"x"}]]`)+`}]}`, `["s",[{"...":"x"}]]`))
	f.Fuzz(func(t *testing.T, s string) {
		c, err := sdjwt.Parse(s)
		if err != nil {
			return
		}
		if c.String() != s {
			t.Errorf("got %q, want %q", c, s)
		}
		b, err := json.Marshal(c.Claims())
		if err != nil {
			t.Fatal(err)
		}
		if all, err := c.Present(sdjwt.Path{}); err != nil || all.String()+c.KeyBinding() != s {
			t.Errorf("got %v, %v, want %q", all, err, s)
		}
		for _, d := range c.Disclosures() {
			if len(d.Path.Select(c.Claims())) != 1 {
				t.Errorf("%s is not in %s", d.Path, b)
			}
			if p, err := c.Present(d.Path); err != nil || len(p.Disclosures()) == 0 {
				t.Errorf("presenting %s: %v", d.Path, err)
			}
		}
	})
}

// FuzzPayload signs what the fuzzer writes, so that it gets past the signature's form.
func FuzzPayload(f *testing.F) {
	f.Add(`{"_sd":["x"]}`, `["salt","name","value"]`, true)
	f.Add(`{"a":[{"...":"x"},1],"cnf":{"jwk":{}}}`, `["salt","value"]`, false)
	f.Fuzz(func(t *testing.T, payload, disclosure string, link bool) {
		if link {
			payload = strings.ReplaceAll(payload, `"x"`, hash(disclosure))
		}
		c, err := sdjwt.Parse(forge(t, sdjwt.VC, payload, disclosure))
		if err != nil {
			return
		}
		if _, err := json.Marshal(c.Claims()); err != nil {
			t.Error(err)
		}
		if _, err := c.Verify(policy(t)); err == nil && c.Claims()["vct"] != "https://zuidhorn.example/kindpakket" {
			t.Error("another vct verified")
		}
	})
}

func FuzzKeyBinding(f *testing.F) {
	f.Add(`{"aud":"a","nonce":"n","iat":1,"sd_hash":"` + plain("x") + `","transaction_data_hashes":["` + plain("y") + `"],"transaction_data_hashes_alg":"sha-256"}`)
	f.Add(`{"aud":"a","nonce":"n","iat":1.5e9,"exp":2,"nbf":0,"sd_hash":"` + plain("x") + `"}`)
	f.Fuzz(func(t *testing.T, payload string) {
		k := key(t, holderSeed)
		token, err := jose.Sign(k, jose.Header{Type: "kb+jwt"}, []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		kb, err := sdjwt.VerifyKeyBinding(token, k.Public())
		if err == nil && (kb.Audience == "" || kb.Nonce == "" || kb.IssuedAt.IsZero() || kb.Hash == [32]byte{}) && !strings.Contains(payload, "AAAAAAAAAAAAAAAA") {
			t.Errorf("got %+v", kb)
		}
	})
}
