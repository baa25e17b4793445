// Package sdjwt looks up, aside, and at the world.
package sdjwt

import (
	_ "crypto/tls"
	_ "math/rand/v2" // want: pure
	_ "net"          // want: pure
	_ "net/http"     // want: pure
	_ "os"           // want: pure
	_ "os/exec"      // want: pure
	clock "time"

	_ "github.com/lestrrat-go/jwx/v2/jws" // want: door

	_ "kindpakket/credential/jose"
	_ "kindpakket/credential/oid4vp" // want: arrow
	_ "kindpakket/credential/status" // want: arrow
	_ "kindpakket/internal/serve"    // want: arrow
	_ "kindpakket/ledger"            // want: arrow
)

var now = clock.Now() // want: clock

func wait() {
	defer func() { <-clock.After(clock.Second) }() // want: clock
	clock.Sleep(clock.Since(now))                  // want: clock clock
}
