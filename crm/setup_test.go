package crm_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/teststore"
)

// TestMain fails the run when a goroutine outlives its CRM. Properties are
// tried on 20 random cases; -rapid.checks=1000 tries more.
func TestMain(m *testing.M) {
	if path := os.Getenv(workerVariable); path != "" {
		os.Exit(workOn(path))
	}
	if err := flag.Set("rapid.checks", "20"); err != nil { // The command line comes later and wins.
		panic(err)
	}
	code := teststore.Main(m)
	if err := goleak.Find(); err != nil && code == 0 {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		code = 1
	}
	os.Exit(code)
}

// severalChunks is a number of records that an import writes in four
// transactions when it is alone on its store.
const severalChunks = 7_000

// env is a CRM on a store of its own, with somebody who may do everything.
type env struct {
	*crm.CRM
	t     testing.TB
	store crm.Store
	owner crm.Actor
}

// setup opens a store and starts a CRM on it; both end with the test.
func setup(t testing.TB, change ...func(*crm.Config)) *env {
	t.Helper()
	return setupOn(t, openStore(t), change...)
}

func openStore(t testing.TB) crm.Store {
	t.Helper()
	store, err := teststore.Open(t)
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return store
}

// setupOn is setup on a store that is there. Nothing is judged or linked behind a
// test's back; see setupLive.
func setupOn(t testing.TB, store crm.Store, change ...func(*crm.Config)) *env {
	t.Helper()
	return begin(t, store, (*crm.CRM).WithoutJudging, change...)
}

// setupLive is setup with everything that a CRM does by itself.
func setupLive(t testing.TB, change ...func(*crm.Config)) *env {
	t.Helper()
	return begin(t, openStore(t), func(*crm.CRM) {}, change...)
}

func begin(t testing.TB, store crm.Store, prepare func(*crm.CRM), change ...func(*crm.Config)) *env {
	t.Helper()
	c := crm.Config{Store: store, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	app, err := crm.New(c)
	if err != nil {
		t.Fatalf("new: %v", err)
	}
	prepare(app)
	if err := app.Start(context.Background()); err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &env{CRM: app, t: t, store: store, owner: actorOf("acme", "olga", crm.RoleOwner)}
}

// storeSearched leaves no memory for an index, so that none is loaded.
func storeSearched(c *crm.Config) { c.SearchMemory = 1 }

func actorOf(workspace, user string, role crm.Role) crm.Actor {
	return crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID(workspace)), User: crm.NamedID(user), Name: user, Role: role}
}

func (e *env) create(in crm.NewContact) crm.Contact {
	e.t.Helper()
	c, err := e.Contacts.Create(context.Background(), e.owner, in)
	if err != nil {
		e.t.Fatalf("create: %v", err)
	}
	return c
}

// people creates contacts of these names, in their order.
func (e *env) people(names ...string) []crm.Contact {
	e.t.Helper()
	made := make([]crm.Contact, len(names))
	for i, n := range names {
		made[i] = e.create(crm.NewContact{DisplayName: n})
	}
	return made
}

func (e *env) get(id crm.ID) crm.Contact {
	e.t.Helper()
	c, err := e.Contacts.Get(context.Background(), e.owner, id)
	if err != nil {
		e.t.Fatalf("get: %v", err)
	}
	return c
}

func (e *env) list(q crm.ContactListQuery) crm.ContactList {
	e.t.Helper()
	l, err := e.Contacts.List(context.Background(), e.owner, q)
	if err != nil {
		e.t.Fatalf("list: %v", err)
	}
	return l
}

// found returns the names that a search finds, best first.
func (e *env) found(search string) []string {
	e.t.Helper()
	return names(e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: search}}).Items)
}

func names(contacts []crm.Contact) []string {
	out := make([]string, len(contacts))
	for i, c := range contacts {
		out[i] = c.DisplayName
	}
	return out
}

func idsOf(contacts []crm.Contact) []crm.ID {
	out := make([]crm.ID, len(contacts))
	for i, c := range contacts {
		out[i] = c.ID
	}
	return out
}

// finished waits until a job has ended.
func (e *env) finished(id crm.ID) crm.Job {
	e.t.Helper()
	var j crm.Job
	await(e.t, "the job to end", func() bool {
		var err error
		if j, err = e.Jobs.Get(context.Background(), e.owner, id); err != nil {
			e.t.Fatalf("get job: %v", err)
		}
		return j.Status.Final()
	})
	return j
}

func (e *env) succeeded(id crm.ID) crm.Job {
	e.t.Helper()
	j := e.finished(id)
	if j.Status != crm.JobSucceeded {
		e.t.Fatalf("job: got %s (%s), want succeeded", j.Status, j.ErrorText)
	}
	return j
}

// await looks again and again until something is so, for at most
// three minutes: the race detector on a busy machine is that slow.
func await(t testing.TB, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// export returns the live contacts as JSON lines.
func (e *env) export() string {
	e.t.Helper()
	x, err := e.Exports.Prepare(context.Background(), e.owner, crm.ExportQuery{Format: "jsonl"})
	if err != nil {
		e.t.Fatalf("prepare export: %v", err)
	}
	var b bytes.Buffer
	if _, err := x.WriteTo(context.Background(), &b, nil); err != nil {
		e.t.Fatalf("write export: %v", err)
	}
	return b.String()
}

func (e *env) head() crm.Position {
	e.t.Helper()
	p, err := e.store.EventHead(context.Background(), e.owner.Workspace)
	if err != nil {
		e.t.Fatalf("event head: %v", err)
	}
	return p
}

// events returns the types of the events after a position.
func (e *env) events(after crm.Position) []crm.EventType {
	e.t.Helper()
	list, err := e.store.ListEvents(context.Background(), e.owner.Workspace, after, 1_000)
	if err != nil {
		e.t.Fatalf("list events: %v", err)
	}
	var types []crm.EventType
	for _, ev := range list {
		types = append(types, ev.Type)
	}
	return types
}

// sound compares everything derived with the contacts themselves.
func (e *env) sound() {
	e.t.Helper()
	r, err := e.Check(context.Background(), crm.CheckOptions{})
	if err != nil {
		e.t.Fatalf("check: %v", err)
	}
	for _, f := range r.Findings {
		e.t.Errorf("check of %s: %s", f.Part, f.Detail)
	}
}

// brokenFields returns the fields that a ValidationError names.
func brokenFields(err error) []string {
	var v *crm.ValidationError
	if !errors.As(err, &v) {
		return nil
	}
	var fields []string
	for _, f := range v.Fields {
		fields = append(fields, f.Field)
	}
	return fields
}

func wantInvalid(t testing.TB, err error, fields ...string) {
	t.Helper()
	if got := brokenFields(err); !slices.Equal(got, fields) || !errors.Is(err, crm.ErrInvalid) {
		t.Errorf("broken fields: got %q (%v), want %q", got, err, fields)
	}
}

func wantError(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error: got %v, want %v", got, want)
	}
}

func wantConflict(t testing.TB, err error, reason crm.ConflictReason) {
	t.Helper()
	var c *crm.ConflictError
	if !errors.As(err, &c) || c.Reason != reason {
		t.Errorf("error: got %v, want a conflict of reason %s", err, reason)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func equalList[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// clock is a Config.Now that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock(at string) *clock {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		panic(err)
	}
	return &clock{at: t}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Microsecond) // No two moments are the same.
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *clock) config(k *crm.Config) { k.Now = c.now }

func lines(s ...string) io.Reader { return strings.NewReader(strings.Join(s, "\n") + "\n") }

// equalResult compares what a bulk action or an undo did; Kept must be the
// length of the list.
func equalResult(t testing.TB, what string, got, want crm.BulkResult) {
	t.Helper()
	if got.Changed != want.Changed || got.Kept != want.Kept || len(got.KeptContacts) != int(want.Kept) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}
