package meilitest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What no recording has is refused, not guessed.
func TestRefusesWhatWasNotRecorded(t *testing.T) {
	s := New(t, Options{Lenient: true, TaskDelay: time.Nanosecond})
	s.Put("people", "id", `[{"id": "1", "ws": "a", "w": ["ann"]}]`)
	s.ChangeSettings("people", `{"filterableAttributes": ["ws", "w"]}`)
	ask := func(method, path, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+MasterKey)
		r.Header.Set("Content-Type", "application/json")
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Body.Close() }()
		raw, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return a.StatusCode, string(raw)
	}
	if status, body := ask(http.MethodPost, "/indexes/people/search", `{"q": "", "filter": "ws = a AND w STARTS WITH an"}`); status != http.StatusOK || !strings.Contains(body, `"id":"1"`) {
		t.Errorf("a search that was recorded: got %d %s", status, body)
	}
	for name, request := range map[string][3]string{
		"a field of a search":        {http.MethodPost, "/indexes/people/search", `{"q": "", "shoe": 1}`},
		"a search for words":         {http.MethodPost, "/indexes/people/search", `{"q": "nobody recorded this"}`},
		"an operator":                {http.MethodPost, "/indexes/people/search", `{"q": "", "filter": "w CONTAINS nn"}`},
		"a parameter":                {http.MethodGet, "/indexes/people?shoe=1", ""},
		"a route":                    {http.MethodGet, "/indexes/people/synonyms", ""},
		"a field of a query of many": {http.MethodPost, "/multi-search", `{"queries": [{"indexUid": "people", "q": "", "distinct": "w"}]}`},
		"a field of settings":        {http.MethodPatch, "/indexes/people/settings", `{"shoe": 1}`},
	} {
		if status, body := ask(request[0], request[1], request[2]); status != http.StatusNotImplemented {
			t.Errorf("%s: got %d %.200s, want it refused", name, status, body)
		}
	}
}
