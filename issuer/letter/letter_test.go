package letter_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"kindpakket/internal/web/qr"
	"kindpakket/issuer/letter"
)

var update = flag.Bool("update", false, "write the golden file anew")

const (
	offer = "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fkindpakket.zuidhorn.example%2Foffers%2FPq3mC0nW2m1lWg7y8u3k9A"
	code  = "30719426"
)

func sender() letter.Sender {
	return letter.Sender{
		Name: "Gemeente Zuidhorn", Phone: "0594 000 000", Email: "kindpakket@zuidhorn.example",
		Visit: "Hooiweg 9, elke werkdag van 9 tot 12 uur", App: "https://kindpakket.zuidhorn.example/app/",
	}
}

func dutch() letter.Letter {
	return letter.Letter{
		Lang: "nl", Reference: letter.NewSecret("2027-0017"), Offer: letter.NewSecret(offer), Code: letter.NewSecret(code),
		Until: time.Date(2027, 3, 31, 23, 59, 59, 0, time.UTC),
	}
}

func write(t *testing.T, from letter.Sender, letters ...letter.Letter) string {
	t.Helper()
	var b bytes.Buffer
	if err := letter.Write(&b, from, letters); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLetters(t *testing.T) {
	english := dutch()
	english.Lang = "en"
	english.Reference = letter.NewSecret("2027-0018")
	got := write(t, sender(), dutch(), english)
	if *update {
		if err := os.WriteFile("testdata/letters.html", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/letters.html")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("letters differ from testdata/letters.html; see what changed with go test -update and git diff")
	}
	drawn, err := qr.New(offer)
	if err != nil {
		t.Fatal(err)
	}
	pages := strings.Split(got, "<article ")[1:]
	if len(pages) != 2 {
		t.Fatalf("got %d pages, want 2", len(pages))
	}
	for i, parts := range [][]string{
		{`lang="nl"`, "2027-0017", "3071 9426", "31 maart 2027", "0594 000 000", string(drawn.SVG("QR-code voor uw app")), "<b>kindpakket.zuidhorn.example/app</b>"},
		{`lang="en"`, "2027-0018", "3071 9426", "31 March 2027", "0594 000 000", string(drawn.SVG("QR code for your app")), "<b>kindpakket.zuidhorn.example/app</b>"},
	} {
		for _, part := range parts {
			if strings.Count(pages[i], part) != 1 {
				t.Errorf("page %d: %q stands there %d times, want once", i, part, strings.Count(pages[i], part))
			}
		}
		// The offer is in the drawing only: nobody can copy it from the page's text or open it by a click.
		if strings.Contains(pages[i], "openid-credential-offer") || strings.Contains(pages[i], "Pq3mC0nW2m1lWg7y8u3k9A") {
			t.Errorf("page %d: the offer stands there as text", i)
		}
		if strings.Count(pages[i], "<li>") != 8 || strings.Count(pages[i], "<h2>") != 2 {
			t.Errorf("page %d: the two languages do not say the same number of things", i)
		}
	}
}

// TestNoStigma: what a neighbour sees of a letter tells nothing: no children, no aid, no amount.
func TestNoStigma(t *testing.T) {
	from := letter.Sender{Name: "Gemeente Zuidhorn", Phone: "0594 000 000"}
	english := dutch()
	english.Lang = "en"
	got := write(t, from, dutch(), english)
	text := regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`).ReplaceAllString(got, " ")
	if words := regexp.MustCompile(`(?i)kind|child|\barm|poor|poverty|uitkering|bijstand|benefit|minima|€|euro`).FindAllString(text, -1); words != nil {
		t.Errorf("got %q in: %s", words, text)
	}
}

// TestPageLoadsAndRunsNothing reads the page's own policy and checks that it lets the style pass.
func TestPageLoadsAndRunsNothing(t *testing.T) {
	got := write(t, sender(), dutch())
	policy, err := letter.Policy()
	if err != nil {
		t.Fatal(err)
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(got)
	if style == nil {
		t.Fatal("the page has no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) || !strings.HasPrefix(policy, "default-src 'none';") {
		t.Errorf("policy: got %s, want the hash %s", policy, want)
	}
	escaped := strings.NewReplacer("'", "&#39;", "+", "&#43;").Replace(policy)
	if !strings.Contains(got, `<meta http-equiv="Content-Security-Policy" content="`+escaped+`">`) {
		t.Errorf("the page does not carry its policy")
	}
	if bad := regexp.MustCompile(`(?i)<script|<img|<link|<a |<form|src=|href=|style=|onclick|@import|url\(`).FindString(got); bad != "" {
		t.Errorf("the page has %q", bad)
	}
}

func TestNamesAreText(t *testing.T) {
	from := sender()
	from.Name = `<script>alert(1)</script> & "Zn"`
	l := dutch()
	l.Reference = letter.NewSecret("<b>1</b>")
	got := write(t, from, l)
	if strings.Contains(got, "<script") || strings.Contains(got, "<b>1</b>") || !strings.Contains(got, "&lt;script&gt;") {
		t.Errorf("names are not escaped: %s", got)
	}
}

func TestOptionalMembers(t *testing.T) {
	got := write(t, letter.Sender{Name: "Gemeente", Phone: "0594"}, dutch())
	for _, part := range []string{"mail <b>", "langskomen", "nog geen app"} {
		if strings.Contains(got, part) {
			t.Errorf("%q stands there without its member", part)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*letter.Sender, *letter.Letter){
		"other language":       func(_ *letter.Sender, l *letter.Letter) { l.Lang = "fr" },
		"no language":          func(_ *letter.Sender, l *letter.Letter) { l.Lang = "" },
		"template's own name":  func(_ *letter.Sender, l *letter.Letter) { l.Lang = "head" },
		"no offer":             func(_ *letter.Sender, l *letter.Letter) { l.Offer = letter.Secret{} },
		"offer of a web page":  func(_ *letter.Sender, l *letter.Letter) { l.Offer = letter.NewSecret("https://8675309.example") },
		"offer with a newline": func(_ *letter.Sender, l *letter.Letter) { l.Offer = letter.NewSecret(offer + "\n8675309") },
		"offer too long": func(_ *letter.Sender, l *letter.Letter) {
			l.Offer = letter.NewSecret(offer + strings.Repeat("8675309", 200))
		},
		"seven digits":        func(_ *letter.Sender, l *letter.Letter) { l.Code = letter.NewSecret("8675309") },
		"nine digits":         func(_ *letter.Sender, l *letter.Letter) { l.Code = letter.NewSecret("867530986") },
		"letters in the code": func(_ *letter.Sender, l *letter.Letter) { l.Code = letter.NewSecret("8675309x") },
		"no code":             func(_ *letter.Sender, l *letter.Letter) { l.Code = letter.Secret{} },
		"no reference":        func(_ *letter.Sender, l *letter.Letter) { l.Reference = letter.Secret{} },
		"long reference": func(_ *letter.Sender, l *letter.Letter) {
			l.Reference = letter.NewSecret(strings.Repeat("8675309", 20))
		},
		"two lines":          func(_ *letter.Sender, l *letter.Letter) { l.Reference = letter.NewSecret("8675309\n1") },
		"turned text":        func(_ *letter.Sender, l *letter.Letter) { l.Reference = letter.NewSecret("\u202e8675309") },
		"no day":             func(_ *letter.Sender, l *letter.Letter) { l.Until = time.Time{} },
		"no sender":          func(s *letter.Sender, _ *letter.Letter) { s.Name = "" },
		"no phone":           func(s *letter.Sender, _ *letter.Letter) { s.Phone = "" },
		"phone of two lines": func(s *letter.Sender, _ *letter.Letter) { s.Phone = "1\n2" },
		"long address":       func(s *letter.Sender, _ *letter.Letter) { s.Visit = strings.Repeat("x", letter.MaxField+1) },
		"app without https":  func(s *letter.Sender, _ *letter.Letter) { s.App = "http://zuidhorn.example" },
		"app as script":      func(s *letter.Sender, _ *letter.Letter) { s.App = "javascript:alert(1)" },
		"app with a user":    func(s *letter.Sender, _ *letter.Letter) { s.App = "https://zuidhorn.example@evil.example" },
	} {
		from, wrong := sender(), dutch()
		change(&from, &wrong)
		var b bytes.Buffer
		err := letter.Write(&b, from, []letter.Letter{dutch(), wrong})
		if !errors.Is(err, letter.ErrLetter) || b.Len() != 0 {
			t.Errorf("%s: got %v and %d bytes, want ErrLetter and none", name, err, b.Len())
			continue
		}
		if strings.Contains(err.Error(), "8675309") {
			t.Errorf("%s: the error repeats the secret: %v", name, err)
		}
	}
	if err := letter.Write(&bytes.Buffer{}, sender(), nil); !errors.Is(err, letter.ErrLetter) {
		t.Errorf("no letters: got %v, want ErrLetter", err)
	}
	if err := letter.Write(broken{}, sender(), []letter.Letter{dutch()}); !errors.Is(err, errBroken) {
		t.Errorf("a printer that fails: got %v, want its error", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestSecretsPrintNothing(t *testing.T) {
	l := dutch()
	asJSON, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "code", l.Code, "letter", l)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "code", l.Code, "letter", l)
	hidden := struct{ s letter.Secret }{l.Code} // printers cannot call the methods of an unexported field
	said := string(asJSON) + log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p"} {
		said += fmt.Sprintf(verb, l) + fmt.Sprintf(verb, &l) + fmt.Sprintf(verb, l.Code) + fmt.Sprintf(verb, hidden)
	}
	for _, form := range []string{code, offer, "Pq3mC0nW2m1lWg7y8u3k9A", "2027-0017", fmt.Sprintf("%x", code)} {
		if strings.Contains(said, form) {
			t.Errorf("printed as %q in: %s", form, said)
		}
	}
	if !strings.Contains(said, "[redacted]") || l.Code.Reveal() != code {
		t.Errorf("got no [redacted], or Reveal is wrong: %s", said)
	}
}
