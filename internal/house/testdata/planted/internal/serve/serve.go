// Package serve is sound but for its neighbours.
package serve

import (
	_ "net/http"

	_ "kindpakket/credential/oid4vp"
	_ "kindpakket/internal/aries" // want: arrow
	_ "kindpakket/internal/problem"
	_ "kindpakket/ledger" // want: arrow
)
