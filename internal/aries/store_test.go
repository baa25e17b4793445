package aries_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/hyperledger/aries-framework-go/spi/storage"
	"go.etcd.io/bbolt"

	"kindpakket/internal/aries"
)

func TestProvider(t *testing.T) {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p := aries.NewProvider(db)
	if _, err := p.GetStoreConfig("a"); !errors.Is(err, storage.ErrStoreNotFound) {
		t.Errorf("a store that is not there: got %v", err)
	}
	s, err := p.OpenStore("A")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.GetStoreConfig("a"); err != nil {
		t.Errorf("names heed case: %v", err)
	}
	if _, err := p.OpenStore(""); err == nil {
		t.Error("opened a store without a name")
	}
	if err := s.Put("k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get("k"); string(got) != "v" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := s.Get("none"); !errors.Is(err, storage.ErrDataNotFound) {
		t.Errorf("got %v", err)
	}
	if got, err := s.GetBulk("none", "k"); err != nil || len(got) != 2 || got[0] != nil || string(got[1]) != "v" {
		t.Errorf("got %q, %v", got, err)
	}

	// A batch is done whole or not at all.
	isNew := &storage.PutOptions{IsNewKey: true}
	err = s.Batch([]storage.Operation{{Key: "x", Value: []byte("x"), PutOptions: isNew}, {Key: "k", Value: []byte("w"), PutOptions: isNew}})
	if !errors.Is(err, storage.ErrDuplicateKey) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Get("x"); !errors.Is(err, storage.ErrDataNotFound) {
		t.Errorf("half a batch was done: %v", err)
	}
	if err := s.Batch([]storage.Operation{{Key: "x", Value: []byte("x"), PutOptions: isNew}, {Key: "k"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get("k"); !errors.Is(err, storage.ErrDataNotFound) {
		t.Errorf("deleted, but got %v", err)
	}
	if err := s.Delete("x"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete("x"); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}

	// What it cannot do it says.
	for name, err := range map[string]error{
		"put without a key": s.Put("", nil),
		"put with a tag":    s.Put("t", []byte("v"), storage.Tag{Name: "a"}),
		"tags of a store":   p.SetStoreConfig("a", storage.StoreConfiguration{TagNames: []string{"a"}}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := s.Query("a:b"); err == nil {
		t.Error("query: no error")
	}
	if got := len(p.GetOpenStores()); got != 1 {
		t.Errorf("got %d stores, want 1", got)
	}
}
