package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"kindpakket/ledger"
	"kindpakket/wallet"
	"kindpakket/wallet/vault"
)

// WalletCmd is a wallet for the command line. Everything it keeps lies encrypted in its directory.
type WalletCmd struct {
	Init    WalletInitCmd    `cmd:"" help:"Make a new, empty wallet."`
	Accept  WalletAcceptCmd  `cmd:"" help:"Take the card from a letter."`
	Show    WalletShowCmd    `cmd:"" help:"Show the cards and what is left."`
	Answer  WalletAnswerCmd  `cmd:"" help:"Answer a request: pay, or show that you have a card."`
	Retry   WalletRetryCmd   `cmd:"" help:"Ask again for answers that were lost."`
	History WalletHistoryCmd `cmd:"" help:"What was paid and what came back."`
	Receipt WalletReceiptCmd `cmd:"" help:"Write the receipt of a line of the history to a file, or add one that a shop gave."`
	Backup  WalletBackupCmd  `cmd:"" help:"Write everything to one encrypted file."`
	Restore WalletRestoreCmd `cmd:"" help:"Read a backup into a new wallet."`
}

// walletDir is what every wallet command takes.
type walletDir struct {
	Dir            string `required:"" placeholder:"W" help:"Directory of the wallet."`
	PassphraseFile string `env:"KINDPAKKET_PASSPHRASE_FILE" help:"File whose first line is the passphrase; otherwise it is asked for."`
	JSON           bool   `name:"json" help:"Print one JSON object."`
}

func (c walletDir) path(name string) string { return filepath.Join(c.Dir, name) }

// passphrase reads the wallet's passphrase from its file, or from the terminal without showing it.
func passphrase(file string, out *output, ask string) ([]byte, error) {
	if file != "" {
		p, err := readSecretFile(file)
		return []byte(p), err
	}
	f, ok := out.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, hint(errors.New("no passphrase was given"), "Use --passphrase-file FILE or $KINDPAKKET_PASSPHRASE_FILE, or run the command in a terminal.")
	}
	fmt.Fprint(out.err, ask+": ")
	p, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(out.err)
	if err == nil && len(p) == 0 {
		err = errors.New("the passphrase is empty")
	}
	return p, err
}

// open opens the wallet. The caller closes what comes back second.
func (c walletDir) open(out *output) (*wallet.Wallet, func(), error) {
	out.json = c.JSON
	if _, err := os.Stat(c.path("vault.db")); err != nil {
		return nil, nil, hint(errors.New("there is no wallet in "+c.Dir), "Make one: kindpakket wallet init --dir %s --anchor ca.pem", c.Dir)
	}
	pass, err := passphrase(c.PassphraseFile, out, "Passphrase")
	if err != nil {
		return nil, nil, err
	}
	file, err := vault.OpenFile(c.path("vault.db"))
	if err != nil {
		return nil, nil, hint(err, "Close the other program that uses this wallet.")
	}
	v, err := vault.Open(file, pass, randReader)
	if err != nil {
		file.Close()
		return nil, nil, hint(fmt.Errorf("opening the wallet: %w", err), "Check the passphrase.")
	}
	w, err := c.wallet(v)
	if err != nil {
		v.Close()
		file.Close()
		return nil, nil, err
	}
	return w, func() { v.Close(); file.Close() }, nil
}

func (c walletDir) wallet(v *vault.Vault) (*wallet.Wallet, error) {
	b, err := os.ReadFile(c.path("anchor.pem"))
	if err != nil {
		return nil, fmt.Errorf("reading the wallet's anchor: %w", err)
	}
	anchors := x509.NewCertPool()
	if !anchors.AppendCertsFromPEM(b) {
		return nil, hint(errors.New("reading the wallet's anchor: no PEM certificate in anchor.pem"), "Copy the municipality's ca.pem there.")
	}
	_, loopback := os.Stat(c.path("loopback"))
	cfg := wallet.Config{Vault: v, Doer: walletClient(b), Anchors: anchors, Rand: randReader, AllowHTTPLoopback: loopback == nil}
	if p, err := os.ReadFile(c.path("policy.txt")); err == nil {
		policy, err := ledger.ParsePolicy(p)
		if err != nil {
			return nil, hint(err, "Correct policy.txt in the wallet's directory, or take it away.")
		}
		cfg.Policy = &policy
	}
	return wallet.New(cfg)
}

// walletClient reaches issuers and shops: the system's authorities and the wallet's own anchor, no redirects.
func walletClient(anchor []byte) *http.Client {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(anchor)
	return &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fail gives a wallet's error its hint.
func walletError(err error) error {
	var e *wallet.Error
	if errors.As(err, &e) {
		return hint(err, "%s", e.Hint.EN)
	}
	return err
}

// WalletInitCmd makes a wallet.
type WalletInitCmd struct {
	walletDir
	Anchor   string `required:"" help:"The municipality's anchor (ca.pem): who may issue cards and ask for them." type:"existingfile"`
	Policy   string `help:"Policy file: whose signatures make a receipt good. Default: the ledger key that the signed card names." type:"existingfile"`
	Loopback bool   `help:"Talk plain http to this machine, for trying it out."`
}

// Run makes the wallet in a directory beside and moves it into place.
func (c *WalletInitCmd) Run(out *output) error {
	out.json = c.JSON
	if err := c.create(out, nil); err != nil {
		return err
	}
	return out.value(map[string]any{"dir": c.Dir}, "A new wallet stands in %s. Take a card: kindpakket wallet accept OFFER --tx-code CODE --dir %s\n", c.Dir, c.Dir)
}

// create makes the directory; fill may put something into the new vault before it is moved into place.
func (c *WalletInitCmd) create(out *output, fill func(*wallet.Wallet) error) error {
	if entries, err := os.ReadDir(c.Dir); err == nil && len(entries) > 0 {
		return hint(fmt.Errorf("making a wallet: %s is not empty", c.Dir), "Give --dir a new directory.")
	}
	pass, err := passphrase(c.PassphraseFile, out, "New passphrase")
	if err != nil {
		return err
	}
	if c.PassphraseFile == "" {
		again, err := passphrase("", out, "The same again")
		if err != nil {
			return err
		}
		if string(again) != string(pass) {
			return hint(errors.New("the two passphrases differ"), "Type the same passphrase twice.")
		}
	}
	anchor, err := os.ReadFile(c.Anchor)
	if err != nil {
		return fmt.Errorf("reading the anchor: %w", err)
	}
	if _, err := parseCertificate(anchor); err != nil {
		return hint(err, "Give --anchor the municipality's ca.pem.")
	}
	final, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(final), ".kindpakket-wallet-")
	if err != nil {
		return fmt.Errorf("making a wallet: %w", err)
	}
	defer os.RemoveAll(tmp)
	to := walletDir{Dir: tmp}
	if err := os.WriteFile(to.path("anchor.pem"), anchor, 0o600); err != nil {
		return err
	}
	if c.Policy != "" {
		p, err := os.ReadFile(c.Policy)
		if err != nil {
			return err
		}
		if err := os.WriteFile(to.path("policy.txt"), p, 0o600); err != nil {
			return err
		}
	}
	if c.Loopback {
		if err := os.WriteFile(to.path("loopback"), []byte("plain http to this machine is allowed\n"), 0o600); err != nil {
			return err
		}
	}
	file, err := vault.OpenFile(to.path("vault.db"))
	if err != nil {
		return err
	}
	v, err := vault.Create(file, pass, vault.Params{}, randReader)
	if err == nil && fill != nil {
		var w *wallet.Wallet
		if w, err = to.wallet(v); err == nil {
			err = fill(w)
		}
		v.Close()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, final)
}

// WalletAcceptCmd takes a card.
type WalletAcceptCmd struct {
	walletDir
	Offer  string `arg:"" help:"What the QR code on the letter says: openid-credential-offer://…"`
	TxCode string `required:"" help:"The 8 digits in the letter."`
}

type cardJSON struct {
	Card         string `json:"card"`
	Municipality string `json:"municipality"`
	Fund         string `json:"fund"`
	Period       string `json:"period"`
	ValidUntil   string `json:"valid_until"`
	Copies       int    `json:"copies"`
	Balance      *int64 `json:"balance,omitempty"` // cents
}

func showCard(c wallet.Card) (cardJSON, string) {
	j := cardJSON{c.ID(), c.Municipality(), c.Fund(), c.Period(), c.ValidUntil().Format(time.DateOnly), c.Copies(), nil}
	left := "unknown"
	if b, err := c.Balance(); err == nil {
		cents := int64(b)
		j.Balance, left = &cents, b.Format("en")
	}
	return j, fmt.Sprintf("%s, %s %s, valid until %s. Left on it: %s.", c.Name("en"), c.Municipality(), c.Period(), j.ValidUntil, left)
}

// Run takes the card.
func (c *WalletAcceptCmd) Run(ctx context.Context, out *output) error {
	w, done, err := c.open(out)
	if err != nil {
		return err
	}
	defer done()
	card, err := w.Accept(ctx, c.Offer, strings.ReplaceAll(c.TxCode, " ", ""))
	if err != nil {
		return walletError(err)
	}
	j, text := showCard(card)
	return out.value(j, "You have a card. %s\n", text)
}

// WalletShowCmd shows the cards.
type WalletShowCmd struct{ walletDir }

// Run shows them.
func (c *WalletShowCmd) Run(out *output) error {
	w, done, err := c.open(out)
	if err != nil {
		return err
	}
	defer done()
	cards, err := w.Cards()
	if err != nil {
		return walletError(err)
	}
	list := []cardJSON{}
	for _, card := range cards {
		j, text := showCard(card)
		list = append(list, j)
		if !c.JSON {
			fmt.Fprintln(out.out, text)
		}
	}
	if !c.JSON && len(cards) == 0 {
		fmt.Fprintln(out.out, "There is no card in this wallet yet.")
	}
	if c.JSON {
		return out.value(map[string]any{"cards": list}, "")
	}
	return nil
}

// WalletAnswerCmd answers a request.
type WalletAnswerCmd struct {
	walletDir
	Request string        `arg:"" help:"What the till's QR code says: openid4vp://…"`
	Yes     bool          `help:"Agree without being asked."`
	No      bool          `help:"Look, and say no."`
	Wait    time.Duration `default:"30s" help:"How long to wait for a till that cannot say yet. Wallet retry asks again."`
}

type resultJSON struct {
	State  wallet.State  `json:"state"`
	Reason ledger.Reason `json:"reason,omitempty"`
	Order  string        `json:"order_id,omitempty"`
	Line   int           `json:"line"`
	Amount int64         `json:"amount"` // cents
	Entry  uint64        `json:"entry,omitempty"`
}

func showAnswer(r wallet.Result) resultJSON {
	l := r.Line()
	return resultJSON{r.State(), r.Reason(), l.OrderID(), l.Number(), int64(l.Amount()), l.Entry()}
}

// Run shows who asks for what, and answers after a yes. It ends when the till would say paid or refused.
func (c *WalletAnswerCmd) Run(ctx context.Context, out *output) error {
	w, done, err := c.open(out)
	if err != nil {
		return err
	}
	defer done()
	consent, err := w.Look(ctx, c.Request)
	if err != nil {
		return walletError(err)
	}
	fmt.Fprintln(out.err, consent.Text().EN)
	if c.No || !c.Yes && !agree(out) {
		if err := w.Decline(ctx, consent); err != nil {
			return walletError(err)
		}
		if err := out.value(map[string]any{"state": "declined"}, "You said no. Nothing was sent but that.\n"); err != nil {
			return err
		}
		return errRefused
	}
	wait, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	r, err := w.Answer(wait, consent)
	if errors.Is(err, wallet.ErrNoAnswer) && c.JSON {
		err = errors.Join(err, out.value(showAnswer(r), ""))
	}
	if err != nil {
		return walletError(err)
	}
	if err := out.value(showAnswer(r), "%s\n", r.Message().EN); err != nil {
		return err
	}
	if r.State() == wallet.Refused {
		return errRefused
	}
	return nil
}

// agree asks for a yes on the terminal.
func agree(out *output) bool {
	fmt.Fprint(out.err, "Agree? Type yes: ")
	line := make([]byte, 0, 8)
	one := make([]byte, 1)
	for len(line) < 8 {
		n, err := out.in.Read(one)
		if n == 0 || err != nil || one[0] == '\n' {
			break
		}
		line = append(line, one[0])
	}
	return strings.TrimSpace(string(line)) == "yes"
}

// WalletRetryCmd asks again.
type WalletRetryCmd struct{ walletDir }

// Run sends the same answers again.
func (c *WalletRetryCmd) Run(ctx context.Context, out *output) error {
	w, done, err := c.open(out)
	if err != nil {
		return err
	}
	defer done()
	results, err := w.Retry(ctx)
	list := []resultJSON{}
	for _, r := range results {
		list = append(list, showAnswer(r))
		if !c.JSON {
			fmt.Fprintln(out.out, r.Message().EN)
		}
	}
	if err != nil {
		return walletError(err)
	}
	return out.value(map[string]any{"results": list}, "%d answers were waiting.\n", len(list))
}

// WalletHistoryCmd prints the history.
type WalletHistoryCmd struct{ walletDir }

type lineJSON struct {
	Line     int           `json:"line"`
	At       string        `json:"at"`
	Shop     string        `json:"shop"`
	State    wallet.State  `json:"state"`
	Reason   ledger.Reason `json:"reason,omitempty"`
	Amount   int64         `json:"amount"` // cents
	Category string        `json:"category,omitempty"`
	Entry    uint64        `json:"entry,omitempty"`
	Purchase int           `json:"purchase,omitempty"`
}

// Run prints a line a purchase or return.
func (c *WalletHistoryCmd) Run(out *output) error {
	w, done, err := c.open(out)
	if err != nil {
		return err
	}
	defer done()
	lines, err := w.History()
	if err != nil {
		return walletError(err)
	}
	list := []lineJSON{}
	for _, l := range lines {
		list = append(list, lineJSON{l.Number(), l.At().Format(time.RFC3339), l.Shop(), l.State(), l.Reason(), int64(l.Amount()), string(l.Category()), l.Entry(), l.Purchase()})
		if !c.JSON {
			fmt.Fprintf(out.out, "%3d  %s  %12s  %-9s  %s %s\n", l.Number(), l.At().Local().Format("2006-01-02 15:04"), l.Amount(), l.State(), l.Shop(), l.Reason())
		}
	}
	if c.JSON {
		return out.value(map[string]any{"lines": list}, "")
	}
	return nil
}

// WalletReceiptCmd writes or adds a receipt.
type WalletReceiptCmd struct {
	walletDir
	Line int    `help:"Number of the line whose receipt is written." xor:"what" required:""`
	Out  string `help:"File to write. Default: standard output."`
	Add  string `help:"Receipt of a return that a shop gave." type:"existingfile" xor:"what" required:""`
}

// Run writes or adds.
func (c *WalletReceiptCmd) Run(out *output) error {
	w, done, err := c.open(out)
	if err != nil {
		return err
	}
	defer done()
	if c.Add != "" {
		b, err := readFile(c.Add)
		if err != nil {
			return err
		}
		l, err := w.AddReceipt(b)
		if err != nil {
			return walletError(err)
		}
		return out.value(map[string]any{"line": l.Number(), "amount": int64(l.Amount())}, "Booked: %s came back from %s.\n", l.Amount(), l.Shop())
	}
	b, err := w.ExportReceipt(c.Line)
	if err != nil {
		return walletError(err)
	}
	if c.Out == "" {
		_, err = out.out.Write(b)
		return err
	}
	return writeWhole(c.Out, b)
}

// WalletBackupCmd writes a backup.
type WalletBackupCmd struct {
	walletDir
	File string `arg:"" help:"File to write. It is encrypted under the wallet's passphrase."`
}

// Run writes it whole or not at all.
func (c *WalletBackupCmd) Run(out *output) error {
	w, done, err := c.open(out)
	if err != nil {
		return err
	}
	defer done()
	pass, err := passphrase(c.PassphraseFile, out, "Passphrase of the backup")
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := w.Backup(pass, &b); err != nil {
		return walletError(err)
	}
	if err := writeWhole(c.File, []byte(b.String())); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return out.value(map[string]any{"file": c.File, "bytes": b.Len()}, "The backup is in %s (%d bytes). Keep it away from this machine.\n", c.File, b.Len())
}

// WalletRestoreCmd makes a wallet from a backup.
type WalletRestoreCmd struct {
	WalletInitCmd
	File string `arg:"" help:"The backup." type:"existingfile"`
}

// Run restores into a new directory: the wallet is there whole or not at all.
func (c *WalletRestoreCmd) Run(out *output) error {
	out.json = c.JSON
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	pass, err := passphrase(c.PassphraseFile, out, "Passphrase of the backup")
	if err != nil {
		return err
	}
	cards := 0
	err = c.create(out, func(w *wallet.Wallet) error {
		if err := w.Restore(pass, io.LimitReader(f, vault.MaxBackup+1)); err != nil {
			return hint(fmt.Errorf("reading the backup: %w", err), "Check the passphrase, and that the file is a whole backup.")
		}
		list, err := w.Cards()
		cards = len(list)
		return err
	})
	if err != nil {
		return walletError(err)
	}
	return out.value(map[string]any{"dir": c.Dir, "cards": cards}, "The wallet is back in %s with %d cards.\n", c.Dir, cards)
}
