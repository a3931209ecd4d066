package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// writerConn is the one writing connection. At any moment one goroutine uses
// it: the writer's, or the one whose turn it is.
type writerConn struct {
	db       *sqlx.DB
	conn     *sqlx.Conn
	prepared map[string]*sqlx.Stmt
	inserts  map[insertShape]statement
	trace    func(string)
	// lost is set by an error after which the transaction may be gone.
	lost error
	// added is what the calls of the transaction have added to the totals so far.
	added deltas
	// gaveNumber says that the transaction gave a workspace its number, which
	// counts when it is committed.
	gaveNumber bool
	numbers    *numbers
}

func openWriterConn(ctx context.Context, db *sqlx.DB, numbers *numbers, trace func(string)) (*writerConn, error) {
	conn, err := db.Connx(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the writing connection: %w", translate(err))
	}
	c := &writerConn{db: db, conn: conn, prepared: map[string]*sqlx.Stmt{}, inserts: map[insertShape]statement{}, added: newDeltas(), numbers: numbers, trace: trace}
	// The writer waits for locks itself, see pollInterval.
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return nil, errors.Join(fmt.Errorf("open the writing connection: %w", translate(err)), c.close())
	}
	return c, nil
}

// close closes the statements first: database/sql does not know those of a single
// connection, and SQLite keeps a connection that has statements left open, with
// its locks, so that the write-ahead log would stay beside the file.
func (c *writerConn) close() error {
	var errs []error
	for _, stmt := range c.prepared {
		errs = append(errs, stmt.Close())
	}
	if err := errors.Join(append(errs, c.conn.Close(), c.db.Close())...); err != nil {
		return fmt.Errorf("close the writing connection: %w", err)
	}
	return nil
}

func (c *writerConn) stmt(ctx context.Context, s statement) (*sqlx.Stmt, error) {
	if stmt := c.prepared[s.text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := c.conn.PreparexContext(ctx, steadyLimit(s.text))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	c.prepared[s.text] = stmt
	return stmt, nil
}

// insertShape is what the text of an insert depends on.
type insertShape struct {
	into, tail  string
	rows, alike int
	checks      bool
}

// insertOf returns the statement of an insert, whose text is long and made once.
func (c *writerConn) insertOf(b bulk, rows, alike int) statement {
	shape := insertShape{b.into, b.tail, rows, alike, b.checks}
	s, ok := c.inserts[shape]
	if !ok {
		s = fixed(b.text(rows, alike))
		c.inserts[shape] = s
	}
	return s
}

func (c *writerConn) query(ctx context.Context, s statement, args []any) (*sqlx.Rows, error) {
	if c.trace != nil {
		c.trace(s.text)
	}
	if s.passes {
		rows, err := c.conn.QueryxContext(ctx, s.text, args...)
		return rows, c.note(err)
	}
	stmt, err := c.stmt(ctx, s) //nolint:sqlclosecheck // It is kept until the connection closes.
	if err != nil {
		return nil, c.note(err)
	}
	rows, err := stmt.QueryxContext(ctx, args...)
	return rows, c.note(err)
}

func (c *writerConn) exec(ctx context.Context, s statement, args []any) (sql.Result, error) {
	if c.trace != nil {
		c.trace(s.text)
	}
	stmt, err := c.stmt(ctx, s) //nolint:sqlclosecheck // It is kept until the connection closes.
	if err != nil {
		return nil, c.note(err)
	}
	result, err := stmt.ExecContext(ctx, args...)
	return result, c.note(err)
}

// control runs BEGIN, COMMIT and the like and returns the driver's error.
func (c *writerConn) control(text string) error {
	ctx := context.Background()
	stmt, err := c.stmt(ctx, fixed(text)) //nolint:sqlclosecheck // It is kept until the connection closes.
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx)
	return err
}

// mustWork is control for what can only fail when the transaction is gone.
func (c *writerConn) mustWork(text string) error {
	err := c.control(text)
	if err != nil {
		c.lose(err)
	}
	return err
}

// lose notes that the transaction is gone or must go; the first reason stays.
func (c *writerConn) lose(err error) {
	if c.lost == nil {
		c.lost = fmt.Errorf("the transaction was lost: %w", joined(crm.ErrUnavailable, translate(err)))
	}
}

// note translates err and remembers one that may have ended the transaction.
func (c *writerConn) note(err error) error {
	if err != nil && endsTransaction(err) {
		c.lose(err)
	}
	return translate(err)
}
