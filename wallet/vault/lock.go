package vault

import (
	"bytes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// Params are the costs of Argon2id (RFC 9106, Section 3.1).
type Params struct {
	Time    uint32 `json:"time"`    // passes
	Memory  uint32 `json:"memory"`  // KiB
	Threads uint8  `json:"threads"` // lanes
}

// defaultParams is the second recommendation of RFC 9106, Section 4, for machines with little memory: 3 passes over
// 64 MiB in 4 lanes.
var defaultParams = Params{Time: 3, Memory: 64 << 10, Threads: 4}

// The most that a stored vault or a backup may ask of us: a file from elsewhere must not hang the wallet or eat its
// memory. MaxMemory is in KiB.
const (
	MaxTime    = 16
	MaxMemory  = 256 << 10
	MaxThreads = 16
)

func (p Params) verify() error {
	if p.Time < 1 || p.Time > MaxTime || p.Memory < 8 || p.Memory > MaxMemory || p.Threads < 1 || p.Threads > MaxThreads {
		return fmt.Errorf("%w: the costs of the passphrase are out of bounds", ErrDamaged)
	}
	return nil
}

// lock turns a passphrase into a key. It is public.
type lock struct {
	V    int    `json:"v"`   // 1
	KDF  string `json:"kdf"` // "argon2id"
	Salt []byte `json:"salt"`
	Params
}

func newLock(p Params, rand io.Reader) (lock, error) {
	if p == (Params{}) {
		p = defaultParams
	}
	if err := p.verify(); err != nil {
		return lock{}, err
	}
	l := lock{V: 1, KDF: "argon2id", Salt: make([]byte, 16), Params: p}
	if _, err := io.ReadFull(rand, l.Salt); err != nil {
		return lock{}, fmt.Errorf("drawing salt: %w", err)
	}
	return l, nil
}

func (l lock) verify() error {
	if l.V != 1 || l.KDF != "argon2id" || len(l.Salt) != 16 {
		return fmt.Errorf("%w: unknown version or lock", ErrDamaged)
	}
	return l.Params.verify()
}

// aead returns the cipher under the key that the passphrase gives. It takes about as long as a blink.
func (l lock) aead(passphrase []byte) (cipher.AEAD, error) {
	if len(passphrase) == 0 {
		return nil, ErrPassphrase
	}
	return chacha20poly1305.NewX(argon2.IDKey(passphrase, l.Salt, l.Time, l.Memory, l.Threads, chacha20poly1305.KeySize))
}

// header is what stands in the store beside the records: how to get from the passphrase to the data key.
type header struct {
	lock
	Key []byte `json:"key"` // the sealed data key
}

const maxHeader = 1 << 10

func parseHeader(b []byte) (header, error) {
	var h header
	if len(b) > maxHeader {
		return h, fmt.Errorf("%w: header larger than %d bytes", ErrDamaged, maxHeader)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return h, fmt.Errorf("%w: header is not JSON of its shape", ErrDamaged)
	}
	return h, h.lock.verify()
}

// ad is what the sealed text under a lock is bound to: what it is, and the lock itself.
func (l lock) ad(what string) []byte {
	b, err := json.Marshal(l)
	if err != nil {
		panic("vault: " + err.Error()) // cannot happen: numbers and bytes
	}
	return append([]byte(what+"\x00"), b...)
}

func seal(a cipher.AEAD, rand io.Reader, plain, ad []byte) ([]byte, error) {
	nonce := make([]byte, a.NonceSize(), a.NonceSize()+len(plain)+a.Overhead())
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("drawing nonce: %w", err)
	}
	return a.Seal(nonce, nonce, plain, ad), nil
}

var errSealed = errors.New("does not open")

func open(a cipher.AEAD, sealed, ad []byte) ([]byte, error) {
	if len(sealed) < a.NonceSize() {
		return nil, errSealed
	}
	plain, err := a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], ad)
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}
