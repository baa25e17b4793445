package purse

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"

	"kindpakket/credential/bbs/curve"

	"github.com/tyler-smith/go-bip39"
)

// Seed is the 64-byte BIP-39 seed of a wallet's words. Everything long-lived follows from it. It prints as [redacted].
type Seed [64]byte

// NewWords makes twelve words from 16 bytes of random, which should be crypto/rand's Reader.
func NewWords(random io.Reader) (string, error) {
	var entropy [16]byte
	if _, err := io.ReadFull(random, entropy[:]); err != nil {
		return "", fmt.Errorf("drawing words: %w", err)
	}
	words, err := bip39.NewMnemonic(entropy[:])
	if err != nil {
		return "", fmt.Errorf("making words: %w", err)
	}
	return words, nil
}

// ParseWords makes the seed of BIP-39 words, with the empty passphrase. It refuses words whose checksum is wrong and
// does not say which.
func ParseWords(words string) (Seed, error) {
	b, err := bip39.NewSeedWithErrorChecking(words, "")
	if err != nil {
		return Seed{}, fmt.Errorf("reading words: %w", ErrParse)
	}
	return Seed(b), nil
}

// Holder derives and proves for one seed under one mint key. It prints as [redacted].
type Holder struct {
	key    *Key
	seed   Seed
	s      []byte // HKDF-Extract("KPB1", seed)
	header [sha256.Size]byte
	h      curve.Scalar
}

// NewHolder is the holder of seed under key.
func NewHolder(seed Seed, key *Key) *Holder {
	h := &Holder{key: key, seed: seed, s: extract("KPB1", seed[:]), header: sha256.Sum256(key.header.Bytes())}
	h.h = h.prf("holder", make([]byte, 4))
	return h
}

// Key is the mint key under which the holder acts.
func (h *Holder) Key() *Key { return h.key }

// extract is HKDF-Extract with SHA-256.
func extract(salt string, ikm []byte) []byte {
	prk, err := hkdf.Extract(sha256.New, ikm, []byte(salt))
	if err != nil {
		panic("purse: HKDF-Extract: " + err.Error()) // only for a key too short for FIPS mode
	}
	return prk
}

// expand is HKDF-Expand with SHA-256.
func expand(prk []byte, info []byte, n int) []byte {
	out, err := hkdf.Expand(sha256.New, prk, string(info), n)
	if err != nil {
		panic("purse: HKDF-Expand: " + err.Error()) // only for a length beyond 8160 bytes
	}
	return out
}

// label is what every derivation from S is for: "KPB1_" || label || 0x00 || SHA-256(header) || ctx.
func (h *Holder) label(label string, ctx []byte) []byte {
	info := append([]byte("KPB1_"+label), 0)
	info = append(info, h.header[:]...)
	return append(info, ctx...)
}

// prf is prf(label, ctx) of Section 3.
func (h *Holder) prf(label string, ctx []byte) curve.Scalar {
	return curve.WideScalar(expand(h.s, h.label(label, ctx), 48))
}

// counted is I8(len(b)) || b.
func counted(b []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(len(b))), b...)
}

// first is k*_0 and w_0 of an issue.
func (h *Holder) first(issueID []byte) (k, w curve.Scalar) {
	return h.prf("serial0", counted(issueID)), h.prf("blind0", counted(issueID))
}

// next is k' and w' of the purse that follows a spend.
func (h *Holder) next(n Serial, s uint64, bind Bind) (k, w curve.Scalar) {
	ctx := binary.BigEndian.AppendUint64(n[:len(n):len(n)], s)
	ctx = append(ctx, bind[:]...)
	return h.prf("serial", ctx), h.prf("blind", ctx)
}

// BoxKey is the AES-256-GCM key of the box in the ISSUE entry of issueID (docs/spec/ledger-entry.md, Section 1). The
// wallet sends it with its request; it opens that one box and nothing else.
func (h *Holder) BoxKey(issueID []byte) [32]byte {
	return [32]byte(expand(h.s, h.label("box", issueID), 32))
}

// CardSecrets are what the entitlement credential issued beside a purse hides: the holder secret h, which is its
// committed message, and the factor that blinds the commitment. Both are 32 bytes and secret.
func (h *Holder) CardSecrets(issueID []byte) (message, blind []byte) {
	check := h.prf("check", counted(issueID))
	return curve.AppendScalar(nil, &h.h), curve.AppendScalar(nil, &check)
}

// nonces draws the fresh values of a proof (Section 3): from 32 random bytes hedged with the seed and the statement, so
// that a random source that repeats itself does not give two statements the same nonces.
type nonces struct {
	prk       []byte
	statement []byte
	i         uint32
}

func (h *Holder) nonces(random io.Reader, statement []byte) (*nonces, error) {
	ikm := make([]byte, len(h.seed)+32)
	copy(ikm, h.seed[:])
	if _, err := io.ReadFull(random, ikm[len(h.seed):]); err != nil {
		return nil, fmt.Errorf("drawing nonces: %w", err)
	}
	return &nonces{prk: extract("KPB1-nonce", ikm), statement: statement}, nil
}

func (n *nonces) next() curve.Scalar {
	info := binary.BigEndian.AppendUint32(n.statement[:len(n.statement):len(n.statement)], n.i)
	n.i++
	return curve.WideScalar(expand(n.prk, info, 48))
}

// nonZero draws again where a zero came.
func (n *nonces) nonZero() curve.Scalar {
	for {
		if x := n.next(); !x.IsZero() {
			return x
		}
	}
}

func (Seed) String() string               { return redacted }
func (Seed) GoString() string             { return redacted }
func (Seed) Format(f fmt.State, _ rune)   { f.Write([]byte(redacted)) }
func (Seed) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (Seed) LogValue() slog.Value         { return slog.StringValue(redacted) }

func (*Holder) String() string               { return redacted }
func (*Holder) GoString() string             { return redacted }
func (*Holder) Format(f fmt.State, _ rune)   { f.Write([]byte(redacted)) }
func (*Holder) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (*Holder) LogValue() slog.Value         { return slog.StringValue(redacted) }
