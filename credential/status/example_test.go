package status_test

import (
	"crypto/rand"
	"fmt"
	"time"

	"kindpakket/credential/jose"
	"kindpakket/credential/status"
)

func Example() {
	municipality, err := jose.Generate(rand.Reader)
	if err != nil {
		panic(err)
	}
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

	// The issuer: a card gets an index, and is revoked.
	list, err := status.New(1 << 17)
	if err != nil {
		panic(err)
	}
	given := map[int]bool{}
	index, err := status.Allocate(rand.Reader, list.Len(), func(i int) bool { return given[i] })
	if err != nil {
		panic(err)
	}
	given[index] = true
	card := map[string]any{"status": status.Reference{Index: index, URI: "https://zuidhorn.example/status/1"}.Claim()}
	if err := list.Set(index, status.Invalid); err != nil {
		panic(err)
	}
	text, err := status.Issue(municipality, jose.Header{}, status.Token{
		URI: "https://zuidhorn.example/status/1", IssuedAt: now, Expires: now.AddDate(0, 0, 7), TTL: 12 * time.Hour, List: list,
	})
	if err != nil {
		panic(err)
	}

	// The verifier, after the card itself was verified.
	ref, err := status.FromClaims(card)
	if err != nil {
		panic(err)
	}
	token, err := status.Verify(text, status.Policy{
		URI: ref.URI, Now: now, Leeway: time.Minute,
		Key: func(jose.Header, string) (jose.Key, error) { return municipality.Public(), nil },
	})
	if err != nil {
		panic(err)
	}
	v, err := token.Status(ref)
	fmt.Println(v == status.Invalid, err)
	// Output: true <nil>
}
