package postgres

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

// contactFigures implements [totals] with what the transaction has added.
func (t *tx) contactFigures(ctx context.Context, ws crm.WorkspaceID) (figureDelta, error) {
	figures, err := t.reads.contactFigures(ctx, ws)
	added := t.added.figures(ws)
	figures.live += added.live
	figures.trashed += added.trashed
	return figures, err
}

// figureParts are what is folded and what is pending.
const figureParts = `SELECT live, trashed FROM crm.contact_figures WHERE workspace = $1
	UNION ALL
	SELECT CASE what WHEN 0 THEN n ELSE 0 END, CASE what WHEN 1 THEN n ELSE 0 END FROM crm.pending_counts WHERE workspace = $1 AND what IN (0, 1)`

const (
	figuresText = "SELECT CAST(coalesce(sum(live), 0) AS bigint), CAST(coalesce(sum(trashed), 0) AS bigint) FROM (" + figureParts + ") AS parts"
	// lackingFigures tells what the figures lack of what is counted in the rows,
	// see lacking.
	lackingFigures = `SELECT CAST(coalesce(sum(live), 0) AS bigint), CAST(coalesce(sum(trashed), 0) AS bigint) FROM (
		SELECT count(*) FILTER (WHERE NOT trashed) AS live, count(*) FILTER (WHERE trashed) AS trashed FROM crm.contacts WHERE workspace = $1
		UNION ALL
		SELECT -live, -trashed FROM (` + figureParts + `) AS parts) AS lacking`
)

func scanFigures(rows *sqlx.Rows) (d figureDelta, err error) {
	err = rows.Scan(&d.live, &d.trashed)
	return d, err
}

// contactFigures implements [totals].
func (r reads) contactFigures(ctx context.Context, ws crm.WorkspaceID) (figureDelta, error) {
	figures, _, err := one(ctx, r, scanFigures, fixed(figuresText), uuidOf(ws))
	return figures, err
}

// RecountContacts implements [crm.FigureKeeper]. Nobody waits for it but others
// that recount.
func (s *Store) RecountContacts(ctx context.Context, ws crm.WorkspaceID) error {
	err := s.inTx(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, fixed(recountLock), ws.String()); err != nil {
			return err
		}
		lacks, _, err := one(ctx, t, scanFigures, fixed(lackingFigures), uuidOf(ws))
		if err != nil {
			return err
		}
		t.added.addFigures(ws, lacks)
		return nil
	})
	if err != nil {
		return fmt.Errorf("recount contacts of %s: %w", ws, err)
	}
	return nil
}
