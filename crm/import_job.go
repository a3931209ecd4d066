package crm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// importPayload is the input of an import's job.
type importPayload struct {
	Import ID          `json:"import"`
	Phase  importPhase `json:"phase"`
}

type importPhase string

const (
	phasePreview importPhase = "preview"
	phaseCommit  importPhase = "commit"
	phaseUndo    importPhase = "undo"
)

// startJob changes the import and adds the job for it in one transaction. With
// a lease the job belongs to this process from the start.
func (s *ImportService) startJob(ctx context.Context, actor Actor, id ID, phase importPhase, lease ID, change func(Tx, *Import) error) (Import, Job, error) {
	var i Import
	j, err := s.core.jobs.newJob(actor, JobContactImport, id, importPayload{id, phase})
	if err != nil {
		return i, j, err
	}
	j.Batch = id
	if !lease.IsZero() {
		j.Status, j.Lease, j.Attempt, j.StartedAt = JobRunning, lease, 1, j.CreatedAt
	}
	err = s.core.store.InTx(ctx, func(tx Tx) error {
		var err error
		if i, err = s.visible(ctx, tx, actor, id); err != nil {
			return err
		}
		expect := i.Version
		if err := change(tx, &i); err != nil {
			return err
		}
		if j.Total = i.Size; phase == phaseUndo {
			j.Total = i.Counts.Created + i.Counts.Updated
			if j.Checkpoint, err = undoneSoFar(ctx, tx, actor.Workspace, i.JobID); err != nil {
				return err
			}
		}
		i.JobID, i.UpdatedAt, i.Version = j.ID, s.core.now(), i.Version+1
		if err := tx.PutImport(ctx, actor.Workspace, i, expect); err != nil {
			return err
		}
		return s.core.jobs.put(ctx, tx, actor, j)
	})
	return i, j, err
}

// undoneSoFar returns where the undo of an import goes on that its last job, an
// undo too, has left half done.
func undoneSoFar(ctx context.Context, tx Tx, ws WorkspaceID, last ID) ([]byte, error) {
	j, err := tx.GetJob(ctx, ws, last)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	var p importPayload
	if err != nil || json.Unmarshal(j.Payload, &p) != nil || p.Phase != phaseUndo {
		return nil, err
	}
	return slices.Clone(j.Checkpoint), nil
}

// jobEnded tells the owner of a job's subject, in the transaction that writes
// it, that the job failed or was cancelled.
func (k *core) jobEnded(ctx context.Context, tx Tx, j Job) error {
	if j.Kind != JobContactImport || k.importEnded == nil || (j.Status != JobFailed && j.Status != JobCancelled) {
		return nil
	}
	return k.importEnded(ctx, tx, j)
}

// ended notes on the import that its job failed or was cancelled. A dry run
// that did not come to its end leaves the import ready, with the reason.
func (s *ImportService) ended(ctx context.Context, tx Tx, j Job) error {
	i, err := tx.GetImport(ctx, j.Workspace, j.Subject)
	if errors.Is(err, ErrNotFound) || err == nil && i.JobID != j.ID {
		return nil
	}
	if err != nil {
		return err
	}
	var p importPayload
	if err := json.Unmarshal(j.Payload, &p); err != nil {
		p.Phase = phaseCommit // Whatever it was, it can be gone on with or undone.
	}
	if p.Phase == phasePreview {
		why := j.ErrorText
		if j.Status == JobCancelled {
			why = "the dry run was cancelled; preview again, or commit"
		}
		return s.notPreviewed(ctx, tx, j.Workspace, i, why)
	}
	expect := i.Version
	i.Status, i.ErrorText = ImportFailed, j.ErrorText
	switch {
	case j.Status != JobCancelled:
	case p.Phase != phaseUndo:
		i.ErrorText = "cancelled; commit it again to go on, or undo what was imported"
	case i.Blob.IsZero():
		i.ErrorText = "the undo was cancelled; undo it again to take back the rest"
	default:
		i.ErrorText = "the undo was cancelled; undo it again to take back the rest, or commit it again"
	}
	i.UpdatedAt, i.Version = s.core.now(), i.Version+1
	if err := tx.PutImport(ctx, j.Workspace, i, expect); err != nil || p.Phase != phaseCommit || i.Counts != (ImportCounts{}) {
		return err
	}
	return tx.DeleteImportRows(ctx, j.Workspace, i.ID) // Nothing was written: those of the dry run, if any.
}

// runJob is the handler of import jobs.
func (s *ImportService) runJob(ctx context.Context, run *JobRun) error {
	var p importPayload
	if err := run.Payload(&p); err != nil {
		return err
	}
	i, err := s.core.store.GetImport(ctx, run.Job.Workspace, p.Import)
	if err != nil {
		return fmt.Errorf("get import: %w", err)
	}
	if i.JobID != run.Job.ID { // A retry by hand, after something else was done with the import.
		return Invalid("job", CodeInvalid, "is over: the import has gone on with another one")
	}
	switch p.Phase {
	case phasePreview:
		_, err := s.preview(ctx, run.Actor(), i, nil)
		return err
	case phaseUndo:
		return s.undo(ctx, run, i)
	}
	return s.commit(ctx, run, i)
}

// undo takes the import's interactions and contacts back and forgets all its
// rows.
func (s *ImportService) undo(ctx context.Context, run *JobRun, i Import) error {
	if err := s.forgetUnchanged(ctx, run, i.ID); err != nil {
		return err
	}
	history, err := s.undoHistory(ctx, run, i.ID)
	if err == nil {
		err = s.noteKeptHistory(ctx, run, i.ID, history)
	}
	if err != nil {
		return err
	}
	err = s.core.runUndo(ctx, run, i.ID, undoEnds{
		note: func(ctx context.Context, tx Tx, kept []keptContact, _ int64) error {
			return s.noteKeptRows(ctx, tx, run.Job.Workspace, i.ID, kept)
		},
		finish: func(ctx context.Context, tx Tx, kept int64) error {
			return s.undone(ctx, tx, run, i.ID, kept+int64(len(history)))
		},
	})
	if err == nil {
		s.tidy(ctx, run.Job.Workspace, i.ID)
	}
	return err
}

// forgetUnchanged forgets the fingerprints of the rows that changed nothing:
// their contacts have no images by which the rest of the undo would find them,
// and the file must do again what it did the first time, or more under another
// policy. Doing it twice is nothing, so that it needs no checkpoint.
func (s *ImportService) forgetUnchanged(ctx context.Context, run *JobRun, id ID) error {
	ws := run.Job.Workspace
	q := ImportRowQuery{Outcomes: []RowOutcome{RowUnchanged}, Limit: MaxBatch}
	for {
		rows, err := s.core.store.ListImportRows(ctx, ws, id, q)
		if err != nil {
			return fmt.Errorf("list unchanged rows: %w", err)
		}
		var contacts []ID
		for _, r := range rows {
			for _, id := range []ID{r.Contact, r.Interaction} {
				if !id.IsZero() {
					contacts = append(contacts, id)
				}
			}
			q.After = r.Row
		}
		if len(contacts) > 0 {
			err := run.InTx(ctx, JobStep{}, func(tx Tx) error { return tx.DeleteFingerprints(ctx, ws, contacts, id) })
			if err != nil {
				return fmt.Errorf("forget unchanged rows: %w", err)
			}
		}
		if len(rows) < q.Limit {
			return nil
		}
	}
}

func (s *ImportService) undone(ctx context.Context, tx Tx, run *JobRun, id ID, kept int64) error {
	i, err := tx.GetImport(ctx, run.Job.Workspace, id)
	if err != nil {
		return err
	}
	expect := i.Version
	i.Status, i.KeptEdited, i.Checkpoint, i.ErrorText = ImportUndone, kept, 0, ""
	i.forgetSamples()
	i.UpdatedAt, i.Version = s.core.now(), i.Version+1
	if err := tx.PutImport(ctx, run.Job.Workspace, i, expect); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, run.Job.Workspace, []Event{s.event(EventImportUndone, run.Actor(), i)})
}

// tidy removes the file of an import that has come to its end. The purge does
// what fails here or what a kill leaves.
func (s *ImportService) tidy(ctx context.Context, ws WorkspaceID, id ID) {
	if err := s.dropFile(context.WithoutCancel(ctx), ws, id); err != nil {
		s.core.log.Warn("file of an import not removed; the purge removes it", "import", id, "error", err)
	}
}

// dropFile removes the file first and then the reference to it, so that no file
// is left that nobody knows of. The import's version stays: nothing that callers
// see has changed.
func (s *ImportService) dropFile(ctx context.Context, ws WorkspaceID, id ID) error {
	i, err := s.core.store.GetImport(ctx, ws, id)
	if err != nil || i.Blob.IsZero() {
		return err
	}
	if err := s.blobs.DeleteBlob(ctx, ws, i.Blob); err != nil {
		return err
	}
	return s.core.store.InTx(ctx, func(tx Tx) error {
		i, err := tx.GetImport(ctx, ws, id)
		if err != nil {
			return err
		}
		i.Blob = ID{}
		i.forgetSamples()
		return tx.PutImport(ctx, ws, i, i.Version)
	})
}
