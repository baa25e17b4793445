package vault_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"kindpakket/wallet/vault"
)

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte(`{"v":1,"kdf":"argon2id","salt":"AAAAAAAAAAAAAAAAAAAAAA==","time":1,"memory":8,"threads":1,"key":"AA=="}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := vault.ParseHeader(b); err != nil && !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("got %v, want ErrDamaged", err)
		}
	})
}

func FuzzParseBackup(f *testing.F) {
	v, err := vault.Create(new(vault.Memory), []byte("x"), quick, rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if err := v.Export(&b, []byte("x"), quick); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("kindpakket-backup/1\n{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := vault.ParseBackup(b); err != nil && !errors.Is(err, vault.ErrBackup) {
			t.Errorf("got %v, want ErrBackup", err)
		}
	})
}

func FuzzParseRecords(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x02akk\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00a\x00\x00\x00\x01\x00\x00\x00\x00a"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, err := vault.ParseRecords(b)
		if err != nil {
			if !errors.Is(err, vault.ErrBackup) {
				t.Errorf("got %v, want ErrBackup", err)
			}
			return
		}
		for _, r := range records {
			if r.Name == "" || len(r.Name) > vault.MaxName || r.Value == nil || len(r.Value) > vault.MaxRecord {
				t.Errorf("a record out of bounds: name of %d, value of %d bytes", len(r.Name), len(r.Value))
			}
		}
	})
}
