package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

var (
	_ crm.Store               = (*Store)(nil)
	_ crm.SoleWriter          = (*Store)(nil)
	_ crm.ResumableTransactor = (*Store)(nil)
)

// inMemory is the path of a private store that ends with Close.
const inMemory = ":memory:"

// maxViews is how many snapshots are open at once; more wait.
const maxViews = 2

// Store is the embedded [crm.Store]. Make it with [Open]. All methods are safe
// for parallel use, also by several processes.
type Store struct {
	reads
	pool    *pool
	views   *sqlx.DB // of snapshots
	writer  *writer
	conn    *writerConn
	copies  *checkpointer
	others  *neighbours
	turns   rotation
	newest  int64
	probes  prober
	private string // the folder of a private store, removed by Close

	closeOnce sync.Once
	closeErr  error
}

// reads are the reading methods, over the pool of readers in a [Store] and
// over the writer's connection in a tx.
type reads struct{ session }

// Open opens the file, or makes it, with the default options. It creates the
// schema in an empty file and upgrades an older one, of which it first puts a
// copy beside the file ("crm.db.before-2"); a newer schema is ErrUnavailable.
//
// The path ":memory:" gives an empty store of its own, which lies in the
// system's folder for temporary files, is never flushed and ends with Close.
func Open(ctx context.Context, path string) (*Store, error) {
	return OpenWith(ctx, path, Options{})
}

// OpenWith is [Open] with options; those out of bounds are a
// *crm.ValidationError.
func OpenWith(ctx context.Context, path string, options Options) (*Store, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if path == "" {
		return nil, crm.Invalid("path", crm.CodeRequired, "must name a file")
	}
	if path == inMemory {
		return openPrivate(ctx, o)
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("resolve path: %w", err)
	}
	others, err := meetNeighbours(ctx, path)
	if err != nil {
		return nil, joined(crm.ErrUnavailable, err)
	}
	s := &Store{others: others}
	if err := s.open(ctx, path, pragmaSync(o, false), o); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.Close())
	}
	return s, nil
}

// openPrivate uses a file, because only files give readers that never wait for
// the writer.
func openPrivate(ctx context.Context, o Options) (*Store, error) {
	folder, err := os.MkdirTemp("", "omnicrm-")
	if err != nil {
		return nil, joined(crm.ErrUnavailable, err)
	}
	s := &Store{others: &neighbours{}, private: folder}
	if err := s.open(ctx, filepath.Join(folder, "crm.db"), pragmaSync(o, true), o); err != nil {
		return nil, errors.Join(fmt.Errorf("open a store in memory: %w", err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path, sync string, o Options) error {
	s.probes.room = path + "-room"
	if err := prepare(ctx, path, sync, o); err != nil {
		return err
	}
	m, err := migrations()
	if err != nil {
		return err
	}
	if s.newest, err = m.Newest(); err != nil {
		return err
	}
	given := newNumbers()
	writeDB, err := connect(path, writing, 1, sync, o)
	if err != nil {
		return err
	}
	if s.conn, err = openWriterConn(ctx, writeDB, given, o.trace); err != nil {
		return err
	}
	copyDB, err := connect(path, writing, 1, sync, o)
	if err != nil {
		return err
	}
	s.copies = startCheckpointer(copyDB, path+"-wal")
	s.writer = startWriter(s.conn, sync == syncFull, o.BusyTimeout, s.others, s.copies)
	readDB, err := connect(path, reading, o.Readers, sync, o)
	if err != nil {
		return err
	}
	s.pool = newPool(readDB, o.Readers, given, o.trace)
	if s.views, err = connect(path, reading, maxViews, sync, o); err != nil {
		return err
	}
	s.views.SetMaxIdleConns(0)
	s.reads = reads{session: s.pool}
	return s.removeOrphans(ctx)
}

// SoleWriter implements [crm.SoleWriter]. It is false until the first write
// that took a while, when the store looks who else has the file open.
func (s *Store) SoleWriter() bool {
	return s.others.lock == nil || s.others.alone.Load()
}

// Ping proves that the database answers and has the schema of this program.
func (s *Store) Ping(ctx context.Context) error {
	version, _, err := one(ctx, s.pool, number, fixed("SELECT coalesce(max(version_id), 0) FROM schema_versions"))
	if err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	return checkVersion(version, s.newest)
}

// Close ends the store: the transaction at hand ends, those that wait get
// ErrUnavailable. Calling it again returns what the first call returned.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Store) close() error {
	var errs []error
	if s.pool != nil {
		errs = append(errs, s.pool.close())
	}
	if s.views != nil {
		errs = append(errs, s.views.Close())
	}
	if s.writer != nil {
		s.writer.close()
	}
	if s.copies != nil {
		errs = append(errs, s.copies.close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.close()) // Last: it copies the log into the file and removes it.
	}
	errs = append(errs, s.others.leave())
	if s.private != "" {
		errs = append(errs, os.RemoveAll(s.private))
	}
	return errors.Join(errs...)
}
