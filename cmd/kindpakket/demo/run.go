package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Config says how the demo is played.
type Config struct {
	Program string    // the kindpakket binary
	Dir     string    // where houses and wallets are made; empty or not there
	Out     io.Writer // the narration
	Once    bool      // end after the story instead of serving on
}

// stage is a demo under way.
type stage struct {
	Config
	pass   string // file with the passphrase of the wallets
	server *exec.Cmd
	log    *os.File
	ended  chan error
	url    string

	foreign, other, blocked *foreign // families with another wallet
	payments, refusals      int
}

// say tells a line of the story.
func (s *stage) say(format string, args ...any) { fmt.Fprintf(s.Out, format+"\n", args...) }

func (s *stage) path(name string) string { return filepath.Join(s.Dir, name) }

// answer is what a command printed and how it ended.
type answer struct {
	out  []byte
	err  string
	code int
}

// run types a command.
func (s *stage) run(ctx context.Context, args ...string) (answer, error) {
	cmd := exec.CommandContext(ctx, s.Program, args...)
	cmd.Env = append(os.Environ(), "KINDPAKKET_PASSPHRASE_FILE="+s.pass)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return answer{}, fmt.Errorf("running kindpakket %s: %w", args[0], err)
	}
	return answer{out.Bytes(), errs.String(), cmd.ProcessState.ExitCode()}, nil
}

// do types a command that must succeed, and reads its JSON into v, which may be nil.
func (s *stage) do(ctx context.Context, v any, args ...string) error {
	a, err := s.run(ctx, args...)
	if err != nil {
		return err
	}
	if a.code != 0 {
		return fmt.Errorf("kindpakket %s: exit %d: %s%s", strings.Join(args[:min(2, len(args))], " "), a.code, a.err, a.out)
	}
	return a.json(v)
}

func (a answer) json(v any) error {
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(a.out, v); err != nil {
		return fmt.Errorf("reading what a command printed: %w", err)
	}
	return nil
}

// freeAddress finds a loopback address that nobody listens at.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// serve starts the server and waits until it is ready.
func (s *stage) serve(ctx context.Context) error {
	var err error
	if s.log, err = os.OpenFile(s.path("server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	s.server = exec.Command(s.Program, "serve", "--dir", s.path("house"))
	s.server.Stdout, s.server.Stderr = s.log, s.log
	if err := s.server.Start(); err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	s.ended = make(chan error, 1)
	go func(c *exec.Cmd, ended chan error) { ended <- c.Wait() }(s.server, s.ended)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-s.ended:
			return fmt.Errorf("the server ended before it was ready: %v (see %s)", err, s.path("server.log"))
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready after 20 s (see %s)", s.path("server.log"))
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// stop ends the server and waits for it.
func (s *stage) stop() error {
	if s.server == nil {
		return nil
	}
	s.server.Process.Signal(syscall.SIGTERM)
	var err error
	select {
	case err = <-s.ended:
	case <-time.After(15 * time.Second):
		s.server.Process.Kill()
		err = errors.New("the server did not stop in 15 s")
	}
	s.server = nil
	return errors.Join(err, s.log.Close())
}

type offered struct {
	URI    string `json:"credential_offer_uri"`
	TxCode string `json:"tx_code"`
}

type asked struct {
	OrderID    string `json:"order_id"`
	RequestURI string `json:"request_uri"`
}

type result struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// house is the flag that every command for the house takes.
func (s *stage) house() string { return "--dir=" + s.path("house") }

// write writes a file of the demo and returns its path. An error shows when the file is read.
func (s *stage) write(name string, b []byte) string {
	path := s.path(name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		s.say("(%v)", err)
	}
	return path
}

// refused types a command that must end with exit 1, and returns what it printed.
func (s *stage) refused(ctx context.Context, args ...string) (answer, error) {
	a, err := s.run(ctx, args...)
	if err == nil && a.code != 1 {
		err = fmt.Errorf("kindpakket %s: exit %d, want a refusal: %s%s", strings.Join(args[:min(2, len(args))], " "), a.code, a.err, a.out)
	}
	return a, err
}
