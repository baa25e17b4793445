package oid4vci_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"kindpakket/credential/oid4vci"
)

// again checks that what was accepted is written and read back as the same value.
func again[T any](t *testing.T, v *T, parse func([]byte) (*T, error)) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("writing what was read: %v", err)
	}
	got, err := parse(b)
	if err != nil {
		t.Fatalf("reading what was written: %v\n%s", err, b)
	}
	if !reflect.DeepEqual(got, v) {
		t.Fatalf("got %+v, want %+v", got, v)
	}
}

func FuzzParseOfferURI(f *testing.F) {
	o := letter()
	uri, err := o.URI()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uri)
	f.Add("openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fzuidhorn.example%2Foffers%2F1")
	f.Fuzz(func(t *testing.T, uri string) {
		o, ref, err := oid4vci.ParseOfferURI(uri)
		if err != nil {
			return
		}
		if (o == nil) == (ref == "") {
			t.Fatal("not exactly one of offer and reference")
		}
		if o != nil {
			if _, err := o.URI(); err != nil {
				t.Fatalf("writing what was read: %v", err)
			}
		}
	})
}

func FuzzParseIssuerMetadata(f *testing.F) {
	b, err := json.Marshal(ours())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(read(f, "credential_issuer_metadata_sd_jwt_long.json"))
	f.Add([]byte(`{"credential_issuer":"https://zuidhorn.example","credential_endpoint":"https://a.example","credential_configurations_supported":{"x":{"format":"mso_mdoc"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := oid4vci.ParseIssuerMetadata(b, issuer)
		if err != nil {
			return
		}
		for id := range m.Configurations {
			if c, err := m.Configuration(id); err == nil && c.VCT == "" {
				t.Fatal("a verified configuration has no type")
			}
		}
		if _, err := json.Marshal(m); err != nil {
			t.Fatalf("writing what was read: %v", err)
		}
	})
}

func FuzzParseServerMetadata(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://zuidhorn.example","token_endpoint":"https://zuidhorn.example/token"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := oid4vci.ParseServerMetadata(b, issuer); err == nil && m.Verify() != nil {
			t.Fatal("parsed metadata does not verify")
		}
	})
}

func FuzzParseTokenRequest(f *testing.F) {
	f.Add([]byte(`grant_type=urn:ietf:params:oauth:grant-type:pre-authorized_code&pre-authorized_code=SplxlOBeZQQYbYS6WxSbIA&tx_code=493536`))
	f.Add([]byte(`grant_type=authorization_code&code=a&code_verifier=b&authorization_details=%5B%7B%22type%22%3A%22x%22%7D%5D`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := oid4vci.ParseTokenRequest(b)
		if err != nil {
			return
		}
		form, err := r.Form()
		if err != nil {
			t.Fatal(err)
		}
		got, err := oid4vci.ParseTokenRequest([]byte(form.Encode()))
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("got %+v, %v, want %+v", got, err, r)
		}
	})
}

func FuzzParseAnswers(f *testing.F) {
	f.Add([]byte(`{"access_token":"a","token_type":"Bearer","expires_in":300}`))
	f.Add([]byte(`{"c_nonce":"wKI4LT17ac15ES9bw8ac4"}`))
	f.Add([]byte(`{"error":"invalid_nonce","error_description":"x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := oid4vci.ParseTokenResponse(b); err == nil {
			again(t, r, oid4vci.ParseTokenResponse)
		}
		if r, err := oid4vci.ParseNonceResponse(b); err == nil {
			again(t, r, oid4vci.ParseNonceResponse)
		}
		if e, err := oid4vci.ParseError(b); err == nil {
			again(t, e, oid4vci.ParseError)
		}
	})
}

func FuzzParseCredentialRequest(f *testing.F) {
	f.Add([]byte(`{"credential_configuration_id":"kindpakket","proofs":{"jwt":["a.b.c"]}}`))
	f.Add([]byte(`{"credential_identifier":"x","proofs":{"attestation":["a"]},"kindpakket":{"purse":1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := oid4vci.ParseCredentialRequest(b)
		if err != nil {
			return
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatalf("writing what was read: %v", err)
		}
	})
}

func FuzzParseCredentialResponse(f *testing.F) {
	f.Add([]byte(`{"credentials":[{"credential":"eyJ~"}],"notification_id":"x"}`))
	f.Add([]byte(`{"transaction_id":"8xLOxBtZp8","interval":3600}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := oid4vci.ParseCredentialResponse(b, 4); err == nil && len(r.Credentials) > 4 {
			t.Fatal("more credentials than keys")
		}
	})
}

func FuzzVerifyProof(f *testing.F) {
	f.Add(prove(f, newKey(f), nil))
	f.Add(string(read(f, "proof.jwt")))
	f.Fuzz(func(t *testing.T, token string) {
		holders, err := policy(nonces{"n-1": true}).Verify(jwts(token))
		if err == nil && (len(holders) != 1 || holders[0].Key.IsZero()) {
			t.Fatal("accepted without a key")
		}
	})
}
