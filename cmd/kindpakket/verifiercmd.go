package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"time"

	"kindpakket/credential/budget"
	"kindpakket/issuer"
	"kindpakket/ledger"
	"kindpakket/verifier"
)

// nowFunc is the clock of the commands.
var nowFunc = time.Now

// accredit takes one shop through both rooms.
func accredit(ctx context.Context, iss, ver admin, s issuer.ShopLine) error {
	var e verifier.Enrolled
	if err := ver.ask(ctx, "/shops", verifier.Enrolment{Slug: s.Slug, Name: s.Name}, &e); err != nil {
		return err
	}
	var a issuer.Accredited
	if err := iss.ask(ctx, "/shops/accredit", issuer.Accreditation{Name: s.Name, KvK: s.KvK, IBAN: s.IBAN, Categories: s.Categories,
		DID: string(e.DID), Key: e.JWK, CSR: e.CSR}, &a); err != nil {
		return err
	}
	return ver.ask(ctx, "/shops/"+url.PathEscape(s.Slug)+"/certificate", verifier.Certificate{Chain: [][]byte{a.Certificate}, Categories: s.Categories}, nil)
}

// VerifierCmd are the shops' commands. They reach a running verifier over a socket in its directory.
type VerifierCmd struct {
	Serve   serveVerifier `cmd:"" help:"Run the verifier alone."`
	Request RequestCmd    `cmd:"" help:"Ask a wallet to pay, or whether it holds a card."`
	Result  ResultCmd     `cmd:"" help:"What became of a request."`
	Return  ReturnCmd     `cmd:"" help:"Give (part of) a purchase back."`
	Shops   TillShopsCmd  `cmd:"" help:"List the shops of this service."`
}

func (c inHouse) verifier(out *output) admin {
	out.json = c.JSON
	return dir(c.Dir).admin("verifier")
}

// RequestCmd asks a wallet.
type RequestCmd struct {
	inHouse
	Shop     string          `required:"" help:"Slug or trade name of the shop."`
	Amount   int64           `help:"Cents." xor:"what"`
	Category budget.Category `help:"What is sold."`
	Check    bool            `help:"Only ask whether the wallet holds a valid card: no money." xor:"what"`
	Till     string          `default:"t-1" help:"Which till asks: a-z, 0-9 and -."`
}

// Run makes the request and prints what to show as a QR code.
func (c *RequestCmd) Run(ctx context.Context, out *output) error {
	var a verifier.Asked
	if err := c.verifier(out).ask(ctx, "/requests", verifier.Ask{Shop: c.Shop, Amount: budget.Cents(c.Amount), Category: c.Category, Check: c.Check, Till: c.Till}, &a); err != nil {
		return err
	}
	return out.value(a, "Order %s\nShow this to the wallet (valid for two minutes):\n  %s\n", a.OrderID, a.RequestURI)
}

// ResultCmd asks what became of a request.
type ResultCmd struct {
	inHouse
	Order string `arg:"" help:"The order's id."`
	Out   string `help:"Write the receipt to this file."`
}

// Run prints the state. It exits with 1 for a refusal.
func (c *ResultCmd) Run(ctx context.Context, out *output) error {
	var r verifier.Result
	if err := c.verifier(out).ask(ctx, "/results/"+url.PathEscape(c.Order), nil, &r); err != nil {
		return err
	}
	return showResult(out, r, c.Out)
}

// resultView is a result as --json prints it.
type resultView struct {
	State   verifier.State `json:"state"`
	Reason  ledger.Reason  `json:"reason,omitempty"`
	Receipt *receiptView   `json:"receipt,omitempty"`
}

// receiptView is a receipt with what its entry says; File is the receipt file, which can be checked by itself.
type receiptView struct {
	Index uint64      `json:"index"`
	Kind  ledger.Kind `json:"kind"`
	Time  time.Time   `json:"time"`
	File  string      `json:"file"`
}

func resultOf(r verifier.Result) (resultView, error) {
	v := resultView{State: r.State, Reason: r.Reason}
	if r.Receipt != nil {
		e, err := ledger.ParseEntry(r.Receipt.Entry)
		if err != nil {
			return v, err
		}
		v.Receipt = &receiptView{e.Index, e.Kind, e.Time, string(r.Receipt.Bytes())}
	}
	return v, nil
}

func showResult(out *output, r verifier.Result, file string) error {
	if r.Receipt != nil && file != "" {
		if err := writeWhole(file, r.Receipt.Bytes()); err != nil {
			return fmt.Errorf("writing the receipt: %w", err)
		}
	}
	text := map[verifier.State]string{verifier.Pending: "Waiting.", verifier.Paid: "Paid. The receipt is verified.", verifier.Entitled: "Entitled: yes.",
		verifier.Returned: "Given back. The receipt is verified."}[r.State]
	if text == "" {
		text = verifier.MessageFor(r.Reason).EN + " (" + string(r.Reason) + ")"
	}
	j, err := resultOf(r)
	if err != nil {
		return err
	}
	if err := out.value(j, "%s\n", text); err != nil {
		return err
	}
	if r.State == verifier.Refused {
		return errRefused
	}
	return nil
}

// ReturnCmd gives back.
type ReturnCmd struct {
	inHouse
	Order  string `arg:"" help:"The id of the order that was paid."`
	Amount int64  `required:"" help:"Cents; all of it or a part."`
	Key    string `help:"Id of this return, 16 bytes in base64url: the same again gives back nothing. Default: a new one."`
	Out    string `help:"Write the receipt to this file."`
}

// Run gives back and prints what the ledger said.
func (c *ReturnCmd) Run(ctx context.Context, out *output) error {
	if c.Key == "" {
		b := make([]byte, 16)
		rand.Read(b)
		c.Key = base64.RawURLEncoding.EncodeToString(b)
	}
	var r verifier.Result
	if err := c.verifier(out).ask(ctx, "/returns", verifier.GiveBack{OrderID: c.Order, Amount: budget.Cents(c.Amount), Key: c.Key}, &r); err != nil {
		return err
	}
	return showResult(out, r, c.Out)
}

// TillShopsCmd lists the shops.
type TillShopsCmd struct{ inHouse }

// Run prints a line a shop.
func (c *TillShopsCmd) Run(ctx context.Context, out *output) error {
	var list verifier.ShopList
	if err := c.verifier(out).ask(ctx, "/shops", nil, &list); err != nil {
		return err
	}
	if c.JSON {
		return out.value(list, "")
	}
	for _, s := range list.Shops {
		fmt.Fprintf(out.out, "%-32s %s %v\n", s.Slug, s.Name, s.Categories)
	}
	return nil
}
