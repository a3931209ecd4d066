package crm

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// The records of a file that are interactions. They are decided after the
// contacts of the same chunk are written, so that they are linked to those.
//
// An interaction that is there already, by our own id or by its source and
// source id, is left as it is: it tells what happened, and what somebody changed
// about it since is worth more than the file. Under [DuplicateCreate] it is made
// once more, without the source's id.

// draftInteraction takes over what was read.
func (rec *importRecord) draftInteraction(r ImportRecord) {
	in := *r.Interaction
	if in.Source == "" {
		in.Source = "import"
	}
	rec.history, rec.dropped = &in, r.Dropped
}

// validateHistory makes an interaction of the input, or problems.
func (e *importEngine) validateHistory(r *importRecord) {
	i, err := e.rules.interaction(*r.history, e.core.now())
	if err != nil {
		r.problems = asValidation(err).Fields
		return
	}
	r.interaction = &i
}

// applyHistory decides and writes the interactions of a chunk: it fills the rows
// of theirs and returns their marks.
func (e *importEngine) applyHistory(ctx context.Context, tx importTx, chunk []importRecord, prints map[Fingerprint]ID, rows []ImportRow, newID func() ID) ([]FingerprintMark, error) {
	h, err := e.openHistory(ctx, tx, chunk, prints)
	if err != nil {
		return nil, err
	}
	h.set.newID = newID
	var marks []FingerprintMark
	for n := range chunk {
		r := &chunk[n]
		if r.history == nil {
			continue
		}
		rows[n] = ImportRow{Row: r.row}
		seen := r.known
		if seen.IsZero() {
			seen = prints[r.print]
		}
		h.decide(r, seen, &rows[n])
		if seen.IsZero() && !rows[n].Interaction.IsZero() {
			marks = append(marks, FingerprintMark{Fingerprint: r.print, Contact: rows[n].Interaction, Batch: e.imp.ID})
			prints[r.print] = rows[n].Interaction
		}
	}
	return marks, h.set.write(ctx, tx, e.actor.Workspace)
}

// importHistory is what the decisions about a chunk's interactions need.
type importHistory struct {
	set    *interactionSet
	policy OnDuplicate
	refs   map[SourceRef]ID
	own    map[ID]bool
}

// openHistory loads what the chunk's new interactions could be, and links them.
func (e *importEngine) openHistory(ctx context.Context, tx importTx, chunk []importRecord, prints map[Fingerprint]ID) (*importHistory, error) {
	ws := e.actor.Workspace
	h := &importHistory{set: e.core.newInteractionSet(e.actor, e.imp.ID), policy: e.imp.OnDuplicate, own: map[ID]bool{}}
	var fresh []*Interaction
	var refs []SourceRef
	var ids []ID
	for n := range chunk {
		r := &chunk[n]
		if r.interaction == nil || !r.known.IsZero() || !prints[r.print].IsZero() {
			continue
		}
		own := *r.interaction // A transaction may run twice.
		own.Participants = slices.Clone(own.Participants)
		r.interaction = &own
		fresh = append(fresh, r.interaction)
		if own.SourceID != "" {
			refs = append(refs, own.ref())
		}
		if !r.id.IsZero() {
			ids = append(ids, r.id)
		}
	}
	h.refs = map[SourceRef]ID{}
	for part := range slices.Chunk(refs, MaxBatch) {
		found, err := tx.FindInteractions(ctx, ws, part)
		if err != nil {
			return nil, fmt.Errorf("find interactions: %w", err)
		}
		maps.Copy(h.refs, found)
	}
	for part := range slices.Chunk(ids, MaxBatch) {
		found, err := tx.GetInteractions(ctx, ws, part)
		if err != nil {
			return nil, fmt.Errorf("get interactions: %w", err)
		}
		for _, i := range found {
			h.own[i.ID] = true
		}
	}
	if err := dropAbsent(ctx, tx, ws, fresh); err != nil {
		return nil, err
	}
	return h, linkParticipants(ctx, tx, ws, fresh)
}

// ref names an interaction by its source.
func (i Interaction) ref() SourceRef { return SourceRef{Source: i.Source, SourceID: i.SourceID} }

// dropAbsent unlinks the contacts that the workspace does not have: the file is
// of another instance, where they have other ids. Their addresses find them.
func dropAbsent(ctx context.Context, tx matchTx, ws WorkspaceID, list []*Interaction) error {
	there, err := presentContacts(ctx, tx, ws, list)
	if err != nil {
		return err
	}
	for _, i := range list {
		for n := range i.Participants {
			if !there[i.Participants[n].Contact] {
				i.Participants[n].Contact = ID{}
			}
		}
	}
	return nil
}

// decide is the whole rule for one interaction.
func (h *importHistory) decide(r *importRecord, seen ID, row *ImportRow) {
	switch {
	case len(r.problems) > 0:
		row.Outcome, row.Problems = RowProblem, slices.Concat(r.problems, r.remarks)
		return
	case !seen.IsZero():
		row.Outcome, row.Interaction = RowUnchanged, seen
		return
	}
	i := *r.interaction
	holder, taken := h.refs[i.ref()]
	switch {
	case h.policy != DuplicateCreate && h.own[r.id]:
		row.Outcome, row.Interaction = RowUnchanged, r.id
		return
	case h.policy != DuplicateCreate && taken:
		row.Outcome, row.Interaction = RowUnchanged, holder
		return
	case taken:
		i.SourceID = ""
		row.Dropped = append(row.Dropped, "sourceId")
		row.Problems = append(row.Problems, FieldError{
			Field: "sourceId", Code: CodeDuplicate, Message: "belongs to another interaction of the source; this one was made without it",
		})
	}
	made := h.set.create(i)
	if made.SourceID != "" {
		h.refs[made.ref()] = made.ID
	}
	row.Outcome, row.Interaction = RowCreated, made.ID
	row.Dropped, row.Problems = slices.Concat(row.Dropped, r.dropped), slices.Concat(row.Problems, r.remarks)
}

// undoHistory takes back the interactions of an import that nobody has changed
// since, and returns how many stay. Doing it twice is nothing, so that it needs
// no checkpoint.
func (s *ImportService) undoHistory(ctx context.Context, run *JobRun, id ID) (kept map[ID]bool, err error) {
	ws := run.Job.Workspace
	kept = map[ID]bool{}
	var after ID
	for {
		ids, err := s.core.store.ListInteractionIDs(ctx, ws, InteractionCriteria{Batch: id}, after, undoPage)
		if err != nil {
			return nil, fmt.Errorf("list interactions: %w", err)
		}
		if len(ids) == 0 {
			return kept, nil
		}
		var stay []ID
		err = run.InTx(ctx, JobStep{}, func(tx Tx) error {
			stay = nil
			found, err := tx.GetInteractions(ctx, ws, ids)
			if err != nil {
				return err
			}
			set := s.core.newInteractionSet(run.Actor(), run.Job.ID)
			for _, i := range found {
				if i.Edited {
					stay = append(stay, i.ID)
				} else {
					set.remove(i)
				}
			}
			return set.write(ctx, tx, ws)
		})
		if err != nil {
			return nil, fmt.Errorf("take interactions back: %w", err)
		}
		for _, i := range stay {
			kept[i] = true
		}
		after = ids[len(ids)-1]
	}
}

// noteKeptHistory marks the rows of the interactions that an undo leaves.
func (s *ImportService) noteKeptHistory(ctx context.Context, run *JobRun, id ID, kept map[ID]bool) error {
	ws := run.Job.Workspace
	q := ImportRowQuery{Outcomes: []RowOutcome{RowCreated}, Limit: MaxBatch}
	for len(kept) > 0 {
		rows, err := s.core.store.ListImportRows(ctx, ws, id, q)
		if err != nil {
			return fmt.Errorf("list rows: %w", err)
		}
		var noted []ImportRow
		for _, r := range rows {
			q.After = r.Row
			if kept[r.Interaction] {
				r.Outcome = RowKept
				r.Problems = []FieldError{{Field: SubjectInteraction, Code: CodeKeptEdited, Message: "was edited since it was made, and stays"}}
				noted = append(noted, r)
			}
		}
		if len(noted) > 0 {
			err := run.InTx(ctx, JobStep{}, func(tx Tx) error { return tx.PutImportRows(ctx, ws, id, noted) })
			if err != nil {
				return fmt.Errorf("note kept rows: %w", err)
			}
		}
		if len(rows) < q.Limit {
			break
		}
	}
	return nil
}
