package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the command: scripts and tests start it as a process of its own.
func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"kindpakket": main}) }

// TestScripts plays what a user could type. Besides the commands of testscript they have
//
//	freeport VAR               a loopback port that nobody listens at
//	ready URL                  wait until the server there answers /readyz
//	member VAR PATH            a member of the JSON object that was printed last, like receipt.index
//	replace FILE OLD NEW       a file with other words in it
//	flip FILE                  one bit of the byte in the middle
//	cut FILE                   without its last third
//	until FILE TEXT            wait until a file holds a text
//	members NAME…              the object that was printed last has these members and no other
func TestScripts(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: false,
		Setup: func(e *testscript.Env) error {
			e.Setenv("INTAKE", filepath.Join(repo, "issuer", "intake", "testdata", "zuidhorn"))
			e.Setenv("KINDPAKKET_PASSPHRASE_FILE", filepath.Join(e.WorkDir, "pass"))
			return os.WriteFile(filepath.Join(e.WorkDir, "pass"), []byte("een zin die niemand raadt\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], freePort(ts.Fatalf))
			},
			"ready": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(ready(context.Background(), args[0]))
			},
			"member": func(ts *testscript.TestScript, _ bool, args []string) {
				text, err := member(ts.ReadFile("stdout"), args[1])
				ts.Check(err)
				ts.Setenv(args[0], text)
			},
			"members": cmdMembers,
			"until": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(until(context.Background(), func() bool {
					b, err := os.ReadFile(ts.MkAbs(args[0]))
					return err == nil && strings.Contains(string(b), args[1])
				}))
			},
			"replace": func(ts *testscript.TestScript, _ bool, args []string) {
				text := ts.ReadFile(args[0])
				if !strings.Contains(text, args[1]) {
					ts.Fatalf("%s does not hold %q", args[0], args[1])
				}
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
			},
			"flip": func(ts *testscript.TestScript, _ bool, args []string) {
				b := []byte(ts.ReadFile(args[0]))
				at := len(b) / 2
				for b[at] == '\n' {
					at++
				}
				b[at] ^= 1
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
			},
			"cut": func(ts *testscript.TestScript, _ bool, args []string) {
				text := ts.ReadFile(args[0])
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text[:len(text)*2/3]), 0o600))
			},
		},
	})
}

// cmdMembers compares the names of an object's members with the ones given.
func cmdMembers(ts *testscript.TestScript, _ bool, args []string) {
	var object map[string]json.RawMessage
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &object))
	for _, name := range args {
		if _, ok := object[name]; !ok {
			ts.Fatalf("the object has no member %q", name)
		}
		delete(object, name)
	}
	for name := range object {
		ts.Fatalf("the object has a member %q that was not named", name)
	}
}

// member finds a value in a JSON object by a path of names and numbers with dots.
func member(text, path string) (string, error) {
	var v any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return "", fmt.Errorf("reading what was printed: %w", err)
	}
	if dec.More() {
		return "", fmt.Errorf("more than one JSON value was printed")
	}
	for name := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n >= len(in) {
				return "", fmt.Errorf("no member %s", path)
			}
			v = in[n]
		}
		if v == nil {
			return "", fmt.Errorf("no member %s", path)
		}
	}
	return fmt.Sprint(v), nil
}

func freePort(fatalf func(string, ...any)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fatalf("looking for a free port: %v", err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		fatalf("looking for a free port: %v", err)
	}
	return port
}

// ready waits until a server is ready.
func ready(ctx context.Context, url string) error {
	// It only asks whether somebody listens: who it is, the commands check for themselves.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	return until(ctx, func() bool {
		resp, err := client.Get(url + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// until asks again and again whether something is so, for half a minute at most.
func until(ctx context.Context, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}
