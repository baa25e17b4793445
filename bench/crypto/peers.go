package main

import (
	"bytes"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"embed"
	"errors"

	"github.com/hyperledger/aries-framework-go/pkg/crypto/primitive/bbs12381g2pub"
	"github.com/privacybydesign/gabi"
	"github.com/privacybydesign/gabi/big"
	"github.com/privacybydesign/gabi/gabikeys"
)

// measureAries measures the BBS+ of aries-framework-go v0.3.2: the scheme of 2020, with its two more group elements in
// a proof, on kilic/bls12-381. Its derive verifies the signature first; nothing can be left out of it.
func measureAries(m *meter, runs int) (verified, error) {
	out := verified{name: "aries-framework-go bbs12381g2pub"}
	seed := make([]byte, 32)
	cryptorand.Read(seed)
	public, private, err := bbs12381g2pub.GenerateKeyPair(sha256.New, seed)
	if err != nil {
		return out, err
	}
	pk, err := public.Marshal()
	if err != nil {
		return out, err
	}
	scheme := bbs12381g2pub.New()
	all := messages()
	sig, err := scheme.SignWithKey(all, private)
	if err != nil {
		return out, err
	}
	nonce := []byte("nonce")
	out.derive = m.measure("aries: derive, 3 of 10 shown", "", runs, 1, func() { must(scheme.DeriveProof(all, sig, nonce, pk, shown)) })
	proof, err := scheme.DeriveProof(all, sig, nonce, pk, shown)
	if err != nil {
		return out, err
	}
	disclosed := [][]byte{all[shown[0]], all[shown[1]], all[shown[2]]}
	out.verify = m.measure("aries: proof parse and verify", "", runs, 1, func() {
		// VerifyProof turns the first bytes of its argument around in place: a second look at the same slice fails.
		check(scheme.VerifyProof(disclosed, bytes.Clone(proof), nonce, pk))
	})
	return out, nil
}

// The key of testdata is for this benchmark only: a modulus of 2048 bits of two safe primes takes minutes to find.
//
//go:embed testdata/gabi-private.xml testdata/gabi-public.xml
var gabiKey embed.FS

// measureGabi measures gabi, the Idemix of Yivi, with the 2048-bit modulus that Yivi uses. Proofs stay values there; its
// parsing is not counted.
func measureGabi(m *meter, runs int) (verified, error) {
	out := verified{name: "gabi (Idemix, 2048 bits)"}
	sk, pk, err := readGabiKey()
	if err != nil {
		return out, err
	}
	attributes := make([]*big.Int, 10)
	for i, b := range messages() {
		attributes[i] = new(big.Int).SetBytes(b)
	}
	random := func(bits uint) *big.Int {
		return must(big.RandInt(cryptorand.Reader, new(big.Int).Lsh(big.NewInt(1), bits)))
	}
	context, nonce1, nonce2 := random(pk.Params.Lh), random(pk.Params.Lstatzk), random(pk.Params.Lstatzk)
	builder, err := gabi.NewCredentialBuilder(pk, context, random(pk.Params.Lm), nonce2, nil, nil)
	if err != nil {
		return out, err
	}
	request, err := builder.CommitToSecretAndProve(nonce1)
	if err != nil {
		return out, err
	}
	answer, err := gabi.NewIssuer(sk, pk, context).IssueSignature(request.U, attributes, nil, nonce2, nil)
	if err != nil {
		return out, err
	}
	credential, err := builder.ConstructCredential(answer, attributes)
	if err != nil {
		return out, err
	}
	nonce := random(pk.Params.Lstatzk)
	disclosed := []int{shown[0] + 1, shown[1] + 1, shown[2] + 1} // the holder's secret is the first
	out.derive = m.measure("gabi: derive, 3 of 10 shown", "", runs, 1, func() {
		must(credential.CreateDisclosureProof(disclosed, nil, false, context, nonce))
	})
	proof, err := credential.CreateDisclosureProof(disclosed, nil, false, context, nonce)
	if err != nil {
		return out, err
	}
	out.verify = m.measure("gabi: proof verify", "", runs, 1, func() {
		if !proof.Verify(pk, context, nonce, false) {
			panic("gabi's proof does not verify")
		}
	})
	return out, nil
}

func readGabiKey() (*gabikeys.PrivateKey, *gabikeys.PublicKey, error) {
	private, err := gabiKey.ReadFile("testdata/gabi-private.xml")
	if err != nil {
		return nil, nil, err
	}
	public, err := gabiKey.ReadFile("testdata/gabi-public.xml")
	if err != nil {
		return nil, nil, err
	}
	sk, err1 := gabikeys.NewPrivateKeyFromXML(string(private), false)
	pk, err2 := gabikeys.NewPublicKeyFromXML(string(public))
	return sk, pk, errors.Join(err1, err2)
}
