// Package qr draws QR codes (ISO/IEC 18004) for paper, pages and terminals: always dark on white, with the margin of four
// modules that the standard asks for, so that they scan whatever the reader's colours are.
//
// A code shows whatever it holds to everyone who sees it. [Code] keeps the drawing and not the text, but whoever has the
// drawing has the text.
package qr

import (
	"errors"
	"fmt"
	"html/template"
	"strings"

	encoder "rsc.io/qr"
)

// MaxText is the longest text that [New] takes, in bytes. What is longer gives modules too small for an old phone.
const MaxText = 1200

// ErrTooLong is returned by [New] for more than [MaxText] bytes.
var ErrTooLong = errors.New("text too long for a QR code")

// margin is the quiet zone: ISO/IEC 18004, Section 6.3.8.
const margin = 4

// Code is a drawn QR code. The zero Code draws nothing.
type Code struct{ code *encoder.Code }

// New draws text, with error correction level M: a fold or a stain of some 15 % does no harm.
// It returns [ErrTooLong], and never repeats the text.
func New(text string) (Code, error) {
	if len(text) > MaxText {
		return Code{}, ErrTooLong
	}
	code, err := encoder.Encode(text, encoder.M)
	if err != nil {
		return Code{}, errors.New("drawing QR code")
	}
	return Code{code}, nil
}

// Size returns the modules of a side, the margin included; 0 for the zero Code.
func (c Code) Size() int {
	if c.code == nil {
		return 0
	}
	return c.code.Size + 2*margin
}

// Dark reports whether the module in column x of row y is dark, counted from the margin's corner.
func (c Code) Dark(x, y int) bool { return c.code != nil && c.code.Black(x-margin, y-margin) }

// SVG returns c as an svg element that fills the box it is put in. It is an image to assistive technology, and is called
// name there. It has no script, style or link, and so passes any Content-Security-Policy.
func (c Code) SVG(name string) template.HTML {
	n := c.Size()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s" shape-rendering="crispEdges">`,
		n, n, template.HTMLEscapeString(name))
	fmt.Fprintf(&b, `<path fill="#fff" d="M0 0h%dv%dH0z"/><path fill="#000" d="`, n, n)
	for y := range n {
		for x := 0; x < n; x++ {
			run := 0
			for c.Dark(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x, y, run, run)
				x += run
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String())
}

// Terminal returns c as lines of half blocks, two rows of modules in each. With colour, escape codes make it black on
// white in any terminal; without, it is drawn for a terminal of light letters on dark.
func (c Code) Terminal(colour bool) string {
	start, end := "", "\n"
	if colour {
		start, end = "\x1b[38;5;16;48;5;231m", "\x1b[0m\n" // black on white of the 256 fixed colours
	}
	n := c.Size()
	var b strings.Builder
	for y := 0; y < n; y += 2 {
		b.WriteString(start)
		for x := range n {
			// The row below the last does not exist: with colour it is drawn white, without it stays empty.
			upper, lower := c.Dark(x, y), c.Dark(x, y+1)
			if !colour {
				upper, lower = !upper, !lower && y+1 < n
			}
			b.WriteString(block(upper, lower))
		}
		b.WriteString(end)
	}
	return b.String()
}

func block(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}
