package apifuzz

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
)

// drawer draws the parts of one case.
type drawer struct {
	*rand.Rand
	doc   *document
	pool  *pool
	words map[string][]string
	forge func(r *rand.Rand, cursor string) string
}

func newDrawer(seed uint64, number int, f *fuzzer) *drawer {
	source := rand.NewPCG(seed, uint64(number))
	return &drawer{Rand: rand.New(source), doc: f.doc, pool: f.pool, words: f.options.Words, forge: f.options.Forge}
}

// once in n.
func (d *drawer) oneIn(n int) bool { return d.IntN(n) == 0 }

func one[T any](d *drawer, list ...T) T { return list[d.IntN(len(list))] }

// place is where a value stands: its own name and that of the list or object
// around it.
type place struct{ name, in string }

// value draws what the schema accepts.
func (d *drawer) value(s schema, at place) any {
	parts := d.doc.parts(s)
	s = parts[d.IntN(len(parts))]
	if values, ok := s["enum"].([]any); ok {
		return values[d.IntN(len(values))]
	}
	types := s.types()
	if len(types) > 1 && d.oneIn(8) && slices.Contains(types, "null") {
		return nil
	}
	for _, name := range types {
		switch name {
		case "string":
			return d.text(s, at)
		case "integer":
			least := s.number("minimum", 0)
			return least + d.IntN(min(s.number("maximum", least+1000)-least+1, 60))
		case "number":
			return one(d, 0, 1.5, -3, 1e9, 0.1)
		case "boolean":
			return d.oneIn(2)
		case "array":
			return d.list(s, at)
		case "object":
			return d.object(s, at)
		}
	}
	return nil
}

func (d *drawer) list(s schema, at place) any {
	least, most := s.number("minItems", 0), s.number("maxItems", 3)
	n := least + d.IntN(max(min(most, 3)-least, 0)+1)
	if d.oneIn(60) {
		n = min(most, 300)
	}
	list := make([]any, n)
	for i := range list {
		list[i] = d.value(s.child("items"), place{name: at.name, in: at.name})
	}
	return list
}

func (d *drawer) object(s schema, at place) any {
	object := map[string]any{}
	required, _ := s["required"].([]any)
	properties := s.child("properties")
	share := one(d, 2, 3, 6)
	for _, name := range sortedNames(properties) {
		if slices.Contains(required, any(name)) || d.oneIn(share) {
			object[name] = d.value(properties.child(name), place{name: name, in: at.name})
		}
	}
	if more := s.child("additionalProperties"); more != nil {
		for range d.IntN(4) {
			object[one(d, "industry", "size", "Größe", "a b", "x.y")] = d.value(more, place{name: "value", in: at.name})
		}
	}
	d.complete(s, object)
	tidyObject(d, object)
	return object
}

// complete adds what the document asks for in words only.
func (d *drawer) complete(s schema, o map[string]any) {
	properties := s.child("properties")
	atLeastOne := func(names ...string) {
		for _, name := range names {
			if _, ok := o[name]; ok || properties[name] == nil {
				return
			}
		}
		name := one(d, names...)
		o[name] = d.value(properties.child(name), place{name: name})
	}
	atLeastOne("ids", "filter")
	atLeastOne("add", "remove")
	if len(properties) == 1 {
		atLeastOne(sortedNames(properties)...)
	}
}

// tidyObject takes away what the document forbids in words only.
func tidyObject(d *drawer, o map[string]any) {
	either := func(a, b string) {
		_, hasA := o[a]
		_, hasB := o[b]
		if hasA && hasB {
			delete(o, one(d, a, b))
		}
	}
	either("ids", "filter")
	either("primaryEmail", "emails")
	either("primaryPhone", "phones")
	if mode, ok := o["mode"]; ok && mode != "range" {
		delete(o, "from")
		delete(o, "to")
	}
	if list, ok := o["emails"].([]any); ok {
		onePrimary(list)
	}
	if list, ok := o["phones"].([]any); ok {
		onePrimary(list)
	}
	if o["sourceId"] != nil && o["source"] == nil {
		o["source"] = "fuzz"
	}
	if o["type"] == "note" {
		delete(o, "direction")
	}
}

// onePrimary leaves at most the first entry marked.
func onePrimary(list []any) {
	for i, item := range list {
		if entry, ok := item.(map[string]any); ok && i > 0 {
			delete(entry, "primary")
		}
	}
}

// text draws a text that means something where it stands.
func (d *drawer) text(s schema, at place) string {
	if values, ok := d.words[at.name]; ok {
		return one(d, values...)
	}
	switch s.text("format") {
	case "uuid":
		return d.id(at)
	case "date-time":
		return one(d, "2026-01-02T03:04:05Z", "2025-12-31T23:59:59.999999Z", "2020-02-29T12:00:00+05:30", "1999-01-01T00:00:00Z", "2026-10-25T02:30:00+01:00")
	}
	text := d.meaning(at)
	if runes := []rune(text); len(runes) > s.number("maxLength", len(runes)) {
		text = string(runes[:s.number("maxLength", 0)])
	}
	return text
}

// id draws a record that the member may mean, or one that nobody has.
func (d *drawer) id(at place) string {
	if d.oneIn(12) {
		return one(d, "0190d3c1-7d3a-7f00-8000-000000000000", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")
	}
	kind := at.name
	if kind == "ids" {
		kind = "contacts"
	}
	for _, kind := range []string{kind, strings.TrimSuffix(kind, "Id") + "s", "contacts"} {
		if id := d.pool.pick(d.Rand, kind); id != "" {
			return id
		}
	}
	return "0190d3c1-7d3a-7f00-8000-000000000000"
}

// meaning draws text by the name of the member.
func (d *drawer) meaning(at place) string {
	switch at.name {
	case "email", "primaryEmail", "address":
		return one(d, "ana@example.com", "Zoe.Lukasz@example.org", "o'brien+tag@example.net", "x@xn--bcher-kva.example", "ben"+one(d, "1", "2", "3", "4")+"@example.com")
	case "primaryPhone", "number":
		return one(d, "+1 202 555 0101", "202-224-3441", "+49 30 901820", "(202) 555-01"+one(d, "10", "11", "12"), "+44 20 7946 0958")
	case "birthday":
		return one(d, "1958-10-13", "--10-13", "2000-02-29", "--02-29")
	case "websites":
		return one(d, "https://example.com", "http://example.org/a?b=c#d", "example.net")
	case "tz":
		return one(d, "Europe/Berlin", "UTC", "America/St_Johns", "Pacific/Apia")
	case "cursor":
		return d.pool.pick(d.Rand, "cursor")
	case "createdAtFilter", "updatedAtFilter", "lastInteractionAtFilter":
		return one(d, `{"mode":"any"}`, `{"mode":"week"}`, `{"mode":"range","from":"2026-01-01"}`, `{"mode":"range","from":"2020-02-29","to":"2026-12-31"}`, `{"mode":"year"}`)
	case "from", "to":
		return one(d, "2026-01-01", "2026-12-31")
	case "mapping":
		return one(d, `[]`, `[{"column":"Name","target":"displayName"},{"column":"Email","target":"emails[0].address"}]`, `[{"column":"Name","target":""}]`)
	case "column":
		return one(d, "Name", "Email", "Company")
	case "target":
		return one(d, "displayName", "emails[0].address", "ignore", "", "tags", "fields.x")
	case "token":
		return d.pool.pick(d.Rand, "token")
	case "type":
		return one(d, "contact.created", "contact.updated", "import.committed", "nothing.such")
	case "source":
		return one(d, "fuzz", "manual", "gmail")
	case "sourceId", "threadId":
		return one(d, "a-1", "a-2", "ä/3", "4")
	}
	return d.word()
}

// word draws a text of some kind.
func (d *drawer) word() string {
	words := []string{
		"Ana", "Zoë Łukasz", "山田 太郎", "مريم", "O'Brien-Smith", "😀", "vip", "Example Ltd", "a", "straße", "İstanbul", "e\u0301", "=1+1",
		"line\nbreak", "200-555", "a\u200bb", "x@y", strings.Repeat("long ", 12),
	}
	if d.oneIn(5) {
		return one(d, words...) + " " + one(d, words...)
	}
	return one(d, words...)
}

// encode writes a value as JSON.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil { // What is drawn always encodes.
		return []byte("null")
	}
	return text
}

func sortedNames(s schema) []string {
	names := make([]string, 0, len(s))
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
