package crm_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// probedStore answers what health asks. Its probes of writes are counted.
type probedStore struct {
	crm.Store

	ping   error
	probe  func(ctx context.Context) error
	probes int
}

func (s *probedStore) Ping(context.Context) error { return s.ping }

func (s *probedStore) NextDue(context.Context, []crm.JobKind) (time.Duration, bool, error) {
	return 0, false, nil
}

func (s *probedStore) LogState(context.Context) (crm.EventLog, error) { return crm.EventLog{}, nil }

func (s *probedStore) EventsAfter(context.Context, crm.Position, int) ([]crm.WorkspaceEvent, error) {
	return nil, nil
}

func (s *probedStore) ListReaders(context.Context) ([]crm.EventReader, error) { return nil, nil }

func (s *probedStore) ProbeWrite(ctx context.Context) error {
	s.probes++
	return s.probe(ctx)
}

// probed is a CRM whose database takes writes as probe says.
func probed(t *testing.T, probe func(ctx context.Context) error) (app *crm.CRM, store *probedStore, log *bytes.Buffer) {
	t.Helper()
	store, log = &probedStore{probe: probe}, &bytes.Buffer{}
	app, err := crm.New(crm.Config{Store: store, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return app, store, log
}

// pass lets time go by, which costs none inside of synctest.
func pass(d time.Duration) { <-time.After(d) }

func TestHealthWritesNowAndThenAndOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fails error
		app, store, log := probed(t, func(context.Context) error { return fails })
		want := func(status crm.ProbeStatus, probes int) {
			t.Helper()
			var askers sync.WaitGroup
			for range 50 {
				askers.Go(func() {
					h := app.Health(t.Context())
					if h.Database.Status != status || (h.Database.Detail == "") != (status == crm.ProbeOK) || !h.Ready() {
						t.Errorf("database: got %+v, ready %t, want %s, with the reason, and ready", h.Database, h.Ready(), status)
					}
				})
			}
			askers.Wait()
			if store.probes != probes {
				t.Errorf("probes: got %d, want %d", store.probes, probes)
			}
		}
		want(crm.ProbeOK, 1)
		fails = errors.New("disk full")
		want(crm.ProbeOK, 1) // As it was found a moment ago.
		pass(10 * time.Second)
		want(crm.ProbeDegraded, 2)
		if detail := app.Health(t.Context()).Database.Detail; !strings.Contains(detail, "reads go on") || strings.Contains(detail, "disk full") {
			t.Errorf("detail: got %q, want what goes on and no internals", detail)
		}
		pass(10 * time.Second)
		want(crm.ProbeDegraded, 3)
		fails = nil
		want(crm.ProbeDegraded, 3)
		pass(10 * time.Second)
		want(crm.ProbeOK, 4)
		pass(time.Hour)
		if store.probes != 4 {
			t.Errorf("probes of a server that nobody asked for an hour: got %d, want none", store.probes-4)
		}
		if got := log.String(); strings.Count(got, "probe failed") != 1 || strings.Count(got, "succeeds again") != 1 || !strings.Contains(got, "disk full") {
			t.Errorf("log: got %s, want the failure, with its reason, and its end once each", got)
		}
	})
}

func TestHealthWaitsLittleForAWrite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		probe func(ctx context.Context, release <-chan struct{}) error
		// later is how many probes there are a minute later.
		later int
	}{
		"one that waits for its turn ends with its time": {func(ctx context.Context, _ <-chan struct{}) error {
			<-ctx.Done()
			return ctx.Err()
		}, 2},
		"one that hangs in the disk is not followed by another": {func(_ context.Context, release <-chan struct{}) error {
			<-release
			return nil
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				app, store, _ := probed(t, func(ctx context.Context) error { return c.probe(ctx, release) })
				for i, most := range []time.Duration{500 * time.Millisecond, 0} {
					began := time.Now()
					h := app.Health(t.Context())
					if took := time.Since(began); took > most {
						t.Errorf("answer %d: took %v, want at most %v", i, took, most)
					}
					if h.Database.Status != crm.ProbeDegraded || !strings.Contains(h.Database.Detail, "waited") || !h.Ready() {
						t.Errorf("answer %d: got %+v, want degraded by a write that waits", i, h.Database)
					}
				}
				pass(time.Minute)
				app.Health(t.Context())
				if store.probes != c.later {
					t.Errorf("probes: got %d, want %d", store.probes, c.later)
				}
				close(release)
				if err := app.Close(); err != nil { // It waits for the probe at hand.
					t.Error(err)
				}
				pass(time.Minute)
				app.Health(t.Context())
				if store.probes != c.later {
					t.Errorf("probes after the end: got %d, want no more", store.probes-c.later)
				}
			})
		})
	}
}

func TestHealthWritesNothingIntoADatabaseThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	app, store, _ := probed(t, func(context.Context) error { return nil })
	store.ping = errors.New("a newer schema")
	if h := app.Health(t.Context()); h.Database.Status != crm.ProbeDown || h.Ready() || store.probes != 0 {
		t.Errorf("got %+v and %d probes, want down and none", h.Database, store.probes)
	}
}
