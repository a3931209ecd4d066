package crmtest_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// job is a row with the end of its lease.
type job struct {
	crm.Job
	until time.Time
}

func (j job) due() bool {
	waiting := j.Status == crm.JobQueued || j.Status == crm.JobScheduled || j.Status == crm.JobRetrying
	return waiting && !j.RunAt.After(time.Now())
}

func (t memTx) PutJob(ctx context.Context, ws crm.WorkspaceID, j crm.Job, expect int64) error {
	return t.write(ctx, func(s *state) error {
		old, there := s.jobs[of[crm.ID]{ws, j.ID}]
		if err := versionAgrees(there, old.Version, expect, j.ID); err != nil {
			return err
		}
		if !j.Subject.IsZero() && !j.Status.Final() {
			for _, other := range mine(s.jobs, ws) {
				if other.ID != j.ID && other.Kind == j.Kind && other.Subject == j.Subject && !other.Status.Final() {
					return conflict(crm.ConflictExists, other.ID)
				}
			}
		}
		s.jobs[of[crm.ID]{ws, j.ID}] = job{j, time.Now().Add(15 * time.Second)}
		return nil
	})
}

func (t memTx) GetJob(_ context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Job, error) {
	s, err := t.read()
	if err != nil {
		return crm.Job{}, err
	}
	j, ok := s.jobs[of[crm.ID]{ws, id}]
	if !ok {
		return crm.Job{}, crm.ErrNotFound
	}
	return j.Job, nil
}

func (t memTx) ListJobs(_ context.Context, ws crm.WorkspaceID, q crm.JobQuery) ([]crm.Job, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var jobs []crm.Job
	for _, j := range mine(s.jobs, ws) {
		if asked(q, j.Job) && (q.Before.IsZero() || compareIDs(j.ID, q.Before) < 0) {
			jobs = append(jobs, j.Job)
		}
	}
	slices.SortFunc(jobs, func(a, b crm.Job) int { return -compareIDs(a.ID, b.ID) })
	return firstOf(jobs, q.Limit), nil
}

// asked reports whether the query selects the job, on whatever page.
func asked(q crm.JobQuery, j crm.Job) bool {
	return (len(q.Statuses) == 0 || slices.Contains(q.Statuses, j.Status)) && (len(q.Kinds) == 0 || slices.Contains(q.Kinds, j.Kind)) &&
		(q.Batch.IsZero() || q.Batch == j.Batch) && (q.User.IsZero() || q.User == j.Actor.User)
}

func (t memTx) CountJobs(_ context.Context, ws crm.WorkspaceID, q crm.JobQuery) ([]crm.JobCount, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	figures := map[crm.JobCount]int{}
	for _, j := range mine(s.jobs, ws) {
		if asked(q, j.Job) {
			figures[crm.JobCount{Kind: j.Kind, Status: j.Status}]++
		}
	}
	var counts []crm.JobCount
	for c, n := range figures {
		c.Count = n
		counts = append(counts, c)
	}
	return counts, nil
}

func (t memTx) CheckLease(_ context.Context, ws crm.WorkspaceID, id, lease crm.ID) error {
	s, err := t.read()
	if err != nil {
		return err
	}
	if j := s.jobs[of[crm.ID]{ws, id}]; j.Status != crm.JobRunning || j.Lease != lease {
		return conflict(crm.ConflictStale, id)
	}
	return nil
}

// running counts the running jobs of a kind in a workspace.
func (s *state) running(ws crm.WorkspaceID, kind crm.JobKind) int {
	n := 0
	for key, j := range s.jobs {
		if key.ws == ws && j.Kind == kind && j.Status == crm.JobRunning {
			n++
		}
	}
	return n
}

type queue struct{ m *memStore }

func (q queue) DispatchJobs(context.Context, []crm.JobTicket) error { return nil }

// ReceiveJobs goes around the workspaces, one ticket each, from behind the one
// that was served last.
func (q queue) ReceiveJobs(_ context.Context, wants []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	q.m.writer.Lock()
	defer q.m.writer.Unlock()
	s, err := q.m.read()
	if err != nil {
		return nil, err
	}
	due := map[crm.WorkspaceID][]job{}
	var spaces []crm.WorkspaceID
	for _, j := range s.jobs {
		at := slices.IndexFunc(wants, func(w crm.JobWant) bool { return w.Kind == j.Kind })
		if !j.due() || at < 0 || wants[at].PerWorkspace > 0 && s.running(j.Workspace, j.Kind) >= wants[at].PerWorkspace {
			continue
		}
		if due[j.Workspace] == nil {
			spaces = append(spaces, j.Workspace)
		}
		due[j.Workspace] = append(due[j.Workspace], j)
	}
	for _, jobs := range due {
		slices.SortFunc(jobs, func(a, b job) int {
			return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.RunAt.Compare(b.RunAt), compareIDs(a.ID, b.ID))
		})
	}
	slices.SortFunc(spaces, func(a, b crm.WorkspaceID) int { return slices.Compare(a[:], b[:]) })
	at := slices.IndexFunc(spaces, func(ws crm.WorkspaceID) bool { return slices.Compare(ws[:], q.m.turn[:]) > 0 })
	var tickets []crm.JobTicket
	for at = max(at, 0); len(spaces) > 0 && len(tickets) < limit; at++ {
		ws := spaces[at%len(spaces)]
		if len(due[ws]) == 0 {
			break // The fair share of one workspace is enough for a call.
		}
		j := due[ws][0]
		tickets = append(tickets, crm.JobTicket{Workspace: ws, Job: j.ID, Kind: j.Kind, Priority: j.Priority})
		due[ws], q.m.turn = due[ws][1:], ws
	}
	return tickets, nil
}

type system struct{ m *memStore }

func (y system) ClaimJobs(ctx context.Context, tickets []crm.JobTicket, claim crm.JobClaim) ([]crm.Job, error) {
	var claimed []crm.Job
	err := y.m.write(ctx, func(s *state) error {
		for _, ticket := range tickets {
			key := of[crm.ID]{ticket.Workspace, ticket.Job}
			j, ok := s.jobs[key]
			most := claim.PerWorkspace[j.Kind]
			if !ok || !j.due() || most > 0 && s.running(key.ws, j.Kind) >= most {
				continue
			}
			j.Status, j.Lease, j.until = crm.JobRunning, claim.Lease, time.Now().Add(claim.Valid)
			j.Attempt++
			j.Version++
			s.jobs[key] = j
			claimed = append(claimed, j.Job)
		}
		return nil
	})
	return claimed, err
}

func (y system) ExtendLease(ctx context.Context, ws crm.WorkspaceID, id, lease crm.ID, valid time.Duration, done, total int64) (crm.Job, error) {
	var extended crm.Job
	err := y.m.write(ctx, func(s *state) error {
		j, ok := s.jobs[of[crm.ID]{ws, id}]
		if !ok || j.Status != crm.JobRunning || j.Lease != lease {
			return conflict(crm.ConflictStale, id)
		}
		if done >= 0 {
			if done > j.Done {
				j.Losses = 0
			}
			j.Done = done
		}
		if total >= 0 {
			j.Total = total
		}
		j.until = time.Now().Add(valid)
		j.Version++
		s.jobs[of[crm.ID]{ws, id}] = j
		extended = j.Job
		return nil
	})
	return extended, err
}

func (y system) ReleaseLost(ctx context.Context, maxLosses, limit int) (int, error) {
	released := 0
	err := y.m.write(ctx, func(s *state) error {
		for key, j := range s.jobs {
			if j.Status != crm.JobRunning || j.Lease.IsZero() || time.Now().Before(j.until) || released == limit {
				continue
			}
			j.Status, j.Lease = crm.JobQueued, crm.ID{}
			j.Attempt--
			j.Losses++
			j.Version++
			if j.Losses >= maxLosses {
				j.Status, j.ErrorCode = crm.JobFailed, "lost"
			}
			s.jobs[key] = j
			released++
		}
		return nil
	})
	return released, err
}

func (y system) PurgeJobs(ctx context.Context, before time.Time, limit int) (int, error) {
	purged := 0
	err := y.m.write(ctx, func(s *state) error {
		for key, j := range s.jobs {
			if j.Status.Final() && j.FinishedAt.Before(before) && j.CreatedAt.Before(before) && purged < limit {
				delete(s.jobs, key)
				purged++
			}
		}
		return nil
	})
	return purged, err
}

func (y system) NextDue(_ context.Context, kinds []crm.JobKind) (time.Duration, bool, error) {
	s, err := y.m.read()
	if err != nil {
		return 0, false, fmt.Errorf("next due: %w", err)
	}
	var next time.Duration
	some := false
	for _, j := range s.jobs {
		waits := j.Status == crm.JobQueued || j.Status == crm.JobScheduled || j.Status == crm.JobRetrying
		if wait := max(0, time.Until(j.RunAt)); waits && slices.Contains(kinds, j.Kind) && (!some || wait < next) {
			next, some = wait, true
		}
	}
	return next, some, nil
}

func (y system) CancelAsked(_ context.Context, lease crm.ID) ([]crm.JobTicket, error) {
	s, err := y.m.read()
	if err != nil {
		return nil, err
	}
	var tickets []crm.JobTicket
	for key, j := range s.jobs {
		if j.Status == crm.JobRunning && j.CancelAsked && j.Lease == lease {
			tickets = append(tickets, crm.JobTicket{Workspace: key.ws, Job: j.ID, Kind: j.Kind})
		}
	}
	return tickets, nil
}

func (y system) QueueDepth(_ context.Context, kinds []crm.JobKind) ([]crm.QueueDepth, error) {
	s, err := y.m.read()
	depths := make([]crm.QueueDepth, len(kinds))
	for i, kind := range kinds {
		depths[i].Kind = kind
		for _, j := range s.jobs {
			switch {
			case j.Kind != kind || j.Status.Final():
			case j.Status == crm.JobRunning:
				depths[i].Running++
			case j.RunAt.After(time.Now()):
				depths[i].Later++
			default:
				depths[i].Due++
			}
		}
	}
	return depths, err
}
