// Command kindpakket is the whole house in one binary: the municipality's issuer, the shops' verifier, the ledger, and a
// wallet for the command line.
//
//	kindpakket init --dir D --sample zuidhorn
//	kindpakket serve --dir D
//	kindpakket demo
//
// Errors are one line that says what happened and one that says what to do. Exit codes: 0 done, 1 not done or refused,
// 2 the command line is wrong.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // the Kindpakket year is counted in Dutch time wherever this runs

	"github.com/alecthomas/kong"
	"golang.org/x/term"
)

var randReader = rand.Reader

// CLI is the command line.
type CLI struct {
	Verbose bool `short:"v" help:"Log more."`

	Init     InitCmd     `cmd:"" help:"Make a new house: keys, CA, configuration, genesis. Once."`
	Serve    serveAll    `cmd:"" help:"Run issuer, verifier and ledger in one process."`
	Issuer   IssuerCmd   `cmd:"" help:"The municipality."`
	Verifier VerifierCmd `cmd:"" help:"The shops."`
	Ledger   LedgerCmd   `cmd:"" help:"The ledger: audit, receipts, export."`
	Wallet   WalletCmd   `cmd:"" help:"A wallet for the command line."`
	Demo     DemoCmd     `cmd:"" help:"Everything above on a sample municipality, narrated."`
	Version  VersionCmd  `cmd:"" help:"What was built."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the command; tests start the same thing.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var cli CLI
	exited := -1
	parser, err := kong.New(&cli, kong.Name("kindpakket"), kong.Description("A children's budget: entitlements, shops and a ledger that anyone can check."),
		kong.UsageOnError(), kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(stderr, "kindpakket:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if exited >= 0 { // --help was printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "kindpakket: %v\nkindpakket --help shows how it is meant.\n", err)
		return 2
	}
	level := slog.LevelInfo
	if cli.Verbose {
		level = slog.LevelDebug
	}
	out := &output{in: stdin, out: stdout, err: stderr, log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))}
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(out)
	if err := k.Run(); err != nil {
		return out.fail(err)
	}
	return 0
}

// output is where a command reads and writes.
type output struct {
	in       io.Reader
	out, err io.Writer
	log      *slog.Logger
	json     bool // set by commands with --json
}

// value prints v as one JSON object if the command has --json, otherwise the sentence.
func (o *output) value(v any, format string, args ...any) error {
	if !o.json {
		_, err := fmt.Fprintf(o.out, format, args...)
		return err
	}
	enc := json.NewEncoder(o.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// terminal reports whether progress may be drawn: somebody is looking at it.
func (o *output) terminal() bool {
	f, ok := o.err.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// errRefused is the end of a command whose answer was printed and was no.
var errRefused = errors.New("refused")

// fail prints what happened and what to do, one line each, and returns the exit code.
func (o *output) fail(err error) int {
	if errors.Is(err, errRefused) {
		return 1
	}
	what, do := explain(err)
	if do == "" {
		do = "Run it again with -v to see more, or look at docs/operate."
	}
	fmt.Fprintf(o.err, "kindpakket: %s\n%s\n", what, do)
	return 1
}

// VersionCmd prints what was built.
type VersionCmd struct {
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Run prints the version from the build itself.
func (c *VersionCmd) Run(out *output) error {
	v := map[string]string{"module": "kindpakket", "version": "(devel)", "go": "", "revision": ""}
	if b, ok := debug.ReadBuildInfo(); ok {
		v["go"] = b.GoVersion
		if b.Main.Version != "" {
			v["version"] = b.Main.Version
		}
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				v["revision"] = s.Value
			}
		}
	}
	out.json = c.JSON
	return out.value(v, "kindpakket %s %s %s\n", v["version"], v["go"], v["revision"])
}

// serveAll runs all rooms in one process.
type serveAll struct{ ServeCmd }

func (c *serveAll) Run(ctx context.Context, out *output) error {
	c.rooms = []string{"ledger", "issuer", "verifier"}
	return c.ServeCmd.Run(ctx, out)
}

type serveIssuer struct{ ServeCmd }

func (c *serveIssuer) Run(ctx context.Context, out *output) error {
	c.rooms = []string{"issuer"}
	return c.ServeCmd.Run(ctx, out)
}

type serveVerifier struct{ ServeCmd }

func (c *serveVerifier) Run(ctx context.Context, out *output) error {
	c.rooms = []string{"verifier"}
	return c.ServeCmd.Run(ctx, out)
}

type serveLedger struct{ ServeCmd }

func (c *serveLedger) Run(ctx context.Context, out *output) error {
	c.rooms = []string{"ledger"}
	return c.ServeCmd.Run(ctx, out)
}
