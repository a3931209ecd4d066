package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// A group takes calls until it has worked for groupTime or has groupCalls of
// them, so that a small write waits little beside an import, whose calls take
// longer than that each.
const (
	groupTime  = 25 * time.Millisecond
	groupCalls = 256
	// carefulCalls is how many calls get savepoints after one spoiled a group.
	carefulCalls = 64
)

// idleAfter is when a writer without work gives its page cache and the room of
// the log back.
const idleAfter = 5 * time.Second

// The states of a call. Only the one who moves it out of queued may answer for
// it: the writer by starting it, or its caller by giving up.
const (
	queued int32 = iota
	started
	abandoned
)

// call is one transaction on its way through the writer. Its function runs in
// its caller's goroutine, to which the writer gives the turn, so that a panic
// or Goexit there is the caller's own and never ends the writer.
type call struct {
	state   atomic.Int32
	turn    chan *tx   // to the caller: run your function now
	back    chan bool  // to the writer: it ended; true = to be committed
	outcome chan error // to the caller: what became of it
	tx      *tx        // of its last turn
	// resumable may be lost by a power cut as long as nothing after it is kept.
	resumable bool
}

func newCall() *call {
	return &call{turn: make(chan *tx, 1), back: make(chan bool, 1), outcome: make(chan error, 1)}
}

// writer owns the writing connection and commits the calls that wait at the
// same moment together.
type writer struct {
	conn     *writerConn
	queue    chan *call
	patience time.Duration
	others   *neighbours
	// copies takes the log into the file beside the writer.
	copies *checkpointer
	// flushing says that COMMIT flushes the log. It does not while a group has
	// only resumable calls; flushes is false where it never does.
	flushing, flushes bool
	// held came while such a group was open and begins the next one.
	held *call
	// careful is how many of the next calls get a savepoint.
	careful int
	// groupTime is how long a group takes further calls; tests that fill a group
	// by hand make it longer.
	groupTime time.Duration
	// counts are read by [Store.Figures].
	counts writerCounts
	// truncate is set while erased text may still stand in the write-ahead log.
	truncate bool

	stop     chan struct{}
	stopOnce sync.Once
	ended    chan struct{}
}

func startWriter(conn *writerConn, flushes bool, patience time.Duration, others *neighbours, copies *checkpointer) *writer {
	w := &writer{
		flushes: flushes, flushing: flushes, groupTime: groupTime,
		conn: conn, queue: make(chan *call, groupCalls), patience: patience, others: others, copies: copies,
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	go w.loop()
	return w
}

// do has fn run in a transaction and returns when its outcome is certain.
func (w *writer) do(ctx context.Context, c *call, fn func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-w.stop: // First, because the queue may have room for ever.
		return errClosed
	default:
	}
	select {
	case w.queue <- c:
	case <-w.stop:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return c.await(ctx, w, fn)
}

func (c *call) await(ctx context.Context, w *writer, fn func(*tx) error) error {
	cancelled, stopped := ctx.Done(), w.stop
	for {
		select {
		case t := <-c.turn:
			if err := c.run(t, fn); err != nil {
				return err
			}
		case err := <-c.outcome:
			return err
		case <-cancelled:
			if c.state.CompareAndSwap(queued, abandoned) {
				return ctx.Err()
			}
			cancelled = nil // It runs or has run: the outcome comes.
		case <-stopped:
			if c.state.CompareAndSwap(queued, abandoned) {
				return errClosed
			}
			stopped = nil
		}
	}
}

// run calls fn and gives the turn back however fn ends. A panic or Goexit goes
// on, after the writer has been told to roll back.
func (c *call) run(t *tx, fn func(*tx) error) (err error) {
	finished := false
	defer func() {
		t.over = true
		c.back <- finished && err == nil
	}()
	err = fn(t)
	finished = true
	return err
}

// loop runs until stop; who waits in the queue sees that too.
func (w *writer) loop() {
	defer close(w.ended)
	retry, idle := time.NewTimer(0), time.NewTimer(idleAfter)
	defer retry.Stop()
	defer idle.Stop()
	for {
		if c := w.held; c != nil {
			w.held = nil
			w.work(c)
		}
		var later <-chan time.Time
		if w.truncate {
			retry.Reset(truncateInterval)
			later = retry.C
		}
		select {
		case <-w.stop:
			w.truncateLog()
			return
		case c := <-w.queue:
			w.work(c)
			idle.Reset(idleAfter)
		case <-later:
			w.truncateLog()
		case <-idle.C:
			// Giving the page cache back can fail only with the connection, which
			// the next call will tell.
			_ = w.conn.control("PRAGMA shrink_memory")
			if w.copies.large() && !w.emptyLog() {
				idle.Reset(idleAfter)
			}
		}
	}
}

// work writes a group and does what follows on it.
func (w *writer) work(c *call) {
	held := w.group(c)
	w.copies.after(held)
	w.truncateLog()
	w.others.giveWay(held, w.stop)
}

// group runs c and those that wait behind it in one transaction. It returns
// for how long it held the lock.
func (w *writer) group(c *call) time.Duration {
	if err := w.flush(!c.resumable); err != nil {
		w.refuse(c, err)
		return 0
	}
	if err := w.begin(); err != nil {
		w.refuse(c, err)
		return 0
	}
	began := time.Now()
	var members []*call
	for n := 1; c != nil; n++ {
		if c.state.CompareAndSwap(queued, started) {
			switch w.give(c, w.careful > 0) {
			case kept:
				members = append(members, c)
			case dropped:
			case lost:
				w.careful = carefulCalls
				w.redo(members)
				return time.Since(began)
			}
		}
		c = nil
		if n < groupCalls && time.Since(began) < w.groupTime {
			c = w.next()
		}
		if c != nil && w.flushes && !w.flushing && !c.resumable {
			w.held, c = c, nil
		}
	}
	w.commit(members)
	w.counts.held.Add(int64(time.Since(began)))
	return time.Since(began)
}

// flush turns the flush inside COMMIT on or off. SQLite takes this setting when
// a statement is prepared, so that a prepared one would do it only once.
func (w *writer) flush(on bool) error {
	if !w.flushes || on == w.flushing {
		return nil
	}
	text := "PRAGMA synchronous = full"
	if !on {
		text = "PRAGMA synchronous = normal"
	}
	if _, err := w.conn.conn.ExecContext(context.Background(), text); err != nil {
		return fmt.Errorf("set the flush: %w", translate(err))
	}
	w.flushing = on
	return nil
}

// next returns a call that waits, or nil.
func (w *writer) next() *call {
	if c := w.held; c != nil {
		w.held = nil
		return c
	}
	select {
	case c := <-w.queue:
		return c
	default:
		return nil
	}
}

// verdict is what became of one call in a group.
type verdict int

const (
	kept    verdict = iota // to be committed with the group
	dropped                // it left nothing; the group goes on
	lost                   // the transaction is gone, or has to go
)

// give gives the turn to a call. It has its answer unless it is kept.
//
// Most calls succeed, or fail before they wrote anything, so that they need no
// savepoint, for which SQLite copies every page they touch. One that fails
// after it wrote takes the group with it: that is rolled back, the others run
// again, and the next calls get savepoints.
func (w *writer) give(c *call, savepoint bool) verdict {
	w.careful = max(w.careful-1, 0)
	if savepoint && w.conn.mustWork("SAVEPOINT call") != nil {
		c.outcome <- w.conn.lost
		return lost
	}
	c.tx = newTx(w.conn)
	c.turn <- c.tx
	ok := <-c.back
	verdict := w.end(c.tx, ok, savepoint)
	if verdict == kept {
		w.conn.added.take(&c.tx.added)
	}
	if verdict == lost && ok { // It swallowed the loss and must not pass for written.
		c.outcome <- w.conn.lost
	}
	return verdict
}

// end closes what give opened. Where there is no such savepoint any more, what
// the group wrote is gone with it.
func (w *writer) end(t *tx, ok, savepoint bool) verdict {
	switch {
	case w.conn.lost != nil:
		return lost
	case !savepoint && ok:
		return kept
	case !savepoint && t.wrote:
		return lost
	case !savepoint:
		return dropped
	case !ok && w.conn.mustWork("ROLLBACK TO call") != nil:
		return lost
	case w.conn.mustWork("RELEASE call") != nil:
		return lost
	case ok:
		return kept
	}
	return dropped
}

// redo runs those again whose group was lost through no fault of theirs, once,
// and now each in a savepoint.
func (w *writer) redo(members []*call) {
	w.rollback()
	if len(members) == 0 {
		return
	}
	if err := w.begin(); err != nil {
		answer(members, err)
		return
	}
	var again []*call
	for i, c := range members {
		switch w.give(c, true) {
		case kept:
			again = append(again, c)
		case dropped:
		case lost:
			reason := w.conn.lost
			w.rollback()
			answer(again, reason)
			answer(members[i+1:], reason)
			return
		}
	}
	w.commit(again)
}

func answer(calls []*call, err error) {
	for _, c := range calls {
		c.outcome <- err
	}
}

// rollback ends a transaction that may be gone already, in which case SQLite
// says that there is none. If it had not worked, the next BEGIN would tell.
func (w *writer) rollback() {
	_ = w.conn.control("ROLLBACK")
	w.conn.lost = nil
}

// begin waits for other processes' transactions, as long as the options allow
// and the store is open.
func (w *writer) begin() error {
	w.conn.lost, w.conn.gaveNumber = nil, false
	w.conn.added.clear()
	err := w.patiently("BEGIN IMMEDIATE")
	if err != nil {
		return fmt.Errorf("begin: %w", translate(err))
	}
	return nil
}

// patiently runs a statement until no other process is in its way.
func (w *writer) patiently(text string) error {
	err := w.conn.control(text)
	if !isBusy(err) {
		return err
	}
	deadline := time.Now().Add(w.patience)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for isBusy(err) && time.Now().Before(deadline) {
		select {
		case <-ticker.C:
		case <-w.stop:
			return errClosed
		}
		err = w.conn.control(text)
	}
	return err
}

// commit ends the group and answers its members, in the order they ran.
func (w *writer) commit(members []*call) {
	err := w.conn.added.write(context.Background(), newTx(w.conn))
	began := time.Now()
	if err == nil {
		err = w.patiently("COMMIT")
	}
	w.counts.committed(len(members), time.Since(began), err)
	if err != nil {
		err = fmt.Errorf("commit: %w", translate(err))
		w.rollback()
	}
	for _, c := range members {
		w.truncate = w.truncate || err == nil && c.tx.erased
	}
	answer(members, err)
}

// refuse answers c and all that wait with it: each has waited as long.
func (w *writer) refuse(c *call, err error) {
	if !errors.Is(err, crm.ErrUnavailable) {
		err = joined(crm.ErrUnavailable, err)
	}
	for ; c != nil; c = w.next() {
		if c.state.CompareAndSwap(queued, started) {
			c.outcome <- err
		}
	}
}

// truncateInterval is how soon the log is tried for again when readers were in
// the way.
const truncateInterval = time.Second

// truncateLog empties the write-ahead log after an erase, so that the erased
// text stands in no file any more. Where it cannot, it is tried again later.
func (w *writer) truncateLog() {
	if w.truncate && w.emptyLog() {
		w.truncate = false
	}
}

// emptyLog copies the log into the file and makes it empty. False when readers
// of an older state, or another process, are in the way.
func (w *writer) emptyLog() bool {
	var busy, logged, copied int64
	row := w.conn.conn.QueryRowxContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	return row.Scan(&busy, &logged, &copied) == nil && busy == 0
}

// close ends the writer after the group at hand, if any. Who waits for a turn
// gets errClosed. Safe to call twice.
func (w *writer) close() {
	w.stopOnce.Do(func() { close(w.stop) })
	<-w.ended
}
