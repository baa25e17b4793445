package intake

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Client is the number by which the municipality knows a family, without leading zeros (a spreadsheet drops them).
// Clients compare with ==. Whatever prints a Client prints [redacted]; see [Client.Reveal].
type Client struct {
	// A handle and not a string: even a printer that reaches unexported fields finds an address here, not the number.
	number unique.Handle[string]
}

const redacted = "[redacted]"

func newClient(digits string) Client { return Client{unique.Make(digits)} }

// IsZero reports whether c is the zero Client, which no file yields.
func (c Client) IsZero() bool { return c == Client{} }

// Reveal returns the number itself, digits only, and "" for the zero Client. Its one use is to compute the keyed hash by
// which the issuer finds the family again.
func (c Client) Reveal() string {
	if c.IsZero() {
		return ""
	}
	return c.number.Value()
}

// String returns [redacted].
func (Client) String() string { return redacted }

// Format writes [redacted] whatever the verb.
func (Client) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// MarshalText returns [redacted]; JSON uses it too.
func (Client) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns [redacted].
func (Client) LogValue() slog.Value { return slog.StringValue(redacted) }
