package archtest_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// checkImports holds every import of file against the row of its package and
// returns a sentence for each that breaks it.
func checkImports(file sourceFile, table []rule) []string {
	row := rowOf(file.pkg, table)
	if row == nil {
		return []string{fmt.Sprintf("%s: package %s has no row in the table of import rules", file.path, file.pkg)}
	}
	var broken []string
	for _, imported := range file.imports {
		if why := refusal(file, *row, imported); why != "" {
			broken = append(broken, fmt.Sprintf("%s imports %s: %s", file.path, imported, why))
		}
	}
	return broken
}

// refusal says why the file may not import the path, or "".
func refusal(file sourceFile, row rule, imported string) string {
	if within(imported, fxPath) && !matchesAny(mayImportFx(), file.pkg) {
		return "only cmd and the fx modules know fx"
	}
	if own, ok := strings.CutPrefix(imported, modulePath); ok {
		return refusalOfOwn(file, row, strings.TrimPrefix(own, "/"))
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		if !file.test && slices.ContainsFunc(row.never, func(p string) bool { return within(imported, p) }) {
			return row.pkg + " must not know it"
		}
		return ""
	}
	allowed := row.foreign
	if file.test {
		allowed = slices.Concat(allowed, row.foreignInTests, testForeign())
	}
	for _, p := range allowed {
		if p == "*" || within(imported, p) {
			return ""
		}
	}
	return fmt.Sprintf("%s may import of other modules only %v", row.pkg, allowed)
}

func refusalOfOwn(file sourceFile, row rule, own string) string {
	if within(own, testkit) && !file.test && !within(file.pkg, testkit) {
		return "test helpers are for tests only"
	}
	allowed := row.own
	if file.test {
		allowed = append(slices.Clone(allowed), row.ownInTests...)
	}
	for _, p := range allowed {
		if p == "parent" {
			p = path.Dir(file.pkg)
		}
		if matches(p, own) {
			return ""
		}
	}
	if file.test && own == file.pkg {
		return ""
	}
	return fmt.Sprintf("%s may import of ours only %v", row.pkg, allowed)
}

func rowOf(pkg string, table []rule) *rule {
	for i := range table {
		if matches(table[i].pkg, pkg) {
			return &table[i]
		}
	}
	return nil
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

// matches says whether the pattern of a rule covers the package.
func matches(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return within(pkg, base)
	}
	ok, err := path.Match(pattern, pkg)
	return ok && err == nil
}

// within says whether the path is base or below it.
func within(p, base string) bool {
	return p == base || strings.HasPrefix(p, base+"/")
}
