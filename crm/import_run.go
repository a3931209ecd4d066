package crm

import (
	"context"
	"errors"
	"fmt"
)

// RunImport is the input of [ImportService.Run].
type RunImport struct {
	NewImport
	// DryRun writes nothing and leaves no import behind.
	DryRun bool
	// Progress, when not nil, is called now and then with the bytes read and
	// the size of the file.
	Progress func(done, total int64)
	// OnRow, when not nil, is called for every record of a dry run that would
	// not be written as it stands.
	OnRow func(ImportRow)
	// OnResume, when not nil, is called with the unfinished import that the
	// run goes on with, under the mapping and policy that this one began with.
	OnResume func(Import)
}

// Run imports a file from beginning to end in this process; Start is not
// needed. The same file again goes on where an interrupted run stopped, with
// the options that one began with: others are a *ConflictError. When ctx ends
// the import is left to be continued.
func (s *ImportService) Run(ctx context.Context, actor Actor, in RunImport) (Import, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return Import{}, fmt.Errorf("import: %w", err)
	}
	if in.DryRun {
		i, err := s.dryRun(ctx, actor, in)
		if err != nil {
			err = fmt.Errorf("dry run: %w", err)
		}
		return i, err
	}
	if err := s.core.workspaces.ensure(ctx, actor.Workspace); err != nil {
		return Import{}, fmt.Errorf("import: %w", err)
	}
	i, err := s.upload(ctx, actor, in.NewImport)
	if err != nil {
		return Import{}, fmt.Errorf("import: %w", err)
	}
	i, err = s.runHere(ctx, actor, i, in)
	if err != nil {
		return i, fmt.Errorf("import: %w", err)
	}
	return i, nil
}

// dryRun tells what an import would do. It writes nothing into the store, and
// what it notes elsewhere has no name and ends with the process.
func (s *ImportService) dryRun(ctx context.Context, actor Actor, in RunImport) (Import, error) {
	if in.Body == nil {
		return Import{}, Invalid("file", CodeRequired, "must be given")
	}
	file, err := newScratchFile(in.Body)
	if err != nil {
		return Import{}, err
	}
	defer file.close()
	dry := &ImportService{core: s.core, runner: s.runner, blobs: file}
	i, err := dry.upload(ctx, actor, in.NewImport)
	if err != nil {
		return Import{}, err
	}
	return dry.preview(ctx, actor, i, &in)
}

// runHere begins the import, or goes on with an unfinished one of the same
// file, and works until it has ended.
func (s *ImportService) runHere(ctx context.Context, actor Actor, i Import, in RunImport) (Import, error) {
	i, err := s.beginOrResume(ctx, actor, i, in)
	if err != nil {
		return i, err
	}
	if i.Status != ImportCommitting {
		now, j, err := s.startJob(ctx, actor, i.ID, phaseCommit, s.core.newID(), func(_ Tx, now *Import) error {
			now.begin()
			now.Mapping, now.OnDuplicate = i.Mapping, i.OnDuplicate
			return nil
		})
		if err != nil {
			return i, err
		}
		i = now
		if err := s.runner.workHere(ctx, j, s.reporter(in.Progress, i)); err != nil {
			return i, err
		}
	}
	return s.follow(ctx, actor, i, in.Progress)
}

// beginOrResume stores the import i, or returns the unfinished one of the same
// file instead; i's own copy of the file is then removed.
func (s *ImportService) beginOrResume(ctx context.Context, actor Actor, i Import, in RunImport) (Import, error) {
	old, err := s.unfinished(ctx, actor, i)
	if err == nil && old == nil {
		if err = s.core.store.InTx(ctx, func(tx Tx) error { return s.insert(ctx, tx, actor, i) }); err == nil {
			return i, nil
		}
	}
	if err = errors.Join(err, s.removeFile(ctx, i, actor.Workspace)); err != nil {
		return i, err
	}
	if old.Status == ImportFailed && old.Checkpoint == 0 { // Nothing was written by the choices of then.
		old.Mapping, old.OnDuplicate = i.Mapping, i.OnDuplicate
		return *old, nil
	}
	if began := in.differFrom(*old); began != "" {
		return *old, stateError(old.ID, fmt.Sprintf(
			"an import of this file has begun with %s and %d rows are done; leave the option away to go on like that, or undo import %s first",
			began, old.Checkpoint, old.ID))
	}
	if in.OnResume != nil {
		in.OnResume(*old)
	}
	return *old, nil
}

func (s *ImportService) reporter(progress func(done, total int64), i Import) func(done, total int64) {
	if progress == nil {
		return nil
	}
	return func(done, _ int64) { progress(min(done, i.Size), i.Size) }
}

// unfinished finds the newest import of the same file by the same user that
// was begun and has not ended.
func (s *ImportService) unfinished(ctx context.Context, actor Actor, i Import) (*Import, error) {
	list, err := s.core.store.ListImports(ctx, actor.Workspace, ImportQuery{User: actor.User, Limit: MaxPageSize})
	if err != nil {
		return nil, err
	}
	for _, o := range list {
		if o.Digest == i.Digest && o.Actor.User == actor.User && !o.Blob.IsZero() && (o.Status == ImportCommitting || o.Status == ImportFailed) {
			return &o, nil
		}
	}
	return nil, nil //nolint:nilnil // Nothing unfinished is no error.
}

// follow waits for the import's job to end, running it here as soon as nobody
// else does.
func (s *ImportService) follow(ctx context.Context, actor Actor, i Import, progress func(done, total int64)) (Import, error) {
	j, err := s.runner.attach(ctx, actor.Workspace, i.JobID, s.reporter(progress, i))
	if err != nil {
		return i, err
	}
	return s.outcome(ctx, actor, i.ID, j)
}

func (s *ImportService) outcome(ctx context.Context, actor Actor, id ID, j Job) (Import, error) {
	i, err := s.core.store.GetImport(ctx, actor.Workspace, id)
	switch {
	case err != nil:
		return i, err
	case j.Status == JobCancelled:
		return i, fmt.Errorf("interrupted after %d rows; run it again to go on: %w", i.Checkpoint, context.Canceled)
	case j.Status == JobFailed:
		return i, &JobError{Job: j, What: fmt.Sprintf("failed after %d rows", i.Checkpoint)}
	}
	return i, nil
}
