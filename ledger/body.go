package ledger

import (
	"fmt"

	"kindpakket/credential/jose"
)

// SignedBody is the body of a municipal entry: a compact JWS over a [Statement].
type SignedBody struct {
	JWS string `json:"jws"`
}

// SpendBody is the body of a spend: the shop's signed order, and the holder's proof for it. Exactly one of Purse and
// Account is there.
type SpendBody struct {
	Order   string        `json:"order"`
	Purse   string        `json:"purse,omitempty"` // the spend proof of docs/spec/purse.md, base64url
	Account *AccountProof `json:"account,omitempty"`
}

// AccountProof is the key of an account and its key binding JWT (RFC 9901, Section 4.3) over the order.
type AccountProof struct {
	JWK   jose.Key `json:"jwk"`
	KBJWT string   `json:"kb_jwt"`
}

// OrderBody is the body of a return and of a top-up: a signed order, and for a purse the holder's proof.
type OrderBody struct {
	Order string `json:"order"`
	Purse string `json:"purse,omitempty"`
}

// StateBody is the body of a state entry: the digest of everything the rules remember, as it was before this entry.
type StateBody struct {
	Rule   int    `json:"rule"`   // version of the rules
	Digest Hash   `json:"digest"` // see package rule
	Salt   string `json:"salt"`   // 16 bytes, base64url; makes the leaf hash unguessable
}

// NewCommand encodes body, one of the body types above, as a command of this kind.
func NewCommand(kind Kind, body any) (Command, error) {
	b, err := encode(body)
	if err != nil {
		return Command{}, fmt.Errorf("encoding %s: %w", kind, err)
	}
	return Command{Kind: kind, Body: b}, nil
}

// ParseBody reads the body of c as a T. It accepts only the one encoding; an unknown member is refused.
func ParseBody[T SignedBody | SpendBody | OrderBody | StateBody](c Command) (T, error) {
	var b T
	if len(c.Body) > MaxEntry {
		return b, fmt.Errorf("%w: body larger than %d bytes", ErrEntry, MaxEntry)
	}
	if err := decodeExact(c.Body, &b); err != nil {
		return b, fmt.Errorf("%w: body: %w", ErrEntry, err)
	}
	return b, nil
}

// MarshalText writes h as [Hash.String] does.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (h *Hash) UnmarshalText(b []byte) error {
	parsed, err := ParseHash(string(b))
	if err == nil {
		*h = parsed
	}
	return err
}
