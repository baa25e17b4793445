package serve_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kindpakket/internal/serve"
)

// start runs a server until stop is called, which returns Run's error.
func start(t *testing.T, s serve.Server, ls ...net.Listener) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, ls...) }()
	return func() error {
		cancel()
		return <-done
	}
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := serve.Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func get(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func hello(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }

func TestRunDrains(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	l := listen(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- serve.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			<-release
			if r.Context().Err() != nil {
				io.WriteString(w, "cut short")
				return
			}
			io.WriteString(w, "whole")
		})}.Run(ctx, l)
	}()

	body := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			body <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		body <- string(b)
	}()
	<-entered
	cancel()
	for { // the listener closes soon after; the request under way does not end
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break
		}
		c.Close()
	}
	close(release)
	if got := <-body; got != "whole" {
		t.Errorf("request under way: got %q", got)
	}
	if err := <-done; err != nil {
		t.Errorf("Run: got %v", err)
	}
}

func TestRunGivesUpDraining(t *testing.T) {
	entered := make(chan bool)
	l := listen(t, "127.0.0.1:0")
	stop := start(t, serve.Server{Drain: 1, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})}, l)
	go http.Get("http://" + l.Addr().String()) // its answer is torn off
	<-entered
	if err := stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestRunReportsABrokenListener(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	l.Close()
	if err := (serve.Server{Handler: http.HandlerFunc(hello)}).Run(t.Context(), l); err == nil {
		t.Error("got no error")
	}
	if err := (serve.Server{Handler: http.HandlerFunc(hello)}).Run(t.Context()); err == nil {
		t.Error("without a listener: got no error")
	}
}

func TestUnixSocket(t *testing.T) {
	for name, dir := range map[string]string{
		"short": "",
		"long":  strings.Repeat("a-very-long-name/", 9),
	} {
		t.Run(name, func(t *testing.T) {
			base, err := os.MkdirTemp("", "s")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(base) })
			path := filepath.Join(base, dir, "admin.sock")
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			l := listen(t, "unix:"+path)
			stop := start(t, serve.Server{Handler: http.HandlerFunc(hello)}, l)
			if got := get(t, serve.UnixClient(path), "http://kindpakket/"); got != "hello" {
				t.Errorf("got %q", got)
			}
			at, err := serve.Socket(path)
			if err != nil {
				t.Fatal(err)
			}
			fi, err := os.Stat(at)
			if err != nil {
				t.Fatal(err)
			}
			if fi.Mode().Perm() != 0o600 {
				t.Errorf("mode: got %v", fi.Mode())
			}
			if _, err := serve.Listen(t.Context(), "unix:"+path); !errors.Is(err, serve.ErrInUse) {
				t.Errorf("a second server: got %v, want %v", err, serve.ErrInUse)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(at); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("after the end the socket is there: %v", err)
			}
		})
	}
}

func TestListenReplacesADeadSocketButNoFile(t *testing.T) {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "a.sock")
	dead, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	listen(t, "unix:"+path).Close()

	if err := os.WriteFile(path, []byte("a ledger"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := serve.Listen(t.Context(), "unix:"+path); err == nil {
		t.Error("listened in the place of a file")
	}
	if b, err := os.ReadFile(path); string(b) != "a ledger" {
		t.Errorf("the file: got %q, %v", b, err)
	}
}

// A web socket takes the connection over; Guard must let it.
func TestGuardHijack(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	stop := start(t, serve.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, ok := w.(http.Hijacker)
		if !ok {
			http.Error(w, "no hijacker", 500)
			return
		}
		c, _, err := h.Hijack()
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\nraw")
		c.Close()
	})}, l)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	b, err := io.ReadAll(bufio.NewReader(c))
	if err != nil || !strings.HasSuffix(string(b), "\r\n\r\nraw") {
		t.Errorf("got %q, %v", b, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
