package crm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// trashDays is how long the trash keeps contacts, and the log its images.
	trashDays = 30
	// purgeEvery is how often each process looks for what to purge.
	purgeEvery = time.Hour
	// purgePage is how much one transaction purges.
	purgePage = 500
)

func trashEnd(now time.Time) time.Time { return now.AddDate(0, 0, -trashDays) }

// runPeriodic looks for what is over its time, at the start and then hourly,
// until ctx ends.
func (c *CRM) runPeriodic(ctx context.Context) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		if err := c.purgeDue(ctx); err != nil && ctx.Err() == nil {
			c.core.log.Warn("purge not finished; it goes on in an hour", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// purgeDue queues a purge for each workspace whose trash is due and removes
// what belongs to no workspace's view.
func (c *CRM) purgeDue(ctx context.Context) error {
	now := c.core.now()
	due, err := c.system.PurgeCandidates(ctx, trashEnd(now), feedPage)
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
	if err := drain(func() (int, error) { return c.system.PurgeImages(ctx, trashEnd(now), purgePage) }); err != nil {
		return fmt.Errorf("purge images: %w", err)
	}
	err = drain(func() (int, error) { return c.system.PurgeIdempotencyRecords(ctx, now.Add(-idempotencyTTL), purgePage) })
	if err != nil {
		return fmt.Errorf("purge idempotency records: %w", err)
	}
	return nil
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

// runPurge erases the contacts that were in the trash for 30 days.
func (c *CRM) runPurge(ctx context.Context, run *jobRun) error {
	ws := run.Job.Workspace
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
		err = run.inTx(ctx, jobStep{}, func(tx Tx) error {
			contacts, err := tx.GetContacts(ctx, ws, ids)
			if err != nil {
				return err
			}
			set := c.core.newChangeSet(systemActor(ws), ID{})
			for _, contact := range contacts {
				if contact.InTrash() && contact.DeletedAt.Before(end) {
					set.erase(contact)
				}
			}
			return set.write(ctx, tx, ws)
		})
		if err != nil {
			return err
		}
		done += int64(len(ids))
		run.progress(done, 0)
		after = ids[len(ids)-1]
	}
}
