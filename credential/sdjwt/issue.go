package sdjwt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"kindpakket/credential/jose"
)

// MaxDecoys is the largest number of decoys in one SD-JWT.
const MaxDecoys = 256

// Template is what an issuer signs.
type Template struct {
	// Header holds x5c or kid. Its Type is typ; empty means [VC].
	Header jose.Header
	// Claims is the payload as it would be with nothing hidden: anything that encoding/json writes as an object. It has vct if
	// the type is VC, and no cnf.
	Claims map[string]any
	// Holder is written as cnf.jwk. The zero Key leaves it out.
	Holder jose.Key
	// Hide are the paths that the holder may keep back. A nil step hides every element of an array by itself. A path inside
	// another hidden one makes a recursive disclosure (RFC 9901, Section 4.2.6). Each must exist.
	Hide []Path
	// Decoys adds digests of nothing (RFC 9901, Section 4.2.5), so that the number of digests does not tell how much there is.
	Decoys []Decoys
}

// Decoys is a number of decoy digests in each object or array at At.
type Decoys struct {
	At    Path
	Count int
}

// Issue signs t with s. Salts of 128 bits and decoys come from rand; equal bytes make an equal payload. The digests of an
// object are sorted, so that their order tells nothing (Section 4.2.4.1), and decoys stand at random places of an array.
//
// It returns an error if a path does not exist, if the claims use a reserved name, and for a VC if vct is missing or a claim
// that must stand open would be hidden.
func Issue(rand io.Reader, s jose.Signer, t Template) (*Credential, error) {
	header := t.Header
	if header.Type == "" {
		header.Type = VC
	}
	payload, err := t.payload()
	if err != nil {
		return nil, fmt.Errorf("issuing: %w", err)
	}
	if vct, _ := payload["vct"].(string); header.Type == VC && vct == "" {
		return nil, errors.New("issuing: no vct")
	}
	b := builder{rand: rand, hide: t.Hide, hidden: make([]bool, len(t.Hide)), decoys: t.Decoys, placed: make([]bool, len(t.Decoys))}
	if err := b.check(); err != nil {
		return nil, fmt.Errorf("issuing: %w", err)
	}
	v, err := b.build(payload, nil)
	if err != nil {
		return nil, fmt.Errorf("issuing: %w", err)
	}
	payload = v.(map[string]any)
	if i := slices.Index(b.hidden, false); i >= 0 {
		return nil, fmt.Errorf("issuing: hiding %s: nothing is there", t.Hide[i])
	}
	if i := slices.Index(b.placed, false); i >= 0 {
		return nil, fmt.Errorf("issuing: decoys at %s: neither an object nor an array is there", t.Decoys[i].At)
	}
	if len(t.Hide)+len(t.Decoys) > 0 {
		payload["_sd_alg"] = "sha-256"
	}
	raw, err := encode(payload)
	if err != nil {
		return nil, fmt.Errorf("issuing: %w", err)
	}
	token, err := jose.Sign(s, header, raw)
	if err != nil {
		return nil, fmt.Errorf("issuing: %w", err)
	}
	text := token + "~"
	for _, d := range b.disclosures {
		text += d + "~"
	}
	// What we could not read ourselves we do not hand out.
	c, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("issuing: %w", err)
	}
	return c, nil
}

// payload returns a copy of the claims as JSON has them, with cnf.
func (t Template) payload() (map[string]any, error) {
	raw, err := encode(t.Claims)
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	v, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	payload, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("no claims")
	}
	if reserved(payload) {
		return nil, errors.New("the claims use a reserved name")
	}
	if _, ok := payload["cnf"]; ok {
		return nil, errors.New("the claims have a cnf")
	}
	if !t.Holder.IsZero() {
		jwk, err := decode(t.Holder.JWK())
		if err != nil {
			return nil, err
		}
		payload["cnf"] = map[string]any{"jwk": jwk}
	}
	return payload, nil
}

func reserved(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if name == "_sd" || name == "..." || name == "_sd_alg" || reserved(member) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, reserved)
	}
	return false
}

// builder turns the claims into a payload and disclosures, the inside before the outside, so that what is hidden takes what is
// hidden in it along.
type builder struct {
	rand        io.Reader
	hide        []Path
	hidden      []bool // which of hide were found
	decoys      []Decoys
	placed      []bool // which of decoys were found
	disclosures []string
}

func (b *builder) check() error {
	for _, path := range b.hide {
		if err := path.check(); err != nil {
			return err
		}
		if len(path) == 0 {
			return errors.New("the whole cannot be hidden")
		}
	}
	count := 0
	for _, d := range b.decoys {
		if err := d.At.check(); err != nil {
			return err
		}
		if d.Count < 1 || d.Count > MaxDecoys {
			return fmt.Errorf("decoys at %s: not 1 to %d", d.At, MaxDecoys)
		}
		count += d.Count
	}
	if count > MaxDecoys {
		return fmt.Errorf("more than %d decoys", MaxDecoys)
	}
	return nil
}

// build returns what stands for v, which is at path, in the payload.
func (b *builder) build(v any, path Path) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		return b.object(v, path)
	case []any:
		return b.array(v, path)
	}
	return v, nil
}

func (b *builder) object(m map[string]any, path Path) (any, error) {
	out := map[string]any{}
	var sd []string
	// In a fixed order, so that equal randomness makes an equal payload.
	for _, name := range slices.Sorted(maps.Keys(m)) {
		at := append(slices.Clip(path), name)
		v, err := b.build(m[name], at)
		if err != nil {
			return nil, err
		}
		if !b.hides(at) {
			out[name] = v
			continue
		}
		hash, err := b.disclose(name, v)
		if err != nil {
			return nil, err
		}
		sd = append(sd, hash)
	}
	for range b.count(path) {
		hash, err := b.decoy()
		if err != nil {
			return nil, err
		}
		sd = append(sd, hash)
	}
	if len(sd) > 0 {
		slices.Sort(sd)
		out["_sd"] = sd
	}
	return out, nil
}

func (b *builder) array(list []any, path Path) (any, error) {
	out := []any{}
	for i, v := range list {
		at := append(slices.Clip(path), i)
		v, err := b.build(v, at)
		if err != nil {
			return nil, err
		}
		if b.hides(at) {
			hash, err := b.disclose(nil, v)
			if err != nil {
				return nil, err
			}
			v = map[string]any{"...": hash}
		}
		out = append(out, v)
	}
	for range b.count(path) {
		hash, err := b.decoy()
		if err != nil {
			return nil, err
		}
		var random [8]byte
		if _, err := io.ReadFull(b.rand, random[:]); err != nil {
			return nil, fmt.Errorf("placing decoy: %w", err)
		}
		at := binary.BigEndian.Uint64(random[:]) % uint64(len(out)+1)
		out = slices.Insert(out, int(at), any(map[string]any{"...": hash}))
	}
	return out, nil
}

// hides reports whether a path of the template is at, and notes that it was found.
func (b *builder) hides(at Path) bool {
	found := false
	for i, path := range b.hide {
		if len(path) == len(at) && path.touches(at) {
			b.hidden[i], found = true, true
		}
	}
	return found
}

// count returns how many decoys the template wants at a place.
func (b *builder) count(at Path) int {
	n := 0
	for i, d := range b.decoys {
		if len(d.At) == len(at) && d.At.touches(at) {
			b.placed[i] = true
			n += d.Count
		}
	}
	return n
}

// decoy returns the hash of random bytes (Section 4.2.5).
func (b *builder) decoy() (string, error) {
	var random [32]byte
	if _, err := io.ReadFull(b.rand, random[:]); err != nil {
		return "", fmt.Errorf("drawing decoy: %w", err)
	}
	sum := sha256.Sum256(random[:])
	return jose.EncodeSegment(sum[:]), nil
}

// disclose makes the disclosure of a member, or of an array element if name is nil, and returns its digest.
func (b *builder) disclose(name, v any) (string, error) {
	var salt [16]byte
	if _, err := io.ReadFull(b.rand, salt[:]); err != nil {
		return "", fmt.Errorf("drawing salt: %w", err)
	}
	list := []any{jose.EncodeSegment(salt[:]), v}
	if name != nil {
		list = []any{list[0], name, v}
	}
	raw, err := encode(list)
	if err != nil {
		return "", err
	}
	text := jose.EncodeSegment(raw)
	b.disclosures = append(b.disclosures, text)
	return digest(text), nil
}

func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
