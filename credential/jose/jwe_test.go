package jose_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"kindpakket/credential/jose"
)

func TestEncryptAndDecrypt(t *testing.T) {
	k := generate(t)
	for _, enc := range []jose.Encryption{jose.A128GCM, jose.A256GCM} {
		token, err := jose.Encrypt([]byte("hello"), k.Public(), jose.EncryptHeader{Enc: enc, KeyID: "x", APU: []byte("u"), APV: []byte("v")})
		if err != nil {
			t.Fatal(err)
		}
		kid, err := jose.DecryptHeader(token)
		if err != nil || kid != "x" {
			t.Fatalf("got kid %q, %v", kid, err)
		}
		got, err := jose.Decrypt(token, k.ECDH())
		if err != nil || string(got) != "hello" {
			t.Fatalf("got %q, %v", got, err)
		}
		if _, err := jose.Decrypt(token, generate(t).ECDH()); !errors.Is(err, jose.ErrDecrypt) {
			t.Errorf("another key: got %v, want ErrDecrypt", err)
		}
	}
}

// The keys of RFC 7518, Appendix C.
const (
	rfc7518EPK = `{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}`
	rfc7518Bob = "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"
	rfc7518CEK = "VqqN6vgjbSBcIijNcacQGg"
)

// seal writes a JWE with this header under the key that RFC 7518, Appendix C, derives.
func seal(t testing.TB, header, payload string) string {
	t.Helper()
	cek, err := jose.DecodeSegment(rfc7518CEK)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(cek)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	iv := make([]byte, 12)
	protected := jose.EncodeSegment([]byte(header))
	sealed := gcm.Seal(nil, iv, []byte(payload), []byte(protected))
	n := len(sealed) - 16
	return strings.Join([]string{protected, "", jose.EncodeSegment(iv), jose.EncodeSegment(sealed[:n]), jose.EncodeSegment(sealed[n:])}, ".")
}

func bob(t testing.TB) *ecdh.PrivateKey {
	t.Helper()
	d, err := jose.DecodeSegment(rfc7518Bob)
	if err != nil {
		t.Fatal(err)
	}
	k, err := jose.ParsePrivateKey(d)
	if err != nil {
		t.Fatal(err)
	}
	return k.ECDH()
}

const rfc7518Header = `{"alg":"ECDH-ES","enc":"A128GCM","apu":"QWxpY2U","apv":"Qm9i","epk":` + rfc7518EPK + `}`

// TestDecryptRFC7518 opens a token under the key that Appendix C gives, so the derivation is the RFC's.
func TestDecryptRFC7518(t *testing.T) {
	got, err := jose.Decrypt(seal(t, rfc7518Header, "hello"), bob(t))
	if err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	other := strings.Replace(rfc7518Header, "Qm9i", "Qm9j", 1)
	if _, err := jose.Decrypt(seal(t, other, "hello"), bob(t)); !errors.Is(err, jose.ErrDecrypt) {
		t.Errorf("another apv: got %v, want ErrDecrypt", err)
	}
}

func TestDecryptRefuses(t *testing.T) {
	with := func(member string) string {
		return seal(t, strings.Replace(rfc7518Header, "{", "{"+member+",", 1), "hello")
	}
	replace := func(old, new string) string { return seal(t, strings.Replace(rfc7518Header, old, new, 1), "hello") }
	good := seal(t, rfc7518Header, "hello")
	part := func(i int, s string) string {
		parts := strings.Split(good, ".")
		parts[i] = s
		return strings.Join(parts, ".")
	}
	for name, tc := range map[string]struct {
		token string
		want  error
	}{
		"zip":                  {with(`"zip":"DEF"`), jose.ErrHeader},
		"crit":                 {with(`"crit":["exp"]`), jose.ErrHeader},
		"p2c":                  {with(`"p2c":2147483647`), jose.ErrHeader},
		"jku":                  {with(`"jku":"https://evil.example"`), jose.ErrHeader},
		"x5u":                  {with(`"x5u":"https://evil.example"`), jose.ErrHeader},
		"jwk":                  {with(`"jwk":` + rfc7518EPK), jose.ErrHeader},
		"unknown member":       {with(`"x":1`), jose.ErrHeader},
		"alg twice":            {with(`"alg":"dir"`), jose.ErrHeader},
		"PBES2":                {replace("ECDH-ES", "PBES2-HS256+A128KW"), jose.ErrAlgorithm},
		"dir":                  {replace("ECDH-ES", "dir"), jose.ErrAlgorithm},
		"RSA1_5":               {replace("ECDH-ES", "RSA1_5"), jose.ErrAlgorithm},
		"ECDH-ES+A128KW":       {replace("ECDH-ES", "ECDH-ES+A128KW"), jose.ErrAlgorithm},
		"A128CBC-HS256":        {replace("A128GCM", "A128CBC-HS256"), jose.ErrAlgorithm},
		"A192GCM":              {replace("A128GCM", "A192GCM"), jose.ErrAlgorithm},
		"no enc":               {replace(`"enc":"A128GCM",`, ``), jose.ErrAlgorithm},
		"no epk":               {replace(`"epk":`, `"kid":"a","cty":"b","typ":`), jose.ErrHeader},
		"epk off the curve":    {replace(`"gI0G`, `"hI0G`), jose.ErrHeader},
		"epk on P-384":         {replace("P-256", "P-384"), jose.ErrHeader},
		"epk with d":           {replace(`"epk":{`, `"epk":{"d":"AA",`), jose.ErrHeader},
		"epk is Ed25519":       {replace(rfc7518EPK, edJWK), jose.ErrHeader},
		"apu is a number":      {replace(`"QWxpY2U"`, `1`), jose.ErrHeader},
		"apu not canonical":    {replace(`QWxpY2U`, `QWxpY2V`), jose.ErrHeader},
		"kid is a number":      {with(`"kid":1`), jose.ErrHeader},
		"an encrypted key":     {part(1, "AAAA"), jose.ErrToken},
		"short IV":             {part(2, "AAAA"), jose.ErrToken},
		"short tag":            {part(4, "AAAA"), jose.ErrToken},
		"tag with line break":  {part(4, "AAAAAAAAAAAAAAAAAAAAA\nA"), jose.ErrToken},
		"text not canonical":   {part(3, "AB"), jose.ErrToken},
		"four segments":        {good[:strings.LastIndex(good, ".")], jose.ErrToken},
		"JSON":                 {`{"ciphertext":"AA","recipients":[]}`, jose.ErrToken},
		"header not base64url": {part(0, "e30="), jose.ErrHeader},
		"header not an object": {part(0, "W10"), jose.ErrHeader},
		"too long":             {part(3, strings.Repeat("A", jose.MaxToken)), jose.ErrToken},
		"another tag":          {part(4, strings.Repeat("A", 22)), jose.ErrDecrypt},
		"another text":         {part(3, "AAAA"), jose.ErrDecrypt},
		"another enc":          {replace("A128GCM", "A256GCM"), jose.ErrDecrypt},
	} {
		got, err := jose.Decrypt(tc.token, bob(t))
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: got %q, %v, want %v", name, got, err, tc.want)
		}
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []*ecdh.PrivateKey{nil, x25519} {
		if _, err := jose.Decrypt(good, key); !errors.Is(err, jose.ErrKey) {
			t.Errorf("key %v: got %v, want ErrKey", key, err)
		}
	}
}

func TestEncryptRefuses(t *testing.T) {
	k := generate(t).Public()
	for name, tc := range map[string]struct {
		to   jose.Key
		h    jose.EncryptHeader
		size int
		want error
	}{
		"Ed25519":   {parseKey(t, edJWK), jose.EncryptHeader{Enc: jose.A128GCM}, 1, jose.ErrKey},
		"no key":    {jose.Key{}, jose.EncryptHeader{Enc: jose.A128GCM}, 1, jose.ErrKey},
		"no enc":    {k, jose.EncryptHeader{}, 1, jose.ErrAlgorithm},
		"CBC":       {k, jose.EncryptHeader{Enc: "A128CBC-HS256"}, 1, jose.ErrAlgorithm},
		"too large": {k, jose.EncryptHeader{Enc: jose.A128GCM}, jose.MaxToken, jose.ErrToken},
	} {
		if _, err := jose.Encrypt(make([]byte, tc.size), tc.to, tc.h); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
}

// TestEncryptIsFresh: every token has an ephemeral key of its own.
func TestEncryptIsFresh(t *testing.T) {
	k := generate(t).Public()
	seen := map[string]bool{}
	for range 3 {
		token, err := jose.Encrypt([]byte("x"), k, jose.EncryptHeader{Enc: jose.A128GCM})
		if err != nil {
			t.Fatal(err)
		}
		header, _, _ := strings.Cut(token, ".")
		if seen[header] {
			t.Error("an ephemeral key came twice")
		}
		seen[header] = true
	}
}

func FuzzDecrypt(f *testing.F) {
	f.Add(seal(f, rfc7518Header, "hello"))
	f.Add(seal(f, strings.Replace(rfc7518Header, "{", `{"kid":"a","typ":"b","cty":"c",`, 1), ""))
	key := bob(f)
	f.Fuzz(func(t *testing.T, s string) {
		_, headerErr := jose.DecryptHeader(s)
		if _, err := jose.Decrypt(s, key); headerErr != nil && err == nil {
			t.Errorf("opened what the header refuses: %v", headerErr)
		}
	})
}
