package crm

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// undoPage is how many contacts one transaction of an undo takes back.
const undoPage = 200

// undoCheckpoint is where an undo goes on.
type undoCheckpoint struct {
	After   ID    `json:"after"`
	Changed int64 `json:"changed"`
	Kept    int64 `json:"kept"`
	// KeptContacts lists the first maxKeptListed of Kept.
	KeptContacts []ID `json:"keptContacts,omitempty"`
}

// maxKeptListed bounds the list in a job's result.
const maxKeptListed = 1_000

func decodeCheckpoint[T any](j Job) (T, error) {
	var c T
	if len(j.Checkpoint) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(j.Checkpoint, &c); err != nil {
		return c, fmt.Errorf("checkpoint: %w: %w", err, ErrInvalid)
	}
	return c, nil
}

// undoJob starts the job that takes a job back; version is what the job's must
// be when that is written, 0 any.
func (k *core) undoJob(ctx context.Context, actor Actor, j Job, version int64) (Job, error) {
	unchanged := func(tx Tx) (Job, error) {
		now, err := tx.GetJob(ctx, actor.Workspace, j.ID)
		if err == nil {
			err = now.checkVersion(version)
		}
		return now, err
	}
	isImport := j.Kind == JobContactImport && k.undoImport != nil
	needs := PermContactsWrite
	if isImport {
		needs = PermImport
	}
	if err := actor.Authorize(needs); err != nil { // Before the version: who may not is told nothing else.
		return Job{}, err
	}
	if err := j.checkVersion(version); err != nil {
		return Job{}, err
	}
	if isImport {
		_, undo, err := k.undoImport(ctx, actor, j.Subject, func(tx Tx, _ *Import) error {
			_, err := unchanged(tx)
			return err
		})
		return undo, err
	}
	if err := k.undoable(j); err != nil {
		return Job{}, err
	}
	return k.startBulk(ctx, actor, bulkPayload{Undo: j.ID}, j.ID, func(tx Tx, undo *Job) error {
		now, err := unchanged(tx)
		if err == nil {
			err = k.undoable(now)
		}
		if err == nil {
			err = k.beginUndo(ctx, tx, now, undo)
		}
		return err
	})
}

// undoable refuses to take back what is no bulk action, or not over, or over
// for too long.
func (k *core) undoable(j Job) error {
	switch {
	case j.Kind != JobBulkUpdate:
		return &ConflictError{Reason: ConflictState, ID: j.ID, Message: "only bulk actions and imports can be undone"}
	case isUndo(j):
		return &ConflictError{Reason: ConflictState, ID: j.ID, Message: "an undo cannot be undone; do the action again"}
	case !j.Status.Final():
		return &ConflictError{Reason: ConflictState, ID: j.ID, Message: "the job is still running; cancel it first"}
	case j.FinishedAt.Before(trashEnd(k.now())):
		return &ConflictError{Reason: ConflictState, ID: j.ID, Message: "the job ended more than 30 days ago; what was there before it is not kept longer"}
	}
	return nil
}

func isUndo(j Job) bool {
	var p bulkPayload
	return json.Unmarshal(j.Payload, &p) == nil && !p.Undo.IsZero()
}

// undoEnds is what the undo of a kind of batch does beside taking it back, in
// the same transactions.
type undoEnds struct {
	// note lists the contacts that stay; before is how many did earlier.
	note func(ctx context.Context, tx Tx, kept []keptContact, before int64) error
	// finish, when not nil, runs in the last transaction.
	finish func(ctx context.Context, tx Tx, kept int64) error
}

// runUndo takes a batch back, contact by contact, in transactions of undoPage.
func (k *core) runUndo(ctx context.Context, run *JobRun, batch ID, ends undoEnds) error {
	at, err := decodeCheckpoint[undoCheckpoint](run.Job)
	if err != nil {
		return err
	}
	ws := run.Job.Workspace
	for {
		images, err := k.store.ListImages(ctx, ws, batch, at.After, undoPage)
		if err != nil {
			return fmt.Errorf("list images: %w", err)
		}
		next := at
		last := len(images) == 0
		step := JobStep{
			Checkpoint: func() any { return next }, Last: last,
			Result: func() any { return BulkResult{Changed: next.Changed, Kept: next.Kept, KeptContacts: next.KeptContacts} },
		}
		err = run.InTx(ctx, step, func(tx Tx) error {
			next = at
			if last {
				if ends.finish != nil {
					return ends.finish(ctx, tx, next.Kept)
				}
				return nil
			}
			kept, err := k.undoImages(ctx, tx, run, batch, images, &next)
			if err != nil || len(kept) == 0 {
				return err
			}
			return ends.note(ctx, tx, kept, at.Kept)
		})
		if err != nil || last {
			return err
		}
		at = next
		run.Progress(at.Changed+at.Kept, max(run.Job.Total, at.Changed+at.Kept))
	}
}

// undoImages takes back what one page of images shows and returns who stays.
func (k *core) undoImages(ctx context.Context, tx Tx, run *JobRun, batch ID, images []Image, at *undoCheckpoint) ([]keptContact, error) {
	ws := run.Job.Workspace
	groups, ids := groupImages(images)
	contacts, err := tx.GetContacts(ctx, ws, ids)
	if err != nil {
		return nil, err
	}
	var kept []keptContact
	// The undo is a batch of its own, but keeps no images: undoing it again is
	// doing the action again.
	set := k.newChangeSet(run.Actor(), run.Job.ID)
	set.keepAfter = false
	for _, c := range contacts {
		back, stays := takeBack(c, groups[c.ID])
		done := len(stays) == 0
		before := len(set.changes)
		switch {
		case back == nil && done:
			set.erase(c)
		case back != nil && done && back.Version != c.Version:
			set.revert(undoEvent(c, *back), c, *back)
		case back != nil && len(changedFields(&c, back)) > 0 || back != nil && back.DeletedAt != c.DeletedAt:
			set.update(undoEvent(c, *back), c, *back)
		}
		switch {
		case !done:
			at.Kept++
			if len(at.KeptContacts) < maxKeptListed {
				at.KeptContacts = append(slices.Clip(at.KeptContacts), c.ID) // A transaction may run twice.
			}
			kept = append(kept, keptContact{contact: c.ID, images: groups[c.ID], stays: stays})
		case len(set.changes) > before:
			at.Changed++
		}
	}
	at.After = ids[len(ids)-1]
	if err := set.write(ctx, tx, ws); err != nil {
		return nil, err
	}
	return kept, tx.DeleteFingerprints(ctx, ws, ids, batch)
}

func undoEvent(before, after Contact) EventType {
	switch {
	case before.InTrash() && !after.InTrash():
		return EventContactRestored
	case !before.InTrash() && after.InTrash():
		return EventContactDeleted
	}
	return EventContactUpdated
}

func groupImages(images []Image) (map[ID][]Image, []ID) {
	groups := map[ID][]Image{}
	var ids []ID
	for _, i := range images {
		if len(groups[i.Contact]) == 0 {
			ids = append(ids, i.Contact)
		}
		groups[i.Contact] = append(groups[i.Contact], i)
	}
	return groups, ids
}

// takeBack returns what a contact becomes when a batch's images of it are
// taken back, oldest first, and the fields that stay, "contact" for all of it.
//
// A contact that nobody touched since becomes exactly what it was, nil where
// the batch made it. One that was touched goes back field by field, where a
// field still holds what the batch wrote; one that the batch made stays.
func takeBack(c Contact, images []Image) (back *Contact, stays []string) {
	first, last := images[0], images[len(images)-1]
	untouched := c.Version == last.Version
	if first.Before == nil {
		if untouched && c.LastInteractionAt.IsZero() { // Else somebody has begun to work with it.
			return nil, nil
		}
		return &c, []string{wholeContact}
	}
	before := *first.Before
	if untouched {
		before.PeakVersion = c.PeakVersion
		before.Score, before.LastInteractionAt = c.Score, c.LastInteractionAt
		return &before, nil
	}
	if last.After == nil {
		return &c, []string{wholeContact}
	}
	restored, stays := revertFields(c, before, *last.After)
	return &restored, stays
}

// revertFields sets the fields of c that still hold what was written back to
// what they were before, and names those that hold something else.
func revertFields(c, before, wrote Contact) (Contact, []string) {
	var stays []string
	for _, f := range contactFields() {
		switch {
		case f.same(&before, &wrote), f.same(&c, &before): // The batch left the field alone, or it is back already.
		case f.same(&c, &wrote):
			f.copy(&c, &before)
		case f.name == "tags":
			c.Tags = revertTags(c.Tags, before.Tags, wrote.Tags)
		case f.name == "fields":
			var keys []string
			c.Fields, keys = revertMap(c.Fields, before.Fields, wrote.Fields)
			stays = append(stays, keys...)
		default:
			stays = append(stays, f.name)
		}
	}
	if wrote.DeletedAt != before.DeletedAt && c.DeletedAt.Equal(wrote.DeletedAt) {
		c.DeletedAt = before.DeletedAt
	}
	return c, stays
}

// revertTags takes away what the batch added and brings back what it removed;
// tags that others added or removed since stay so.
func revertTags(now, before, wrote []string) []string {
	same := func(a, b string) bool { return FoldKey(a) == FoldKey(b) }
	holds := func(list []string, t string) bool {
		return slices.ContainsFunc(list, func(o string) bool { return same(o, t) })
	}
	var out []string
	for _, t := range now {
		if holds(before, t) || !holds(wrote, t) {
			out = append(out, t)
		}
	}
	for _, t := range before {
		if !holds(wrote, t) && !holds(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// revertMap goes back key by key and names, in order, those that stay.
func revertMap(now, before, wrote map[string]any) (map[string]any, []string) {
	var stays []string
	out := maps.Clone(now)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range wrote {
		old, had := before[k]
		switch {
		case reflect.DeepEqual(old, v):
		case had && reflect.DeepEqual(now[k], old), !had && now[k] == nil:
		case !reflect.DeepEqual(now[k], v):
			stays = append(stays, "fields."+k)
		case had:
			out[k] = old
		default:
			delete(out, k)
		}
	}
	slices.Sort(stays)
	if len(out) == 0 {
		return nil, stays
	}
	return out, stays
}
