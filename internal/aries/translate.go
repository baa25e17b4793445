package aries

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/json"

	diddoc "github.com/hyperledger/aries-framework-go/pkg/doc/did"

	"kindpakket/credential/jose"
)

// method is a verification method as did.ParseDocument reads it.
type method struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	Controller string          `json:"controller"`
	JWK        json.RawMessage `json:"publicKeyJwk,omitempty"` // none for a kind of key we do not use: it is left out then
}

// translate writes what aries made of a document as the JSON that did.ParseDocument, which has the last word, reads. Keys in the
// spellings that aries knows and did does not are written as JWK; a method that is listed and embedded besides, as aries does for
// did:key, is listed once and referred to.
func translate(doc *diddoc.Doc) ([]byte, error) {
	listed := make(map[string][]byte) // id → key
	out := struct {
		ID             string   `json:"id"`
		Methods        []method `json:"verificationMethod"`
		Authentication []any    `json:"authentication"`
		Assertion      []any    `json:"assertionMethod"`
		Agreement      []any    `json:"keyAgreement"`
	}{ID: doc.ID, Methods: []method{}, Authentication: []any{}, Assertion: []any{}, Agreement: []any{}}
	for _, vm := range doc.VerificationMethod {
		m, err := translateMethod(vm)
		if err != nil {
			return nil, err
		}
		listed[m.ID] = vm.Value
		out.Methods = append(out.Methods, m)
	}
	for _, rel := range []struct {
		from []diddoc.Verification
		to   *[]any
	}{
		{doc.Authentication, &out.Authentication},
		{doc.AssertionMethod, &out.Assertion},
		{doc.KeyAgreement, &out.Agreement},
	} {
		for _, v := range rel.from {
			key, ok := listed[v.VerificationMethod.ID]
			if !v.Embedded || ok && bytes.Equal(key, v.VerificationMethod.Value) {
				*rel.to = append(*rel.to, v.VerificationMethod.ID)
				continue
			}
			// Another key under an id that is taken stays, for did to refuse.
			m, err := translateMethod(v.VerificationMethod)
			if err != nil {
				return nil, err
			}
			*rel.to = append(*rel.to, m)
		}
	}
	return json.Marshal(out)
}

func translateMethod(vm diddoc.VerificationMethod) (method, error) {
	m := method{ID: vm.ID, Type: vm.Type, Controller: vm.Controller}
	if j := vm.JSONWebKey(); j != nil {
		jwk, err := j.MarshalJSON()
		m.JWK = jwk
		return m, err
	}
	if key, ok := keyOf(vm); ok {
		m.JWK = key.JWK()
	}
	return m, nil
}

// Multicodec prefixes, as unsigned varints.
var (
	codecEd25519 = []byte{0xed, 0x01} // ed25519-pub
	codecP256    = []byte{0x80, 0x24} // p256-pub, compressed point
)

func keyOf(vm diddoc.VerificationMethod) (jose.Key, bool) {
	switch vm.Type {
	case "Ed25519VerificationKey2018":
		return keyOfPublic(ed25519.PublicKey(vm.Value))
	case "Multikey", "Ed25519VerificationKey2020":
		if raw, ok := bytes.CutPrefix(vm.Value, codecEd25519); ok {
			return keyOfPublic(ed25519.PublicKey(raw))
		}
		if raw, ok := bytes.CutPrefix(vm.Value, codecP256); ok && len(raw) == 33 {
			if x, y := elliptic.UnmarshalCompressed(elliptic.P256(), raw); x != nil {
				return keyOfPublic(&ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y})
			}
		}
	}
	return jose.Key{}, false
}

func keyOfPublic(pub any) (jose.Key, bool) {
	key, err := jose.NewKey(pub)
	return key, err == nil
}
