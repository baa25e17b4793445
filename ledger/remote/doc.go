// Package remote is a ledger over HTTP: [Handler] serves a [ledger.Log], [Client] is one.
//
// Both ends stand side by side and are tested against each other. The handler trusts its caller only as far as the
// [Role] that its Authorize function gives: a shop's verifier may append and gets the receipts of its own commands, an auditor may read every
// entry, the municipality may do both and ask balances. A client trusts nobody: it opens no receipt by itself, and the
// room that uses it verifies each under its own policy.
//
// The routes, all below the handler's root:
//
//	POST /append          {"kind":…,"body":…} → {"receipt":…}, the receipt file
//	POST /balance         {"account":…} → {"cents":…}; the account stands in no URL
//	GET  /checkpoint      the newest signed checkpoint
//	GET  /receipts/{index}
//	GET  /entries?from=0&to=1024        one entry a line
//	GET  /consistency?older=5&newer=9   one hash a line
//
// Errors are problem details (RFC 9457); a refusal carries the ledger's reason in the member "reason".
package remote
