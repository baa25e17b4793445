package vault_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kindpakket/wallet/vault"
	"kindpakket/wallet/vault/vaulttest"
)

// quick is cheap, so that tests are fast.
var quick = vault.Params{Time: 1, Memory: 8, Threads: 1}

func create(t *testing.T, s vault.Store) *vault.Vault {
	t.Helper()
	v, err := vault.Create(s, []byte("correct horse"), quick, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func put(t *testing.T, v *vault.Vault, name, value string) {
	t.Helper()
	if err := v.Put(name, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, v *vault.Vault, name, value string) {
	t.Helper()
	if got, err := v.Get(name); err != nil || string(got) != value {
		t.Errorf("record %s: got %q, %v, want %q", name, got, err, value)
	}
}

func TestStores(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		vaulttest.TestStore(t, func(*testing.T) vault.Store { return new(vault.Memory) })
	})
	t.Run("file", func(t *testing.T) {
		vaulttest.TestStore(t, func(t *testing.T) vault.Store { return file(t, filepath.Join(t.TempDir(), "wallet.db")) })
	})
}

func file(t *testing.T, path string) *vault.File {
	t.Helper()
	f, err := vault.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestVaultKeepsRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallet.db")
	f := file(t, path)
	v := create(t, f)
	put(t, v, "cards/1", "one")
	put(t, v, "cards/2", "")
	if err := v.Write(vault.Record{Name: "cards/1", Value: []byte("changed")}, vault.Record{Name: "keys/1", Value: []byte("k")}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = file(t, path)
	v, err := vault.Open(f, []byte("correct horse"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	want(t, v, "cards/1", "changed")
	want(t, v, "cards/2", "")
	want(t, v, "keys/1", "k")
	if names, err := v.List("cards/"); err != nil || !slices.Equal(names, []string{"cards/1", "cards/2"}) {
		t.Errorf("list: got %q, %v", names, err)
	}
	if err := v.Delete("keys/1"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Get("keys/1"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("deleted record: got %v, want ErrNotFound", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the file: got %v, %v, want 0600", info.Mode(), err)
	}
}

func TestWrongPassphrase(t *testing.T) {
	s := new(vault.Memory)
	if _, err := vault.Open(s, []byte("x"), rand.Reader); !errors.Is(err, vault.ErrNoVault) {
		t.Errorf("open an empty store: got %v, want ErrNoVault", err)
	}
	if _, err := vault.Create(s, nil, quick, rand.Reader); !errors.Is(err, vault.ErrPassphrase) {
		t.Errorf("create without a passphrase: got %v, want ErrPassphrase", err)
	}
	v := create(t, s)
	put(t, v, "a", "1")
	if _, err := vault.Create(s, []byte("x"), quick, rand.Reader); !errors.Is(err, vault.ErrExists) {
		t.Errorf("create twice: got %v, want ErrExists", err)
	}
	for _, wrong := range []string{"", "correct hors", "correct horse ", "Correct horse"} {
		if _, err := vault.Open(s, []byte(wrong), rand.Reader); !errors.Is(err, vault.ErrPassphrase) {
			t.Errorf("open with %q: got %v, want ErrPassphrase", wrong, err)
		}
	}
	if err := v.ChangePassphrase([]byte("wrong"), []byte("new")); !errors.Is(err, vault.ErrPassphrase) {
		t.Errorf("change with a wrong passphrase: got %v", err)
	}
	if err := v.ChangePassphrase([]byte("correct horse"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Open(s, []byte("correct horse"), rand.Reader); !errors.Is(err, vault.ErrPassphrase) {
		t.Errorf("open with the old passphrase: got %v", err)
	}
	v, err := vault.Open(s, []byte("new"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	want(t, v, "a", "1")
}

// damage lists the names in s besides the header.
func damage(t *testing.T, s vault.Store) [][]byte {
	t.Helper()
	names, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(n []byte) bool { return string(n) == "header" })
}

func TestChangedRecordsAreRefused(t *testing.T) {
	s := new(vault.Memory)
	v := create(t, s)
	put(t, v, "a", "1")
	put(t, v, "b", "2")
	names := damage(t, s)
	if len(names) != 2 {
		t.Fatalf("got %d names", len(names))
	}
	one, _ := s.Get(names[0])
	two, _ := s.Get(names[1])

	// Two sealed records change places.
	if err := s.Batch([]vault.Change{{Name: names[0], Value: two}, {Name: names[1], Value: one}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if _, err := v.Get(name); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("exchanged record %s: got %v, want ErrDamaged", name, err)
		}
	}
	// One bit is turned, at every place of the first 64 bytes.
	for i := range 64 {
		bad := slices.Clone(one)
		bad[i] ^= 1
		if err := s.Put(names[0], bad); err != nil {
			t.Fatal(err)
		}
		if _, err := v.List(""); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("bit turned in byte %d: got %v, want ErrDamaged", i, err)
		}
	}
	if err := s.Put(names[0], []byte("short")); err != nil {
		t.Fatal(err)
	}
	if _, err := v.List(""); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("short record: got %v, want ErrDamaged", err)
	}
}

func TestHeaderLimits(t *testing.T) {
	s := new(vault.Memory)
	create(t, s)
	good, err := s.Get([]byte("header"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(map[string]any){
		"no pass":        func(m map[string]any) { m["time"] = 0 },
		"many passes":    func(m map[string]any) { m["time"] = vault.MaxTime + 1 },
		"huge memory":    func(m map[string]any) { m["memory"] = vault.MaxMemory + 1 },
		"no threads":     func(m map[string]any) { m["threads"] = 0 },
		"many threads":   func(m map[string]any) { m["threads"] = vault.MaxThreads + 1 },
		"other version":  func(m map[string]any) { m["v"] = 2 },
		"other function": func(m map[string]any) { m["kdf"] = "none" },
		"short salt":     func(m map[string]any) { m["salt"] = "AAAA" },
		"unknown member": func(m map[string]any) { m["x"] = 1 },
		"large":          func(m map[string]any) { m["key"] = strings.Repeat("A", 2000) },
	} {
		var m map[string]any
		if err := json.Unmarshal(good, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Put([]byte("header"), b); err != nil {
			t.Fatal(err)
		}
		if _, err := vault.Open(s, []byte("correct horse"), rand.Reader); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("%s: got %v, want ErrDamaged", name, err)
		}
	}
	// The lock is bound to the key that it wraps.
	if err := s.Put([]byte("header"), bytes.Replace(good, []byte(`"time":1`), []byte(`"time":2`), 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Open(s, []byte("correct horse"), rand.Reader); !errors.Is(err, vault.ErrPassphrase) {
		t.Errorf("other costs: got %v, want ErrPassphrase", err)
	}
}

func TestRecordLimits(t *testing.T) {
	v := create(t, new(vault.Memory))
	for name, r := range map[string]vault.Record{
		"no name":    {Value: []byte("1")},
		"long name":  {Name: strings.Repeat("n", vault.MaxName+1), Value: []byte("1")},
		"long value": {Name: "n", Value: make([]byte, vault.MaxRecord+1)},
	} {
		if err := v.Write(vault.Record{Name: "first", Value: []byte("1")}, r); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if names, err := v.List(""); err != nil || len(names) != 0 {
		t.Errorf("a refused batch left %q, %v", names, err)
	}
	largest := vault.Record{Name: strings.Repeat("n", vault.MaxName), Value: bytes.Repeat([]byte{7}, vault.MaxRecord)}
	if err := v.Write(largest); err != nil {
		t.Fatal(err)
	}
	want(t, v, largest.Name, string(largest.Value))
}

func TestClosedVault(t *testing.T) {
	s := new(vault.Memory)
	v := create(t, s)
	put(t, v, "a", "1")
	v.Close()
	_, err := v.Get("a")
	_, err2 := v.List("")
	for i, err := range []error{err, err2, v.Put("a", nil), v.ChangePassphrase([]byte("correct horse"), []byte("x")),
		v.Export(new(bytes.Buffer), []byte("x"), quick), v.Import(new(bytes.Buffer), []byte("x"))} {
		if !errors.Is(err, vault.ErrClosed) {
			t.Errorf("use %d of a closed vault: got %v, want ErrClosed", i, err)
		}
	}
}

func TestVaultPrintsRedacted(t *testing.T) {
	v := create(t, new(vault.Memory))
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("opened", "vault", v)
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), string(b)} {
		if strings.Trim(text, `"`) != "[redacted]" {
			t.Errorf("printed as %q", text)
		}
	}
	if !strings.Contains(log.String(), `"vault":"[redacted]"`) {
		t.Errorf("logged as %s", log.String())
	}
}

func TestBackup(t *testing.T) {
	v := create(t, new(vault.Memory))
	put(t, v, "cards/1", "one")
	put(t, v, "empty", "")
	var b bytes.Buffer
	if err := v.Export(&b, []byte("on paper"), quick); err != nil {
		t.Fatal(err)
	}
	other, err := vault.Create(new(vault.Memory), []byte("other"), quick, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Import(bytes.NewReader(b.Bytes()), []byte("correct horse")); !errors.Is(err, vault.ErrPassphrase) {
		t.Errorf("import with the vault's passphrase: got %v, want ErrPassphrase", err)
	}
	for i := range b.Len() {
		bad := slices.Clone(b.Bytes())
		bad[i] ^= 1
		// A bit in the lock can ask for more work, never for so much that it hangs; anything else is refused at once.
		if err := other.Import(bytes.NewReader(bad), []byte("on paper")); err == nil {
			t.Fatalf("a backup with a bit turned in byte %d was imported", i)
		}
		if i == 400 {
			break
		}
	}
	for name, bad := range map[string][]byte{
		"empty":         nil,
		"other title":   append([]byte("kindpakket-backup/2"), b.Bytes()[19:]...),
		"title only":    []byte("kindpakket-backup/1\n"),
		"too large":     append(b.Bytes(), make([]byte, vault.MaxBackup)...),
		"huge memory":   bytes.Replace(b.Bytes(), []byte(`"memory":8`), []byte(`"memory":4000000000`), 1),
		"no lock":       []byte("kindpakket-backup/1\n{}\nxxx"),
		"unknown costs": bytes.Replace(b.Bytes(), []byte(`"memory":8`), []byte(`"memory":8,"x":1`), 1),
	} {
		if err := other.Import(bytes.NewReader(bad), []byte("on paper")); !errors.Is(err, vault.ErrBackup) {
			t.Errorf("%s: got %v, want ErrBackup", name, err)
		}
	}
	if err := other.Import(bytes.NewReader(b.Bytes()), []byte("on paper")); err != nil {
		t.Fatal(err)
	}
	want(t, other, "cards/1", "one")
	want(t, other, "empty", "")
	if err := other.Import(bytes.NewReader(b.Bytes()), []byte("on paper")); !errors.Is(err, vault.ErrNotEmpty) {
		t.Errorf("import twice: got %v, want ErrNotEmpty", err)
	}
}

// TestNothingReadableOnDisk searches the file and the backup for every secret, in every form. That the search can find
// is shown on the same records unsealed.
func TestNothingReadableOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallet.db")
	f := file(t, path)
	v := create(t, f)
	key, seed := make([]byte, 32), make([]byte, 16)
	rand.Read(key)
	rand.Read(seed)
	record, err := json.Marshal(map[string]any{"key": key, "seed": fmt.Sprintf("%x", seed), "balance": 1234567, "municipality": "Zuidhorn aan Zee"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		put(t, v, fmt.Sprintf("cards/geheime-kaart-%d", i), string(record))
	}
	put(t, v, "raw", string(key)+string(seed))
	put(t, v, "gone", string(record))
	if err := v.Delete("gone"); err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if err := v.Export(&backup, []byte("on paper"), quick); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	disk, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secrets := append(vaulttest.Number("balance", 1234567),
		vaulttest.Secret{Name: "key", Bytes: key}, vaulttest.Secret{Name: "seed", Bytes: seed},
		vaulttest.Secret{Name: "claim", Bytes: []byte("Zuidhorn aan Zee")},
		vaulttest.Secret{Name: "record name", Bytes: []byte("geheime-kaart")},
		vaulttest.Secret{Name: "passphrase", Bytes: []byte("correct horse")})
	if found := vaulttest.Find(disk, secrets...); len(found) > 0 {
		t.Errorf("on disk: %q", found)
	}
	if found := vaulttest.Find(backup.Bytes(), secrets...); len(found) > 0 {
		t.Errorf("in the backup: %q", found)
	}
	plain := vaulttest.Find(append(record, seed...), secrets...)
	for _, needed := range []string{"balance as decimal text: raw", "key: base64", "seed: hex", "seed: raw", "claim: raw"} {
		if !slices.Contains(plain, needed) {
			t.Errorf("the search is blind for %q: it found %q", needed, plain)
		}
	}
}

func TestFileInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallet.db")
	file(t, path)
	if _, err := vault.OpenFile(path); !errors.Is(err, vault.ErrInUse) {
		t.Errorf("second opening: got %v, want ErrInUse", err)
	}
}
