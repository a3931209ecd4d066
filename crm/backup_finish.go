package crm

import (
	"context"
	"fmt"
)

// What a restore does when all records are in: it makes what backups leave out
// and forgets who was erased since.

// restoreErase is how many contacts one transaction forgets.
const restoreErase = 20

// eachWorkspace calls do for every workspace of the database.
func (r *restore) eachWorkspace(ctx context.Context, do func(context.Context, WorkspaceID) error) error {
	return pages(backupPage, func(after WorkspaceID) ([]Workspace, error) { return r.c.system.ListWorkspaces(ctx, after, backupPage) },
		func(w Workspace) WorkspaceID { return w.ID }, func(w Workspace) error { return do(ctx, w.ID) })
}

// recount makes what backups leave out.
func (r *restore) recount(ctx context.Context, ws WorkspaceID) error {
	if err := r.c.system.RecountContacts(ctx, ws); err != nil {
		return err
	}
	return r.c.system.RecountSeries(ctx, ws)
}

// forget erases again who was erased after the backup.
func (r *restore) forget(ctx context.Context) error {
	byWorkspace := map[WorkspaceID][]ID{}
	seen := map[Erasure]bool{}
	for _, e := range r.o.Erasures {
		key := Erasure{Workspace: e.Workspace, Contact: e.Contact}
		if !seen[key] {
			seen[key] = true
			byWorkspace[e.Workspace] = append(byWorkspace[e.Workspace], e.Contact)
		}
	}
	for ws, ids := range byWorkspace {
		for len(ids) > 0 {
			some := ids[:min(len(ids), restoreErase)]
			ids = ids[len(some):]
			n, err := r.eraseAgain(ctx, ws, some)
			if err != nil {
				return fmt.Errorf("erase again in workspace %s: %w", ws, err)
			}
			r.report.Erased += n
		}
	}
	r.report.Unknown = len(seen) - r.report.Erased
	return nil
}

func (r *restore) eraseAgain(ctx context.Context, ws WorkspaceID, ids []ID) (int, error) {
	n := 0
	there, err := r.c.core.store.GetContacts(ctx, ws, ids)
	if err == nil {
		err = r.c.core.dropFilesNaming(ctx, ws, there)
	}
	if err != nil {
		return 0, err
	}
	err = r.c.system.InRestore(ctx, r.total, func(tx Tx) error {
		contacts, err := tx.GetContacts(ctx, ws, ids)
		if err != nil {
			return err
		}
		n = len(contacts)
		set := r.c.core.newChangeSet(Actor{Workspace: ws, Kind: ActorSystem}, ID{})
		for _, contact := range contacts {
			set.forget(contact)
		}
		return set.write(ctx, tx, ws)
	})
	return n, err
}
