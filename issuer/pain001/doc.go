// Package pain001 writes and reads the file by which the municipality's bank pays the shops: ISO 20022
// CustomerCreditTransferInitiationV09, pain.001.001.09, as the SEPA credit transfer guidelines (EPC132-08) want it.
//
// One [File] is one message with one payment instruction and one credit transfer for each shop. [File.Bytes] gives the
// same bytes for the same File, so that the hash in the ledger's payout entries can be computed again, and [Parse] takes
// only what Bytes writes, byte for byte: the audit of a payout reads the very file that was anchored. Amounts go from
// whole cents to decimal text without a float in between.
//
// The package trusts neither names nor texts: what SEPA cannot carry is replaced as [Text] says. It does not know what a
// shop is owed or whether an account was approved; the issuer does.
//
// testdata/profile.xsd describes exactly what is written here, type by type narrower than the schema that ISO 20022
// publishes, and the tests hold every file against it with xmllint. To test against the published schema itself:
//
//	go test ./issuer/pain001 -schema pain.001.001.09.xsd
package pain001
