package httpapi_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/internal/testkit/teststore"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// Every text of a record has one of these words, by its workspace: one that
// stands in an answer to the other's people has leaked.
const (
	homeSecret = "Homesecret"
	awaySecret = "Awaysecret"
)

// hostHeader names the caller to the host's own sign-in.
const hostHeader = "X-Test-Host"

// matrixWorld is two workspaces over one database, in which nothing happens by
// itself: no worker runs, and the CRM is started only for what must succeed.
type matrixWorld struct {
	t        testing.TB
	store    teststore.Store
	db       *sql.DB // the same file, to look at every row of every table
	app      *crm.CRM
	identity *identity.Identity
	handler  *httpapi.Handler

	home, away crm.WorkspaceID
	// hosts are the actors of the host's own sign-in.
	hosts map[string]crm.Actor
	// stranger owns the other workspace, colleague is an owner of the first one who
	// is no caller.
	stranger, colleague crm.Actor
	// victim is a contact of the other workspace.
	victim crm.ID
	made   int
}

// newMatrixWorld makes the two workspaces; over may put something between the CRM
// and its store.
func newMatrixWorld(t testing.TB, over ...func(*matrixWorld) crm.Store) *matrixWorld {
	t.Helper()
	w := &matrixWorld{t: t, hosts: map[string]crm.Actor{}}
	var connector driver.Connector
	var err error
	w.store, err = teststore.OpenWith(t, func(c driver.Connector) *sql.DB {
		connector = c
		return sql.OpenDB(c)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.db = sql.OpenDB(connector)
	logger := slog.New(slog.DiscardHandler)
	var store crm.Store = w.store
	for _, put := range over {
		store = put(w)
	}
	w.app, err = crm.New(crm.Config{Store: store, Formats: []crm.Format{csv.New()}, Workers: -1, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(w.app.Close(), w.db.Close(), w.store.Close()); err != nil {
			t.Error(err)
		}
	})
	if w.identity, err = identity.New(identity.Config{Store: w.store, Logger: logger}); err != nil {
		t.Fatal(err)
	}
	w.handler = w.serve(httpapi.Options{Identity: w.identity, ActorFunc: w.hostActor})
	w.colleague = w.user(crm.WorkspaceID{}, "Home", crm.RoleOwner)
	w.home = w.colleague.Workspace
	w.stranger = w.user(crm.WorkspaceID{}, "Away", crm.RoleOwner)
	w.away = w.stranger.Workspace
	for _, owner := range []crm.Actor{w.colleague, w.stranger} {
		name := w.secretOf(owner)
		if _, err := w.app.Workspaces.Update(t.Context(), owner, crm.WorkspacePatch{Name: &name}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// serve returns a handler over the world's CRM.
func (w *matrixWorld) serve(o httpapi.Options) *httpapi.Handler {
	w.t.Helper()
	o.RateLimit, o.Logger = -1, slog.New(slog.DiscardHandler)
	o.Metrics = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain")
		_, _ = rw.Write([]byte("crm_up 1\n"))
	})
	h, err := httpapi.New(w.app, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// hostActor is the host's own sign-in, beside the identity's.
func (w *matrixWorld) hostActor(r *http.Request) (crm.Actor, error) {
	if actor, ok := w.hosts[r.Header.Get(hostHeader)]; ok {
		return actor, nil
	}
	return crm.Actor{}, crm.ErrUnauthenticated
}

// unique returns a text that nothing else in the world has.
func (w *matrixWorld) unique() string {
	w.made++
	return strconv.Itoa(w.made)
}

// user makes somebody with a role in a workspace; without one in a new one.
func (w *matrixWorld) user(ws crm.WorkspaceID, name string, role crm.Role) crm.Actor {
	w.t.Helper()
	in := identity.NewAccount{Email: "user" + w.unique() + "@example.com", Name: name, NoPassword: true, Role: role, Workspace: name}
	if !ws.IsZero() {
		in.Workspace = ws.String()
	}
	if !ws.IsZero() {
		in.Name = w.secretOf(crm.Actor{Workspace: ws}) + " " + name
	}
	user, m, err := w.identity.Operator.CreateUser(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return crm.Actor{Workspace: m.Workspace, User: user.ID, Name: name, Role: role, Kind: crm.ActorUser}
}

// session signs a user in, by the identity whose clock says when.
func (w *matrixWorld) session(by *identity.Identity, of crm.Actor) identity.SignedIn {
	w.t.Helper()
	link, err := by.Operator.SignInLink(w.t.Context(), of.User, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	in, err := by.Sessions.RedeemLink(w.t.Context(), link, identity.Origin{UserAgent: w.secretOf(of)})
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

// secretOf is the word in every text of the actor's workspace.
func (w *matrixWorld) secretOf(actor crm.Actor) string {
	if actor.Workspace == w.away {
		return awaySecret
	}
	return homeSecret
}

// key makes an API key of a user and returns its id and text.
func (w *matrixWorld) key(by *identity.Identity, maker crm.Actor, scopes []crm.Scope, expires time.Time) (crm.ID, string) {
	w.t.Helper()
	key, text, err := by.Keys.Create(w.t.Context(), maker, identity.NewKey{Name: w.secretOf(maker), Scopes: scopes, ExpiresAt: expires})
	if err != nil {
		w.t.Fatal(err)
	}
	return key.ID, text
}

// identityAt is the identity of the same database at another time.
func (w *matrixWorld) identityAt(ahead time.Duration) *identity.Identity {
	w.t.Helper()
	i, err := identity.New(identity.Config{
		Store: w.store, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Now().Add(ahead) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

// The kinds of records that stand in paths and bodies.
type recordKind string

const (
	aContact       recordKind = "contact"
	aTrashed       recordKind = "contact in the trash"
	anInteraction  recordKind = "interaction"
	aReadyImport   recordKind = "import"
	aDoneImport    recordKind = "committed import"
	aWaitingJob    recordKind = "waiting job"
	aCancelledJob  recordKind = "cancelled job"
	aFinishedJob   recordKind = "finished job"
	anImportsJob   recordKind = "job of an import"
	aSession       recordKind = "session"
	aKey           recordKind = "API key"
	aMember        recordKind = "member"
	anOwner        recordKind = "owner"
	themselves     recordKind = "the caller"
	anInvitation   recordKind = "invitation"
	anOwnersInvite recordKind = "invitation of an owner"
)

// make makes a record that belongs to the user and returns its id.
func (w *matrixWorld) make(kind recordKind, of crm.Actor) crm.ID {
	w.t.Helper()
	ctx := w.t.Context()
	// Whatever the user may do, the record must be there.
	as := crm.Actor{Workspace: of.Workspace, User: of.User, Role: crm.RoleOwner, Kind: crm.ActorUser}
	secret := w.secretOf(of)
	id, err := crm.ID{}, error(nil)
	switch kind {
	case aContact, aTrashed, anInteraction:
		id, err = w.makeContact(ctx, as, kind, secret)
	case aReadyImport, aDoneImport, anImportsJob:
		id, err = w.makeImport(ctx, as, kind, secret)
	case aWaitingJob, aCancelledJob, aFinishedJob:
		id, err = w.makeJob(ctx, as, kind, secret)
	case aSession:
		return w.session(w.identity, of).Session.ID
	case aKey:
		id, _ = w.key(w.identity, as, nil, time.Time{})
	case aMember:
		return w.user(of.Workspace, secret, crm.RoleMember).User
	case anOwner:
		return w.user(of.Workspace, secret, crm.RoleOwner).User
	case themselves:
		return of.User
	case anInvitation, anOwnersInvite:
		in := identity.NewInvitation{Email: strings.ToLower(secret) + w.unique() + "@example.com"}
		if kind == anOwnersInvite {
			in.Role = crm.RoleOwner
		}
		var made identity.Invitation
		made, _, err = w.identity.Invitations.Create(ctx, as, in)
		id = made.ID
	}
	if err != nil {
		w.t.Fatalf("make %s: %v", kind, err)
	}
	return id
}
