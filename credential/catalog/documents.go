package catalog

import (
	"encoding/json"
	"fmt"
)

// The members below are those of SD-JWT VC, draft 19, "SD-JWT VC Type Metadata".
type (
	typeMetadata struct {
		VCT         string        `json:"vct"`
		Name        string        `json:"name"`
		Description string        `json:"description"`
		Display     []typeDisplay `json:"display"`
		Claims      []typeClaim   `json:"claims"`
	}
	typeDisplay struct {
		Locale      string     `json:"locale"`
		Name        string     `json:"name"`
		Description string     `json:"description,omitempty"`
		Rendering   *rendering `json:"rendering,omitempty"`
	}
	rendering struct {
		Simple simple `json:"simple"`
	}
	simple struct {
		BackgroundColor string `json:"background_color,omitempty"`
		TextColor       string `json:"text_color,omitempty"`
	}
	typeClaim struct {
		Path      []string     `json:"path"`
		Display   []ClaimLabel `json:"display,omitempty"`
		Mandatory bool         `json:"mandatory"`
		SD        Disclosure   `json:"sd"`
	}
)

// TypeMetadata returns the SD-JWT VC Type Metadata document (draft 19) of the type, for an issuer with this base URL:
// UTF-8 JSON, media type application/json, to be served at [Type.VCT]. The same type and base give the same bytes.
func (t Type) TypeMetadata(base string) ([]byte, error) {
	doc := typeMetadata{VCT: t.VCT(base), Name: t.Name, Description: t.Description}
	for _, d := range t.Display {
		out := typeDisplay{Locale: d.Locale, Name: d.Name, Description: d.Description}
		if look := (simple{BackgroundColor: d.BackgroundColor, TextColor: d.TextColor}); look != (simple{}) {
			out.Rendering = &rendering{Simple: look}
		}
		doc.Display = append(doc.Display, out)
	}
	for _, c := range t.Claims {
		doc.Claims = append(doc.Claims, typeClaim{Path: c.Path, Display: c.Display, Mandatory: c.Mandatory, SD: c.SD})
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("writing type metadata: %w", err)
	}
	return b, nil
}

// The members below are those of OpenID4VCI 1.0, Section 12.2.4, credential_metadata, and Appendix B.2.
type (
	credentialMetadata struct {
		Display []Display          `json:"display"`
		Claims  []claimDescription `json:"claims"`
	}
	claimDescription struct {
		Path      []string      `json:"path"`
		Mandatory bool          `json:"mandatory,omitempty"`
		Display   []displayName `json:"display,omitempty"`
	}
	displayName struct {
		Name   string `json:"name"`
		Locale string `json:"locale"`
	}
)

// CredentialMetadata returns the `credential_metadata` object of the type's configuration in OpenID4VCI issuer metadata
// (Section 12.2.4): how the card looks, and those of its claims that people are shown.
func (t Type) CredentialMetadata() ([]byte, error) {
	doc := credentialMetadata{Display: t.Display}
	for _, c := range t.Claims {
		if len(c.Display) == 0 {
			continue
		}
		out := claimDescription{Path: c.Path, Mandatory: c.Mandatory}
		for _, l := range c.Display {
			out.Display = append(out.Display, displayName{Name: l.Label, Locale: l.Locale})
		}
		doc.Claims = append(doc.Claims, out)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("writing credential metadata: %w", err)
	}
	return b, nil
}
