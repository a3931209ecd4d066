package apifuzz

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// schema is a JSON schema as the document writes it.
type schema map[string]any

// document is what the fuzzer reads of an OpenAPI document.
type document struct {
	root       schema
	operations []*operation
	methods    map[string][]string // by path
	// collections are the parts of paths that an id follows.
	collections map[string]bool
}

// operation is one method of one path.
type operation struct {
	id, method, path string
	secured          bool
	parameters       []parameter
	body             map[string]schema // by media type, nil for bytes
	bodyRequired     bool
	answers          map[int]map[string]schema // by status and media type
}

type parameter struct {
	name, in string
	schema   schema
}

// readDocument lists the operations by path and method, so that a seed means the
// same in every run.
func readDocument(text []byte) (*document, error) {
	d := &document{methods: map[string][]string{}, collections: map[string]bool{}}
	if err := json.Unmarshal(text, &d.root); err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w", err)
	}
	paths := d.root.child("paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := paths.child(path)
		parts := strings.Split(path, "/")
		for i, part := range parts {
			if i > 0 && strings.HasPrefix(part, "{") {
				d.collections[parts[i-1]] = true
			}
		}
		for _, method := range slices.Sorted(maps.Keys(item)) {
			op := readOperation(strings.ToUpper(method), path, item.child(method))
			d.operations = append(d.operations, op)
			d.methods[path] = append(d.methods[path], op.method)
		}
	}
	if len(d.operations) == 0 {
		return nil, fmt.Errorf("read OpenAPI document: no operations")
	}
	return d, nil
}

func readOperation(method, path string, s schema) *operation {
	op := &operation{id: s.text("operationId"), method: method, path: path, answers: map[int]map[string]schema{}}
	security, _ := s["security"].([]any)
	op.secured = len(security) > 0
	list, _ := s["parameters"].([]any)
	for _, item := range list {
		p := asSchema(item)
		op.parameters = append(op.parameters, parameter{name: p.text("name"), in: p.text("in"), schema: p.child("schema")})
	}
	if body := s.child("requestBody"); body != nil {
		op.bodyRequired, _ = body["required"].(bool)
		op.body = media(body)
	}
	answers := s.child("responses")
	for status := range answers {
		if code, err := strconv.Atoi(status); err == nil {
			op.answers[code] = media(answers.child(status))
		}
	}
	return op
}

func media(s schema) map[string]schema {
	content := s.child("content")
	byType := make(map[string]schema, len(content))
	for name := range content {
		byType[name] = content.child(name).child("schema")
	}
	return byType
}

// find returns the operation with the id, or nil.
func (d *document) find(id string) *operation {
	for _, op := range d.operations {
		if op.id == id {
			return op
		}
	}
	return nil
}

// resolve follows a reference.
func (d *document) resolve(s schema) schema {
	for s.text("$ref") != "" {
		at := d.root
		for part := range strings.SplitSeq(strings.TrimPrefix(s.text("$ref"), "#/"), "/") {
			at = at.child(part)
		}
		s = at
	}
	return s
}

// parts are the schemas that describe one value: the alternatives of a oneOf,
// else the schema itself.
func (d *document) parts(s schema) []schema {
	s = d.resolve(s)
	alternatives, _ := s["oneOf"].([]any)
	if len(alternatives) == 0 {
		return []schema{s}
	}
	var parts []schema
	for _, a := range alternatives {
		parts = append(parts, d.parts(asSchema(a))...)
	}
	return parts
}

// noun is the collection that the operation's records lie in: the last fixed
// part of its path that some path has records of, else its last part.
func (d *document) noun(o *operation) string {
	parts := strings.Split(strings.Trim(o.path, "/"), "/")
	for _, part := range slices.Backward(parts) {
		if d.collections[part] {
			return part
		}
	}
	return parts[len(parts)-1]
}

// streams reports whether an answer goes on without an end.
func (o *operation) streams() bool {
	_, ok := o.answers[http.StatusOK]["text/event-stream"]
	return ok
}

// uploads reports whether the operation takes files.
func (o *operation) uploads() bool {
	_, ok := o.body["multipart/form-data"]
	return ok
}

func (o *operation) unsafe() bool { return o.method != http.MethodGet }

func asSchema(v any) schema {
	m, _ := v.(map[string]any)
	return m
}

func (s schema) child(name string) schema { return asSchema(s[name]) }

func (s schema) text(name string) string {
	text, _ := s[name].(string)
	return text
}

// number returns a limit of the schema, or absent.
func (s schema) number(name string, absent int) int {
	if n, ok := s[name].(float64); ok {
		return int(n)
	}
	return absent
}

// types lists what a value may be.
func (s schema) types() []string {
	switch t := s["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var list []string
		for _, item := range t {
			if name, ok := item.(string); ok {
				list = append(list, name)
			}
		}
		return list
	}
	return nil
}
