package bbs_test

import (
	"crypto/rand"
	"fmt"
	"log"

	"kindpakket/credential/bbs"
)

// A municipality signs four statements; the holder shows two of them.
func Example() {
	material := make([]byte, 32)
	rand.Read(material)
	key, err := bbs.KeyGen(bbs.SHA256, material, []byte("cards 2027"))
	if err != nil {
		log.Fatal(err)
	}
	header := []byte("urn:kindpakket:card:1")
	messages := [][]byte{
		[]byte("fund=kindpakket"),
		[]byte("period=2027"),
		[]byte("children=2"),
		[]byte("amount=60000"),
	}
	sig, err := key.Sign(header, messages)
	if err != nil {
		log.Fatal(err)
	}

	// The holder gets 80 bytes, checks them and keeps them.
	public := key.Public()
	sig, err = bbs.ParseSignature(sig.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	if err := public.Verify(sig, header, messages); err != nil {
		log.Fatal(err)
	}

	// A library asks for fund and period, with a number of its own that makes the answer fresh.
	nonce := []byte("nonce of the library")
	proof, err := public.ProofGen(sig, header, nonce, messages, []int{0, 1})
	if err != nil {
		log.Fatal(err)
	}

	// The library knows what it was told and where it stands in the list; it sees neither children nor amount.
	shown := map[int][]byte{0: []byte("fund=kindpakket"), 1: []byte("period=2027")}
	proof, err = bbs.ParseProof(proof.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("verified:", public.ProofVerify(proof, header, nonce, shown) == nil)
	shown[1] = []byte("period=2028")
	fmt.Println("with another period:", public.ProofVerify(proof, header, nonce, shown))
	// Output:
	// verified: true
	// with another period: proof does not verify
}

// The issuer signs a secret of the holder's without seeing it, so that the card is useless without it.
func ExampleSecretKey_BlindSign() {
	material := make([]byte, 32)
	rand.Read(material)
	key, err := bbs.KeyGen(bbs.SHA256, material, nil)
	if err != nil {
		log.Fatal(err)
	}
	public := key.Public()

	secret := [][]byte{[]byte("a secret of the holder")}
	commitment, blind, err := bbs.SHA256.Commit(secret) // holder
	if err != nil {
		log.Fatal(err)
	}
	open := [][]byte{[]byte("fund=kindpakket")}
	sig, err := key.BlindSign(&commitment, nil, open) // issuer
	if err != nil {
		log.Fatal(err)
	}
	if err := public.VerifyBlindSign(sig, nil, open, secret, blind); err != nil { // holder
		log.Fatal(err)
	}

	proof, err := public.BlindProofGen(sig, nil, []byte("nonce"), open, secret, blind, []int{0}, nil)
	if err != nil {
		log.Fatal(err)
	}
	err = public.BlindProofVerify(proof, nil, []byte("nonce"), 1, map[int][]byte{0: open[0]}, nil)
	fmt.Println("verified:", err == nil)
	// Output:
	// verified: true
}
