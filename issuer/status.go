package issuer

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/jose"
	"kindpakket/credential/status"
)

const (
	// statusSize is how many copies of cards one status list holds. A list is opened with all of them valid, so that its
	// size tells nobody how many cards there are.
	statusSize = 1 << 17
	// statusTTL is how long a till may use a list before it asks for a newer one, and statusLife how long at most, so that
	// a till works through an outage.
	statusTTL  = 12 * time.Hour
	statusLife = 7 * 24 * time.Hour
	// statusFull is how many copies a list takes before the next one is opened.
	statusFull = statusSize * 9 / 10
)

var errNoList = errors.New("no such status list")

// statusRef is where the status of one copy stands.
type statusRef struct {
	List  int `json:"list"`
	Index int `json:"idx"`
}

// statusRecord is a list: which places are taken, and which of them are revoked. One bit each.
type statusRecord struct {
	Taken   []byte `json:"taken"`
	Revoked []byte `json:"revoked"`
	Count   int    `json:"count"`
}

func bit(b []byte, i int) bool { return b[i/8]>>(i%8)&1 == 1 }
func setBit(b []byte, i int)   { b[i/8] |= 1 << (i % 8) }

func (i *Issuer) statusURI(list int) string { return i.cfg.URL + "/status/" + strconv.Itoa(list) }

func statusKey(list int) []byte { return fmt.Appendf(nil, "%08d", list) }

// allocate takes a random unused place for one copy, in the newest list or in a new one if that is nearly full.
func (i *Issuer) allocate(tx *bbolt.Tx) (statusRef, error) {
	list := 1
	if k, _ := tx.Bucket([]byte("status")).Cursor().Last(); k != nil {
		n, err := strconv.Atoi(string(k))
		if err != nil {
			return statusRef{}, fmt.Errorf("allocating status: %w", err)
		}
		list = n
	}
	var r statusRecord
	ok, err := i.get(tx, "status", statusKey(list), &r)
	if err != nil {
		return statusRef{}, err
	}
	if ok && r.Count >= statusFull {
		list, ok = list+1, false
	}
	if !ok {
		r = statusRecord{Taken: make([]byte, statusSize/8), Revoked: make([]byte, statusSize/8)}
	}
	index, err := status.Allocate(i.cfg.Rand, statusSize, func(n int) bool { return bit(r.Taken, n) })
	if err != nil {
		return statusRef{}, fmt.Errorf("allocating status: %w", err)
	}
	setBit(r.Taken, index)
	r.Count++
	return statusRef{list, index}, i.put(tx, "status", statusKey(list), r)
}

// revoke marks copies as revoked, for good.
func (i *Issuer) revoke(tx *bbolt.Tx, refs []statusRef) error {
	for _, ref := range refs {
		var r statusRecord
		if ok, err := i.get(tx, "status", statusKey(ref.List), &r); err != nil || !ok {
			return errors.Join(err, errNoList)
		}
		setBit(r.Revoked, ref.Index)
		if err := i.put(tx, "status", statusKey(ref.List), r); err != nil {
			return err
		}
	}
	return nil
}

// statusCache keeps signed lists while they are fresh and unchanged.
type statusCache struct {
	mu     sync.Mutex
	signed map[int]signedList
}

type signedList struct {
	token string
	at    time.Time
}

// forget drops the signed lists. Call it when a revocation is on disk.
func (c *statusCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.signed = nil
}

// StatusList returns the signed status list with this number (Token Status List, draft -20, Section 5.1).
func (i *Issuer) StatusList(list int) (string, error) {
	now := i.now()
	i.lists.mu.Lock()
	defer i.lists.mu.Unlock()
	if s, ok := i.lists.signed[list]; ok && now.Sub(s.at) < statusTTL/2 && !now.Before(s.at) {
		return s.token, nil
	}
	// The lock is held from reading to keeping: forget cannot come between and miss what is about to be kept.
	var r statusRecord
	err := i.db.View(func(tx *bbolt.Tx) error {
		ok, err := i.get(tx, "status", statusKey(list), &r)
		if err == nil && !ok {
			err = errNoList
		}
		return err
	})
	if err != nil {
		return "", err
	}
	l, err := status.New(statusSize)
	if err != nil {
		return "", err
	}
	for n := range statusSize {
		if bit(r.Revoked, n) {
			if err := l.Set(n, status.Invalid); err != nil {
				return "", err
			}
		}
	}
	var header jose.Header
	for _, c := range i.cfg.CardChain {
		header.X5C = append(header.X5C, c.Raw)
	}
	token, err := status.Issue(i.cfg.Cards, header, status.Token{URI: i.statusURI(list), IssuedAt: now, Expires: now.Add(statusLife),
		TTL: statusTTL, List: l})
	if err != nil {
		return "", fmt.Errorf("signing status list: %w", err)
	}
	if i.lists.signed == nil {
		i.lists.signed = map[int]signedList{}
	}
	i.lists.signed[list] = signedList{token, now}
	return token, nil
}
