package sdjwt_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kindpakket/credential/jose"
	"kindpakket/credential/sdjwt"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// vector is one file of testdata/vectors: a presentation and what a verifier must make of it.
type vector struct {
	Source       string          `json:"source"` // where the values were published
	Type         string          `json:"typ"`
	Issuer       jose.Key        `json:"issuer"`
	Now          int64           `json:"now"`      // seconds since 1970
	Audience     string          `json:"audience"` // of the key binding; empty if there is none
	Nonce        string          `json:"nonce"`
	Presentation string          `json:"presentation"`
	Claims       json.RawMessage `json:"claims"` // processed payload
}

func TestVectors(t *testing.T) {
	dir := filepath.Join("testdata", "vectors")
	if *update {
		writeVectors(t, dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d vectors, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var v vector
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			p := sdjwt.Policy{Now: time.Unix(v.Now, 0), Type: v.Type, Key: sdjwt.TrustKey(v.Issuer)}
			if v.Audience != "" {
				p.Binding = &sdjwt.Binding{Audience: v.Audience, Nonce: v.Nonce}
			}
			c, err := sdjwt.Parse(v.Presentation)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Verify(p)
			if err != nil {
				t.Fatal(err)
			}
			var want any
			dec := json.NewDecoder(bytes.NewReader(v.Claims))
			dec.UseNumber()
			if err := dec.Decode(&want); err != nil {
				t.Fatal(err)
			}
			if asJSON(t, got.Claims) != asJSON(t, want) {
				t.Errorf("got  %s\nwant %s", asJSON(t, got.Claims), asJSON(t, want))
			}
			if c.String() != v.Presentation {
				t.Errorf("got back %s", c)
			}
			for i := range v.Presentation {
				if bad := v.Presentation[:i] + "A" + v.Presentation[i+1:]; bad != v.Presentation && i%97 == 0 {
					if c, err := sdjwt.Parse(bad); err == nil {
						if _, err := c.Verify(p); err == nil {
							t.Errorf("byte %d changed, and verified", i)
						}
					}
				}
			}
		})
	}
}

// writeVectors makes the files that are ours: the payload's exact bytes, salts and signatures hold from version to version.
func writeVectors(t *testing.T, dir string) {
	c := issue(t, template(t))
	write := func(name string, c *sdjwt.Credential, claims string) {
		v := vector{Source: "Kindpakket", Type: sdjwt.VC, Issuer: key(t, issuerSeed).Public(), Now: noon.Unix(), Presentation: c.String(), Claims: json.RawMessage(claims)}
		if c.KeyBinding() != "" {
			v.Audience, v.Nonce = audience, nonce
		}
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("kindpakket-issued.json", c, asJSON(t, c.Claims()))
	some, err := c.Present(sdjwt.Path{"children"}, sdjwt.Path{"address", "town"}, sdjwt.Path{"categories", 2})
	if err != nil {
		t.Fatal(err)
	}
	write("kindpakket-presented.json", bound(t, some, binding()), asJSON(t, some.Claims()))
}

// TestIssueIsStable compares what Issue makes today with the golden file, byte for byte.
func TestIssueIsStable(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "vectors", "kindpakket-issued.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v vector
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if got := issue(t, template(t)).String(); got != v.Presentation {
		t.Errorf("got  %s\nwant %s", got, v.Presentation)
	}
}

// TestDigests has the disclosures of RFC 9901, Sections 4.2.1 to 4.2.3: the digest is over the text as it was sent, with the
// white space that its JSON happens to have.
func TestDigests(t *testing.T) {
	for _, tc := range []struct{ disclosure, text, digest, payload, claims string }{
		{`["_26bc4LT-ac6q2KI6cBW5es", "family_name", "Möbius"]`,
			"WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0", "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0",
			`{"given_name":"Alice","_sd":["X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"]}`, `{"family_name":"Möbius","given_name":"Alice"}`},
		{`["lklxF5jMYlGTPUovMNIvCA", "FR"]`,
			"WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0", "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs",
			`{"nationalities":["DE",{"...":"w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs"},"US"]}`, `{"nationalities":["DE","FR","US"]}`},
	} {
		if got := jose.EncodeSegment([]byte(tc.disclosure)); got != tc.text {
			t.Errorf("got %s, want %s", got, tc.text)
		}
		sum := sha256.Sum256([]byte(tc.text))
		if got := jose.EncodeSegment(sum[:]); got != tc.digest {
			t.Errorf("got %s, want %s", got, tc.digest)
		}
		c, err := sdjwt.Parse(forge(t, example, tc.payload, tc.disclosure))
		if err != nil {
			t.Fatal(err)
		}
		if got := asJSON(t, c.Claims()); got != tc.claims {
			t.Errorf("got %s, want %s", got, tc.claims)
		}
	}
}
