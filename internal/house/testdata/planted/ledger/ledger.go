// Package ledger is pure too.
package ledger

import (
	_ "os" // want: pure

	_ "github.com/transparency-dev/formats/log"
	_ "golang.org/x/mod/modfile" // want: door
	_ "golang.org/x/mod/sumdb/note"

	_ "kindpakket/internal/web"
	_ "kindpakket/ledger/rule" // want: arrow
)
