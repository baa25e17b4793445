package qr_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	encoder "rsc.io/qr"

	"kindpakket/internal/web/qr"
)

const offer = "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fzuidhorn.example%2Foffers%2FPq3mC0nW2m1lWg7y8u3k9A"

func draw(t *testing.T, text string) (qr.Code, [][]bool) {
	t.Helper()
	code, err := qr.New(text)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := encoder.Encode(text, encoder.M)
	if err != nil {
		t.Fatal(err)
	}
	want := make([][]bool, plain.Size+8)
	for y := range want {
		want[y] = make([]bool, plain.Size+8)
		for x := range want[y] {
			want[y][x] = plain.Black(x-4, y-4)
		}
	}
	return code, want
}

func compare(t *testing.T, what string, got, want [][]bool) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d rows, want %d", what, len(got), len(want))
	}
	for y := range want {
		if fmt.Sprint(got[y]) != fmt.Sprint(want[y]) {
			t.Fatalf("%s: row %d: got %v, want %v", what, y, got[y], want[y])
		}
	}
}

// TestSVG paints the path of the drawing on a grid again.
func TestSVG(t *testing.T) {
	code, want := draw(t, offer)
	svg := string(code.SVG(`Code "for" <you> & me`))
	var image struct {
		ViewBox string `xml:"viewBox,attr"`
		Label   string `xml:"aria-label,attr"`
		Role    string `xml:"role,attr"`
		Paths   []struct {
			Fill string `xml:"fill,attr"`
			D    string `xml:"d,attr"`
		} `xml:"path"`
	}
	if err := xml.Unmarshal([]byte(svg), &image); err != nil {
		t.Fatal(err)
	}
	n := code.Size()
	if image.ViewBox != fmt.Sprintf("0 0 %d %d", n, n) || image.Label != `Code "for" <you> & me` || image.Role != "img" || len(image.Paths) != 2 {
		t.Fatalf("got %+v", image)
	}
	if image.Paths[0].Fill != "#fff" || image.Paths[0].D != fmt.Sprintf("M0 0h%dv%dH0z", n, n) || image.Paths[1].Fill != "#000" {
		t.Errorf("background or colours: got %+v", image.Paths)
	}
	got := make([][]bool, n)
	for y := range got {
		got[y] = make([]bool, n)
	}
	for run := range strings.SplitSeq(strings.TrimSuffix(image.Paths[1].D, "z"), "z") {
		var x, y, w, back int
		if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &w, &back); err != nil || w != back {
			t.Fatalf("run %q: %v", run, err)
		}
		for i := range w {
			got[y][x+i] = true
		}
	}
	compare(t, "SVG", got, want)
	if strings.Contains(svg, "style") || strings.Contains(svg, "script") || strings.Contains(svg, "href") {
		t.Errorf("the drawing has a style, script or link: %s", svg)
	}
}

func TestTerminal(t *testing.T) {
	code, want := draw(t, offer)
	for _, colour := range []bool{true, false} {
		var got [][]bool
		for line := range strings.Lines(code.Terminal(colour)) {
			line = strings.TrimSuffix(line, "\n")
			if colour {
				if !strings.HasPrefix(line, "\x1b[38;5;16;48;5;231m") || !strings.HasSuffix(line, "\x1b[0m") {
					t.Fatalf("line without its colours: %q", line)
				}
				line = strings.TrimSuffix(strings.TrimPrefix(line, "\x1b[38;5;16;48;5;231m"), "\x1b[0m")
			}
			var upper, lower []bool
			for _, r := range line {
				// With colour a block is dark, without it is light.
				upper = append(upper, (r == '█' || r == '▀') == colour)
				lower = append(lower, (r == '█' || r == '▄') == colour)
			}
			got = append(got, upper, lower)
		}
		compare(t, fmt.Sprintf("terminal, colour %v", colour), got[:len(want)], want)
	}
}

func TestTooLong(t *testing.T) {
	if _, err := qr.New(strings.Repeat("a", qr.MaxText)); err != nil {
		t.Errorf("the longest text: %v", err)
	}
	if _, err := qr.New(strings.Repeat("a", qr.MaxText+1)); !errors.Is(err, qr.ErrTooLong) {
		t.Errorf("one byte more: got %v, want ErrTooLong", err)
	}
	if c := (qr.Code{}); c.Size() != 0 || c.Dark(0, 0) || c.Terminal(true) != "" {
		t.Error("the zero Code draws something")
	}
}

func ExampleCode_Terminal() {
	code, err := qr.New("KINDPAKKET")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(code.Terminal(false))
	// Output:
	// █████████████████████████████
	// █████████████████████████████
	// ████ ▄▄▄▄▄ █▀▄█▀ █ ▄▄▄▄▄ ████
	// ████ █   █ ██▄█▀ █ █   █ ████
	// ████ █▄▄▄█ █▄  █ █ █▄▄▄█ ████
	// ████▄▄▄▄▄▄▄█▄█▄▀ █▄▄▄▄▄▄▄████
	// ████ ▀ ▀ ▀▄▀▀██▄██▀▀▄▀▀ ▀████
	// ████▀▄█▀▄ ▄▄ ▀██▄█▀█ ▀▄▄▄████
	// █████▄▄▄▄▄▄▄▀ ▄▀▄▀▄█▄ ██▀████
	// ████ ▄▄▄▄▄ ██   ▀ ▄▀▀ ▄█▄████
	// ████ █   █ █▄▀█▄█▄ ▀▄   ▄████
	// ████ █▄▄▄█ █▄▀▀█▄█▀ █▄▀▀ ████
	// ████▄▄▄▄▄▄▄█▄█▄█▄█▄▄█▄▄█▄████
	// █████████████████████████████
	// ▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀
}
