package wallet

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"kindpakket/credential/budget"
	"kindpakket/credential/oid4vp"
	"kindpakket/credential/sdjwt"
)

// Consent is what the parent is asked to agree to. Only [Wallet.Look] makes one. It prints as [redacted].
type Consent struct {
	wallet  *Wallet
	request *oid4vp.Verified
	name    string        // certified
	order   *budget.Order // nil: no money
	segment string        // the order's payload segment: the transaction_data string
	choices []choice      // at least one
	card    Card          // that answers, or the first of several
	shown   []Item
	hidden  []Item
}

// choice is what answers one credential query.
type choice struct {
	query string
	card  string // id
	paths []sdjwt.Path
}

// Item is a claim of a card: what it is called, and what it holds.
type Item struct {
	Label Message
	Value string // for the screen; never for a log
}

// ask names the request: one answer is made to it, however often it is looked at.
func (c Consent) ask() string {
	sum := sha256.Sum256([]byte(string(c.request.ClientID) + "\x00" + c.request.Nonce))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Who is who asks: the name in the certificate, which the municipality issued.
func (c Consent) Who() string { return c.name }

// Order returns the order, and false if no money is asked for.
func (c Consent) Order() (budget.Order, bool) {
	if c.order == nil {
		return budget.Order{}, false
	}
	return *c.order, true
}

// Card is the card that answers.
func (c Consent) Card() Card { return c.card }

// Shown are the claims that the answer discloses because they were asked for.
func (c Consent) Shown() []Item { return c.shown }

// Hidden are the claims of the card that stay hidden.
func (c Consent) Hidden() []Item { return c.hidden }

// AlwaysShown says what every presentation of a card shows besides.
func (c Consent) AlwaysShown() Message {
	return Message{
		"dat het een Kindpakket is, van welke gemeente, tot wanneer het geldt, een nummer om te zien of het is ingetrokken, en een sleutel van deze telefoon",
		"that it is a Kindpakket, of which municipality, until when it is valid, a number to see whether it was withdrawn, and a key of this phone"}
}

// Text says in plain words who asks, for what, how much, and what is shown and what is not.
func (c Consent) Text() Message {
	m := Message{c.name + " vraagt of u een Kindpakket hebt. Er wordt niets betaald.\n",
		c.name + " asks whether you have a Kindpakket. Nothing is paid.\n"}
	if o, ok := c.Order(); ok {
		m = Message{fmt.Sprintf("%s vraagt %s voor: %s.\n", c.name, o.Amount.Format("nl"), o.Category.Name("nl")),
			fmt.Sprintf("%s asks %s for: %s.\n", c.name, o.Amount.Format("en"), o.Category.Name("en"))}
	}
	for _, lang := range []struct {
		to                         *string
		tag, sees, always, not, no string
	}{
		{&m.NL, "nl", "De winkel ziet: ", "Altijd te zien: ", "De winkel ziet niet: ", "hoeveel u nog hebt, en wie u bent"},
		{&m.EN, "en", "The shop sees: ", "Always visible: ", "The shop does not see: ", "how much you have left, and who you are"},
	} {
		if len(c.shown) > 0 {
			var shown []string
			for _, i := range c.shown {
				shown = append(shown, i.Label.In(lang.tag)+" ("+i.Value+")")
			}
			*lang.to += lang.sees + strings.Join(shown, ", ") + ".\n"
		}
		*lang.to += lang.always + c.AlwaysShown().In(lang.tag) + ".\n"
		var hidden []string
		for _, i := range c.hidden {
			hidden = append(hidden, i.Label.In(lang.tag))
		}
		*lang.to += lang.not + strings.Join(append(hidden, lang.no), ", ") + "."
	}
	return m
}

// String returns "[redacted]".
func (Consent) String() string { return redacted }

// GoString returns "[redacted]".
func (Consent) GoString() string { return redacted }

// LogValue returns "[redacted]".
func (Consent) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON writes "[redacted]".
func (Consent) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }
