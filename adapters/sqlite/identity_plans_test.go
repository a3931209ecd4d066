package sqlite

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/crm/identity/identitytest"
)

// TestIdentityPlans runs the suite of the identity ports, notes its statements
// and reads their plans: none passes over a whole table or sorts.
func TestIdentityPlans(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	statements := map[string]bool{}
	own := regexp.MustCompile(`\b(users|members|sessions|sign_in_\w+|api_keys|invitations)\b`)
	trace := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if own.MatchString(text) {
			statements[text] = true
		}
	}
	open := func(tb testing.TB) *Store {
		tb.Helper()
		store, err := OpenWith(tb.Context(), inMemory, Options{trace: trace})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			if err := store.Close(); err != nil {
				tb.Error(err)
			}
		})
		return store
	}
	t.Run("suite", func(t *testing.T) {
		identitytest.TestStore(t, func(tb testing.TB) identity.Store { return open(tb) })
	})
	if got, want := len(statements), 35; got < want {
		t.Errorf("statements seen: got %d, want at least %d", got, want)
	}
	store := open(t)
	for text := range statements {
		for _, step := range plan(t, store, text) {
			if strings.HasPrefix(step, "SCAN ") && step != "SCAN CONSTANT ROW" || strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("plan of\n%s\ngot %q, want only searches", text, step)
			}
		}
	}
}

// plan returns the steps of a statement's plan.
func plan(t *testing.T, s *Store, text string) []string {
	t.Helper()
	rows, err := s.pool.db.QueryxContext(context.Background(), "EXPLAIN QUERY PLAN "+text, slices.Repeat([]any{[]byte{0}}, strings.Count(text, "?"))...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close() //nolint:errcheck // A plan that was not read whole fails below.
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}
