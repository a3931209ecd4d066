package sqlite

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
)

// statement is the text of one SQL statement. Those of a fixed shape are
// prepared once a connection; a list with filters comes in too many shapes to
// keep them all.
type statement struct {
	text   string
	passes bool // not kept prepared
}

// fixed is a statement that is prepared once.
func fixed(text string) statement { return statement{text: text} }

// steadyLimit hides the parameter of LIMIT from SQLite's planner. It would look
// at the number for its estimates, and prepare the statement anew whenever it
// changes: 60 us each time, which was half of handing out jobs.
func steadyLimit(text string) string { return strings.ReplaceAll(text, "LIMIT ?", "LIMIT 0 + ?") }

// session runs statements: on the pool of readers, or on the writer's
// connection inside a transaction. Errors are translated. After the rows are
// closed, done must be called; it is never nil.
type session interface {
	query(ctx context.Context, s statement, args ...any) (rows *sqlx.Rows, done func(), err error)
}

// pool is the session of the reading connections. Safe for parallel use.
type pool struct {
	db     *sqlx.DB
	trace  func(string)
	closed atomic.Bool
	free   chan struct{} // holds one for each connection in use

	numbers  *numbers
	mu       sync.RWMutex
	prepared map[string]*sqlx.Stmt
}

func newPool(db *sqlx.DB, connections int, numbers *numbers, trace func(string)) *pool {
	return &pool{db: db, trace: trace, free: make(chan struct{}, connections), numbers: numbers, prepared: map[string]*sqlx.Stmt{}}
}

// query waits for a connection until ctx ends. Then only a statement that may
// take long is cut short by it: to watch a context costs the driver a
// goroutine a statement, and a point read twice its time.
func (p *pool) query(ctx context.Context, s statement, args ...any) (*sqlx.Rows, func(), error) {
	if p.closed.Load() {
		return nil, nothing, errClosed
	}
	if p.trace != nil {
		p.trace(s.text)
	}
	if err := ctx.Err(); err != nil {
		return nil, nothing, err
	}
	if err := withNumbers(ctx, args, p.numberOf); err != nil {
		return nil, nothing, err
	}
	select {
	case p.free <- struct{}{}:
	case <-ctx.Done():
		return nil, nothing, ctx.Err()
	}
	if !s.passes {
		ctx = context.WithoutCancel(ctx)
	}
	rows, err := p.run(ctx, s, args)
	return rows, p.done, p.translate(err)
}

func (p *pool) done() { <-p.free }

func nothing() {}

func (p *pool) run(ctx context.Context, s statement, args []any) (*sqlx.Rows, error) {
	if s.passes {
		return p.db.QueryxContext(ctx, s.text, args...)
	}
	stmt, err := p.prepare(ctx, s.text) //nolint:sqlclosecheck // It is kept until the pool closes.
	if err != nil {
		return nil, err
	}
	return stmt.QueryxContext(ctx, args...)
}

func (p *pool) prepare(ctx context.Context, text string) (*sqlx.Stmt, error) {
	p.mu.RLock()
	stmt := p.prepared[text]
	p.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	made, err := p.db.PreparexContext(ctx, steadyLimit(text))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if stmt := p.prepared[text]; stmt != nil { // Another goroutine was faster.
		return stmt, made.Close() //nolint:sqlclosecheck // The other way out keeps it.
	}
	p.prepared[text] = made
	return made, nil
}

// translate knows that whatever fails after Close fails because of it.
func (p *pool) translate(err error) error {
	if err != nil && p.closed.Load() {
		return errClosed
	}
	return translate(err)
}

// close ends the connections; queries that still run are waited for.
func (p *pool) close() error {
	if p.closed.Swap(true) {
		return nil
	}
	if err := p.db.Close(); err != nil {
		return fmt.Errorf("close readers: %w", err)
	}
	return nil
}

// scanner reads one row.
type scanner[T any] func(*sqlx.Rows) (T, error)

// list runs a query and reads all its rows.
func list[T any](ctx context.Context, on session, scan scanner[T], s statement, args ...any) ([]T, error) {
	var all []T
	err := each(ctx, on, func(rows *sqlx.Rows) error {
		one, err := scan(rows)
		all = append(all, one)
		return err
	}, s, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// one runs a query and reads its first row, false when there is none.
func one[T any](ctx context.Context, on session, scan scanner[T], s statement, args ...any) (T, bool, error) {
	all, err := list(ctx, on, scan, s, args...)
	if err != nil || len(all) == 0 {
		var none T
		return none, false, err
	}
	return all[0], true, nil
}

// each runs a query and calls do for every row.
func each(ctx context.Context, on session, do func(*sqlx.Rows) error, s statement, args ...any) error {
	rows, done, err := on.query(ctx, s, args...)
	defer done()
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err below has what closing would say.
	for rows.Next() {
		if err := do(rows); err != nil {
			return translate(err)
		}
	}
	return translate(rows.Err())
}

// number reads one integer.
func number(rows *sqlx.Rows) (n int64, err error) {
	err = rows.Scan(&n)
	return n, err
}
