package oid4vci_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"kindpakket/credential/oid4vci"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/openid4vci-1.0/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ours is metadata as our issuer writes it.
func ours() oid4vci.IssuerMetadata {
	return oid4vci.IssuerMetadata{
		Issuer: issuer, CredentialEndpoint: issuer + "/credential", NonceEndpoint: issuer + "/nonce",
		Batch:   &oid4vci.Batch{Size: 8},
		Display: []oid4vci.IssuerDisplay{{Name: "Gemeente Zuidhorn", Locale: "nl"}, {Name: "Municipality of Zuidhorn", Locale: "en"}},
		Configurations: map[string]oid4vci.Configuration{"kindpakket": {
			Format: oid4vci.FormatSDJWT, Scope: "kindpakket", VCT: issuer + "/vct/kindpakket/1",
			SigningAlgs: []string{"ES256"}, BindingMethods: []string{"jwk", "did:jwk", "did:key"},
			ProofTypes: map[string]oid4vci.ProofType{oid4vci.ProofJWT: {Algs: []string{"ES256"}}},
			Metadata: &oid4vci.CredentialMetadata{
				Display: []oid4vci.CredentialDisplay{{Name: "Kindpakket", Locale: "nl", BackgroundColor: "#0b5c4a"}},
				Claims: []oid4vci.ClaimDescription{{
					Path: []any{"fund"}, Mandatory: true, Display: []oid4vci.ClaimDisplay{{Name: "Regeling", Locale: "nl"}},
				}},
			},
		}},
	}
}

func TestIssuerMetadataBothEnds(t *testing.T) {
	m := ours()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := oid4vci.ParseIssuerMetadata(b, issuer)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*got, m) {
		t.Errorf("got %+v, want %+v", *got, m)
	}
	if c, err := got.Configuration("kindpakket"); err != nil || c.VCT != issuer+"/vct/kindpakket/1" {
		t.Errorf("configuration: got %+v, %v", c, err)
	}
	if n := got.BatchSize(); n != 8 {
		t.Errorf("batch size: got %d, want 8", n)
	}
	if _, err := got.Configuration("diploma"); !errors.Is(err, oid4vci.UnknownCredentialConfiguration) {
		t.Errorf("unknown configuration: got %v", err)
	}
	// irmago refuses an issuer that requires key attestations, even with an empty object.
	if strings.Contains(string(b), "key_attestations_required") {
		t.Error("the metadata requires key attestations")
	}
}

func TestIssuerMetadataOfTheStandard(t *testing.T) {
	m, err := oid4vci.ParseIssuerMetadata(read(t, "credential_issuer_metadata_sd_jwt_long.json"), "https://credential-issuer.example.com")
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.Configuration("SD_JWT_VC_example_in_OpenID4VCI")
	if err != nil {
		t.Fatal(err)
	}
	if c.ProofTypes["jwt"].KeyAttestation == nil || len(c.Metadata.Claims) != 13 || !m.ResponseEncryption.Required || m.BatchSize() != 10 {
		t.Errorf("got %+v", c)
	}
	if s, err := m.AuthorizationServer(""); err != nil || s != "https://server.example.com" {
		t.Errorf("authorization server: got %q, %v", s, err)
	}
}

func TestConfigurationOfAnotherFormatIsCarried(t *testing.T) {
	m := ours()
	mdoc := `{"format":"mso_mdoc","doctype":"org.iso.18013.5.1.mDL","credential_signing_alg_values_supported":[-7,-9]}`
	m.Configurations["mdl"] = oid4vci.Configuration{Format: "mso_mdoc", Raw: json.RawMessage(mdoc)}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := oid4vci.ParseIssuerMetadata(b, issuer)
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Configurations["mdl"]; string(c.Raw) != mdoc {
		t.Errorf("got %s", c.Raw)
	}
	if _, err := got.Configuration("mdl"); !errors.Is(err, oid4vci.ErrFormat) {
		t.Errorf("a format that we do not know: got %v, want %v", err, oid4vci.ErrFormat)
	}
	if _, err := got.Configuration("kindpakket"); err != nil {
		t.Errorf("the configuration beside it: %v", err)
	}
}

func TestIssuerMetadataRefused(t *testing.T) {
	for name, change := range map[string]func(*oid4vci.IssuerMetadata){
		"another issuer":               func(m *oid4vci.IssuerMetadata) { m.Issuer = "https://evil.example" },
		"issuer with a slash":          func(m *oid4vci.IssuerMetadata) { m.Issuer += "/" },
		"no credential endpoint":       func(m *oid4vci.IssuerMetadata) { m.CredentialEndpoint = "" },
		"credential endpoint by http":  func(m *oid4vci.IssuerMetadata) { m.CredentialEndpoint = "http://zuidhorn.example/c" },
		"nonce endpoint is a file":     func(m *oid4vci.IssuerMetadata) { m.NonceEndpoint = "file:///etc/passwd" },
		"endpoint with a password":     func(m *oid4vci.IssuerMetadata) { m.NonceEndpoint = "https://a:b@zuidhorn.example/" },
		"endpoint with a fragment":     func(m *oid4vci.IssuerMetadata) { m.NonceEndpoint = issuer + "/#x" },
		"server by http":               func(m *oid4vci.IssuerMetadata) { m.AuthorizationServers = []string{"http://10.0.0.1"} },
		"batch of one":                 func(m *oid4vci.IssuerMetadata) { m.Batch.Size = 1 },
		"no configuration":             func(m *oid4vci.IssuerMetadata) { m.Configurations = nil },
		"two displays for one locale":  func(m *oid4vci.IssuerMetadata) { m.Display[1].Locale = "nl" },
		"notification to a javascript": func(m *oid4vci.IssuerMetadata) { m.NotificationEndpoint = "javascript:alert(1)" },
	} {
		m := ours()
		change(&m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := oid4vci.ParseIssuerMetadata(b, issuer); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	b, err := json.Marshal(ours())
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, bad := range map[string]string{
		"a member named twice": strings.Replace(text, `"nonce_endpoint"`, `"credential_endpoint"`, 1),
		"text behind":          text + "{}",
		"huge":                 text + strings.Repeat(" ", oid4vci.MaxMetadata),
		"deep":                 `{"x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`,
		"an array":             `[` + text + `]`,
		"wrong type":           strings.Replace(text, `"batch_size":8`, `"batch_size":"8"`, 1),
	} {
		if _, err := oid4vci.ParseIssuerMetadata([]byte(bad), issuer); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestConfigurationRefused(t *testing.T) {
	for name, change := range map[string]func(*oid4vci.Configuration){
		"no vct":                        func(c *oid4vci.Configuration) { c.VCT = "" },
		"binding without proof types":   func(c *oid4vci.Configuration) { c.ProofTypes = nil },
		"proof types without binding":   func(c *oid4vci.Configuration) { c.BindingMethods = nil },
		"proof type without algorithms": func(c *oid4vci.Configuration) { c.ProofTypes["jwt"] = oid4vci.ProofType{} },
		"display without a name":        func(c *oid4vci.Configuration) { c.Metadata.Display[0].Name = "" },
		"a claim described twice":       func(c *oid4vci.Configuration) { c.Metadata.Claims = append(c.Metadata.Claims, c.Metadata.Claims[0]) },
		"an empty path":                 func(c *oid4vci.Configuration) { c.Metadata.Claims[0].Path = nil },
		"a path with an object":         func(c *oid4vci.Configuration) { c.Metadata.Claims[0].Path = []any{map[string]any{}} },
		"a path with a fraction":        func(c *oid4vci.Configuration) { c.Metadata.Claims[0].Path = []any{"a", 1.5} },
		"a path with a negative index":  func(c *oid4vci.Configuration) { c.Metadata.Claims[0].Path = []any{"a", float64(-1)} },
		"another format":                func(c *oid4vci.Configuration) { c.Format = "vc+sd-jwt" },
	} {
		c := ours().Configurations["kindpakket"]
		change(&c)
		if c.Verify() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestWellKnownURLs(t *testing.T) {
	for _, c := range []struct{ id, issuer, server string }{
		{"https://issuer.example.com", "https://issuer.example.com/.well-known/openid-credential-issuer", "https://issuer.example.com/.well-known/oauth-authorization-server"},
		{"https://issuer.example.com/tenant", "https://issuer.example.com/.well-known/openid-credential-issuer/tenant", "https://issuer.example.com/.well-known/oauth-authorization-server/tenant"},
		{"https://issuer.example.com:8443/a/b", "https://issuer.example.com:8443/.well-known/openid-credential-issuer/a/b", "https://issuer.example.com:8443/.well-known/oauth-authorization-server/a/b"},
		{"https://issuer.example.com/a%2Fb", "https://issuer.example.com/.well-known/openid-credential-issuer/a%2Fb", "https://issuer.example.com/.well-known/oauth-authorization-server/a%2Fb"},
		{"https://issuer.example.com/", "https://issuer.example.com/.well-known/openid-credential-issuer", "https://issuer.example.com/.well-known/oauth-authorization-server"},
		{"https://issuer.example.com/tenant/", "https://issuer.example.com/.well-known/openid-credential-issuer/tenant/", "https://issuer.example.com/.well-known/oauth-authorization-server/tenant"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080/.well-known/openid-credential-issuer", "http://127.0.0.1:8080/.well-known/oauth-authorization-server"},
		{"http://[::1]:8080", "http://[::1]:8080/.well-known/openid-credential-issuer", "http://[::1]:8080/.well-known/oauth-authorization-server"},
		{"http://localhost:8080/x", "http://localhost:8080/.well-known/openid-credential-issuer/x", "http://localhost:8080/.well-known/oauth-authorization-server/x"},
	} {
		if got, err := oid4vci.IssuerMetadataURL(c.id); err != nil || got != c.issuer {
			t.Errorf("issuer %s: got %q, %v", c.id, got, err)
		}
		if got, err := oid4vci.ServerMetadataURL(c.id); err != nil || got != c.server {
			t.Errorf("server %s: got %q, %v", c.id, got, err)
		}
	}
	for _, bad := range []string{
		"", "issuer.example.com", "http://issuer.example.com", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
		"https://", "https:issuer.example.com", "https://a@issuer.example.com", "https://issuer.example.com?x=1",
		"https://issuer.example.com?", "https://issuer.example.com#x", "ftp://issuer.example.com", "https:///path",
		"https://issuer.example.com/" + strings.Repeat("a", 4096), "https://issuer example.com", "http://10.0.0.1",
	} {
		if got, err := oid4vci.IssuerMetadataURL(bad); err == nil {
			t.Errorf("issuer %q: got %q", bad, got)
		}
		if got, err := oid4vci.ServerMetadataURL(bad); err == nil {
			t.Errorf("server %q: got %q", bad, got)
		}
	}
}

func TestAuthorizationServerHint(t *testing.T) {
	m := ours()
	if s, err := m.AuthorizationServer(""); err != nil || s != issuer {
		t.Errorf("no servers: got %q, %v", s, err)
	}
	if _, err := m.AuthorizationServer("https://evil.example"); err == nil {
		t.Error("a hint at a server that the issuer does not name is followed")
	}
	m.AuthorizationServers = []string{"https://a.example", "https://b.example"}
	if s, err := m.AuthorizationServer("https://b.example"); err != nil || s != "https://b.example" {
		t.Errorf("hint: got %q, %v", s, err)
	}
	if _, err := m.AuthorizationServer(""); err == nil {
		t.Error("one of two servers is guessed")
	}
}

func TestServerMetadataBothEnds(t *testing.T) {
	m := oid4vci.ServerMetadata{
		Issuer: issuer, TokenEndpoint: issuer + "/token", GrantTypes: []string{oid4vci.GrantPreAuthorizedCode},
		AuthMethods: []string{"none"}, AnonymousPreAuthorized: true,
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := oid4vci.ParseServerMetadata(b, issuer)
	if err != nil || !reflect.DeepEqual(*got, m) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if !got.Grants(oid4vci.GrantPreAuthorizedCode) || got.Grants(oid4vci.GrantAuthorizationCode) {
		t.Error("grants are not those that are listed")
	}
	if none := (&oid4vci.ServerMetadata{}); none.Grants(oid4vci.GrantPreAuthorizedCode) || !none.Grants(oid4vci.GrantAuthorizationCode) {
		t.Error("a server that lists no grants has not the default of RFC 8414")
	}
	for name, change := range map[string]func(*oid4vci.ServerMetadata){
		"another server":         func(m *oid4vci.ServerMetadata) { m.Issuer = "https://evil.example" },
		"no token endpoint":      func(m *oid4vci.ServerMetadata) { m.TokenEndpoint = "" },
		"token endpoint by http": func(m *oid4vci.ServerMetadata) { m.TokenEndpoint = "http://evil.example/token" },
		"par by http":            func(m *oid4vci.ServerMetadata) { m.PAREndpoint = "http://evil.example/par" },
		"login by javascript":    func(m *oid4vci.ServerMetadata) { m.AuthorizationEndpoint = "javascript:alert(1)" },
	} {
		bad := m
		change(&bad)
		b, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := oid4vci.ParseServerMetadata(b, issuer); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
