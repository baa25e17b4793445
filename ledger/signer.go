package ledger

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"
)

// Signer signs checkpoints; its Name is the log's origin (C2SP signed-note).
type Signer = note.Signer

// GenerateSigner makes the Ed25519 key of a new log. It returns the secret, for [NewSigner], and the verifier key that
// goes into policies.
func GenerateSigner(rand io.Reader, origin string) (secret, vkey string, err error) {
	secret, vkey, err = note.GenerateKey(rand, origin)
	if err != nil {
		return "", "", fmt.Errorf("making the log's key: %w", err)
	}
	return secret, vkey, nil
}

// NewSigner reads what GenerateSigner made. Its error does not hold the secret.
func NewSigner(secret string) (Signer, error) {
	s, err := note.NewSigner(secret)
	if err != nil {
		return nil, errors.New("reading the log's key: it is not one")
	}
	return s, nil
}
