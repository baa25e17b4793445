package wallet

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"kindpakket/ledger"
	"kindpakket/wallet/vault"
)

// Doer sends one HTTP request: an *http.Client natively, the page's fetch in a browser. It should not follow redirects:
// a request that ends at another host is refused here, but only after it was sent.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// DefaultCopies is how many copies of a card, each with a key of its own, a wallet asks for.
const DefaultCopies = 4

// Config is what a wallet needs. Only Vault, Doer, Anchors and Rand are required.
type Config struct {
	Vault   *vault.Vault   // open; the caller closes it
	Doer    Doer           //
	Anchors *x509.CertPool // under which issuers of cards and shops are certified
	Rand    io.Reader      // for keys and ids

	// Policy says whose signatures make a receipt good. Optional: otherwise the one key that the signed card names.
	Policy *ledger.Policy
	// Now is the clock. Optional: the system's.
	Now func() time.Time
	// Pause waits between asking and asking again; it returns early, with an error, when ctx ends. Optional: a timer.
	Pause func(ctx context.Context, d time.Duration) error
	// Copies is how many copies of a card to ask for. Optional: DefaultCopies.
	Copies int
	// AllowHTTPLoopback lets http reach loopback addresses, for development on one machine. Optional: https only.
	AllowHTTPLoopback bool
}

// Wallet holds cards and pays with them. Its methods may be called by several goroutines. It prints as [redacted].
type Wallet struct {
	cfg Config
	// mu makes reading and then writing records one step. It is never held while something is sent.
	mu sync.Mutex
	// accepting makes one offer be taken at a time.
	accepting sync.Mutex
}

// New returns the wallet over an open vault.
func New(cfg Config) (*Wallet, error) {
	if cfg.Vault == nil || cfg.Doer == nil || cfg.Anchors == nil || cfg.Rand == nil {
		return nil, errors.New("opening wallet: vault, doer, anchors and rand are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Pause == nil {
		cfg.Pause = pause
	}
	if cfg.Copies <= 0 {
		cfg.Copies = DefaultCopies
	}
	return &Wallet{cfg: cfg}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Backup writes everything that the wallet holds as one encrypted file with a passphrase of its own. A backup is worth
// as much as the phone: whoever has both the file and the passphrase can pay.
func (w *Wallet) Backup(passphrase []byte, to io.Writer) error {
	return w.cfg.Vault.Export(to, passphrase, vault.Params{})
}

// Restore fills an empty wallet from a backup; see [vault.Vault.Import] for its errors. Purchases made after the backup
// are missing from the history, so that the balance shows too much until their receipts are added; the ledger knows
// better.
func (w *Wallet) Restore(passphrase []byte, from io.Reader) error {
	return w.cfg.Vault.Import(from, passphrase)
}

func (w *Wallet) random(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(w.cfg.Rand, b); err != nil {
		return "", fmt.Errorf("drawing randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// Names of records in the vault.
const (
	cardRecords    = "card/"    // a card with its copies: cardRecord, by id
	keyRecords     = "key/"     // a private key, 32 bytes, by thumbprint
	offerRecords   = "offer/"   // an offer that is being taken: offerRecord, by the hash of its code
	answerRecords  = "answer/"  // an answer that was sent and not yet settled: answerRecord, by id
	historyRecords = "history/" // what happened: historyRecord, by number
)

func record(name string, v any) (vault.Record, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return vault.Record{}, fmt.Errorf("writing record: %w", err)
	}
	return vault.Record{Name: name, Value: b}, nil
}

// write stores values under names in one step; a nil value deletes.
func (w *Wallet) write(values map[string]any) error {
	var batch []vault.Record
	for name, v := range values {
		if v == nil {
			batch = append(batch, vault.Record{Name: name})
			continue
		}
		r, err := record(name, v)
		if err != nil {
			return err
		}
		batch = append(batch, r)
	}
	return w.cfg.Vault.Write(batch...)
}

func load[T any](v *vault.Vault, name string) (T, error) {
	var t T
	b, err := v.Get(name)
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fmt.Errorf("reading a record of another version: %w", vault.ErrDamaged)
	}
	return t, nil
}

func loadAll[T any](v *vault.Vault, prefix string) ([]T, error) {
	records, err := v.Records(prefix)
	if err != nil {
		return nil, err
	}
	all := make([]T, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r.Value, &all[i]); err != nil {
			return nil, fmt.Errorf("reading a record of another version: %w", vault.ErrDamaged)
		}
	}
	return all, nil
}

const redacted = "[redacted]"

// String returns "[redacted]".
func (w *Wallet) String() string { return redacted }

// GoString returns "[redacted]".
func (w *Wallet) GoString() string { return redacted }

// LogValue returns "[redacted]".
func (w *Wallet) LogValue() slog.Value { return slog.StringValue(redacted) }
