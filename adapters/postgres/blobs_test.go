package postgres_test

import (
	"bytes"
	"database/sql"
	"errors"
	"io"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// readerFunc is an io.Reader.
type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Another process takes an upload for abandoned that then goes on: it must not
// come to an end without what was taken away.
func TestAnAbandonedUploadDoesNotEnd(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := openAt(t, url, postgres.Options{})
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // Nothing is left on it.
	ws, id := workspace("acme"), crm.NewID()
	abandon := readerFunc(func([]byte) (int, error) {
		for _, table := range []string{"blob_uploads", "blob_chunks"} {
			if _, err := db.ExecContext(t.Context(), "DELETE FROM crm."+table); err != nil {
				t.Error(err)
			}
		}
		return 0, io.EOF
	})
	for what, more := range map[string]int{"before the next chunk": 300_000, "before the end": 0} {
		r := io.MultiReader(bytes.NewReader(make([]byte, 256<<10)), abandon, bytes.NewReader(make([]byte, more)))
		if _, err := s.PutBlob(t.Context(), ws, id, r); !errors.Is(err, crm.ErrUnavailable) {
			t.Errorf("PutBlob of an upload that was taken away %s: got error %v, want crm.ErrUnavailable", what, err)
		}
		if _, err := s.OpenBlob(t.Context(), ws, id, 0); !errors.Is(err, crm.ErrNotFound) {
			t.Errorf("OpenBlob after it: got error %v, want crm.ErrNotFound", err)
		}
	}
	left := 0
	if err := db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM crm.blob_uploads) + (SELECT count(*) FROM crm.blob_chunks)").Scan(&left); err != nil || left != 0 {
		t.Errorf("rows left: got %d and error %v, want none", left, err)
	}
}
