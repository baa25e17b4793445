// Package demo should use the command line only.
package demo

import (
	_ "os/exec"

	_ "kindpakket/cmd/kindpakket/own" // want: never
	_ "kindpakket/credential/budget"
	_ "kindpakket/ledger/bolt" // want: never
	_ "kindpakket/ledger/remote"
)
