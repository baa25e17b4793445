package dcql

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
)

// ErrNoMatch is returned if what is held does not answer the query. Then nothing may be presented (Section 6.4.2).
var ErrNoMatch = errors.New("no credential answers the query")

// A Candidate is a credential that a wallet holds.
type Candidate struct {
	Format string   // like dc+sd-jwt
	Types  []string // the type and those it extends: vct, doctype, or the types of a W3C credential

	// Claims is everything the credential says, disclosed or not, as encoding/json decodes it: map[string]any, []any, string,
	// bool, nil, and float64 or json.Number.
	Claims any

	Unbound     bool          // it cannot prove its holder
	Authorities []Authorities // that its issuer stands under, as trusted_authorities names them
}

// A Choice is a candidate that answers a credential query, and what of it to disclose.
type Choice struct {
	Query     *Credential
	Candidate int // index of the candidate

	// Paths are the claims to disclose, each once. Empty: only what cannot be withheld. Where the query restricts values of an
	// array's elements, the paths are those of the elements that have one.
	Paths []Path
}

// An Answer is what [Match] found.
type Answer struct {
	// Choices are, for the id of each credential query, the candidates that answer it, in the order in which they are held. A
	// wallet may let its holder choose another than the first.
	Choices map[string][]Choice

	// Chosen is the least that answers the whole query, in its order: for each credential query that has to be answered, the first
	// candidate. Of a set that is required it is the first option that can be had; of one that is not, nothing (see CanAdd).
	Chosen []Choice

	query *Query
}

// CanAdd returns the first option of a credential set that is not required, with the first candidate for each of its queries, or nil
// if what is held does not answer any. set is an index in the query's Sets.
func (a *Answer) CanAdd(set int) []Choice {
	return a.first(a.query.Sets[set])
}

// Match finds what of the held candidates answers q. It returns [ErrNoMatch] if they do not; the answer then has no Chosen, and
// says by its Choices what would have been there.
func Match(q *Query, held []Candidate) (*Answer, error) {
	a := &Answer{Choices: make(map[string][]Choice), query: q}
	for i := range q.Credentials {
		c := &q.Credentials[i]
		for n, cand := range held {
			if !c.accepts(cand) {
				continue
			}
			if paths, ok := c.choose(cand.Claims); ok {
				a.Choices[c.ID] = append(a.Choices[c.ID], Choice{c, n, paths})
			}
		}
	}

	wanted := make(map[string]bool)
	if len(q.Sets) == 0 {
		for _, c := range q.Credentials {
			wanted[c.ID] = true
		}
	}
	for _, s := range q.Sets {
		if s.Optional {
			continue
		}
		option := a.first(s)
		if option == nil {
			return a, ErrNoMatch
		}
		for _, m := range option {
			wanted[m.Query.ID] = true
		}
	}
	for _, c := range q.Credentials {
		if !wanted[c.ID] {
			continue
		}
		if len(a.Choices[c.ID]) == 0 {
			a.Chosen = nil
			return a, ErrNoMatch
		}
		a.Chosen = append(a.Chosen, a.Choices[c.ID][0])
	}
	if len(a.Chosen) == 0 && !slices.ContainsFunc(q.Sets, func(s CredentialSet) bool { return a.first(s) != nil }) {
		return a, ErrNoMatch
	}
	return a, nil
}

// first returns the first option of s all of whose queries have a match.
func (a *Answer) first(s CredentialSet) []Choice {
	for _, option := range s.Options {
		var cs []Choice
		for _, c := range a.query.Credentials { // in the query's order, each once
			if slices.Contains(option, c.ID) && len(a.Choices[c.ID]) > 0 {
				cs = append(cs, a.Choices[c.ID][0])
			}
		}
		if !slices.ContainsFunc(option, func(id string) bool { return len(a.Choices[id]) == 0 }) {
			return cs
		}
	}
	return nil
}

// accepts reports whether a candidate is of the kind that is asked for, its claims aside.
func (c *Credential) accepts(cand Candidate) bool {
	has := func(t string) bool { return slices.Contains(cand.Types, t) }
	switch {
	case c.Format != cand.Format,
		cand.Unbound && !c.Unbound,
		c.Meta.VCT != nil && !slices.ContainsFunc(c.Meta.VCT, has),
		c.Meta.Doctype != "" && !has(c.Meta.Doctype),
		c.Meta.Types != nil && !slices.ContainsFunc(c.Meta.Types, func(set []string) bool {
			return !slices.ContainsFunc(set, func(t string) bool { return !has(t) })
		}):
		return false
	}
	return len(c.Authorities) == 0 || slices.ContainsFunc(c.Authorities, func(asked Authorities) bool {
		return slices.ContainsFunc(cand.Authorities, func(has Authorities) bool {
			return asked.Type == has.Type && slices.ContainsFunc(asked.Values, func(v string) bool { return slices.Contains(has.Values, v) })
		})
	})
}

// choose selects claims by the rules of Section 6.4.1.
func (c *Credential) choose(claims any) ([]Path, bool) {
	if len(c.ClaimSets) == 0 {
		all := make([]*Claim, len(c.Claims))
		for i := range c.Claims {
			all[i] = &c.Claims[i]
		}
		return answer(all, claims)
	}
	for _, set := range c.ClaimSets {
		var some []*Claim
		for _, id := range set {
			some = append(some, c.claim(id))
		}
		if paths, ok := answer(some, claims); ok {
			return paths, true
		}
	}
	return nil, false
}

// answer returns the paths of all the claims, or false if one is not there.
func answer(asked []*Claim, claims any) ([]Path, bool) {
	var paths []Path
	seen := make(map[string]bool)
	for _, c := range asked {
		found, ok := c.paths(claims)
		if !ok {
			return nil, false
		}
		for _, p := range found {
			if key := p.String(); !seen[key] {
				seen[key] = true
				paths = append(paths, p)
			}
		}
	}
	return paths, true
}

// paths returns where the claim stands. A value that is none of those asked for is as if it were not there.
func (c *Claim) paths(claims any) ([]Path, bool) {
	found := c.Path.find(claims)
	if len(found) == 0 {
		return nil, false
	}
	if len(c.Values) == 0 {
		return []Path{c.Path}, true
	}
	var paths []Path
	for _, f := range found {
		if slices.ContainsFunc(c.Values, func(v any) bool { return same(v, f.value) }) {
			paths = append(paths, f.at)
		}
	}
	return paths, len(paths) > 0
}

// same reports whether a claim has the value asked for: the same type and the same value (Section 6.3).
func same(asked, claim any) bool {
	n, ok := asked.(int64)
	if !ok {
		switch claim.(type) {
		case string, bool:
			return asked == claim
		}
		return false
	}
	switch claim := claim.(type) {
	case float64:
		// From 2^53 on a float64 may stand for several integers.
		return math.Abs(claim) < 1<<53 && claim == float64(n)
	case json.Number:
		if i, err := claim.Int64(); err == nil {
			return i == n
		}
		f, err := claim.Float64() // 1250.0 or 1.25e3
		return err == nil && same(asked, f)
	}
	return false
}
