package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

var (
	_ crm.Store               = (*Store)(nil)
	_ crm.ResumableTransactor = (*Store)(nil)
)

// Store is a [crm.Store] on Postgres. Make it with [Open] or [New]. All methods
// are safe for parallel use, also by any number of processes.
type Store struct {
	reads
	pool  *pool
	log   *numbering
	turns rotation
	// slots holds one for each transaction at work: one connection less than there
	// are, because a transaction that prepares a statement for the first time needs
	// another one for a moment.
	slots  chan struct{}
	counts counts
	newest int64
	given  bool // the pool of connections is the host's

	closeOnce sync.Once
	closeErr  error
}

// reads are the reading methods, over the pool in a [Store] and over the
// connection of a transaction in a tx.
type reads struct{ session }

// Open opens the database with the default options. It creates the schema in a
// database that has none; one that is older or newer than this program needs is
// ErrUnavailable, with what to do about it.
//
// The URL is "postgres://user:password@host:port/database", with the parameters
// that lib/pq knows, sslmode among them.
func Open(ctx context.Context, url string) (*Store, error) {
	return OpenWith(ctx, url, Options{})
}

// OpenWith is [Open] with options; those out of bounds are a
// *crm.ValidationError.
func OpenWith(ctx context.Context, url string, options Options) (*Store, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if url == "" {
		return nil, crm.Invalid("url", crm.CodeRequired, "must name a database")
	}
	pooled, err := isPooled(url)
	if err != nil {
		return nil, err
	}
	o.Pooled = o.Pooled || pooled
	if err := prepare(ctx, url, o); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db, err := connect(url, o.MaxConns, o)
	if err != nil {
		return nil, err
	}
	return start(ctx, db, o, false)
}

// New is [OpenWith] over connections that the host has opened by lib/pq and
// closes itself, after the store. The pool must allow Options.MaxConns of them
// beside those that the host needs itself. The schema must be there and be the
// one that this program needs: see [Migrate].
func New(ctx context.Context, db *sqlx.DB, options Options) (*Store, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if most := db.Stats().MaxOpenConnections; most > 0 && most < o.MaxConns {
		return nil, crm.Invalid("MaxConns", crm.CodeInvalid, fmt.Sprintf("must be at most the %d connections that the pool allows", most))
	}
	return start(ctx, db, o, true)
}

func start(ctx context.Context, db *sqlx.DB, o Options, given bool) (*Store, error) {
	s := &Store{pool: newPool(db, o), given: given, slots: make(chan struct{}, max(1, o.MaxConns-1))}
	s.reads = reads{session: s.pool}
	m, err := migrations(o.Schema)
	if err == nil {
		s.newest, err = m.Newest()
	}
	if err == nil {
		err = s.Ping(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), s.Close())
	}
	s.log = startNumbering(s)
	s.pool.log = s.log
	if err := s.removeOrphans(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), s.Close())
	}
	return s, nil
}

// Ping proves that the database answers and has the schema of this program.
func (s *Store) Ping(ctx context.Context) error {
	version, _, err := one(ctx, s.pool, number, fixed("SELECT coalesce(max(version_id), 0) FROM crm.schema_versions"))
	if err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	return checkVersion(version, s.newest)
}

// Close ends the store. Calls that are under way are waited for; those that come
// later are ErrUnavailable. Calling it again returns what the first call
// returned.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Store) close() error {
	if s.log != nil {
		s.log.close()
	}
	return s.pool.close(s.given)
}
