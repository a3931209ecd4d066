package sqlkit_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
)

func TestMigrationFiles(t *testing.T) {
	t.Parallel()
	m := sqlkit.Migrations{Dialect: goose.DialectSQLite3, Files: fstest.MapFS{
		"0002_b.sql": {Data: []byte("-- +goose Up\n-- Why.\nCREATE TABLE b (x);\n-- +goose Down\nDROP TABLE b;\n")},
		"0001_a.sql": {Data: []byte("-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE a (x);\n-- +goose StatementEnd\n")},
		"notes.txt":  {Data: []byte("no migration")},
	}}
	if newest, err := m.Newest(); err != nil || newest != 2 {
		t.Errorf("newest: got %d, %v, want 2", newest, err)
	}
	text, all, err := m.AllSQL()
	if err != nil || len(all) != 2 || all[0].Name != "0001_a.sql" {
		t.Fatalf("got %+v, %v, want both in order", all, err)
	}
	want := "-- 0001_a.sql\nCREATE TABLE a (x);\n-- 0002_b.sql\n-- Why.\nCREATE TABLE b (x);\n"
	if text != want {
		t.Errorf("got %q, want %q", text, want)
	}
}

func TestMigrationFilesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fstest.MapFS{"none": {}, "no number": {"first.sql": {}}} {
		if _, err := (sqlkit.Migrations{Files: files}).Newest(); err == nil || strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: got %v, want an error", name, err)
		}
	}
}
