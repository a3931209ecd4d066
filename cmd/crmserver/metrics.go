package main

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// metrics is what a process counts. No label holds a workspace, an id, a path or
// anything else that somebody outside could make many of.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	jobs     *prometheus.HistogramVec
	searches *prometheus.HistogramVec
}

// noRoute is the label of requests that no route takes.
const noRoute = "none"

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "crm_http_request_duration_seconds", Help: "Time to answer a request, by the pattern of its route and the class of the status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "method", "status"}),
		jobs: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "crm_job_duration_seconds", Help: "Time of an attempt at a job, by its kind and what became of it.",
			Buckets: []float64{.001, .01, .1, 1, 10, 60, 600, 3600},
		}, []string{"kind", "outcome"}),
		searches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "crm_search_duration_seconds", Help: "Time to answer a search, by who answered and whether that was a degraded answer.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .1, 1},
		}, []string{"backend", "degraded"}),
	}
	m.registry.MustRegister(m.requests, m.jobs, m.searches,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "crm_build_info", Help: "Always 1; the labels say what runs.",
			ConstLabels: prometheus.Labels{"version": versionText()},
		}, func() float64 { return 1 }))
	return m
}

// handler serves the text format.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 2})
}

func (m *metrics) answered(a httpapi.Answered) {
	route := a.Route
	if route == "" {
		route = noRoute
	}
	m.requests.WithLabelValues(route, a.Method, statusClass(a.Status)).Observe(a.Took.Seconds())
}

// statusClass is "2xx" and so on, "cut" for a connection that ended before an
// answer.
func statusClass(status int) string {
	if status == 0 {
		return "cut"
	}
	return strconv.Itoa(status/100) + "xx"
}

func (m *metrics) jobEnded(kind crm.JobKind, end crm.JobEnd, took time.Duration) {
	outcome := string(end.Status)
	switch end.Status {
	case crm.JobQueued:
		outcome = "parked"
	case "":
		outcome = "lost"
	}
	m.jobs.WithLabelValues(string(kind), outcome).Observe(took.Seconds())
}

func (m *metrics) searched(s crm.SearchAnswer) {
	m.searches.WithLabelValues(s.Backend, strconv.FormatBool(s.Degraded)).Observe(s.Took.Seconds())
}

// readings reads what the domain and the store count when it is asked, at most
// every few seconds: anybody who reaches the server may ask.
type readings struct {
	app   *crm.CRM
	store crm.Store

	mu     sync.Mutex
	read   time.Time
	domain crm.Figures
	known  bool
	frozen bool
}

const (
	figuresEvery   = 5 * time.Second
	figuresTimeout = 2 * time.Second
)

// figure is one of the metrics below.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func newFigure(kind prometheus.ValueType, name, help string, labels ...string) figure {
	return figure{prometheus.NewDesc(name, help, labels, nil), kind}
}

func (f figure) of(value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}

// The figures that are read when they are asked for.
var (
	figureUp       = newFigure(prometheus.GaugeValue, "crm_database_up", "1 when the figures could be read from the database.")
	figureQueue    = newFigure(prometheus.GaugeValue, "crm_jobs", "Unfinished jobs of all processes: due now, later, or running.", "kind", "state")
	figureIndexes  = newFigure(prometheus.GaugeValue, "crm_search_indexes", "Workspaces with a search index in this process, by its state.", "state")
	figureDocs     = newFigure(prometheus.GaugeValue, "crm_search_documents", "Contacts in the search indexes of this process.")
	figureBytes    = newFigure(prometheus.GaugeValue, "crm_search_index_bytes", "Memory of the search indexes of this process.")
	figureRebuilds = newFigure(prometheus.CounterValue, "crm_search_rebuilds_total", "Search indexes that this process has made anew.")
	figureWrong    = newFigure(prometheus.GaugeValue, "crm_search_wrong_contacts", "Contacts that the last checks found wrong in an index and could not mend.")
	figureWaiting  = newFigure(prometheus.GaugeValue, "crm_store_writes_waiting", "Transactions that wait for the writer.")
	figureWrites   = newFigure(prometheus.CounterValue, "crm_store_writes_total", "Transactions of this process, by whether they were committed.", "outcome")
	figureCommits  = newFigure(prometheus.CounterValue, "crm_store_commits_total", "Commits, each shared by the transactions that waited.")
	figureCommit   = newFigure(prometheus.CounterValue, "crm_store_commit_seconds_total", "Time of the commits, most of it the flush to the disk.")
	figureHeld     = newFigure(prometheus.CounterValue, "crm_store_lock_seconds_total", "Time for which this process held the database's write lock.")
	figureRetries  = newFigure(prometheus.CounterValue, "crm_store_retries_total", "Transactions that ran again after a lost race or a deadlock.")
	figureConns    = newFigure(prometheus.GaugeValue, "crm_store_connections", "Connections of this process to the database.", "state")
	figureMaxConns = newFigure(prometheus.GaugeValue, "crm_store_connections_max", "Connections that this process may open.")
	figureWaits    = newFigure(prometheus.CounterValue, "crm_store_connection_waits_total", "Calls that had to wait for a connection.")
	figureWaited   = newFigure(prometheus.CounterValue, "crm_store_connection_wait_seconds_total", "Time that calls waited for a connection.")
	figureLog      = newFigure(prometheus.GaugeValue, "crm_store_wal_bytes", "Size of the write-ahead log.")
)

// Describe implements prometheus.Collector.
func (f *readings) Describe(out chan<- *prometheus.Desc) {
	for _, known := range []figure{
		figureUp, figureQueue, figureIndexes, figureDocs, figureBytes, figureRebuilds, figureWrong,
		figureWaiting, figureWrites, figureCommits, figureCommit, figureHeld, figureLog,
		figureRetries, figureConns, figureMaxConns, figureWaits, figureWaited,
	} {
		out <- known.desc
	}
}

// Collect implements prometheus.Collector.
func (f *readings) Collect(out chan<- prometheus.Metric) {
	switch store := f.store.(type) {
	case *sqlite.Store:
		s := store.Figures()
		out <- figureWaiting.of(float64(s.Waiting))
		out <- figureWrites.of(float64(s.Writes), "committed")
		out <- figureWrites.of(float64(s.FailedWrites), "failed")
		out <- figureCommits.of(float64(s.Commits))
		out <- figureCommit.of(s.CommitTime.Seconds())
		out <- figureHeld.of(s.Held.Seconds())
		out <- figureLog.of(float64(s.LogBytes))
	case *postgres.Store:
		s := store.Figures()
		out <- figureWrites.of(float64(s.Writes), "committed")
		out <- figureWrites.of(float64(s.FailedWrites), "failed")
		out <- figureRetries.of(float64(s.Retries))
		out <- figureConns.of(float64(s.InUse), "used")
		out <- figureConns.of(float64(s.Open-s.InUse), "idle")
		out <- figureMaxConns.of(float64(s.MostOpen))
		out <- figureWaits.of(float64(s.Waits))
		out <- figureWaited.of(s.WaitTime.Seconds())
	}
	d, ok := f.ofDomain()
	if !ok {
		out <- figureUp.of(0)
		return
	}
	out <- figureUp.of(1)
	for _, j := range d.Jobs {
		out <- figureQueue.of(float64(j.Due), string(j.Kind), "due")
		out <- figureQueue.of(float64(j.Later), string(j.Kind), "later")
		out <- figureQueue.of(float64(j.Running), string(j.Kind), "running")
	}
	out <- figureIndexes.of(float64(d.Search.Ready), "ready")
	out <- figureIndexes.of(float64(d.Search.Loading), "loading")
	out <- figureIndexes.of(float64(d.Search.Failed), "failed")
	out <- figureDocs.of(float64(d.Search.Documents))
	out <- figureBytes.of(float64(d.Search.Bytes))
	out <- figureRebuilds.of(float64(d.Search.Rebuilds))
	out <- figureWrong.of(float64(d.Search.Proof.Wrong - d.Search.Proof.Repaired))
}

// ofDomain is false when the database did not answer.
func (f *readings) ofDomain() (crm.Figures, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.frozen && time.Since(f.read) >= figuresEvery {
		f.ask()
	}
	return f.domain, f.known
}

// freeze keeps what the domain counts now: it is about to be closed.
func (f *readings) freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ask()
	f.frozen = true
}

// ask reads the figures. The caller holds f.mu.
func (f *readings) ask() {
	ctx, cancel := context.WithTimeout(context.Background(), figuresTimeout)
	defer cancel()
	d, err := f.app.Figures(ctx)
	f.read, f.domain, f.known = time.Now(), d, err == nil
}
