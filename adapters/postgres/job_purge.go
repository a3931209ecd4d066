package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// PurgeJobs implements [crm.JobClaimer]. What somebody is writing at the moment
// stays for the next time.
func (s *Store) PurgeJobs(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := inTxValue(ctx, s, func(t *tx) (int64, error) {
		return t.change(ctx, fixed(`WITH old AS MATERIALIZED (
				SELECT workspace, id FROM crm.jobs WHERE status IN ('succeeded', 'failed', 'cancelled') AND finished_at > 0
					AND finished_at < $1 AND created_at < $1
				ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED
			) DELETE FROM crm.jobs j USING old WHERE j.workspace = old.workspace AND j.id = old.id`), crm.Micros(before), limit)
	})
	if err != nil {
		return 0, fmt.Errorf("purge jobs: %w", err)
	}
	return int(n), nil
}
