package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// PurgeJobs implements [crm.JobClaimer]. Rows lie in the order in which jobs
// were made, so that it walks over the old ones only, which needs no index that
// every job would have to be written to: it stops at a page without any.
func (s *Store) PurgeJobs(ctx context.Context, before time.Time, limit int) (int, error) {
	purged := 0
	for after, more := int64(0), true; more && purged < limit; {
		page, err := s.jobsAfter(ctx, after, jobPage)
		if err != nil {
			return purged, fmt.Errorf("purge jobs: %w", err)
		}
		more = false
		var ended []int64
		for _, j := range page {
			after = j.row
			if j.created >= crm.Micros(before) {
				continue
			}
			more = len(page) == jobPage
			if j.finished > 0 && j.finished < crm.Micros(before) && purged+len(ended) < limit {
				ended = append(ended, j.row)
			}
		}
		n, err := s.deleteJobs(ctx, ended, crm.Micros(before))
		if err != nil {
			return purged, fmt.Errorf("purge jobs: %w", err)
		}
		purged += n
	}
	return purged, nil
}

// jobPage is how many rows a purge looks at together. Rows that are written anew,
// such as those of periodic jobs, lie among the old ones.
const jobPage = 500

// jobTimes are the row and the times of a job, finished 0 for one that has not
// ended.
type jobTimes struct{ row, created, finished int64 }

// jobsAfter returns jobs of any workspace behind a row, in the order of rows.
func (s *Store) jobsAfter(ctx context.Context, row int64, limit int) ([]jobTimes, error) {
	return list(ctx, s, func(rows *sqlx.Rows) (j jobTimes, err error) {
		err = rows.Scan(&j.row, &j.created, &j.finished)
		return j, err
	}, fixed(`SELECT rowid, created_at, CASE WHEN status IN ('succeeded', 'failed', 'cancelled') THEN finished_at ELSE 0 END FROM jobs
		WHERE rowid > ? ORDER BY rowid LIMIT ?`), row, limit)
}

// deleteJobs removes those of the rows that nobody has begun again meanwhile,
// whatever became of them then.
func (s *Store) deleteJobs(ctx context.Context, rows []int64, before int64) (int, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	return inTxValue(ctx, s, func(t *tx) (n int, err error) {
		for _, row := range rows {
			gone, err := t.change(ctx, fixed(`DELETE FROM jobs
				WHERE rowid = ? AND created_at < ? AND finished_at < ? AND status IN ('succeeded', 'failed', 'cancelled')`), row, before, before)
			if err != nil {
				return n, err
			}
			n += int(gone)
		}
		return n, nil
	})
}
