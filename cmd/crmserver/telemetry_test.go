package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// debugURL is where --debug-addr listens, as the log says.
func (s *running) debugURL() string {
	s.t.Helper()
	var found []string
	until(s.t, "it says where the debug address is", func() bool {
		found = regexp.MustCompile(`address=(http://\S+)`).FindStringSubmatch(s.log.String())
		return found != nil
	})
	return found[1]
}

func TestMetricsTellNothingOfTenants(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.serve("--debug-addr=0")
	c := h.caller(s)
	id, err := c.create("Ana Secret")
	if err != nil {
		t.Fatal(err)
	}
	c.search("secret")
	for _, path := range []string{"/api/v1/contacts/" + id, "/api/v1/secret@example.com", "/signin?token=secret"} {
		if _, _, err := c.send(http.MethodGet, path, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := c.send("SECRET", "/api/v1/contacts", "", nil); err != nil {
		t.Fatal(err)
	}
	until(t, "the index is loaded", func() bool { return !c.search("secret").Degraded })
	b := browser(t)
	for _, address := range []string{s.hello.URL, s.debugURL()} {
		status, text := visit(t, b, address+"/metrics", nil)
		if status != http.StatusOK {
			t.Fatalf("got %d, want 200", status)
		}
		for _, want := range []string{
			`crm_http_request_duration_seconds_count{method="GET",route="/api/v1/contacts/{id}",status="2xx"} 1`,
			`crm_http_request_duration_seconds_count{method="GET",route="none",status="4xx"} 1`,
			`crm_http_request_duration_seconds_count{method="other",route="none",status="4xx"}`,
			`crm_http_request_duration_seconds_count{method="GET",route="/signin",status=`,
			`crm_search_duration_seconds_count{backend="memory",degraded="false"}`, `crm_jobs{kind="contact_import",state="due"} 0`,
			`crm_store_writes_total{outcome="committed"}`, "crm_database_up 1", "crm_build_info{", "go_goroutines ",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: got %s, want %s", address, crmLines(text), want)
			}
		}
		for _, secret := range []string{"ecret", "SECRET", id, "ana@", "Mine"} {
			if strings.Contains(text, secret) {
				t.Errorf("metrics hold %q: %s", secret, crmLines(text))
			}
		}
	}
	if status, _ := visit(t, b, s.hello.URL+"/debug/pprof/", nil); status != http.StatusNotFound {
		t.Errorf("profiles on the main address: got %d, want 404", status)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap?debug=1", "/healthz", "/readyz"} {
		if status, _ := visit(t, b, s.debugURL()+path, nil); status != http.StatusOK {
			t.Errorf("%s on the debug address: got %d, want 200", path, status)
		}
	}
}

func crmLines(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return !strings.HasPrefix(l, "crm_") || strings.Contains(l, "_bucket") }), "\n")
}

func TestWhereMetricsAre(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	b := browser(t)
	s := h.serve("--debug-addr=0", "--metrics=debug")
	if status, _ := visit(t, b, s.hello.URL+"/metrics", nil); status != http.StatusNotFound {
		t.Errorf("on the main address: got %d, want 404", status)
	}
	if status, _ := visit(t, b, s.debugURL()+"/metrics", nil); status != http.StatusOK {
		t.Errorf("on the debug address: got %d, want 200", status)
	}
	h.fails(h.run("serve", "--metrics=debug"), exitMisuse, "--debug-addr")
	h.fails(h.run("serve", "--otlp-endpoint=collector:4317"), exitMisuse, "--otlp-endpoint", "http://localhost:4318")
	h.fails(h.run("serve", "--otlp-endpoint=http://x", "--otlp-headers=secret"), exitMisuse, "--otlp-headers")
	h.fails(h.run("worker", "--workers=0"), exitMisuse, "--workers")
}

func TestDebugAddressIsThisMachinesUnlessSaid(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"6060": "127.0.0.1:6060", ":6060": "127.0.0.1:6060", "0.0.0.0:6060": "0.0.0.0:6060", "[::1]:6060": "[::1]:6060",
	} {
		if got := debugAddress(given); got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
}

// collector takes what is sent to it by OTLP over HTTP.
type collector struct {
	mu      sync.Mutex
	spans   []*tracepb.Span
	metrics []*metricpb.Metric
	keys    map[string]bool
	busy    int // how many requests it refuses first
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if c.busy > 0 {
		c.busy--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	c.keys[r.Header.Get("Api-Key")] = true
	var traces tracepb.TracesData
	var metrics metricpb.MetricsData
	switch r.URL.Path {
	case "/v1/traces":
		err = proto.Unmarshal(body, &traces)
	case "/v1/metrics":
		err = proto.Unmarshal(body, &metrics)
	default:
		err = fmt.Errorf("no such path")
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, resource := range traces.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	for _, resource := range metrics.GetResourceMetrics() {
		for _, scope := range resource.GetScopeMetrics() {
			c.metrics = append(c.metrics, scope.GetMetrics()...)
		}
	}
}

// span returns the first of a name.
func (c *collector) span(t *testing.T, name string) *tracepb.Span {
	t.Helper()
	var names []string
	for _, s := range c.spans {
		if s.GetName() == name {
			return s
		}
		names = append(names, s.GetName())
	}
	t.Fatalf("spans: got %v, want %s", names, name)
	return nil
}

func attributesOf(all []*commonpb.KeyValue) string {
	var b strings.Builder
	for _, a := range all {
		fmt.Fprintf(&b, "%s=%s%d ", a.GetKey(), a.GetValue().GetStringValue(), a.GetValue().GetIntValue())
	}
	return b.String()
}

func TestTracesAndMetricsGoToACollector(t *testing.T) {
	t.Parallel()
	c := &collector{keys: map[string]bool{}, busy: 1}
	sink := httptest.NewServer(c)
	t.Cleanup(sink.Close)
	h := newHome(t)
	s := h.serve("--otlp-endpoint="+sink.URL, "--otlp-headers=api-key=k1")
	call := h.caller(s)
	if _, err := call.create("Ana Secret"); err != nil {
		t.Fatal(err)
	}
	const asked = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	status, text, err := call.send(http.MethodPost, "/api/v1/contacts/bulk-tag", "application/json",
		strings.NewReader(`{"filter": {}, "add": ["secret"]}`), "Traceparent", asked, "X-Request-Id", "asked-1")
	if err != nil || status != http.StatusAccepted {
		t.Fatalf("bulk: got %d %s (%v), want 202", status, text, err)
	}
	job := decode[struct{ JobID string }](t, result{out: string(text)}).JobID
	until(t, "the job ends", func() bool { return get[struct{ Status string }](call, "/api/v1/jobs/"+job).Status == "succeeded" })
	s.stop() // Sends what is left.

	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.keys) != 1 || !c.keys["k1"] {
		t.Errorf("headers: got %v, want the one that was given", c.keys)
	}
	request := c.span(t, "POST /api/v1/contacts/bulk-tag")
	if got := fmt.Sprintf("%x", request.GetTraceId()); got != asked[3:35] {
		t.Errorf("trace of the request: got %s, want the caller's", got)
	}
	if got := attributesOf(request.GetAttributes()); !strings.Contains(got, "http.route=/api/v1/contacts/bulk-tag") ||
		!strings.Contains(got, "http.response.status_code=202") || !strings.Contains(got, "crm.request.id=asked-1") {
		t.Errorf("attributes of the request: got %s", got)
	}
	work := c.span(t, "job bulk_update")
	if links := work.GetLinks(); len(links) != 1 || string(links[0].GetTraceId()) != string(request.GetTraceId()) {
		t.Errorf("links of the job: got %v, want the request", links)
	}
	if got := attributesOf(work.GetAttributes()); !strings.Contains(got, "crm.job.id="+job) || !strings.Contains(got, "crm.job.status=succeeded") {
		t.Errorf("attributes of the job: got %s", got)
	}
	statements := 0
	for _, span := range c.spans {
		if got := attributesOf(span.GetAttributes()); strings.Contains(got, "ecret") || strings.Contains(got, "127.0.0.1") {
			t.Errorf("span %s holds something personal: %s", span.GetName(), got)
		}
		if strings.HasPrefix(span.GetName(), "sql.") && string(span.GetTraceId()) == string(request.GetTraceId()) {
			statements++
		}
	}
	if statements == 0 {
		t.Error("the request has no spans of statements")
	}
	found := map[string]bool{}
	for _, m := range c.metrics {
		found[m.GetName()] = true
		if m.GetName() == "crm_job_duration_seconds" {
			p := m.GetHistogram().GetDataPoints()[0]
			if len(p.GetBucketCounts()) != len(p.GetExplicitBounds())+1 || p.GetCount() != 1 {
				t.Errorf("histogram: got %v, want one job in one of the buckets", p)
			}
		}
	}
	for _, want := range []string{"crm_job_duration_seconds", "crm_http_request_duration_seconds", "crm_store_commits_total", "crm_jobs", "go_goroutines"} {
		if !found[want] {
			t.Errorf("metrics: got %v, want %s", found, want)
		}
	}
}

func TestACollectorThatIsGoneHoldsNothingUp(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.serve("--otlp-endpoint=http://127.0.0.1:1")
	if _, err := h.caller(s).create("Ana"); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if got := s.log.String(); !strings.Contains(got, "not sent") {
		t.Errorf("log: got %s, want it to say what was not sent", got)
	}
}
