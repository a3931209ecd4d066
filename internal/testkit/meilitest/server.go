// Package meilitest is a stand-in for a Meilisearch server. It does what the
// adapter asks of one, held by a test against exchanges that were recorded with a
// real server 1.50, answers a recorded search with the recorded answer where it
// cannot do better, and refuses loudly whatever no recording has. Its tasks end
// later than they are answered, and it fails on demand.
package meilitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// MasterKey is the key that may do everything.
const MasterKey = "master-key-of-the-tests"

// Options are settings of a server. The zero value works.
type Options struct {
	// TaskDelay is how long a task waits before it ends. Default 2 milliseconds.
	TaskDelay time.Duration
	// PayloadLimit is the size of the largest body that is taken. Default 5 MB.
	PayloadLimit int
	// Version is what the server says it is. Default 1.50.0.
	Version string
	// NoStartsWith refuses the operator, as older versions do.
	NoStartsWith bool
	// Lenient has requests that nothing was recorded of refused without failing
	// the test: for tests of the refusing.
	Lenient bool
}

// Server is a stand-in. It is safe for parallel use.
type Server struct {
	// URL is the address.
	URL string

	t    testing.TB
	o    Options
	http *httptest.Server
	book *book

	mu      sync.Mutex
	indexes map[string]*index
	tasks   []*task
	keys    map[string]key
	faults  faults
	seen    []Request
}

// key is an API key: what it is good for, and on which indexes; "*" is all.
type key struct {
	actions, indexes []string
}

// Request is one that the server got.
type Request struct {
	Method, Path string
	Body         []byte
}

// faults are what goes wrong next.
type faults struct {
	down  bool
	held  bool
	delay time.Duration
	cuts  int
	// writes are the batches of documents whose answer is cut.
	writes  int
	answers []int
	tasks   []taskFault
}

type taskFault struct{ code, kind, message string }

// New starts a server, which ends with the test.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	if o.TaskDelay == 0 {
		o.TaskDelay = 2 * time.Millisecond
	}
	if o.PayloadLimit == 0 {
		o.PayloadLimit = 5 << 20
	}
	if o.Version == "" {
		o.Version = "1.50.0"
	}
	s := &Server{
		t: t, o: o, book: recordings(t), indexes: map[string]*index{},
		keys: map[string]key{MasterKey: {actions: []string{"*"}, indexes: []string{"*"}}},
	}
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL
	t.Cleanup(s.http.Close)
	return s
}

// AddKey adds an API key that is good for some actions on some indexes.
func (s *Server) AddKey(name string, actions, indexes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[name] = key{actions, indexes}
}

// SetDown has every connection cut until it is called again.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	s.faults.down = down
	s.mu.Unlock()
	if down {
		s.http.CloseClientConnections()
	}
}

// HoldTasks keeps tasks from ending until it is called again.
func (s *Server) HoldTasks(held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.held = held
}

// SetDelay has every answer wait.
func (s *Server) SetDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.delay = d
}

// CutNext cuts the next connections after the request was read.
func (s *Server) CutNext(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.cuts = n
}

// CutDocuments cuts the connections of the next batches of documents after they
// were read.
func (s *Server) CutDocuments(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.writes = n
}

// AnswerNext answers the next requests with these status codes and no body of
// Meilisearch's.
func (s *Server) AnswerNext(status ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.answers = append(s.faults.answers, status...)
}

// FailNextTasks fails the next n tasks of documents with an error of this code
// and type.
func (s *Server) FailNextTasks(n int, code, kind, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.faults.tasks = append(s.faults.tasks, taskFault{code, kind, message})
	}
}

// Requests returns what the server got, without the looks at tasks.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.seen...)
}

// DeleteIndex removes an index, as another program would.
func (s *Server) DeleteIndex(uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tasks { // A deletion is a task too, and comes after all others.
		t.due = time.Time{}
	}
	s.advance()
	delete(s.indexes, uid)
}

// Documents counts the documents of an index.
func (s *Server) Documents(uid string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	if x := s.indexes[uid]; x != nil {
		return len(x.docs)
	}
	return 0
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if !s.survive(w, r, body) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	a := s.answer(r, body)
	if a.refused != "" {
		if !s.o.Lenient {
			s.t.Errorf("meilitest: %s %s: %s\n%.400s", r.Method, r.URL, a.refused, body)
		}
		a = answer{status: http.StatusNotImplemented, body: apiError("meilitest: "+a.refused, "meilitest_refused", "internal")}
	}
	write(w, a)
}

// survive lets the faults happen that were asked for; false says that the
// request is answered.
func (s *Server) survive(w http.ResponseWriter, r *http.Request, body []byte) bool {
	s.mu.Lock()
	if r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, "/tasks/") {
		s.seen = append(s.seen, Request{r.Method, r.URL.Path, bytes.Clone(body)})
	}
	cut := s.faults.down
	if !cut && s.faults.cuts > 0 {
		s.faults.cuts--
		cut = true
	}
	if s.faults.writes > 0 && routeOf(r.Method, r.URL.Path) == "POST /indexes/*/documents" {
		s.faults.writes--
		cut = true
	}
	status := 0
	if !cut && len(s.faults.answers) > 0 {
		status, s.faults.answers = s.faults.answers[0], s.faults.answers[1:]
	}
	delay := s.faults.delay
	s.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return false
		}
	}
	switch {
	case cut:
		panic(http.ErrAbortHandler)
	case status != 0:
		w.WriteHeader(status)
		return false
	}
	return true
}

// answer is what a request gets.
type answer struct {
	status  int
	body    any
	refused string
}

func refuse(format string, args ...any) answer { return answer{refused: fmt.Sprintf(format, args...)} }

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

func write(w http.ResponseWriter, a answer) {
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	raw, err := json.Marshal(a.body)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(raw)
}

// apiError is the body of an error.
func apiError(message, code, kind string) map[string]any {
	return map[string]any{"message": message, "code": code, "type": kind, "link": "https://docs.meilisearch.com/errors#" + code}
}

func fail(status int, message, code string) answer {
	kind := "invalid_request"
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		kind = "auth"
	}
	return answer{status: status, body: apiError(message, code, kind)}
}

func noIndex(uid string) answer {
	return fail(http.StatusNotFound, "Index `"+uid+"` not found.", "index_not_found")
}

// Put writes documents, a JSON list, into an index as another program would.
func (s *Server) Put(uid, primaryKey, documents string) {
	s.t.Helper()
	var raws []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(documents), &raws); err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	if s.indexes[uid] == nil {
		s.indexes[uid] = newIndex(uid, primaryKey)
	}
	if failure := s.indexes[uid].put(raws); failure != nil {
		s.t.Fatal(failure)
	}
}

// ChangeSettings changes settings, a JSON object, as another program would.
func (s *Server) ChangeSettings(uid, settings string) {
	s.t.Helper()
	var change map[string]any
	if err := json.Unmarshal([]byte(settings), &change); err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	s.indexes[uid].set(change)
}
