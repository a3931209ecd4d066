package archtest_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheModuleKeepsItsRules(t *testing.T) {
	t.Parallel()
	files, err := readModule(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(f sourceFile) bool { return f.path == "internal/archtest/archtest_test.go" }) {
		t.Fatalf("read %d files, but not this one", len(files))
	}
	for _, complaint := range check(files) {
		t.Error(complaint)
	}
}

func check(files []sourceFile) []string {
	table := rules()
	var broken []string
	for _, file := range files {
		broken = append(broken, checkImports(file, table)...)
		broken = append(broken, checkCode(file)...)
	}
	return append(broken, checkScope(files)...)
}

func TestTheCheckerSeesEachViolation(t *testing.T) {
	t.Parallel()
	const own = modulePath
	tests := []struct {
		name, path, source string
		want               string // part of the complaint; "" for none
	}{
		{"a package without a row", "plugins/x/x.go", "package x", "has no row"},
		{"a new adapter without a row", "adapters/mongo/store.go", "package mongo", "has no row"},
		{"the domain on a database", "crm/store.go", `package crm; import "database/sql"`, "must not know it"},
		{"the domain below a database", "crm/store.go", `package crm; import "database/sql/driver"`, "must not know it"},
		{"the domain on HTTP", "crm/x.go", `package crm; import "net/http"`, "must not know it"},
		{"the domain on an adapter", "crm/x.go", `package crm; import "` + own + `/adapters/sqlite"`, "only [crm/textindex]"},
		{"the domain on another module", "crm/x.go", `package crm; import "github.com/jmoiron/sqlx"`, "of other modules only"},
		{"a module whose path only begins alike", "crm/x.go", `package crm; import "golang.org/x/textual"`, "of other modules only"},
		{"the text index on the domain", "crm/textindex/x.go", `package textindex; import "` + own + `/crm"`, "of ours only []"},
		{"fx in a constructor", "adapters/sqlite/x.go", `package sqlite; import "go.uber.org/fx"`, "know fx"},
		{"fx in a test of the domain", "crm/x_test.go", `package crm_test; import "go.uber.org/fx/fxtest"`, "know fx"},
		{"an adapter on another", "adapters/csv/x.go", `package csv; import "` + own + `/adapters/sqlite"`, "of ours only"},
		{"an adapter's test on another adapter", "adapters/csv/x_test.go", `package csv_test; import "` + own + `/adapters/sqlite"`, "of ours only"},
		{"an adapter on a transport", "adapters/csv/x.go", `package csv; import "` + own + `/transports/httpapi"`, "of ours only"},
		{"an fx module on another adapter", "adapters/sqlite/sqlitefx/x.go", `package sqlitefx; import "` + own + `/adapters/csv"`, "of ours only"},
		{"a transport on a store", "transports/httpapi/x.go", `package httpapi; import "` + own + `/adapters/sqlite"`, "of ours only"},
		{"test helpers in the product", "cmd/crmserver/x.go", `package main; import "` + own + `/internal/testkit"`, "tests only"},
		{"an exit in a library", "crm/x.go", `package crm; import "os"; func f() { os.Exit(1) }`, "os.Exit"},
		{"an exit under another name", "crm/x.go", `package crm; import o "os"; func f() { o.Exit(1) }`, "os.Exit"},
		{"an exit by the logger", "crm/x.go", `package crm; import "log"; func f() { log.Fatalf("x") }`, "log.Fatalf"},
		{"an init", "crm/x.go", `package crm; func init() {}`, "declares init"},
		{"a silent skip", "crm/x_test.go", `package crm; import "testing"; func TestX(t *testing.T) { t.SkipNow() }`, "without a reason"},
		{"a skip with an empty reason", "crm/x_test.go", `package crm; import "testing"; func TestX(t *testing.T) { t.Skip("") }`, "without a reason"},
		{"a service on the system store", "crm/x.go", `package crm; type SystemStore interface{}; type XService struct{ s SystemStore }`, "holds SystemStore, which crosses"},
		{"a service on a part of it", "crm/x.go", `package crm; type Claimer interface{}; type SystemStore interface{ Claimer }; type XService struct{ c Claimer }`, "holds Claimer, which crosses"},
		{"a service on it through another struct", "crm/x.go", `package crm; type Store interface{}; type core struct{ s Store }; type XService struct{ c *core }`, "holds core, that is Store"},
		{"a service on it through an interface", "crm/x.go", `package crm; type JobQueue interface{}; type both interface{ JobQueue }; type XService struct{ b map[string]both }`, "holds both, that is JobQueue"},
		{"an endless file", "crm/x.go", "package crm\n" + strings.Repeat("\n", maxLines), "lines, more than"},

		{"the domain on its own means", "crm/x.go", `package crm; import ("` + own + `/crm/textindex"; "github.com/google/uuid"; "golang.org/x/text/unicode/norm"; "errors")`, ""},
		{"a service with a narrow part of it", "crm/x.go", `package crm; type SystemStore interface{}; type host interface{ run() }; type XService struct{ h host; f func(SystemStore) }; type CRM struct{ s SystemStore }`, ""},
		{"a test of the domain on a store", "crm/x_test.go", `package crm_test; import ("database/sql"; "` + own + `/crm"; "` + own + `/adapters/sqlite"; "` + own + `/internal/testkit")`, ""},
		{"an adapter's test on the suite", "adapters/csv/x_test.go", `package csv_test; import "` + own + `/crm/crmtest"`, ""},
		{"an fx module on its parent", "adapters/sqlite/sqlitefx/x.go", `package sqlitefx; import ("` + own + `/adapters/sqlite"; "go.uber.org/fx")`, ""},
		{"an exit in main", "cmd/crmserver/main.go", `package main; import "os"; func main() { os.Exit(1) }`, ""},
		{"an exit in an example", "crm/example_test.go", `package crm_test; import "log"; func ExampleNew() { log.Fatal("x") }`, ""},
		{"an exit in a test", "crm/x_test.go", `package crm_test; import ("log"; "testing"); func TestX(t *testing.T) { log.Fatal("x") }`, "log.Fatal"},
		{"a method named init", "crm/x.go", `package crm; type s struct{}; func (s) init() {}`, ""},
		{"a skip with a reason", "crm/x_test.go", `package crm; import "testing"; func TestX(t *testing.T) { t.Skip("needs a browser") }`, ""},
		{"a long generated file", "crm/crmmock/x.go", "// Code generated by mockery; DO NOT EDIT.\n\npackage crmmock\n" + strings.Repeat("\n", maxLines), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files, err := readModule(fstest.MapFS{tt.path: {Data: []byte(tt.source)}})
			if err != nil {
				t.Fatal(err)
			}
			got := check(files)
			if tt.want == "" && len(got) > 0 {
				t.Errorf("complaints: got %q, want none", got)
			}
			if tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
				t.Errorf("complaints: got %q, want one with %q", got, tt.want)
			}
		})
	}
}
