package issuer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/issuer/pain001"
	"kindpakket/ledger"
)

// Config says who the issuer is and what it works with.
type Config struct {
	Path         string              // the issuer's bbolt file
	URL          string              // credential issuer identifier: https, no slash at the end
	DID          string              // the municipality's DID (did:web)
	Municipality string              // its name, for people and for the cards
	Log          ledger.Log          // where budgets and payouts go
	Policy       ledger.Policy       // which receipts count
	Origin       string              // the ledger's origin line
	LogKey       string              // the ledger's verifier key; wallets learn it from their card
	Statements   jose.Signer         // signs statements and top-ups; kid is DID#statements
	Cards        jose.Signer         // signs cards and status lists
	CardChain    []*x509.Certificate // certificate of Cards, then intermediates; never the anchor
	CA           *CA                 // issues the shops' access certificates
	DataKey      []byte              // 32 bytes; seals what the issuer keeps
	HashKey      []byte              // at least 32 bytes; key of the hashes of client numbers
	Officials    map[string][32]byte // name → SHA-256 of an official's token
	Debtor       pain001.Party       // the municipality's account, from which shops are paid
	Now          func() time.Time    // optional; default time.Now
	Rand         io.Reader           // of codes, ids and salts
	Logger       *slog.Logger        // optional; default discards
}

// Issuer is the municipality.
type Issuer struct {
	cfg Config
	*store

	// cards are locks over card keys, by their first byte: deciding what goes to the ledger for one card and booking
	// what the ledger said must not mix with another request for the same card.
	cards [64]sync.Mutex
	// office is the lock of what officials do one at a time: imports, letters, funds, shops, payouts.
	office sync.Mutex
	lists  statusCache

	tidy  sync.Mutex
	swept time.Time // guarded by tidy
}

func (i *Issuer) lockCard(key []byte) func() {
	m := &i.cards[key[0]%64]
	m.Lock()
	return m.Unlock
}

// Errors that callers choose by.
var (
	ErrUnknownFamily = errors.New("no such family was imported")
	ErrNoCard        = errors.New("this family has taken no card yet")
	ErrNoFund        = errors.New("no fund is open")
	ErrUnknownShop   = errors.New("no such shop was imported")
	ErrOfficial      = errors.New("this is not the token of an official")
	ErrInput         = errors.New("the request does not say what it must")
	ErrDone          = errors.New("this was done before")
)

// Create makes an empty issuer's file.
func Create(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return ErrExists
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return fmt.Errorf("creating issuer: %w", err)
	}
	return errors.Join(createBuckets(db), db.Close())
}

// Open opens the issuer's file. Call [Issuer.Resume] once the ledger can be reached.
func Open(cfg Config) (*Issuer, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if u, err := url.Parse(cfg.URL); err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("opening issuer: url is not an address")
	}
	people := map[[32]byte]bool{}
	for _, token := range cfg.Officials {
		if people[token] {
			return nil, errors.New("opening issuer: two officials have one token")
		}
		people[token] = true
	}
	if _, err := os.Stat(cfg.Path); err != nil {
		return nil, fmt.Errorf("opening issuer: %w", err)
	}
	db, err := bbolt.Open(cfg.Path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, fmt.Errorf("opening issuer: %w (is another process using it?)", err)
	}
	s, err := newStore(db, cfg.DataKey, cfg.HashKey)
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening issuer: %w", err), db.Close())
	}
	return &Issuer{cfg: cfg, store: s}, nil
}

// Close closes the issuer's file.
func (i *Issuer) Close() error { return i.db.Close() }

func (i *Issuer) now() time.Time { return i.cfg.Now().UTC().Truncate(time.Second) }

// random returns n random bytes in base64url.
func (i *Issuer) random(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(i.cfg.Rand, b); err != nil {
		return "", fmt.Errorf("drawing random bytes: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// StatementKeyID is the DID URL of the key that signs statements.
func (i *Issuer) StatementKeyID() string { return i.cfg.DID + "#statements" }

// sign makes the ledger command of a statement.
func (i *Issuer) sign(s ledger.Statement) (ledger.Command, error) {
	payload, err := ledger.Payload(s)
	if err != nil {
		return ledger.Command{}, fmt.Errorf("making a statement: %w", err)
	}
	jws, err := jose.Sign(i.cfg.Statements, jose.Header{Type: ledger.StatementJWSType, KeyID: i.StatementKeyID()}, payload)
	if err != nil {
		return ledger.Command{}, fmt.Errorf("signing a statement: %w", err)
	}
	return ledger.NewCommand(ledger.HeadOf(s).Kind, ledger.SignedBody{JWS: jws})
}

func (i *Issuer) head(kind ledger.Kind, fund, period string) (ledger.Head, error) {
	id, err := i.random(16)
	return ledger.Head{Ledger: i.cfg.Origin, Kind: kind, Fund: fund, Period: period, ID: id}, err
}

// FundSpec is a fund as an official opens it.
type FundSpec struct {
	Fund       string            `json:"fund"` // id
	NameNL     string            `json:"name_nl"`
	NameEN     string            `json:"name_en"`
	PerChild   budget.Cents      `json:"per_child"` // for each child
	Period     budget.Period     `json:"period"`
	Categories []budget.Category `json:"categories"`
	Min        budget.Cents      `json:"min"`         // least per spend
	Max        budget.Cents      `json:"max"`         // most per spend
	BlindLimit budget.Cents      `json:"blind_limit"` // most per spend by a wallet that showed no amount
}

// fundRecord is a fund. Accounts is the key from which the account ids of its period come: see accountID.
type fundRecord struct {
	Spec     FundSpec `json:"spec"`
	Open     bool     `json:"open"`
	Accounts []byte   `json:"accounts"`
}

// OpenGenesis writes entry 0: whose ledger it is and which keys speak for it.
func (i *Issuer) OpenGenesis(ctx context.Context) error {
	h, err := i.head(ledger.KindGenesis, "", "")
	if err != nil {
		return err
	}
	c, err := i.sign(ledger.Genesis{Head: h, Municipality: i.cfg.DID, Log: i.cfg.LogKey, Format: ledger.Version,
		Keys: []ledger.NamedKey{{KeyID: i.StatementKeyID(), JWK: i.cfg.Statements.Public()}}})
	if err != nil {
		return err
	}
	return i.publish(ctx, parcel{Command: c, Key: []byte("genesis")}, nil)
}

// OpenFund opens a fund for a period on the ledger. There is one fund open at a time for new families.
func (i *Issuer) OpenFund(ctx context.Context, f FundSpec) error {
	if f.PerChild < 1 || f.PerChild > budget.MaxCents {
		return fmt.Errorf("%w: per_child must be 1 to %d cents", ErrInput, int64(budget.MaxCents))
	}
	i.office.Lock()
	defer i.office.Unlock()
	key := fundKey(f.Fund, f.Period.ID)
	if err := i.flush(ctx, key); err != nil {
		return err
	}
	h, err := i.head(ledger.KindFund, f.Fund, f.Period.ID)
	if err != nil {
		return err
	}
	c, err := i.sign(ledger.Fund{Head: h, Names: ledger.Names{NL: f.NameNL, EN: f.NameEN},
		Opens: f.Period.Opens.Format(time.RFC3339), Closes: f.Period.Closes.Format(time.RFC3339), Settles: f.Period.Settles.Format(time.RFC3339),
		Categories: f.Categories, Limits: ledger.Limits{Min: f.Min, Max: f.Max, Blind: f.BlindLimit}})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	return i.publish(ctx, parcel{Command: c, Done: "fund", Key: key}, func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte("funds")).Get(key) != nil {
			return ErrDone // what stands there must not be written over, nor taken away by the ledger's refusal
		}
		accounts := make([]byte, 32)
		if _, err := io.ReadFull(i.cfg.Rand, accounts); err != nil {
			return fmt.Errorf("drawing random bytes: %w", err)
		}
		return i.put(tx, "funds", key, fundRecord{Spec: f, Accounts: accounts})
	})
}

// accountID is the account of a card: a keyed hash under the period's own key. The same entitlement has the same account
// even for an issuer whose file is an older copy, so the ledger refuses a second budget for it; and who has no key of the
// period learns nothing from it.
func (i *Issuer) accountID(tx *bbolt.Tx, cardKey []byte, card cardRecord) (string, error) {
	var f fundRecord
	if ok, err := i.get(tx, "funds", fundKey(card.Fund, card.Period), &f); err != nil || !ok {
		return "", errors.Join(err, ErrNoFund)
	}
	mac := hmac.New(sha256.New, f.Accounts)
	mac.Write(cardKey)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16]), nil
}

func fundKey(fund, period string) []byte { return []byte(fund + "/" + period) }

func (i *Issuer) settleFund(tx *bbolt.Tx, key []byte, refused *ledger.Refusal) error {
	if refused != nil {
		return tx.Bucket([]byte("funds")).Delete(key)
	}
	var f fundRecord
	if ok, err := i.get(tx, "funds", key, &f); err != nil || !ok {
		return err
	}
	f.Open = true
	return i.put(tx, "funds", key, f)
}

// fund returns the fund for new families: the one whose period has begun and not closed, otherwise the one that begins
// next.
func (i *Issuer) fund(tx *bbolt.Tx) (FundSpec, error) {
	now := i.now()
	return i.choose(tx, func(p budget.Period) int64 {
		switch {
		case now.After(p.Closes):
			return -1
		case now.Before(p.Opens):
			return 1 + p.Opens.Unix() - now.Unix()
		}
		return 0
	})
}

// choose returns the open fund with the least rank, not below 0; of equals the one that opened last.
func (i *Issuer) choose(tx *bbolt.Tx, rank func(budget.Period) int64) (best FundSpec, err error) {
	err = each(i.store, tx, "funds", func(_ []byte, f fundRecord) error {
		r := rank(f.Spec.Period)
		if !f.Open || r < 0 {
			return nil
		}
		if least := rank(best.Period); best.Fund == "" || r < least || r == least && f.Spec.Period.Opens.After(best.Period.Opens) {
			best = f.Spec
		}
		return nil
	})
	if err == nil && best.Fund == "" {
		err = ErrNoFund
	}
	return best, err
}

// Fund returns the fund that is open for new families, or [ErrNoFund].
func (i *Issuer) Fund() (f FundSpec, err error) {
	err = i.db.View(func(tx *bbolt.Tx) error {
		f, err = i.fund(tx)
		return err
	})
	return f, err
}
