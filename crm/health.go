package crm

import (
	"context"
	"time"
)

// ProbeStatus is the state of one part.
type ProbeStatus string

// The states of a part.
const (
	ProbeOK       ProbeStatus = "ok"
	ProbeDegraded ProbeStatus = "degraded"
	ProbeDown     ProbeStatus = "down"
	ProbeOff      ProbeStatus = "off"
)

// Probe is what a part answered just now.
type Probe struct {
	Status  ProbeStatus
	Latency time.Duration
	// Detail is a sentence for operators, without internals.
	Detail string
}

// Health is the measured state of the parts.
type Health struct {
	Database, Queue, Search Probe
	Version                 string
}

// Ready reports whether requests can be served.
func (h Health) Ready() bool { return h.Database.Status == ProbeOK }

// probeTimeout bounds one probe.
const probeTimeout = 2 * time.Second

// Health measures every part now.
func (c *CRM) Health(ctx context.Context) Health {
	h := Health{Version: c.version}
	h.Database = c.probe(ctx, "the database does not answer, or its schema is not this version's", c.system.Ping)
	h.Queue = c.probe(ctx, "the job queue does not answer", func(ctx context.Context) error {
		_, _, err := c.system.NextDue(ctx, c.Jobs.kinds())
		return err
	})
	h.Search = Probe{Status: ProbeOK, Detail: c.core.search.name}
	if loading := c.core.search.loading(); loading > 0 {
		h.Search = Probe{Status: ProbeDegraded, Detail: "indexes are loading; the store answers meanwhile"}
	}
	return h
}

func (c *CRM) probe(ctx context.Context, detail string, ask func(context.Context) error) Probe {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	begin := time.Now()
	err := ask(ctx)
	p := Probe{Status: ProbeOK, Latency: time.Since(begin)}
	if err != nil {
		p.Status, p.Detail = ProbeDown, detail
		c.core.log.Warn("probe failed", "detail", detail, "error", err)
	}
	return p
}

// loading counts the indexes that are not ready yet.
func (s *searcher) loading() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, f := range s.feeds {
		if !f.ready {
			n++
		}
	}
	return n
}
