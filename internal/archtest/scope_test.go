package archtest_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// domain is the package whose services act for people.
const domain = "crm"

// crossing lists the interfaces of the domain whose methods cross workspaces.
// What SystemStore embeds is among them.
func crossing() []string { return []string{"SystemStore", "Store", "JobQueue"} }

// checkScope returns a sentence for each service that holds, itself or through
// the structs and interfaces it is made of, something that crosses workspaces.
// What a service needs of that stands behind a narrow interface or a function.
func checkScope(files []sourceFile) []string {
	types := map[string]ast.Expr{}
	for _, file := range files {
		if file.pkg != domain || file.test {
			continue
		}
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				types[spec.Name.Name] = spec.Type
			}
			return true
		})
	}
	forbidden := crossing()
	if system, ok := types["SystemStore"].(*ast.InterfaceType); ok {
		forbidden = append(forbidden, embedded(system)...)
	}
	var broken []string
	for name := range types {
		if !strings.HasSuffix(name, "Service") {
			continue
		}
		if way := wayTo(types, forbidden, []string{name}, map[string]bool{}); way != nil {
			broken = append(broken, fmt.Sprintf("%s: %s holds %s, which crosses workspaces", domain, name, strings.Join(way[1:], ", that is ")))
		}
	}
	slices.Sort(broken)
	return broken
}

// wayTo follows the fields of structs and the embedded parts of interfaces from
// the last name of way, and returns the way to a forbidden type, or nil.
func wayTo(types map[string]ast.Expr, forbidden, way []string, seen map[string]bool) []string {
	last := way[len(way)-1]
	if slices.Contains(forbidden, last) {
		return way
	}
	if seen[last] {
		return nil
	}
	seen[last] = true
	for _, next := range parts(types[last]) {
		if found := wayTo(types, forbidden, append(slices.Clone(way), next), seen); found != nil {
			return found
		}
	}
	return nil
}

// parts names the types that a type is made of.
func parts(t ast.Expr) []string {
	switch t := t.(type) {
	case *ast.InterfaceType:
		return embedded(t)
	case *ast.StructType:
		var names []string
		for _, field := range t.Fields.List {
			if _, ok := field.Type.(*ast.FuncType); !ok { // A function hides what it uses.
				names = append(names, identifiers(field.Type)...)
			}
		}
		return names
	}
	return identifiers(t)
}

func embedded(t *ast.InterfaceType) []string {
	var names []string
	for _, m := range t.Methods.List {
		if len(m.Names) == 0 {
			names = append(names, identifiers(m.Type)...)
		}
	}
	return names
}

func identifiers(t ast.Expr) []string {
	var names []string
	if t == nil {
		return nil
	}
	ast.Inspect(t, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr, *ast.FuncType: // Another package's type; a function.
			return false
		case *ast.Ident:
			names = append(names, n.Name)
		}
		return true
	})
	return names
}
