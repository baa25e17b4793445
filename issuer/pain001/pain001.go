package pain001

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/issuer/iban"
)

const (
	// MaxFile is the largest file that [Parse] reads, in bytes: 8 MiB.
	MaxFile = 8 << 20
	// MaxPayments is the most payments of one file.
	MaxPayments = 10_000
	// MaxAmount is the most that one payment moves: € 999 999 999,99 (EPC132-08, AT-T002).
	MaxAmount budget.Cents = 999_999_999_99
	// MaxID is the most characters of a message or end-to-end id.
	MaxID = 35
	// MaxName and MaxText are the most characters of a party's name and of the text with a payment.
	MaxName = 70
	MaxText = 140
)

// File is one order to the bank.
type File struct {
	Message   string    // unique for the debtor for ever; 1 to MaxID of A-Z, a-z, 0-9 and ".:-"
	Created   time.Time // UTC, whole seconds
	Execution time.Time // the day on which the bank is to pay: midnight UTC of that date
	Debtor    Party     // who pays: the municipality
	Payments  []Payment // 1 to MaxPayments
}

// Party is a name and a bank account.
type Party struct {
	Name    string // written as Text(Name, MaxName)
	Account iban.IBAN
}

// Payment is one credit transfer, in euros.
type Payment struct {
	EndToEnd string       // comes back on the shop's statement; unique in the file; as File.Message
	Creditor Party        // who is paid: the shop
	Amount   budget.Cents // 1 to MaxAmount
	Text     string       // on the shop's statement; written as Text(Text, MaxText)
}

// ErrFile is returned by [Parse] for bytes that are not a file of ours.
var ErrFile = errors.New("not a payment file as it is written here")

// Total returns the sum of the payments.
func (f File) Total() (budget.Cents, error) {
	var total budget.Cents
	for _, p := range f.Payments {
		sum, err := total.Add(p.Amount)
		if err != nil {
			return 0, err
		}
		total = sum
	}
	return total, nil
}

// The elements by their names in the standard, in its order; only those that are written.
type (
	document struct {
		XMLName xml.Name    `xml:"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09 Document"`
		Header  header      `xml:"CstmrCdtTrfInitn>GrpHdr"`
		Order   instruction `xml:"CstmrCdtTrfInitn>PmtInf"`
	}
	header struct {
		Message   string `xml:"MsgId"`
		Created   string `xml:"CreDtTm"`
		Number    int    `xml:"NbOfTxs"`
		Sum       string `xml:"CtrlSum"`
		Initiator string `xml:"InitgPty>Nm"`
	}
	instruction struct {
		ID        string     `xml:"PmtInfId"`
		Method    string     `xml:"PmtMtd"`
		Number    int        `xml:"NbOfTxs"`
		Sum       string     `xml:"CtrlSum"`
		Level     string     `xml:"PmtTpInf>SvcLvl>Cd"`
		Execution string     `xml:"ReqdExctnDt>Dt"`
		Debtor    string     `xml:"Dbtr>Nm"`
		Account   string     `xml:"DbtrAcct>Id>IBAN"`
		Agent     string     `xml:"DbtrAgt>FinInstnId>Othr>Id"`
		Charges   string     `xml:"ChrgBr"`
		Transfers []transfer `xml:"CdtTrfTxInf"`
	}
	transfer struct {
		EndToEnd string `xml:"PmtId>EndToEndId"`
		Amount   amount `xml:"Amt>InstdAmt"`
		Creditor string `xml:"Cdtr>Nm"`
		Account  string `xml:"CdtrAcct>Id>IBAN"`
		Text     string `xml:"RmtInf>Ustrd"`
	}
	amount struct {
		Currency string `xml:"Ccy,attr"`
		Value    string `xml:",chardata"`
	}
)

const (
	timeLayout = "2006-01-02T15:04:05Z"
	dayLayout  = "2006-01-02"
)

// Bytes returns f as XML: the same bytes for the same f. It returns an error that names the first member that is out of
// shape, and a payment by its place in f.Payments, from 0.
func (f File) Bytes() ([]byte, error) {
	total, err := f.verify()
	if err != nil {
		return nil, err
	}
	debtor := Text(f.Debtor.Name, MaxName)
	d := document{
		Header: header{
			Message: f.Message, Created: f.Created.Format(timeLayout),
			Number: len(f.Payments), Sum: total.Decimal(), Initiator: debtor,
		},
		Order: instruction{
			ID: f.Message, Method: "TRF", Number: len(f.Payments), Sum: total.Decimal(), Level: "SEPA",
			Execution: f.Execution.Format(dayLayout), Debtor: debtor, Account: string(f.Debtor.Account),
			// The bank is found by the IBAN alone: Regulation (EU) 260/2012, Article 5(7); the word is EPC132-08's.
			Agent: "NOTPROVIDED", Charges: "SLEV",
		},
	}
	for _, p := range f.Payments {
		d.Order.Transfers = append(d.Order.Transfers, transfer{
			EndToEnd: p.EndToEnd, Amount: amount{"EUR", p.Amount.Decimal()},
			Creditor: Text(p.Creditor.Name, MaxName), Account: string(p.Creditor.Account), Text: Text(p.Text, MaxText),
		})
	}
	body, err := xml.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing payment file: %w", err)
	}
	return append(append([]byte(xml.Header), body...), '\n'), nil
}

// Parse reads a payment file. It accepts only what [File.Bytes] writes, byte for byte, and at most MaxFile bytes;
// everything else is [ErrFile]. Names and texts come back as they were written, after [Text].
func Parse(b []byte) (File, error) {
	if len(b) > MaxFile {
		return File{}, fmt.Errorf("%w: larger than %d bytes", ErrFile, MaxFile)
	}
	var d document
	if err := xml.Unmarshal(b, &d); err != nil {
		return File{}, fmt.Errorf("%w: not XML of its shape", ErrFile)
	}
	created, err1 := time.Parse(timeLayout, d.Header.Created)
	execution, err2 := time.Parse(dayLayout, d.Order.Execution)
	if err1 != nil || err2 != nil {
		return File{}, fmt.Errorf("%w: CreDtTm or ReqdExctnDt is not a time", ErrFile)
	}
	f := File{
		Message: d.Header.Message, Created: created, Execution: execution,
		Debtor: Party{d.Order.Debtor, iban.IBAN(d.Order.Account)},
	}
	for i, t := range d.Order.Transfers {
		cents, err := parseDecimal(t.Amount.Value)
		if err != nil {
			return File{}, fmt.Errorf("%w: payment %d: InstdAmt is not an amount", ErrFile, i)
		}
		f.Payments = append(f.Payments, Payment{
			EndToEnd: t.EndToEnd, Creditor: Party{t.Creditor, iban.IBAN(t.Account)}, Amount: cents, Text: t.Text,
		})
	}
	again, err := f.Bytes()
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	// Numbers, sums and every element that is constant are compared here too.
	if !bytes.Equal(again, b) {
		return File{}, fmt.Errorf("%w: elements or spelling differ from the one encoding", ErrFile)
	}
	return f, nil
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9.:-]{1,35}$`)

// verify returns the total, or what is out of shape.
func (f File) verify() (budget.Cents, error) {
	switch {
	case !idPattern.MatchString(f.Message):
		return 0, fmt.Errorf("message id is not 1 to %d of letters, digits and .:-", MaxID)
	case f.Created.Location() != time.UTC || f.Created.Nanosecond() != 0 || f.Created.Year() < 2000 || f.Created.Year() > 9999:
		return 0, errors.New("creation time is not whole seconds in UTC")
	case f.Execution.Location() != time.UTC || !f.Execution.Equal(f.Execution.Truncate(24*time.Hour)) || f.Execution.Year() > 9999:
		return 0, errors.New("execution date is not midnight in UTC")
	case f.Execution.Before(f.Created.Truncate(24 * time.Hour)):
		return 0, errors.New("execution date is before the creation time")
	case len(f.Payments) < 1 || len(f.Payments) > MaxPayments:
		return 0, fmt.Errorf("file has not 1 to %d payments", MaxPayments)
	}
	if err := f.Debtor.verify(); err != nil {
		return 0, fmt.Errorf("debtor: %w", err)
	}
	seen := make(map[string]bool, len(f.Payments))
	for i, p := range f.Payments {
		switch {
		case !idPattern.MatchString(p.EndToEnd):
			return 0, fmt.Errorf("payment %d: end-to-end id is not 1 to %d of letters, digits and .:-", i, MaxID)
		case seen[p.EndToEnd]:
			return 0, fmt.Errorf("payment %d: end-to-end id stands in the file twice", i)
		case p.Amount < 1 || p.Amount > MaxAmount:
			return 0, fmt.Errorf("payment %d: amount is not 1 to %d cents", i, int64(MaxAmount))
		case Text(p.Text, MaxText) == "":
			return 0, fmt.Errorf("payment %d: text has no character that SEPA carries", i)
		}
		seen[p.EndToEnd] = true
		if err := p.Creditor.verify(); err != nil {
			return 0, fmt.Errorf("payment %d: creditor: %w", i, err)
		}
	}
	return f.Total()
}

func (p Party) verify() error {
	if Text(p.Name, MaxName) == "" {
		return errors.New("name has no character that SEPA carries")
	}
	// In its electronic form, too: what the bank reads is what two officials approved.
	if account, err := iban.Parse(string(p.Account)); err != nil {
		return err
	} else if account != p.Account {
		return iban.ErrForm
	}
	return nil
}

// parseDecimal reads what Cents.Decimal writes for amounts of 1 to MaxAmount cents. A difference in spelling is found
// by comparing the file.
func parseDecimal(s string) (budget.Cents, error) {
	// "999999999.99" has twelve characters: whatever passes fits an int64.
	if n := len(s); n < 4 || n > 12 || s[n-3] != '.' {
		return 0, ErrFile
	}
	cents, err := strconv.ParseUint(s[:len(s)-3]+s[len(s)-2:], 10, 63)
	if err != nil {
		return 0, ErrFile
	}
	return budget.Cents(cents), nil
}
