package letter

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is something that only the letter's reader may see. Whatever prints a Secret prints [redacted].
type Secret struct {
	// A pointer: even a printer that reaches unexported fields finds an address here, not the text.
	text *string
}

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text, for the page that shows it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

const redacted = "[redacted]"

// String returns [redacted].
func (Secret) String() string { return redacted }

// Format writes [redacted] whatever the verb.
func (Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// MarshalText returns [redacted]; JSON uses it too.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns [redacted].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
