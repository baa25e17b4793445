// Package catalog describes the types of credential that the house issues, as data: one JSON file a type in types/,
// embedded. A new type (a diploma, a swimming certificate, a driving licence) is a new file, not new code.
//
// From one description come the three documents that the world reads, so that they cannot disagree:
//
//   - [Type.TypeMetadata], the SD-JWT VC Type Metadata that the issuer serves at the type's vct URL;
//   - [Type.CredentialMetadata], the display part of a credential configuration in OpenID4VCI issuer metadata;
//   - [Type.Disclosable], the claims that the issuer must make selectively disclosable, and [Type.Verify], which an
//     issuer runs over every payload before it signs.
//
// The first type is the Kindpakket's own card. Besides what SD-JWT VC always shows (iss, vct, nbf, exp, status, cnf) it
// shows the ledger on which its money lives, so that a wallet checks receipts with the municipality's anchor alone.
// Family size and amount can be shown by the holder only, and no shop asks for them. The times of a card are those of
// its period, equal for all families: they point to nobody.
//
// The package trusts the files it is built with, which its tests read; [Parse] is for descriptions from elsewhere and
// trusts nothing. It has no clock, no disk and no network, and it builds for js/wasm.
package catalog
