package sdjwt

import (
	"errors"
	"fmt"
	"slices"

	"kindpakket/credential/jose"
)

// ErrNoClaim is returned by [Credential.Present] for a path that leads to nothing in the credential.
var ErrNoClaim = errors.New("the credential has no such claim")

// Present returns the SD-JWT that shows what stands open and the claims at paths: each whole, with everything disclosed
// inside it, and the disclosures on the way to it. No path shows no disclosure. Disclosures keep their order. A key binding
// of c is left out, since it was made over other disclosures.
//
// It returns an error that wraps [ErrNoClaim] if a path leads to nothing, so that a wallet does not answer with less than its
// holder agreed to.
func (c *Credential) Present(paths ...Path) (*Credential, error) {
	for _, path := range paths {
		if err := path.check(); err != nil {
			return nil, fmt.Errorf("presenting: %w", err)
		}
		if len(path.Select(c.claims)) == 0 {
			return nil, fmt.Errorf("presenting %s: %w", path, ErrNoClaim)
		}
	}
	text := c.jws.String() + "~"
	for _, d := range c.disclosures {
		if slices.ContainsFunc(paths, func(p Path) bool { return p.touches(d.Path) }) {
			text += d.text + "~"
		}
	}
	out, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("presenting: %w", err)
	}
	return out, nil
}

// Bind returns c with a key-binding JWT (RFC 9901, Section 4.3) signed by s, whose key must be the one in cnf. It takes from kb
// the audience, nonce, time and transaction data; the hash is that of c. It returns [ErrHolder] for another key, and an error
// for an empty audience or nonce.
func (c *Credential) Bind(s jose.Signer, kb KB) (*Credential, error) {
	holder, err := c.Holder()
	if err != nil {
		return nil, fmt.Errorf("binding: %w", err)
	}
	if holder.IsZero() || holder != s.Public() {
		return nil, fmt.Errorf("binding: %w", ErrHolder)
	}
	kb.Hash = c.Hash()
	payload, err := kb.encode()
	if err != nil {
		return nil, fmt.Errorf("binding: %w", err)
	}
	token, err := jose.Sign(s, jose.Header{Type: typeKB}, payload)
	if err != nil {
		return nil, fmt.Errorf("binding: %w", err)
	}
	return Parse(c.text + token)
}
