package did_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"kindpakket/credential/did"
)

// The example key of the did:jwk method specification, and its identifier.
const (
	jwk    = `{"crv":"P-256","kty":"EC","x":"acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0","y":"_KcyLj9vWMptnmKtm46GqDz8wf74I5LKgrl2GzH3nSE"}`
	didJWK = did.DID("did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6OTFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9")
	edJWK  = `{"crv":"Ed25519","kty":"OKP","x":"Lm_M42cB3HkUiODQsXRcweM6TByfzEHGO9ND274JcOY"}`
	didEd  = did.DID("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")
)

func TestJWK(t *testing.T) {
	if got := did.FromJWK([]byte(jwk)); got != didJWK {
		t.Errorf("got %s, want %s", got, didJWK)
	}
	doc, err := did.Resolve(didJWK)
	if err != nil {
		t.Fatal(err)
	}
	for _, rel := range []did.Relation{did.Authentication, did.AssertionMethod, did.KeyAgreement} {
		key, err := doc.Key("#0", rel)
		if err != nil || string(key) != jwk {
			t.Errorf("%s: got %s, %v", rel, key, err)
		}
	}
	if _, err := doc.Key("#1", did.Authentication); !errors.Is(err, did.ErrKey) {
		t.Errorf("unknown key: got %v", err)
	}
	for use, want := range map[string]bool{"sig": true, "enc": false} {
		doc, err := did.Resolve(did.FromJWK([]byte(strings.Replace(jwk, "{", `{"use":"`+use+`",`, 1))))
		if err != nil {
			t.Fatal(err)
		}
		_, auth := doc.Key("", did.Authentication)
		_, agree := doc.Key("", did.KeyAgreement)
		if (auth == nil) != want || (agree == nil) == want {
			t.Errorf("use %s: authentication %v, keyAgreement %v", use, auth, agree)
		}
	}
}

func TestKey(t *testing.T) {
	got, err := did.KeyDID([]byte(edJWK))
	if err != nil || got != didEd {
		t.Errorf("Ed25519: got %s, %v, want %s", got, err, didEd)
	}
	for _, want := range []string{jwk, edJWK} {
		d, err := did.KeyDID([]byte(want))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := did.Resolve(d)
		if err != nil {
			t.Fatal(err)
		}
		_, id, _ := strings.Cut(string(d), "did:key:")
		key, err := doc.Key(string(d)+"#"+id, did.AssertionMethod)
		if err != nil || string(key) != want {
			t.Errorf("%s: got %s, %v", d, key, err)
		}
	}
	// Two P-256 identifiers of the did:key method specification: odd and even y.
	for _, id := range []string{"zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169", "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"} {
		doc, err := did.Resolve(did.DID("did:key:" + id))
		if err != nil {
			t.Fatal(err)
		}
		key, err := doc.Key("", did.Authentication)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := did.KeyDID(key); err != nil || back != did.DID("did:key:"+id) {
			t.Errorf("got %s, %v, want %s", back, err, id)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		d    did.DID
		want error
	}{
		"did:web":             {"did:web:example.nl", did.ErrMethod},
		"no DID":              {"urn:uuid:1", did.ErrSyntax},
		"private key":         {did.FromJWK([]byte(strings.Replace(jwk, "{", `{"d":"AAAA",`, 1))), did.ErrKey},
		"kty named twice":     {did.FromJWK([]byte(strings.Replace(jwk, "{", `{"kty":"OKP",`, 1))), did.ErrKey},
		"off the curve":       {did.FromJWK([]byte(strings.Replace(jwk, "acbI", "bcbI", 1))), did.ErrKey},
		"short coordinate":    {did.FromJWK([]byte(strings.Replace(jwk, "acbIQ", "bIQ", 1))), did.ErrKey},
		"secp256k1":           {did.FromJWK([]byte(strings.Replace(jwk, "P-256", "secp256k1", 1))), did.ErrKey},
		"use is a number":     {did.FromJWK([]byte(strings.Replace(jwk, "{", `{"use":1,`, 1))), did.ErrKey},
		"padded":              {didJWK + "%3D", did.ErrSyntax},
		"trailing bits":       {"did:jwk:e1", did.ErrSyntax},
		"not base58btc":       {"did:key:uAbc", did.ErrKey},
		"base58 with a zero":  {"did:key:z0", did.ErrKey},
		"endless base58":      {did.DID("did:key:z" + strings.Repeat("z", 600)), did.ErrKey},
		"X25519":              {"did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc", did.ErrKey},
		"compressed off P256": {"did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU216A", did.ErrKey},
	} {
		if _, err := did.Resolve(tc.d); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, s := range []string{"did:web:example.nl", "did:web:localhost%3A8080:a", "did:x1:a:b::c", string(didJWK)} {
		d, err := did.Parse(s)
		if err != nil || string(d) != s || d.Method() != strings.Split(s, ":")[1] {
			t.Errorf("%s: got %s, %v", s, d, err)
		}
	}
	for _, s := range []string{"", "did:", "did:web", "did:web:", "did:Web:a", "did::a", "DID:web:a", "did:web:a:", "did:web:a/b", "did:web:a#b",
		"did:web:a?b", "did:web:a b", "did:web:%4", "did:web:%zz", "did:web:é", "did:web:" + strings.Repeat("a", did.MaxDID)} {
		if _, err := did.Parse(s); !errors.Is(err, did.ErrSyntax) {
			t.Errorf("%.40q: got %v, want ErrSyntax", s, err)
		}
	}
}

func TestParseURL(t *testing.T) {
	u, err := did.ParseURL("did:web:example.nl/path?x=1#key-1")
	if want := (did.URL{DID: "did:web:example.nl", Path: "/path", Query: "x=1", Fragment: "key-1"}); err != nil || u != want {
		t.Errorf("got %+v, %v", u, err)
	}
	for _, s := range []string{"#key-1", "did:web:a#", "did:web:a?#x", "did:web:a#b#c", "did:web:a#<", "did:web:a/%zz", "did:web:" + strings.Repeat("a", did.MaxDID)} {
		if _, err := did.ParseURL(s); !errors.Is(err, did.ErrSyntax) {
			t.Errorf("%.40q: got %v, want ErrSyntax", s, err)
		}
	}
}

func TestWeb(t *testing.T) {
	for d, want := range map[did.DID]string{
		"did:web:example.nl":                "https://example.nl/.well-known/did.json",
		"did:web:example.nl%3A8443:shops:7": "https://example.nl:8443/shops/7/did.json",
		"did:web:localhost%3A8080:a%20b":    "https://localhost:8080/a%20b/did.json",
		"did:web:127.0.0.1%3A8080":          "https://127.0.0.1:8080/.well-known/did.json",
	} {
		got, err := did.WebURL(d)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", d, got, err, want)
			continue
		}
		back, err := did.WebDID(strings.TrimSuffix(strings.TrimSuffix(got, "/did.json"), "/.well-known"))
		if err != nil || back != d {
			t.Errorf("%s: got back %s, %v", d, back, err)
		}
	}
	for _, d := range []did.DID{"did:web:10.0.0.1", "did:web:169.254.169.254", "did:web:127.1", "did:web:2130706433", "did:web:a.0x7f", "did:web:evil.nl%2F",
		"did:web:user%40evil.nl", "did:web:evil.nl%23", "did:web:a:..:b", "did:web:a:%2e%2e", "did:web:a:b%2Fc", "did:web:a:b%3Fc", "did:web:a:%23", "did:web:a:b%5Cc",
		"did:web:a%3A0", "did:web:a%3A70000", "did:web:a%3A080", "did:web:a..b", "did:web:-a", "did:web:.", "did:web:a::b", "did:web:%5B%3A%3A1%5D", "did:web:a%0Ab"} {
		if got, err := did.WebURL(d); !errors.Is(err, did.ErrSyntax) {
			t.Errorf("%s: got %s, %v, want ErrSyntax", d, got, err)
		}
	}
	if _, err := did.WebURL(didJWK); !errors.Is(err, did.ErrMethod) {
		t.Errorf("did:jwk: got %v, want ErrMethod", err)
	}
	if got, err := did.LoopbackURL("did:web:127.0.0.1%3A8080:a"); err != nil || got != "http://127.0.0.1:8080/a/did.json" {
		t.Errorf("loopback: got %s, %v", got, err)
	}
	for _, d := range []did.DID{"did:web:example.nl", "did:web:localhost.example.nl", "did:web:127.0.0.1.nip.io"} {
		if _, err := did.LoopbackURL(d); !errors.Is(err, did.ErrSyntax) {
			t.Errorf("%s: got %v, want ErrSyntax", d, err)
		}
	}
	for _, s := range []string{"http://example.nl", "https://u@example.nl", "https://example.nl?x", "https://example.nl#x", "ftp://localhost", "https://10.0.0.1", "example.nl",
		"https://example.nl/a//b", "https://example.nl/../b", "https://example.nl/a%2Fb"} {
		if d, err := did.WebDID(s); !errors.Is(err, did.ErrSyntax) {
			t.Errorf("%s: got %s, %v, want ErrSyntax", s, d, err)
		}
	}
}

const shop = did.DID("did:web:shop.example")

func TestDocument(t *testing.T) {
	doc := did.Document{ID: shop, Methods: []did.Method{
		{ID: string(shop) + "#sign", JWK: []byte(jwk), Relations: []did.Relation{did.Authentication, did.AssertionMethod}},
		{ID: string(shop) + "#old", JWK: []byte(edJWK)},
	}}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	got, err := did.ParseDocument(b, shop)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(got); err != nil || !bytes.Equal(again, b) {
		t.Errorf("got %s, %v, want %s", again, err, b)
	}
	if key, err := got.Key("", did.AssertionMethod); err != nil || string(key) != jwk {
		t.Errorf("got %s, %v", key, err)
	}
	if _, err := got.Key("#old", did.Authentication); !errors.Is(err, did.ErrRelation) {
		t.Errorf("a key for nothing: got %v, want ErrRelation", err)
	}
	if _, err := got.Key("#sign", did.KeyAgreement); !errors.Is(err, did.ErrRelation) {
		t.Errorf("a key for signing: got %v, want ErrRelation", err)
	}
	if _, err := got.Key("", did.KeyAgreement); !errors.Is(err, did.ErrKey) {
		t.Errorf("no key: got %v, want ErrKey", err)
	}
	for name, m := range map[string]did.Method{
		"another's id": {ID: "did:web:other.example#sign", JWK: []byte(jwk)},
		"no fragment":  {ID: string(shop), JWK: []byte(jwk)},
		"private":      {ID: string(shop) + "#a", JWK: []byte(strings.Replace(jwk, "{", `{"d":"AAAA",`, 1))},
		"no key":       {ID: string(shop) + "#a"},
	} {
		if _, err := json.Marshal(did.Document{ID: shop, Methods: []did.Method{m}}); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func TestParseDocumentLeavesOut(t *testing.T) {
	multikey := strings.TrimPrefix(string(didEd), "did:key:")
	b := `{"id":"` + string(shop) + `","service":[{"id":"#s"}],"verificationMethod":[
		{"id":"#multi","type":"Multikey","controller":"` + string(shop) + `","publicKeyMultibase":"` + multikey + `"},
		{"id":"#stranger","type":"JsonWebKey","controller":"did:web:other.example","publicKeyJwk":` + jwk + `},
		{"id":"did:web:other.example#x","type":"JsonWebKey","controller":"` + string(shop) + `","publicKeyJwk":` + jwk + `},
		{"id":"#rsa","type":"JsonWebKey","controller":"` + string(shop) + `","publicKeyJwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}},
		{"id":"#unknown","type":"Unknown","controller":"` + string(shop) + `"}],
		"authentication":["#multi","#stranger","#rsa","#unknown","did:web:other.example#x"],
		"assertionMethod":[{"id":"#embedded","type":"JsonWebKey","controller":"` + string(shop) + `","publicKeyJwk":` + jwk + `}]}`
	doc, err := did.ParseDocument([]byte(b), shop)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range doc.Methods {
		ids = append(ids, m.ID)
	}
	if want := []string{string(shop) + "#multi", string(shop) + "#embedded"}; !slices.Equal(ids, want) {
		t.Errorf("got %v, want %v", ids, want)
	}
	if key, err := doc.Key("#multi", did.Authentication); err != nil || string(key) != edJWK {
		t.Errorf("got %s, %v", key, err)
	}
	if _, err := doc.Key("#embedded", did.Authentication); !errors.Is(err, did.ErrRelation) {
		t.Errorf("embedded for assertion only: got %v, want ErrRelation", err)
	}
}

func TestParseDocumentRefuses(t *testing.T) {
	method := func(id, jwk string) string {
		return `{"id":"` + id + `","type":"JsonWebKey","controller":"` + string(shop) + `","publicKeyJwk":` + jwk + `}`
	}
	for name, b := range map[string]string{
		"another subject":    `{"id":"did:web:other.example"}`,
		"no subject":         `{}`,
		"subject twice":      `{"id":"` + string(shop) + `","id":"` + string(shop) + `"}`,
		"not an object":      `[]`,
		"null":               `null`,
		"two documents":      `{"id":"` + string(shop) + `"}{}`,
		"methods no array":   `{"id":"` + string(shop) + `","verificationMethod":{}}`,
		"method no object":   `{"id":"` + string(shop) + `","verificationMethod":["#a"]}`,
		"private key":        `{"id":"` + string(shop) + `","verificationMethod":[` + method("#a", strings.Replace(jwk, "{", `{"d":"AAAA",`, 1)) + `]}`,
		"off the curve":      `{"id":"` + string(shop) + `","verificationMethod":[` + method("#a", strings.Replace(jwk, "acbI", "bcbI", 1)) + `]}`,
		"one id, two keys":   `{"id":"` + string(shop) + `","verificationMethod":[` + method("#a", jwk) + `,` + method(string(shop)+"#a", edJWK) + `]}`,
		"key named twice":    `{"id":"` + string(shop) + `","verificationMethod":[{"id":"#a","controller":"` + string(shop) + `","publicKeyJwk":` + jwk + `,"publicKeyJwk":` + edJWK + `}]}`,
		"without controller": `{"id":"` + string(shop) + `","verificationMethod":[{"id":"#a","publicKeyJwk":` + jwk + `}]}`,
		"malformed id":       `{"id":"` + string(shop) + `","verificationMethod":[` + method("key 1", jwk) + `]}`,
		"too many keys":      `{"id":"` + string(shop) + `","authentication":[` + strings.Repeat(`"#a",`, did.MaxMethods) + `"#a"]}`,
		"too deep":           `{"id":"` + string(shop) + `","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"too long":           `{"id":"` + string(shop) + `","x":"` + strings.Repeat("x", did.MaxDocument) + `"}`,
		"not UTF-8":          `{"id":"` + string(shop) + "\",\"x\":\"\xff\"}",
	} {
		if doc, err := did.ParseDocument([]byte(b), shop); !errors.Is(err, did.ErrDocument) {
			t.Errorf("%s: got %v, %v, want ErrDocument", name, doc, err)
		}
	}
	if _, err := did.ParseDocument([]byte(`{"id":""}`), ""); !errors.Is(err, did.ErrDocument) {
		t.Errorf("nobody's document: got %v, want ErrDocument", err)
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"did:web:example.nl", "did:web:a%3A1:b/c?d#e", string(didJWK) + "#0", "did:a:b?c/d#e?f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := did.ParseURL(s)
		if err == nil && u.String() != s {
			t.Errorf("got %q, want %q", u, s)
		}
		if d, err := did.Parse(s); err == nil {
			if string(d) != s {
				t.Errorf("got %q, want %q", d, s)
			}
			if web, err := did.WebURL(d); err == nil && !strings.HasPrefix(web, "https://") {
				t.Errorf("got %q", web)
			}
		}
	})
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{string(didJWK), string(didEd), "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169", "did:jwk:" + base64.RawURLEncoding.EncodeToString([]byte(edJWK))} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		doc, err := did.Resolve(did.DID(s))
		if err != nil {
			return
		}
		if again, err := did.Resolve(did.FromJWK(doc.Methods[0].JWK)); err != nil || !bytes.Equal(again.Methods[0].JWK, doc.Methods[0].JWK) {
			t.Errorf("a resolved key is not one: %v", err)
		}
		if d, err := did.KeyDID(doc.Methods[0].JWK); err != nil || strings.HasPrefix(s, "did:key:z6Mk") && string(d) != s {
			t.Errorf("got %s, %v, want %s", d, err, s)
		}
	})
}

func FuzzParseDocument(f *testing.F) {
	doc, err := json.Marshal(did.Document{ID: shop, Methods: []did.Method{{ID: string(shop) + "#a", JWK: []byte(jwk), Relations: []did.Relation{did.KeyAgreement}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Add([]byte(`{"id":"did:web:shop.example","authentication":[{"id":"#a","controller":"did:web:shop.example","publicKeyMultibase":"z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := did.ParseDocument(b, shop)
		if err != nil {
			return
		}
		out, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		again, err := did.ParseDocument(out, shop)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(twice, out) {
			t.Errorf("got %s, want %s", twice, out)
		}
	})
}
