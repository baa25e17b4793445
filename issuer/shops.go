package issuer

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/issuer/iban"
	"kindpakket/issuer/intake"
	"kindpakket/ledger"
)

// shopRecord is a shop as the municipality knows it and the ledger has it. The account number needs the yes of two
// officials before a payout.
type shopRecord struct {
	DID         string            `json:"did"`
	Slug        string            `json:"slug"`
	Name        string            `json:"name"`
	KvK         string            `json:"kvk"`
	IBAN        iban.IBAN         `json:"iban"`
	Categories  []budget.Category `json:"categories"`
	Keys        []ledger.NamedKey `json:"keys"`
	From        time.Time         `json:"from"`
	State       ledger.ShopState  `json:"state"`
	Reason      string            `json:"reason,omitempty"` // why it is suspended: a code
	Approved    []string          `json:"approved"`         // names of the officials who approved IBAN
	Past        []iban.IBAN       `json:"past,omitempty"`   // account numbers before this one that had both approvals
	Certificate []byte            `json:"certificate"`      // DER of the newest access certificate
}

// ShopInfo is what an official sees of a shop.
type ShopInfo struct {
	DID        string            `json:"did"`
	Slug       string            `json:"slug"`
	Name       string            `json:"name"`
	IBAN       iban.IBAN         `json:"iban"` // what the approvals are for
	Categories []budget.Category `json:"categories"`
	State      ledger.ShopState  `json:"state"`
	Approvals  int               `json:"approvals"` // of its account number; two are needed
}

// ReadShops reads a file of shops and reports on it; nothing is kept.
func (i *Issuer) ReadShops(file []byte) ([]intake.Shop, intake.Report, error) {
	fund, err := i.Fund()
	if err != nil {
		return nil, intake.Report{}, err
	}
	shops, report := intake.ParseShops(file, intake.ShopOptions{Categories: fund.Categories})
	return shops, report, nil
}

// Accreditation is what the municipality decides about a shop, with what the shop's verifier brings: its DID, its key
// and a signing request for that key.
type Accreditation struct {
	Name       string            `json:"name"`
	KvK        string            `json:"kvk"`
	IBAN       string            `json:"iban"`
	Categories []budget.Category `json:"categories"`
	DID        string            `json:"did"`
	Key        jose.Key          `json:"key"`
	CSR        []byte            `json:"csr"`
}

// Accredit puts a shop on the ledger and issues its access certificate (DER). Doing it again for a shop replaces its
// categories, key and account number; a changed account number needs the yes of two officials again.
func (i *Issuer) Accredit(ctx context.Context, a Accreditation) ([]byte, error) {
	i.office.Lock()
	defer i.office.Unlock()
	account, err := iban.Parse(a.IBAN)
	if err != nil {
		return nil, fmt.Errorf("%w: iban does not check", ErrInput)
	}
	slug := intake.Slug(a.Name)
	if len(a.KvK) != 8 || strings.Trim(a.KvK, "0123456789") != "" || slug == "" {
		return nil, fmt.Errorf("%w: kvk is not 8 digits, or the name has no letter", ErrInput)
	}
	if a.DID == i.cfg.DID {
		return nil, fmt.Errorf("%w: the municipality is no shop", ErrInput)
	}
	cert, err := i.cfg.CA.Access(a.CSR, a.Name, a.DID, i.now())
	if err != nil {
		return nil, err
	}
	if certKey, err := jose.NewKey(cert.PublicKey); err != nil || !certKey.Equal(a.Key) {
		return nil, fmt.Errorf("%w: the signing request is for another key", ErrInput)
	}
	if err := i.flush(ctx, []byte(a.DID)); err != nil {
		return nil, err
	}
	var shop shopRecord
	if err := i.db.View(func(tx *bbolt.Tx) error {
		return each(i.store, tx, "shops", func(_ []byte, s shopRecord) error {
			switch {
			case s.DID == a.DID:
				shop = s
			case s.Slug == slug:
				return fmt.Errorf("%w: another shop has this name", ErrInput)
			}
			return nil
		})
	}); err != nil {
		return nil, err
	}
	if shop.From.IsZero() {
		shop.From = i.now()
		if fund, err := i.Fund(); err == nil && fund.Period.Opens.Before(shop.From) {
			shop.From = fund.Period.Opens
		}
	}
	shop.DID, shop.Slug, shop.Name, shop.KvK, shop.IBAN, shop.Certificate = a.DID, slug, a.Name, a.KvK, account, cert.Raw
	shop.Categories, shop.Keys = a.Categories, []ledger.NamedKey{{KeyID: a.DID + "#key-1", JWK: a.Key}}
	// A suspended shop may renew its certificate, and stays suspended: only Suspend lets it sell again.
	if shop.State != ledger.Suspended {
		shop.State = ledger.Accredited
	}
	if err := i.publishShop(ctx, shop); err != nil {
		return nil, err
	}
	return cert.Raw, nil
}

// publishShop sends a shop's next state to the ledger. It counts when the ledger has it, all of it or nothing.
func (i *Issuer) publishShop(ctx context.Context, shop shopRecord) error {
	h, err := i.head(ledger.KindShop, "", "")
	if err != nil {
		return err
	}
	c, err := i.sign(ledger.Shop{Head: h, Shop: shop.DID, Name: shop.Name, Keys: shop.Keys, Categories: shop.Categories,
		State: shop.State, Reason: shop.Reason, From: shop.From.UTC().Format(time.RFC3339)})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	return i.publish(ctx, parcel{Command: c, Done: "shop", Key: []byte(shop.DID), Shop: &shop}, nil)
}

// settleShop keeps a shop's next state. The approvals are those of the account number, as they are by now.
func (i *Issuer) settleShop(tx *bbolt.Tx, p parcel, refused *ledger.Refusal) error {
	if refused != nil || p.Shop == nil {
		return nil
	}
	next, was := *p.Shop, shopRecord{}
	if _, err := i.get(tx, "shops", p.Key, &was); err != nil {
		return err
	}
	next.Approved, next.Past = was.Approved, was.Past
	if was.IBAN != next.IBAN {
		if len(was.Approved) >= approvalsNeeded {
			next.Past = append(next.Past, was.IBAN)
		}
		next.Approved = nil
	}
	return i.put(tx, "shops", p.Key, next)
}

// Suspend suspends a shop by its slug, or with state Accredited lets it sell again. reason is a code for the ledger.
func (i *Issuer) Suspend(ctx context.Context, slug string, state ledger.ShopState, reason string) error {
	i.office.Lock()
	defer i.office.Unlock()
	shop, err := i.shop(slug)
	if err != nil {
		return err
	}
	if err := i.flush(ctx, []byte(shop.DID)); err != nil {
		return err
	}
	if shop, err = i.shop(slug); err != nil {
		return err
	}
	shop.State, shop.Reason = state, reason
	return i.publishShop(ctx, shop)
}

func (i *Issuer) shop(slug string) (found shopRecord, err error) {
	err = i.db.View(func(tx *bbolt.Tx) error {
		return each(i.store, tx, "shops", func(_ []byte, s shopRecord) error {
			if s.Slug == slug {
				found = s
			}
			return nil
		})
	})
	if err == nil && found.DID == "" {
		err = ErrUnknownShop
	}
	return found, err
}

// Shops lists the shops by name.
func (i *Issuer) Shops() ([]ShopInfo, error) {
	var out []ShopInfo
	err := i.db.View(func(tx *bbolt.Tx) error {
		return each(i.store, tx, "shops", func(_ []byte, s shopRecord) error {
			out = append(out, ShopInfo{DID: s.DID, Slug: s.Slug, Name: s.Name, IBAN: s.IBAN, Categories: s.Categories, State: s.State, Approvals: len(s.Approved)})
			return nil
		})
	})
	slices.SortFunc(out, func(a, b ShopInfo) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// ApproveAccounts is an official's yes to the account numbers of these shops, by slug; none means all. It returns how
// many now have the two that a payout needs.
func (i *Issuer) ApproveAccounts(token string, slugs []string) (ready int, err error) {
	official, err := i.official(token)
	if err != nil {
		return 0, err
	}
	i.office.Lock()
	defer i.office.Unlock()
	err = i.db.Update(func(tx *bbolt.Tx) error {
		var all []shopRecord
		if err := each(i.store, tx, "shops", func(_ []byte, s shopRecord) error {
			all = append(all, s)
			return nil
		}); err != nil {
			return err
		}
		for _, slug := range slugs {
			if !slices.ContainsFunc(all, func(s shopRecord) bool { return s.Slug == slug }) {
				return ErrUnknownShop
			}
		}
		for _, s := range all {
			if len(slugs) == 0 || slices.Contains(slugs, s.Slug) {
				if !slices.Contains(s.Approved, official) {
					s.Approved = append(s.Approved, official)
				}
				if err := i.put(tx, "shops", []byte(s.DID), s); err != nil {
					return err
				}
			}
			if len(s.Approved) >= approvalsNeeded {
				ready++
			}
		}
		return nil
	})
	return ready, err
}

const approvalsNeeded = 2

// official returns the name of the official whose token this is.
func (i *Issuer) official(token string) (string, error) {
	given, who := sha256.Sum256([]byte(token)), ""
	for name, want := range i.cfg.Officials {
		if subtle.ConstantTimeCompare(given[:], want[:]) == 1 {
			who = name
		}
	}
	if who == "" {
		return "", ErrOfficial
	}
	return who, nil
}
