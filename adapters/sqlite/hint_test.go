package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
)

func TestHint(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "crm.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("not a database ", 1_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(context.Background(), file)
	if err == nil {
		t.Fatal("a text was opened as a database")
	}
	for want, err := range map[string]error{
		"no database of ours": fmt.Errorf("start: %w", err), "may not read and write": &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission},
		"": errors.New("anything else"),
	} {
		got := sqlite.Hint(err)
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}
