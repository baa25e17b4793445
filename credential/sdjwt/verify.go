package sdjwt

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"kindpakket/credential/jose"
)

var (
	// ErrIssuer is returned when the key of the issuer cannot be had or is not trusted, or the signature is not its own.
	ErrIssuer = errors.New("issuer is not trusted")
	// ErrType is returned for another typ or vct than the policy's.
	ErrType = errors.New("credential is of another type")
	// ErrExpired is returned after exp.
	ErrExpired = errors.New("credential has expired")
	// ErrNotYet is returned before nbf or iat.
	ErrNotYet = errors.New("credential is not valid yet")
	// ErrMissing is returned when a required claim is absent or hidden.
	ErrMissing = errors.New("a required claim is missing")
	// ErrBindingUnasked is returned for a key binding where none is wanted: to a holder at issuance (RFC 9901, Section 7.2), or to a
	// verifier that expects an SD-JWT (Section 4).
	ErrBindingUnasked = errors.New("key binding was not asked for")
	// ErrAudience is returned for a key binding, or a credential, made for somebody else.
	ErrAudience = errors.New("presentation was made for somebody else")
	// ErrNonce is returned for a key binding that answers another request.
	ErrNonce = errors.New("presentation answers another request")
	// ErrStale is returned for a key binding that is too old, from the future, or outside its own exp and nbf.
	ErrStale = errors.New("key binding is not from now")
	// ErrHash is returned for a key binding made over another credential or other disclosures.
	ErrHash = errors.New("key binding is over another presentation")
	// ErrTransaction is returned for a key binding over other transaction data than asked, or over none.
	ErrTransaction = errors.New("key binding is over other transaction data")
)

// Policy is what a holder or verifier accepts.
type Policy struct {
	// Now is the time of the check, Leeway how far clocks may differ for exp, nbf and iat.
	Now    time.Time
	Leeway time.Duration
	// Key returns the key of the issuer whom the policy trusts, by the header of the issuer-signed JWT and its iss ("" if absent,
	// not to be believed yet). It must not take a key for trusted because it came along; see [TrustChain] and [TrustKey].
	Key func(h jose.Header, iss string) (jose.Key, error)
	// Type is the typ that the issuer-signed JWT must have. Empty means [VC].
	Type string
	// VCT are the credential types that are accepted, by vct or aka_vcts. Empty accepts any.
	VCT []string
	// Required are claims at the top that must be there besides vct: the issuer could have made exp hidden
	// (RFC 9901, Section 9.7).
	Required []string
	// Binding is what the key binding must say. Nil means that there must be none.
	Binding *Binding
}

// Binding is what a verifier asks of a key binding.
type Binding struct {
	// Audience and Nonce are those of the request. Neither may be empty.
	Audience, Nonce string
	// MaxAge is how long ago the key binding may have been made, besides the leeway. Zero means that only the leeway counts.
	MaxAge time.Duration
	// TransactionData are the hashes that the key binding must be over, in this order. Nil means that it may be over anything or
	// nothing, which the caller then reads from [Verified.Binding].
	TransactionData [][32]byte
}

// Verified is a credential after every check.
type Verified struct {
	// Claims is the processed payload: map[string]any, []any, string, json.Number, bool and nil.
	Claims map[string]any
	Header jose.Header
	// VCT is vct, Issuer is iss. Either may be empty.
	VCT, Issuer string
	// IssuedAt, NotBefore and Expires are iat, nbf and exp, zero if absent.
	IssuedAt, NotBefore, Expires time.Time
	// Holder is the key in cnf, zero if absent.
	Holder jose.Key
	// Binding is what the key binding says and KeyBindingJWT its text, both zero if the policy wants none.
	Binding       KB
	KeyBindingJWT string
}

// Verify returns nil with what c says if c keeps every rule of RFC 9901, Section 7, of SD-JWT VC if it is one, and of p. What it
// does not check is the status: that needs a list from elsewhere.
func (c *Credential) Verify(p Policy) (*Verified, error) {
	v := &Verified{Claims: c.claims, Header: c.jws.Header}
	want := p.Type
	if want == "" {
		want = VC
	}
	if c.jws.Header.Type != want {
		return nil, fmt.Errorf("verifying credential: %w: typ", ErrType)
	}
	if err := c.verifyIssuer(p, v); err != nil {
		return nil, fmt.Errorf("verifying credential: %w", err)
	}
	if err := c.verifyClaims(p, v); err != nil {
		return nil, fmt.Errorf("verifying credential: %w", err)
	}
	if err := c.verifyBinding(p, v); err != nil {
		return nil, fmt.Errorf("verifying credential: %w", err)
	}
	return v, nil
}

func (c *Credential) verifyIssuer(p Policy, v *Verified) error {
	var err error
	if v.Issuer, err = c.claimText("iss"); err != nil {
		return err
	}
	if p.Key == nil {
		return fmt.Errorf("%w: the policy trusts nobody", ErrIssuer)
	}
	key, err := p.Key(c.jws.Header, v.Issuer)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	if err := c.jws.Verify(key); err != nil {
		return fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	return nil
}

func (c *Credential) verifyClaims(p Policy, v *Verified) error {
	var err error
	if v.VCT, err = c.claimText("vct"); err != nil {
		return err
	}
	if c.jws.Header.Type == VC && v.VCT == "" {
		return fmt.Errorf("%w: vct", ErrMissing)
	}
	for _, name := range p.Required {
		if _, ok := c.claims[name]; !ok {
			return fmt.Errorf("%w: %s", ErrMissing, name)
		}
	}
	types, err := c.types(v.VCT)
	if err != nil {
		return err
	}
	if len(p.VCT) > 0 && !slices.ContainsFunc(types, func(t string) bool { return slices.Contains(p.VCT, t) }) {
		return fmt.Errorf("%w: vct", ErrType)
	}
	for name, to := range map[string]*time.Time{"iat": &v.IssuedAt, "nbf": &v.NotBefore, "exp": &v.Expires} {
		claim, ok := c.claims[name]
		if !ok {
			continue
		}
		n, ok := claim.(json.Number)
		if !ok {
			return fmt.Errorf("%w: %s is not a number", ErrMalformed, name)
		}
		if *to, err = numericDate(n); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrMalformed, name, err)
		}
	}
	// RFC 7519, Section 4.1.4: on or after exp, it must not be accepted. Section 4.1.5: before nbf neither.
	if _, ok := c.claims["exp"]; ok && !p.Now.Before(v.Expires.Add(p.Leeway)) {
		return ErrExpired
	}
	for _, t := range []time.Time{v.NotBefore, v.IssuedAt} {
		if p.Now.Add(p.Leeway).Before(t) {
			return ErrNotYet
		}
	}
	if aud, ok := c.claims["aud"]; ok {
		if err := checkAudience(aud, p.Binding); err != nil {
			return err
		}
	}
	v.Holder, err = c.Holder()
	return err
}

// types returns vct and aka_vcts (SD-JWT VC, draft -19, Section 2.2.2.2).
func (c *Credential) types(vct string) ([]string, error) {
	types := []string{vct}
	aka, ok := c.claims["aka_vcts"]
	if !ok {
		return types, nil
	}
	list, ok := aka.([]any)
	if !ok || len(list) == 0 {
		return nil, fmt.Errorf("%w: aka_vcts", ErrMalformed)
	}
	for _, t := range list {
		s, ok := t.(string)
		if !ok || s == vct {
			return nil, fmt.Errorf("%w: aka_vcts", ErrMalformed)
		}
		types = append(types, s)
	}
	return types, nil
}

// checkAudience checks aud of the credential itself, a string or a list of them (RFC 7519, Section 4.1.3).
func checkAudience(aud any, b *Binding) error {
	list, ok := aud.([]any)
	if !ok {
		list = []any{aud}
	}
	if b == nil || !slices.Contains(list, any(b.Audience)) {
		return fmt.Errorf("%w: aud of the credential", ErrAudience)
	}
	return nil
}

func (c *Credential) verifyBinding(p Policy, v *Verified) error {
	// RFC 9901, Section 7.3: whether a key binding is needed is never decided by whether there is one.
	if p.Binding == nil {
		if c.kb != "" {
			return ErrBindingUnasked
		}
		return nil
	}
	if p.Binding.Audience == "" || p.Binding.Nonce == "" {
		return errors.New("the policy asks for a key binding without audience or nonce")
	}
	if c.kb == "" {
		return ErrNoBinding
	}
	if v.Holder.IsZero() {
		return fmt.Errorf("%w: no cnf", ErrHolder)
	}
	kb, err := VerifyKeyBinding(c.kb, v.Holder)
	if err != nil {
		return err
	}
	switch {
	case kb.Audience != p.Binding.Audience:
		return ErrAudience
	case kb.Nonce != p.Binding.Nonce:
		return ErrNonce
	case kb.Hash != c.Hash():
		return ErrHash
	case kb.IssuedAt.After(p.Now.Add(p.Leeway)), kb.IssuedAt.Before(p.Now.Add(-p.Leeway - p.Binding.MaxAge)):
		return ErrStale
	case !kb.Expires.IsZero() && !p.Now.Before(kb.Expires.Add(p.Leeway)), p.Now.Add(p.Leeway).Before(kb.NotBefore):
		return ErrStale
	case p.Binding.TransactionData != nil && !slices.Equal(kb.TransactionDataHashes, p.Binding.TransactionData):
		return ErrTransaction
	}
	v.Binding, v.KeyBindingJWT = kb, c.kb
	return nil
}

// claimText returns a claim that must be a string, "" if it is absent.
func (c *Credential) claimText(name string) (string, error) {
	v, ok := c.claims[name]
	if !ok {
		return "", nil
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%w: %s is not a string", ErrMalformed, name)
	}
	return s, nil
}

// TrustKey is a [Policy.Key] that trusts one key, which the caller knows.
func TrustKey(key jose.Key) func(jose.Header, string) (jose.Key, error) {
	return func(jose.Header, string) (jose.Key, error) { return key, nil }
}

// TrustChain is a [Policy.Key] for an issuer that sends its certificates in x5c: they must lead to one of roots at the time now,
// and the leaf must carry uri (the issuer's DID or URL) as a SAN URI. Without that any certificate of the same CA, such as a
// shop's, could issue credentials. If the credential has iss, it must be uri as well.
func TrustChain(roots *x509.CertPool, now time.Time, uri string) func(jose.Header, string) (jose.Key, error) {
	return func(h jose.Header, iss string) (jose.Key, error) {
		chain, err := jose.ParseChain(h.X5C)
		if err != nil {
			return jose.Key{}, err
		}
		if err := chain.Verify(roots, now); err != nil {
			return jose.Key{}, err
		}
		if uri == "" || iss != "" && iss != uri {
			return jose.Key{}, errors.New("iss is another issuer")
		}
		for _, u := range chain.Leaf().URIs {
			if u.String() == uri {
				return chain.Key()
			}
		}
		return jose.Key{}, errors.New("the certificate is another's")
	}
}
