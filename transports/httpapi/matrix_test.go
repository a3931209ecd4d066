package httpapi_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// TestSecurityMatrix asks every route as everybody, with everybody's ids. It is
// made from the handler's own table of routes and a table of roles written by
// hand: a route without a row fails, as does a row without a route.
func TestSecurityMatrix(t *testing.T) {
	t.Parallel()
	w := newMatrixWorld(t)
	m := newMatrix(w, httpapi.RoutesOf(w.handler), matrixTable())
	for _, c := range complaintsOf(m.routes, m.table) {
		t.Error(c)
	}
	run := m.run(w.handler)

	t.Run("who may not is refused, and nothing has changed", func(t *testing.T) {
		for _, c := range m.cells { // Every record is there before anybody tries.
			if c.harmless() {
				m.record(c)
			}
		}
		before := w.contents()
		run.all(m.cells, matrixCell.harmless)
		run.complaints = append(run.complaints, changes(before, w.contents())...)
		report(t, run)
	})
	t.Run("who may is let in", func(t *testing.T) {
		if err := w.app.Start(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		run.all(m.cells, func(c matrixCell) bool { return !c.harmless() })
		report(t, run)
	})
	t.Logf("%d routes with %d rows x %d callers x their ids: %d cases, %d requests", len(m.routes), rowsOf(m.table), len(m.callers), len(m.cells), run.asked)
}

func rowsOf(table map[string][]matrixRow) (n int) {
	for _, rows := range table {
		n += len(rows)
	}
	return n
}

// report shows what is wrong and forgets it.
func report(t *testing.T, run *matrixRun) {
	t.Helper()
	const most = 20
	for i, c := range run.complaints {
		if i == most {
			t.Errorf("and %d more", len(run.complaints)-most)
			break
		}
		t.Error(c)
	}
	run.complaints = nil
}

// cancelDedupe ends the search for duplicates, of which there is one at a time.
func (w *matrixWorld) cancelDedupe() {
	w.t.Helper()
	for _, owner := range []crm.Actor{w.colleague, w.stranger} {
		list, err := w.app.Jobs.List(w.t.Context(), owner, crm.JobListQuery{Kinds: []crm.JobKind{crm.JobDedupe}, Statuses: []crm.JobStatus{crm.JobQueued}})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, j := range list.Items {
			if _, err := w.app.Jobs.Cancel(w.t.Context(), owner, j.ID, 0); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// TestRoutesAreRegisteredInOnePlace sees to it that the table of routes is all
// there is: whatever is registered beside it would be in no matrix.
func TestRoutesAreRegisteredInOnePlace(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.SelectorExpr); ok && (call.Sel.Name == "Handle" || call.Sel.Name == "HandleFunc") {
				places = append(places, files.Position(n.Pos()).String())
			}
			return true
		})
	}
	if len(places) != 1 || !strings.HasPrefix(places[0], "handler.go:") {
		t.Errorf("routes are registered at %v, want one place, in handler.go, for those of the table", places)
	}
}

// TestNobodyCanWhereNobodySignsIn is the handler without any sign-in: everything
// but health is 401, whatever is sent.
func TestNobodyCanWhereNobodySignsIn(t *testing.T) {
	t.Parallel()
	w := newMatrixWorld(t)
	h := w.serve(httpapi.Options{})
	key := byKey("owner", memberAs(crm.RoleOwner), crm.Scopes()...)(w)
	for _, route := range httpapi.RoutesOf(h) {
		want := http.StatusUnauthorized
		if !strings.HasPrefix(route.Path, "/api/") {
			want = http.StatusOK
		}
		for _, headers := range [][]string{nil, key.headers} {
			row := &matrixRow{status: want}
			run := (&matrix{w: w}).run(h)
			run.cell(matrixCell{route: route, row: row, caller: &matrixCaller{name: "anybody", headers: headers}, class: noID, status: want, code: "unauthorized"})
			report(t, run)
		}
	}
}
