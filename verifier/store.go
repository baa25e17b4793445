package verifier

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/ledger"
)

// The buckets of the verifier's file. Values are JSON.
//
//	shops      slug                     shopRecord
//	orders     order id                 orderRecord: payments and checks; kept, for the shop's books
//	requests   request id               order id, while the request can be fetched and answered
//	returns    order id / return id     returnRecord; kept
//	open       o/ORDER, r/ORDER/RETURN  nothing: what Resume still has to look at
//	status     URI                      statusRecord: the newest status list fetched from there
//
// Of secrets the file holds the decryption key of each open request, sealed. Of holders it holds what the ledger does:
// keys and key bindings inside receipts and, until the ledger has answered, inside commands.
var buckets = []string{"shops", "orders", "requests", "returns", "open", "status"}

// shopRecord is a shop of this service. Its private key lies in [Keys] under keyName.
type shopRecord struct {
	Name       string            `json:"name"`            // trade name
	Key        jose.Key          `json:"key"`             //
	Chain      [][]byte          `json:"chain,omitempty"` // access certificate first, DER; empty until installed
	Categories []budget.Category `json:"categories,omitempty"`
}

// orderRecord is one payment or check on its way. It is Pending without Command until a wallet has answered, Pending
// with Command until the ledger has, and then final.
type orderRecord struct {
	Shop    string    `json:"shop"`            // slug
	Order   string    `json:"order,omitempty"` // the signed order; empty in a check
	Nonce   string    `json:"nonce,omitempty"` // of the OpenID4VP request
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`

	Request *requestRecord `json:"request,omitempty"` // nil when the request has ended

	// What was answered: SHA-256 of the posted body, and of the presentation inside it. Both are empty until then.
	Posted    []byte `json:"posted,omitempty"`
	Presented []byte `json:"presented,omitempty"`
	Command   []byte `json:"command,omitempty"` // the body of the spend, until the ledger has answered

	State   State           `json:"state"`
	Reason  ledger.Reason   `json:"reason,omitempty"`
	Receipt *ledger.Receipt `json:"receipt,omitempty"`
}

// requestRecord is the OpenID4VP request of an order, as long as it can be answered or an answer repeated.
type requestRecord struct {
	ID       string   `json:"id"`        // in the URLs of the request
	State    string   `json:"state"`     // the OAuth parameter
	ClientID string   `json:"client_id"` //
	Chain    [][]byte `json:"chain"`     // the certificates that ClientID names
	Key      []byte   `json:"key"`       // the key that answers are encrypted to, sealed
	Shown    bool     `json:"shown"`     // a request object with the order was handed out
	Blind    bool     `json:"blind"`     // one without it was handed out
	Plain    bool     `json:"plain"`     // one was handed out to a wallet that cannot encrypt
}

func (r *orderRecord) check() bool    { return r.Order == "" }
func (r *orderRecord) answered() bool { return r.Posted != nil }
func (r *orderRecord) result() Result {
	return Result{State: r.State, Reason: r.Reason, Receipt: r.Receipt, Shop: r.Shop}
}

// returnRecord is one credit note. It is Pending until the ledger has answered.
type returnRecord struct {
	Amount  budget.Cents    `json:"amount"`
	Keyed   bool            `json:"keyed,omitempty"` // the id came from the caller
	Order   string          `json:"order"`           // the signed return order
	State   State           `json:"state"`
	Reason  ledger.Reason   `json:"reason,omitempty"`
	Receipt *ledger.Receipt `json:"receipt,omitempty"`
}

// statusRecord is a status list token as it was fetched.
type statusRecord struct {
	Token   string    `json:"token"`
	Fetched time.Time `json:"fetched"`
}

// store is the verifier's bbolt file.
type store struct {
	db   *bbolt.DB
	aead cipher.AEAD
}

func openStore(path string, seal []byte) (*store, error) {
	if len(seal) != 32 {
		return nil, errors.New("the seal key is not 32 bytes")
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, fmt.Errorf("%w (is another process using it?)", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &store{db, aead}, nil
}

// seal encrypts a secret for the record of order id; unseal opens it there and nowhere else.
func (s *store) seal(id string, secret []byte) []byte {
	return s.aead.Seal(nil, nil, secret, []byte("request/"+id))
}

func (s *store) unseal(id string, sealed []byte) ([]byte, error) {
	secret, err := s.aead.Open(nil, nil, sealed, []byte("request/"+id))
	if err != nil {
		return nil, errors.New("opening a sealed key: it was changed, or the seal key is another")
	}
	return secret, nil
}

// get reads a record, and says whether it is there.
func get(tx *bbolt.Tx, bucket, key string, v any) (bool, error) {
	b := tx.Bucket([]byte(bucket)).Get([]byte(key))
	if b == nil {
		return false, nil
	}
	if err := json.Unmarshal(b, v); err != nil {
		return false, fmt.Errorf("reading a record of %s: it is damaged", bucket)
	}
	return true, nil
}

func put(tx *bbolt.Tx, bucket, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing a record of %s: %w", bucket, err)
	}
	return tx.Bucket([]byte(bucket)).Put([]byte(key), b)
}

// order reads one order. It returns [ErrUnknownOrder] if there is none.
func (s *store) order(id string) (rec orderRecord, err error) {
	err = s.db.View(func(tx *bbolt.Tx) (err error) {
		rec, err = orderIn(tx, id)
		return err
	})
	return rec, err
}

func orderIn(tx *bbolt.Tx, id string) (rec orderRecord, err error) {
	ok, err := get(tx, "orders", id, &rec)
	if err == nil && !ok {
		err = ErrUnknownOrder
	}
	return rec, err
}

// create keeps a new order with its request.
func (s *store) create(id string, rec orderRecord) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		return errors.Join(put(tx, "orders", id, rec), tx.Bucket([]byte("requests")).Put([]byte(rec.Request.ID), []byte(id)),
			tx.Bucket([]byte("open")).Put([]byte("o/"+id), []byte{}))
	})
}

// update changes one order in a transaction: change sees the record as it is now and says whether to write it.
func (s *store) update(id string, change func(*orderRecord) bool) (rec orderRecord, err error) {
	err = s.db.Update(func(tx *bbolt.Tx) (err error) {
		if rec, err = orderIn(tx, id); err != nil || !change(&rec) {
			return err
		}
		return put(tx, "orders", id, rec)
	})
	return rec, err
}

// byRequest finds the order of a request. It returns [ErrUnknownRequest] if the request is unknown or has ended.
func (s *store) byRequest(request string) (id string, rec orderRecord, err error) {
	err = s.db.View(func(tx *bbolt.Tx) (err error) {
		id = string(tx.Bucket([]byte("requests")).Get([]byte(request)))
		if id == "" {
			return ErrUnknownRequest
		}
		rec, err = orderIn(tx, id)
		return err
	})
	return id, rec, err
}

// end forgets the request of an order: its decryption key above all. A final order leaves the open ones.
func (s *store) end(id string) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		rec, err := orderIn(tx, id)
		if err != nil {
			return err
		}
		if rec.Request != nil {
			if err := tx.Bucket([]byte("requests")).Delete([]byte(rec.Request.ID)); err != nil {
				return err
			}
			rec.Request, rec.Nonce = nil, ""
			if err := put(tx, "orders", id, rec); err != nil {
				return err
			}
		}
		if rec.State == Pending {
			return nil
		}
		return tx.Bucket([]byte("open")).Delete([]byte("o/" + id))
	})
}

// open lists the keys of the open bucket that begin with prefix, without it.
func (s *store) open(prefix string) (keys []string, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte("open")).Cursor()
		for k, _ := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Next() {
			keys = append(keys, string(k[len(prefix):]))
		}
		return nil
	})
	return keys, err
}
