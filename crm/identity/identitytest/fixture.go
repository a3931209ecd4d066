package identitytest

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// fixture is an empty store with two workspaces.
type fixture struct {
	identity.Store
	here, there crm.WorkspaceID
	made        atomic.Int64
}

func newFixture(t *testing.T, store identity.Store) *fixture {
	t.Helper()
	f := &fixture{Store: store, here: crm.WorkspaceID(crm.NewID()), there: crm.WorkspaceID(crm.NewID())}
	for _, ws := range []crm.WorkspaceID{f.here, f.there} {
		w := crm.Workspace{ID: ws, Name: "Workspace " + ws.String()[24:], Region: "US", TimeZone: "UTC", CreatedAt: at(0), UpdatedAt: at(0), Version: 1}
		must(t, store.PutWorkspace(t.Context(), w, 0))
	}
	return f
}

// at is a time n minutes after the suite's beginning, with microseconds.
func at(n int) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC).Add(time.Duration(n) * time.Minute)
}

// digest is a made-up digest for every name.
func digest(name string) identity.Digest {
	var d identity.Digest
	id := crm.NamedID(name)
	copy(d[:], id[:])
	copy(d[16:], id[:])
	return d
}

// user stores a new user.
func (f *fixture) user(t *testing.T) identity.UserRecord {
	t.Helper()
	u := f.newUser()
	must(t, f.PutUser(t.Context(), u, 0))
	return u
}

func (f *fixture) newUser() identity.UserRecord {
	email := fmt.Sprintf("User%d@Example.com", f.made.Add(1))
	return identity.UserRecord{ //nolint:gosec // A made-up hash of no password.
		User:     identity.User{ID: crm.NewID(), Email: email, Name: "Zoë Łukasz", CreatedAt: at(0), UpdatedAt: at(1), Version: 1},
		EmailKey: identity.EmailKey(email), PasswordHash: "$argon2id$made-up",
	}
}

// member stores a new user as a member who joined at a minute.
func (f *fixture) member(t *testing.T, ws crm.WorkspaceID, role crm.Role, joined int) identity.UserRecord {
	t.Helper()
	u := f.user(t)
	f.join(t, ws, u, role, joined)
	return u
}

func (f *fixture) join(t *testing.T, ws crm.WorkspaceID, u identity.UserRecord, role crm.Role, joined int) identity.Member {
	t.Helper()
	m := identity.Member{User: u.ID, Role: role, CreatedAt: at(joined), UpdatedAt: at(joined), Version: 1}
	must(t, f.PutMember(t.Context(), ws, m, 0))
	m.Email, m.Name = u.Email, u.Name
	return m
}

func (f *fixture) session(t *testing.T, user crm.ID, token string) identity.Session {
	t.Helper()
	s := identity.Session{ID: crm.NewID(), User: user, CreatedAt: at(0), SeenAt: at(1), Address: "2001:db8::1", UserAgent: "Browser/1.0 (ü)"}
	must(t, f.PutSession(t.Context(), s, digest(token)))
	return s
}

func (f *fixture) key(t *testing.T, ws crm.WorkspaceID, user crm.ID, text string) identity.Key {
	t.Helper()
	k := identity.Key{
		ID: crm.NewID(), User: user, Name: "Zapier ☎", Prefix: "omni_abcdef",
		Scopes: []crm.Scope{crm.ScopeContactsRead, crm.ScopeJobs}, CreatedAt: at(0), ExpiresAt: at(9),
	}
	must(t, f.PutKey(t.Context(), ws, k, digest(text)))
	return k
}

func (f *fixture) invitation(t *testing.T, ws crm.WorkspaceID, email, token string) identity.InvitationRecord {
	t.Helper()
	i := newInvitation(email)
	must(t, f.PutInvitation(t.Context(), ws, i, digest(token)))
	return i
}

func newInvitation(email string) identity.InvitationRecord {
	return identity.InvitationRecord{
		Invitation: identity.Invitation{
			ID: crm.NewID(), Email: email, Role: crm.RoleMember, InvitedBy: crm.NewID(), CreatedAt: at(0), ExpiresAt: at(60),
		},
		EmailKey: identity.EmailKey(email),
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func fails(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// conflict wants a *crm.ConflictError with the reason, and the id where one is
// given.
func conflict(t *testing.T, what string, got error, reason crm.ConflictReason, id crm.ID) {
	t.Helper()
	var c *crm.ConflictError
	if !errors.As(got, &c) || c.Reason != reason || !id.IsZero() && c.ID != id {
		t.Errorf("%s: got error %v (%+v), want a conflict %q with id %v", what, got, c, reason, id)
	}
}

// race runs do in n goroutines that start together and returns their errors.
func race(n int, do func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	group.Wait()
	return errs
}

// winners counts the calls that succeeded; every other one must have failed
// with the error wanted.
func winners(t *testing.T, errs []error, want error) int {
	t.Helper()
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
			continue
		}
		fails(t, "a loser", err, want)
	}
	return n
}

// ids returns the ids of a list in its order.
func ids[T any](list []T, id func(T) crm.ID) []crm.ID {
	var all []crm.ID
	for _, one := range list {
		all = append(all, id(one))
	}
	return all
}
