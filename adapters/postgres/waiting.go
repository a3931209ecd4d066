package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"github.com/omnicrm/omnicrm/crm"
)

// waiting are inserts of a transaction whose outcome nobody asks for yet. They
// go to the server together, as one statement, in front of the next statement or
// at the end; where there was none before, that statement is the whole
// transaction, begun and committed in one round trip. So a create takes one.
//
// An insert that meets a row which is there fails later than it was called. That
// is a lost race, and the transaction runs again with nothing waiting, so that
// its function hears then what it would have heard at once.
type waiting []waitingInsert

type waitingInsert struct {
	table, text string
	args        []any
}

// wait adds n rows. Those of one table keep their order: the parts of a
// statement are run in any.
func (t *tx) wait(ctx context.Context, b bulk, n int, args []any) error {
	if err := t.ready(ctx); err != nil {
		return err
	}
	same := func(w waitingInsert) bool { return w.table == b.table }
	if slices.ContainsFunc(t.waiting, same) {
		if err := t.begun(ctx); err != nil {
			return err
		}
	}
	w := waitingInsert{b.table, b.text(n), args}
	if b.types != nil {
		var err error
		if w.args, err = b.arrays(args); err != nil {
			return err
		}
	}
	t.waiting = append(t.waiting, w)
	if t.eager {
		return t.begun(ctx)
	}
	return nil
}

// arrays turns rows into an argument a column.
func (b bulk) arrays(rows []any) ([]any, error) {
	columns := make([]any, len(b.columns))
	for c, kind := range b.types {
		texts, numbers, bytes := pq.StringArray{}, pq.Int64Array{}, pq.ByteaArray{}
		for at := c; at < len(rows); at += len(b.columns) {
			switch v := rows[at].(type) {
			case string:
				texts = append(texts, v)
			case int64:
				numbers = append(numbers, v)
			case []byte:
				bytes = append(bytes, v)
			default:
				return nil, fmt.Errorf("insert into %s: %s is %T", b.table, b.columns[c], v)
			}
		}
		switch kind {
		case "bytea":
			columns[c] = bytes
		case "smallint", "bigint":
			columns[c] = numbers
		default:
			columns[c] = texts
		}
	}
	return columns, nil
}

// take returns what waits as one statement, and has nothing wait any more.
func (w *waiting) take() (statement, []any) {
	parts := *w
	*w = nil
	last := len(parts) - 1
	if last == 0 {
		return fixed(parts[0].text), parts[0].args
	}
	var text strings.Builder
	var args []any
	for i, part := range parts {
		switch i {
		case last:
			text.WriteString(") ")
		case 0:
			text.WriteString("WITH w0 AS (")
		default:
			text.WriteString("), w" + strconv.Itoa(i) + " AS (")
		}
		text.WriteString(part.text)
		args = append(args, part.args...)
	}
	return fixed(text.String()), args
}

// flush writes what waits.
func (t *tx) flush(ctx context.Context) error {
	if len(t.waiting) == 0 {
		return nil
	}
	s, args := t.waiting.take()
	_, err := t.exec(ctx, s, args...)
	return err
}

// commit writes what waits and ends the transaction.
func (t *tx) commit(ctx context.Context) error {
	if len(t.waiting) > 0 && t.options.Isolation != sql.LevelDefault {
		if err := t.begun(ctx); err != nil {
			return err
		}
	}
	if t.tx != nil {
		if err := t.flush(ctx); err != nil {
			return err
		}
		return t.tx.Commit()
	}
	if len(t.waiting) == 0 {
		return ctx.Err()
	}
	p := t.store.pool
	s, args := t.waiting.take()
	p.traces(s, args)
	args = append([]any{&sentOnce{value: args[0]}}, args[1:]...)
	if p.pooled {
		_, err := p.db.ExecContext(ctx, p.text(s), args...)
		return err
	}
	stmt, err := p.prepare(ctx, s) //nolint:sqlclosecheck // It is kept until the pool closes.
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx, args...)
	return err
}

// sentOnce is an argument that is sent once: when a connection breaks the
// statement may have been run, and database/sql would run it again on another
// one.
type sentOnce struct {
	value any
	sent  bool
}

var errSent = fmt.Errorf("the connection broke, and whether the transaction was committed is not known: %w", crm.ErrUnavailable)

// Value implements driver.Valuer.
func (o *sentOnce) Value() (driver.Value, error) {
	if o.sent {
		return nil, errSent
	}
	o.sent = true
	if v, ok := o.value.(driver.Valuer); ok {
		return v.Value()
	}
	return o.value, nil
}
