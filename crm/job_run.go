package crm

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// maxKept bounds a job's checkpoint and its result, in bytes each.
const maxKept = 1 << 20

// JobRun is what a handler holds of its job. It is valid until the handler
// returns; the methods may be called from several goroutines.
type JobRun struct {
	// Job is the row as it was claimed.
	Job Job

	core        *core
	done, total atomic.Int64
	result      atomic.Pointer[[]byte]
	// touched says that the row has been written since the claim, completed that
	// the handler has ended the job in a transaction of its own.
	touched, completed atomic.Bool
	// unwritten is why the end could not be written, nil when it was.
	unwritten error
	// observed is told how the attempt ended, nil where none began.
	observed func(JobEnd)
}

func newJobRun(k *core, j Job) *JobRun {
	run := &JobRun{core: k, Job: j}
	run.done.Store(j.Done)
	run.total.Store(j.Total)
	return run
}

// log names the job, and the request that asked for it, in every line.
func (r *JobRun) log() *slog.Logger {
	log := r.core.log.With("job", r.Job.ID, "kind", r.Job.Kind)
	if id := r.Job.Actor.Origin.Request; id != "" {
		log = log.With("requestId", id)
	}
	return log
}

// Actor is who asked for the job, with the rights of that moment: what services
// are called with on their behalf.
func (r *JobRun) Actor() Actor {
	a := r.Job.Actor
	return Actor{Workspace: r.Job.Workspace, User: a.User, Role: a.Role, Scopes: a.Scopes, Kind: a.Kind, Origin: a.Origin}
}

// Payload decodes the job's input. One that does not fit is ErrInvalid.
func (r *JobRun) Payload(into any) error {
	if err := json.Unmarshal(r.Job.Payload, into); err != nil {
		return fmt.Errorf("payload: %w: %w", err, ErrInvalid)
	}
	return nil
}

// Checkpoint decodes what an earlier attempt has saved; false when there is
// nothing.
func (r *JobRun) Checkpoint(into any) (bool, error) {
	if len(r.Job.Checkpoint) == 0 {
		return false, nil
	}
	if err := json.Unmarshal(r.Job.Checkpoint, into); err != nil {
		return false, fmt.Errorf("checkpoint: %w: %w", err, ErrInvalid)
	}
	return true, nil
}

// Progress reports how far the work is, in whatever unit; it costs nothing and
// is written with the next heartbeat, within three seconds. A total of 0 is not
// known. Less than nothing counts as nothing, and a total that done has passed
// grows with it.
func (r *JobRun) Progress(done, total int64) {
	done, total = max(done, 0), max(total, 0)
	if total > 0 {
		total = max(total, done)
	}
	r.done.Store(done)
	r.total.Store(total)
}

// Result sets what the job reports, kept as JSON when it ends. More than 1 MB is
// ErrTooLarge.
func (r *JobRun) Result(value any) error {
	text, err := encodeKept("result", value)
	if err == nil {
		r.result.Store(&text)
	}
	return err
}

// Save keeps a checkpoint, as JSON of at most 1 MB (else ErrTooLarge), with the
// progress: where the next attempt goes on. A lease that is lost is an error, as
// in [JobRun.InTx].
func (r *JobRun) Save(ctx context.Context, checkpoint any) error {
	return r.InTx(ctx, JobStep{Checkpoint: func() any { return checkpoint }}, func(Tx) error { return nil })
}

// JobStep says what a transaction of a job stores in its row. The functions
// are called after the work of the transaction, and nil ones change nothing.
type JobStep struct {
	// Checkpoint returns where the next attempt goes on, JSON of at most 1 MB.
	Checkpoint func() any
	// Result returns what the job reports, JSON of at most 1 MB.
	Result func() any
	// Last ends the job as succeeded in the same transaction. The handler
	// returns nil after it.
	Last bool
}

// InTx runs fn in a transaction that commits only while the job's lease holds:
// a worker that was thought dead writes nothing. The progress and what step names
// commit with it. fn is bound by the rules of [Transactor]; as it writes past the
// services, it checks nothing and appends its own events. A lost lease is an
// error with which the handler returns; a checkpoint or result beyond 1 MB is
// ErrTooLarge. A step that is not the last may be undone by a power cut, and then
// runs again.
func (r *JobRun) InTx(ctx context.Context, step JobStep, fn func(tx Tx) error) error {
	inTx := r.core.inResumableTx
	if step.Last {
		inTx = r.core.inBackgroundTx
	}
	r.touched.Store(true)
	err := inTx(ctx, r.Job.Workspace, func(tx Tx) error {
		ws := r.Job.Workspace
		if err := tx.CheckLease(ctx, ws, r.Job.ID, r.Job.Lease); err != nil {
			return err
		}
		if err := fn(tx); err != nil {
			return err
		}
		j, err := tx.GetJob(ctx, ws, r.Job.ID)
		if err != nil {
			return err
		}
		expect := j.Version
		if err := r.note(&j, step); err != nil {
			return err
		}
		if err := tx.PutJob(ctx, ws, j, expect); err != nil || !step.Last {
			return err
		}
		return r.core.jobs.appendEnds(ctx, tx, j)
	})
	if IsStale(err) && asConflict(err).ID == r.Job.ID {
		return fmt.Errorf("%w: %w", errLeaseLost, err)
	}
	if err == nil && step.Last {
		r.completed.Store(true)
	}
	return err
}

// note writes what a step stores into the row.
func (r *JobRun) note(j *Job, step JobStep) error {
	j.Version++
	if r.done.Load() > j.Done { // As a heartbeat would find.
		j.Losses = 0
	}
	j.Done, j.Total = r.done.Load(), r.total.Load()
	var err error
	if step.Checkpoint != nil {
		if j.Checkpoint, err = encodeKept("checkpoint", step.Checkpoint()); err != nil {
			return err
		}
	}
	if step.Result != nil {
		if j.Result, err = encodeKept("result", step.Result()); err != nil {
			return err
		}
	} else if text := r.result.Load(); text != nil {
		j.Result = *text
	}
	if step.Last {
		j.Status, j.FinishedAt, j.Lease, j.ErrorCode, j.ErrorText = JobSucceeded, r.core.now(), ID{}, "", ""
	}
	return nil
}

func encodeKept(field string, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", field, err)
	}
	if len(text) > maxKept {
		return nil, fmt.Errorf("%s of %d bytes, at most %d: %w", field, len(text), maxKept, ErrTooLarge)
	}
	return text, nil
}
