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

func (t *tx) addFigures(ctx context.Context, ws crm.WorkspaceID, d figureDelta) error {
	if d == (figureDelta{}) {
		return nil
	}
	_, err := t.exec(ctx, fixed(`INSERT INTO contact_figures (ws, live, trashed) VALUES (?, ?, ?)
		ON CONFLICT (ws) DO UPDATE SET live = live + excluded.live, trashed = trashed + excluded.trashed`),
		numbered(ws), d.live, d.trashed)
	return err
}

// contactFigures returns the totals of a workspace.
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
		_, err := t.exec(ctx, fixed(`INSERT INTO contact_figures (ws, live, trashed) VALUES (?1,
			(SELECT count(*) FROM contacts INDEXED BY contacts_by_created WHERE ws = ?1 AND trashed = 0),
			(SELECT count(*) FROM contacts INDEXED BY contacts_by_created WHERE ws = ?1 AND trashed = 1))
			ON CONFLICT (ws) DO UPDATE SET live = excluded.live, trashed = excluded.trashed`), numbered(ws))
		return err
	})
	if err != nil {
		return fmt.Errorf("recount contacts of %s: %w", ws, err)
	}
	return nil
}
