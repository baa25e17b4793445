package purse

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"kindpakket/credential/budget"
)

// Sizes of the box in an ISSUE entry, in bytes (docs/spec/ledger-entry.md, Section 1).
const (
	CardSize = 80                             // the blind BBS signature of the card issued beside the purse
	BoxSize  = 8 + AnswerSize + CardSize + 16 // amount, answer, card, tag of AES-GCM
)

// SealBox encrypts amount, answer and card for the holder whose [Holder.BoxKey] came with the request, so that the words
// alone bring them back. A key seals one box: the nonce is zero.
func SealBox(key [32]byte, amount budget.Cents, answer Answer, card []byte) ([]byte, error) {
	if amount < 1 || amount > MaxBalance {
		return nil, fmt.Errorf("sealing box: %w", ErrRange)
	}
	if len(card) != CardSize {
		return nil, fmt.Errorf("sealing box: %w", ErrParse)
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(amount))
	plain = append(plain, answer.Bytes()...)
	plain = append(plain, card...)
	gcm := boxCipher(key)
	return gcm.Seal(nil, make([]byte, gcm.NonceSize()), plain, nil), nil
}

// OpenBox is the reverse of [SealBox]. It says nothing about what the answer signs.
func OpenBox(key [32]byte, box []byte) (amount budget.Cents, answer Answer, card []byte, err error) {
	if len(box) != BoxSize {
		return 0, Answer{}, nil, fmt.Errorf("opening box: %w", ErrParse)
	}
	gcm := boxCipher(key)
	plain, err := gcm.Open(nil, make([]byte, gcm.NonceSize()), box, nil)
	if err != nil {
		return 0, Answer{}, nil, fmt.Errorf("opening box: %w", ErrParse)
	}
	v := binary.BigEndian.Uint64(plain)
	if v < 1 || v > uint64(MaxBalance) {
		return 0, Answer{}, nil, fmt.Errorf("opening box: %w", ErrRange)
	}
	answer, err = ParseAnswer(plain[8 : 8+AnswerSize])
	if err != nil {
		return 0, Answer{}, nil, fmt.Errorf("opening box: %w", err)
	}
	return budget.Cents(v), answer, plain[8+AnswerSize:], nil
}

func boxCipher(key [32]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("purse: AES with a key of 32 bytes: " + err.Error())
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("purse: GCM: " + err.Error())
	}
	return gcm
}
