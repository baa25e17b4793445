package sdjwt

import (
	"os"
	"testing"
	"time"

	_ "github.com/lestrrat-go/jwx/v2/jwt" // want: door door
	_ "pgregory.net/rapid"

	_ "kindpakket/credential/status"
	_ "kindpakket/ledger" // want: arrow
	_ "kindpakket/ledger/ledgertest"
)

func Test(t *testing.T) {
	if os.Getenv("X") == "" {
		t.Skip("not today") // want: test
	}
	_ = time.Now()
	time.Sleep(1) // want: test
}
