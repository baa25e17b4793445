package aries

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/google/tink/go/keyset"
	"github.com/hyperledger/aries-framework-go/pkg/crypto/tinkcrypto"
	"github.com/hyperledger/aries-framework-go/pkg/kms"
	"github.com/hyperledger/aries-framework-go/pkg/kms/localkms"
	spikms "github.com/hyperledger/aries-framework-go/spi/kms"
	"github.com/hyperledger/aries-framework-go/spi/secretlock"
	"github.com/hyperledger/aries-framework-go/spi/storage"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"kindpakket/credential/jose"
)

// MaxSecret is the size, in bytes, of the largest secret that [Keys.Seal] takes.
const MaxSecret = 16 << 10

// Errors a caller may choose by.
var (
	ErrExists      = errors.New("a key or secret of this name exists")
	ErrNotFound    = errors.New("no key or secret of this name")
	ErrWrongMaster = errors.New("the master key does not open this key file")
	ErrTampered    = errors.New("the record does not open: it was changed, or comes from elsewhere")
	ErrInUse       = errors.New("another process has the key file open")
	ErrNotKeys     = errors.New("this is not a key file")
	ErrName        = errors.New("a name is 1 to 100 of a-z, 0-9, and any of . _ : % / - after the first")
)

// Keys holds a server's keys and secrets in one bbolt file under a master key. It is safe for use by many goroutines; one process
// at a time has the file. However it is printed, it shows nothing.
type Keys struct {
	db      *bbolt.DB
	lock    secretlock.Service
	kms     spikms.KeyManager
	keysets spikms.Store
	names   storage.Store
	secrets storage.Store
	crypto  *tinkcrypto.Crypto

	mu     sync.RWMutex
	cached map[string]*signer // guarded by mu. Opening a keyset costs two decryptions, using it none
}

// keyURI names the lock to aries; its local lock heeds only the prefix.
const keyURI = "local-lock://kindpakket"

// Create makes a new, empty key file at path, mode 0600, under the master key in masterKeyFile (see [CreateMaster]). It returns an
// error that wraps [os.ErrExist] if there is a file at path.
func Create(path, masterKeyFile string) (*Keys, error) {
	lock, err := openLock(masterKeyFile)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("creating key file: %w", err)
	}
	f.Close() // bbolt takes an empty file for a new one
	k, err := open(path, lock, true)
	if err != nil {
		return nil, fmt.Errorf("creating key file: %w", err)
	}
	return k, nil
}

// Open opens the key file at path under the master key in masterKeyFile. It returns an error that wraps [os.ErrNotExist] if there
// is none, [ErrWrongMaster] if the file belongs to another master key, [ErrInUse] after a second if another process has it.
func Open(path, masterKeyFile string) (*Keys, error) {
	lock, err := openLock(masterKeyFile)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("opening key file: %w", err)
	}
	k, err := open(path, lock, false)
	if err != nil {
		return nil, fmt.Errorf("opening key file: %w", err)
	}
	return k, nil
}

// The constant by which a master key is recognised.
const (
	checkName  = "master"
	checkValue = "kindpakket keys, version 1"
)

func open(path string, lock secretlock.Service, create bool) (_ *Keys, err error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotKeys, err)
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	p := provider{db}
	if !create {
		if _, err := p.GetStoreConfig(bucketCheck); err != nil {
			return nil, ErrNotKeys
		}
	}
	check, err := p.OpenStore(bucketCheck)
	if err != nil {
		return nil, err
	}
	k := &Keys{db: db, lock: lock, cached: make(map[string]*signer)}
	if create {
		err = k.put(check, bucketCheck, checkName, []byte(checkValue))
	} else {
		err = k.recognise(check)
	}
	if err != nil {
		return nil, err
	}
	if k.names, err = p.OpenStore(bucketNames); err != nil {
		return nil, err
	}
	if k.secrets, err = p.OpenStore(bucketSecrets); err != nil {
		return nil, err
	}
	if k.keysets, err = kms.NewAriesProviderWrapper(p); err != nil {
		return nil, err
	}
	if k.kms, err = localkms.New(keyURI, kmsProvider{k}); err != nil {
		return nil, err
	}
	k.crypto, err = tinkcrypto.New()
	return k, err
}

func (k *Keys) recognise(check storage.Store) error {
	got, err := k.get(check, bucketCheck, checkName)
	switch {
	case errors.Is(err, ErrTampered):
		return ErrWrongMaster
	case errors.Is(err, ErrNotFound), err == nil && string(got) != checkValue:
		return ErrNotKeys
	}
	return err
}

// kmsProvider hands aries' key manager what it works with.
type kmsProvider struct{ *Keys }

func (p kmsProvider) StorageProvider() spikms.Store  { return p.keysets }
func (p kmsProvider) SecretLock() secretlock.Service { return p.lock }

// Close closes the key file. Signers that were handed out go on working.
func (k *Keys) Close() error {
	k.mu.Lock()
	clear(k.cached)
	k.mu.Unlock()
	if err := k.db.Close(); err != nil {
		return fmt.Errorf("closing key file: %w", err)
	}
	return nil
}

// Create makes a P-256 signing key of this name and returns its signer, for ES256. The key is on disk when Create returns. It
// returns an error that wraps [ErrExists] if there is a key of this name, and [ErrName].
func (k *Keys) Create(name string) (jose.Signer, error) {
	s, err := k.create(name)
	if err != nil {
		return nil, fmt.Errorf("creating key %q: %w", name, err)
	}
	return s, nil
}

// nameRecord binds a name to its keyset. It lies sealed under the name, so that nobody without the master key can point a name at
// another key.
type nameRecord struct {
	KeyID string   `json:"key_id"`
	JWK   jose.Key `json:"jwk"`
}

func (k *Keys) create(name string) (*signer, error) {
	if !goodName(name) {
		return nil, ErrName
	}
	if _, err := k.names.Get(name); err == nil {
		return nil, ErrExists
	}
	id, handle, err := k.kms.Create(spikms.ECDSAP256TypeIEEEP1363)
	if err != nil {
		return nil, err
	}
	s, err := k.signerOf(id, handle)
	if err != nil {
		return nil, err
	}
	record, err := json.Marshal(nameRecord{KeyID: id, JWK: s.pub})
	if err != nil {
		return nil, err
	}
	if err := k.put(k.names, bucketNames, name, record); err != nil {
		// Somebody was first, or the disk is full: the keyset has no name and nobody will find it.
		return nil, errors.Join(err, k.keysets.Delete(id))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cached[name] = s
	return s, nil
}

// Signer returns the signer of the key of this name. It returns an error that wraps [ErrNotFound] if there is none, and
// [ErrTampered] if what is in the file is not what was stored under this name and this master key.
func (k *Keys) Signer(name string) (jose.Signer, error) {
	s, err := k.signer(name)
	if err != nil {
		return nil, fmt.Errorf("opening key %q: %w", name, err)
	}
	return s, nil
}

func (k *Keys) signer(name string) (*signer, error) {
	k.mu.RLock()
	s := k.cached[name]
	k.mu.RUnlock()
	if s != nil {
		return s, nil
	}
	record, err := k.get(k.names, bucketNames, name)
	if err != nil {
		return nil, err
	}
	var r nameRecord
	if err := json.Unmarshal(record, &r); err != nil {
		return nil, ErrTampered
	}
	handle, err := k.kms.Get(r.KeyID)
	if err != nil {
		return nil, ErrTampered // a name without its keyset, or a keyset of another master key
	}
	if s, err = k.signerOf(r.KeyID, handle); err != nil {
		return nil, err
	}
	if s.pub != r.JWK {
		return nil, ErrTampered // another keyset of ours in this one's place
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cached[name] = s
	return s, nil
}

func (k *Keys) signerOf(id string, handle any) (*signer, error) {
	kh, ok := handle.(*keyset.Handle)
	if !ok {
		return nil, ErrTampered
	}
	point, kt, err := k.kms.ExportPubKeyBytes(id)
	if err != nil || kt != spikms.ECDSAP256TypeIEEEP1363 {
		return nil, ErrTampered
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, ErrTampered
	}
	key, err := jose.NewKey(pub)
	if err != nil {
		return nil, ErrTampered
	}
	return &signer{pub: key, handle: kh, crypto: k.crypto}, nil
}

// Seal stores a secret that is no Tink key under a name of its own (keys and secrets do not share names). It is on disk when Seal
// returns. It returns an error that wraps [ErrExists] if there is one of this name, and [ErrName].
func (k *Keys) Seal(name string, secret []byte) error {
	if len(secret) > MaxSecret {
		return fmt.Errorf("sealing %q: over %d bytes", name, MaxSecret)
	}
	if err := k.put(k.secrets, bucketSecrets, name, secret); err != nil {
		return fmt.Errorf("sealing %q: %w", name, err)
	}
	return nil
}

// Unseal returns the secret of this name. The caller clears it when done. It returns an error that wraps [ErrNotFound] or
// [ErrTampered].
func (k *Keys) Unseal(name string) ([]byte, error) {
	secret, err := k.get(k.secrets, bucketSecrets, name)
	if err != nil {
		return nil, fmt.Errorf("unsealing %q: %w", name, err)
	}
	return secret, nil
}

// put seals value with the master key, bound to its bucket and name, and stores it if the name is free.
func (k *Keys) put(s storage.Store, bucket, name string, value []byte) error {
	if !goodName(name) {
		return ErrName
	}
	sealed, err := k.lock.Encrypt(keyURI, &secretlock.EncryptRequest{
		Plaintext:                   base64.URLEncoding.EncodeToString(value),
		AdditionalAuthenticatedData: place(bucket, name),
	})
	if err != nil {
		return errors.New("the lock does not seal")
	}
	err = s.Batch([]storage.Operation{{Key: name, Value: []byte(sealed.Ciphertext), PutOptions: &storage.PutOptions{IsNewKey: true}}})
	if errors.Is(err, storage.ErrDuplicateKey) {
		return ErrExists
	}
	return err
}

func (k *Keys) get(s storage.Store, bucket, name string) ([]byte, error) {
	if !goodName(name) {
		return nil, ErrNotFound
	}
	sealed, err := s.Get(name)
	if errors.Is(err, storage.ErrDataNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	opened, err := k.lock.Decrypt(keyURI, &secretlock.DecryptRequest{
		Ciphertext:                  string(sealed),
		AdditionalAuthenticatedData: place(bucket, name),
	})
	if err != nil {
		return nil, ErrTampered
	}
	value, err := base64.URLEncoding.DecodeString(opened.Plaintext)
	if err != nil {
		return nil, ErrTampered
	}
	return value, nil
}

// place is what a sealed record is bound to: it opens nowhere else.
func place(bucket, name string) string { return "kindpakket\x00" + bucket + "\x00" + name }

func goodName(name string) bool {
	if len(name) == 0 || len(name) > 100 {
		return false
	}
	for i, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == ':' || c == '%' || c == '/' || c == '-'):
		default:
			return false
		}
	}
	return true
}

const redacted = "[redacted]"

// String shows nothing.
func (k *Keys) String() string { return redacted }

// Format shows nothing, whatever the verb.
func (k *Keys) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// MarshalJSON shows nothing.
func (k *Keys) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue shows nothing.
func (k *Keys) LogValue() slog.Value { return slog.StringValue(redacted) }
