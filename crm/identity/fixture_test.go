package identity_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/internal/testkit/teststore"
)

const password = "correct horse battery"

// fixture is an Identity over an empty store, with a clock of its own.
type fixture struct {
	*identity.Identity
	store teststore.Store
	clock *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func setup(tb testing.TB) *fixture {
	tb.Helper()
	store, err := teststore.Open(tb)
	must(tb, err)
	tb.Cleanup(func() { must(tb, store.Close()) })
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	who, err := identity.New(identity.Config{Store: store, Now: c.Now, Logger: slog.New(slog.DiscardHandler)})
	must(tb, err)
	return &fixture{Identity: who, store: store, clock: c}
}

// owner makes the first user, ana@example.com, who owns the workspace "Acme".
func (f *fixture) owner(tb testing.TB) crm.Actor {
	tb.Helper()
	user, m, err := f.Operator.CreateUser(tb.Context(), identity.NewAccount{
		Email: "Ana@Example.com", Name: "Ana", Password: password, Workspace: "Acme",
	})
	must(tb, err)
	return crm.Actor{Workspace: m.Workspace, User: user.ID, Name: user.Name, Role: m.Role, Kind: crm.ActorUser}
}

// join makes another member of the workspace, who signs in by links only.
func (f *fixture) join(tb testing.TB, owner crm.Actor, role crm.Role) crm.Actor {
	tb.Helper()
	user, m, err := f.Operator.CreateUser(tb.Context(), identity.NewAccount{
		Email: fmt.Sprintf("%s-%s@example.com", role, crm.NewID()), NoPassword: true, Workspace: owner.Workspace.String(), Role: role,
	})
	must(tb, err)
	return crm.Actor{Workspace: m.Workspace, User: user.ID, Name: user.Name, Role: m.Role, Kind: crm.ActorUser}
}

// session signs a user in by a link.
func (f *fixture) session(tb testing.TB, user crm.ID) identity.SignedIn {
	tb.Helper()
	link, err := f.Operator.SignInLink(tb.Context(), user, 0)
	must(tb, err)
	in, err := f.Sessions.RedeemLink(tb.Context(), link, identity.Origin{Address: "192.0.2.1", UserAgent: "Browser"})
	must(tb, err)
	return in
}

func (f *fixture) signIn(ctx context.Context, email, password string) (identity.SignedIn, error) {
	return f.Sessions.SignIn(ctx, identity.Credentials{Email: email, Password: password, Origin: identity.Origin{Address: "192.0.2.1", UserAgent: "Browser"}})
}

// events returns the types of the events of a workspace after a position.
func (f *fixture) events(tb testing.TB, ws crm.WorkspaceID, after crm.Position) []crm.EventType {
	tb.Helper()
	all, err := f.store.ListEvents(tb.Context(), ws, after, 1000)
	must(tb, err)
	var types []crm.EventType
	for _, e := range all {
		types = append(types, e.Type)
	}
	return types
}

func (f *fixture) head(tb testing.TB, ws crm.WorkspaceID) crm.Position {
	tb.Helper()
	head, err := f.store.EventHead(tb.Context(), ws)
	must(tb, err)
	return head
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func fails(tb testing.TB, what string, got, want error) {
	tb.Helper()
	if !errors.Is(got, want) {
		tb.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// invalid wants a *crm.ValidationError of exactly these fields.
func invalid(tb testing.TB, what string, err error, fields ...string) {
	tb.Helper()
	var got []string
	if v, ok := errors.AsType[*crm.ValidationError](err); ok {
		for _, f := range v.Fields {
			got = append(got, f.Field)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(fields) {
		tb.Errorf("%s: got invalid fields %v of error %v, want %v", what, got, err, fields)
	}
}

// conflict wants a *crm.ConflictError with the reason.
func conflict(tb testing.TB, what string, err error, reason crm.ConflictReason) {
	tb.Helper()
	var c *crm.ConflictError
	if !errors.As(err, &c) || c.Reason != reason {
		tb.Errorf("%s: got error %v, want a conflict %q", what, err, reason)
	}
}
