package crmtest

import (
	"errors"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testWorkspaces(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"a workspace that was never put is not found", func(f *fixture) {
			_, err := f.s.GetWorkspace(f.Context(), f.ws)
			wantNotFound(f.T, "GetWorkspace", err)
		}},
		{"a workspace comes back as it was put", func(f *fixture) {
			want := f.workspace()
			f.ok("PutWorkspace", f.s.PutWorkspace(f.Context(), want, 0))
			f.wantWorkspace(want)
		}},
		{"a second insert is refused and changes nothing", func(f *fixture) {
			want := f.workspace()
			f.ok("PutWorkspace", f.s.PutWorkspace(f.Context(), want, 0))
			again := want
			again.Name = "Another"
			err := f.s.PutWorkspace(f.Context(), again, 0)
			wantConflict(f.T, "PutWorkspace of a workspace that exists", err, crm.ConflictExists)
			f.wantWorkspace(want)
		}},
		{"an update replaces the row of the expected version", func(f *fixture) {
			want := f.workspace()
			f.ok("PutWorkspace", f.s.PutWorkspace(f.Context(), want, 0))
			want.Name, want.Region, want.TimeZone = "Zażółć 東京", "PL", "Europe/Warsaw"
			want.Version, want.UpdatedAt = 2, day().Add(time.Hour)
			f.ok("PutWorkspace", f.s.PutWorkspace(f.Context(), want, 1))
			f.wantWorkspace(want)
		}},
		{"a stale update is refused and changes nothing", func(f *fixture) {
			want := f.workspace()
			want.Version = 7
			f.ok("PutWorkspace", f.s.PutWorkspace(f.Context(), want, 0))
			for _, expect := range []int64{6, 8} {
				stale := want
				stale.Name, stale.Version = "Stale", expect+1
				err := f.s.PutWorkspace(f.Context(), stale, expect)
				wantConflict(f.T, "PutWorkspace of another version", err, crm.ConflictStale)
			}
			f.wantWorkspace(want)
		}},
		{"an update of an absent workspace is refused", func(f *fixture) {
			err := f.s.PutWorkspace(f.Context(), f.workspace(), 3)
			if !errors.Is(err, crm.ErrConflict) {
				f.Errorf("PutWorkspace: got error %v, want crm.ErrConflict", err)
			}
			_, err = f.s.GetWorkspace(f.Context(), f.ws)
			wantNotFound(f.T, "GetWorkspace", err)
		}},
	})
}

// workspace returns the row of the fixture's workspace.
func (f *fixture) workspace() crm.Workspace {
	return crm.Workspace{
		ID: f.ws, Name: "Ünïted 🚀", Region: "US", TimeZone: "America/New_York",
		CreatedAt: day(), UpdatedAt: day().Add(time.Microsecond), Version: 1,
	}
}

func (f *fixture) wantWorkspace(want crm.Workspace) {
	f.Helper()
	got, err := f.s.GetWorkspace(f.Context(), want.ID)
	f.ok("GetWorkspace", err)
	if d := diff(got, want, false); d != "" {
		f.Errorf("GetWorkspace: %s", d)
	}
}
