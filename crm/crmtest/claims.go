package crmtest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func claimTests() []storeTest {
	return []storeTest{
		{"a claim makes a due job run under its lease", testClaim},
		{"only due and free jobs are claimed", testClaimable},
		{"a ticket that names no such job claims nothing", testWrongTickets},
		{"no more jobs of a kind are claimed than may run in a workspace", testClaimPerWorkspace},
		{"of 20 workers no more run in a workspace than may", testClaimPerWorkspaceRace},
		{"jobs of no workspace are jobs like others", testClaimOfNoWorkspace},
		{"of 20 workers each job is claimed by exactly one", testClaimRace},
		{"whoever claims one job after the other gets each once", testClaimLoop},
	}
}

func ticketOf(j crm.Job) crm.JobTicket {
	return crm.JobTicket{Workspace: j.Workspace, Job: j.ID, Kind: j.Kind}
}

func ticketsOf(jobs []crm.Job) []crm.JobTicket {
	tickets := make([]crm.JobTicket, len(jobs))
	for i, j := range jobs {
		tickets[i] = ticketOf(j)
	}
	return tickets
}

// claim takes jobs under a lease and returns those it got.
func (f *fixture) claim(lease int, valid time.Duration, jobs ...crm.Job) []crm.Job {
	f.Helper()
	got, err := f.s.ClaimJobs(f.Context(), ticketsOf(jobs), crm.JobClaim{Lease: f.id(lease), Valid: valid})
	f.ok("ClaimJobs", err)
	return got
}

func testClaim(f *fixture) {
	stored := f.fullJob(1)
	stored.Status, stored.RunAt = crm.JobRetrying, day()
	f.putJob(stored, 0)
	got := f.claim(900, time.Hour, stored)
	if len(got) != 1 {
		f.Fatalf("ClaimJobs: got %d jobs, want 1", len(got))
	}
	want := stored
	want.Status, want.Attempt, want.Lease = crm.JobRunning, stored.Attempt+1, f.id(900)
	// When it began, and which version this is, is the store's to say.
	want.StartedAt, want.Version = got[0].StartedAt, got[0].Version
	if got[0].Version <= stored.Version {
		f.Errorf("ClaimJobs: got version %d, want one above %d", got[0].Version, stored.Version)
	}
	if d := diff(got[0], want, false); d != "" {
		f.Errorf("ClaimJobs: %s", d)
	}
	f.wantJob(want)
	f.ok("CheckLease", f.s.CheckLease(f.Context(), f.ws, stored.ID, f.id(900)))
	wantConflict(f.T, "CheckLease of another lease", f.s.CheckLease(f.Context(), f.ws, stored.ID, f.id(901)), crm.ConflictStale)
	stale := stored
	stale.Version++
	if got[0].Version != stored.Version {
		wantConflict(f.T, "PutJob over the claim", f.s.PutJob(f.Context(), f.ws, stale, stored.Version), crm.ConflictStale)
	}
	done := got[0]
	done.Status, done.Lease, done.Version = crm.JobSucceeded, crm.ID{}, done.Version+1
	f.putJob(done, got[0].Version)
	wantConflict(f.T, "CheckLease of a finished job", f.s.CheckLease(f.Context(), f.ws, stored.ID, f.id(900)), crm.ConflictStale)
}

func testClaimable(f *fixture) {
	due := []crm.Job{f.job(1, crm.JobQueued), f.job(2, crm.JobScheduled), f.job(3, crm.JobRetrying)}
	not := []crm.Job{
		f.job(11, crm.JobScheduled, later), f.job(12, crm.JobRetrying, later), f.job(13, crm.JobSucceeded),
		f.job(14, crm.JobFailed), f.job(15, crm.JobCancelled),
	}
	f.putJobs(append(slices.Clone(due), not...)...)
	got := f.claim(900, time.Hour, append(slices.Clone(not), due...)...)
	wantClaimed(f, got, f.ids(1, 2, 3))
	if again := f.claim(901, time.Hour, append(slices.Clone(due), not...)...); len(again) != 0 {
		f.Errorf("ClaimJobs of what another worker has: got %d jobs, want none", len(again))
	}
	for _, j := range not {
		f.wantJob(j)
	}
}

// wantClaimed checks which jobs were claimed, in any order.
func wantClaimed(f *fixture, got []crm.Job, want []crm.ID) {
	f.Helper()
	var ids []crm.ID
	for _, j := range got {
		ids = append(ids, j.ID)
	}
	slices.SortFunc(ids, compareIDs)
	wantIDs(f.T, "ClaimJobs", ids, want)
}

func testWrongTickets(f *fixture) {
	j := f.job(1, crm.JobQueued)
	f.putJobs(j)
	foreign := ticketOf(j)
	foreign.Workspace = workspaceNamed("somebody else")
	absent := ticketOf(f.job(2, crm.JobQueued))
	got, err := f.s.ClaimJobs(f.Context(), []crm.JobTicket{foreign, absent}, crm.JobClaim{Lease: f.id(900), Valid: time.Hour})
	f.ok("ClaimJobs", err)
	if len(got) != 0 {
		f.Errorf("ClaimJobs of a foreign and an absent job: got %d jobs, want none", len(got))
	}
	f.wantJob(j)
	got, err = f.s.ClaimJobs(f.Context(), nil, crm.JobClaim{Lease: f.id(900), Valid: time.Hour})
	f.ok("ClaimJobs", err)
	if len(got) != 0 {
		f.Errorf("ClaimJobs without tickets: got %d jobs, want none", len(got))
	}
	if got := f.claim(901, time.Hour, j, j); len(got) != 1 || got[0].Attempt != 1 {
		f.Errorf("ClaimJobs of one job twice: got %d jobs, want it once, at its first attempt", len(got))
	}
}

// claims collects who claimed what.
type claims struct {
	mu     sync.Mutex
	leases map[crm.ID][]crm.ID
}

func (c *claims) add(lease crm.ID, jobs []crm.Job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range jobs {
		c.leases[j.ID] = append(c.leases[j.ID], lease)
	}
}

func (c *claims) check(f *fixture, jobs []crm.Job) {
	f.Helper()
	for _, j := range jobs {
		leases := c.leases[j.ID]
		if len(leases) != 1 {
			f.Errorf("job %v was claimed %d times, want once", numbersOf([]crm.ID{j.ID}), len(leases))
			continue
		}
		got := f.readJob(j.ID)
		if got.Lease != leases[0] || got.Attempt != 1 {
			f.Errorf("job %v: got lease %s and attempt %d, want %s and 1", numbersOf([]crm.ID{j.ID}), got.Lease, got.Attempt, leases[0])
		}
	}
}

func (f *fixture) manyJobs(n int) []crm.Job {
	jobs := make([]crm.Job, n)
	for i := range jobs {
		jobs[i] = f.job(i+1, crm.JobQueued)
	}
	return jobs
}

// testClaimRace lets 20 workers take the same tickets, in different orders and
// portions.
func testClaimRace(f *fixture) {
	jobs := f.manyJobs(60)
	f.putJobs(jobs...)
	got := &claims{leases: map[crm.ID][]crm.ID{}}
	f.inParallel(20, func(worker int) error {
		tickets := ticketsOf(slices.Concat(jobs[worker*3:], jobs[:worker*3]))
		if worker%2 == 0 {
			slices.Reverse(tickets)
		}
		for chunk := range slices.Chunk(tickets, 1+worker%7) {
			mine, err := f.s.ClaimJobs(f.Context(), chunk, crm.JobClaim{Lease: f.id(900 + worker), Valid: time.Hour})
			if err != nil {
				return fmt.Errorf("worker %d: %w", worker, err)
			}
			got.add(f.id(900+worker), mine)
		}
		return nil
	})
	got.check(f, jobs)
}

// testClaimLoop lets 20 workers receive and claim until nothing is left.
func testClaimLoop(f *fixture) {
	jobs := f.manyJobs(60)
	f.putJobs(jobs...)
	f.ok("DispatchJobs", f.s.DispatchJobs(f.Context(), ticketsOf(jobs)))
	got := &claims{leases: map[crm.ID][]crm.ID{}}
	f.inParallel(20, func(worker int) error {
		for range 1_000 {
			tickets, err := f.s.ReceiveJobs(f.Context(), wants(crm.JobBulkUpdate), 4)
			if err != nil || len(tickets) == 0 {
				return err
			}
			mine, err := f.s.ClaimJobs(f.Context(), tickets, crm.JobClaim{Lease: f.id(900 + worker), Valid: time.Hour})
			if err != nil {
				return fmt.Errorf("worker %d: %w", worker, err)
			}
			got.add(f.id(900+worker), mine)
		}
		return fmt.Errorf("worker %d: jobs that were received 1,000 times are still due", worker)
	})
	got.check(f, jobs)
}

func testClaimPerWorkspace(f *fixture) {
	other := f.in("other")
	f.putJobs(f.manyJobs(6)...)
	f.putJobs(other.manyJobs(2)...)
	f.putJobs(f.job(50, crm.JobQueued, ofKind(crm.JobPurge)), f.job(51, crm.JobQueued, ofKind(crm.JobPurge)))
	twice := ticketsOf(f.manyJobs(1)) // A ticket that comes twice takes one place.
	tickets := slices.Concat(twice, ticketsOf(f.manyJobs(6)), ticketsOf(other.manyJobs(2)), []crm.JobTicket{
		ticketOf(f.job(50, crm.JobQueued, ofKind(crm.JobPurge))), ticketOf(f.job(51, crm.JobQueued, ofKind(crm.JobPurge))),
	})
	claim := crm.JobClaim{Lease: f.id(900), Valid: time.Hour, PerWorkspace: map[crm.JobKind]int{crm.JobBulkUpdate: 3}}
	count := func(jobs []crm.Job) (own, others, purges int) {
		for _, j := range jobs {
			switch {
			case j.Kind == crm.JobPurge:
				purges++
			case j.Workspace == f.ws:
				own++
			default:
				others++
			}
		}
		return own, others, purges
	}
	got, err := f.s.ClaimJobs(f.Context(), tickets, claim)
	f.ok("ClaimJobs", err)
	if own, others, purges := count(got); own != 3 || others != 2 || purges != 2 {
		f.Fatalf("ClaimJobs: got %d of a workspace, %d of another and %d of another kind, want 3, 2 and 2", own, others, purges)
	}
	again, err := f.s.ClaimJobs(f.Context(), tickets, claim)
	f.ok("ClaimJobs", err)
	if len(again) != 0 {
		f.Errorf("ClaimJobs while three run: got %d jobs, want none", len(again))
	}
	done := got[slices.IndexFunc(got, func(j crm.Job) bool { return j.Workspace == f.ws && j.Kind == crm.JobBulkUpdate })]
	done.Status, done.Lease, done.Version = crm.JobSucceeded, crm.ID{}, done.Version+1
	f.putJob(done, done.Version-1)
	again, err = f.s.ClaimJobs(f.Context(), tickets, claim)
	f.ok("ClaimJobs", err)
	if len(again) != 1 {
		f.Errorf("ClaimJobs when one of three has ended: got %d jobs, want 1", len(again))
	}
}

func testClaimPerWorkspaceRace(f *fixture) {
	jobs := f.manyJobs(40)
	f.putJobs(jobs...)
	got := &claims{leases: map[crm.ID][]crm.ID{}}
	f.inParallel(20, func(worker int) error {
		claim := crm.JobClaim{Lease: f.id(900 + worker), Valid: time.Hour, PerWorkspace: map[crm.JobKind]int{crm.JobBulkUpdate: 4}}
		mine, err := f.s.ClaimJobs(f.Context(), ticketsOf(jobs[worker*2:worker*2+2]), claim)
		got.add(claim.Lease, mine)
		return err
	})
	if len(got.leases) > 4 {
		f.Errorf("jobs that run at once: got %d, want at most 4", len(got.leases))
	}
}

// testClaimOfNoWorkspace looks at the zero workspace, where periodic jobs are.
func testClaimOfNoWorkspace(f *fixture) {
	none := &fixture{T: f.T, s: f.s}
	f.putJobs(none.job(1, crm.JobQueued))
	tickets, err := f.s.ReceiveJobs(f.Context(), wants(crm.JobBulkUpdate), 5)
	f.ok("ReceiveJobs", err)
	if len(tickets) != 1 || tickets[0] != ticketOf(none.job(1, crm.JobQueued)) {
		f.Fatalf("ReceiveJobs: got %+v, want the job of no workspace", tickets)
	}
	j := none.claimed(1, 900, time.Hour)
	got, err := f.s.ExtendLease(f.Context(), none.ws, j.ID, j.Lease, time.Hour, 1, 2)
	f.ok("ExtendLease", err)
	got.Status, got.Lease, got.Version = crm.JobSucceeded, crm.ID{}, got.Version+1
	none.putJob(got, got.Version-1)
	none.wantJob(got)
	f.wantJobs(crm.JobQuery{Limit: 10}) // A workspace does not see it.
}
