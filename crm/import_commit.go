package crm

import (
	"context"
	"fmt"
	"slices"
)

// begin makes the import one that is being committed. Its figures are from now on
// those of what is written, not those of the dry run.
func (i *Import) begin() {
	if i.Status == ImportPreviewing || i.Status == ImportReady {
		i.Counts = ImportCounts{}
	}
	i.Status, i.ErrorText = ImportCommitting, ""
}

// commit writes the file into the store, chunk by chunk, each one transaction
// with its rows, its fingerprints and the place to go on from.
func (s *ImportService) commit(ctx context.Context, run *JobRun, i Import) error {
	file, err := s.blobs.OpenBlob(ctx, run.Job.Workspace, i.Blob, 0)
	if err != nil {
		return fmt.Errorf("open the file: %w", err)
	}
	defer file.Close() //nolint:errcheck // Nothing was written.
	e, err := s.engine(ctx, run.Actor(), i, file)
	if err != nil {
		return err
	}
	if i.Checkpoint == 0 { // Outcomes of the dry run, or of a commit that was undone in part.
		e.imp.Counts = ImportCounts{}
		if err := s.core.store.DeleteImportRows(ctx, run.Job.Workspace, i.ID); err != nil {
			return fmt.Errorf("delete rows of the dry run: %w", err)
		}
	}
	err = e.chunks(ctx, func(chunk []importRecord) error { return s.commitChunk(ctx, run, e, chunk) })
	if err != nil {
		return err
	}
	if err := s.commitEnd(ctx, run, e); err != nil {
		return err
	}
	s.tidy(ctx, run.Job.Workspace, i.ID)
	return nil
}

// commitEnd finishes import and job in one transaction.
func (s *ImportService) commitEnd(ctx context.Context, run *JobRun, e *importEngine) error {
	run.Progress(e.imp.Size, e.imp.Size)
	step := JobStep{Last: true, Result: func() any { return e.imp.Counts }}
	return run.InTx(ctx, step, func(tx Tx) error {
		i, err := tx.GetImport(ctx, run.Job.Workspace, e.imp.ID)
		if err != nil {
			return err
		}
		expect := i.Version
		i.Counts = e.imp.Counts
		i.forgetSamples()
		i.Status, i.ErrorText, i.UpdatedAt, i.Version = ImportCommitted, "", s.core.now(), i.Version+1
		if err := tx.PutImport(ctx, run.Job.Workspace, i, expect); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, run.Job.Workspace, []Event{s.event(EventImportCommitted, run.Actor(), i)})
	})
}

// commitChunk writes one chunk with the figures and the place where the import
// goes on.
func (s *ImportService) commitChunk(ctx context.Context, run *JobRun, e *importEngine, chunk []importRecord) error {
	run.Progress(e.read.Load(), e.imp.Size)
	var next Import
	err := run.InTx(ctx, JobStep{}, func(tx Tx) error {
		now, err := tx.GetImport(ctx, run.Job.Workspace, e.imp.ID)
		if err != nil {
			return err
		}
		rows, err := e.apply(ctx, tx, slices.Clone(chunk))
		if err != nil {
			return err
		}
		next = e.imp
		next.FileName = now.FileName // An erase may have replaced it.
		next.Version, next.Status, next.ErrorText, next.UpdatedAt = now.Version+1, ImportCommitting, "", s.core.now()
		next.Counts.add(rows)
		next.Checkpoint = chunk[len(chunk)-1].row
		return tx.PutImport(ctx, run.Job.Workspace, next, now.Version)
	})
	if err != nil {
		return fmt.Errorf("rows %d to %d: %w", chunk[0].row, chunk[len(chunk)-1].row, err)
	}
	e.imp = next
	return nil
}
