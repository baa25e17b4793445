// Package intake reads the two files that a municipality brings: its families and its shops, as CSV or as a spreadsheet.
//
// [ParseFamilies] and [ParseShops] take foreign bytes and return what stands in them together with a [Report] that an
// official can read: rows, children, euros, and every faulty line by its number and reason in Dutch and English. They
// are all or nothing: a file with one fault yields no family and no shop. Nothing is stored or sent from here.
//
// A client number exists only as a [Client], which prints as [redacted]. A report names lines and columns, never what
// stands in them, so that it may be shown, logged or mailed; a spreadsheet is unpacked in memory and never in a
// temporary file. A file of families may hold the two columns that are needed and no others: names and addresses have
// no business here.
//
// Whether a family was uploaded before is known to the issuer alone, by keyed hash; it answers through
// FamilyOptions.Known.
package intake
