// Package vaulttest is the contract of [vault.Store] as a test, and a search for secrets in bytes that should hold none.
package vaulttest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kindpakket/wallet/vault"
)

// TestStore runs the contract of [vault.Store]. open makes an empty store.
func TestStore(t *testing.T, open func(t *testing.T) vault.Store) {
	s := open(t)
	get := func(name, want string) {
		t.Helper()
		got, err := s.Get([]byte(name))
		if err != nil || string(got) != want || (got == nil) != (want == "") {
			t.Errorf("value of %s: got %q, %v, want %q", name, got, err, want)
		}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	get("a", "")
	check(s.Put([]byte("a"), []byte("1")))
	get("a", "1")
	check(s.Put([]byte("a"), []byte("2")))
	get("a", "2")
	check(s.Batch([]vault.Change{{Name: []byte("a")}, {Name: []byte("b"), Value: []byte("3")}, {Name: []byte("c"), Value: []byte("4")}}))
	get("a", "")
	get("b", "3")
	check(s.Delete([]byte("b")))
	check(s.Delete([]byte("b")))
	get("b", "")
	names, err := s.List()
	if err != nil || len(names) != 1 || string(names[0]) != "c" {
		t.Errorf("names: got %q, %v, want c alone", names, err)
	}
	value := []byte("mine")
	check(s.Put([]byte("d"), value))
	copy(value, "XXXX")
	got, err := s.Get([]byte("d"))
	check(err)
	copy(got, "YYYY")
	get("d", "mine")
}

// Secret is something that must not be found, with a name for the report.
type Secret struct {
	Name  string
	Bytes []byte
}

// Number is a secret whole number, such as a balance in cents.
func Number(name string, n int64) []Secret {
	s := []Secret{
		{name + " as decimal text", []byte(strconv.FormatInt(n, 10))},
		{name + " as eight bytes, big endian", binary.BigEndian.AppendUint64(nil, uint64(n))},
		{name + " as eight bytes, little endian", binary.LittleEndian.AppendUint64(nil, uint64(n))},
		{name + " in euros", []byte(strconv.FormatInt(n/100, 10) + "," + strconv.FormatInt(100+n%100, 10)[1:])},
		{name + " in euros with a point", []byte(strconv.FormatInt(n/100, 10) + "." + strconv.FormatInt(100+n%100, 10)[1:])},
	}
	return s
}

// Find returns in which form which secrets stand in haystack: raw, in hex, in base64 and base64url at any offset from
// the groups of three bytes, and reversed.
func Find(haystack []byte, secrets ...Secret) []string {
	var found []string
	lower := bytes.ToLower(haystack)
	for _, s := range secrets {
		report := func(form string, needle []byte, in []byte) {
			if bytes.Contains(in, needle) {
				found = append(found, s.Name+": "+form)
			}
		}
		report("raw", s.Bytes, haystack)
		report("hex", []byte(hex.EncodeToString(s.Bytes)), lower)
		back := slices.Clone(s.Bytes)
		slices.Reverse(back)
		if !bytes.Equal(back, s.Bytes) {
			report("reversed", back, haystack)
		}
		for offset := range 3 {
			// Of text that begins amid a group of three only the whole groups inside it have a fixed form.
			inner := s.Bytes[min(offset, len(s.Bytes)):]
			inner = inner[:len(inner)/3*3]
			if len(inner) < 3 {
				continue
			}
			text := base64.StdEncoding.EncodeToString(inner)
			if len(text) < 8 {
				continue // four characters are found anywhere
			}
			report("base64", []byte(text), haystack)
			if url := strings.NewReplacer("+", "-", "/", "_").Replace(text); url != text {
				report("base64url", []byte(url), haystack)
			}
		}
	}
	return found
}
