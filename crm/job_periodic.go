package crm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// minPeriod is the shortest period of a periodic job.
	minPeriod = time.Second
	// lookEvery is how often it is looked whether a period has begun.
	lookEvery = time.Second
)

// schedule is a kind that runs once per period.
type schedule struct {
	kind   JobKind
	period time.Duration
	// next is when this process looks at the row again.
	next time.Time
}

// PeriodicJob is a kind that runs once per period, and its last run.
type PeriodicJob struct {
	Kind   JobKind
	Period time.Duration
	// Status, StartedAt, FinishedAt, ErrorCode and ErrorText are of the last run,
	// or of the one that runs now; without one Status is "" and the times are zero.
	Status     JobStatus
	StartedAt  time.Time
	FinishedAt time.Time
	ErrorCode  string
	ErrorText  string
	// NextAt is when the next run is due.
	NextAt time.Time
}

// Every has the registered kind run once per period, at least a second long,
// however many processes of the installation run: in one of them, the first time
// soon after a start. Periods begin at multiples of their length since the year
// 1; a run that is not over holds the next one up, and those that were missed,
// for instance while nothing ran, are made up for by one run. The job belongs to
// no workspace, its actor may do nothing, and its payload is null; it keeps its
// checkpoint from one run to the next. Call it before [CRM.Start], once for a
// kind; input that breaks a rule is a *ValidationError.
func (s *JobService) Every(kind JobKind, period time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var p problems
	switch k := s.handlers[kind]; {
	case s.sealed:
		return fmt.Errorf("job kind %q every %s after Start: %w", kind, period, ErrUnavailable)
	case k == nil:
		p.add("kind", CodeUnknown, "is not registered")
	case !k.open:
		p.add("kind", CodeInvalid, "is one of the CRM's own")
	}
	if period < minPeriod {
		p.add("period", CodeInvalid, "must be at least a second")
	}
	if slices.ContainsFunc(s.schedules, func(o *schedule) bool { return o.kind == kind }) {
		p.add("kind", CodeDuplicate, "has a period already")
	}
	if err := p.err(); err != nil {
		return fmt.Errorf("periodic job: %w", err)
	}
	s.schedules = append(s.schedules, &schedule{kind: kind, period: period})
	return nil
}

// every is Every for the CRM's own kinds.
func (s *JobService) every(kind JobKind, period time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.schedules = append(s.schedules, &schedule{kind: kind, period: period})
}

// row names the job of a schedule: one row, whose runs follow each other, so that
// whoever queues the next run first is the only one.
func (d *schedule) row() ID { return NamedID("periodic job " + string(d.kind)) }

// runSchedules queues the runs whose period has begun, until ctx ends.
func (r *jobRunner) runSchedules(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	r.jobs.mu.Lock()
	schedules := slices.Clone(r.jobs.schedules) // The loop alone uses what they point to.
	r.jobs.mu.Unlock()
	for {
		for _, d := range schedules {
			if err := r.jobs.queueRun(ctx, d); err != nil && ctx.Err() == nil {
				r.core.log.Warn("periodic job not queued; it is tried again", "kind", d.kind, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// queueRun queues a run when its period has begun and the last one is over.
func (s *JobService) queueRun(ctx context.Context, d *schedule) error {
	now := s.core.now()
	if now.Before(d.next) {
		return nil
	}
	none := WorkspaceID{}
	j, err := s.core.store.GetJob(ctx, none, d.row())
	missing := errors.Is(err, ErrNotFound)
	switch {
	case err != nil && !missing:
		return err
	case !missing && !j.Status.Final():
		return nil
	case !missing && !j.CreatedAt.Before(now.Truncate(d.period)):
		d.next = now.Truncate(d.period).Add(d.period)
		return nil
	}
	run := Job{ // Without RunAt it is due by any clock.
		ID: d.row(), Kind: d.kind, Status: JobQueued, Actor: JobActor{Kind: ActorSystem}, Payload: []byte("null"), Checkpoint: j.Checkpoint,
		MaxAttempts: s.attempts(d.kind), CreatedAt: now, StartedAt: j.StartedAt, Version: j.Version + 1,
	}
	err = s.core.store.InTx(ctx, func(tx Tx) error { return tx.PutJob(ctx, none, run, j.Version) })
	if errors.Is(err, ErrConflict) {
		return nil // Another process has queued it.
	}
	if err == nil {
		s.dispatch(ctx, run)
	}
	return err
}

// Periodic lists the periodic kinds of this process by name, with their last
// runs. Who may not see all jobs of a workspace is ErrForbidden.
func (s *JobService) Periodic(ctx context.Context, actor Actor) ([]PeriodicJob, error) {
	if err := actor.Authorize(PermJobsAll); err != nil {
		return nil, fmt.Errorf("periodic jobs: %w", err)
	}
	s.mu.Lock()
	schedules := slices.Clone(s.schedules)
	s.mu.Unlock()
	now := s.core.now()
	var all []PeriodicJob
	for _, d := range schedules {
		p := PeriodicJob{Kind: d.kind, Period: d.period, NextAt: now}
		j, err := s.core.store.GetJob(ctx, WorkspaceID{}, d.row())
		if err == nil {
			p.Status, p.StartedAt, p.FinishedAt, p.ErrorCode, p.ErrorText = j.Status, j.StartedAt, j.FinishedAt, j.ErrorCode, j.ErrorText
			p.NextAt = j.CreatedAt.Truncate(d.period).Add(d.period)
		} else if !errors.Is(err, ErrNotFound) {
			return nil, fmt.Errorf("periodic jobs: %w", err)
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b PeriodicJob) int { return cmp.Compare(a.Kind, b.Kind) })
	return all, nil
}
