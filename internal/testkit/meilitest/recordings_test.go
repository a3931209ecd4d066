package meilitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// beyond are the recorded requests that this stand-in does not stand in for, with
// the reason; all others it must answer as the real server did.
func beyond(e Exchange) string {
	route := routeOf(e.Request.Method, e.Request.Path)
	switch {
	case e.File == "09-vectors.json":
		return "vectors"
	case e.File == "07-keys.json", strings.HasPrefix(e.Request.Key, "tenant"):
		return "the making of keys and tokens"
	case e.Request.Key == "search":
		return "the making of keys and tokens"
	case route == "GET /stats":
		return "figures of the whole server"
	case route == "GET /indexes", strings.HasPrefix(route, "GET /tasks ") || route == "GET /tasks", route == "GET /batches":
		return "lists"
	case route == "POST /tasks/cancel", route == "DELETE /tasks", route == "POST /swap-indexes":
		return "tasks of tasks, and swapping"
	case route == "PUT /indexes/*/documents":
		return "merging documents"
	case route == "GET /indexes/*/documents", route == "POST /indexes/*/documents/fetch":
		return "lists of documents"
	case strings.HasSuffix(route, "/typo-tolerance"), route == "GET /indexes/*/search", route == "GET /nothing", route == "PUT /indexes/*/search":
		return "other routes"
	case e.Request.Text != "" && e.Name != "too large" && e.Name != "add", e.Request.ContentType != "" && e.Request.ContentType != "application/json", e.Name == "no content type":
		return "bodies that are no JSON"
	case e.File == "06-errors.json" && e.Response.Status == http.StatusBadRequest && !strings.HasPrefix(e.Name, "sort") && !strings.HasPrefix(e.Name, "filter on"):
		return "requests that the adapter cannot send"
	case strings.HasPrefix(e.Name, "settings, unknown"), strings.HasPrefix(e.Name, "settings, bad"):
		return "requests that the adapter cannot send"
	case e.File == "08-tasks-and-rebuild.json" && (strings.HasPrefix(e.Name, "after the swap") || strings.HasPrefix(e.Name, "read at once") || e.Name == "after the last task" || strings.HasPrefix(e.Name, "burst")):
		return "what swapping and merging made"
	case e.Name == "custom metadata" || e.Name == "custom metadata: its task":
		return "notes on tasks"
	case strings.HasPrefix(e.Request.Path, "/indexes/contacts-old"), strings.HasPrefix(e.Name, "delete an index: "):
		return "what swapping made"
	}
	return ""
}

// The stand-in answers every recorded exchange that it stands in for as the real
// server did.
func TestAnswersAsRecorded(t *testing.T) {
	s := New(t, Options{TaskDelay: time.Nanosecond, Lenient: true})
	tasks := map[string]string{} // recorded number: number here
	compared, left := 0, map[string]int{}
	for _, e := range Recordings(t) {
		why := beyond(e)
		if id, looked := strings.CutPrefix(e.Request.Path, "/tasks/"); looked && why == "" && e.Response.Status == http.StatusOK {
			here, sent := tasks[id]
			if !sent {
				left["tasks of requests that were left out"]++
				continue
			}
			e.Request.Path = "/tasks/" + here
		}
		if why != "" {
			left[why]++
			s.imitate(t, e)
			continue
		}
		status, body := s.send(t, e)
		noteTask(tasks, e.Response.Body, body)
		if status != e.Response.Status {
			t.Errorf("%s, %s: got status %d, want %d: %.300s", e.File, e.Name, status, e.Response.Status, body)
			continue
		}
		if d := cmp.Diff(steady(e.Response.Body), steady(body)); d != "" {
			t.Errorf("%s, %s: (-recorded +here)\n%.1500s", e.File, e.Name, d)
		}
		compared++
	}
	t.Logf("%d exchanges compared; left out: %v", compared, left)
	if compared < 270 {
		t.Errorf("got %d exchanges compared, want 270 or more: what is left out has grown", compared)
	}
}

// imitate brings the documents to where a request that is not stood in for has
// brought them on the real server.
func (s *Server) imitate(t *testing.T, e Exchange) {
	t.Helper()
	body := e.Request.Body
	merges := routeOf(e.Request.Method, e.Request.Path) == "PUT /indexes/*/documents" && !strings.HasPrefix(e.Name, "burst")
	if e.Name == "as lines" {
		body = []byte("[" + strings.ReplaceAll(strings.TrimSpace(e.Request.Text), "\n", ",") + "]")
	} else if !merges && e.Name != "custom metadata" {
		return
	}
	var raws []map[string]json.RawMessage
	if json.Unmarshal(body, &raws) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	x := s.indexes[strings.Split(e.Request.Path, "/")[2]]
	for i, raw := range raws {
		var id string
		_ = json.Unmarshal(raw["id"], &id)
		if old := x.docs[id]; old != nil && merges {
			raws[i] = maps.Clone(old.raw)
			maps.Copy(raws[i], raw)
		}
	}
	if failure := x.put(raws); failure != nil {
		t.Fatal(failure)
	}
}

func (s *Server) send(t *testing.T, e Exchange) (int, []byte) {
	t.Helper()
	query := url.Values{}
	for k, v := range e.Request.Query {
		query.Set(k, v)
	}
	body := []byte(e.Request.Body)
	if e.Name == "too large" {
		body = []byte(`[{"id":"big","notes":"` + strings.Repeat("x", 6_000_000) + `"}]`)
	}
	if e.Name == "add" && e.Request.Body == nil {
		body = documents(t)
	}
	r, err := http.NewRequestWithContext(t.Context(), e.Request.Method, s.URL+e.Request.Path+"?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	switch e.Request.Key {
	case "master":
		r.Header.Set("Authorization", "Bearer "+MasterKey)
	case "none":
	default:
		r.Header.Set("Authorization", "Bearer nobody-knows-this")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, raw
}

func documents(t *testing.T) []byte {
	t.Helper()
	raw, err := recorded.ReadFile("testdata/documents.json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func noteTask(tasks map[string]string, there, here []byte) {
	var a, b struct{ TaskUID *int }
	if json.Unmarshal(there, &a) == nil && json.Unmarshal(here, &b) == nil && a.TaskUID != nil && b.TaskUID != nil {
		tasks[fmt.Sprint(*a.TaskUID)] = fmt.Sprint(*b.TaskUID)
	}
}

// changing are the fields that differ from run to run and from server to server.
var changing = []string{
	"taskUid", "uid", "batchUid", "enqueuedAt", "startedAt", "finishedAt", "duration", "createdAt", "updatedAt", "requestUid",
	"processingTimeMs", "commitSha", "commitDate", "rawDocumentDbSize", "avgDocumentSize", "documentation",
}

var place = regexp.MustCompile(`(?s)( Available filterable attributes? patterns are:|\n\d+:\d+ ).*$`)

// steady returns a body without what changes.
func steady(raw []byte) any {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	if object, is := v.(map[string]any); is {
		for _, name := range changing {
			if _, there := object[name]; there {
				object[name] = "changes"
			}
		}
		if results, is := object["results"].([]any); is {
			for _, one := range results {
				if o, is := one.(map[string]any); is {
					delete(o, "requestUid")
					delete(o, "processingTimeMs")
				}
			}
		}
		for _, holder := range []any{object, object["error"]} {
			if o, is := holder.(map[string]any); is {
				if text, is := o["message"].(string); is {
					o["message"] = place.ReplaceAllString(text, "")
				}
			}
		}
	}
	return v
}
