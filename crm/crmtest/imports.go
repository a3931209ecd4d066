package crmtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testImports(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"an import comes back as it was put", func(f *fixture) {
			for n, scopes := range [][]crm.Scope{nil, {}, {crm.ScopeImports, crm.ScopeContactsWrite}} {
				want := f.fullImport(n + 1)
				want.Actor.Scopes = scopes
				f.ok("PutImport", f.s.PutImport(f.Context(), f.ws, want, 0))
				f.wantImport(want)
			}
		}},
		{"an import that was never put is not found", func(f *fixture) {
			_, err := f.s.GetImport(f.Context(), f.ws, f.id(1))
			wantNotFound(f.T, "GetImport", err)
		}},
		{"an update replaces the expected version only", testImportVersions},
		{"imports are listed newest first, below an id", func(f *fixture) {
			for _, n := range []int{3, 1, 5, 2, 4} {
				f.ok("PutImport", f.s.PutImport(f.Context(), f.ws, f.newImport(n), 0))
			}
			f.wantImports(crm.ID{}, 10, 5, 4, 3, 2, 1)
			f.wantImports(crm.ID{}, 2, 5, 4)
			f.wantImports(f.id(4), 2, 3, 2)
			f.wantImports(f.id(2), 10, 1)
			f.wantImports(f.id(1), 10)
		}},
		{"the imports of one user are listed and counted", func(f *fixture) {
			for _, n := range []int{3, 1, 5, 2, 4} {
				i := f.newImport(n)
				i.Actor.User = f.id(800 + n%2)
				f.ok("PutImport", f.s.PutImport(f.Context(), f.ws, i, 0))
			}
			f.wantImportsOf(crm.ImportQuery{User: f.id(801), Limit: 10}, 5, 3, 1)
			f.wantImportsOf(crm.ImportQuery{User: f.id(801), Before: f.id(5), Limit: 1}, 3)
			f.wantImportsOf(crm.ImportQuery{User: f.id(800), Limit: 10}, 4, 2)
			f.wantImportsOf(crm.ImportQuery{User: f.id(802), Limit: 10})
			for user, want := range map[crm.ID]int{{}: 5, f.id(801): 3, f.id(800): 2, f.id(802): 0} {
				got, err := f.s.CountImports(f.Context(), f.ws, user)
				f.ok("CountImports", err)
				if got != want {
					f.Errorf("CountImports of %s: got %d, want %d", user, got, want)
				}
			}
		}},
		{"rows come back as they were put, by number", testImportRows},
		{"a row number that is there is replaced", func(f *fixture) {
			f.putRows(f.id(1), crm.ImportRow{Row: 1, Outcome: crm.RowCreated, Contact: f.id(9), Kept: []string{"x"}}, crm.ImportRow{Row: 2, Outcome: crm.RowCreated})
			replaced := crm.ImportRow{Row: 1, Outcome: crm.RowProblem, Problems: []crm.FieldError{{Field: "emails[0].address", Code: crm.CodeInvalid, Message: "is no address"}}}
			f.putRows(f.id(1), replaced, crm.ImportRow{Row: 3, Outcome: crm.RowUnchanged})
			f.wantRows(f.id(1), crm.ImportRowQuery{Limit: 10}, 1, 2, 3)
			got, err := f.s.ListImportRows(f.Context(), f.ws, f.id(1), crm.ImportRowQuery{Limit: 1})
			f.ok("ListImportRows", err)
			if d := diff(got, []crm.ImportRow{replaced}, false); d != "" {
				f.Errorf("ListImportRows: %s", d)
			}
			f.wantRows(f.id(1), crm.ImportRowQuery{NotAsItStood: true, Limit: 10}, 1)
		}},
		{"of a number twice in one call the last row stays", func(f *fixture) {
			one, two := crm.ImportRow{Row: 1, Outcome: crm.RowUpdated, Contact: f.id(1)}, crm.ImportRow{Row: 2, Outcome: crm.RowCreated, Contact: f.id(2)}
			f.putRows(f.id(1), crm.ImportRow{Row: 1, Outcome: crm.RowCreated}, one, crm.ImportRow{Row: 2, Outcome: crm.RowCreated}, two)
			got, err := f.s.ListImportRows(f.Context(), f.ws, f.id(1), crm.ImportRowQuery{Limit: 10})
			f.ok("ListImportRows", err)
			if d := diff(got, []crm.ImportRow{one, two}, false); d != "" {
				f.Errorf("ListImportRows: %s", d)
			}
		}},
		{"rows are filtered by outcome and by not as they stood", testImportRowFilters},
		{"rows belong to their import", func(f *fixture) {
			f.putRows(f.id(1), crm.ImportRow{Row: 1, Outcome: crm.RowCreated}, crm.ImportRow{Row: 2, Outcome: crm.RowCreated})
			f.putRows(f.id(2), crm.ImportRow{Row: 1, Outcome: crm.RowCreated}, crm.ImportRow{Row: 7, Outcome: crm.RowCreated})
			f.wantRows(f.id(1), crm.ImportRowQuery{Limit: 10}, 1, 2)
			f.ok("DeleteImportRows", f.s.DeleteImportRows(f.Context(), f.ws, f.id(1)))
			f.ok("DeleteImportRows", f.s.DeleteImportRows(f.Context(), f.ws, f.id(3)))
			f.wantRows(f.id(1), crm.ImportRowQuery{Limit: 10})
			f.wantRows(f.id(2), crm.ImportRowQuery{Limit: 10}, 1, 7)
		}},
	})
}

func (f *fixture) newImport(n int) crm.Import {
	return crm.Import{
		ID: f.id(n), Format: "csv", FileName: "a.csv", Status: crm.ImportReady, OnDuplicate: crm.DuplicateUpdate,
		CreatedAt: day(), UpdatedAt: day(), Version: 1,
	}
}

func (f *fixture) fullImport(n int) crm.Import {
	return crm.Import{
		ID: f.id(n), Format: "vcard", FileName: "Kontakte „neu“ 🗂.vcf", Size: 1 << 40, Digest: strings.Repeat("0f", 32), Encoding: "windows-1252", Status: crm.ImportCommitting,
		Mapping: []crm.ImportColumn{
			{Column: "E-mail 1 - Value", Target: "emails[0].address", Sample: "zoë@example.com"},
			{Column: "Größe", Target: "fields.Größe", Sample: "\"12\"\nx"},
			{Column: "", Target: "ignore"},
		},
		OnDuplicate: crm.DuplicateCreate,
		Counts:      crm.ImportCounts{Rows: 1 << 33, Created: 1, Updated: 2, Unchanged: 3, Ambiguous: 4, Problems: 5, Kept: 6, Dropped: 8},
		Blob:        f.id(n + 100), JobID: f.id(n + 200), Checkpoint: 1 << 34, ErrorText: "it broke: ü", KeptEdited: 7,
		Actor:     crm.JobActor{User: f.id(n + 300), Role: crm.RoleAdmin, Kind: crm.ActorKey},
		CreatedAt: day(), UpdatedAt: day().Add(time.Microsecond), Version: 3,
	}
}

// wantImport checks an import; that an actor has no scopes is not the same as
// that it has none in a list: the one may do everything, the other nothing.
func (f *fixture) wantImport(want crm.Import) {
	f.Helper()
	got, err := f.s.GetImport(f.Context(), f.ws, want.ID)
	f.ok("GetImport", err)
	if d := diff(got, want, false); d != "" {
		f.Errorf("GetImport: %s", d)
	}
	f.wantScopes(got.Actor, want.Actor)
}

func (f *fixture) wantScopes(got, want crm.JobActor) {
	f.Helper()
	if (got.Scopes == nil) != (want.Scopes == nil) {
		f.Errorf("the actor's scopes: got %#v, want %#v", got.Scopes, want.Scopes)
	}
}

func (f *fixture) wantImports(before crm.ID, limit int, want ...int) {
	f.Helper()
	f.wantImportsOf(crm.ImportQuery{Before: before, Limit: limit}, want...)
}

func (f *fixture) wantImportsOf(q crm.ImportQuery, want ...int) {
	f.Helper()
	imports, err := f.s.ListImports(f.Context(), f.ws, q)
	f.ok("ListImports", err)
	got := make([]crm.ID, len(imports))
	for i, imp := range imports {
		got[i] = imp.ID
	}
	wantIDs(f.T, fmt.Sprintf("ListImports of %+v", q), got, f.ids(want...))
}

func testImportVersions(f *fixture) {
	want := f.newImport(1)
	f.ok("PutImport", f.s.PutImport(f.Context(), f.ws, want, 0))
	if err := f.s.PutImport(f.Context(), f.ws, want, 0); !errors.Is(err, crm.ErrConflict) {
		f.Errorf("PutImport of an id that is there: got error %v, want crm.ErrConflict", err)
	}
	want = f.fullImport(1)
	want.Version = 2
	f.ok("PutImport", f.s.PutImport(f.Context(), f.ws, want, 1))
	for _, expect := range []int64{1, 3} {
		stale := f.newImport(1)
		stale.Version = expect + 1
		wantConflict(f.T, "PutImport of another version", f.s.PutImport(f.Context(), f.ws, stale, expect), crm.ConflictStale)
	}
	wantConflict(f.T, "PutImport of an absent import", f.s.PutImport(f.Context(), f.ws, f.newImport(9), 1), crm.ConflictStale)
	f.wantImport(want)
	f.wantImports(crm.ID{}, 10, 1)
}

func (f *fixture) putRows(imp crm.ID, rows ...crm.ImportRow) {
	f.Helper()
	f.ok("PutImportRows", f.s.PutImportRows(f.Context(), f.ws, imp, rows))
}

func (f *fixture) wantRows(imp crm.ID, q crm.ImportRowQuery, want ...int64) {
	f.Helper()
	rows, err := f.s.ListImportRows(f.Context(), f.ws, imp, q)
	f.ok("ListImportRows", err)
	var got []int64
	for _, row := range rows {
		got = append(got, row.Row)
	}
	if !slices.Equal(got, want) {
		f.Errorf("ListImportRows(%+v): got rows %v, want %v", q, got, want)
	}
}

func testImportRows(f *fixture) {
	want := []crm.ImportRow{
		{Row: 1, Outcome: crm.RowCreated, Contact: f.id(1)},
		{Row: 2, Outcome: crm.RowAmbiguous, Candidates: f.ids(3, 1, 2)},
		{Row: 3, Outcome: crm.RowProblem, Problems: []crm.FieldError{
			{Field: "birthday", Code: crm.CodeInvalid, Message: "is „no“ day\n"},
			{Field: "emails[1].address", Code: crm.CodeTooLong, Message: "is too long"},
		}},
		{Row: 1 << 35, Outcome: crm.RowUpdated, Contact: f.id(4), Kept: []string{"Größe", "X-Y,Z"}, Dropped: []string{"PHOTO", "Bio, ü"}},
		{Row: 1<<35 + 1, Outcome: crm.RowKept, Contact: f.id(5), Interaction: f.id(6), Dropped: []string{"PHOTO"}},
	}
	f.putRows(f.id(1), want[2], want[0])
	f.putRows(f.id(1), want[3], want[1], want[4])
	got, err := f.s.ListImportRows(f.Context(), f.ws, f.id(1), crm.ImportRowQuery{Limit: 10})
	f.ok("ListImportRows", err)
	if d := diff(got, want, false); d != "" {
		f.Errorf("ListImportRows: %s", d)
	}
	f.wantRows(f.id(1), crm.ImportRowQuery{Limit: 2}, 1, 2)
	f.wantRows(f.id(1), crm.ImportRowQuery{After: 2, Limit: 1}, 3)
	f.wantRows(f.id(1), crm.ImportRowQuery{After: 3, Limit: 10}, 1<<35, 1<<35+1)
	f.wantRows(f.id(1), crm.ImportRowQuery{After: 1<<35 + 1, Limit: 10})
}

func testImportRowFilters(f *fixture) {
	problem := []crm.FieldError{{Field: "birthday", Code: crm.CodeInvalid, Message: "is no day"}}
	f.putRows(f.id(1),
		crm.ImportRow{Row: 1, Outcome: crm.RowCreated},
		crm.ImportRow{Row: 2, Outcome: crm.RowCreated, Kept: []string{"x"}},
		crm.ImportRow{Row: 3, Outcome: crm.RowUpdated, Problems: problem},
		crm.ImportRow{Row: 4, Outcome: crm.RowUnchanged},
		crm.ImportRow{Row: 5, Outcome: crm.RowAmbiguous, Candidates: f.ids(1, 2)},
		crm.ImportRow{Row: 6, Outcome: crm.RowProblem, Problems: problem},
		crm.ImportRow{Row: 7, Outcome: crm.RowUpdated},
		crm.ImportRow{Row: 8, Outcome: crm.RowCreated, Dropped: []string{"PHOTO"}},
		crm.ImportRow{Row: 9, Outcome: crm.RowKept, Problems: problem},
	)
	imp := f.id(1)
	f.wantRows(imp, crm.ImportRowQuery{Outcomes: []crm.RowOutcome{crm.RowCreated}, Limit: 10}, 1, 2, 8)
	f.wantRows(imp, crm.ImportRowQuery{Outcomes: []crm.RowOutcome{crm.RowKept}, Limit: 10}, 9)
	f.wantRows(imp, crm.ImportRowQuery{Outcomes: []crm.RowOutcome{crm.RowUpdated, crm.RowUnchanged}, Limit: 10}, 3, 4, 7)
	f.wantRows(imp, crm.ImportRowQuery{Outcomes: []crm.RowOutcome{crm.RowUpdated, crm.RowUnchanged}, After: 3, Limit: 1}, 4)
	f.wantRows(imp, crm.ImportRowQuery{NotAsItStood: true, Limit: 10}, 2, 3, 5, 6, 8, 9)
	f.wantRows(imp, crm.ImportRowQuery{NotAsItStood: true, After: 2, Limit: 2}, 3, 5)
	f.wantRows(imp, crm.ImportRowQuery{NotAsItStood: true, Outcomes: []crm.RowOutcome{crm.RowCreated, crm.RowProblem}, Limit: 10}, 2, 6, 8)
}
