package crm

import (
	"context"
	"fmt"
	"time"
)

// purgeFiles removes the files that nobody needs any more: those of imports
// that are committed or undone and of jobs that succeeded at once, should a
// kill have left them, and those of imports and bulk actions that could still
// be gone on with when nobody did for 30 days. The report of an import's rows
// and its undo need no file and are not touched.
func (c *CRM) purgeFiles(ctx context.Context, now time.Time) error {
	before := now.AddDate(0, 0, -fileDays)
	return c.eachWorkspace(ctx, func(ws WorkspaceID) error {
		if err := c.purgeImportFiles(ctx, ws, before); err != nil {
			return fmt.Errorf("purge files of imports: %w", err)
		}
		if err := c.purgeSets(ctx, ws, before); err != nil {
			return fmt.Errorf("purge files of jobs: %w", err)
		}
		return nil
	})
}

func (c *CRM) purgeImportFiles(ctx context.Context, ws WorkspaceID, before time.Time) error {
	var last ID
	for {
		page, err := c.core.store.ListImports(ctx, ws, ImportQuery{Before: last, Limit: MaxPageSize})
		if err != nil {
			return err
		}
		for _, i := range page {
			last = i.ID
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
