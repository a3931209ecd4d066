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

// TestJobQueue checks the job rows, the queue and the claims of a store:
// [crm.JobStore], [crm.JobQueue] and [crm.JobClaimer]. open returns a new,
// empty store.
func TestJobQueue(t *testing.T, open func(testing.TB) crm.Store) {
	t.Helper()
	t.Run("rows", func(t *testing.T) {
		t.Parallel()
		testJobRows(t, open)
	})
	// Claims cross workspaces, so each of these has a store of its own.
	for _, test := range slices.Concat(claimTests(), leaseTests(), queueTests()) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(newFixture(t, open(t)))
		})
	}
}

func testJobRows(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"a job comes back as it was put", func(f *fixture) {
			for n, scopes := range [][]crm.Scope{nil, {}, {crm.ScopeJobs, crm.ScopeContactsWrite}} {
				want := f.fullJob(n + 1)
				want.Actor.Scopes = scopes
				f.putJob(want, 0)
				f.wantJob(want)
				plain := f.job(n+11, crm.JobScheduled)
				f.putJob(plain, 0)
				f.wantJob(plain)
			}
		}},
		{"a job that was never put is not found", func(f *fixture) {
			_, err := f.s.GetJob(f.Context(), f.ws, f.id(1))
			wantNotFound(f.T, "GetJob", err)
		}},
		{"an update replaces the expected version only", testJobVersions},
		{"at most one unfinished job has a kind and subject", testJobSubject},
		{"jobs are listed newest first by every filter", testJobList},
		{"jobs are counted by kind and state", testJobCounts},
		{"a rolled back job was never there", func(f *fixture) {
			stop := errors.New("stop")
			_ = f.s.InTx(f.Context(), func(tx crm.Tx) error {
				if err := tx.PutJob(f.Context(), f.ws, f.job(1, crm.JobQueued), 0); err != nil {
					return err
				}
				return stop
			})
			_, err := f.s.GetJob(f.Context(), f.ws, f.id(1))
			wantNotFound(f.T, "GetJob", err)
			f.wantJobs(crm.JobQuery{Limit: 10})
		}},
	})
}

// job returns a plain job with the n-th id that was due long ago.
func (f *fixture) job(n int, status crm.JobStatus, changes ...func(*crm.Job)) crm.Job {
	j := crm.Job{
		ID: f.id(n), Workspace: f.ws, Kind: crm.JobBulkUpdate, Status: status, MaxAttempts: 5,
		Actor: crm.JobActor{Role: crm.RoleMember}, CreatedAt: day(), RunAt: day(), Version: 1,
	}
	for _, change := range changes {
		change(&j)
	}
	return j
}

// later makes a job due in an hour.
func later(j *crm.Job) { j.RunAt = inAnHour() }

// inAnHour is an hour from now: the store's clock decides what is due.
func inAnHour() time.Time { return time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond) }

func ofKind(kind crm.JobKind) func(*crm.Job) { return func(j *crm.Job) { j.Kind = kind } }

func (f *fixture) about(subject int) func(*crm.Job) {
	return func(j *crm.Job) { j.Subject = f.id(subject) }
}

func (f *fixture) fullJob(n int) crm.Job {
	at := day().Add(time.Duration(n) * time.Microsecond)
	return crm.Job{
		ID: f.id(n), Workspace: f.ws, Kind: crm.JobContactImport, Status: crm.JobRetrying, Subject: f.id(n + 100), Priority: crm.JobPriority(n%3 - 1),
		Actor:   crm.JobActor{User: f.id(n + 200), Role: crm.RoleOwner, Kind: crm.ActorKey},
		Payload: []byte(`{"text":"` + strings.Repeat("ü", 30_000) + `"}`), Checkpoint: []byte(`{"row":1}`), Result: []byte(`["\u0000"]`),
		Done: 1 << 33, Total: 1 << 34, Attempt: 3, MaxAttempts: 5, Losses: 2, ErrorCode: "timeout", ErrorText: "it took „too“ long\n",
		Batch: f.id(n + 300), CancelAsked: true, CreatedAt: at, RunAt: at.Add(time.Second), StartedAt: at.Add(time.Minute),
		FinishedAt: at.Add(time.Hour), Version: 7,
	}
}

func (f *fixture) putJob(j crm.Job, expect int64) {
	f.Helper()
	f.ok("PutJob", f.s.PutJob(f.Context(), f.ws, j, expect))
}

// putJobs inserts jobs in one transaction.
func (f *fixture) putJobs(jobs ...crm.Job) {
	f.Helper()
	f.inTx(func(tx crm.Tx) error {
		for _, j := range jobs {
			if err := tx.PutJob(f.Context(), j.Workspace, j, 0); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *fixture) readJob(id crm.ID) crm.Job {
	f.Helper()
	got, err := f.s.GetJob(f.Context(), f.ws, id)
	f.ok("GetJob", err)
	return got
}

func (f *fixture) wantJob(want crm.Job) {
	f.Helper()
	got := f.readJob(want.ID)
	if d := diff(got, want, false); d != "" {
		f.Errorf("GetJob: %s", d)
	}
	f.wantScopes(got.Actor, want.Actor)
}

func (f *fixture) wantJobs(q crm.JobQuery, want ...int) {
	f.Helper()
	jobs, err := f.s.ListJobs(f.Context(), f.ws, q)
	f.ok("ListJobs", err)
	got := make([]crm.ID, len(jobs))
	for i, j := range jobs {
		got[i] = j.ID
	}
	wantIDs(f.T, fmt.Sprintf("ListJobs(%+v)", q), got, f.ids(want...))
}

func testJobVersions(f *fixture) {
	f.putJob(f.job(1, crm.JobQueued), 0)
	if err := f.s.PutJob(f.Context(), f.ws, f.job(1, crm.JobQueued), 0); !errors.Is(err, crm.ErrConflict) {
		f.Errorf("PutJob of an id that is there: got error %v, want crm.ErrConflict", err)
	}
	want := f.fullJob(1)
	f.putJob(want, 1)
	for _, expect := range []int64{1, 6, 8} {
		stale := f.job(1, crm.JobFailed, func(j *crm.Job) { j.Version = expect + 1 })
		wantConflict(f.T, "PutJob of another version", f.s.PutJob(f.Context(), f.ws, stale, expect), crm.ConflictStale)
	}
	wantConflict(f.T, "PutJob of an absent job", f.s.PutJob(f.Context(), f.ws, f.job(9, crm.JobQueued), 1), crm.ConflictStale)
	f.wantJob(want)
	f.wantJobs(crm.JobQuery{Limit: 10}, 1)
}

func testJobSubject(f *fixture) {
	refuse := func(what string, j crm.Job, expect int64, holder int) {
		f.Helper()
		conflict := conflictOf(f.T, what, f.s.PutJob(f.Context(), f.ws, j, expect), crm.ConflictExists)
		if conflict.ID != f.id(holder) {
			f.Errorf("%s: the conflict names %s, want %s", what, conflict.ID, f.id(holder))
		}
	}
	unfinished := []crm.JobStatus{crm.JobQueued, crm.JobScheduled, crm.JobRunning, crm.JobRetrying}
	for i, status := range unfinished {
		subject, n := 900+i, 10*(i+1)
		first := f.job(n, status, f.about(subject))
		f.putJob(first, 0)
		refuse(fmt.Sprintf("a second job beside a %s one", status), f.job(n+1, crm.JobQueued, f.about(subject)), 0, n)
		f.putJob(f.job(n+2, crm.JobSucceeded, f.about(subject)), 0)                            // Finished: not in the way.
		f.putJob(f.job(n+3, crm.JobQueued, f.about(subject), ofKind(crm.JobContactImport)), 0) // Another kind.
		f.putJob(f.job(n+4, crm.JobQueued), 0)                                                 // No subject.
		f.putJob(f.job(n+5, crm.JobQueued), 0)
		refuse("a finished job that is queued again", f.job(n+2, crm.JobQueued, f.about(subject), func(j *crm.Job) { j.Version = 2 }), 1, n)
		first.Status, first.Version = crm.JobRetrying, 2
		f.putJob(first, 1) // It does not collide with itself.
		first.Status, first.Version = []crm.JobStatus{crm.JobSucceeded, crm.JobFailed, crm.JobCancelled, crm.JobFailed}[i], 3
		f.putJob(first, 2)
		f.putJob(f.job(n+6, crm.JobQueued, f.about(subject)), 0)
		refuse("a third job", f.job(n+7, crm.JobScheduled, f.about(subject)), 0, n+6)
	}
}

func testJobList(f *fixture) {
	user := func(n int) func(*crm.Job) { return func(j *crm.Job) { j.Actor.User = f.id(n) } }
	batch := func(n int) func(*crm.Job) { return func(j *crm.Job) { j.Batch = f.id(n) } }
	for _, j := range []crm.Job{
		f.job(3, crm.JobQueued, user(800)),
		f.job(1, crm.JobRunning, user(801), batch(700)),
		f.job(6, crm.JobFailed, ofKind(crm.JobPurge), user(800), batch(700)),
		f.job(2, crm.JobQueued, ofKind(crm.JobPurge)),
		f.job(5, crm.JobSucceeded, ofKind(crm.JobContactImport), user(800)),
		f.job(4, crm.JobCancelled, batch(701)),
	} {
		f.putJob(j, 0)
	}
	f.wantJobs(crm.JobQuery{Limit: 10}, 6, 5, 4, 3, 2, 1)
	f.wantJobs(crm.JobQuery{Limit: 2}, 6, 5)
	f.wantJobs(crm.JobQuery{Before: f.id(5), Limit: 3}, 4, 3, 2)
	f.wantJobs(crm.JobQuery{Before: f.id(1), Limit: 3})
	f.wantJobs(crm.JobQuery{Statuses: []crm.JobStatus{crm.JobQueued}, Limit: 10}, 3, 2)
	f.wantJobs(crm.JobQuery{Statuses: []crm.JobStatus{crm.JobQueued, crm.JobFailed}, Limit: 10}, 6, 3, 2)
	f.wantJobs(crm.JobQuery{Kinds: []crm.JobKind{crm.JobPurge, crm.JobContactImport}, Limit: 10}, 6, 5, 2)
	f.wantJobs(crm.JobQuery{Batch: f.id(700), Limit: 10}, 6, 1)
	f.wantJobs(crm.JobQuery{User: f.id(800), Limit: 10}, 6, 5, 3)
	f.wantJobs(crm.JobQuery{User: f.id(800), Kinds: []crm.JobKind{crm.JobBulkUpdate}, Statuses: []crm.JobStatus{crm.JobQueued}, Limit: 10}, 3)
	f.wantJobs(crm.JobQuery{User: f.id(800), Batch: f.id(700), Before: f.id(6), Limit: 10})
}

func testJobCounts(f *fixture) {
	for n, status := range []crm.JobStatus{crm.JobQueued, crm.JobQueued, crm.JobFailed, crm.JobRunning} {
		f.putJob(f.job(n+1, status), 0)
	}
	mine := func(j *crm.Job) { j.Actor.User, j.Batch = f.id(800), f.id(700) }
	f.putJob(f.job(9, crm.JobQueued, ofKind(crm.JobPurge), mine), 0)
	f.putJob(f.job(10, crm.JobQueued, mine), 0)
	f.putJob(f.job(11, crm.JobQueued, mine), 0)
	bulk := func(s crm.JobStatus, n int) crm.JobCount {
		return crm.JobCount{Kind: crm.JobBulkUpdate, Status: s, Count: n}
	}
	purge := crm.JobCount{Kind: crm.JobPurge, Status: crm.JobQueued, Count: 1}
	queued := []crm.JobStatus{crm.JobQueued, crm.JobSucceeded}
	f.wantCounts(crm.JobQuery{}, bulk(crm.JobQueued, 4), bulk(crm.JobFailed, 1), bulk(crm.JobRunning, 1), purge)
	f.wantCounts(crm.JobQuery{Before: f.id(2), Limit: 1}, bulk(crm.JobQueued, 4), bulk(crm.JobFailed, 1), bulk(crm.JobRunning, 1), purge)
	f.wantCounts(crm.JobQuery{Statuses: queued}, bulk(crm.JobQueued, 4), purge)
	f.wantCounts(crm.JobQuery{Kinds: []crm.JobKind{crm.JobBulkUpdate}, Statuses: queued}, bulk(crm.JobQueued, 4))
	f.wantCounts(crm.JobQuery{User: f.id(800)}, bulk(crm.JobQueued, 2), purge)
	f.wantCounts(crm.JobQuery{User: f.id(800), Statuses: []crm.JobStatus{crm.JobFailed}})
	f.wantCounts(crm.JobQuery{User: f.id(801)})
	f.wantCounts(crm.JobQuery{Batch: f.id(700)}, bulk(crm.JobQueued, 2), purge)
	f.wantCounts(crm.JobQuery{Batch: f.id(700), User: f.id(800), Kinds: []crm.JobKind{crm.JobPurge}}, purge)
	f.wantCounts(crm.JobQuery{Batch: f.id(701)})
}

// wantCounts compares the counts of a query, in any order; none and 0 are the
// same.
func (f *fixture) wantCounts(q crm.JobQuery, want ...crm.JobCount) {
	f.Helper()
	got, err := f.s.CountJobs(f.Context(), f.ws, q)
	f.ok("CountJobs", err)
	got = slices.DeleteFunc(got, func(c crm.JobCount) bool { return c.Count == 0 })
	for _, c := range got {
		if !slices.Contains(want, c) {
			f.Errorf("CountJobs of %+v: got %+v, want none such", q, c)
		}
	}
	if len(got) != len(want) {
		f.Errorf("CountJobs of %+v: got %d figures, want %d", q, len(got), len(want))
	}
}
