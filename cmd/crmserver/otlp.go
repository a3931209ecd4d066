package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// otlp sends to a collector by OTLP over HTTP. The library's own exporters weigh
// six megabytes more, for a gRPC that is never spoken: their requests are
// TracesData and MetricsData on the wire.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
type otlp struct {
	base    string
	headers http.Header
	http    *http.Client
}

const (
	// otlpTimeout bounds one try; otlpTries is how many there are before what
	// was to be sent is dropped, and otlpPause the wait after the first.
	otlpTimeout = 5 * time.Second
	otlpTries   = 3
	otlpPause   = 500 * time.Millisecond
)

func newOTLP(s telemetrySettings) (*otlp, error) {
	u, err := url.Parse(s.OTLPEndpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, usageError{"--otlp-endpoint: must be like http://localhost:4318"}
	}
	o := &otlp{base: strings.TrimSuffix(s.OTLPEndpoint, "/"), headers: http.Header{}, http: &http.Client{Timeout: otlpTimeout}}
	for pair := range strings.SplitSeq(s.OTLPHeaders, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if value, err = url.PathUnescape(value); !ok || err != nil || name == "" {
			return nil, usageError{"--otlp-headers: must be like name=value,name=value"}
		}
		o.headers.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	o.headers.Set("Content-Type", "application/x-protobuf")
	return o, nil
}

// Start implements otlptrace.Client.
func (o *otlp) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (o *otlp) Stop(context.Context) error {
	o.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client.
func (o *otlp) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	return o.send(ctx, "/v1/traces", &tracepb.TracesData{ResourceSpans: spans})
}

func (o *otlp) uploadMetrics(ctx context.Context, m *metricpb.ResourceMetrics) error {
	return o.send(ctx, "/v1/metrics", &metricpb.MetricsData{ResourceMetrics: []*metricpb.ResourceMetrics{m}})
}

func (o *otlp) send(ctx context.Context, path string, message proto.Message) error {
	body, err := proto.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode for the collector: %w", err)
	}
	for try := range otlpTries {
		var again bool
		if again, err = o.post(ctx, path, body); !again {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(otlpPause << try):
		}
	}
	return err
}

// post reports whether another try may help.
func (o *otlp) post(ctx context.Context, path string, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.base+path, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("send to the collector: %w", err)
	}
	r.Header = o.headers.Clone()
	answer, err := o.http.Do(r)
	if err != nil {
		return true, fmt.Errorf("send to the collector: %w", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // So that the connection can be used again.
	_ = answer.Body.Close()
	switch code := answer.StatusCode; {
	case code/100 == 2:
		return false, nil
	case code == http.StatusTooManyRequests || code == http.StatusBadGateway || code == http.StatusServiceUnavailable || code == http.StatusGatewayTimeout:
		return true, fmt.Errorf("send to the collector: it answered %s", answer.Status)
	default:
		return false, fmt.Errorf("send to the collector: it answered %s", answer.Status)
	}
}
