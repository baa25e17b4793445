package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"kindpakket/internal/aries"
	"kindpakket/internal/serve"
	"kindpakket/ledger"
	"kindpakket/ledger/audit"
	"kindpakket/ledger/remote"
)

// LedgerCmd are the ledger's commands.
type LedgerCmd struct {
	Serve         serveLedger      `cmd:"" help:"Run the ledger alone."`
	Audit         AuditCmd         `cmd:"" help:"Replay a ledger and say whether the books are right."`
	VerifyReceipt VerifyReceiptCmd `cmd:"" help:"Check a receipt."`
	Export        ExportCmd        `cmd:"" help:"Write the ledger in its public form."`
}

// AuditCmd replays a ledger.
type AuditCmd struct {
	Source    string `arg:"" help:"An export, or the address of a ledger."`
	Policy    string `help:"Policy file: whose signatures count. Without one the key inside the file is trusted." type:"existingfile"`
	TokenFile string `help:"File with the auditor's token, for an address."`
	CA        string `name:"ca" help:"The municipality's anchor (ca.pem), for an https address that it certified."`
	JSON      bool   `name:"json" help:"Print one JSON object."`
}

// Run audits. It exits with 1 if something is wrong.
func (c *AuditCmd) Run(ctx context.Context, out *output) error {
	out.json = c.JSON
	var o audit.Options
	if c.Policy != "" {
		p, err := readPolicy(c.Policy)
		if err != nil {
			return err
		}
		o.Policy = &p
	}
	var source io.Reader
	if strings.Contains(c.Source, "://") {
		r, stop, err := c.fetch(ctx)
		if err != nil {
			return err
		}
		defer stop()
		source = r
	} else {
		f, err := os.Open(c.Source)
		if err != nil {
			return hint(fmt.Errorf("opening the ledger: %w", err), "Give an export (kindpakket ledger export) or an address.")
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Size() > 8<<20 && out.terminal() {
			bar := progressbar.NewOptions64(info.Size(), progressbar.OptionSetWriter(out.err), progressbar.OptionSetDescription("auditing"),
				progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish())
			source = io.TeeReader(f, bar)
		} else {
			source = f
		}
	}
	report, err := audit.Run(source, o)
	var fault *audit.Fault
	if err != nil && !errors.As(err, &fault) {
		return err
	}
	if c.JSON {
		if err := out.value(report, ""); err != nil {
			return err
		}
	} else {
		printReport(out.out, report)
	}
	if fault != nil {
		return errRefused
	}
	return nil
}

func printReport(w io.Writer, r audit.Report) {
	if r.Fault != nil {
		fmt.Fprintf(w, "WRONG at line %d, entry %d: %s.\nWhat stands before it was found right. Do not rely on this copy: compare it with another one.\n", r.Fault.Line, r.Fault.Index, r.Fault.What)
		return
	}
	fmt.Fprintf(w, "The books are right: %d entries of %s, every rule kept.\n", r.Entries, r.Origin)
	if r.KeyFromFile {
		fmt.Fprintln(w, "Trusting the key inside this file: give --policy to say whose signature must be under it.")
	}
	for _, f := range r.Funds {
		fmt.Fprintf(w, "\n%s %s: %d budgets\n", f.Fund, f.Period, f.Accounts)
		for _, line := range []struct {
			name  string
			cents fmt.Stringer
		}{{"given", f.Issued}, {"topped up", f.ToppedUp}, {"spent", f.Spent}, {"given back", f.Returned}, {"left", f.Outstanding}, {"paid to shops", f.PaidOut}} {
			fmt.Fprintf(w, "  %-14s %14s\n", line.name, line.cents)
		}
		for _, group := range []struct {
			name string
			sums []audit.Sum
		}{{"by shop", f.Shops}, {"by category", f.Categories}} {
			fmt.Fprintf(w, "  %s\n", group.name)
			for _, s := range group.sums {
				fmt.Fprintf(w, "    %-30s %4d spends %12s, back %10s\n", s.Name, s.Spends, s.Spent, s.Returned)
			}
		}
	}
}

// fetch reads a ledger's entries over the network.
func (c *AuditCmd) fetch(ctx context.Context) (io.Reader, func(), error) {
	client, err := c.client()
	if err != nil {
		return nil, nil, err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(export(ctx, client, w)) }()
	return r, func() { r.Close() }, nil
}

func (c *AuditCmd) client() (ledger.Log, error) {
	if path, ok := strings.CutPrefix(c.Source, "unix://"); ok {
		return remote.NewClient("http://ledger", serve.UnixClient(path), ""), nil
	}
	if err := checkURL(strings.TrimSuffix(c.Source, "/")); err != nil {
		return nil, hint(fmt.Errorf("the ledger's address: %w", err), "Use https://host/path, or http://127.0.0.1:port/path on one machine.")
	}
	token := ""
	if c.TokenFile != "" {
		var err error
		if token, err = readSecretFile(c.TokenFile); err != nil {
			return nil, err
		}
	}
	o := aries.Options{Loopback: loopback(c.Source), MaxBytes: 32 << 20, Timeout: time.Minute}
	if c.CA != "" {
		b, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the anchor: %w", err)
		}
		anchor, err := parseCertificate(b)
		if err != nil {
			return nil, err
		}
		o.ExtraCAs = []*x509.Certificate{anchor}
	}
	return remote.NewClient(c.Source, aries.Client(o), token), nil
}

// export writes a log in its public form: the entries up to a checkpoint, then the checkpoint.
func export(ctx context.Context, log ledger.Log, w io.Writer) error {
	signed, err := log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	head, err := ledger.PeekCheckpoint(signed)
	if err != nil {
		return err
	}
	return audit.Export(w, func(yield func([]byte, error) bool) {
		for next := uint64(0); next < head.Size; {
			rows, err := log.Entries(ctx, next, head.Size)
			if err == nil && len(rows) == 0 {
				err = fmt.Errorf("%w: it ends before its checkpoint", ledger.ErrUnavailable)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			next += uint64(len(rows))
		}
	}, signed)
}

// ExportCmd writes the ledger.
type ExportCmd struct {
	Dir string `required:"" placeholder:"D" help:"Directory of the house."`
	Out string `help:"File to write. Default: standard output."`
}

// Run exports from the running ledger.
func (c *ExportCmd) Run(ctx context.Context, out *output) error {
	log := remote.NewClient("http://ledger", serve.UnixClient(dir(c.Dir).socket("ledger")), "")
	if c.Out == "" {
		return export(ctx, log, out.out)
	}
	var b bytes.Buffer
	if err := export(ctx, log, &b); err != nil {
		return err
	}
	return writeWhole(c.Out, b.Bytes())
}

// VerifyReceiptCmd checks a receipt.
type VerifyReceiptCmd struct {
	File   string `arg:"" help:"The receipt file." type:"existingfile"`
	Policy string `required:"" help:"Policy file: whose signatures count." type:"existingfile"`
	JSON   bool   `name:"json" help:"Print one JSON object."`
}

// Run verifies.
func (c *VerifyReceiptCmd) Run(_ context.Context, out *output) error {
	out.json = c.JSON
	policy, err := readPolicy(c.Policy)
	if err != nil {
		return err
	}
	b, err := readFile(c.File)
	if err != nil {
		return err
	}
	r, err := ledger.ParseReceipt(b)
	if err != nil {
		return hint(err, "This is not a receipt file, or it was changed. Ask the shop or the ledger for it again.")
	}
	e, err := ledger.Verify(r, policy)
	if err != nil {
		return hint(err, "Do not accept this receipt.")
	}
	return out.value(map[string]any{"kind": e.Kind, "index": e.Index, "time": e.Time}, "The receipt is good: entry %d, a %s of %s.\n", e.Index, e.Kind, e.Time.Format(time.RFC3339))
}

func readPolicy(path string) (ledger.Policy, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return ledger.Policy{}, fmt.Errorf("reading policy: %w", err)
	}
	p, err := ledger.ParsePolicy(b)
	return p, hint(err, "A policy file has a line: log <verifier key>, and a line: quorum none.")
}
