// Package oid4vp is sound but for its transport.
package oid4vp

import (
	_ "net/http" // want: pure
	_ "net/url"

	_ "kindpakket/credential/sdjwt"
)
