package verifier

import "kindpakket/ledger"

// The reasons that this package adds to those of the ledger. Of the ledger's it also gives itself: ledger.WrongAudience,
// ledger.OrderExpired and ledger.OrderUsed, with the same meaning.
const (
	NotEntitled       ledger.Reason = "not-entitled"       // not a card of this kind from this municipality
	CardExpired       ledger.Reason = "card-expired"       // the card's time is over
	CardNotYet        ledger.Reason = "card-not-yet"       // the card's time has not begun
	Revoked           ledger.Reason = "revoked"            // the municipality withdrew the card
	WrongFund         ledger.Reason = "wrong-fund"         // a card of another fund or period than asked for
	BadPresentation   ledger.Reason = "bad-presentation"   // not shown by its holder for this request, or malformed
	Declined          ledger.Reason = "declined"           // the wallet said no: its holder refused, or it has no such card
	StatusUnavailable ledger.Reason = "status-unavailable" // whether the card was revoked cannot be known now
)

// Reasons lists the reasons above.
func Reasons() []ledger.Reason {
	return []ledger.Reason{NotEntitled, CardExpired, CardNotYet, Revoked, WrongFund, BadPresentation, Declined, StatusUnavailable}
}

// Message is what a till shows people, on the cashier's and the customer's side: what happened, and what to do next. It
// says nothing about the family.
type Message struct {
	NL string `json:"nl"`
	EN string `json:"en"`
}

// MessageFor returns the sentences for a reason of the ledger or of this package. For a word that is neither, it says
// that the payment did not happen and gives the word.
func MessageFor(r ledger.Reason) Message {
	if m, ok := messages[r]; ok {
		return m
	}
	return Message{
		NL: "Er is niet betaald. Probeer het opnieuw, of bel de gemeente en noem dit woord: " + string(r) + ".",
		EN: "Nothing was paid. Try again, or call the municipality and tell them this word: " + string(r) + ".",
	}
}

var messages = map[ledger.Reason]Message{
	ledger.Malformed: {
		"De betaling was niet goed te lezen. Er is niet betaald. Maak een nieuwe betaling.",
		"The payment could not be read. Nothing was paid. Make a new payment."},
	ledger.WrongLedger: {
		"Deze kassa hoort bij een andere gemeente. Er is niet betaald. Bel de gemeente.",
		"This till belongs to another municipality. Nothing was paid. Call the municipality."},
	ledger.UnknownFund: {
		"Deze kassa vraagt om een regeling die er niet is. Er is niet betaald. Bel de gemeente.",
		"This till asks for a scheme that does not exist. Nothing was paid. Call the municipality."},
	ledger.NotOpenYet: {
		"Het nieuwe jaar is nog niet begonnen. Er is niet betaald. Probeer het vanaf de eerste dag opnieuw.",
		"The new year has not begun yet. Nothing was paid. Try again from its first day."},
	ledger.PeriodClosed: {
		"Dit jaar is afgesloten. Er is geen geld verplaatst. Vraag de gemeente wat er nog kan.",
		"This year is closed. No money was moved. Ask the municipality what can still be done."},
	ledger.UnknownShop: {
		"Deze winkel doet nog niet mee. Er is niet betaald. De winkel kan de gemeente bellen.",
		"This shop does not take part yet. Nothing was paid. The shop can call the municipality."},
	ledger.ShopSuspended: {
		"Deze winkel kan nu geen betalingen aannemen. Er is niet betaald. De winkel kan de gemeente bellen.",
		"This shop cannot take payments now. Nothing was paid. The shop can call the municipality."},
	ledger.WrongCategory: {
		"Deze winkel mag dit soort spullen hier niet mee verkopen. Er is niet betaald. Kies een andere soort, of betaal anders.",
		"This shop may not sell this kind of goods with it. Nothing was paid. Choose another kind, or pay another way."},
	ledger.BelowMinimum: {
		"Dit bedrag is te klein. Er is niet betaald. Betaal het anders, of samen met iets anders.",
		"This amount is too small. Nothing was paid. Pay another way, or together with something else."},
	ledger.AboveMaximum: {
		"Dit bedrag is te groot voor één keer. Er is niet betaald. Betaal een kleiner deel, en de rest anders.",
		"This amount is too large for one payment. Nothing was paid. Pay a smaller part, and the rest another way."},
	ledger.BlindLimit: {
		"Deze app laat het bedrag niet zien. Daarom kan er alleen een kleiner bedrag mee. Er is niet betaald. Betaal minder, of gebruik een andere app.",
		"This app does not show the amount, so it can pay smaller amounts only. Nothing was paid. Pay less, or use another app."},
	ledger.OrderExpired: {
		"Het duurde te lang. Er is niet betaald. Maak een nieuwe betaling.",
		"It took too long. Nothing was paid. Make a new payment."},
	ledger.OrderEarly: {
		"De klok van de kassa loopt voor. Er is niet betaald. Wacht even en maak een nieuwe betaling.",
		"The till's clock is fast. Nothing was paid. Wait a moment and make a new payment."},
	ledger.OrderUsed: {
		"Deze code is al gebruikt. Er is nu niets betaald. Kijk bij de eerste betaling, of maak een nieuwe.",
		"This code was used before. Nothing was paid now. Look at the first payment, or make a new one."},
	ledger.BadSignature: {
		"De kassa heeft een sleutel die de gemeente niet kent. Er is niet betaald. De winkel kan de gemeente bellen.",
		"The till has a key that the municipality does not know. Nothing was paid. The shop can call the municipality."},
	ledger.WrongAudience: {
		"Dit antwoord was voor een andere winkel bedoeld. Er is niet betaald. Scan de code op deze kassa.",
		"This answer was meant for another shop. Nothing was paid. Scan the code on this till."},
	ledger.BadProof: {
		"De telefoon heeft iets anders ondertekend dan deze betaling. Er is niet betaald. Scan de code opnieuw.",
		"The phone signed something else than this payment. Nothing was paid. Scan the code again."},
	ledger.NotForYou: {
		"Dit hoort bij een andere kaart of een andere winkel. Er is geen geld verplaatst. Ga naar de winkel van de aankoop.",
		"This belongs to another card or another shop. No money was moved. Go to the shop of the purchase."},
	ledger.OriginalUnknown: {
		"Deze aankoop staat niet in het kasboek van deze winkel. Er is niets teruggegeven. Controleer de bon.",
		"This purchase is not in this shop's books. Nothing was given back. Check the receipt."},
	ledger.UnknownAccount: {
		"Deze kaart geldt niet meer. Er is niet betaald. Gebruik de nieuwste kaart, of bel de gemeente.",
		"This card does not count any more. Nothing was paid. Use the newest card, or call the municipality."},
	ledger.AccountBlocked: {
		"Met deze kaart kan nu niet betaald worden. Er is niet betaald. Bel de gemeente.",
		"This card cannot be used to pay now. Nothing was paid. Call the municipality."},
	ledger.AlreadyIssued: {
		"Dit staat al in het kasboek. Er is niets veranderd. Bel de gemeente.",
		"This stands in the ledger already. Nothing has changed. Call the municipality."},
	ledger.AlreadySpent: {
		"Dit is al een keer betaald. Er is nu niets betaald. Open de app opnieuw en probeer het nog een keer.",
		"This was paid before. Nothing was paid now. Open the app again and try once more."},
	ledger.TooLittleLeft: {
		"Het bedrag is te hoog voor deze kaart. Er is niet betaald. Betaal een kleiner deel, en de rest anders.",
		"The amount is too high for this card. Nothing was paid. Pay a smaller part, and the rest another way."},
	ledger.ReturnExceedsSpend: {
		"Dit is meer dan er van deze aankoop nog terug kan. Er is niets teruggegeven. Controleer de bon en vul een kleiner bedrag in.",
		"This is more than can still come back of this purchase. Nothing was given back. Check the receipt and enter a smaller amount."},
	ledger.AlreadyPaidOut: {
		"Dit is al uitbetaald. Er is niets veranderd. Bel de gemeente.",
		"This was paid out before. Nothing has changed. Call the municipality."},
	ledger.Conservation: {
		"De bedragen kloppen niet met elkaar. Er is geen geld verplaatst. Bel de gemeente.",
		"The amounts do not add up. No money was moved. Call the municipality."},
	NotEntitled: {
		"Dit is geen Kindpakket van deze gemeente. Kies in de app de goede kaart.",
		"This is no Kindpakket of this municipality. Choose the right card in the app."},
	CardExpired: {
		"Deze kaart is verlopen. Kies in de app de kaart van dit jaar, of bel de gemeente.",
		"This card has expired. Choose this year's card in the app, or call the municipality."},
	CardNotYet: {
		"Deze kaart geldt nog niet. Kies in de app de kaart van dit jaar.",
		"This card is not valid yet. Choose this year's card in the app."},
	Revoked: {
		"Deze kaart is ingetrokken. Haal in de app de nieuwe kaart op, of bel de gemeente.",
		"This card was withdrawn. Fetch the new card in the app, or call the municipality."},
	WrongFund: {
		"Dit is een kaart van een andere regeling of een ander jaar. Kies in de app de kaart van dit jaar.",
		"This is a card of another scheme or another year. Choose this year's card in the app."},
	BadPresentation: {
		"De kaart kon niet gecontroleerd worden. Scan de code opnieuw met de app.",
		"The card could not be checked. Scan the code again with the app."},
	Declined: {
		"De app heeft nee gezegd. Er is niets gedeeld en niet betaald. Maak een nieuwe code als het toch moet.",
		"The app said no. Nothing was shared and nothing was paid. Make a new code to try again."},
	StatusUnavailable: {
		"Nu kan niet worden nagegaan of de kaart nog geldt. Probeer het over een paar minuten opnieuw.",
		"Whether the card is still valid cannot be checked now. Try again in a few minutes."},
}
