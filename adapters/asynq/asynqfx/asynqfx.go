// Package asynqfx wires the delivery of jobs over Redis with fx: it opens the
// queue when the graph is built and closes it when the application stops, after
// the CRM that works with it.
package asynqfx

import (
	"context"
	"log/slog"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/asynq"
	"github.com/omnicrm/omnicrm/crm"
)

// Config says which Redis to open and how.
type Config struct {
	// URL is that of the Redis, see asynq.Open. Required.
	URL     string
	Options asynq.Options
}

// Module provides *asynq.Queue and crm.JobQueue. It needs a Config and takes a
// *slog.Logger where there is one.
func Module() fx.Option {
	return fx.Module("asynq", fx.Provide(open, func(q *asynq.Queue) crm.JobQueue { return q }))
}

type params struct {
	fx.In

	Lifecycle fx.Lifecycle
	Config    Config
	Logger    *slog.Logger `optional:"true"`
}

func open(p params) (*asynq.Queue, error) {
	o := p.Config.Options
	if o.Logger == nil {
		o.Logger = p.Logger
	}
	q, err := asynq.Open(context.Background(), p.Config.URL, o)
	if err != nil {
		return nil, err
	}
	p.Lifecycle.Append(fx.StopHook(q.Close))
	return q, nil
}
