package crmtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func queueTests() []storeTest {
	return []storeTest{
		{"due jobs of the kinds are received, and no others", testReceive},
		{"an empty queue answers at once with nothing", func(f *fixture) {
			got, err := f.s.ReceiveJobs(f.Context(), wants(crm.JobPurge), 10)
			f.ok("ReceiveJobs", err)
			if len(got) != 0 {
				f.Errorf("ReceiveJobs: got %d tickets, want none", len(got))
			}
		}},
		{"the backlog of one workspace does not hide another's job", testFairness},
		{"many workspaces take turns", testTurns},
		{"a workspace's jobs come by priority, then by time", testPriorities},
		{"a priority puts no workspace before another", testPriorityIsFair},
		{"a ticket tells the priority of its job, which is nothing to a claim", testTicketPriority},
		{"no more jobs of a kind are received than may run in a workspace", testReceivePerWorkspace},
		{"the next due job is known by the time until it", testNextDue},
		{"the unfinished jobs of all workspaces are counted by kind", testQueueDepth},
	}
}

// wants asks for kinds without a bound.
func wants(kinds ...crm.JobKind) []crm.JobWant {
	all := make([]crm.JobWant, len(kinds))
	for i, k := range kinds {
		all[i] = crm.JobWant{Kind: k}
	}
	return all
}

func testReceive(f *fixture) {
	due := []crm.Job{f.job(1, crm.JobQueued), f.job(2, crm.JobScheduled), f.job(3, crm.JobRetrying), f.job(4, crm.JobQueued, ofKind(crm.JobPurge))}
	f.putJobs(append(slices.Clone(due),
		f.job(11, crm.JobScheduled, later), f.job(12, crm.JobRetrying, later), f.job(13, crm.JobRunning), f.job(14, crm.JobSucceeded),
		f.job(15, crm.JobFailed), f.job(16, crm.JobCancelled), f.job(17, crm.JobQueued, ofKind(crm.JobContactImport)))...)
	f.ok("DispatchJobs", f.s.DispatchJobs(f.Context(), ticketsOf(due)))
	seen := map[crm.JobTicket]bool{}
	await(f.T, func() bool {
		tickets, err := f.s.ReceiveJobs(f.Context(), wants(crm.JobBulkUpdate, crm.JobPurge), 2)
		f.ok("ReceiveJobs", err)
		if len(tickets) > 2 {
			f.Errorf("ReceiveJobs: got %d tickets, want at most 2", len(tickets))
		}
		for _, ticket := range tickets {
			seen[ticket] = true
		}
		_, err = f.s.ClaimJobs(f.Context(), tickets, crm.JobClaim{Lease: f.id(900), Valid: time.Hour})
		f.ok("ClaimJobs", err)
		return len(tickets) == 0
	})
	for _, j := range due {
		if !seen[ticketOf(j)] {
			f.Errorf("ReceiveJobs never brought the due job %+v", ticketOf(j))
		}
		delete(seen, ticketOf(j))
	}
	for ticket := range seen {
		f.Errorf("ReceiveJobs brought %+v, which is not due or of another kind", ticket)
	}
}

// testFairness gives one workspace thousands of due jobs and another a single,
// younger one, for workers that take many or few at a time.
func testFairness(f *fixture) {
	for i, limit := range []int{1, 2, 10} {
		busy, quiet := f.in(fmt.Sprintf("busy %d", i)), f.in(fmt.Sprintf("quiet %d", i))
		backlog := busy.manyJobs(1_000)
		f.putJobs(backlog...)
		one := quiet.job(5_000, crm.JobQueued, func(j *crm.Job) { j.RunAt = day().Add(time.Hour) })
		f.putJobs(one)
		f.ok("DispatchJobs", f.s.DispatchJobs(f.Context(), append(ticketsOf(backlog), ticketOf(one))))
		rounds := 0
		for found := false; !found; rounds++ {
			if rounds > 25 {
				f.Fatalf("%d calls for up to %d tickets did not bring the job of the quiet workspace", rounds, limit)
			}
			tickets, err := f.s.ReceiveJobs(f.Context(), wants(crm.JobBulkUpdate), limit)
			f.ok("ReceiveJobs", err)
			_, err = f.s.ClaimJobs(f.Context(), tickets, crm.JobClaim{Lease: f.id(900), Valid: time.Hour})
			f.ok("ClaimJobs", err)
			found = slices.Contains(tickets, ticketOf(one))
		}
	}
}

// in returns the fixture for a second workspace.
func (f *fixture) in(name string) *fixture {
	return &fixture{T: f.T, s: f.s, ws: workspaceNamed(f.Name() + " " + name)}
}

// testTurns gives ten workspaces jobs of very different numbers: none waits
// until another's are done.
func testTurns(f *fixture) {
	waiting := map[crm.WorkspaceID]bool{}
	for i := range 10 {
		other := f.in(fmt.Sprint(i))
		waiting[other.ws] = true
		jobs := other.manyJobs(1 + 20*i)
		f.putJobs(jobs...)
		f.ok("DispatchJobs", f.s.DispatchJobs(f.Context(), ticketsOf(jobs)))
	}
	for range 40 {
		tickets, err := f.s.ReceiveJobs(f.Context(), wants(crm.JobBulkUpdate), 5)
		f.ok("ReceiveJobs", err)
		_, err = f.s.ClaimJobs(f.Context(), tickets, crm.JobClaim{Lease: f.id(900), Valid: time.Hour})
		f.ok("ClaimJobs", err)
		for _, ticket := range tickets {
			delete(waiting, ticket.Workspace)
		}
		if len(waiting) == 0 {
			return
		}
	}
	f.Errorf("after 40 calls for up to 5 tickets, %d of 10 workspaces had none", len(waiting))
}

func testNextDue(f *fixture) {
	kinds := []crm.JobKind{crm.JobBulkUpdate, crm.JobPurge}
	want := func(what string, some bool, from, to time.Duration) {
		f.Helper()
		got, ok, err := f.s.NextDue(f.Context(), kinds)
		f.ok("NextDue", err)
		if ok != some || got < from || got > to {
			f.Errorf("NextDue %s: got %s, %t, want %s to %s, %t", what, got, ok, from, to, some)
		}
	}
	want("of nothing", false, 0, 0)
	f.putJobs(f.job(1, crm.JobSucceeded), f.job(2, crm.JobFailed), f.job(3, crm.JobCancelled), f.job(4, crm.JobRunning),
		f.job(5, crm.JobQueued, ofKind(crm.JobContactImport)))
	want("of finished, running and other jobs", false, 0, 0)
	f.putJobs(f.job(10, crm.JobScheduled, ofKind(crm.JobPurge), func(j *crm.Job) { j.RunAt = inAnHour().Add(time.Hour) }))
	want("of a job in two hours", true, 110*time.Minute, 2*time.Hour)
	f.putJobs(f.job(11, crm.JobRetrying, later))
	want("of a retry in an hour", true, 50*time.Minute, time.Hour)
	other := f.in("other")
	f.putJobs(other.job(12, crm.JobQueued))
	want("of a job that is due in another workspace", true, 0, 0)
	other.claimed(12, 900, time.Hour)
	want("after it was claimed", true, 50*time.Minute, time.Hour)
}

// withPriority makes a job of a priority that waits since a time of the fixture.
func (f *fixture) withPriority(n int, p crm.JobPriority, waits time.Duration, changes ...func(*crm.Job)) crm.Job {
	return f.job(n, crm.JobQueued, append(changes, func(j *crm.Job) { j.Priority, j.RunAt = p, day().Add(-waits) })...)
}

func testPriorities(f *fixture) {
	purge := ofKind(crm.JobPurge)
	f.putJobs(
		f.withPriority(1, crm.PriorityLow, 9*time.Hour), f.withPriority(2, crm.PriorityNormal, 4*time.Hour), f.withPriority(3, crm.PriorityHigh, time.Hour),
		f.withPriority(4, crm.PriorityHigh, 2*time.Hour, purge), f.withPriority(5, crm.PriorityNormal, 5*time.Hour, purge),
		f.withPriority(6, crm.PriorityLow, 8*time.Hour, purge), f.withPriority(7, crm.PriorityHigh, 3*time.Hour),
	)
	var got []crm.ID
	for range 7 { // One at a time, because the order within an answer is not said.
		tickets, err := f.s.ReceiveJobs(f.Context(), wants(crm.JobBulkUpdate, crm.JobPurge), 1)
		f.ok("ReceiveJobs", err)
		_, err = f.s.ClaimJobs(f.Context(), tickets, crm.JobClaim{Lease: f.id(900), Valid: time.Hour})
		f.ok("ClaimJobs", err)
		for _, ticket := range tickets {
			got = append(got, ticket.Job)
		}
	}
	wantIDs(f.T, "ReceiveJobs, one after the other", got, f.ids(7, 4, 3, 5, 2, 1, 6))
}

func testTicketPriority(f *fixture) {
	jobs := []crm.Job{f.withPriority(1, crm.PriorityHigh, time.Hour), f.withPriority(2, crm.PriorityNormal, time.Hour), f.withPriority(3, crm.PriorityLow, time.Hour)}
	f.putJobs(jobs...)
	var tickets []crm.JobTicket
	for range 3 { // One at a time, so that a call may bring any of them.
		some, err := f.s.ReceiveJobs(f.Context(), wants(crm.JobBulkUpdate), 1)
		f.ok("ReceiveJobs", err)
		claimed, err := f.s.ClaimJobs(f.Context(), some, crm.JobClaim{Lease: f.id(900), Valid: time.Hour})
		f.ok("ClaimJobs", err)
		if len(some) != 1 || len(claimed) != 1 {
			f.Fatalf("got %d tickets and claimed %d jobs with them, want 1 and 1", len(some), len(claimed))
		}
		tickets = append(tickets, some...)
	}
	for i, j := range jobs {
		want := ticketOf(j)
		want.Priority = j.Priority
		if !slices.Contains(tickets, want) {
			f.Errorf("ReceiveJobs: got %+v, want the %s one %+v among them", tickets, jobs[i].Priority, want)
		}
	}
}

// testPriorityIsFair gives one workspace many jobs of a high priority and
// another a single one of a low priority.
func testPriorityIsFair(f *fixture) {
	busy, quiet := f.in("busy"), f.in("quiet")
	var backlog []crm.Job
	for n := range 200 {
		backlog = append(backlog, busy.withPriority(n+1, crm.PriorityHigh, time.Hour))
	}
	f.putJobs(backlog...)
	f.putJobs(quiet.withPriority(1, crm.PriorityLow, 0))
	for range 25 {
		tickets, err := f.s.ReceiveJobs(f.Context(), wants(crm.JobBulkUpdate), 2)
		f.ok("ReceiveJobs", err)
		_, err = f.s.ClaimJobs(f.Context(), tickets, crm.JobClaim{Lease: f.id(900), Valid: time.Hour})
		f.ok("ClaimJobs", err)
		if slices.ContainsFunc(tickets, func(t crm.JobTicket) bool { return t.Workspace == quiet.ws }) {
			return
		}
	}
	f.Error("25 calls for up to 2 tickets did not bring the job of a low priority in another workspace")
}

// testReceivePerWorkspace has two jobs of a kind run, of which three may, in a
// workspace with a backlog, and none in others: what may not run hides nothing.
func testReceivePerWorkspace(f *fixture) {
	bound := []crm.JobWant{{Kind: crm.JobBulkUpdate, PerWorkspace: 3}, {Kind: crm.JobPurge}}
	f.putJobs(f.manyJobs(20)...)
	f.claim(900, time.Hour, f.manyJobs(2)...)
	purge, other := f.job(50, crm.JobQueued, ofKind(crm.JobPurge)), f.in("other")
	f.putJobs(purge)
	f.putJobs(other.job(1, crm.JobQueued))
	seen := map[crm.JobTicket]bool{}
	for range 40 {
		tickets, err := f.s.ReceiveJobs(f.Context(), bound, 2)
		f.ok("ReceiveJobs", err)
		claimed, err := f.s.ClaimJobs(f.Context(), tickets, crm.JobClaim{Lease: f.id(901), Valid: time.Hour})
		f.ok("ClaimJobs", err)
		for _, j := range claimed {
			seen[ticketOf(j)] = true
		}
	}
	if len(seen) != 3 || !seen[ticketOf(purge)] || !seen[ticketOf(other.job(1, crm.JobQueued))] {
		f.Errorf("ReceiveJobs: got %d jobs, want the third of the bound, the one of another kind and the one of another workspace", len(seen))
	}
}

func testQueueDepth(f *fixture) {
	kinds := []crm.JobKind{crm.JobPurge, crm.JobContactExport, crm.JobBulkUpdate}
	want := func(what string, depths ...crm.QueueDepth) {
		f.Helper()
		for i := range depths {
			depths[i].Kind = kinds[i]
		}
		got, err := f.s.QueueDepth(f.Context(), kinds)
		f.ok("QueueDepth", err)
		if !slices.Equal(got, depths) {
			f.Errorf("QueueDepth %s: got %+v, want %+v", what, got, depths)
		}
	}
	want("of nothing", crm.QueueDepth{}, crm.QueueDepth{}, crm.QueueDepth{})
	other := f.in("other")
	f.putJobs(f.job(1, crm.JobQueued), f.job(2, crm.JobRetrying), f.job(3, crm.JobScheduled, later), f.job(4, crm.JobRetrying, later),
		f.job(5, crm.JobSucceeded), f.job(6, crm.JobFailed), f.job(7, crm.JobCancelled), f.job(8, crm.JobQueued, ofKind(crm.JobContactImport)),
		f.job(9, crm.JobScheduled, later, ofKind(crm.JobPurge)))
	f.putJobs(other.job(10, crm.JobQueued), other.job(11, crm.JobQueued, ofKind(crm.JobPurge)))
	want("of two workspaces", crm.QueueDepth{Due: 1, Later: 1}, crm.QueueDepth{}, crm.QueueDepth{Due: 3, Later: 2})
	other.claimed(10, 900, time.Hour)
	want("after a claim", crm.QueueDepth{Due: 1, Later: 1}, crm.QueueDepth{}, crm.QueueDepth{Due: 2, Later: 2, Running: 1})
}
