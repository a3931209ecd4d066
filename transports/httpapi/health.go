package httpapi

import (
	"net/http"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	pathHealth  = "/healthz"
	pathReady   = "/readyz"
	pathMetrics = "/metrics"
)

// isHealth reports paths that are answered without sign-in and not counted.
func isHealth(path string) bool {
	return path == pathHealth || path == pathReady || path == pathMetrics
}

func (h *Handler) metrics(c *call) error {
	h.options.Metrics.ServeHTTP(c.w, c.r)
	return nil
}

type aliveDoc struct {
	Status string `json:"status" enum:"ok"`
}

// readiness is the measured state of what the server depends on.
type readiness struct {
	Status   string      `json:"status" enum:"ok,degraded,down"`
	Version  string      `json:"version"`
	Database probeRecord `json:"database"`
	Queue    probeRecord `json:"queue"`
	Search   probeRecord `json:"search"`
	// Index is what this process's search indexes were found to be when they
	// were last held against the store.
	Index indexRecord `json:"index"`
	// Consumers are the durable consumers of the event log. One that fails or is
	// behind leaves the server ready.
	Consumers []consumerRecord `json:"consumers"`
	Streams   int              `json:"streams" doc:"How many streams of GET /events are open in this process."`
}

// consumerRecord is a crm.ConsumerHealth.
type consumerRecord struct {
	Name         string     `json:"name"`
	Lag          int64      `json:"lag" doc:"How many positions of the log it is behind, at least as many as events."`
	LagMs        float64    `json:"lagMs" doc:"How old the oldest event is that it has not done."`
	Failure      *string    `json:"failure" doc:"The code of what stops it; null while all is well."`
	FailingSince *time.Time `json:"failingSince"`
}

// indexRecord is a crm.SearchProof.
type indexRecord struct {
	CheckedAt  *time.Time `json:"checkedAt"`
	Workspaces int        `json:"workspaces"`
	Contacts   int        `json:"contacts"`
	Wrong      int        `json:"wrong"`
	Repaired   int        `json:"repaired"`
}

type probeRecord struct {
	Status    string  `json:"status" enum:"ok,degraded,down,off"`
	LatencyMs float64 `json:"latencyMs"`
	Detail    string  `json:"detail"`
}

func (h *Handler) alive(c *call) error {
	return c.writeJSON(http.StatusOK, aliveDoc{Status: statusOK})
}

const (
	statusOK       = "ok"
	statusDegraded = "degraded"
	statusDown     = "down"
)

// ready answers 503 only without a database or with a wrong schema: what else
// is missing degrades the service and must not take it out of rotation.
func (h *Handler) ready(c *call) error {
	health := h.app.Health(c.r.Context())
	out := readiness{
		Status: statusOK, Version: health.Version, Database: probeRecordOf(health.Database),
		Queue: probeRecordOf(health.Queue), Search: probeRecordOf(health.Search), Index: indexRecordOf(health.SearchProof),
		Consumers: consumerRecordsOf(health.Consumers), Streams: health.Streams,
	}
	status := http.StatusOK
	for _, p := range []probeRecord{out.Queue, out.Search} {
		if p.Status == statusDegraded || p.Status == statusDown {
			out.Status = statusDegraded
		}
	}
	for _, c := range out.Consumers {
		if c.Failure != nil {
			out.Status = statusDegraded
		}
	}
	switch out.Database.Status {
	case statusDown:
		out.Status, status = statusDown, http.StatusServiceUnavailable
		retryAfter(c.w.Header(), busyRetry)
	case statusDegraded:
		out.Status = statusDegraded
	}
	if h.leaving.Load() {
		out.Status, status = statusDown, http.StatusServiceUnavailable
		retryAfter(c.w.Header(), busyRetry)
	}
	return c.writeJSON(status, out)
}

func probeRecordOf(p crm.Probe) probeRecord {
	return probeRecord{Status: string(p.Status), LatencyMs: float64(p.Latency.Microseconds()) / 1000, Detail: p.Detail}
}

func consumerRecordsOf(all []crm.ConsumerHealth) []consumerRecord {
	out := make([]consumerRecord, len(all))
	for i, c := range all {
		out[i] = consumerRecord{
			Name: c.Name, Lag: c.Lag, LagMs: float64(c.Age.Microseconds()) / 1000, Failure: textOrNull(c.Failure), FailingSince: timeOrNull(c.FailingSince),
		}
	}
	return out
}

func indexRecordOf(p crm.SearchProof) indexRecord {
	r := indexRecord{Workspaces: p.Workspaces, Contacts: p.Contacts, Wrong: p.Wrong, Repaired: p.Repaired}
	if !p.CheckedAt.IsZero() {
		r.CheckedAt = &p.CheckedAt
	}
	return r
}
