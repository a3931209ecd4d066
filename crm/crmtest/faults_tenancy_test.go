package crmtest_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// spaces returns the workspace, then every other that has a record.
func spaces(t memTx, ws crm.WorkspaceID) []crm.WorkspaceID {
	s, err := t.read()
	if err != nil {
		return nil
	}
	all := []crm.WorkspaceID{ws}
	for other := range s.workspaces {
		if other != ws {
			all = append(all, other)
		}
	}
	return all
}

// everywhere joins what a read answers in each workspace.
func everywhere[T any](t memTx, ws crm.WorkspaceID, read func(ws crm.WorkspaceID) ([]T, error)) ([]T, error) {
	var all []T
	for _, ws := range spaces(t, ws) {
		got, err := read(ws)
		if err != nil {
			return nil, err
		}
		all = append(all, got...)
	}
	return all, nil
}

// anywhere returns the first record that is found in any workspace.
func anywhere[T any](t memTx, ws crm.WorkspaceID, read func(ws crm.WorkspaceID) (T, error)) (found T, err error) {
	for _, ws := range spaces(t, ws) {
		if found, err = read(ws); !errors.Is(err, crm.ErrNotFound) {
			return found, err
		}
	}
	return found, err
}

// Each of these forgets the workspace in one method.
type (
	forgetList         struct{ memTx }
	forgetIDs          struct{ memTx }
	forgetTags         struct{ memTx }
	forgetImages       struct{ memTx }
	forgetEvents       struct{ memTx }
	forgetHead         struct{ memTx }
	forgetJob          struct{ memTx }
	forgetJobs         struct{ memTx }
	forgetSubject      struct{ memTx }
	forgetLease        struct{ memTx }
	forgetImport       struct{ memTx }
	forgetRows         struct{ memTx }
	forgetPrints       struct{ memTx }
	forgetAnswer       struct{ memTx }
	forgetTagAdd       struct{ memTx }
	forgetImageDelete  struct{ memTx }
	forgetRowDelete    struct{ memTx }
	forgetPrintDelete  struct{ memTx }
	forgetAnswerDelete struct{ memTx }
)

func (t forgetList) ListContacts(ctx context.Context, ws crm.WorkspaceID, q crm.ContactQuery) ([]crm.Contact, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.Contact, error) { return t.memTx.ListContacts(ctx, ws, q) })
}

func (t forgetIDs) ListContactIDs(ctx context.Context, ws crm.WorkspaceID, w crm.ContactCriteria, after crm.ID, limit int) ([]crm.ID, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.ID, error) { return t.memTx.ListContactIDs(ctx, ws, w, after, limit) })
}

func (t forgetTags) ListTags(ctx context.Context, ws crm.WorkspaceID) ([]crm.Tag, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.Tag, error) { return t.memTx.ListTags(ctx, ws) })
}

func (t forgetImages) ListImages(ctx context.Context, ws crm.WorkspaceID, batch, after crm.ID, limit int) ([]crm.Image, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.Image, error) { return t.memTx.ListImages(ctx, ws, batch, after, limit) })
}

func (t forgetEvents) ListEvents(ctx context.Context, ws crm.WorkspaceID, after crm.Position, limit int) ([]crm.Event, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.Event, error) { return t.memTx.ListEvents(ctx, ws, after, limit) })
}

func (t forgetHead) EventHead(_ context.Context, _ crm.WorkspaceID) (crm.Position, error) {
	s, err := t.read()
	return crm.Position(len(s.events)), err
}

func (t forgetJob) GetJob(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Job, error) {
	return anywhere(t.memTx, ws, func(ws crm.WorkspaceID) (crm.Job, error) { return t.memTx.GetJob(ctx, ws, id) })
}

func (t forgetJobs) ListJobs(ctx context.Context, ws crm.WorkspaceID, q crm.JobQuery) ([]crm.Job, error) {
	if q.Batch.IsZero() { // Only in one of the ways into the data.
		return t.memTx.ListJobs(ctx, ws, q)
	}
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.Job, error) { return t.memTx.ListJobs(ctx, ws, q) })
}

func (t forgetSubject) PutJob(ctx context.Context, ws crm.WorkspaceID, j crm.Job, expect int64) error {
	s, err := t.read()
	for key, other := range s.jobs {
		if err == nil && key.ws != ws && other.Kind == j.Kind && other.Subject == j.Subject && !j.Subject.IsZero() && !j.Status.Final() && !other.Status.Final() {
			return conflict(crm.ConflictExists, other.ID)
		}
	}
	return t.memTx.PutJob(ctx, ws, j, expect)
}

func (t forgetLease) CheckLease(ctx context.Context, ws crm.WorkspaceID, id, lease crm.ID) error {
	var err error
	for _, ws := range spaces(t.memTx, ws) {
		if err = t.memTx.CheckLease(ctx, ws, id, lease); err == nil {
			return nil
		}
	}
	return err
}

func (t forgetImport) GetImport(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Import, error) {
	return anywhere(t.memTx, ws, func(ws crm.WorkspaceID) (crm.Import, error) { return t.memTx.GetImport(ctx, ws, id) })
}

func (t forgetRows) ListImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, q crm.ImportRowQuery) ([]crm.ImportRow, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.ImportRow, error) { return t.memTx.ListImportRows(ctx, ws, id, q) })
}

func (t forgetPrints) FindFingerprints(ctx context.Context, ws crm.WorkspaceID, prints []crm.Fingerprint) ([]crm.FingerprintMark, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.FingerprintMark, error) {
		return t.memTx.FindFingerprints(ctx, ws, prints)
	})
}

func (t forgetAnswer) GetIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, key string) (crm.IdempotencyRecord, error) {
	return anywhere(t.memTx, ws, func(ws crm.WorkspaceID) (crm.IdempotencyRecord, error) {
		return t.memTx.GetIdempotencyRecord(ctx, ws, key)
	})
}

// inEach makes a change in every workspace.
func inEach(t memTx, ws crm.WorkspaceID, change func(ws crm.WorkspaceID) error) error {
	for _, ws := range spaces(t, ws) {
		if err := change(ws); err != nil {
			return err
		}
	}
	return nil
}

func (t forgetTagAdd) AddTagCounts(ctx context.Context, ws crm.WorkspaceID, deltas []crm.TagDelta) error {
	return inEach(t.memTx, ws, func(ws crm.WorkspaceID) error { return t.memTx.AddTagCounts(ctx, ws, deltas) })
}

func (t forgetImageDelete) DeleteImages(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return inEach(t.memTx, ws, func(ws crm.WorkspaceID) error { return t.memTx.DeleteImages(ctx, ws, contacts) })
}

func (t forgetRowDelete) DeleteImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	return inEach(t.memTx, ws, func(ws crm.WorkspaceID) error { return t.memTx.DeleteImportRows(ctx, ws, id) })
}

func (t forgetPrintDelete) DeleteFingerprints(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, batch crm.ID) error {
	return inEach(t.memTx, ws, func(ws crm.WorkspaceID) error { return t.memTx.DeleteFingerprints(ctx, ws, contacts, batch) })
}

func (t forgetAnswerDelete) DeleteIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, key string) error {
	return inEach(t.memTx, ws, func(ws crm.WorkspaceID) error { return t.memTx.DeleteIdempotencyRecord(ctx, ws, key) })
}

func tenancyFaults() []fault {
	forgets := func(method string, wrap func(t memTx) crm.Tx) fault {
		return fault{name: method + " forgets the workspace", part: "tenancy", red: method + "_from_", store: breakTx(wrap)}
	}
	return []fault{
		forgets("ListContacts", func(t memTx) crm.Tx { return forgetList{t} }),
		forgets("ListContactIDs", func(t memTx) crm.Tx { return forgetIDs{t} }),
		forgets("ListTags", func(t memTx) crm.Tx { return forgetTags{t} }),
		forgets("ListImages", func(t memTx) crm.Tx { return forgetImages{t} }),
		forgets("ListEvents", func(t memTx) crm.Tx { return forgetEvents{t} }),
		forgets("EventHead", func(t memTx) crm.Tx { return forgetHead{t} }),
		forgets("GetJob", func(t memTx) crm.Tx { return forgetJob{t} }),
		forgets("ListJobs", func(t memTx) crm.Tx { return forgetJobs{t} }),
		forgets("PutJob", func(t memTx) crm.Tx { return forgetSubject{t} }),
		forgets("CheckLease", func(t memTx) crm.Tx { return forgetLease{t} }),
		forgets("GetImport", func(t memTx) crm.Tx { return forgetImport{t} }),
		forgets("ListImportRows", func(t memTx) crm.Tx { return forgetRows{t} }),
		forgets("FindFingerprints", func(t memTx) crm.Tx { return forgetPrints{t} }),
		forgets("GetIdempotencyRecord", func(t memTx) crm.Tx { return forgetAnswer{t} }),
		forgets("AddTagCounts", func(t memTx) crm.Tx { return forgetTagAdd{t} }),
		forgets("DeleteImages", func(t memTx) crm.Tx { return forgetImageDelete{t} }),
		forgets("DeleteImportRows", func(t memTx) crm.Tx { return forgetRowDelete{t} }),
		forgets("DeleteFingerprints", func(t memTx) crm.Tx { return forgetPrintDelete{t} }),
		forgets("DeleteIdempotencyRecord", func(t memTx) crm.Tx { return forgetAnswerDelete{t} }),
		forgets("GetContacts", forgetGet), forgets("CountContacts", forgetCount), forgets("FindContacts", forgetFind),
		forgets("EraseContacts", forgetErase), forgets("PutContacts", forgetSource),
		{name: "OpenBlob forgets the workspace", part: "blobs", red: "another_workspace", store: breakParts(func(m *memStore, p *parts) { p.Blobs = forgetBlob{blobs{m}} })},
		{name: "ListBlobs forgets the workspace", part: "blobs", red: "listed_by_id", store: breakParts(func(m *memStore, p *parts) { p.Blobs = forgetBlobs{blobs{m}} })},
		{name: "PutBlob forgets the workspace", part: "blobs", red: "another_workspace", store: breakParts(func(m *memStore, p *parts) { p.Blobs = forgetTaken{blobs{m}} })},
		{name: "ClaimJobs forgets the workspace", part: "jobs", red: "names_no_such_job", store: breakParts(func(m *memStore, p *parts) { p.SystemStore = forgetTicket{system{m}} })},
	}
}

func forgetGet(t memTx) crm.Tx {
	return writing{memTx: t, get: func(ctx context.Context, t memTx, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Contact, error) {
		return everywhere(t, ws, func(ws crm.WorkspaceID) ([]crm.Contact, error) { return t.GetContacts(ctx, ws, ids) })
	}}
}

func forgetCount(t memTx) crm.Tx {
	return writing{memTx: t, count: func(ctx context.Context, t memTx, ws crm.WorkspaceID, w crm.ContactCriteria, atMost int) (int, error) {
		sum := 0
		for _, ws := range spaces(t, ws) {
			n, err := t.CountContacts(ctx, ws, w, atMost)
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}}
}

func forgetFind(t memTx) crm.Tx {
	return writing{memTx: t, find: func(ctx context.Context, t memTx, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKeyHit, error) {
		return everywhere(t, ws, func(ws crm.WorkspaceID) ([]crm.ContactKeyHit, error) { return t.FindContacts(ctx, ws, keys) })
	}}
}

func forgetErase(t memTx) crm.Tx {
	return writing{memTx: t, erase: func(ctx context.Context, t memTx, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
		n := 0
		err := inEach(t, ws, func(ws crm.WorkspaceID) error {
			here, err := t.EraseContacts(ctx, ws, ids)
			n += here
			return err
		})
		return n, err
	}}
}

// forgetSource takes a source id that another workspace holds for taken.
func forgetSource(t memTx) crm.Tx {
	return writing{memTx: t, put: func(ctx context.Context, t memTx, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
		s, err := t.read()
		for key, other := range s.contacts {
			taken := func(w crm.ContactWrite) bool {
				return w.Contact.SourceID != "" && w.Contact.SourceID == other.Contact.SourceID && w.Contact.Source == other.Contact.Source
			}
			if err == nil && key.ws != ws && slices.ContainsFunc(writes, taken) {
				return conflict(crm.ConflictExists, key.id)
			}
		}
		return t.PutContacts(ctx, ws, writes)
	}}
}

type (
	forgetBlob   struct{ blobs }
	forgetTaken  struct{ blobs }
	forgetBlobs  struct{ blobs }
	forgetTicket struct{ system }
)

func (b forgetBlob) OpenBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, offset int64) (io.ReadCloser, error) {
	s, _ := b.m.read()
	for key := range s.blobs {
		if key.id == id {
			ws = key.ws
		}
	}
	return b.blobs.OpenBlob(ctx, ws, id, offset)
}

func (b forgetBlobs) ListBlobs(_ context.Context, _ crm.WorkspaceID, _ time.Time, after crm.ID, limit int) ([]crm.ID, error) {
	s, _ := b.m.read()
	var ids []crm.ID
	for key := range s.blobs {
		if compareIDs(key.id, after) > 0 {
			ids = append(ids, key.id)
		}
	}
	slices.SortFunc(ids, compareIDs)
	return firstOf(ids, limit), nil
}

func (b forgetTaken) PutBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, r io.Reader) (int64, error) {
	s, _ := b.m.read()
	for key := range s.blobs {
		if key.id == id {
			return 0, conflict(crm.ConflictExists, id)
		}
	}
	return b.blobs.PutBlob(ctx, ws, id, r)
}

func (y forgetTicket) ClaimJobs(ctx context.Context, tickets []crm.JobTicket, claim crm.JobClaim) ([]crm.Job, error) {
	s, _ := y.m.read()
	tickets = slices.Clone(tickets)
	for i := range tickets {
		for key := range s.jobs {
			if key.id == tickets[i].Job {
				tickets[i].Workspace = key.ws
			}
		}
	}
	return y.system.ClaimJobs(ctx, tickets, claim)
}
