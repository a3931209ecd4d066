package apifuzz

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
)

// spoiler breaks one rule of a valid request. It reports whether it found
// something to break.
type spoiler struct {
	name string
	do   func(d *drawer, r *request) bool
}

// slot is a value in a JSON body with its schema and how to put another there.
type slot struct {
	schema schema
	value  any
	put    func(any)
}

// slots lists the values of the body whose schema leaves no alternatives.
func (d *drawer) slots(s schema, value any, put func(any)) []slot {
	parts := d.doc.parts(s)
	if len(parts) != 1 {
		return nil
	}
	s = parts[0]
	list := []slot{{s, value, put}}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range sortedNames(v) {
			if property := s.child("properties").child(name); property != nil {
				list = append(list, d.slots(property, v[name], func(other any) { v[name] = other })...)
			}
		}
	case []any:
		for i, item := range v {
			list = append(list, d.slots(s.child("items"), item, func(other any) { v[i] = other })...)
		}
	}
	return list
}

// spoilSlot changes a value of the body for which change has an answer, and
// writes the body again.
func (d *drawer) spoilSlot(r *request, what string, change func(slot) bool) bool {
	if r.root == nil {
		return false
	}
	slots := d.slots(r.root, r.tree, func(other any) { r.tree = other })
	d.Shuffle(len(slots), func(i, j int) { slots[i], slots[j] = slots[j], slots[i] })
	if slices.ContainsFunc(slots, change) {
		r.body = encode(r.tree)
		r.refuse = what
		return true
	}
	return false
}

// bodySpoilers break a rule of the body's schema, which must be refused.
func bodySpoilers() []spoiler {
	slotSpoiler := func(name string, change func(d *drawer, s slot) bool) spoiler {
		return spoiler{name, func(d *drawer, r *request) bool {
			return d.spoilSlot(r, name, func(s slot) bool { return change(d, s) })
		}}
	}
	return []spoiler{
		slotSpoiler("wrong type", wrongType), slotSpoiler("missing member", missingMember), slotSpoiler("unknown member", unknownMember),
		slotSpoiler("too long", tooLong), slotSpoiler("too many", tooMany), slotSpoiler("out of range", outOfRange), slotSpoiler("NUL", func(_ *drawer, s slot) bool {
			text, ok := s.value.(string)
			if ok && s.schema["enum"] == nil {
				s.put(text + "\x00")
			}
			return ok && s.schema["enum"] == nil
		}),
		slotSpoiler("no such choice", func(d *drawer, s slot) bool {
			if s.schema["enum"] == nil && s.schema.text("format") == "" {
				return false
			}
			s.put(one(d, "nothing such", "", "2026-02-30T00:00:00Z", "0190d3c1-7d3a-7f00-8000-00000000000"))
			return true
		}),
	}
}

func wrongType(d *drawer, s slot) bool {
	samples := map[string]any{"string": "text", "number": 1.5, "boolean": true, "array": []any{}, "object": map[string]any{}, "null": nil}
	types := s.schema.types()
	if slices.Contains(types, "integer") {
		types = append(types, "number")
	}
	if len(types) == 0 {
		return false
	}
	var others []any
	for _, name := range sortedNames(samples) {
		if !slices.Contains(types, name) {
			others = append(others, samples[name])
		}
	}
	s.put(one(d, others...))
	return true
}

func missingMember(d *drawer, s slot) bool {
	object, ok := s.value.(map[string]any)
	required, _ := s.schema["required"].([]any)
	if !ok || len(required) == 0 {
		return false
	}
	delete(object, fmt.Sprint(one(d, required...)))
	return true
}

func unknownMember(d *drawer, s slot) bool {
	object, ok := s.value.(map[string]any)
	if !ok || s.schema["additionalProperties"] != false {
		return false
	}
	object[one(d, "unknownMember", "", "id ", "constructor", "__proto__", "\u0000", "DisplayName")] = one[any](d, nil, 1, "x", []any{})
	return true
}

func tooLong(_ *drawer, s slot) bool {
	most := s.schema.number("maxLength", 0)
	if _, ok := s.value.(string); !ok || most == 0 {
		return false
	}
	s.put(strings.Repeat("ä", most+1))
	return true
}

func tooMany(d *drawer, s slot) bool {
	list, ok := s.value.([]any)
	most := s.schema.number("maxItems", 0)
	if !ok || most == 0 {
		return false
	}
	for len(list) <= most {
		list = append(list, d.value(s.schema.child("items"), place{name: "ids"}))
	}
	s.put(list)
	return true
}

func outOfRange(d *drawer, s slot) bool {
	if s.schema["maximum"] == nil && s.schema["minimum"] == nil {
		return false
	}
	s.put(one[any](d, -1e15, 1e15))
	return true
}

// textSpoilers write a body that is no JSON of the kind, or JSON at its limits.
func textSpoilers() []spoiler {
	text := func(name string, must bool, change func(d *drawer, body string) string) spoiler {
		return spoiler{name, func(d *drawer, r *request) bool {
			if r.root == nil {
				return false
			}
			r.body = []byte(change(d, string(r.body)))
			if must {
				r.refuse = name
			}
			return true
		}}
	}
	deep := func(open, end string) func(*drawer, string) string {
		return func(d *drawer, _ string) string {
			n := one(d, 100, 10_000, 150_000)
			return strings.Repeat(open, n) + strings.Repeat(end, n)
		}
	}
	return []spoiler{
		text("cut off", true, func(d *drawer, s string) string { return s[:d.IntN(max(len(s)-1, 1))] + "{" }),
		text("more behind it", true, func(d *drawer, s string) string { return s + one(d, "{}", "x", "\x00", ",") }),
		text("bad UTF-8", true, func(d *drawer, s string) string { return strings.Replace(s, "{", `{"x":"`+"\xff\xc0\xaf"+`",`, 1) }),
		text("member twice", true, func(_ *drawer, s string) string { return `{"a":1,"a":2,` + strings.TrimPrefix(s, "{") }),
		text("deep lists", true, deep("[", "]")), text("deep objects", true, deep(`{"a":`, "}")),
		text("byte order mark", false, func(_ *drawer, s string) string { return "\xef\xbb\xbf" + s }),
		text("UTF-16", true, func(_ *drawer, s string) string {
			var b strings.Builder
			for _, c := range []byte("\xff\xfe" + s) {
				b.Write([]byte{c, 0})
			}
			return b.String()
		}),
		text("no object", true, func(d *drawer, _ string) string {
			return one(d, "null", "[]", "1", `"x"`, "true", " ", "\n", "NaN", "nul")
		}),
		text("another byte", false, func(d *drawer, s string) string {
			b := []byte(s)
			if len(b) > 0 {
				b[d.IntN(len(b))] = byte(d.IntN(256))
			}
			return string(b)
		}),
		text("numbers at the limits", false, func(d *drawer, s string) string {
			return strings.Replace(s, "1", one(d, "1e400", "-0", "1e3", "9007199254740993", "1.0", "1e-400", strings.Repeat("9", 400), "01", "0x1"), 1)
		}),
		text("lone surrogate", false, func(_ *drawer, s string) string { return strings.Replace(s, `:"`, `:"\ud800`, 1) }),
		text("odd characters", false, func(d *drawer, s string) string {
			return strings.Replace(s, `:"`, `:"`+one(d, `\u202e`, `\ufeff`, `\u0001`, `\u2028`, `\ud83d\ude00`, "<script>", "' OR 1=1 --", "%00", `\udbff\udfff`), 1)
		}),
		text("a megabyte", true, func(_ *drawer, s string) string { return s + strings.Repeat(" ", 1_000_001) }),
		{"compressed", func(d *drawer, r *request) bool {
			if r.root == nil && r.file == nil {
				return false
			}
			if d.oneIn(2) {
				r.body = bytes.Repeat([]byte(" "), 4<<20)
			}
			r.body, r.refuse = gzipped(r.body), "compressed"
			r.set("Content-Encoding", "gzip")
			return true
		}},
	}
}

func gzipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text) // A buffer takes everything.
	_ = w.Close()
	return b.Bytes()
}
