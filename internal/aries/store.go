package aries

import (
	"errors"
	"strings"

	"github.com/hyperledger/aries-framework-go/spi/storage"
	"go.etcd.io/bbolt"
)

// What lies in the key file, bucket by bucket.
const (
	bucketKeysets = "kmsdb"   // kms.AriesWrapperStoreName: key id → Tink keyset, encrypted. Written by aries' key manager
	bucketNames   = "names"   // name → sealed (key id, public JWK)
	bucketSecrets = "secrets" // name → sealed secret
	bucketCheck   = "check"   // "master" → a sealed constant, to recognise the master key by
)

// errNoQuery is what a [provider] says to the parts of aries' interface that need tags. Nothing of ours searches its keys.
var errNoQuery = errors.New("this store keeps no tags and answers no queries")

// A provider is aries' storage.Provider over one bbolt file: a store is a bucket. What Put or Batch wrote is on disk when they
// return. Closing the provider does not close the file, which belongs to [Keys].
type provider struct {
	db *bbolt.DB
}

func (p provider) OpenStore(name string) (storage.Store, error) {
	name = strings.ToLower(name) // aries: store names do not heed case
	if name == "" {
		return nil, errors.New("opening store: empty name")
	}
	s := store{db: p.db, bucket: []byte(name)}
	return s, p.db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(s.bucket)
		return err
	})
}

func (p provider) SetStoreConfig(name string, config storage.StoreConfiguration) error {
	if len(config.TagNames) > 0 {
		return errNoQuery
	}
	_, err := p.GetStoreConfig(name)
	return err
}

func (p provider) GetStoreConfig(name string) (storage.StoreConfiguration, error) {
	err := p.db.View(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte(strings.ToLower(name))) == nil {
			return storage.ErrStoreNotFound
		}
		return nil
	})
	return storage.StoreConfiguration{}, err
}

func (p provider) GetOpenStores() []storage.Store {
	var open []storage.Store
	// A closed file has no open stores: the error says nothing more.
	_ = p.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			open = append(open, store{db: p.db, bucket: append([]byte(nil), name...)})
			return nil
		})
	})
	return open
}

func (p provider) Close() error { return nil }

type store struct {
	db     *bbolt.DB
	bucket []byte
}

func (s store) Put(key string, value []byte, tags ...storage.Tag) error {
	return s.Batch([]storage.Operation{{Key: key, Value: value, Tags: tags}})
}

func (s store) Get(key string) (value []byte, err error) {
	if key == "" {
		return nil, errors.New("reading store: empty key")
	}
	err = s.db.View(func(tx *bbolt.Tx) error {
		v := tx.Bucket(s.bucket).Get([]byte(key))
		if v == nil {
			return storage.ErrDataNotFound
		}
		value = append([]byte{}, v...) // v is bbolt's until the transaction ends
		return nil
	})
	return value, err
}

func (s store) GetBulk(keys ...string) ([][]byte, error) {
	values := make([][]byte, len(keys))
	for i, key := range keys {
		v, err := s.Get(key)
		if err != nil && !errors.Is(err, storage.ErrDataNotFound) {
			return nil, err
		}
		values[i] = v // nil where there is none
	}
	return values, nil
}

func (s store) Delete(key string) error {
	return s.Batch([]storage.Operation{{Key: key}})
}

// Batch does all of the operations or none.
func (s store) Batch(ops []storage.Operation) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(s.bucket)
		for _, op := range ops {
			key := []byte(op.Key)
			var err error
			switch {
			case len(key) == 0:
				err = errors.New("writing store: empty key")
			case len(op.Tags) > 0:
				err = errNoQuery
			case op.Value == nil:
				err = b.Delete(key)
			case op.PutOptions != nil && op.PutOptions.IsNewKey && b.Get(key) != nil:
				err = storage.ErrDuplicateKey
			default:
				err = b.Put(key, op.Value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s store) GetTags(key string) ([]storage.Tag, error) {
	_, err := s.Get(key)
	return nil, err
}

func (s store) Query(string, ...storage.QueryOption) (storage.Iterator, error) {
	return nil, errNoQuery
}

func (s store) Flush() error { return nil }
func (s store) Close() error { return nil }
