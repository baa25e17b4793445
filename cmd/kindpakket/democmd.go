package main

import (
	"context"
	"fmt"
	"os"

	"kindpakket/cmd/kindpakket/demo"
)

// DemoCmd plays the demo.
type DemoCmd struct {
	Once bool   `help:"End after the story instead of serving on."`
	Dir  string `help:"Where to play. Default: a new directory, removed at the end of --once."`
}

// Run plays it with this very binary.
func (c *DemoCmd) Run(ctx context.Context, out *output) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	dir := c.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "kindpakket-demo-"); err != nil {
			return err
		}
		if c.Once {
			defer os.RemoveAll(dir)
		}
	}
	if err := demo.Play(ctx, demo.Config{Program: program, Dir: dir, Out: out.out, Once: c.Once}); err != nil {
		return hint(fmt.Errorf("the demo did not come out as it should: %w", err), "This is a fault in kindpakket: please report it with the lines above.")
	}
	return nil
}
