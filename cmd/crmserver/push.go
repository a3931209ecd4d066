package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
)

// pusher sends the metrics that /metrics shows to a collector, every minute.
type pusher struct {
	client  *otlp
	source  prometheus.Gatherer
	service string
	log     *slog.Logger
	begun   time.Time

	cancel context.CancelFunc
	ended  sync.WaitGroup
}

const pushEvery = time.Minute

func startPusher(client *otlp, source prometheus.Gatherer, service string, log *slog.Logger) *pusher {
	ctx, cancel := context.WithCancel(context.Background())
	p := &pusher{client: client, source: source, service: service, log: log, begun: time.Now(), cancel: cancel}
	p.ended.Go(func() { p.loop(ctx) })
	return p
}

func (p *pusher) loop(ctx context.Context) {
	tick := time.NewTicker(pushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.pushOrSay(ctx)
	}
}

func (p *pusher) pushOrSay(ctx context.Context) {
	if err := p.push(ctx); err != nil {
		p.log.Warn("metrics not sent", "error", err)
	}
}

// close sends the last figures.
func (p *pusher) close(ctx context.Context) {
	p.cancel()
	p.ended.Wait()
	p.pushOrSay(ctx)
}

func (p *pusher) push(ctx context.Context) error {
	families, err := p.source.Gather()
	if err != nil && len(families) == 0 {
		return fmt.Errorf("gather metrics: %w", err)
	}
	now := uint64(time.Now().UnixNano())
	begun := uint64(p.begun.UnixNano())
	metrics := make([]*metricpb.Metric, 0, len(families))
	for _, f := range families {
		if m := otlpMetric(f, begun, now); m != nil {
			metrics = append(metrics, m)
		}
	}
	resource := &resourcepb.Resource{}
	for _, a := range named(p.service) {
		resource.Attributes = append(resource.Attributes, otlpText(string(a.Key), a.Value.AsString()))
	}
	return p.client.uploadMetrics(ctx, &metricpb.ResourceMetrics{
		Resource:     resource,
		ScopeMetrics: []*metricpb.ScopeMetrics{{Scope: &commonpb.InstrumentationScope{Name: tracerName, Version: version}, Metrics: metrics}},
	})
}

// otlpMetric says the same in the terms of OTLP; nil for the kinds that nothing
// here makes.
func otlpMetric(f *dto.MetricFamily, begun, now uint64) *metricpb.Metric {
	m := &metricpb.Metric{Name: f.GetName(), Description: f.GetHelp()}
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		sum := &metricpb.Sum{AggregationTemporality: metricpb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE, IsMonotonic: true}
		for _, one := range f.GetMetric() {
			sum.DataPoints = append(sum.DataPoints, otlpNumber(one, one.GetCounter().GetValue(), begun, now))
		}
		m.Data = &metricpb.Metric_Sum{Sum: sum}
	case dto.MetricType_GAUGE:
		gauge := &metricpb.Gauge{}
		for _, one := range f.GetMetric() {
			gauge.DataPoints = append(gauge.DataPoints, otlpNumber(one, one.GetGauge().GetValue(), 0, now))
		}
		m.Data = &metricpb.Metric_Gauge{Gauge: gauge}
	case dto.MetricType_HISTOGRAM:
		h := &metricpb.Histogram{AggregationTemporality: metricpb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE}
		for _, one := range f.GetMetric() {
			h.DataPoints = append(h.DataPoints, otlpHistogram(one, begun, now))
		}
		m.Data = &metricpb.Metric_Histogram{Histogram: h}
	default:
		return nil
	}
	return m
}

func otlpNumber(m *dto.Metric, value float64, begun, now uint64) *metricpb.NumberDataPoint {
	return &metricpb.NumberDataPoint{
		Attributes: otlpLabels(m), StartTimeUnixNano: begun, TimeUnixNano: now, Value: &metricpb.NumberDataPoint_AsDouble{AsDouble: value},
	}
}

// otlpHistogram turns counts up to a bound into counts between bounds; the last
// one is of what lies above all of them.
func otlpHistogram(m *dto.Metric, begun, now uint64) *metricpb.HistogramDataPoint {
	h := m.GetHistogram()
	sum := h.GetSampleSum()
	p := &metricpb.HistogramDataPoint{Attributes: otlpLabels(m), StartTimeUnixNano: begun, TimeUnixNano: now, Count: h.GetSampleCount(), Sum: &sum}
	var below uint64
	for _, b := range h.GetBucket() {
		p.ExplicitBounds = append(p.ExplicitBounds, b.GetUpperBound())
		p.BucketCounts = append(p.BucketCounts, b.GetCumulativeCount()-below)
		below = b.GetCumulativeCount()
	}
	p.BucketCounts = append(p.BucketCounts, h.GetSampleCount()-below)
	return p
}

func otlpLabels(m *dto.Metric) []*commonpb.KeyValue {
	labels := make([]*commonpb.KeyValue, 0, len(m.GetLabel()))
	for _, l := range m.GetLabel() {
		labels = append(labels, otlpText(l.GetName(), l.GetValue()))
	}
	return labels
}

func otlpText(name, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: name, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}
