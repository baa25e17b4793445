package wallet

import "kindpakket/ledger"

// The reasons that a shop's service gives besides those of the ledger.
const (
	notEntitled       ledger.Reason = "not-entitled"
	cardExpired       ledger.Reason = "card-expired"
	cardNotYet        ledger.Reason = "card-not-yet"
	revoked           ledger.Reason = "revoked"
	wrongFund         ledger.Reason = "wrong-fund"
	badPresentation   ledger.Reason = "bad-presentation"
	declined          ledger.Reason = "declined"
	statusUnavailable ledger.Reason = "status-unavailable"
)

// again ends a sentence about a bill that is no good.
var again = Message{" Er is niets betaald. Vraag de winkel om een nieuwe code.", " Nothing was paid. Ask the shop for a new code."}

// toTheMunicipality ends a sentence about what only the municipality can mend.
var toTheMunicipality = Message{" Er is niets betaald. Bel de gemeente.", " Nothing was paid. Call the municipality."}

func (m Message) then(next Message) Message { return Message{m.NL + next.NL, m.EN + next.EN} }

// Explain says what a refusal means and what to do next. An unknown reason gets a general sentence, so that the parent
// is never left with a code.
func Explain(reason ledger.Reason) Message {
	switch reason {
	case ledger.TooLittleLeft:
		return Message{"Er staat niet genoeg op uw kaart voor dit bedrag. Er is niets betaald. Betaal een deel met de kaart en de rest anders.",
			"There is not enough left on your card for this amount. Nothing was paid. Pay a part with the card and the rest in another way."}
	case ledger.WrongCategory:
		return Message{"Deze winkel mag dit soort spullen niet met Kindpakket verkopen. Er is niets betaald. Kijk in de app waar het wel kan.",
			"This shop may not sell this kind of goods for Kindpakket. Nothing was paid. See in the app where you can buy it."}
	case ledger.UnknownShop:
		return Message{"Deze winkel doet (nog) niet mee. Er is niets betaald. Kijk in de app welke winkels meedoen.",
			"This shop does not take part (yet). Nothing was paid. See in the app which shops do."}
	case ledger.ShopSuspended:
		return Message{"Deze winkel mag nu geen Kindpakket aannemen. Er is niets betaald. Ga naar een andere winkel.",
			"This shop may not take Kindpakket at the moment. Nothing was paid. Go to another shop."}
	case ledger.BelowMinimum:
		return Message{"Dit bedrag is te klein voor Kindpakket. Er is niets betaald. Betaal het anders.",
			"This amount is too small for Kindpakket. Nothing was paid. Pay it in another way."}
	case ledger.AboveMaximum:
		return Message{"Dit bedrag is te groot voor één betaling. Er is niets betaald. Vraag de winkel om het in delen te doen.",
			"This amount is too large for one payment. Nothing was paid. Ask the shop to do it in parts."}
	case ledger.BlindLimit:
		return Message{"Dit bedrag mag alleen als uw app het zelf laat zien. Er is niets betaald. Werk de app bij.",
			"This amount is only allowed when your app shows it to you. Nothing was paid. Update the app."}
	case ledger.NotOpenYet:
		return Message{"Uw kaart is nog niet begonnen. Er is niets betaald. Op de kaart staat vanaf wanneer hij geldt.",
			"Your card has not begun yet. Nothing was paid. The card says from when it is valid."}
	case ledger.PeriodClosed:
		return Message{"Het jaar van deze kaart is voorbij. Er is niets betaald. Vraag de gemeente of u een nieuwe kaart krijgt.",
			"The year of this card is over. Nothing was paid. Ask the municipality whether you get a new card."}
	case ledger.OrderExpired:
		return Message{"De rekening was verlopen." + again.NL, "The bill had expired." + again.EN}
	case ledger.OrderEarly:
		return Message{"De klok van de winkel loopt niet gelijk." + again.NL, "The shop's clock is wrong." + again.EN}
	case ledger.OrderUsed:
		return Message{"Deze rekening is al gebruikt. U hebt hier niets mee betaald. Vraag de winkel om een nieuwe code.",
			"This bill was used already. You paid nothing with it. Ask the shop for a new code."}
	case ledger.AccountBlocked:
		return Message{"Uw kaart is geblokkeerd.", "Your card is blocked."}.then(toTheMunicipality)
	case revoked:
		return Message{"Uw kaart is ingetrokken. Er is niets betaald. Haal de nieuwe kaart op met uw nieuwe brief, of bel de gemeente.",
			"Your card was withdrawn. Nothing was paid. Fetch the new card with your new letter, or call the municipality."}
	case ledger.UnknownAccount:
		return Message{"Deze kaart werkt niet (meer) op deze telefoon. Misschien staat hij nu op een andere telefoon.",
			"This card does not work on this phone (any more). Perhaps it is on another phone now."}.then(toTheMunicipality)
	case ledger.AlreadySpent:
		return Message{"Dit geld is al uitgegeven, misschien vanaf een andere telefoon. Er is niets betaald. Kijk bij Aankopen.",
			"This money was spent already, perhaps from another phone. Nothing was paid. Look under Purchases."}
	case ledger.ReturnExceedsSpend:
		return Message{"Er zou meer terugkomen dan er betaald is. Er is niets teruggegeven. Vraag de winkel het bedrag na te kijken.",
			"More would come back than was paid. Nothing was given back. Ask the shop to check the amount."}
	case ledger.OriginalUnknown, ledger.NotForYou:
		return Message{"Dit hoort niet bij een aankoop van u in deze winkel. Er is niets gebeurd. Laat de winkel de aankoop zelf zien.",
			"This does not belong to a purchase of yours in this shop. Nothing happened. Show the purchase itself to the shop."}
	case declined:
		return Message{"U hebt nee gezegd. Er is niets verstuurd.", "You said no. Nothing was sent."}
	case cardExpired:
		return Message{"Uw kaart is verlopen. Er is niets betaald. Kies de kaart van dit jaar, of bel de gemeente.",
			"Your card has expired. Nothing was paid. Choose this year's card, or call the municipality."}
	case cardNotYet:
		return Explain(ledger.NotOpenYet)
	case notEntitled, wrongFund:
		return Message{"De winkel vroeg om een andere kaart dan deze. Er is niets betaald. Kies de goede kaart.",
			"The shop asked for another card than this one. Nothing was paid. Choose the right card."}
	case statusUnavailable:
		return Message{"De winkel kan nu niet nagaan of uw kaart geldt. Er is niets betaald. Probeer het over een paar minuten opnieuw.",
			"The shop cannot check your card at the moment. Nothing was paid. Try again in a few minutes."}
	case badPresentation:
		return Message{"De winkel kon uw kaart niet lezen." + again.NL, "The shop could not read your card." + again.EN}
	case ledger.Malformed, ledger.WrongLedger, ledger.UnknownFund, ledger.BadSignature, ledger.WrongAudience, ledger.BadProof,
		ledger.AlreadyIssued, ledger.AlreadyPaidOut, ledger.Conservation:
		return Message{"Er klopt iets niet aan deze rekening.", "Something is wrong with this bill."}.then(again)
	}
	return Message{"Het is geweigerd. Er is niets betaald. Vraag de winkel waarom.", "It was refused. Nothing was paid. Ask the shop why."}
}
