package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// sse is one server-sent event.
type sse struct {
	id, event string
	data      map[string]any
}

func (e sse) subject() string {
	s, _ := e.data["subject"].(map[string]any)
	id, _ := s["id"].(string)
	return id
}

// listener is a client of GET /events over a real connection.
type listener struct {
	t      testing.TB
	answer *http.Response
	cancel context.CancelFunc
	events chan sse // closed at the end of the stream
	lastID string
}

// listen serves the API over real HTTP; what is open at the end is cut.
func (s *server) listen(t testing.TB) *httptest.Server {
	t.Helper()
	web := httptest.NewUnstartedServer(s.root)
	web.Config.WriteTimeout, web.Config.ReadTimeout = time.Second, time.Second // As an embedding program may have.
	web.Config.RegisterOnShutdown(s.app.EndStreams)
	web.Start()
	t.Cleanup(func() {
		s.app.EndStreams()
		web.CloseClientConnections()
		web.Close()
	})
	return web
}

// hear opens a stream; headers are pairs of name and value.
func hear(t testing.TB, web *httptest.Server, path, lastID string, headers ...string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, web.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := web.Client().Do(r) //nolint:bodyclose // The reader does.
	if err != nil {
		t.Fatalf("open stream: %v", err)
	}
	l := &listener{t: t, answer: answer, cancel: cancel, events: make(chan sse, 1_000)}
	var reading sync.WaitGroup
	reading.Go(l.read)
	t.Cleanup(func() { l.close(); reading.Wait() })
	return l
}

func (l *listener) close() {
	l.cancel()
	for range l.events { // Until the reader has gone.
		continue
	}
}

// read is a parser of event streams as the HTML standard has it, as far as we
// use them.
func (l *listener) read() {
	defer l.answer.Body.Close() //nolint:errcheck // It is read to its end.
	defer close(l.events)
	var e sse
	var data string
	lines := bufio.NewScanner(l.answer.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.event = value
		case "data":
			data = value
		case "": // What ends before this is no event: the stream was cut off in it.
			if data != "" {
				if err := json.Unmarshal([]byte(data), &e.data); err != nil {
					l.t.Errorf("data of an event: %v: %q", err, data)
				}
			}
			if e.id != "" || e.event != "" {
				l.events <- e
			}
			e, data = sse{}, ""
		}
	}
}

// next returns the next event with data, which must come soon.
func (l *listener) next() sse {
	l.t.Helper()
	for {
		e := l.any()
		if e.data != nil {
			return e
		}
	}
}

// any returns the next block of the stream, the first of which has only an id.
func (l *listener) any() sse {
	l.t.Helper()
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	select {
	case e, ok := <-l.events:
		if !ok {
			l.t.Fatal("the stream ended")
		}
		if e.id != "" {
			l.lastID = e.id
		}
		return e
	case <-timer.C:
		l.t.Fatal("no event came")
		return sse{}
	}
}

// ended waits for the end of the stream and returns how many events came before.
func (l *listener) ended() int {
	l.t.Helper()
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	for n := 0; ; {
		select {
		case e, ok := <-l.events:
			if !ok {
				return n
			}
			if e.data != nil {
				n++
			}
		case <-timer.C:
			l.t.Fatal("the stream did not end")
		}
	}
}

// open waits until the process has n streams.
func (s *server) openStreams(t testing.TB, n int) {
	t.Helper()
	s.wait(t, "/readyz", func(a answer) bool { return a.get("streams") == float64(n) })
}

func TestAStreamSendsWhatTheListShows(t *testing.T) {
	t.Parallel()
	s := setup(t)
	mux := http.NewServeMux()
	mux.Handle("/app/crm/", http.StripPrefix("/app/crm", s.handler))
	s.root, s.mount = mux, "/app/crm"
	web := s.listen(t)
	l := hear(t, web, "/app/crm/api/v1/events", "", "X-Test-Actor", "member")
	if got := l.answer.Header; l.answer.StatusCode != 200 || got.Get("Content-Type") != "text/event-stream" || got.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d, %v", l.answer.StatusCode, got)
	}
	if first := l.any(); first.id == "" || first.data != nil {
		t.Errorf("the first block: got %+v, want an id alone", first)
	}
	id := s.create(t, `{"displayName":"Ana\nLine"}`)
	e := l.next()
	list := s.send(t, http.MethodGet, "activity", "").want(200)
	if got, want := fmt.Sprint(e.data), fmt.Sprint(list.get("items.0")); e.event != "contact.created" || e.subject() != id || got != want {
		t.Errorf("got %s %s\nwant contact.created %s", e.event, got, want)
	}
	for _, c := range []struct {
		method, path, actor string
		code                int
	}{{"POST", "events", "owner", 405}, {"GET", "events?x=1", "owner", 400}, {"GET", "events?lastEventId=1", "owner", 400}, {"GET", "events", "writer", 403}, {"GET", "events", "nobody", 401}} {
		s.send(t, c.method, c.path, "", "X-Test-Actor", c.actor).want(c.code)
	}
}

func TestTheActivityList(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for n := range 12 {
		s.create(t, fmt.Sprintf(`{"displayName":"P%d"}`, n))
	}
	first := s.send(t, http.MethodGet, "activity?type=contact.created", "").want(200)
	if first.size("items") != 10 || first.get("items.0.subject.name") != "P11" || first.get("items.0.actor.kind") != "user" || first.get("items.0.batch") != nil {
		t.Errorf("got %s", first.body)
	}
	rest := s.send(t, http.MethodGet, "activity?type=contact.created&cursor="+first.text("nextCursor"), "").want(200)
	if rest.size("items") != 2 || rest.get("nextCursor") != nil {
		t.Errorf("got %s", rest.body)
	}
	one := s.send(t, http.MethodGet, "activity?contactId="+first.text("items.3.subject.id"), "").want(200)
	if one.size("items") != 1 || one.get("items.0.subject.name") != "P8" {
		t.Errorf("got %s", one.body)
	}
	if a := s.send(t, http.MethodGet, "activity?contactId="+first.text("items.3.subject.id"), "", "X-Test-Actor", "stranger").want(200); a.size("items") != 0 {
		t.Errorf("another workspace sees %s", a.body)
	}
	for query, field := range map[string]string{
		"limit=0": "limit", "limit=101": "limit", "limit=x": "limit", "cursor=x": "cursor", "contactId=x": "contactId", "page=1": "page",
		"type=" + strings.Repeat("x", 65): "type", "cursor=" + first.text("nextCursor"): "cursor",
	} {
		s.send(t, http.MethodGet, "activity?"+query, "").want(400, "invalid_query").wantField(field)
	}
	s.send(t, http.MethodGet, "activity", "", "X-Test-Actor", "writer").want(403, "forbidden")
	s.send(t, http.MethodGet, "activity?type=user.signed_in", "", "X-Test-Actor", "member").want(403, "forbidden")
	s.send(t, http.MethodGet, "activity", "", "X-Test-Actor", "viewer").want(200)
}

func TestAStreamThatCannotGoOnSaysSoAndStartsAfresh(t *testing.T) {
	t.Parallel()
	s := setup(t)
	web := s.listen(t)
	s.create(t, `{"displayName":"Ana"}`)
	epoch, _, _ := strings.Cut(hear(t, web, "/api/v1/events", "").any().id, "-")
	for id, want := range map[string]string{"forged": "unknown", epoch + "-999": "future", strings.Repeat("a", 32) + "-1": "epoch", epoch + "-1e3": "unknown"} {
		l := hear(t, web, "/api/v1/events", id)
		e := l.next()
		if e.event != "reset" || e.data["reason"] != want || e.id == "" {
			t.Errorf("Last-Event-ID %s: got %+v, want a reset because of %s", id, e, want)
		}
		made := s.create(t, `{"displayName":"Bo"}`)
		if got := l.next(); got.subject() != made {
			t.Errorf("after a reset: got %+v, want the create of %s", got, made)
		}
	}
}

// TestStreamsDuringAnImport listens with two browsers, whose connections are cut
// again and again, while an import writes many rows and somebody creates contacts.
func TestStreamsDuringAnImport(t *testing.T) {
	t.Parallel()
	rows, singles := 20_000, 100
	if os.Getenv("OMNICRM_SOAK") != "" {
		rows, singles = 100_000, 300
	}
	s := setup(t)
	web := s.listen(t)
	start := hear(t, web, "/api/v1/events", "").any().id
	var file strings.Builder
	file.WriteString("name,email\n")
	for n := range rows {
		fmt.Fprintf(&file, "Person %d,p%d@example.com\n", n, n)
	}
	imported := s.send(t, http.MethodPost, "imports?format=csv", file.String(), "Content-Type", "text/csv").want(201).text("id")
	s.wait(t, "imports/"+imported, func(a answer) bool { return a.text("status") == "ready" })

	var listening sync.WaitGroup
	heard := make([]map[string]int, 2)
	figures := make([]float64, 2)
	for n := range heard {
		heard[n] = map[string]int{}
		listening.Go(func() { figures[n] = listenOn(t, web, start, heard[n]) })
	}
	job := s.send(t, http.MethodPost, "imports/"+imported+"/commit", "").want(202).text("id")
	var made []string
	for n := range singles {
		made = append(made, s.create(t, fmt.Sprintf(`{"displayName":"Single %d"}`, n)))
	}
	s.waitJob(t, job)
	s.create(t, `{"displayName":"The end"}`)
	listening.Wait()
	for n := range heard {
		for _, id := range made {
			if heard[n][id] != 1 {
				t.Errorf("browser %d heard of the create of %s %d times, want once", n, id, heard[n][id])
			}
		}
		if figures[n] != float64(rows) {
			t.Errorf("browser %d: the import's last figure was %v, want %d", n, figures[n], rows)
		}
	}
}

// listenOn hears until the end, coming back after every few events, and returns
// the last figure of the import.
func listenOn(t *testing.T, web *httptest.Server, lastID string, heard map[string]int) (figure float64) {
	for {
		l := hear(t, web, "/api/v1/events", lastID)
		for range 8 {
			e, ok := <-l.events
			if !ok {
				break // Cut off by the server: come back like a browser.
			}
			if e.id != "" {
				lastID = e.id
			}
			subject, _ := e.data["subject"].(map[string]any)
			if subject["name"] == "The end" {
				l.close()
				return figure
			}
			if e.event != "contact.created" {
				continue
			}
			heard[e.subject()]++
			if batch, ok := e.data["batch"].(map[string]any); ok {
				counts, _ := batch["counts"].(map[string]any)
				figure, _ = counts["contact.created"].(float64)
			}
		}
		l.close()
	}
}

func TestStreamsEndWhenTheRightsAreGone(t *testing.T) {
	t.Parallel()
	s := setupIdentity(t, func(o *httpapi.Options) { o.StreamCheck = 20 * time.Millisecond })
	web := s.listen(t)
	home := s.signUp(t, "home@example.com", "Home")
	key := s.send(t, http.MethodPost, "api-keys", `{}`, home.headers()...).want(201)
	byKey := []string{"Authorization", "Bearer " + key.text("key")}
	bySession := hear(t, web, "/api/v1/events", "", home.headers()...)
	withKey, stays := hear(t, web, "/api/v1/events", "", byKey...), hear(t, web, "/api/v1/events", "", home.headers()...)
	other := s.send(t, http.MethodPost, "api-keys", `{}`, home.headers()...).want(201).text("key")
	s.create(t, `{"displayName":"Zoe"}`, home.headers()...)
	for _, l := range []*listener{bySession, withKey, stays} { // They are alive.
		for e := l.next(); e.event != "contact.created"; e = l.next() {
			continue
		}
	}
	s.send(t, http.MethodDelete, "api-keys/"+key.text("id"), "", home.headers()...).want(204)
	withKey.ended()
	s.create(t, `{"displayName":"Ana"}`, home.headers()...)
	for e := stays.next(); e.event != "contact.created"; e = stays.next() {
		continue
	}
	s.send(t, http.MethodPost, "auth/logout", "", home.headers()...).want(204)
	bySession.ended()
	stays.ended()
	s.create(t, `{"displayName":"Bo"}`, "Authorization", "Bearer "+other)
	s.openStreams(t, 0)
	hear(t, web, "/api/v1/events", "", byKey...).ended() // Refused.
}

func TestAStreamSaysThatItIsAlive(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.StreamCheck = 100 * time.Millisecond })
	web := s.listen(t)
	answer, err := web.Client().Get(web.URL + "/api/v1/events") //nolint:noctx // It is cut at the end.
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // The server ends it.
	comments := 0
	for lines := bufio.NewScanner(answer.Body); comments < 20 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), ":") {
			comments++
		}
	}
	if comments < 20 { // Longer than the server's limits for requests and answers.
		t.Errorf("got %d comments, want 20", comments)
	}
}

func TestStreamsOfOtherWorkspaces(t *testing.T) {
	t.Parallel()
	s := setup(t)
	web := s.listen(t)
	theirs := hear(t, web, "/api/v1/events", "", "X-Test-Actor", "stranger")
	start := theirs.any().id
	for n := range 20 {
		s.create(t, fmt.Sprintf(`{"displayName":"Secret %d"}`, n))
	}
	again := hear(t, web, "/api/v1/events", start, "X-Test-Actor", "stranger")
	own := s.create(t, `{"displayName":"Own"}`, "X-Test-Actor", "stranger")
	for _, l := range []*listener{theirs, again} {
		if e := l.next(); e.subject() != own {
			t.Errorf("got %+v, want the own contact first", e)
		}
	}
}

// TestAClientThatReadsNothingIsDropped fills the connection of one that does not
// read, and sees that others go on and that it can come back.
func TestAClientThatReadsNothingIsDropped(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.StreamPatience = 300 * time.Millisecond })
	web := s.listen(t)
	quick := hear(t, web, "/api/v1/events", "")
	quick.any()
	conn, err := net.Dial("tcp", web.Listener.Addr().String()) //nolint:noctx // To a listener of our own.
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // It is given up.
	if err := conn.(*net.TCPConn).SetReadBuffer(4_096); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	s.openStreams(t, 2)
	var batch strings.Builder
	for n := range 1_000 {
		fmt.Fprintf(&batch, `,{"displayName":"%d %s"}`, n, strings.Repeat("x", 150))
	}
	body, made, seen := `{"mode":"create","contacts":[`+batch.String()[1:]+`]}`, 0, 0
	dropped := func() bool { return s.send(t, http.MethodGet, "/readyz", "").want(200).get("streams") == 1.0 }
	for made < 30_000 && !dropped() {
		s.send(t, http.MethodPost, "contacts/batch", body).want(200)
		for made += 1_000; seen < made; seen++ {
			quick.next()
		}
	}
	s.openStreams(t, 1)
	last := s.create(t, `{"displayName":"Last"}`)
	if e := quick.next(); e.subject() != last {
		t.Errorf("got %+v, want the last contact", e)
	}
}

func TestAThousandStreams(t *testing.T) {
	t.Parallel()
	s := setup(t)
	web := s.listen(t)
	const n = 1_000
	all := make([]*listener, n)
	for i := range all {
		all[i] = hear(t, web, "/api/v1/events", "")
	}
	s.openStreams(t, n)
	for round := range 3 {
		made := s.create(t, fmt.Sprintf(`{"displayName":"P%d"}`, round))
		for i, l := range all {
			if e := l.next(); e.subject() != made {
				t.Fatalf("stream %d: got %+v, want %s", i, e, made)
			}
		}
	}
	s.app.EndStreams()
	for _, l := range all {
		l.ended()
	}
	s.send(t, http.MethodGet, "events", "").want(503, "unavailable")
}

func TestTheEndOfAServerEndsItsStreamsAtOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	web := s.listen(t)
	l := hear(t, web, "/api/v1/events", "")
	l.any()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := web.Config.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	l.ended()
}
