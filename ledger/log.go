package ledger

import (
	"context"
	"errors"

	"kindpakket/credential/budget"
)

// MaxRead is the most entries that one [Log.Entries] returns.
const MaxRead = 1024

// Errors that a Log gives besides a [*Refusal].
var (
	// ErrUnavailable says that the log cannot answer now. Whether the command was appended is not known: offer the same
	// command again later, which is always safe.
	ErrUnavailable = errors.New("the ledger cannot answer now")
	// ErrRange says that an index or a size lies beyond the log.
	ErrRange = errors.New("no such entry in the ledger")
)

// Log is a ledger as its users see it, whichever engine keeps it. All methods may be called by several goroutines.
// Every implementation passes ledgertest.Test.
type Log interface {
	// Append decides c under the rules and appends it. When it returns nil the entry is durable and the receipt proves
	// it. A refused command returns a [*Refusal] and changes nothing. An exact retry returns the receipt of the entry
	// that is there already, whatever the time or period has become. [ErrUnavailable] means: ask again.
	Append(ctx context.Context, c Command) (Receipt, error)

	// Receipt proves the entry at index under the newest checkpoint.
	Receipt(ctx context.Context, index uint64) (Receipt, error)

	// Checkpoint returns the newest signed checkpoint.
	Checkpoint(ctx context.Context) ([]byte, error)

	// Entries returns the bytes of the entries from ≤ index < to, at most MaxRead of them; fewer only at the end.
	Entries(ctx context.Context, from, to uint64) ([][]byte, error)

	// Consistency proves that the tree of size older is a prefix of the tree of size newer.
	Consistency(ctx context.Context, older, newer uint64) ([]Hash, error)

	// Balance returns what an account holds now. Only the municipality and an auditor may ask.
	Balance(ctx context.Context, account string) (budget.Cents, error)
}
