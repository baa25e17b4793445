// Package verifier is the shop's room: it makes signed orders, asks a wallet for a card by OpenID4VP, checks what comes
// back, submits the spend to the ledger and says "paid" only when it has verified the ledger's receipt. The same room
// asks whether somebody has a Kindpakket at all, without money, and gives goods back by credit note. One service serves
// several shops, each with a key and an access certificate of its own.
//
// What it trusts: the anchors of the municipality's CA (who may issue cards and status lists, who is a shop) and the
// ledger's checkpoints under a policy. It trusts no wallet: a presentation counts for what it proves. It trusts the
// ledger's answer for what [ledger.Verify] says of it, and a refusal for not being a payment; everything else, an
// outage or a receipt that does not verify, leaves an order pending until the same question was answered. Nothing is
// called paid or refused on a guess.
//
// Who steals a shop's key can ask for money in that shop's name. He cannot take any: a spend needs the holder's
// signature over the very order, and what is paid goes to the shop's bank account that two officials approved.
//
// The order of a payment: [Verifier.Request] signs the order, keeps it and returns the link for the QR code. The wallet
// fetches [Verifier.RequestObject] and posts its answer to [Verifier.Respond]. The answer is stored before the ledger is
// asked, so that whatever is lost after that (the ledger's answer, this process, the wallet's connection) is found by
// asking again: [Verifier.Result], the wallet's repeated answer and [Verifier.Resume] all send the same command, which
// the ledger answers with the same entry. Until the answer is stored nothing has happened and the wallet posts again.
//
// The till never learns a balance: no answer of this package holds one, and the package never asks the ledger for one.
// Claims of a card are compared and forgotten; what is kept of a presentation is what the ledger keeps, a key and a key
// binding, and for a check not even that. Nothing of a card, key or nonce stands in a URL or a log.
//
// BUG(kindpakket): a purse's payment is not understood yet: presentations are cards with an account on the ledger
// (SD-JWT VC) alone, and so are the purchases that can be given back.
//
// BUG(kindpakket): a request is always cross-device: there is no redirect_uri, and so no binding of a response to the
// session of a browser on the same phone.
package verifier
