package oid4vp_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
)

func FuzzParseLink(f *testing.F) {
	f.Add("openid4vp://?client_id=" + hashID + "&request_uri=https%3A%2F%2Fketting.example%2Fr&request_uri_method=post")
	f.Add("haip-vp://?client_id=x509_san_dns%3Aketting.example&request_uri=https%3A%2F%2Fketting.example%2Fr")
	f.Fuzz(func(t *testing.T, uri string) {
		l, err := oid4vp.ParseLink(uri)
		if err != nil {
			return
		}
		again, err := l.URI()
		if err != nil {
			t.Fatalf("writing what was read: %v", err)
		}
		if got, err := oid4vp.ParseLink(again); err != nil || got != l {
			t.Fatalf("got %+v, %v, want %+v", got, err, l)
		}
	})
}

func FuzzParseRequestPost(f *testing.F) {
	f.Add([]byte(url.Values{"wallet_metadata": {`{"vp_formats_supported":{"dc+sd-jwt":{}},"transaction_data_types_supported":["a"]}`}, "wallet_nonce": {"b"}}.Encode()))
	f.Add([]byte(url.Values{"vp_formats_supported": {`{}`}, "client_id_prefixes_supported": {`["x509_hash"]`}}.Encode()))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := oid4vp.ParseRequestPost(b)
		if err != nil {
			return
		}
		form, err := p.Form()
		if err != nil {
			t.Fatalf("writing what was read: %v", err)
		}
		if again, err := oid4vp.ParseRequestPost([]byte(form.Encode())); err == nil && again.Nonce != p.Nonce {
			t.Fatal("the nonce changed")
		}
	})
}

// FuzzVerifyRequest signs what the fuzzer makes, with the client id of this run in it, so that everything behind the
// signature is reached.
func FuzzVerifyRequest(f *testing.F) {
	s := newShop(f)
	j, err := jose.Parse(s.sign(f, s.request()))
	if err != nil {
		f.Fatal(err)
	}
	id := string(oid4vp.HashClientID(s.chain))
	f.Add(strings.ReplaceAll(string(j.Payload), id, "CLIENT_ID"))
	f.Add(`{"client_id":"CLIENT_ID","aud":["https://self-issued.me/v2"],"response_type":"vp_token"}`)
	f.Fuzz(func(t *testing.T, text string) {
		payload := []byte(strings.ReplaceAll(text, "CLIENT_ID", id))
		token, err := jose.Sign(s.key, jose.Header{Type: "oauth-authz-req+jwt", X5C: s.chain.DER()}, payload)
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.policy().Verify(token)
		if err != nil {
			if v != nil {
				v.Refuse(&oid4vp.Error{Code: oid4vp.InvalidRequest})
			}
			return
		}
		if v.ClientID != s.policy().ClientID || v.Nonce == "" || len(v.Query) == 0 {
			t.Fatalf("accepted %+v", v.Request)
		}
		if _, err := v.Form(oid4vp.TextToken("card", "eyJ")); err != nil {
			t.Fatalf("an accepted request cannot be answered: %v", err)
		}
	})
}

func FuzzVerifyToken(f *testing.F) {
	s := newShop(f)
	f.Add(s.sign(f, s.request()))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if v, err := s.policy().Verify(token); err == nil && v.Chain == nil {
			t.Fatal("accepted without a certificate")
		}
	})
}

func FuzzParseTransactionData(f *testing.F) {
	f.Add(order())
	f.Add("e30")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := oid4vp.ParseTransactionData(s)
		if err != nil {
			return
		}
		if jose.EncodeSegment(d.Payload) != s {
			t.Fatal("one transaction has two texts")
		}
	})
}

func FuzzParseResponse(f *testing.F) {
	r, _, e := encrypted(f)
	form, err := r.Form(oid4vp.TextToken("card", "eyJ"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(form.Encode()))
	f.Add([]byte(url.Values{"vp_token": {`{"card":["eyJ"]}`}, "state": {state}}.Encode()))
	f.Add([]byte("error=access_denied&state=" + state))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, expected := range []oid4vp.Expected{plain, e} {
			got, err := expected.Parse(b)
			if err == nil && (got.Refusal == nil) == (got.Token == nil) {
				t.Fatal("not exactly one of a token and a refusal")
			}
		}
	})
}

func FuzzParseResponseAnswer(f *testing.F) {
	f.Add([]byte(`{"redirect_uri":"https://ketting.example/cb","kindpakket":{"state":"paid"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := oid4vp.ParseResponseAnswer(b)
		if err != nil {
			return
		}
		out, err := json.Marshal(a)
		if err != nil {
			t.Fatalf("writing what was read: %v", err)
		}
		again, err := oid4vp.ParseResponseAnswer(out)
		if err != nil || again.RedirectURI != a.RedirectURI || (again.Kindpakket == nil) != (a.Kindpakket == nil) {
			t.Fatalf("got %+v, %v, want %+v", again, err, a)
		}
	})
}
