package crm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// JobService adds, shows, cancels and repeats background work.
type JobService struct {
	core  *core
	queue jobDispatcher

	mu        sync.Mutex
	sealed    bool
	handlers  map[JobKind]*jobKind
	schedules []*schedule
	running   map[ID]context.CancelCauseFunc
	wake      chan struct{}
}

func newJobService(k *core, queue jobDispatcher) *JobService {
	return &JobService{core: k, queue: queue, handlers: map[JobKind]*jobKind{}, running: map[ID]context.CancelCauseFunc{}, wake: make(chan struct{}, 1)}
}

// Get returns a job: one's own, or for admins any.
func (s *JobService) Get(ctx context.Context, actor Actor, id ID) (Job, error) {
	j, err := s.visible(ctx, actor, id, s.core.store)
	if err != nil {
		return Job{}, fmt.Errorf("get job %s: %w", id, err)
	}
	return j, nil
}

// visible returns a job that the actor may see and act on.
func (s *JobService) visible(ctx context.Context, actor Actor, id ID, store JobStore) (Job, error) {
	if err := actor.Authorize(PermJobsOwn); err != nil {
		return Job{}, err
	}
	j, err := store.GetJob(ctx, actor.Workspace, id)
	if err != nil {
		return Job{}, err
	}
	if j.Actor.User != actor.User && !actor.May(PermJobsAll) {
		return Job{}, ErrNotFound
	}
	return j, nil
}

// JobListQuery asks for a page of jobs, newest first.
type JobListQuery struct {
	Statuses []JobStatus
	Kinds    []JobKind
	Batch    ID
	Cursor   string
	// Limit 1 to 200, default 25.
	Limit int
}

// JobList is a page of jobs.
type JobList struct {
	Items []Job
	// Total is the exact number of all matches.
	Total      int
	NextCursor string
}

// List returns a page of one's own jobs, for admins of all. A kind of which there
// are no jobs gives an empty list; one that no kind can have is a *ValidationError.
func (s *JobService) List(ctx context.Context, actor Actor, q JobListQuery) (JobList, error) {
	if err := actor.Authorize(PermJobsOwn); err != nil {
		return JobList{}, fmt.Errorf("list jobs: %w", err)
	}
	ask, of, err := q.check()
	if err != nil {
		return JobList{}, fmt.Errorf("list jobs: %w", err)
	}
	var some bool
	if ask.User, some = jobsOf(actor); !some {
		return JobList{}, nil
	}
	size := ask.Limit
	ask.Limit++
	jobs, err := s.core.store.ListJobs(ctx, actor.Workspace, ask)
	if err != nil {
		return JobList{}, fmt.Errorf("list jobs: %w", err)
	}
	counts, err := s.core.store.CountJobs(ctx, actor.Workspace, ask)
	if err != nil {
		return JobList{}, fmt.Errorf("list jobs: %w", err)
	}
	list := JobList{Items: jobs}
	for _, c := range counts {
		list.Total += c.Count
	}
	if len(jobs) > size {
		list.Items = jobs[:size]
		list.NextCursor = cursor{Of: of, ID: jobs[size-1].ID}.String()
	}
	return list, nil
}

func (q JobListQuery) check() (JobQuery, uint32, error) {
	var p problems
	for _, st := range q.Statuses {
		if !slices.Contains(JobStatuses(), st) {
			p.add("status", CodeUnknown, "must be queued, scheduled, running, retrying, succeeded, failed or cancelled")
		}
	}
	p.count("kind", len(q.Kinds), maxFilterValues)
	for _, k := range q.Kinds {
		if !kindName.MatchString(string(k)) {
			p.add("kind", CodeUnknown, "must be the name of a kind, such as contact_import")
			break
		}
	}
	if q.Limit < 0 || q.Limit > MaxPageSize {
		p.add("limit", CodeInvalid, "must be 1 to 200")
	}
	ask := JobQuery{Statuses: q.Statuses, Kinds: q.Kinds, Batch: q.Batch, Limit: q.Limit}
	if ask.Limit == 0 {
		ask.Limit = DefaultPageSize
	}
	of := digest("jobs", q.Statuses, q.Kinds, q.Batch)
	if q.Cursor != "" {
		at, err := parseCursor(q.Cursor, of)
		if err != nil {
			p.fields = append(p.fields, asValidation(err).Fields...)
		}
		ask.Before = at.ID
	}
	return ask, of, p.err()
}

// jobsOf returns whose jobs the actor sees, zero for everybody's. A member who
// has no user sees none.
func jobsOf(actor Actor) (user ID, some bool) {
	if actor.May(PermJobsAll) {
		return ID{}, true
	}
	return actor.User, !actor.User.IsZero()
}

// Stats counts one's own jobs by kind and state, for admins all.
func (s *JobService) Stats(ctx context.Context, actor Actor) ([]JobCount, error) {
	if err := actor.Authorize(PermJobsOwn); err != nil {
		return nil, fmt.Errorf("job stats: %w", err)
	}
	user, some := jobsOf(actor)
	if !some {
		return nil, nil
	}
	counts, err := s.core.store.CountJobs(ctx, actor.Workspace, JobQuery{User: user})
	if err != nil {
		return nil, fmt.Errorf("job stats: %w", err)
	}
	return counts, nil
}

// errCancelAsked is the cause of a running job's cancelled context.
var errCancelAsked = errors.New("cancelled by the user")

// Cancel ends a job: a waiting one at once, a running one as soon as its
// handler notices, within a second, whatever process runs it.
// A handler that goes on all the same is left behind. A job that has ended is a *ConflictError.
// version 0 means any.
func (s *JobService) Cancel(ctx context.Context, actor Actor, id ID, version int64) (Job, error) {
	j, err := s.changeJob(ctx, actor, id, version, func(_ Tx, j *Job) error {
		switch {
		case j.Status.Final():
			return &ConflictError{Reason: ConflictState, ID: id, Message: "the job has ended already"}
		case j.Status == JobRunning:
			j.CancelAsked = true
		default:
			j.Status, j.FinishedAt, j.CancelAsked = JobCancelled, s.core.now(), true
		}
		return nil
	})
	if err != nil {
		return Job{}, fmt.Errorf("cancel job %s: %w", id, err)
	}
	s.mu.Lock()
	stop := s.running[id]
	s.mu.Unlock()
	if stop != nil {
		stop(errCancelAsked)
	}
	return j, nil
}

// Retry queues a failed or cancelled job again, from its checkpoint on. It is a
// *ConflictError for a bulk action whose undo waits, runs or has taken something
// back, for an undo that another one has gone on instead of, and for a job of an
// import that has gone on with another one; the error names that job.
// version 0 means any.
func (s *JobService) Retry(ctx context.Context, actor Actor, id ID, version int64) (Job, error) {
	j, err := s.changeJob(ctx, actor, id, version, func(tx Tx, j *Job) error {
		if err := s.core.retriable(ctx, tx, j); err != nil {
			return err
		}
		j.Status, j.RunAt, j.CancelAsked, j.Losses = JobQueued, s.core.now(), false, 0
		j.ErrorCode, j.ErrorText, j.FinishedAt = "", "", time.Time{}
		j.MaxAttempts = j.Attempt + s.attempts(j.Kind)
		return nil
	})
	if err != nil {
		return Job{}, fmt.Errorf("retry job %s: %w", id, err)
	}
	s.dispatch(ctx, j)
	return j, nil
}

func (s *JobService) changeJob(ctx context.Context, actor Actor, id ID, version int64, change func(Tx, *Job) error) (Job, error) {
	var j Job
	err := s.core.store.InTx(ctx, func(tx Tx) error {
		var err error
		if j, err = s.visible(ctx, actor, id, tx); err != nil {
			return err
		}
		if err := j.checkVersion(version); err != nil {
			return err
		}
		expect := j.Version
		if err := change(tx, &j); err != nil {
			return err
		}
		j.Version++
		if err := tx.PutJob(ctx, actor.Workspace, j, expect); err != nil || !j.Status.Final() {
			return err
		}
		return s.core.jobEnded(ctx, tx, j)
	})
	return j, err
}

// checkVersion refuses a write on a job that has changed; version 0 is any.
func (j Job) checkVersion(version int64) error {
	if version == 0 || version == j.Version {
		return nil
	}
	return staleError(j.ID, j.Version)
}

// Undo takes back what a finished bulk action or import did, as a new job: once.
// Where it is undone already, or an undo waits or runs, it is a *ConflictError; an
// undo that failed or was cancelled can be asked for again, and goes on where that
// stopped.
// version 0 means any.
func (s *JobService) Undo(ctx context.Context, actor Actor, id ID, version int64) (Job, error) {
	j, err := s.visible(ctx, actor, id, s.core.store)
	if err != nil {
		return Job{}, fmt.Errorf("undo job %s: %w", id, err)
	}
	undo, err := s.core.undoJob(ctx, actor, j, version)
	if err != nil {
		return Job{}, fmt.Errorf("undo job %s: %w", id, err)
	}
	return undo, nil
}
