package crmtest_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

type (
	imagesByVersion   struct{ memTx }
	imagesCut         struct{ memTx }
	imagesLeft        struct{ memTx }
	tagsRenamed       struct{ memTx }
	tagsOfNobody      struct{ tagsRemembered }
	tagsRemembered    struct{ memTx }
	tagsByCount       struct{ memTx }
	rowsFirst         struct{ memTx }
	rowsFirstOfCall   struct{ memTx }
	rowsKeptMissed    struct{ memTx }
	rowsDroppedMissed struct{ memTx }
	imagesWithoutRow  struct{ memTx }
	importsAscending  struct{ memTx }
	importsOfAll      struct{ memTx }
	jobsOfAll         struct{ memTx }
	importsOpen       struct{ memTx }
	printsReplaced    struct{ memTx }
	printsAll         struct{ memTx }
	answersLost       struct{ memTx }
)

func (t imagesByVersion) ListImages(ctx context.Context, ws crm.WorkspaceID, batch, after crm.ID, limit int) ([]crm.Image, error) {
	images, err := t.memTx.ListImages(ctx, ws, batch, after, limit)
	slices.SortFunc(images, func(a, b crm.Image) int { return int(a.Version - b.Version) })
	return images, err
}

func (t imagesCut) ListImages(ctx context.Context, ws crm.WorkspaceID, batch, after crm.ID, limit int) ([]crm.Image, error) {
	images, err := t.memTx.ListImages(ctx, ws, batch, after, limit)
	return firstOf(images, limit), err
}

func (t imagesLeft) DeleteImages(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return t.memTx.DeleteImages(ctx, ws, firstOf(contacts, 1))
}

func (t tagsRenamed) AddTagCounts(ctx context.Context, ws crm.WorkspaceID, deltas []crm.TagDelta) error {
	return t.write(ctx, func(s *state) error {
		for _, d := range deltas {
			key := of[string]{ws, d.Key}
			s.tags[key] = crm.Tag{Key: d.Key, Name: d.Name, Count: s.tags[key].Count + d.Delta}
		}
		return nil
	})
}

func (t tagsRemembered) AddTagCounts(ctx context.Context, ws crm.WorkspaceID, deltas []crm.TagDelta) error {
	return t.write(ctx, func(s *state) error {
		for _, d := range deltas {
			key := of[string]{ws, d.Key}
			tag, ok := s.tags[key]
			if !ok {
				tag = crm.Tag{Key: d.Key, Name: d.Name}
			}
			tag.Count += d.Delta
			s.tags[key] = tag
		}
		return nil
	})
}

func (t tagsOfNobody) ListTags(_ context.Context, ws crm.WorkspaceID) ([]crm.Tag, error) {
	s, err := t.read()
	tags := mine(s.tags, ws)
	slices.SortFunc(tags, func(a, b crm.Tag) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) })
	return tags, err
}

func (t tagsByCount) ListTags(ctx context.Context, ws crm.WorkspaceID) ([]crm.Tag, error) {
	tags, err := t.memTx.ListTags(ctx, ws)
	slices.SortStableFunc(tags, func(a, b crm.Tag) int { return b.Count - a.Count })
	return tags, err
}

func (t rowsFirst) PutImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, rows []crm.ImportRow) error {
	s, err := t.read()
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(slices.Clone(rows), func(r crm.ImportRow) bool {
		_, there := s.rows[of[rowKey]{ws, rowKey{id, r.Row}}]
		return there
	})
	return t.memTx.PutImportRows(ctx, ws, id, rows)
}

func (t rowsFirstOfCall) PutImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, rows []crm.ImportRow) error {
	rows = slices.Clone(rows)
	slices.Reverse(rows)
	return t.memTx.PutImportRows(ctx, ws, id, rows)
}

func (t rowsKeptMissed) ListImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, q crm.ImportRowQuery) ([]crm.ImportRow, error) {
	rows, err := t.memTx.ListImportRows(ctx, ws, id, q)
	return slices.DeleteFunc(rows, func(r crm.ImportRow) bool { return q.NotAsItStood && len(r.Kept) > 0 }), err
}

func (t imagesWithoutRow) PutImages(ctx context.Context, ws crm.WorkspaceID, images []crm.Image) error {
	images = slices.Clone(images)
	for i := range images {
		images[i].Row = 0
	}
	return t.memTx.PutImages(ctx, ws, images)
}

func (t rowsDroppedMissed) ListImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, q crm.ImportRowQuery) ([]crm.ImportRow, error) {
	rows, err := t.memTx.ListImportRows(ctx, ws, id, q)
	return slices.DeleteFunc(rows, func(r crm.ImportRow) bool { return q.NotAsItStood && len(r.Dropped) > 0 }), err
}

func (t importsOfAll) CountImports(ctx context.Context, ws crm.WorkspaceID, _ crm.ID) (int, error) {
	return t.memTx.CountImports(ctx, ws, crm.ID{})
}

func (t jobsOfAll) CountJobs(ctx context.Context, ws crm.WorkspaceID, q crm.JobQuery) ([]crm.JobCount, error) {
	q.User = crm.ID{}
	return t.memTx.CountJobs(ctx, ws, q)
}

func (t importsAscending) ListImports(ctx context.Context, ws crm.WorkspaceID, q crm.ImportQuery) ([]crm.Import, error) {
	imports, err := t.memTx.ListImports(ctx, ws, q)
	slices.Reverse(imports)
	return imports, err
}

// importsOpen takes "no scopes" for "any scope".
func (t importsOpen) GetImport(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Import, error) {
	i, err := t.memTx.GetImport(ctx, ws, id)
	if len(i.Actor.Scopes) == 0 {
		i.Actor.Scopes = nil
	}
	return i, err
}

func (t printsReplaced) PutFingerprints(ctx context.Context, ws crm.WorkspaceID, marks []crm.FingerprintMark) error {
	return t.write(ctx, func(s *state) error {
		for _, mark := range marks {
			s.prints[of[crm.Fingerprint]{ws, mark.Fingerprint}] = mark
		}
		return nil
	})
}

func (t printsAll) DeleteFingerprints(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, _ crm.ID) error {
	return t.memTx.DeleteFingerprints(ctx, ws, contacts, crm.ID{})
}

func (t answersLost) GetIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, key string) (crm.IdempotencyRecord, error) {
	r, err := t.memTx.GetIdempotencyRecord(ctx, ws, key)
	if r.Answer != nil {
		a := *r.Answer
		a.Header = nil
		r.Answer = &a
	}
	return r, err
}

func recordFaults() []fault {
	return []fault{
		{name: "images come in another order", part: "images", red: "by_contact", store: breakTx(func(t memTx) crm.Tx { return imagesByVersion{t} })},
		{name: "a page of images cuts a contact in two", part: "images", red: "a_page_ends", store: breakTx(func(t memTx) crm.Tx { return imagesCut{t} })},
		{name: "images of one contact only are deleted", part: "images", red: "deleting_removes", store: breakTx(func(t memTx) crm.Tx { return imagesLeft{t} })},
		{name: "a tag takes the last spelling", part: "tags", red: "keeps_its_spelling", store: breakTx(func(t memTx) crm.Tx { return tagsRenamed{t} })},
		{name: "tags that nobody carries are listed", part: "tags", red: "nobody_carries", store: breakTx(func(t memTx) crm.Tx { return tagsOfNobody{tagsRemembered{t}} })},
		{name: "the name of a tag that nobody carries is kept", part: "tags", red: "name_and_all", store: breakTx(func(t memTx) crm.Tx { return tagsRemembered{t} })},
		{name: "tags are listed by count", part: "tags", red: "listed_by_key", store: breakTx(func(t memTx) crm.Tx { return tagsByCount{t} })},
		{name: "a row that is there stays", part: "imports", red: "is_replaced", store: breakTx(func(t memTx) crm.Tx { return rowsFirst{t} })},
		{name: "the first row of a number stays", part: "imports", red: "the_last_row_stays", store: breakTx(func(t memTx) crm.Tx { return rowsFirstOfCall{t} })},
		{name: "rows with kept values pass for as they stood", part: "imports", red: "filtered_by_outcome", store: breakTx(func(t memTx) crm.Tx { return rowsKeptMissed{t} })},
		{name: "one user's imports are counted as everybody's", part: "imports", red: "one_user", store: breakTx(func(t memTx) crm.Tx { return importsOfAll{t} })},
		{name: "one user's jobs are counted as everybody's", part: "jobs/rows", red: "are_counted_by_kind", store: breakTx(func(t memTx) crm.Tx { return jobsOfAll{t} })},
		{name: "rows with dropped values pass for as they stood", part: "imports", red: "filtered_by_outcome", store: breakTx(func(t memTx) crm.Tx { return rowsDroppedMissed{t} })},
		{name: "images forget the row of their import", part: "images", red: "comes_back_exactly", store: breakTx(func(t memTx) crm.Tx { return imagesWithoutRow{t} })},
		{name: "imports are listed oldest first", part: "imports", red: "newest_first", store: breakTx(func(t memTx) crm.Tx { return importsAscending{t} })},
		{name: "an actor without scopes may do everything", part: "imports", red: "an_import_comes_back", store: breakTx(func(t memTx) crm.Tx { return importsOpen{t} })},
		{name: "fingerprints are overwritten", part: "fingerprints", red: "the_first_contact", store: breakTx(func(t memTx) crm.Tx { return printsReplaced{t} })},
		{name: "fingerprints of every batch are forgotten", part: "fingerprints", red: "with_a_batch", store: breakTx(func(t memTx) crm.Tx { return printsAll{t} })},
		{name: "a saved answer loses its header", part: "idempotency", red: "a_record_comes_back", store: breakTx(func(t memTx) crm.Tx { return answersLost{t} })},
	}
}

type (
	halfBlobs     struct{ blobs }
	restBlobs     struct{ blobs }
	cutBlobs      struct{ blobs }
	startBlobs    struct{ blobs }
	replacedBlobs struct{ blobs }
	youngBlobs    struct{ blobs }
	firstBlobs    struct{ blobs }
)

// PutBlob shows the blob before it is whole.
func (b halfBlobs) PutBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, r io.Reader) (int64, error) {
	if _, err := b.blobs.PutBlob(ctx, ws, id, bytes.NewReader(nil)); err != nil {
		return 0, err
	}
	content, err := io.ReadAll(r)
	if err == nil {
		err = b.m.write(ctx, func(s *state) error { s.blobs[of[crm.ID]{ws, id}] = storedBlob{content, time.Now()}; return nil })
	} else if cleared := b.DeleteBlob(ctx, ws, id); cleared != nil {
		err = cleared
	}
	return int64(len(content)), err
}

// PutBlob leaves what came before the reader failed.
func (b restBlobs) PutBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, r io.Reader) (int64, error) {
	content, failed := io.ReadAll(r)
	n, err := b.blobs.PutBlob(ctx, ws, id, bytes.NewReader(content))
	if err == nil {
		err = failed
	}
	return n, err
}

// PutBlob keeps one chunk.
func (b cutBlobs) PutBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, r io.Reader) (int64, error) {
	return b.blobs.PutBlob(ctx, ws, id, io.LimitReader(r, 1<<18))
}

func (b startBlobs) OpenBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, _ int64) (io.ReadCloser, error) {
	return b.blobs.OpenBlob(ctx, ws, id, 0)
}

// ListBlobs lists what is still on its way to its owner.
func (b youngBlobs) ListBlobs(ctx context.Context, ws crm.WorkspaceID, before time.Time, after crm.ID, limit int) ([]crm.ID, error) {
	return b.blobs.ListBlobs(ctx, ws, before.Add(24*time.Hour), after, limit)
}

// ListBlobs begins at the start again for every page.
func (b firstBlobs) ListBlobs(ctx context.Context, ws crm.WorkspaceID, before time.Time, _ crm.ID, limit int) ([]crm.ID, error) {
	return b.blobs.ListBlobs(ctx, ws, before, crm.ID{}, limit)
}

func (b replacedBlobs) PutBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, r io.Reader) (int64, error) {
	if err := b.DeleteBlob(ctx, ws, id); err != nil {
		return 0, err
	}
	return b.blobs.PutBlob(ctx, ws, id, r)
}

func blobFaults() []fault {
	breakBlobs := func(wrap func(b blobs) crm.Blobs) func() crm.Store {
		return breakParts(func(m *memStore, p *parts) { p.Blobs = wrap(blobs{m}) })
	}
	return []fault{
		{name: "a blob is seen when it is half there", part: "blobs", red: "before_it_is_whole", store: breakBlobs(func(b blobs) crm.Blobs { return halfBlobs{b} })},
		{name: "a failed upload leaves something", part: "blobs", red: "a_failing_reader", store: breakBlobs(func(b blobs) crm.Blobs { return restBlobs{b} })},
		{name: "a blob ends with its first chunk", part: "blobs", red: "any_size", store: breakBlobs(func(b blobs) crm.Blobs { return cutBlobs{b} })},
		{name: "a blob is always read from its start", part: "blobs", red: "any_offset", store: breakBlobs(func(b blobs) crm.Blobs { return startBlobs{b} })},
		{name: "young blobs are listed as old ones", part: "blobs", red: "listed_by_id", store: breakBlobs(func(b blobs) crm.Blobs { return youngBlobs{b} })},
		{name: "every page of blobs is the first", part: "blobs", red: "listed_by_id", store: breakBlobs(func(b blobs) crm.Blobs { return firstBlobs{b} })},
		{name: "a blob is overwritten", part: "blobs", red: "an_id_that_is_taken", store: breakBlobs(func(b blobs) crm.Blobs { return replacedBlobs{b} })},
	}
}

// others are the faults of what crosses workspaces.
type (
	purgesNewest    struct{ system }
	purgesAll       struct{ system }
	neverCloses     struct{ system }
	recounts        struct{ system }
	probesLoudly    struct{ system }
	probesPatiently struct{ system }
	neverProbes     struct{ system }
)

func (y purgesNewest) PurgeCandidates(ctx context.Context, before time.Time, limit int) ([]crm.WorkspaceContact, error) {
	found, err := y.system.PurgeCandidates(ctx, before, 1_000)
	slices.Reverse(found)
	return firstOf(found, limit), err
}

func (y purgesAll) PurgeImages(ctx context.Context, before time.Time, _ int) (int, error) {
	return y.system.PurgeImages(ctx, before, 1_000)
}

func (y neverCloses) Close() error { return nil }

// ProbeWrite writes what everybody sees.
func (y probesLoudly) ProbeWrite(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return memTx{read: y.m.read, write: y.m.write}.PutWorkspace(ctx, crm.Workspace{ID: crm.WorkspaceID{1}, Name: "probe", Version: 1}, 0)
}

// ProbeWrite waits for its turn however long that takes.
func (y probesPatiently) ProbeWrite(ctx context.Context) error {
	return y.m.write(ctx, func(*state) error { return nil })
}

// ProbeWrite looks at nothing.
func (y neverProbes) ProbeWrite(ctx context.Context) error { return ctx.Err() }

// RecountContacts mends by removing what it cannot explain: everything.
func (y recounts) RecountContacts(ctx context.Context, ws crm.WorkspaceID) error {
	return y.m.write(ctx, func(s *state) error {
		maps.DeleteFunc(s.contacts, func(key of[crm.ID], _ crm.ContactWrite) bool { return key.ws != ws })
		return nil
	})
}

// idlest turns the order of the busy workspaces round.
type idlest struct{ system }

func (y idlest) BusyWorkspaces(ctx context.Context, limit int) ([]crm.WorkspaceID, error) {
	busy, err := y.system.BusyWorkspaces(ctx, 1_000)
	slices.Reverse(busy)
	return firstOf(busy, limit), err
}

func systemFaults() []fault {
	breakSystem := func(wrap func(y system) crm.SystemStore) func() crm.Store {
		return breakParts(func(m *memStore, p *parts) { p.SystemStore = wrap(system{m}) })
	}
	return []fault{
		{name: "the newest are purged first", part: "system", red: "oldest_first", store: breakSystem(func(y system) crm.SystemStore { return purgesNewest{y} })},
		{name: "images are purged without limit", part: "system", red: "old_images", store: breakSystem(func(y system) crm.SystemStore { return purgesAll{y} })},
		{name: "the idlest workspace is called the busiest", part: "system", red: "the_busiest", store: breakSystem(func(y system) crm.SystemStore { return idlest{y} })},
		{name: "a closed store goes on", part: "system", red: "a_closed_store", store: breakSystem(func(y system) crm.SystemStore { return neverCloses{y} })},
		{name: "a probe of writes is seen", part: "system", red: "leaves_nothing", store: breakSystem(func(y system) crm.SystemStore { return probesLoudly{y} })},
		{name: "a probe of writes waits for ever", part: "system", red: "waits_no_longer", store: breakSystem(func(y system) crm.SystemStore { return probesPatiently{y} })},
		{name: "a probe of writes looks at nothing", part: "system", red: "a_closed_store", store: breakSystem(func(y system) crm.SystemStore { return neverProbes{y} })},
		{name: "a recount changes another workspace", part: "figures", red: "a_recount", store: breakSystem(func(y system) crm.SystemStore { return recounts{y} })},
	}
}
