package crm_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

func TestNewRefusesAnUnusableConfig(t *testing.T) {
	t.Parallel()
	_, err := crm.New(crm.Config{})
	wantInvalid(t, err, "Store")
	_, err = crm.New(crm.Config{Store: openStore(t), Formats: []crm.Format{crm.JSONLines{}}})
	wantInvalid(t, err, "Formats")
}

func TestTwoCRMsInOneProcessDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var apps []*env
	for _, name := range []string{"a.db", "b.db"} {
		store, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		apps = append(apps, setupOn(t, store))
	}
	only := apps[0].people("Ana")[0] // Both use the same workspace id.
	equalList(t, "found here", apps[0].found("ana"), []string{"Ana"})
	equalList(t, "found there", apps[1].found("ana"), []string{})
	_, err := apps[1].Contacts.Get(ctx, apps[1].owner, only.ID)
	wantError(t, err, crm.ErrNotFound)
	j := apps[0].bulk(crm.ContactFilter{}, tagAll)
	apps[0].succeeded(j.ID)
	_, err = apps[1].Jobs.Get(ctx, apps[1].owner, j.ID)
	wantError(t, err, crm.ErrNotFound)
}

// It runs alone, before the parallel tests begin.
func TestCloseLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	ctx := context.Background()
	store, err := sqlite.Open(ctx, ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	app, err := crm.New(crm.Config{Store: store, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, app.Start(ctx), nil)
	if app.Start(ctx) == nil {
		t.Error("second start: got no error, want one")
	}
	a := actorOf("acme", "olga", crm.RoleOwner)
	if _, err := app.Contacts.Create(ctx, a, crm.NewContact{DisplayName: "Ana"}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Contacts.List(ctx, a, crm.ContactListQuery{Filter: crm.ContactFilter{Search: "ana"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Contacts.BulkByFilter(ctx, a, crm.ContactFilter{}, tagAll); err != nil {
		t.Fatal(err)
	}
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(func() { wantError(t, app.Close(), nil) })
	}
	closing.Wait()
	wantError(t, app.Start(ctx), crm.ErrUnavailable)
	_, err = app.Contacts.List(ctx, a, crm.ContactListQuery{Filter: crm.ContactFilter{Search: "ana"}})
	wantError(t, err, crm.ErrUnavailable)
	wantError(t, store.Close(), nil)
	goleak.VerifyNone(t, before)

	never, err := crm.New(crm.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, never.Close(), nil)
}

func TestTheContextOfStartEndsTheWork(t *testing.T) {
	t.Parallel()
	app, err := crm.New(crm.Config{Store: openStore(t), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	wantError(t, app.Start(ctx), nil)
	stop()
	wantError(t, app.Close(), nil)
}

func TestWorkspaceSettings(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	w, err := e.Workspaces.Get(ctx, e.owner)
	if err != nil || w.Version != 0 || w.Region != "US" || w.TimeZone != "UTC" {
		t.Fatalf("workspace before its first use: got %+v (%v), want the defaults", w, err)
	}
	w, err = e.Workspaces.Update(ctx, e.owner, crm.WorkspacePatch{Name: new(" Acme "), Region: new(" de "), TimeZone: new("Europe/Berlin")})
	if err != nil || w.Name != "Acme" || w.Region != "DE" || w.Version != 2 {
		t.Fatalf("update: got %+v (%v), want Acme, DE, version 2", w, err)
	}
	head := e.head()
	same, err := e.Workspaces.Update(ctx, e.owner, crm.WorkspacePatch{Region: new("de"), Name: new("Acme"), Version: 2})
	if err != nil || same != w || e.head() != head {
		t.Errorf("the same again: got %+v (%v), want %+v and no event", same, err, w)
	}
	_, err = e.Workspaces.Update(ctx, e.owner, crm.WorkspacePatch{Name: new("Late"), Version: 1})
	wantConflict(t, err, crm.ConflictStale)
	for _, c := range []struct {
		p     crm.WorkspacePatch
		field string
	}{
		{crm.WorkspacePatch{Name: new(" ")}, "name"},
		{crm.WorkspacePatch{Name: new("a\x00")}, "name"},
		{crm.WorkspacePatch{Name: new("\xff")}, "name"},
		{crm.WorkspacePatch{Name: new(strings.Repeat("x", 201))}, "name"},
		{crm.WorkspacePatch{Region: new("ZZ")}, "region"},
		{crm.WorkspacePatch{Region: new("001")}, "region"},
		{crm.WorkspacePatch{Region: new("Germany")}, "region"},
		{crm.WorkspacePatch{Region: new("")}, "region"},
		{crm.WorkspacePatch{TimeZone: new("Berlin")}, "timeZone"},
		{crm.WorkspacePatch{TimeZone: new("Local")}, "timeZone"},
	} {
		_, err := e.Workspaces.Update(ctx, e.owner, c.p)
		wantInvalid(t, err, c.field)
	}
	after, err := e.Workspaces.Get(ctx, e.owner)
	if err != nil || after != w {
		t.Errorf("workspace: got %+v (%v), want %+v", after, err, w)
	}
}

// A process that dies between the commit of a write and its answer must not
// let the request run again.
func TestAWriteCarriesItsIdempotencyKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		run  func(e *env, ctx context.Context) (crm.ID, error)
		// again says that the request may run again: it had no effect.
		again bool
	}{
		{"a create, with its contact", func(e *env, ctx context.Context) (crm.ID, error) {
			c, err := e.Contacts.Create(ctx, e.owner, crm.NewContact{DisplayName: "Once"})
			return c.ID, err
		}, false},
		{"a batch, without one", func(e *env, ctx context.Context) (crm.ID, error) {
			_, err := e.Contacts.Batch(ctx, e.owner, crm.BatchInput{Contacts: []crm.NewContact{{DisplayName: "One"}, {DisplayName: "Two"}}})
			return crm.ID{}, err
		}, false},
		{"an import, with its row", func(e *env, ctx context.Context) (crm.ID, error) {
			i, err := e.Imports.Create(ctx, e.owner, jsonl(strings.NewReader(`{"displayName":"Line"}`)))
			return i.ID, err
		}, false},
		{"a bulk action, with its job", func(e *env, ctx context.Context) (crm.ID, error) {
			e.create(crm.NewContact{DisplayName: "Tagged", Tags: []string{"old"}})
			j, err := e.Contacts.BulkByFilter(ctx, e.owner, crm.ContactFilter{Tags: []string{"old"}}, tagAll)
			return j.ID, err
		}, false},
		{"a refused write, not at all", func(e *env, ctx context.Context) (crm.ID, error) {
			_, err := e.Contacts.Create(ctx, e.owner, crm.NewContact{})
			wantInvalid(e.t, err, "displayName")
			return crm.ID{}, nil
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now := newClock("2026-11-23T21:00:00Z")
			e := setup(t, now.config)
			ctx := context.Background()
			if saved, err := e.Idempotency.Begin(ctx, e.owner, "k", crm.Fingerprint{1}); saved != nil || err != nil {
				t.Fatalf("begin: got %v, %v, want to go on", saved, err)
			}
			bound, carriedOut := e.Idempotency.Bind(ctx, e.owner, "k")
			record, err := c.run(e, bound)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "carried out", carriedOut(), !c.again)
			_, err = e.Idempotency.Begin(ctx, e.owner, "k", crm.Fingerprint{1})
			wantConflict(t, err, crm.ConflictState) // It may be at work still.
			now.forward(3 * time.Minute)
			saved, err := e.Idempotency.Begin(ctx, e.owner, "k", crm.Fingerprint{1})
			wantError(t, err, nil)
			if (saved == nil) != c.again {
				t.Fatalf("when its process has died: got %v, want to run again: %v", saved, c.again)
			}
			if saved != nil && (saved.Status != 0 || saved.Record != record) {
				t.Errorf("when its process has died: got %+v, want record %s and no answer", saved, record)
			}
		})
	}
}

// A commit whose answer was lost looks like a failure, and was carried out: its
// request must not run again. One that was rolled back may.
func TestTheKeyOfALostCommitIsKept(t *testing.T) {
	t.Parallel()
	now := newClock("2026-11-23T21:00:00Z")
	e := setup(t, now.config)
	ctx := context.Background()
	for _, key := range []string{"lost", "rolled back"} {
		_, err := e.Idempotency.Begin(ctx, e.owner, key, crm.Fingerprint{1})
		wantError(t, err, nil)
	}
	bound, _ := e.Idempotency.Bind(ctx, e.owner, "lost")
	c, err := e.Contacts.Create(bound, e.owner, crm.NewContact{DisplayName: "Once"})
	wantError(t, err, nil)
	for _, key := range []string{"lost", "rolled back", "never begun"} {
		wantError(t, e.Idempotency.Settle(ctx, e.owner, key), nil)
	}
	_, err = e.Idempotency.Begin(ctx, e.owner, "lost", crm.Fingerprint{1})
	wantConflict(t, err, crm.ConflictState)
	saved, err := e.Idempotency.Begin(ctx, e.owner, "rolled back", crm.Fingerprint{2})
	if saved != nil || err != nil {
		t.Errorf("the key of what was rolled back: got %v, %v, want to go on", saved, err)
	}
	now.forward(3 * time.Minute)
	if saved, err = e.Idempotency.Begin(ctx, e.owner, "lost", crm.Fingerprint{1}); err != nil || saved == nil || saved.Record != c.ID {
		t.Errorf("the key of a lost commit later on: got %+v, %v, want contact %s", saved, err, c.ID)
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	now := newClock("2026-11-23T21:00:00Z")
	e := setup(t, now.config)
	ctx := context.Background()
	one, two := crm.Fingerprint{1}, crm.Fingerprint{2}
	begin := func(a crm.Actor, key string, f crm.Fingerprint) (*crm.SavedAnswer, error) {
		return e.Idempotency.Begin(ctx, a, key, f)
	}
	first, err := begin(e.owner, "k", one)
	if first != nil || err != nil {
		t.Fatalf("first: got %v (%v), want to go on", first, err)
	}
	_, err = begin(e.owner, "k", one)
	wantConflict(t, err, crm.ConflictState)
	answer := crm.SavedAnswer{Status: 201, Header: map[string]string{"ETag": "1"}, Body: []byte("{}")}
	wantError(t, e.Idempotency.Finish(ctx, e.owner, "k", answer), nil)
	again, err := begin(e.owner, "k", one)
	if err != nil || again == nil || again.Status != 201 || !bytes.Equal(again.Body, answer.Body) || again.Header["ETag"] != "1" {
		t.Errorf("replay: got %+v (%v), want %+v", again, err, answer)
	}
	_, err = begin(e.owner, "k", two)
	wantConflict(t, err, crm.ConflictState)
	for name, a := range map[string]crm.Actor{"another user": actorOf("acme", "ulla", crm.RoleMember), "another workspace": actorOf("other", "olga", crm.RoleOwner)} {
		if got, err := begin(a, "k", two); got != nil || err != nil {
			t.Errorf("%s: got %v (%v), want to go on", name, got, err)
		}
	}
	if _, err := begin(e.owner, "given up", one); err != nil {
		t.Fatal(err)
	}
	wantError(t, e.Idempotency.Abandon(ctx, e.owner, "given up"), nil)
	_, err = begin(e.owner, "given up", two)
	wantError(t, err, nil)
	now.forward(3 * time.Minute) // Whoever held it must have died.
	_, err = begin(e.owner, "given up", two)
	wantError(t, err, nil)
	now.forward(24 * time.Hour)
	if got, err := begin(e.owner, "k", two); got != nil || err != nil {
		t.Errorf("after a day: got %v (%v), want to go on", got, err)
	}
	for _, key := range []string{"", "a\x00", "\xff", strings.Repeat("k", 300)} {
		_, err := begin(e.owner, key, one)
		wantInvalid(t, err, "Idempotency-Key")
	}
	var ran sync.WaitGroup
	var mu sync.Mutex
	through := 0
	for range 20 {
		ran.Go(func() {
			if got, err := begin(e.owner, "race", one); got == nil && err == nil {
				mu.Lock()
				through++
				mu.Unlock()
			}
		})
	}
	ran.Wait()
	equal(t, "of twenty at once went on", through, 1)
}

func TestExports(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ctx := context.Background()
	e.crowd(2_100, func(i int, c *crm.NewContact) {
		if i%3 == 0 {
			c.Stage, c.Company = crm.StageLead, "Globex"
		}
	})
	e.create(crm.NewContact{DisplayName: "Last", Stage: crm.StageLead})
	for _, c := range []struct {
		f    crm.ContactFilter
		want int
	}{
		{crm.ContactFilter{}, 2_101},
		{crm.ContactFilter{Stages: []crm.Stage{crm.StageLead}}, 701},
		{crm.ContactFilter{Search: "globexx"}, 700},
		{crm.ContactFilter{Search: "globex", Stages: []crm.Stage{crm.StageNone}}, 0},
		{crm.ContactFilter{Trash: true}, 0},
		{crm.ContactFilter{Search: "?"}, 0},
	} {
		x, err := e.Exports.Prepare(ctx, e.owner, crm.ExportQuery{Filter: c.f})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		seen := 0
		n, err := x.WriteTo(ctx, &b, func(done int) { seen = done })
		if err != nil || n != c.want || seen != n || strings.Count(b.String(), "\n") != n {
			t.Errorf("%+v: got %d, %d seen, %d lines (%v), want %d", c.f, n, seen, strings.Count(b.String(), "\n"), err, c.want)
		}
		equal(t, "file name", strings.HasSuffix(x.FileName, ".jsonl"), true)
	}
	_, err := e.Exports.Prepare(ctx, e.owner, crm.ExportQuery{Format: "xlsx"})
	wantInvalid(t, err, "format")
	x, err := e.Exports.Prepare(ctx, e.owner, crm.ExportQuery{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = x.WriteTo(ctx, broken{}, nil)
	wantError(t, err, errPipe)

	other := setup(t)
	i, err := other.Imports.Run(ctx, other.owner, crm.RunImport{NewImport: jsonl(strings.NewReader(e.export()))})
	if err != nil || i.Counts.Created != 2_101 {
		t.Fatalf("import of the export: got %+v (%v), want 2101 created", i.Counts, err)
	}
	equal(t, "contacts", other.roll(), e.roll())
	back := e.run(crm.ImportOptions{}, strings.TrimSpace(e.export())) // By id, where they came from.
	equal(t, "own export again", back.Counts.Unchanged, 2_101)
}

var errPipe = context.DeadlineExceeded

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errPipe }
