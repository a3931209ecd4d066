// Package identityfx is the fx module of crm/identity.
package identityfx

import (
	"log/slog"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// params are what the graph may know; only the store must be there.
type params struct {
	fx.In

	Store  identity.Store
	Logger *slog.Logger `optional:"true"`
}

// Module provides *identity.Identity, which is the graph's crm.Namer too. It needs
// an identity.Store and takes a *slog.Logger where there is one.
func Module() fx.Option {
	return fx.Module("identity", fx.Provide(func(p params) (*identity.Identity, error) {
		return identity.New(identity.Config{Store: p.Store, Logger: p.Logger})
	}), fx.Provide(func(i *identity.Identity) crm.Namer { return i }))
}
