package crm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// importChunk is how many records one transaction writes while nobody else
	// writes. Each changes a page of every index whose order is not that of the
	// file; the more records share a transaction, the more share the pages.
	importChunk = 2_000
	// importChunkShared is how many while other processes may wait for the
	// store's writer: about 50 ms of its time.
	importChunkShared = 500
	// importChunkBeside is how many while others of this process write too.
	importChunkBeside = 100
	// besideFor is how long after a write of somebody else chunks stay small.
	besideFor = time.Second
	// maxRecord bounds one record of a file, in bytes: a contact at all its
	// limits, 200 fields of 5,000 characters, has up to 4 MB.
	maxRecord = 5 << 20
	// maxChunkBytes ends a chunk of large records early, so that memory stays
	// bounded.
	maxChunkBytes = 4 << 20
)

// importTx is what an import does in a transaction: the same code runs against
// the store and against the notebook of a dry run.
type importTx interface {
	contactTx
	GetContacts(ctx context.Context, ws WorkspaceID, ids []ID) ([]Contact, error)
	CountContacts(ctx context.Context, ws WorkspaceID, where ContactCriteria, atMost int) (int, error)
	FindFingerprints(ctx context.Context, ws WorkspaceID, prints []Fingerprint) ([]FingerprintMark, error)
	PutFingerprints(ctx context.Context, ws WorkspaceID, marks []FingerprintMark) error
	PutImportRows(ctx context.Context, ws WorkspaceID, id ID, rows []ImportRow) error
}

// importEngine turns the records of one file into contacts.
type importEngine struct {
	core   *core
	rules  normalizer
	actor  Actor
	imp    Import
	reader ContactReader
	// signature makes fingerprints differ where the same record is read
	// differently.
	signature string
	read      atomic.Int64 // bytes
	// behind is where the import stood when the engine was made: the reading
	// side begins there, while the writing side moves imp on.
	behind int64
	// repeats says that the last chunk had records of an earlier import, and at
	// the beginning that it may.
	repeats atomic.Bool
	// callers is core.callers when the last chunk was begun, disturbed when it
	// was last seen to have grown.
	callers   int64
	disturbed time.Time
}

// importRecord is a record on its way.
type importRecord struct {
	row      int64
	print    Fingerprint
	contact  incomingContact
	id       ID
	problems []FieldError
	kept     []string
	dropped  []string
	// remarks say what of a record that is written was not taken as it stands.
	remarks []FieldError
	// known is the contact or interaction that an earlier import made of the
	// same record.
	known ID
	// history is set where the record is an interaction; interaction is made of
	// it when it is valid.
	history     *NewInteraction
	interaction *Interaction
}

// importChunkData is what the reading side hands to the writing side.
type importChunkData struct {
	records []importRecord
	err     error
}

func (s *ImportService) engine(ctx context.Context, actor Actor, i Import, file io.Reader) (*importEngine, error) {
	format, err := s.core.format(i.Format)
	if err != nil {
		return nil, err
	}
	w, err := s.core.workspaces.settings(ctx, actor.Workspace)
	if err != nil {
		return nil, err
	}
	e := &importEngine{core: s.core, rules: normalizer{phones: s.core.phones, region: w.Region}, actor: actor, imp: i, behind: i.Checkpoint}
	e.repeats.Store(true)
	e.reader, err = format.NewReader(&countingReader{r: file, n: &e.read}, ReadOptions{Mapping: i.Mapping, MaxRecord: maxRecord})
	if err != nil {
		return nil, err
	}
	var sig strings.Builder
	sig.WriteString(i.Format)
	for _, c := range e.reader.Columns() {
		sig.WriteByte(0)
		sig.WriteString(c.Target)
	}
	e.signature = sig.String()
	return e, nil
}

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// produce reads and prepares chunks ahead of the writer, until the end of the
// file or of ctx. It skips the records that are done already.
func (e *importEngine) produce(ctx context.Context, id ID, finder FingerprintStore, out chan<- importChunkData) {
	defer close(out)
	defer func() {
		if p := recover(); p != nil { // A format of somebody else's; its goroutine is ours.
			e.core.log.Error("reading an import panicked", "import", id, "panic", p, "stack", string(debug.Stack()))
			select {
			case out <- importChunkData{err: errPanicked}:
			case <-ctx.Done():
			}
		}
	}()
	row := int64(0)
	for {
		chunk, err := e.readChunk(&row)
		if len(chunk) > 0 {
			if lookErr := e.prepare(ctx, finder, chunk); lookErr != nil {
				chunk, err = nil, lookErr
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
			if len(chunk) == 0 {
				return
			}
		}
		select {
		case out <- importChunkData{chunk, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// readChunk reads up to importChunk records behind the checkpoint.
func (e *importEngine) readChunk(row *int64) ([]importRecord, error) {
	var chunk []importRecord
	limit := importChunk
	if s, ok := e.core.store.(SoleWriter); ok && !s.SoleWriter() {
		limit = importChunkShared
	}
	if now := e.core.callers.Load(); now != e.callers {
		e.callers, e.disturbed = now, time.Now()
	}
	if time.Since(e.disturbed) < besideFor {
		limit = importChunkBeside
	}
	for size := 0; len(chunk) < limit && size < maxChunkBytes; {
		r, err := e.reader.Next()
		if err != nil {
			return chunk, err
		}
		if chunk == nil {
			chunk = make([]importRecord, 0, limit)
		}
		*row++
		if *row <= e.behind {
			continue
		}
		size += len(r.Raw)
		chunk = append(chunk, e.draft(*row, r))
	}
	return chunk, nil
}

// draft takes over what was read; it is validated later, and only if its
// fingerprint is new.
func (e *importEngine) draft(row int64, r ImportRecord) importRecord {
	rec := importRecord{row: row, id: r.ID, problems: r.Problems, remarks: r.Remarks, print: fingerprintOf(e.signature, string(r.Raw))}
	if len(rec.problems) > 0 {
		return rec
	}
	if r.Interaction != nil {
		rec.draftInteraction(r)
		return rec
	}
	in := r.Contact
	rec.kept, rec.dropped = keepExtras(&in, slices.Concat(r.Extra, setAsideWebsites(&in), setAsideNotes(&in)))
	rec.dropped = slices.Concat(r.Dropped, rec.dropped)
	if in.Source == "" {
		in.Source = "import"
	}
	rec.contact = incomingContact{Contact: draftContact(in), Unnamed: in.unnamed()}
	return rec
}

// draftContact carries unvalidated input until prepare.
func draftContact(in NewContact) Contact {
	return Contact{
		DisplayName: in.DisplayName, GivenName: in.GivenName, FamilyName: in.FamilyName, Emails: in.Emails, Phones: in.Phones,
		Company: in.Company, JobTitle: in.JobTitle, Addresses: in.Addresses, Websites: in.Websites, Birthday: in.Birthday,
		Stage: in.Stage, Tags: in.Tags, Notes: in.Notes, Source: in.Source, SourceID: in.SourceID, Fields: in.Fields,
	}
}

// prepare validates the records that are new. It runs beside the writer, who
// looks the fingerprints up of all that is not known. Looking here already
// spares both the work on records of earlier imports, where there are any.
func (e *importEngine) prepare(ctx context.Context, finder FingerprintStore, chunk []importRecord) error {
	known := map[Fingerprint]ID{}
	if e.repeats.Load() {
		var err error
		if known, err = findPrints(ctx, finder, e.actor.Workspace, chunk); err != nil {
			return err
		}
	}
	for i := range chunk {
		r := &chunk[i]
		if r.known = known[r.print]; !r.known.IsZero() || len(r.problems) > 0 {
			continue
		}
		if r.history != nil {
			e.validateHistory(r)
			continue
		}
		c, err := e.rules.contact(r.contact.input())
		if err != nil {
			r.problems = asValidation(err).Fields
		}
		r.contact.Contact = c
		if err == nil {
			r.contact.derive() // Here it costs the writer nothing.
		}
	}
	return nil
}

func findPrints(ctx context.Context, finder interface {
	FindFingerprints(ctx context.Context, ws WorkspaceID, prints []Fingerprint) ([]FingerprintMark, error)
}, ws WorkspaceID, records []importRecord,
) (map[Fingerprint]ID, error) {
	known := map[Fingerprint]ID{}
	var prints []Fingerprint
	for _, r := range records {
		if r.known.IsZero() {
			prints = append(prints, r.print)
		}
	}
	if len(prints) == 0 {
		return known, nil
	}
	marks, err := finder.FindFingerprints(ctx, ws, prints)
	if err != nil {
		return nil, fmt.Errorf("find fingerprints: %w", err)
	}
	for _, m := range marks {
		known[m.Fingerprint] = m.Contact
	}
	return known, nil
}

// noteTrash is the note on a record whose contact lies in the trash.
func noteTrash() FieldError {
	return FieldError{Field: "contact", Code: "in_trash", Message: "the contact is in the trash; restore it to have it updated"}
}

// apply decides and writes one chunk and returns what became of its records.
func (e *importEngine) apply(ctx context.Context, tx importTx, chunk []importRecord) ([]ImportRow, error) {
	ws := e.actor.Workspace
	prints, err := findPrints(ctx, tx, ws, chunk)
	if err != nil {
		return nil, err
	}
	e.repeats.Store(len(prints) > 0 || slices.ContainsFunc(chunk, func(r importRecord) bool { return !r.known.IsZero() }))
	m, err := e.matcherFor(ctx, tx, chunk, prints)
	if err != nil {
		return nil, err
	}
	set := e.core.newChangeSet(e.actor, e.imp.ID)
	if d, ok := tx.(*dryRun); ok {
		set.newID = d.newID
	}
	work := newMergeSet(set, m)
	rows := make([]ImportRow, len(chunk))
	var marks []FingerprintMark
	history := false
	for i := range chunk {
		r := &chunk[i]
		if r.history != nil {
			history = true
			continue
		}
		seen := r.known
		if seen.IsZero() {
			seen = prints[r.print]
		}
		set.row = r.row
		rows[i] = e.decide(work, r, seen)
		if seen.IsZero() && !rows[i].Contact.IsZero() {
			marks = append(marks, FingerprintMark{Fingerprint: r.print, Contact: rows[i].Contact, Batch: e.imp.ID})
			prints[r.print] = rows[i].Contact
		}
	}
	if err := work.write(ctx, tx, ws); err != nil {
		return nil, err
	}
	if history {
		more, err := e.applyHistory(ctx, tx, chunk, prints, rows, set.newID)
		if err != nil {
			return nil, err
		}
		marks = append(marks, more...)
	}
	if len(marks) > 0 {
		if err := tx.PutFingerprints(ctx, ws, marks); err != nil {
			return nil, fmt.Errorf("put fingerprints: %w", err)
		}
	}
	if err := tx.PutImportRows(ctx, ws, e.imp.ID, rows); err != nil {
		return nil, fmt.Errorf("put rows: %w", err)
	}
	return rows, nil
}

// matcherFor loads what the chunk's new records could be, and, where there is
// a trash at all, the contacts of the known ones.
func (e *importEngine) matcherFor(ctx context.Context, tx importTx, chunk []importRecord, prints map[Fingerprint]ID) (*matcher, error) {
	ws := e.actor.Workspace
	var incoming []*derived
	var byID, known []ID
	for i := range chunk {
		r := &chunk[i]
		switch {
		case len(r.problems) > 0, r.history != nil:
		case !r.known.IsZero():
			known = append(known, r.known)
		case !prints[r.print].IsZero():
			known = append(known, prints[r.print])
		default:
			incoming = append(incoming, r.contact.derive())
			if !r.id.IsZero() {
				byID = append(byID, r.id)
			}
		}
	}
	m, err := newMatcher(ctx, tx, ws, incoming)
	if err != nil {
		return nil, err
	}
	if len(known) > 0 {
		trashed, err := tx.CountContacts(ctx, ws, ContactCriteria{Trash: true}, 0)
		if err != nil {
			return nil, fmt.Errorf("count the trash: %w", err)
		}
		if trashed > 0 {
			byID = append(byID, known...)
		}
	}
	return m, m.load(ctx, tx, ws, byID)
}

// decide is the whole rule for one record: a problem stays one, a record that
// was imported before changes nothing, our own id or the matching rule finds
// its contact, and the policy says what happens to it.
func (e *importEngine) decide(work *mergeSet, r *importRecord, seen ID) ImportRow {
	row := ImportRow{Row: r.row}
	if len(r.problems) > 0 {
		row.Outcome, row.Problems = RowProblem, slices.Concat(r.problems, r.remarks)
		return row
	}
	if !seen.IsZero() {
		row.Outcome, row.Contact = RowUnchanged, seen
		if c := work.matcher.contacts[seen]; c != nil && c.InTrash() {
			row.Problems = []FieldError{noteTrash()}
		}
		return row
	}
	result := e.put(work, r)
	row.Outcome, row.Candidates = result.Outcome, result.Candidates
	switch {
	case result.Err != nil:
		row.Problems = rowProblems(result.Err)
	case result.Contact != nil:
		row.Contact = result.Contact.ID
		if result.Contact.InTrash() {
			row.Problems = []FieldError{noteTrash()}
		}
	}
	if row.Outcome == RowCreated || row.Outcome == RowUpdated {
		row.Kept, row.Dropped, row.Problems = r.kept, r.dropped, slices.Concat(row.Problems, r.remarks)
	}
	return row
}

func (e *importEngine) put(work *mergeSet, r *importRecord) BatchResult {
	policy := e.imp.OnDuplicate
	own := work.matcher.contacts[r.id]
	if policy != DuplicateCreate && !r.id.IsZero() && own != nil && !own.ID.IsZero() && !otherOfSameSource(&r.contact.Contact, own) {
		return work.update(*own, r.contact, policy)
	}
	if policy == DuplicateCreate && len(work.matcher.holders[SourceKey(r.contact.Source, r.contact.SourceID)]) > 0 {
		// Another contact, as asked; but only one can carry the source's id.
		r.contact.SourceID, r.contact.made = "", nil
		r.dropped = append(slices.Clone(r.dropped), "sourceId")
		r.remarks = append(slices.Clone(r.remarks), FieldError{
			Field: "sourceId", Code: CodeDuplicate, Message: "belongs to another contact of the source; this one was made without it",
		})
	}
	return work.put(r.contact, policy)
}

func rowProblems(err error) []FieldError {
	if v, ok := errors.AsType[*ValidationError](err); ok {
		return v.Fields
	}
	message := err.Error()
	if c := asConflict(err); c != nil {
		message = c.Message
	}
	return []FieldError{{Field: "sourceId", Code: CodeDuplicate, Message: message}}
}

func (c *ImportCounts) add(rows []ImportRow) {
	for _, r := range rows {
		c.Rows++
		c.Kept += int64(len(r.Kept))
		c.Dropped += int64(len(r.Dropped))
		switch r.Outcome {
		case RowCreated:
			c.Created++
		case RowUpdated:
			c.Updated++
		case RowUnchanged:
			c.Unchanged++
		case RowAmbiguous:
			c.Ambiguous++
		case RowProblem:
			c.Problems++
		}
	}
}

// chunks runs the reading side beside do and ends both.
func (e *importEngine) chunks(ctx context.Context, do func([]importRecord) error) error {
	readCtx, stop := context.WithCancel(ctx)
	ahead := make(chan importChunkData, 2)
	go e.produce(readCtx, e.imp.ID, e.core.store, ahead)
	defer func() {
		stop()
		for range ahead { // The reading side has ended when its channel has.
		}
	}()
	for chunk := range ahead {
		if len(chunk.records) > 0 && chunk.err == nil {
			chunk.err = do(chunk.records)
		}
		if chunk.err != nil {
			return chunk.err
		}
	}
	return ctx.Err()
}
