// Package remote is sound.
package remote

import _ "kindpakket/ledger/rule"
