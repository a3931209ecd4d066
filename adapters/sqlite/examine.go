package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

var (
	// errForeign says that the file is not to be written to.
	errForeign = errors.New("the file is the database of another program")
	// errLogGone says that what was committed last is missing.
	errLogGone = errors.New("the write-ahead log that belongs to the database is gone")
)

// How often, and how far apart, it is looked whether a log is gone for good.
const (
	logLooks = 5
	logLook  = 20 * time.Millisecond
)

// examineLog refuses a database whose log somebody took away. SQLite removes the
// log's index before the log, so that the index alone is never its own doing. To
// begin a new log would make what was in the old one unreadable for good, and
// beside a process that still has the old one open it would ruin the file. A
// process that closes the database may remove both between the two looks: what
// is wrong stays so.
func examineLog(ctx context.Context, path string) error {
	for range logLooks {
		_, index := os.Stat(path + "-shm")
		_, log := os.Stat(path + "-wal")
		if index != nil || !errors.Is(log, fs.ErrNotExist) {
			return nil //nolint:nilerr // Nothing says that there was a log.
		}
		select {
		case <-time.After(logLook):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return joined(crm.ErrUnavailable, errLogGone)
}

// examineTables refuses a file with tables that are none of ours, before
// anything is written to it.
func examineTables(ctx context.Context, db *sqlx.DB, patience time.Duration) error {
	var tables, ours int
	err := patiently(ctx, patience, func() error {
		return db.QueryRowxContext(ctx, "SELECT count(*), count(CASE WHEN name = 'schema_versions' THEN 1 END) FROM sqlite_schema WHERE type = 'table'").
			Scan(&tables, &ours)
	})
	if err != nil {
		return fmt.Errorf("look at the tables: %w", translate(err))
	}
	if tables > 0 && ours == 0 {
		return joined(crm.ErrUnavailable, errForeign)
	}
	return nil
}
