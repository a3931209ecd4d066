package crm

import (
	"context"
	"fmt"
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
	// SearchProof is what the drift checks of this process's indexes found.
	SearchProof SearchProof
	// Consumers are the durable consumers of the event log, by name; nil where
	// there are none, and when the database does not answer. One that fails or is
	// far behind holds up nothing else.
	Consumers []ConsumerHealth
	// Streams is how many streams of activity are open in this process.
	Streams int
	Version string
}

// Ready reports whether requests can be served.
// One that reads and cannot write serves what it can.
func (h Health) Ready() bool {
	return h.Database.Status == ProbeOK || h.Database.Status == ProbeDegraded
}

// probeTimeout bounds one probe.
const probeTimeout = 2 * time.Second

// Health measures every part now, but for whether the database can be written:
// that is at most some seconds old.
func (c *CRM) Health(ctx context.Context) Health {
	h := Health{Version: c.version}
	h.Database = c.probe(ctx, "the database does not answer, or its schema is not this version's", c.system.Ping)
	if h.Database.Status == ProbeOK { // Nothing is written into a schema of another version.
		if problem := c.writes.problem(ctx); problem != "" {
			h.Database.Status, h.Database.Detail = ProbeDegraded, problem
		}
	}
	h.Queue = c.probe(ctx, "the job queue does not answer", func(ctx context.Context) error {
		_, _, err := c.system.NextDue(ctx, c.Jobs.kinds())
		return err
	})
	if h.Queue.Status == ProbeOK && c.runner.queue.fails(ctx) {
		h.Queue.Status, h.Queue.Detail = ProbeDegraded, "the job queue fails; jobs are taken from the store until it is back"
	}
	h.Search, h.SearchProof = c.searchHealth(ctx)
	if h.Ready() {
		h.Consumers = c.consumerHealth(ctx)
	}
	h.Streams = len(c.Activity.hub.all())
	return h
}

func (c *CRM) consumerHealth(ctx context.Context) []ConsumerHealth {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	all, err := c.consumers.health(ctx, c.core.now())
	if err != nil {
		c.core.log.Warn("probe failed", "detail", "the event consumers are not known", "error", err)
	}
	return all
}

// searchHealth asks a search service, and looks at what the indexes of this
// process are doing.
func (c *CRM) searchHealth(ctx context.Context) (Probe, SearchProof) {
	s := c.core.search
	proof := s.proof()
	detail, ask := "the search index does not answer; the store answers meanwhile", s.measure
	if s.guard != nil {
		detail, ask = "the search service does not answer; the store answers meanwhile", s.guard.measure
	}
	p := c.probe(ctx, detail, ask)
	switch {
	case p.Status != ProbeOK:
	case s.loading() > 0:
		p.Status, p.Detail = ProbeDegraded, "indexes are loading; the store answers meanwhile"
	case proof.Wrong > proof.Repaired:
		p.Status = ProbeDegraded
		p.Detail = fmt.Sprintf("%d contacts differ between the index and the store", proof.Wrong-proof.Repaired)
	default:
		p.Detail = s.name
	}
	return p, proof
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

// probeWords are searched for as somebody would, with typos and all. A page of
// everything would take 15 ms of each dashboard at a million contacts.
const probeWords = "search probe"

// measure asks one of the indexes in memory, where there is one.
func (s *searcher) measure(ctx context.Context) error {
	for ws := range s.ready() {
		_, err := s.index.SearchContacts(ctx, ws, SearchQuery{Text: probeWords, Limit: DefaultPageSize})
		return err
	}
	return nil
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
