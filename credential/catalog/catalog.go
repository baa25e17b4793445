package catalog

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// The names of the selectively disclosable claims of a Kindpakket card.
const (
	Fund         = "fund"         // text: the fund's id, as in the ledger
	Period       = "period"       // text: the period's id, as in the ledger
	Municipality = "municipality" // text: the municipality's name
	Categories   = "categories"   // texts: ids of the categories that the fund pays for
	Children     = "children"     // count: how many children the budget is for
	Amount       = "amount"       // cents: the budget at its start
)

// Ledger is the name of the claim that every Kindpakket card shows: an object with the members [LedgerOrigin] and
// [LedgerKey].
const (
	Ledger       = "ledger"
	LedgerOrigin = "origin" // text: the ledger's origin line
	LedgerKey    = "key"    // text: the ledger's verifier key in the form of signed notes (C2SP signed-note)
)

//go:embed types/*.json
var types embed.FS

// Types returns all types of the house, by the name of their file. Callers may change what they get.
func Types() []Type {
	names, err := fs.Glob(types, "types/*.json")
	if err != nil {
		panic("catalog: " + err.Error()) // cannot happen: the pattern is a constant
	}
	all := make([]Type, 0, len(names))
	for _, name := range names {
		t, err := embedded(name)
		if err != nil {
			panic("catalog: " + err.Error()) // cannot happen: the files are built in, and the tests read each
		}
		all = append(all, t)
	}
	return all
}

func embedded(name string) (Type, error) {
	b, err := types.ReadFile(name)
	if err != nil {
		return Type{}, err
	}
	t, err := Parse(b)
	if err != nil {
		return Type{}, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

// Kindpakket returns the type of the Kindpakket card.
func Kindpakket() Type {
	t, err := embedded("types/kindpakket.json")
	if err != nil {
		panic("catalog: " + err.Error()) // cannot happen: see Types
	}
	return t
}

// Lookup returns the type with the given OpenID4VCI credential configuration id.
func Lookup(configurationID string) (Type, bool) {
	for _, t := range Types() {
		if t.ConfigurationID == configurationID {
			return t, true
		}
	}
	return Type{}, false
}

// LookupVCT returns the type that an issuer with this base URL calls vct.
func LookupVCT(base, vct string) (Type, bool) {
	for _, t := range Types() {
		if t.VCT(base) == vct {
			return t, true
		}
	}
	return Type{}, false
}

// VCT returns the type's identifier as an issuer with this base URL writes it: an URL at which the issuer serves
// [Type.TypeMetadata]. A URL, because some wallets take dotted names for identifiers of another scheme.
func (t Type) VCT(base string) string {
	return strings.TrimSuffix(base, "/") + t.VCTPath
}
