// Package sqlitefx wires the embedded store with fx: it opens the file when the
// graph is built and closes it when the application stops.
package sqlitefx

import (
	"context"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// Config says which file to open and how.
type Config struct {
	// Path is the file, or ":memory:". Required.
	Path    string
	Options sqlite.Options
}

// Module provides *sqlite.Store, crm.Store and identity.Store. It needs a
// Config.
func Module() fx.Option {
	return fx.Module("sqlite", fx.Provide(
		open,
		func(s *sqlite.Store) crm.Store { return s },
		func(s *sqlite.Store) identity.Store { return s },
	))
}

func open(lc fx.Lifecycle, c Config) (*sqlite.Store, error) {
	store, err := sqlite.OpenWith(context.Background(), c.Path, c.Options)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(store.Close))
	return store, nil
}
