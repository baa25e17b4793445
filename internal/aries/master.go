package aries

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hyperledger/aries-framework-go/pkg/secretlock/local"
	"github.com/hyperledger/aries-framework-go/spi/secretlock"
)

// ErrMaster is returned for a file that holds no master key, or that others may read.
var ErrMaster = errors.New("unusable master key file")

const (
	masterSize    = 32  // bytes of an AES-256 key
	maxMasterFile = 256 // bytes
)

// CreateMaster writes a new master key to a new file: 32 random bytes in base64url, mode 0600. It returns an error that wraps
// [os.ErrExist] if the file is there already.
//
// The master key belongs on another disk, or in another hand, than the backup of the key file: the two together are all keys.
func CreateMaster(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("creating master key: %w", err)
	}
	key := make([]byte, masterSize)
	rand.Read(key) // never errs
	defer clear(key)
	_, err = f.WriteString(base64.URLEncoding.EncodeToString(key) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("creating master key: %w", err)
	}
	return nil
}

// openLock makes aries' local secret lock of the master key in a file: 32 bytes in base64 of either alphabet, or in hex.
func openLock(file string) (secretlock.Service, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("opening master key: %w", err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening master key: %w", err)
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("opening master key: %w: it is not a regular file", ErrMaster)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("opening master key: %w: its mode is %v, and others may use it; chmod 600", ErrMaster, fi.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxMasterFile+1))
	if err != nil {
		return nil, fmt.Errorf("opening master key: %w", err)
	}
	defer clear(text)
	key, ok := decodeMaster(strings.TrimSpace(string(text)))
	if !ok || len(text) > maxMasterFile {
		return nil, fmt.Errorf("opening master key: %w: it does not hold %d bytes in base64 or hex", ErrMaster, masterSize)
	}
	defer clear(key)
	lock, err := local.NewService(strings.NewReader(base64.URLEncoding.EncodeToString(key)), nil)
	if err != nil {
		return nil, fmt.Errorf("opening master key: %w: the lock does not take it", ErrMaster)
	}
	return lock, nil
}

func decodeMaster(text string) ([]byte, bool) {
	if key, err := hex.DecodeString(text); err == nil && len(key) == masterSize {
		return key, true
	}
	text = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(text), "=")
	key, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return key, err == nil && len(key) == masterSize
}
