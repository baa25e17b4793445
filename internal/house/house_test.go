package house_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"kindpakket/internal/house"
)

// root is the module's: the directory above with its go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(b), "module "+house.Plan.Module+"\n") {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod of this module above")
		}
		dir = up
	}
}

// The house keeps to its plan.
func TestHouse(t *testing.T) {
	for _, v := range house.Check(os.DirFS(root(t)), house.Plan) {
		t.Error(v)
	}
}

// The plan has no line that nothing is checked by: what it names is there, or is in go.mod, or is said here to come.
func TestPlanIsOfThisHouse(t *testing.T) {
	here := os.DirFS(root(t))
	for _, dir := range []string{"credential/jose", "internal/aries", "ledger", "ledger/rule", "ledger/bolt", "wallet", "issuer", "verifier"} {
		if fi, err := fs.Stat(here, dir); err != nil || !fi.IsDir() {
			t.Errorf("%s is not there: the test looks at the wrong place", dir)
		}
		if !slices.ContainsFunc(house.Plan.Floors, func(floor []string) bool { return slices.Contains(floor, dir) }) {
			t.Errorf("%s has no floor", dir)
		}
	}
	seen := make(map[string]bool)
	for _, floor := range house.Plan.Floors {
		for _, dir := range floor {
			if seen[dir] {
				t.Errorf("%s stands on two floors", dir)
			}
			seen[dir] = true
		}
	}
}

var want = regexp.MustCompile(`// want:((?: [a-z]+)+)`)

// In testdata/planted every rule is broken; the lines that do say which in a comment "// want: rule".
func TestPlanted(t *testing.T) {
	planted := os.DirFS("testdata/planted")
	var wanted []string
	err := fs.WalkDir(planted, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(planted, name)
		for i, line := range strings.Split(string(b), "\n") {
			if m := want.FindStringSubmatch(line); m != nil {
				for _, rule := range strings.Fields(m[1]) {
					wanted = append(wanted, name+":"+strconv.Itoa(i+1)+": "+rule)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rules := make(map[string]bool)
	var got []string
	for _, v := range house.Check(planted, house.Plan) {
		got = append(got, v.File+":"+strconv.Itoa(v.Line)+": "+v.Rule)
		rules[v.Rule] = true
	}
	for _, w := range wanted {
		if i := slices.Index(got, w); i >= 0 {
			got = slices.Delete(got, i, i+1)
		} else {
			t.Errorf("not caught: %s", w)
		}
	}
	for _, g := range got {
		t.Errorf("caught where nothing is wrong: %s", g)
	}
	for _, rule := range []string{"arrow", "room", "door", "pure", "clock", "never", "floor", "name", "doc", "init", "native", "test"} {
		if !rules[rule] {
			t.Errorf("nobody broke the rule %s", rule)
		}
	}
}

// A file that does not parse hides nothing.
func TestUnreadable(t *testing.T) {
	tree := fstest.MapFS{"issuer/issuer.go": {Data: []byte("// Package issuer is torn.\npackage issuer\n\nimport (\n")}}
	vs := house.Check(tree, house.Plan)
	if len(vs) != 1 || vs[0].Rule != "parse" {
		t.Errorf("got %v", vs)
	}
	if vs := house.Check(fstest.MapFS{"issuer/issuer.go": {Data: []byte("// Package issuer is whole.\npackage issuer\n")}}, house.Plan); len(vs) != 0 {
		t.Errorf("got %v", vs)
	}
}
