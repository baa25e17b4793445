package verifier

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/credential/did"
	"kindpakket/credential/jose"
)

// Shop is a shop of this service.
type Shop struct {
	Slug       string            `json:"slug"`
	Name       string            `json:"name"` // trade name
	DID        did.DID           `json:"did"`
	Categories []budget.Category `json:"categories"`      // what the municipality lets it sell
	Until      *time.Time        `json:"until,omitempty"` // when its access certificate ends; absent while it has none
}

// Enrolled is what the municipality needs to accredit a shop.
type Enrolled struct {
	DID did.DID  `json:"did"`
	JWK jose.Key `json:"jwk"` // signs orders and requests, under the key id DID#key-1
	CSR []byte   `json:"csr"` // signing request (PKCS #10, DER) that names the DID and the host of this service
}

var slugPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// keyName is the shop's name in [Keys].
func keyName(slug string) string { return "shop/" + slug }

// keyID is the shop's key as orders and requests name it.
func keyID(d did.DID) string { return string(d) + "#key-1" }

func (v *Verifier) did(slug string) (did.DID, error) { return did.WebDID(v.cfg.URL + "/shops/" + slug) }

// Enrol makes a shop with its key, or asks for a new certificate for one that is there. The slug, 1 to 63 of a-z, 0-9
// and "-", becomes part of its DID. It returns [ErrShopName] if another shop has one of the two names.
func (v *Verifier) Enrol(ctx context.Context, slug, tradeName string) (Enrolled, error) {
	if !slugPattern.MatchString(slug) || tradeName == "" || len(tradeName) > 320 || strings.TrimSpace(tradeName) != tradeName {
		return Enrolled{}, fmt.Errorf("%w: slug or trade name", ErrInput)
	}
	id, err := v.did(slug)
	if err != nil {
		return Enrolled{}, fmt.Errorf("enrolling shop: %w", err)
	}
	// A key without a shop is left by a crash between the two: it is taken up again.
	signer, err := v.cfg.Keys.Create(keyName(slug))
	if err != nil {
		known, errKnown := v.cfg.Keys.Signer(keyName(slug))
		if errKnown != nil {
			return Enrolled{}, fmt.Errorf("enrolling shop: %w", errors.Join(err, errKnown))
		}
		signer = known
	}
	err = v.db.Update(func(tx *bbolt.Tx) error {
		// A till names a shop by either: neither name may be one of another shop's.
		for _, name := range []string{slug, tradeName, strings.ToLower(tradeName)} {
			if other, _, err := shopNamed(tx, name); err == nil && other != slug {
				return ErrShopName
			}
		}
		var shop shopRecord
		if _, err := get(tx, "shops", slug, &shop); err != nil {
			return err
		}
		shop.Name, shop.Key = tradeName, signer.Public()
		return put(tx, "shops", slug, shop)
	})
	if err != nil {
		return Enrolled{}, fmt.Errorf("enrolling shop: %w", err)
	}
	csr, err := v.signingRequest(slug, tradeName, id)
	if err != nil {
		return Enrolled{}, fmt.Errorf("enrolling shop: %w", err)
	}
	v.cfg.Logger.InfoContext(ctx, "shop enrolled", "shop", slug)
	return Enrolled{DID: id, JWK: signer.Public(), CSR: csr}, nil
}

func (v *Verifier) signingRequest(slug, name string, id did.DID) ([]byte, error) {
	key, err := v.cfg.Keys.CryptoSigner(keyName(slug))
	if err != nil {
		return nil, err
	}
	uri, err := url.Parse(string(id))
	if err != nil {
		return nil, errors.New("the shop's DID is no URI")
	}
	own, err := url.Parse(v.cfg.URL)
	if err != nil {
		return nil, errors.New("the service's address is no URL")
	}
	t := x509.CertificateRequest{Subject: pkix.Name{CommonName: name}, URIs: []*url.URL{uri}, SignatureAlgorithm: x509.ECDSAWithSHA256}
	if ip := net.ParseIP(own.Hostname()); ip != nil {
		t.IPAddresses = []net.IP{ip}
	} else {
		t.DNSNames = []string{own.Hostname()}
	}
	return x509.CreateCertificateRequest(rand.Reader, &t, key)
}

// Install keeps the access certificate that the municipality issued, leaf first in DER, without the anchor, and the
// categories that it allows. It returns [ErrCertificate] unless the chain leads to the anchors now and the leaf is for
// the shop's key and names its DID.
func (v *Verifier) Install(ctx context.Context, slug string, chain [][]byte, categories []budget.Category) error {
	id, err := v.did(slug)
	if err != nil {
		return fmt.Errorf("%w: slug", ErrInput)
	}
	if slices.ContainsFunc(categories, func(c budget.Category) bool { return !c.Valid() }) {
		return fmt.Errorf("%w: a category is not an id", ErrInput)
	}
	parsed, err := jose.ParseChain(chain)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	if err := parsed.Verify(v.cfg.Anchors, v.now()); err != nil {
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	if !slices.ContainsFunc(parsed.Leaf().URIs, func(u *url.URL) bool { return u.String() == string(id) }) {
		return fmt.Errorf("%w: it does not name the shop's DID", ErrCertificate)
	}
	key, err := parsed.Key()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	err = v.db.Update(func(tx *bbolt.Tx) error {
		var shop shopRecord
		if ok, err := get(tx, "shops", slug, &shop); err != nil || !ok {
			return errors.Join(err, ErrUnknownShop)
		}
		if !key.Equal(shop.Key) {
			return fmt.Errorf("%w: it is for another key", ErrCertificate)
		}
		shop.Chain, shop.Categories = chain, categories
		return put(tx, "shops", slug, shop)
	})
	if err != nil {
		return fmt.Errorf("installing certificate: %w", err)
	}
	v.cfg.Logger.InfoContext(ctx, "shop certificate installed", "shop", slug)
	return nil
}

// Shops lists the shops by slug.
func (v *Verifier) Shops(context.Context) ([]Shop, error) {
	shops := []Shop{}
	err := v.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("shops")).ForEach(func(slug, b []byte) error {
			var rec shopRecord
			if err := json.Unmarshal(b, &rec); err != nil {
				return errors.New("listing shops: a record is damaged")
			}
			id, err := v.did(string(slug))
			if err != nil {
				return fmt.Errorf("listing shops: %w", err)
			}
			s := Shop{Slug: string(slug), Name: rec.Name, DID: id, Categories: rec.Categories}
			if chain, err := jose.ParseChain(rec.Chain); err == nil {
				s.Until = &chain.Leaf().NotAfter
			}
			shops = append(shops, s)
			return nil
		})
	})
	return shops, err
}

// Document returns the DID document of a shop. It returns [ErrUnknownShop] if there is none.
func (v *Verifier) Document(_ context.Context, slug string) (did.Document, error) {
	var shop shopRecord
	err := v.db.View(func(tx *bbolt.Tx) error {
		ok, err := get(tx, "shops", slug, &shop)
		if err == nil && !ok {
			err = ErrUnknownShop
		}
		return err
	})
	if err != nil {
		return did.Document{}, err
	}
	id, err := v.did(slug)
	if err != nil {
		return did.Document{}, err
	}
	return did.Document{ID: id, Methods: []did.Method{{ID: keyID(id), JWK: shop.Key.JWK(),
		Relations: []did.Relation{did.AssertionMethod, did.Authentication}}}}, nil
}

// shopNamed finds a shop by its slug or, in whatever case, by its trade name.
func shopNamed(tx *bbolt.Tx, name string) (slug string, shop shopRecord, err error) {
	if ok, err := get(tx, "shops", name, &shop); ok || err != nil {
		return name, shop, err
	}
	c := tx.Bucket([]byte("shops")).Cursor()
	for k, b := c.First(); k != nil; k, b = c.Next() {
		var rec shopRecord
		if err := json.NewDecoder(bytes.NewReader(b)).Decode(&rec); err != nil {
			return "", shop, errors.New("finding shop: a record is damaged")
		}
		if strings.EqualFold(rec.Name, name) {
			return string(k), rec, nil
		}
	}
	return "", shop, ErrUnknownShop
}
