package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/omnicrm/omnicrm/adapters/asynq/asynqfx"
	"github.com/omnicrm/omnicrm/adapters/csv/csvfx"
	"github.com/omnicrm/omnicrm/adapters/phone/phonefx"
	"github.com/omnicrm/omnicrm/adapters/redis"
	"github.com/omnicrm/omnicrm/adapters/redis/redisfx"
	"github.com/omnicrm/omnicrm/adapters/vcard/vcardfx"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmfx"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/crm/identity/identityfx"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

const (
	startTimeout = time.Minute
	// stopTimeout is above the time that requests get to end.
	stopTimeout = drainTimeout + 20*time.Second
)

// parts is what commands work with.
type parts struct {
	fx.In

	App      *crm.CRM
	Identity *identity.Identity
	Store    crm.Store
}

// base is every command's composition: store, formats, domain, identity.
// told, which may be nil, is who watches.
func base(g *Globals, log *slog.Logger, s crmfx.Settings, told *telemetry) fx.Option {
	s.Version = version
	watch := fx.Options()
	if told != nil {
		watch = fx.Options(fx.Supply(fx.Annotate(told, fx.As(new(crm.Observer)))), fx.Invoke(told.watch))
	}
	return fx.Options(watch, g.queue(s),
		fx.WithLogger(func() fxevent.Logger { return fxevent.NopLogger }),
		fx.StartTimeout(startTimeout), fx.StopTimeout(stopTimeout),
		fx.Supply(log, s), g.database().module(told), g.Search.module(s.Idle),
		csvfx.Module(), vcardfx.Module(), phonefx.Module(), identityfx.Module(), crmfx.Module(),
	)
}

// queue is how jobs get to those who run some: over Redis, if one is named. The
// other commands need none: workers find the jobs of these in the store.
func (g *Globals) queue(s crmfx.Settings) fx.Option {
	if g.RedisURL == "" || s.Idle {
		return fx.Options()
	}
	return fx.Options(fx.Supply(asynqfx.Config{URL: g.RedisURL}), asynqfx.Module())
}

// limits is who counts requests: this process, or all together on Redis.
func (g *Globals) limits() fx.Option {
	if g.RedisURL == "" || g.RateLimit == 0 {
		return fx.Options()
	}
	return fx.Options(fx.Supply(redisfx.Config{URL: g.RedisURL}), redisfx.Module(), fx.Provide(func(l *redis.Limiter) httpapi.Limiter { return l }))
}

// with opens everything, runs do, and closes everything again. No background
// work is started. A database whose restore is unfinished is refused.
func (g *Globals) with(ctx context.Context, t terminal, do func(ctx context.Context, p parts) error) error {
	return g.withAny(ctx, t, func(ctx context.Context, p parts) error {
		if err := p.App.Opened(ctx); err != nil {
			return err
		}
		return do(ctx, p)
	})
}

// withData is with for what is worth nothing without data: a folder that has no
// database is refused and nothing is made in it, so that a misspelt --data is no
// empty backup.
func (g *Globals) withData(ctx context.Context, t terminal, do func(ctx context.Context, p parts) error) error {
	if err := g.database().exists(); err != nil {
		return err
	}
	return g.with(ctx, t, do)
}

// withAny is with for a restore.
func (g *Globals) withAny(ctx context.Context, t terminal, do func(ctx context.Context, p parts) error) error {
	if err := g.database().prepare(); err != nil {
		return err
	}
	g.quiet()
	var p parts
	app := fx.New(base(g, g.logger(t.err), crmfx.Settings{Idle: true}, nil), fx.Invoke(func(in parts) { p = in }))
	if err := start(ctx, app); err != nil {
		return err
	}
	err := do(ctx, p)
	return errors.Join(err, stop(app))
}

// quiet keeps the log out of commands that say themselves what they did and
// what went wrong, unless another level than the default was asked for.
func (g *Globals) quiet() {
	if g.Log == "info" {
		g.Log = "error"
	}
}

// start starts the composition and says in one sentence what is wrong.
func start(ctx context.Context, app *fx.App) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := app.Err()
	if err == nil {
		err = app.Start(ctx)
	}
	if err != nil {
		return fmt.Errorf("start: %w", rootCause(err))
	}
	return nil
}

func stop(app *fx.App) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := app.Stop(ctx); err != nil {
		return fmt.Errorf("stop: %w", rootCause(err))
	}
	return nil
}
