package oid4vci

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"kindpakket/credential/did"
	"kindpakket/credential/jose"
)

// proofType is the `typ` header of a jwt proof (OpenID4VCI 1.0, Appendix F.1).
const proofType = "openid4vci-proof+jwt"

// How old a proof may be, and how far the clocks of wallet and issuer may be apart: a proof is accepted when its iat lies
// between now - ProofLife - ClockSkew and now + ClockSkew. The nonce, which only the issuer's clock ends, is the stricter
// of the two.
const (
	ProofLife = 5 * time.Minute
	ClockSkew = 5 * time.Minute
)

// KeyForm is how a proof names its key.
type KeyForm string

const (
	ByJWK    KeyForm = "jwk"     // header jwk
	ByDIDJWK KeyForm = "did:jwk" // header kid, a DID URL of method jwk
	ByDIDKey KeyForm = "did:key" // header kid, a DID URL of method key
)

// Proof is what a wallet states when it proves that it holds a key.
type Proof struct {
	Issuer   string    // the credential issuer identifier: the proof's aud
	Nonce    string    // c_nonce; "" only where the issuer has no nonce endpoint
	IssuedAt time.Time // now
	ClientID string    // iss; left out for an anonymous pre-authorised code
	Form     KeyForm   // "" is ByJWK
}

type proofClaims struct {
	Issuer   string `json:"iss,omitempty"`
	Audience string `json:"aud"`
	IssuedAt int64  `json:"iat"`
	Nonce    string `json:"nonce,omitempty"`
}

// Prove returns the jwt proof that s holds its key.
func Prove(s jose.Signer, p Proof) (string, error) {
	key := s.Public()
	h := jose.Header{Type: proofType}
	switch p.Form {
	case ByJWK, "":
		h.JWK = key
	case ByDIDJWK:
		h.KeyID = string(did.FromJWK(key.JWK())) + "#0"
	case ByDIDKey:
		d, err := did.KeyDID(key.JWK())
		if err != nil {
			return "", fmt.Errorf("making key proof: %w", err)
		}
		h.KeyID = string(d) + "#" + string(d)[len("did:key:"):]
	default:
		return "", errors.New("making key proof: unknown form of key")
	}
	payload, err := json.Marshal(proofClaims{p.ClientID, p.Issuer, p.IssuedAt.Unix(), p.Nonce})
	if err != nil {
		return "", fmt.Errorf("making key proof: %w", err)
	}
	token, err := jose.Sign(s, h, payload)
	if err != nil {
		return "", fmt.Errorf("making key proof: %w", err)
	}
	return token, nil
}

// ProofPolicy is what an issuer demands of the proofs in one credential request.
type ProofPolicy struct {
	Issuer string // the issuer's identifier, which must be each proof's aud
	Now    time.Time

	// Nonce accepts or refuses a nonce, and may use it up. It is asked last, once for each nonce in the request, when all
	// else about all proofs is right: a bad request uses up nothing.
	Nonce func(nonce string) error

	Algorithms []jose.Algorithm // proof_signing_alg_values_supported; empty: ES256
	MaxProofs  int              // the batch size; 0: 1. Never more than MaxProofs
}

// Holder is a key that a credential can be bound to: the wallet has proved that it holds it.
type Holder struct {
	Key   jose.Key
	Form  KeyForm
	KeyID string // the kid, a DID URL; "" for ByJWK
}

// Verify checks all proofs of one credential request (Appendix F.4) and returns their keys in the order of the proofs, all
// different. An error is an [Error] with code [InvalidNonce] if only the nonce is refused, and [InvalidProof] otherwise.
func (p ProofPolicy) Verify(proofs *Proofs) ([]Holder, error) {
	most := min(max(p.MaxProofs, 1), MaxProofs)
	switch {
	case proofs == nil:
		return nil, bad("proofs is missing", nil)
	case proofs.Type != ProofJWT || len(proofs.JWT) == 0:
		return nil, bad("the only proof type is jwt", nil)
	case len(proofs.JWT) > most:
		return nil, bad(fmt.Sprintf("more than %d proofs", most), nil)
	}
	var holders []Holder
	var nonces []string
	for _, token := range proofs.JWT {
		h, nonce, err := p.verify(token)
		if err != nil {
			return nil, err
		}
		// Section 8.3: each key is used to bind to, at most, one credential. A did:jwk has many texts for one key, so the
		// keys themselves are compared.
		if slices.ContainsFunc(holders, func(o Holder) bool { return o.Key.Equal(h.Key) }) {
			return nil, bad("two proofs are of one key", nil)
		}
		holders = append(holders, h)
		if !slices.Contains(nonces, nonce) {
			nonces = append(nonces, nonce)
		}
	}
	for _, n := range nonces {
		if err := p.Nonce(n); err != nil {
			return nil, &Error{Code: InvalidNonce, Description: "fetch a new nonce", Cause: err}
		}
	}
	return holders, nil
}

func bad(description string, cause error) error {
	return &Error{Code: InvalidProof, Description: description, Cause: cause}
}

func (p ProofPolicy) verify(token string) (Holder, string, error) {
	j, err := jose.Parse(token)
	if err != nil {
		return Holder{}, "", bad("a proof is not an acceptable JWT", err)
	}
	if j.Header.Type != proofType {
		return Holder{}, "", bad("a proof has another typ than "+proofType, nil)
	}
	algs := p.Algorithms
	if len(algs) == 0 {
		algs = []jose.Algorithm{jose.ES256}
	}
	if !slices.Contains(algs, j.Header.Algorithm) {
		return Holder{}, "", bad("a proof has an algorithm that is not in proof_signing_alg_values_supported", nil)
	}
	h, err := holder(j.Header)
	if err != nil {
		return Holder{}, "", bad("the key of a proof cannot be used", err)
	}
	if err := j.Verify(h.Key); err != nil {
		return Holder{}, "", bad("the signature of a proof does not verify", err)
	}
	nonce, err := p.claims(j.Payload)
	if err != nil {
		return Holder{}, "", err
	}
	return h, nonce, nil
}

// holder finds the key that a proof's header names. It is only a claim until the signature is verified under it.
func holder(h jose.Header) (Holder, error) {
	hasJWK, hasKID, hasX5C := !h.JWK.IsZero(), h.KeyID != "", len(h.X5C) > 0
	switch {
	case hasJWK && !hasKID && !hasX5C:
		return Holder{Key: h.JWK, Form: ByJWK}, nil
	case hasKID && !hasJWK && !hasX5C:
		return didHolder(h.KeyID)
	case hasX5C && !hasJWK && !hasKID:
		return Holder{}, errors.New("a certificate chain is not supported")
	}
	// Appendix F.1: kid, jwk and x5c exclude each other.
	return Holder{}, errors.New("not exactly one of jwk and kid")
}

func didHolder(kid string) (Holder, error) {
	u, err := did.ParseURL(kid)
	if err != nil {
		return Holder{}, fmt.Errorf("kid: %w", err)
	}
	if u.Path != "" || u.Query != "" {
		return Holder{}, errors.New("kid has a path or query")
	}
	form := KeyForm("did:" + u.DID.Method())
	if form != ByDIDJWK && form != ByDIDKey {
		return Holder{}, errors.New("kid is neither did:jwk nor did:key")
	}
	doc, err := did.Resolve(u.DID)
	if err != nil {
		return Holder{}, fmt.Errorf("kid: %w", err)
	}
	// Some wallets leave out the fragment; both methods have one key only, so that it is clear which they mean.
	id := ""
	if u.Fragment != "" {
		id = kid
	}
	raw, err := doc.Key(id, did.Authentication)
	if err != nil {
		return Holder{}, fmt.Errorf("kid: %w", err)
	}
	key, err := jose.ParseKey(raw)
	if err != nil {
		return Holder{}, fmt.Errorf("kid: %w", err)
	}
	return Holder{Key: key, Form: form, KeyID: kid}, nil
}

// claims checks the body of a proof and returns its nonce. iss is tolerated whatever it says: the standard wants it absent
// from an anonymous wallet, and wallets send it nevertheless.
func (p ProofPolicy) claims(payload []byte) (nonce string, err error) {
	m, err := jose.ParseObject(payload)
	if err != nil {
		return "", bad("the body of a proof is not an object", err)
	}
	var aud *string
	if json.Unmarshal(m["aud"], &aud) != nil || aud == nil || *aud != p.Issuer {
		return "", bad("aud is not this issuer", nil)
	}
	iat, err := numericDate(m["iat"])
	if err != nil {
		return "", bad("iat is missing or not a date", nil)
	}
	if iat.After(p.Now.Add(ClockSkew)) {
		return "", bad("iat is in the future", nil)
	}
	if iat.Before(p.Now.Add(-ProofLife - ClockSkew)) {
		return "", bad("iat is too long ago", nil)
	}
	if raw, ok := m["exp"]; ok {
		exp, err := numericDate(raw)
		if err != nil || !p.Now.Before(exp.Add(ClockSkew)) {
			return "", bad("exp has passed", nil)
		}
	}
	if json.Unmarshal(m["nonce"], &nonce) != nil || nonce == "" {
		// Section 8.3.1.2: a proof without c_nonce is invalid_proof, not invalid_nonce.
		return "", bad("nonce is missing", nil)
	}
	return nonce, nil
}

// numericDate reads the seconds of RFC 7519, Section 2, which may have a fraction.
func numericDate(raw json.RawMessage) (time.Time, error) {
	var s *float64
	if json.Unmarshal(raw, &s) != nil || s == nil || *s < 0 || *s > 1<<40 {
		return time.Time{}, errors.New("not a date")
	}
	return time.Unix(int64(*s), 0), nil
}
