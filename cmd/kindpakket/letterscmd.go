package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"

	"kindpakket/issuer"
	"kindpakket/issuer/letter"
)

// LettersCmd prints the letters of all families that wait for one.
type LettersCmd struct {
	inHouse
	Out         string `default:"letters.html" help:"Where to write them. The file is worth money: print it at once and do not keep it."`
	Lang        string `enum:"nl,en" default:"nl" help:"Language of the letters: nl or en."`
	Sender      string `help:"Who sends them. Default: the municipality's name."`
	Phone       string `required:"" help:"Of the help desk."`
	Email       string `help:"Of the help desk."`
	Visit       string `help:"Where the help desk is."`
	App         string `help:"Address of a page with the wallet app, https."`
	ByReference bool   `help:"A smaller QR code, from which the wallet fetches the offer."`
	Again       bool   `help:"Also for families whose letter was made before and not used; the older letter is dead then."`
}

// Run streams the letters into a file that only its owner can read, whole or not at all.
func (c *LettersCmd) Run(ctx context.Context, out *output) error {
	body, err := json.Marshal(issuer.LettersRequest{Lang: c.Lang, Form: issuer.Form(c.ByReference), Again: c.Again,
		Sender: letter.Sender{Name: c.Sender, Phone: c.Phone, Email: c.Email, Visit: c.Visit, App: c.App}})
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(c.Out), ".kindpakket-")
	if err != nil {
		return hint(fmt.Errorf("writing the letters: %w", err), "Give another --out. No letter was made.")
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	err = c.issuer(out).send(ctx, http.MethodPost, "/letters", "application/json", bytes.NewReader(body), func(r io.Reader) error {
		to := io.Writer(tmp)
		if out.terminal() {
			bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(out.err), progressbar.OptionSetDescription("letters"),
				progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish())
			defer bar.Finish()
			to = io.MultiWriter(tmp, bar)
		}
		if _, err := io.Copy(to, r); err != nil {
			return err
		}
		return endsWhole(tmp)
	})
	if err == nil {
		err = errors.Join(tmp.Sync(), tmp.Close())
	}
	if err == nil {
		err = os.Rename(tmp.Name(), c.Out)
	}
	var answered errProblem
	var hinted *errHint
	if err != nil && !errors.As(err, &answered) && !errors.As(err, &hinted) {
		return hint(fmt.Errorf("writing the letters: %w", err), "Run it again with --again: the letters that were begun are made anew.")
	}
	if err != nil {
		return err
	}
	return out.value(map[string]string{"file": c.Out}, "%s has a page for each family that had no card and no letter that works.\n"+
		"In its window stands which file the family was in (the first that was imported is 1) and on which line.\nPrint it now and do not keep it.\n", c.Out)
}

// endsWhole reports whether the document came to its end.
func endsWhole(f *os.File) error {
	const end = "</html>"
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	tail := make([]byte, min(size, 64))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return err
	}
	if !bytes.HasSuffix(bytes.TrimSpace(tail), []byte(end)) {
		return errors.New("the document broke off")
	}
	return nil
}
