// Package ledgertest is made for tests.
package ledgertest

import (
	_ "pgregory.net/rapid"

	_ "kindpakket/ledger"
)
