package issuer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	bbolt "go.etcd.io/bbolt"

	"kindpakket/credential/budget"
	"kindpakket/issuer/intake"
)

// familyRecord is all that is kept of a family.
type familyRecord struct {
	Children int          `json:"children"`
	Amount   budget.Cents `json:"amount"` // for the fund that was open at the import
	Fund     string       `json:"fund"`
	Period   string       `json:"period"`
	Upload   int          `json:"upload,omitempty"` // number of the file it stood in, from 1; 0: it stood in none
	Line     int          `json:"line,omitempty"`   // in that file: by it the municipality addresses the letter
}

// familyKey is the keyed hash under which a client number is found again in a fund and period: next year's file may have
// the same families, and the two years cannot be joined without the key.
func (i *Issuer) familyKey(client, fund, period string) []byte {
	return i.keyed("client", client, fund, period)
}

// findCard returns the card of a family by its client number: that of the fund that runs now, otherwise that of the
// newest fund for which the family was imported.
func (i *Issuer) findCard(tx *bbolt.Tx, client string) (key []byte, card cardRecord, err error) {
	var funds []FundSpec
	if err := each(i.store, tx, "funds", func(_ []byte, f fundRecord) error {
		funds = append(funds, f.Spec)
		return nil
	}); err != nil {
		return nil, card, err
	}
	now := i.now()
	runs := func(f FundSpec) int {
		if now.Before(f.Period.Opens) || now.After(f.Period.Closes) {
			return 1
		}
		return 0
	}
	slices.SortFunc(funds, func(a, b FundSpec) int {
		return cmp.Or(runs(a)-runs(b), b.Period.Opens.Compare(a.Period.Opens))
	})
	for _, f := range funds {
		family := i.familyKey(normal(client), f.Fund, f.Period.ID)
		if tx.Bucket([]byte("families")).Get(family) != nil {
			return i.cardOf(tx, family)
		}
	}
	return nil, card, ErrUnknownFamily
}

// ImportFamilies reads a file of families (CSV or XLSX) and, unless dry is set or something is wrong with it, keeps
// them for the fund that is open: all or none. Families that an earlier file had are reported as faults. progress may be
// nil.
func (i *Issuer) ImportFamilies(file []byte, dry bool, progress func(done, total int)) (intake.Report, error) {
	i.office.Lock()
	defer i.office.Unlock()
	fund, err := i.Fund()
	if err != nil {
		return intake.Report{}, err
	}
	key := func(c intake.Client) []byte { return i.familyKey(c.Reveal(), fund.Fund, fund.Period.ID) }
	var lookup error
	families, report := intake.ParseFamilies(file, intake.FamilyOptions{
		PerChild: fund.PerChild,
		// One short transaction each: progress may wait for a slow reader, and no transaction may wait with it. Nobody
		// else imports meanwhile.
		Known: func(c intake.Client) (known bool) {
			lookup = errors.Join(lookup, i.db.View(func(tx *bbolt.Tx) error {
				known = tx.Bucket([]byte("families")).Get(key(c)) != nil
				return nil
			}))
			return known
		},
		Progress: progress,
	})
	if lookup != nil || dry || !report.OK() {
		return report, lookup
	}
	err = i.db.Update(func(tx *bbolt.Tx) error {
		upload, err := tx.Bucket([]byte("families")).NextSequence()
		if err != nil {
			return err
		}
		for _, f := range families {
			r := familyRecord{Children: f.Children, Amount: f.Cents, Fund: fund.Fund, Period: fund.Period.ID, Upload: int(upload), Line: f.Line}
			if err := i.put(tx, "families", key(f.Client), r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return report, fmt.Errorf("keeping families: %w", err)
	}
	return report, nil
}

// normal is a client number as intake gives it: without leading zeros, which a spreadsheet drops.
func normal(client string) string { return strings.TrimLeft(strings.TrimSpace(client), "0") }
