package ledger

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
)

// StatementJWSType is the `typ` header of a municipal statement.
const StatementJWSType = "kindpakket-statement+jwt"

// MaxAccountKeys is how many keys an account may have at once, and how many one statement may add.
const MaxAccountKeys = 64

// Head stands in front of every municipal statement. Fund and Period are absent in a genesis and a shop statement,
// which belong to the whole ledger.
type Head struct {
	Ledger string `json:"ledger"`           // the ledger's origin line
	Kind   Kind   `json:"kind"`             //
	Fund   string `json:"fund,omitempty"`   // fund id
	Period string `json:"period,omitempty"` // period id
	ID     string `json:"id"`               // 16 random bytes, base64url; used once
}

// NamedKey is a public key with the DID URL that signatures name in `kid`.
type NamedKey struct {
	KeyID string   `json:"kid"`
	JWK   jose.Key `json:"jwk"`
}

// Genesis opens a ledger: whose it is and which keys sign its statements.
type Genesis struct {
	Head
	Municipality string     `json:"municipality"` // DID
	Keys         []NamedKey `json:"keys"`         // 1 to 8
	Log          string     `json:"log"`          // verifier key of the log's checkpoints (C2SP signed-note)
	Format       int        `json:"format"`       // [Version]
}

// Names are a fund's name in the two languages of the letters and screens.
type Names struct {
	NL string `json:"nl"`
	EN string `json:"en"`
}

// Limits bound one spend, in cents. Blind is the most that a wallet may pay that showed its holder no amount; 0 is never.
type Limits struct {
	Min   budget.Cents `json:"min"`
	Max   budget.Cents `json:"max"`
	Blind budget.Cents `json:"blind_limit"`
}

// Fund opens a fund for one period. There is one per (Head.Fund, Head.Period).
type Fund struct {
	Head
	Names      Names             `json:"names"`
	Opens      string            `json:"opens"`   // RFC 3339, UTC, seconds
	Closes     string            `json:"closes"`  //
	Settles    string            `json:"settles"` //
	Categories []budget.Category `json:"categories"`
	Limits     Limits            `json:"limits"`
}

// When returns the period of f.
func (f Fund) When() (budget.Period, error) {
	p := budget.Period{ID: f.Period}
	for _, t := range []struct {
		from string
		to   *time.Time
	}{{f.Opens, &p.Opens}, {f.Closes, &p.Closes}, {f.Settles, &p.Settles}} {
		at, err := time.Parse(time.RFC3339, t.from)
		if err != nil || !strings.HasSuffix(t.from, "Z") {
			return p, fmt.Errorf("opens, closes and settles must be RFC 3339 in UTC")
		}
		*t.to = at.UTC()
	}
	return p, p.Verify()
}

// ShopState says whether a shop may sell.
type ShopState string

const (
	Accredited ShopState = "accredited"
	Suspended  ShopState = "suspended"
)

// Shop accredits or suspends a shop. A later statement for the same shop replaces the earlier one.
type Shop struct {
	Head
	Shop       string            `json:"shop"` // DID
	Name       string            `json:"name"` // trade name
	Keys       []NamedKey        `json:"keys"` // 1 to 8
	Categories []budget.Category `json:"categories"`
	State      ShopState         `json:"state"`
	Reason     string            `json:"reason,omitempty"` // a code, [a-z0-9-]{1,32}; only when suspended
	From       string            `json:"from"`             // RFC 3339, UTC, seconds
}

// Account is a pseudonym with a balance and the keys that may spend it.
type Account struct {
	ID   string            `json:"id"`   // 16 random bytes, base64url
	Keys []jose.Thumbprint `json:"keys"` // 1 to [MaxAccountKeys]
}

// Issue gives one family's budget to an account.
type Issue struct {
	Head
	Amount  budget.Cents `json:"amount"`
	Account Account      `json:"account"`
}

// Keys adds keys to an account and drops others. A key belongs to one account for ever.
type Keys struct {
	Head
	Account string            `json:"account"`
	Add     []jose.Thumbprint `json:"add"`
	Drop    []jose.Thumbprint `json:"drop"`
}

// BlockState says whether an account may spend.
type BlockState string

const (
	Blocked BlockState = "blocked"
	Active  BlockState = "active"
)

// Block blocks an account, or makes it active again. The reason is kept by the issuer, not here.
type Block struct {
	Head
	Account string     `json:"account"`
	State   BlockState `json:"state"`
}

// Payout says that a shop is paid in euros for all its entries from First to Last.
type Payout struct {
	Head
	Shop       string       `json:"shop"` // DID
	First      uint64       `json:"first"`
	Last       uint64       `json:"last"`
	Total      budget.Cents `json:"total"`       // spends less returns; at least 1
	Entries    int          `json:"entries"`     // how many
	FileSHA256 Hash         `json:"file_sha256"` // of the payment file
}

// Close closes a period's books. Expired is what nobody spent.
type Close struct {
	Head
	Issued   budget.Cents `json:"issued"`
	ToppedUp budget.Cents `json:"topped_up"`
	Spent    budget.Cents `json:"spent"`
	Returned budget.Cents `json:"returned"`
	Expired  budget.Cents `json:"expired"`
}

// Statement is one of the municipal statements above.
type Statement interface {
	head() Head
	verify() error
}

func (h Head) head() Head { return h }

// HeadOf returns what stands in front of s.
func HeadOf(s Statement) Head { return s.head() }

// Payload returns the one encoding of s, the payload of its JWS. It returns an error naming the member that is out of
// shape.
func Payload(s Statement) ([]byte, error) {
	if err := s.head().verify(); err != nil {
		return nil, err
	}
	if err := s.verify(); err != nil {
		return nil, err
	}
	return encode(s)
}

// ParseStatement reads the payload of a statement of type T. It accepts only what [Payload] writes, byte for byte.
func ParseStatement[T Statement](payload []byte) (T, error) {
	var s T
	if err := decodeExact(payload, &s); err != nil {
		return s, err
	}
	if err := s.head().verify(); err != nil {
		return s, err
	}
	return s, s.verify()
}

func (h Head) verify() error {
	global := h.Kind == KindGenesis || h.Kind == KindShop
	switch {
	case !budget.ValidOrigin(h.Ledger):
		return fmt.Errorf("ledger is not an origin line")
	case global && (h.Fund != "" || h.Period != ""):
		return fmt.Errorf("fund and period do not belong in a %s statement", h.Kind)
	case !global && (!budget.ValidID(h.Fund) || !budget.ValidID(h.Period)):
		return fmt.Errorf("fund or period is not an id")
	case !budget.Random128(h.ID):
		return fmt.Errorf("id is not 16 bytes in base64url")
	}
	return nil
}

func (g Genesis) verify() error {
	switch {
	case g.Kind != KindGenesis:
		return fmt.Errorf("kind is not genesis")
	case !budget.ValidDID(g.Municipality):
		return fmt.Errorf("municipality is not a DID")
	case !strings.HasPrefix(g.Log, g.Ledger+"+") || len(g.Log) > 256 || strings.ContainsAny(g.Log, " \t\n\"\\<>&"):
		return fmt.Errorf("log is not a verifier key under the ledger's origin")
	case g.Format != Version:
		return fmt.Errorf("format is not %d", Version)
	}
	return verifyKeys(g.Keys)
}

func (f Fund) verify() error {
	if f.Kind != KindFund {
		return fmt.Errorf("kind is not fund")
	}
	if !validName(f.Names.NL) || !validName(f.Names.EN) {
		return fmt.Errorf("names must be 1 to 80 plain characters")
	}
	if _, err := f.When(); err != nil {
		return err
	}
	if f.Limits.Min < 1 || f.Limits.Max < f.Limits.Min || f.Limits.Max > budget.MaxCents || f.Limits.Blind < 0 || f.Limits.Blind > budget.MaxCents {
		return fmt.Errorf("limits must be 1 <= min <= max <= %d and blind_limit in range", int64(budget.MaxCents))
	}
	return verifyCategories(f.Categories)
}

func (s Shop) verify() error {
	at, err := time.Parse(time.RFC3339, s.From)
	switch {
	case s.Kind != KindShop:
		return fmt.Errorf("kind is not shop")
	case !budget.ValidDID(s.Shop):
		return fmt.Errorf("shop is not a DID")
	case !validName(s.Name):
		return fmt.Errorf("name must be 1 to 80 plain characters")
	case s.State != Accredited && s.State != Suspended:
		return fmt.Errorf("state is not accredited or suspended")
	case s.State == Accredited && s.Reason != "", s.Reason != "" && !budget.ValidID(s.Reason):
		return fmt.Errorf("reason is not a code, or stands with an accredited shop")
	case err != nil || at.UTC().Format(time.RFC3339) != s.From:
		return fmt.Errorf("from is not RFC 3339 in UTC")
	}
	if err := verifyKeys(s.Keys); err != nil {
		return err
	}
	return verifyCategories(s.Categories)
}

func (i Issue) verify() error {
	switch {
	case i.Kind != KindIssue:
		return fmt.Errorf("kind is not issue")
	case i.Amount < 1 || i.Amount > budget.MaxCents:
		return fmt.Errorf("amount is not 1 to %d cents", int64(budget.MaxCents))
	case !budget.Random128(i.Account.ID):
		return fmt.Errorf("account id is not 16 bytes in base64url")
	case len(i.Account.Keys) < 1 || len(i.Account.Keys) > MaxAccountKeys:
		return fmt.Errorf("an account has 1 to %d keys", MaxAccountKeys)
	}
	return verifyThumbprints(i.Account.Keys)
}

func (k Keys) verify() error {
	switch {
	case k.Kind != KindKeys:
		return fmt.Errorf("kind is not keys")
	case !budget.Random128(k.Account):
		return fmt.Errorf("account is not an account id")
	case k.Add == nil || k.Drop == nil || len(k.Add)+len(k.Drop) == 0:
		return fmt.Errorf("add and drop must be lists, one of them not empty")
	case len(k.Add) > MaxAccountKeys || len(k.Drop) > MaxAccountKeys:
		return fmt.Errorf("add and drop have at most %d keys each", MaxAccountKeys)
	}
	return verifyThumbprints(append(append([]jose.Thumbprint{}, k.Add...), k.Drop...))
}

func (b Block) verify() error {
	switch {
	case b.Kind != KindBlock:
		return fmt.Errorf("kind is not block")
	case !budget.Random128(b.Account):
		return fmt.Errorf("account is not an account id")
	case b.State != Blocked && b.State != Active:
		return fmt.Errorf("state is not blocked or active")
	}
	return nil
}

func (p Payout) verify() error {
	switch {
	case p.Kind != KindPayout:
		return fmt.Errorf("kind is not payout")
	case !budget.ValidDID(p.Shop):
		return fmt.Errorf("shop is not a DID")
	case p.Last < p.First:
		return fmt.Errorf("last is before first")
	case p.Total < 1:
		return fmt.Errorf("total is not at least 1 cent")
	case p.Entries < 1:
		return fmt.Errorf("entries is not at least 1")
	}
	return nil
}

func (c Close) verify() error {
	if c.Kind != KindClose {
		return fmt.Errorf("kind is not close")
	}
	for _, n := range []budget.Cents{c.Issued, c.ToppedUp, c.Spent, c.Returned, c.Expired} {
		if n < 0 {
			return fmt.Errorf("a total is negative")
		}
	}
	return nil
}

func verifyKeys(keys []NamedKey) error {
	if len(keys) < 1 || len(keys) > 8 {
		return fmt.Errorf("there must be 1 to 8 keys")
	}
	seen := map[string]bool{}
	for _, k := range keys {
		did, fragment, ok := strings.Cut(k.KeyID, "#")
		if !ok || !budget.ValidDID(did) || !budget.ValidID(strings.ToLower(fragment)) || seen[k.KeyID] || k.JWK.IsZero() {
			return fmt.Errorf("kid is not a DID URL, stands twice or has no key")
		}
		seen[k.KeyID] = true
	}
	return nil
}

func verifyCategories(cs []budget.Category) error {
	if len(cs) < 1 || len(cs) > 32 {
		return fmt.Errorf("there must be 1 to 32 categories")
	}
	seen := map[budget.Category]bool{}
	for _, c := range cs {
		if !c.Valid() || seen[c] {
			return fmt.Errorf("a category is not an id, or stands twice")
		}
		seen[c] = true
	}
	return nil
}

func verifyThumbprints(ts []jose.Thumbprint) error {
	seen := map[jose.Thumbprint]bool{}
	for _, t := range ts {
		if seen[t] {
			return fmt.Errorf("a key stands twice")
		}
		seen[t] = true
	}
	return nil
}

// validName reports whether s may be a fund's or shop's name: 1 to 80 characters that JSON writes as they are.
func validName(s string) bool {
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > 80 || strings.TrimSpace(s) != s {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) || r == '"' || r == '\\' || r == utf8.RuneError {
			return false
		}
	}
	return true
}
