package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"

	"kindpakket/credential/budget"
	"kindpakket/issuer"
	"kindpakket/issuer/intake"
	"kindpakket/ledger"
)

// IssuerCmd are the officials' commands. They reach a running issuer over a socket in its directory.
type IssuerCmd struct {
	Serve          serveIssuer       `cmd:"" help:"Run the issuer alone."`
	OpenFund       OpenFundCmd       `cmd:"" help:"Open a fund for this year's period."`
	ImportFamilies ImportFamiliesCmd `cmd:"" help:"Read a file of families: all of it or nothing."`
	ImportShops    ImportShopsCmd    `cmd:"" help:"Read a file of shops and accredit them."`
	AccreditShop   AccreditShopCmd   `cmd:"" help:"Accredit one shop that holds its own key."`
	Shops          ShopsCmd          `cmd:"" help:"List the shops."`
	ApproveShops   ApproveShopsCmd   `cmd:"" help:"An official's yes to the shops' account numbers; two are needed for a payout."`
	SuspendShop    SuspendShopCmd    `cmd:"" help:"Suspend a shop, or let it sell again."`
	Offer          OfferCmd          `cmd:"" help:"Make an offer for a family's letter."`
	Letters        LettersCmd        `cmd:"" help:"Write the letters of all families that wait for one, for the printer."`
	Rekey          RekeyCmd          `cmd:"" help:"Make an offer for a new phone; the old one's card ends, the balance stays."`
	Block          BlockCmd          `cmd:"" help:"Block a family's budget, or open it again."`
	Revoke         RevokeCmd         `cmd:"" help:"End a family's card for good."`
	Topup          TopupCmd          `cmd:"" help:"Add to a family's budget."`
	Payout         PayoutCmd         `cmd:"" help:"Make the payment file for the bank."`
	PayoutFile     PayoutFileCmd     `cmd:"" help:"Get the file of an earlier payout again."`
	AuditPayout    AuditPayoutCmd    `cmd:"" help:"Compare a payment file with the ledger."`
	ClosePeriod    ClosePeriodCmd    `cmd:"" help:"Close a period's books after its last day for returns. Two officials, for good."`
}

// house is what every command that talks to a server takes.
type inHouse struct {
	Dir  string `required:"" placeholder:"D" help:"Directory of the house."`
	JSON bool   `name:"json" help:"Print one JSON object."`
}

func (c inHouse) issuer(out *output) admin {
	out.json = c.JSON
	return dir(c.Dir).admin("issuer")
}

// OpenFundCmd opens a fund.
type OpenFundCmd struct {
	inHouse
	Fund       string            `required:"" help:"Its id: a-z, 0-9 and -."`
	NameNL     string            `required:"" name:"name-nl" help:"Its name in Dutch."`
	NameEN     string            `required:"" name:"name-en" help:"Its name in English."`
	PerChild   string            `required:"" help:"Euros for each child, like 300 or 300,00."`
	Min        string            `default:"0,50" help:"Least per payment, in euros."`
	Max        string            `default:"900,00" help:"Most per payment, in euros."`
	BlindLimit string            `default:"50,00" help:"Most per payment with a wallet that shows no amount, in euros; 0 is never."`
	Categories []budget.Category `required:"" help:"What it may be spent on: boeken,fiets,…"`
	Period     string            `help:"Id of the period, with --opens, --closes and --settles. Default: the Kindpakket year that contains today."`
	Opens      string            `help:"First day, like 2027-11-01."`
	Closes     string            `help:"Last day."`
	Settles    string            `help:"Last day for returns."`
}

// period is the fund's period in Dutch time.
func (c *OpenFundCmd) period(f *issuer.FundSpec) error {
	if c.Period == "" && c.Opens == "" && c.Closes == "" && c.Settles == "" {
		return nil
	}
	loc, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		return err
	}
	day := func(text string, last bool) (time.Time, error) {
		t, err := time.ParseInLocation(time.DateOnly, text, loc)
		if err != nil {
			return t, hint(errors.New("a period needs --period, --opens, --closes and --settles as days"), "Write days like 2027-11-01.")
		}
		if last {
			t = t.AddDate(0, 0, 1).Add(-time.Second)
		}
		return t.UTC(), nil
	}
	f.Period.ID = c.Period
	var err1, err2, err3 error
	f.Period.Opens, err1 = day(c.Opens, false)
	f.Period.Closes, err2 = day(c.Closes, true)
	f.Period.Settles, err3 = day(c.Settles, true)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return err
		}
	}
	return f.Period.Verify()
}

// Run opens the fund.
func (c *OpenFundCmd) Run(ctx context.Context, out *output) error {
	f := sampleFund(nowFunc())
	if err := c.period(&f); err != nil {
		return err
	}
	f.Fund, f.NameNL, f.NameEN, f.Categories = c.Fund, c.NameNL, c.NameEN, c.Categories
	for text, to := range map[string]*budget.Cents{c.PerChild: &f.PerChild, c.Min: &f.Min, c.Max: &f.Max, c.BlindLimit: &f.BlindLimit} {
		cents, err := budget.ParseEuros(text)
		if err != nil {
			return hint(fmt.Errorf("reading an amount: %w", err), "Write euros like 300 or 300,00.")
		}
		*to = cents
	}
	if err := c.issuer(out).ask(ctx, "/funds", f, nil); err != nil {
		return err
	}
	return out.value(f, "Fund %s is open for %s.\n", f.Fund, f.Period.ID)
}

// ImportFamiliesCmd reads a file of families.
type ImportFamiliesCmd struct {
	inHouse
	File   string `arg:"" help:"CSV (client number; children) or XLSX."`
	DryRun bool   `help:"Only report."`
}

type faultLine struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
	EN     string `json:"en"`
	NL     string `json:"nl"`
}

type familyReport struct {
	Rows     int          `json:"rows"`
	Good     int          `json:"good"`
	Children int          `json:"children"`
	Cents    budget.Cents `json:"cents"`
	Faulty   int          `json:"faulty"`
	Faults   []faultLine  `json:"faults"`
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, hint(fmt.Errorf("reading file: %w", err), "Give the path of a file that is there.")
	}
	defer f.Close()
	return intake.Read(f)
}

// Run imports, with a progress bar on a terminal.
func (c *ImportFamiliesCmd) Run(ctx context.Context, out *output) error {
	file, err := readFile(c.File)
	if err != nil {
		return err
	}
	path := "/families"
	if c.DryRun {
		path += "?dry_run=1"
	}
	var raw json.RawMessage
	var bar *progressbar.ProgressBar
	err = c.issuer(out).post(ctx, path, file, func(r io.Reader) error {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 8<<20)
		for lines.Scan() {
			var p struct {
				Done, Total int
				Report      json.RawMessage
			}
			if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
				return fmt.Errorf("reading the issuer's progress: %w", err)
			}
			if p.Report != nil {
				raw = append(json.RawMessage{}, p.Report...)
				continue
			}
			if bar == nil && p.Total > 1000 && out.terminal() {
				bar = progressbar.NewOptions(p.Total, progressbar.OptionSetWriter(out.err), progressbar.OptionSetDescription("families"), progressbar.OptionClearOnFinish())
			}
			if bar != nil {
				bar.Set(p.Done)
			}
		}
		return lines.Err()
	})
	if err != nil {
		return err
	}
	if raw == nil {
		return hint(errors.New("the import did not come to its end; nothing was imported"), "Look at the issuer's log, then run it again.")
	}
	var report familyReport
	if err := json.Unmarshal(raw, &report); err != nil {
		return fmt.Errorf("reading the report: %w", err)
	}
	if report.Faulty > 0 {
		if !c.JSON {
			for _, f := range report.Faults {
				fmt.Fprintf(out.out, "%s  (%s)\n", f.EN, f.Reason)
			}
		}
		if err := out.value(raw, "%d of %d rows cannot be used. Nothing was imported.\nCorrect these lines in the file and import it again.\n", report.Faulty, report.Rows); err != nil {
			return err
		}
		return errRefused
	}
	verb := "Imported"
	if c.DryRun {
		verb = "Dry run, nothing was kept:"
	}
	return out.value(raw, "%s %d families, %d children, %s.\n", verb, report.Good, report.Children, report.Cents)
}

// ImportShopsCmd reads a file of shops.
type ImportShopsCmd struct {
	inHouse
	File string `arg:"" help:"CSV or XLSX: name; kvk; iban; categories (separated by |)."`
}

// Run joins the two rooms: the verifier makes each shop's key, the issuer certifies it and puts the shop on the ledger.
func (c *ImportShopsCmd) Run(ctx context.Context, out *output) error {
	file, err := readFile(c.File)
	if err != nil {
		return err
	}
	iss, ver := c.issuer(out), dir(c.Dir).admin("verifier")
	var read struct {
		Shops  []issuer.ShopLine `json:"shops"`
		Report json.RawMessage   `json:"report"`
	}
	err = iss.post(ctx, "/shops/read", file, func(r io.Reader) error { return json.NewDecoder(r).Decode(&read) })
	if err != nil {
		return err
	}
	var report familyReport
	if err := json.Unmarshal(read.Report, &report); err != nil {
		return fmt.Errorf("reading the report: %w", err)
	}
	if report.Faulty > 0 {
		if !c.JSON {
			for _, f := range report.Faults {
				fmt.Fprintf(out.out, "%s  (%s)\n", f.EN, f.Reason)
			}
		}
		if err := out.value(read.Report, "%d of %d rows cannot be used. No shop was imported.\nCorrect these lines in the file and import it again.\n", report.Faulty, report.Rows); err != nil {
			return err
		}
		return errRefused
	}
	for n, s := range read.Shops {
		if err := accredit(ctx, iss, ver, s); err != nil {
			return fmt.Errorf("shop %d of %d, %s: %w", n+1, len(read.Shops), s.Name, err)
		}
	}
	return out.value(map[string]any{"shops": len(read.Shops)},
		"Accredited %d shops. Two officials must approve their account numbers before a payout: kindpakket issuer approve-shops.\n", len(read.Shops))
}

// AccreditShopCmd accredits a shop whose verifier runs elsewhere.
type AccreditShopCmd struct {
	inHouse
	File string `arg:"" help:"JSON: name, kvk, iban, categories, did, key (JWK), csr (PKCS #10, DER in base64)." type:"existingfile"`
	Out  string `help:"Write the access certificate (PEM) to this file."`
}

// Run puts the shop on the ledger and certifies its key.
func (c *AccreditShopCmd) Run(ctx context.Context, out *output) error {
	b, err := readFile(c.File)
	if err != nil {
		return err
	}
	var a issuer.Accreditation
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return hint(errors.New("reading the shop's file: not the JSON expected"), "Give an object with name, kvk, iban, categories, did, key and csr.")
	}
	var got issuer.Accredited
	if err := c.issuer(out).ask(ctx, "/shops/accredit", a, &got); err != nil {
		return err
	}
	if c.Out != "" {
		if err := writeWhole(c.Out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: got.Certificate})); err != nil {
			return fmt.Errorf("writing the certificate: %w", err)
		}
	}
	return out.value(got, "%s is accredited.\n", a.Name)
}

// ShopsCmd lists the shops.
type ShopsCmd struct{ inHouse }

// Run prints a line a shop.
func (c *ShopsCmd) Run(ctx context.Context, out *output) error {
	var list issuer.ShopList
	if err := c.issuer(out).ask(ctx, "/shops", nil, &list); err != nil {
		return err
	}
	if c.JSON {
		return out.value(list, "")
	}
	for _, s := range list.Shops {
		fmt.Fprintf(out.out, "%-32s %-12s %d of 2 approvals  %v\n", s.Slug, s.State, s.Approvals, s.Categories)
	}
	return nil
}

// ApproveShopsCmd is an official's yes.
type ApproveShopsCmd struct {
	inHouse
	OfficialTokenFile string   `required:"" help:"File with the official's token."`
	Shop              []string `help:"Slugs of shops; none means all."`
}

// Run approves.
func (c *ApproveShopsCmd) Run(ctx context.Context, out *output) error {
	token, err := readSecretFile(c.OfficialTokenFile)
	if err != nil {
		return err
	}
	var got issuer.Approved
	if err := c.issuer(out).ask(ctx, "/shops/approve", issuer.ApproveRequest{Token: token, Slugs: c.Shop}, &got); err != nil {
		return err
	}
	return out.value(got, "%d shops have the two approvals that a payout needs.\n", got.Ready)
}

// SuspendShopCmd suspends a shop.
type SuspendShopCmd struct {
	inHouse
	Shop   string `arg:"" help:"Slug of the shop."`
	Reason string `default:"unspecified" help:"A code for the ledger: a-z, 0-9 and -."`
	Undo   bool   `help:"Let the shop sell again."`
}

// Run suspends.
func (c *SuspendShopCmd) Run(ctx context.Context, out *output) error {
	r := issuer.SuspendRequest{Slug: c.Shop, State: ledger.Suspended, Reason: c.Reason}
	if c.Undo {
		r.State, r.Reason = ledger.Accredited, ""
	}
	if err := c.issuer(out).ask(ctx, "/shops/suspend", r, nil); err != nil {
		return err
	}
	return out.value(map[string]any{"shop": c.Shop, "state": r.State}, "%s is %s.\n", c.Shop, r.State)
}

// OfferCmd makes an offer.
type OfferCmd struct {
	inHouse
	Family   string `help:"Client number of a family that was imported." xor:"who" required:""`
	Children int    `help:"An offer for so many children, for a family in no file." xor:"who" required:""`
}

// Run prints the two secrets of a letter.
func (c *OfferCmd) Run(ctx context.Context, out *output) error {
	return makeOffer(ctx, c.issuer(out), out, issuer.OfferRequest{Family: c.Family, Children: c.Children})
}

func makeOffer(ctx context.Context, a admin, out *output, r issuer.OfferRequest) error {
	var o issuer.Offered
	if err := a.ask(ctx, "/offers", r, &o); err != nil {
		return err
	}
	return out.value(o, "Offer (as QR code on the letter)\n  %s\nActivation code (8 digits)\n  %s\n", o.URI, o.TxCode)
}

// RekeyCmd makes an offer for a new phone.
type RekeyCmd struct {
	inHouse
	Family string `required:"" help:"Client number."`
}

// Run prints the two secrets of the letter.
func (c *RekeyCmd) Run(ctx context.Context, out *output) error {
	return makeOffer(ctx, c.issuer(out), out, issuer.OfferRequest{Family: c.Family, Rekey: true})
}

// BlockCmd blocks a budget.
type BlockCmd struct {
	inHouse
	Family string `required:"" help:"Client number."`
	Reason string `help:"Why; kept by the issuer, never on the ledger."`
	Undo   bool   `help:"Open the budget again."`
}

// Run blocks or opens.
func (c *BlockCmd) Run(ctx context.Context, out *output) error {
	r := issuer.BlockRequest{Family: c.Family, State: ledger.Blocked, Reason: c.Reason}
	if c.Undo {
		r.State = ledger.Active
	}
	if err := c.issuer(out).ask(ctx, "/block", r, nil); err != nil {
		return err
	}
	return out.value(map[string]any{"state": r.State}, "The budget is %s.\n", r.State)
}

// RevokeCmd ends a card.
type RevokeCmd struct {
	inHouse
	Family string `required:"" help:"Client number."`
	Reason string `required:"" help:"Why; kept by the issuer, never on the ledger."`
}

// Run revokes.
func (c *RevokeCmd) Run(ctx context.Context, out *output) error {
	if err := c.issuer(out).ask(ctx, "/revoke", issuer.RevokeRequest{Family: c.Family, Reason: c.Reason}, nil); err != nil {
		return err
	}
	return out.value(map[string]any{"state": "revoked"}, "The card is revoked and its budget blocked.\n")
}

// TopupCmd adds to a budget.
type TopupCmd struct {
	inHouse
	Family string `required:"" help:"Client number."`
	Amount int64  `required:"" help:"Cents."`
	ID     string `help:"Id of this top-up, 16 bytes in base64url: the same id again adds nothing. Default: a new one."`
}

// Run adds.
func (c *TopupCmd) Run(ctx context.Context, out *output) error {
	if c.ID == "" {
		b := make([]byte, 16)
		rand.Read(b)
		c.ID = base64.RawURLEncoding.EncodeToString(b)
	}
	r := issuer.TopUpRequest{Family: c.Family, Amount: budget.Cents(c.Amount), OrderID: c.ID}
	if err := c.issuer(out).ask(ctx, "/topup", r, nil); err != nil {
		return err
	}
	return out.value(map[string]any{"id": c.ID, "cents": c.Amount}, "Added %s.\n", r.Amount)
}

// PayoutCmd makes a payment file.
type PayoutCmd struct {
	inHouse
	Fund   string `help:"Id of the fund, with --period. Default: the one that is being spent from."`
	Period string `help:"Id of the period."`
	DryRun bool   `help:"Only report."`
	Out    string `help:"Where to write the file. Default: payout-RUN.xml here."`
}

// Run pays out.
func (c *PayoutCmd) Run(ctx context.Context, out *output) error {
	var a issuer.PayoutAnswer
	if err := c.issuer(out).ask(ctx, "/payouts", issuer.PayoutRequest{Fund: c.Fund, Period: c.Period, DryRun: c.DryRun}, &a); err != nil {
		return err
	}
	path := ""
	if a.File != nil {
		path = c.Out
		if path == "" {
			path = "payout-" + a.Report.Run + ".xml"
		}
		if err := writeWhole(path, a.File); err != nil {
			return hint(fmt.Errorf("writing the payment file: %w", err), "The run is kept: get its file with kindpakket issuer payout-file %s --out ….", a.Report.Run)
		}
	}
	if c.JSON {
		return out.value(struct {
			issuer.PayoutReport
			File string `json:"file,omitempty"`
		}{a.Report, path}, "")
	}
	for _, l := range a.Report.Paid {
		fmt.Fprintf(out.out, "  %-28s %12s  %d entries\n", l.Shop, l.Total, l.Entries)
	}
	for _, l := range a.Report.Carried {
		fmt.Fprintf(out.out, "  %-28s %12s  carried over: more came back than was sold\n", l.Shop, l.Total)
	}
	for _, l := range a.Report.Held {
		fmt.Fprintf(out.out, "  %-28s %12s  held: its account number lacks the yes of two officials\n", l.Shop, l.Total)
	}
	if path == "" {
		fmt.Fprintf(out.out, "%d shops would be paid, %s in all.\n", len(a.Report.Paid), a.Report.Total)
		return nil
	}
	fmt.Fprintf(out.out, "%s pays %d shops, %s in all. Its hash stands on the ledger.\n", path, len(a.Report.Paid), a.Report.Total)
	return nil
}

// writeWhole writes a file whole or not at all.
func writeWhole(path string, b []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".kindpakket-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// AuditPayoutCmd compares a payment file with the ledger.
type AuditPayoutCmd struct {
	inHouse
	Fund   string `help:"Id of the fund, with --period. Default: the one that is being spent from."`
	Period string `help:"Id of the period."`
	File   string `arg:"" help:"The payment file."`
}

// Run compares.
func (c *AuditPayoutCmd) Run(ctx context.Context, out *output) error {
	file, err := readFile(c.File)
	if err != nil {
		return err
	}
	var a issuer.PayoutAnswer
	err = c.issuer(out).post(ctx, "/payouts/audit?"+url.Values{"fund": {c.Fund}, "period": {c.Period}}.Encode(), file, func(r io.Reader) error { return json.NewDecoder(r).Decode(&a) })
	if err != nil {
		return err
	}
	return out.value(a.Report, "The file equals the ledger: %d payments, %s in all.\n", len(a.Report.Paid), a.Report.Total)
}

// ClosePeriodCmd closes a period's books.
type ClosePeriodCmd struct {
	inHouse
	Fund              string   `required:"" help:"Id of the fund."`
	Period            string   `required:"" help:"Id of the period."`
	OfficialTokenFile []string `required:"" help:"File with an official's token; give it twice, for two officials."`
}

// Run closes and prints the totals.
func (c *ClosePeriodCmd) Run(ctx context.Context, out *output) error {
	r := issuer.CloseRequest{Fund: c.Fund, Period: c.Period}
	for _, f := range c.OfficialTokenFile {
		token, err := readSecretFile(f)
		if err != nil {
			return err
		}
		r.Tokens = append(r.Tokens, token)
	}
	var t issuer.Totals
	if err := c.issuer(out).ask(ctx, "/periods/close", r, &t); err != nil {
		return err
	}
	return out.value(t, "The books of %s %s are closed: %s given, %s topped up, %s spent, %s given back, %s expired.\n",
		c.Fund, c.Period, t.Issued, t.ToppedUp, t.Spent, t.Returned, t.Expired)
}
