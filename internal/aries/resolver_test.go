package aries_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"kindpakket/credential/did"
	"kindpakket/credential/jose"
	"kindpakket/internal/aries"
)

func newKey(t *testing.T) jose.Key {
	t.Helper()
	p, err := jose.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return p.Public()
}

const ed25519JWK = `{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}` // RFC 8037, Appendix A.2

// Aries and package did must say the same of a DID that says its own key.
func TestResolveSelfContained(t *testing.T) {
	r := aries.NewResolver(aries.Options{})
	for _, jwk := range [][]byte{newKey(t).JWK(), []byte(ed25519JWK)} {
		keyDID, err := did.KeyDID(jwk)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []did.DID{keyDID, did.FromJWK(jwk)} {
			got, err := r.Resolve(t.Context(), d)
			if err != nil {
				t.Errorf("%s: %v", d.Method(), err)
				continue
			}
			want, err := did.Resolve(d)
			if err != nil {
				t.Fatal(err)
			}
			for _, rel := range []did.Relation{did.Authentication, did.AssertionMethod} {
				key, err := got.Key("", rel)
				if err != nil || string(key) != string(jwk) {
					t.Errorf("%s: %s: got %s, %v", d.Method(), rel, key, err)
				}
			}
			if got.ID != want.ID || got.Methods[0].ID != want.Methods[0].ID {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	r := aries.NewResolver(aries.Options{})
	for _, tt := range []struct {
		name string
		d    did.DID
		want error
	}{
		{"method", "did:peer:2abc", did.ErrMethod},
		{"no DID", "https://example.org", aries.ErrResolve},
		{"empty", "", aries.ErrResolve},
		{"private JWK", did.FromJWK([]byte(`{"kty":"EC","crv":"P-256","d":"AAAA","x":"acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0","y":"_KcyLj9vWMptnmKtm46GqDz8wf74I5LKgrl2GzH3nSE"}`)), aries.ErrResolve},
		{"point off the curve", did.FromJWK([]byte(`{"kty":"EC","crv":"P-256","x":"acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0","y":"acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0"}`)), aries.ErrResolve},
		{"not a JWK", "did:jwk:e30", aries.ErrResolve},
		{"not base58", "did:key:z0OIl", aries.ErrResolve},
		{"BLS key", "did:key:zUC7K4ndUaGZgV7Cp2yJy6JtMoUHY6u7tkcSYUvPrEidqBmLCTLmi6d5WvwnUqejscAkERJ3bfjEiSYtdPkRSE8kSa11hFBr4sTgnbZ95SJj19PN2jdvJjyzpSZgxkyyxNnBNnY", aries.ErrResolve},
		{"address", "did:web:10.0.0.1", aries.ErrResolve},
		{"own network", "did:web:localhost%3A9", aries.ErrAddress},
		{"path that leads away", "did:web:example.org:..:admin", aries.ErrResolve},
		{"host with a path", "did:web:example.org%2Fadmin", aries.ErrResolve},
		{"user", "did:web:user%40example.org", aries.ErrResolve},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := r.Resolve(t.Context(), tt.d)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %+v, %v, want %v", doc, err, tt.want)
			}
			if m := tt.d.Method(); err != nil && (m == "jwk" || m == "key") && strings.Contains(err.Error(), strings.TrimPrefix(string(tt.d), "did:"+m+":")) {
				t.Errorf("the error quotes the DID: %v", err)
			}
		})
	}
}

func webServer(t *testing.T, new func(http.Handler) *httptest.Server, documents map[string]string) (*httptest.Server, did.DID) {
	t.Helper()
	s := new(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := documents[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	d, err := did.WebDID(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return s, d
}

func TestResolveWeb(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{"https": httptest.NewTLSServer, "http": httptest.NewServer} {
		t.Run(name, func(t *testing.T) {
			documents := make(map[string]string)
			s, d := webServer(t, start, documents)
			opts := aries.Options{Loopback: true}
			if name == "https" {
				opts.ExtraCAs = cas(s)
			}
			shop := d + ":shops:bikes"
			ours := &did.Document{ID: shop, Methods: []did.Method{
				{ID: string(shop) + "#key-1", JWK: newKey(t).JWK(), Relations: []did.Relation{did.Authentication, did.AssertionMethod}},
				{ID: string(shop) + "#key-2", JWK: json.RawMessage(ed25519JWK), Relations: []did.Relation{did.AssertionMethod}},
			}}
			b, err := json.Marshal(ours)
			if err != nil {
				t.Fatal(err)
			}
			documents["/shops/bikes/did.json"] = string(b)
			got, err := aries.NewResolver(opts).Resolve(t.Context(), shop)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, ours) {
				t.Errorf("got %+v, want %+v", got, ours)
			}
		})
	}
}

// Other people's documents: ids relative to the subject, Multikey, embedded methods, key types we do not use.
func TestResolveWebForeign(t *testing.T) {
	documents := make(map[string]string)
	s, d := webServer(t, httptest.NewTLSServer, documents)
	p256 := "zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169"
	documents["/.well-known/did.json"] = strings.ReplaceAll(`{"@context":["https://www.w3.org/ns/did/v1","https://w3id.org/security/multikey/v1"],"id":"DID",
		"verificationMethod":[
			{"id":"DID#m","type":"Multikey","controller":"DID","publicKeyMultibase":"`+p256+`"},
			{"id":"#r","type":"JsonWebKey","controller":"DID","publicKeyJwk":`+ed25519JWK+`},
			{"id":"DID#other","type":"JsonWebKey","controller":"did:web:else.example","publicKeyJwk":`+ed25519JWK+`},
			{"id":"DID#bls","type":"Bls12381G2Key2020","controller":"DID","publicKeyBase58":"25ETdUZDVnME6yYuAMjFRCnCPcDmYQcoZDcZuXAfeMhXPvjZg35QmZ7uctBcovA69YDM3Jf7s5BHo4u1y89nY6mHiji8yphZ4AMm4iNCRh35edSg76Dkasu3MY2VS9LnuaVQ"}],
		"assertionMethod":["DID#m","DID#bls","DID#other"],
		"authentication":["#r",{"id":"DID#e","type":"JsonWebKey","controller":"DID","publicKeyJwk":`+ed25519JWK+`}]}`, "DID", string(d))
	got, err := aries.NewResolver(aries.Options{Loopback: true, ExtraCAs: cas(s)}).Resolve(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	want, err := did.Resolve(did.DID("did:key:" + p256))
	if err != nil {
		t.Fatal(err)
	}
	key, err := got.Key("#m", did.AssertionMethod)
	if err != nil || string(key) != string(want.Methods[0].JWK) {
		t.Errorf("#m: got %s, %v, want %s", key, err, want.Methods[0].JWK)
	}
	for _, id := range []string{"#r", "#e"} {
		if key, err := got.Key(id, did.Authentication); err != nil || string(key) != ed25519JWK {
			t.Errorf("%s: got %s, %v", id, key, err)
		}
	}
	if _, err := got.Key("#e", did.AssertionMethod); !errors.Is(err, did.ErrRelation) {
		t.Errorf("#e is embedded for authentication only: got %v", err)
	}
	for _, id := range []string{"#bls", "#other"} {
		if key, err := got.Key(id, did.AssertionMethod); !errors.Is(err, did.ErrKey) {
			t.Errorf("%s: got %s, %v", id, key, err)
		}
	}
}

func TestResolveWebRefuses(t *testing.T) {
	documents := make(map[string]string)
	s, d := webServer(t, httptest.NewTLSServer, documents)
	r := aries.NewResolver(aries.Options{Loopback: true, ExtraCAs: cas(s)})
	method := `{"id":"DID#k","type":"JsonWebKey2020","controller":"DID","publicKeyJwk":` + ed25519JWK + `}`
	const head = `{"@context":["https://www.w3.org/ns/did/v1"],"id":"DID"`
	for name, doc := range map[string]string{
		"about somebody else":       `{"@context":["https://www.w3.org/ns/did/v1"],"id":"did:web:else.example","verificationMethod":[` + strings.ReplaceAll(method, "DID", "did:web:else.example") + `]}`,
		"about the one next door":   `{"@context":["https://www.w3.org/ns/did/v1"],"id":"DID:x"}`,
		"nothing":                   ``,
		"null":                      `null`,
		"a list":                    `[]`,
		"no JSON":                   `<html>`,
		"too large":                 head + strings.Repeat(" ", did.MaxDocument) + `}`,
		"two methods of one id":     head + `,"verificationMethod":[` + method + `,` + method + `]}`,
		"another key under its id":  head + `,"verificationMethod":[` + method + `],"authentication":[{"id":"DID#k","type":"JsonWebKey2020","controller":"DID","publicKeyJwk":` + string(newKey(t).JWK()) + `}]}`,
		"a private key":             head + `,"verificationMethod":[{"id":"DID#k","type":"JsonWebKey2020","controller":"DID","publicKeyJwk":{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}]}`,
		"an id that is no string":   `{"@context":["https://www.w3.org/ns/did/v1"],"id":"DID","service":[{"type":"IndyAgent"}],"publicKey":[{"id":7}],"verificationMethod":[{"id":7,"type":"x","controller":"DID","publicKeyBase58":"a"}]}`,
		"an unlisted method":        head + `,"assertionMethod":["DID#k"]}`,
		"a secret in the text":      head + `,"secret":"bsn 123456782","verificationMethod":7}`,
		"a point that is not there": head + `,"verificationMethod":[{"id":"DID#k","type":"JsonWebKey2020","controller":"DID","publicKeyJwk":{"kty":"EC","crv":"P-256","x":"acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0","y":"acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0"}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			documents["/.well-known/did.json"] = strings.ReplaceAll(doc, "DID", string(d))
			got, err := r.Resolve(t.Context(), d)
			if !errors.Is(err, aries.ErrResolve) {
				t.Errorf("got %+v, %v, want %v", got, err, aries.ErrResolve)
			} else if strings.Contains(err.Error(), "123456782") {
				t.Errorf("the error quotes the document: %v", err)
			}
		})
	}
	if got, err := r.Resolve(t.Context(), d+":nowhere"); !errors.Is(err, aries.ErrResolve) {
		t.Errorf("404: got %+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := r.Resolve(ctx, d); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %+v, %v", got, err)
	}
}

// Outside loopback mode nothing falls back to http.
func TestResolveWebNeverByHTTP(t *testing.T) {
	documents := map[string]string{"/.well-known/did.json": "{}"}
	_, d := webServer(t, httptest.NewServer, documents)
	if got, err := aries.NewResolver(aries.Options{}).Resolve(t.Context(), d); !errors.Is(err, aries.ErrAddress) {
		t.Errorf("got %+v, %v, want %v", got, err, aries.ErrAddress)
	}
}

// Aries was not written for documents by an enemy.
func TestResolveSurvivesAPanic(t *testing.T) {
	d, err := did.KeyDID([]byte(ed25519JWK))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := aries.NewPanickingResolver().Resolve(t.Context(), d); !errors.Is(err, aries.ErrResolve) {
		t.Errorf("got %+v, %v, want %v", got, err, aries.ErrResolve)
	}
}

func FuzzReadDocument(f *testing.F) {
	const d = did.DID("did:web:shop.example")
	for _, text := range []string{
		`{"@context":["https://www.w3.org/ns/did/v1"],"id":"DID","verificationMethod":[{"id":"#k","type":"JsonWebKey","controller":"DID","publicKeyJwk":` + ed25519JWK + `}],"assertionMethod":["#k"]}`,
		`{"@context":["https://w3id.org/did/v0.11"],"id":"DID","publicKey":[{"id":"DID#k","type":"Ed25519VerificationKey2018","owner":"DID","publicKeyBase58":"H3C2AVvLMv6gmMNam3uVAjZpfkcJCwDwnZn6z3wXmqPV"}],"authentication":[{"publicKey":"DID#k"}]}`,
		`{"@context":["https://www.w3.org/ns/did/v1"],"id":"DID","keyAgreement":[{"id":"DID#k","type":"Multikey","controller":"DID","publicKeyMultibase":"zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169"}]}`,
	} {
		f.Add([]byte(strings.ReplaceAll(text, "DID", string(d))))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := aries.ReadDocument(body, d)
		if err != nil {
			return
		}
		if doc.ID != d {
			t.Fatalf("got a document about %s", doc.ID)
		}
		for _, m := range doc.Methods {
			if !strings.HasPrefix(m.ID, string(d)+"#") {
				t.Errorf("got a key of %s", m.ID)
			}
		}
	})
}
