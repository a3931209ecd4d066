package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"log/slog"
	"net/http"
	"time"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// telemetry is what a server or worker tells of itself: metrics always, traces
// and metrics to a collector where one is configured. It implements
// [crm.Observer]. Without a collector there is no span, no wrapped connection
// and no goroutine.
type telemetry struct {
	metrics *metrics
	traces  *traces // nil without a collector
	push    *pusher // nil without a collector
}

// telemetrySettings say where to send traces and metrics. The names are
// OpenTelemetry's own.
type telemetrySettings struct {
	OTLPEndpoint string `name:"otlp-endpoint" env:"OTEL_EXPORTER_OTLP_ENDPOINT" placeholder:"URL" help:"OpenTelemetry collector that takes traces and metrics by OTLP over HTTP, such as http://localhost:4318. Default none."`
	OTLPHeaders  string `name:"otlp-headers" env:"OTEL_EXPORTER_OTLP_HEADERS" placeholder:"NAME=VALUE,..." help:"Headers of what is sent to the collector."`
	ServiceName  string `env:"OTEL_SERVICE_NAME" default:"omnicrm" help:"Name under which the collector knows this process. Default ${default}."`
}

func (s telemetrySettings) validate() error {
	if s.OTLPEndpoint == "" {
		return nil
	}
	_, err := newOTLP(s)
	return err
}

func newTelemetry(s telemetrySettings, log *slog.Logger) (*telemetry, error) {
	t := &telemetry{metrics: newMetrics()}
	if s.OTLPEndpoint == "" {
		return t, nil
	}
	client, err := newOTLP(s)
	if err != nil {
		return nil, err
	}
	if t.traces, err = newTraces(client, s.ServiceName, log); err != nil {
		return nil, err
	}
	t.push = startPusher(client, t.metrics.registry, s.ServiceName, log)
	return t, nil
}

// telemetryPatience bounds sending what is left at the end.
const telemetryPatience = 5 * time.Second

// watch adds the figures of the domain and of the store. They are read for the
// last time before those are closed.
func (t *telemetry) watch(lc fx.Lifecycle, app *crm.CRM, store crm.Store) {
	r := &readings{app: app, store: store}
	t.metrics.registry.MustRegister(r)
	lc.Append(fx.StopHook(r.freeze))
}

// close sends what is left, the ends of the last jobs among it. A collector that is gone is in the log
// and no reason to fail.
func (t *telemetry) close() {
	if t.traces == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), telemetryPatience)
	defer cancel()
	t.traces.close(ctx)
	t.push.close(ctx)
}

// JobBegins implements [crm.Observer].
func (t *telemetry) JobBegins(ctx context.Context, j crm.Job) (context.Context, func(crm.JobEnd)) {
	begin := time.Now()
	var span func(crm.JobEnd)
	if t.traces != nil {
		ctx, span = t.traces.job(ctx, j)
	}
	return ctx, func(end crm.JobEnd) {
		t.metrics.jobEnded(j.Kind, end, time.Since(begin))
		if span != nil {
			span(end)
		}
	}
}

// Searched implements [crm.Observer].
func (t *telemetry) Searched(_ context.Context, s crm.SearchAnswer) { t.metrics.searched(s) }

// answered takes what became of a request.
func (t *telemetry) answered(ctx context.Context, a httpapi.Answered) {
	t.metrics.answered(a)
	if t.traces != nil {
		t.traces.answered(ctx, a)
	}
}

// traced puts a span around requests, where there are traces.
func (t *telemetry) traced(next http.Handler) http.Handler {
	if t.traces == nil {
		return next
	}
	return t.traces.around(next)
}

// openDB is nil, the default, without traces.
func (t *telemetry) openDB() func(driver.Connector) *sql.DB {
	if t == nil || t.traces == nil {
		return nil
	}
	return t.traces.openDB
}

// traceParent is nil without traces.
func (t *telemetry) traceParent() func(context.Context) string {
	if t.traces == nil {
		return nil
	}
	return traceParent
}
