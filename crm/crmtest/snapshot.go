package crmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testSnapshot(t *testing.T, open func(testing.TB) crm.Store) {
	// Workspaces are listed across the store, so each test has one of its own.
	for _, test := range []storeTest{
		{"a view has every record of every kind", testViewKinds},
		{"a view lists batches and fingerprints page by page", testViewPages},
		{"a view stays at its moment whatever is written", testViewMoment},
		{"views among writers hold whole transactions", testViewAmongWriters},
		{"a view shows nothing of another workspace", testViewTenancy},
		{"an error of the function comes back as it is", testViewError},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(newFixture(t, open(t)))
		})
	}
}

// viewed is everything that a view has of a workspace, by kind.
type viewed map[string][]string

func (f *fixture) inView(fn func(view crm.Snapshot)) {
	f.Helper()
	f.ok("InSnapshot", f.s.InSnapshot(f.Context(), func(view crm.Snapshot) error {
		fn(view)
		return nil
	}))
}

// view reads everything that a view has of the workspace, with the batch, import
// and blob of the ids.
func (f *fixture) view(view crm.Snapshot, ids idSet) viewed {
	f.Helper()
	v := viewed{}
	ctx := f.Context()
	spaces, err1 := view.ListWorkspaces(ctx, crm.WorkspaceID{}, 1_000)
	spaces = slices.DeleteFunc(spaces, func(w crm.Workspace) bool { return w.ID != f.ws })
	v["workspace"] = lines(spaces)
	for _, trash := range []bool{false, true} {
		found, err2 := view.ListContactIDs(ctx, f.ws, crm.ContactCriteria{Trash: trash}, crm.ID{}, 1_000)
		contacts, err3 := view.GetContacts(ctx, f.ws, found)
		f.ok("reading contacts of the view", errors.Join(err2, err3))
		v[fmt.Sprintf("contacts, trash %t", trash)] = lines(contacts)
	}
	found, err4 := view.ListInteractionIDs(ctx, f.ws, crm.InteractionCriteria{}, crm.ID{}, 1_000)
	interactions, err5 := view.GetInteractions(ctx, f.ws, found)
	tags, err6 := view.ListTags(ctx, f.ws)
	jobs, err7 := view.ListJobs(ctx, f.ws, crm.JobQuery{Limit: 1_000})
	events, err8 := view.ListEvents(ctx, f.ws, 0, 1_000)
	images, err9 := view.ListImages(ctx, f.ws, ids.batch, crm.ID{}, 1_000)
	batches, err10 := view.ListImageBatches(ctx, f.ws, crm.ID{}, 1_000)
	imports, err11 := view.ListImports(ctx, f.ws, crm.ImportQuery{Limit: 1_000})
	rows, err12 := view.ListImportRows(ctx, f.ws, ids.imp, crm.ImportRowQuery{Limit: 1_000})
	prints, err13 := view.ListFingerprints(ctx, f.ws, crm.Fingerprint{}, 1_000)
	blobs, err14 := view.ListBlobs(ctx, f.ws, time.Now().Add(time.Hour), crm.ID{}, 1_000)
	f.ok("reading the view", errors.Join(err1, err4, err5, err6, err7, err8, err9, err10, err11, err12, err13, err14))
	v["interactions"], v["tags"], v["jobs"], v["events"], v["images"] = lines(interactions), lines(tags), lines(jobs), lines(events), lines(images)
	v["batches"], v["imports"], v["rows"], v["fingerprints"], v["blobs"] = lines(batches), lines(imports), lines(rows), lines(prints), lines(blobs)
	v["content"] = f.viewBlob(view, ids.blob)
	return v
}

func (f *fixture) viewBlob(view crm.Snapshot, id crm.ID) []string {
	f.Helper()
	r, err := view.OpenBlob(f.Context(), f.ws, id, 0)
	if errors.Is(err, crm.ErrNotFound) {
		return nil
	}
	f.ok("OpenBlob of the view", err)
	text, err := io.ReadAll(r)
	f.ok("reading a blob of the view", errors.Join(err, r.Close()))
	return []string{string(text)}
}

// diff says in which kind v is not as want, or returns "".
func (v viewed) diff(want viewed) string {
	for kind, rows := range want {
		if !slices.Equal(v[kind], rows) {
			return fmt.Sprintf("%s:\n got %s\nwant %s", kind, v[kind], rows)
		}
	}
	return ""
}

// fill writes a world with a blob.
func (f *fixture) fill(ids idSet, text string) {
	f.Helper()
	f.inTx(func(tx crm.Tx) error { return writeWorldAs(f.Context(), tx, f.ws, ids, text) })
	_, err := f.s.PutBlob(f.Context(), f.ws, ids.blob, strings.NewReader("content of "+text))
	f.ok("PutBlob", err)
	f.awaitEvents(1)
}

func testViewKinds(f *fixture) {
	ids := worldIDs(f.ws)
	f.fill(ids, "one")
	f.in("other").fill(worldIDs(f.in("other").ws), "two")
	want := f.dumpAs(ids)
	marks, err := f.s.FindFingerprints(f.Context(), f.ws, []crm.Fingerprint{ids.print})
	f.ok("FindFingerprints", err)
	f.inView(func(view crm.Snapshot) {
		got := f.view(view, ids)
		all := slices.Concat(got["contacts, trash false"], got["contacts, trash true"])
		for kind, pair := range map[string][2][]string{
			"workspace": {got["workspace"], want.workspace}, "contacts": {all, want.contacts}, "interactions": {got["interactions"], want.interactions},
			"tags": {got["tags"], want.tags}, "jobs": {got["jobs"], want.jobs}, "events": {got["events"], want.events}, "images": {got["images"], want.images},
			"batches": {got["batches"], lines([]crm.ID{ids.batch})}, "imports": {got["imports"], want.imports}, "rows": {got["rows"], want.rows},
			"fingerprints": {got["fingerprints"], lines(marks)}, "blobs": {got["blobs"], lines([]crm.ID{ids.blob})}, "content": {got["content"], []string{"content of one"}},
		} {
			if !slices.Equal(pair[0], pair[1]) || len(pair[0]) == 0 {
				f.Errorf("%s of the view:\n got %s\nwant %s", kind, pair[0], pair[1])
			}
		}
	})
}

func testViewPages(f *fixture) {
	var images []crm.Image
	var marks []crm.FingerprintMark
	var batches []crm.ID
	for n := range 10 {
		batch := f.id(500 + n/2)
		images = append(images, crm.Image{Contact: f.id(10 - n), Version: 1, Batch: batch, At: day()})
		marks = append(marks, crm.FingerprintMark{Fingerprint: crm.Fingerprint(f.id(30 - n)), Contact: f.id(n), Batch: f.id(500)})
		if n%2 == 0 {
			batches = append(batches, batch)
		}
	}
	images = append(images, crm.Image{Contact: f.id(1), Version: 2, At: day()}) // Of no batch.
	f.ok("PutImages", f.s.PutImages(f.Context(), f.ws, images))
	f.ok("PutFingerprints", f.s.PutFingerprints(f.Context(), f.ws, marks))
	slices.Reverse(marks)
	f.inView(func(view crm.Snapshot) {
		got := f.inPages(2, func(after crm.ID) ([]crm.ID, error) { return view.ListImageBatches(f.Context(), f.ws, after, 2) })
		wantIDs(f.T, "ListImageBatches, 2 at a time", got, batches)
		var found []crm.FingerprintMark
		f.inPages(3, func(after crm.ID) ([]crm.ID, error) {
			page, err := view.ListFingerprints(f.Context(), f.ws, crm.Fingerprint(after), 3)
			var last []crm.ID
			for _, m := range page {
				last = append(last, crm.ID(m.Fingerprint))
			}
			found = append(found, page...)
			return last, err
		})
		if !slices.Equal(found, marks) {
			f.Errorf("ListFingerprints, 3 at a time:\n got %v\nwant %v", lines(found), lines(marks))
		}
	})
}

// inPages reads pages of a size until one is not full.
func (f *fixture) inPages(size int, page func(after crm.ID) ([]crm.ID, error)) []crm.ID {
	f.Helper()
	var all []crm.ID
	var after crm.ID
	for range 50 {
		some, err := page(after)
		f.ok("a page", err)
		if len(some) > size {
			f.Fatalf("a page: got %d, want at most %d", len(some), size)
		}
		all = append(all, some...)
		if len(some) < size {
			return all
		}
		after = some[len(some)-1]
	}
	f.Fatalf("the pages do not end")
	return nil
}

func testViewMoment(f *fixture) {
	ids := worldIDs(f.ws)
	f.fill(ids, "one")
	late := f.in("late")
	events := len(f.awaitEvents(1))
	f.inView(func(view crm.Snapshot) {
		before := f.view(view, ids)
		// Writers do not wait for the view.
		changed := f.contact(1, func(c *crm.Contact) { c.ID, c.DisplayName, c.Version = ids.contact, "Changed", 2 })
		f.change(changed, 1)
		f.erase(ids.other)
		f.create(f.contact(900, func(c *crm.Contact) { c.SourceID = "900" }))
		f.ok("DeleteInteractions", discard(f.s.DeleteInteractions(f.Context(), f.ws, []crm.ID{ids.interaction})))
		f.ok("DeleteImages", f.s.DeleteImages(f.Context(), f.ws, []crm.ID{ids.contact}))
		f.ok("DeleteFingerprints", f.s.DeleteFingerprints(f.Context(), f.ws, []crm.ID{ids.contact}, crm.ID{}))
		f.ok("DeleteImportRows", f.s.DeleteImportRows(f.Context(), f.ws, ids.imp))
		f.ok("AddTagCounts", f.s.AddTagCounts(f.Context(), f.ws, []crm.TagDelta{{Key: "new", Name: "New", Delta: 1}}))
		f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, []crm.Event{f.event(990)}))
		f.ok("DeleteBlob", f.s.DeleteBlob(f.Context(), f.ws, ids.blob))
		f.awaitEvents(events + 1)
		late.fill(worldIDs(late.ws), "late")
		if d := f.view(view, ids).diff(before); d != "" {
			f.Errorf("the view after writes: %s", d)
		}
		if got := late.view(view, worldIDs(late.ws)); len(got["workspace"])+len(got["contacts, trash false"])+len(got["jobs"]) > 0 {
			f.Errorf("the view shows a workspace that was made later: %v", got)
		}
	})
	f.inView(func(view crm.Snapshot) {
		if got := f.view(view, ids); len(got["contacts, trash false"]) != 2 || len(got["events"]) != events+1 || len(got["blobs"]) != 0 {
			f.Errorf("the next view: got %v, want what was written", got)
		}
	})
}

func discard(_ int, err error) error { return err }

// testViewAmongWriters writes a contact, an event and a mark in each
// transaction: a view has all three or none, and what was acknowledged before it.
func testViewAmongWriters(f *fixture) {
	const writers, each = 4, 40
	done := make(chan struct{})
	views := make(chan error, 1)
	go func() {
		defer close(views)
		for {
			err := f.s.InSnapshot(f.Context(), func(view crm.Snapshot) error { return wholeView(f.Context(), f.ws, view) })
			if err != nil {
				views <- err
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	f.inParallel(writers, func(i int) error {
		for n := range each {
			number := 1_000*(i+1) + n
			err := f.s.InTx(f.Context(), func(tx crm.Tx) error {
				return errors.Join(
					tx.PutContacts(f.Context(), f.ws, newWrites([]crm.Contact{f.contact(number)})),
					tx.AppendEvents(f.Context(), f.ws, []crm.Event{f.event(number)}),
					tx.PutFingerprints(f.Context(), f.ws, []crm.FingerprintMark{{Fingerprint: crm.Fingerprint(f.id(number)), Contact: f.id(number)}}),
				)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, nil))
	close(done)
	f.ok("a view among writers", <-views)
	f.inView(func(view crm.Snapshot) {
		ids, err := view.ListContactIDs(f.Context(), f.ws, crm.ContactCriteria{}, crm.ID{}, 1_000)
		f.ok("ListContactIDs", err)
		if len(ids) != writers*each {
			f.Errorf("a view behind the last acknowledged write: got %d contacts, want %d", len(ids), writers*each)
		}
		f.ok("a view behind the last write", wholeView(f.Context(), f.ws, view))
	})
}

func wholeView(ctx context.Context, ws crm.WorkspaceID, view crm.Snapshot) error {
	ids, err1 := view.ListContactIDs(ctx, ws, crm.ContactCriteria{}, crm.ID{}, 1_000)
	marks, err2 := view.ListFingerprints(ctx, ws, crm.Fingerprint{}, 1_000)
	events, err3 := view.ListEvents(ctx, ws, 0, 1_000)
	contacts, err4 := view.GetContacts(ctx, ws, ids)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	if len(ids) != len(marks) || len(ids) != len(events) || len(ids) != len(contacts) {
		return fmt.Errorf("got %d ids, %d contacts, %d fingerprints and %d events, want as many of each", len(ids), len(contacts), len(marks), len(events))
	}
	return nil
}

func testViewTenancy(f *fixture) {
	ids := worldIDs(f.in("owner").ws)
	f.in("owner").fill(ids, "owner")
	f.inView(func(view crm.Snapshot) {
		for kind, rows := range f.view(view, ids) {
			if len(rows) > 0 {
				f.Errorf("%s of another workspace in a view of an empty one: %s", kind, rows)
			}
		}
	})
}

func testViewError(f *fixture) {
	failure := errors.New("the function failed")
	if err := f.s.InSnapshot(f.Context(), func(crm.Snapshot) error { return failure }); err != failure { //nolint:errorlint // As it is.
		f.Errorf("InSnapshot: got error %v, want the one of the function", err)
	}
	ctx, cancel := context.WithCancel(f.Context())
	err := f.s.InSnapshot(ctx, func(view crm.Snapshot) error {
		cancel()
		_, err := view.ListWorkspaces(ctx, crm.WorkspaceID{}, 10)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		f.Errorf("a call of a view whose context ended: got error %v, want context.Canceled", err)
	}
	f.create(f.contact(1)) // Nothing is left behind that keeps writers waiting.
}
