package serve

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"time"

	"kindpakket/internal/problem"
)

// Guard is the outermost handler of every server: it logs each request, answers a panic with a bare 500, and sets the headers that
// every answer has; a page sets those over that it needs otherwise.
//
// A request's line has the keys route, status and ms and no others. The route is the pattern of the mux ("GET /requests/{id}"),
// never the path; what no pattern matched, or was matched out of sight of this package, has the route "unmatched".
// A fault's line (level Error) has route and fault, which holds types and places in the code, never values.
func Guard(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		n := new(note)
		r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
		sw := &statusWriter{ResponseWriter: w}
		setHeaders(w.Header(), r.TLS != nil)

		defer func() {
			what := recover()
			if what != nil && what != http.ErrAbortHandler {
				n.fault = fmt.Sprintf("panic %T at %s", what, panicPlace())
				if sw.status == 0 {
					d, _ := problem.Table(nil).Describe(nil)
					d.Write(sw)
				} else {
					what = http.ErrAbortHandler // half an answer is out: cut it off so that it is not taken for a whole one
				}
			}
			if n.route == "" {
				n.route = r.Pattern
			}
			if n.route == "" {
				n.route = "unmatched"
			}
			if sw.status == 0 {
				sw.status = http.StatusOK
			}
			if n.fault != "" {
				log.ErrorContext(r.Context(), "fault", "route", n.route, "fault", n.fault)
			}
			log.InfoContext(r.Context(), "request", "route", n.route, "status", sw.status, "ms", time.Since(begun).Milliseconds())
			if what == http.ErrAbortHandler {
				panic(what)
			}
		}()
		next.ServeHTTP(sw, r)
	})
}

// MaxBytes is next with bodies of at most n bytes. Other than [http.MaxBytesHandler] it hands on the request itself and no copy,
// so that [Guard] sees which pattern matched.
func MaxBytes(next http.Handler, n int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, n)
		next.ServeHTTP(w, r)
	})
}

func setHeaders(h http.Header, overTLS bool) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "geolocation=(), microphone=(), camera=()")
	if overTLS {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// A note is what handlers tell Guard. One goroutine, the request's, owns it.
type note struct {
	route string
	fault string
}

type noteKey struct{}

func noteRoute(r *http.Request) {
	if n, ok := r.Context().Value(noteKey{}).(*note); ok && r.Pattern != "" {
		n.route = r.Pattern
	}
}

func noteFault(r *http.Request, kind string) {
	if n, ok := r.Context().Value(noteKey{}).(*note); ok {
		n.fault = kind
	}
}

// panicPlace is the function and line that panicked. It must be called by the deferred function itself.
func panicPlace() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", f.Function, f.Line)
		}
		if !more {
			return "unknown"
		}
	}
}

// A statusWriter remembers the status. It keeps open the doors to what the writer below can do besides.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) Flush() {
	http.NewResponseController(w.ResponseWriter).Flush() // a writer that cannot flush has nothing to do
}

func (w *statusWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && w.status == 0 {
		w.status = http.StatusSwitchingProtocols
	}
	return c, rw, err
}
