package aries

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Why a [Client] refuses to fetch.
var (
	ErrAddress  = errors.New("the address is not a public one")
	ErrScheme   = errors.New("not an https URL")
	ErrRedirect = errors.New("redirected elsewhere")
	ErrTooLarge = errors.New("the answer is too large")
)

// Options of a [Client] and a [Resolver]. The zero value is for use in earnest.
type Options struct {
	// Loopback is for development on one machine: it lets loopback addresses be reached, besides public ones, and those by plain
	// http too. All other addresses that are not public stay refused.
	Loopback bool

	// ExtraCAs are trusted besides the system's certificate authorities, like the municipality's own. Optional.
	ExtraCAs []*x509.Certificate

	// MaxBytes is the size of the largest body that is read, after decompression. Optional: 1 MiB.
	MaxBytes int64

	// Timeout is how long a fetch may take from beginning to end of its body. Optional: ten seconds.
	Timeout time.Duration
}

const (
	defaultMaxBytes = 1 << 20
	defaultTimeout  = 10 * time.Second
	maxRedirects    = 3
)

// Client returns a client for URLs that somebody else chose: it cannot be made to reach into our own network (SSRF).
//
// The address is checked when the connection is made, after the name was resolved, so a name that points inwards, or points
// elsewhere the second time, is refused with [ErrAddress]. Only https is spoken ([ErrScheme]), no proxy of the environment is used,
// no cookie is kept, a redirect to another scheme, host or port is refused ([ErrRedirect]), and a body that goes on for too long
// ends in [ErrTooLarge].
func Client(opts Options) *http.Client {
	if opts.MaxBytes == 0 {
		opts.MaxBytes = defaultMaxBytes
	}
	if opts.Timeout == 0 {
		opts.Timeout = defaultTimeout
	}
	dialer := &net.Dialer{
		Timeout: min(opts.Timeout, 5*time.Second),
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return checkAddress(address, opts.Loopback)
		},
	}
	return &http.Client{
		Timeout: opts.Timeout,
		Transport: guard{
			opts: opts,
			next: &http.Transport{
				DialContext:            dialer.DialContext,
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots(opts.ExtraCAs)},
				ForceAttemptHTTP2:      true,
				TLSHandshakeTimeout:    5 * time.Second,
				ResponseHeaderTimeout:  opts.Timeout,
				MaxResponseHeaderBytes: 64 << 10,
				MaxIdleConns:           16,
				MaxConnsPerHost:        8,
				IdleConnTimeout:        30 * time.Second,
			},
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			first := via[0].URL
			if r.URL.Scheme != first.Scheme || r.URL.Host != first.Host || len(via) > maxRedirects {
				return ErrRedirect
			}
			return nil
		},
	}
}

// roots is nil, for the system's, if there is nothing to add.
func roots(extra []*x509.Certificate) *x509.CertPool {
	if len(extra) == 0 {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without certificates: ours are all there are
	}
	for _, c := range extra {
		pool.AddCert(c)
	}
	return pool
}

// A guard checks what goes out and limits what comes back.
type guard struct {
	opts Options
	next http.RoundTripper
}

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.check(r); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > g.opts.MaxBytes {
		resp.Body.Close()
		return nil, ErrTooLarge
	}
	resp.Body = &limited{ReadCloser: resp.Body, left: g.opts.MaxBytes}
	return resp, nil
}

func (g guard) check(r *http.Request) error {
	if r.URL.User != nil {
		return fmt.Errorf("%w: it names a user", ErrScheme)
	}
	if r.URL.Scheme == "https" || r.URL.Scheme == "http" && g.opts.Loopback && loopbackName(r.URL.Hostname()) {
		return nil
	}
	return ErrScheme
}

func loopbackName(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

type limited struct {
	io.ReadCloser
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1] // one more than fits, to see whether there is more
	}
	n, err := l.ReadCloser.Read(p)
	if int64(n) > l.left {
		n, l.left = int(l.left), 0
		return n, ErrTooLarge
	}
	l.left -= int64(n)
	return n, err
}

// checkAddress is called with the address and port a connection is about to be made to.
func checkAddress(address string, loopback bool) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !allowed(ap.Addr(), loopback) {
		return ErrAddress // without the address: it may be what an attacker wants to learn
	}
	return nil
}

func allowed(a netip.Addr, loopback bool) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a.IsLoopback() {
		return loopback
	}
	if a.Is6() && !globalUnicast.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// globalUnicast is all of IPv6 that is assigned to the public net (RFC 4291, Section 2.4; IANA). Outside it lie ::, ::1, the unique
// local fc00::/7, link-local fe80::/10, multicast ff00::/8, and 64:ff9b::/96, behind which IPv4 hides.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// special are the blocks that are not, or not surely, public: the registries of RFC 6890 and what leads to IPv4 by tunnel.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("10.0.0.0/8"),      // private
	netip.MustParsePrefix("100.64.0.0/10"),   // carrier-grade NAT
	netip.MustParsePrefix("127.0.0.0/8"),     // loopback
	netip.MustParsePrefix("169.254.0.0/16"),  // link-local, the clouds' metadata
	netip.MustParsePrefix("172.16.0.0/12"),   // private
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("192.168.0.0/16"),  // private
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("224.0.0.0/4"),     // multicast
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, broadcast
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4
	netip.MustParsePrefix("3fff::/20"),       // documentation
}
