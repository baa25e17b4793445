// Package issuer is sound.
package issuer

import (
	_ "go.etcd.io/bbolt"

	_ "kindpakket/internal/aries"
	_ "kindpakket/ledger"
)
