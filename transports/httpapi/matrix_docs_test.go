package httpapi_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// documented is where the table of access is for people.
const documented = "../../docs/security.md"

// TestTheDocumentedAccessIsTheMatrix holds the table in the documents against the
// matrix, which is held against the server. CRM_WRITE_DOCS=1 writes it anew.
func TestTheDocumentedAccessIsTheMatrix(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- The matrix begins: CRM_WRITE_DOCS=1 go test ./transports/httpapi -run Documented -->\n", "<!-- The matrix ends. -->\n"
	text, err := os.ReadFile(documented)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	table, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the matrix", documented)
	}
	want := accessTable(httpapi.RoutesOf(newMatrixWorld(t).handler), matrixTable())
	if table == want {
		return
	}
	if os.Getenv("CRM_WRITE_DOCS") == "" {
		t.Errorf("%s does not say what the matrix says; write it anew with CRM_WRITE_DOCS=1. It should be\n%s", documented, want)
		return
	}
	if err := os.WriteFile(documented, []byte(before+begin+want+end+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

func accessTable(routes []httpapi.Route, table map[string][]matrixRow) string {
	slices.SortFunc(routes, func(a, b httpapi.Route) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	var b bytes.Buffer
	b.WriteString("| call | least role | scope of a key | besides |\n|---|---|---|---|\n")
	for _, route := range routes {
		said := map[string]bool{}
		for _, row := range table[route.ID] {
			line := accessLine(row)
			if said[line] {
				continue
			}
			said[line] = true
			what := ""
			if len(said) > 1 { // Its first row is what it is mostly for.
				what = ", " + row.what
			}
			fmt.Fprintf(&b, "| `%s %s`%s | %s\n", route.Method, strings.TrimPrefix(route.Path, "/api/v1"), what, line)
		}
	}
	return b.String()
}

// accessLine says what a row asks for.
func accessLine(row matrixRow) string {
	role, scope := string(cmp.Or(row.found, row.role)), string(row.scope)
	if row.role == "" {
		role, scope = "everybody", ""
	} else if scope == "" {
		scope = "any"
	}
	var besides []string
	for _, other := range slices.Sorted(maps.Keys(row.orElse)) {
		besides = append(besides, fmt.Sprintf("or `%s` from %s on", other, row.orElse[other]))
	}
	switch row.others {
	case "":
	case none:
		besides = append(besides, "one's own only")
	default:
		of := "one's own"
		if len(row.lists) > 1 {
			of = "of jobs and imports one's own"
		}
		besides = append(besides, of+"; others' from "+string(row.others)+" on")
	}
	if row.also != "" {
		besides = append(besides, fmt.Sprintf("and `%s`", row.also))
	}
	if scope != "" && scope != "any" {
		scope = "`" + scope + "`"
	}
	return fmt.Sprintf("%s | %s | %s |", role, scope, strings.Join(besides, "; "))
}
