package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// FuzzETags: any If-Match is a list of versions or a *ValidationError; a tag of ours
// is understood in it, and in If-None-Match.
func FuzzETags(f *testing.F) {
	for _, seed := range []string{"*", `"1"`, `W/"1"`, `"1", "2"`, `"`, "", `"-1"`, `"01"`, `"99999999999999999999"`, `,`, `"a,b"`, "\xff", `*, "3"`} {
		f.Add(seed, int64(1))
	}
	f.Fuzz(func(t *testing.T, header string, version int64) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["If-Match"] = []string{header}
		r.Header["If-None-Match"] = []string{header}
		c := &call{r: r, w: &answer{ResponseWriter: httptest.NewRecorder(), routed: true}, op: &operation{method: http.MethodGet}}
		got, err := c.ifMatch()
		if err != nil {
			mustNameField(t, err)
		}
		for _, n := range got.versions {
			if n <= 0 || !strings.Contains(header, etag(n)) {
				t.Fatalf("%q: got the version %d", header, n)
			}
		}
		if c.fresh(version) && !strings.Contains(header, "*") && !strings.Contains(header, etag(version)) {
			t.Fatalf("%q: names the version %d", header, version)
		}
		if version <= 0 || err != nil {
			return
		}
		r.Header.Add("If-Match", etag(version))
		if again, err := c.ifMatch(); err != nil || !slices.Contains(again.versions, version) {
			t.Fatalf("%q and %s: got %+v (%v)", header, etag(version), again, err)
		}
	})
}

// FuzzAcceptance: no Accept header gives a quality outside of 0 to 1, and one that
// takes everything by name takes each.
func FuzzAcceptance(f *testing.F) {
	for _, seed := range []string{"", "*/*", "text/csv;q=0.5, application/json", "text/*;q=NaN", "a/b;q=1e309", "text/csv;q=-1", ",,;", "\xff", "text/csv; q=\"1\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		for _, media := range []string{mediaCSV, mediaJSON} {
			if q := acceptance(header, media); !(q >= 0 && q <= 1) {
				t.Fatalf("%q takes %s with %v", header, media, q)
			}
			if q := acceptance(media+","+header, media); q == 0 && !strings.Contains(header, "q") && !strings.Contains(header, "Q") {
				t.Fatalf("%q does not take %s", media+","+header, media)
			}
		}
	})
}

// FuzzFilterBody: a filter that the schema accepts is one for the domain, or a
// *ValidationError.
func FuzzFilterBody(f *testing.F) {
	for _, seed := range []string{
		`{"search":"x"}`, `{"stage":"lead","tag":["a","b"],"tagMode":"all"}`, `{"createdAtFilter":{"mode":"range","from":"2026-01-01","to":"2025-01-01"},"tz":"Europe/Berlin"}`,
		`{"fields":{"a":"b"},"field.c":"d","trash":true}`, `{"hasEmail":null}`, `{"source":[]}`, `{"updatedAtFilter":{"mode":"any","from":"x"}}`, `{"tz":"Local"}`, `{"field.":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	registry := newRegistry()
	schema := registry.Schema(typeOf[filterInput](), true, "")
	tidySchemas(registry)
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := parseJSON(data)
		if err == nil {
			err = checkSchema(registry, schema, tree, "")
		}
		if err != nil {
			mustNameField(t, err)
			return
		}
		var in filterInput
		if err := json.Unmarshal(data, &in); err != nil {
			t.Fatalf("the schema accepts what cannot be decoded: %v", err)
		}
	})
}

// FuzzMapping: a mapping that is accepted has the columns that its JSON lists.
func FuzzMapping(f *testing.F) {
	for _, seed := range []string{`[]`, `[{"column":"Name","target":"displayName"}]`, `null`, `{}`, `[{"column":1}]`, `[{"column":"a","target":"b","sample":"c"},{"column":"a","target":""}]`, `[`, `"x"`, `[null]`} {
		f.Add(seed)
	}
	h := &Handler{registry: newRegistry()}
	h.registry.Schema(typeOf[commitInput](), true, "")
	tidySchemas(h.registry)
	f.Fuzz(func(t *testing.T, text string) {
		columns, err := h.parseMapping(text)
		if err != nil {
			if !errors.Is(err, crm.ErrInvalid) {
				t.Fatal(err)
			}
			mustNameField(t, err)
			return
		}
		var want []struct{ Column, Target string }
		if err := json.Unmarshal([]byte(text), &want); err != nil || len(want) != len(columns) {
			t.Fatalf("%q: got %d columns, want %d (%v)", text, len(columns), len(want), err)
		}
	})
}
