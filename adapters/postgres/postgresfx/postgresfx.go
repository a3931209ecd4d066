// Package postgresfx wires the Postgres store with fx: it opens the database
// when the graph is built and closes it when the application stops.
package postgresfx

import (
	"context"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// Config says which database to open and how.
type Config struct {
	// URL is that of the database. Required.
	URL     string
	Options postgres.Options
}

// Module provides *postgres.Store, crm.Store and identity.Store. It needs a
// Config.
func Module() fx.Option {
	return fx.Module("postgres", fx.Provide(
		open,
		func(s *postgres.Store) crm.Store { return s },
		func(s *postgres.Store) identity.Store { return s },
	))
}

func open(lc fx.Lifecycle, c Config) (*postgres.Store, error) {
	store, err := postgres.OpenWith(context.Background(), c.URL, c.Options)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(store.Close))
	return store, nil
}
