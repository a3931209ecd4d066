package sqlite

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// figureDelta changes the totals of a workspace.
type figureDelta struct{ live, trashed int64 }

func (d *figureDelta) add(trashed bool)    { d.count(trashed, 1) }
func (d *figureDelta) remove(trashed bool) { d.count(trashed, -1) }

func (d *figureDelta) count(trashed bool, n int64) {
	if trashed {
		d.trashed += n
	} else {
		d.live += n
	}
}

// totals reads the totals of a workspace.
type totals interface {
	contactFigures(ctx context.Context, ws crm.WorkspaceID) (figureDelta, error)
}

// contactFigures implements [totals] with what the transaction and the group
// before it have added.
func (t *tx) contactFigures(ctx context.Context, ws crm.WorkspaceID) (figureDelta, error) {
	figures, err := t.reads.contactFigures(ctx, ws)
	for _, added := range []*deltas{&t.conn.added, &t.added} {
		figures.live += added.figures[ws].live
		figures.trashed += added.figures[ws].trashed
	}
	return figures, err
}

// contactFigures implements [totals].
func (r reads) contactFigures(ctx context.Context, ws crm.WorkspaceID) (figureDelta, error) {
	figures, _, err := one(ctx, r, func(rows *sqlx.Rows) (d figureDelta, err error) {
		err = rows.Scan(&d.live, &d.trashed)
		return d, err
	}, fixed("SELECT live, trashed FROM contact_figures WHERE ws = ?"), numbered(ws))
	return figures, err
}

// RecountContacts implements [crm.SystemStore].
func (s *Store) RecountContacts(ctx context.Context, ws crm.WorkspaceID) error {
	err := s.inTx(ctx, func(t *tx) error {
		stored, err := t.contactFigures(ctx, ws)
		if err != nil {
			return err
		}
		rows := figureDelta{}
		for trashed, n := range []*int64{&rows.live, &rows.trashed} {
			*n, _, err = one(ctx, t, number, fixed("SELECT count(*) FROM contacts INDEXED BY contacts_by_created WHERE ws = ? AND trashed = ?"),
				numbered(ws), trashed)
			if err != nil {
				return err
			}
		}
		t.added.addFigures(ws, figureDelta{live: rows.live - stored.live, trashed: rows.trashed - stored.trashed})
		return nil
	})
	if err != nil {
		return fmt.Errorf("recount contacts of %s: %w", ws, err)
	}
	return nil
}
