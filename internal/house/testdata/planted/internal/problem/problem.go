// Package problem does not know who uses it.
package problem

import _ "kindpakket/internal/serve" // want: arrow

func init() { // want: init
}

type thing struct{}

func (thing) init() {}
