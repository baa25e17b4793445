package wallet

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kindpakket/credential/budget"
	"kindpakket/credential/catalog"
	"kindpakket/credential/dcql"
	"kindpakket/credential/oid4vci"
	"kindpakket/credential/sdjwt"
)

// match finds the cards that answer the request and fills in what the parent is asked to show.
func (w *Wallet) match(c *Consent, cards []Card) error {
	q, err := dcql.Parse(c.request.Query)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	// docs/spec/ledger-entry.md, Section 2: a payment has one credential query, which the order names.
	if c.order != nil && (len(q.Credentials) != 1 || q.Credentials[0].ID != budget.CardQuery) {
		return fmt.Errorf("%w: a payment asks for one card", ErrOrder)
	}
	cards = w.usable(c, cards)
	held := make([]dcql.Candidate, len(cards))
	for i, card := range cards {
		held[i] = dcql.Candidate{Format: oid4vci.FormatSDJWT, Types: []string{card.text("vct")}, Claims: card.claims}
	}
	answer, err := dcql.Match(q, held)
	if errors.Is(err, dcql.ErrNoMatch) || err == nil && len(answer.Chosen) == 0 {
		return ErrNoCard
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	for n, chosen := range answer.Chosen {
		card := cards[chosen.Candidate]
		var paths []sdjwt.Path
		for _, p := range chosen.Paths {
			// A shop is paid for what it sells, not for what it learns: whoever asks a paying parent for the family's size or
			// the amount is turned away, not left to the parent at a till with a queue behind.
			if c.order != nil && !slices.ContainsFunc(payable, func(name string) bool { return sdjwt.Path(p).Equal(sdjwt.Path{name}) }) {
				return fmt.Errorf("%w: a payment asks for more than fund and period", ErrOrder)
			}
			paths = append(paths, sdjwt.Path(p))
		}
		c.choices = append(c.choices, choice{query: chosen.Query.ID, card: card.ID(), paths: paths})
		if n == 0 {
			c.card = card
		}
		shown, hidden, err := disclosures(card, paths)
		if err != nil {
			return err
		}
		c.shown = append(c.shown, shown...)
		c.hidden = append(c.hidden, hidden...)
	}
	return nil
}

// payable are the claims that a payment may ask for.
var payable = []string{catalog.Fund, catalog.Period}

// usable returns the cards that can answer: valid now or, for a payment, able to pay the order. Those that hold enough as
// far as we know come first, and of these the newest, because a new letter may have taken the place of an old card.
func (w *Wallet) usable(c *Consent, cards []Card) []Card {
	now := w.cfg.Now()
	var enough, short []Card
	for _, card := range slices.Backward(cards) {
		if c.order == nil {
			if !now.Before(card.ValidFrom()) && now.Before(card.ValidUntil()) {
				enough = append(enough, card)
			}
			continue
		}
		if !card.pays(*c.order) {
			continue
		}
		if left, err := card.Balance(); err == nil && left >= c.order.Amount {
			enough = append(enough, card)
		} else {
			short = append(short, card)
		}
	}
	return append(enough, short...)
}

// disclosures splits what a card could hide into what these paths show and what stays hidden, in the catalogue's order.
// The municipality is left out of what stays hidden: every presentation names the issuer.
func disclosures(card Card, paths []sdjwt.Path) (shown, hidden []Item, err error) {
	whole, err := sdjwt.Parse(card.record.Copies[0].Text)
	if err != nil {
		return nil, nil, fmt.Errorf("reading card: %w", err)
	}
	part, err := whole.Present(paths...)
	if err != nil {
		return nil, nil, err
	}
	t, known := catalog.LookupVCT(card.Issuer(), card.text("vct"))
	var order []string
	if known {
		order = t.Disclosable()
	}
	all := whole.Disclosures()
	rank := func(d sdjwt.Disclosure) int { return slices.Index(order, topLevel(d)) }
	slices.SortStableFunc(all, func(a, b sdjwt.Disclosure) int { return rank(a) - rank(b) })
	for _, d := range all {
		name := d.Path.String()
		item := Item{Label: Message{name, name}, Value: screen(d.Value)}
		if top := topLevel(d); slices.Contains(order, top) {
			item.Label = Message{t.Label(top, "nl"), t.Label(top, "en")}
		}
		switch {
		case slices.ContainsFunc(part.Disclosures(), func(s sdjwt.Disclosure) bool { return s.Path.Equal(d.Path) }):
			shown = append(shown, item)
		case topLevel(d) != catalog.Municipality:
			hidden = append(hidden, item)
		}
	}
	return shown, hidden, nil
}

// topLevel returns the name of a claim that is disclosed whole, "" of a part of one.
func topLevel(d sdjwt.Disclosure) string {
	if len(d.Path) != 1 {
		return ""
	}
	name, _ := d.Path[0].(string)
	return name
}

// screen writes a claim's value for people.
func screen(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, screen(e))
		}
		return strings.Join(parts, ", ")
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
