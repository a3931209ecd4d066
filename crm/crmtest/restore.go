package crmtest

import (
	"errors"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func testRestore(t *testing.T, open func(testing.TB) crm.Store) {
	// There is one restore in a store.
	tests := []storeTest{
		{"a restore is noted from its begin to its end", testRestoreMark},
		{"a step and how far it came are noted together", testRestoreSteps},
	}
	for what, write := range anything() {
		tests = append(tests, storeTest{"a store that holds " + what + " takes no restore", func(f *fixture) { testRestoreBeside(f, write) }})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(newFixture(t, open(t)))
		})
	}
}

func (f *fixture) wantRestoring(want crm.ID) {
	f.Helper()
	got, err := f.s.Restoring(f.Context())
	f.ok("Restoring", err)
	if got != want {
		f.Errorf("Restoring: got %s, want %s", got, want)
	}
}

func (f *fixture) beginRestore(backup crm.ID, want int64) {
	f.Helper()
	done, err := f.s.BeginRestore(f.Context(), backup)
	f.ok("BeginRestore", err)
	if done != want {
		f.Errorf("BeginRestore: got %d done, want %d", done, want)
	}
}

func nothing(crm.Tx) error { return nil }

func testRestoreMark(f *fixture) {
	f.wantRestoring(crm.ID{})
	f.beginRestore(f.id(1), 0)
	f.wantRestoring(f.id(1))
	f.beginRestore(f.id(1), 0)
	_, err := f.s.BeginRestore(f.Context(), f.id(2))
	if c := conflictOf(f.T, "BeginRestore of another backup", err, crm.ConflictExists); c.ID != f.id(1) {
		f.Errorf("BeginRestore of another backup: got a conflict with %s, want %s", c.ID, f.id(1))
	}
	f.wantRestoring(f.id(1))
	f.ok("EndRestore", f.s.EndRestore(f.Context()))
	f.wantRestoring(crm.ID{})
	f.ok("EndRestore again", f.s.EndRestore(f.Context()))
	wantConflict(f.T, "InRestore behind the end", f.s.InRestore(f.Context(), 3, nothing), crm.ConflictState)
	f.beginRestore(f.id(2), 0) // Nothing was written.
}

func testRestoreSteps(f *fixture) {
	ran := false
	err := f.s.InRestore(f.Context(), 1, func(crm.Tx) error {
		ran = true
		return nil
	})
	wantConflict(f.T, "InRestore without a begin", err, crm.ConflictState)
	if ran {
		f.Errorf("InRestore without a begin: the function ran")
	}
	f.beginRestore(f.id(1), 0)
	f.ok("InRestore", f.s.InRestore(f.Context(), 7, func(tx crm.Tx) error { return writeWorld(f.Context(), tx, f.ws) }))
	f.awaitEvents(1)
	f.beginRestore(f.id(1), 7)
	failure := errors.New("the step failed")
	err = f.s.InRestore(f.Context(), 9, func(tx crm.Tx) error {
		f.ok("PutContacts", tx.PutContacts(f.Context(), f.ws, newWrites(f.contacts(1))))
		return failure
	})
	if err != failure { //nolint:errorlint // As it is.
		f.Errorf("InRestore: got error %v, want the one of the function", err)
	}
	f.beginRestore(f.id(1), 7)
	if got := f.count(crm.ContactCriteria{}); got != 2 {
		f.Errorf("contacts: got %d, want the 2 of the first step", got)
	}
	if got := f.dump(f.ws).missing(); got != "" {
		f.Errorf("the first step left no %s", got)
	}
	f.ok("EndRestore", f.s.EndRestore(f.Context()))
	_, err = f.s.BeginRestore(f.Context(), f.id(1))
	wantConflict(f.T, "BeginRestore of what is restored already", err, crm.ConflictState)
}

// anything writes one record each.
func anything() map[string]func(f *fixture) error {
	return map[string]func(f *fixture) error{
		"a workspace": func(f *fixture) error { return f.s.PutWorkspace(f.Context(), f.workspace(), 0) },
		"a contact":   func(f *fixture) error { return f.s.PutContacts(f.Context(), f.ws, newWrites(f.contacts(1))) },
		"a job":       func(f *fixture) error { return f.s.PutJob(f.Context(), f.ws, worldJob(f.ws, worldIDs(f.ws), "job"), 0) },
		"an import": func(f *fixture) error {
			return f.s.PutImport(f.Context(), f.ws, crm.Import{ID: f.id(1), CreatedAt: day(), UpdatedAt: day(), Version: 1}, 0)
		},
		"a file": func(f *fixture) error {
			_, err := f.s.PutBlob(f.Context(), f.ws, f.id(1), strings.NewReader("file"))
			return err
		},
	}
}

func testRestoreBeside(f *fixture, write func(f *fixture) error) {
	f.ok("writing", write(f))
	_, err := f.s.BeginRestore(f.Context(), f.id(1))
	wantConflict(f.T, "BeginRestore", err, crm.ConflictState)
	f.wantRestoring(crm.ID{})
}
