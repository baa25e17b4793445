package jose

// GoodEd25519 opens the check of Ed25519 points to the tests.
var GoodEd25519 = goodEd25519
