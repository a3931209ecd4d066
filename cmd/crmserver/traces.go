package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// traces are spans of requests, SQL statements and jobs. A span has names of
// routes, statements without their values, and ids: no path, query, address or
// agent of a client, which would be somebody's. How many are kept says
// OTEL_TRACES_SAMPLER, by default all.
type traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	log      *slog.Logger
}

const tracerName = "github.com/omnicrm/omnicrm"

// named is the resource under which a collector files what comes from here.
func named(service string) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("service.name", service), attribute.String("service.version", version)}
}

func newTraces(client *otlp, service string, log *slog.Logger) (*traces, error) {
	exporter, err := otlptrace.New(context.Background(), client)
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	// The library reports what it could not send to this one place.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces not sent", "error", err) }))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(resource.NewSchemaless(named(service)...)))
	return &traces{provider: provider, tracer: provider.Tracer(tracerName), log: log}, nil
}

func (t *traces) close(ctx context.Context) {
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("traces not sent", "error", err)
	}
}

// around opens the span of a request. A caller's own trace goes on in it.
func (t *traces) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// answered names the span of a request by its route.
func (t *traces) answered(ctx context.Context, a httpapi.Answered) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	name := a.Method
	if a.Route != "" {
		name += " " + a.Route
		span.SetAttributes(attribute.String("http.route", a.Route))
	}
	span.SetName(name)
	span.SetAttributes(attribute.String("http.request.method", a.Method), attribute.Int("http.response.status_code", a.Status),
		attribute.String("crm.request.id", a.RequestID))
	if a.Status >= http.StatusInternalServerError || a.Status == 0 {
		span.SetStatus(codes.Error, "")
	}
}

// job opens the span of an attempt, a trace of its own that is linked to the
// request which asked for the job.
func (t *traces) job(ctx context.Context, j crm.Job) (context.Context, func(crm.JobEnd)) {
	options := []trace.SpanStartOption{
		trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.String("crm.job.id", j.ID.String()), attribute.String("crm.job.kind", string(j.Kind)), attribute.Int("crm.job.attempt", j.Attempt)),
	}
	if from := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": j.Actor.Origin.Trace})); from.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: from}))
	}
	if id := j.Actor.Origin.Request; id != "" {
		options = append(options, trace.WithAttributes(attribute.String("crm.request.id", id)))
	}
	ctx, span := t.tracer.Start(ctx, "job "+string(j.Kind), options...)
	return ctx, func(end crm.JobEnd) {
		span.SetAttributes(attribute.String("crm.job.status", string(end.Status)))
		if end.Err != nil {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// openDB makes a pool whose statements have spans, under the request or job that
// runs them; what the store does by itself has none.
func (t *traces) openDB(c driver.Connector) *sql.DB {
	return otelsql.OpenDB(c, otelsql.WithTracerProvider(t.provider), otelsql.WithAttributes(attribute.String("db.system.name", "sqlite")),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			OmitConnResetSession: true, OmitConnPrepare: true, OmitRows: true, OmitConnectorConnect: true,
			SpanFilter: func(ctx context.Context, _ otelsql.Method, _ string, _ []driver.NamedValue) bool {
				return trace.SpanFromContext(ctx).IsRecording()
			},
		}))
}

// traceParent names the span of ctx for whoever goes on with it.
func traceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}
