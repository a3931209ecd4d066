package crm

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// finishPatience bounds writing the ends of jobs after their context is over.
	finishPatience = 10 * time.Second
	// maxErrorText bounds what a job row keeps of an error, in bytes.
	maxErrorText = 1_000
)

// finish writes how attempts ended, unless the handler has done so in its own
// transaction or the lease is lost.
func (r *jobRunner) finish(ctx context.Context, ends []jobEnd) {
	ctx, cancel := context.WithTimeout(ctx, finishPatience)
	defer cancel()
	var together, alone []jobEnd
	for _, e := range ends {
		switch {
		case errors.Is(e.failure, errLeaseLost):
			e.observe("")
		case e.failure == nil && e.run.completed.Load():
			e.observe(JobSucceeded)
		case e.run.touched.Load():
			alone = append(alone, e)
		default:
			together = append(together, e)
		}
	}
	if len(together) > 0 && r.finishTogether(ctx, together) != nil {
		alone = append(alone, together...)
	}
	for _, e := range alone {
		r.finishAlone(ctx, e)
	}
}

// finishTogether ends jobs whose rows nobody has written since the claim: a row
// that still has the claim's version is held under its lease.
func (r *jobRunner) finishTogether(ctx context.Context, ends []jobEnd) error {
	jobs := make([]Job, len(ends))
	for i, e := range ends {
		jobs[i] = r.endOf(e.run.Job, e)
	}
	err := r.core.store.InTx(ctx, func(tx Tx) error {
		for _, j := range jobs {
			if err := tx.PutJob(ctx, j.Workspace, j, j.Version-1); err != nil {
				return err
			}
		}
		return r.core.jobs.appendEnds(ctx, tx, jobs...)
	})
	if err == nil {
		for i, j := range jobs {
			ends[i].written(j)
		}
	}
	return err
}

// finishAlone ends a job by what its row says now.
func (r *jobRunner) finishAlone(ctx context.Context, e jobEnd) {
	held := e.run.Job
	var ended Job
	err := r.core.store.InTx(ctx, func(tx Tx) error {
		if err := tx.CheckLease(ctx, held.Workspace, held.ID, held.Lease); err != nil {
			return err
		}
		j, err := tx.GetJob(ctx, held.Workspace, held.ID)
		if err != nil {
			return err
		}
		ended = r.endOf(j, e)
		if err := tx.PutJob(ctx, j.Workspace, ended, j.Version); err != nil {
			return err
		}
		return r.core.jobs.appendEnds(ctx, tx, ended)
	})
	if err != nil {
		if !IsStale(err) {
			e.run.unwritten = err
			e.run.log().Error("end of a job not written; it runs again when its lease is over", "error", err)
		}
		e.observe("")
		return
	}
	e.written(ended)
}

// endOf returns the row of a job after its attempt.
func (r *jobRunner) endOf(j Job, e jobEnd) Job {
	if e.run.done.Load() > j.Done { // As a heartbeat would find.
		j.Losses = 0
	}
	j.Done, j.Total, j.Lease, j.Version = e.run.done.Load(), e.run.total.Load(), ID{}, j.Version+1
	if text := e.run.result.Load(); text != nil {
		j.Result = *text
	}
	r.settle(&j, e.failure)
	return j
}

// written says how an attempt ended whose end is in the row.
func (e jobEnd) written(j Job) {
	if e.failure != nil && j.Status != JobQueued {
		e.run.log().Warn("job ended", "status", j.Status, "error", e.failure)
	}
	e.observe(j.Status)
}

// observe tells of an attempt's end; "" where the state is not known here.
func (e jobEnd) observe(status JobStatus) {
	if e.run.observed != nil {
		e.run.observed(JobEnd{Status: status, Err: e.failure})
	}
}

// appendEnds does what follows on the ends of jobs, in the transaction that
// writes them: the owners of their subjects learn of it, and the log does, one
// call a workspace. Periodic jobs, which belong to no workspace, have no events.
func (s *JobService) appendEnds(ctx context.Context, tx Tx, jobs ...Job) error {
	events := map[WorkspaceID][]Event{}
	var order []WorkspaceID
	for _, j := range jobs {
		if !j.Status.Final() || j.Workspace.IsZero() {
			continue
		}
		if err := s.core.jobEnded(ctx, tx, j); err != nil {
			return err
		}
		if events[j.Workspace] == nil {
			order = append(order, j.Workspace)
		}
		events[j.Workspace] = append(events[j.Workspace], s.event(EventJobFinished, EventActor{Kind: ActorSystem}, j))
	}
	for _, ws := range order {
		if err := tx.AppendEvents(ctx, ws, events[ws]); err != nil {
			return err
		}
	}
	return nil
}

// settle decides the state after an attempt.
func (r *jobRunner) settle(j *Job, failure error) {
	now := r.core.now()
	switch {
	case failure == nil:
		j.Status, j.FinishedAt, j.ErrorCode, j.ErrorText = JobSucceeded, now, "", ""
		return
	case errors.Is(failure, errShutdown): // Parked: not an attempt, and it keeps its place.
		j.Status, j.Attempt = JobQueued, max(j.Attempt-1, 0)
		return
	case errors.Is(failure, errCancelAsked):
		j.Status, j.FinishedAt = JobCancelled, now
		return
	}
	if errors.Is(failure, errLost) { // It was claimed to be ended: not an attempt.
		j.Attempt = max(j.Attempt-1, 0)
	}
	j.ErrorCode, j.ErrorText = errorCode(failure), cutBytes(failure.Error(), maxErrorText)
	if j.Attempt >= j.MaxAttempts || permanent(failure) {
		j.Status, j.FinishedAt = JobFailed, now
		return
	}
	j.Status, j.RunAt = JobRetrying, now.Add(retryDelay(j.Attempt))
}

// permanent reports whether another attempt would end the same.
func permanent(err error) bool {
	return errIs(err, errLost, ErrInvalid, ErrForbidden, ErrNotFound, ErrTooLarge)
}

func errorCode(err error) string {
	for _, e := range []struct {
		target error
		code   string
	}{
		{ErrNotFound, "not_found"},
		{ErrConflict, "conflict"},
		{ErrInvalid, "invalid"},
		{ErrForbidden, "forbidden"},
		{ErrUnavailable, "unavailable"},
		{ErrTooLarge, "too_large"},
		{context.DeadlineExceeded, "timeout"},
		{errLost, "lost"},
	} {
		if errors.Is(err, e.target) {
			return e.code
		}
	}
	return "internal"
}

// retryDelay is min(200 ms * 2^n, 60 s), of which the upper half is random, so
// that jobs which failed together do not come back together.
func retryDelay(attempt int) time.Duration {
	d := min(200*time.Millisecond<<min(attempt, 20), time.Minute)
	return d/2 + rand.N(d/2) //nolint:gosec // Jitter needs no secrecy.
}
