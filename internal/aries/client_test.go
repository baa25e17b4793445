package aries_test

import (
	"compress/gzip"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kindpakket/internal/aries"
)

func TestAllowed(t *testing.T) {
	for _, tt := range []struct {
		addr       string
		want, loop bool // outside and inside loopback mode
	}{
		{"8.8.8.8", true, true},
		{"172.32.0.1", true, true},
		{"100.128.0.1", true, true},
		{"2a02:898::1", true, true},
		{"::ffff:8.8.8.8", true, true},

		{"127.0.0.1", false, true},
		{"127.255.255.254", false, true},
		{"::1", false, true},
		{"::ffff:127.0.0.1", false, true},

		{"0.0.0.0", false, false},
		{"0.1.2.3", false, false},
		{"10.0.0.1", false, false},
		{"100.64.0.1", false, false},
		{"100.127.255.255", false, false},
		{"169.254.169.254", false, false},
		{"172.16.0.1", false, false},
		{"172.31.255.255", false, false},
		{"192.0.0.1", false, false},
		{"192.0.2.1", false, false},
		{"192.88.99.1", false, false},
		{"192.168.1.1", false, false},
		{"198.18.0.1", false, false},
		{"198.51.100.1", false, false},
		{"203.0.113.1", false, false},
		{"224.0.0.1", false, false},
		{"239.255.255.255", false, false},
		{"240.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"::", false, false},
		{"::10.0.0.1", false, false},
		{"::ffff:10.0.0.1", false, false},
		{"::ffff:169.254.169.254", false, false},
		{"64:ff9b::a00:1", false, false},
		{"64:ff9b:1::1", false, false},
		{"2001::1", false, false},
		{"2001:db8::1", false, false},
		{"2002:a00:1::1", false, false},
		{"3fff::1", false, false},
		{"fc00::1", false, false},
		{"fd12:3456::1", false, false},
		{"fe80::1", false, false},
		{"fe80::1%eth0", false, false},
		{"2a02:898::1%eth0", false, false},
		{"fec0::1", false, false},
		{"ff02::1", false, false},
	} {
		if got := aries.Allowed(tt.addr, false); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.addr, got, tt.want)
		}
		if got := aries.Allowed(tt.addr, true); got != tt.loop {
			t.Errorf("%s in loopback mode: got %v, want %v", tt.addr, got, tt.loop)
		}
	}
}

func fetch(t *testing.T, c *http.Client, url string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func cas(s *httptest.Server) []*x509.Certificate { return []*x509.Certificate{s.Certificate()} }

// A server on loopback is our own network: what a foreign URL must not reach.
func TestClientRefuses(t *testing.T) {
	reached := 0
	handler := http.NewServeMux()
	handler.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { reached++; io.WriteString(w, "inside") })
	inside := httptest.NewUnstartedServer(handler)
	inside.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the client that does not trust it
	inside.StartTLS()
	defer inside.Close()
	plain := httptest.NewServer(handler)
	defer plain.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(inside.URL, "https://"), ":")
	handler.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "https://localhost:"+port+"/", 302) })
	handler.HandleFunc("/port", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain.URL, 302) })
	handler.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", 302) })
	handler.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", 302) })
	handler.HandleFunc("/long", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 101)) })
	handler.HandleFunc("/fits", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 100)) })
	handler.HandleFunc("/bomb", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, strings.Repeat("x", 10_000))
		z.Close()
	})
	handler.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		for range 20 {
			io.WriteString(w, "0123456789")
			http.NewResponseController(w).Flush()
		}
	})

	earnest := aries.Client(aries.Options{ExtraCAs: cas(inside)})
	loopback := aries.Client(aries.Options{ExtraCAs: cas(inside), Loopback: true, MaxBytes: 100})
	for _, tt := range []struct {
		name   string
		client *http.Client
		url    string
		want   error
	}{
		{"address", earnest, inside.URL, aries.ErrAddress},
		{"name", earnest, "https://localhost:" + port, aries.ErrAddress},
		{"address in IPv6", earnest, "https://[::ffff:127.0.0.1]:" + port, aries.ErrAddress},
		{"http", earnest, "http://example.org", aries.ErrScheme},
		{"http on loopback", earnest, plain.URL, aries.ErrScheme},
		{"user", earnest, "https://user@example.org", aries.ErrScheme},
		{"http in loopback mode", loopback, "http://example.org", aries.ErrScheme},
		{"private in loopback mode", loopback, "https://10.0.0.1", aries.ErrAddress},
		{"redirect to another host", loopback, inside.URL + "/away", aries.ErrRedirect},
		{"redirect to another port", loopback, inside.URL + "/port", aries.ErrRedirect},
		{"redirect without end", loopback, inside.URL + "/round", aries.ErrRedirect},
		{"too long", loopback, inside.URL + "/long", aries.ErrTooLarge},
		{"too long once unpacked", loopback, inside.URL + "/bomb", aries.ErrTooLarge},
		{"too long without saying so", loopback, inside.URL + "/stream", aries.ErrTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := reached
			got, err := fetch(t, tt.client, tt.url)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %q, %v, want %v", got, err, tt.want)
			}
			if reached != before {
				t.Error("the server inside was reached")
			}
		})
	}

	// In loopback mode the same server can be had.
	for _, url := range []string{inside.URL, plain.URL, inside.URL + "/here"} {
		if got, err := fetch(t, loopback, url); got != "inside" || err != nil {
			t.Errorf("loopback mode: %s: got %q, %v", url, got, err)
		}
	}
	if got, err := fetch(t, loopback, inside.URL+"/fits"); len(got) != 100 || err != nil {
		t.Errorf("a body that just fits: got %d bytes, %v", len(got), err)
	}
	// Without its certificate authority it cannot.
	var unknown x509.UnknownAuthorityError
	if got, err := fetch(t, aries.Client(aries.Options{Loopback: true}), inside.URL); !errors.As(err, &unknown) {
		t.Errorf("unknown authority: got %q, %v", got, err)
	}
}

func TestClientTimeout(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "the beginning")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // and never an end
	}))
	defer s.Close()
	_, err := fetch(t, aries.Client(aries.Options{Loopback: true, ExtraCAs: cas(s), Timeout: 200_000_000}), s.URL)
	var timeout interface{ Timeout() bool }
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v, want a timeout", err)
	}
}

// The environment's proxy would make the connection for us, where no address is checked.
func TestClientHasNoProxy(t *testing.T) {
	asked := false
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer proxy.Close()
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("https_proxy", proxy.URL)
	if _, err := fetch(t, aries.Client(aries.Options{}), "https://10.0.0.1"); !errors.Is(err, aries.ErrAddress) || asked {
		t.Errorf("got %v, proxy asked: %v", err, asked)
	}
}
