package sqlite

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	driver "modernc.org/sqlite"
)

// checkpointPages is how many pages the write-ahead log takes (131 MB) before
// the writer copies what the checkpointer has not into the database file, so
// that the log can begin again. The larger it is, the more changes of a page
// are copied at once: an import of a million rows took 188 s with 4,000 and 157 s
// with 32,000. 64 callers created 6,400, 6,900 and 6,100 a second with 4,000,
// 16,000 and 32,000. While nobody writes, the log is emptied, see keptLog.
const checkpointPages = 16_000

// pageSize is of new files, in bytes. An import of 100,000 rows wrote 700,000
// times with 4,096 and 370,000 times with 8,192, at 2,000 rows a transaction.
const pageSize = 8_192

// writerCaches is how much larger the writer's page cache is than a reader's:
// what an import changes in one transaction should fit, or it is written to
// the log in the middle and read again. With 8 MB and 1,000 rows the same
// import wrote 1,040,000 times, with 24 MB and 2,000 rows 700,000 times.
const writerCaches = 6

// connKind is what a connection is for.
type connKind int

const (
	writing connKind = iota
	reading
	migrating
)

func (k connKind) cacheKB(o Options) int {
	if k == writing {
		return writerCaches * o.CacheKB
	}
	return o.CacheKB
}

// connect returns a pool of up to n connections to the file. Nothing is opened
// before the first use.
func connect(path string, kind connKind, n int, sync string, o Options) (*sqlx.DB, error) {
	connector, err := driver.NewConnector(dataSource(path, kind, sync, o))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	db := o.OpenDB(connector)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return sqlx.NewDb(db, "sqlite"), nil
}

// dataSource returns the URI of a connection. Characters of the path that mean
// something in a URI are escaped.
func dataSource(path string, kind connKind, sync string, o Options) string {
	q := url.Values{}
	pragma := func(name string, value any) { q.Add("_pragma", fmt.Sprintf("%s(%v)", name, value)) }
	pragma("busy_timeout", o.BusyTimeout.Milliseconds())
	pragma("foreign_keys", 1)
	pragma("cache_size", -kind.cacheKB(o))
	pragma("temp_store", "memory")
	pragma("trusted_schema", 0)
	switch kind {
	case reading:
		pragma("query_only", 1)
	case writing, migrating:
		pragma("page_size", pageSize) // Before anything is written; an existing file keeps its own.
		pragma("synchronous", sync)
		pragma("wal_autocheckpoint", checkpointPages)
		pragma("secure_delete", 1) // What was erased or replaced must not linger in the file.
		q.Set("_txlock", "immediate")
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/crm.db
	}
	return (&url.URL{Scheme: "file", Path: slashed, RawQuery: q.Encode()}).String()
}

// pragmaSync is the value of PRAGMA synchronous. A private in-memory store
// keeps nothing anyway.
func pragmaSync(o Options, private bool) string {
	switch {
	case private:
		return "off"
	case o.Sync == SyncNormal:
		return "normal"
	}
	return syncFull
}

// syncFull flushes the log with every commit, see [writer.flush].
const syncFull = "full"

// enableWAL turns the write-ahead log on, which stays in the file. While
// another process does the same SQLite answers "busy" at once, whatever the
// busy timeout is.
func enableWAL(ctx context.Context, db *sqlx.DB, patience time.Duration) error {
	err := patiently(ctx, patience, func() error {
		var mode string
		return db.GetContext(ctx, &mode, "PRAGMA journal_mode = wal")
	})
	if err != nil {
		return fmt.Errorf("enable the write-ahead log: %w", translate(err))
	}
	return nil
}

// patiently runs do until it no longer finds the database busy, at most for
// the time given.
func patiently(ctx context.Context, patience time.Duration, do func() error) error {
	deadline := time.Now().Add(patience)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		err := do()
		if !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		timer.Reset(pollInterval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pollInterval is how often a lock that another process holds is tried for.
// SQLite's own busy handler waits up to 100 ms between two tries and misses
// the short pauses that a busy process leaves.
const pollInterval = 2 * time.Millisecond
