package oid4vp_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"

	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
)

const state = "af0ifjsldkj"

// encrypted returns a request for an encrypted answer, with its key, and what its verifier then expects.
func encrypted(t testing.TB) (oid4vp.Request, *ecdh.PrivateKey, oid4vp.Expected) {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := jose.NewKey(key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	r := oid4vp.Request{ResponseMode: oid4vp.DirectPostJWT, State: state, Metadata: oid4vp.NewClientMetadata(pub, "k-1")}
	return r, key, oid4vp.Expected{
		ResponseMode: oid4vp.DirectPostJWT, State: state, QueryIDs: []string{"card"},
		Key: func(kid string) (*ecdh.PrivateKey, error) {
			if kid != "k-1" {
				return nil, errors.New("no such key")
			}
			return key, nil
		},
	}
}

var plain = oid4vp.Expected{ResponseMode: oid4vp.DirectPost, State: state, QueryIDs: []string{"card"}}

func TestResponseBothEnds(t *testing.T) {
	token := oid4vp.TextToken("card", "eyJ~WyJ~eyK")
	for _, enc := range []jose.Encryption{jose.A128GCM, jose.A256GCM} {
		r, _, e := encrypted(t)
		r.Metadata.Enc = []jose.Encryption{enc}
		form, err := r.Form(token)
		if err != nil {
			t.Fatal(err)
		}
		if len(form) != 1 || form.Get("response") == "" {
			t.Errorf("%s: the form shows more than the ciphertext: %v", enc, form)
		}
		got, err := e.Parse([]byte(form.Encode()))
		if err != nil || !reflect.DeepEqual(got.Token, token) {
			t.Errorf("%s: got %+v, %v", enc, got, err)
		}
	}
	r := oid4vp.Request{ResponseMode: oid4vp.DirectPost, State: state}
	form, err := r.Form(token)
	if err != nil || form.Get("vp_token") != `{"card":["eyJ~WyJ~eyK"]}` {
		t.Fatalf("got %v, %v", form, err)
	}
	got, err := plain.Parse([]byte(form.Encode() + "&unknown=1&unknown=2"))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := got.Token.Text("card"); err != nil || s != "eyJ~WyJ~eyK" {
		t.Errorf("got %q, %v", s, err)
	}
	if _, err := got.Token.Text("diploma"); err == nil {
		t.Error("a presentation for a query that was not asked")
	}
	if _, err := r.Form(nil); err == nil {
		t.Error("a response without a presentation is written")
	}
	r.ResponseMode = oid4vp.DirectPostJWT
	if _, err := r.Form(token); err == nil {
		t.Error("a response that must be encrypted is written without a key")
	}
	// A format whose presentations are objects.
	object := oid4vp.VPToken{"card": {json.RawMessage(`{"@context":[]}`)}}
	got, err = plain.Parse([]byte(url.Values{"vp_token": {`{"card":[{"@context":[]}]}`}, "state": {state}}.Encode()))
	if err != nil || !reflect.DeepEqual(got.Token, object) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := got.Token.Text("card"); err == nil {
		t.Error("an object is read as text")
	}
}

func TestRefusalBothEnds(t *testing.T) {
	r, _, e := encrypted(t)
	form := r.Refuse(&oid4vp.Error{Code: oid4vp.AccessDenied, Description: "no \"thanks\"\n", Cause: errors.New("the person has no card")})
	if strings.Contains(form.Encode(), "card") {
		t.Errorf("the refusal tells its cause: %v", form)
	}
	for _, expected := range []oid4vp.Expected{e, plain} {
		got, err := expected.Parse([]byte(form.Encode()))
		if err != nil || got.Token != nil || !errors.Is(got.Refusal, oid4vp.AccessDenied) || got.Refusal.Description != "no  thanks  " {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	// A wallet may encrypt its refusal too.
	k, err := r.ResponseKey()
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Parse(seal(t, k, `{"error":"vp_formats_not_supported","state":"`+state+`"}`))
	if err != nil || !errors.Is(got.Refusal, oid4vp.VPFormatsNotSupported) {
		t.Errorf("encrypted refusal: got %+v, %v", got, err)
	}
	hostile := url.Values{"error": {"x\x1b[31m"}, "error_description": {strings.Repeat("<b>", 1000)}, "state": {state}}
	got, err = plain.Parse([]byte(hostile.Encode()))
	if err != nil || strings.Contains(string(got.Refusal.Code), "\x1b") || len(got.Refusal.Description) > 512 {
		t.Errorf("hostile refusal: got %+v, %v", got, err)
	}
}

func seal(t testing.TB, k oid4vp.ResponseKey, payload string) []byte {
	t.Helper()
	jwe, err := jose.Encrypt([]byte(payload), k.Key, jose.EncryptHeader{Enc: k.Enc, KeyID: k.ID})
	if err != nil {
		t.Fatal(err)
	}
	return []byte(url.Values{"response": {jwe}}.Encode())
}

func TestResponseOfTheStandard(t *testing.T) {
	b, err := os.ReadFile("testdata/openid4vp-1.0/response.jwe")
	if err != nil {
		t.Fatal(err)
	}
	d, err := jose.DecodeSegment("Et-3ce0omz8_TuZ96Df9lp0GAaaDoUnDe6X-CRO7Aww") // as in Section 8.3
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdh.P256().NewPrivateKey(d)
	if err != nil {
		t.Fatal(err)
	}
	e := oid4vp.Expected{
		ResponseMode: oid4vp.DirectPostJWT, QueryIDs: []string{"example_credential_id"},
		Key: func(kid string) (*ecdh.PrivateKey, error) {
			if kid != "ac" {
				return nil, errors.New("no such key")
			}
			return key, nil
		},
	}
	got, err := e.Parse([]byte(url.Values{"response": {string(b)}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := got.Token.Text("example_credential_id"); err != nil || s != "eyJhb...YMetA" {
		t.Errorf("got %q, %v", s, err)
	}
}

func TestResponseStateWrongOrMissing(t *testing.T) {
	r, _, e := encrypted(t)
	k, err := r.ResponseKey()
	if err != nil {
		t.Fatal(err)
	}
	const vp = `"vp_token":{"card":["eyJ"]}`
	form := func(s ...string) []byte {
		q := url.Values{"vp_token": {`{"card":["eyJ"]}`}}
		if len(s) > 0 {
			q["state"] = s
		}
		return []byte(q.Encode())
	}
	for name, c := range map[string]struct {
		expected oid4vp.Expected
		body     []byte
	}{
		"wrong state":                  {plain, form("other")},
		"empty state":                  {plain, form("")},
		"missing state":                {plain, form()},
		"wrong state, encrypted":       {e, seal(t, k, `{`+vp+`,"state":"other"}`)},
		"missing state, encrypted":     {e, seal(t, k, `{`+vp+`}`)},
		"state in capitals, encrypted": {e, seal(t, k, `{`+vp+`,"STATE":"`+state+`"}`)},
		"state outside, encrypted":     {e, append(seal(t, k, `{`+vp+`}`), []byte("&state="+state)...)},
		"wrong state of a refusal":     {plain, []byte("error=access_denied&state=other")},
	} {
		if _, err := c.expected.Parse(c.body); !errors.Is(err, oid4vp.ErrState) {
			t.Errorf("%s: got %v, want %v", name, err, oid4vp.ErrState)
		}
	}
	if _, err := plain.Parse(form(state, state)); err == nil {
		t.Error("state twice: accepted")
	}
	loose := plain
	loose.StateOptional = true
	if _, err := loose.Parse(form()); err != nil {
		t.Errorf("a wallet that drops state: %v", err)
	}
	if _, err := loose.Parse(form("other")); !errors.Is(err, oid4vp.ErrState) {
		t.Errorf("a wrong state where it is optional: got %v", err)
	}
	none := plain
	none.State = ""
	for _, body := range [][]byte{form(), form("")} {
		if _, err := none.Parse(body); err != nil {
			t.Errorf("no state was asked for: %v", err)
		}
	}
	if _, err := none.Parse(form("other")); !errors.Is(err, oid4vp.ErrState) {
		t.Errorf("a state that was not asked for: got %v", err)
	}
}

func TestResponseRefused(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":                      "state=" + state,
		"duplicate query ids":          "state=" + state + "&vp_token=" + url.QueryEscape(`{"card":["a"],"card":["b"]}`),
		"another query id":             "state=" + state + "&vp_token=" + url.QueryEscape(`{"diploma":["a"]}`),
		"one query id too many":        "state=" + state + "&vp_token=" + url.QueryEscape(`{"card":["a"],"diploma":["b"]}`),
		"two presentations":            "state=" + state + "&vp_token=" + url.QueryEscape(`{"card":["a","b"]}`),
		"no presentation":              "state=" + state + "&vp_token=" + url.QueryEscape(`{"card":[]}`),
		"an empty presentation":        "state=" + state + "&vp_token=" + url.QueryEscape(`{"card":[""]}`),
		"an empty object":              "state=" + state + "&vp_token=" + url.QueryEscape(`{"card":[{}]}`),
		"a number":                     "state=" + state + "&vp_token=" + url.QueryEscape(`{"card":[12345]}`),
		"null":                         "state=" + state + "&vp_token=" + url.QueryEscape(`{"card":[null]}`),
		"nothing answered":             "state=" + state + "&vp_token=%7B%7D",
		"a token of earlier drafts":    "state=" + state + "&vp_token=eyJ",
		"a list of earlier drafts":     "state=" + state + "&vp_token=" + url.QueryEscape(`["a"]`),
		"a presentation without list":  "state=" + state + "&vp_token=" + url.QueryEscape(`{"card":"a"}`),
		"vp_token twice":               "state=" + state + "&vp_token=%7B%7D&vp_token=" + url.QueryEscape(`{"card":["a"]}`),
		"an error and a presentation":  "state=" + state + "&error=access_denied&vp_token=" + url.QueryEscape(`{"card":["a"]}`),
		"encrypted where it is not to": "state=" + state + "&response=a.b.c.d.e",
		"deep":                         "state=" + state + "&vp_token=" + url.QueryEscape(`{"card":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`}`),
		"huge":                         "state=" + state + "&vp_token=" + strings.Repeat("a", oid4vp.MaxResponse),
		"not a form":                   "%zz",
		"JSON":                         `{"vp_token":{"card":["a"]},"state":"` + state + `"}`,
		"empty":                        "",
	} {
		if got, err := plain.Parse([]byte(body)); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestEncryptedResponseRefused(t *testing.T) {
	r, _, e := encrypted(t)
	other, _, _ := encrypted(t)
	k, err := r.ResponseKey()
	if err != nil {
		t.Fatal(err)
	}
	token := oid4vp.TextToken("card", "eyJ")
	toOther, err := other.Form(token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Parse([]byte(toOther.Encode())); !errors.Is(err, jose.ErrDecrypt) {
		t.Errorf("encrypted to another key under our kid: got %v, want %v", err, jose.ErrDecrypt)
	}
	for _, kid := range []string{"k-2", "", "../k-1"} {
		named := k
		named.ID = kid
		if _, err := e.Parse(seal(t, named, `{"vp_token":{"card":["eyJ"]},"state":"`+state+`"}`)); !errors.Is(err, oid4vp.ErrKey) {
			t.Errorf("kid %q: got %v, want %v", kid, err, oid4vp.ErrKey)
		}
	}
	unencrypted := url.Values{"vp_token": {`{"card":["eyJ"]}`}, "state": {state}}
	if _, err := e.Parse([]byte(unencrypted.Encode())); !errors.Is(err, oid4vp.ErrUnencrypted) {
		t.Errorf("unencrypted: got %v, want %v", err, oid4vp.ErrUnencrypted)
	}
	good, err := r.Form(token)
	if err != nil {
		t.Fatal(err)
	}
	jwe := good.Get("response")
	signed, err := jose.Sign(newKey(t), jose.Header{}, []byte(`{"vp_token":{"card":["eyJ"]},"state":"`+state+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{
		"both":                       []byte(good.Encode() + "&vp_token=%7B%7D"),
		"an error beside it":         []byte(good.Encode() + "&error=access_denied"),
		"response twice":             []byte(good.Encode() + "&" + good.Encode()),
		"signed, not encrypted":      []byte(url.Values{"response": {signed}}.Encode()),
		"cut off":                    []byte(url.Values{"response": {jwe[:len(jwe)-4]}}.Encode()),
		"one letter changed":         []byte(url.Values{"response": {strings.Replace(jwe, jwe[len(jwe)-30:], "AAAA"+jwe[len(jwe)-26:], 1)}}.Encode()),
		"huge":                       []byte(url.Values{"response": {jwe + strings.Repeat("a", jose.MaxToken)}}.Encode()),
		"duplicate query ids inside": seal(t, k, `{"vp_token":{"card":["a"],"card":["b"]},"state":"`+state+`"}`),
		"another query inside":       seal(t, k, `{"vp_token":{"diploma":["a"]},"state":"`+state+`"}`),
		"vp_token twice inside":      seal(t, k, `{"vp_token":{"card":["a"]},"vp_token":{"card":["b"]},"state":"`+state+`"}`),
		"vp_token is text inside":    seal(t, k, `{"vp_token":"{\"card\":[\"a\"]}","state":"`+state+`"}`),
		"error and token inside":     seal(t, k, `{"vp_token":{"card":["a"]},"error":"access_denied","state":"`+state+`"}`),
		"nothing inside":             seal(t, k, `{"state":"`+state+`"}`),
		"no JSON inside":             seal(t, k, `x`),
	} {
		if got, err := e.Parse(body); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestResponseAnswerBothEnds(t *testing.T) {
	want := oid4vp.ResponseAnswer{
		RedirectURI: "https://ketting.example/cb#response_code=091535f699ea575c7937fa5f0f454aee",
		Kindpakket:  json.RawMessage(`{"state":"paid","receipt":"c2sp.org/tlog-proof@v1"}`),
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := oid4vp.ParseResponseAnswer(b); err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := oid4vp.ParseResponseAnswer([]byte(`{"unknown":1}`)); err != nil || got.RedirectURI != "" || got.Kindpakket != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if b, err := json.Marshal(oid4vp.ResponseAnswer{}); err != nil || string(b) != "{}" {
		t.Errorf("got %s, %v", b, err)
	}
	for name, bad := range map[string]string{
		"a script":          `{"redirect_uri":"javascript:alert(1)"}`,
		"data":              `{"redirect_uri":"data:text/html,x"}`,
		"http":              `{"redirect_uri":"http://evil.example"}`,
		"relative":          `{"redirect_uri":"/cb"}`,
		"twice":             `{"redirect_uri":"https://a.example","redirect_uri":"https://b.example"}`,
		"ours twice":        `{"kindpakket":{"state":"refused"},"kindpakket":{"state":"paid"}}`,
		"ours twice inside": `{"kindpakket":{"state":"refused","state":"paid"}}`,
		"no object":         `[]`,
		"a page":            `<html>`,
		"empty":             ``,
		"huge":              `{"kindpakket":"` + strings.Repeat("a", oid4vp.MaxAnswer) + `"}`,
	} {
		if got, err := oid4vp.ParseResponseAnswer([]byte(bad)); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}
