package aries

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	diddoc "github.com/hyperledger/aries-framework-go/pkg/doc/did"
	vdrapi "github.com/hyperledger/aries-framework-go/pkg/framework/aries/api/vdr"
	"github.com/hyperledger/aries-framework-go/pkg/vdr"
	vdrkey "github.com/hyperledger/aries-framework-go/pkg/vdr/key"
	vdrweb "github.com/hyperledger/aries-framework-go/pkg/vdr/web"

	"kindpakket/credential/did"
)

// ErrResolve is the error of a [Resolver] for a DID whose document cannot be had or is not one. What is behind it may be one of the
// errors of [Client] too, or of package did.
var ErrResolve = errors.New("the DID's document cannot be had")

// BUG(kindpakket): aries refuses a did:web document whole if one of its verification methods spells its key in a way that aries does
// not know; package did would leave out that method alone.

// A Resolver is the did.Resolver of aries' registry, for did:web, did:key and did:jwk. It keeps no documents.
type Resolver struct {
	registry *vdr.Registry
	client   *http.Client
	timeout  time.Duration
	loopback bool
}

var _ did.Resolver = (*Resolver)(nil)

// NewResolver returns a resolver that fetches with [Client](opts), documents of at most did.MaxDocument bytes.
//
// With opts.Loopback the document of a did:web on localhost or a loopback address is fetched by http if that server does not speak
// https.
func NewResolver(opts Options) *Resolver {
	opts.MaxBytes = did.MaxDocument
	client := Client(opts)
	return &Resolver{
		registry: vdr.New(vdr.WithVDR(vdrweb.New()), vdr.WithVDR(vdrkey.New()), vdr.WithVDR(jwkMethod{})),
		client:   client,
		timeout:  client.Timeout,
		loopback: opts.Loopback,
	}
}

// Resolve returns the document of d, checked to be about d. Its error wraps did.ErrMethod for a method that is not served, else
// [ErrResolve]. The DID itself does not stand in the error: a wallet's would point to a parent.
func (r *Resolver) Resolve(ctx context.Context, d did.DID) (*did.Document, error) {
	if _, err := did.Parse(string(d)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResolve, err)
	}
	method := d.Method()
	var doc *diddoc.Doc
	var err error
	switch method {
	case "web":
		doc, err = r.fetch(ctx, d)
	case "key", "jwk":
		if doc, err = r.read(d); err != nil {
			err = errors.New("it holds no key that can be read") // aries' own text quotes the DID
		}
	default:
		return nil, fmt.Errorf("resolving DID: %w", did.ErrMethod)
	}
	if err != nil {
		return nil, fmt.Errorf("resolving did:%s: %w: %w", method, ErrResolve, err)
	}
	out, err := accept(doc, d)
	if err == nil && method != "web" && len(out.Methods) == 0 {
		err = did.ErrKey // a key of a kind we do not use
	}
	if err != nil {
		return nil, fmt.Errorf("resolving did:%s: %w: %w", method, ErrResolve, err)
	}
	return out, nil
}

// accept gives package did the last word about what aries made of a document.
func accept(doc *diddoc.Doc, d did.DID) (*did.Document, error) {
	body, err := translate(doc)
	if err != nil {
		return nil, err
	}
	return did.ParseDocument(body, d)
}

func (r *Resolver) fetch(ctx context.Context, d did.DID) (*diddoc.Doc, error) {
	// did is stricter than aries about hosts and paths that lead elsewhere.
	if _, err := did.WebURL(d); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	// Aries takes no context: it goes in by way of the transport, with the time limit.
	client := &http.Client{Transport: bound{ctx, r.client.Transport}, CheckRedirect: r.client.CheckRedirect}
	doc, err := r.read(d, vdrapi.WithOption(vdrweb.HTTPClientOpt, client))
	if r.loopback && errors.Is(err, http.ErrSchemeMismatch) {
		if _, e := did.LoopbackURL(d); e == nil {
			doc, err = r.read(d, vdrapi.WithOption(vdrweb.HTTPClientOpt, client), vdrapi.WithOption(vdrweb.UseHTTPOpt, true))
		}
	}
	if err != nil {
		return nil, &fetchError{err}
	}
	return doc, nil
}

// A fetchError says in our words what went wrong. Aries' text would quote the whole document; errors.Is and As look through to it.
type fetchError struct{ err error }

func (e *fetchError) Unwrap() error { return e.err }

func (e *fetchError) Error() string {
	for _, known := range []error{ErrAddress, ErrScheme, ErrRedirect, ErrTooLarge, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(e.err, known) {
			return known.Error()
		}
	}
	var cert *tls.CertificateVerificationError
	if errors.As(e.err, &cert) {
		return "its server's certificate is not trusted"
	}
	var net *url.Error
	if errors.As(e.err, &net) {
		return "its server does not answer"
	}
	return "its server has no well-formed document"
}

// read asks the registry. Aries was not written for documents by an enemy: what it panics at is refused.
func (r *Resolver) read(d did.DID, opts ...vdrapi.DIDMethodOption) (doc *diddoc.Doc, err error) {
	defer func() {
		if p := recover(); p != nil {
			doc, err = nil, errors.New("malformed document")
		}
	}()
	res, err := r.registry.Resolve(string(d), opts...)
	if err != nil {
		return nil, err
	}
	if res == nil || res.DIDDocument == nil {
		return nil, errors.New("no document")
	}
	return res.DIDDocument, nil
}

type bound struct {
	ctx  context.Context
	next http.RoundTripper
}

func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	return b.next.RoundTrip(r.WithContext(b.ctx))
}

// jwkMethod is did:jwk as a method of aries' registry. It only reads.
type jwkMethod struct{}

var errReadOnly = errors.New("did:jwk documents cannot be written")

func (jwkMethod) Accept(method string, _ ...vdrapi.DIDMethodOption) bool { return method == "jwk" }

func (jwkMethod) Read(id string, _ ...vdrapi.DIDMethodOption) (*diddoc.DocResolution, error) {
	doc, err := did.Resolve(did.DID(id))
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	out, err := diddoc.ParseDocument(body)
	if err != nil {
		return nil, err
	}
	return &diddoc.DocResolution{DIDDocument: out}, nil
}

func (jwkMethod) Create(*diddoc.Doc, ...vdrapi.DIDMethodOption) (*diddoc.DocResolution, error) {
	return nil, errReadOnly
}
func (jwkMethod) Update(*diddoc.Doc, ...vdrapi.DIDMethodOption) error { return errReadOnly }
func (jwkMethod) Deactivate(string, ...vdrapi.DIDMethodOption) error  { return errReadOnly }
func (jwkMethod) Close() error                                        { return nil }
