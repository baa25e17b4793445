// Package cluster may use an engine.
package cluster

import (
	_ "github.com/cometbft/cometbft/abci/types"

	_ "kindpakket/ledger/bolt"
	_ "kindpakket/ledger/rule"
)
