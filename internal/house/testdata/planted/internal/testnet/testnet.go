// Package testnet may use everything.
package testnet

import (
	_ "kindpakket/issuer"
	_ "kindpakket/ledger/ledgertest"
	_ "kindpakket/verifier"
)
