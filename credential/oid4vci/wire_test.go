package oid4vci_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"kindpakket/credential/oid4vci"
)

func letter() oid4vci.Offer {
	return oid4vci.Offer{
		Issuer: issuer, Configurations: []string{"kindpakket"},
		Grants: oid4vci.Grants{PreAuthorized: &oid4vci.PreAuthorizedGrant{
			Code: "oaKazRN8I0IbtZ0C7JuMn5", TxCode: &oid4vci.TxCode{InputMode: "numeric", Length: 8, Description: "De code in uw brief"},
		}},
	}
}

func ExampleParseOfferURI() {
	offer := oid4vci.Offer{
		Issuer: "https://zuidhorn.example", Configurations: []string{"kindpakket"},
		Grants: oid4vci.Grants{PreAuthorized: &oid4vci.PreAuthorizedGrant{Code: "oaKazRN8I0IbtZ0C7JuMn5", TxCode: &oid4vci.TxCode{Length: 8}}},
	}
	uri, err := offer.URI() // on the letter
	if err != nil {
		fmt.Println(err)
		return
	}
	got, _, err := oid4vci.ParseOfferURI(uri) // in the wallet
	if err != nil {
		fmt.Println(err)
		return
	}
	grant := got.Grants.PreAuthorized
	fmt.Println(got.Issuer, got.Configurations, grant.TxCode.Length, grant.Code)
	// Output: https://zuidhorn.example [kindpakket] 8 [redacted]
}

func TestOfferBothEnds(t *testing.T) {
	want := letter()
	uri, err := want.URI()
	if err != nil {
		t.Fatal(err)
	}
	got, ref, err := oid4vci.ParseOfferURI(uri)
	if err != nil || ref != "" || !reflect.DeepEqual(*got, want) {
		t.Errorf("by value: got %+v, %q, %v", got, ref, err)
	}
	uri, err = oid4vci.OfferReferenceURI(issuer + "/offers/1?lang=nl&x=%26")
	if err != nil {
		t.Fatal(err)
	}
	got, ref, err = oid4vci.ParseOfferURI(uri)
	if err != nil || got != nil || ref != issuer+"/offers/1?lang=nl&x=%26" {
		t.Errorf("by reference: got %+v, %q, %v", got, ref, err)
	}
	if _, err := oid4vci.OfferReferenceURI("http://zuidhorn.example/offers/1"); err == nil {
		t.Error("an offer to be fetched by http is written")
	}
	if _, err := (&oid4vci.Offer{Issuer: issuer}).URI(); err == nil {
		t.Error("an offer of nothing is written")
	}
	// OpenID4VCI 1.0, Section 4.1.1: a tx_code that is present is asked for, even if it is empty.
	want.Grants.PreAuthorized.TxCode = &oid4vci.TxCode{}
	b, err := json.Marshal(want)
	if err != nil || !strings.Contains(string(b), `"tx_code":{}`) {
		t.Errorf("an empty tx_code: got %s, %v", b, err)
	}
	none := oid4vci.Offer{Issuer: issuer, Configurations: []string{"a"}}
	if b, err := json.Marshal(none); err != nil || strings.Contains(string(b), "grants") {
		t.Errorf("an offer without grants: got %s, %v", b, err)
	}
}

func TestOffersOfTheStandard(t *testing.T) {
	o, err := oid4vci.ParseOffer(read(t, "credential_offer_multiple_credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	if g := o.Grants.PreAuthorized; string(g.Code) != "oaKazRN8I0IbtZ0C7JuMn5" || g.TxCode.Length != 4 || g.TxCode.InputMode != "numeric" {
		t.Errorf("got %+v", g)
	}
	o, err = oid4vci.ParseOffer(read(t, "credential_offer_by_reference.json"))
	if err != nil || o.Grants.PreAuthorized.TxCode == nil {
		t.Errorf("an empty tx_code is lost: %+v, %v", o, err)
	}
	// Section 4.1.2, the example for a QR code, without its line breaks.
	uri := `openid-credential-offer://?credential_offer=%7B%22credential_issuer%22:%22https://credential-issuer.example.com%22,%22credential_configuration_ids%22:%5B%22org.iso.18013.5.1.mDL%22%5D,%22grants%22:%7B%22urn:ietf:params:oauth:grant-type:pre-authorized_code%22:%7B%22pre-authorized_code%22:%22oaKazRN8I0IbtZ0C7JuMn5%22,%22tx_code%22:%7B%22input_mode%22:%22text%22,%22description%22:%22Please%20enter%20the%20serial%20number%20of%20your%20physical%20drivers%20license%22%7D%7D%7D%7D`
	if o, _, err := oid4vci.ParseOfferURI(uri); err != nil || o.Grants.PreAuthorized.TxCode.InputMode != "text" {
		t.Errorf("got %+v, %v", o, err)
	}
	login := `{"credential_issuer":"https://credential-issuer.example.com","credential_configuration_ids":["a"],"grants":{"authorization_code":{"issuer_state":"eyJ"}},"unknown":1}`
	if o, err := oid4vci.ParseOffer([]byte(login)); err != nil || o.Grants.AuthorizationCode.IssuerState != "eyJ" || o.Grants.PreAuthorized != nil {
		t.Errorf("authorization code: got %+v, %v", o, err)
	}
}

func TestOfferURIRefused(t *testing.T) {
	o := letter()
	good, err := o.URI()
	if err != nil {
		t.Fatal(err)
	}
	value := strings.TrimPrefix(good, "openid-credential-offer://?")
	for name, uri := range map[string]string{
		"neither":              "openid-credential-offer://",
		"both":                 good + "&credential_offer_uri=https%3A%2F%2Fevil.example",
		"value twice":          good + "&" + value,
		"reference twice":      "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fa.example&credential_offer_uri=https%3A%2F%2Fb.example",
		"reference by http":    "openid-credential-offer://?credential_offer_uri=http%3A%2F%2Fevil.example",
		"reference to a file":  "openid-credential-offer://?credential_offer_uri=file%3A%2F%2F%2Fetc%2Fpasswd",
		"another scheme":       "javascript://?" + value,
		"http":                 "http://evil.example/?" + value,
		"huge":                 good + strings.Repeat("a", 4*oid4vci.MaxOffer),
		"not a URI":            "openid-credential-offer://%zz?" + value,
		"not a query":          "openid-credential-offer://?credential_offer=%zz",
		"a presentation":       "openid4vp://?client_id=x&request_uri=https%3A%2F%2Fa.example",
		"value is a reference": "openid-credential-offer://?credential_offer=https%3A%2F%2Fa.example",
	} {
		if o, ref, err := oid4vci.ParseOfferURI(uri); err == nil {
			t.Errorf("%s: got %+v, %q", name, o, ref)
		}
	}
	for _, scheme := range []string{"haip-vci://", "https://wallet.example/offer"} {
		if _, _, err := oid4vci.ParseOfferURI(scheme + "?" + value); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestOfferRefused(t *testing.T) {
	for name, change := range map[string]func(*oid4vci.Offer){
		"issuer by http":     func(o *oid4vci.Offer) { o.Issuer = "http://evil.example" },
		"no issuer":          func(o *oid4vci.Offer) { o.Issuer = "" },
		"nothing offered":    func(o *oid4vci.Offer) { o.Configurations = nil },
		"the same twice":     func(o *oid4vci.Offer) { o.Configurations = []string{"a", "a"} },
		"an empty id":        func(o *oid4vci.Offer) { o.Configurations = []string{""} },
		"no code":            func(o *oid4vci.Offer) { o.Grants.PreAuthorized.Code = "" },
		"unknown input mode": func(o *oid4vci.Offer) { o.Grants.PreAuthorized.TxCode.InputMode = "voice" },
		"negative length":    func(o *oid4vci.Offer) { o.Grants.PreAuthorized.TxCode.Length = -1 },
		"absurd length":      func(o *oid4vci.Offer) { o.Grants.PreAuthorized.TxCode.Length = 1 << 30 },
		"long description":   func(o *oid4vci.Offer) { o.Grants.PreAuthorized.TxCode.Description = strings.Repeat("é", 301) },
		"more than MaxOffer": func(o *oid4vci.Offer) {
			o.Grants.PreAuthorized.Code = oid4vci.Secret(strings.Repeat("a", oid4vci.MaxOffer))
		},
		"issuer with a query":  func(o *oid4vci.Offer) { o.Issuer += "?x" },
		"issuer is JavaScript": func(o *oid4vci.Offer) { o.Issuer = "javascript:alert(1)" },
	} {
		o := letter()
		change(&o)
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := oid4vci.ParseOffer(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	long := letter()
	long.Grants.PreAuthorized.TxCode.Description = strings.Repeat("é", 300)
	if err := long.Verify(); err != nil {
		t.Errorf("a description of 300 characters: %v", err)
	}
}

func TestTokenRequestBothEnds(t *testing.T) {
	want := oid4vci.TokenRequest{
		GrantType: oid4vci.GrantPreAuthorizedCode, PreAuthorizedCode: "SplxlOBeZQQYbYS6WxSbIA", TxCode: "04936535",
		AuthorizationDetails: []oid4vci.AuthorizationDetail{{Type: oid4vci.DetailType, ConfigurationID: "kindpakket"}},
	}
	form, err := want.Form()
	if err != nil {
		t.Fatal(err)
	}
	got, err := oid4vci.ParseTokenRequest([]byte(form.Encode()))
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	// The example of Section 6.1.1.
	example := `grant_type=urn:ietf:params:oauth:grant-type:pre-authorized_code&pre-authorized_code=SplxlOBeZQQYbYS6WxSbIA&tx_code=493536&authorization_details=%5B%7B%22type%22%3A%20%22openid_credential%22%2C%20%22credential_configuration_id%22%3A%20%22UniversityDegreeCredential%22%7D%5D`
	if got, err := oid4vci.ParseTokenRequest([]byte(example)); err != nil || got.AuthorizationDetails[0].ConfigurationID != "UniversityDegreeCredential" {
		t.Errorf("the standard's example: got %+v, %v", got, err)
	}
	// Some wallets send tx_code as user_pin too; parameters that we do not know are ignored, also twice.
	if _, err := oid4vci.ParseTokenRequest([]byte(form.Encode() + "&user_pin=04936535&x=1&x=2&client_assertion=a&scope=")); err != nil {
		t.Errorf("unknown parameters: %v", err)
	}
}

func TestTokenRequestRefused(t *testing.T) {
	pre := "grant_type=" + url.QueryEscape(oid4vci.GrantPreAuthorizedCode)
	for name, c := range map[string]struct {
		body string
		want oid4vci.Code
	}{
		"no grant type":                {"pre-authorized_code=a", oid4vci.InvalidRequest},
		"empty":                        {"", oid4vci.InvalidRequest},
		"another grant type":           {"grant_type=password&username=a&password=b", oid4vci.UnsupportedGrantType},
		"no code":                      {pre + "&tx_code=1", oid4vci.InvalidRequest},
		"empty code":                   {pre + "&pre-authorized_code=", oid4vci.InvalidRequest},
		"code twice":                   {pre + "&pre-authorized_code=a&pre-authorized_code=b", oid4vci.InvalidRequest},
		"tx_code twice":                {pre + "&pre-authorized_code=a&tx_code=1&tx_code=2", oid4vci.InvalidRequest},
		"grant type twice":             {pre + "&" + pre + "&pre-authorized_code=a", oid4vci.InvalidRequest},
		"tx_code of another grant":     {"grant_type=authorization_code&code=a&tx_code=1", oid4vci.InvalidRequest},
		"code of another grant":        {"grant_type=authorization_code&pre-authorized_code=a", oid4vci.InvalidRequest},
		"refresh without a token":      {"grant_type=refresh_token", oid4vci.InvalidRequest},
		"not a form":                   {"%zz", oid4vci.InvalidRequest},
		"JSON":                         {`{"grant_type":"` + oid4vci.GrantPreAuthorizedCode + `"}`, oid4vci.InvalidRequest},
		"details that are no JSON":     {pre + "&pre-authorized_code=a&authorization_details=x", oid4vci.InvalidRequest},
		"details that break out":       {pre + "&pre-authorized_code=a&authorization_details=" + url.QueryEscape(`[],"list":[{"type":"x"}]`), oid4vci.InvalidRequest},
		"details that are empty":       {pre + "&pre-authorized_code=a&authorization_details=%5B%5D", oid4vci.InvalidRequest},
		"details without a credential": {pre + "&pre-authorized_code=a&authorization_details=" + url.QueryEscape(`[{"type":"openid_credential"}]`), oid4vci.InvalidRequest},
		"huge":                         {pre + "&pre-authorized_code=" + strings.Repeat("a", oid4vci.MaxForm), oid4vci.InvalidRequest},
	} {
		_, err := oid4vci.ParseTokenRequest([]byte(c.body))
		var e *oid4vci.Error
		if !errors.As(err, &e) || e.Code != c.want {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestTxCodeMissingOrUnexpected(t *testing.T) {
	with, without := oid4vci.TokenRequest{TxCode: "1"}, oid4vci.TokenRequest{}
	if err := with.CheckTxCode(true); err != nil {
		t.Error(err)
	}
	if err := without.CheckTxCode(false); err != nil {
		t.Error(err)
	}
	if err := with.CheckTxCode(false); !errors.Is(err, oid4vci.InvalidRequest) {
		t.Errorf("a tx_code that is not expected: got %v", err)
	}
	if err := without.CheckTxCode(true); !errors.Is(err, oid4vci.InvalidRequest) {
		t.Errorf("a tx_code that is missing: got %v", err)
	}
}

func TestTokenResponseBothEnds(t *testing.T) {
	want := oid4vci.TokenResponse{AccessToken: "eyJ", TokenType: oid4vci.TokenBearer, ExpiresIn: 300}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := oid4vci.ParseTokenResponse(b); err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := oid4vci.ParseTokenResponse([]byte(`{"access_token":"a","token_type":"dpop","c_nonce":"x"}`)); err != nil || got.TokenType != oid4vci.TokenDPoP {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, bad := range map[string]string{
		"no token":                   `{"token_type":"Bearer"}`,
		"no type":                    `{"access_token":"a"}`,
		"unknown type":               `{"access_token":"a","token_type":"mac"}`,
		"token that breaks a header": `{"access_token":"a\r\nX: y","token_type":"Bearer"}`,
		"negative life":              `{"access_token":"a","token_type":"Bearer","expires_in":-1}`,
		"two tokens":                 `{"access_token":"a","access_token":"b","token_type":"Bearer"}`,
		"details of nothing":         `{"access_token":"a","token_type":"Bearer","authorization_details":[{"type":"openid_credential"}]}`,
		"huge":                       `{"access_token":"` + strings.Repeat("a", oid4vci.MaxAnswer) + `","token_type":"Bearer"}`,
	} {
		if _, err := oid4vci.ParseTokenResponse([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNonceResponse(t *testing.T) {
	b, err := json.Marshal(oid4vci.NonceResponse{Nonce: "wKI4LT17ac15ES9bw8ac4"})
	if err != nil || string(b) != `{"c_nonce":"wKI4LT17ac15ES9bw8ac4"}` {
		t.Fatalf("got %s, %v", b, err)
	}
	if got, err := oid4vci.ParseNonceResponse(b); err != nil || got.Nonce != "wKI4LT17ac15ES9bw8ac4" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{`{}`, `{"c_nonce":""}`, `{"c_nonce":1}`, `[]`, ``, `{"c_nonce":"a","c_nonce":"b"}`} {
		if _, err := oid4vci.ParseNonceResponse([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}

func TestErrorBothEnds(t *testing.T) {
	e := &oid4vci.Error{Code: oid4vci.InvalidNonce, Description: "fetch \"a\" new\nnonce\\", Cause: errors.New("secret detail")}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), `{"error":"invalid_nonce","error_description":"fetch  a  new nonce "}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	got, err := oid4vci.ParseError(b)
	if err != nil || !errors.Is(got, oid4vci.InvalidNonce) || errors.Is(got, oid4vci.InvalidProof) {
		t.Errorf("got %v, %v", got, err)
	}
	if !errors.Is(e, e.Cause) {
		t.Error("the cause is not found")
	}
	got, err = oid4vci.ParseError([]byte(`{"error":"x","error_description":"` + strings.Repeat("a", 5000) + `\u001b[31m"}`))
	if err != nil || len(got.Description) > 512 || strings.Contains(got.Description, "\x1b") {
		t.Errorf("a hostile description: got %d bytes, %v", len(got.Description), err)
	}
	for _, bad := range []string{`{}`, `{"error":1}`, `<html>`, `{"error":""}`} {
		if _, err := oid4vci.ParseError([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
	for code, want := range map[oid4vci.Code]int{
		oid4vci.InvalidGrant: 400, oid4vci.InvalidProof: 400, oid4vci.InvalidClient: 401, oid4vci.InvalidToken: 401, oid4vci.InsufficientScope: 403,
	} {
		if got := (&oid4vci.Error{Code: code}).Status(); got != want {
			t.Errorf("%s: got status %d, want %d", code, got, want)
		}
	}
}

func TestCredentialRequestBothEnds(t *testing.T) {
	want := oid4vci.CredentialRequest{
		ConfigurationID: "kindpakket", Proofs: jwts("a.b.c", "d.e.f"), Kindpakket: json.RawMessage(`{"purse":"AAAA"}`),
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := oid4vci.ParseCredentialRequest(b)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	other := `{"credential_identifier":"x","proofs":{"attestation":["a.b.c"]},"credential_response_encryption":{"jwk":{"kty":"EC"},"alg":"ECDH-ES","enc":"A128GCM"},"unknown":{}}`
	got, err = oid4vci.ParseCredentialRequest([]byte(other))
	if err != nil || got.Proofs.Type != "attestation" || len(got.Proofs.Raw) != 1 || got.ResponseEncryption.Enc != "A128GCM" {
		t.Errorf("got %+v, %v", got, err)
	}
	again, err := json.Marshal(got.Proofs)
	if err != nil || string(again) != `{"attestation":["a.b.c"]}` {
		t.Errorf("got %s, %v", again, err)
	}
	if _, err := json.Marshal(oid4vci.Proofs{}); err == nil {
		t.Error("proofs of nothing are written")
	}
}

func TestCredentialRequestRefused(t *testing.T) {
	var many []string
	for range oid4vci.MaxProofs + 1 {
		many = append(many, `"a"`)
	}
	for name, c := range map[string]struct {
		body string
		want oid4vci.Code
	}{
		"neither id":          {`{"proofs":{"jwt":["a"]}}`, oid4vci.InvalidCredentialRequest},
		"both ids":            {`{"credential_configuration_id":"a","credential_identifier":"b"}`, oid4vci.InvalidCredentialRequest},
		"id twice":            {`{"credential_configuration_id":"a","credential_configuration_id":"b"}`, oid4vci.InvalidCredentialRequest},
		"not JSON":            {`credential_configuration_id=a`, oid4vci.InvalidCredentialRequest},
		"an array":            {`[]`, oid4vci.InvalidCredentialRequest},
		"id is a number":      {`{"credential_configuration_id":1}`, oid4vci.InvalidCredentialRequest},
		"huge":                {`{"credential_configuration_id":"` + strings.Repeat("a", oid4vci.MaxRequest) + `"}`, oid4vci.InvalidCredentialRequest},
		"deep":                {`{"credential_configuration_id":"a","x":` + strings.Repeat(`{"x":`, 5000) + `1` + strings.Repeat(`}`, 5001), oid4vci.InvalidCredentialRequest},
		"proofs of two types": {`{"credential_configuration_id":"a","proofs":{"jwt":["a"],"attestation":["b"]}}`, oid4vci.InvalidProof},
		"proofs of no type":   {`{"credential_configuration_id":"a","proofs":{}}`, oid4vci.InvalidProof},
		"type without a name": {`{"credential_configuration_id":"a","proofs":{"":["a"]}}`, oid4vci.InvalidProof},
		"no proofs":           {`{"credential_configuration_id":"a","proofs":{"jwt":[]}}`, oid4vci.InvalidProof},
		"proofs is null":      {`{"credential_configuration_id":"a","proofs":null}`, oid4vci.InvalidProof},
		"proof is a number":   {`{"credential_configuration_id":"a","proofs":{"jwt":[1]}}`, oid4vci.InvalidProof},
		"proof is empty":      {`{"credential_configuration_id":"a","proofs":{"jwt":[""]}}`, oid4vci.InvalidProof},
		"too many proofs":     {`{"credential_configuration_id":"a","proofs":{"jwt":[` + strings.Join(many, ",") + `]}}`, oid4vci.InvalidProof},
	} {
		_, err := oid4vci.ParseCredentialRequest([]byte(c.body))
		var e *oid4vci.Error
		if !errors.As(err, &e) || e.Code != c.want {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	// A request in the shape of earlier drafts has no proofs at all, and so is answered as one without.
	r, err := oid4vci.ParseCredentialRequest([]byte(`{"credential_configuration_id":"a","proof":{"proof_type":"jwt","jwt":"a.b.c"}}`))
	if err != nil || r.Proofs != nil {
		t.Errorf("the member proof of a draft: got %+v, %v", r, err)
	}
}

func TestCredentialResponseBothEnds(t *testing.T) {
	want := oid4vci.CredentialResponse{
		Credentials: []oid4vci.Issued{oid4vci.IssuedText("eyJ~"), oid4vci.IssuedText("eyK~")}, NotificationID: "3fwe98js",
		Kindpakket: json.RawMessage(`{"answer":"AAAA"}`),
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := oid4vci.ParseCredentialResponse(b, 2)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if s, err := got.Credentials[1].Text(); err != nil || s != "eyK~" {
		t.Errorf("got %q, %v", s, err)
	}
	if _, err := oid4vci.ParseCredentialResponse(b, 3); err != nil {
		t.Errorf("fewer credentials than keys: %v", err)
	}
	if _, err := oid4vci.ParseCredentialResponse(b, 1); err == nil {
		t.Error("more credentials than keys: accepted")
	}
	object := `{"credentials":[{"credential":{"@context":[]}}]}`
	if got, err := oid4vci.ParseCredentialResponse([]byte(object), 1); err != nil {
		t.Errorf("a credential that is an object: %v", err)
	} else if _, err := got.Credentials[0].Text(); err == nil {
		t.Error("an object is read as text")
	}
	deferred := `{"transaction_id":"8xLOxBtZp8","interval":3600}`
	if got, err := oid4vci.ParseCredentialResponse([]byte(deferred), 1); err != nil || got.Interval != 3600 {
		t.Errorf("deferred: got %+v, %v", got, err)
	}
	for name, bad := range map[string]string{
		"nothing":                      `{}`,
		"no credentials":               `{"credentials":[]}`,
		"both":                         `{"credentials":[{"credential":"a"}],"transaction_id":"x","interval":1}`,
		"deferred without interval":    `{"transaction_id":"x"}`,
		"interval without transaction": `{"credentials":[{"credential":"a"}],"interval":1}`,
		"negative interval":            `{"credentials":[{"credential":"a"}],"interval":-1}`,
		"notification without one":     `{"transaction_id":"x","interval":1,"notification_id":"y"}`,
		"an empty entry":               `{"credentials":[{}]}`,
		"a null":                       `{"credentials":[{"credential":null}]}`,
		"named twice":                  `{"credentials":[{"credential":"a","credential":"b"}]}`,
	} {
		if _, err := oid4vci.ParseCredentialResponse([]byte(bad), 8); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	o := letter()
	r := oid4vci.TokenRequest{GrantType: oid4vci.GrantPreAuthorizedCode, PreAuthorizedCode: "oaKazRN8I0IbtZ0C7JuMn5", TxCode: "04936535"}
	a := oid4vci.TokenResponse{AccessToken: "eyJsecret", RefreshToken: "eyJsecret"}
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	log.Info("x", "code", o.Grants.PreAuthorized.Code, "request", r, "tx", r.TxCode, "offer", o, "grant", *o.Grants.PreAuthorized, "answer", a)
	text := slog.New(slog.NewTextHandler(&logged, nil))
	text.Info("x", "request", r, "answer", a, "code", o.Grants.PreAuthorized.Code)
	printed := fmt.Sprintf("%v %+v %#v %s %v %+v %#v %+v", r, r, r, r.TxCode, a, a, a, *o.Grants.PreAuthorized) + logged.String()
	for _, secret := range []string{"oaKazRN8I0IbtZ0C7JuMn5", "04936535", "eyJsecret"} {
		if strings.Contains(printed, secret) {
			t.Errorf("a secret is printed: %s", printed)
		}
	}
	if b, err := json.Marshal(r.TxCode); err != nil || string(b) != `"[redacted]"` {
		t.Errorf("got %s, %v", b, err)
	}
}
