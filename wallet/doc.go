// Package wallet is what a parent's phone does, as a library: it takes a card ([Wallet.Accept]), shows who asks for what
// ([Wallet.Look]), answers after the parent agreed ([Wallet.Answer]) and keeps the receipts ([Wallet.History]). It builds
// for js/wasm: what it keeps goes through package vault, what it fetches through a [Doer], and clock and randomness are
// arguments.
//
//	card, err := w.Accept(ctx, offer, "04936535")   // from the letter
//	consent, err := w.Look(ctx, request)            // from the till's QR code
//	fmt.Println(consent.Text().NL)                  // … vraagt € 12,50 voor: Fiets. …
//	result, err := w.Answer(ctx, consent)           // once the parent agreed
//	fmt.Println(result.State(), result.Message().NL)
//
// What it trusts: the anchors in [Config], for who issues cards and who may ask; the key of the ledger, which the signed
// card names (or a policy of its own), for what was paid. It does not trust shops. A shop's word "paid" counts for
// nothing without the ledger's receipt for exactly the order that the parent saw, and its word "refused" does not take a
// later receipt away.
//
// Nothing moves without consent. A [Consent] can only be made by Look, from a signed request whose certificate names the
// shop that the order names, and the answer is bound to the hash of that order. A request that shows no order but whose
// nonce could be the hash of one is refused: the ledger takes such an answer for a payment that the parent never saw
// (docs/spec/ledger-entry.md, Section 2, blind_limit), and this wallet does not pay blind.
//
// Everything that must survive a flat battery is written before it is sent: the keys before a card is asked for, the
// answer before it is posted. [Wallet.Retry] sends the same bytes again and gets the same receipt.
//
// A wallet that stands in front of an account knows its balance only from its own receipts: see [Card.Balance].
//
// Cards, consents and results print as [redacted]; their methods say what they hold.
package wallet
