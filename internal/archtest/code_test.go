package archtest_test

import (
	"fmt"
	"go/ast"
	"path"
	"strings"
)

// checkCode returns a sentence for each rule about the code itself that the file
// breaks: no exit outside main, no init, no skip without a reason, no endless
// file.
func checkCode(file sourceFile) []string {
	var broken []string
	add := func(format string, args ...any) {
		broken = append(broken, file.path+": "+fmt.Sprintf(format, args...))
	}
	if file.lines > maxLines && !file.generated {
		add("has %d lines, more than %d", file.lines, maxLines)
	}
	testers := testerNames(file)
	for _, decl := range file.syntax.Decls {
		fn, isFunc := decl.(*ast.FuncDecl)
		if isFunc && fn.Recv == nil && fn.Name.Name == "init" {
			add("declares init; a constructor does its work")
		}
		mayExit := file.name == "main" || isFunc && file.test && mayExitInTests(file, fn)
		ast.Inspect(decl, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name := exitCall(file, call); name != "" && !mayExit {
				add("calls %s; only main ends the process", name)
			}
			if skipsSilently(call, testers) {
				add("skips a test without a reason")
			}
			return true
		})
	}
	return broken
}

// mayExitInTests tells the functions of a test that stand for a main: the one
// that runs the tests, and those of example files, which show what a program
// would write.
func mayExitInTests(file sourceFile, fn *ast.FuncDecl) bool {
	return fn.Name.Name == "TestMain" || strings.HasPrefix(path.Base(file.path), "example")
}

// exitCall returns the name of the called function that ends the process, or "".
func exitCall(file sourceFile, call *ast.CallExpr) string {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	switch {
	case pkg.Name == file.importName("os") && sel.Sel.Name == "Exit":
		return "os.Exit"
	case pkg.Name == file.importName("log") && strings.HasPrefix(sel.Sel.Name, "Fatal"):
		return "log." + sel.Sel.Name
	}
	return ""
}

// testerNames collects the parameters and variables of the file that are a
// *testing.T, B, F or a testing.TB.
func testerNames(file sourceFile) map[string]bool {
	names := map[string]bool{}
	testing := file.importName("testing")
	ast.Inspect(file.syntax, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok {
			return true
		}
		typ := field.Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		if sel, ok := typ.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok && testing != "" && pkg.Name == testing {
				for _, name := range field.Names {
					names[name.Name] = true
				}
			}
		}
		return true
	})
	return names
}

func skipsSilently(call *ast.CallExpr, testers map[string]bool) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	on, ok := sel.X.(*ast.Ident)
	if !ok || !testers[on.Name] {
		return false
	}
	switch sel.Sel.Name {
	case "SkipNow":
		return true
	case "Skip", "Skipf":
		if len(call.Args) == 0 {
			return true
		}
		text, ok := call.Args[0].(*ast.BasicLit)
		return ok && (text.Value == `""` || text.Value == "``")
	}
	return false
}
