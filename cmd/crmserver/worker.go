package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmfx"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// workerCmd runs jobs and nothing else.
type workerCmd struct {
	watching

	Workers int `env:"CRM_WORKERS" default:"4" help:"Jobs at once in this process. Default ${default}."`
}

// Help says what a worker is for.
func (workerCmd) Help() string {
	return "Takes jobs from the same data folder as the servers beside it; those started with --workers 0 take none. " +
		"It needs no port; --debug-addr gives it one for health, metrics and profiles. A signal parks its jobs, which go on elsewhere."
}

// Run implements the command: it works until ctx ends.
func (w workerCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	if err := errors.Join(g.validate(), w.validate()); err != nil {
		return err
	}
	if err := g.database().prepare(); err != nil {
		return err
	}
	log := g.logger(t.err)
	told, err := newTelemetry(w.telemetrySettings, log)
	if err != nil {
		return err
	}
	app := fx.New(w.options(g, told, log))
	defer told.close()
	if err := start(ctx, app); err != nil {
		return err
	}
	if g.JSON {
		err = printJSON(t.out, map[string]int{"workers": w.Workers})
	} else {
		_, err = fmt.Fprintf(t.out, "OmniCRM works on %s, %s at once\n", g.database().name(), counted(int64(w.Workers), "job"))
	}
	if err == nil {
		<-ctx.Done()
		log.Info("stopping: jobs are parked")
	}
	return errors.Join(err, stop(app))
}

func (w workerCmd) validate() error {
	if w.Workers < 1 {
		return usageError{"--workers: must be 1 or more; a worker that takes no jobs is for nothing"}
	}
	return w.watching.validate()
}

// options is the composition of a worker.
func (w workerCmd) options(g *Globals, told *telemetry, log *slog.Logger) fx.Option {
	return fx.Options(base(g, log, crmfx.Settings{Workers: w.Workers}, told), fx.Provide(healthAlone), debugModule(w.watching, told),
		fx.Invoke(func(*crm.CRM) {}))
}

// healthAlone is the API's handler where nobody can sign in: it answers health.
func healthAlone(app *crm.CRM, log *slog.Logger) (healthHandler, error) {
	return httpapi.New(app, httpapi.Options{Logger: log})
}
