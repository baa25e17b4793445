package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// MaxType is the largest description that [Parse] reads, in bytes.
const MaxType = 64 << 10

// ErrType is returned by [Parse] for bytes that describe no type of credential.
var ErrType = errors.New("not a credential type")

// Type describes one type of credential.
type Type struct {
	ConfigurationID string    `json:"configuration_id"` // its key in credential_configurations_supported, [a-z0-9-]{1,64}
	Format          string    `json:"format"`           // dc+sd-jwt
	VCTPath         string    `json:"vct_path"`         // what follows the issuer's base URL in the vct, "/vct/…"
	Name            string    `json:"name"`             // for developers
	Description     string    `json:"description"`      // for developers
	Display         []Display `json:"display"`          // for people, one a language; never empty
	Claims          []Claim   `json:"claims"`           // in the order in which a wallet shows them; never empty
}

// Display says how a card looks in one language.
type Display struct {
	Locale          string `json:"locale"` // BCP 47
	Name            string `json:"name"`
	Description     string `json:"description,omitempty"`
	BackgroundColor string `json:"background_color,omitempty"` // #rrggbb
	TextColor       string `json:"text_color,omitempty"`       // #rrggbb
}

// Claim describes one claim, or one member of a claim that is an object.
type Claim struct {
	Path      []string     `json:"path"`      // names from the root down; never empty
	Value     Value        `json:"value"`     // what it holds
	Mandatory bool         `json:"mandatory"` // every card of the type has it
	SD        Disclosure   `json:"sd"`        // whether the holder chooses to show it
	Display   []ClaimLabel `json:"display,omitempty"`
}

// ClaimLabel is what a claim is called in one language. A claim without labels is not shown to people.
type ClaimLabel struct {
	Locale      string `json:"locale"`
	Label       string `json:"label"`
	Description string `json:"description,omitempty"`
}

// Value is the kind of a claim's value.
type Value string

const (
	Text   Value = "text"   // a JSON string that is not empty
	Texts  Value = "texts"  // a JSON array of at least one such string
	Count  Value = "count"  // a whole number, 0 or more
	Cents  Value = "cents"  // a whole number of euro cents, 0 or more
	Time   Value = "time"   // whole seconds since 1970-01-01T00:00:00Z
	Object Value = "object" // a JSON object
)

// Disclosure is the `sd` member of SD-JWT VC claim metadata.
type Disclosure string

const (
	Always Disclosure = "always" // the issuer must make the claim selectively disclosable
	Never  Disclosure = "never"  // the issuer must not
)

// Parse reads the description of a type. It returns [ErrType] with what is wrong: an unknown member, a claim that is
// described twice, a registered claim that SD-JWT VC does not allow to hide, a language without a name.
func Parse(b []byte) (Type, error) {
	if len(b) > MaxType {
		return Type{}, fmt.Errorf("%w: larger than %d bytes", ErrType, MaxType)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var t Type
	if err := d.Decode(&t); err != nil {
		return Type{}, fmt.Errorf("%w: %w", ErrType, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Type{}, fmt.Errorf("%w: text after the object", ErrType)
	}
	if err := t.verify(); err != nil {
		return Type{}, fmt.Errorf("%w: %w", ErrType, err)
	}
	return t, nil
}

var (
	idPattern     = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	pathPattern   = regexp.MustCompile(`^(/[a-z0-9-]{1,64}){1,8}$`)
	localePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`)
	colorPattern  = regexp.MustCompile(`^(#[0-9a-f]{6})?$`)
)

// unhidable are the claims that an SD-JWT VC never hides (SD-JWT VC, draft 19, "Registered JWT Claims").
var unhidable = []string{"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status"}

func (t Type) verify() error {
	switch {
	case !idPattern.MatchString(t.ConfigurationID):
		return errors.New("configuration_id is not 1 to 64 of a-z, 0-9 and -")
	case t.Format != "dc+sd-jwt":
		return errors.New("format is not dc+sd-jwt")
	case !pathPattern.MatchString(t.VCTPath):
		return errors.New("vct_path is not a path")
	case len(t.Display) == 0:
		return errors.New("display is empty")
	case len(t.Claims) == 0:
		return errors.New("claims is empty")
	}
	var locales []string
	for _, d := range t.Display {
		if d.Name == "" || !colorPattern.MatchString(d.BackgroundColor) || !colorPattern.MatchString(d.TextColor) {
			return errors.New("display has no name, or a colour that is not #rrggbb")
		}
		locales = append(locales, d.Locale)
	}
	if err := verifyLocales(locales); err != nil {
		return err
	}
	var seen [][]string
	for _, c := range t.Claims {
		if err := c.verify(); err != nil {
			return fmt.Errorf("claim %q: %w", strings.Join(c.Path, "."), err)
		}
		// OpenID4VCI 1.0, Appendix B.3: a repeated claim description is refused.
		if slices.ContainsFunc(seen, func(p []string) bool { return slices.Equal(p, c.Path) }) {
			return fmt.Errorf("claim %q is described twice", strings.Join(c.Path, "."))
		}
		seen = append(seen, c.Path)
	}
	return nil
}

func (c Claim) verify() error {
	if len(c.Path) == 0 || slices.Contains(c.Path, "") {
		return errors.New("path is empty or has an empty name")
	}
	switch c.Value {
	case Text, Texts, Count, Cents, Time, Object:
	default:
		return errors.New("value is of no known kind")
	}
	switch {
	case c.SD != Always && c.SD != Never:
		return errors.New("sd is neither always nor never")
	case c.SD == Always && len(c.Path) > 1:
		return errors.New("only whole top-level claims are disclosed selectively")
	case c.SD == Always && slices.Contains(unhidable, c.Path[0]):
		return errors.New("this registered claim must not be selectively disclosable")
	}
	var locales []string
	for _, l := range c.Display {
		if l.Label == "" {
			return errors.New("display has no label")
		}
		locales = append(locales, l.Locale)
	}
	return verifyLocales(locales)
}

// verifyLocales refuses what is no language tag, and a language that comes twice.
func verifyLocales(locales []string) error {
	for i, l := range locales {
		if !localePattern.MatchString(l) {
			return errors.New("locale is not a language tag")
		}
		if slices.Contains(locales[:i], l) {
			return errors.New("two displays for one locale")
		}
	}
	return nil
}

// Look returns how the card looks in the language lang, a BCP 47 tag: the display of that tag, else of its language,
// else the first.
func (t Type) Look(lang string) Display {
	base, _, _ := strings.Cut(lang, "-")
	for _, want := range []string{lang, base} {
		for _, d := range t.Display {
			if strings.EqualFold(d.Locale, want) {
				return d
			}
		}
	}
	return t.Display[0]
}

// Label returns what a top-level claim is called in the language lang, chosen as in [Type.Look], or "" if the claim is
// not one that people are shown.
func (t Type) Label(claim, lang string) string {
	base, _, _ := strings.Cut(lang, "-")
	for _, c := range t.Claims {
		if len(c.Path) != 1 || c.Path[0] != claim || len(c.Display) == 0 {
			continue
		}
		for _, want := range []string{lang, base} {
			for _, l := range c.Display {
				if strings.EqualFold(l.Locale, want) {
					return l.Label
				}
			}
		}
		return c.Display[0].Label
	}
	return ""
}

// Disclosable returns the names of the top-level claims that the issuer makes selectively disclosable, in the order of
// the description.
func (t Type) Disclosable() []string {
	var names []string
	for _, c := range t.Claims {
		if c.SD == Always {
			names = append(names, c.Path[0])
		}
	}
	return names
}

// Verify checks a whole card, all claims disclosed: every mandatory claim is there, every described claim holds what it
// should, and there is no claim that the description does not know. An issuer runs it before it signs. The error names
// the claim and never its value.
func (t Type) Verify(claims map[string]json.RawMessage) error {
	for name := range claims {
		if !slices.ContainsFunc(t.Claims, func(c Claim) bool { return c.Path[0] == name }) {
			return fmt.Errorf("claim %q is not of this type", name)
		}
	}
	for _, c := range t.Claims {
		raw, there, err := lookup(claims, c.Path)
		if err != nil {
			return fmt.Errorf("claim %q: %w", strings.Join(c.Path, "."), err)
		}
		if !there {
			if c.Mandatory {
				return fmt.Errorf("claim %q is missing", strings.Join(c.Path, "."))
			}
			continue
		}
		if !c.Value.holds(raw) {
			return fmt.Errorf("claim %q is not of kind %s", strings.Join(c.Path, "."), c.Value)
		}
	}
	return nil
}

func lookup(in map[string]json.RawMessage, path []string) (json.RawMessage, bool, error) {
	raw, there := in[path[0]]
	if !there || len(path) == 1 {
		return raw, there, nil
	}
	var inner map[string]json.RawMessage
	if err := json.Unmarshal(raw, &inner); err != nil {
		return nil, false, errors.New("what holds it is not an object")
	}
	return lookup(inner, path[1:])
}

func (v Value) holds(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	if bytes.Equal(raw, []byte("null")) {
		return false
	}
	switch v {
	case Text:
		var s string
		return json.Unmarshal(raw, &s) == nil && s != ""
	case Texts:
		var list []*string
		return json.Unmarshal(raw, &list) == nil && len(list) > 0 &&
			!slices.ContainsFunc(list, func(s *string) bool { return s == nil || *s == "" })
	case Count, Cents, Time:
		var n int64
		return json.Unmarshal(raw, &n) == nil && n >= 0
	case Object:
		var m map[string]json.RawMessage
		return json.Unmarshal(raw, &m) == nil
	}
	return false
}
