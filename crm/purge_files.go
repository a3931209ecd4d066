package crm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// purgeFiles removes the files that nobody needs any more: those of imports
// that are committed or undone and of jobs that succeeded at once, should a
// kill have left them, and those of imports and bulk actions that could still
// be gone on with when nobody did for 30 days. The report of an import's rows
// and its undo need no file and are not touched. What no import and no
// job names, because a kill came between the file and its row, goes a day after
// its upload.
func (c *CRM) purgeFiles(ctx context.Context, now time.Time) error {
	before := now.AddDate(0, 0, -fileDays)
	return c.eachWorkspace(ctx, func(ws WorkspaceID) error {
		// Listed first: whatever names one of these is there by now.
		nameless, err := c.oldFiles(ctx, ws, now.Add(-namelessAfter))
		if err != nil {
			return fmt.Errorf("list files: %w", err)
		}
		if err := c.purgeImportFiles(ctx, ws, before, nameless); err != nil {
			return fmt.Errorf("purge files of imports: %w", err)
		}
		if err := c.purgeNameless(ctx, ws, nameless); err != nil {
			return fmt.Errorf("purge files that nothing names: %w", err)
		}
		if err := c.purgeSets(ctx, ws, before); err != nil {
			return fmt.Errorf("purge files of jobs: %w", err)
		}
		return nil
	})
}

// namelessAfter is how long a file may lie that nothing names: by then whoever
// has stored it has written the row for it, or never will.
const namelessAfter = 24 * time.Hour

// oldFiles returns the files of a workspace that were stored before the time.
func (c *CRM) oldFiles(ctx context.Context, ws WorkspaceID, before time.Time) (map[ID]bool, error) {
	old := map[ID]bool{}
	var after ID
	for {
		page, err := c.core.blobs.ListBlobs(ctx, ws, before, after, feedPage)
		if err != nil {
			return nil, err
		}
		for _, id := range page {
			old[id], after = true, id
		}
		if len(page) < feedPage {
			return old, nil
		}
	}
}

// purgeNameless removes the files that are no job's either: the set of a bulk
// action or export has its job's id.
func (c *CRM) purgeNameless(ctx context.Context, ws WorkspaceID, nameless map[ID]bool) error {
	for id := range nameless {
		_, err := c.core.store.GetJob(ctx, ws, id)
		if err == nil {
			continue
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		if err := c.core.blobs.DeleteBlob(ctx, ws, id); err != nil {
			return err
		}
		c.core.log.Info("file removed that nothing named", "workspace", ws, "file", id)
	}
	return nil
}

// purgeImportFiles removes the files of imports that are over, and takes those
// that an import names from the nameless.
func (c *CRM) purgeImportFiles(ctx context.Context, ws WorkspaceID, before time.Time, nameless map[ID]bool) error {
	var last ID
	for {
		page, err := c.core.store.ListImports(ctx, ws, ImportQuery{Before: last, Limit: MaxPageSize})
		if err != nil {
			return err
		}
		for _, i := range page {
			last = i.ID
			delete(nameless, i.Blob)
			if i.Blob.IsZero() || !i.fileOver(before) {
				continue
			}
			if err := c.Imports.dropFile(ctx, ws, i.ID); err != nil {
				return err
			}
		}
		if len(page) < MaxPageSize {
			return nil
		}
	}
}

// fileOver reports whether nobody needs the import's file, when those that were
// last touched before the time are given up.
func (i Import) fileOver(before time.Time) bool {
	switch i.Status {
	case ImportCommitted, ImportUndone:
		return true
	case ImportCommitting, ImportUndoing:
		return false // A job is at it.
	case ImportPreviewing, ImportReady, ImportFailed:
		return i.UpdatedAt.Before(before)
	}
	return false
}

// fileGone says why an import has no file any more and what can be done.
func (i Import) fileGone(now time.Time) error {
	why, what := "it is removed when the commit ends, or when somebody is erased whom it names", "import it again"
	if i.UpdatedAt.Before(now.AddDate(0, 0, -fileDays)) {
		why = "it is removed when the commit ends, and at the latest 30 days after the import was last touched"
	} else if i.Status == ImportFailed {
		what = "undo the import to its end, then import the file again"
	}
	return stateError(i.ID, "the file is not kept any more: "+why+"; "+what)
}

// purgeSets removes the sets of contacts of bulk actions and exports.
func (c *CRM) purgeSets(ctx context.Context, ws WorkspaceID, before time.Time) error {
	q := JobQuery{
		Kinds: []JobKind{JobBulkUpdate, JobContactExport}, Statuses: []JobStatus{JobSucceeded, JobFailed, JobCancelled}, Limit: MaxPageSize,
	}
	for {
		page, err := c.core.store.ListJobs(ctx, ws, q)
		if err != nil {
			return err
		}
		for _, j := range page {
			q.Before = j.ID
			if err := c.purgeSet(ctx, j, before); err != nil {
				return err
			}
		}
		if len(page) < q.Limit {
			return nil
		}
	}
}

func (c *CRM) purgeSet(ctx context.Context, j Job, before time.Time) error {
	at, err := decodeCheckpoint[bulkCheckpoint](j)
	if err != nil || at.Removed || isUndo(j) {
		return nil //nolint:nilerr // A checkpoint that is none belongs to no set.
	}
	if j.Kind == JobBulkUpdate && j.Status != JobSucceeded && !j.FinishedAt.Before(before) {
		return nil // It can be tried again, from where it stopped.
	}
	if err := c.core.blobs.DeleteBlob(ctx, j.Workspace, j.ID); err != nil {
		return err
	}
	at.Removed = true
	err = c.core.store.InTx(ctx, func(tx Tx) error {
		now, err := tx.GetJob(ctx, j.Workspace, j.ID)
		if err != nil || now.Version != j.Version { // Tried again meanwhile; it fails for want of the set.
			return err
		}
		if err := encodeSet(&now, at); err != nil {
			return err
		}
		now.Version++
		return tx.PutJob(ctx, j.Workspace, now, j.Version)
	})
	return err
}
