// Package docs_test holds the documentation to the code: links lead somewhere, names exist, and lists are whole.
package docs_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kindpakket/ledger"
	"kindpakket/verifier"
)

const root = ".."

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pages returns every page of the repository's documentation, relative to its root.
func pages(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range all {
		if all[i], err = filepath.Rel(root, path); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 20 {
		t.Fatalf("found %d pages only", len(all))
	}
	return all
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"`)

// TestLinks: every relative link leads to a file or directory.
func TestLinks(t *testing.T) {
	links := 0
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			to, _, _ := strings.Cut(m[1]+m[2], "#")
			if to == "" || strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), to)); err != nil {
				t.Errorf("%s: no %s", page, to)
			}
		}
	}
	if links < 20 {
		t.Errorf("found %d links only", links)
	}
}

// rooms are the packages that docs/life-of-a-euro.md walks through, by the names that it calls them.
var rooms = map[string]string{
	"audit": "ledger/audit", "bolt": "ledger/bolt", "budget": "credential/budget", "intake": "issuer/intake", "issuer": "issuer",
	"jose": "credential/jose", "ledger": "ledger", "oid4vci": "credential/oid4vci", "oid4vp": "credential/oid4vp",
	"pain001": "issuer/pain001", "rule": "ledger/rule", "sdjwt": "credential/sdjwt", "verifier": "verifier", "wallet": "wallet",
}

// declared returns the top-level names of a package, methods as Type.Method.
func declared(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[receiver(d)+d.Name.Name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						names[s.Name.Name] = true
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}

func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ := d.Recv.List[0].Type
	if p, ok := typ.(*ast.StarExpr); ok {
		typ = p.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name + "."
	}
	return ""
}

var name = regexp.MustCompile("`([a-z0-9]+)\\.([A-Za-z]\\w*(?:\\.[A-Za-z]\\w*)?)`")

// TestNames: every name in docs/life-of-a-euro.md is declared in the code.
func TestNames(t *testing.T) {
	packages := map[string]map[string]bool{}
	found := 0
	for _, m := range name.FindAllStringSubmatch(read(t, "docs/life-of-a-euro.md"), -1) {
		dir, ok := rooms[m[1]]
		if !ok {
			t.Errorf("%s.%s: which package is that?", m[1], m[2])
			continue
		}
		if packages[m[1]] == nil {
			packages[m[1]] = declared(t, dir)
		}
		found++
		if !packages[m[1]][m[2]] {
			t.Errorf("package %s declares no %s", dir, m[2])
		}
	}
	if found < 50 {
		t.Errorf("found %d names only", found)
	}
}

// TestDependencies: every module that go.mod requires directly has its line, and no other has one.
func TestDependencies(t *testing.T) {
	page := read(t, "docs/dependencies.md")
	required, indirect := map[string]bool{}, map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(read(t, "go.mod")))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) == 4 && f[3] == "indirect" {
			indirect[f[0]] = f[1]
		}
		if len(f) == 2 && strings.HasPrefix(f[1], "v") && strings.Contains(f[0], ".") {
			required[f[0]] = true
			if !strings.Contains(page, "| `"+f[0]+"` | "+f[1]+" |") {
				t.Errorf("docs/dependencies.md has no line for %s %s", f[0], f[1])
			}
		}
	}
	if len(required) < 10 {
		t.Fatalf("go.mod requires %d modules only", len(required))
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^ ]+) \\|").FindAllStringSubmatch(page, -1) {
		// A module that only others import may have a line too, if we hold it at a version.
		if !required[m[1]] && indirect[m[1]] != m[2] {
			t.Errorf("docs/dependencies.md has a line for %s, which go.mod does not require", m[1])
		}
	}
}

// TestReasons: every reason stands in the specification, and every one that the till adds.
func TestReasons(t *testing.T) {
	page := read(t, "docs/spec/ledger-entry.md")
	for _, r := range ledger.Reasons() {
		if !strings.Contains(page, "\n| `"+string(r)+"` | ") {
			t.Errorf("docs/spec/ledger-entry.md has no row for %s", r)
		}
	}
	for _, r := range verifier.Reasons() {
		if !strings.Contains(page, "`"+string(r)+"`") {
			t.Errorf("docs/spec/ledger-entry.md does not name %s", r)
		}
	}
}

// TestConfiguration: every key of the configuration stands in its reference.
func TestConfiguration(t *testing.T) {
	page := read(t, "docs/operate/configuration.md")
	keys := regexp.MustCompile("`toml:\"([a-z0-9_]+)\"`").FindAllStringSubmatch(read(t, "cmd/kindpakket/house.go"), -1)
	if len(keys) < 10 {
		t.Fatalf("found %d keys only", len(keys))
	}
	for _, k := range keys {
		if !strings.Contains(page, k[1]) {
			t.Errorf("docs/operate/configuration.md does not name %s", k[1])
		}
	}
}
