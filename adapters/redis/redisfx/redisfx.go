// Package redisfx wires the shared limits of requests with fx: it opens the
// limiter when the graph is built and closes it when the application stops.
package redisfx

import (
	"context"
	"log/slog"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/redis"
)

// Config says which Redis to open and how.
type Config struct {
	// URL is that of the Redis, see redis.Open. Required.
	URL     string
	Options redis.Options
}

// Module provides *redis.Limiter, which is a limiter of transports/httpapi. It
// needs a Config and takes a *slog.Logger where there is one.
func Module() fx.Option { return fx.Module("redis", fx.Provide(open)) }

type params struct {
	fx.In

	Lifecycle fx.Lifecycle
	Config    Config
	Logger    *slog.Logger `optional:"true"`
}

func open(p params) (*redis.Limiter, error) {
	o := p.Config.Options
	if o.Logger == nil {
		o.Logger = p.Logger
	}
	l, err := redis.Open(context.Background(), p.Config.URL, o)
	if err != nil {
		return nil, err
	}
	p.Lifecycle.Append(fx.StopHook(l.Close))
	return l, nil
}
