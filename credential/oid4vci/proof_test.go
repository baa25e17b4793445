package oid4vci_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/did"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vci"
)

const issuer = "https://zuidhorn.example"

var now = time.Date(2027, 3, 1, 10, 15, 30, 0, time.UTC)

func newKey(t testing.TB) *jose.PrivateKey {
	t.Helper()
	k, err := jose.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// nonces is an issuer's memory of nonces: each may be used once.
type nonces map[string]bool

func (n nonces) use(s string) error {
	if !n[s] {
		return errors.New("unknown or used")
	}
	delete(n, s)
	return nil
}

func policy(n nonces) oid4vci.ProofPolicy {
	return oid4vci.ProofPolicy{Issuer: issuer, Now: now, Nonce: n.use, MaxProofs: 8}
}

func prove(t testing.TB, s jose.Signer, change func(*oid4vci.Proof)) string {
	t.Helper()
	p := oid4vci.Proof{Issuer: issuer, Nonce: "n-1", IssuedAt: now}
	if change != nil {
		change(&p)
	}
	token, err := oid4vci.Prove(s, p)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func jwts(list ...string) *oid4vci.Proofs { return &oid4vci.Proofs{Type: oid4vci.ProofJWT, JWT: list} }

// forge signs any header and claims, for proofs that Prove would not make.
func forge(t testing.TB, s jose.Signer, h jose.Header, claims string) string {
	t.Helper()
	token, err := jose.Sign(s, h, []byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func segment(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func ExampleProofPolicy_Verify() {
	key, err := jose.Generate(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The wallet:
	token, err := oid4vci.Prove(key, oid4vci.Proof{
		Issuer: issuer, Nonce: "n-1", IssuedAt: now, Form: oid4vci.ByDIDJWK,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The issuer:
	policy := oid4vci.ProofPolicy{Issuer: issuer, Now: now, Nonce: func(nonce string) error { return nil }}
	holders, err := policy.Verify(&oid4vci.Proofs{Type: oid4vci.ProofJWT, JWT: []string{token}})
	fmt.Println(len(holders), holders[0].Form, holders[0].Key == key.Public(), err)
	// Output: 1 did:jwk true <nil>
}

func TestProofInEveryForm(t *testing.T) {
	var list []string
	var keys []jose.Key
	forms := []oid4vci.KeyForm{oid4vci.ByJWK, oid4vci.ByDIDJWK, oid4vci.ByDIDKey}
	for _, form := range forms {
		k := newKey(t)
		keys = append(keys, k.Public())
		list = append(list, prove(t, k, func(p *oid4vci.Proof) { p.Form = form }))
	}
	holders, err := policy(nonces{"n-1": true}).Verify(jwts(list...))
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range holders {
		if h.Key != keys[i] || h.Form != forms[i] || (h.KeyID == "") != (h.Form == oid4vci.ByJWK) {
			t.Errorf("holder %d: got %v %q", i, h.Form, h.KeyID)
		}
	}
}

func TestProofOfTheStandardVerifies(t *testing.T) {
	b, err := os.ReadFile("testdata/openid4vci-1.0/proof.jwt")
	if err != nil {
		t.Fatal(err)
	}
	p := oid4vci.ProofPolicy{
		Issuer: "https://credential-issuer.example.com", Now: time.Unix(1701960444, 0),
		Nonce: nonces{"LarRGSbmUPYtRYO6BQ4yn8": true}.use,
	}
	if _, err := p.Verify(jwts(string(b))); err != nil {
		t.Error(err)
	}
}

// Wallets in the field send iss without being asked, leave the fragment out of a DID URL, and say what their key is for.
func TestProofOfOtherWallets(t *testing.T) {
	k := newKey(t)
	claims := fmt.Sprintf(`{"iss":"https://wallet.example","aud":%q,"iat":%d.5,"nonce":"n-1","jti":"x"}`, issuer, now.Unix())
	keyDID, err := did.KeyDID(k.Public().JWK())
	if err != nil {
		t.Fatal(err)
	}
	withUse := strings.TrimSuffix(string(k.Public().JWK()), "}") + `,"use":"sig","kid":"x","alg":"ES256"}`
	raw := segment(`{"alg":"ES256","typ":"openid4vci-proof+jwt","jwk":`+withUse+`}`) + "." + segment(claims)
	sig, err := k.Sign([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"did:key without fragment": forge(t, k, jose.Header{Type: "openid4vci-proof+jwt", KeyID: string(keyDID)}, claims),
		"did:jwk of a jwk with use": forge(t, k, jose.Header{
			Type: "openid4vci-proof+jwt", KeyID: "did:jwk:" + segment(withUse) + "#0",
		}, claims),
		"jwk with use":    raw + "." + base64.RawURLEncoding.EncodeToString(sig),
		"key attestation": forge(t, k, jose.Header{Type: "openid4vci-proof+jwt", JWK: k.Public(), Extra: map[string]json.RawMessage{"key_attestation": json.RawMessage(`"a.b.c"`)}}, claims),
	} {
		holders, err := policy(nonces{"n-1": true}).Verify(jwts(token))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if holders[0].Key != k.Public() {
			t.Errorf("%s: another key", name)
		}
	}
}

func TestProofRefused(t *testing.T) {
	k, other := newKey(t), newKey(t)
	typ := "openid4vci-proof+jwt"
	claims := func(aud, iat, nonce string) string {
		return `{"aud":` + aud + `,"iat":` + iat + `,"nonce":` + nonce + `}`
	}
	quoted := `"` + issuer + `"`
	iat := fmt.Sprint(now.Unix())
	good := claims(quoted, iat, `"n-1"`)
	byJWK := jose.Header{Type: typ, JWK: k.Public()}
	didJWK := string(did.FromJWK(k.Public().JWK()))
	valid := prove(t, k, nil)
	parts := strings.Split(valid, ".")

	hs256 := segment(`{"alg":"HS256","typ":"`+typ+`","jwk":`+string(k.Public().JWK())+`}`) + "." + segment(good)
	mac := hmac.New(sha256.New, k.Public().JWK())
	mac.Write([]byte(hs256))
	hs256 += "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))

	raw := func(header string) string {
		in := segment(header) + "." + segment(good)
		sig, err := k.Sign([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		return in + "." + base64.RawURLEncoding.EncodeToString(sig)
	}
	jwk := string(k.Public().JWK())
	private := strings.TrimSuffix(jwk, "}") + `,"d":"` + base64.RawURLEncoding.EncodeToString(k.Bytes()) + `"}`
	enc := strings.TrimSuffix(jwk, "}") + `,"use":"enc"}`

	// The other's signature under our key: a JWS whose header names k and whose signature is other's.
	wrongKey := forge(t, other, byJWK, good)

	for name, token := range map[string]string{
		"wrong aud":                     forge(t, k, byJWK, claims(`"https://evil.example"`, iat, `"n-1"`)),
		"aud with a slash":              forge(t, k, byJWK, claims(`"`+issuer+`/"`, iat, `"n-1"`)),
		"aud is a list":                 forge(t, k, byJWK, claims(`["`+issuer+`","https://evil.example"]`, iat, `"n-1"`)),
		"aud missing":                   forge(t, k, byJWK, `{"iat":`+iat+`,"nonce":"n-1"}`),
		"aud in capitals":               forge(t, k, byJWK, `{"AUD":`+quoted+`,"iat":`+iat+`,"nonce":"n-1"}`),
		"aud named twice":               forge(t, k, byJWK, `{"aud":"https://evil.example","aud":`+quoted+`,"iat":`+iat+`,"nonce":"n-1"}`),
		"stale iat":                     forge(t, k, byJWK, claims(quoted, fmt.Sprint(now.Add(-oid4vci.ProofLife-oid4vci.ClockSkew-time.Second).Unix()), `"n-1"`)),
		"iat in the future":             forge(t, k, byJWK, claims(quoted, fmt.Sprint(now.Add(oid4vci.ClockSkew+time.Second).Unix()), `"n-1"`)),
		"iat missing":                   forge(t, k, byJWK, `{"aud":`+quoted+`,"nonce":"n-1"}`),
		"iat is text":                   forge(t, k, byJWK, claims(quoted, `"`+iat+`"`, `"n-1"`)),
		"iat is huge":                   forge(t, k, byJWK, claims(quoted, `1e300`, `"n-1"`)),
		"exp has passed":                forge(t, k, byJWK, `{"aud":`+quoted+`,"iat":`+iat+`,"nonce":"n-1","exp":1}`),
		"nonce missing":                 forge(t, k, byJWK, `{"aud":`+quoted+`,"iat":`+iat+`}`),
		"nonce empty":                   forge(t, k, byJWK, claims(quoted, iat, `""`)),
		"nonce null":                    forge(t, k, byJWK, claims(quoted, iat, `null`)),
		"nonce is a number":             forge(t, k, byJWK, claims(quoted, iat, `1`)),
		"bad signature":                 parts[0] + "." + parts[1] + "." + strings.Split(prove(t, k, func(p *oid4vci.Proof) { p.Nonce = "n-2" }), ".")[2],
		"signature of another key":      wrongKey,
		"no signature":                  parts[0] + "." + parts[1] + ".",
		"alg none":                      segment(`{"alg":"none","typ":"`+typ+`","jwk":`+jwk+`}`) + "." + segment(good) + ".",
		"alg HS256 with public key":     hs256,
		"wrong typ":                     forge(t, k, jose.Header{Type: "JWT", JWK: k.Public()}, good),
		"no typ":                        forge(t, k, jose.Header{JWK: k.Public()}, good),
		"kid and jwk both":              forge(t, k, jose.Header{Type: typ, JWK: k.Public(), KeyID: didJWK + "#0"}, good),
		"jwk and x5c both":              forge(t, k, jose.Header{Type: typ, JWK: k.Public(), X5C: [][]byte{certificate(t, k)}}, good),
		"x5c":                           forge(t, k, jose.Header{Type: typ, X5C: [][]byte{certificate(t, k)}}, good),
		"neither kid nor jwk":           forge(t, k, jose.Header{Type: typ}, good),
		"private key in the header":     raw(`{"alg":"ES256","typ":"` + typ + `","jwk":` + private + `}`),
		"two jwk members":               raw(`{"alg":"ES256","typ":"` + typ + `","jwk":` + jwk + `,"jwk":` + jwk + `}`),
		"crit":                          raw(`{"alg":"ES256","typ":"` + typ + `","jwk":` + jwk + `,"crit":["exp"],"exp":1}`),
		"jku":                           raw(`{"alg":"ES256","typ":"` + typ + `","jwk":` + jwk + `,"jku":"https://evil.example/jwks"}`),
		"kid is a path":                 forge(t, k, jose.Header{Type: typ, KeyID: "../../keys/1"}, good),
		"kid is a number":               forge(t, k, jose.Header{Type: typ, KeyID: "0"}, good),
		"kid of another fragment":       forge(t, k, jose.Header{Type: typ, KeyID: didJWK + "#1"}, good),
		"kid with a path":               forge(t, k, jose.Header{Type: typ, KeyID: didJWK + "/x#0"}, good),
		"kid with a query":              forge(t, k, jose.Header{Type: typ, KeyID: didJWK + "?x=1#0"}, good),
		"kid with a path, no fragment":  forge(t, k, jose.Header{Type: typ, KeyID: didJWK + "/../x"}, good),
		"kid with a query, no fragment": forge(t, k, jose.Header{Type: typ, KeyID: didJWK + "?service=x"}, good),
		"kid is did:web":                forge(t, k, jose.Header{Type: typ, KeyID: "did:web:zuidhorn.example#1"}, good),
		"kid is the did of another":     forge(t, k, jose.Header{Type: typ, KeyID: string(did.FromJWK(other.Public().JWK())) + "#0"}, good),
		"kid is a private did:jwk":      forge(t, k, jose.Header{Type: typ, KeyID: "did:jwk:" + segment(private) + "#0"}, good),
		"kid is a did:jwk of use enc":   forge(t, k, jose.Header{Type: typ, KeyID: "did:jwk:" + segment(enc) + "#0"}, good),
		"body is not an object":         forge(t, k, byJWK, `"x"`),
		"huge":                          forge(t, k, byJWK, claims(quoted, iat, `"`+strings.Repeat("n", jose.MaxToken)+`"`)),
		"not a token":                   "x",
		"empty":                         "",
	} {
		t.Run(name, func(t *testing.T) {
			n := nonces{"n-1": true, "n-2": true}
			_, err := policy(n).Verify(jwts(token))
			if !errors.Is(err, oid4vci.InvalidProof) {
				t.Errorf("got %v, want %v", err, oid4vci.InvalidProof)
			}
			if len(n) != 2 {
				t.Error("a refused proof used up a nonce")
			}
		})
	}
}

func TestClockSkewOfFiveMinutesEitherWay(t *testing.T) {
	for _, off := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		token := prove(t, newKey(t), func(p *oid4vci.Proof) { p.IssuedAt = now.Add(off) })
		if _, err := policy(nonces{"n-1": true}).Verify(jwts(token)); err != nil {
			t.Errorf("a wallet whose clock is off by %v: %v", off, err)
		}
	}
}

func TestNonceReusedOrWrong(t *testing.T) {
	n := nonces{"n-1": true}
	first, second := prove(t, newKey(t), nil), prove(t, newKey(t), nil)
	if _, err := policy(n).Verify(jwts(first)); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"same proof again": first, "another key, same nonce": second} {
		if _, err := policy(n).Verify(jwts(token)); !errors.Is(err, oid4vci.InvalidNonce) {
			t.Errorf("%s: got %v, want %v", name, err, oid4vci.InvalidNonce)
		}
	}
	wrong := prove(t, newKey(t), func(p *oid4vci.Proof) { p.Nonce = "never-issued" })
	if _, err := policy(n).Verify(jwts(wrong)); !errors.Is(err, oid4vci.InvalidNonce) {
		t.Errorf("unknown nonce: got %v", err)
	}
}

func TestBatchSharesOneNonceAndHasDistinctKeys(t *testing.T) {
	k := newKey(t)
	asJWK := prove(t, k, nil)
	// The same key under another text: a did:jwk whose members stand in another order.
	var m struct{ Crv, Kty, X, Y string }
	if err := json.Unmarshal(k.Public().JWK(), &m); err != nil {
		t.Fatal(err)
	}
	reordered := fmt.Sprintf(`{"y":%q,"x":%q,"kty":"EC","crv":"P-256"}`, m.Y, m.X)
	asDID := forge(t, k, jose.Header{Type: "openid4vci-proof+jwt", KeyID: "did:jwk:" + segment(reordered) + "#0"},
		fmt.Sprintf(`{"aud":%q,"iat":%d,"nonce":"n-1"}`, issuer, now.Unix()))
	for name, list := range map[string]*oid4vci.Proofs{
		"the same proof twice":         jwts(asJWK, asJWK),
		"the same key in another text": jwts(asJWK, asDID),
	} {
		if _, err := policy(nonces{"n-1": true}).Verify(list); !errors.Is(err, oid4vci.InvalidProof) {
			t.Errorf("%s: got %v, want %v", name, err, oid4vci.InvalidProof)
		}
	}
	if _, err := policy(nonces{"n-1": true}).Verify(jwts(asDID, prove(t, newKey(t), nil))); err != nil {
		t.Errorf("two keys with one nonce: %v", err)
	}
	var nine []string
	for range 9 {
		nine = append(nine, prove(t, newKey(t), nil))
	}
	if _, err := policy(nonces{"n-1": true}).Verify(jwts(nine...)); !errors.Is(err, oid4vci.InvalidProof) {
		t.Errorf("nine proofs where eight are allowed: got %v", err)
	}
	if _, err := policy(nonces{"n-1": true}).Verify(jwts(nine[:8]...)); err != nil {
		t.Errorf("eight proofs where eight are allowed: %v", err)
	}
	// One bad proof spoils the request, and the nonce stays.
	n := nonces{"n-1": true}
	if _, err := policy(n).Verify(jwts(nine[0], "x")); err == nil || !n["n-1"] {
		t.Errorf("one bad proof among good ones: got %v, nonce left: %v", err, n["n-1"])
	}
}

func TestProofsMissingOrOfAnotherType(t *testing.T) {
	for name, p := range map[string]*oid4vci.Proofs{
		"missing":     nil,
		"empty":       jwts(),
		"attestation": {Type: "attestation", Raw: []json.RawMessage{json.RawMessage(`"a.b.c"`)}},
	} {
		if _, err := policy(nonces{}).Verify(p); !errors.Is(err, oid4vci.InvalidProof) {
			t.Errorf("%s: got %v, want %v", name, err, oid4vci.InvalidProof)
		}
	}
}

func TestAlgorithmsAreThoseOfTheMetadata(t *testing.T) {
	token := prove(t, newKey(t), nil)
	p := policy(nonces{"n-1": true})
	p.Algorithms = []jose.Algorithm{jose.EdDSA}
	if _, err := p.Verify(jwts(token)); !errors.Is(err, oid4vci.InvalidProof) {
		t.Errorf("ES256 where only EdDSA is listed: got %v", err)
	}
}

func TestProveRefusesAnUnknownForm(t *testing.T) {
	if _, err := oid4vci.Prove(newKey(t), oid4vci.Proof{Issuer: issuer, Form: "did:web"}); err == nil {
		t.Error("accepted")
	}
}

// certificate returns a certificate over k, signed by itself.
func certificate(t testing.TB, k *jose.PrivateKey) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "wallet"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
	var key *ecdsa.PrivateKey = k.ECDSA()
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
