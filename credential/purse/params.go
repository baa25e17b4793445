package purse

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"

	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
)

// Sizes and limits of KPB1 (docs/spec/purse.md).
const (
	Bits        = 20                      // L: digits of a balance
	MaxBalance  = budget.Cents(1<<20 - 1) // € 10 485.75
	RequestSize = 176                     // bytes of a [Request]
	AnswerSize  = 80                      // bytes of an [Answer]
	SpendSize   = 1288                    // bytes of the proof of a purchase, roll-over or top-up
	ReturnSize  = 1384                    // bytes of the proof of a return
	MinIssueID  = 16                      // bytes of an issue id, at least
	MaxIssueID  = 256                     // bytes of an issue id, at most
	MaxName     = 1024                    // bytes of each part of a [Header]
)

// apiID is the identifier of KPB1 as a BBS interface (Section 1).
const apiID = "BBS_BLS12381G1_XMD:SHA-256_SSWU_RO_KPB1_"

// Tags after apiID.
const (
	tagIssue  = "ISSUE_"
	tagSpend  = "SPEND_"
	tagReturn = "RETURN_"
	tagSerial = "SERIAL_"
	tagE      = "E_"
)

// The first reason for which something is refused, in the order in which the checks are made (Section 5). Every error
// of a parser or verifier of this package wraps one of them.
var (
	ErrParse     = errors.New("malformed")                               // length, encoding, subgroup, identity, a zero where none may be
	ErrRange     = errors.New("amount or balance out of range")          // beyond MaxBalance
	ErrAmount    = errors.New("amount does not fit the kind of order")   // zero in a purchase, not zero elsewhere
	ErrChallenge = errors.New("proof does not verify: challenge")        // the recomputed challenge differs
	ErrPairing   = errors.New("signature of the mint does not verify")   // the pairing equation fails
	ErrMint      = errors.New("value belongs to another mint or header") // mixed up by the caller
)

// Header names a budget: the ledger's origin line, the fund's id and the id of its period.
type Header struct{ Origin, Fund, Period string }

// Bytes is the header as it is signed: each part with its length before it (Section 1).
func (h Header) Bytes() []byte {
	var out []byte
	for _, part := range []string{h.Origin, h.Fund, h.Period} {
		out = binary.BigEndian.AppendUint64(out, uint64(len(part)))
		out = append(out, part...)
	}
	return out
}

func (h Header) check() error {
	for _, part := range []string{h.Origin, h.Fund, h.Period} {
		if part == "" || len(part) > MaxName {
			return fmt.Errorf("reading header: %w", ErrParse)
		}
	}
	return nil
}

// Serial is the number of a purse, shown once, when the purse is spent: a scalar that is not zero, big endian.
type Serial [32]byte

// Bind is the SHA-256 of the order that a spend pays (docs/spec/ledger-entry.md, Section 2).
type Bind [32]byte

// Kind says what a spend is for. The order decides it, never the proof.
type Kind uint8

const (
	Purchase Kind = iota + 1 // value leaves the purse
	RollOver                 // nothing but a new serial
	Return                   // value flows back for a purchase of the same holder; has the longer proof
	TopUp                    // value flows in from the municipality
)

// String is the kind's word in orders and vectors.
func (k Kind) String() string {
	switch k {
	case Purchase:
		return "purchase"
	case RollOver:
		return "rollover"
	case Return:
		return "return"
	case TopUp:
		return "topup"
	}
	return "unknown"
}

// size is the length of a proof of this kind, or zero.
func (k Kind) size() int {
	switch k {
	case Purchase, RollOver, TopUp:
		return SpendSize
	case Return:
		return ReturnSize
	}
	return 0
}

// parameters are the fixed points of Section 1.
type parameters struct {
	p1, q1         curve.Point
	hv, hk, hr, hh *curve.Base
	g              []*curve.Base // G0 … G19
	gPoints        []curve.Point
	all            []curve.Point // Hv … G19, as they enter the domain
}

// generatorBytes holds P1 and the 25 generators uncompressed, 96 bytes each, so that a phone need not hash them to the
// curve at every start. TestEmbeddedGenerators makes them again.
//
//go:embed generators.bin
var generatorBytes []byte

// params are the fixed points with small tables; wideParams have larger ones, for batches.
var (
	params     = sync.OnceValue(func() *parameters { return newParameters(curve.FixedBases) })
	wideParams = sync.OnceValue(func() *parameters { return newParameters(curve.WideBases) })
)

func newParameters(prepare func(...curve.Point) []*curve.Base) *parameters {
	points := make([]curve.Point, len(generatorBytes)/(2*fp.Bytes))
	for i := range points {
		b := generatorBytes[i*2*fp.Bytes:]
		if points[i].X.SetBytesCanonical(b[:fp.Bytes]) != nil || points[i].Y.SetBytesCanonical(b[fp.Bytes:2*fp.Bytes]) != nil {
			panic("purse: embedded generators are damaged")
		}
	}
	all := points[2:]
	bases := prepare(all...)
	return &parameters{
		p1: points[0], q1: points[1],
		hv: bases[0], hk: bases[1], hr: bases[2], hh: bases[3],
		g: bases[4:], gPoints: all[4:],
		all: all,
	}
}

// hs is Hs of Section 1.
func hs(tag string, msg []byte) curve.Scalar {
	return curve.SHA256.HashToScalar(msg, []byte(apiID+tag))
}

// cents is an amount as a scalar. The caller has checked that it is not negative.
func cents(c budget.Cents) curve.Scalar { return curve.Uint64Scalar(uint64(c)) }

// transcript collects what a challenge is computed from, item by item.
type transcript struct {
	bytes []byte
	omit  *omission
}

func (t *transcript) add(name string, b []byte) {
	if !t.omit.has("hash:" + name) {
		t.bytes = append(t.bytes, b...)
	}
}

func (t *transcript) point(name string, p *curve.Point)   { t.add(name, curve.AppendPoint(nil, p)) }
func (t *transcript) scalar(name string, x *curve.Scalar) { t.add(name, curve.AppendScalar(nil, x)) }

// counted adds b with its length before it.
func (t *transcript) counted(name string, b []byte) {
	t.add(name, append(binary.BigEndian.AppendUint64(nil, uint64(len(b))), b...))
}

// omission names checks to leave out. It is nil outside of tests, which show with it that every check is needed: each
// forgery of the vectors passes when the one check that stops it is left out.
type omission struct {
	checks   map[string]bool
	evaluate func(...*curve.Product) []curve.Point // multiplication that is right outside the subgroup too
}

func (o *omission) has(check string) bool { return o != nil && o.checks[check] }

func (o *omission) sums(products ...*curve.Product) []curve.Point {
	if o != nil && o.evaluate != nil {
		return o.evaluate(products...)
	}
	return curve.Evaluate(products...)
}

// point reads a point of G1, with the checks of [curve.ParsePoint].
func (o *omission) point(b []byte) (curve.Point, error) {
	if o == nil {
		return curve.ParsePoint(b)
	}
	p, err := curve.DecodePoint(b)
	switch {
	case err != nil:
		return p, err
	case p.IsInfinity() && !o.has("identity"):
		return p, curve.ErrIdentity
	case !p.IsInSubGroup() && !o.has("subgroup"):
		return p, curve.ErrSubgroup
	}
	return p, nil
}
