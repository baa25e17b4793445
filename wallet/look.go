package wallet

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
)

// metadata is what this wallet says about itself.
func metadata() *oid4vp.WalletMetadata {
	return &oid4vp.WalletMetadata{
		VPFormats:            oid4vp.Formats(),
		ClientIDPrefixes:     []string{string(oid4vp.X509Hash), string(oid4vp.X509SANDNS)},
		RequestObjectAlgs:    []string{string(jose.ES256)},
		EncryptionAlgs:       []string{"ECDH-ES"},
		EncryptionEncs:       []string{string(jose.A128GCM), string(jose.A256GCM)},
		ResponseModes:        []string{string(oid4vp.DirectPostJWT), string(oid4vp.DirectPost)},
		TransactionDataTypes: []string{budget.OrderType},
	}
}

// Look fetches and checks a request and says what the parent is asked for. Nothing is sent to whoever asks, besides what
// this wallet understands, and nothing is stored.
//
// The request must be signed under an access certificate that leads to the anchors. If it asks for money, the order it
// shows must be the one that its nonce is the hash of, of the shop that the certificate names, not expired, and one that
// a card of this wallet can pay. How much is left is not checked here: the ledger knows, and the card may not.
//
// It returns [ErrRequest], [ErrStranger], [ErrOrder], [ErrWrongShop], [ErrBlind], [ErrExpired], [ErrNoCard] or
// [ErrNetwork].
func (w *Wallet) Look(ctx context.Context, requestURI string) (Consent, error) {
	link, err := oid4vp.ParseLink(requestURI)
	if err != nil {
		return Consent{}, requestError(err)
	}
	object, nonce, err := w.fetchRequest(ctx, link)
	if err != nil {
		return Consent{}, err
	}
	request, err := oid4vp.Policy{ClientID: link.ClientID, WalletNonce: nonce, Now: w.cfg.Now(), Roots: w.cfg.Anchors,
		TransactionTypes: []string{budget.OrderType}}.Verify(string(object))
	if err != nil {
		return Consent{}, requestError(err)
	}
	c := Consent{wallet: w, request: request}
	if c.name, err = certifiedName(request.Chain); err != nil {
		return Consent{}, err
	}
	if err := w.readOrder(&c); err != nil {
		return Consent{}, err
	}
	cards, err := w.Cards()
	if err != nil {
		return Consent{}, err
	}
	if err := w.match(&c, cards); err != nil {
		return Consent{}, err
	}
	return c, nil
}

// fetchRequest returns the request object, and the nonce that must stand in it if it was fetched by POST.
func (w *Wallet) fetchRequest(ctx context.Context, link oid4vp.Link) (object []byte, nonce string, err error) {
	accept := http.Header{"Accept": {oid4vp.RequestMediaType}}
	if link.Method == oid4vp.MethodPost {
		if nonce, err = w.random(16); err != nil {
			return nil, "", err
		}
		values, err := oid4vp.RequestPost{Metadata: metadata(), Nonce: nonce}.Form()
		if err != nil {
			return nil, "", err
		}
		ans, err := w.fetch(ctx, http.MethodPost, link.RequestURI, form, []byte(values.Encode()), oid4vp.MaxRequest, accept)
		if err != nil {
			return nil, "", err
		}
		switch ans.status {
		case http.StatusOK:
			return ans.body, nonce, nil
		case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusUnsupportedMediaType:
		default:
			return nil, "", fetched(ans)
		}
	}
	ans, err := w.fetch(ctx, http.MethodGet, link.RequestURI, "", nil, oid4vp.MaxRequest, accept)
	if err != nil {
		return nil, "", err
	}
	if ans.status != http.StatusOK {
		return nil, "", fetched(ans)
	}
	return ans.body, "", nil
}

func fetched(ans answer) error {
	if ans.status == http.StatusNotFound || ans.status == http.StatusGone {
		return fmt.Errorf("%w: the request is not there any more", ErrExpired)
	}
	return fmt.Errorf("%w: its address answers %d", ErrRequest, ans.status)
}

// requestError says in our words why a request is refused.
func requestError(err error) error {
	for _, stranger := range []error{oid4vp.ErrUnsigned, jose.ErrChain, jose.ErrSignature} {
		if errors.Is(err, stranger) {
			return fmt.Errorf("%w: %w", ErrStranger, err)
		}
	}
	return fmt.Errorf("%w: %w", ErrRequest, err)
}

// certifiedName returns what the municipality's certificate calls its owner.
func certifiedName(chain jose.Chain) (string, error) {
	if len(chain) == 0 {
		return "", fmt.Errorf("%w: no certificate", ErrStranger)
	}
	subject := chain.Leaf().Subject
	// An access certificate carries its owner's DID; a certificate of the same anchor for a web server, or whatever else,
	// does not ask anybody for anything.
	if !slices.ContainsFunc(chain.Leaf().URIs, func(u *url.URL) bool { return u.Scheme == "did" }) {
		return "", fmt.Errorf("%w: the certificate is no access certificate", ErrStranger)
	}
	name := subject.CommonName
	if len(subject.Organization) > 0 {
		name = subject.Organization[0]
	}
	// A name is shown on one line; control characters could make it look like another.
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, name)
	if strings.TrimSpace(name) == "" {
		return "", fmt.Errorf("%w: the certificate has no name", ErrStranger)
	}
	return name, nil
}

// readOrder reads the order that the request shows, if it shows one.
func (w *Wallet) readOrder(c *Consent) error {
	r := c.request
	if len(r.Transactions) == 0 {
		// docs/spec/ledger-entry.md, Section 2: the nonce of a payment is the hash of its order. What could be one is not
		// signed unseen.
		if b, err := jose.DecodeSegment(r.Nonce); err == nil && len(b) == len(budget.Bind{}) {
			return ErrBlind
		}
		return nil
	}
	if len(r.Transactions) > 1 {
		return fmt.Errorf("%w: more than one order", ErrOrder)
	}
	d := r.Transactions[0]
	o, err := budget.ParseOrder(d.Payload)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrOrder, err)
	case o.Kind != budget.Purchase:
		return fmt.Errorf("%w: it is no purchase", ErrOrder)
	case budget.BindOf(d.Text).Nonce() != r.Nonce:
		return fmt.Errorf("%w: the nonce is not its hash", ErrOrder)
	case !names(r.Chain, o.Shop):
		return ErrWrongShop
	case o.ClientID != string(r.ClientID):
		return fmt.Errorf("%w: it names another client", ErrOrder)
	case w.cfg.Now().After(o.ExpiresAt):
		return ErrExpired
	case o.IssuedAt.After(w.cfg.Now().Add(oid4vp.ClockSkew)):
		return fmt.Errorf("%w: it is of the future", ErrOrder)
	}
	c.order, c.segment = &o, d.Text
	return nil
}

// names reports whether the certificate is the shop's: it carries its DID as a SAN URI (docs/spec/ledger-entry.md,
// Section 2).
func names(chain jose.Chain, shop string) bool {
	return slices.ContainsFunc(chain.Leaf().URIs, func(u *url.URL) bool { return u.String() == shop })
}

// pays reports whether a card can pay an order: everything but how much is left.
func (c Card) pays(o budget.Order) bool {
	return c.Ledger() == o.Ledger && c.Fund() == o.Fund && c.Period() == o.Period && slices.Contains(c.Categories(), o.Category) &&
		!o.IssuedAt.Before(c.ValidFrom()) && !o.IssuedAt.After(c.ValidUntil())
}
