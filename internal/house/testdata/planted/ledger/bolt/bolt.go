// Package bolt keeps.
package bolt

import (
	_ "os"
	"time"

	_ "github.com/example/nobody-knows" // want: door
	_ "go.etcd.io/bbolt"
	_ "pgregory.net/rapid" // want: door

	_ "kindpakket/ledger/ledgertest" // want: arrow test
	_ "kindpakket/ledger/remote"     // want: arrow
	_ "kindpakket/ledger/rule"
)

var now = time.Now()
