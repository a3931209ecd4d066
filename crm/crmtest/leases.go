package crmtest

import (
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func leaseTests() []storeTest {
	return []storeTest{
		{"extending a lease stores the progress and answers the job", testExtend},
		{"who holds a lease is told which of its jobs are to be cancelled", testCancelAsked},
		{"a lease that is not held cannot be extended", testExtendLost},
		{"a lease that runs out makes the job due again without an attempt", testLeaseLost},
		{"an extended lease does not run out", testLeaseExtended},
		{"a job that is lost too often fails as lost", testLostTooOften},
		{"progress makes earlier losses forgotten", testProgressAfterLoss},
		{"a job that is put as running holds its lease for a while", testPutRunning},
		{"at most the number asked for is released", testReleaseLimit},
		{"jobs that ended long ago are purged, others stay", testPurgeJobs},
		{"a checked lease cannot be lost before the transaction ends", testLeaseHeld},
	}
}

// briefly is how long a lease lasts that is meant to run out.
const briefly = 20 * time.Millisecond

func (f *fixture) claimed(n, lease int, valid time.Duration) crm.Job {
	f.Helper()
	got := f.claim(lease, valid, f.job(n, crm.JobQueued))
	if len(got) != 1 {
		f.Fatalf("ClaimJobs of job %d: got %d jobs, want 1", n, len(got))
	}
	return got[0]
}

func testExtend(f *fixture) {
	f.putJobs(f.job(1, crm.JobQueued))
	claimed := f.claimed(1, 900, time.Hour)
	extend := func(done, total, wantDone, wantTotal int64) crm.Job {
		f.Helper()
		got, err := f.s.ExtendLease(f.Context(), f.ws, f.id(1), f.id(900), time.Hour, done, total)
		f.ok("ExtendLease", err)
		want := claimed
		want.Done, want.Total, want.Version = wantDone, wantTotal, got.Version
		if d := diff(got, want, false); d != "" {
			f.Errorf("ExtendLease: %s", d)
		}
		f.wantJob(got)
		return got
	}
	extend(3, 10, 3, 10)
	extend(-1, -1, 3, 10)
	extend(4, -1, 4, 10)
	extend(-1, 12, 4, 12)
	got := extend(0, 0, 0, 0)
	// Somebody asks to cancel: the handler hears of it at the next heartbeat.
	asked := got
	asked.CancelAsked, asked.Version = true, got.Version+1
	f.putJob(asked, got.Version)
	claimed.CancelAsked = true
	extend(5, 6, 5, 6)
}

func testExtendLost(f *fixture) {
	f.putJobs(f.job(1, crm.JobQueued), f.job(2, crm.JobQueued))
	f.claimed(1, 900, time.Hour)
	finished := f.claimed(2, 900, time.Hour)
	finished.Status, finished.Lease, finished.Version = crm.JobSucceeded, crm.ID{}, finished.Version+1
	f.putJob(finished, finished.Version-1)
	before := f.readJob(f.id(1))
	for what, try := range map[string]struct{ job, lease int }{
		"of another worker": {1, 901}, "of a finished job": {2, 900}, "of an absent job": {3, 900},
	} {
		_, err := f.s.ExtendLease(f.Context(), f.ws, f.id(try.job), f.id(try.lease), time.Hour, 9, 9)
		wantConflict(f.T, "ExtendLease "+what, err, crm.ConflictStale)
		wantConflict(f.T, "CheckLease "+what, f.s.CheckLease(f.Context(), f.ws, f.id(try.job), f.id(try.lease)), crm.ConflictStale)
	}
	elsewhere := workspaceNamed("somebody else")
	_, err := f.s.ExtendLease(f.Context(), elsewhere, f.id(1), f.id(900), time.Hour, 9, 9)
	wantConflict(f.T, "ExtendLease from another workspace", err, crm.ConflictStale)
	f.wantJob(before)
	f.wantJob(finished)
}

// release waits until n leases have run out and were released.
func (f *fixture) release(maxLosses, n int) {
	f.Helper()
	released := 0
	await(f.T, func() bool {
		got, err := f.s.ReleaseLost(f.Context(), maxLosses, 100)
		f.ok("ReleaseLost", err)
		released += got
		return released >= n
	})
	if released != n {
		f.Fatalf("ReleaseLost: got %d jobs, want %d", released, n)
	}
}

func testLeaseLost(f *fixture) {
	f.putJobs(f.job(1, crm.JobQueued, func(j *crm.Job) { j.Attempt = 2 }), f.job(2, crm.JobQueued))
	f.claimed(2, 901, time.Hour)
	held := f.readJob(f.id(2))
	claimed := f.claimed(1, 900, briefly)
	f.release(20, 1)
	got := f.readJob(f.id(1))
	if got.Status.Final() || got.Status == crm.JobRunning {
		f.Errorf("a lost job: got state %s, want one that is due", got.Status)
	}
	if got.Attempt != 2 || got.Losses != 1 || !got.Lease.IsZero() {
		f.Errorf("a lost job: got attempt %d, losses %d, lease %s, want 2, 1 and none", got.Attempt, got.Losses, got.Lease)
	}
	if got.Version <= claimed.Version {
		f.Errorf("a lost job: got version %d, want one above %d", got.Version, claimed.Version)
	}
	_, err := f.s.ExtendLease(f.Context(), f.ws, f.id(1), f.id(900), time.Hour, 9, 9)
	wantConflict(f.T, "ExtendLease of a lost lease", err, crm.ConflictStale)
	wantConflict(f.T, "CheckLease of a lost lease", f.s.CheckLease(f.Context(), f.ws, f.id(1), f.id(900)), crm.ConflictStale)
	again := f.claimed(1, 902, time.Hour)
	if again.Attempt != 3 || again.Losses != 1 || again.Lease != f.id(902) {
		f.Errorf("the next claim: got attempt %d, losses %d, lease %s, want 3, 1 and %s", again.Attempt, again.Losses, again.Lease, f.id(902))
	}
	f.wantJob(held)
}

// testLeaseExtended lets another lease run out as the sign that time passed.
func testLeaseExtended(f *fixture) {
	f.putJobs(f.job(1, crm.JobQueued), f.job(2, crm.JobQueued))
	for valid := 250 * time.Millisecond; ; valid *= 2 {
		if valid > 10*time.Second {
			f.Fatal("a lease that was just claimed is lost each time")
		}
		f.claimed(1, 900, valid)
		_, err := f.s.ExtendLease(f.Context(), f.ws, f.id(1), f.id(900), time.Hour, -1, -1)
		if err == nil {
			f.claimed(2, 901, valid)
			break
		}
		wantConflict(f.T, "ExtendLease", err, crm.ConflictStale) // A slow machine: it ran out before.
		f.release(20, 1)
	}
	f.release(20, 1)
	f.ok("CheckLease", f.s.CheckLease(f.Context(), f.ws, f.id(1), f.id(900)))
	if got := f.readJob(f.id(2)); got.Losses != 1 {
		f.Errorf("the other job: got %d losses, want 1", got.Losses)
	}
}

func testLostTooOften(f *fixture) {
	const most = 2
	f.putJobs(f.job(1, crm.JobQueued))
	for losses := 1; ; losses++ {
		f.claimed(1, 900, briefly)
		f.release(most, 1)
		got := f.readJob(f.id(1))
		if got.Status.Final() {
			if got.Status != crm.JobFailed || got.ErrorCode != "lost" || !got.Lease.IsZero() {
				f.Errorf("got state %s, error code %q and lease %s, want %s, %q and none", got.Status, got.ErrorCode, got.Lease, crm.JobFailed, "lost")
			}
			if losses < most {
				f.Errorf("the job failed after %d losses, want %d", losses, most)
			}
			return
		}
		if losses > most {
			f.Fatalf("the job is %s after %d losses, want it failed", got.Status, losses)
		}
	}
}

func testReleaseLimit(f *fixture) {
	f.putJobs(f.manyJobs(5)...)
	f.claim(900, briefly, f.manyJobs(5)...)
	var portions []int
	total := 0
	await(f.T, func() bool {
		n, err := f.s.ReleaseLost(f.Context(), 20, 2)
		f.ok("ReleaseLost", err)
		if n > 0 {
			portions = append(portions, n)
		}
		total += n
		return total >= 5
	})
	for _, n := range portions {
		if n > 2 {
			f.Errorf("ReleaseLost: got %d jobs, want at most 2", n)
		}
	}
	if total != 5 {
		f.Errorf("ReleaseLost: got %d jobs in all, want 5", total)
	}
}

func testPurgeJobs(f *fixture) {
	other := f.in("other")
	old := func(j *crm.Job) { j.FinishedAt = day() }
	lately := func(j *crm.Job) { j.FinishedAt = day().AddDate(0, 0, 9) }
	f.putJobs(
		f.job(1, crm.JobSucceeded, old), f.job(2, crm.JobFailed, old), f.job(3, crm.JobCancelled, old), other.job(4, crm.JobSucceeded, old),
		f.job(5, crm.JobSucceeded, lately), f.job(6, crm.JobQueued), f.job(7, crm.JobScheduled, later), f.job(8, crm.JobRetrying, later),
		f.job(9, crm.JobSucceeded, old, func(j *crm.Job) { j.CreatedAt = day().AddDate(0, 0, 9) }),
	)
	f.claim(900, time.Hour, f.job(6, crm.JobQueued))
	before := day().AddDate(0, 0, 5)
	for _, want := range []int{3, 1, 0} {
		got, err := f.s.PurgeJobs(f.Context(), before, 3)
		f.ok("PurgeJobs", err)
		if got != want {
			f.Fatalf("PurgeJobs, 3 at most: got %d, want %d", got, want)
		}
	}
	left, err := f.s.ListJobs(f.Context(), f.ws, crm.JobQuery{Limit: 10})
	f.ok("ListJobs", err)
	var ids []crm.ID
	for _, j := range left {
		ids = append(ids, j.ID)
	}
	wantIDs(f.T, "jobs that stay", ids, f.ids(9, 8, 7, 6, 5))
	counts, err := f.s.CountJobs(f.Context(), other.ws, crm.JobQuery{})
	f.ok("CountJobs", err)
	if len(counts) != 0 {
		f.Errorf("CountJobs of another workspace: got %v, want none", counts)
	}
}

// testLeaseHeld checks a lease inside a transaction, lets it run out there,
// and has another goroutine try to take it away before the job is finished.
func testLeaseHeld(f *fixture) {
	f.putJobs(f.job(1, crm.JobQueued))
	released := make(chan int, 1)
	for valid := 100 * time.Millisecond; ; valid *= 2 {
		if valid > 10*time.Second {
			f.Fatal("a lease that was just claimed is lost each time")
		}
		claimed := f.claimed(1, 900, valid)
		err := f.s.InTx(f.Context(), func(tx crm.Tx) error {
			if err := tx.CheckLease(f.Context(), f.ws, f.id(1), f.id(900)); err != nil {
				return err
			}
			ranOut := time.NewTimer(2 * valid) // The store's clock, which runs on meanwhile.
			defer ranOut.Stop()
			<-ranOut.C
			go func() {
				n, _ := f.s.ReleaseLost(f.Context(), 20, 10)
				released <- n
			}()
			blocked := time.NewTimer(valid) // It waits for us, or answers that there is none.
			defer blocked.Stop()
			select {
			case n := <-released:
				released <- n
			case <-blocked.C:
			}
			claimed.Status, claimed.Lease, claimed.Version = crm.JobSucceeded, crm.ID{}, claimed.Version+1
			return tx.PutJob(f.Context(), f.ws, claimed, claimed.Version-1)
		})
		if err == nil {
			break
		}
		wantConflict(f.T, "CheckLease", err, crm.ConflictStale) // A slow machine: it ran out before.
		if len(released) > 0 {
			f.Fatal("the lease was taken away after it was checked")
		}
		f.release(20, 1)
	}
	if n := <-released; n != 0 {
		f.Errorf("ReleaseLost beside the transaction: got %d jobs, want 0", n)
	}
	if got := f.readJob(f.id(1)); got.Status != crm.JobSucceeded || got.Losses != 0 {
		f.Errorf("the job: got state %s and %d losses, want %s and 0", got.Status, got.Losses, crm.JobSucceeded)
	}
}

func testPutRunning(f *fixture) {
	want := f.job(1, crm.JobRunning, func(j *crm.Job) { j.Lease = f.id(900) })
	f.putJob(want, 0)
	f.wantJob(want)
	f.ok("CheckLease", f.s.CheckLease(f.Context(), f.ws, f.id(1), f.id(900)))
	n, err := f.s.ReleaseLost(f.Context(), 20, 10)
	f.ok("ReleaseLost", err)
	if n != 0 {
		f.Errorf("ReleaseLost: got %d jobs, want 0 so soon", n)
	}
	if got := f.claim(901, time.Hour, want); len(got) != 0 {
		f.Errorf("ClaimJobs of a running job: got %d jobs, want none", len(got))
	}
	got, err := f.s.ExtendLease(f.Context(), f.ws, f.id(1), f.id(900), time.Hour, 1, 2)
	f.ok("ExtendLease", err)
	f.wantJob(got)
}

func testProgressAfterLoss(f *fixture) {
	f.putJobs(f.job(1, crm.JobQueued))
	f.claimed(1, 900, briefly)
	f.release(20, 1)
	f.claimed(1, 901, time.Hour)
	for _, step := range []struct {
		done   int64
		losses int
	}{{-1, 1}, {0, 1}, {7, 0}} { // A heartbeat alone is no progress.
		got, err := f.s.ExtendLease(f.Context(), f.ws, f.id(1), f.id(901), time.Hour, step.done, 10)
		f.ok("ExtendLease", err)
		if got.Losses != step.losses {
			f.Errorf("ExtendLease with %d done: got %d losses, want %d", step.done, got.Losses, step.losses)
		}
	}
}

func testCancelAsked(f *fixture) {
	want := func(what string, lease int, jobs ...crm.Job) {
		f.Helper()
		got, err := f.s.CancelAsked(f.Context(), f.id(lease))
		f.ok("CancelAsked", err)
		if len(got) != len(jobs) {
			f.Errorf("CancelAsked %s: got %d jobs, want %d", what, len(got), len(jobs))
		}
		for _, j := range jobs {
			if !slices.Contains(got, ticketOf(j)) {
				f.Errorf("CancelAsked %s: got %+v, want %+v among them", what, got, ticketOf(j))
			}
		}
	}
	f.putJobs(f.manyJobs(4)...)
	f.putJobs(f.job(9, crm.JobQueued, func(j *crm.Job) { j.CancelAsked = true }))
	other := f.in("other")
	f.putJobs(other.job(1, crm.JobQueued))
	mine := f.claim(900, time.Hour, append(f.manyJobs(3), other.job(1, crm.JobQueued))...)
	f.claim(901, time.Hour, f.job(4, crm.JobQueued))
	want("before anybody asked", 900)
	var asked []crm.Job
	for _, j := range append(mine[1:], f.readJob(f.id(4))) {
		j.CancelAsked, j.Version = true, j.Version+1
		f.ok("PutJob", f.s.PutJob(f.Context(), j.Workspace, j, j.Version-1))
		asked = append(asked, j)
	}
	want("of one lease", 900, asked[:3]...)
	want("of another", 901, asked[3])
	want("of none", 902)
	done := asked[0]
	done.Status, done.Lease, done.Version = crm.JobCancelled, crm.ID{}, done.Version+1
	f.ok("PutJob", f.s.PutJob(f.Context(), done.Workspace, done, done.Version-1))
	want("when one has ended", 900, asked[1:3]...)
}
