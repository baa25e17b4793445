package did_test

import (
	"fmt"

	"kindpakket/credential/did"
)

func Example() {
	holder := did.FromJWK([]byte(`{"crv":"P-256","kty":"EC","x":"acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0","y":"_KcyLj9vWMptnmKtm46GqDz8wf74I5LKgrl2GzH3nSE"}`))
	doc, err := did.Resolve(holder)
	if err != nil {
		panic(err)
	}
	key, err := doc.Key("#0", did.Authentication)
	fmt.Println(len(key), err)

	where, err := did.WebURL("did:web:zuidhorn.example:shops:fietsen")
	fmt.Println(where, err)
	// Output:
	// 126 <nil>
	// https://zuidhorn.example/shops/fietsen/did.json <nil>
}
