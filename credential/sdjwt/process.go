package sdjwt

import (
	"fmt"
	"slices"

	"kindpakket/credential/jose"
)

// inTheOpen are the claims that must not be hidden in an SD-JWT VC, with everything inside them (draft -19, Section 2.2.2.3).
var inTheOpen = []string{"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status"}

// process does step 3 to 5 of RFC 9901, Section 7.1: puts each disclosure where its digest stands.
func (c *Credential) process() error {
	v, err := decode(c.jws.Payload)
	if err != nil {
		return fmt.Errorf("%w: payload: %w", ErrMalformed, err)
	}
	payload, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%w: the payload is not an object", ErrMalformed)
	}
	if alg, ok := payload["_sd_alg"]; ok {
		// Section 4.1.1: case-sensitive, and understood.
		if alg != "sha-256" {
			return fmt.Errorf("%w: _sd_alg", ErrHashAlgorithm)
		}
		delete(payload, "_sd_alg")
	}
	p := processor{byDigest: map[string]*Disclosure{}, seen: map[string]bool{}, vc: c.jws.Header.Type == VC}
	for i := range c.disclosures {
		d := &c.disclosures[i]
		hash := digest(d.text)
		if p.byDigest[hash] != nil {
			return fmt.Errorf("%w: a disclosure stands there twice", ErrMalformed)
		}
		p.byDigest[hash] = d
	}
	if err := p.object(payload, nil); err != nil {
		return err
	}
	for i := range c.disclosures {
		if !c.disclosures[i].used {
			return fmt.Errorf("%w: disclosure %d belongs nowhere", ErrMalformed, i)
		}
	}
	c.claims = payload
	return nil
}

type processor struct {
	byDigest map[string]*Disclosure
	seen     map[string]bool // every digest found so far, also of what is not disclosed
	vc       bool
}

// object replaces the digests in m, which stands at path.
func (p *processor) object(m map[string]any, path Path) error {
	if len(path) >= jose.MaxDepth {
		return fmt.Errorf("%w: nested too deep", ErrMalformed)
	}
	// Section 4.1: outside their purpose, these names stand nowhere.
	if _, ok := m["..."]; ok {
		return fmt.Errorf("%w: a member is named ...", ErrMalformed)
	}
	if _, ok := m["_sd_alg"]; ok {
		return fmt.Errorf("%w: _sd_alg stands below the top", ErrMalformed)
	}
	sd, has := m["_sd"]
	delete(m, "_sd")
	for name, v := range m {
		v, err := p.value(v, append(slices.Clip(path), name))
		if err != nil {
			return err
		}
		m[name] = v
	}
	if !has {
		return nil
	}
	list, ok := sd.([]any)
	if !ok {
		return fmt.Errorf("%w: _sd is not an array", ErrMalformed)
	}
	for _, entry := range list {
		d, err := p.find(entry, path)
		if err != nil {
			return err
		}
		if d == nil {
			continue
		}
		if !d.member {
			return fmt.Errorf("%w: a disclosure without a name belongs to an object", ErrMalformed)
		}
		if d.name == "_sd" || d.name == "..." || d.name == "_sd_alg" {
			return fmt.Errorf("%w: a disclosure has a reserved name", ErrMalformed)
		}
		if _, clash := m[d.name]; clash {
			return fmt.Errorf("%w: a disclosed claim is already there", ErrMalformed)
		}
		d.Path = append(slices.Clip(path), d.name)
		if p.hides(d.Path) {
			return fmt.Errorf("%w: a claim that must stand open is in a disclosure", ErrMalformed)
		}
		if d.Value, err = p.value(d.Value, d.Path); err != nil {
			return err
		}
		m[d.name] = d.Value
	}
	return nil
}

// array replaces the digests in list and drops those of what is not disclosed.
func (p *processor) array(list []any, path Path) ([]any, error) {
	if len(path) >= jose.MaxDepth {
		return nil, fmt.Errorf("%w: nested too deep", ErrMalformed)
	}
	out := []any{}
	for _, v := range list {
		at := append(slices.Clip(path), len(out))
		m, ok := v.(map[string]any)
		hash, hidden := m["..."]
		if !ok || !hidden {
			v, err := p.value(v, at)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
			continue
		}
		if len(m) != 1 {
			return nil, fmt.Errorf("%w: a hidden array element has more members than its digest", ErrMalformed)
		}
		d, err := p.find(hash, at)
		if err != nil {
			return nil, err
		}
		if d == nil {
			continue
		}
		if d.member {
			return nil, fmt.Errorf("%w: a disclosure with a name belongs to an array", ErrMalformed)
		}
		d.Path = at
		if d.Value, err = p.value(d.Value, at); err != nil {
			return nil, err
		}
		out = append(out, d.Value)
	}
	return out, nil
}

func (p *processor) value(v any, path Path) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		return v, p.object(v, path)
	case []any:
		return p.array(v, path)
	}
	return v, nil
}

// find returns the disclosure of a digest that stands in or at path, nil if it is not disclosed.
func (p *processor) find(entry any, path Path) (*Disclosure, error) {
	hash, ok := entry.(string)
	if !ok {
		return nil, fmt.Errorf("%w: a digest is not a string", ErrMalformed)
	}
	if p.hides(path) {
		return nil, fmt.Errorf("%w: part of a claim that must stand open is hidden", ErrMalformed)
	}
	// Section 7.1, step 4: also when nothing is disclosed for it.
	if p.seen[hash] {
		return nil, fmt.Errorf("%w: a digest stands there twice", ErrMalformed)
	}
	p.seen[hash] = true
	d := p.byDigest[hash]
	if d != nil {
		d.used = true
	}
	return d, nil
}

// hides reports whether hiding something at path would hide a claim that must stand open.
func (p *processor) hides(path Path) bool {
	if !p.vc || len(path) == 0 {
		return false
	}
	name, _ := path[0].(string)
	return slices.Contains(inTheOpen, name)
}
