package issuer

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"time"

	bbolt "go.etcd.io/bbolt"
)

// NonceLife is how long a c_nonce can be used.
const NonceLife = 5 * time.Minute

// A c_nonce is 16 random bytes, the second at which it ends, and a keyed hash of both, in base64url: giving one away
// writes nothing, so that nobody can fill the disk by asking. Using one up writes its hash until it would have ended.
const nonceSize = 16 + 8 + 32

var errNonce = errors.New("the nonce is unknown, used or too old")

// Nonce returns a fresh c_nonce (OpenID4VCI 1.0, Section 7).
func (i *Issuer) Nonce() (string, error) {
	b := make([]byte, 16, nonceSize)
	if _, err := io.ReadFull(i.cfg.Rand, b); err != nil {
		return "", err
	}
	b = binary.BigEndian.AppendUint64(b, uint64(i.now().Add(NonceLife).Unix()))
	b = append(b, i.keyed("nonce", string(b))...)
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// useNonce accepts a nonce of ours once.
func (i *Issuer) useNonce(nonce string) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(b) != nonceSize || !hmac.Equal(b[24:], i.keyed("nonce", string(b[:24]))) {
		return errNonce
	}
	ends := b[16:24]
	if i.now().Unix() > int64(binary.BigEndian.Uint64(ends)) {
		return errNonce
	}
	return i.db.Update(func(tx *bbolt.Tx) error {
		used := tx.Bucket([]byte("nonces"))
		key := hashOf(nonce)
		if used.Get(key) != nil {
			return errNonce
		}
		return used.Put(key, ends)
	})
}

// sweep removes what has run out: used nonces, tokens and offers.
func (i *Issuer) sweep() error {
	now := i.now()
	var dead [][2][]byte
	mark := func(bucket string, key []byte) {
		dead = append(dead, [2][]byte{[]byte(bucket), bytes.Clone(key)})
	}
	// What has run out stays so: it is looked for without holding up the writers.
	err := i.db.View(func(tx *bbolt.Tx) error {
		return errors.Join(
			tx.Bucket([]byte("nonces")).ForEach(func(k, ends []byte) error {
				if len(ends) != 8 || now.Unix() > int64(binary.BigEndian.Uint64(ends)) {
					mark("nonces", k)
				}
				return nil
			}),
			each(i.store, tx, "tokens", func(k []byte, t tokenRecord) error {
				if now.After(t.Expires) {
					mark("tokens", k)
				}
				return nil
			}),
			each(i.store, tx, "offers", func(k []byte, o offerRecord) error {
				if now.After(o.Expires) {
					mark("offers", k)
				}
				return nil
			}))
	})
	if err != nil || len(dead) == 0 {
		return err
	}
	return i.db.Update(func(tx *bbolt.Tx) error {
		for _, d := range dead {
			if err := tx.Bucket(d[0]).Delete(d[1]); err != nil {
				return err
			}
		}
		return nil
	})
}
