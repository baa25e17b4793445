package vault

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxBackup is the largest backup that is written or read, in bytes.
const MaxBackup = 32 << 20

// ErrBackup is returned by [Vault.Import] for a file that is no backup, or one that was damaged.
var ErrBackup = errors.New("not a backup of a Kindpakket wallet, or a damaged one")

// backupTitle is the first line of a backup. The second is its lock as JSON, the rest is sealed under it and bound to
// both lines.
const backupTitle = "kindpakket-backup/1"

// Export writes all records as one encrypted file, locked with a passphrase of its own at the given costs (zero: the
// default). The file can be kept anywhere: without the passphrase it tells only about how long it is.
func (v *Vault) Export(w io.Writer, passphrase []byte, p Params) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	all, err := v.all()
	if err != nil {
		return err
	}
	plain := binary.BigEndian.AppendUint32(nil, uint32(len(all)))
	for _, r := range all {
		plain = appendRecord(plain, r)
	}
	plain = append(plain, make([]byte, (4096-len(plain)%4096)%4096)...)
	l, err := newLock(p, v.rand)
	if err != nil {
		return err
	}
	a, err := l.aead(passphrase)
	if err != nil {
		return err
	}
	line, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("writing backup: %w", err)
	}
	sealed, err := seal(a, v.rand, plain, l.ad(backupTitle))
	if err != nil {
		return err
	}
	file := bytes.Join([][]byte{[]byte(backupTitle), line, sealed}, []byte("\n"))
	if len(file) > MaxBackup {
		return fmt.Errorf("writing backup: larger than %d bytes", MaxBackup)
	}
	if _, err := w.Write(file); err != nil {
		return fmt.Errorf("writing backup: %w", err)
	}
	return nil
}

// Import fills an empty vault with the records of a backup, all in one step. The vault keeps its own passphrase and
// key. It returns [ErrNotEmpty] if the vault holds a record, [ErrPassphrase] if the passphrase is not the backup's and
// [ErrBackup] if the file is none.
func (v *Vault) Import(r io.Reader, passphrase []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.key == nil {
		return ErrClosed
	}
	there, err := v.all()
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return ErrNotEmpty
	}
	file, err := io.ReadAll(io.LimitReader(r, MaxBackup+1))
	if err != nil {
		return fmt.Errorf("reading backup: %w", err)
	}
	records, err := readBackup(file, passphrase)
	if err != nil {
		return err
	}
	return v.write(records)
}

func readBackup(file, passphrase []byte) ([]Record, error) {
	l, sealed, err := parseBackup(file)
	if err != nil {
		return nil, err
	}
	a, err := l.aead(passphrase)
	if err != nil {
		return nil, err
	}
	plain, err := open(a, sealed, l.ad(backupTitle))
	if err != nil {
		return nil, ErrPassphrase
	}
	return parseRecords(plain)
}

func parseBackup(file []byte) (l lock, sealed []byte, err error) {
	if len(file) > MaxBackup {
		return l, nil, fmt.Errorf("%w: larger than %d bytes", ErrBackup, MaxBackup)
	}
	title, rest, ok := bytes.Cut(file, []byte("\n"))
	if !ok || string(title) != backupTitle {
		return l, nil, ErrBackup
	}
	line, sealed, ok := bytes.Cut(rest, []byte("\n"))
	if !ok || len(line) > maxHeader {
		return l, nil, ErrBackup
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, nil, fmt.Errorf("%w: its second line is not JSON of its shape", ErrBackup)
	}
	if err := l.verify(); err != nil {
		return l, nil, fmt.Errorf("%w: %w", ErrBackup, err)
	}
	return l, sealed, nil
}

func parseRecords(plain []byte) ([]Record, error) {
	if len(plain) < 4 {
		return nil, ErrBackup
	}
	count, rest := binary.BigEndian.Uint32(plain), plain[4:]
	// Nine bytes are the least that a record takes: a count cannot make us allocate more than the file is long.
	if uint64(count) > uint64(len(rest)/9) {
		return nil, ErrBackup
	}
	records := make([]Record, count)
	seen := map[string]bool{}
	for i := range records {
		var err error
		if records[i], rest, err = cutRecord(rest); err != nil {
			return nil, ErrBackup
		}
		if seen[records[i].Name] {
			return nil, fmt.Errorf("%w: a record comes twice", ErrBackup)
		}
		seen[records[i].Name] = true
		if records[i].Value == nil {
			records[i].Value = []byte{}
		}
	}
	if len(bytes.Trim(rest, "\x00")) > 0 {
		return nil, ErrBackup
	}
	return records, nil
}
