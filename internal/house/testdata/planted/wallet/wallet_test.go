package wallet_test

import (
	_ "kindpakket/internal/testnet"
	_ "kindpakket/ledger/bolt"
	_ "kindpakket/verifier" // want: room
)
