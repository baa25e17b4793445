package verifier

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
)

// How long things last.
const (
	OrderLife   = 2 * time.Minute  // how long an order may be paid, and a check answered
	KeepRequest = time.Hour        // how long after that a wallet may repeat its answer
	ClockLeeway = 2 * time.Minute  // how far the issuer's clock may differ, for exp and nbf
	BindingAge  = 10 * time.Minute // how far a phone's clock may differ; the nonce is what makes an answer fresh
	submitWait  = 20 * time.Second // for the ledger's answer
	statusWait  = 5 * time.Second  // for a status list
	statusRetry = 15 * time.Second // no second try to fetch a status list before that, while the old one holds
	statusFresh = time.Minute      // default of Config.StatusFresh
)

// Keys makes and holds the shops' keys, each under a name.
type Keys interface {
	// Create makes an ES256 key. It is an error if there is one of this name.
	Create(name string) (jose.Signer, error)
	// Signer returns the key of this name.
	Signer(name string) (jose.Signer, error)
	// CryptoSigner returns the same key for package x509.
	CryptoSigner(name string) (crypto.MessageSigner, error)
}

// Doer sends an HTTP request; *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Config says what a verifier serves and what it works with. What is not marked optional must be there.
type Config struct {
	Path   string        // the verifier's bbolt file; made if there is none
	Seal   []byte        // 32 bytes; seals the secrets in that file
	URL    string        // where Handler is reached from outside, without a slash at the end
	Keys   Keys          // the shops' keys
	Log    ledger.Log    // where spends and returns go
	Policy ledger.Policy // which receipts count
	Ledger string        // the ledger's origin line
	Fund   string        // fund id: what is asked for and paid from

	// Period returns the id of the period that an order made now belongs to. Optional: the Kindpakket year, in Dutch time.
	Period func(now time.Time) string

	Anchors *x509.CertPool // the municipality's CA: of cards, status lists and access certificates
	Issuer  string         // credential issuer identifier that cards must come from
	VCT     string         // type of the cards
	Doer    Doer           // fetches status lists

	// StatusFresh is how old a status list may be before a new one is asked for. An older one still counts while it may
	// (ttl and exp) if no new one can be had. Optional: one minute.
	StatusFresh time.Duration

	Now    func() time.Time // optional: time.Now
	Rand   io.Reader        // of ids and keys. Optional: crypto/rand
	Logger *slog.Logger     // optional: discards
}

// Verifier serves the shops of one Config. Its methods may be called by several goroutines.
type Verifier struct {
	cfg Config
	*store
	status *statusLists

	// flights joins those who ask the ledger for one order at the same time: two answers to one command cannot cross.
	flights singleflight.Group
}

// Errors that callers choose by.
var (
	ErrInput          = errors.New("the request does not say what it must")
	ErrUnknownShop    = errors.New("no such shop in this service")
	ErrShopName       = errors.New("another shop of this service has this trade name")
	ErrNoCertificate  = errors.New("the shop has no access certificate that is valid now")
	ErrCertificate    = errors.New("not an access certificate for this shop")
	ErrUnknownOrder   = errors.New("no such order")
	ErrUnknownRequest = errors.New("no such request, or it has ended")
	ErrNotPaid        = errors.New("this order was not paid, so nothing can be given back")
)

// Open opens the verifier's file. Call [Verifier.Resume] once the ledger can be reached, and then every few seconds.
func Open(cfg Config) (*Verifier, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.StatusFresh == 0 {
		cfg.StatusFresh = statusFresh
	}
	if cfg.Period == nil {
		dutch, err := time.LoadLocation("Europe/Amsterdam")
		if err != nil {
			return nil, fmt.Errorf("opening verifier: no period given, and no Dutch time on this machine: %w", err)
		}
		cfg.Period = func(now time.Time) string { return budget.Year(now, dutch).ID }
	}
	if err := cfg.verify(); err != nil {
		return nil, fmt.Errorf("opening verifier: %w", err)
	}
	s, err := openStore(cfg.Path, cfg.Seal)
	if err != nil {
		return nil, fmt.Errorf("opening verifier: %w", err)
	}
	v := &Verifier{cfg: cfg, store: s}
	v.status = &statusLists{store: s, cfg: &v.cfg, tried: map[string]time.Time{}}
	return v, nil
}

func (c Config) verify() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(c.URL, "/"):
		return errors.New("url is not an address without a slash at the end")
	case c.Path == "" || c.Keys == nil || c.Log == nil || c.Anchors == nil || c.Doer == nil:
		return errors.New("path, keys, log, anchors and doer are needed")
	case c.Issuer == "" || c.VCT == "":
		return errors.New("issuer and vct are needed")
	case !budget.ValidOrigin(c.Ledger):
		return errors.New("ledger is not an origin line")
	case !budget.ValidID(c.Fund):
		return errors.New("fund is not an id")
	}
	return nil
}

// Close closes the verifier's file.
func (v *Verifier) Close() error { return v.db.Close() }

func (v *Verifier) now() time.Time { return v.cfg.Now().UTC().Truncate(time.Second) }

// random returns 16 random bytes in base64url.
func (v *Verifier) random() (string, error) {
	for {
		var b [16]byte
		if _, err := io.ReadFull(v.cfg.Rand, b[:]); err != nil {
			return "", fmt.Errorf("drawing random bytes: %w", err)
		}
		// An id that begins with "-" would be taken for a flag on a command line. Leaving it out costs 0.02 bits.
		if text := base64.RawURLEncoding.EncodeToString(b[:]); text[0] != '-' {
			return text, nil
		}
	}
}

// State says how far an order or a return is.
type State string

// The states. Only Pending changes into another.
const (
	Pending  State = "pending"  // no answer yet, or the ledger has not said yet what became of it
	Paid     State = "paid"     // the receipt was verified
	Entitled State = "entitled" // a check: this is a good card of this fund and period
	Refused  State = "refused"  // Reason says why; no money moved
	Returned State = "returned" // a return: the receipt was verified
)

// Result is what became of an order or a return. It never holds a balance.
type Result struct {
	State   State           `json:"state"`
	Reason  ledger.Reason   `json:"reason,omitempty"`  // of Refused: a reason of the ledger or of this package
	Receipt *ledger.Receipt `json:"receipt,omitempty"` // of Paid and Returned: the receipt file
	Shop    string          `json:"-"`                 // slug of the shop that asked
}

// ask offers c to the ledger. It returns the entry with its verified receipt; a [*ledger.Refusal]; or any other error,
// which says nothing about what happened: ask again.
func (v *Verifier) ask(ctx context.Context, c ledger.Command) (ledger.Receipt, ledger.Entry, error) {
	// The question outlives whoever asked it: a phone that hangs up does not stop a payment half way.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), submitWait)
	defer cancel()
	r, err := v.cfg.Log.Append(ctx, c)
	if err != nil {
		return ledger.Receipt{}, ledger.Entry{}, fmt.Errorf("asking the ledger: %w", err)
	}
	e, err := ledger.Verify(r, v.cfg.Policy)
	if err != nil {
		return ledger.Receipt{}, ledger.Entry{}, fmt.Errorf("verifying the ledger's receipt: %w", err)
	}
	if e.Kind != c.Kind {
		return ledger.Receipt{}, ledger.Entry{}, fmt.Errorf("verifying the ledger's receipt: %w: it is for another entry", ledger.ErrReceipt)
	}
	return r, e, nil
}

// bindOf returns the hash of a signed order, by which the ledger knows it, and what it says.
func bindOf(order string) (budget.Bind, budget.Order, error) {
	token, err := jose.Parse(order)
	if err != nil {
		return budget.Bind{}, budget.Order{}, err
	}
	o, err := budget.ParseOrder(token.Payload)
	return budget.BindOf(token.PayloadSegment()), o, err
}
