// Command kindpakket is sound.
package main

import (
	_ "github.com/alecthomas/kong"

	_ "kindpakket/cmd/kindpakket/demo"
	_ "kindpakket/cmd/kindpakket/own"
	_ "kindpakket/issuer"
	_ "kindpakket/ledger/cluster"
)

func main() {}
