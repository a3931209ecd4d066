package meilitest

import (
	"embed"
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

//go:embed testdata
var recorded embed.FS

// Exchange is one request to a real server and its answer.
type Exchange struct {
	Name    string `json:"name"`
	Via     string `json:"via"`
	Request struct {
		Method      string            `json:"method"`
		Path        string            `json:"path"`
		Query       map[string]string `json:"query"`
		Key         string            `json:"key"`
		ContentType string            `json:"contentType"`
		Body        json.RawMessage   `json:"body"`
		Text        string            `json:"text"`
	} `json:"request"`
	Response struct {
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body"`
		Text   string          `json:"text"`
	} `json:"response"`

	// File is where it was recorded.
	File string `json:"-"`
}

// book is what the recordings teach: the exchanges in order, and which fields
// and parameters each route was seen with.
type book struct {
	exchanges []Exchange
	fields    map[string]map[string]bool
	params    map[string]map[string]bool
}

var read = sync.OnceValues(func() (*book, error) {
	b := &book{fields: map[string]map[string]bool{}, params: map[string]map[string]bool{}}
	files, err := fs.Glob(recorded, "testdata/[0-9]*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(slices.Values(files)) {
		raw, err := recorded.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var all []Exchange
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, err
		}
		for _, e := range all {
			e.File = strings.TrimPrefix(name, "testdata/")
			b.exchanges = append(b.exchanges, e)
			b.learn(e)
		}
	}
	return b, nil
})

func recordings(t testing.TB) *book {
	t.Helper()
	b, err := read()
	if err != nil {
		t.Fatalf("read the recordings: %v", err)
	}
	return b
}

// Recordings returns the recorded exchanges in their order.
func Recordings(t testing.TB) []Exchange {
	t.Helper()
	return slices.Clone(recordings(t).exchanges)
}

// learn notes the shape of a request that was answered well, and of the settings
// that were read.
func (b *book) learn(e Exchange) {
	if e.Response.Status >= 300 {
		return
	}
	route := routeOf(e.Request.Method, e.Request.Path)
	for name := range e.Request.Query {
		note(b.params, route, name)
	}
	for _, name := range fieldsOf(e.Request.Body) {
		note(b.fields, route, name)
	}
	if route == "GET /indexes/*/settings" {
		for _, name := range fieldsOf(e.Response.Body) {
			note(b.fields, "PATCH /indexes/*/settings", name)
		}
	}
	if route == "POST /multi-search" {
		for _, q := range queriesOf(e.Request.Body) {
			for _, name := range fieldsOf(q) {
				note(b.fields, route+" query", name)
			}
		}
	}
}

func note(all map[string]map[string]bool, route, name string) {
	if all[route] == nil {
		all[route] = map[string]bool{}
	}
	all[route][name] = true
}

func fieldsOf(body json.RawMessage) []string {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(object))
}

func queriesOf(body json.RawMessage) []json.RawMessage {
	var many struct {
		Queries []json.RawMessage `json:"queries"`
	}
	if json.Unmarshal(body, &many) != nil {
		return nil
	}
	return many.Queries
}

var (
	indexPath    = regexp.MustCompile(`^/indexes/[^/]+`)
	documentPath = regexp.MustCompile(`^/indexes/\*/documents/([^/]+)$`)
	taskPath     = regexp.MustCompile(`^/tasks/[0-9]+$`)
)

// routeOf is a request's method and path without its names.
func routeOf(method, path string) string {
	path = indexPath.ReplaceAllString(path, "/indexes/*")
	if m := documentPath.FindStringSubmatch(path); m != nil {
		switch m[1] {
		case "delete-batch", "delete", "fetch":
		default:
			path = "/indexes/*/documents/*"
		}
	}
	return method + " " + taskPath.ReplaceAllString(path, "/tasks/*")
}

// unknown returns what of a request no recording has, or "".
func (b *book) unknown(route string, params map[string][]string, body []byte) string {
	for name := range params {
		if !b.params[route][name] {
			return "no recording of it has the parameter " + name
		}
	}
	for _, name := range fieldsOf(body) {
		if !b.fields[route][name] {
			return "no recording of it has the field " + name
		}
	}
	if route == "POST /multi-search" {
		for _, q := range queriesOf(body) {
			for _, name := range fieldsOf(q) {
				if !b.fields[route+" query"][name] && !b.fields["POST /indexes/*/search"][name] {
					return "no recording of a search has the field " + name
				}
			}
		}
	}
	return ""
}

// replay returns the recorded answer to a search that was recorded word by word.
func (b *book) replay(method, path string, body []byte) (answer, bool) {
	want := canonical(body)
	for _, e := range b.exchanges {
		if e.Request.Method == method && e.Request.Path == path && e.Request.Key == "master" && e.Response.Body != nil && canonical(e.Request.Body) == want {
			return answer{status: e.Response.Status, body: e.Response.Body}, true
		}
	}
	return answer{}, false
}

func canonical(body []byte) string {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return string(body)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(body)
	}
	return string(out)
}
