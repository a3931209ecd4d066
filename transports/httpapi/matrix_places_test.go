package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// placesOf lists where the document takes a value that fits, beside paths:
// "operationId query name" and "operationId body member[].member".
func placesOf(t testing.TB, h http.Handler, fit func(name, format string) bool) []string {
	t.Helper()
	d := &places{fit: fit, document: documentOf(t, h)}
	for _, op := range operationsOf(d.document) {
		d.operation(op)
	}
	slices.Sort(d.found)
	return d.found
}

func documentOf(t testing.TB, h http.Handler) map[string]any {
	t.Helper()
	got := httptest.NewRecorder()
	h.ServeHTTP(got, httptest.NewRequest(http.MethodGet, "/api/v1/openapi.json", http.NoBody))
	var document map[string]any
	if err := json.Unmarshal(got.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

func operationsOf(document map[string]any) []map[string]any {
	var found []map[string]any
	paths, _ := document["paths"].(map[string]any)
	for _, methods := range paths {
		all, _ := methods.(map[string]any)
		for _, described := range all {
			if op, ok := described.(map[string]any); ok {
				found = append(found, op)
			}
		}
	}
	return found
}

// statusesOf lists the statuses that each route may answer by the document.
func statusesOf(t testing.TB, h http.Handler) map[string][]int {
	t.Helper()
	statuses := map[string][]int{}
	for _, op := range operationsOf(documentOf(t, h)) {
		id, _ := op["operationId"].(string)
		responses, _ := op["responses"].(map[string]any)
		for text := range responses {
			status, err := strconv.Atoi(text)
			if err != nil {
				t.Fatalf("%s: status %s", id, text)
			}
			statuses[id] = append(statuses[id], status)
		}
	}
	return statuses
}

type places struct {
	document map[string]any
	fit      func(name, format string) bool
	found    []string
}

func (d *places) operation(op map[string]any) {
	id, _ := op["operationId"].(string)
	parameters, _ := op["parameters"].([]any)
	for _, one := range parameters {
		p, _ := one.(map[string]any)
		name, _ := p["name"].(string)
		in, _ := p["in"].(string)
		if in != "path" {
			d.schema(id+" "+in+" "+name, name, p["schema"], 0)
		}
	}
	body, _ := op["requestBody"].(map[string]any)
	content, _ := body["content"].(map[string]any)
	for _, media := range content {
		m, _ := media.(map[string]any)
		d.schema(id+" body ", "", m["schema"], 0)
	}
}

// schema looks into a schema and what it is made of.
func (d *places) schema(place, name string, of any, depth int) {
	s, _ := of.(map[string]any)
	const deep = 10
	if s == nil || depth > deep {
		return
	}
	if ref, ok := s["$ref"].(string); ok {
		d.schema(place, name, d.resolve(ref), depth+1)
		return
	}
	format, _ := s["format"].(string)
	if d.fit(name, format) && !slices.Contains(d.found, place) {
		d.found = append(d.found, place)
	}
	d.schema(place+"[]", name, s["items"], depth+1)
	members, _ := s["properties"].(map[string]any)
	for member, schema := range members {
		dot := "."
		if strings.HasSuffix(place, " ") {
			dot = ""
		}
		d.schema(place+dot+member, member, schema, depth+1)
	}
	for _, word := range []string{"anyOf", "oneOf", "allOf"} {
		list, _ := s[word].([]any)
		for _, one := range list {
			d.schema(place, name, one, depth+1)
		}
	}
}

func (d *places) resolve(ref string) any {
	var at any = d.document
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		object, _ := at.(map[string]any)
		at = object[part]
	}
	return at
}
