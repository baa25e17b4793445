package issuer

import (
	"fmt"
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
}

// familyKey is the keyed hash under which a client number is found again.
func (i *Issuer) familyKey(client string) []byte { return i.keyed("client", client) }

// ImportFamilies reads a file of families (CSV or XLSX) and, unless dry is set or something is wrong with it, keeps
// them: all or none. Families that an earlier file had are reported as faults. progress may be nil.
func (i *Issuer) ImportFamilies(file []byte, dry bool, progress func(done, total int)) (intake.Report, error) {
	i.office.Lock()
	defer i.office.Unlock()
	fund, err := i.Fund()
	if err != nil {
		return intake.Report{}, err
	}
	var families []intake.Family
	var report intake.Report
	err = i.db.View(func(tx *bbolt.Tx) error {
		known := tx.Bucket([]byte("families"))
		families, report = intake.ParseFamilies(file, intake.FamilyOptions{
			PerChild: fund.PerChild,
			Known:    func(c intake.Client) bool { return known.Get(i.familyKey(c.Reveal())) != nil },
			Progress: progress,
		})
		return nil
	})
	if err != nil || dry || !report.OK() {
		return report, err
	}
	err = i.db.Update(func(tx *bbolt.Tx) error {
		for _, f := range families {
			r := familyRecord{Children: f.Children, Amount: f.Cents, Fund: fund.Fund, Period: fund.Period.ID}
			if err := i.put(tx, "families", i.familyKey(f.Client.Reveal()), r); err != nil {
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
