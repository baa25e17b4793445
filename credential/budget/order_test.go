package budget_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"kindpakket/credential/budget"
)

// The example of docs/spec/ledger-entry.md, Section 2, on one line, and one order of each other kind.
const (
	purchase = `{"type":"urn:kindpakket:order:1","credential_ids":["card"],"transaction_data_hashes_alg":["sha-256"],` +
		`"ledger":"kindpakket.zuidhorn.example","fund":"kindpakket","period":"2027","kind":"purchase","shop":"did:web:fietsen.example","till":"t-2",` +
		`"client_id":"x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk","order_id":"AAECAwQFBgcICQoLDA0ODw","amount":1250,"currency":"EUR","category":"fiets",` +
		`"issued_at":"2027-03-01T10:15:25Z","expires_at":"2027-03-01T10:17:25Z"}`
	credit = `{"type":"urn:kindpakket:order:1","credential_ids":["card"],"transaction_data_hashes_alg":["sha-256"],` +
		`"ledger":"kindpakket.zuidhorn.example","fund":"kindpakket","period":"2027","kind":"return","shop":"did:web:fietsen.example","till":"t-2",` +
		`"client_id":"x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk","order_id":"AAECAwQFBgcICQoLDA0ODw","amount":500,"currency":"EUR","category":"fiets",` +
		`"for":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","original":4711,` +
		`"issued_at":"2027-03-01T10:15:25Z","expires_at":"2027-03-01T10:20:25Z"}`
	topUp = `{"type":"urn:kindpakket:order:1","credential_ids":["card"],"transaction_data_hashes_alg":["sha-256"],` +
		`"ledger":"kindpakket.zuidhorn.example","fund":"kindpakket","period":"2027","kind":"topup",` +
		`"client_id":"decentralized_identifier:did:web:zuidhorn.example","order_id":"AAECAwQFBgcICQoLDA0ODw","amount":1048575,"currency":"EUR",` +
		`"for":"AAECAwQFBgcICQoLDA0ODw","issued_at":"2027-03-01T10:15:25Z","expires_at":"2027-03-01T10:15:26Z"}`
)

func TestParseOrder(t *testing.T) {
	at := time.Date(2027, 3, 1, 10, 15, 25, 0, time.UTC)
	want := budget.Order{Ledger: "kindpakket.zuidhorn.example", Fund: "kindpakket", Period: "2027", Kind: budget.Purchase, Shop: "did:web:fietsen.example",
		Till: "t-2", ClientID: "x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk", OrderID: "AAECAwQFBgcICQoLDA0ODw", Amount: 1250, Category: "fiets",
		IssuedAt: at, ExpiresAt: at.Add(2 * time.Minute)}
	got, err := budget.ParseOrder([]byte(purchase))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{purchase, credit, topUp} {
		o, err := budget.ParseOrder([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := o.Bytes(); err != nil || string(again) != text {
			t.Errorf("written again: %s (%v), want %s", again, err, text)
		}
	}
}

// TestParseOrderRefuses changes one thing in a good order each.
func TestParseOrderRefuses(t *testing.T) {
	for _, test := range []struct{ in, old, new string }{
		{purchase, `urn:kindpakket:order:1`, `urn:kindpakket:order:2`},
		{purchase, `["card"]`, `["pass"]`},
		{purchase, `["card"]`, `["card","card"]`},
		{purchase, `["card"]`, `[]`},
		{purchase, `["sha-256"]`, `["sha-512"]`},
		{purchase, `"ledger":"kindpakket.zuidhorn.example"`, `"ledger":"Kindpakket.Zuidhorn.example"`},
		{purchase, `"ledger":"kindpakket.zuidhorn.example"`, `"ledger":""`},
		{purchase, `"ledger":"kindpakket`, `"ledger":"kind\npakket`},
		{purchase, `"fund":"kindpakket"`, `"fund":"kind pakket"`},
		{purchase, `"fund":"kindpakket",`, ``},
		{purchase, `"period":"2027"`, `"period":2027`},
		{purchase, `"period":"2027"`, `"period":""`},
		{purchase, `"kind":"purchase"`, `"kind":"gift"`},
		{purchase, `"kind":"purchase"`, `"kind":"return"`},
		{purchase, `"kind":"purchase"`, `"kind":"topup"`},
		{purchase, `did:web:fietsen.example`, `https://fietsen.example`},
		{purchase, `did:web:fietsen.example`, `did:web:<b>`},
		{purchase, `"shop":"did:web:fietsen.example",`, ``},
		{purchase, `"till":"t-2"`, `"till":"t_2"`},
		{purchase, `"till":"t-2"`, `"till":"t-2345678"`},
		{purchase, `"till":"t-2",`, ``},
		{purchase, `x509_hash:`, `x509_hash`},
		{purchase, `x509_hash:`, ``},
		{purchase, `AAECAwQFBgcICQoLDA0ODw`, `AAECAwQFBgcICQoLDA0OD`},
		{purchase, `AAECAwQFBgcICQoLDA0ODw`, `AAECAwQFBgcICQoLDA0ODx`}, // the same bytes, not the canonical spelling
		{purchase, `AAECAwQFBgcICQoLDA0ODw`, `AAECAwQFBgcICQoLDA0ODw==`},
		{purchase, `"amount":1250`, `"amount":0`},
		{purchase, `"amount":1250`, `"amount":-1250`},
		{purchase, `"amount":1250`, `"amount":1048576`},
		{purchase, `"amount":1250`, `"amount":12.5`},
		{purchase, `"amount":1250`, `"amount":1250.0`},
		{purchase, `"amount":1250`, `"amount":1.25e3`},
		{purchase, `"amount":1250`, `"amount":"1250"`},
		{purchase, `"amount":1250`, `"amount":9223372036854775808`},
		{purchase, `"amount":1250`, `"amount":01250`},
		{purchase, `"amount":1250`, `"amount":1,"amount":1250`},
		{purchase, `"EUR"`, `"USD"`},
		{purchase, `"category":"fiets"`, `"category":"Fiets"`},
		{purchase, `"category":"fiets",`, ``},
		{purchase, `"issued_at"`, `"for":"AAECAwQFBgcICQoLDA0ODw","issued_at"`},
		{purchase, `"issued_at"`, `"original":0,"issued_at"`},
		{purchase, `"issued_at"`, `"original":7,"issued_at"`},
		{purchase, `10:15:25Z`, `10:15:25+00:00`},
		{purchase, `10:15:25Z`, `11:15:25+01:00`},
		{purchase, `10:15:25Z`, `10:15:25.5Z`},
		{purchase, `10:15:25Z`, `10:15:25.000Z`},
		{purchase, `10:15:25Z`, `10:15`},
		{purchase, `10:17:25Z`, `10:15:25Z`}, // no time at all
		{purchase, `10:17:25Z`, `10:15:24Z`},
		{purchase, `10:17:25Z`, `10:20:26Z`}, // a second more than five minutes
		{purchase, `2027-03-01T10:15:25Z`, `2027-02-29T10:15:25Z`},
		{purchase, `"fund"`, ` "fund"`},
		{purchase, `"fund"`, `"Fund"`},
		{purchase, `"fund"`, `"f\u0075nd"`},
		{purchase, `"period":"2027"`, `"period":"202\u0037"`},
		{purchase, `{"type"`, `{"name":"J. de Vries","type"`},
		{purchase, `10:17:25Z"}`, `10:17:25Z"} `},
		{purchase, `10:17:25Z"}`, `10:17:25Z","child":2}`},
		{purchase, `10:17:25Z"}`, `10:17:25Z"}{}`},
		{credit, `"original":4711,`, ``},
		{credit, `"original":4711`, `"original":-1`},
		{credit, `"original":4711`, `"original":null`},
		{credit, `"for":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",`, ``},
		{credit, `AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8`, `AAECAwQFBgcICQoLDA0O`},
		{credit, `AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8`, `AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8+`},
		{topUp, `"client_id"`, `"shop":"did:web:fietsen.example","client_id"`},
		{topUp, `"client_id"`, `"till":"t-2","client_id"`},
		{topUp, `"for"`, `"category":"fiets","for"`},
		{topUp, `"for":"AAECAwQFBgcICQoLDA0ODw",`, ``},
		{topUp, `1048575`, `1048576`},
	} {
		if strings.Count(test.in, test.old) < 1 {
			t.Fatalf("the order holds no %s", test.old)
		}
		in := strings.Replace(test.in, test.old, test.new, 1)
		if _, err := budget.ParseOrder([]byte(in)); !errors.Is(err, budget.ErrOrder) {
			t.Errorf("%s → %s: got %v, want ErrOrder", test.old, test.new, err)
		}
	}
	for name, in := range map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "noise": "noise", "an empty object": "{}",
		"too large": `{"type":"` + strings.Repeat("x", budget.MaxOrder) + `"}`, "not UTF-8": strings.Replace(purchase, "kindpakket", "kind\xff", 1),
	} {
		if _, err := budget.ParseOrder([]byte(in)); !errors.Is(err, budget.ErrOrder) {
			t.Errorf("%s: got %v, want ErrOrder", name, err)
		}
	}
}

// TestOrderBytesRefuses: what could not be read is not written, and the error names the member without its value.
func TestOrderBytesRefuses(t *testing.T) {
	good, err := budget.ParseOrder([]byte(purchase))
	if err != nil {
		t.Fatal(err)
	}
	for member, change := range map[string]func(*budget.Order){
		"kind":      func(o *budget.Order) { o.Kind = "" },
		"ledger":    func(o *budget.Order) { o.Ledger = "a b" },
		"fund":      func(o *budget.Order) { o.Fund = "" },
		"period":    func(o *budget.Order) { o.Period = strings.Repeat("2", 33) },
		"shop":      func(o *budget.Order) { o.Shop = "secret" },
		"till":      func(o *budget.Order) { o.Till = "" },
		"client_id": func(o *budget.Order) { o.ClientID = "secret" },
		"order_id":  func(o *budget.Order) { o.OrderID = "secret" },
		"amount":    func(o *budget.Order) { o.Amount = math.MinInt64 },
		"category":  func(o *budget.Order) { o.Category = "secret!" },
		"for":       func(o *budget.Order) { o.For = "secret" },
		"original":  func(o *budget.Order) { o.Original = 1 },
		"issued_at": func(o *budget.Order) { o.IssuedAt = o.IssuedAt.In(time.FixedZone("CET", 3600)) },
		"expires_at": func(o *budget.Order) {
			o.ExpiresAt = o.IssuedAt.Add(budget.OrderLife + time.Second)
		},
	} {
		o := good
		change(&o)
		if _, err := o.Bytes(); err == nil || !strings.Contains(err.Error(), member) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want an error that names it and not its value", member, err)
		}
	}
	longest := good
	longest.ExpiresAt = longest.IssuedAt.Add(budget.OrderLife)
	if _, err := longest.Bytes(); err != nil {
		t.Errorf("an order of five minutes: %v", err)
	}
}

// TestBind: SHA-256 over the payload segment as it stands, by an implementation apart: printf %s e30 | sha256sum.
func TestBind(t *testing.T) {
	if got, want := budget.BindOf("e30").Nonce(), "vquYe--cAN_DAbSQ3bRTIVF-fWprs9MdJZiYt9Rjk9g"; len(got) != 43 || got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzParseOrder(f *testing.F) {
	for _, seed := range []string{purchase, credit, topUp, "{}", strings.Replace(purchase, "fiets", "f\\u0069ets", 1)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := budget.ParseOrder(b)
		if err != nil {
			if !errors.Is(err, budget.ErrOrder) {
				t.Fatalf("got %v, want ErrOrder", err)
			}
			return
		}
		if again, err := o.Bytes(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%q was read and is written as %q (%v)", b, again, err)
		}
		if o.Amount < 1 || o.Amount > budget.MaxCents || o.ExpiresAt.Sub(o.IssuedAt) > budget.OrderLife {
			t.Fatalf("out of bounds: %+v", o)
		}
	})
}
