package issuer

import (
	"encoding/json"
	"fmt"

	"kindpakket/credential/budget"
	"kindpakket/credential/catalog"
	"kindpakket/credential/jose"
	"kindpakket/credential/sdjwt"
)

// makeCard signs one copy of a card for one key. Its times are those of its period, equal for all families, and what it
// hides is what the catalogue says.
func (i *Issuer) makeCard(f FundSpec, children int, amount budget.Cents, ref statusRef, holder jose.Key) (string, error) {
	t := catalog.Kindpakket()
	claims := map[string]any{
		"iss": i.cfg.URL,
		"vct": t.VCT(i.cfg.URL),
		"iat": f.Period.Opens.Unix(),
		"nbf": f.Period.Opens.Unix(),
		"exp": f.Period.Closes.Unix(),
		"status": map[string]any{"status_list": map[string]any{
			"idx": ref.Index, "uri": i.statusURI(ref.List)}},
		catalog.Ledger:       map[string]any{catalog.LedgerOrigin: i.cfg.Origin, catalog.LedgerKey: i.cfg.LogKey},
		catalog.Fund:         f.Fund,
		catalog.Period:       f.Period.ID,
		catalog.Municipality: i.cfg.Municipality,
		catalog.Categories:   f.Categories,
		catalog.Children:     children,
		catalog.Amount:       int64(amount),
	}
	if err := verifyClaims(t, claims, holder); err != nil {
		return "", err
	}
	var hide []sdjwt.Path
	for _, name := range t.Disclosable() {
		hide = append(hide, sdjwt.Path{name})
	}
	header := jose.Header{}
	for _, c := range i.cfg.CardChain {
		header.X5C = append(header.X5C, c.Raw)
	}
	card, err := sdjwt.Issue(i.cfg.Rand, i.cfg.Cards, sdjwt.Template{Header: header, Claims: claims, Holder: holder, Hide: hide})
	if err != nil {
		return "", err
	}
	return card.String(), nil
}

// verifyClaims checks the card against its description in the catalogue before it is signed.
func verifyClaims(t catalog.Type, claims map[string]any, holder jose.Key) error {
	whole := map[string]json.RawMessage{"cnf": json.RawMessage(`{"jwk":` + string(holder.JWK()) + `}`)}
	for name, v := range claims {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("encoding claim %q: %w", name, err)
		}
		whole[name] = b
	}
	return t.Verify(whole)
}
