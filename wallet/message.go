package wallet

import (
	"errors"
	"strings"

	"kindpakket/ledger"
	"kindpakket/wallet/vault"
)

// Message says what happened and what to do next, to people.
type Message struct {
	NL string `json:"nl"`
	EN string `json:"en"`
}

// In returns the message in the language lang, a BCP 47 tag: in English if it is English, otherwise in Dutch.
func (m Message) In(lang string) string {
	primary, _, _ := strings.Cut(lang, "-")
	if strings.EqualFold(primary, "en") {
		return m.EN
	}
	return m.NL
}

// Error is an error on which a caller chooses, with what to tell the parent. Its text is for developers and holds no
// claim value.
type Error struct {
	text string
	Hint Message
}

// Error returns the sentence for developers.
func (e *Error) Error() string { return e.text }

// Errors of taking a card.
var (
	ErrOffer = &Error{"the credential offer cannot be used", Message{
		"Deze code is geen Kindpakket-brief, of hij is beschadigd. Scan de code op uw brief opnieuw, of vraag de gemeente om een nieuwe brief.",
		"This code is not a Kindpakket letter, or it is damaged. Scan the code on your letter again, or ask the municipality for a new letter."}}
	ErrTxCode = &Error{"the issuer refused the code or the transaction code", Message{
		"De activeringscode klopt niet, of deze brief is al gebruikt of verlopen. Kijk de 8 cijfers in uw brief na. Na vijf foute pogingen hebt u een nieuwe brief nodig: bel de gemeente.",
		"The activation code is wrong, or this letter was used already or has expired. Check the 8 digits in your letter. After five wrong tries you need a new letter: call the municipality."}}
	ErrTxCodeMissing = &Error{"the offer asks for a transaction code", Message{
		"Bij deze brief hoort een activeringscode. Typ de 8 cijfers uit uw brief.",
		"This letter has an activation code. Type the 8 digits from your letter."}}
	ErrIssuer = &Error{"the card is not from an issuer that this wallet trusts", Message{
		"Deze kaart komt niet van een gemeente die deze app kent. Er is niets opgeslagen. Bel de gemeente als u dit niet verwacht.",
		"This card does not come from a municipality that this app knows. Nothing was stored. Call the municipality if you did not expect this."}}
	ErrDenied = &Error{"the issuer will not issue this card", Message{
		"De gemeente geeft deze kaart niet uit: misschien hebt u hem al op een andere telefoon. Bel de gemeente.",
		"The municipality will not give this card: perhaps you have it on another phone already. Call the municipality."}}
)

// Errors of looking at a request.
var (
	ErrRequest = &Error{"the presentation request cannot be used", Message{
		"Deze code is geen geldige vraag van een winkel. Er is niets verstuurd. Vraag de winkel om een nieuwe code.",
		"This code is not a valid request of a shop. Nothing was sent. Ask the shop for a new code."}}
	ErrStranger = &Error{"the request is not signed by a party that this wallet trusts", Message{
		"Wie dit vraagt, is niet bij de gemeente bekend. Er is niets verstuurd. Betaal hier niet.",
		"The municipality does not know who asks this. Nothing was sent. Do not pay here."}}
	ErrWrongShop = &Error{"the certificate is of another shop than the order", Message{
		"De rekening is van een andere winkel dan die het vraagt. Er is niets betaald. Betaal niet en meld dit bij de gemeente.",
		"The bill is of another shop than the one that asks. Nothing was paid. Do not pay, and tell the municipality."}}
	ErrOrder = &Error{"the order is not one that this wallet can pay", Message{
		"Deze rekening klopt niet. Er is niets betaald. Vraag de winkel om een nieuwe code.",
		"This bill is not right. Nothing was paid. Ask the shop for a new code."}}
	ErrBlind = &Error{"the request may be a payment that shows no order", Message{
		"Deze vraag kan een betaling zijn waarvan uw app het bedrag niet te zien krijgt. Er is niets verstuurd. Vraag de winkel om een nieuwe code.",
		"This request may be a payment of which your app is not shown the amount. Nothing was sent. Ask the shop for a new code."}}
	ErrExpired = &Error{"the order has expired", Message{
		"Deze rekening is verlopen. Er is niets betaald. Vraag de winkel om een nieuwe code.",
		"This bill has expired. Nothing was paid. Ask the shop for a new code."}}
	ErrNoCard = &Error{"no card in this wallet answers the request", Message{
		"U hebt geen kaart waarmee dit kan. Er is niets verstuurd. Kijk of uw kaart nog geldig is en of dit soort aankoop erbij hoort.",
		"You have no card for this. Nothing was sent. See whether your card is still valid and whether it is for this kind of purchase."}}
)

// Errors of answering.
var (
	ErrNoConsent = &Error{"the consent is not from this wallet, or was answered already", Message{
		"Deze vraag is al beantwoord. Kijk bij Aankopen wat ermee gebeurde.",
		"This request was answered already. See under Purchases what became of it."}}
	ErrNoAnswer = &Error{"no answer came that can be trusted", Message{
		"Er kwam geen goed antwoord van de winkel. Het kan zijn dat er betaald is. Kies ‘Opnieuw vragen’: u betaalt nooit twee keer voor deze rekening.",
		"No proper answer came from the shop. It may have been paid. Choose ‘Ask again’: you never pay this bill twice."}}
	ErrReceipt = &Error{"the receipt does not prove this payment", Message{
		"Het bewijs van betaling klopt niet. Uw kaart telt deze aankoop niet mee. Neem de spullen nog niet mee en vraag de winkel het opnieuw te proberen.",
		"The proof of payment is not right. Your card does not count this purchase. Do not take the goods yet, and ask the shop to try again."}}
	ErrUnknownPurchase = &Error{"the receipt belongs to no purchase in this wallet", Message{
		"Dit bewijs hoort bij geen aankoop in deze app. Gebruik de telefoon waarmee u betaald hebt.",
		"This receipt belongs to no purchase in this app. Use the phone that you paid with."}}
	ErrNetwork = &Error{"the other side cannot be reached", Message{
		"Er is geen verbinding. Kijk of uw telefoon internet heeft en probeer het opnieuw.",
		"There is no connection. See whether your phone is online and try again."}}
	ErrBalanceUnknown = &Error{"the card does not say how much it started with", Message{
		"De app weet niet hoeveel er op deze kaart staat. Vraag het de gemeente.",
		"The app does not know how much is left on this card. Ask the municipality."}}
)

var vaultHints = []struct {
	is   error
	hint Message
}{
	{vault.ErrPassphrase, Message{"Het wachtwoord klopt niet. Probeer het opnieuw.", "The passphrase is wrong. Try again."}},
	{vault.ErrExists, Message{"Hier is al een portemonnee. Open die, of kies een andere plaats.", "There is a wallet here already. Open it, or choose another place."}},
	{vault.ErrNoVault, Message{"Hier is nog geen portemonnee. Maak er eerst een.", "There is no wallet here yet. Make one first."}},
	{vault.ErrNotEmpty, Message{"Deze portemonnee is niet leeg. Zet de reservekopie terug in een nieuwe.", "This wallet is not empty. Restore the backup into a new one."}},
	{vault.ErrBackup, Message{"Dit is geen reservekopie van een Kindpakket-portemonnee, of hij is beschadigd. Kies een ander bestand.",
		"This is no backup of a Kindpakket wallet, or it is damaged. Choose another file."}},
	{vault.ErrDamaged, Message{"De opslag van de portemonnee is beschadigd. Zet uw reservekopie terug, of vraag de gemeente om een nieuwe brief.",
		"The wallet's storage is damaged. Restore your backup, or ask the municipality for a new letter."}},
}

// Hint returns what to tell the parent about err.
func Hint(err error) Message {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint
	}
	var reason ledger.Reason
	if errors.As(err, &reason) {
		return Explain(reason)
	}
	for _, h := range vaultHints {
		if errors.Is(err, h.is) {
			return h.hint
		}
	}
	return Message{"Er ging iets mis in de app. Probeer het opnieuw. Blijft het misgaan, bel dan de gemeente.",
		"Something went wrong in the app. Try again. If it keeps going wrong, call the municipality."}
}
