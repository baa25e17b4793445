package verifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/credential/catalog"
	"kindpakket/credential/dcql"
	"kindpakket/credential/jose"
	"kindpakket/credential/oid4vp"
)

// Ask is what a till wants: to be paid, or with Check to know whether somebody has a card.
type Ask struct {
	Shop     string          `json:"shop"`               // slug, or trade name in whatever case
	Amount   budget.Cents    `json:"amount,omitempty"`   // in cents; none in a check
	Category budget.Category `json:"category,omitempty"` // of the goods; none in a check
	Check    bool            `json:"check,omitempty"`    //
	Till     string          `json:"till,omitempty"`     // [a-z0-9-]{1,8}. Optional: "t-1"
}

// Asked is an order that waits for a wallet.
type Asked struct {
	OrderID    string `json:"order_id"`    // what to ask the result by
	RequestURI string `json:"request_uri"` // openid4vp://…, for the QR code
}

// Request makes a signed order, valid for [OrderLife], or for a check none, and keeps it with its OpenID4VP request.
//
// Whether the shop may sell the category, and whether the amount is in bounds, is for the ledger to say when it is paid:
// its records decide, not a copy here. Request returns [ErrUnknownShop], [ErrNoCertificate], and [ErrInput] with the
// member that is out of shape.
func (v *Verifier) Request(ctx context.Context, a Ask) (Asked, error) {
	if a.Check && (a.Amount != 0 || a.Category != "") {
		return Asked{}, fmt.Errorf("%w: a check has no amount and no category", ErrInput)
	}
	if a.Till == "" {
		a.Till = "t-1"
	}
	var slug string
	var shop shopRecord
	if err := v.db.View(func(tx *bbolt.Tx) (err error) {
		slug, shop, err = shopNamed(tx, a.Shop)
		return err
	}); err != nil {
		return Asked{}, err
	}
	now := v.now()
	chain, err := v.chain(shop)
	if err != nil {
		return Asked{}, err
	}
	id, err := v.random()
	if err != nil {
		return Asked{}, err
	}
	rec := orderRecord{Shop: slug, Issued: now, Expires: now.Add(OrderLife), State: Pending}
	client := oid4vp.HashClientID(chain)
	if a.Check {
		if rec.Nonce, err = v.random(); err != nil {
			return Asked{}, err
		}
	} else {
		o := budget.Order{Kind: budget.Purchase, Period: v.cfg.Period(now), OrderID: id, Till: a.Till, Amount: a.Amount,
			Category: a.Category, IssuedAt: rec.Issued, ExpiresAt: rec.Expires}
		token, err := v.signOrder(slug, client, o)
		if err != nil {
			return Asked{}, err
		}
		rec.Order, rec.Nonce = token.String(), budget.BindOf(token.PayloadSegment()).Nonce()
	}
	if rec.Request, err = v.newRequest(id, client, chain); err != nil {
		return Asked{}, err
	}
	uri, err := oid4vp.Link{ClientID: client, RequestURI: v.requestURL(rec.Request.ID), Method: oid4vp.MethodPost}.URI()
	if err != nil {
		return Asked{}, fmt.Errorf("making a request: %w", err)
	}
	if err := v.create(id, rec); err != nil {
		return Asked{}, fmt.Errorf("keeping a request: %w", err)
	}
	v.cfg.Logger.DebugContext(ctx, "request made", "shop", slug, "check", a.Check)
	return Asked{OrderID: id, RequestURI: uri}, nil
}

// chain returns the shop's access certificate if it is valid now.
func (v *Verifier) chain(shop shopRecord) (jose.Chain, error) {
	if len(shop.Chain) == 0 {
		return nil, ErrNoCertificate
	}
	chain, err := jose.ParseChain(shop.Chain)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCertificate, err)
	}
	if err := chain.Verify(v.cfg.Anchors, v.now()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCertificate, err)
	}
	return chain, nil
}

// signOrder fills in what all orders of this service have in common and signs o with the shop's key.
func (v *Verifier) signOrder(slug string, client oid4vp.ClientID, o budget.Order) (*jose.JWS, error) {
	id, err := v.did(slug)
	if err != nil {
		return nil, err
	}
	o.Ledger, o.Fund, o.Shop, o.ClientID = v.cfg.Ledger, v.cfg.Fund, string(id), string(client)
	payload, err := o.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	signer, err := v.cfg.Keys.Signer(keyName(slug))
	if err != nil {
		return nil, fmt.Errorf("signing an order: %w", err)
	}
	text, err := jose.Sign(signer, jose.Header{Type: budget.OrderJWSType, KeyID: keyID(id)}, payload)
	if err != nil {
		return nil, fmt.Errorf("signing an order: %w", err)
	}
	return jose.Parse(text)
}

func (v *Verifier) newRequest(id string, client oid4vp.ClientID, chain jose.Chain) (*requestRecord, error) {
	rec := &requestRecord{ClientID: string(client), Chain: chain.DER()}
	key, err := jose.Generate(v.cfg.Rand)
	if err != nil {
		return nil, err
	}
	secret := key.Bytes()
	rec.Key = v.seal(id, secret)
	clear(secret)
	if rec.ID, err = v.random(); err != nil {
		return nil, err
	}
	rec.State, err = v.random()
	return rec, err
}

func (v *Verifier) requestURL(request string) string  { return v.cfg.URL + "/requests/" + request }
func (v *Verifier) responseURL(request string) string { return v.cfg.URL + "/responses/" + request }

// encryptionKeyID is the kid of a request's key, of which there is one.
const encryptionKeyID = "enc"

// decryptionKey opens the key that answers to the request of order id are encrypted to.
func (v *Verifier) decryptionKey(id string, rec *requestRecord) (*jose.PrivateKey, error) {
	secret, err := v.unseal(id, rec.Key)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	return jose.ParsePrivateKey(secret)
}

// RequestObject returns the signed request object of a request (OpenID4VP 1.0, Sections 5 and 5.10): for a wallet that
// came by GET, or with what it posted. The order goes along as transaction data only to a wallet that says it knows the
// type: any other would have to refuse the whole request, and is bound to the order by the nonce all the same.
//
// It returns [ErrUnknownRequest], also once the request was answered or its order has expired.
func (v *Verifier) RequestObject(ctx context.Context, request string, post oid4vp.RequestPost) (string, error) {
	id, rec, err := v.byRequest(request)
	if err != nil {
		return "", err
	}
	if rec.State != Pending || rec.answered() || !v.now().Before(rec.Expires) {
		return "", ErrUnknownRequest
	}
	key, err := v.decryptionKey(id, rec.Request)
	if err != nil {
		return "", err
	}
	r := oid4vp.Request{
		ClientID: oid4vp.ClientID(rec.Request.ClientID), ResponseMode: oid4vp.DirectPostJWT, ResponseURI: v.responseURL(request),
		Nonce: rec.Nonce, State: rec.Request.State, Metadata: oid4vp.NewClientMetadata(key.Public(), encryptionKeyID),
		WalletNonce: post.Nonce, IssuedAt: v.now(), ExpiresAt: rec.Expires,
	}
	if r.Query, err = v.query(rec); err != nil {
		return "", err
	}
	shown := !rec.check() && post.Metadata.Understands(budget.OrderType)
	if shown {
		token, err := jose.Parse(rec.Order)
		if err != nil {
			return "", errors.New("a kept order does not parse")
		}
		r.TransactionData = []string{token.PayloadSegment()}
	}
	plain := post.Metadata != nil && onlyPlain(post.Metadata.ResponseModes)
	if plain {
		r.ResponseMode = oid4vp.DirectPost
	}
	chain, err := jose.ParseChain(rec.Request.Chain)
	if err != nil {
		return "", err
	}
	signer, err := v.cfg.Keys.Signer(keyName(rec.Shop))
	if err != nil {
		return "", fmt.Errorf("signing a request: %w", err)
	}
	object, err := r.SignX509(signer, chain)
	if err != nil {
		return "", err
	}
	// What was handed out decides what may come back; so it is on disk before it goes.
	_, err = v.update(id, func(rec *orderRecord) bool {
		if rec.Request == nil {
			return false
		}
		before := *rec.Request
		rec.Request.Shown = rec.Request.Shown || shown
		rec.Request.Blind = rec.Request.Blind || !shown
		rec.Request.Plain = rec.Request.Plain || plain
		return before.Shown != rec.Request.Shown || before.Blind != rec.Request.Blind || before.Plain != rec.Request.Plain
	})
	return object, err
}

// onlyPlain reports whether a wallet names its response modes and cannot encrypt.
func onlyPlain(modes []string) bool {
	return slices.Contains(modes, string(oid4vp.DirectPost)) && !slices.Contains(modes, string(oid4vp.DirectPostJWT))
}

// query is the DCQL query of every request (OpenID4VP 1.0, Section 6): one card of this type, fund and period, which
// shows that fund and period and nothing else.
func (v *Verifier) query(rec orderRecord) ([]byte, error) {
	return json.Marshal(&dcql.Query{Credentials: []dcql.Credential{{
		ID: budget.CardQuery, Format: catalog.Kindpakket().Format, Meta: dcql.Meta{VCT: []string{v.cfg.VCT}},
		Claims: []dcql.Claim{
			{Path: dcql.Path{catalog.Fund}, Values: []any{v.cfg.Fund}},
			{Path: dcql.Path{catalog.Period}, Values: []any{v.cfg.Period(rec.Issued)}},
		},
	}}})
}
