package crm

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

const (
	// maxPayload bounds a job's payload, in bytes.
	maxPayload = 64 << 10
	// maxAhead is how far ahead a job can be planned.
	maxAhead = 10 * 366 * 24 * time.Hour
)

// NewJob is the input of [JobService.Enqueue].
type NewJob struct {
	// Kind is one that was given to [JobService.Register]. Required.
	Kind JobKind
	// Subject is what the job is about, such as an account. At most one
	// unfinished job of the workspace has the same kind and subject. Default:
	// none, unless the kind is Unique.
	Subject ID
	// Payload is the handler's input, kept as JSON of at most 64 KB. Default null.
	Payload any
	// RunAt is when the job is due, at most ten years ahead. Default: now.
	RunAt time.Time
	// Priority is that of the job, when not [PriorityNormal]. Default: its kind's.
	Priority JobPriority
	// Batch puts jobs together that belong together. Default: none.
	Batch ID
}

// Enqueue adds a job of a registered kind. It returns when the job is durable,
// which then is lost by no crash. An actor without the kind's permission is
// ErrForbidden; a kind that is not registered, or is begun by a service of the
// CRM, and other input that breaks a rule is a *ValidationError; a payload beyond
// 64 KB is ErrTooLarge; an unfinished job with the same subject is a
// *ConflictError that names it.
func (s *JobService) Enqueue(ctx context.Context, actor Actor, in NewJob) (Job, error) {
	jobs, err := s.enqueue(ctx, actor, []NewJob{in})
	if err != nil {
		return Job{}, fmt.Errorf("enqueue job: %w", err)
	}
	return jobs[0], nil
}

// EnqueueBatch is [JobService.Enqueue] for up to 1,000 jobs in one transaction:
// all of them or none.
func (s *JobService) EnqueueBatch(ctx context.Context, actor Actor, in []NewJob) ([]Job, error) {
	if len(in) > MaxBatch {
		return nil, fmt.Errorf("enqueue %d jobs, at most %d: %w", len(in), MaxBatch, ErrTooLarge)
	}
	if len(in) == 0 {
		return nil, nil
	}
	jobs, err := s.enqueue(ctx, actor, in)
	if err != nil {
		return nil, fmt.Errorf("enqueue jobs: %w", err)
	}
	return jobs, nil
}

func (s *JobService) enqueue(ctx context.Context, actor Actor, in []NewJob) ([]Job, error) {
	jobs := make([]Job, len(in))
	for i, n := range in {
		var err error
		if jobs[i], err = s.make(actor, n); err != nil {
			return nil, err
		}
	}
	if err := s.core.workspaces.ensure(ctx, actor.Workspace); err != nil {
		return nil, err
	}
	err := s.core.store.InTx(ctx, func(tx Tx) error { return s.put(ctx, tx, actor, jobs...) })
	if err != nil {
		return nil, err
	}
	s.dispatch(ctx, jobs...)
	return jobs, nil
}

// make checks the input and turns it into a job.
func (s *JobService) make(actor Actor, in NewJob) (Job, error) {
	if err := actor.Authorize(PermJobsOwn); err != nil {
		return Job{}, err
	}
	kind := s.kind(in.Kind)
	switch {
	case kind == nil:
		return Job{}, Invalid("kind", CodeUnknown, "is not registered")
	case !kind.open:
		return Job{}, Invalid("kind", CodeInvalid, "is one of the CRM's own, whose jobs are begun by its services")
	}
	if err := actor.Authorize(kind.Permission); err != nil {
		return Job{}, err
	}
	var p problems
	if kind.Unique && in.Subject.IsZero() {
		p.add("subject", CodeRequired, "must be given: jobs of this kind are unique by it")
	}
	if in.RunAt.After(s.core.now().Add(maxAhead)) {
		p.add("runAt", CodeInvalid, "must be within ten years")
	}
	in.Priority.check(&p, "priority")
	if err := p.err(); err != nil {
		return Job{}, err
	}
	j, err := s.newJob(actor, in.Kind, in.Subject, in.Payload)
	if err != nil {
		return Job{}, err
	}
	j.Batch, j.MaxAttempts, j.Priority = in.Batch, kind.MaxAttempts, cmp.Or(in.Priority, kind.Priority)
	if runAt := in.RunAt.UTC().Truncate(time.Microsecond); runAt.After(j.RunAt) {
		j.Status, j.RunAt = JobScheduled, runAt
	}
	return j, nil
}

// newJob fills what every job has. payload is encoded as JSON.
func (s *JobService) newJob(actor Actor, kind JobKind, subject ID, payload any) (Job, error) {
	text, err := json.Marshal(payload)
	if err != nil {
		return Job{}, Invalid("payload", CodeInvalid, "must be something that JSON can hold")
	}
	if len(text) > maxPayload {
		return Job{}, fmt.Errorf("payload of %d bytes, at most %d: %w", len(text), maxPayload, ErrTooLarge)
	}
	now := s.core.now()
	return Job{
		ID: s.core.newID(), Workspace: actor.Workspace, Kind: kind, Status: JobQueued, Subject: subject,
		Actor:   JobActor{User: actor.User, Role: actor.Role, Scopes: actor.Scopes, Kind: actor.Kind, Origin: actor.Origin},
		Payload: text, MaxAttempts: s.attempts(kind), CreatedAt: now, RunAt: now, Version: 1,
	}, nil
}

// put writes new jobs of one workspace and their events in the caller's
// transaction; call dispatch after the commit.
func (s *JobService) put(ctx context.Context, tx Tx, actor Actor, jobs ...Job) error {
	events := make([]Event, len(jobs))
	for i, j := range jobs {
		if err := tx.PutJob(ctx, actor.Workspace, j, 0); err != nil {
			return fmt.Errorf("put job: %w", err)
		}
		events[i] = s.event(EventJobQueued, actor.ref(), j)
	}
	return tx.AppendEvents(ctx, actor.Workspace, events)
}

func (s *JobService) event(t EventType, by EventActor, j Job) Event {
	return Event{ID: s.core.newID(), Type: t, At: s.core.now(), Actor: by, Subject: Subject{Kind: "job", ID: j.ID}, Batch: j.Batch, Owner: j.Actor.User}
}

// dispatch hands committed jobs to the queue and wakes this process's workers.
// A failure is no loss: the rows are there, and whoever looks for due rows finds
// them.
func (s *JobService) dispatch(ctx context.Context, jobs ...Job) {
	tickets := make([]JobTicket, 0, len(jobs))
	for _, j := range jobs {
		if j.Status == JobQueued {
			tickets = append(tickets, JobTicket{Workspace: j.Workspace, Job: j.ID, Kind: j.Kind, Priority: j.Priority})
		}
	}
	if err := s.queue.DispatchJobs(ctx, tickets); err != nil {
		s.core.log.Warn("jobs not dispatched, left to the next look", "jobs", len(tickets), "error", err)
	}
	s.awaken()
}

// awaken has this process's workers look at once.
func (s *JobService) awaken() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
