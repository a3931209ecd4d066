package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

var _ crm.Tx = (*tx)(nil)

// errOver is what a transaction answers when its function has ended.
var errOver = errors.New("sqlite: the transaction is over")

// tx is one transaction on the writer's connection: a savepoint in the
// transaction that a group shares. Its reads see its writes.
type tx struct {
	reads
	conn *writerConn
	over bool
	// wrote is set by the first statement that may have changed something.
	wrote bool
	// added is what it adds to the totals; it counts when the call is kept.
	added deltas
	// erased asks the writer to truncate the write-ahead log after the commit.
	erased bool
}

func newTx(conn *writerConn) *tx {
	t := &tx{conn: conn, added: newDeltas()}
	t.reads = reads{session: t}
	return t
}

// ready refuses what comes after the end, after an error that may have ended
// the whole group's transaction, and after the caller gave up: a statement
// itself is never cut short, because SQLite would roll back the whole group.
func (t *tx) ready(ctx context.Context) error {
	if t.over {
		return errOver
	}
	if t.conn.lost != nil {
		return t.conn.lost
	}
	return ctx.Err()
}

func (t *tx) query(ctx context.Context, s statement, args ...any) (*sqlx.Rows, func(), error) {
	if err := t.ready(ctx); err != nil {
		return nil, nothing, err
	}
	if err := withNumbers(ctx, args, t.numberOf); err != nil {
		return nil, nothing, err
	}
	t.wrote = t.wrote || !strings.HasPrefix(s.text, "SELECT")
	rows, err := t.conn.query(context.WithoutCancel(ctx), s, args)
	return rows, nothing, err
}

func (t *tx) exec(ctx context.Context, s statement, args ...any) (sql.Result, error) {
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	find := t.numberOf
	if strings.HasPrefix(s.text, "INSERT") {
		find = t.giveNumber
	}
	if err := withNumbers(ctx, args, find); err != nil {
		return nil, err
	}
	result, err := t.conn.exec(context.WithoutCancel(ctx), s, args)
	t.wrote = t.wrote || err == nil // SQLite takes back what a failed statement did.
	return result, err
}

// change runs a statement and returns how many rows it changed.
func (t *tx) change(ctx context.Context, s statement, args ...any) (int64, error) {
	result, err := t.exec(ctx, s, args...)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return n, translate(err)
}

// bulk is an insert of several rows a statement: "INSERT OR FAIL INTO
// <into> VALUES ... <tail>".
type bulk struct {
	into    string
	columns int
	// alike is how many of the first columns mostly hold the same in every row
	// of a call. Then they are bound once: binding, which is a copy each, was a
	// tenth of an import's time.
	alike int
	tail  string
	// checks says that the insert of a single row may be refused.
	checks bool
}

func (b bulk) head() string {
	if b.checks {
		return "INSERT INTO "
	}
	return "INSERT OR FAIL INTO "
}

// insert writes n rows, of which row appends the arguments. Nothing of it may
// be refused, so the caller has looked first: "OR FAIL" spares SQLite a copy
// of every page a statement touches, but keeps the rows before one that is
// refused, and only a roll back of the transaction takes those away. Arguments
// are made before anything is written, so that an error of row leaves nothing.
func (t *tx) insert(ctx context.Context, b bulk, n int, row func(args []any, i int) ([]any, error)) error {
	all := make([]any, 0, n*b.columns)
	for i := range n {
		var err error
		if all, err = row(all, i); err != nil {
			return err
		}
	}
	return sqlkit.Batches(n, func(from, to int) error {
		args, alike := b.bound(all[from*b.columns : to*b.columns])
		_, err := t.exec(ctx, t.conn.insertOf(b, to-from, alike), args...)
		if code(err) != 0 && !b.checks {
			t.conn.lose(err)
		}
		return err
	})
}

// bound returns the arguments of some rows that are to be bound, and how many
// columns the rows have alike.
func (b bulk) bound(args []any) (bound []any, alike int) {
	n := len(args) / b.columns
	if n == 1 {
		return args, 0
	}
	for c := range b.alike {
		for row := 1; row < n; row++ {
			if !sameArgument(args[c], args[row*b.columns+c]) {
				return args, 0
			}
		}
	}
	bound = append(make([]any, 0, b.alike+n*(b.columns-b.alike)), args[:b.alike]...)
	for row := range n {
		bound = append(bound, args[row*b.columns+b.alike:(row+1)*b.columns]...)
	}
	return bound, b.alike
}

// text is the statement that inserts a number of rows, of which so many of the
// first columns are alike.
func (b bulk) text(rows, alike int) string {
	if alike == 0 {
		return b.head() + b.into + " VALUES " + sqlkit.Values(b.columns, rows) + b.tail
	}
	return b.head() + b.into + " VALUES " + sqlkit.ValuesAlike(b.columns, alike, rows) + b.tail
}

// sameArgument compares arguments of the kinds that inserts have.
func sameArgument(a, b any) bool {
	if x, ok := a.([]byte); ok {
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	}
	if _, ok := b.([]byte); ok {
		return false
	}
	return a == b
}

// forEach runs a statement with a list of values in place of "%s", after the
// workspace and before the last arguments, in runs of few sizes, and returns
// how many rows it changed.
func (t *tx) forEach(ctx context.Context, text string, ws crm.WorkspaceID, values []any, last ...any) (int64, error) {
	var changed int64
	err := sqlkit.Lists(values, func(padded []any) error {
		s := fixed(fmt.Sprintf(text, sqlkit.Placeholders(len(padded))))
		n, err := t.change(ctx, s, slices.Concat([]any{numbered(ws)}, padded, last)...)
		changed += n
		return err
	})
	return changed, err
}

// InTx runs fn in a transaction, which it may share with others that wait at
// the same moment; see [crm.Transactor]. A panic or runtime.Goexit in fn rolls
// its part back and goes on in the caller's goroutine. Once fn runs, an end of
// ctx stops it before its next statement, and InTx returns when the outcome is
// known. Calling InTx or a writing method of the store inside fn waits for
// ever.
func (s *Store) InTx(ctx context.Context, fn func(tx crm.Tx) error) error {
	return s.inTx(ctx, func(t *tx) error { return fn(t) })
}

// inTx is InTx for the files of this package.
func (s *Store) inTx(ctx context.Context, fn func(t *tx) error) error {
	return s.writer.do(ctx, newCall(), fn)
}

// InResumableTx implements [crm.ResumableTransactor]: with [SyncFull] the
// commit is on the disk no later than the next one of InTx.
func (s *Store) InResumableTx(ctx context.Context, fn func(tx crm.Tx) error) error {
	c := newCall()
	c.resumable = true
	return s.writer.do(ctx, c, func(t *tx) error { return fn(t) })
}

// inResumableTxValue is for what a power cut may undo as if it had never been.
func inResumableTxValue[T any](ctx context.Context, s *Store, fn func(t *tx) (T, error)) (T, error) {
	var value T
	c := newCall()
	c.resumable = true
	err := s.writer.do(ctx, c, func(t *tx) error {
		var err error
		value, err = fn(t)
		return err
	})
	return value, err
}

// inTxValue is inTx for a function with a result.
func inTxValue[T any](ctx context.Context, s *Store, fn func(t *tx) (T, error)) (T, error) {
	var value T
	err := s.inTx(ctx, func(t *tx) error {
		var err error
		value, err = fn(t)
		return err
	})
	return value, err
}
