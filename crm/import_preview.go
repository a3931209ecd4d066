package crm

import (
	"context"
	"errors"
	"fmt"
)

// Preview runs the import without writing contacts and answers what it would
// do. It runs inline; when ctx has a deadline that the file does not meet, a
// job goes on with it and the import is still previewing. Options that do not
// fit the file are a *ValidationError and change nothing; the import is ready
// for others, as it is after a dry run that failed, with the reason in
// ErrorText.
func (s *ImportService) Preview(ctx context.Context, actor Actor, id ID, o ImportOptions) (Import, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return Import{}, fmt.Errorf("preview import: %w", err)
	}
	i, err := s.previewNow(ctx, actor, id, o)
	if errors.Is(err, context.DeadlineExceeded) {
		i, err = s.previewLater(context.WithoutCancel(ctx), actor, id, o)
	}
	if err != nil {
		return Import{}, fmt.Errorf("preview import %s: %w", id, err)
	}
	return i, nil
}

func (s *ImportService) previewNow(ctx context.Context, actor Actor, id ID, o ImportOptions) (Import, error) {
	i, err := s.visible(ctx, s.core.store, actor, id)
	if err != nil {
		return i, err
	}
	if err := s.previewable(i); err != nil {
		return i, err
	}
	if err = s.checkOptions(ctx, actor.Workspace, i, o); err != nil && i.Status == ImportReady {
		return i, err // Its figures still hold.
	}
	if err == nil {
		o.applyTo(&i)
		i, err = s.preview(ctx, actor, i, nil)
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(err, s.stopPreview(ctx, actor.Workspace, id, err))
	}
	return i, err
}

func (s *ImportService) previewable(i Import) error {
	switch {
	case i.Status != ImportPreviewing && i.Status != ImportReady:
		return stateError(i.ID, "the import is "+string(i.Status)+" already")
	case i.Blob.IsZero():
		return i.fileGone(s.core.now())
	}
	return nil
}

// stopPreview makes an import ready whose dry run did not come to its end.
func (s *ImportService) stopPreview(ctx context.Context, ws WorkspaceID, id ID, cause error) error {
	why := cutBytes(cause.Error(), maxErrorText)
	if ctx.Err() != nil {
		why = "the dry run was interrupted; preview again, or commit"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishPatience)
	defer cancel()
	return s.core.store.InTx(ctx, func(tx Tx) error {
		i, err := tx.GetImport(ctx, ws, id)
		if err != nil {
			return err
		}
		if i.Status == ImportPreviewing && !i.JobID.IsZero() { // A job is at it.
			return nil
		}
		return s.notPreviewed(ctx, tx, ws, i, why)
	})
}

// notPreviewed takes what a dry run has noted back, unless the import has gone
// on meanwhile.
func (s *ImportService) notPreviewed(ctx context.Context, tx Tx, ws WorkspaceID, i Import, why string) error {
	if i.Status != ImportPreviewing && i.Status != ImportReady {
		return nil
	}
	expect := i.Version
	i.Status, i.Counts, i.ErrorText, i.UpdatedAt, i.Version = ImportReady, ImportCounts{}, why, s.core.now(), i.Version+1
	if err := tx.PutImport(ctx, ws, i, expect); err != nil {
		return err
	}
	return tx.DeleteImportRows(ctx, ws, i.ID)
}

// previewLater leaves the dry run to a job.
func (s *ImportService) previewLater(ctx context.Context, actor Actor, id ID, o ImportOptions) (Import, error) {
	ctx, cancel := context.WithTimeout(ctx, finishPatience)
	defer cancel()
	i, err := s.visible(ctx, s.core.store, actor, id)
	if err == nil {
		err = s.previewable(i)
	}
	if err == nil {
		err = s.checkOptions(ctx, actor.Workspace, i, o)
	}
	if err != nil {
		return i, err
	}
	i, j, err := s.startJob(ctx, actor, id, phasePreview, ID{}, func(_ Tx, i *Import) error {
		if err := s.previewable(*i); err != nil {
			return err
		}
		i.Status, i.ErrorText = ImportPreviewing, ""
		o.applyTo(i)
		return nil
	})
	if err != nil {
		return i, err
	}
	s.core.jobs.dispatch(ctx, j)
	return i, nil
}

// preview runs the import against a notebook instead of the store. With run,
// of a command-line dry run, nothing at all is kept.
func (s *ImportService) preview(ctx context.Context, actor Actor, i Import, run *RunImport) (Import, error) {
	file, err := s.blobs.OpenBlob(ctx, actor.Workspace, i.Blob, 0)
	if err != nil {
		return i, fmt.Errorf("open the file: %w", err)
	}
	defer file.Close() //nolint:errcheck // Nothing was written.
	e, err := s.engine(ctx, actor, i, file)
	if err != nil {
		return i, err
	}
	notebook, err := newDryRun(s.core.store)
	if err != nil {
		return i, err
	}
	defer notebook.close()
	if run == nil {
		if err := s.core.store.DeleteImportRows(ctx, actor.Workspace, i.ID); err != nil {
			return i, fmt.Errorf("delete rows of an earlier dry run: %w", err)
		}
	}
	var counts ImportCounts
	err = e.chunks(ctx, func(chunk []importRecord) error {
		rows, err := e.apply(ctx, notebook, chunk)
		if err != nil {
			return err
		}
		counts.add(rows)
		hideVirtual(rows)
		if run == nil {
			return s.notePreview(ctx, actor, i.ID, rows)
		}
		run.report(rows, e.read.Load(), i.Size)
		return nil
	})
	if err != nil {
		return i, err
	}
	i.Counts, i.Mapping = counts, e.reader.Columns()
	if run != nil {
		i.Status = ImportReady
		return i, nil
	}
	return s.previewed(ctx, actor, i)
}

// notePreview stores outcomes of a dry run, unless the import has gone on
// meanwhile: then the rows are those of the commit.
func (s *ImportService) notePreview(ctx context.Context, actor Actor, id ID, rows []ImportRow) error {
	return s.core.store.InTx(ctx, func(tx Tx) error {
		i, err := tx.GetImport(ctx, actor.Workspace, id)
		if err != nil {
			return err
		}
		if err := s.previewable(i); err != nil {
			return err
		}
		return tx.PutImportRows(ctx, actor.Workspace, id, rows)
	})
}

func (r *RunImport) report(rows []ImportRow, done, total int64) {
	if r.Progress != nil {
		r.Progress(min(done, total), total)
	}
	for _, row := range rows {
		if r.OnRow != nil && row.NotAsItStood() {
			r.OnRow(row)
		}
	}
}

// previewed stores the figures of a dry run, unless the import has gone on
// meanwhile.
func (s *ImportService) previewed(ctx context.Context, actor Actor, done Import) (Import, error) {
	var i Import
	err := s.core.store.InTx(ctx, func(tx Tx) error {
		var err error
		if i, err = tx.GetImport(ctx, actor.Workspace, done.ID); err != nil {
			return err
		}
		if err := s.previewable(i); err != nil {
			return err
		}
		expect := i.Version
		i.Status, i.Counts, i.Mapping, i.OnDuplicate, i.ErrorText = ImportReady, done.Counts, done.Mapping, done.OnDuplicate, ""
		i.UpdatedAt, i.Version = s.core.now(), i.Version+1
		return tx.PutImport(ctx, actor.Workspace, i, expect)
	})
	return i, err
}
