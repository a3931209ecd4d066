package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/adapters/vcard"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/internal/testkit/teststore"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// server is a handler over a CRM on a store of its own.
type server struct {
	store    teststore.Store
	app      *crm.CRM
	identity *identity.Identity
	handler  *httpapi.Handler
	log      *lockedBuffer
	contract validator.Validator
	// mount is the path the handler is seen under.
	mount string
	root  http.Handler
}

// The actors that the host's own sign-in of these tests knows, by the value of
// the header X-Test-Actor; without the header it is the owner.
func actors() map[string]crm.Actor {
	home, away := crm.WorkspaceID(crm.NamedID("home")), crm.WorkspaceID(crm.NamedID("away"))
	all := map[string]crm.Actor{
		"stranger": {Workspace: away, User: crm.NamedID("stranger"), Name: "Stranger", Role: crm.RoleOwner},
		"reader":   {Workspace: home, User: crm.NamedID("reader"), Role: crm.RoleOwner, Scopes: []crm.Scope{crm.ScopeContactsRead}, Kind: crm.ActorKey},
	}
	all["writer"] = crm.Actor{Workspace: home, User: crm.NamedID("writer"), Role: crm.RoleOwner, Scopes: []crm.Scope{crm.ScopeContactsWrite}, Kind: crm.ActorKey}
	for _, role := range crm.Roles() {
		all[string(role)] = crm.Actor{Workspace: home, User: crm.NamedID(string(role)), Name: string(role), Role: role}
	}
	return all
}

func whoIsCalling(r *http.Request) (crm.Actor, error) {
	name := r.Header.Get("X-Test-Actor")
	if name == "" {
		name = "owner"
	}
	actor, ok := actors()[name]
	if !ok {
		return crm.Actor{}, crm.ErrUnauthenticated
	}
	return actor, nil
}

// setup returns a server whose callers are the actors above.
func setup(t testing.TB, change ...func(*httpapi.Options)) *server {
	t.Helper()
	o := httpapi.Options{ActorFunc: whoIsCalling, RateLimit: -1}
	return open(t, func(s *server) httpapi.Options {
		for _, f := range change {
			f(&o)
		}
		return o
	})
}

// setupIdentity returns a server with sign-in.
func setupIdentity(t testing.TB, change ...func(*httpapi.Options)) *server {
	t.Helper()
	return open(t, func(s *server) httpapi.Options {
		o := httpapi.Options{Identity: s.identity, RateLimit: -1}
		for _, f := range change {
			f(&o)
		}
		return o
	})
}

// setupStill is setup without anything that works in the background: no jobs,
// and no readers of the log that change scores and links a moment later.
func setupStill(t testing.TB) *server {
	t.Helper()
	return openStill(t, func(*server) httpapi.Options { return httpapi.Options{ActorFunc: whoIsCalling, RateLimit: -1} })
}

func open(t testing.TB, options func(*server) httpapi.Options) *server {
	t.Helper()
	s := openStill(t, options)
	if err := errors.Join(s.app.Jobs.Register("host_kind", hostJob, crm.JobOptions{}), s.app.Start(context.Background())); err != nil {
		t.Fatal(err)
	}
	return s
}

func openStill(t testing.TB, options func(*server) httpapi.Options) *server {
	t.Helper()
	s := &server{log: &lockedBuffer{}}
	logger := slog.New(slog.NewTextHandler(s.log, nil))
	var err error
	if s.store, err = teststore.Open(t); err != nil {
		t.Fatal(err)
	}
	if s.app, err = crm.New(crm.Config{Store: s.store, Formats: []crm.Format{csv.New(), vcard.New()}, Logger: logger, Version: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.app.Close(), s.store.Close()); err != nil {
			t.Error(err)
		}
	})
	if s.identity, err = identity.New(identity.Config{Store: s.store, Logger: logger}); err != nil {
		t.Fatal(err)
	}
	o := options(s)
	o.Logger = logger
	if s.handler, err = httpapi.New(s.app, o); err != nil {
		t.Fatal(err)
	}
	s.root = s.handler
	s.contract = contractOf(t, s.handler, o)
	return s
}

// contractOf reads the handler's own document.
func contractOf(t testing.TB, h http.Handler, o httpapi.Options) validator.Validator {
	t.Helper()
	if o.ActorFunc == nil && o.Identity == nil {
		return nil
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/openapi.json", nil))
	doc, err := libopenapi.NewDocument(w.Body.Bytes())
	if err != nil {
		t.Fatalf("read the OpenAPI document: %v", err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatalf("read the OpenAPI document: %v", errs)
	}
	return v
}

// lockedBuffer is a log that goroutines share.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// answer is what came back.
type answer struct {
	t      testing.TB
	what   string
	code   int
	header http.Header
	body   string
}

// send makes a request; headers are pairs of name and value. A path that does
// not begin with a slash is under the API's root. Every answer of a known route
// must be as the document says.
func (s *server) send(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, s.url(path), strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.sendRequest(t, r)
}

func (s *server) url(path string) string {
	if !strings.HasPrefix(path, "/") {
		path = "/api/v1/" + path
	}
	return s.mount + path
}

func (s *server) sendRequest(t testing.TB, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	s.root.ServeHTTP(w, r)
	a := answer{t: t, what: r.Method + " " + r.URL.Path, code: w.Code, header: w.Header(), body: w.Body.String()}
	s.checkContract(t, r, a)
	return a
}

// checkContract compares the answer with the document, and with what every
// answer must have.
func (s *server) checkContract(t testing.TB, r *http.Request, a answer) {
	t.Helper()
	for _, name := range []string{"X-Request-Id", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy", "Content-Security-Policy", "X-Frame-Options"} {
		if a.header.Get(name) == "" {
			t.Errorf("%s: no header %s", a.what, name)
		}
	}
	if length := a.header.Get("Content-Length"); length != "" && r.Method != http.MethodHead && length != strconv.Itoa(len(a.body)) {
		t.Errorf("%s: Content-Length %s for %d bytes", a.what, length, len(a.body))
	}
	if a.code >= 400 {
		a.checkProblem(t, r.Method)
	}
	if s.contract == nil || r.Method == http.MethodHead || a.code == http.StatusMethodNotAllowed || s.mount != "" || !s.knows(r) {
		return
	}
	ok, errs := s.contract.ValidateHttpResponse(r, &http.Response{
		StatusCode: a.code, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	})
	if !ok {
		for _, err := range errs {
			t.Errorf("%s answered %d, which breaks the document: %s (%s) %v", a.what, a.code, err.Message, err.Reason, err.SchemaValidationErrors)
		}
		t.Errorf("%s: the answer was %s", a.what, a.body)
	}
}

// knows reports whether a route has the path: others answer 404 by themselves.
func (s *server) knows(r *http.Request) bool {
	for _, route := range routesOf(s.handler) {
		method, pattern, _ := strings.Cut(route, " ")
		if method != r.Method {
			continue
		}
		got, want := strings.Split(r.URL.Path, "/"), strings.Split(pattern, "/")
		same := len(got) == len(want)
		for i := 0; same && i < len(got); i++ {
			same = got[i] == want[i] || strings.HasPrefix(want[i], "{")
		}
		if same {
			return true
		}
	}
	return false
}

func (a answer) checkProblem(t testing.TB, method string) {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/problem+json" && !strings.Contains(a.what, "readyz") {
		t.Errorf("%s: content type of a problem: %s", a.what, got)
	}
	if method == http.MethodHead || strings.Contains(a.what, "readyz") {
		return
	}
	if got, want := a.get("requestId"), a.header.Get("X-Request-Id"); got != want {
		t.Errorf("%s: requestId %v, header %s", a.what, got, want)
	}
}

// json reads the body.
func (a answer) json() any {
	a.t.Helper()
	var v any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		a.t.Fatalf("%s answered %d, not JSON: %v: %q", a.what, a.code, err, a.body)
	}
	return v
}

// get returns the value at a path such as "items.0.id", nil where there is none.
func (a answer) get(path string) any {
	a.t.Helper()
	v := a.json()
	for key := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

func (a answer) text(path string) string {
	a.t.Helper()
	s, ok := a.get(path).(string)
	if !ok {
		a.t.Fatalf("%s: %s is no text in %s", a.what, path, a.body)
	}
	return s
}

func (a answer) size(path string) int {
	a.t.Helper()
	list, ok := a.get(path).([]any)
	if !ok {
		a.t.Fatalf("%s: %s is no list in %s", a.what, path, a.body)
	}
	return len(list)
}

// want checks the status and, for errors, the code.
func (a answer) want(code int, problem ...string) answer {
	a.t.Helper()
	if a.code != code {
		a.t.Fatalf("%s: got %d, want %d: %s", a.what, a.code, code, a.body)
	}
	if len(problem) > 0 {
		if got := a.text("code"); got != problem[0] {
			a.t.Fatalf("%s: got code %s, want %s: %s", a.what, got, problem[0], a.body)
		}
	}
	return a
}

// wantField checks that the errors name the field.
func (a answer) wantField(field string) answer {
	a.t.Helper()
	errs, _ := a.get("errors").([]any)
	var fields []string
	for _, e := range errs {
		object, _ := e.(map[string]any)
		name, _ := object["field"].(string)
		if name == field {
			return a
		}
		fields = append(fields, name)
	}
	a.t.Errorf("%s: errors name %v, want %s: %s", a.what, fields, field, a.body)
	return a
}

// create makes a contact and returns its id.
func (s *server) create(t testing.TB, body string, headers ...string) string {
	t.Helper()
	return s.send(t, http.MethodPost, "contacts", body, headers...).want(201).text("id")
}

// wait repeats a request until done says so.
func (s *server) wait(t testing.TB, path string, done func(answer) bool) answer {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		a := s.send(t, http.MethodGet, path, "").want(200)
		if done(a) {
			return a
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not get there: %s", path, a.body)
		}
		time.Sleep(5 * time.Millisecond) // Between two looks at a condition.
	}
}

func (s *server) waitJob(t testing.TB, id string) answer {
	t.Helper()
	return s.wait(t, "jobs/"+id, func(a answer) bool {
		return crm.JobStatus(a.text("status")).Final()
	})
}

// routesOf lists "METHOD /path" of everything a handler documents.
func routesOf(h http.Handler) []string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/openapi.json", nil))
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		return nil
	}
	var routes []string
	for path, methods := range doc.Paths {
		for method := range methods {
			routes = append(routes, strings.ToUpper(method)+" "+path)
		}
	}
	return routes
}
