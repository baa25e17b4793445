package curve

import (
	"crypto/sha256"
	"crypto/sha3"
	"encoding/binary"
	"errors"
	"sync"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/hash_to_curve"
)

// Suite is one of the two ciphersuites of the BBS draft (Section 6.2). Use [SHA256] or [SHAKE256].
type Suite struct {
	id     string
	expand func(msg, dst []byte, n int) []byte
	p1     func() Point

	mu         sync.Mutex            // guards generators
	generators map[string]*generator // by api_id
}

// generator is the state of create_generators for one api_id: what was made so far, and v to go on from.
type generator struct {
	points []Point
	bases  []*Base
	v      []byte
}

// SHA256 is the suite BBS_BLS12381G1_XMD:SHA-256_SSWU_RO_.
var SHA256 = newSuite("BBS_BLS12381G1_XMD:SHA-256_SSWU_RO_", expandXMD)

// SHAKE256 is the suite BBS_BLS12381G1_XOF:SHAKE-256_SSWU_RO_.
var SHAKE256 = newSuite("BBS_BLS12381G1_XOF:SHAKE-256_SSWU_RO_", expandXOF)

func newSuite(id string, expand func(msg, dst []byte, n int) []byte) *Suite {
	s := &Suite{id: id, expand: expand, generators: make(map[string]*generator)}
	s.p1 = sync.OnceValue(func() Point {
		points, _ := s.extend(1, nil, id+"H2G_HM2S_SIG_GENERATOR_SEED_", id+"H2G_HM2S_SIG_GENERATOR_DST_",
			s.expand([]byte(id+"H2G_HM2S_BP_MESSAGE_GENERATOR_SEED"), []byte(id+"H2G_HM2S_SIG_GENERATOR_SEED_"), expandLen))
		return points[0]
	})
	return s
}

// expandLen is expand_len of both suites: 48 bytes.
const expandLen = 48

// MaxDST is the longest domain separation tag, in bytes (RFC 9380, Section 5.3.3 is not needed below it).
const MaxDST = 255

// ID is the ciphersuite_id.
func (s *Suite) ID() string { return s.id }

// P1 is the fixed point P1 of the suite.
func (s *Suite) P1() Point { return s.p1() }

// Expand is expand_message of the suite (RFC 9380, Section 5.3). It panics if n or dst is longer than the standard
// allows: both are chosen by the program, never by a stranger.
func (s *Suite) Expand(msg, dst []byte, n int) []byte { return s.expand(msg, dst, n) }

// HashToScalar is hash_to_scalar (BBS draft, Section 4.2.2).
func (s *Suite) HashToScalar(msg, dst []byte) Scalar {
	return WideScalar(s.expand(msg, dst, expandLen))
}

// HashToPoint is hash_to_curve_g1 of the suite (RFC 9380, Section 3).
func (s *Suite) HashToPoint(msg, dst []byte) Point {
	const l = 64 // L of RFC 9380, Section 8.8.1
	u := s.expand(msg, dst, 2*l)
	var sum bls12381.G1Jac
	for i := range 2 {
		var e fp.Element
		e.SetBytes(u[i*l : (i+1)*l])
		q := bls12381.MapToCurve1(&e)
		hash_to_curve.G1Isogeny(&q.X, &q.Y)
		var j bls12381.G1Jac
		sum.AddAssign(j.FromAffine(&q))
	}
	sum.ClearCofactor(&sum)
	var p Point
	p.FromJacobian(&sum)
	return p
}

// Generators is create_generators(count, apiID) (BBS draft, Section 4.1.1). The points are kept, so that asking again
// is free; the caller must not change them.
func (s *Suite) Generators(count int, apiID string) []Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.generators[apiID]
	if g == nil {
		g = &generator{v: s.expand([]byte(apiID+"MESSAGE_GENERATOR_SEED"), []byte(apiID+"SIG_GENERATOR_SEED_"), expandLen)}
		s.generators[apiID] = g
	}
	if len(g.points) < count {
		g.points, g.v = s.extend(count, g.points, apiID+"SIG_GENERATOR_SEED_", apiID+"SIG_GENERATOR_DST_", g.v)
	}
	return g.points[:count:count]
}

// Bases is [Suite.Generators], prepared for [Evaluate]. They too are kept.
func (s *Suite) Bases(count int, apiID string) []*Base {
	points := s.Generators(count, apiID)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.generators[apiID]
	if have := len(g.bases); have < count {
		g.bases = append(g.bases[:have:have], FixedBases(points[have:]...)...)
	}
	return g.bases[:count:count]
}

// extend makes generators until there are count. v is the expansion after the last one made.
func (s *Suite) extend(count int, made []Point, seedDST, dst string, v []byte) ([]Point, []byte) {
	points := make([]Point, len(made), count)
	copy(points, made)
	for i := len(made) + 1; i <= count; i++ {
		v = s.expand(binary.BigEndian.AppendUint64(v[:len(v):len(v)], uint64(i)), []byte(seedDST), expandLen)
		points = append(points, s.HashToPoint(v, []byte(dst)))
	}
	return points, v
}

// Domain is calculate_domain (BBS draft, Section 4.2.3) for the encoded public key, Q_1 and the message generators.
func (s *Suite) Domain(publicKey []byte, q1 Point, generators []Point, header []byte, apiID string) Scalar {
	in := make([]byte, 0, len(publicKey)+16+(len(generators)+1)*PointSize+len(apiID)+len(header))
	in = append(in, publicKey...)
	in = binary.BigEndian.AppendUint64(in, uint64(len(generators)))
	in = AppendPoint(in, &q1)
	for i := range generators {
		in = AppendPoint(in, &generators[i])
	}
	in = append(in, apiID...)
	in = binary.BigEndian.AppendUint64(in, uint64(len(header)))
	in = append(in, header...)
	return s.HashToScalar(in, []byte(apiID+"H2S_"))
}

// AppendPoint appends the 48-byte compressed encoding of p.
func AppendPoint(b []byte, p *Point) []byte {
	enc := p.Bytes()
	return append(b, enc[:]...)
}

// AppendScalar appends the 32-byte big endian encoding of x.
func AppendScalar(b []byte, x *Scalar) []byte {
	enc := x.Bytes()
	return append(b, enc[:]...)
}

var errExpand = errors.New("curve: expand_message with a length or tag beyond RFC 9380")

// expandXMD is expand_message_xmd with SHA-256 (RFC 9380, Section 5.3.1).
func expandXMD(msg, dst []byte, n int) []byte {
	ell := (n + sha256.Size - 1) / sha256.Size
	if ell > 255 || n > 65535 || len(dst) > MaxDST {
		panic(errExpand)
	}
	tail := append(dst[:len(dst):len(dst)], byte(len(dst)))
	h := sha256.New()
	h.Write(make([]byte, sha256.BlockSize)) // Z_pad
	h.Write(msg)
	h.Write([]byte{byte(n >> 8), byte(n), 0})
	h.Write(tail)
	b0 := h.Sum(nil)
	out := make([]byte, 0, ell*sha256.Size)
	prev := make([]byte, sha256.Size)
	for i := 1; i <= ell; i++ {
		h.Reset()
		for j := range prev {
			prev[j] ^= b0[j]
		}
		h.Write(prev)
		h.Write([]byte{byte(i)})
		h.Write(tail)
		prev = h.Sum(prev[:0])
		out = append(out, prev...)
	}
	return out[:n]
}

// expandXOF is expand_message_xof with SHAKE-256 (RFC 9380, Section 5.3.2).
func expandXOF(msg, dst []byte, n int) []byte {
	if n > 65535 || len(dst) > MaxDST {
		panic(errExpand)
	}
	h := sha3.NewSHAKE256()
	h.Write(msg)
	h.Write([]byte{byte(n >> 8), byte(n)})
	h.Write(dst)
	h.Write([]byte{byte(len(dst))})
	out := make([]byte, n)
	h.Read(out)
	return out
}
