package jose_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"kindpakket/credential/jose"
)

// RFC 7517, Appendix A.1, and RFC 8037, Appendix A.2.
const (
	ecJWK = `{"crv":"P-256","kty":"EC","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}`
	edJWK = `{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

func parseKey(t testing.TB, s string) jose.Key {
	t.Helper()
	k, err := jose.ParseKey([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestParseKey(t *testing.T) {
	for s, alg := range map[string]jose.Algorithm{ecJWK: jose.ES256, edJWK: jose.EdDSA} {
		k := parseKey(t, s)
		if k.Algorithm() != alg || string(k.JWK()) != s || k.IsZero() {
			t.Errorf("got %s %s, want %s %s", k.Algorithm(), k.JWK(), alg, s)
		}
		again, err := jose.NewKey(k.Public())
		if err != nil || again != k || !again.Equal(k) {
			t.Errorf("by way of crypto: got %v, %v", again, err)
		}
		var read jose.Key
		if b, err := json.Marshal(k); err != nil || json.Unmarshal(b, &read) != nil || read != k {
			t.Errorf("by way of JSON: got %v, %v", read, err)
		}
	}
	k := parseKey(t, strings.Replace(ecJWK, "{", `{"kid":"1","use":"enc","alg":"ECDH-ES","x5c":["AA"],`, 1))
	if string(k.JWK()) != ecJWK {
		t.Errorf("got %s, want %s", k.JWK(), ecJWK)
	}
	var zero jose.Key
	if b, err := json.Marshal(zero); err != nil || string(b) != "null" || zero.JWK() != nil || zero.Public() != nil || zero.Algorithm() != "" || zero.String() != "no key" {
		t.Errorf("zero key: got %s, %v", b, err)
	}
}

// TestThumbprint has the thumbprint that RFC 8037, Appendix A.3, gives for its key.
func TestThumbprint(t *testing.T) {
	got := parseKey(t, edJWK).Thumbprint()
	if want := "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; got.String() != want {
		t.Errorf("got %s, want %s", got, want)
	}
	back, err := jose.ParseThumbprint(got.String())
	if err != nil || back != got {
		t.Errorf("got %s, %v", back, err)
	}
	var read map[jose.Thumbprint]int
	if b, err := json.Marshal(map[jose.Thumbprint]int{got: 1}); err != nil || json.Unmarshal(b, &read) != nil || read[got] != 1 {
		t.Errorf("as a member name: got %v, %v", read, err)
	}
	for _, s := range []string{"", got.String()[1:], got.String() + "A", got.String()[:42] + "l"} {
		if _, err := jose.ParseThumbprint(s); err == nil {
			t.Errorf("%q: accepted", s)
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	with := func(s string) string { return strings.Replace(ecJWK, "{", "{"+s+",", 1) }
	for name, s := range map[string]string{
		"empty":             ``,
		"null":              `null`,
		"array":             `[` + ecJWK + `]`,
		"private EC":        with(`"d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"`),
		"private null":      with(`"d":null`),
		"symmetric":         `{"kty":"oct","k":"AAAA"}`,
		"symmetric aside":   with(`"k":"AAAA"`),
		"RSA":               `{"kty":"RSA","n":"AQAB","e":"AQAB"}`,
		"P-384":             strings.Replace(ecJWK, "P-256", "P-384", 1),
		"secp256k1":         strings.Replace(ecJWK, "P-256", "secp256k1", 1),
		"X25519":            strings.Replace(edJWK, "Ed25519", "X25519", 1),
		"Ed448":             strings.Replace(edJWK, "Ed25519", "Ed448", 1),
		"EC as OKP":         strings.Replace(ecJWK, `"EC"`, `"OKP"`, 1),
		"off the curve":     strings.Replace(ecJWK, `"x":"MKB`, `"x":"NKB`, 1),
		"point at zero":     `{"crv":"P-256","kty":"EC","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`,
		"x above the field": `{"crv":"P-256","kty":"EC","x":"` + strings.Repeat("_", 42) + `8","y":"` + strings.Repeat("A", 43) + `"}`,
		"short x":           strings.Replace(ecJWK, `"x":"MKBC`, `"x":"`, 1),
		"long x":            strings.Replace(ecJWK, `"x":"MKBC`, `"x":"AAAAMKBC`, 1),
		"padded x":          strings.Replace(ecJWK, `7D4"`, `7D4="`, 1),
		"trailing bits":     strings.Replace(ecJWK, `7D4"`, `7D5"`, 1),
		"no y":              strings.Replace(ecJWK, `"y"`, `"z"`, 1),
		"x is a number":     strings.Replace(ecJWK, `"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"`, `"x":1`, 1),
		"KTY":               strings.Replace(ecJWK, `"kty"`, `"KTY"`, 1),
		"x named twice":     with(`"x":"AAAA"`),
		"OKP with y":        strings.Replace(edJWK, "{", `{"y":"AAAA",`, 1),
		"too long":          with(`"kid":"` + strings.Repeat("k", jose.MaxKey) + `"`),
	} {
		if k, err := jose.ParseKey([]byte(s)); !errors.Is(err, jose.ErrKey) {
			t.Errorf("%s: got %v, %v, want ErrKey", name, k, err)
		} else if strings.Contains(err.Error(), "870MB6") {
			t.Errorf("%s: the error holds the secret", name)
		}
	}
}

func TestNewKeyRefuses(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, pub := range map[string]any{
		"nil":        nil,
		"nil ECDSA":  (*ecdsa.PublicKey)(nil),
		"nil ECDH":   (*ecdh.PublicKey)(nil),
		"P-384":      &p384.PublicKey,
		"X25519":     x25519.PublicKey(),
		"RSA":        &rsa.PublicKey{N: big.NewInt(15), E: 3},
		"off curve":  &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)},
		"short Ed":   ed25519.PublicKey{1},
		"secret key": []byte("secret"),
	} {
		if k, err := jose.NewKey(pub); !errors.Is(err, jose.ErrKey) {
			t.Errorf("%s: got %v, %v, want ErrKey", name, k, err)
		}
	}
}

// TestEd25519SmallOrder has the encodings of the points of small order, canonical and not. That each is one is shown by
// forging: with R the identity and S zero, some message verifies without any private key.
func TestEd25519SmallOrder(t *testing.T) {
	for _, s := range []string{
		"0100000000000000000000000000000000000000000000000000000000000000", // order 1
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
		"0000000000000000000000000000000000000000000000000000000000000080", // order 4
		"0000000000000000000000000000000000000000000000000000000000000000", // order 4
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", // order 8
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", // order 8
		"0100000000000000000000000000000000000000000000000000000000000080", // order 1, not canonical
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 4, not canonical
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 1, not canonical
	} {
		point, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		forged := make([]byte, 64)
		forged[0] = 1
		verified := false
		for i := byte(0); i < 200 && !verified; i++ {
			verified = ed25519.Verify(point, []byte{i}, forged)
		}
		if !verified {
			t.Errorf("%s: not of small order", s)
		}
		if jose.GoodEd25519([32]byte(point)) {
			t.Errorf("%s: accepted", s)
		}
	}
	for i := range byte(20) {
		pub := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i}, 32)).Public().(ed25519.PublicKey)
		if !jose.GoodEd25519([32]byte(pub)) {
			t.Errorf("%x: refused", pub)
		}
	}
	// y = 2 is on no point.
	if jose.GoodEd25519([32]byte{2}) {
		t.Error("a point off the curve: accepted")
	}
}

func TestPrivateKey(t *testing.T) {
	k := generate(t)
	again, err := jose.ParsePrivateKey(k.Bytes())
	if err != nil || again.Public() != k.Public() || len(k.Bytes()) != 32 {
		t.Errorf("got %v, %v", again, err)
	}
	ecdhKey, err := jose.NewKey(k.ECDH().PublicKey())
	if err != nil || ecdhKey != k.Public() {
		t.Errorf("got %v, %v", ecdhKey, err)
	}
	order := elliptic.P256().Params().N.Bytes()
	for name, b := range map[string][]byte{"zero": make([]byte, 32), "order": order, "short": make([]byte, 31), "long": append(k.Bytes(), 0), "nil": nil} {
		if _, err := jose.ParsePrivateKey(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// Equal randomness, equal key; what exceeds the order is drawn again.
	seed := append(bytes.Repeat([]byte{0xff}, 32), bytes.Repeat([]byte{7}, 32)...)
	a, err := jose.Generate(bytes.NewReader(seed))
	if err != nil || !bytes.Equal(a.Bytes(), seed[32:]) {
		t.Errorf("got %v, %v", a, err)
	}
	if _, err := jose.Generate(bytes.NewReader(seed[:32])); err == nil {
		t.Error("randomness that ends: a key")
	}
	if _, err := jose.Generate(endless(0)); err == nil {
		t.Error("randomness that is zero: a key")
	}
}

type endless byte

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e)
	}
	return len(b), nil
}

// TestSignRFC6979 has the signature of RFC 6979, Appendix A.2.5, over "sample" with SHA-256.
func TestSignRFC6979(t *testing.T) {
	scalar, err := hex.DecodeString("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
	if err != nil {
		t.Fatal(err)
	}
	k, err := jose.ParsePrivateKey(scalar)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := k.Sign([]byte("sample"))
	want := "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" + "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
	if err != nil || hex.EncodeToString(sig) != want {
		t.Errorf("got %x, %v, want %s", sig, err, want)
	}
}

func TestPrivateKeyPrintsRedacted(t *testing.T) {
	k := generate(t)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k)
	asJSON, err := json.Marshal(struct{ K *jose.PrivateKey }{k})
	if err != nil {
		t.Fatal(err)
	}
	out := log.String() + string(asJSON) + k.String() + k.GoString()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		s := fmt.Sprintf(verb, k)
		if s != "[redacted]" {
			t.Errorf("%s: got %s", verb, s)
		}
	}
	scalar := new(big.Int).SetBytes(k.Bytes())
	for _, secret := range []string{scalar.String(), hex.EncodeToString(k.Bytes()), jose.EncodeSegment(k.Bytes())} {
		if strings.Contains(out, secret) {
			t.Error("the scalar is printed")
		}
	}
	if strings.Count(out, "[redacted]") != 4 {
		t.Errorf("got %s", out)
	}
}

func TestFromDER(t *testing.T) {
	for name, s := range map[string]string{
		"zero r":    "3006020100020101",
		"zero s":    "3006020101020100",
		"negative":  "30060201ff020101",
		"trailing":  "300602010102010100",
		"truncated": "3006020101",
		"r too big": "3027022201" + strings.Repeat("00", 33) + "020101",
	} {
		der, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		if sig, err := jose.FromDER(der); err == nil {
			t.Errorf("%s: got %x", name, sig)
		}
	}
}

func TestKeySet(t *testing.T) {
	set, err := jose.ParseKeySet([]byte(`{"keys":[` + strings.Replace(ecJWK, "{", `{"kid":"a","use":"enc","alg":"ECDH-ES",`, 1) + `,` + edJWK + `,
		{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a"},{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if k, ok := set.Find("a"); !ok || k != parseKey(t, ecJWK) || len(set.Keys) != 2 || set.Keys[0].Use != "enc" || set.Keys[0].Alg != "ECDH-ES" {
		t.Errorf("got %+v", set)
	}
	for _, kid := range []string{"", "b"} {
		if k, ok := set.Find(kid); ok {
			t.Errorf("kid %q: got %v", kid, k)
		}
	}
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	again, err := jose.ParseKeySet(b)
	if err != nil || len(again.Keys) != 2 || again.Keys[0] != set.Keys[0] || again.Keys[1] != set.Keys[1] {
		t.Errorf("got %+v, %v", again, err)
	}
	if b, err := json.Marshal(jose.KeySet{}); err != nil || string(b) != `{"keys":[]}` {
		t.Errorf("empty: got %s, %v", b, err)
	}
	if _, err := json.Marshal(jose.NamedKey{}); err == nil {
		t.Error("no key: written")
	}
	for name, s := range map[string]string{
		"no keys":        `{}`,
		"null":           `{"keys":null}`,
		"key alone":      ecJWK,
		"private":        `{"keys":[` + strings.Replace(ecJWK, "{", `{"d":"AA",`, 1) + `]}`,
		"private RSA":    `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AA"}]}`,
		"off the curve":  `{"keys":[` + strings.Replace(ecJWK, `"x":"MKB`, `"x":"NKB`, 1) + `]}`,
		"one kid, two":   `{"keys":[` + strings.Replace(ecJWK, "{", `{"kid":"a",`, 1) + `,` + strings.Replace(edJWK, "{", `{"kid":"a",`, 1) + `]}`,
		"kid number":     `{"keys":[` + strings.Replace(ecJWK, "{", `{"kid":1,`, 1) + `]}`,
		"named twice":    `{"keys":[],"keys":[]}`,
		"key is a text":  `{"keys":["a"]}`,
		"key has no kty": `{"keys":[{}]}`,
		"too long":       `{"keys":[],"x":"` + strings.Repeat("x", jose.MaxKeySet) + `"}`,
	} {
		if set, err := jose.ParseKeySet([]byte(s)); err == nil {
			t.Errorf("%s: got %+v", name, set)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte(ecJWK))
	f.Add([]byte(edJWK))
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := jose.ParseKey(b)
		if err != nil {
			return
		}
		if again := parseKey(t, string(k.JWK())); again != k {
			t.Errorf("got %s, want %s", again.JWK(), k.JWK())
		}
		if again, err := jose.NewKey(k.Public()); err != nil || again != k {
			t.Errorf("got %v, %v", again, err)
		}
	})
}

func FuzzParseKeySet(f *testing.F) {
	f.Add([]byte(`{"keys":[` + ecJWK + `,` + edJWK + `]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		set, err := jose.ParseKeySet(b)
		if err != nil {
			return
		}
		out, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := jose.ParseKeySet(out); err != nil || len(again.Keys) != len(set.Keys) {
			t.Errorf("got %v, %v", again, err)
		}
	})
}
