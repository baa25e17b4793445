package status

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"kindpakket/credential/jose"
)

const (
	// MaxList is the size of the largest list, in bytes before compression: 8 388 608 statuses of 1 bit, 1 048 576 of 8 bits.
	MaxList = 1 << 20
	// MaxIndex is the largest index that a list of 1 bit can hold.
	MaxIndex = 8*MaxList - 1
)

var (
	// ErrMalformed is returned for what is not a status list, a token around one, or a reference to one.
	ErrMalformed = errors.New("malformed status list")
	// ErrIndex is returned for an index outside the list. Nothing is known about such a credential, and it must be refused
	// (draft -20, Section 8.3).
	ErrIndex = errors.New("index is outside the status list")
	// ErrFull is returned by [Allocate] when no index is left.
	ErrFull = errors.New("status list is full")
)

// Value is the status of one credential (draft -20, Section 7.1).
type Value uint8

// The registered values. All others are to be treated as not valid.
const (
	Valid     Value = 0
	Invalid   Value = 1 // revoked
	Suspended Value = 2
)

// List is the statuses of many credentials. It is not safe for concurrent use.
type List struct {
	bits int
	data []byte
}

// New returns a list of 1 bit with n statuses, all [Valid], rounded up to whole bytes. Choose n for the years ahead: a list
// that is mostly unused compresses to almost nothing, and does not tell how many credentials there are.
func New(n int) (*List, error) {
	if n < 1 || n > MaxIndex+1 {
		return nil, fmt.Errorf("making status list: not 1 to %d statuses", MaxIndex+1)
	}
	return &List{bits: 1, data: make([]byte, (n+7)/8)}, nil
}

// Bits returns the bits of one status: 1, 2, 4 or 8.
func (l *List) Bits() int { return l.bits }

// Len returns the number of statuses.
func (l *List) Len() int { return len(l.data) * 8 / l.bits }

// Get returns the status at index i, and [ErrIndex] if there is none.
func (l *List) Get(i int) (Value, error) {
	if i < 0 || i >= l.Len() {
		return 0, ErrIndex
	}
	at, shift := l.place(i)
	return Value(l.data[at]>>shift) & l.mask(), nil
}

// Set changes the status at index i. It returns [ErrIndex] if there is none, and an error if v needs more bits than the list has.
func (l *List) Set(i int, v Value) error {
	if i < 0 || i >= l.Len() {
		return ErrIndex
	}
	if v > l.mask() {
		return fmt.Errorf("setting status: the list has %d bits", l.bits)
	}
	at, shift := l.place(i)
	l.data[at] = l.data[at]&^(byte(l.mask())<<shift) | byte(v)<<shift
	return nil
}

// place returns the byte of index i and how far up in it the status begins. Section 4.1: from the least significant bit.
func (l *List) place(i int) (at, shift int) { return i * l.bits / 8, i * l.bits % 8 }

func (l *List) mask() Value { return Value(1<<l.bits - 1) }

// Clone returns a copy.
func (l *List) Clone() *List { return &List{l.bits, slices.Clone(l.data)} }

// MarshalJSON writes bits and lst (draft -20, Section 4.2), with the best compression.
func (l *List) MarshalJSON() ([]byte, error) {
	var buf bytes.Buffer
	w, err := zlib.NewWriterLevel(&buf, zlib.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(l.data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	}{l.bits, jose.EncodeSegment(buf.Bytes())})
}

// ParseList reads what MarshalJSON writes. It returns an error that wraps [ErrMalformed] for other bits than 1, 2, 4 and 8, for
// text that is not one zlib stream in base64url, and for an empty list or one longer than [MaxList]. aggregation_uri is ignored.
func ParseList(b []byte) (*List, error) {
	m, err := jose.ParseObject(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	l := &List{}
	switch string(m["bits"]) {
	case "1", "2", "4", "8":
		l.bits = int(m["bits"][0] - '0')
	default:
		return nil, fmt.Errorf("%w: bits is not 1, 2, 4 or 8", ErrMalformed)
	}
	var text string
	if json.Unmarshal(m["lst"], &text) != nil || text == "" {
		return nil, fmt.Errorf("%w: lst is not a string", ErrMalformed)
	}
	packed, err := jose.DecodeSegment(text)
	if err != nil {
		return nil, fmt.Errorf("%w: lst: %w", ErrMalformed, err)
	}
	// A bytes.Reader is read byte by byte, so that what follows the stream is left in it.
	r := bytes.NewReader(packed)
	z, err := zlib.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w: lst is not zlib", ErrMalformed)
	}
	// One byte more than allowed tells too long from long enough, and reading on to the end checks the checksum.
	if l.data, err = io.ReadAll(io.LimitReader(z, MaxList+1)); err != nil {
		return nil, fmt.Errorf("%w: lst is not zlib", ErrMalformed)
	}
	if len(l.data) == 0 || len(l.data) > MaxList || r.Len() > 0 {
		return nil, fmt.Errorf("%w: lst is not one stream of 1 to %d bytes", ErrMalformed, MaxList)
	}
	return l, nil
}

// Allocate returns an index below n that is not used, each with equal probability, drawn from rand: indexes in sequence would
// tell who was given a card together with whom (draft -20, Section 12.5.1). The caller writes it down before the next call; one
// index is never given twice. It returns [ErrFull] if all are used.
func Allocate(rand io.Reader, n int, used func(i int) bool) (int, error) {
	if n < 1 || n > MaxIndex+1 {
		return 0, fmt.Errorf("allocating status: not 1 to %d", MaxIndex+1)
	}
	for range 32 {
		i, err := below(rand, n)
		if err != nil {
			return 0, fmt.Errorf("allocating status: %w", err)
		}
		if !used(i) {
			return i, nil
		}
	}
	// The list is nearly full: choose among what is left.
	var free []int
	for i := range n {
		if !used(i) {
			free = append(free, i)
		}
	}
	if len(free) == 0 {
		return 0, ErrFull
	}
	i, err := below(rand, len(free))
	if err != nil {
		return 0, fmt.Errorf("allocating status: %w", err)
	}
	return free[i], nil
}

// below returns a number in [0, n), all equally likely but for one part in 2⁴⁰.
func below(rand io.Reader, n int) (int, error) {
	var b [8]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint64(b[:]) % uint64(n)), nil
}
