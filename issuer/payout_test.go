package issuer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/issuer"
	"kindpakket/issuer/pain001"
	"kindpakket/ledger"
)

// market is a house with two shops whose account numbers were approved, and a family with a card.
func market(t *testing.T) (*house, *phone) {
	t.Helper()
	h := newHouse(t)
	h.families()
	h.enrol("trapper", ibanOne)
	h.enrol("plein", ibanTwo)
	h.approve()
	return h, h.enrolled(client, 1)
}

// payout runs the payout and checks that its file equals the ledger.
func (h *house) payout() ([]byte, issuer.PayoutReport) {
	h.t.Helper()
	file, report, err := h.issuer.Payout(h.t.Context(), h.fund(), false)
	h.must(err)
	if file != nil {
		h.audited(file, report)
	}
	return file, report
}

func (h *house) audited(file []byte, report issuer.PayoutReport) {
	h.t.Helper()
	audit, err := h.issuer.AuditPayout(h.t.Context(), h.fund(), file)
	h.must(err)
	parsed, err := pain001.Parse(file)
	h.must(err)
	total, err := parsed.Total()
	h.must(err)
	if total != report.Total || audit.Total != report.Total || len(parsed.Payments) != len(report.Paid) || audit.SHA256 != report.SHA256 {
		h.t.Errorf("the file pays %v, the report says %v, the ledger %v", total, report.Total, audit.Total)
	}
}

// paidOut sums what the ledger says was paid to each shop.
func (h *house) paidOut() map[string]budget.Cents {
	out := map[string]budget.Cents{}
	for _, e := range h.entries(ledger.KindPayout) {
		p := statement[ledger.Payout](h.t, e)
		out[p.Shop] += p.Total
	}
	return out
}

func lines(ls []issuer.PayoutLine) string {
	var out []string
	for _, l := range ls {
		out = append(out, fmt.Sprintf("%s %d/%d", l.Shop, l.Total, l.Entries))
	}
	return strings.Join(out, ", ")
}

// TestPayout nets spends and returns, carries over what is negative, and holds what was not approved.
func TestPayout(t *testing.T) {
	h, p := market(t)
	if file, report := h.payout(); file != nil || report.Run != "" {
		t.Errorf("with nothing sold: got %+v", report)
	}
	bike := h.paid(p, "trapper", 5000, "fiets")
	h.paid(p, "trapper", 1250, "sport")
	h.returned(p, "trapper", bike, 2000, "fiets")
	book := h.paid(p, "plein", 900, "boeken")
	_, dry, err := h.issuer.Payout(t.Context(), h.fund(), true)
	h.must(err)
	if lines(dry.Paid) != "Winkel plein 900/1, Winkel trapper 4250/3" || dry.Total != 5150 || len(h.paidOut()) != 0 {
		t.Errorf("dry run: %s", lines(dry.Paid))
	}
	file, first := h.payout()
	parsed, err := pain001.Parse(file)
	h.must(err)
	if parsed.Payments[1].Creditor.Account != ibanOne || parsed.Payments[1].Amount != 4250 || parsed.Debtor.Account != h.cfg.Debtor.Account {
		t.Errorf("got %+v", parsed.Payments)
	}
	if file, again := h.payout(); file != nil || again.Run != "" {
		t.Errorf("a second run pays again: %+v", again)
	}
	if kept, err := h.issuer.PayoutFile(first.Run); err != nil || !bytes.Equal(kept, file) {
		t.Errorf("the file again: %v", err)
	}
	if w := h.admin("GET", "/payouts/"+first.Run, nil); w.Code != 200 || w.Body.String() != string(file) {
		t.Errorf("the file again over HTTP: got %d", w.Code)
	}
	if w := h.admin("GET", "/payouts/000099", nil); w.Code != 400 {
		t.Errorf("a run that never was: got %d", w.Code)
	}

	// More comes back than is sold: carried over until the shop has sold enough.
	h.returned(p, "plein", book, 900, "boeken")
	if file, report := h.payout(); file != nil || lines(report.Carried) != "Winkel plein -900/1" {
		t.Errorf("carried: %s", lines(report.Carried))
	}
	h.paid(p, "plein", 1000, "boeken")
	if _, report := h.payout(); lines(report.Paid) != "Winkel plein 100/2" {
		t.Errorf("netted: %s", lines(report.Paid))
	}

	// A changed account number is held until two officials have said yes to it; the older file stays good.
	h.enrol("trapper", "NL15TEST0000000003")
	h.paid(p, "trapper", 700, "fiets")
	if file, report := h.payout(); file != nil || lines(report.Held) != "Winkel trapper 700/1" {
		t.Errorf("held: %s", lines(report.Held))
	}
	h.audited(file, first)
	_, err = h.issuer.ApproveAccounts("a", nil)
	h.must(err)
	if file, _ := h.payout(); file != nil {
		t.Error("one official was enough")
	}
	h.approve()
	file, _ = h.payout()
	if parsed, err := pain001.Parse(file); err != nil || parsed.Payments[0].Creditor.Account != "NL15TEST0000000003" {
		t.Errorf("paid to another account, %v", err)
	}
	if got := h.paidOut(); got[h.Shops["trapper"].DID] != 4950 || got[h.Shops["plein"].DID] != 1000 {
		t.Errorf("paid in all: %v", got)
	}
}

// TestPayoutLateSpend: what is sold between the plan and its entry stays for the next run.
func TestPayoutLateSpend(t *testing.T) {
	h, p := market(t)
	h.paid(p, "trapper", 5000, "fiets")
	h.log.set(only(ledger.KindPayout, func(_ ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) {
		h.log.set(nil)
		h.paid(p, "trapper", 300, "fiets")
		return next()
	}))
	if _, report := h.payout(); lines(report.Paid) != "Winkel trapper 5000/1" {
		t.Errorf("first: %s", lines(report.Paid))
	}
	if _, report := h.payout(); lines(report.Paid) != "Winkel trapper 300/1" {
		t.Errorf("second: %s", lines(report.Paid))
	}
}

// crashes are the places at which a payout of two shops can die: before or after the ledger has each statement. The other
// places, after the plan was kept, after it was anchored and after it was released, are the same files opened again.
func crashes(h *house) map[string]fault {
	at := func(n int, f fault) fault {
		seen := 0
		return only(ledger.KindPayout, func(c ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) {
			if seen++; seen == n {
				return f(c, next)
			}
			return next()
		})
	}
	return map[string]fault{
		"plan kept":             at(1, down),
		"first one's answer":    at(1, lost),
		"between the two":       at(2, down),
		"second one's answer":   at(2, lost),
		"the process is killed": at(2, func(c ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) { panic(h) }),
	}
}

// crash runs a payout that dies there.
func (h *house) crash() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("killed")
		}
	}()
	_, _, err = h.issuer.Payout(h.t.Context(), h.fund(), false)
	return err
}

// testCrash is a payout that dies at each place, and what is paid after it was opened again.
func testCrash(t *testing.T, then func(h *house, p *phone)) {
	for name := range crashes(nil) {
		t.Run(name, func(t *testing.T) {
			h, p := market(t)
			h.paid(p, "trapper", 5000, "fiets")
			h.paid(p, "plein", 900, "boeken")
			h.log.set(crashes(h)[name])
			if h.crash() == nil {
				t.Fatal("it did not die")
			}
			h.log.set(nil)
			h.restart()
			then(h, p)
		})
	}
}

// TestB2PayoutOnce: payment without an idempotency key paid twice. Wherever a run dies, the shops are paid once.
func TestB2PayoutOnce(t *testing.T) {
	testCrash(t, func(h *house, p *phone) {
		h.paid(p, "trapper", 100, "fiets") // and business goes on
		files := map[string]bool{}
		var total budget.Cents
		for range 4 {
			file, report := h.payout()
			if file == nil {
				continue
			}
			if files[string(file)] {
				t.Error("a file was released twice")
			}
			files[string(file)] = true
			total += report.Total
			h.restart()
		}
		got := h.paidOut()
		if got[h.Shops["trapper"].DID] != 5100 || got[h.Shops["plein"].DID] != 900 || total != 6000 {
			t.Errorf("paid %v by files of %v, want € 51 and € 9", got, total)
		}
	})
}

// TestD1NothingPaidBesideTheLedger: the euros were paid even when the chain refused. No file comes out before the ledger has
// every entry of it, and each that comes out equals the ledger.
func TestD1NothingPaidBesideTheLedger(t *testing.T) {
	testCrash(t, func(h *house, _ *phone) {
		// Still down: still nothing comes out.
		h.log.set(down)
		if file, _, err := h.issuer.Payout(h.t.Context(), h.fund(), false); file != nil || err == nil {
			t.Errorf("a file came out while the ledger is down: %v", err)
		}
		h.log.set(nil)
		file, report := h.payout()
		if !report.Resumed || report.Total != 5900 || file == nil {
			t.Errorf("got %+v", report)
		}
	})
	t.Run("the ledger refuses", func(t *testing.T) {
		h, p := market(t)
		h.paid(p, "trapper", 5000, "fiets")
		// Somebody with the municipality's key has paid the shop already, between the plan and its entry.
		h.log.set(only(ledger.KindPayout, func(_ ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) {
			h.log.set(nil)
			first := h.entries(ledger.KindSpend)[0].Index
			h.must(h.anchored("trapper", first, first, 5000, 1, ledger.Hash{1}))
			return next()
		}))
		file, _, err := h.issuer.Payout(t.Context(), h.fund(), false)
		if file != nil || !errors.Is(err, issuer.ErrPayoutConflict) || !errors.Is(err, ledger.AlreadyPaidOut) {
			t.Fatalf("got %d bytes, %v", len(file), err)
		}
		// None of that plan stands on the ledger, so it holds up nothing.
		h.paid(p, "trapper", 300, "fiets")
		if _, report := h.payout(); lines(report.Paid) != "Winkel trapper 300/1" || report.Resumed {
			t.Errorf("the next run: %+v", report)
		}
	})
	t.Run("the ledger refuses the second", func(t *testing.T) {
		h, p := market(t)
		h.paid(p, "plein", 900, "boeken")
		h.paid(p, "trapper", 5000, "fiets")
		h.log.set(only(ledger.KindPayout, func(c ledger.Command, next func() (ledger.Receipt, error)) (ledger.Receipt, error) {
			r, err := next()
			h.log.set(nil)
			first := h.entries(ledger.KindSpend)[1].Index
			h.must(h.anchored("trapper", first, first, 5000, 1, ledger.Hash{1}))
			return r, err
		}))
		for range 3 { // half of the file is on the ledger: people must look, and until then nothing comes out
			file, _, err := h.issuer.Payout(t.Context(), h.fund(), false)
			if file != nil || !errors.Is(err, issuer.ErrPayoutConflict) {
				t.Fatalf("got %d bytes, %v", len(file), err)
			}
			h.restart()
		}
	})
}

// anchored puts a payout on the ledger that the issuer did not make.
func (h *house) anchored(shop string, first, last uint64, total budget.Cents, entries int, file ledger.Hash) error {
	payload, err := ledger.Payload(ledger.Payout{Head: h.Head(ledger.KindPayout), Shop: h.Shops[shop].DID, First: first, Last: last, Total: total,
		Entries: entries, FileSHA256: file})
	h.must(err)
	jws, err := jose.Sign(h.Key, jose.Header{Type: ledger.StatementJWSType, KeyID: h.issuer.StatementKeyID()}, payload)
	h.must(err)
	c, err := ledger.NewCommand(ledger.KindPayout, ledger.SignedBody{JWS: jws})
	h.must(err)
	_, err = h.ledger.Append(h.t.Context(), c)
	return err
}

// TestAuditPayout finds each kind of tampering.
func TestAuditPayout(t *testing.T) {
	h, p := market(t)
	h.paid(p, "trapper", 5000, "fiets")
	h.paid(p, "plein", 900, "boeken")
	file, report := h.payout()
	wantFault := func(name string, file []byte) {
		t.Helper()
		if _, err := h.issuer.AuditPayout(t.Context(), h.fund(), file); !errors.Is(err, issuer.ErrPayoutFile) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, change := range map[string][2]string{
		"an amount":         {"50.00", "60.00"},
		"an account":        {ibanOne, ibanTwo},
		"a name":            {"Winkel trapper", "Winkel trippel"},
		"an id":             {"<EndToEndId>KP-", "<EndToEndId>KP-1"},
		"the day":           {"2027-03-01</Dt>", "2027-03-02</Dt>"},
		"the debtor":        {string(h.cfg.Debtor.Account), ibanTwo},
		"a space at an end": {"</Document>", "</Document> "},
	} {
		changed := strings.ReplaceAll(string(file), change[0], change[1])
		if changed == string(file) {
			t.Fatalf("%s: nothing changed", name)
		}
		wantFault(name, []byte(changed))
	}
	parsed, err := pain001.Parse(file)
	h.must(err)
	for name, change := range map[string]func(*pain001.File){
		"a payment less": func(f *pain001.File) { f.Payments = f.Payments[:1] },
		"a payment more": func(f *pain001.File) {
			f.Payments = append(f.Payments, f.Payments[0])
			f.Payments[2].EndToEnd = "KP-999"
		},
		"two payments swap": func(f *pain001.File) {
			f.Payments[0].Amount, f.Payments[1].Amount = f.Payments[1].Amount, f.Payments[0].Amount
		},
	} {
		f := parsed
		f.Payments = append([]pain001.Payment{}, parsed.Payments...)
		change(&f)
		b, err := f.Bytes()
		h.must(err)
		wantFault(name, b)
	}
	wantFault("nothing", nil)
	wantFault("something else", []byte("<Document/>"))

	// An insider with the municipality's key anchors a file to an account of his own: the ledger agrees, the officials did not.
	h.paid(p, "trapper", 700, "fiets")
	n := h.entries(ledger.KindSpend)[2].Index
	mine := parsed
	mine.Payments = []pain001.Payment{{EndToEnd: fmt.Sprintf("KP-%d", n), Creditor: pain001.Party{Name: "Winkel trapper", Account: ibanTwo}, Amount: 700, Text: "x"}}
	b, err := mine.Bytes()
	h.must(err)
	h.must(h.anchored("trapper", n, n, 700, 1, sha256.Sum256(b)))
	wantFault("an account that nobody approved", b)

	// An insider adds a shop's payout to a file that was released: the file has fewer payments than the ledger.
	h.paid(p, "plein", 100, "boeken")
	n = h.entries(ledger.KindSpend)[3].Index
	h.must(h.anchored("plein", n, n, 100, 1, report.SHA256))
	wantFault("an entry without its payment", file)
}

// TestLedgerThatLies: what a ledger hands out must be what it signed for, even if it is a whole chain in itself.
func TestLedgerThatLies(t *testing.T) {
	h, p := market(t)
	h.paid(p, "trapper", 5000, "fiets")
	more := h.Pay(p.holder(0), "trapper", 50000, "fiets")
	remade := func(rows [][]byte) (out [][]byte) {
		prev := ledger.GenesisPrev(h.Origin)
		for n, raw := range rows {
			e, err := ledger.ParseEntry(raw)
			h.must(err)
			c := e.Command()
			if c.Kind == ledger.KindSpend {
				c = more
			}
			e, err = ledger.NewEntry(uint64(n), prev, e.Time, c)
			h.must(err)
			prev, out = ledger.LeafHash(e.Raw), append(out, e.Raw)
		}
		return out
	}
	short := func(rows [][]byte) [][]byte { return rows[:0] }
	for name, lie := range map[string]func([][]byte) [][]byte{"another chain": remade, "a short one": short} {
		cfg := h.cfg
		cfg.Log = lyingLog{h.ledger, lie}
		h.must(h.issuer.Close())
		i, err := issuer.Open(cfg)
		h.must(err)
		if _, report, err := i.Payout(t.Context(), h.fund(), true); err == nil {
			t.Errorf("%s: would pay %v", name, report.Total)
		}
		h.must(i.Close())
		h.open()
	}
	if _, report := h.payout(); report.Total != 5000 {
		t.Errorf("the truth: got %v", report.Total)
	}
}

// lyingLog answers Entries with what it likes.
type lyingLog struct {
	ledger.Log
	lie func([][]byte) [][]byte
}

func (l lyingLog) Entries(ctx context.Context, from, to uint64) ([][]byte, error) {
	rows, err := l.Log.Entries(ctx, from, to)
	return l.lie(rows), err
}

// TestPayoutAccountChangesMeanwhile: a new account number reaches the shop between the plan and the file. Nothing is
// planned for an account that nobody approved.
func TestPayoutAccountChangesMeanwhile(t *testing.T) {
	h, p := market(t)
	h.paid(p, "trapper", 5000, "fiets")
	report, err := h.issuer.PlanPayout(t.Context(), h.fund())
	h.must(err)
	if len(report.Paid) != 1 {
		t.Fatalf("plan: got %+v, want one shop", report)
	}
	h.enrol("trapper", ibanTwo)
	wantErr(t, "keeping the plan", h.issuer.KeepPlan(h.fund(), report), issuer.ErrPayoutConflict)
	file, again, err := h.issuer.Payout(t.Context(), h.fund(), false)
	h.must(err)
	if file != nil || len(again.Held) != 1 {
		t.Errorf("the next run: got %d bytes and %+v, want the shop held", len(file), again)
	}
}
