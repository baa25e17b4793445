// Package dcql reads and answers the Digital Credentials Query Language of OpenID4VP 1.0, Section 6: what a verifier asks for, and
// which of the credentials that a wallet holds, with which of their claims, answer it.
//
//	q, err := dcql.Parse(request.Query)
//	answer, err := dcql.Match(q, held)
//	for _, c := range answer.Chosen { … } // what to ask consent for: c.Query, c.Candidate, c.Paths
//
// The query is an enemy's text: it has limits, and matching takes time in proportion to the query and the credentials. The
// candidates are the wallet's own, parsed and verified before. Nothing here trusts a verifier: a query is a wish, and that a value
// was asked for proves nothing to the one who asked (Section 6.4.1).
//
// Formats are opaque: a query for one that no candidate has does not match, and disturbs no other query of the request.
package dcql
