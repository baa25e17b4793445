package sdjwt_test

import (
	"crypto/rand"
	"fmt"
	"time"

	"kindpakket/credential/jose"
	"kindpakket/credential/sdjwt"
)

// A municipality issues a card, a wallet shows a part of it to a shop, and the shop checks.
func Example() {
	municipality, err := jose.Generate(rand.Reader)
	if err != nil {
		panic(err)
	}
	phone, err := jose.Generate(rand.Reader)
	if err != nil {
		panic(err)
	}
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

	card, err := sdjwt.Issue(rand.Reader, municipality, sdjwt.Template{
		Claims: map[string]any{"vct": "https://zuidhorn.example/kindpakket", "exp": now.AddDate(0, 8, 0).Unix(), "fund": "kindpakket", "children": 2},
		Holder: phone.Public(),
		Hide:   []sdjwt.Path{{"fund"}, {"children"}},
		Decoys: []sdjwt.Decoys{{Count: 3}},
	})
	if err != nil {
		panic(err)
	}

	shown, err := card.Present(sdjwt.Path{"fund"})
	if err != nil {
		panic(err)
	}
	for _, d := range shown.Disclosures() {
		fmt.Println("you show", d.Path, d.Value)
	}
	presentation, err := shown.Bind(phone, sdjwt.KB{Audience: "x509_hash:shop", Nonce: "order", IssuedAt: now})
	if err != nil {
		panic(err)
	}

	got, err := sdjwt.Parse(presentation.String())
	if err != nil {
		panic(err)
	}
	v, err := got.Verify(sdjwt.Policy{
		Now:      now.Add(2 * time.Second),
		Leeway:   time.Minute,
		Key:      sdjwt.TrustKey(municipality.Public()),
		VCT:      []string{"https://zuidhorn.example/kindpakket"},
		Required: []string{"exp", "fund"},
		Binding:  &sdjwt.Binding{Audience: "x509_hash:shop", Nonce: "order", MaxAge: 5 * time.Minute},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("fund", v.Claims["fund"], "children", v.Claims["children"])
	fmt.Println("the holder's key", v.Holder == phone.Public())
	// Output:
	// you show ["fund"] kindpakket
	// fund kindpakket children <nil>
	// the holder's key true
}
