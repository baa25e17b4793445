// Package curve is the arithmetic floor under credential/bbs and credential/purse: BLS12-381 as those two need it.
//
// It adds to gnark-crypto what a verifier of many small proofs asks for: strict decoding ([ParsePoint], [ParseScalar]),
// the hashing of the BBS draft ([Suite]), sums of a few dozen scalar products ([Evaluate], [Base]), and pairing checks
// against points of G2 that are known beforehand ([Lines]).
//
// # What it trusts, and time
//
// Callers pass points that were parsed here or computed from such points. [Evaluate], the parsers and the pairing run in
// variable time; a secret meets them only after a fresh random factor or summand hides it. [InvertSecret],
// [MultiplySecret], [MultiplySecretG2] and [AddSelected] are the functions that secrets may enter as they are.
package curve
