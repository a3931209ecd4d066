// Embedded mounts the CRM's API beside the routes of a program that has a
// router and a sign-in of its own.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// account is what this program knows of its users. Each customer of it is a
// workspace of the CRM.
type account struct {
	name     string
	customer string
	admin    bool
}

// shop is the program: it has a router, and tokens as its sign-in.
type shop struct {
	accounts map[string]account // by token
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := &shop{accounts: map[string]account{"demo-token": {name: "Ana", customer: "acme", admin: true}}}
	if err := s.serve(ctx, "127.0.0.1:8090", "shop-crm.db"); err != nil {
		log.Fatal(err)
	}
}

// serve runs until ctx ends. It stops in the order in which things need each
// other: requests under way end, then the CRM's background work, then the store.
func (s *shop) serve(ctx context.Context, address, database string) error {
	store, err := sqlite.Open(ctx, database)
	if err != nil {
		return err
	}
	defer store.Close()
	app, err := crm.New(crm.Config{Store: store})
	if err != nil {
		return err
	}
	if err := app.Start(ctx); err != nil {
		return err
	}
	defer app.Close()
	mux, err := s.routes(app)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(drain)
}

// routes mounts the CRM under /crm beside the program's own pages.
func (s *shop) routes(app *crm.CRM) (http.Handler, error) {
	api, err := httpapi.New(app, httpapi.Options{ActorFunc: s.whoIsCalling})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the shop") })
	mux.Handle("/crm/", http.StripPrefix("/crm", api))
	return mux, nil
}

// whoIsCalling is the one function that ties the two together: from the
// program's own sign-in to an actor of the CRM.
func (s *shop) whoIsCalling(r *http.Request) (crm.Actor, error) {
	a, ok := s.accounts[r.Header.Get("X-Shop-Token")]
	if !ok {
		return crm.Actor{}, crm.ErrUnauthenticated
	}
	role := crm.RoleMember
	if a.admin {
		role = crm.RoleAdmin
	}
	return crm.Actor{
		Workspace: crm.WorkspaceID(crm.NamedID("customer:" + a.customer)),
		User:      crm.NamedID("user:" + a.name), Name: a.name, Role: role,
	}, nil
}
