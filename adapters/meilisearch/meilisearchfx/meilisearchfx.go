// Package meilisearchfx wires the search index on a Meilisearch server with fx:
// it looks at the server when the application starts and gives the connections
// up when it stops.
package meilisearchfx

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/meilisearch"
	"github.com/omnicrm/omnicrm/crm"
)

// Config says which server to use and how.
type Config struct {
	// URL is the server's address. Required.
	URL     string
	Options meilisearch.Options
	// StartTimeout bounds the look at the start. Default 20 seconds.
	StartTimeout time.Duration
	// Lazy leaves the look to the first use, for programs that may not search at
	// all. Default false.
	Lazy bool
}

// Module provides *meilisearch.Index and crm.SearchIndex. It needs a Config, and
// takes a *slog.Logger. A server that is misconfigured keeps the application from
// starting; one that is away does not: the store answers until it is back.
func Module() fx.Option {
	return fx.Module("meilisearch", fx.Provide(
		open,
		func(x *meilisearch.Index) crm.SearchIndex { return x },
	))
}

type params struct {
	fx.In

	Lifecycle fx.Lifecycle
	Config    Config
	Log       *slog.Logger `optional:"true"`
}

func open(p params) (*meilisearch.Index, error) {
	x, err := meilisearch.New(p.Config.URL, p.Config.Options)
	if err != nil {
		return nil, err
	}
	p.Lifecycle.Append(fx.StopHook(x.Close))
	if p.Config.Lazy {
		return x, nil
	}
	limit := p.Config.StartTimeout
	if limit <= 0 {
		limit = 20 * time.Second
	}
	p.Lifecycle.Append(fx.StartHook(func(ctx context.Context) error {
		ctx, release := context.WithTimeout(ctx, limit)
		defer release()
		err := x.Prepare(ctx)
		if err == nil || errors.Is(err, meilisearch.ErrMisconfigured) {
			return err
		}
		if p.Log != nil {
			p.Log.Warn("search service not ready; searches are answered by the store until it is", "error", err)
		}
		return nil
	}))
	return x, nil
}
