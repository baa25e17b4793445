package issuer_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/issuer"
	"kindpakket/issuer/intake"
	"kindpakket/issuer/letter"
	"kindpakket/ledger"
)

func (h *house) imported(file string, dry bool) intake.Report {
	h.t.Helper()
	report, err := h.issuer.ImportFamilies([]byte(file), dry, nil)
	h.must(err)
	return report
}

// TestFamiliesWithFaults: every faulty line by its number and reason, and nothing imported.
func TestFamiliesWithFaults(t *testing.T) {
	h := newHouse(t)
	file, err := os.ReadFile("intake/testdata/zuidhorn/families-with-faults.csv")
	h.must(err)
	report := h.imported(string(file), false)
	got := ""
	for _, f := range report.Faults {
		got += fmt.Sprintf("%d %s\n", f.Line, f.Reason)
	}
	want := "3 twice\n5 no-children\n6 too-short\n7 negative\n8 fraction\n9 empty\n10 not-a-number\n12 out-of-range\n13 formula\n"
	if got != want || report.Good != 3 || report.OK() {
		t.Errorf("got %d good and\n%s", report.Good, got)
	}
	for _, client := range []string{"123456", "349766", "444444"} { // good lines between the faulty ones
		if _, err := h.issuer.OfferFamily(client, issuer.ByValue); !errors.Is(err, issuer.ErrUnknownFamily) {
			t.Errorf("a good line was imported: %v", err)
		}
	}
}

// TestB3FileUploadedTwice: a uniqueness check never checked; the file that was uploaded twice was paid twice.
func TestB3FileUploadedTwice(t *testing.T) {
	h := newHouse(t)
	file, _ := intake.Sample()
	dry := h.imported(string(file), true)
	if first := h.imported(string(file), false); !first.OK() || first.Good != 85 || dry.Good != 85 || dry.Cents != first.Cents {
		t.Fatalf("got %+v", first)
	}
	h.restart()
	again := h.imported(string(file), false)
	if again.Faulty != 85 || again.Good != 0 {
		t.Fatalf("the second upload: %d lines refused", again.Faulty)
	}
	for n, f := range again.Faults {
		if f.Reason != intake.Uploaded || f.Line != n+2 {
			t.Errorf("line %d: %s", f.Line, f.Reason)
		}
	}
	// One known family among new ones: nothing of that file is kept.
	known := strings.Split(strings.Split(string(file), "\r\n")[1], ";")[0]
	if r := h.imported("NR PERS;KINDEREN\n700001;1\n00"+known+";1\n", false); r.Faulty != 1 || r.Faults[0].Line != 3 {
		t.Errorf("one known family: got %+v", r)
	}
	_, err := h.issuer.OfferFamily("700001", issuer.ByValue)
	wantErr(t, "beside a known family", err, issuer.ErrUnknownFamily)
}

// TestNextYear: next year's file has the same families, and they get their card again.
func TestNextYear(t *testing.T) {
	h := newHouse(t)
	h.families()
	h.enrolled(client, 1)
	next := h.fund()
	next.Period = budget.Year(h.Period.Closes.AddDate(0, 0, 2), time.UTC)
	h.must(h.issuer.OpenFund(t.Context(), next))
	h.Clock = next.Period.Opens.Add(time.Hour)
	_, err := h.issuer.OfferFamily(client, issuer.ByValue)
	wantErr(t, "a letter before the new file", err, issuer.ErrHasCard)
	h.families()
	p := h.enrolled(client, 1)
	if v := p.verified(0); v.Claims["period"] != next.Period.ID {
		t.Errorf("got period %v", v.Claims["period"])
	}
	if len(h.accounts()) != 2 {
		t.Errorf("%d budgets", len(h.accounts()))
	}
}

// manyFamilies is a file of n families and their client numbers.
func manyFamilies(n int) (string, []string) {
	var b strings.Builder
	var clients []string
	b.WriteString("NR PERS;KINDEREN\n")
	for i := range n {
		c := fmt.Sprint(987650000000 + i*7)
		clients = append(clients, c)
		fmt.Fprintf(&b, "%s;%d\n", c, 1+i%5)
	}
	return b.String(), clients
}

func TestTwentyThousandFamilies(t *testing.T) {
	h := newHouse(t)
	file, clients := manyFamilies(20_000)
	var last, calls int
	report, err := h.issuer.ImportFamilies([]byte(file), false, func(done, total int) {
		if done <= last || total != 20_000 {
			t.Errorf("progress went from %d to %d of %d", last, done, total)
		}
		last = done
		calls++
	})
	if err != nil || !report.OK() || last != 20_000 || calls < 10 {
		t.Fatalf("got %+v, %v, %d calls up to %d", report, err, calls, last)
	}
	h.offer(clients[19_999])
}

// TestImportOverHTTP: progress comes line by line, and the report at the end.
func TestImportOverHTTP(t *testing.T) {
	h := newHouse(t)
	file, _ := manyFamilies(1200)
	for _, dry := range []bool{true, false} {
		path := "/families"
		if dry {
			path += "?dry_run=1"
		}
		w := h.admin("POST", path, file)
		lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
		if w.Code != 200 || len(lines) < 3 || !strings.Contains(lines[0], `"total":1200`) || !strings.Contains(lines[len(lines)-1], `"good":1200`) {
			t.Errorf("dry %v: got %d, %d lines", dry, w.Code, len(lines))
		}
	}
	if w := h.admin("POST", "/families", strings.Repeat("x", intake.MaxFile+1)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge file: got %d", w.Code)
	}
	if w := h.admin("POST", "/offers", `{"family":"123456","children":2}`); w.Code != 400 {
		t.Errorf("a family and a number: got %d", w.Code)
	}
	if w := h.admin("POST", "/offers", `{"children":21}`); w.Code != 400 {
		t.Errorf("21 children: got %d", w.Code)
	}
	if w := h.admin("POST", "/block", `{"family":"555555","state":"blocked","reason":"x"}`); w.Code != 404 || strings.Contains(w.Body.String(), "555555") {
		t.Errorf("an unknown family: got %d %s", w.Code, w.Body)
	}
}

// encodings are the forms in which a secret could lie on a disk.
func encodings(secret string) [][]byte {
	out := [][]byte{[]byte(secret)}
	forms := [][]byte{[]byte(secret)}
	if len(secret) < 43 {
		// A hash without a key gives a client number away: there are few of them. Of 256 random bits it does not.
		plain := sha256.Sum256([]byte(secret))
		forms, out = append(forms, plain[:]), append(out, plain[:])
	}
	for _, raw := range forms {
		out = append(out, []byte(hex.EncodeToString(raw)), []byte(strings.ToUpper(hex.EncodeToString(raw))))
		// In base64 a text looks otherwise by where it begins: the characters that depend on it alone, for each of three.
		for shift := range 3 {
			text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), raw...))
			from, to := (8*shift+5)/6, (8*(shift+len(raw)))/6
			out = append(out, []byte(text[from:to]), []byte(strings.NewReplacer("+", "-", "/", "_").Replace(text[from:to])))
		}
	}
	var wide, reversed []byte
	for _, c := range []byte(secret) {
		wide = append(wide, c, 0)
		reversed = append([]byte{c}, reversed...)
	}
	out = append(out, wide, reversed)
	var n uint64
	if _, err := fmt.Sscanf(secret, "%d", &n); err == nil && fmt.Sprint(n) == secret && n > 1<<32 {
		out = append(out, binary.BigEndian.AppendUint64(nil, n)[1:], binary.LittleEndian.AppendUint64(nil, n)[:7])
	}
	return out
}

// TestP2NoJoinOnDisk: the join of address, mail, code and client number existed. Here the whole file is searched for client
// numbers, counts, account numbers, codes and reasons, in every encoding.
func TestP2NoJoinOnDisk(t *testing.T) {
	h := newHouse(t)
	const lucky = "918273645546"
	if r := h.imported("NR PERS;KINDEREN\n"+lucky+";2\n827364554637;3\n", false); !r.OK() {
		t.Fatal("not imported")
	}
	h.enrol("trapper", ibanOne)
	h.approve()
	o := h.offer(lucky)
	p := h.phone(1).login(o)
	p.take(p.ask())
	h.paid(p, "trapper", 1234, "fiets")
	h.must(h.issuer.Block(t.Context(), lucky, ledger.Blocked, "een hele goede reden"))
	second := h.offer("827364554637")
	file, report, err := h.issuer.Payout(t.Context(), h.fund(), false)
	if err != nil || len(file) == 0 || report.Total != 1234 {
		t.Fatalf("payout: %+v, %v", report, err)
	}
	h.log.set(down)
	h.issuer.Block(t.Context(), lucky, ledger.Blocked, "nog een goede reden") // waits in the outbox
	disk := h.bytesOnDisk()
	for _, secret := range []string{lucky, "827364554637", ibanOne, o.TxCode, second.TxCode, string(preAuthorized(t, o)), string(preAuthorized(t, second)),
		string(p.token), p.cards[0], "hele goede reden", "nog een goede reden", h.accounts()[0], "12345678", string(file[:200])} {
		for n, form := range encodings(secret) {
			if bytes.Contains(disk, form) {
				t.Errorf("the file holds a secret of %d characters in encoding %d", len(secret), n)
			}
		}
	}
	for _, text := range []string{"children", `"amount"`, "60000", "Winkel", "iban", "tx_hash", "tries"} {
		if bytes.Contains(disk, []byte(text)) {
			t.Errorf("the file holds %q: a record is not sealed", text)
		}
	}
	if strings.Contains(h.logged.String(), lucky) || strings.Contains(h.logged.String(), "reden") {
		t.Error("the log holds a client number or a reason")
	}
}

// TestC6KeysOpenNothingElse: passphrases lay in the repository, and one key opened all. Here a file without its two keys is
// noise, and does not even open.
func TestC6KeysOpenNothingElse(t *testing.T) {
	h := newHouse(t)
	h.families()
	h.must(h.issuer.Close())
	defer h.open()
	for name, change := range map[string]func(*issuer.Config){
		"another data key":  func(c *issuer.Config) { c.DataKey = bytes.Clone(c.DataKey); c.DataKey[31] ^= 1 },
		"another hash key":  func(c *issuer.Config) { c.HashKey = bytes.Clone(c.HashKey); c.HashKey[0] ^= 1 },
		"no data key":       func(c *issuer.Config) { c.DataKey = nil },
		"a short data key":  func(c *issuer.Config) { c.DataKey = c.DataKey[:16] },
		"a short hash key":  func(c *issuer.Config) { c.HashKey = c.HashKey[:31] },
		"keys changed over": func(c *issuer.Config) { c.DataKey, c.HashKey = c.HashKey, c.DataKey },
	} {
		cfg := h.cfg
		change(&cfg)
		i, err := issuer.Open(cfg)
		if err == nil {
			i.Close()
			t.Errorf("%s: it opens", name)
		} else if strings.Contains(err.Error(), string(cfg.DataKey)) && len(cfg.DataKey) > 0 {
			t.Errorf("%s: the error holds the key", name)
		}
	}
	// A file that was never opened has no keys yet: whoever makes it decides.
	wantErr(t, "creating it again", issuer.Create(h.cfg.Path), issuer.ErrExists)
	other := h.cfg
	other.Path = t.TempDir() + "/other.db"
	h.must(os.WriteFile(other.Path, make([]byte, 1<<16), 0o600))
	if i, err := issuer.Open(other); err == nil {
		i.Close()
		t.Error("a file of zeros opens")
	}
}

func (h *house) letters(r issuer.LettersRequest) string {
	h.t.Helper()
	var out bytes.Buffer
	h.must(h.issuer.Letters(h.t.Context(), &out, r, nil))
	return out.String()
}

// TestLetters: a letter for every family that has neither card nor a letter that works, addressed by file and line.
func TestLetters(t *testing.T) {
	h := newHouse(t)
	h.families()
	h.imported("NR PERS;KINDEREN\n700001;1\n\n700002;1\n", false)
	_, err := h.issuer.OfferChildren(2, issuer.ByValue) // stands in no file: nobody could address it
	h.must(err)
	h.enrolled(client, 1)
	kept := h.offer("700001")
	h.must(h.issuer.Revoke(t.Context(), "700002", "a mistake"))
	r := issuer.LettersRequest{Lang: "nl", Sender: letter.Sender{Name: "Gemeente Zuidhorn", Phone: "0594 123 456"}}
	page := h.letters(r)
	if !strings.Contains(page, "Bestand 1, regel 3") || strings.Count(page, "<svg") != 1 || !strings.HasSuffix(strings.TrimSpace(page), "</html>") {
		t.Errorf("got %d letters", strings.Count(page, "<svg"))
	}
	for _, secret := range []string{client, other, "700001", "90000", "€"} {
		if strings.Contains(page, secret) {
			t.Errorf("the letters say %q", secret)
		}
	}
	wantErr(t, "nobody waits", h.issuer.Letters(t.Context(), new(bytes.Buffer), r, nil), issuer.ErrNoLetters)
	h.phone(1).login(kept) // a letter that was out kept its code

	r.Again, r.Form, r.Lang = true, issuer.ByReference, "en"
	page = h.letters(r)
	if strings.Count(page, "<svg") != 2 || !strings.Contains(page, "File 1, line 3") || !strings.Contains(page, "File 2, line 2") {
		t.Errorf("again: got %d letters", strings.Count(page, "<svg"))
	}
	h.Clock = h.Clock.Add(issuer.OfferLife)
	if n := strings.Count(h.letters(issuer.LettersRequest{Lang: "nl", Sender: r.Sender}), "<svg"); n != 2 {
		t.Errorf("after the letters ran out: %d letters", n)
	}
}

// TestLettersRefused: what is out of shape is found before any offer is made, and the letters that are out stay good.
func TestLettersRefused(t *testing.T) {
	h := newHouse(t)
	h.families()
	out := h.offer(client)
	for name, r := range map[string]issuer.LettersRequest{
		"no phone": {Lang: "nl", Again: true},
		"language": {Lang: "fr", Again: true, Sender: letter.Sender{Phone: "1"}},
		"app":      {Lang: "nl", Again: true, Sender: letter.Sender{Phone: "1", App: "javascript:alert(1)"}},
	} {
		var page bytes.Buffer
		if err := h.issuer.Letters(t.Context(), &page, r, nil); !errors.Is(err, letter.ErrLetter) || page.Len() > 0 {
			t.Errorf("%s: got %v", name, err)
		}
		if w := h.admin("POST", "/letters", r); w.Code != 400 {
			t.Errorf("%s: got %d", name, w.Code)
		}
	}
	if w := h.admin("POST", "/letters", "{"); w.Code != 400 {
		t.Errorf("not JSON: got %d", w.Code)
	}
	h.phone(1).login(out)
	w := h.admin("POST", "/letters", issuer.LettersRequest{Lang: "nl", Sender: letter.Sender{Phone: "1"}})
	policy, err := letter.Policy()
	h.must(err)
	if w.Code != 200 || w.Header().Get("Content-Security-Policy") != policy || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
	if w := h.admin("POST", "/letters", issuer.LettersRequest{Lang: "nl", Sender: letter.Sender{Phone: "1"}}); w.Code != 409 {
		t.Errorf("nobody waits: got %d", w.Code)
	}
}

// TestOfferAll: in batches, with progress, and each offer is good.
func TestOfferAll(t *testing.T) {
	h := newHouse(t)
	file, _ := manyFamilies(450)
	h.imported(file, false)
	last := 0
	offers, err := h.issuer.OfferAll(t.Context(), issuer.ByValue, false, func(done, total int) {
		if total != 450 {
			t.Errorf("%d of %d", done, total)
		}
		last = done
	})
	if err != nil || len(offers) != 450 || last != 450 {
		t.Fatalf("got %d offers, %v", len(offers), err)
	}
	seen := map[string]bool{}
	for n, o := range offers {
		if o.Line != n+2 || o.Upload != 1 || seen[o.URI] {
			t.Errorf("offer %d: file %d, line %d", n, o.Upload, o.Line)
		}
		seen[o.URI] = true
	}
	p := h.phone(1).login(offers[449].Offered)
	p.take(p.ask())
	if b, err := json.Marshal(offers[0]); err != nil || !bytes.Contains(b, []byte("credential_offer_uri")) {
		t.Error("an offer does not travel")
	}
}
