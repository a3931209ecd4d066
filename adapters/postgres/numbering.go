package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	// numberBatch and foldBatch are how many events get their positions, and how
	// many pending counts are folded, in one transaction.
	numberBatch = 5_000
	foldBatch   = 20_000
	// numberEvery is how often a store looks for events that nobody has numbered:
	// those of a process that died behind its commit.
	numberEvery = 500 * time.Millisecond
	// numberPause is how long a store waits for another that is numbering.
	numberPause = 2 * time.Millisecond
	// numberGap is how long a store waits after a pass for more to come, unless a
	// reader is waiting: a pass costs a commit, which writers would wait behind.
	numberGap = 10 * time.Millisecond
	// numberRetry is how long it waits after an error.
	numberRetry = 100 * time.Millisecond
	// numberTime bounds one pass.
	numberTime = 30 * time.Second
	// settleTime is how long a reader waits for what its own process committed.
	settleTime = 5 * time.Second
)

// numbering gives the events their positions after the commit. Of all processes
// the one that holds an advisory lock does it, for what everybody has committed;
// the lock lasts as long as the transaction, so that no dead process keeps it,
// and a transaction that is open for long, here or in another database, holds
// nobody up. Positions rise, and no event comes to stand behind one that was
// read: it gets its position in a later pass.
//
// This process's readers of the log see all that it has committed: they wait for
// a pass that began after it. Safe for parallel use.
type numbering struct {
	store *Store
	wake  chan struct{}
	read  chan struct{} // a reader waits
	stop  context.CancelFunc
	done  chan struct{}

	mu                sync.Mutex
	written, numbered int64
	passed            chan struct{} // closed when a pass has ended
	failure           error
}

func startNumbering(s *Store) *numbering {
	ctx, stop := context.WithCancel(context.Background())
	n := &numbering{store: s, wake: make(chan struct{}, 1), read: make(chan struct{}, 1), stop: stop, done: make(chan struct{}), passed: make(chan struct{})}
	go n.loop(ctx)
	return n
}

// wrote notes a commit.
func (n *numbering) wrote() {
	n.mu.Lock()
	n.written++
	n.mu.Unlock()
	signal(n.wake)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// settle waits until what this process has committed is numbered.
func (n *numbering) settle(ctx context.Context) error {
	n.mu.Lock()
	want := n.written
	n.mu.Unlock()
	var patience *time.Timer
	for {
		n.mu.Lock()
		numbered, passed, failure := n.numbered, n.passed, n.failure
		n.mu.Unlock()
		if numbered >= want {
			return ctx.Err()
		}
		if patience == nil {
			patience = time.NewTimer(settleTime)
			defer patience.Stop()
		}
		signal(n.read)
		select {
		case <-passed:
		case <-n.done:
			return errClosed
		case <-patience.C:
			return joined(crm.ErrUnavailable, fmt.Errorf("events are not numbered: %w", failure))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (n *numbering) loop(ctx context.Context) {
	defer close(n.done)
	timer := time.NewTimer(numberEvery)
	defer timer.Stop()
	for {
		n.mu.Lock()
		want := n.written
		n.mu.Unlock()
		more, err := n.pass(ctx)
		n.mu.Lock()
		if n.failure = err; err == nil && !more {
			n.numbered = max(n.numbered, want)
		}
		close(n.passed)
		n.passed = make(chan struct{})
		n.mu.Unlock()
		wake, wait, ended := n.wake, numberEvery, time.Now()
		switch {
		case err != nil:
			wake, wait = nil, numberRetry
		case more:
			wake, wait = nil, numberPause
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-wake:
			n.gather(ctx, time.Until(ended.Add(numberGap)))
		case <-timer.C:
		}
	}
}

// gather waits for more to number, but not when somebody reads.
func (n *numbering) gather(ctx context.Context, gap time.Duration) {
	if gap <= 0 {
		return
	}
	timer := time.NewTimer(gap)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-n.read:
	case <-timer.C:
	}
}

// waitingText finds out whether there is anything to do, and takes the lock. It
// is a statement of its own: what comes after it in the transaction sees all that
// the one who held the lock before has done.
const waitingText = `SELECT EXISTS (SELECT 1 FROM crm.event_inbox) OR EXISTS (SELECT 1 FROM crm.pending_counts),
	pg_try_advisory_xact_lock(CAST(hashtext('omnicrm') AS integer), CAST(hashtext(?) AS integer))`

// numberText moves events from the inbox to the log, in the order in which their
// rows were made, and notes whom they name.
const numberText = `WITH moved AS (
	DELETE FROM crm.event_inbox WHERE seq IN (SELECT seq FROM crm.event_inbox ORDER BY seq LIMIT ?) RETURNING *
), log AS (
	UPDATE crm.event_log SET head = head + (SELECT count(*) FROM moved) WHERE id = 1 AND EXISTS (SELECT 1 FROM moved) RETURNING head
), numbered AS (
	INSERT INTO crm.events (position, workspace, id, type, at, actor_kind, actor, subject_kind, subject, changed, version, batch, contacts, owner, feed)
	SELECT log.head - (SELECT count(*) FROM moved) + row_number() OVER (ORDER BY m.seq), m.workspace, m.id, m.type, m.at, m.actor_kind, m.actor,
		m.subject_kind, m.subject, m.changed, m.version, m.batch, m.contacts, m.owner, m.feed FROM moved m CROSS JOIN log
	RETURNING workspace, position, contacts
), named AS (
	INSERT INTO crm.event_contacts (workspace, contact, position)
	SELECT DISTINCT e.workspace, c.contact, e.position FROM numbered e CROSS JOIN unnest(e.contacts) AS c (contact)
)
SELECT count(*) FROM moved`

// foldText adds pending counts to the totals. The rows it takes are gone in the
// same moment, so that a reader who adds up both misses none and counts none
// twice. A tag takes the spelling that
// came first, and another one when its count has come to nothing, see tagsText.
const foldText = `WITH gone AS (
	DELETE FROM crm.pending_counts WHERE seq IN (SELECT seq FROM crm.pending_counts ORDER BY seq LIMIT ?) RETURNING *
), figures AS (
	INSERT INTO crm.contact_figures (workspace, live, trashed)
	SELECT workspace, coalesce(sum(n) FILTER (WHERE what = 0), 0), coalesce(sum(n) FILTER (WHERE what = 1), 0)
	FROM gone WHERE what IN (0, 1) GROUP BY workspace
	ON CONFLICT (workspace) DO UPDATE SET live = contact_figures.live + excluded.live, trashed = contact_figures.trashed + excluded.trashed
), counted AS (
	INSERT INTO crm.series (workspace, series, slot, count)
	SELECT workspace, series, slot, sum(n) FROM gone WHERE what = 3 GROUP BY workspace, series, slot
	ON CONFLICT (workspace, series, slot) DO UPDATE SET count = series.count + excluded.count
), spelled AS (
	SELECT workspace, key, name, n, seq, coalesce(max(seq) FILTER (WHERE total <= 0) OVER (PARTITION BY workspace, key), -1) AS forgotten FROM (
		SELECT workspace, key, name, n, seq, sum(n) OVER (PARTITION BY workspace, key ORDER BY seq) AS total FROM (
			SELECT workspace, key, name, n, seq FROM gone WHERE what = 2
			UNION ALL
			SELECT t.workspace, t.key, t.name, t.count, 0 FROM crm.tags t
			WHERE (t.workspace, t.key) IN (SELECT workspace, key FROM gone WHERE what = 2)) AS parts) AS running
), tagged AS (
	INSERT INTO crm.tags (workspace, key, name, count)
	SELECT workspace, key, coalesce((array_agg(name ORDER BY seq) FILTER (WHERE seq > forgotten))[1], ''), sum(n) FROM spelled GROUP BY workspace, key
	ON CONFLICT (workspace, key) DO UPDATE SET count = excluded.count, name = excluded.name RETURNING count
)
SELECT count(*), (SELECT count(*) FROM tagged WHERE count = 0) FROM gone`

// forgetText drops the tags that nobody carries.
const forgetText = "DELETE FROM crm.tags WHERE count = 0"

// pass works out what is committed, and reports whether to come again soon:
// there is more, or another process is at it.
func (n *numbering) pass(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, numberTime)
	defer cancel()
	err = n.store.run(ctx, txKind{}, func(t *tx) error {
		var waiting, locked bool
		if err := eachRow(ctx, t, fixed(waitingText), []any{n.store.pool.schema}, &waiting, &locked); err != nil {
			return err
		}
		if more = waiting && !locked; !waiting || !locked {
			return nil
		}
		var err error
		more, err = t.workOut(ctx)
		return err
	})
	return more, err
}

func (t *tx) workOut(ctx context.Context) (more bool, err error) {
	moved, _, err := one(ctx, t, number, fixed(numberText), numberBatch)
	if err != nil {
		return false, fmt.Errorf("number events: %w", err)
	}
	var folded, empty int64
	err = eachRow(ctx, t, fixed(foldText), []any{foldBatch}, &folded, &empty)
	if err == nil && empty > 0 {
		_, err = t.exec(ctx, fixed(forgetText))
	}
	if err != nil {
		return false, fmt.Errorf("fold totals: %w", err)
	}
	return moved == numberBatch || folded == foldBatch, nil
}

// close ends the goroutine. What is committed and not numbered waits for another
// process, or for the next one.
func (n *numbering) close() {
	n.stop()
	<-n.done
}
