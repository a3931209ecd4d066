package crm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// trashDays is how long the trash keeps contacts, and the log its images.
	trashDays = 30
	// purgeEvery is how often it is looked for what to purge.
	purgeEvery = time.Hour
	// purgePage is how much one transaction purges.
	purgePage = 500
	// fileDays is how long the file of an import and the set of a bulk action
	// that did not come to an end stay, so that they can be gone on with.
	fileDays = 30
	// filesEvery is how often it is looked for files that nobody needs.
	filesEvery = 24 * time.Hour
)

func trashEnd(now time.Time) time.Time { return now.AddDate(0, 0, -trashDays) }

// sweepCheckpoint is what a sweep leaves to the next one.
type sweepCheckpoint struct {
	Files time.Time `json:"files"`
}

// runSweep is the periodic job: it looks for what is over its time, once a day
// also for files that nobody needs.
func (c *CRM) runSweep(ctx context.Context, run *JobRun) error {
	at, err := decodeCheckpoint[sweepCheckpoint](run.Job)
	if err != nil {
		return err
	}
	if err := c.purgeDue(ctx); err != nil {
		return err
	}
	now := c.core.now()
	if now.Sub(at.Files) < filesEvery {
		return nil
	}
	if err := c.purgeFiles(ctx, now); err != nil {
		return err
	}
	return run.Save(ctx, sweepCheckpoint{Files: now})
}

// purgeDue queues a purge for each workspace whose trash is due and removes
// what belongs to no workspace's view.
func (c *CRM) purgeDue(ctx context.Context) error {
	now := c.core.now()
	if err := c.queuePurges(ctx, trashEnd(now)); err != nil {
		return err
	}
	if err := drain(func() (int, error) { return c.system.PurgeImages(ctx, trashEnd(now), purgePage) }); err != nil {
		return fmt.Errorf("purge images: %w", err)
	}
	if err := c.purgeEvents(ctx, now); err != nil {
		return fmt.Errorf("purge events: %w", err)
	}
	if c.jobRetention > 0 {
		if err := drain(func() (int, error) { return c.system.PurgeJobs(ctx, now.Add(-c.jobRetention), purgePage) }); err != nil {
			return fmt.Errorf("purge jobs: %w", err)
		}
	}
	err := drain(func() (int, error) { return c.system.PurgeIdempotencyRecords(ctx, now.Add(-idempotencyTTL), purgePage) })
	if err != nil {
		return fmt.Errorf("purge idempotency records: %w", err)
	}
	return nil
}

// purgeEvents removes the events that are older than the log is kept and that
// every durable consumer has read.
func (c *CRM) purgeEvents(ctx context.Context, now time.Time) error {
	if c.retention < 0 {
		return nil
	}
	state, err := c.system.LogState(ctx)
	if err != nil {
		return err
	}
	readers, err := c.system.ListReaders(ctx)
	if err != nil {
		return err
	}
	upTo := state.Head
	for _, r := range readers {
		upTo = min(upTo, r.Position)
	}
	return drain(func() (int, error) { return c.system.PurgeEvents(ctx, now.Add(-c.retention), upTo, purgePage) })
}

// queuePurges queues a purge for each workspace with contacts that went to the
// trash before the time. Where more are due than one look shows, the rest may
// be of any workspace: each is asked.
func (c *CRM) queuePurges(ctx context.Context, before time.Time) error {
	due, err := c.system.PurgeCandidates(ctx, before, feedPage)
	if err != nil {
		return fmt.Errorf("find contacts to purge: %w", err)
	}
	queued := map[WorkspaceID]bool{}
	for _, d := range due {
		if queued[d.Workspace] {
			continue
		}
		queued[d.Workspace] = true
		if err := c.queuePurge(ctx, d.Workspace); err != nil {
			return err
		}
	}
	if len(due) < feedPage {
		return nil
	}
	return c.eachWorkspace(ctx, func(ws WorkspaceID) error {
		if queued[ws] {
			return nil
		}
		ids, err := c.core.store.ListContactIDs(ctx, ws, ContactCriteria{Trash: true, UpdatedAt: TimeRange{To: before}}, ID{}, 1)
		if err != nil {
			return fmt.Errorf("find contacts to purge: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
		return c.queuePurge(ctx, ws)
	})
}

func (c *CRM) eachWorkspace(ctx context.Context, do func(WorkspaceID) error) error {
	var after WorkspaceID
	for {
		page, err := c.system.ListWorkspaces(ctx, after, feedPage)
		if err != nil {
			return fmt.Errorf("list workspaces: %w", err)
		}
		for _, w := range page {
			if err := do(w.ID); err != nil {
				return err
			}
			after = w.ID
		}
		if len(page) < feedPage {
			return nil
		}
	}
}

func drain(step func() (int, error)) error {
	for {
		n, err := step()
		if err != nil || n < purgePage {
			return err
		}
	}
}

func systemActor(ws WorkspaceID) Actor {
	return Actor{Workspace: ws, Role: RoleOwner, Kind: ActorSystem}
}

func (c *CRM) queuePurge(ctx context.Context, ws WorkspaceID) error {
	actor := systemActor(ws)
	j, err := c.Jobs.newJob(actor, JobPurge, ID(ws), struct{}{})
	if err != nil {
		return fmt.Errorf("queue purge: %w", err)
	}
	err = c.core.inTx(ctx, ws, func(tx Tx) error { return c.Jobs.put(ctx, tx, actor, j) })
	if err == nil {
		c.Jobs.dispatch(ctx, j)
		return nil
	}
	if errors.Is(err, ErrConflict) {
		err = nil // It is queued already.
	}
	return err
}

// runPurge erases a workspace's contacts that were in the trash for 30 days.
func (c *CRM) runPurge(ctx context.Context, run *JobRun) error {
	ws := run.Job.Workspace
	if ws.IsZero() {
		return c.runSweep(ctx, run)
	}
	end := trashEnd(c.core.now())
	// Trashing is the last change of a trashed contact.
	where := ContactCriteria{Trash: true, UpdatedAt: TimeRange{To: end}}
	var after ID
	var done int64
	for {
		ids, err := c.core.store.ListContactIDs(ctx, ws, where, after, purgePage)
		if err != nil {
			return fmt.Errorf("find contacts to purge: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
		if err := c.purgeFileNames(ctx, ws, ids, end); err != nil {
			return err
		}
		err = run.InTx(ctx, JobStep{}, func(tx Tx) error {
			contacts, err := tx.GetContacts(ctx, ws, ids)
			if err != nil {
				return err
			}
			set := c.core.newChangeSet(systemActor(ws), ID{})
			for _, contact := range contacts {
				if contact.InTrash() && contact.DeletedAt.Before(end) {
					set.forget(contact)
				}
			}
			return set.write(ctx, tx, ws)
		})
		if err != nil {
			return err
		}
		done += int64(len(ids))
		run.Progress(done, 0)
		after = ids[len(ids)-1]
	}
}

// purgeFileNames takes the contacts that are due out of the names of files, before
// they go, so that a kill leaves a purge that does it again.
func (c *CRM) purgeFileNames(ctx context.Context, ws WorkspaceID, ids []ID, end time.Time) error {
	contacts, err := c.core.store.GetContacts(ctx, ws, ids)
	if err != nil {
		return fmt.Errorf("get contacts to purge: %w", err)
	}
	contacts = slices.DeleteFunc(contacts, func(o Contact) bool { return !o.InTrash() || !o.DeletedAt.Before(end) })
	return c.core.forgetFileNames(ctx, ws, contacts)
}
