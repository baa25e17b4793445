package problem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Kind says of an unforeseen error what may be logged: the Go types it is made of, outermost first, and its cause where that is one
// of a closed set, such as "no space left on device". It never returns text that err itself holds.
func Kind(err error) string {
	if err == nil {
		return "none"
	}
	var types []string
	for e, n := err, 0; e != nil && n < 8; n++ {
		types = append(types, fmt.Sprintf("%T", e))
		switch u := e.(type) {
		case interface{ Unwrap() error }:
			e = u.Unwrap()
		case interface{ Unwrap() []error }:
			e = nil
			if all := u.Unwrap(); len(all) > 0 {
				e = all[0]
			}
		default:
			e = nil
		}
	}
	kind := strings.Join(types, " > ")
	if c := cause(err); c != "" {
		kind += ": " + c
	}
	return kind
}

func cause(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	for _, e := range []error{
		context.Canceled, context.DeadlineExceeded, os.ErrDeadlineExceeded,
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe,
		fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrClosed,
	} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	return ""
}
