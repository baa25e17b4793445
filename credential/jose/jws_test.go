package jose_test

import (
	"bytes"
	"crypto/rand"
	"errors"
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
