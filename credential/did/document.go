package did

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// MaxDocument is the size of the longest DID document that is read, in bytes. MaxMethods is the most keys that it may have.
const (
	MaxDocument = 64 << 10
	MaxMethods  = 64
)

// Relation is what a key may be used for: a verification relationship of DID Core 1.0, Section 5.3.
type Relation string

// The relations that are read. Other ones are ignored.
const (
	Authentication  Relation = "authentication"  // to prove to be the subject: a wallet's proof, a shop's request
	AssertionMethod Relation = "assertionMethod" // to make statements: an issuer's credentials
	KeyAgreement    Relation = "keyAgreement"    // to receive what is encrypted
)

var relations = []Relation{Authentication, AssertionMethod, KeyAgreement}

// Method is a verification method of a document: a key and what it is for.
type Method struct {
	ID        string          // absolute DID URL: the document's ID, # and a fragment
	JWK       json.RawMessage // canonical form of RFC 7638
	Relations []Relation
}

// Document is a DID document, as far as it concerns keys. Methods holds the keys that may be used: of a kind that we know,
// named and controlled by the subject itself. It can be written with encoding/json, to be served for a did:web.
type Document struct {
	ID      DID
	Methods []Method
}

// Key returns the key id for the purpose relation, as a JWK in canonical form. The id is the DID URL of the key or only its
// "#fragment"; an empty id is enough if the document has one key for that purpose. It returns [ErrKey] if there is no such
// key and [ErrRelation] if it is there for another purpose.
func (d *Document) Key(id string, relation Relation) (json.RawMessage, error) {
	if strings.HasPrefix(id, "#") {
		id = string(d.ID) + id
	}
	var found []Method
	for _, m := range d.Methods {
		if id == "" && slices.Contains(m.Relations, relation) || id != "" && m.ID == id {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("finding key: %w", ErrKey)
	}
	if !slices.Contains(found[0].Relations, relation) {
		return nil, fmt.Errorf("finding key: %w", ErrRelation)
	}
	return slices.Clone(found[0].JWK), nil
}

// ParseDocument reads the document that was fetched for want, whose id it must have (DID Core 1.0, Section 5.1.1). Keys are
// read from publicKeyJwk, and from publicKeyMultibase as Multikey writes it. It returns an error that wraps
// [ErrDocument] if the document is malformed, longer than [MaxDocument], about another subject, shows a private key or
// names one key twice. A key of an unknown kind, or of another controller, is left out.
func ParseDocument(b []byte, want DID) (*Document, error) {
	if len(b) > MaxDocument {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrDocument, MaxDocument)
	}
	m, err := parseObject(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	var id string
	if json.Unmarshal(m["id"], &id) != nil || id != string(want) || want == "" {
		return nil, fmt.Errorf("%w: it is not about the DID that was asked for", ErrDocument)
	}
	d := &Document{ID: want}
	if _, err := Parse(id); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	methods, err := list(m, "verificationMethod")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, raw := range methods {
		if err := d.add(raw, seen, nil); err != nil {
			return nil, err
		}
	}
	for _, rel := range relations {
		entries, err := list(m, string(rel))
		if err != nil {
			return nil, err
		}
		for _, raw := range entries {
			var ref string
			if json.Unmarshal(raw, &ref) != nil {
				// DID Core 1.0, Section 5.3: an embedded method counts for this relationship only.
				if err := d.add(raw, seen, []Relation{rel}); err != nil {
					return nil, err
				}
				continue
			}
			if strings.HasPrefix(ref, "#") {
				ref = string(d.ID) + ref
			}
			for i := range d.Methods {
				if d.Methods[i].ID == ref && !slices.Contains(d.Methods[i].Relations, rel) {
					d.Methods[i].Relations = append(d.Methods[i].Relations, rel)
				}
			}
		}
	}
	return d, nil
}

func list(m map[string]json.RawMessage, name string) ([]json.RawMessage, error) {
	raw, ok := m[name]
	if !ok {
		return nil, nil
	}
	var l []json.RawMessage
	if err := json.Unmarshal(raw, &l); err != nil || l == nil {
		return nil, fmt.Errorf("%w: member %q is not an array", ErrDocument, name)
	}
	if len(l) > MaxMethods {
		return nil, fmt.Errorf("%w: member %q has more than %d entries", ErrDocument, name, MaxMethods)
	}
	return l, nil
}

func (d *Document) add(raw json.RawMessage, seen map[string]bool, rel []Relation) error {
	m, err := parseObject(raw)
	if err != nil {
		return fmt.Errorf("%w: verification method: %w", ErrDocument, err)
	}
	var id, controller string
	if json.Unmarshal(m["id"], &id) != nil || json.Unmarshal(m["controller"], &controller) != nil {
		return fmt.Errorf("%w: verification method without id or controller", ErrDocument)
	}
	if strings.HasPrefix(id, "#") {
		id = string(d.ID) + id
	}
	u, err := ParseURL(id)
	if err != nil {
		return fmt.Errorf("%w: verification method: %w", ErrDocument, err)
	}
	if seen[id] {
		return fmt.Errorf("%w: two verification methods share an id", ErrDocument)
	}
	seen[id] = true
	var key json.RawMessage
	if jwk, ok := m["publicKeyJwk"]; ok {
		if key, err = canonical(jwk); err != nil {
			return fmt.Errorf("%w: %w", ErrDocument, err)
		}
	} else if raw, ok := m["publicKeyMultibase"]; ok {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return fmt.Errorf("%w: publicKeyMultibase is not a string", ErrDocument)
		}
		if key, err = fromMultikey(text); err != nil {
			return fmt.Errorf("%w: %w", ErrDocument, err)
		}
	}
	if key == nil || u.DID != d.ID || u.Path != "" || u.Query != "" || u.Fragment == "" || controller != string(d.ID) {
		return nil
	}
	d.Methods = append(d.Methods, Method{ID: id, JWK: key, Relations: rel})
	return nil
}

// MarshalJSON writes the document with its context. It refuses to write a private key or one that cannot be read back.
func (d Document) MarshalJSON() ([]byte, error) {
	type method struct {
		ID         string          `json:"id"`
		Type       string          `json:"type"`
		Controller DID             `json:"controller"`
		JWK        json.RawMessage `json:"publicKeyJwk"`
	}
	out := struct {
		Context         []string `json:"@context"`
		ID              DID      `json:"id"`
		Methods         []method `json:"verificationMethod,omitempty"`
		Authentication  []string `json:"authentication,omitempty"`
		AssertionMethod []string `json:"assertionMethod,omitempty"`
		KeyAgreement    []string `json:"keyAgreement,omitempty"`
	}{Context: []string{"https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"}, ID: d.ID}
	for _, m := range d.Methods {
		key, err := canonical(m.JWK)
		if err != nil || key == nil {
			return nil, fmt.Errorf("writing DID document: %w", ErrKey)
		}
		u, err := ParseURL(m.ID)
		if err != nil || u.DID != d.ID || u.Fragment == "" {
			return nil, fmt.Errorf("writing DID document: %w: a key's id is not the subject's", ErrSyntax)
		}
		out.Methods = append(out.Methods, method{m.ID, "JsonWebKey2020", d.ID, key})
		for _, rel := range m.Relations {
			switch rel {
			case Authentication:
				out.Authentication = append(out.Authentication, m.ID)
			case AssertionMethod:
				out.AssertionMethod = append(out.AssertionMethod, m.ID)
			case KeyAgreement:
				out.KeyAgreement = append(out.KeyAgreement, m.ID)
			}
		}
	}
	return json.Marshal(out)
}
