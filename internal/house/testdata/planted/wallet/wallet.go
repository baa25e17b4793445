// Package wallet sees another room, and reaches what no browser has.
package wallet

import (
	_ "kindpakket/internal/aries" // want: never
	_ "kindpakket/internal/live"
	_ "kindpakket/issuer"      // want: room never
	_ "kindpakket/ledger/bolt" // want: arrow
	_ "kindpakket/wallet/vault"
)
