package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"

	"kindpakket/issuer/pain001"
)

// PayoutFileCmd gets the file of an earlier payout again.
type PayoutFileCmd struct {
	inHouse
	Number string `arg:"" name:"run" help:"Number of the run, as its report says."`
	Out    string `help:"Where to write the file. Default: payout-RUN.xml here."`
}

// Run writes the file. It is the same file: the bank knows it by its message id and pays it once.
func (c *PayoutFileCmd) Run(ctx context.Context, out *output) error {
	var file []byte
	err := c.issuer(out).send(ctx, http.MethodGet, "/payouts/"+url.PathEscape(c.Number), "", nil, func(r io.Reader) (err error) {
		file, err = io.ReadAll(io.LimitReader(r, pain001.MaxFile))
		return err
	})
	if err != nil {
		return err
	}
	path := c.Out
	if path == "" {
		path = "payout-" + filepath.Base(c.Number) + ".xml"
	}
	if err := writeWhole(path, file); err != nil {
		return hint(fmt.Errorf("writing the payment file: %w", err), "Give another --out.")
	}
	return out.value(map[string]string{"file": path}, "%s is the file of run %s. Send it to the bank only if that was not done before.\n", path, c.Number)
}
