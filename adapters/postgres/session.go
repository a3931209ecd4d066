package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
)

// statement is the text of one SQL statement, with "?" or "$1" for arguments
// and "crm." before the names of tables. Those of a fixed shape are prepared
// once a connection; a list with filters comes in too many shapes to keep them.
type statement struct {
	text   string
	passes bool // not kept prepared
	log    bool // reads positions of events
}

// fixed is a statement that is prepared once.
func fixed(text string) statement { return statement{text: text} }

// ofLog is a fixed statement that reads positions of events: it sees all that
// this process has committed.
func ofLog(text string) statement { return statement{text: text, log: true} }

// session runs statements: on the pool, or inside a transaction. Errors are
// translated. Rows must be closed before the next statement of a transaction.
type session interface {
	query(ctx context.Context, s statement, args ...any) (*sqlx.Rows, error)
}

// pool is the session of the connections that are in no transaction. Safe for
// parallel use.
type pool struct {
	db     *sqlx.DB
	schema string
	pooled bool
	trace  func(traced)
	closed atomic.Bool
	log    *numbering

	mu       sync.RWMutex
	texts    map[string]string
	prepared map[string]*sqlx.Stmt
}

func newPool(db *sqlx.DB, o Options) *pool {
	return &pool{db: db, schema: o.Schema, pooled: o.Pooled, trace: o.trace, texts: map[string]string{}, prepared: map[string]*sqlx.Stmt{}}
}

func (p *pool) query(ctx context.Context, s statement, args ...any) (*sqlx.Rows, error) {
	if err := p.ready(ctx, s); err != nil {
		return nil, err
	}
	rows, err := p.run(ctx, s, args)
	return rows, p.translate(ctx, err)
}

func (p *pool) ready(ctx context.Context, s statement) error {
	if p.closed.Load() {
		return errClosed
	}
	if s.log {
		return p.log.settle(ctx)
	}
	return ctx.Err()
}

func (p *pool) run(ctx context.Context, s statement, args []any) (*sqlx.Rows, error) {
	p.traces(s, args)
	if s.passes || p.pooled {
		return p.db.QueryxContext(ctx, p.text(s), args...)
	}
	stmt, err := p.prepare(ctx, s) //nolint:sqlclosecheck // It is kept until the pool closes.
	if err != nil {
		return nil, err
	}
	return stmt.QueryxContext(ctx, args...)
}

// traced is a statement as the server gets it.
type traced struct {
	text string
	args []any
	kept bool // prepared
}

func (p *pool) traces(s statement, args []any) {
	if p.trace != nil {
		p.trace(traced{p.text(s), args, !s.passes})
	}
}

// text is the statement as the server gets it.
func (p *pool) text(s statement) string {
	if s.passes {
		return p.render(s.text)
	}
	p.mu.RLock()
	text, ok := p.texts[s.text]
	p.mu.RUnlock()
	if !ok {
		text = p.render(s.text)
		p.mu.Lock()
		p.texts[s.text] = text
		p.mu.Unlock()
	}
	return text
}

func (p *pool) render(text string) string { return render(text, p.schema) }

func render(text, schema string) string {
	if schema != defaultSchema {
		text = strings.ReplaceAll(text, defaultSchema+".", schema+".")
	}
	if strings.Contains(text, "$1") {
		return text
	}
	return sqlx.Rebind(sqlx.DOLLAR, text)
}

func (p *pool) prepare(ctx context.Context, s statement) (*sqlx.Stmt, error) {
	p.mu.RLock()
	stmt := p.prepared[s.text]
	p.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	made, err := p.db.PreparexContext(ctx, p.text(s))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if stmt := p.prepared[s.text]; stmt != nil { // Another goroutine was faster.
		return stmt, made.Close() //nolint:sqlclosecheck // The other way out keeps it.
	}
	p.prepared[s.text] = made
	return made, nil
}

// translate knows that whatever fails after Close fails because of it.
func (p *pool) translate(ctx context.Context, err error) error {
	if err != nil && p.closed.Load() {
		return errClosed
	}
	return timely(ctx, err)
}

// close ends the connections, or the statements on those that are the host's;
// queries that still run are waited for.
func (p *pool) close(given bool) error {
	if p.closed.Swap(true) {
		return nil
	}
	var errs []error
	p.mu.Lock()
	for _, stmt := range p.prepared {
		errs = append(errs, stmt.Close())
	}
	p.mu.Unlock()
	if !given {
		errs = append(errs, p.db.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close the connections: %w", err)
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

// each runs a query and calls do for every row. In a transaction do must not run
// another statement: a connection answers one after the other.
func each(ctx context.Context, on session, do func(*sqlx.Rows) error, s statement, args ...any) error {
	rows, err := on.query(ctx, s, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err below has what closing would say.
	for rows.Next() {
		if err := do(rows); err != nil {
			return translate(err)
		}
	}
	return timely(ctx, rows.Err())
}

// number reads one integer.
func number(rows *sqlx.Rows) (n int64, err error) {
	err = rows.Scan(&n)
	return n, err
}

// eachRow scans the columns of every row into the same values.
func eachRow(ctx context.Context, on session, s statement, args []any, into ...any) error {
	return each(ctx, on, func(rows *sqlx.Rows) error { return rows.Scan(into...) }, s, args...)
}
