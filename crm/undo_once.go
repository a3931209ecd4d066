package crm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// A bulk action is undone once. Its row names the undo, from the transaction on
// that queues it, so that whoever undoes or retries the action writes that row:
// of two at once one sees what the other has decided.

// UndoneBy returns the id of the job that undoes a bulk action or has undone it,
// also where that failed or was cancelled; zero where none is, and for jobs of
// other kinds.
func (j Job) UndoneBy() ID {
	if j.Kind != JobBulkUpdate || !j.Subject.IsZero() { // An undo, which is about its action, has none.
		return ID{}
	}
	at, err := decodeCheckpoint[bulkCheckpoint](j)
	if err != nil {
		return ID{}
	}
	return at.Undo
}

// setUndo notes in the row of a bulk action which job undoes it, or none.
func (j *Job) setUndo(undo ID) error {
	at, err := decodeCheckpoint[bulkCheckpoint](*j)
	if err != nil {
		return err
	}
	at.Undo = undo
	return encodeSet(j, at)
}

// beginUndo names the undo in the row of its action, in the transaction that
// queues it. Where an earlier undo stopped half way, this one goes on behind it:
// what people have set in the contacts that were taken back then is theirs.
func (k *core) beginUndo(ctx context.Context, tx Tx, action Job, undo *Job) error {
	if id := action.UndoneBy(); !id.IsZero() {
		earlier, err := tx.GetJob(ctx, action.Workspace, id)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		switch {
		case err != nil || earlier.Status == JobSucceeded:
			return stateError(id, fmt.Sprintf("the action is undone already, by job %s", id))
		case !earlier.Status.Final():
			return &ConflictError{Reason: ConflictExists, ID: id, Message: fmt.Sprintf("the action is being undone already, by job %s", id)}
		}
		if err := undo.goOnBehind(earlier); err != nil {
			return err
		}
	}
	if err := action.setUndo(undo.ID); err != nil {
		return err
	}
	action.Version++
	return tx.PutJob(ctx, action.Workspace, action, action.Version-1)
}

// goOnBehind has the undo of a bulk action begin where an earlier one stopped.
func (j *Job) goOnBehind(earlier Job) error {
	var p, before bulkPayload
	if err := errors.Join(json.Unmarshal(j.Payload, &p), json.Unmarshal(earlier.Payload, &before)); err != nil {
		return fmt.Errorf("payload: %w: %w", err, ErrInvalid)
	}
	if p.First = before.First; p.First.IsZero() {
		p.First = earlier.ID
	}
	text, err := json.Marshal(p)
	j.Payload, j.Checkpoint, j.Result = text, slices.Clone(earlier.Checkpoint), slices.Clone(earlier.Result)
	return err
}

// keptUnder returns the job under whose id an undo lists what it leaves: the
// first of those that went on one behind the other.
func (j Job) keptUnder() ID {
	var p bulkPayload
	if j.Kind == JobBulkUpdate && json.Unmarshal(j.Payload, &p) == nil && !p.First.IsZero() {
		return p.First
	}
	return j.ID
}

// retriable refuses to go on with what has been undone or gone on with
// otherwise, in the transaction that would queue the job.
func (k *core) retriable(ctx context.Context, tx Tx, j *Job) error {
	if j.Status != JobFailed && j.Status != JobCancelled {
		return stateError(j.ID, "only failed and cancelled jobs can be tried again")
	}
	switch {
	case j.Kind == JobContactImport:
		return retriableImport(ctx, tx, *j)
	case j.Kind == JobBulkUpdate && isUndo(*j):
		return k.retriableUndo(ctx, tx, *j)
	case j.Kind == JobBulkUpdate:
		return retriableAction(ctx, tx, j)
	}
	return nil
}

// retriableImport refuses a job of an import that another one has gone on with.
func retriableImport(ctx context.Context, tx Tx, j Job) error {
	i, err := tx.GetImport(ctx, j.Workspace, j.Subject)
	switch {
	case errors.Is(err, ErrNotFound):
		return stateError(j.ID, "the job is over: its import is gone; import the file again")
	case err != nil:
		return err
	case i.JobID != j.ID:
		return stateError(i.JobID, fmt.Sprintf("the job is over: the import has gone on with job %s and is %s; act on the import instead", i.JobID, i.Status))
	}
	return nil
}

// retriableAction refuses an action whose undo has begun: the place where it
// stopped is no place to go on from any more. An undo that ended before it took
// anything back counts for nothing, and is over by that.
func retriableAction(ctx context.Context, tx Tx, j *Job) error {
	id := j.UndoneBy()
	if id.IsZero() {
		return nil
	}
	undo, err := tx.GetJob(ctx, j.Workspace, id)
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	case err == nil && !undo.Status.Final():
		return stateError(id, fmt.Sprintf("the action is being undone, by job %s; wait for its end and start the action anew", id))
	case err == nil && undo.Status != JobSucceeded && len(undo.Checkpoint) == 0:
		return j.setUndo(ID{})
	case err == nil && undo.Status != JobSucceeded:
		return stateError(id, fmt.Sprintf("the action is undone in part, by job %s; undo it to the end and start the action anew", id))
	}
	return stateError(id, fmt.Sprintf("the action was undone, by job %s; start the action anew", id))
}

// retriableUndo refuses an undo that is not, or no longer, that of its action.
func (k *core) retriableUndo(ctx context.Context, tx Tx, undo Job) error {
	action, err := tx.GetJob(ctx, undo.Workspace, undo.Subject)
	if errors.Is(err, ErrNotFound) {
		return stateError(undo.ID, "the action that it undoes is gone")
	}
	if err == nil {
		err = k.undoable(action)
	}
	if err != nil {
		return err
	}
	switch by := action.UndoneBy(); by {
	case undo.ID:
		return nil
	case ID{}:
		return stateError(action.ID, fmt.Sprintf("the action was gone on with since; undo job %s again", action.ID))
	default:
		return stateError(by, fmt.Sprintf("another undo has gone on instead of this one, job %s", by))
	}
}
