package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// DefaultDrain is how long a server lets requests finish after it was told to stop.
const DefaultDrain = 10 * time.Second

// A Server serves one handler on any number of listeners.
type Server struct {
	Handler http.Handler  // Run puts it behind [Guard]
	Log     *slog.Logger  // gets a line a request. Optional: nil logs nothing
	Drain   time.Duration // how long requests may take to finish after the end of Run's context. Optional: [DefaultDrain]

	// WriteTimeout is the longest that reading and answering one request may take, two minutes if zero. A handler that streams
	// moves its own deadline with http.ResponseController.
	WriteTimeout time.Duration
}

// Run serves until ctx ends, then takes no new connections, lets the requests under way finish for at most the Drain time and
// returns nil. It returns early, with the error, if a listener breaks. It closes all listeners in either case.
// Requests do not inherit the end of ctx: a spend under way at a SIGTERM is finished.
// A server that had to cut requests off returns an error that wraps [context.DeadlineExceeded].
func (s Server) Run(ctx context.Context, listeners ...net.Listener) error {
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	drain := s.Drain
	if drain == 0 {
		drain = DefaultDrain
	}
	write := s.WriteTimeout
	if write == 0 {
		write = 2 * time.Minute
	}
	if len(listeners) == 0 {
		return errors.New("serving: no listener")
	}
	base := context.WithoutCancel(ctx)
	hs := &http.Server{
		Handler:           Guard(log, s.Handler),
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      write,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          stdlog.New(io.Discard, "", 0), // net/http's own lines hold the addresses of callers
	}

	broken := make(chan error, len(listeners))
	var serving sync.WaitGroup
	for _, l := range listeners {
		serving.Go(func() {
			if err := hs.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				broken <- err
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-broken:
		err = fmt.Errorf("serving: %w", err)
	}
	limit, cancel := context.WithTimeout(base, drain)
	defer cancel()
	if e := hs.Shutdown(limit); e != nil {
		hs.Close()
		err = errors.Join(err, fmt.Errorf("draining: %w", e))
	}
	serving.Wait()
	return err
}
