// Command mutants brings old faults back, one at a time, and sees that the test with the fault's tag notices.
//
// Each testdata/mutants/TAG.patch is a small patch (git apply, -p1) whose first line says which test must then fail:
//
//	# go test ./ledger/rule -run TestC1
//
// The patch is applied to a copy of the tree, never to the tree itself. A mutant counts as killed if the test ran and
// failed; a patch that does not apply, code that does not build, and a test that passes are all faults of ours.
//
//	go run ./internal/mutants [TAG …]
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only []string) error {
	patches, err := filepath.Glob("testdata/mutants/*.patch")
	if err != nil || len(patches) == 0 {
		return errors.New("no patches in testdata/mutants: run this at the top of the tree")
	}
	dir, err := os.MkdirTemp("", "kindpakket-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	killed, lived := 0, 0
	for _, patch := range patches {
		tag := strings.TrimSuffix(filepath.Base(patch), ".patch")
		if len(only) > 0 && !slices.Contains(only, tag) {
			continue
		}
		start := time.Now()
		if err := mutate(ctx, filepath.Join(dir, tag), patch); err != nil {
			lived++
			fmt.Printf("%-4s NOT KILLED: %v\n", tag, err)
			continue
		}
		killed++
		fmt.Printf("%-4s killed (%.1f s)\n", tag, time.Since(start).Seconds())
	}
	fmt.Printf("%d passed, %d failed\n", killed, lived)
	if lived > 0 {
		return fmt.Errorf("%d mutants were not killed", lived)
	}
	return nil
}

// mutate copies the tracked tree to dir, applies the patch and runs its test, which must fail.
func mutate(ctx context.Context, dir, patch string) error {
	text, err := os.ReadFile(patch)
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	args := strings.Fields(first)
	if len(args) < 6 || !slices.Equal(args[:3], []string{"#", "go", "test"}) || args[4] != "-run" {
		return errors.New("the first line is not: # go test PACKAGE -run TEST")
	}
	abs, err := filepath.Abs(patch)
	if err != nil {
		return err
	}
	if err := copyTree(ctx, dir); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if out, err := command(ctx, dir, "git", "apply", "--unsafe-paths", "--directory=", abs).CombinedOutput(); err != nil {
		return fmt.Errorf("the patch does not apply: %s", bytes.TrimSpace(out))
	}
	if out, err := command(ctx, dir, "go", "vet", args[3]).CombinedOutput(); err != nil {
		return fmt.Errorf("the mutant does not build: %s", bytes.TrimSpace(out))
	}
	out, err := command(ctx, dir, "go", append([]string{"test", "-count=1", "-timeout=120s"}, args[3:]...)...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return errors.New("the test passes with the fault in it")
	case !errors.As(err, &exit):
		return err
	case !bytes.Contains(out, []byte("--- FAIL: ")):
		return fmt.Errorf("no test failed: %s", bytes.TrimSpace(out[max(0, len(out)-400):]))
	}
	return nil
}

func command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	// git apply must not take the copy for a part of a repository around it.
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	return cmd
}

// copyTree copies the files that git knows, as they are in the work tree.
func copyTree(ctx context.Context, dir string) error {
	list, err := exec.CommandContext(ctx, "git", "ls-files", "-z").Output()
	if err != nil {
		return fmt.Errorf("listing files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		b, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted in the work tree
		}
		if err != nil {
			return err
		}
		to := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, b, 0o644)); err != nil {
			return err
		}
	}
	return nil
}
