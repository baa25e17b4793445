package oid4vp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/did"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
)

func TestRequestBothEnds(t *testing.T) {
	s := newShop(t)
	want := s.request()
	want.ResponseMode = oid4vp.DirectPostJWT
	want.Metadata = oid4vp.NewClientMetadata(newKey(t).Public(), "k-1")
	want.TransactionData = []string{order()}
	want.VerifierInfo = []json.RawMessage{json.RawMessage(`{"format":"jwt","data":"a.b.c"}`)}
	want.WalletNonce = "qPmxiNFCR3QTm19POc8u"
	p := s.policy()
	p.WalletNonce = want.WalletNonce
	got, err := p.Verify(s.sign(t, want))
	if err != nil {
		t.Fatal(err)
	}
	got.IssuedAt, got.ExpiresAt = got.IssuedAt.UTC(), got.ExpiresAt.UTC()
	if !reflect.DeepEqual(got.Request, want) {
		t.Errorf("got %+v, want %+v", got.Request, want)
	}
	if got.Chain.Leaf().Subject.CommonName != "Fietsenwinkel De Ketting" || got.Chain.Leaf().URIs[0].String() != "did:web:ketting.example" {
		t.Errorf("the certificate is another: %v", got.Chain.Leaf().Subject)
	}
	if len(got.Transactions) != 1 || got.Transactions[0].Type != orderType || got.Transactions[0].Text != order() {
		t.Errorf("transactions: got %+v", got.Transactions)
	}
	if hash := got.Transactions[0].Hash(); jose.EncodeSegment(hash[:]) != got.Nonce {
		t.Error("the nonce is not the hash of the order")
	}
	if ids, err := got.QueryIDs(); err != nil || !reflect.DeepEqual(ids, []string{"card"}) {
		t.Errorf("query ids: got %v, %v", ids, err)
	}
}

func TestRequestByDNSName(t *testing.T) {
	s := newShop(t)
	r := s.request()
	r.ClientID = oid4vp.DNSClientID("ketting.example")
	p := s.policy()
	p.ClientID = r.ClientID
	if _, err := p.Verify(s.sign(t, r)); err != nil {
		t.Error(err)
	}
	r.ResponseURI = "https://evil.example/responses/1"
	if _, err := r.SignX509(s.key, s.chain); err == nil {
		t.Error("a response URI at another host is signed")
	}
	c := s.claims(t)
	c["client_id"], c["response_uri"] = string(p.ClientID), "https://evil.example/responses/1"
	if v, err := p.Verify(s.forge(t, s.key, c)); err == nil || v != nil {
		t.Errorf("response URI at another host: got %v", err)
	}
	p.ClientID = "x509_san_dns:evil.example"
	c["client_id"], c["response_uri"] = "x509_san_dns:evil.example", "https://evil.example/responses/1"
	if v, err := p.Verify(s.forge(t, s.key, c)); err == nil || v != nil {
		t.Errorf("a name that is not in the certificate: got %v", err)
	}
}

func document(t testing.TB, d string, k jose.Key, relation string) *did.Document {
	t.Helper()
	doc, err := did.ParseDocument([]byte(fmt.Sprintf(
		`{"id":%q,"verificationMethod":[{"id":%q,"type":"JsonWebKey","controller":%q,"publicKeyJwk":%s}],%q:[%q]}`,
		d, d+"#1", d, k.JWK(), relation, d+"#1")), did.DID(d))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestRequestByDID(t *testing.T) {
	s := newShop(t)
	const me = "did:web:ketting.example"
	r := s.request()
	r.ClientID = oid4vp.DIDClientID(me)
	token, err := r.SignDID(s.key, me+"#1")
	if err != nil {
		t.Fatal(err)
	}
	p := oid4vp.Policy{ClientID: r.ClientID, Now: now}
	for _, relation := range []string{"authentication", "assertionMethod"} {
		p.Document = func(d did.DID) (*did.Document, error) { return document(t, string(d), s.key.Public(), relation), nil }
		if v, err := p.Verify(token); err != nil || v.DID != me {
			t.Errorf("%s: got %v", relation, err)
		}
	}
	for name, f := range map[string]func(did.DID) (*did.Document, error){
		"no resolver": nil,
		"not found":   func(did.DID) (*did.Document, error) { return nil, errors.New("not found") },
		"another key": func(d did.DID) (*did.Document, error) {
			return document(t, string(d), newKey(t).Public(), "authentication"), nil
		},
		"key to receive": func(d did.DID) (*did.Document, error) {
			return document(t, string(d), s.key.Public(), "keyAgreement"), nil
		},
		"another document": func(did.DID) (*did.Document, error) {
			return document(t, "did:web:evil.example", s.key.Public(), "authentication"), nil
		},
	} {
		p.Document = f
		if v, err := p.Verify(token); err == nil || v != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
	p.Document = func(d did.DID) (*did.Document, error) {
		return document(t, string(d), s.key.Public(), "authentication"), nil
	}
	c := s.claims(t)
	c["client_id"] = string(r.ClientID)
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, kid := range []string{"", "#1", "1", me, me + "#2", "did:web:evil.example#1", me + "/../evil#1", me + "?x=1#1", "../../1"} {
		if _, err := r.SignDID(s.key, kid); err == nil && kid != me+"#2" {
			t.Errorf("kid %q: signed", kid)
		}
		token := raw(t, s.key, jose.Header{Type: "oauth-authz-req+jwt", KeyID: kid}, string(payload))
		if v, err := p.Verify(token); err == nil || v != nil {
			t.Errorf("kid %q: got %v", kid, err)
		}
	}
	if _, err := r.SignX509(s.key, s.chain); err == nil {
		t.Error("a DID client id is signed with a certificate")
	}
	hashed := s.request()
	if _, err := hashed.SignDID(s.key, me+"#1"); err == nil {
		t.Error("a certificate's client id is signed with a DID key")
	}
}

// Nothing is known about who made these requests: nobody may be answered.
func TestRequestNotAuthentic(t *testing.T) {
	s, other := newShop(t), newShop(t)
	neighbour := s.neighbour(t)
	good := s.sign(t, s.request())
	parts := strings.Split(good, ".")
	payload := func(change func(map[string]any)) string {
		c := s.claims(t)
		change(c)
		return s.forge(t, s.key, c)
	}
	set := func(name string, value any) string { return payload(func(c map[string]any) { c[name] = value }) }
	unset := func(name string) string { return payload(func(c map[string]any) { delete(c, name) }) }
	header := func(h jose.Header) string {
		b, err := json.Marshal(s.claims(t))
		if err != nil {
			t.Fatal(err)
		}
		return raw(t, s.key, h, string(b))
	}
	j, err := jose.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	twice := strings.Replace(string(j.Payload), `"nonce"`, `"nonce":"x","nonce"`, 1)

	selfSigned := sign(t, leaf(), nil, s.key.ECDSA(), s.key.ECDSA())
	self := s
	self.chain = jose.Chain{selfSigned}
	selfClaims := s.claims(t)
	selfClaims["client_id"] = string(oid4vp.HashClientID(self.chain))

	withAnchor := s
	withAnchor.chain = jose.Chain{s.chain[0], s.anchor}

	for name, token := range map[string]string{
		"client_id is not the link's":      neighbour.sign(t, neighbour.request()),
		"anchor is not the wallet's":       other.sign(t, other.request()),
		"client_id without prefix":         set("client_id", "ketting.example"),
		"client_id missing":                unset("client_id"),
		"signature of another key":         s.forge(t, other.key, s.claims(t)),
		"signature of another request":     parts[0] + "." + parts[1] + "." + strings.Split(set("nonce", "n-0S6_WzA2Mj"), ".")[2],
		"payload exchanged":                parts[0] + "." + segment(string(j.Payload)+" ") + "." + parts[2],
		"certificate of another shop":      neighbour.forge(t, neighbour.key, s.claims(t)),
		"no certificate":                   header(jose.Header{Type: "oauth-authz-req+jwt"}),
		"jwk in the header":                header(jose.Header{Type: "oauth-authz-req+jwt", JWK: s.key.Public()}),
		"certificate is garbage":           header(jose.Header{Type: "oauth-authz-req+jwt", X5C: [][]byte{[]byte("x")}}),
		"anchor in the header":             withAnchor.forge(t, s.key, s.claims(t)),
		"wrong typ":                        header(jose.Header{Type: "JWT", X5C: s.chain.DER()}),
		"no typ":                           header(jose.Header{X5C: s.chain.DER()}),
		"alg none":                         segment(`{"alg":"none","typ":"oauth-authz-req+jwt"}`) + "." + parts[1] + ".",
		"unsigned, as JSON":                string(j.Payload),
		"wrong aud":                        set("aud", "https://evil.example"),
		"no aud":                           unset("aud"),
		"two auds":                         set("aud", []string{oid4vp.Audience, "https://evil.example"}),
		"response_type code":               set("response_type", "code"),
		"response_type missing":            unset("response_type"),
		"redirect_uri beside response_uri": set("redirect_uri", "https://ketting.example/cb"),
		"request_uri inside":               set("request_uri", "https://evil.example/r"),
		"request inside":                   set("request", good),
		"expired":                          set("exp", now.Add(-oid4vp.ClockSkew).Unix()),
		"exp is text":                      set("exp", "tomorrow"),
		"exp is negative":                  set("exp", -1),
		"of the future":                    set("iat", now.Add(oid4vp.ClockSkew+time.Second).Unix()),
		"not before the future":            set("nbf", now.Add(oid4vp.ClockSkew+time.Second).Unix()),
		"old and without exp": payload(func(c map[string]any) {
			delete(c, "exp")
			c["iat"] = now.Add(-oid4vp.RequestLife - oid4vp.ClockSkew - time.Second).Unix()
		}),
		"a member named twice":               raw(t, s.key, jose.Header{Type: "oauth-authz-req+jwt", X5C: s.chain.DER()}, twice),
		"response_uri by http":               set("response_uri", "http://ketting.example/r"),
		"response_uri is a script":           set("response_uri", "javascript:alert(1)"),
		"response_uri missing":               unset("response_uri"),
		"response_uri with a password":       set("response_uri", "https://a:b@ketting.example/r"),
		"state that is not URL safe":         set("state", "a b"),
		"transaction_data of another type":   set("transaction_data", "x"),
		"client_metadata with a private key": set("client_metadata", map[string]any{"jwks": map[string]any{"keys": []any{map[string]any{"kty": "EC", "d": "x"}}}}),
		"huge":                               set("state", strings.Repeat("a", oid4vp.MaxRequest)),
		"empty":                              "",
	} {
		t.Run(name, func(t *testing.T) {
			v, err := s.policy().Verify(token)
			if !errors.Is(err, oid4vp.InvalidRequest) {
				t.Errorf("got %v, want %v", err, oid4vp.InvalidRequest)
			}
			if v != nil {
				t.Error("the wallet would answer it")
			}
		})
	}
	for name, token := range map[string]string{
		"alg none":  segment(`{"alg":"none","typ":"oauth-authz-req+jwt"}`) + "." + parts[1] + ".",
		"HS256":     segment(`{"alg":"HS256","typ":"oauth-authz-req+jwt"}`) + "." + parts[1] + "." + parts[2],
		"JSON":      string(j.Payload),
		"two parts": parts[0] + "." + parts[1],
	} {
		if _, err := s.policy().Verify(token); !errors.Is(err, oid4vp.ErrUnsigned) {
			t.Errorf("%s: got %v, want %v", name, err, oid4vp.ErrUnsigned)
		}
	}
	p := s.policy()
	p.ClientID = oid4vp.HashClientID(self.chain)
	if v, err := p.Verify(self.forge(t, s.key, selfClaims)); err == nil || v != nil {
		t.Errorf("self-signed certificate: got %v", err)
	}
	if v, err := (oid4vp.Policy{ClientID: oid4vp.HashClientID(s.chain), Now: now}).Verify(good); err == nil || v != nil {
		t.Errorf("no anchors: got %v", err)
	}
	p = s.policy()
	p.Roots = other.roots
	if v, err := p.Verify(good); err == nil || v != nil {
		t.Errorf("another municipality's anchor: got %v", err)
	}
	p = s.policy()
	p.Now = now.Add(2 * time.Hour)
	if v, err := p.Verify(good); err == nil || v != nil {
		t.Errorf("certificate expired: got %v", err)
	}
}

func TestX509HashMismatch(t *testing.T) {
	s := newShop(t)
	// A certificate with the same names from the same authority: the hash is still another.
	again := s.neighbour(t)
	c := s.claims(t)
	c["client_id"] = string(oid4vp.HashClientID(again.chain))
	p := s.policy()
	p.ClientID = oid4vp.HashClientID(again.chain)
	if v, err := p.Verify(s.forge(t, s.key, c)); err == nil || v != nil {
		t.Errorf("got %v", err)
	}
	r := s.request()
	r.ClientID = oid4vp.HashClientID(again.chain)
	if _, err := r.SignX509(s.key, s.chain); err == nil {
		t.Error("signed")
	}
	r = s.request()
	if _, err := r.SignX509(again.key, s.chain); err == nil {
		t.Error("a certificate for another key is signed with")
	}
	if _, err := r.SignX509(s.key, jose.Chain{s.chain[0], s.anchor}); err == nil {
		t.Error("a chain with its anchor is written")
	}
	if _, err := r.SignX509(s.key, nil); err == nil {
		t.Error("signed without a certificate")
	}
}

func TestRequestClockSkewOfFiveMinutesEitherWay(t *testing.T) {
	s := newShop(t)
	token := s.sign(t, s.request())
	for _, off := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		p := s.policy()
		p.Now = now.Add(off)
		if _, err := p.Verify(token); err != nil {
			t.Errorf("a wallet whose clock is off by %v: %v", off, err)
		}
	}
}

func TestWalletNonceMissingOrWrong(t *testing.T) {
	s := newShop(t)
	p := s.policy()
	p.WalletNonce = "qPmxiNFCR3QTm19POc8u"
	for _, nonce := range []string{"", "another"} {
		r := s.request()
		r.WalletNonce = nonce
		if v, err := p.Verify(s.sign(t, r)); err == nil || v != nil {
			t.Errorf("wallet_nonce %q: got %v", nonce, err)
		}
	}
}

// Who made these requests is known, and they cannot be met: the wallet says so.
func TestRequestRefusedWithAReason(t *testing.T) {
	s := newShop(t)
	two := strings.Replace(query, `[{"id":"card"`, `[{"id":"card"},{"id":"card"`, 1)
	for name, c := range map[string]struct {
		member string
		value  any
		want   oid4vp.Code
	}{
		"no query":                     {"dcql_query", nil, oid4vp.InvalidRequest},
		"query for nothing":            {"dcql_query", map[string]any{"credentials": []any{}}, oid4vp.InvalidRequest},
		"query without id":             {"dcql_query", json.RawMessage(`{"credentials":[{"format":"dc+sd-jwt"}]}`), oid4vp.InvalidRequest},
		"query id with a dot":          {"dcql_query", json.RawMessage(`{"credentials":[{"id":"a.b"}]}`), oid4vp.InvalidRequest},
		"duplicate query ids":          {"dcql_query", json.RawMessage(two), oid4vp.InvalidRequest},
		"no nonce":                     {"nonce", "", oid4vp.InvalidRequest},
		"nonce that is not URL safe":   {"nonce", "a+b", oid4vp.InvalidRequest},
		"huge nonce":                   {"nonce", strings.Repeat("a", 513), oid4vp.InvalidRequest},
		"response mode fragment":       {"response_mode", "fragment", oid4vp.InvalidRequest},
		"encrypted without a key":      {"response_mode", "direct_post.jwt", oid4vp.InvalidRequest},
		"unknown transaction data":     {"transaction_data", []string{segment(`{"type":"urn:evil:1","credential_ids":["card"]}`)}, oid4vp.InvalidTransactionData},
		"one known, one unknown":       {"transaction_data", []string{order(), segment(`{"type":"urn:evil:1","credential_ids":["card"]}`)}, oid4vp.InvalidTransactionData},
		"transaction without type":     {"transaction_data", []string{segment(`{"credential_ids":["card"]}`)}, oid4vp.InvalidTransactionData},
		"transaction without card":     {"transaction_data", []string{segment(`{"type":"` + orderType + `","credential_ids":[]}`)}, oid4vp.InvalidTransactionData},
		"transaction of another query": {"transaction_data", []string{segment(`{"type":"` + orderType + `","credential_ids":["diploma"]}`)}, oid4vp.InvalidTransactionData},
		"transaction without sha-256":  {"transaction_data", []string{segment(`{"type":"` + orderType + `","credential_ids":["card"],"transaction_data_hashes_alg":["md5"]}`)}, oid4vp.InvalidTransactionData},
		"transaction that is no JSON":  {"transaction_data", []string{"e30x"}, oid4vp.InvalidTransactionData},
		"transaction with padding":     {"transaction_data", []string{order() + "="}, oid4vp.InvalidTransactionData},
		"no transactions":              {"transaction_data", []string{}, oid4vp.InvalidTransactionData},
		"too many transactions":        {"transaction_data", []string{order(), order(), order(), order(), order(), order(), order(), order(), order()}, oid4vp.InvalidTransactionData},
	} {
		t.Run(name, func(t *testing.T) {
			claims := s.claims(t)
			claims[c.member] = c.value
			v, err := s.policy().Verify(s.forge(t, s.key, claims))
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			var e *oid4vp.Error
			if v == nil || !errors.As(err, &e) {
				t.Fatal("the wallet cannot say why")
			}
			form := v.Refuse(e)
			got, err := oid4vp.Expected{State: "af0ifjsldkj"}.Parse([]byte(form.Encode()))
			if err != nil || got.Refusal == nil || got.Refusal.Code != c.want {
				t.Errorf("the verifier reads %+v, %v", got, err)
			}
		})
	}
	// Without holder binding nobody agrees to anything.
	claims := s.claims(t)
	claims["dcql_query"] = json.RawMessage(strings.Replace(query, `"id":"card"`, `"id":"card","require_cryptographic_holder_binding":false`, 1))
	claims["transaction_data"] = []string{order()}
	if v, err := s.policy().Verify(s.forge(t, s.key, claims)); v == nil || !errors.Is(err, oid4vp.InvalidTransactionData) {
		t.Errorf("without holder binding: got %v", err)
	}
	// A wallet that knows no transaction data refuses all.
	claims = s.claims(t)
	claims["transaction_data"] = []string{order()}
	p := s.policy()
	p.TransactionTypes = nil
	if v, err := p.Verify(s.forge(t, s.key, claims)); v == nil || !errors.Is(err, oid4vp.InvalidTransactionData) {
		t.Errorf("a wallet that knows none: got %v", err)
	}
	// Members that are not known are ignored.
	claims = s.claims(t)
	claims["unknown"], claims["iss"], claims["scope"] = map[string]any{"a": 1}, "https://evil.example", "openid"
	claims["transaction_data"] = nil
	if _, err := s.policy().Verify(s.forge(t, s.key, claims)); err != nil {
		t.Errorf("unknown members: %v", err)
	}
}

func TestSignRefusesWhatAWalletWould(t *testing.T) {
	s := newShop(t)
	for name, change := range map[string]func(*oid4vp.Request){
		"no query":             func(r *oid4vp.Request) { r.Query = nil },
		"no nonce":             func(r *oid4vp.Request) { r.Nonce = "" },
		"response by http":     func(r *oid4vp.Request) { r.ResponseURI = "http://ketting.example/r" },
		"response mode":        func(r *oid4vp.Request) { r.ResponseMode = "fragment" },
		"no encryption key":    func(r *oid4vp.Request) { r.ResponseMode = oid4vp.DirectPostJWT },
		"state":                func(r *oid4vp.Request) { r.State = "a b" },
		"broken transaction":   func(r *oid4vp.Request) { r.TransactionData = []string{"x"} },
		"transaction for none": func(r *oid4vp.Request) { r.TransactionData = []string{segment(`{"type":"a","credential_ids":["b"]}`)} },
		"too large": func(r *oid4vp.Request) {
			r.VerifierInfo = []json.RawMessage{json.RawMessage(`"` + strings.Repeat("a", oid4vp.MaxRequest) + `"`)}
		},
	} {
		r := s.request()
		change(&r)
		if _, err := r.SignX509(s.key, s.chain); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func TestResponseKeyOfTheStandard(t *testing.T) {
	b, err := os.ReadFile("testdata/openid4vp-1.0/request_encrypted.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Metadata oid4vp.ClientMetadata `json:"client_metadata"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	r := oid4vp.Request{Metadata: &doc.Metadata}
	k, err := r.ResponseKey()
	if err != nil || k.ID != "ac" || k.Enc != jose.A128GCM {
		t.Errorf("got %+v, %v", k, err)
	}
}

func TestResponseKeyChosen(t *testing.T) {
	k := newKey(t).Public()
	named := func(id, use, alg string) jose.NamedKey { return jose.NamedKey{Key: k, ID: id, Use: use, Alg: alg} }
	for name, c := range map[string]struct {
		key  jose.NamedKey
		encs []jose.Encryption
		want jose.Encryption // "" is refused
	}{
		"plain":                {named("a", "", "ECDH-ES"), nil, jose.A128GCM},
		"A256GCM":              {named("a", "enc", "ECDH-ES"), []jose.Encryption{"A128CBC-HS256", jose.A256GCM}, jose.A256GCM},
		"the verifier's first": {named("a", "enc", "ECDH-ES"), []jose.Encryption{jose.A256GCM, jose.A128GCM}, jose.A256GCM},
		"no enc that we know":  {named("a", "enc", "ECDH-ES"), []jose.Encryption{"A128CBC-HS256"}, ""},
		"a key for signing":    {named("a", "sig", "ECDH-ES"), nil, ""},
		"no alg":               {named("a", "enc", ""), nil, ""},
		"another alg":          {named("a", "enc", "ECDH-ES+A256KW"), nil, ""},
		"no kid":               {named("", "enc", "ECDH-ES"), nil, ""},
	} {
		r := oid4vp.Request{Metadata: &oid4vp.ClientMetadata{Keys: jose.KeySet{Keys: []jose.NamedKey{c.key}}, Enc: c.encs}}
		got, err := r.ResponseKey()
		if (err == nil) != (c.want != "") || got.Enc != c.want {
			t.Errorf("%s: got %v, %v", name, got.Enc, err)
		}
	}
	if _, err := (&oid4vp.Request{}).ResponseKey(); err == nil {
		t.Error("no client metadata: accepted")
	}
}
