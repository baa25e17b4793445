package jose_test

import (
	"errors"
	"strings"
	"testing"

	"kindpakket/credential/jose"
)

func TestCheckJSON(t *testing.T) {
	for _, s := range []string{`{}`, `[]`, `1`, `"a"`, `{"a":{"a":[{"a":1},{"a":2}]},"b":"a"}`, ` {"a" : null} `,
		strings.Repeat("[", jose.MaxDepth) + strings.Repeat("]", jose.MaxDepth), `{"a":"b","b":"a"}`, `["a","a"]`, `{"A":1,"a":2}`} {
		if err := jose.CheckJSON([]byte(s)); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{``, ` `, `{`, `{}{}`, `{} x`, `{"a":1,}`, `{'a':1}`, `{"a":1,"a":1}`, `{"a":1,"\u0061":2}`, `[{"b":{"a":1,"a":2}}]`, `{"a":{},"b":[],"a":1}`,
		"{\"a\":\"\xff\"}", strings.Repeat("[", jose.MaxDepth+1) + strings.Repeat("]", jose.MaxDepth+1), strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), `NaN`, `01`} {
		if err := jose.CheckJSON([]byte(s)); !errors.Is(err, jose.ErrJSON) {
			t.Errorf("%.60s: got %v, want ErrJSON", s, err)
		}
	}
	for _, s := range []string{`null`, `[]`, `1`, `"{}"`} {
		if _, err := jose.ParseObject([]byte(s)); !errors.Is(err, jose.ErrJSON) {
			t.Errorf("%s as an object: got %v, want ErrJSON", s, err)
		}
	}
}

func TestDecodeSegment(t *testing.T) {
	if b, err := jose.DecodeSegment("AQ"); err != nil || string(b) != "\x01" {
		t.Errorf("got %q, %v", b, err)
	}
	// Another text for the same byte, padding, the other alphabet, white space, half a character.
	for _, s := range []string{"AR", "AQ==", "+/+/", "A\nQ", "AQ\r\n", " AQ", "A"} {
		if b, err := jose.DecodeSegment(s); !errors.Is(err, jose.ErrBase64) {
			t.Errorf("%q: got %q, %v, want ErrBase64", s, b, err)
		}
	}
}

func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,"b",null]}`, `{"a":1,"a":2}`, `[[]]`, `"\ud800"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := jose.ParseObject(b)
		if err == nil && m == nil {
			t.Error("no members and no error")
		}
	})
}
