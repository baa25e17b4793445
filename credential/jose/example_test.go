package jose_test

import (
	"crypto/rand"
	"fmt"

	"kindpakket/credential/jose"
)

func Example() {
	key, err := jose.Generate(rand.Reader)
	if err != nil {
		panic(err)
	}
	token, err := jose.Sign(key, jose.Header{Type: "kb+jwt"}, []byte(`{"aud":"x509_hash:…","nonce":"…"}`))
	if err != nil {
		panic(err)
	}

	j, err := jose.Parse(token)
	if err != nil {
		panic(err)
	}
	fmt.Println(j.Header.Type, j.Header.Algorithm)
	fmt.Println(j.Verify(key.Public())) // only now is j.Payload to be believed
	fmt.Println(key)
	// Output:
	// kb+jwt ES256
	// <nil>
	// [redacted]
}
