package crm

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// What is due is held against what a given queue was told every handEvery. While
	// there is a backlog to hand over, that is every handOften, and as soon as half
	// of what was handed over has been received, which is seen every handSoon.
	handEvery = 500 * time.Millisecond
	handOften = 200 * time.Millisecond
	handSoon  = 25 * time.Millisecond
	// A look takes lookPage due jobs beside those that lie in the queue, which are
	// due as well, fair between workspaces, and no more than maxLook in all.
	lookPage = 500
	maxLook  = 2_500
	// A ticket that nobody received is handed over again after resendStep, then
	// after that much longer each time, at most maxResend: a queue that lost it
	// gets another soon, and one that is merely long is not flooded. A ticket that
	// was received has settleTime to be claimed before the job needs another.
	resendStep = 2 * time.Second
	maxResend  = time.Minute
	settleTime = 500 * time.Millisecond
	// forgetAfter is how long it is remembered that a ticket was to come again,
	// forgetEvery how often that is looked at.
	forgetAfter = 10 * time.Second
	forgetEvery = time.Second
	// fullTime is how long new jobs of a kind are left to the looks after the queue
	// was full of them. Whoever has a backlog then takes no place from others.
	fullTime = time.Second
	// queuePatience bounds a call of a given queue. After one that failed the next
	// waits failRest, or failFactor times as long as it took, at most maxFailRest.
	queuePatience = time.Second
	failRest      = 500 * time.Millisecond
	failFactor    = 5
	maxFailRest   = 5 * time.Second
	// givenPollEvery is how long an idle worker waits before it looks again into a
	// given queue.
	givenPollEvery = 20 * time.Millisecond
)

// jobDispatcher hands tickets to whatever delivers them.
type jobDispatcher interface {
	DispatchJobs(ctx context.Context, tickets []JobTicket) error
}

// jobDelivery brings due jobs to workers. The table of jobs is the truth: a
// queue that was given only delivers, so the rows that are due are handed to it
// again and again until somebody takes them. That covers retries and planned
// jobs whose time has come, jobs whose worker died, and what the queue lost or had
// no room for. While it fails, the table itself delivers.
type jobDelivery struct {
	table JobQueue
	queue JobQueue // nil where the table is the queue.
	log   *slog.Logger
	now   func() time.Time

	mu sync.Mutex
	// looking says that the loop runs that hands tickets over again; only then is
	// there a use for what was sent.
	looking bool
	sent    map[ID]sentTicket
	forgot  time.Time
	// lying counts those of sent that were not received here, lay what it was after
	// the last look.
	lying, lay int
	// full tells until when a kind has had its share of the queue.
	full           map[JobKind]time.Time
	giving, taking queueSide
	// hurry has the next look come at once.
	hurry chan struct{}
}

// sentTicket is what is known of a ticket that was handed over.
type sentTicket struct {
	again time.Time
	wait  time.Duration
}

// queueSide is what is known of a given queue as one hands over to it, or takes
// from it.
type queueSide struct {
	failed bool
	// rest is until when it is left alone after a failure.
	rest time.Time
}

func newJobDelivery(table, queue JobQueue, log *slog.Logger) *jobDelivery {
	return &jobDelivery{table: table, queue: queue, log: log, now: time.Now, sent: map[ID]sentTicket{}, full: map[JobKind]time.Time{}, hurry: make(chan struct{}, 1)}
}

// DispatchJobs hands the tickets of new jobs over. What a given queue has no
// room for, and all while it fails, is left to the looks of the workers.
func (d *jobDelivery) DispatchJobs(ctx context.Context, tickets []JobTicket) error {
	if d.queue == nil {
		return d.table.DispatchJobs(ctx, tickets)
	}
	for kind, part := range byKind(tickets) {
		if d.hasRoom(kind) {
			d.hand(ctx, kind, part)
		}
	}
	return nil
}

// ReceiveJobs returns tickets that are due, or may be.
func (d *jobDelivery) ReceiveJobs(ctx context.Context, wants []JobWant, limit int) ([]JobTicket, error) {
	if d.queue == nil || d.resting(&d.taking) {
		return d.table.ReceiveJobs(ctx, wants, limit)
	}
	began := d.now()
	bounded, cancel := context.WithTimeout(ctx, queuePatience)
	defer cancel()
	tickets, err := d.queue.ReceiveJobs(bounded, wants, limit)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	d.note(&d.taking, began, err)
	if err != nil || len(tickets) == 0 && d.failing() { // It brings nothing while it takes nothing.
		return d.table.ReceiveJobs(ctx, wants, limit)
	}
	d.noteReceived(tickets)
	return tickets, nil
}

// run hands over what is due until ctx ends. demand returns the kinds of which
// this process could begin jobs: whoever has no worker free leaves it to others.
func (d *jobDelivery) run(ctx context.Context, demand func() []JobWant) {
	if d.queue == nil {
		return
	}
	d.mu.Lock()
	d.looking = true
	d.mu.Unlock()
	wait := time.NewTimer(handEvery)
	defer wait.Stop()
	backlog, looked := false, d.now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		case <-d.hurry:
			backlog = false
		}
		if !backlog || d.drained() || d.now().Sub(looked) >= handOften {
			if wants := demand(); len(wants) > 0 {
				backlog, looked = d.look(ctx, wants), d.now()
			}
		}
		if backlog {
			wait.Reset(handSoon)
		} else {
			wait.Reset(handEvery)
		}
	}
}

// drained reports whether half of what was handed over has been received.
func (d *jobDelivery) drained() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lying <= d.lay/2
}

// look hands over the due jobs that do not lie in the queue, and reports whether
// there were any.
func (d *jobDelivery) look(ctx context.Context, wants []JobWant) (backlog bool) {
	if d.resting(&d.giving) {
		return false
	}
	due, err := d.table.ReceiveJobs(ctx, wants, d.pageSize())
	if err != nil {
		if ctx.Err() == nil {
			d.log.Warn("no due jobs to hand over", "error", err)
		}
		return false
	}
	parts := byKind(inTurns(d.unsent(due)))
	for kind, part := range parts {
		d.hand(ctx, kind, part)
	}
	if len(parts) == 0 && d.failing() {
		d.hand(ctx, "", nil) // Nothing else would tell that it is back.
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lay = d.lying
	return len(parts) > 0
}

// hand hands tickets of one kind over.
func (d *jobDelivery) hand(ctx context.Context, kind JobKind, tickets []JobTicket) {
	if d.resting(&d.giving) {
		return
	}
	began := d.now()
	bounded, cancel := context.WithTimeout(ctx, queuePatience)
	defer cancel()
	err := d.queue.DispatchJobs(bounded, tickets)
	if ctx.Err() != nil {
		return // What was taken is received; nothing is known of the queue.
	}
	if full, ok := errors.AsType[*QueueFullError](err); ok {
		d.noteFull(kind)
		tickets, err = tickets[:min(max(full.Taken, 0), len(tickets))], nil
	}
	d.note(&d.giving, began, err)
	if err == nil {
		d.noteSent(tickets)
	}
}

// note remembers how a call of the queue ended, and logs what has changed by it.
func (d *jobDelivery) note(side *queueSide, began time.Time, err error) {
	d.mu.Lock()
	before := d.giving.failed || d.taking.failed
	side.failed = err != nil
	if side.failed {
		now := d.now()
		side.rest = now.Add(min(max(failRest, failFactor*now.Sub(began)), maxFailRest))
	}
	after := d.giving.failed || d.taking.failed
	d.mu.Unlock()
	switch {
	case after && !before:
		d.log.Warn("the job queue fails; jobs are taken from the store until it is back", "error", err)
	case before && !after:
		d.log.Info("the job queue is back")
	}
}

// resting reports whether a side is left alone for now.
func (d *jobDelivery) resting(side *queueSide) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return side.failed && d.now().Before(side.rest)
}

// failing reports whether the queue failed when it was last asked.
func (d *jobDelivery) failing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.giving.failed || d.taking.failed
}

// fails is failing, and asks again where it is time to: a process without workers
// would not learn that the queue is back before its next job.
func (d *jobDelivery) fails(ctx context.Context) bool {
	if d.failing() {
		d.hand(ctx, "", nil)
	}
	return d.failing()
}

// pollEvery is how long an idle worker waits.
func (d *jobDelivery) pollEvery() time.Duration {
	if d.queue == nil || d.resting(&d.taking) {
		return pollEvery
	}
	return givenPollEvery
}

func (d *jobDelivery) noteFull(kind JobKind) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.now(); now.After(d.full[kind]) { // A backlog begins.
		select {
		case d.hurry <- struct{}{}:
		default:
		}
	}
	d.full[kind] = d.now().Add(fullTime)
}

func (d *jobDelivery) hasRoom(kind JobKind) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.now().Before(d.full[kind])
}

// pageSize is how many due jobs a look takes: those that lie in the queue are
// among them.
func (d *jobDelivery) pageSize() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return min(d.lying+lookPage, maxLook)
}

// unsent leaves out the tickets that lie in the queue, as far as is known.
func (d *jobDelivery) unsent(tickets []JobTicket) []JobTicket {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	var out []JobTicket
	for _, t := range tickets {
		if s, ok := d.sent[t.Job]; !ok || !now.Before(s.again) {
			out = append(out, t)
		}
	}
	if now.Sub(d.forgot) < forgetEvery {
		return out
	}
	d.forgot = now
	for id, s := range d.sent { // Received here or by another process, or ended otherwise.
		if late := now.Sub(s.again); late > forgetAfter || s.wait == 0 && late > 0 {
			d.set(id, sentTicket{})
			delete(d.sent, id)
		}
	}
	return out
}

// set notes what is known of a ticket. The caller holds the lock.
func (d *jobDelivery) set(id ID, s sentTicket) {
	if d.sent[id].wait > 0 {
		d.lying--
	}
	if s.wait > 0 {
		d.lying++
	}
	d.sent[id] = s
}

func (d *jobDelivery) noteSent(tickets []JobTicket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.looking {
		return
	}
	now := d.now()
	for _, t := range tickets {
		wait := min(d.sent[t.Job].wait+resendStep, maxResend)
		d.set(t.Job, sentTicket{again: now.Add(wait), wait: wait})
	}
}

// noteReceived gives tickets that have left the queue the time to be claimed: a
// job that is due after that needs another.
func (d *jobDelivery) noteReceived(tickets []JobTicket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	again := d.now().Add(settleTime)
	for _, t := range tickets {
		d.set(t.Job, sentTicket{again: again})
	}
}

// byKind parts tickets by their kind, each part in the order given.
func byKind(tickets []JobTicket) map[JobKind][]JobTicket {
	parts := map[JobKind][]JobTicket{}
	for _, t := range tickets {
		parts[t.Kind] = append(parts[t.Kind], t)
	}
	return parts
}

// inTurns orders tickets so that workspaces take turns: where only the first of
// them find room, each has its share.
func inTurns(tickets []JobTicket) []JobTicket {
	turn := map[WorkspaceID]int{}
	var rounds [][]JobTicket
	for _, t := range tickets {
		at := turn[t.Workspace]
		turn[t.Workspace]++
		if at == len(rounds) {
			rounds = append(rounds, nil)
		}
		rounds[at] = append(rounds[at], t)
	}
	return slices.Concat(rounds...)
}
