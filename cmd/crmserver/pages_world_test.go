package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// pagesWorld is a server's pages over a database in memory.
type pagesWorld struct {
	t        *testing.T
	store    *sqlite.Store
	identity *identity.Identity
	server   *server
	handler  http.Handler
	user     identity.User
	// complaints are what is wrong.
	complaints []string
}

func (w *pagesWorld) complain(format string, args ...any) {
	w.complaints = append(w.complaints, fmt.Sprintf(format, args...))
}

func newPagesWorld(t *testing.T) *pagesWorld {
	t.Helper()
	w := &pagesWorld{t: t}
	log := slog.New(slog.DiscardHandler)
	var err error
	if w.store, err = sqlite.Open(t.Context(), ":memory:"); err != nil {
		t.Fatal(err)
	}
	app, err := crm.New(crm.Config{Store: w.store, Logger: log, Workers: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(app.Close(), w.store.Close()); err != nil {
			t.Error(err)
		}
	})
	w.identity = w.identityAt(0)
	api, err := httpapi.New(app, httpapi.Options{Identity: w.identity, RateLimit: -1, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	told, err := newTelemetry(telemetrySettings{}, log)
	if err != nil {
		t.Fatal(err)
	}
	w.server = &server{app: app, store: w.store, identity: w.identity, handler: api, log: log, told: told}
	w.handler = w.server.routes()
	return w
}

func (w *pagesWorld) identityAt(ahead time.Duration) *identity.Identity {
	w.t.Helper()
	i, err := identity.New(identity.Config{
		Store: w.store, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Now().Add(ahead) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

// fill makes the user whom the sign-in links are for.
func (w *pagesWorld) fill() {
	w.t.Helper()
	var err error
	w.user, _, err = w.identity.Operator.CreateUser(w.t.Context(), identity.NewAccount{Email: email, Name: "Ana", NoPassword: true})
	if err != nil {
		w.t.Fatal(err)
	}
}

// The tokens that a link can have.
const (
	goodToken    = "good"
	otherPurpose = "of the other kind of link"
)

// token makes one for the page: by its name good, or good no more.
func (w *pagesWorld) token(name, page string) string {
	w.t.Helper()
	link := func(by *identity.Identity, toSignIn bool) string {
		text, err := "", error(nil)
		if toSignIn {
			text, err = by.Operator.SignInLink(w.t.Context(), w.user.ID, 0)
		} else {
			text, err = by.Operator.SetUpLink(w.t.Context(), 0)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		return text
	}
	signIn := page == "/signin"
	switch name {
	case goodToken:
		return link(w.identity, signIn)
	case "expired":
		return link(w.identityAt(-time.Hour), signIn)
	case "used":
		used := link(w.identity, true)
		if _, err := w.identity.Sessions.RedeemLink(w.t.Context(), used, identity.Origin{}); err != nil {
			w.t.Fatal(err)
		}
		return used
	case otherPurpose:
		return link(w.identity, !signIn)
	case "of a session":
		in, err := w.identity.Sessions.RedeemLink(w.t.Context(), link(w.identity, true), identity.Origin{})
		if err != nil {
			w.t.Fatal(err)
		}
		return in.Token
	case "never made":
		return strings.Repeat("A", 43)
	}
	return "x"
}

// state is what a refused page must leave as it was.
func (w *pagesWorld) state() [3]int {
	w.t.Helper()
	users, err := w.identity.Operator.ListUsers(w.t.Context(), crm.ID{}, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	log, err := w.store.LogState(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	sessions, err := w.store.ListSessions(w.t.Context(), w.user.ID, 200)
	if err != nil {
		w.t.Fatal(err)
	}
	return [3]int{len(users), len(sessions), int(log.Head)}
}
