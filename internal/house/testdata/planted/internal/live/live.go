// Package live is the door.
package live

import (
	_ "github.com/gorilla/websocket"

	_ "kindpakket/verifier" // want: arrow
)
