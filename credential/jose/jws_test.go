package jose_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"kindpakket/credential/jose"
)

func generate(t testing.TB) *jose.PrivateKey {
	t.Helper()
	k, err := jose.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSignAndVerify(t *testing.T) {
	k := generate(t)
	payload := []byte(`{"a":1}`)
	token, err := jose.Sign(k, jose.Header{Type: "kb+jwt", KeyID: "one", JWK: k.Public()}, payload)
	if err != nil {
		t.Fatal(err)
	}
	j, err := jose.Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Verify(k.Public()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(j.Payload, payload) || j.Header.Type != "kb+jwt" || j.Header.KeyID != "one" || j.Header.JWK != k.Public() {
		t.Errorf("got header %+v payload %s", j.Header, j.Payload)
	}
	if err := j.Verify(generate(t).Public()); !errors.Is(err, jose.ErrSignature) {
		t.Errorf("another key: got %v, want ErrSignature", err)
	}
}

// The example of RFC 7515, Appendix A.3.
const (
	rfc7515Key   = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	rfc7515Token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)

// The example of RFC 8037, Appendix A.4, under the key of A.2.
const rfc8037Token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

func TestVectors(t *testing.T) {
	for _, tc := range []struct{ token, key, payload string }{
		{rfc7515Token, rfc7515Key, "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"},
		{rfc8037Token, edJWK, "Example of Ed25519 signing"},
	} {
		j, err := jose.Parse(tc.token)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Verify(parseKey(t, tc.key)); err != nil || string(j.Payload) != tc.payload || j.String() != tc.token {
			t.Errorf("got %q, %v", j.Payload, err)
		}
		if jose.EncodeSegment(j.Payload) != j.PayloadSegment() {
			t.Errorf("got segment %s", j.PayloadSegment())
		}
		other := rfc7515Key
		if tc.key == rfc7515Key {
			other = edJWK
		}
		if err := j.Verify(parseKey(t, other)); !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("a key of the other algorithm: got %v, want ErrAlgorithm", err)
		}
		if err := j.Verify(jose.Key{}); !errors.Is(err, jose.ErrKey) {
			t.Errorf("no key: got %v, want ErrKey", err)
		}
	}
}

// rewrite returns the token of the RFC with another header, payload or signature ("" keeps it).
func rewrite(header, payload, sig string) string {
	parts := strings.Split(rfc7515Token, ".")
	for i, s := range []string{header, payload, sig} {
		if s != "" {
			parts[i] = s
		}
	}
	return strings.Join(parts, ".")
}

func TestParseRefuses(t *testing.T) {
	enc := func(s string) string { return jose.EncodeSegment([]byte(s)) }
	key := parseKey(t, rfc7515Key)
	mac := func(secret []byte) string {
		input := enc(`{"alg":"HS256"}`) + "." + strings.Split(rfc7515Token, ".")[1]
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(input))
		return input + "." + jose.EncodeSegment(h.Sum(nil))
	}
	x963, err := key.Public().(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	sig, err := jose.DecodeSegment(strings.Split(rfc7515Token, ".")[2])
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])})
	if err != nil {
		t.Fatal(err)
	}
	with := func(member string) string { return rewrite(enc(`{"alg":"ES256",`+member+`}`), "", "") }
	for name, tc := range map[string]struct {
		token string
		want  error
	}{
		"none":                      {rewrite(enc(`{"alg":"none"}`), "", ""), jose.ErrAlgorithm},
		"none, no signature":        {enc(`{"alg":"none"}`) + ".AA.", jose.ErrAlgorithm},
		"nOnE":                      {rewrite(enc(`{"alg":"nOnE"}`), "", ""), jose.ErrAlgorithm},
		"no alg":                    {rewrite(enc(`{}`), "", ""), jose.ErrAlgorithm},
		"ALG":                       {rewrite(enc(`{"ALG":"ES256"}`), "", ""), jose.ErrAlgorithm},
		"alg is null":               {rewrite(enc(`{"alg":null}`), "", ""), jose.ErrHeader},
		"alg is a list":             {rewrite(enc(`{"alg":["ES256"]}`), "", ""), jose.ErrHeader},
		"HS256 with the public JWK": {mac(key.JWK()), jose.ErrAlgorithm},
		"HS256 with the point":      {mac(x963), jose.ErrAlgorithm},
		"RS256":                     {rewrite(enc(`{"alg":"RS256"}`), "", ""), jose.ErrAlgorithm},
		"ES384":                     {rewrite(enc(`{"alg":"ES384"}`), "", ""), jose.ErrAlgorithm},
		"ES256K":                    {rewrite(enc(`{"alg":"ES256K"}`), "", ""), jose.ErrAlgorithm},
		"alg twice":                 {with(`"alg":"none"`), jose.ErrHeader},
		"alg twice, escaped":        {with(`"\u0061lg":"none"`), jose.ErrHeader},
		"crit":                      {with(`"crit":["exp"],"exp":1`), jose.ErrHeader},
		"empty crit":                {with(`"crit":[]`), jose.ErrHeader},
		"b64":                       {with(`"b64":false,"crit":["b64"]`), jose.ErrHeader},
		"b64 without crit":          {with(`"b64":false`), jose.ErrHeader},
		"zip":                       {with(`"zip":"DEF"`), jose.ErrHeader},
		"jku":                       {with(`"jku":"https://evil.example/jwks"`), jose.ErrHeader},
		"x5u":                       {with(`"x5u":"https://evil.example/cert"`), jose.ErrHeader},
		"p2c":                       {with(`"p2c":2147483647`), jose.ErrHeader},
		"enc":                       {with(`"enc":"A128GCM"`), jose.ErrHeader},
		"private jwk":               {with(`"jwk":` + strings.Replace(rfc7515Key, "{", `{"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",`, 1)), jose.ErrHeader},
		"symmetric jwk":             {with(`"jwk":{"kty":"oct","k":"AAAA"}`), jose.ErrHeader},
		"jwk is null":               {with(`"jwk":null`), jose.ErrHeader},
		"jwk has x twice":           {with(`"jwk":` + strings.Replace(rfc7515Key, "{", `{"x":"AAAA",`, 1)), jose.ErrHeader},
		"x5c is empty":              {with(`"x5c":[]`), jose.ErrHeader},
		"x5c is text":               {with(`"x5c":"AAAA"`), jose.ErrHeader},
		"x5c in base64url":          {with(`"x5c":["__8"]`), jose.ErrHeader},
		"x5c with a line break":     {with(`"x5c":["AA\nAA"]`), jose.ErrHeader},
		"x5c too many":              {with(`"x5c":[` + strings.Repeat(`"AAAA",`, jose.MaxChain) + `"AAAA"]`), jose.ErrHeader},
		"typ is a number":           {with(`"typ":1`), jose.ErrHeader},
		"kid is an object":          {with(`"kid":{"../../etc/passwd":1}`), jose.ErrHeader},
		"deep":                      {with(`"x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000)), jose.ErrHeader},
		"header not JSON":           {rewrite(enc(`alg=ES256`), "", ""), jose.ErrHeader},
		"header with more after":    {rewrite(enc(`{"alg":"ES256"}{}`), "", ""), jose.ErrHeader},
		"header not base64url":      {rewrite("e30=", "", ""), jose.ErrHeader},
		"header with a line break":  {"e\n" + rfc7515Token[1:], jose.ErrHeader},
		"payload not canonical":     {rewrite("", "AR", ""), jose.ErrToken},
		"payload with a line break": {rewrite("", "AA\nAA", ""), jose.ErrToken},
		"signature not canonical":   {rfc7515Token[:len(rfc7515Token)-1] + "R", jose.ErrToken},
		"signature padded":          {rfc7515Token + "==", jose.ErrToken},
		"signature in DER":          {rewrite("", "", jose.EncodeSegment(der)), jose.ErrToken},
		"signature too short":       {rewrite("", "", jose.EncodeSegment(sig[:63])), jose.ErrToken},
		"signature too long":        {rewrite("", "", jose.EncodeSegment(append(sig, 0))), jose.ErrToken},
		"signature of ES384's size": {rewrite("", "", jose.EncodeSegment(make([]byte, 96))), jose.ErrToken},
		"no signature":              {rfc7515Token[:strings.LastIndex(rfc7515Token, ".")], jose.ErrToken},
		"empty signature":           {rfc7515Token[:strings.LastIndex(rfc7515Token, ".")+1], jose.ErrToken},
		"four segments":             {rfc7515Token + ".AA", jose.ErrToken},
		"empty":                     {"", jose.ErrToken},
		"JSON serialization":        {`{"payload":"","signatures":[]}`, jose.ErrToken},
		"white space around":        {" " + rfc7515Token, jose.ErrHeader},
		"too long":                  {rewrite("", strings.Repeat("A", jose.MaxToken), ""), jose.ErrToken},
	} {
		j, err := jose.Parse(tc.token)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: got %+v, %v, want %v", name, j, err, tc.want)
		}
	}
	long := rewrite("", strings.Repeat("A", jose.MaxToken), "")
	if _, err := jose.ParseSized(long, len(long)); err != nil {
		t.Errorf("long where long is expected: %v", err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	key := parseKey(t, rfc7515Key)
	order := elliptic.P256().Params().N.FillBytes(make([]byte, 32))
	sig, err := jose.DecodeSegment(strings.Split(rfc7515Token, ".")[2])
	if err != nil {
		t.Fatal(err)
	}
	sum := new(big.Int).Add(new(big.Int).SetBytes(sig[32:]), elliptic.P256().Params().N)
	if sum.BitLen() <= 256 {
		t.Error("the example's s plus the order fits in 32 bytes: add a case for it")
	}
	for name, token := range map[string]string{
		"zero r and s":      rewrite("", "", jose.EncodeSegment(make([]byte, 64))), // CVE-2022-21449
		"zero s":            rewrite("", "", jose.EncodeSegment(slices.Concat(sig[:32], make([]byte, 32)))),
		"zero r":            rewrite("", "", jose.EncodeSegment(slices.Concat(make([]byte, 32), sig[32:]))),
		"r and s are n":     rewrite("", "", jose.EncodeSegment(slices.Concat(order, order))),
		"s and r exchanged": rewrite("", "", jose.EncodeSegment(slices.Concat(sig[32:], sig[:32]))),
		"another payload":   rewrite("", jose.EncodeSegment([]byte("{}")), ""),
		"another header":    rewrite(jose.EncodeSegment([]byte(`{"alg":"ES256","typ":"x"}`)), "", ""),
		"header respaced":   rewrite(jose.EncodeSegment([]byte(`{"alg": "ES256"}`)), "", ""),
	} {
		j, err := jose.Parse(token)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := j.Verify(key); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("%s: got %v, want ErrSignature", name, err)
		}
	}
	// A key that came along in the header proves nothing: it verifies only under itself.
	evil := generate(t)
	token, err := jose.Sign(evil, jose.Header{JWK: evil.Public()}, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := jose.Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Verify(key); !errors.Is(err, jose.ErrSignature) {
		t.Errorf("a key in the header: got %v, want ErrSignature", err)
	}
}

type signer struct {
	key  jose.Key
	sign func([]byte) ([]byte, error)
}

func (s signer) Public() jose.Key              { return s.key }
func (s signer) Sign(m []byte) ([]byte, error) { return s.sign(m) }

func TestSignRefuses(t *testing.T) {
	k := generate(t)
	for name, tc := range map[string]struct {
		s jose.Signer
		h jose.Header
	}{
		"no key":        {signer{jose.Key{}, k.Sign}, jose.Header{}},
		"other alg":     {k, jose.Header{Algorithm: jose.EdDSA}},
		"none":          {k, jose.Header{Algorithm: "none"}},
		"alg in Extra":  {k, jose.Header{Extra: map[string]json.RawMessage{"alg": []byte(`"none"`)}}},
		"crit in Extra": {k, jose.Header{Extra: map[string]json.RawMessage{"crit": []byte(`["exp"]`)}}},
		"jku in Extra":  {k, jose.Header{Extra: map[string]json.RawMessage{"jku": []byte(`"https://a.example"`)}}},
		"bad JSON":      {k, jose.Header{Extra: map[string]json.RawMessage{"a": []byte(`{`)}}},
		"doubled JSON":  {k, jose.Header{Extra: map[string]json.RawMessage{"a": []byte(`{"b":1,"b":2}`)}}},
		"DER signer":    {signer{k.Public(), func(m []byte) ([]byte, error) { return make([]byte, 70), nil }}, jose.Header{}},
		"no signature":  {signer{k.Public(), func(m []byte) ([]byte, error) { return nil, errors.New("locked") }}, jose.Header{}},
	} {
		if token, err := jose.Sign(tc.s, tc.h, []byte("{}")); err == nil {
			t.Errorf("%s: got %s", name, token)
		}
	}
}

// TestSignWithEd25519 shows a Signer over a key that jose does not hold itself.
func TestSignWithEd25519(t *testing.T) {
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	key, err := jose.NewKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	h := jose.Header{Extra: map[string]json.RawMessage{"nonce": []byte(`"n"`)}}
	token, err := jose.Sign(signer{key, func(m []byte) ([]byte, error) { return ed25519.Sign(private, m), nil }}, h, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := jose.Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Verify(key); err != nil || j.Header.Algorithm != jose.EdDSA || string(j.Header.Extra["nonce"]) != `"n"` {
		t.Errorf("got %+v, %v", j.Header, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(rfc7515Token)
	f.Add(rfc8037Token)
	f.Add(rewrite(jose.EncodeSegment([]byte(`{"alg":"ES256","kid":"a","typ":"b","x5c":["AAAA"],"jwk":`+ecJWK+`,"nonce":[1,{}]}`)), "", ""))
	k := signer{parseKey(f, rfc7515Key), func([]byte) ([]byte, error) { return make([]byte, 64), nil }}
	f.Fuzz(func(t *testing.T, s string) {
		j, err := jose.Parse(s)
		if err != nil {
			return
		}
		if j.String() != s {
			t.Errorf("got %q, want %q", j, s)
		}
		if s != rfc7515Token && j.Verify(k.key) == nil && !strings.HasPrefix(s, rfc7515Token[:strings.LastIndex(rfc7515Token, ".")]) {
			t.Errorf("verified: %q", s)
		}
		// What was read can be written, and reads the same.
		h := j.Header
		h.Algorithm = jose.ES256
		token, err := jose.Sign(k, h, j.Payload)
		if err != nil {
			t.Fatal(err)
		}
		again, err := jose.ParseSized(token, len(token))
		if err != nil || again.Header.KeyID != h.KeyID || again.Header.Type != h.Type || again.Header.JWK != h.JWK || len(again.Header.Extra) != len(h.Extra) {
			t.Errorf("got %+v, %v, want %+v", again, err, h)
		}
	})
}
