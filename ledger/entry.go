package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// MaxEntry is the largest entry, in bytes.
const MaxEntry = 16 << 10

// Version is the format version that every entry carries in "v".
const Version = 1

// Kind says what an entry is; it decides the shape of its body.
type Kind string

// The kinds of entry. See docs/spec/ledger-entry.md, Section 1, for who signs each.
const (
	KindGenesis Kind = "genesis" // the municipality and its keys; entry 0 and no other
	KindFund    Kind = "fund"    // a fund's period, categories and limits
	KindShop    Kind = "shop"    // a shop, its keys and categories; accredited or suspended
	KindIssue   Kind = "issue"   // a budget for one family's account
	KindKeys    Kind = "keys"    // keys added to and dropped from an account
	KindTopUp   Kind = "topup"   // more budget for an account
	KindSpend   Kind = "spend"   // a holder pays a shop
	KindReturn  Kind = "return"  // a shop gives back (part of) a purchase
	KindBlock   Kind = "block"   // an account is blocked, or active again
	KindPayout  Kind = "payout"  // a shop is paid in euros
	KindClose   Kind = "close"   // a period's books are closed
	KindState   Kind = "state"   // the digest of the rules' state, once a day; made by the ledger itself
)

// Hash is a SHA-256 in the chain and in the Merkle tree. It is written in base64url, 43 characters.
type Hash [sha256.Size]byte

// String returns h in unpadded base64url.
func (h Hash) String() string { return base64.RawURLEncoding.EncodeToString(h[:]) }

// ParseHash reads what [Hash.String] writes.
func ParseHash(s string) (Hash, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != sha256.Size {
		return Hash{}, errors.New("parsing hash: not 32 bytes in base64url")
	}
	return Hash(b), nil
}

// LeafHash is the RFC 6962 leaf hash of an entry's bytes: the link of the chain and the leaf of the tree.
func LeafHash(entry []byte) Hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(entry)
	return Hash(h.Sum(nil))
}

// GenesisPrev is the "prev" of entry 0 of the ledger with this origin.
func GenesisPrev(origin string) Hash {
	return sha256.Sum256([]byte("kindpakket-ledger/1\n" + origin))
}

// Command is what somebody asks the ledger to append: an entry without its place and time.
type Command struct {
	Kind Kind            `json:"kind"`
	Body json.RawMessage `json:"body"`
}

// Entry is one line of the ledger. Raw holds the exact bytes that are hashed; the other fields are read from them.
type Entry struct {
	Raw   []byte
	Index uint64
	Prev  Hash
	Time  time.Time // given by the ledger: UTC, whole seconds, never going back
	Kind  Kind
	Body  json.RawMessage
}

// Command returns the part of e that somebody asked for.
func (e Entry) Command() Command { return Command{Kind: e.Kind, Body: e.Body} }

type entryJSON struct {
	V     int             `json:"v"`
	Index uint64          `json:"index"`
	Prev  string          `json:"prev"`
	Time  string          `json:"time"`
	Kind  Kind            `json:"kind"`
	Body  json.RawMessage `json:"body"`
}

// ErrEntry is returned for bytes that are not the one encoding of an entry.
var ErrEntry = errors.New("not a ledger entry")

// NewEntry gives c its place and returns the entry with its bytes. It returns [ErrEntry] if the entry would be larger
// than MaxEntry or the body is not compact JSON in UTF-8.
func NewEntry(index uint64, prev Hash, at time.Time, c Command) (Entry, error) {
	at = at.UTC().Truncate(time.Second)
	raw, err := encode(entryJSON{Version, index, prev.String(), at.Format(time.RFC3339), c.Kind, c.Body})
	if err != nil {
		return Entry{}, fmt.Errorf("%w: body is not JSON", ErrEntry)
	}
	if !bytes.HasSuffix(raw, slices.Concat([]byte(`"body":`), c.Body, []byte("}"))) {
		return Entry{}, fmt.Errorf("%w: body is not compact JSON", ErrEntry)
	}
	if !utf8.Valid(raw) {
		return Entry{}, fmt.Errorf("%w: not UTF-8", ErrEntry)
	}
	if len(raw) > MaxEntry {
		return Entry{}, fmt.Errorf("%w: larger than %d bytes", ErrEntry, MaxEntry)
	}
	return Entry{Raw: raw, Index: index, Prev: prev, Time: at, Kind: c.Kind, Body: c.Body}, nil
}

// ParseEntry reads one entry. It accepts only the one encoding: members in order, no white space, at most MaxEntry
// bytes. Whether the body means something is for package rule.
func ParseEntry(raw []byte) (Entry, error) {
	if len(raw) > MaxEntry {
		return Entry{}, fmt.Errorf("%w: larger than %d bytes", ErrEntry, MaxEntry)
	}
	var j entryJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return Entry{}, fmt.Errorf("%w: not JSON of its shape", ErrEntry)
	}
	if j.V != Version {
		return Entry{}, fmt.Errorf("%w: format version %d is not %d", ErrEntry, j.V, Version)
	}
	prev, err := ParseHash(j.Prev)
	if err != nil {
		return Entry{}, fmt.Errorf("%w: prev is not a hash", ErrEntry)
	}
	at, err := time.Parse(time.RFC3339, j.Time)
	if err != nil {
		return Entry{}, fmt.Errorf("%w: time is not RFC 3339", ErrEntry)
	}
	e, err := NewEntry(j.Index, prev, at, Command{j.Kind, j.Body})
	if err != nil {
		return Entry{}, err
	}
	if !bytes.Equal(e.Raw, raw) {
		return Entry{}, fmt.Errorf("%w: members or spelling differ from the one encoding", ErrEntry)
	}
	return e, nil
}

// encode writes v as JSON without insignificant white space and without HTML escapes.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decodeExact reads b into v and refuses unless writing v again gives the same bytes: no unknown member, no second
// spelling, no white space.
func decodeExact(b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return errors.New("not JSON of its shape")
	}
	again, err := encode(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return errors.New("members or spelling differ from the one encoding")
	}
	return nil
}
