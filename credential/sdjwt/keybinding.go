package sdjwt

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kindpakket/credential/jose"
)

const typeKB = "kb+jwt"

// MaxTransactions is the largest number of transaction data hashes in one key binding.
const MaxTransactions = 8

var (
	// ErrNoBinding is returned when a key binding is required and there is none.
	ErrNoBinding = errors.New("key binding is missing")
	// ErrHolder is returned when a key binding was not made with the key in cnf, or there is no such key.
	ErrHolder = errors.New("key binding is not by the holder's key")
	// ErrKeyBinding is returned for a key-binding JWT that is malformed.
	ErrKeyBinding = errors.New("malformed key binding")
)

// KB is the payload of a key-binding JWT (RFC 9901, Section 4.3), with the transaction data of OpenID4VP 1.0, Appendix B.3.3.
type KB struct {
	Audience string    // aud: whom it was made for
	Nonce    string    // nonce: which request it answers
	IssuedAt time.Time // iat, whole seconds
	Hash     [32]byte  // sd_hash, see [Credential.Hash]
	// TransactionDataHashes are the SHA-256 hashes of the transaction_data strings that the holder agreed to. Nil if the
	// wallet signed none.
	TransactionDataHashes [][32]byte
	// TransactionDataHashesAlg is "sha-256", or "" where the token has none, which means the same.
	TransactionDataHashesAlg string
	// Expires and NotBefore are exp and nbf, which a wallet may add. Zero if absent. Written if set.
	Expires, NotBefore time.Time
}

func (kb KB) encode() ([]byte, error) {
	if kb.Audience == "" || kb.Nonce == "" || kb.IssuedAt.IsZero() {
		return nil, fmt.Errorf("%w: audience, nonce and time are required", ErrKeyBinding)
	}
	if alg := kb.TransactionDataHashesAlg; alg != "" && alg != "sha-256" {
		return nil, fmt.Errorf("%w: transaction data", ErrHashAlgorithm)
	}
	if n := len(kb.TransactionDataHashes); n > MaxTransactions || n == 0 && kb.TransactionDataHashesAlg != "" {
		return nil, fmt.Errorf("%w: not 1 to %d transaction data hashes", ErrKeyBinding, MaxTransactions)
	}
	m := map[string]any{
		"aud":     kb.Audience,
		"nonce":   kb.Nonce,
		"iat":     kb.IssuedAt.Unix(),
		"sd_hash": jose.EncodeSegment(kb.Hash[:]),
	}
	if len(kb.TransactionDataHashes) > 0 {
		var hashes []string
		for _, h := range kb.TransactionDataHashes {
			hashes = append(hashes, jose.EncodeSegment(h[:]))
		}
		m["transaction_data_hashes"] = hashes
	}
	if kb.TransactionDataHashesAlg != "" {
		m["transaction_data_hashes_alg"] = kb.TransactionDataHashesAlg
	}
	if !kb.Expires.IsZero() {
		m["exp"] = kb.Expires.Unix()
	}
	if !kb.NotBefore.IsZero() {
		m["nbf"] = kb.NotBefore.Unix()
	}
	return encode(m)
}

// VerifyKeyBinding checks that kbJWT is a key-binding JWT (typ kb+jwt) signed by key and returns what it says. It does not
// know what it was made for: audience, nonce, time, hash and transaction data are the caller's to compare. It needs no
// SD-JWT, so that a ledger can check a payment by the key and the token alone.
//
// It returns an error that wraps [ErrKeyBinding] or [ErrHashAlgorithm] for a malformed one, and [ErrHolder] if the signature is not key's.
func VerifyKeyBinding(kbJWT string, key jose.Key) (KB, error) {
	j, err := jose.Parse(kbJWT)
	if err != nil {
		return KB{}, fmt.Errorf("%w: %w", ErrKeyBinding, err)
	}
	if j.Header.Type != typeKB {
		return KB{}, fmt.Errorf("%w: typ is not kb+jwt", ErrKeyBinding)
	}
	if err := j.Verify(key); err != nil {
		return KB{}, fmt.Errorf("%w: %w", ErrHolder, err)
	}
	return parseKeyBinding(j.Payload)
}

func parseKeyBinding(payload []byte) (kb KB, err error) {
	m, err := jose.ParseObject(payload)
	if err != nil {
		return kb, fmt.Errorf("%w: %w", ErrKeyBinding, err)
	}
	// Section 4.3: aud is a single string, and all four are required.
	if kb.Audience, err = text(m, "aud"); err != nil {
		return kb, err
	}
	if kb.Nonce, err = text(m, "nonce"); err != nil {
		return kb, err
	}
	hash, err := text(m, "sd_hash")
	if err != nil {
		return kb, err
	}
	if kb.Hash, err = parseHash(hash); err != nil {
		return kb, fmt.Errorf("%w: sd_hash: %w", ErrKeyBinding, err)
	}
	for name, to := range map[string]*time.Time{"iat": &kb.IssuedAt, "exp": &kb.Expires, "nbf": &kb.NotBefore} {
		if _, ok := m[name]; !ok {
			continue
		}
		var n json.Number
		if err := json.Unmarshal(m[name], &n); err != nil || m[name][0] == '"' {
			return kb, fmt.Errorf("%w: %s is not a number", ErrKeyBinding, name)
		}
		if *to, err = numericDate(n); err != nil {
			return kb, fmt.Errorf("%w: %s: %w", ErrKeyBinding, name, err)
		}
	}
	if kb.IssuedAt.IsZero() {
		return kb, fmt.Errorf("%w: no iat", ErrKeyBinding)
	}
	if _, ok := m["transaction_data_hashes_alg"]; ok {
		if kb.TransactionDataHashesAlg, err = text(m, "transaction_data_hashes_alg"); err != nil {
			return kb, err
		}
		if kb.TransactionDataHashesAlg != "sha-256" {
			return kb, fmt.Errorf("%w: transaction data", ErrHashAlgorithm)
		}
	}
	raw, ok := m["transaction_data_hashes"]
	if !ok {
		if kb.TransactionDataHashesAlg != "" {
			return kb, fmt.Errorf("%w: an algorithm without transaction data hashes", ErrKeyBinding)
		}
		return kb, nil
	}
	var hashes []*string
	if err := json.Unmarshal(raw, &hashes); err != nil || len(hashes) == 0 || len(hashes) > MaxTransactions {
		return kb, fmt.Errorf("%w: not 1 to %d transaction data hashes", ErrKeyBinding, MaxTransactions)
	}
	for _, s := range hashes {
		if s == nil {
			return kb, fmt.Errorf("%w: a transaction data hash is null", ErrKeyBinding)
		}
		h, err := parseHash(*s)
		if err != nil {
			return kb, fmt.Errorf("%w: transaction data: %w", ErrKeyBinding, err)
		}
		kb.TransactionDataHashes = append(kb.TransactionDataHashes, h)
	}
	return kb, nil
}

func text(m map[string]json.RawMessage, name string) (string, error) {
	var s *string
	if err := json.Unmarshal(m[name], &s); err != nil || s == nil || *s == "" {
		return "", fmt.Errorf("%w: %s is not a string", ErrKeyBinding, name)
	}
	return *s, nil
}

func parseHash(s string) (h [32]byte, err error) {
	b, err := jose.DecodeSegment(s)
	if err != nil || len(b) != len(h) {
		return h, errors.New("not 32 bytes of base64url")
	}
	copy(h[:], b)
	return h, nil
}

// numericDate reads seconds since 1970 (RFC 7519, Section 2) up to the year 9999; a fraction is cut off.
func numericDate(n json.Number) (time.Time, error) {
	s, err := n.Int64()
	if err != nil {
		f, err := n.Float64()
		if err != nil || !(f >= 0 && f < maxDate) {
			return time.Time{}, errors.New("not a date")
		}
		s = int64(f)
	}
	if s < 0 || s >= maxDate {
		return time.Time{}, errors.New("not a date")
	}
	return time.Unix(s, 0).UTC(), nil
}

const maxDate = 253402300800 // the year 10000
