package dcql

import (
	"encoding/json"
	"errors"
)

// Limits of a query.
const (
	MaxQuery       = 64 << 10 // bytes
	MaxCredentials = 32       // credential queries
	MaxClaims      = 128      // claims of one credential query
	MaxSets        = 64       // claim_sets, credential_sets, and options of one of those
	MaxValues      = 256      // values of one claim, of meta or of an authority
	MaxPath        = 32       // steps of a path
	MaxIndex       = 1 << 20  // index in a path
)

// ErrQuery is returned for a query that is malformed or over a limit.
var ErrQuery = errors.New("unacceptable DCQL query")

// A Query is what a verifier asks for (Section 6). It is written with encoding/json and read with [Parse].
type Query struct {
	Credentials []Credential
	Sets        []CredentialSet // credential_sets. None: all Credentials are asked for
}

// A Credential is a credential query (Section 6.1).
type Credential struct {
	ID          string // of letters, digits, _ and -; the key of its answer in vp_token
	Format      string // like dc+sd-jwt
	Multiple    bool   // more than one presentation may come back
	Meta        Meta
	Authorities []Authorities // trusted_authorities. None: any
	Unbound     bool          // require_cryptographic_holder_binding is false: a credential without it will do
	Claims      []Claim       // None: no claim that can be withheld
	ClaimSets   [][]string    // ids of Claims, the best first. None: all Claims
}

// Meta is what a query says of the type. Without any of its members it says nothing.
type Meta struct {
	VCT     []string   // vct_values: one of these (Appendix B.3.5)
	Types   [][]string // type_values: all of one of these sets (Appendix B.1.1)
	Doctype string     // doctype_value (Appendix B.2.3)

	// Raw is the whole object as it was read, for formats with members of their own. When a query is written, Raw is, if there is
	// one, and the other fields if not.
	Raw json.RawMessage
}

// Authorities is an entry of trusted_authorities (Section 6.1.1): Values of one Type, any of which will do.
type Authorities struct {
	Type   string   `json:"type"` // aki, etsi_tl, openid_federation or another
	Values []string `json:"values"`
}

// A Claim is a claims query (Section 6.3).
type Claim struct {
	ID     string // for ClaimSets; empty if there are none
	Path   Path
	Values []any // string, int64 or bool: the claim has one of them. None: whatever it is
}

// A CredentialSet is a credential set query (Section 6.2).
type CredentialSet struct {
	Options  [][]string // ids of Credentials, the best first
	Optional bool       // required is false
}

// Credential returns the credential query of this id, nil if there is none.
func (q *Query) Credential(id string) *Credential {
	for i := range q.Credentials {
		if q.Credentials[i].ID == id {
			return &q.Credentials[i]
		}
	}
	return nil
}

// claim returns the claims query of this id. Parse has checked that there is one.
func (c *Credential) claim(id string) *Claim {
	for i := range c.Claims {
		if c.Claims[i].ID == id {
			return &c.Claims[i]
		}
	}
	return nil
}

// MarshalJSON writes the query. It does not check it: [Parse] of what it wrote does.
func (q Query) MarshalJSON() ([]byte, error) {
	type claim struct {
		ID     string `json:"id,omitempty"`
		Path   Path   `json:"path"`
		Values []any  `json:"values,omitempty"`
	}
	type credential struct {
		ID          string          `json:"id"`
		Format      string          `json:"format"`
		Multiple    bool            `json:"multiple,omitempty"`
		Meta        json.RawMessage `json:"meta"`
		Authorities []Authorities   `json:"trusted_authorities,omitempty"`
		Binding     *bool           `json:"require_cryptographic_holder_binding,omitempty"`
		Claims      []claim         `json:"claims,omitempty"`
		ClaimSets   [][]string      `json:"claim_sets,omitempty"`
	}
	type set struct {
		Options  [][]string `json:"options"`
		Required *bool      `json:"required,omitempty"`
	}
	var out struct {
		Credentials []credential `json:"credentials"`
		Sets        []set        `json:"credential_sets,omitempty"`
	}
	no := new(bool)
	for _, c := range q.Credentials {
		meta, err := c.Meta.marshal()
		if err != nil {
			return nil, err
		}
		w := credential{ID: c.ID, Format: c.Format, Multiple: c.Multiple, Meta: meta, Authorities: c.Authorities, ClaimSets: c.ClaimSets}
		if c.Unbound {
			w.Binding = no
		}
		for _, cl := range c.Claims {
			w.Claims = append(w.Claims, claim(cl))
		}
		out.Credentials = append(out.Credentials, w)
	}
	for _, s := range q.Sets {
		w := set{Options: s.Options}
		if s.Optional {
			w.Required = no
		}
		out.Sets = append(out.Sets, w)
	}
	return json.Marshal(out)
}

func (m Meta) marshal() (json.RawMessage, error) {
	if m.Raw != nil {
		return m.Raw, nil
	}
	return json.Marshal(struct {
		VCT     []string   `json:"vct_values,omitempty"`
		Types   [][]string `json:"type_values,omitempty"`
		Doctype string     `json:"doctype_value,omitempty"`
	}{m.VCT, m.Types, m.Doctype})
}
