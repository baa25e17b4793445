package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"kindpakket/credential/catalog"
	"kindpakket/credential/did"
	"kindpakket/internal/aries"
	"kindpakket/internal/serve"
	"kindpakket/issuer"
	"kindpakket/issuer/iban"
	"kindpakket/issuer/pain001"
	"kindpakket/ledger"
	"kindpakket/ledger/bolt"
	"kindpakket/ledger/remote"
	"kindpakket/verifier"
)

// ServeCmd runs rooms of a house.
type ServeCmd struct {
	Dir    string `required:"" placeholder:"D" help:"Directory of the house."`
	Listen string `help:"Where to listen; default: listen in the configuration."`
	rooms  []string
}

// house is a house with the rooms that this process runs.
type house struct {
	dir      dir
	cfg      Config
	log      *slog.Logger
	policy   ledger.Policy
	anchor   *x509.Certificate
	local    *bolt.Log // nil where another process keeps the ledger
	ledger   ledger.Log
	issuer   *issuer.Issuer
	verifier *verifier.Verifier
	closers  []func() error
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// close closes the rooms, the newest first.
func (h *house) close() error {
	var err error
	for _, c := range slices.Backward(h.closers) {
		err = errors.Join(err, c())
	}
	h.closers = nil
	return err
}

func (h *house) openKeys(room string) (*aries.Keys, error) {
	k, err := aries.Open(h.dir.keys(room), h.dir.master(room))
	if err != nil {
		return nil, fmt.Errorf("opening the keys of the %s: %w", room, err)
	}
	h.closers = append(h.closers, k.Close)
	return k, nil
}

func (h *house) openLedger() error {
	var err error
	if h.policy, err = h.dir.loadPolicy(); err != nil {
		return err
	}
	keys, err := h.openKeys("ledger")
	if err != nil {
		return err
	}
	secret, err := keys.Unseal("checkpoints")
	if err != nil {
		return fmt.Errorf("opening the ledger's key: %w", err)
	}
	signer, err := ledger.NewSigner(string(secret))
	if err != nil {
		return err
	}
	h.local, err = bolt.Open(bolt.Config{Path: h.dir.file("ledger"), Origin: h.cfg.Ledger.Origin, Signer: signer, Policy: h.policy, Logger: h.log})
	if err != nil {
		return err
	}
	h.closers = append(h.closers, h.local.Close)
	h.ledger = h.local
	return nil
}

// reachLedger finds the ledger where another process keeps it.
func (h *house) reachLedger(role string) error {
	var err error
	if h.policy, err = h.dir.loadPolicy(); err != nil {
		return err
	}
	if h.cfg.Ledger.Remote == "" {
		h.ledger = remote.NewClient("http://ledger", serve.UnixClient(h.dir.socket("ledger")), "")
		return nil
	}
	token := ""
	if f := h.cfg.Ledger.TokenFile; f != "" {
		if token, err = readSecretFile(h.relative(f)); err != nil {
			return err
		}
	}
	client, err := h.client(h.cfg.Ledger.Remote)
	h.ledger = remote.NewClient(h.cfg.Ledger.Remote, client, token)
	return err
}

// relative is a path in the configuration: relative to the house.
func (h *house) relative(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return h.dir.path(path)
}

// client fetches from an address that the configuration names.
func (h *house) client(to string) (*http.Client, error) {
	anchor, err := h.dir.loadAnchor()
	if err != nil {
		return nil, err
	}
	return aries.Client(aries.Options{Loopback: loopback(to), ExtraCAs: []*x509.Certificate{anchor}, MaxBytes: 32 << 20, Timeout: time.Minute}), nil
}

// logKey returns the ledger's verifier key as it stands in the policy file.
func (h *house) logKey() (string, error) {
	for line := range strings.Lines(string(h.policy.Bytes())) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "log" && strings.HasPrefix(f[1], h.cfg.Ledger.Origin+"+") {
			return f[1], nil
		}
	}
	return "", fmt.Errorf("%s names no log with the origin %s", h.dir.policy(), h.cfg.Ledger.Origin)
}

func (h *house) openIssuer() error {
	keys, err := h.openKeys("issuer")
	if err != nil {
		return err
	}
	cfg := issuer.Config{Path: h.dir.file("issuer"), URL: h.cfg.Issuer.URL, Municipality: h.cfg.Municipality.Name, Log: h.ledger, Policy: h.policy,
		Origin: h.cfg.Ledger.Origin, Logger: h.log, Rand: randReader}
	id, err := did.WebDID(h.cfg.Issuer.URL)
	if err != nil {
		return err
	}
	cfg.DID = string(id)
	if cfg.LogKey, err = h.logKey(); err != nil {
		return err
	}
	if cfg.Statements, err = keys.Signer("statements"); err != nil {
		return err
	}
	if cfg.Cards, err = keys.Signer("cards"); err != nil {
		return err
	}
	caKey, err := keys.CryptoSigner("ca")
	if err != nil {
		return err
	}
	if h.anchor, err = h.dir.loadAnchor(); err != nil {
		return err
	}
	cfg.CA = &issuer.CA{Anchor: h.anchor, Key: caKey}
	cert, err := h.cardCertificate(keys, cfg.CA, time.Now())
	if err != nil {
		return err
	}
	cfg.CardChain = []*x509.Certificate{cert}
	if cfg.DataKey, err = keys.Unseal("data"); err != nil {
		return err
	}
	if cfg.HashKey, err = keys.Unseal("hash"); err != nil {
		return err
	}
	if cfg.Officials, err = hashes(h.cfg.Officials); err != nil {
		return err
	}
	account, err := iban.Parse(h.cfg.Municipality.IBAN)
	if err != nil {
		return err
	}
	cfg.Debtor = pain001.Party{Name: h.cfg.Municipality.Name, Account: account}
	if h.issuer, err = issuer.Open(cfg); err != nil {
		return err
	}
	h.closers = append(h.closers, h.issuer.Close)
	return nil
}

// cardCertificate reads the certificate under which cards are signed, and renews it for the same key when its end is near.
func (h *house) cardCertificate(keys *aries.Keys, ca *issuer.CA, now time.Time) (*x509.Certificate, error) {
	path := h.dir.path("issuer", "cards.pem")
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of the cards: %w", err)
	}
	cert, err := parseCertificate(b)
	if err != nil || now.Before(cert.NotAfter.Add(-issuer.CardRenew)) {
		return cert, err
	}
	if cert, err = cardLeaf(keys, ca, h.cfg.Municipality.Name, h.cfg.Issuer.URL, now); err != nil {
		return nil, fmt.Errorf("renewing the certificate of the cards: %w", err)
	}
	h.log.Info("the certificate of the cards was renewed", "until", cert.NotAfter)
	return cert, writeCertificate(path, cert)
}

// cardLeaf certifies the key of the cards under the issuer's URL and DID.
func cardLeaf(keys *aries.Keys, ca *issuer.CA, municipality, address string, now time.Time) (*x509.Certificate, error) {
	cards, err := keys.CryptoSigner("cards")
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	id, err := did.WebDID(address)
	if err != nil {
		return nil, err
	}
	return ca.Cards(municipality, cards.Public(), now, u.Hostname(), address, string(id))
}

func (h *house) openVerifier() error {
	keys, err := h.openKeys("verifier")
	if err != nil {
		return err
	}
	seal, err := keys.Unseal("data")
	if err != nil {
		return err
	}
	if h.anchor, err = h.dir.loadAnchor(); err != nil {
		return err
	}
	client, err := h.client(h.cfg.Issuer.URL)
	if err != nil {
		return err
	}
	cfg := verifier.Config{Path: h.dir.file("verifier"), Seal: seal, URL: h.cfg.Verifier.URL, Keys: keys, Log: h.ledger,
		Policy: h.policy, Ledger: h.cfg.Ledger.Origin, Fund: h.cfg.Verifier.Fund, Anchors: pool(h.anchor), Issuer: h.cfg.Issuer.URL,
		VCT: catalog.Kindpakket().VCT(h.cfg.Issuer.URL), Doer: client, Logger: h.log}
	if cfg.StatusFresh, err = h.cfg.Verifier.fresh(); err != nil {
		return err
	}
	if period := h.cfg.Verifier.Period; period != "" {
		cfg.Period = func(time.Time) string { return period }
	}
	if h.verifier, err = verifier.Open(cfg); err != nil {
		return err
	}
	h.closers = append(h.closers, h.verifier.Close)
	return nil
}

// Run opens the rooms, serves until the context ends, drains and closes.
func (c *ServeCmd) Run(ctx context.Context, out *output) (err error) {
	h := &house{dir: dir(c.Dir), log: out.log}
	if h.cfg, err = h.dir.loadConfig(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	runs := func(room string) bool { return slices.Contains(c.rooms, room) }
	if runs("ledger") {
		err = h.openLedger()
	} else {
		err = h.reachLedger(c.rooms[0])
	}
	if err == nil && runs("issuer") {
		err = h.openIssuer()
	}
	if err == nil && runs("verifier") {
		err = h.openVerifier()
	}
	if err != nil {
		return err
	}
	return c.serve(ctx, out, h)
}

func (c *ServeCmd) serve(ctx context.Context, out *output, h *house) error {
	metrics := prometheus.NewRegistry()
	mux := http.NewServeMux()
	sockets := map[string]http.Handler{}
	if h.local != nil {
		role, err := authorize(h.cfg.Readers)
		if err != nil {
			return err
		}
		mount(mux, h.cfg.Ledger.URL, remote.Handler(h.local, role))
		sockets["ledger"] = remote.Handler(h.local, remote.Everyone(remote.Municipality))
	}
	if h.verifier != nil {
		mount(mux, h.cfg.Verifier.URL, h.verifier.Handler())
		sockets["verifier"] = h.verifier.Admin()
	}
	if h.issuer != nil {
		mount(mux, h.cfg.Issuer.URL, h.issuer.Handler())
		sockets["issuer"] = h.issuer.Admin()
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := h.ledger.Checkpoint(r.Context()); err != nil {
			http.Error(w, "the ledger cannot answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	// Whoever polls the counts sees when somebody pays, so they never stand on the public address.
	counts := http.NewServeMux()
	counts.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))

	listen := c.Listen
	if listen == "" {
		listen = h.cfg.Listen
	}
	if err := h.cfg.plainAway(listen); err != nil {
		return err
	}
	public, err := serve.Listen(ctx, listen)
	if err != nil {
		return hint(fmt.Errorf("listening at %s: %w", listen, err), "Is another server running there? Give --listen another address.")
	}
	if public, err = h.withTLS(public); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	type server struct {
		handler  http.Handler
		listener net.Listener
	}
	servers := []server{{measure(metrics, mux), public}}
	for room, handler := range sockets {
		l, err := serve.Listen(ctx, "unix:"+h.dir.socket(room))
		if err != nil {
			return hint(fmt.Errorf("listening for the commands of the %s: %w", room, err), "Is another kindpakket serving this directory?")
		}
		servers = append(servers, server{handler, l})
	}
	if h.cfg.Metrics != "" {
		l, err := serve.Listen(ctx, h.cfg.Metrics)
		if err != nil {
			return hint(fmt.Errorf("listening for metrics at %s: %w", h.cfg.Metrics, err), "Is another server running there? Look at metrics in kindpakket.toml.")
		}
		servers = append(servers, server{counts, l})
	}
	// What was under way when the last process ended goes first.
	h.resume(ctx, 0)
	go h.keepResuming(ctx)
	out.log.InfoContext(ctx, "serving", "rooms", strings.Join(c.rooms, " "), "listen", public.Addr().String())
	fmt.Fprintf(out.err, "Serving %s at %s. Stop with Ctrl-C.\n", strings.Join(c.rooms, ", "), listen)
	errs := make(chan error, len(servers))
	for _, s := range servers {
		go func() {
			errs <- serve.Server{Handler: s.handler, Log: out.log}.Run(ctx, s.listener)
			stop()
		}()
	}
	for range servers {
		err = errors.Join(err, <-errs)
	}
	return err
}

// mount serves a room below the path of its address.
func mount(mux *http.ServeMux, address string, h http.Handler) {
	u, err := url.Parse(address)
	if err != nil || u.Path == "" {
		mux.Handle("/", h)
		return
	}
	mux.Handle(u.Path+"/", below(u.Path, h))
}

// below is h without the prefix. Other than http.StripPrefix it hands on the request itself and no copy, so that the log
// and the metrics see which route matched.
func below(prefix string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outer, inner := r.URL, *r.URL
		inner.Path, inner.RawPath = strings.TrimPrefix(outer.Path, prefix), strings.TrimPrefix(outer.RawPath, prefix)
		r.URL = &inner
		h.ServeHTTP(w, r)
		r.URL = outer
	})
}

func (h *house) withTLS(l net.Listener) (net.Listener, error) {
	if h.cfg.TLS.Certificate == "" {
		return l, nil
	}
	pair, err := tls.LoadX509KeyPair(h.relative(h.cfg.TLS.Certificate), h.relative(h.cfg.TLS.Key))
	if err != nil {
		return nil, hint(fmt.Errorf("reading the server's certificate: %w", err), "Look at [tls] in kindpakket.toml.")
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}}), nil
}

// resume sends what was under way.
func (h *house) resume(ctx context.Context, age time.Duration) {
	if h.issuer != nil {
		if err := h.issuer.Resume(ctx, age); err != nil {
			h.log.WarnContext(ctx, "the issuer has commands that the ledger did not take yet")
		}
	}
	if h.verifier != nil {
		if err := h.verifier.Resume(ctx); err != nil {
			h.log.WarnContext(ctx, "the verifier has payments that the ledger did not answer yet")
		}
	}
}

func (h *house) keepResuming(ctx context.Context) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.resume(ctx, issuer.ResumeAfter)
		}
	}
}

// measure counts requests by route and status: nothing that could point to a family.
func measure(r *prometheus.Registry, mux *http.ServeMux) http.Handler {
	count := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kindpakket_requests_total", Help: "Requests by route and status."}, []string{"route", "status"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "kindpakket_request_seconds", Help: "Seconds to answer, by route.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 10)}, []string{"route"})
	r.MustRegister(count, seconds)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		mux.ServeHTTP(rec, req)
		route := req.Pattern
		if route == "" {
			route = "unmatched"
		}
		count.WithLabelValues(route, fmt.Sprint(rec.status)).Inc()
		seconds.WithLabelValues(route).Observe(time.Since(start).Seconds())
	})
}

type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
