package postgres_test

import (
	"errors"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// A restore does not begin beside another store, which would work with what is
// half filled, and does when that has ended.
func TestRestoreAlone(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s, other := openAt(t, url, postgres.Options{}), openAt(t, url, postgres.Options{})
	backup := crm.NewID()
	_, err := s.BeginRestore(t.Context(), backup)
	if c, ok := errors.AsType[*crm.ConflictError](err); !ok || c.Reason != crm.ConflictState {
		t.Errorf("BeginRestore beside another store: got %v, want a conflict of the state", err)
	}
	if id, err := s.Restoring(t.Context()); err != nil || !id.IsZero() {
		t.Errorf("Restoring: got %s and error %v, want none", id, err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.BeginRestore(t.Context(), backup); err != nil {
		t.Errorf("BeginRestore alone: %v", err)
	}
}
