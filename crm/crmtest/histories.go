package crmtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// HistoryOptions says how many random histories [TestHistories] goes through.
type HistoryOptions struct {
	// Seed is that of the first history, the others have those that follow.
	// Default 1.
	Seed uint64
	// Histories is how many there are. Default 50.
	Histories int
	// Steps of each history. Default 30.
	Steps int
}

// historiesTogether is how many histories share a pair of stores, each in a
// workspace of its own.
const historiesTogether = 5

// TestHistories has a CRM on each of two stores live through the same random
// histories and compares every answer, field by field: creates, patches, bulk
// actions and imports with their undos, trash, erases, interactions, lists and
// searches, with a clock that both share, and in the end several writers at
// once beside somebody who pages. Ids may differ as long as each stands for the
// same one of the other store. After every history both event logs have the same
// events, and [crm.CRM.Check] finds nothing in either store: totals, tags,
// series, last interactions and the search index equal the rows.
//
// The functions return a new, empty store. A history that fails prints its
// steps; it is repeated by its seed.
func TestHistories(t *testing.T, one, other func(testing.TB) crm.Store, o HistoryOptions) {
	t.Helper()
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Histories == 0 {
		o.Histories = 50
	}
	if o.Steps == 0 {
		o.Steps = 30
	}
	last := o.Seed + uint64(o.Histories) //nolint:gosec // A number of histories is not negative.
	for from := o.Seed; from < last; from += historiesTogether {
		to := min(last, from+historiesTogether)
		t.Run(fmt.Sprintf("seeds %d to %d", from, to-1), func(t *testing.T) {
			t.Parallel()
			clock := &stoppedClock{}
			pair := twins{newTwin(t, one(t), clock), newTwin(t, other(t), clock)}
			for seed := from; seed < to && !t.Failed(); seed++ {
				h := newHistory(t, pair, clock, seed)
				h.live(o.Steps)
				if seed == to-1 { // It takes a second: once for all of these.
					h.purge()
				}
			}
		})
	}
}

// twins are the two CRMs that live through the same history.
type twins [2]*crm.CRM

// newTwin starts a CRM that ends with the test. Its ids grow in the order of the
// calls, so that what is made in one order sorts in it on both sides.
func newTwin(t *testing.T, store crm.Store, clock *stoppedClock) *crm.CRM {
	t.Helper()
	var made atomic.Uint64
	app, err := crm.New(crm.Config{
		Store: store, Now: clock.now, SearchCheck: -1, SearchTimeout: time.Minute, Logger: slog.New(slog.DiscardHandler),
		NewID: func() crm.ID {
			id := crm.ID{6: 0x70, 8: 0x80}
			binary.BigEndian.PutUint64(id[8:], 1<<63|made.Add(1))
			return id
		},
	})
	if err == nil {
		err = app.Start(context.Background())
	}
	if err != nil {
		t.Fatalf("start a CRM: %v", err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Errorf("close a CRM: %v", err)
		}
	})
	return app
}

// stoppedClock stands still until a history moves it, so that work in the
// background sees no other time than the step that caused it.
type stoppedClock struct{ at atomic.Int64 }

func (c *stoppedClock) now() time.Time { return day().Add(time.Duration(c.at.Load())) }

func (c *stoppedClock) forward(d time.Duration) { c.at.Add(int64(d)) }

// both is a record of the two sides.
type both[T any] [2]T

// history is one random life of a workspace.
type history struct {
	*testing.T
	dice
	apps  twins
	clock *stoppedClock
	actor crm.Actor
	seed  uint64
	same  *bijection
	trail []string

	people       []both[crm.ID]
	interactions []both[crm.ID]
	imports      []both[crm.ID]
	bulks        []both[crm.ID]
	files        int
}

func newHistory(t *testing.T, apps twins, clock *stoppedClock, seed uint64) *history {
	t.Helper()
	return &history{
		T: t, dice: newDice(seed), seed: seed, apps: apps, clock: clock, same: newBijection(),
		actor: crm.Actor{Workspace: workspaceNamed(fmt.Sprint("history ", seed)), User: crm.NamedID("olga"), Name: "olga", Role: crm.RoleOwner},
	}
}

// live goes through a history and looks at what is left.
func (h *history) live(steps int) {
	h.Helper()
	h.awaitIndex()
	for range steps {
		// A month in all, at most: what is in the trash stays there, see purge.
		h.clock.forward(pick(h.dice, time.Second, time.Minute, time.Hour, 29*24*time.Hour/time.Duration(steps)))
		h.step()
		h.endIfFailed()
	}
	h.together()
	h.sum()
	h.endIfFailed()
}

// endIfFailed ends the test at the first step that went wrong.
func (h *history) endIfFailed() {
	h.Helper()
	if h.Failed() {
		h.Fatalf("history with seed %d, after:\n%s", h.seed, strings.Join(h.trail, "\n"))
	}
}

// purge lets the trash's time go by, waits until both sides have emptied it and
// looks at what is left then.
func (h *history) purge() {
	h.Helper()
	h.clock.forward(32 * 24 * time.Hour)
	h.trail = append(h.trail, "32 days go by")
	for _, app := range h.apps {
		h.waitFor("the purge", func() bool {
			periodic, err := app.Jobs.Periodic(h.Context(), h.actor)
			if err != nil {
				h.Fatalf("periodic jobs: %v", err)
			}
			return slices.ContainsFunc(periodic, func(p crm.PeriodicJob) bool {
				return p.Kind == crm.JobPurge && p.Status == crm.JobSucceeded && p.NextAt.After(h.clock.now())
			})
		})
		h.waitFor("the workspace's own purge", func() bool {
			counts, err := app.Jobs.Stats(h.Context(), h.actor)
			if err != nil {
				h.Fatalf("count jobs: %v", err)
			}
			return !slices.ContainsFunc(counts, func(c crm.JobCount) bool { return !c.Status.Final() && c.Count > 0 })
		})
	}
	h.sum()
	h.endIfFailed()
}

// awaitIndex waits until searches are answered by the index on both sides: the
// store answers before, and forgives no typos.
func (h *history) awaitIndex() {
	h.Helper()
	for n, app := range h.apps {
		h.waitFor("the search index", func() bool {
			l, err := app.Contacts.List(h.Context(), h.actor, crm.ContactListQuery{Filter: crm.ContactFilter{Search: "anybody"}})
			if err != nil {
				h.Fatalf("search on side %d: %v", n, err)
			}
			return !l.Degraded
		})
	}
}

// waitFor is for what comes a little later.
func (h *history) waitFor(what string, so func() bool) {
	h.Helper()
	if !await(h.T, so) {
		h.Fatalf("waited in vain for %s, after:\n%s", what, strings.Join(h.trail, "\n"))
	}
}

// do has both sides do something and compares what they answer.
func do[T any](h *history, what string, f func(app *crm.CRM, side int) (T, error)) (both[T], bool) {
	h.Helper()
	h.trail = append(h.trail, what)
	var answers both[T]
	var failures both[error]
	for side, app := range h.apps {
		answers[side], failures[side] = f(app, side)
	}
	for side, err := range failures {
		h.expected(what, side, err)
	}
	if a, b := errorText(failures[0]), errorText(failures[1]); a != b {
		h.Errorf("%s: the errors differ:\n%s: %v\n%s: %v", what, a, failures[0], b, failures[1])
		return answers, false
	}
	if failures[0] != nil {
		return answers, false
	}
	if diff := h.same.differ(answers[0], answers[1]); diff != "" {
		h.Errorf("%s: the answers differ: %s", what, diff)
		return answers, false
	}
	return answers, true
}
