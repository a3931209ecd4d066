package apifuzz

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// maxKept bounds what is remembered of one kind; the oldest goes first.
const maxKept = 40

// pool is what earlier answers taught.
type pool struct {
	known map[string][]string
	// seen tells who was shown an id.
	seen map[string]*caller
	// pages are the lists that went on, by the operation.
	pages map[string][]listPage
	// reader is whose answer is taken in.
	reader *caller
}

// listPage is a question and where its answer went on.
type listPage struct {
	path   string
	query  []string // without a cursor
	cursor string
	caller *caller
}

func (p *pool) addPage(req *request, cursor string) {
	query := slices.DeleteFunc(slices.Clone(req.query), func(s string) bool { return strings.HasPrefix(s, "cursor=") })
	list := append(p.pages[req.op.id], listPage{req.path, query, cursor, req.caller})
	p.pages[req.op.id] = list[max(len(list)-maxKept, 0):]
}

// add remembers a value of a kind, such as an id of "contacts".
func (p *pool) add(kind, value string) {
	p.seen[value] = p.reader
	list := p.known[kind]
	if slices.Contains(list, value) {
		return
	}
	if list = append(list, value); len(list) > maxKept {
		list = list[1:]
	}
	p.known[kind] = list
}

// pick returns one of the kind, the later ones more often, or "".
func (p *pool) pick(r *rand.Rand, kind string) string {
	list := p.known[kind]
	if len(list) == 0 {
		return ""
	}
	return list[max(r.IntN(len(list)), r.IntN(len(list)))]
}

// learn takes in an answer: the ids of its records, by the collection that they
// lie in, their versions, cursors and tokens.
func (p *pool) learn(doc *document, req *request, answer *answer) {
	noun := ""
	p.reader = req.caller
	if parts := strings.Split(answer.header.Get("Location"), "/"); len(parts) > 1 {
		noun = parts[len(parts)-2]
		p.add(noun, parts[len(parts)-1])
	}
	if tag := answer.header.Get("ETag"); tag != "" && answer.status < http.StatusMultipleChoices {
		p.known["etag "+req.path] = []string{tag}
	}
	if key := req.header("Idempotency-Key"); key != "" {
		p.add("Idempotency-Key", key)
	}
	if req.op == nil || answer.status >= http.StatusMultipleChoices || answer.media != "application/json" {
		return
	}
	if noun == "" {
		noun = doc.noun(req.op)
	}
	var body any
	if json.Unmarshal(answer.body, &body) != nil {
		return
	}
	p.walk(req.op, noun, body)
	if list, ok := body.(map[string]any); ok {
		if cursor, ok := list["nextCursor"].(string); ok {
			p.addPage(req, cursor)
		}
	}
}

// walk finds what is worth keeping in a body. The records of a list belong to
// the collection of the operation, records further in only by their names.
func (p *pool) walk(op *operation, noun string, v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			p.walk(op, noun, item)
		}
	case map[string]any:
		if kind, ok := v["kind"].(string); ok && v["status"] == nil {
			noun = kind + "s" // The subject of an activity.
		}
		p.keepState(noun, v)
		for _, name := range sortedNames(v) {
			switch value := v[name].(type) {
			case string:
				p.keep(op, noun, name, value)
			case []any, map[string]any:
				p.walk(op, nounOf(name, noun), value)
			}
		}
	}
}

// keepState remembers a record by the state it is in.
func (p *pool) keepState(noun string, record map[string]any) {
	id, _ := record["id"].(string)
	state, _ := record["status"].(string)
	if record["deletedAt"] != nil {
		state = "deleted"
	}
	if id != "" && state != "" {
		p.add(noun+" "+state, id)
	}
}

// states are those of the records that a verb is for, by the operation's id.
func states(op *operation) []string {
	switch op.id {
	case "cancelJob":
		return []string{"scheduled", "queued"}
	case "retryJob":
		return []string{"cancelled", "failed"}
	case "undoJob":
		return []string{"succeeded"}
	case "commitImport":
		return []string{"ready"}
	case "undoImport":
		return []string{"committed"}
	case "restoreContact":
		return []string{"deleted"}
	}
	return nil
}

// nounOf is the collection that a member's records lie in.
func nounOf(name, outer string) string {
	switch name {
	case "items":
		return outer
	case "contact", "candidates", "recentContacts":
		return "contacts"
	}
	return "in " + name
}

func (p *pool) keep(op *operation, noun, name, value string) {
	switch {
	case value == "":
	case name == "nextCursor":
		p.add("cursor "+op.id, value)
		p.add("cursor", value)
	case name == "id":
		p.add(noun, value)
	case name == "userId":
		p.add("members", value)
	case strings.HasSuffix(name, "Id"):
		p.add(strings.TrimSuffix(name, "Id")+"s", value)
		p.add(name, value)
	case name == "token":
		p.add("token", value)
	}
}
