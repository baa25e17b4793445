package aries

import (
	"net/netip"

	diddoc "github.com/hyperledger/aries-framework-go/pkg/doc/did"
	vdrapi "github.com/hyperledger/aries-framework-go/pkg/framework/aries/api/vdr"
	"github.com/hyperledger/aries-framework-go/pkg/vdr"
	"github.com/hyperledger/aries-framework-go/spi/storage"
	"go.etcd.io/bbolt"

	"kindpakket/credential/did"
)

// Allowed opens checkAddress's rule to tests.
func Allowed(addr string, loopback bool) bool { return allowed(netip.MustParseAddr(addr), loopback) }

// NewProvider opens the provider over any bbolt file to tests.
func NewProvider(db *bbolt.DB) storage.Provider { return provider{db} }

// ReadDocument is what a Resolver does with the body that it fetched for d.
func ReadDocument(body []byte, d did.DID) (*did.Document, error) {
	doc, err := diddoc.ParseDocument(body)
	if err != nil {
		return nil, err
	}
	return accept(doc, d)
}

// NewPanickingResolver is a resolver whose registry panics at every did:key.
func NewPanickingResolver() *Resolver {
	return &Resolver{registry: vdr.New(vdr.WithVDR(panics{}))}
}

type panics struct{ jwkMethod }

func (panics) Accept(string, ...vdrapi.DIDMethodOption) bool { return true }

func (panics) Read(string, ...vdrapi.DIDMethodOption) (*diddoc.DocResolution, error) {
	panic("index out of range")
}
