package sqlite

import (
	"context"
	"database/sql"
	"io/fs"
	"runtime"
	"testing"
	"testing/fstest"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// IdleAfter is when a writer without work gives back what it holds.
const IdleAfter = idleAfter

// OpenTraced opens a store that tells trace the text of every statement.
func OpenTraced(ctx context.Context, path string, trace func(text string)) (*Store, error) {
	return OpenWith(ctx, path, Options{trace: trace})
}

// FillDisk lets the file grow no more, as a full disk would; FreeDisk ends that.
func (s *Store) FillDisk() error { return s.limitPages("1") } // SQLite takes the present size instead.

// FreeDisk lets the file grow again.
func (s *Store) FreeDisk() error { return s.limitPages("4294967294") }

func (s *Store) limitPages(n string) error {
	return s.inTx(context.Background(), func(t *tx) error {
		_, err := t.conn.conn.ExecContext(context.Background(), "PRAGMA max_page_count = "+n)
		return err
	})
}

// OnlyRead makes the file one that can only be read, as a file system that was
// mounted again without writes would, or ends that.
func (s *Store) OnlyRead(on bool) error {
	text := "PRAGMA query_only = 0"
	if on {
		text = "PRAGMA query_only = 1"
	}
	_, err := s.conn.conn.ExecContext(context.Background(), text) // Not in a transaction: there can be none.
	return err
}

// GroupFor replaces for how long a group takes further calls. It is for a store
// that nobody has called yet.
func (s *Store) GroupFor(d time.Duration) { s.writer.groupTime = d }

// AwaitCopy waits until the log has been copied as often as probes have asked.
func (s *Store) AwaitCopy(tb testing.TB) {
	tb.Helper()
	asked := s.probes.count.Load() / probesPerCopy
	for deadline := time.Now().Add(30 * time.Second); s.copies.copied.Load() < asked; runtime.Gosched() {
		if time.Now().After(deadline) {
			tb.Fatalf("the log was copied %d times, want %d", s.copies.copied.Load(), asked)
		}
	}
}

// ProbeRows counts what probes of writes have left.
func (s *Store) ProbeRows(tb testing.TB) int {
	tb.Helper()
	var n int
	if err := s.pool.db.Get(&n, "SELECT count(*) FROM write_probe"); err != nil {
		tb.Fatal(err)
	}
	return n
}

// MigrateTo brings a new file to an older schema.
func MigrateTo(ctx context.Context, path string, version int64) error {
	m, err := migrations()
	if err != nil {
		return err
	}
	_, all, err := m.AllSQL()
	if err != nil {
		return err
	}
	some := fstest.MapFS{}
	for _, migration := range all {
		if migration.Version <= version {
			data, err := fs.ReadFile(m.Files, migration.Name)
			if err != nil {
				return err
			}
			some[migration.Name] = &fstest.MapFile{Data: data}
		}
	}
	m.Files = some
	db, err := sql.Open("sqlite", dataSource(path, migrating, "full", Options{}))
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // Up tells what matters.
	return m.Up(ctx, db)
}

// Waiting is the number of calls in the writer's queue.
func (s *Store) Waiting() int { return len(s.writer.queue) }

// Flushes reports whether the commit of t flushes the log.
func Flushes(tb testing.TB, t crm.Tx) bool {
	tb.Helper()
	var level int
	if err := t.(*tx).conn.conn.QueryRowxContext(tb.Context(), "PRAGMA synchronous").Scan(&level); err != nil {
		tb.Fatal(err)
	}
	return level == 2 // FULL
}

// Chunks counts the chunks of all uploads.
func (s *Store) Chunks(tb testing.TB) int {
	tb.Helper()
	var n int
	if err := s.pool.db.Get(&n, "SELECT count(*) FROM blob_chunks"); err != nil {
		tb.Fatal(err)
	}
	return n
}
