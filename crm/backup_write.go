package crm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// backupPage is how many records are read at once, and longPage how many of
	// those that may be long.
	backupPage = 500
	longPage   = 50
	// blobPiece is how much of a file stands in one line, in bytes.
	blobPiece = 192 << 10
)

// Backup writes everything that cannot be made again to w, as it was at one
// moment, beside writers and with constant memory: see the operations guide. What
// was acknowledged before the call is in it. When it fails, what w has is no
// backup, and [CRM.Restore] refuses it. It is for operators and asks for no actor.
func (c *CRM) Backup(ctx context.Context, w io.Writer, o BackupOptions) (BackupReport, error) {
	r := BackupReport{ID: c.core.newID(), CreatedAt: c.core.now()}
	err := c.opened(ctx)
	if err == nil {
		err = c.inBackupView(ctx, o.Part, func(view Snapshot, part PartReader) error {
			r = BackupReport{ID: r.ID, CreatedAt: r.CreatedAt}
			h := backupHeader{ID: r.ID, CreatedAt: r.CreatedAt, Program: c.version}
			if o.Part != nil {
				h.Part = o.Part.PartName()
			}
			out, err := newBackupWriter(w, h, &r, o.Progress)
			if err != nil {
				return err
			}
			b := backup{out: out, view: view, part: part, blobs: view}
			if c.foreignBlobs {
				b.blobs, b.mayMiss = c.core.blobs, true
			}
			if err := b.write(ctx); err != nil {
				return err
			}
			return out.end()
		})
	}
	if err != nil {
		return r, fmt.Errorf("backup: %w", err)
	}
	return r, nil
}

func (c *CRM) inBackupView(ctx context.Context, part BackupPart, fn func(Snapshot, PartReader) error) error {
	if part != nil {
		return part.InPartSnapshot(ctx, fn)
	}
	none := func(context.Context, WorkspaceID, func(PartDocument) error) error { return nil }
	return c.system.InSnapshot(ctx, func(view Snapshot) error { return fn(view, none) })
}

// backup is one [CRM.Backup] at work.
type backup struct {
	out   *backupWriter
	view  Snapshot
	part  PartReader
	blobs SnapshotBlobs
	// mayMiss says that files do not lie in the database, so that one may have
	// gone since the moment of the view.
	mayMiss bool
}

// write writes workspaces first, which everything else belongs to, then people
// who sign in, then workspace by workspace.
func (b *backup) write(ctx context.Context) error {
	if err := b.eachWorkspace(ctx, func(w Workspace) error { return b.out.put(backupRecord{Space: &w}) }); err != nil {
		return err
	}
	putPart := func(d PartDocument) error { return b.out.put(backupRecord{Workspace: d.Workspace, Part: &d}) }
	if err := b.part(ctx, WorkspaceID{}, putPart); err != nil {
		return err
	}
	return b.eachWorkspace(ctx, func(w Workspace) error {
		if err := b.part(ctx, w.ID, putPart); err != nil {
			return err
		}
		for _, write := range []func(context.Context, WorkspaceID) error{
			b.writeTags, b.writeContacts, b.writeInteractions, b.writeImages, b.writeImports, b.writePrints, b.writeJobs, b.writeEvents, b.writeBlobs,
		} {
			if err := write(ctx, w.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// pages reads page by page, until one is not full, and hands each record on.
// next tells where the page after a record begins.
func pages[T, K any](size int, page func(after K) ([]T, error), next func(T) K, put func(T) error) error {
	var after K
	for {
		list, err := page(after)
		if err != nil {
			return err
		}
		for _, one := range list {
			if err := put(one); err != nil {
				return err
			}
		}
		if len(list) < size {
			return nil
		}
		after = next(list[len(list)-1])
	}
}

func (b *backup) eachWorkspace(ctx context.Context, do func(Workspace) error) error {
	return pages(backupPage, func(after WorkspaceID) ([]Workspace, error) { return b.view.ListWorkspaces(ctx, after, backupPage) },
		func(w Workspace) WorkspaceID { return w.ID }, do)
}

func (b *backup) writeTags(ctx context.Context, ws WorkspaceID) error {
	tags, err := b.view.ListTags(ctx, ws)
	if err != nil {
		return err
	}
	for i := range tags {
		if err := b.out.put(backupRecord{Workspace: ws, Tag: &tags[i]}); err != nil {
			return err
		}
	}
	return nil
}

func (b *backup) writeContacts(ctx context.Context, ws WorkspaceID) error {
	for _, where := range []ContactCriteria{{}, {Trash: true}} {
		err := pagesOfIDs(backupPage, func(after ID) ([]ID, error) { return b.view.ListContactIDs(ctx, ws, where, after, backupPage) },
			func(ids []ID) ([]Contact, error) { return b.view.GetContacts(ctx, ws, ids) },
			func(c *Contact) error { return b.out.put(backupRecord{Workspace: ws, Contact: c}) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *backup) writeInteractions(ctx context.Context, ws WorkspaceID) error {
	return pagesOfIDs(longPage, func(after ID) ([]ID, error) {
		return b.view.ListInteractionIDs(ctx, ws, InteractionCriteria{}, after, longPage)
	}, func(ids []ID) ([]Interaction, error) { return b.view.GetInteractions(ctx, ws, ids) },
		func(i *Interaction) error { return b.out.put(backupRecord{Workspace: ws, Interaction: i}) })
}

// pagesOfIDs is pages where the ids are listed and the records read by them.
func pagesOfIDs[T any](size int, page func(after ID) ([]ID, error), get func([]ID) ([]T, error), put func(*T) error) error {
	var after ID
	for {
		ids, err := page(after)
		if err != nil || len(ids) == 0 {
			return err
		}
		list, err := get(ids)
		if err != nil {
			return err
		}
		for i := range list {
			if err := put(&list[i]); err != nil {
				return err
			}
		}
		if len(ids) < size {
			return nil
		}
		after = ids[len(ids)-1]
	}
}

// writeImages writes batch by batch, the zero one first, each contact's in the
// order they were written in, which is all that undo asks for.
func (b *backup) writeImages(ctx context.Context, ws WorkspaceID) error {
	ofBatch := func(batch ID) error {
		return pages(longPage, func(after ID) ([]Image, error) { return b.view.ListImages(ctx, ws, batch, after, longPage) },
			func(i Image) ID { return i.Contact }, func(i Image) error { return b.out.put(backupRecord{Workspace: ws, Image: &i}) })
	}
	if err := ofBatch(ID{}); err != nil {
		return err
	}
	return pages(backupPage, func(after ID) ([]ID, error) { return b.view.ListImageBatches(ctx, ws, after, backupPage) },
		func(batch ID) ID { return batch }, ofBatch)
}

func (b *backup) writeImports(ctx context.Context, ws WorkspaceID) error {
	return pages(longPage, func(before ID) ([]Import, error) {
		return b.view.ListImports(ctx, ws, ImportQuery{Before: before, Limit: longPage})
	}, func(i Import) ID { return i.ID }, func(i Import) error {
		if err := b.out.put(backupRecord{Workspace: ws, Import: &i}); err != nil {
			return err
		}
		return pages(backupPage, func(after int64) ([]ImportRow, error) {
			return b.view.ListImportRows(ctx, ws, i.ID, ImportRowQuery{After: after, Limit: backupPage})
		}, func(r ImportRow) int64 { return r.Row }, func(r ImportRow) error {
			return b.out.put(backupRecord{Workspace: ws, Row: &backupRow{Import: i.ID, ImportRow: r}})
		})
	})
}

func (b *backup) writePrints(ctx context.Context, ws WorkspaceID) error {
	return pages(backupPage, func(after Fingerprint) ([]FingerprintMark, error) {
		return b.view.ListFingerprints(ctx, ws, after, backupPage)
	}, func(m FingerprintMark) Fingerprint { return m.Fingerprint }, func(m FingerprintMark) error {
		return b.out.put(backupRecord{Workspace: ws, Print: &backupPrint{Print: ID(m.Fingerprint), Contact: m.Contact, Batch: m.Batch}})
	})
}

func (b *backup) writeJobs(ctx context.Context, ws WorkspaceID) error {
	return pages(longPage, func(before ID) ([]Job, error) {
		return b.view.ListJobs(ctx, ws, JobQuery{Before: before, Limit: longPage})
	},
		func(j Job) ID { return j.ID }, func(j Job) error {
			j = parked(j)
			return b.out.put(backupRecord{Workspace: ws, Job: &j})
		})
}

// parked takes the lease off a job that is running: nobody runs it where it is
// restored. A lost lease is no attempt.
func parked(j Job) Job {
	j.Lease = ID{}
	if j.Status == JobRunning {
		j.Status, j.Attempt = JobQueued, max(j.Attempt-1, 0)
	}
	return j
}

func (b *backup) writeEvents(ctx context.Context, ws WorkspaceID) error {
	return pages(backupPage, func(after Position) ([]Event, error) { return b.view.ListEvents(ctx, ws, after, backupPage) },
		func(e Event) Position { return e.Position }, func(e Event) error {
			e.Position = 0 // Each log gives its own.
			return b.out.put(backupRecord{Workspace: ws, Event: &e})
		})
}

func (b *backup) writeBlobs(ctx context.Context, ws WorkspaceID) error {
	ever := time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC)
	return pages(backupPage, func(after ID) ([]ID, error) { return b.blobs.ListBlobs(ctx, ws, ever, after, backupPage) },
		func(id ID) ID { return id }, func(id ID) error { return b.writeBlob(ctx, ws, id) })
}

func (b *backup) writeBlob(ctx context.Context, ws WorkspaceID, id ID) error {
	r, err := b.blobs.OpenBlob(ctx, ws, id, 0)
	if errors.Is(err, ErrNotFound) && b.mayMiss {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // It was only read.
	buf := make([]byte, blobPiece)
	for {
		n, err := io.ReadFull(r, buf)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return fmt.Errorf("read file %s: %w", id, err)
		}
		if err := b.out.put(backupRecord{Workspace: ws, Blob: &backupBlob{ID: id, Data: buf[:n], Last: last}}); err != nil {
			return err
		}
		if last {
			return nil
		}
	}
}
