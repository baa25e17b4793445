// Package own is a way round.
package own

import _ "kindpakket/issuer"
