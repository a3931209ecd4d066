// Package crmfx wires package crm with fx: it gathers the ports that other
// modules provide into a *crm.CRM, starts it with the application and ends it
// before the ports it stands on.
package crmfx

import (
	"context"
	"log/slog"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/crm"
)

// Module provides *crm.CRM. It needs a crm.Store and takes, where they are
// there, a crm.SearchIndex, crm.JobQueue, crm.Blobs, crm.Phones, crm.Namer, the group
// "formats" of crm.Format, a crm.Observer, a *slog.Logger and Settings.
func Module() fx.Option { return fx.Module("crm", fx.Provide(New)) }

// Settings are the plain values of crm.Config.
type Settings struct {
	// SearchMemory, Workers and Version are those of crm.Config.
	SearchMemory int64
	Workers      int
	Version      string
	// Idle leaves the background work out: nothing is started. Default: started.
	Idle bool
}

// Params is what New takes from the graph.
type Params struct {
	fx.In

	Lifecycle fx.Lifecycle
	Store     crm.Store
	Search    crm.SearchIndex `optional:"true"`
	Queue     crm.JobQueue    `optional:"true"`
	Blobs     crm.Blobs       `optional:"true"`
	Phones    crm.Phones      `optional:"true"`
	Names     crm.Namer       `optional:"true"`
	Formats   []crm.Format    `group:"formats"`
	Observer  crm.Observer    `optional:"true"`
	Logger    *slog.Logger    `optional:"true"`
	Settings  Settings        `optional:"true"`
}

// New makes the CRM and ties it to the application's life.
func New(p Params) (*crm.CRM, error) {
	app, err := crm.New(crm.Config{
		Store: p.Store, Search: p.Search, Queue: p.Queue, Blobs: p.Blobs, Phones: p.Phones, Formats: p.Formats, Names: p.Names,
		Observer: p.Observer, Logger: p.Logger, SearchMemory: p.Settings.SearchMemory, Workers: p.Settings.Workers, Version: p.Settings.Version,
	})
	if err != nil {
		return nil, err
	}
	p.Lifecycle.Append(fx.Hook{
		OnStart: func(context.Context) error {
			if p.Settings.Idle {
				return nil
			}
			// The background work outlives the start's own deadline.
			return app.Start(context.Background())
		},
		OnStop: func(context.Context) error { return app.Close() },
	})
	return app, nil
}
