package sqlite

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

// TestPlans runs the suite of the store, notes every statement it makes and
// reads their plans over a filled database: none passes over a whole table or
// index or sorts. A new statement cannot be forgotten, because the suite has a
// case for every method.
func TestPlans(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	trace := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		seen[text] = true
	}
	t.Run("suite", func(t *testing.T) {
		crmtest.TestStore(t, func(tb testing.TB) crm.Store { return openForPlans(tb, trace) })
	})
	if got, want := len(seen), 100; got < want {
		t.Errorf("statements seen: got %d, want at least %d", got, want)
	}
	store := openForPlans(t, nil)
	fill(t, store)
	for text := range seen {
		for _, step := range plan(t, store, text) {
			if passesOver(step) {
				t.Errorf("plan of\n%s\ngot %q, want only searches", text, step)
			}
		}
	}
}

// TestPlansOfEveryFilter reads the plans of lists, counts and ids for each
// filter and order, alone and all together.
func TestPlansOfEveryFilter(t *testing.T) {
	t.Parallel()
	var texts []string
	store := openForPlans(t, func(text string) { texts = append(texts, text) })
	fill(t, store)
	for _, where := range everyCriteria() {
		for _, by := range crm.ContactSorts() {
			for _, desc := range []bool{false, true} {
				value := crm.SortValue(crm.Contact{}, by)
				for _, after := range []*crm.ContactPosition{nil, {Value: value}} {
					q := crm.ContactQuery{Where: where, Sort: by, Desc: desc, After: after, Limit: 5}
					if _, err := store.ListContacts(t.Context(), crm.WorkspaceID{1}, q); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if _, err := store.CountContacts(t.Context(), crm.WorkspaceID{1}, where, 10); err != nil {
			t.Fatal(err)
		}
		if _, err := store.ListContactIDs(t.Context(), crm.WorkspaceID{1}, where, crm.ID{}, 5); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range texts {
		if !strings.HasPrefix(text, "SELECT c.") && !strings.HasPrefix(text, "SELECT count") && !strings.HasPrefix(text, "SELECT d.") {
			continue
		}
		for _, step := range plan(t, store, text) {
			if passesOver(step) {
				t.Errorf("plan of\n%s\ngot %q, want only searches", text, step)
			}
			if strings.HasPrefix(step, "SEARCH k ") && !strings.Contains(step, "contact=?") {
				t.Errorf("plan of\n%s\ngot %q, want the contact's own key looked up", text, step)
			}
		}
	}
}

// passesOver reports a step that reads a whole table or index, or sorts. The
// rows of subqueries, of recursive steps and of constants are few.
func passesOver(step string) bool {
	if strings.Contains(step, "TEMP B-TREE") {
		return true
	}
	few := regexp.MustCompile(`^SCAN (CONSTANT ROW|\(subquery-\d+\)|\d+-ROW VALUES CLAUSE|\d+ CONSTANT ROWS|w$)`)
	return strings.HasPrefix(step, "SCAN ") && !few.MatchString(step)
}

func everyCriteria() []crm.ContactCriteria {
	yes := true
	some := crm.TimeRange{From: crm.FromMicros(1), To: crm.FromMicros(2)}
	all := []crm.ContactCriteria{
		{},
		{Stages: []crm.Stage{crm.StageLead, crm.StageNone}},
		{Tags: []string{"a"}},
		{Tags: []string{"a", "b"}},
		{Tags: []string{"a", "b"}, AllTags: true},
		{Sources: []string{"import"}},
		{HasEmail: &yes, HasPhone: &yes},
		{CreatedAt: some, UpdatedAt: some, LastInteractionAt: some},
		{Fields: map[string]string{"x": "y", "z": "1"}},
		{Words: []string{"a", "b"}},
		{
			Stages: []crm.Stage{crm.StageLead}, Tags: []string{"a", "b"}, AllTags: true, Sources: []string{"import"}, HasEmail: &yes,
			CreatedAt: some, Fields: map[string]string{"x": "y"}, Words: []string{"a"},
		},
	}
	for _, where := range all {
		where.Trash = true
		all = append(all, where)
	}
	return all
}

func openForPlans(tb testing.TB, trace func(string)) *Store {
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

// fill writes enough for the planner to have a choice.
func fill(tb testing.TB, s *Store) {
	tb.Helper()
	for ws := range byte(3) {
		var writes []crm.ContactWrite
		var events []crm.Event
		for i := range 500 {
			c := crm.Contact{
				ID: crm.NewID(), DisplayName: fmt.Sprint("Name ", i), Emails: []crm.Email{{Address: fmt.Sprintf("%d@example.com", i), Primary: true}},
				Tags: []string{"a", "b"}, Fields: map[string]any{"x": "y"}, Source: "import", Stage: crm.StageLead, Version: 1, PeakVersion: 1,
			}
			writes = append(writes, crm.NewContactWrite(c, 0))
			events = append(events, crm.Event{ID: crm.NewID(), Subject: crm.Subject{Kind: crm.SubjectContact, ID: c.ID}})
		}
		err := s.InTx(tb.Context(), func(tx crm.Tx) error {
			for i := range 100 {
				j := crm.Job{ID: crm.NewID(), Kind: crm.JobPurge, Status: crm.JobStatuses()[i%7], Version: 1}
				if err := tx.PutJob(tb.Context(), crm.WorkspaceID{ws}, j, 0); err != nil {
					return err
				}
			}
			if err := tx.AppendEvents(tb.Context(), crm.WorkspaceID{ws}, events); err != nil {
				return err
			}
			return tx.PutContacts(tb.Context(), crm.WorkspaceID{ws}, writes)
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}
