package house

import (
	"go/ast"
	"go/build/constraint"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

func (c *checker) isPure(dir string) bool {
	return slices.ContainsFunc(c.plan.Pure, func(p string) bool {
		if below, ok := strings.CutSuffix(p, "/..."); ok {
			return within(dir, below)
		}
		return dir == p
	})
}

// impure says why a package of the standard library has no place in a pure one, "" if it has.
func impure(std string) string {
	switch {
	case std == "net/url", std == "net/netip":
		return "" // they only read and write text
	case within(std, "net"):
		return "what travels does not travel by itself"
	case within(std, "os"), std == "syscall", std == "io/ioutil", std == "plugin", std == "log":
		return "no input, no output"
	case std == "math/rand", std == "math/rand/v2":
		return "randomness is an argument" // crypto/rand may be needed where no result depends on it, as in a batch check
	}
	return ""
}

// ofClock are the functions of package time that look at a clock, or wait.
var ofClock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}

// checkCode looks into the functions of a file.
func (c *checker) checkCode(f *ast.File, dir string, isTest bool) {
	for _, decl := range f.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			c.add(fn.Pos(), "init", "no init does work")
		}
	}
	timeName := importName(f, "time")
	if timeName == "." && !isTest && c.isPure(dir) {
		c.add(f.Package, "clock", "time is imported into the file's own names, where a clock would not be seen")
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		if timeName != "" && id.Name == timeName && slices.Contains(ofClock, sel.Sel.Name) {
			switch {
			case !isTest && c.isPure(dir):
				c.add(sel.Pos(), "clock", "time.%s: the time is an argument", sel.Sel.Name)
			case isTest && sel.Sel.Name == "Sleep":
				c.add(sel.Pos(), "test", "a test waits for what it waits for, not for time to pass")
			}
		}
		if isTest && slices.Contains([]string{"t", "b", "f", "tb"}, id.Name) && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
			c.add(sel.Pos(), "test", "no test is skipped")
		}
		return true
	})
}

// importName returns the name under which f uses a package of the standard library, "" if it does not.
func importName(f *ast.File, std string) string {
	for _, spec := range f.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err != nil || p != std {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(std)
	}
	return ""
}

// excludesJS reports whether f's go:build line, or its name, keeps it out of a build for js/wasm.
func excludesJS(f *ast.File, files *token.FileSet) bool {
	for _, group := range f.Comments {
		for _, line := range group.List {
			if line.Pos() > f.Package || !constraint.IsGoBuild(line.Text) {
				continue
			}
			expr, err := constraint.Parse(line.Text)
			return err == nil && !expr.Eval(func(tag string) bool {
				return tag == "js" || tag == "wasm" || tag == "gc" || strings.HasPrefix(tag, "go1.")
			})
		}
	}
	name := strings.TrimSuffix(path.Base(files.Position(f.Package).Filename), ".go")
	return slices.ContainsFunc([]string{"_linux", "_unix", "_darwin", "_windows", "_amd64", "_arm64"}, func(s string) bool { return strings.HasSuffix(name, s) })
}
