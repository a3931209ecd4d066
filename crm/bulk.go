package crm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// BulkVerb names a bulk action.
type BulkVerb string

// The bulk actions.
const (
	BulkTag     BulkVerb = "tag"
	BulkUpdate  BulkVerb = "update"
	BulkDelete  BulkVerb = "delete"
	BulkRestore BulkVerb = "restore"
)

// BulkAction is one change for many contacts.
type BulkAction struct {
	Verb       BulkVerb `json:"verb"`
	AddTags    []string `json:"addTags,omitempty"`
	RemoveTags []string `json:"removeTags,omitempty"`
	Stage      *Stage   `json:"stage,omitempty"`
}

// BulkResult is what a bulk job reports.
type BulkResult struct {
	// Changed counts the contacts that were really changed.
	Changed int64 `json:"changed"`
	// Kept counts, for an undo, the contacts that someone changed since and
	// that therefore stay, wholly or in part: see [JobService.Kept].
	Kept int64 `json:"kept,omitempty"`
	// KeptContacts lists the first 1,000 of them.
	KeptContacts []ID `json:"keptContacts,omitempty"`
}

// bulkPage is how many contacts one transaction of a bulk job changes.
const bulkPage = 200

func (a BulkAction) check() (BulkAction, error) {
	var p problems
	a.AddTags, a.RemoveTags = p.tags("add", a.AddTags), p.tags("remove", a.RemoveTags)
	switch a.Verb {
	case BulkTag:
		if len(a.AddTags)+len(a.RemoveTags) == 0 && len(p.fields) == 0 {
			p.add("add", CodeRequired, "must name tags to add, or remove must name tags to remove")
		}
	case BulkUpdate:
		if a.Stage == nil {
			p.add("set", CodeRequired, "must set the stage")
		} else {
			stage := p.stage(*a.Stage)
			a.Stage = &stage
		}
	case BulkDelete, BulkRestore:
	default:
		p.add("verb", CodeUnknown, "must be tag, update, delete or restore")
	}
	return a, p.err()
}

// apply adds to the set what the action changes in a contact, if anything. A
// contact that would break a limit stays as it is.
func (a BulkAction) apply(set *changeSet, before Contact) {
	switch {
	case a.Verb == BulkRestore:
		untrash(set, before)
		return
	case before.InTrash():
		return
	case a.Verb == BulkDelete:
		trash(set, before)
		return
	}
	after := before
	if a.Stage != nil && a.Verb == BulkUpdate {
		after.Stage = *a.Stage
	}
	if a.Verb == BulkTag {
		after.Tags = retag(before.Tags, a.AddTags, a.RemoveTags)
	}
	if len(changedFields(&before, &after)) > 0 && checkLists(after) == nil {
		set.update(EventContactUpdated, before, after)
	}
}

func retag(tags, add, remove []string) []string {
	gone := map[string]bool{}
	for _, t := range remove {
		gone[FoldKey(t)] = true
	}
	var out []string
	for _, t := range tags {
		if !gone[FoldKey(t)] {
			out = append(out, t)
		}
	}
	return unite(out, add, func(a, b string) bool { return FoldKey(a) == FoldKey(b) })
}

// Bulk changes the contacts of ids, 1 to 1,000, in one transaction and returns
// how many really changed. Ids of other workspaces, erased ones and those the
// change does not fit count as nothing.
func (s *ContactService) Bulk(ctx context.Context, actor Actor, ids []ID, a BulkAction) (int, error) {
	if err := actor.Authorize(PermContactsWrite); err != nil {
		return 0, fmt.Errorf("bulk %s: %w", a.Verb, err)
	}
	if len(ids) == 0 || len(ids) > MaxBatch {
		return 0, fmt.Errorf("bulk %s: %w", a.Verb, Invalid("ids", CodeInvalid, "must have 1 to 1000 ids"))
	}
	a, err := a.check()
	if err != nil {
		return 0, fmt.Errorf("bulk: %w", err)
	}
	changed := 0
	err = s.core.inTx(ctx, actor.Workspace, func(tx Tx) error {
		contacts, err := tx.GetContacts(ctx, actor.Workspace, ids)
		if err != nil {
			return err
		}
		set := s.core.newChangeSet(actor, ID{})
		for _, c := range contacts {
			a.apply(set, c)
		}
		changed = len(set.changes)
		return set.write(ctx, tx, actor.Workspace)
	})
	if err != nil {
		return 0, fmt.Errorf("bulk %s: %w", a.Verb, err)
	}
	return changed, nil
}

// bulkPayload is the input of a bulk job: an action on a filter, or the undo
// of a batch.
type bulkPayload struct {
	Filter ContactFilter `json:"filter"`
	Action BulkAction    `json:"action"`
	Undo   ID            `json:"undo,omitzero"`
	// First is the undo behind which this one goes on, zero for none: what stays
	// is listed under its id.
	First ID `json:"first,omitzero"`
}

// BulkByFilter changes every contact that matches the filter now, as a job.
// The set is fixed when the job begins; the whole action can be undone. The
// zero filter is every contact; a blank search or tag is refused, because
// whoever sends one has not meant everybody.
func (s *ContactService) BulkByFilter(ctx context.Context, actor Actor, f ContactFilter, a BulkAction) (Job, error) {
	if err := actor.Authorize(PermContactsWrite); err != nil {
		return Job{}, fmt.Errorf("bulk %s: %w", a.Verb, err)
	}
	a, err := a.check()
	if err != nil {
		return Job{}, fmt.Errorf("bulk: %w", err)
	}
	w, err := s.core.workspaces.settings(ctx, actor.Workspace)
	if err != nil {
		return Job{}, fmt.Errorf("bulk %s: %w", a.Verb, err)
	}
	if _, err := f.criteria(w.TimeZone, s.core.now()); err != nil {
		return Job{}, fmt.Errorf("bulk %s: %w", a.Verb, err)
	}
	if err := f.checkChosen(); err != nil {
		return Job{}, fmt.Errorf("bulk %s: %w", a.Verb, err)
	}
	return s.core.startBulk(ctx, actor, bulkPayload{Filter: f, Action: a}, ID{}, nil)
}

// startBulk queues the job when guard, if any, called in its transaction, has
// nothing against it; guard may change the job.
func (k *core) startBulk(ctx context.Context, actor Actor, p bulkPayload, subject ID, guard func(Tx, *Job) error) (Job, error) {
	fresh, err := k.jobs.newJob(actor, JobBulkUpdate, subject, p)
	if err != nil {
		return Job{}, fmt.Errorf("start bulk action: %w", err)
	}
	fresh.Batch = fresh.ID
	var j Job
	err = k.inTx(ctx, actor.Workspace, func(tx Tx) error {
		j = fresh // A transaction may run twice.
		if guard != nil {
			if err := guard(tx, &j); err != nil {
				return err
			}
		}
		return k.jobs.put(ctx, tx, actor, j)
	})
	if err != nil {
		return Job{}, fmt.Errorf("start bulk action: %w", err)
	}
	k.jobs.dispatch(ctx, j)
	return j, nil
}

// bulkCheckpoint is where a bulk job goes on.
type bulkCheckpoint struct {
	// Fixed says that the set of ids lies in the blob with the job's id.
	Fixed   bool  `json:"fixed"`
	Done    int64 `json:"done"`
	Total   int64 `json:"total"`
	Changed int64 `json:"changed"`
	// Removed says that the set has been removed, so that nobody looks for it.
	Removed bool `json:"removed,omitempty"`
	// Undo is the job that undoes the action or has undone it, zero for none.
	Undo ID `json:"undo,omitzero"`
}

// runBulkJob fixes the set of ids in a blob, then works through it page by
// page, each page one transaction with the checkpoint.
func (s *ContactService) runBulkJob(ctx context.Context, run *JobRun) error {
	var p bulkPayload
	if err := run.Payload(&p); err != nil {
		return err
	}
	if !p.Undo.IsZero() {
		return s.core.runUndo(ctx, run, p.Undo, undoEnds{note: func(ctx context.Context, tx Tx, kept []keptContact, before int64) error {
			return noteKept(ctx, tx, run.Job, kept, before)
		}})
	}
	at, err := decodeCheckpoint[bulkCheckpoint](run.Job)
	if err != nil {
		return err
	}
	if at.Removed {
		return Invalid("job", CodeInvalid, "ended 30 days ago or longer, and its set of contacts is removed; start the action anew")
	}
	if !at.Fixed {
		if at.Total, err = s.fixSet(ctx, run, p.Filter); err != nil {
			return fmt.Errorf("fix the set of contacts: %w", err)
		}
		at.Fixed = true
	}
	ids, err := s.core.blobs.OpenBlob(ctx, run.Job.Workspace, run.Job.ID, at.Done*int64(len(ID{})))
	if err != nil {
		return fmt.Errorf("open the set of contacts: %w", err)
	}
	defer ids.Close() //nolint:errcheck // Nothing was written.
	for {
		page, err := readIDs(ids, bulkPage)
		if err != nil {
			return fmt.Errorf("read the set of contacts: %w", err)
		}
		if at, err = s.bulkStep(ctx, run, p.Action, at, page); err != nil {
			return err
		}
		if at.Done >= at.Total {
			return s.core.blobs.DeleteBlob(ctx, run.Job.Workspace, run.Job.ID)
		}
	}
}

func (s *ContactService) bulkStep(ctx context.Context, run *JobRun, a BulkAction, at bulkCheckpoint, page []ID) (bulkCheckpoint, error) {
	next := at
	next.Done += int64(len(page))
	run.Progress(next.Done, at.Total)
	step := JobStep{
		Checkpoint: func() any { return next }, Result: func() any { return BulkResult{Changed: next.Changed} },
		Last: next.Done >= at.Total || len(page) == 0,
	}
	err := run.InTx(ctx, step, func(tx Tx) error {
		set := s.core.newChangeSet(run.Actor(), run.Job.ID)
		contacts, err := tx.GetContacts(ctx, run.Job.Workspace, page)
		if err != nil {
			return err
		}
		for _, c := range contacts {
			a.apply(set, c)
		}
		next.Changed = at.Changed + int64(len(set.changes))
		return set.write(ctx, tx, run.Job.Workspace)
	})
	if err != nil {
		run.Progress(at.Done, at.Total) // Of what was written, whatever ends the job.
		return at, err
	}
	if step.Last {
		next.Done = at.Total
	}
	return next, nil
}

func readIDs(r io.Reader, limit int) ([]ID, error) {
	buf := make([]byte, limit*len(ID{}))
	n, err := io.ReadFull(r, buf)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	var ids []ID
	for chunk := range slices.Chunk(buf[:n], len(ID{})) {
		ids = append(ids, ID(chunk))
	}
	return ids, nil
}

// fixSet writes the ids of all matches into the blob with the job's id and
// returns how many there are.
func (s *ContactService) fixSet(ctx context.Context, run *JobRun, f ContactFilter) (int64, error) {
	ws := run.Job.Workspace
	if err := s.core.blobs.DeleteBlob(ctx, ws, run.Job.ID); err != nil { // Of an attempt that died before its checkpoint.
		return 0, err
	}
	next, err := s.core.matches(ctx, ws, f)
	if err != nil {
		return 0, err
	}
	size, err := s.core.blobs.PutBlob(ctx, ws, run.Job.ID, &idReader{ctx: ctx, next: next})
	return size / int64(len(ID{})), err
}

// idPages yields the ids of all matches, page by page in the order of ids; an
// empty page is the end.
type idPages func(ctx context.Context, after ID) ([]ID, error)

// matches resolves a filter for a bulk action or an export: searches wait for
// the index to be current, so that nothing that matches is missed.
func (k *core) matches(ctx context.Context, ws WorkspaceID, f ContactFilter) (idPages, error) {
	w, err := k.workspaces.settings(ctx, ws)
	if err != nil {
		return nil, err
	}
	where, err := f.criteria(w.TimeZone, k.now())
	if err != nil {
		return nil, err
	}
	search := strings.TrimSpace(f.Search)
	if search != "" && !f.Trash {
		pages, err := k.search.matches(ctx, ws, SearchQuery{Text: search, Where: where})
		if err == nil || !errors.Is(err, ErrTooLarge) {
			return pages, err
		}
	}
	if search != "" { // The trash, or more than memory may hold: what the list shows too.
		if where.Words = textindex.QueryWords(search); len(where.Words) == 0 {
			return func(context.Context, ID) ([]ID, error) { return nil, nil }, nil
		}
	}
	return func(ctx context.Context, after ID) ([]ID, error) {
		return k.store.ListContactIDs(ctx, ws, where, after, feedPage)
	}, nil
}

// idReader makes a file of ids: 16 bytes each.
type idReader struct {
	ctx   context.Context //nolint:containedctx // An io.Reader has no other way; it lives for one call.
	next  idPages
	after ID
	rest  []byte
	ended bool
}

// Read implements io.Reader.
func (r *idReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.ended {
			return 0, io.EOF
		}
		ids, err := r.next(r.ctx, r.after)
		if err != nil {
			return 0, err
		}
		if len(ids) == 0 {
			r.ended = true
			continue
		}
		r.after = ids[len(ids)-1]
		for _, id := range ids {
			r.rest = append(r.rest, id[:]...)
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
