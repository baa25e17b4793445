package vault

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"
)

// Limits: the largest record and the longest name, in bytes.
const (
	MaxRecord = 1 << 20
	MaxName   = 128
)

// Errors on which a caller chooses what to do.
var (
	ErrPassphrase = errors.New("wrong passphrase")
	ErrExists     = errors.New("the store holds a vault already")
	ErrNoVault    = errors.New("the store holds no vault")
	ErrNotFound   = errors.New("no such record in the vault")
	ErrDamaged    = errors.New("the vault was damaged or changed by somebody else")
	ErrNotEmpty   = errors.New("the vault holds records already")
	ErrClosed     = errors.New("the vault is closed")
)

// Vault is an open vault. Its methods may be called by several goroutines. It prints as [redacted].
type Vault struct {
	store Store
	rand  io.Reader

	mu     sync.Mutex // guards what follows, and makes read-then-write of the header and of Import one step
	key    []byte     // the data key; nil when closed
	names  []byte     // key of the hashed names
	record cipher.AEAD
}

var headerName = []byte("header")

// Create makes a vault in a store that holds none, locked with passphrase at the given costs; zero Params are the
// default. rand is also used for every record that is written. It returns [ErrExists] if there is a vault already.
func Create(s Store, passphrase []byte, p Params, rand io.Reader) (*Vault, error) {
	if b, err := s.Get(headerName); err != nil {
		return nil, fmt.Errorf("reading vault: %w", err)
	} else if b != nil {
		return nil, ErrExists
	}
	key := make([]byte, chacha20poly1305.KeySize)
	if _, err := io.ReadFull(rand, key); err != nil {
		return nil, fmt.Errorf("drawing data key: %w", err)
	}
	v, err := newVault(s, key, rand)
	if err != nil {
		return nil, err
	}
	if err := v.wrap(passphrase, p); err != nil {
		return nil, err
	}
	return v, nil
}

// Open opens the vault in a store. It returns [ErrNoVault] if there is none and [ErrPassphrase] if the passphrase is
// not its own (or the header was changed: the two cannot be told apart).
func Open(s Store, passphrase []byte, rand io.Reader) (*Vault, error) {
	key, _, err := unwrap(s, passphrase)
	if err != nil {
		return nil, err
	}
	return newVault(s, key, rand)
}

// Exists reports whether the store holds a vault.
func Exists(s Store) (bool, error) {
	b, err := s.Get(headerName)
	return b != nil, err
}

func newVault(s Store, key []byte, rand io.Reader) (*Vault, error) {
	v := &Vault{store: s, rand: rand, key: key}
	sub, err := hkdf.Expand(sha256.New, key, "kindpakket-vault/1 record", chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("deriving record key: %w", err)
	}
	if v.record, err = chacha20poly1305.NewX(sub); err != nil {
		return nil, fmt.Errorf("deriving record key: %w", err)
	}
	if v.names, err = hkdf.Expand(sha256.New, key, "kindpakket-vault/1 name", sha256.Size); err != nil {
		return nil, fmt.Errorf("deriving name key: %w", err)
	}
	return v, nil
}

const wrapped = "kindpakket-vault/1 data key"

func unwrap(s Store, passphrase []byte) ([]byte, Params, error) {
	b, err := s.Get(headerName)
	if err != nil {
		return nil, Params{}, fmt.Errorf("reading vault: %w", err)
	}
	if b == nil {
		return nil, Params{}, ErrNoVault
	}
	h, err := parseHeader(b)
	if err != nil {
		return nil, Params{}, err
	}
	a, err := h.aead(passphrase)
	if err != nil {
		return nil, Params{}, err
	}
	key, err := open(a, h.Key, h.ad(wrapped))
	if err != nil || len(key) != chacha20poly1305.KeySize {
		return nil, Params{}, ErrPassphrase
	}
	return key, h.Params, nil
}

func (v *Vault) wrap(passphrase []byte, p Params) error {
	l, err := newLock(p, v.rand)
	if err != nil {
		return err
	}
	a, err := l.aead(passphrase)
	if err != nil {
		return err
	}
	sealed, err := seal(a, v.rand, v.key, l.ad(wrapped))
	if err != nil {
		return err
	}
	b, err := json.Marshal(header{l, sealed})
	if err != nil {
		return fmt.Errorf("writing header: %w", err)
	}
	if err := v.store.Put(headerName, b); err != nil {
		return fmt.Errorf("writing header: %w", err)
	}
	return nil
}

// ChangePassphrase locks the vault with another passphrase, at the same costs. It returns [ErrPassphrase] if old is not
// the present one.
func (v *Vault) ChangePassphrase(old, new []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.key == nil {
		return ErrClosed
	}
	key, p, err := unwrap(v.store, old)
	if err != nil {
		return err
	}
	if !hmac.Equal(key, v.key) {
		return ErrDamaged
	}
	return v.wrap(new, p)
}

// Close forgets the keys. The store stays open: it is the caller's.
func (v *Vault) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.key)
	clear(v.names)
	v.key, v.record = nil, nil
}

// Record is one record of a vault, or a change to it: a nil Value deletes.
type Record struct {
	Name  string // 1 to MaxName bytes
	Value []byte // at most MaxRecord bytes
}

// Get returns the record with this name, or [ErrNotFound].
func (v *Vault) Get(name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.key == nil {
		return nil, ErrClosed
	}
	r, err := v.read(v.hashed(name))
	if err != nil {
		return nil, err
	}
	return r.Value, nil
}

// Put writes one record; it is durable when Put returns nil.
func (v *Vault) Put(name string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	return v.Write(Record{name, value})
}

// Delete removes one record, if it is there.
func (v *Vault) Delete(name string) error { return v.Write(Record{Name: name}) }

// Write makes all changes or none of them; they are durable when Write returns nil.
func (v *Vault) Write(changes ...Record) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.write(changes)
}

func (v *Vault) write(changes []Record) error {
	if v.key == nil {
		return ErrClosed
	}
	batch := make([]Change, 0, len(changes))
	for _, c := range changes {
		switch {
		case c.Name == "" || len(c.Name) > MaxName:
			return fmt.Errorf("writing record: name is not 1 to %d bytes", MaxName)
		case len(c.Value) > MaxRecord:
			return fmt.Errorf("writing record: larger than %d bytes", MaxRecord)
		}
		name := v.hashed(c.Name)
		if c.Value == nil {
			batch = append(batch, Change{Name: name})
			continue
		}
		sealed, err := seal(v.record, v.rand, pad(appendRecord(nil, c)), name)
		if err != nil {
			return err
		}
		batch = append(batch, Change{name, sealed})
	}
	if err := v.store.Batch(batch); err != nil {
		return fmt.Errorf("writing records: %w", err)
	}
	return nil
}

// Records returns all records whose names begin with prefix, sorted by name.
func (v *Vault) Records(prefix string) ([]Record, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all, err := v.all()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r Record) bool { return !strings.HasPrefix(r.Name, prefix) }), nil
}

// List returns the names of all records that begin with prefix, sorted.
func (v *Vault) List(prefix string) ([]string, error) {
	records, err := v.Records(prefix)
	var names []string
	for _, r := range records {
		names = append(names, r.Name)
	}
	return names, err
}

// all returns all records, sorted by name.
func (v *Vault) all() ([]Record, error) {
	if v.key == nil {
		return nil, ErrClosed
	}
	hashes, err := v.store.List()
	if err != nil {
		return nil, fmt.Errorf("listing records: %w", err)
	}
	var all []Record
	for _, h := range hashes {
		if string(h) == string(headerName) {
			continue
		}
		r, err := v.read(h)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Record) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func (v *Vault) read(hash []byte) (Record, error) {
	sealed, err := v.store.Get(hash)
	if err != nil {
		return Record{}, fmt.Errorf("reading record: %w", err)
	}
	if sealed == nil {
		return Record{}, ErrNotFound
	}
	plain, err := open(v.record, sealed, hash)
	if err != nil {
		return Record{}, ErrDamaged
	}
	r, _, err := cutRecord(plain)
	if err != nil || !hmac.Equal(v.hashed(r.Name), hash) {
		return Record{}, ErrDamaged
	}
	return r, nil
}

func (v *Vault) hashed(name string) []byte {
	m := hmac.New(sha256.New, v.names)
	m.Write([]byte(name))
	return m.Sum(nil)
}

// appendRecord writes a record as lengths (four bytes each, big endian), name and value.
func appendRecord(b []byte, r Record) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Name)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Value)))
	b = append(b, r.Name...)
	return append(b, r.Value...)
}

// cutRecord reads what appendRecord wrote, and returns what follows it.
func cutRecord(b []byte) (Record, []byte, error) {
	if len(b) < 8 {
		return Record{}, nil, ErrDamaged
	}
	n, m := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	b = b[8:]
	if n == 0 || n > MaxName || m > MaxRecord || uint64(len(b)) < uint64(n)+uint64(m) {
		return Record{}, nil, ErrDamaged
	}
	return Record{string(b[:n]), slices.Clone(b[n : n+m])}, b[n+m:], nil
}

// pad adds zeros up to a multiple of 512 bytes, so that a length tells little. A record says its own length.
func pad(b []byte) []byte { return append(b, make([]byte, (512-len(b)%512)%512)...) }

const redacted = "[redacted]"

// String returns "[redacted]".
func (v *Vault) String() string { return redacted }

// GoString returns "[redacted]".
func (v *Vault) GoString() string { return redacted }

// LogValue returns "[redacted]".
func (v *Vault) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON writes "[redacted]".
func (v *Vault) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }
