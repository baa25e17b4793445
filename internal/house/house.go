package house

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Violation is a place where the code does not keep to the plan.
type Violation struct {
	File string // path from the root of the module
	Line int
	Rule string // arrow, room, door, pure, clock, never, floor, name, doc, init, native, test or parse
	What string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", v.File, v.Line, v.Rule, v.What)
}

// Check parses all Go files below the root of a module and returns where they break the plan, in the order of files and lines. It
// does not look into testdata, hidden directories, modules of their own, node_modules and the plan's Skip.
func Check(root fs.FS, plan Floorplan) []Violation {
	c := &checker{plan: plan, files: token.NewFileSet(), uses: make(map[string]map[string]ast.Node), packages: make(map[string][]*ast.File)}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if c.skips(root, name) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) == ".go" {
			return c.parse(root, name)
		}
		return nil
	})
	if err != nil {
		c.add(token.NoPos, "parse", "%v", err)
	}
	c.checkPackages()
	c.checkNever()
	slices.SortFunc(c.found, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.What, b.What))
	})
	return c.found
}

type checker struct {
	plan     Floorplan
	files    *token.FileSet
	packages map[string][]*ast.File         // directory → its files that are no tests
	uses     map[string]map[string]ast.Node // directory → directories of the module it imports outside tests, and where
	found    []Violation
}

func (c *checker) skips(root fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_' || slices.Contains(c.plan.Skip, dir) {
		return true
	}
	_, err := fs.Stat(root, path.Join(dir, "go.mod"))
	return err == nil
}

func (c *checker) add(pos token.Pos, rule, format string, args ...any) {
	p := c.files.Position(pos)
	c.found = append(c.found, Violation{p.Filename, p.Line, rule, fmt.Sprintf(format, args...)})
}

func (c *checker) parse(root fs.FS, name string) error {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(c.files, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		if f == nil {
			return err
		}
		c.add(f.Package, "parse", "%v", err)
		return nil
	}
	dir := path.Dir(name)
	isTest := strings.HasSuffix(name, "_test.go")
	if !isTest {
		c.packages[dir] = append(c.packages[dir], f)
	}
	for _, spec := range f.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		c.checkImport(f, dir, isTest, spec, target)
	}
	c.checkCode(f, dir, isTest)
	return nil
}

func (c *checker) checkImport(f *ast.File, dir string, isTest bool, spec *ast.ImportSpec, target string) {
	if own, ok := strings.CutPrefix(target, c.plan.Module+"/"); ok {
		c.checkArrow(dir, isTest, spec, own)
		return
	}
	if first, _, _ := strings.Cut(target, "/"); strings.Contains(first, ".") {
		c.checkDoor(f, dir, isTest, spec, target)
		return
	}
	if !isTest && c.isPure(dir) {
		if why := impure(target); why != "" {
			c.add(spec.Pos(), "pure", "%s: %s", target, why)
		}
	}
}

// checkArrow looks at a use of a package of this module.
func (c *checker) checkArrow(dir string, isTest bool, spec *ast.ImportSpec, target string) {
	if !isTest {
		if c.uses[dir] == nil {
			c.uses[dir] = make(map[string]ast.Node)
		}
		c.uses[dir][target] = spec
		if forTests(target) && !forTests(dir) {
			c.add(spec.Pos(), "test", "%s is for tests", target)
		}
	}
	from, fromPlace := c.place(dir)
	to, toPlace := c.place(target)
	if to < 0 {
		c.add(spec.Pos(), "floor", "%s has no floor", target)
		return
	}
	if from < 0 || fromPlace == toPlace || from > to {
		return
	}
	if a, b := c.room(dir), c.room(target); a != "" && b != "" && a != b {
		c.add(spec.Pos(), "room", "%s sees %s", a, b)
		return
	}
	switch {
	case slices.Contains(c.plan.Beside, Arrow{fromPlace, toPlace}):
	case isTest && from == to: // a test may use a neighbour: an engine of the ledger, say
	case isTest && forTests(target): // and what is made for tests
	case from == to:
		c.add(spec.Pos(), "arrow", "%s stands beside %s and does not see it", toPlace, fromPlace)
	default:
		c.add(spec.Pos(), "arrow", "%s stands above %s", toPlace, fromPlace)
	}
}

// place returns the floor of a package, -1 if it has none, and its directory on it.
func (c *checker) place(dir string) (floor int, place string) {
	floor = -1
	for n, dirs := range c.plan.Floors {
		for _, d := range dirs {
			if within(dir, d) && len(d) > len(place) {
				floor, place = n, d
			}
		}
	}
	return floor, place
}

func (c *checker) room(dir string) string {
	for _, r := range c.plan.Rooms {
		if within(dir, r) {
			return r
		}
	}
	return ""
}

// checkDoor looks at a use of another module.
func (c *checker) checkDoor(f *ast.File, dir string, isTest bool, spec *ast.ImportSpec, target string) {
	i := slices.IndexFunc(c.plan.Doors, func(d Door) bool { return within(target, d.Module) })
	if i < 0 {
		c.add(spec.Pos(), "door", "%s has no door", target)
		return
	}
	d := c.plan.Doors[i]
	if d.Tests && !isTest && !forTests(dir) {
		c.add(spec.Pos(), "door", "%s is for tests", d.Module)
	}
	if len(d.Dirs) > 0 && !slices.ContainsFunc(d.Dirs, func(door string) bool { return within(dir, door) }) {
		c.add(spec.Pos(), "door", "%s is used through %s only", d.Module, strings.Join(d.Dirs, ", "))
	}
	if rest := strings.TrimPrefix(strings.TrimPrefix(target, d.Module), "/"); len(d.Only) > 0 && !slices.ContainsFunc(d.Only, func(p string) bool { return within(rest, p) }) {
		c.add(spec.Pos(), "door", "of %s only %s is used", d.Module, strings.Join(d.Only, ", "))
	}
	// bbolt does not compile for js/wasm, where the wallet must.
	if d.Module == "go.etcd.io/bbolt" && within(dir, "wallet") && !isTest && !excludesJS(f, c.files) {
		c.add(spec.Pos(), "native", "a file of the wallet with bbolt needs a go:build line that leaves js out")
	}
}

// checkPackages looks at packages as a whole.
func (c *checker) checkPackages() {
	for dir, files := range c.packages {
		first := files[0]
		name := first.Name.Name
		if floor, _ := c.place(dir); floor < 0 {
			c.add(first.Package, "floor", "package %s has no floor", dir)
		}
		if slices.Contains(nameless, name) || slices.Contains(nameless, path.Base(dir)) {
			c.add(first.Package, "name", "%s says nothing: put the function where it is used", name)
		}
		documented := slices.ContainsFunc(files, func(f *ast.File) bool {
			text := f.Doc.Text()
			return strings.HasPrefix(text, "Package "+name+" ") || name == "main" && text != ""
		})
		if !documented {
			c.add(first.Package, "doc", "package %s has no comment that begins with its name", dir)
		}
	}
}

// nameless are names that say nothing.
var nameless = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "lib", "base", "types"}

// checkNever follows the arrows of the plan's bans through all packages between.
func (c *checker) checkNever() {
	for dir := range c.packages {
		for _, ban := range c.plan.Never {
			if !within(dir, ban.From) {
				continue
			}
			for direct, where := range c.uses[dir] {
				for _, to := range ban.To {
					if way := c.way(direct, to, make(map[string]bool)); way != nil {
						c.add(where.Pos(), "never", "%s must not reach %s, and does by %s", ban.From, to, strings.Join(way, " > "))
					}
				}
			}
		}
	}
}

// way returns how from reaches to, nil if it does not.
func (c *checker) way(from, to string, seen map[string]bool) []string {
	if within(from, to) {
		return []string{from}
	}
	if seen[from] {
		return nil
	}
	seen[from] = true
	for _, next := range sortedKeys(c.uses[from]) {
		if rest := c.way(next, to, seen); rest != nil {
			return append([]string{from}, rest...)
		}
	}
	return nil
}

func sortedKeys(m map[string]ast.Node) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// within reports whether path is dir or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

// forTests reports whether a directory is made for tests: one named like net/http/httptest, or the whole house on loopback.
func forTests(dir string) bool {
	return strings.HasSuffix(dir, "test") || within(dir, "internal/testnet")
}
