package letter

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kindpakket/internal/web/qr"
)

// OfferScheme begins every credential offer: OpenID4VCI 1.0, Section 4.1.
const OfferScheme = "openid-credential-offer://"

const (
	// CodeDigits is the length of an activation code.
	CodeDigits = 8
	// MaxField is the most characters of a sender's member or a reference.
	MaxField = 60
	// MaxLetters is the most letters of one document.
	MaxLetters = 100_000
)

// Letter is what differs from one family to the next.
type Letter struct {
	Lang      string    // "nl" or "en"
	Reference Secret    // stands in the envelope's window; what the municipality needs to address it, and no more
	Offer     Secret    // the credential offer, as a URI of OfferScheme; the QR code
	Code      Secret    // the activation code (tx_code), CodeDigits digits
	Until     time.Time // the last day on which the codes work, in the zone in which the reader lives
}

// Sender is who sends the letters. Each member has at most MaxField characters.
type Sender struct {
	Name  string // "Gemeente Zuidhorn"
	Phone string // of the help desk, as people write it
	Email string // of the help desk. Optional.
	Visit string // where the help desk is, in one line. Optional.
	App   string // address of a page with the wallet app, https only. Optional.
}

// ErrLetter is returned by [Write] for a letter or sender that is out of shape. Nothing has been written then.
var ErrLetter = errors.New("letter cannot be written")

//go:embed page.html nl.html en.html letter.css
var files embed.FS

// Write writes an HTML document with a page for each of letters, in their order. It checks all of them first and returns
// [ErrLetter] with the place of the first that is out of shape, from 0, and the member; it never repeats what stands in it.
func Write(w io.Writer, from Sender, letters []Letter) error {
	if err := from.verify(); err != nil {
		return fmt.Errorf("%w: sender: %w", ErrLetter, err)
	}
	if len(letters) < 1 || len(letters) > MaxLetters {
		return fmt.Errorf("%w: not 1 to %d letters", ErrLetter, MaxLetters)
	}
	for i, l := range letters {
		if err := l.verify(); err != nil {
			return fmt.Errorf("%w: letter %d: %w", ErrLetter, i, err)
		}
	}
	pages, err := template.ParseFS(files, "*.html")
	if err != nil {
		return fmt.Errorf("reading the letter's templates: %w", err)
	}
	css, err := stylesheet()
	if err != nil {
		return err
	}
	policy, err := Policy()
	if err != nil {
		return err
	}
	head := struct {
		Lang, Policy string
		Style        template.CSS
		Number       int
	}{letters[0].Lang, policy, template.CSS(css), len(letters)}
	if err := pages.ExecuteTemplate(w, "head", head); err != nil {
		return fmt.Errorf("writing letters: %w", err)
	}
	for i, l := range letters {
		drawing, err := l.drawing()
		if err != nil {
			return fmt.Errorf("%w: letter %d: %w", ErrLetter, i, err) // cannot happen: verify has drawn it
		}
		page := struct {
			Number      int
			From        Sender
			App         string
			Reference   string
			Code, Until string
			QR          template.HTML
		}{
			Number: i + 1, From: from, App: strings.TrimSuffix(strings.TrimPrefix(from.App, "https://"), "/"),
			Reference: l.Reference.Reveal(), Code: groups(l.Code.Reveal()), Until: day(l.Until, l.Lang), QR: drawing,
		}
		if err := pages.ExecuteTemplate(w, l.Lang, page); err != nil {
			return fmt.Errorf("writing letters: %w", err)
		}
	}
	if err := pages.ExecuteTemplate(w, "foot", nil); err != nil {
		return fmt.Errorf("writing letters: %w", err)
	}
	return nil
}

// Policy returns the Content-Security-Policy of the document: its own style and nothing else. A handler that serves the
// document sends it as a header too.
func Policy() (string, error) {
	css, err := stylesheet()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(css))
	return "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'", nil
}

func stylesheet() (string, error) {
	css, err := files.ReadFile("letter.css")
	if err != nil {
		return "", fmt.Errorf("reading the letter's style: %w", err)
	}
	return string(css), nil
}

func (l Letter) drawing() (template.HTML, error) {
	code, err := qr.New(l.Offer.Reveal())
	if err != nil {
		return "", err
	}
	name := "QR-code voor uw app"
	if l.Lang == "en" {
		name = "QR code for your app"
	}
	return code.SVG(name), nil
}

func (l Letter) verify() error {
	offer, code := l.Offer.Reveal(), l.Code.Reveal()
	switch {
	case l.Lang != "nl" && l.Lang != "en":
		return errors.New("language is not nl or en")
	case !strings.HasPrefix(offer, OfferScheme) || strings.ContainsFunc(offer, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return errors.New("offer is not a URI of " + OfferScheme)
	case len(code) != CodeDigits || strings.Trim(code, "0123456789") != "":
		return fmt.Errorf("activation code has not %d digits", CodeDigits)
	case l.Reference.Reveal() == "" || !line(l.Reference.Reveal()):
		return errors.New("reference is empty or not one short line")
	case l.Until.IsZero():
		return errors.New("last day is missing")
	}
	_, err := l.drawing()
	return err
}

func (s Sender) verify() error {
	switch {
	case s.Name == "" || !line(s.Name):
		return errors.New("name is empty or not one short line")
	case s.Phone == "" || !line(s.Phone):
		return errors.New("phone is empty or not one short line")
	case !line(s.Email), !line(s.Visit), !line(s.App):
		return errors.New("email, visit or app is not one short line")
	}
	if s.App != "" {
		if u, err := url.Parse(s.App); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return errors.New("app is not an https address")
		}
	}
	return nil
}

// line reports whether s can be printed on one line.
func line(s string) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= MaxField &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// groups returns the activation code as people read it out: 1234 5678.
func groups(code string) string { return code[:CodeDigits/2] + " " + code[CodeDigits/2:] }

// day returns the date of t in words, in t's own zone.
func day(t time.Time, lang string) string {
	if lang == "en" {
		return t.Format("2 January 2006")
	}
	months := [...]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"}
	return fmt.Sprintf("%d %s %d", t.Day(), months[t.Month()-1], t.Year())
}
