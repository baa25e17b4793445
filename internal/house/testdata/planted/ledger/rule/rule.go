// Package rule decides without a clock.
package rule // want: clock

import (
	. "time"

	_ "go.etcd.io/bbolt" // want: door

	_ "kindpakket/ledger"
)

var now = Now()
