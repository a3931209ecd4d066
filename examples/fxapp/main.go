// Fxapp is a program that is composed by fx: it brings its own database handle
// and router, and takes of the CRM's modules those that it needs. With a
// PostgreSQL URL in SHOP_DATABASE_URL the CRM's tables lie beside the program's own,
// in a schema of theirs; without one it uses a file.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/omnicrm/omnicrm/adapters/csv/csvfx"
	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/adapters/postgres/postgresfx"
	"github.com/omnicrm/omnicrm/adapters/sqlite/sqlitefx"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmfx"
	"github.com/omnicrm/omnicrm/transports/httpapi"
	"github.com/omnicrm/omnicrm/transports/httpapi/httpapifx"
)

// settings are the program's own.
type settings struct {
	database string // a URL, or nothing for a file
	file     string
	address  string
}

func main() {
	fx.New(
		shop(settings{database: os.Getenv("SHOP_DATABASE_URL"), file: "shop-crm.db", address: "127.0.0.1:8090"}),
		fx.StartTimeout(time.Minute), fx.StopTimeout(30*time.Second),
		fx.WithLogger(func() fxevent.Logger { return fxevent.NopLogger }),
	).Run()
}

// shop is the composition. Left out is what the program does not want: the CRM's
// own users and sign-in (identityfx), vCard, a search service, Redis.
func shop(s settings) fx.Option {
	return fx.Options(
		store(s), csvfx.Module(), crmfx.Module(), httpapifx.Module(),
		fx.Supply(s, httpapi.Options{ActorFunc: whoIsCalling}),
		fx.Provide(routes), fx.Invoke(listen),
	)
}

// store is the one part that differs.
func store(s settings) fx.Option {
	if s.database == "" {
		return fx.Options(fx.Supply(sqlitefx.Config{Path: s.file}), sqlitefx.Module())
	}
	return fx.Options(fx.Supply(postgresfx.Config{URL: s.database, Options: postgres.Options{Schema: "shop_crm"}}), postgresfx.Module())
}

// whoIsCalling ties the program's sign-in to the CRM's: here whoever names a
// customer may do everything for it.
func whoIsCalling(r *http.Request) (crm.Actor, error) {
	customer := r.Header.Get("X-Shop-Customer")
	if customer == "" {
		return crm.Actor{}, crm.ErrUnauthenticated
	}
	return crm.Actor{
		Workspace: crm.WorkspaceID(crm.NamedID(customer)), User: crm.NamedID("shop"), Name: "The shop", Role: crm.RoleOwner,
	}, nil
}

// routes mounts the CRM under /crm beside the program's own pages.
func routes(api *httpapi.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the shop") })
	mux.Handle("/crm/", http.StripPrefix("/crm", api))
	return mux
}

// listen serves from the start to the stop of the application. fx stops it
// before what it stands on: the CRM, then the store.
func listen(lc fx.Lifecycle, end fx.Shutdowner, s settings, mux *http.ServeMux, app *crm.CRM) {
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	server.RegisterOnShutdown(app.EndStreams) // They would last as long as the drain.
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			var c net.ListenConfig
			l, err := c.Listen(ctx, "tcp", s.address)
			if err != nil {
				return err
			}
			go func() {
				if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					_ = end.Shutdown(fx.ExitCode(1)) // It is stopping already, then.
				}
			}()
			return nil
		},
		OnStop: server.Shutdown,
	})
}
