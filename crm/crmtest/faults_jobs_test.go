package crmtest_test

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// claiming breaks claims and leases: before changes the rows ahead of a call,
// after what a call made of them.
type claiming struct {
	system
	beforeClaim func(s *state, ticket crm.JobTicket)
	afterClaim  func(j *job)
	extend      func(j *job, done, total *int64, lease *crm.ID)
	afterExtend func(j *job)
	release     func(s *state, maxLosses, limit *int)
	afterLost   func(j *job)
}

func (y claiming) change(ctx context.Context, keys []of[crm.ID], f func(j *job)) error {
	return y.m.write(ctx, func(s *state) error {
		for _, key := range keys {
			if j, ok := s.jobs[key]; ok && f != nil {
				f(&j)
				s.jobs[key] = j
			}
		}
		return nil
	})
}

func (y claiming) ClaimJobs(ctx context.Context, tickets []crm.JobTicket, claim crm.JobClaim) ([]crm.Job, error) {
	if y.beforeClaim != nil {
		err := y.m.write(ctx, func(s *state) error {
			for _, ticket := range tickets {
				y.beforeClaim(s, ticket)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	claimed, err := y.system.ClaimJobs(ctx, tickets, claim)
	var keys []of[crm.ID]
	for i, j := range claimed {
		keys = append(keys, of[crm.ID]{j.Workspace, j.ID})
		if y.afterClaim != nil {
			row := job{Job: j}
			y.afterClaim(&row)
			claimed[i] = row.Job
		}
	}
	return claimed, errors.Join(err, y.change(ctx, keys, y.afterClaim))
}

func (y claiming) ExtendLease(ctx context.Context, ws crm.WorkspaceID, id, lease crm.ID, valid time.Duration, done, total int64) (crm.Job, error) {
	key := of[crm.ID]{ws, id}
	s, err := y.m.read()
	if err != nil {
		return crm.Job{}, err
	}
	if j, ok := s.jobs[key]; ok && y.extend != nil {
		y.extend(&j, &done, &total, &lease)
	}
	until := s.jobs[key].until
	extended, err := y.system.ExtendLease(ctx, ws, id, lease, valid, done, total)
	if err == nil && y.afterExtend != nil {
		err = y.change(ctx, []of[crm.ID]{key}, func(j *job) {
			j.until = until
			y.afterExtend(j)
		})
	}
	return extended, err
}

func (y claiming) ReleaseLost(ctx context.Context, maxLosses, limit int) (int, error) {
	before, err := y.m.read()
	if err != nil {
		return 0, err
	}
	if y.release != nil {
		y.release(before, &maxLosses, &limit)
	}
	n, err := y.system.ReleaseLost(ctx, maxLosses, limit)
	var keys []of[crm.ID]
	after, _ := y.m.read()
	for key, j := range after.jobs {
		if j.Losses > before.jobs[key].Losses {
			keys = append(keys, key)
		}
	}
	return n, errors.Join(err, y.change(ctx, keys, y.afterLost))
}

// purgingAll removes jobs whatever became of them.
type purgingAll struct{ system }

func (y purgingAll) PurgeJobs(ctx context.Context, before time.Time, limit int) (int, error) {
	purged := 0
	err := y.m.write(ctx, func(s *state) error {
		for key, j := range s.jobs {
			if j.CreatedAt.Before(before) && purged < limit {
				delete(s.jobs, key)
				purged++
			}
		}
		return nil
	})
	return purged, err
}

func claims(c claiming) func() crm.Store {
	return breakParts(func(m *memStore, p *parts) {
		c := c
		c.m = m
		p.SystemStore = c
	})
}

func claimFaults() []fault {
	freed := func(only func(j job) bool) func(s *state, ticket crm.JobTicket) {
		return func(s *state, ticket crm.JobTicket) {
			key := of[crm.ID]{ticket.Workspace, ticket.Job}
			if j, ok := s.jobs[key]; ok && only(j) {
				j.Status, j.RunAt = crm.JobQueued, time.Unix(0, 0)
				s.jobs[key] = j
			}
		}
	}
	return []fault{
		{name: "jobs are purged before they have ended", part: "jobs", red: "jobs_that_ended", store: breakParts(func(m *memStore, p *parts) {
			p.SystemStore = purgingAll{system{m: m}}
		})},
		{name: "a job is claimed twice", part: "jobs", red: "of_20_workers", store: claims(claiming{beforeClaim: freed(func(j job) bool { return j.Status == crm.JobRunning })})},
		{name: "a job is claimed before it is due", part: "jobs", red: "only_due_and_free", store: claims(claiming{beforeClaim: freed(func(j job) bool { return j.Status == crm.JobScheduled })})},
		{name: "a finished job is claimed", part: "jobs", red: "only_due_and_free", store: claims(claiming{beforeClaim: freed(func(j job) bool { return j.Status == crm.JobFailed })})},
		{name: "a claim is no attempt", part: "jobs", red: "a_claim_makes", store: claims(claiming{afterClaim: func(j *job) { j.Attempt-- }})},
		{name: "a claim keeps the version", part: "jobs", red: "a_claim_makes", store: claims(claiming{afterClaim: func(j *job) { j.Version-- }})},
		{name: "a lease never runs out", part: "jobs", red: "a_lease_that_runs_out", store: claims(claiming{afterClaim: func(j *job) { j.until = time.Now().Add(time.Hour) }})},
		{name: "an extended lease runs out", part: "jobs", red: "an_extended_lease", store: claims(claiming{afterExtend: func(*job) {}})},
		{name: "any worker extends a lease", part: "jobs", red: "that_is_not_held", store: claims(claiming{extend: func(j *job, _, _ *int64, lease *crm.ID) { *lease = j.Lease }})},
		{name: "unknown progress is stored", part: "jobs", red: "stores_the_progress", store: claims(claiming{extend: func(_ *job, done, _ *int64, _ *crm.ID) { *done = max(0, *done) }})},
		{name: "losses are counted in spite of progress", part: "jobs", red: "progress_makes", store: claims(claiming{
			extend: func(_ *job, done, _ *int64, _ *crm.ID) { *done = min(*done, 0) },
		})},
		{name: "a lost lease is an attempt", part: "jobs", red: "a_lease_that_runs_out", store: claims(claiming{afterLost: func(j *job) { j.Attempt++ }})},
		{name: "a lost lease stays on the job", part: "jobs", red: "a_lease_that_runs_out", store: claims(claiming{afterLost: func(j *job) { j.Lease = crm.ID{1} }})},
		{name: "a job is lost for ever", part: "jobs", red: "lost_too_often", store: claims(claiming{release: func(_ *state, maxLosses, _ *int) { *maxLosses = math.MaxInt }})},
		{name: "a job fails with its first loss", part: "jobs", red: "lost_too_often|runs_out", store: claims(claiming{release: func(_ *state, maxLosses, _ *int) { *maxLosses = 1 }})},
		{name: "more are released than asked for", part: "jobs", red: "at_most_the_number", store: claims(claiming{release: func(_ *state, _, limit *int) { *limit = math.MaxInt }})},
	}
}

type (
	subjectFree struct{ memTx }
	userIgnored struct{ memTx }
	jobsOldest  struct{ memTx }
	leaseOpen   struct{ memTx }
)

// PutJob gives the job a subject of its own, and the right one back after it.
func (t subjectFree) PutJob(ctx context.Context, ws crm.WorkspaceID, j crm.Job, expect int64) error {
	subject := j.Subject
	j.Subject = crm.ID{}
	if err := t.memTx.PutJob(ctx, ws, j, expect); err != nil {
		return err
	}
	return t.write(ctx, func(s *state) error {
		row := s.jobs[of[crm.ID]{ws, j.ID}]
		row.Subject = subject
		s.jobs[of[crm.ID]{ws, j.ID}] = row
		return nil
	})
}

func (t userIgnored) ListJobs(ctx context.Context, ws crm.WorkspaceID, q crm.JobQuery) ([]crm.Job, error) {
	q.User = crm.ID{}
	return t.memTx.ListJobs(ctx, ws, q)
}

func (t jobsOldest) ListJobs(ctx context.Context, ws crm.WorkspaceID, q crm.JobQuery) ([]crm.Job, error) {
	jobs, err := t.memTx.ListJobs(ctx, ws, q)
	slices.Reverse(jobs)
	return jobs, err
}

// CheckLease looks at the lease and not at the state.
func (t leaseOpen) CheckLease(_ context.Context, ws crm.WorkspaceID, id, _ crm.ID) error {
	s, err := t.read()
	if s.jobs[of[crm.ID]{ws, id}].Status != crm.JobRunning {
		return conflict(crm.ConflictStale, id)
	}
	return err
}

// unfair serves the workspace with the longest backlog.
type unfair struct{ queue }

func (q unfair) ReceiveJobs(_ context.Context, wants []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	s, err := q.m.read()
	var due []crm.JobTicket
	backlog := map[crm.WorkspaceID]int{}
	for key, j := range s.jobs {
		if j.due() && slices.ContainsFunc(wants, func(w crm.JobWant) bool { return w.Kind == j.Kind }) {
			due = append(due, crm.JobTicket{Workspace: key.ws, Job: key.id, Kind: j.Kind})
			backlog[key.ws]++
		}
	}
	slices.SortFunc(due, func(a, b crm.JobTicket) int { return backlog[b.Workspace] - backlog[a.Workspace] })
	return firstOf(due, limit), err
}

type anyKind struct{ queue }

func (q anyKind) ReceiveJobs(ctx context.Context, _ []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	return q.queue.ReceiveJobs(ctx, []crm.JobWant{{Kind: crm.JobBulkUpdate}, {Kind: crm.JobPurge}, {Kind: crm.JobContactImport}}, limit)
}

// byTime knows no priorities.
type byTime struct{ queue }

func (q byTime) ReceiveJobs(ctx context.Context, wants []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	return q.changed(func(s *state) {
		for key, j := range s.jobs {
			j.Priority = crm.PriorityNormal
			s.jobs[key] = j
		}
	}).ReceiveJobs(ctx, wants, limit)
}

// changed is the queue of a copy of the store, with its turn.
func (q queue) changed(change func(s *state)) queue {
	m := newMemStore()
	s := q.m.now.Load().copied()
	change(s)
	m.now.Store(s)
	return queue{m}
}

// untold leaves the priorities out of the tickets.
type untold struct{ queue }

func (q untold) ReceiveJobs(ctx context.Context, wants []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	tickets, err := q.queue.ReceiveJobs(ctx, wants, limit)
	for i := range tickets {
		tickets[i].Priority = crm.PriorityNormal
	}
	return tickets, err
}

// byPriority serves the highest priority of all workspaces.
type byPriority struct{ queue }

func (q byPriority) ReceiveJobs(_ context.Context, wants []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	s, err := q.m.read()
	var due []job
	for _, j := range s.jobs {
		if j.due() && slices.ContainsFunc(wants, func(w crm.JobWant) bool { return w.Kind == j.Kind }) {
			due = append(due, j)
		}
	}
	slices.SortFunc(due, func(a, b job) int {
		return cmp.Or(int(b.Priority-a.Priority), a.RunAt.Compare(b.RunAt), compareIDs(a.ID, b.ID))
	})
	var tickets []crm.JobTicket
	for _, j := range firstOf(due, limit) {
		tickets = append(tickets, crm.JobTicket{Workspace: j.Workspace, Job: j.ID, Kind: j.Kind})
	}
	return tickets, err
}

// unboundQueue and unboundClaims let any number of jobs run in a workspace.
type unboundQueue struct{ queue }

// ReceiveJobs brings the first of each workspace, whether it may run or not.
func (q unboundQueue) ReceiveJobs(ctx context.Context, wants []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	free := slices.Clone(wants)
	for i := range free {
		free[i].PerWorkspace = 0
	}
	return q.queue.ReceiveJobs(ctx, free, limit)
}

type unboundClaims struct{ system }

func (y unboundClaims) ClaimJobs(ctx context.Context, tickets []crm.JobTicket, claim crm.JobClaim) ([]crm.Job, error) {
	claim.PerWorkspace = nil
	return y.system.ClaimJobs(ctx, tickets, claim)
}

// cancels answers another question than [crm.JobClaimer].CancelAsked.
type cancels struct {
	system
	only func(j job, lease crm.ID) bool
}

func (y cancels) CancelAsked(_ context.Context, lease crm.ID) ([]crm.JobTicket, error) {
	s, err := y.m.read()
	var tickets []crm.JobTicket
	for key, j := range s.jobs {
		if y.only(j, lease) {
			tickets = append(tickets, crm.JobTicket{Workspace: key.ws, Job: j.ID, Kind: j.Kind})
		}
	}
	return tickets, err
}

func cancelFault(name string, only func(j job, lease crm.ID) bool) fault {
	return fault{name: name, part: "jobs", red: "to_be_cancelled", store: breakParts(func(m *memStore, p *parts) { p.SystemStore = cancels{system{m}, only} })}
}

// seesNone shows everybody the jobs of no workspace.
type seesNone struct{ memTx }

func (t seesNone) ListJobs(ctx context.Context, ws crm.WorkspaceID, q crm.JobQuery) ([]crm.Job, error) {
	own, err := t.memTx.ListJobs(ctx, ws, q)
	none, _ := t.memTx.ListJobs(ctx, crm.WorkspaceID{}, q)
	return append(own, none...), err
}

type nextOfAny struct{ system }

func (y nextOfAny) NextDue(ctx context.Context, _ []crm.JobKind) (time.Duration, bool, error) {
	return y.system.NextDue(ctx, []crm.JobKind{crm.JobBulkUpdate, crm.JobPurge, crm.JobContactImport})
}

// finishedWait counts every job that no worker holds as one that waits.
type finishedWait struct{ system }

func (y finishedWait) QueueDepth(ctx context.Context, kinds []crm.JobKind) ([]crm.QueueDepth, error) {
	depths, err := y.system.QueueDepth(ctx, kinds)
	if err != nil {
		return nil, err
	}
	s, err := y.m.read()
	for i := range depths {
		for _, j := range s.jobs {
			if j.Kind == depths[i].Kind && j.Status.Final() {
				depths[i].Due++
			}
		}
	}
	return depths, err
}

func jobFaults() []fault {
	return []fault{
		{name: "a second job about a subject is accepted", part: "jobs/rows", red: "at_most_one_unfinished", store: breakTx(func(t memTx) crm.Tx { return subjectFree{t} })},
		{name: "jobs of every user are listed", part: "jobs/rows", red: "by_every_filter", store: breakTx(func(t memTx) crm.Tx { return userIgnored{t} })},
		{name: "jobs are listed oldest first", part: "jobs/rows", red: "by_every_filter", store: breakTx(func(t memTx) crm.Tx { return jobsOldest{t} })},
		{name: "any lease is good", part: "jobs", red: "a_claim_makes|that_is_not_held", store: breakTx(func(t memTx) crm.Tx { return leaseOpen{t} })},
		{name: "a backlog hides other workspaces", part: "jobs", red: "the_backlog_of_one", store: breakParts(func(m *memStore, p *parts) { p.JobQueue = unfair{queue{m}} })},
		{name: "priorities are not kept", part: "jobs", red: "come_by_priority", store: breakParts(func(m *memStore, p *parts) { p.JobQueue = byTime{queue{m}} })},
		{name: "tickets tell no priority", part: "jobs", red: "tells_the_priority", store: breakParts(func(m *memStore, p *parts) { p.JobQueue = untold{queue{m}} })},
		{name: "a priority hides other workspaces", part: "jobs", red: "no_workspace_before", store: breakParts(func(m *memStore, p *parts) { p.JobQueue = byPriority{queue{m}} })},
		{name: "what may not run hides what may", part: "jobs", red: "are_received_than_may", store: breakParts(func(m *memStore, p *parts) { p.JobQueue = unboundQueue{queue{m}} })},
		{name: "claims know no bound of a workspace", part: "jobs", red: "claimed_than_may|in_a_workspace_than_may", store: breakParts(func(m *memStore, p *parts) { p.SystemStore = unboundClaims{system{m}} })},
		cancelFault("cancels of any lease are told", func(j job, _ crm.ID) bool { return j.Status == crm.JobRunning && j.CancelAsked }),
		cancelFault("cancels are not told", func(job, crm.ID) bool { return false }),
		cancelFault("every job is to be cancelled", func(j job, lease crm.ID) bool { return j.Lease == lease }),
		{name: "jobs of no workspace are everybody's", part: "jobs", red: "of_no_workspace", store: breakTx(func(t memTx) crm.Tx { return seesNone{t} })},
		{name: "jobs of other kinds are received", part: "jobs", red: "due_jobs_of_the_kinds", store: breakParts(func(m *memStore, p *parts) { p.JobQueue = anyKind{queue{m}} })},
		{name: "the next due job is of another kind", part: "jobs", red: "the_next_due_job", store: breakParts(func(m *memStore, p *parts) { p.SystemStore = nextOfAny{system{m}} })},
		{name: "finished jobs count as waiting", part: "jobs", red: "the_unfinished_jobs_of_all", store: breakParts(func(m *memStore, p *parts) { p.SystemStore = finishedWait{system{m}} })},
	}
}
