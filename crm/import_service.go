package crm

import (
	"context"
	"fmt"
	"slices"
)

// ImportService brings files in: create, preview, commit, undo.
type ImportService struct {
	core   *core
	runner jobHost
	blobs  Blobs // the core's, but for a dry run of the command line
}

func newImportService(k *core) *ImportService {
	s := &ImportService{core: k, blobs: k.blobs}
	k.undoImport = s.startUndo
	k.dropImportFile = s.dropFile
	k.importEnded = s.ended
	return s
}

// visible returns an import that the actor may see: one's own, for admins
// anybody's. Another member's import is ErrNotFound, as its job is.
func (s *ImportService) visible(ctx context.Context, store ImportStore, actor Actor, id ID) (Import, error) {
	i, err := store.GetImport(ctx, actor.Workspace, id)
	if err == nil && i.Actor.User != actor.User && !actor.May(PermImportsAll) {
		err = ErrNotFound
	}
	if err != nil {
		return Import{}, err
	}
	return i, nil
}

// Get returns one's own import, for admins anybody's. Another member's is
// ErrNotFound, here and in what follows.
func (s *ImportService) Get(ctx context.Context, actor Actor, id ID) (Import, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return Import{}, fmt.Errorf("get import: %w", err)
	}
	i, err := s.visible(ctx, s.core.store, actor, id)
	if err != nil {
		return Import{}, fmt.Errorf("get import %s: %w", id, err)
	}
	return i, nil
}

// importsOf returns whose imports the actor sees, zero for everybody's. A
// member who has no user sees none in lists.
func importsOf(actor Actor) (user ID, some bool) {
	if actor.May(PermImportsAll) {
		return ID{}, true
	}
	return actor.User, !actor.User.IsZero()
}

// Count returns how many imports List has in all.
func (s *ImportService) Count(ctx context.Context, actor Actor) (int, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return 0, fmt.Errorf("count imports: %w", err)
	}
	user, some := importsOf(actor)
	if !some {
		return 0, nil
	}
	n, err := s.core.store.CountImports(ctx, actor.Workspace, user)
	if err != nil {
		return 0, fmt.Errorf("count imports: %w", err)
	}
	return n, nil
}

// List returns up to limit of one's own imports, for admins of all, older than
// before, newest first.
func (s *ImportService) List(ctx context.Context, actor Actor, before ID, limit int) ([]Import, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	if limit < 1 || limit > MaxPageSize {
		return nil, fmt.Errorf("list imports: %w", Invalid("limit", CodeInvalid, "must be 1 to 200"))
	}
	user, some := importsOf(actor)
	if !some {
		return nil, nil
	}
	list, err := s.core.store.ListImports(ctx, actor.Workspace, ImportQuery{User: user, Before: before, Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	return list, nil
}

// Rows returns what became of the records, by number.
func (s *ImportService) Rows(ctx context.Context, actor Actor, id ID, q ImportRowQuery) ([]ImportRow, error) {
	if _, err := s.Get(ctx, actor, id); err != nil {
		return nil, err
	}
	var p problems
	for _, o := range q.Outcomes {
		if !slices.Contains(RowOutcomes(), o) {
			p.add("outcome", CodeUnknown, "must be created, updated, unchanged, ambiguous, problem or kept")
		}
	}
	if q.Limit < 1 || q.Limit > MaxBatch {
		p.add("limit", CodeInvalid, "must be 1 to 1000")
	}
	if q.After < 0 {
		p.add("cursor", CodeInvalid, "must be a nextCursor of an earlier answer")
	}
	if err := p.err(); err != nil {
		return nil, fmt.Errorf("list rows: %w", err)
	}
	rows, err := s.core.store.ListImportRows(ctx, actor.Workspace, id, q)
	if err != nil {
		return nil, fmt.Errorf("list rows of import %s: %w", id, err)
	}
	return rows, nil
}

// Commit starts the import as a job. An import that failed or was cancelled
// goes on where it stopped, with the options it began with: others are a
// *ConflictError. version 0 means any.
func (s *ImportService) Commit(ctx context.Context, actor Actor, id ID, version int64, o ImportOptions) (Import, Job, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return Import{}, Job{}, fmt.Errorf("commit import: %w", err)
	}
	i, err := s.visible(ctx, s.core.store, actor, id)
	if err == nil {
		err = i.checkVersion(version)
	}
	if err == nil {
		err = s.committable(i, o)
	}
	if err == nil {
		err = s.checkOptions(ctx, actor.Workspace, i, o)
	}
	if err != nil {
		return Import{}, Job{}, fmt.Errorf("commit import %s: %w", id, err)
	}
	i, j, err := s.startJob(ctx, actor, id, phaseCommit, ID{}, func(_ Tx, i *Import) error {
		if err := i.checkVersion(version); err != nil {
			return err
		}
		if err := s.committable(*i, o); err != nil {
			return err
		}
		i.begin()
		o.applyTo(i)
		return nil
	})
	if err != nil {
		return Import{}, Job{}, fmt.Errorf("commit import %s: %w", id, err)
	}
	s.core.jobs.dispatch(ctx, j)
	return i, j, nil
}

func (s *ImportService) committable(i Import, o ImportOptions) error {
	switch i.Status {
	case ImportPreviewing, ImportReady, ImportFailed:
	default:
		return stateError(i.ID, "the import is "+string(i.Status)+" already")
	}
	if i.Blob.IsZero() {
		return i.fileGone(s.core.now())
	}
	if began := o.differFrom(i); i.Checkpoint > 0 && began != "" {
		return stateError(i.ID, fmt.Sprintf("the import has begun with %s and %d rows are done; go on without the option, or undo it first", began, i.Checkpoint))
	}
	return nil
}

// Undo takes a finished import back as a job. Contacts that the import made
// and someone edited since stay: their rows have the outcome RowKept. version 0 means any.
func (s *ImportService) Undo(ctx context.Context, actor Actor, id ID, version int64) (Import, Job, error) {
	return s.startUndo(ctx, actor, id, func(_ Tx, i *Import) error { return i.checkVersion(version) })
}

// startUndo queues the undo when guard, called in its transaction, has nothing
// against it.
func (s *ImportService) startUndo(ctx context.Context, actor Actor, id ID, guard func(Tx, *Import) error) (Import, Job, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return Import{}, Job{}, fmt.Errorf("undo import: %w", err)
	}
	i, j, err := s.startJob(ctx, actor, id, phaseUndo, ID{}, func(tx Tx, i *Import) error {
		if err := guard(tx, i); err != nil {
			return err
		}
		if i.Status != ImportCommitted && i.Status != ImportFailed {
			return stateError(i.ID, "only a finished import can be undone; this one is "+string(i.Status))
		}
		if i.UpdatedAt.Before(trashEnd(s.core.now())) {
			return stateError(i.ID, "the import ended more than 30 days ago; what was there before it is not kept longer")
		}
		i.Status, i.Checkpoint = ImportUndoing, 0 // A commit after a cancelled undo begins anew.
		return nil
	})
	if err != nil {
		return Import{}, Job{}, fmt.Errorf("undo import %s: %w", id, err)
	}
	s.core.jobs.dispatch(ctx, j)
	return i, j, nil
}

// checkVersion refuses a write on an import that has changed; version 0 is any.
func (i Import) checkVersion(version int64) error {
	if version == 0 || version == i.Version {
		return nil
	}
	return staleError(i.ID, i.Version)
}

func stateError(id ID, message string) error {
	return &ConflictError{Reason: ConflictState, ID: id, Message: message}
}

func (s *ImportService) insert(ctx context.Context, tx Tx, actor Actor, i Import) error {
	if err := tx.PutImport(ctx, actor.Workspace, i, 0); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, actor.Workspace, []Event{s.event(EventImportCreated, actor, i)})
}

func (s *ImportService) event(t EventType, actor Actor, i Import) Event {
	return Event{
		ID: s.core.newID(), Type: t, At: s.core.now(), Actor: actor.ref(), Subject: Subject{Kind: "import", ID: i.ID},
		Version: i.Version, Batch: i.ID, Owner: i.Actor.User,
	}
}
