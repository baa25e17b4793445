package issuer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	bbolt "go.etcd.io/bbolt"
)

// The buckets of the issuer's file. "Sealed" records are AES-256-GCM under the data key, with bucket and key as
// additional data, so that one cannot be put in another's place.
//
//	meta        "format", "keys" (see check), "topup/ID" → topUpMark, sealed
//	funds       FUND/PERIOD → fundRecord, sealed
//	families    keyed hash of client number, fund and period → familyRecord, sealed
//	cards       keyed hash of family, fund and period → cardRecord, sealed: one entitlement, one budget
//	offers      SHA-256 of the pre-authorised code → offerRecord, sealed
//	tokens      SHA-256 of the access token → tokenRecord, sealed
//	nonces      SHA-256 of a c_nonce that was used → when it would have ended
//	status      list number → statusRecord, sealed
//	shops       DID → shopRecord, sealed
//	outbox      id → parcel, a command that the ledger has not answered yet, sealed
//	payouts     run number → payoutRecord, sealed
var buckets = []string{"meta", "funds", "families", "cards", "offers", "tokens", "nonces", "status", "shops", "outbox", "payouts"}

const fileFormat = "kindpakket-issuer/1"

// Errors of the store.
var (
	ErrExists   = errors.New("the issuer's file is there already")
	errNotOurs  = errors.New("the file is not a kindpakket issuer's")
	errUnsealed = errors.New("a record does not open under the data key")
	errHashKey  = errors.New("the hash key is not the one of this file")
)

type store struct {
	db   *bbolt.DB
	aead cipher.AEAD
	hash []byte // key of the keyed hashes
}

func newStore(db *bbolt.DB, dataKey, hashKey []byte) (*store, error) {
	if len(dataKey) != 32 || len(hashKey) < 32 {
		return nil, errors.New("data key is not 32 bytes, or hash key is shorter")
	}
	block, err := aes.NewCipher(dataKey)
	if err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	return &store{db: db, aead: aead, hash: hashKey}, nil
}

// createBuckets makes an empty issuer's file in db.
func createBuckets(db *bbolt.DB) error {
	return db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte(fileFormat))
	})
}

// check refuses a file that is not ours or was kept under other keys. A wrong hash key would open everything and find no
// family again: the next upload of a file would then be taken for new.
func (s *store) check() error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte("meta"))
		if meta == nil || string(meta.Get([]byte("format"))) != fileFormat {
			return errNotOurs
		}
		want, got := s.keyed("keys"), []byte{}
		ok, err := s.get(tx, "meta", []byte("keys"), &got)
		switch {
		case err != nil:
			return err
		case !ok:
			return s.put(tx, "meta", []byte("keys"), want)
		case subtle.ConstantTimeCompare(got, want) != 1:
			return errHashKey
		}
		return nil
	})
}

// keyed returns the keyed hash of parts: the only form in which a client number is kept.
func (s *store) keyed(parts ...string) []byte {
	mac := hmac.New(sha256.New, s.hash)
	for _, p := range parts {
		fmt.Fprintf(mac, "%d:%s", len(p), p)
	}
	return mac.Sum(nil)
}

func aad(bucket string, key []byte) []byte { return append([]byte(bucket+"/"), key...) }

// put seals v under key.
func (s *store) put(tx *bbolt.Tx, bucket string, key []byte, v any) error {
	plain, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a record of %s: %w", bucket, err)
	}
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	rand.Read(nonce)
	return tx.Bucket([]byte(bucket)).Put(key, s.aead.Seal(nonce, nonce, plain, aad(bucket, key)))
}

// get opens the record under key into v and reports whether there is one.
func (s *store) get(tx *bbolt.Tx, bucket string, key []byte, v any) (bool, error) {
	sealed := tx.Bucket([]byte(bucket)).Get(key)
	if sealed == nil {
		return false, nil
	}
	return true, s.open(bucket, key, sealed, v)
}

func (s *store) open(bucket string, key, sealed []byte, v any) error {
	if len(sealed) < s.aead.NonceSize() {
		return fmt.Errorf("%s: %w", bucket, errUnsealed)
	}
	plain, err := s.aead.Open(nil, sealed[:s.aead.NonceSize()], sealed[s.aead.NonceSize():], aad(bucket, key))
	if err != nil {
		return fmt.Errorf("%s: %w", bucket, errUnsealed)
	}
	// Members that the record leaves out must not keep what v held before.
	reflect.ValueOf(v).Elem().SetZero()
	return json.Unmarshal(plain, v)
}

// each opens every record of a bucket in the order of its keys.
func each[T any](s *store, tx *bbolt.Tx, bucket string, f func(key []byte, v T) error) error {
	return tx.Bucket([]byte(bucket)).ForEach(func(k, sealed []byte) error {
		var v T
		if err := s.open(bucket, k, sealed, &v); err != nil {
			return err
		}
		return f(k, v)
	})
}

func hashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}
