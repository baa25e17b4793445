package rule

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
)

// Version numbers this set of rules. A later set is switched on by an entry.
const Version = 1

// State is what the rules remember: values under short keys, kept by the engine. It is only read here.
type State interface {
	Origin() string        // the ledger's origin line
	Size() uint64          // how many entries there are: the index of the next one
	Get(key string) []byte // nil if there is none; the caller does not change it
	Digest() (ledger.Hash, error)
}

// Change sets one value of the state.
type Change struct {
	Key   string
	Value []byte
}

// Outcome is what Decide allows: either the command is an exact retry of the entry at *Retry, or it may be appended and
// then the changes hold.
type Outcome struct {
	Retry   *uint64
	Changes []Change
}

// The records of the state. Their keys:
//
//	genesis                    the municipality's DID and keys
//	fund/FUND/PERIOD           fundRecord
//	total/FUND/PERIOD          Totals
//	shop/DID                   shopRecord
//	id/ID                      idRecord: a municipal statement that was used
//	account/ID                 accountRecord
//	key/THUMBPRINT             keyRecord: the account of a key, for ever
//	bind/BIND                  bindRecord: an order that was used
//	row/INDEX                  rowRecord: a spend or a return, and its place among its shop's
//	till/FUND/PERIOD/DID       shopTotals: the newest row of a shop, and how far it was paid
type (
	genesisRecord struct {
		Municipality string            `json:"did"`
		Keys         []ledger.NamedKey `json:"keys"`
	}
	fundRecord struct {
		Period     budget.Period     `json:"period"`
		Categories []budget.Category `json:"categories"`
		Limits     ledger.Limits     `json:"limits"`
		Closed     bool              `json:"closed,omitempty"`
	}
	shopRecord struct {
		Keys       []ledger.NamedKey `json:"keys"`
		Categories []budget.Category `json:"categories"`
		State      ledger.ShopState  `json:"state"`
		From       time.Time         `json:"from"`
	}
	idRecord struct {
		Index uint64      `json:"index"`
		JWS   ledger.Hash `json:"jws"`
	}
	accountRecord struct {
		Fund    string       `json:"fund"`
		Period  string       `json:"period"`
		Balance budget.Cents `json:"balance"`
		Keys    int          `json:"keys"` // active ones
		Blocked bool         `json:"blocked,omitempty"`
	}
	keyRecord struct {
		Account string `json:"account"`
		Dropped bool   `json:"dropped,omitempty"`
	}
	bindRecord struct {
		Index   uint64 `json:"index"`
		Account string `json:"account,omitempty"` // who paid with it
	}
	rowRecord struct {
		Shop     string          `json:"shop"`
		Fund     string          `json:"fund"`
		Period   string          `json:"period"`
		Category budget.Category `json:"category,omitempty"` // of a purchase
		Amount   budget.Cents    `json:"amount,omitempty"`   // of a purchase
		Returned budget.Cents    `json:"returned,omitempty"` // of a purchase
		Account  string          `json:"account,omitempty"`  // of a purchase
		Payer    string          `json:"payer,omitempty"`    // of a purchase: the thumbprint of the key that paid
		Before   *uint64         `json:"before,omitempty"`   // the shop's row before this one
		Net      budget.Cents    `json:"net"`                // the shop's spends less returns up to and with this row
		Count    int             `json:"count"`              // the shop's rows up to and with this row
	}
	shopTotals struct {
		Last  *uint64 `json:"last,omitempty"` // newest row
		Paid  *uint64 `json:"paid,omitempty"` // newest row that stands in a payout
		Sales Totals  `json:"sales"`          // only Spent and Returned
	}
)

// Totals are the sums of a fund and period, in cents.
type Totals struct {
	Issued   budget.Cents `json:"issued"`
	ToppedUp budget.Cents `json:"topped_up"`
	Spent    budget.Cents `json:"spent"`
	Returned budget.Cents `json:"returned"`
}

// Outstanding is what was given and not spent: issued + topped up - spent + returned.
func (t Totals) Outstanding() budget.Cents { return t.Issued + t.ToppedUp - t.Spent + t.Returned }

func fundKey(fund, period string) string       { return "fund/" + fund + "/" + period }
func totalKey(fund, period string) string      { return "total/" + fund + "/" + period }
func shopKey(did string) string                { return "shop/" + did }
func idKey(id string) string                   { return "id/" + id }
func accountKey(id string) string              { return "account/" + id }
func keyKey(t jose.Thumbprint) string          { return "key/" + t.String() }
func bindKey(b budget.Bind) string             { return "bind/" + b.Nonce() }
func rowKey(index uint64) string               { return fmt.Sprintf("row/%016x", index) }
func tillKey(fund, period, shop string) string { return "till/" + fund + "/" + period + "/" + shop }

// load reads the record under key into v and reports whether it is there. The state is our own: a record that does not
// parse cannot happen, and Decide must not go on if it does.
func load(st State, key string, v any) bool {
	b := st.Get(key)
	if b == nil {
		return false
	}
	if err := json.Unmarshal(b, v); err != nil {
		panic("rule: state record of " + key[:3] + " is damaged")
	}
	return true
}

func store(key string, v any) Change {
	b, err := json.Marshal(v)
	if err != nil {
		panic("rule: encoding a state record")
	}
	return Change{Key: key, Value: b}
}

// Balance returns what an account holds, and whether there is such an account.
func Balance(st State, account string) (budget.Cents, bool) {
	var a accountRecord
	ok := load(st, accountKey(account), &a)
	return a.Balance, ok
}

// Sums returns the totals of a fund and period.
func Sums(st State, fund, period string) Totals {
	var t Totals
	load(st, totalKey(fund, period), &t)
	return t
}

// WriteDigest writes one record to w as [State.Digest] takes it: I4(len(key)) || key || I4(len(value)) || value. The
// digest is the SHA-256 over every record in the byte order of the keys.
func WriteDigest(w io.Writer, key string, value []byte) {
	var n [4]byte
	for _, part := range [][]byte{[]byte(key), value} {
		binary.BigEndian.PutUint32(n[:], uint32(len(part)))
		w.Write(n[:])
		w.Write(part)
	}
}

// StateDue reports whether the ledger must write a state entry before an entry of time now: the day of the entry
// before, of time last, is over.
func StateDue(last, now time.Time) bool {
	return now.UTC().Truncate(24 * time.Hour).After(last.UTC().Truncate(24 * time.Hour))
}

// StateCommand makes the state entry that follows the entry with these bytes. Its salt comes from those bytes, which
// hold 128 bits that the public cannot guess, so that every node of a cluster makes the same.
func StateCommand(st State, last []byte) (ledger.Command, error) {
	digest, err := st.Digest()
	if err != nil {
		return ledger.Command{}, fmt.Errorf("digesting state: %w", err)
	}
	return ledger.NewCommand(ledger.KindState, ledger.StateBody{Rule: Version, Digest: digest, Salt: stateSalt(last)})
}

func stateSalt(last []byte) string {
	mac := hmac.New(sha256.New, last)
	mac.Write([]byte("kindpakket state salt"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}
