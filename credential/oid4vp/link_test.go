package oid4vp_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"kindpakket/credential/oid4vp"
)

const hashID = "x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk"

func TestLinkBothEnds(t *testing.T) {
	for _, id := range []oid4vp.ClientID{hashID, "x509_san_dns:client.example.org", "x509_san_dns:localhost", "decentralized_identifier:did:web:ketting.example%3A8443:a"} {
		for _, method := range []string{"", oid4vp.MethodGet, oid4vp.MethodPost} {
			want := oid4vp.Link{ClientID: id, RequestURI: "https://ketting.example/requests/1?x=1&y=%26", Method: method}
			uri, err := want.URI()
			if err != nil || !strings.HasPrefix(uri, "openid4vp://?") {
				t.Fatalf("got %q, %v", uri, err)
			}
			if got, err := oid4vp.ParseLink(uri); err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
			for _, other := range []string{"haip-vp://?", "https://wallet.example/present?"} {
				if got, err := oid4vp.ParseLink(other + strings.TrimPrefix(uri, "openid4vp://?") + "&unknown=1&unknown=2"); err != nil || got != want {
					t.Errorf("%s: got %+v, %v", other, got, err)
				}
			}
		}
	}
	if l, err := oid4vp.ParseLink("openid4vp://?client_id=" + hashID + "&request_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fr"); err != nil || l.RequestURI != "http://127.0.0.1:8080/r" {
		t.Errorf("on this machine: got %+v, %v", l, err)
	}
}

func TestLinkRefused(t *testing.T) {
	ref := "&request_uri=https%3A%2F%2Fketting.example%2Fr"
	for name, uri := range map[string]string{
		"no client_id":           "openid4vp://?" + ref[1:],
		"client_id twice":        "openid4vp://?client_id=" + hashID + "&client_id=" + hashID + ref,
		"request_uri twice":      "openid4vp://?client_id=" + hashID + ref + ref,
		"prefix redirect_uri":    "openid4vp://?client_id=redirect_uri%3Ahttps%3A%2F%2Fketting.example" + ref,
		"prefix origin":          "openid4vp://?client_id=origin%3Ahttps%3A%2F%2Fketting.example" + ref,
		"pre-registered":         "openid4vp://?client_id=ketting" + ref,
		"hash too short":         "openid4vp://?client_id=x509_hash%3Aabc" + ref,
		"an address as DNS name": "openid4vp://?client_id=x509_san_dns%3A127.0.0.1" + ref,
		"a wildcard as DNS name": "openid4vp://?client_id=x509_san_dns%3A%2A.example" + ref,
		"a port in the DNS name": "openid4vp://?client_id=x509_san_dns%3Aketting.example%3A8443" + ref,
		"not a DID":              "openid4vp://?client_id=decentralized_identifier%3Aketting" + ref,
		"huge client_id":         "openid4vp://?client_id=decentralized_identifier%3Adid%3Aweb%3A" + strings.Repeat("a", 2000) + ref,
		"request_uri by http":    "openid4vp://?client_id=" + hashID + "&request_uri=http%3A%2F%2Fketting.example",
		"request_uri is a file":  "openid4vp://?client_id=" + hashID + "&request_uri=file%3A%2F%2F%2Fetc%2Fpasswd",
		"request by value":       "openid4vp://?client_id=" + hashID + "&request=a.b.c",
		"value and reference":    "openid4vp://?client_id=" + hashID + "&request=a.b.c" + ref,
		"method in capitals":     "openid4vp://?client_id=" + hashID + ref + "&request_uri_method=POST",
		"method empty":           "openid4vp://?client_id=" + hashID + ref + "&request_uri_method=",
		"another scheme":         "javascript://?client_id=" + hashID + ref,
		"a credential offer":     "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fketting.example",
		"not a query":            "openid4vp://?%zz",
		"not a URI":              "://",
		"huge":                   "openid4vp://?client_id=" + hashID + ref + "&x=" + strings.Repeat("a", oid4vp.MaxLink),
	} {
		if l, err := oid4vp.ParseLink(uri); err == nil {
			t.Errorf("%s: got %+v", name, l)
		}
	}
	unsigned := "openid4vp://?client_id=" + hashID + "&response_type=vp_token&response_mode=direct_post&response_uri=https%3A%2F%2Fevil.example&nonce=abc&dcql_query=%7B%7D"
	if _, err := oid4vp.ParseLink(unsigned); !errors.Is(err, oid4vp.ErrUnsigned) {
		t.Errorf("unsigned request: got %v, want %v", err, oid4vp.ErrUnsigned)
	}
	if _, err := oid4vp.ParseLink("openid4vp://?client_id=" + hashID + ref + "&request_uri_method=put"); !errors.Is(err, oid4vp.InvalidRequestURIMethod) {
		t.Errorf("method put: got %v", err)
	}
	for _, bad := range []oid4vp.Link{
		{ClientID: "ketting", RequestURI: "https://ketting.example"}, {ClientID: hashID, RequestURI: "http://ketting.example"},
		{ClientID: hashID, RequestURI: "https://ketting.example", Method: "put"}, {},
	} {
		if uri, err := bad.URI(); err == nil {
			t.Errorf("%+v: written as %q", bad, uri)
		}
	}
}

func TestRequestPostBothEnds(t *testing.T) {
	want := oid4vp.RequestPost{Nonce: "qPmxiNFCR3QTm19POc8u", Metadata: &oid4vp.WalletMetadata{
		VPFormats: oid4vp.Formats(), ClientIDPrefixes: []string{"x509_hash"}, TransactionDataTypes: []string{orderType},
		EncryptionAlgs: []string{"ECDH-ES"}, EncryptionEncs: []string{"A128GCM", "A256GCM"},
	}}
	form, err := want.Form()
	if err != nil {
		t.Fatal(err)
	}
	got, err := oid4vp.ParseRequestPost([]byte(form.Encode()))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if !got.Metadata.Understands(orderType) || got.Metadata.Understands("urn:other") {
		t.Error("the wrong types of transaction data are understood")
	}
	if !got.Metadata.Reads("dc+sd-jwt") || got.Metadata.Reads("mso_mdoc") {
		t.Error("the wrong formats are read")
	}
	// A wallet that says nothing understands no transaction data, and may know any format.
	got, err = oid4vp.ParseRequestPost(nil)
	if err != nil || got.Metadata != nil || got.Metadata.Understands(orderType) || !got.Metadata.Reads("mso_mdoc") {
		t.Errorf("nothing: got %+v, %v", got, err)
	}
}

func TestRequestPostOfLooseFields(t *testing.T) {
	form := url.Values{
		"vp_formats_supported":                  {`{"dc+sd-jwt":{"sd-jwt_alg_values":["ES256"]}}`},
		"client_id_prefixes_supported":          {`["x509_hash","x509_san_dns"]`},
		"transaction_data_types_supported":      {`["` + orderType + `"]`},
		"presentation_definition_uri_supported": {"false"},
	}
	got, err := oid4vp.ParseRequestPost([]byte(form.Encode()))
	if err != nil || !got.Metadata.Understands(orderType) || !got.Metadata.Reads("dc+sd-jwt") || len(got.Metadata.ClientIDPrefixes) != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	// One wallet_metadata is what the standard knows: it wins whole.
	form.Set("wallet_metadata", `{"vp_formats_supported":{}}`)
	if got, err := oid4vp.ParseRequestPost([]byte(form.Encode())); err != nil || got.Metadata.Understands(orderType) {
		t.Errorf("loose fields beside wallet_metadata: got %+v, %v", got.Metadata, err)
	}
}

func TestRequestPostRefused(t *testing.T) {
	for name, body := range map[string]string{
		"metadata is no JSON":     "wallet_metadata=x",
		"metadata is an array":    "wallet_metadata=%5B%5D",
		"metadata twice":          "wallet_metadata=%7B%7D&wallet_metadata=%7B%7D",
		"a member named twice":    "wallet_metadata=" + url.QueryEscape(`{"jwks":{},"jwks":{}}`),
		"a member of wrong type":  "wallet_metadata=" + url.QueryEscape(`{"transaction_data_types_supported":"urn:kindpakket:order:1"}`),
		"nonce twice":             "wallet_nonce=a&wallet_nonce=b",
		"huge nonce":              "wallet_nonce=" + strings.Repeat("a", 1025),
		"loose field is no JSON":  "vp_formats_supported=dc%2Bsd-jwt",
		"loose field breaks out":  "vp_formats_supported=" + url.QueryEscape(`{},"jwks":{}`),
		"loose field comes twice": "vp_formats_supported=%7B%7D&vp_formats_supported=%7B%7D",
		"not a form":              "%zz",
		"huge":                    "x=" + strings.Repeat("a", oid4vp.MaxPost),
	} {
		if got, err := oid4vp.ParseRequestPost([]byte(body)); !errors.Is(err, oid4vp.InvalidRequest) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestTransactionDataHashIsOverTheText(t *testing.T) {
	// SHA-256 of "e30", not of what it decodes to.
	sum := oid4vp.TransactionDataHash("e30")
	b, err := json.Marshal(sum[:])
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), `"vquYe++cAN/DAbSQ3bRTIVF+fWprs9MdJZiYt9Rjk9g="`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	d, err := oid4vp.ParseTransactionData(order())
	if err != nil || d.Hash() != oid4vp.TransactionDataHash(order()) || d.CredentialIDs[0] != "card" {
		t.Errorf("got %+v, %v", d, err)
	}
	for name, bad := range map[string]string{
		"huge":             segment(`{"type":"a","credential_ids":["card"],"x":"` + strings.Repeat("a", oid4vp.MaxTransactionData) + `"}`),
		"standard base64":  "eyJ0eXBlIjoi/+8",
		"named twice":      segment(`{"type":"a","type":"b","credential_ids":["card"]}`),
		"type in capitals": segment(`{"TYPE":"a","credential_ids":["card"]}`),
		"ids are text":     segment(`{"type":"a","credential_ids":"card"}`),
		"an array":         segment(`[]`),
	} {
		if _, err := oid4vp.ParseTransactionData(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
