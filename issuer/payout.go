package issuer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/credential/jose"
	"kindpakket/issuer/pain001"
	"kindpakket/ledger"
)

// A payout run goes through three steps, each on disk before the next begins:
//
//	planned    the file and the signed payout statements are made and kept
//	anchored   every statement stands on the ledger, with the file's hash
//	released   the file was handed out
//
// Nothing is handed out before it is anchored, the statements of a run never change, and the ledger takes each of them
// once. So a crash between any two steps, or a second run, pays nothing twice (B2, D1).
type payoutRecord struct {
	Run      string           `json:"run"`
	File     []byte           `json:"file"`
	Commands []ledger.Command `json:"commands"`
	Anchored bool             `json:"anchored"`
	Released bool             `json:"released"`
	Report   PayoutReport     `json:"report"`
}

// PayoutReport says what a payout run pays and what it leaves.
type PayoutReport struct {
	Run     string       `json:"run,omitempty"` // empty if there is nothing to pay
	Fund    string       `json:"fund"`
	Period  string       `json:"period"`
	Total   budget.Cents `json:"total"`
	SHA256  ledger.Hash  `json:"sha256,omitzero"` // of the file
	Paid    []PayoutLine `json:"paid"`
	Carried []PayoutLine `json:"carried"` // more came back than was sold: taken off the next payout
	Held    []PayoutLine `json:"held"`    // the account number lacks the yes of two officials
	Resumed bool         `json:"resumed"` // an earlier run that was not finished
}

// PayoutLine is one shop in a payout.
type PayoutLine struct {
	Shop    string       `json:"shop"` // trade name
	DID     string       `json:"did"`
	First   uint64       `json:"first"`
	Last    uint64       `json:"last"`
	Entries int          `json:"entries"`
	Total   budget.Cents `json:"total"`
}

// Errors of payouts.
var (
	ErrPayoutConflict = errors.New("the ledger refused a payout that was planned; it must be looked at before the next")
	ErrPayoutFile     = errors.New("the payment file does not equal the ledger")
)

// Payout makes the next payment file for the fund and period: each shop's spends less its returns since its last
// payout. A run that was not finished is finished first, and its file is returned. With dry set it only reports.
// The file is nil if there is nothing to pay.
func (i *Issuer) Payout(ctx context.Context, f FundSpec, dry bool) ([]byte, PayoutReport, error) {
	i.office.Lock()
	defer i.office.Unlock()
	open, err := i.openRun()
	if err != nil {
		return nil, PayoutReport{}, err
	}
	if open == nil {
		report, err := i.planPayout(ctx, f)
		if err != nil || dry || len(report.Paid) == 0 {
			return nil, report, err
		}
		if open, err = i.keepPlan(f, report); err != nil {
			return nil, report, err
		}
	} else {
		open.Report.Resumed = true
		if dry {
			return nil, open.Report, nil
		}
	}
	if !open.Anchored {
		for n, c := range open.Commands {
			if _, err := i.append(ctx, c); err != nil {
				var refusal *ledger.Refusal
				if !errors.As(err, &refusal) {
					return nil, open.Report, err
				}
				if n == 0 {
					// They go out in this order: none of them stands on the ledger. The plan was made from other books
					// than the ledger's, and a new one can be made.
					err = errors.Join(err, i.dropRun(open.Run))
				}
				return nil, open.Report, fmt.Errorf("%w: %w", ErrPayoutConflict, err)
			}
		}
		open.Anchored = true
		if err := i.keepRun(open); err != nil {
			return nil, open.Report, err
		}
	}
	open.Released = true
	if err := i.keepRun(open); err != nil {
		return nil, open.Report, err
	}
	return open.File, open.Report, nil
}

// PayoutFile returns the file of an earlier run again. It is the same file: the bank knows it by its message id and pays
// it once.
func (i *Issuer) PayoutFile(run string) ([]byte, error) {
	var r payoutRecord
	err := i.db.View(func(tx *bbolt.Tx) error {
		ok, err := i.get(tx, "payouts", []byte(run), &r)
		if err == nil && (!ok || !r.Released) {
			err = fmt.Errorf("%w: no payout run has this number", ErrInput)
		}
		return err
	})
	return r.File, err
}

// openRun returns the run that was not finished, or nil.
func (i *Issuer) openRun() (open *payoutRecord, err error) {
	err = i.db.View(func(tx *bbolt.Tx) error {
		return each(i.store, tx, "payouts", func(_ []byte, r payoutRecord) error {
			if !r.Released {
				open = &r
			}
			return nil
		})
	})
	return open, err
}

func (i *Issuer) dropRun(run string) error {
	return i.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("payouts")).Delete([]byte(run)) })
}

func (i *Issuer) keepRun(r *payoutRecord) error {
	return i.db.Update(func(tx *bbolt.Tx) error { return i.put(tx, "payouts", []byte(r.Run), *r) })
}

// A row is a spend (positive) or a return (negative) at a shop.
type row struct {
	index  uint64
	amount budget.Cents
}

func sum(rows []row) (total budget.Cents) {
	for _, r := range rows {
		total += r.amount
	}
	return total
}

// unpaid reads the ledger and returns, by the shop's DID, the rows of the fund and period that stand in no payout.
func (i *Issuer) unpaid(ctx context.Context, f FundSpec) (map[string][]row, error) {
	out := map[string][]row{}
	add := func(index uint64, text string, sign budget.Cents) error {
		token, err := jose.Parse(text)
		if err != nil {
			return err
		}
		o, err := budget.ParseOrder(token.Payload)
		if err == nil && o.Fund == f.Fund && o.Period == f.Period.ID {
			out[o.Shop] = append(out[o.Shop], row{index, sign * o.Amount})
		}
		return err
	}
	err := i.scan(ctx, func(e ledger.Entry) error {
		switch e.Kind {
		case ledger.KindSpend:
			b, err := ledger.ParseBody[ledger.SpendBody](e.Command())
			if err != nil {
				return err
			}
			return add(e.Index, b.Order, 1)
		case ledger.KindReturn:
			b, err := ledger.ParseBody[ledger.OrderBody](e.Command())
			if err != nil {
				return err
			}
			return add(e.Index, b.Order, -1)
		case ledger.KindPayout:
			p, err := payoutOf(e)
			if err != nil || p.Fund != f.Fund || p.Period != f.Period.ID {
				return err
			}
			// More rows may have come in between the plan of a payout and its entry; they stay.
			rows := out[p.Shop]
			n := 0
			for n < len(rows) && rows[n].index <= p.Last {
				n++
			}
			if n != p.Entries || sum(rows[:n]) != p.Total {
				return fmt.Errorf("%w: a payout covers other rows than the ledger has", ErrPayoutConflict)
			}
			out[p.Shop] = rows[n:]
		}
		return nil
	})
	return out, err
}

func payoutOf(e ledger.Entry) (ledger.Payout, error) {
	b, err := ledger.ParseBody[ledger.SignedBody](e.Command())
	if err != nil {
		return ledger.Payout{}, err
	}
	token, err := jose.Parse(b.JWS)
	if err != nil {
		return ledger.Payout{}, err
	}
	return ledger.ParseStatement[ledger.Payout](token.Payload)
}

// scan reads every entry of the ledger up to its newest checkpoint and checks that they are the ones it signed for: each
// names the hash of the one before, and a receipt proves the last.
func (i *Issuer) scan(ctx context.Context, f func(ledger.Entry) error) error {
	signed, err := i.cfg.Log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	c, err := i.cfg.Policy.Open(signed)
	if err != nil {
		return err
	}
	if c.Origin != i.cfg.Origin {
		return fmt.Errorf("reading ledger: its checkpoint is of another ledger")
	}
	prev, last := ledger.GenesisPrev(c.Origin), []byte(nil)
	for next := uint64(0); next < c.Size; {
		rows, err := i.cfg.Log.Entries(ctx, next, c.Size)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return fmt.Errorf("%w: it ends before its checkpoint", ledger.ErrUnavailable)
		}
		for _, raw := range rows {
			e, err := ledger.ParseEntry(raw)
			if err != nil || e.Index != next || e.Prev != prev {
				return fmt.Errorf("reading ledger: entry %d breaks the chain", next)
			}
			prev, last = ledger.LeafHash(raw), raw
			if err := f(e); err != nil {
				return fmt.Errorf("reading entry %d: %w", next, err)
			}
			next++
		}
	}
	if c.Size == 0 {
		return nil
	}
	receipt, err := i.cfg.Log.Receipt(ctx, c.Size-1)
	if err != nil {
		return err
	}
	proven, err := ledger.Verify(receipt, i.cfg.Policy)
	if err != nil || !bytes.Equal(proven.Raw, last) {
		return fmt.Errorf("reading ledger: its last entry is not the one it signed for")
	}
	return nil
}

// planPayout works out who is paid what.
func (i *Issuer) planPayout(ctx context.Context, f FundSpec) (PayoutReport, error) {
	report := PayoutReport{Fund: f.Fund, Period: f.Period.ID, Paid: []PayoutLine{}, Carried: []PayoutLine{}, Held: []PayoutLine{}}
	unpaid, err := i.unpaid(ctx, f)
	if err != nil {
		return report, err
	}
	shops := map[string]shopRecord{}
	if err := i.db.View(func(tx *bbolt.Tx) error {
		return each(i.store, tx, "shops", func(_ []byte, s shopRecord) error {
			shops[s.DID] = s
			return nil
		})
	}); err != nil {
		return report, err
	}
	for did, rows := range unpaid {
		if len(rows) == 0 {
			continue
		}
		shop := shops[did]
		line := PayoutLine{Shop: cmp.Or(shop.Name, did), DID: did, First: rows[0].index, Last: rows[len(rows)-1].index,
			Entries: len(rows), Total: sum(rows)}
		switch {
		case line.Total <= 0:
			report.Carried = append(report.Carried, line)
		case len(shop.Approved) < approvalsNeeded:
			report.Held = append(report.Held, line)
		default:
			report.Paid = append(report.Paid, line)
			report.Total += line.Total
		}
	}
	for _, lines := range [][]PayoutLine{report.Paid, report.Carried, report.Held} {
		slices.SortFunc(lines, func(a, b PayoutLine) int { return cmp.Compare(a.Shop, b.Shop) })
	}
	return report, nil
}

// keepPlan makes the file and the statements of a run and keeps them.
func (i *Issuer) keepPlan(f FundSpec, report PayoutReport) (*payoutRecord, error) {
	at := i.now()
	var r payoutRecord
	err := i.db.Update(func(tx *bbolt.Tx) error {
		n, err := tx.Bucket([]byte("payouts")).NextSequence()
		if err != nil {
			return err
		}
		report.Run = fmt.Sprintf("%06d", n)
		file := pain001.File{Message: fmt.Sprintf("KP-%s-%s", report.Run, at.Format("20060102150405")), Created: at,
			Execution: at.Truncate(24 * time.Hour), Debtor: i.cfg.Debtor}
		for _, line := range report.Paid {
			var shop shopRecord
			if ok, err := i.get(tx, "shops", []byte(line.DID), &shop); err != nil || !ok {
				return errors.Join(err, ErrUnknownShop)
			}
			// The account may have changed since the plan was made: what goes into the file is approved in this very
			// transaction, or nothing is planned and the next run sees it held.
			if len(shop.Approved) < approvalsNeeded {
				return fmt.Errorf("%w: the account number of a shop changed while the payout was planned; run it again", ErrPayoutConflict)
			}
			file.Payments = append(file.Payments, pain001.Payment{EndToEnd: endToEnd(line.Last),
				Creditor: pain001.Party{Name: shop.Name, Account: shop.IBAN}, Amount: line.Total,
				Text: fmt.Sprintf("%s %s, %d posten", f.NameNL, f.Period.ID, line.Entries)})
		}
		b, err := file.Bytes()
		if err != nil {
			return fmt.Errorf("writing payment file: %w", err)
		}
		report.SHA256 = sha256.Sum256(b)
		r = payoutRecord{Run: report.Run, File: b, Report: report}
		for _, line := range report.Paid {
			h, err := i.head(ledger.KindPayout, f.Fund, f.Period.ID)
			if err != nil {
				return err
			}
			c, err := i.sign(ledger.Payout{Head: h, Shop: line.DID, First: line.First, Last: line.Last, Total: line.Total,
				Entries: line.Entries, FileSHA256: report.SHA256})
			if err != nil {
				return err
			}
			r.Commands = append(r.Commands, c)
		}
		return i.put(tx, "payouts", []byte(r.Run), r)
	})
	return &r, err
}

// endToEnd names a payment by the last entry of the ledger that it covers, which stands in no other payment.
func endToEnd(last uint64) string { return fmt.Sprintf("KP-%d", last) }

// AuditPayout compares a payment file with the ledger: the file's hash stands in payout entries, and its payments are
// exactly those entries, to the accounts that were approved. It returns [ErrPayoutFile] with the first difference.
func (i *Issuer) AuditPayout(ctx context.Context, f FundSpec, file []byte) (PayoutReport, error) {
	report := PayoutReport{Fund: f.Fund, Period: f.Period.ID, SHA256: sha256.Sum256(file), Paid: []PayoutLine{}, Carried: []PayoutLine{}, Held: []PayoutLine{}}
	parsed, err := pain001.Parse(file)
	if err != nil {
		return report, fmt.Errorf("%w: %w", ErrPayoutFile, err)
	}
	anchored := map[string]ledger.Payout{} // by end-to-end id
	if err := i.scan(ctx, func(e ledger.Entry) error {
		if e.Kind != ledger.KindPayout {
			return nil
		}
		p, err := payoutOf(e)
		if err == nil && p.FileSHA256 == report.SHA256 {
			anchored[endToEnd(p.Last)] = p
		}
		return err
	}); err != nil {
		return report, err
	}
	if len(anchored) != len(parsed.Payments) {
		return report, fmt.Errorf("%w: the file has %d payments, the ledger knows %d of this file", ErrPayoutFile, len(parsed.Payments), len(anchored))
	}
	err = i.db.View(func(tx *bbolt.Tx) error {
		for n, pay := range parsed.Payments {
			p, ok := anchored[pay.EndToEnd]
			if !ok || p.Total != pay.Amount {
				return fmt.Errorf("%w: payment %d has another amount or number than the ledger", ErrPayoutFile, n+1)
			}
			delete(anchored, pay.EndToEnd)
			var shop shopRecord
			ok, err := i.get(tx, "shops", []byte(p.Shop), &shop)
			if err != nil {
				return err
			}
			approved := shop.IBAN == pay.Creditor.Account && len(shop.Approved) >= approvalsNeeded || slices.Contains(shop.Past, pay.Creditor.Account)
			if !ok || !approved {
				return fmt.Errorf("%w: payment %d goes to an account that two officials never approved for the shop", ErrPayoutFile, n+1)
			}
			report.Paid = append(report.Paid, PayoutLine{Shop: shop.Name, DID: p.Shop, First: p.First, Last: p.Last, Entries: p.Entries, Total: p.Total})
			report.Total += p.Total
		}
		return nil
	})
	return report, err
}

// payoutFund is the fund that a payout is for: the one named, otherwise the one that is being spent from, otherwise the
// one that closed last, since shops are paid after a period's end too.
func (i *Issuer) payoutFund(fund, period string) (f FundSpec, err error) {
	err = i.db.View(func(tx *bbolt.Tx) error {
		if fund != "" || period != "" {
			var r fundRecord
			ok, err := i.get(tx, "funds", []byte(fund+"/"+period), &r)
			if err == nil && !ok {
				err = ErrNoFund
			}
			f = r.Spec
			return err
		}
		now := i.now()
		f, err = i.choose(tx, func(p budget.Period) int64 {
			switch {
			case now.Before(p.Opens):
				return -1
			case now.After(p.Closes):
				return 1 + now.Unix() - p.Closes.Unix()
			}
			return 0
		})
		return err
	})
	return f, err
}
