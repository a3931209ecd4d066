package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

var _ crm.Tx = (*tx)(nil)

// errOver is what a transaction answers when its function has ended.
var errOver = errors.New("postgres: the transaction is over")

// tx is one transaction. Its reads see its writes.
type tx struct {
	reads
	store *Store
	// tx is nil until a statement needs it, see begun.
	tx      *sqlx.Tx
	options *sql.TxOptions
	over    bool
	// waiting are rows that the next statement or the end writes, see waiting.go;
	// eager has none wait.
	waiting waiting
	eager   bool
	// lost is the first error of a statement: the server refuses all that come
	// after it, and rolls back.
	lost error
	// added is what it adds to the totals, written with the commit.
	added deltas
	// logged says that it wrote something that is worked out after the commit.
	logged bool
	// unmarked are fingerprints that it was told nobody has.
	unmarked map[markOf]bool
}

// ready refuses what comes after the end and after an error.
func (t *tx) ready(ctx context.Context) error {
	if t.over {
		return errOver
	}
	if t.lost != nil {
		return fmt.Errorf("an earlier statement of the transaction failed: %w", t.lost)
	}
	return ctx.Err()
}

// note remembers the first error.
func (t *tx) note(ctx context.Context, err error) error {
	err = t.store.pool.translate(ctx, err)
	if err != nil && t.lost == nil {
		t.lost = err
	}
	return err
}

func (t *tx) query(ctx context.Context, s statement, args ...any) (*sqlx.Rows, error) {
	if err := t.begun(ctx); err != nil {
		return nil, err
	}
	p := t.store.pool
	if s.log {
		s.text = withUnnumbered(s.text)
	}
	p.traces(s, args)
	if s.passes || p.pooled {
		rows, err := t.tx.QueryxContext(ctx, p.text(s), args...)
		return rows, t.note(ctx, err)
	}
	stmt, err := t.stmt(ctx, s) //nolint:sqlclosecheck // It ends with the transaction.
	if err != nil {
		return nil, t.note(ctx, err)
	}
	rows, err := stmt.QueryxContext(ctx, args...)
	return rows, t.note(ctx, err)
}

func (t *tx) exec(ctx context.Context, s statement, args ...any) (sql.Result, error) {
	if err := t.begun(ctx); err != nil {
		return nil, err
	}
	p := t.store.pool
	p.traces(s, args)
	if s.passes || p.pooled {
		result, err := t.tx.ExecContext(ctx, p.text(s), args...)
		return result, t.note(ctx, err)
	}
	stmt, err := t.stmt(ctx, s) //nolint:sqlclosecheck // It ends with the transaction.
	if err != nil {
		return nil, t.note(ctx, err)
	}
	result, err := stmt.ExecContext(ctx, args...)
	return result, t.note(ctx, err)
}

func (t *tx) stmt(ctx context.Context, s statement) (*sqlx.Stmt, error) {
	stmt, err := t.store.pool.prepare(ctx, s)
	if err != nil {
		return nil, err
	}
	return t.tx.StmtxContext(ctx, stmt), nil
}

// withUnnumbered has a statement of the log read what has no position yet, too.
func withUnnumbered(text string) string {
	return strings.ReplaceAll(text, "crm.events", "crm.all_events")
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

// bulk is an insert of several rows a statement: "INSERT INTO <table>
// (<columns>) VALUES ... <tail>".
type bulk struct {
	table   string // without its schema
	columns []string
	// types are those of the columns. With them the rows are one argument a
	// column, so that the text is the same for any number of rows.
	types []string
	// tail is what stands behind the values, for instance what to do on a
	// conflict. Without one, many rows are copied.
	tail string
	// waits says that nobody asks how it went before the transaction's next
	// statement.
	waits bool
}

// copied is how many rows are worth a COPY, which takes three round trips more.
const copied = 32

// insert writes n rows, of which row appends the arguments. Arguments are made
// before anything is written, so that an error of row leaves nothing. A row that
// is there already is a lost race: the caller has looked.
func (t *tx) insert(ctx context.Context, b bulk, n int, row func(args []any, i int) ([]any, error)) error {
	all := make([]any, 0, n*len(b.columns))
	for i := range n {
		var err error
		if all, err = row(all, i); err != nil {
			return err
		}
	}
	switch {
	case n == 0:
		return nil
	case b.tail == "" && n >= copied:
		return t.copyIn(ctx, b, all)
	case b.waits && (n == 1 || b.types != nil):
		return t.wait(ctx, b, n, all)
	}
	return sqlkit.Batches(n, func(from, to int) error {
		_, err := t.exec(ctx, fixed(b.text(to-from)), all[from*len(b.columns):to*len(b.columns)]...)
		return err
	})
}

func (b bulk) text(rows int) string {
	text := "INSERT INTO " + defaultSchema + "." + b.table + " (" + strings.Join(b.columns, ", ") + ") "
	if b.types == nil {
		return text + "VALUES " + sqlkit.Values(len(b.columns), rows) + b.tail
	}
	return text + "SELECT * FROM unnest(CAST(? AS " + strings.Join(b.types, "[]), CAST(? AS ") + "[])) AS v" + b.tail
}

// copyIn writes rows by COPY.
func (t *tx) copyIn(ctx context.Context, b bulk, args []any) error {
	if err := t.begun(ctx); err != nil {
		return err
	}
	stmt, err := t.tx.PrepareContext(ctx, pq.CopyInSchema(t.store.pool.schema, b.table, b.columns...)) //nolint:staticcheck,sqlclosecheck // What takes its place is the same text; Close is deferred.
	if err != nil {
		return t.note(ctx, err)
	}
	defer stmt.Close() //nolint:errcheck // The last Exec has what closing would say.
	for row := range slices.Chunk(args, len(b.columns)) {
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return t.note(ctx, err)
		}
	}
	_, err = stmt.ExecContext(ctx)
	return t.note(ctx, err)
}

// maxTries is how often a transaction runs that loses races.
const maxTries = 6

// txKind says how a transaction runs.
type txKind struct {
	isolation sql.IsolationLevel
	// resumable spares it the wait for the disk.
	resumable bool
	// eager has nothing wait, see tx.
	eager bool
}

// InTx runs fn in a transaction; see [crm.Transactor]. It is READ COMMITTED, and
// contacts, interactions, imports and jobs that fn reads by id stay as they are
// until the end. A deadlock or a lost race runs fn again, up to five times with
// growing pauses, and is ErrUnavailable then. When the connection breaks during
// the commit the outcome is not known, and InTx returns ErrUnavailable.
func (s *Store) InTx(ctx context.Context, fn func(tx crm.Tx) error) error {
	return s.inTx(ctx, func(t *tx) error { return fn(t) })
}

// inTx is InTx for the files of this package.
func (s *Store) inTx(ctx context.Context, fn func(t *tx) error) error {
	return s.run(ctx, txKind{}, fn)
}

// InResumableTx implements [crm.ResumableTransactor]: the commit is on the disk
// no later than the next one of InTx, and within a second.
func (s *Store) InResumableTx(ctx context.Context, fn func(tx crm.Tx) error) error {
	return s.run(ctx, txKind{resumable: true}, func(t *tx) error { return fn(t) })
}

// inTxValue is inTx for a function with a result.
func inTxValue[T any](ctx context.Context, s *Store, fn func(t *tx) (T, error)) (T, error) {
	return runValue(ctx, s, txKind{}, fn)
}

// inResumableTxValue is for what a power cut may undo as if it had never been.
func inResumableTxValue[T any](ctx context.Context, s *Store, fn func(t *tx) (T, error)) (T, error) {
	return runValue(ctx, s, txKind{resumable: true}, fn)
}

func runValue[T any](ctx context.Context, s *Store, kind txKind, fn func(t *tx) (T, error)) (T, error) {
	var value T
	err := s.run(ctx, kind, func(t *tx) error {
		var err error
		value, err = fn(t)
		return err
	})
	return value, err
}

// run tries until the transaction loses no race.
func (s *Store) run(ctx context.Context, kind txKind, fn func(t *tx) error) error {
	for try := 1; ; try++ {
		kind.eager = try > 1
		lostRace, err := s.try(ctx, kind, fn)
		if !lostRace || try == maxTries {
			s.counts.ended(err)
			return err
		}
		s.counts.retries.Add(1)
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// pause waits before a further try: about 1, 4, 9, ... ms, each time another
// while, so that those who met do not meet again.
func pause(ctx context.Context, try int) error {
	most := time.Duration(2*try*try) * time.Millisecond
	timer := time.NewTimer(rand.N(most)) //nolint:gosec // Nobody gains by guessing it.
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try runs the transaction once.
func (s *Store) try(ctx context.Context, kind txKind, fn func(t *tx) error) (lostRace bool, err error) {
	if s.pool.closed.Load() {
		return false, errClosed
	}
	t, err := s.begin(ctx, &sql.TxOptions{Isolation: kind.isolation})
	if err != nil {
		return false, err
	}
	t.eager = kind.eager
	defer t.end() // After a commit it rolls nothing back; also for a panic and runtime.Goexit.
	err = t.work(ctx, kind, fn)
	if t.lost != nil && isLostRace(t.lost) {
		return true, t.lost
	}
	if err != nil {
		return false, err
	}
	if t.lost != nil { // The function did not pass on what failed.
		return false, t.lost
	}
	if err := t.commit(ctx); err != nil {
		return isLostRace(err), s.pool.translate(ctx, err)
	}
	if t.logged {
		s.log.wrote()
	}
	return false, nil
}

// begin makes a transaction, which the caller ends. The server hears of it with
// its first statement.
func (s *Store) begin(ctx context.Context, o *sql.TxOptions) (*tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	t := &tx{store: s, options: o, added: newDeltas()}
	t.reads = reads{session: t}
	return t, nil
}

// begun prepares for a statement: the transaction has begun, and what waited is
// written.
func (t *tx) begun(ctx context.Context) error {
	if err := t.ready(ctx); err != nil {
		return err
	}
	if t.tx == nil {
		began, err := t.store.pool.db.BeginTxx(ctx, t.options)
		if err != nil {
			return t.note(ctx, err)
		}
		t.tx = began
	}
	return t.flush(ctx)
}

// end gives the connection back, once; what is not committed is rolled back.
func (t *tx) end() {
	t.over = true
	if t.tx != nil {
		_ = t.tx.Rollback()
	}
	<-t.store.slots
}

func (t *tx) work(ctx context.Context, kind txKind, fn func(t *tx) error) error {
	if kind.resumable {
		if _, err := t.exec(ctx, statement{text: "SET LOCAL synchronous_commit = off", passes: true}); err != nil {
			return err
		}
	}
	if err := fn(t); err != nil {
		return err
	}
	return t.added.write(ctx, t)
}
