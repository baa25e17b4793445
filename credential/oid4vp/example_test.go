package oid4vp_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kindpakket/credential/did"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
)

// A shop that is known by its DID asks for a card; a wallet finds out who asks, and answers.
func Example() {
	now := time.Date(2027, 3, 1, 10, 15, 30, 0, time.UTC)
	key, err := jose.Generate(rand.Reader) // the shop's
	if err != nil {
		fmt.Println(err)
		return
	}
	shop := did.FromJWK(key.Public().JWK())

	// The shop:
	request := oid4vp.Request{
		ClientID: oid4vp.DIDClientID(shop), ResponseMode: oid4vp.DirectPost, ResponseURI: "https://ketting.example/responses/1",
		Nonce: "n-0S6_WzA2Mj", State: "1", Query: json.RawMessage(`{"credentials":[{"id":"card","format":"dc+sd-jwt"}]}`),
		Metadata: oid4vp.NewClientMetadata(jose.Key{}, ""), IssuedAt: now, ExpiresAt: now.Add(2 * time.Minute),
	}
	object, err := request.SignDID(key, string(shop)+"#0")
	if err != nil {
		fmt.Println(err)
		return
	}

	// The wallet, which has the client id from the link in the QR code:
	policy := oid4vp.Policy{ClientID: request.ClientID, Now: now, Document: did.Resolve}
	asked, err := policy.Verify(object)
	if err != nil {
		fmt.Println(err)
		return
	}
	form, err := asked.Form(oid4vp.TextToken("card", "eyJ~WyJ~eyK"))
	if err != nil {
		fmt.Println(err)
		return
	}

	// The shop again:
	expected := oid4vp.Expected{
		ResponseMode: oid4vp.DirectPost, State: "1", QueryIDs: []string{"card"},
		Key: func(kid string) (*ecdh.PrivateKey, error) { return nil, errors.New("not encrypted") },
	}
	response, err := expected.Parse([]byte(form.Encode()))
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := response.Token.Text("card")
	fmt.Println(asked.DID == shop, text, err)
	// Output: true eyJ~WyJ~eyK <nil>
}
