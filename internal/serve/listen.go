package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// MaxSocketPath is the longest path, in bytes, that [Socket] hands back as it is. Kernels stop at 104 (BSD) or 108 (Linux).
const MaxSocketPath = 100

// ErrInUse is the error of [Listen] if a living server has the unix socket.
var ErrInUse = errors.New("another server listens on this socket")

// Listen opens a listener at addr: "unix:" and a path, or a TCP host:port.
//
// A unix socket may be used by its owner alone (mode 0600), and goes when the listener is closed. One that a dead server left
// behind is replaced; one that answers is [ErrInUse]. A path that is too long for the kernel falls back to the one of [Socket].
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	path, isUnix := strings.CutPrefix(addr, "unix:")
	if !isUnix {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("listening: %w", err)
		}
		return l, nil
	}
	path, err := Socket(path)
	if err != nil {
		return nil, err
	}
	if err := makeSocketDir(path); err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("listening: %w", ErrInUse)
	}
	if fi, err := os.Lstat(path); err == nil {
		if fi.Mode().Type() != fs.ModeSocket {
			return nil, errors.New("listening: a file that is no socket stands in the way")
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("listening: removing the old socket: %w", err)
		}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("listening: %w", err)
	}
	return &onceListener{Listener: l}, nil
}

// onceListener closes once: the second Close of a unix listener would remove the socket of its successor.
type onceListener struct {
	net.Listener
	once sync.Once
	err  error
}

func (l *onceListener) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

// Socket returns the path at which a server and its clients meet for a socket wanted at path: the absolute path itself where the
// kernel takes it (up to [MaxSocketPath] bytes), otherwise a short one, the same for the same absolute path and user, in a
// directory below /tmp that belongs to the user alone.
func Socket(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("finding socket: %w", err)
	}
	if len(abs) <= MaxSocketPath {
		return abs, nil
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(shortDir(), hex.EncodeToString(sum[:10])), nil
}

func shortDir() string {
	return filepath.Join("/tmp", "kindpakket-"+strconv.Itoa(os.Getuid()))
}

// makeSocketDir makes the directory of a short path.
func makeSocketDir(path string) error {
	if filepath.Dir(path) != shortDir() {
		return nil
	}
	if err := os.Mkdir(shortDir(), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return checkSocketDir(path)
}

// checkSocketDir refuses a short path's directory that somebody else made or may write to: /tmp is open to all.
func checkSocketDir(path string) error {
	if filepath.Dir(path) != shortDir() {
		return nil
	}
	fi, err := os.Lstat(shortDir())
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || !fi.IsDir() || fi.Mode().Perm()&0o077 != 0 || int(st.Uid) != os.Getuid() {
		return errors.New("the short socket directory belongs to somebody else")
	}
	return nil
}

// UnixClient is a client whose every request goes to the server on the unix socket wanted at path, whatever the URL's host.
func UnixClient(path string) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		short, err := Socket(path)
		if err != nil {
			return nil, err
		}
		if err := checkSocketDir(short); err != nil {
			return nil, fmt.Errorf("dialing: %w", err)
		}
		return new(net.Dialer).DialContext(ctx, "unix", short)
	}
	return &http.Client{
		Transport:     &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
