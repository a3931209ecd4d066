package apifuzz

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// compose draws a valid call of the operation.
func (d *drawer) compose(op *operation, callers []*caller) *request {
	r := &request{op: op, method: op.method, caller: one(d, callers...)}
	if !d.oneIn(3) { // The first may most: else little would get past the rights.
		r.caller = callers[0]
	}
	r.path = d.path(op)
	for part := range strings.SplitSeq(r.path, "/") { // Or one who knows of it.
		if who := d.pool.seen[part]; who != nil && d.oneIn(3) {
			r.caller = who
		}
	}
	page := d.nextPage(r)
	for name, value := range r.caller.headers {
		r.set(name, value)
	}
	for _, p := range op.parameters {
		switch {
		case p.in == "query" && !page && d.oneIn(4):
			d.queryParameter(r, p)
		case p.in == "header":
			d.headerParameter(r, p)
		}
	}
	d.composeBody(r)
	return r
}

// nextPage asks some lists for what follows a page of theirs.
func (d *drawer) nextPage(r *request) bool {
	pages := d.pool.pages[r.op.id]
	if len(pages) == 0 || !d.oneIn(3) {
		return false
	}
	page := one(d, pages...)
	r.path, r.caller, r.page = page.path, page.caller, &page
	r.query = append(slices.Clone(page.query), "cursor="+url.QueryEscape(page.cursor))
	return true
}

// path puts ids of the collections into the operation's path.
func (d *drawer) path(op *operation) string {
	parts := strings.Split(op.path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") && i > 0 {
			parts[i] = d.id(place{name: parts[i-1]})
			if own := d.pool.pick(d.Rand, parts[i-1]); own != "" && !d.oneIn(12) {
				parts[i] = own
			}
			if list := states(op); len(list) > 0 && d.oneIn(2) {
				if fit := d.pool.pick(d.Rand, parts[i-1]+" "+one(d, list...)); fit != "" {
					parts[i] = fit
				}
			}
		}
	}
	return strings.Join(parts, "/")
}

func (d *drawer) queryParameter(r *request, p parameter) {
	if strings.Contains(p.name, "<key>") { // A pattern of names, such as field.<key>.
		r.addQuery(strings.Replace(p.name, "<key>", one(d, "industry", "size", "Größe"), 1), d.word())
		return
	}
	s := d.doc.resolve(p.schema)
	repeats := 1
	if slices.Contains(s.types(), "array") {
		s, repeats = s.child("items"), 1+d.IntN(2)
	}
	for range repeats {
		value := fmt.Sprint(d.value(s, place{name: p.name}))
		if p.name == "cursor" {
			value = d.pool.pick(d.Rand, "cursor "+r.op.id)
		}
		if value != "" {
			r.addQuery(p.name, value)
		}
	}
}

func (r *request) addQuery(name, value string) {
	r.query = append(r.query, url.QueryEscape(name)+"="+url.QueryEscape(value))
}

func (d *drawer) headerParameter(r *request, p parameter) {
	switch p.name {
	case "If-Match":
		record := r.path
		if r.op.method == http.MethodPost { // The verb's record.
			record = record[:strings.LastIndexByte(record, '/')]
		}
		tag := d.pool.pick(d.Rand, "etag "+record)
		if tag != "" && d.oneIn(2) {
			r.set(p.name, tag)
		} else if d.oneIn(8) {
			r.set(p.name, one(d, `"1"`, `*`, `"1", "2"`, `W/"1"`, `"999999"`))
		}
	case "Idempotency-Key":
		if d.oneIn(3) {
			r.set(p.name, fmt.Sprintf("key-%d-%d", r.number, d.IntN(1_000_000)))
		}
	case "Last-Event-ID":
		if id := d.pool.pick(d.Rand, "event"); id != "" && d.oneIn(2) {
			r.set(p.name, id)
		}
	}
}

func (d *drawer) composeBody(r *request) {
	switch {
	case r.op.body == nil:
	case r.op.uploads():
		d.composeUpload(r)
	case !r.op.bodyRequired && d.oneIn(2):
	default:
		names := sortedNames(bodyTypes(r.op))
		name := one(d, names...)
		r.root = r.op.body[name]
		r.tree = d.value(r.root, place{})
		r.body = encode(r.tree)
		r.set("Content-Type", name)
	}
}

func bodyTypes(op *operation) schema {
	s := schema{}
	for name := range op.body {
		s[name] = true
	}
	return s
}

// composeUpload draws a file, as the body or in a form.
func (d *drawer) composeUpload(r *request) {
	media, text := d.file()
	r.file = []byte(text)
	if d.oneIn(2) {
		r.body = r.file
		r.set("Content-Type", one(d, media, media, "application/octet-stream"))
		return
	}
	r.form(d, nil)
}

const boundary = "----fuzz0123456789"

// form wraps the file and the fields into a multipart body; the fields stand
// before the file.
func (r *request) form(d *drawer, fields []field) {
	var b bytes.Buffer
	for _, f := range fields {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", boundary, f.name, f.value)
	}
	fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=%q\r\nContent-Type: %s\r\n\r\n", boundary,
		one(d, "people.csv", "people.vcf", "a/../b.jsonl", "ü.txt"), "application/octet-stream")
	b.Write(r.file)
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	r.body = b.Bytes()
	r.set("Content-Type", "multipart/form-data; boundary="+boundary)
}

// file draws a small file of some format and its media type.
func (d *drawer) file() (media, text string) {
	rows := d.IntN(6)
	var b strings.Builder
	name := func() string { return strings.Join(strings.Fields(d.word()), " ") }
	switch d.IntN(4) {
	case 0:
		b.WriteString(one(d, "Name,Email,Phone,Tags\r\n", "Name;Email;Phone;Tags\n", "First Name,E-mail 1 - Value,Phone 1 - Value,Labels\n"))
		for range rows {
			fmt.Fprintf(&b, "%q,%s,%s,%q\r\n", name(), d.meaning(place{name: "email"}), d.meaning(place{name: "number"}), "a, b")
		}
		return "text/csv", b.String()
	case 1:
		for range rows {
			fmt.Fprintf(&b, "BEGIN:VCARD\r\nVERSION:%s\r\nFN:%s\r\nEMAIL;TYPE=WORK:%s\r\nTEL:%s\r\nNOTE:%s\r\nEND:VCARD\r\n",
				one(d, "2.1", "3.0", "4.0"), name(), d.meaning(place{name: "email"}), d.meaning(place{name: "number"}), name())
		}
		return "text/vcard", b.String()
	case 2:
		for range rows {
			b.Write(encode(map[string]any{"displayName": name(), "emails": []any{map[string]any{"address": d.meaning(place{name: "email"})}}, "tags": []any{name()}}))
			b.WriteByte('\n')
		}
		return "application/jsonl", b.String()
	}
	for i := range rows {
		b.Write(encode(map[string]any{
			"type": one(d, "call", "email", "note"), "direction": one[any](d, "inbound", "outbound", nil), "subject": name(), "occurredAt": "2026-01-02T03:04:05Z",
			"source": "fuzz", "sourceId": fmt.Sprintf("file-%d-%d", i, d.IntN(50)),
			"participants": []any{map[string]any{"address": d.meaning(place{name: "email"}), "role": "from"}},
		}))
		b.WriteByte('\n')
	}
	return "application/jsonl", b.String()
}
