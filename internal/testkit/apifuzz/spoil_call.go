package apifuzz

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// querySpoilers break the query and the path.
func querySpoilers() []spoiler {
	add := func(name, refuse string, pick func(d *drawer) string) spoiler {
		return spoiler{name, func(d *drawer, r *request) bool {
			r.query = append(r.query, pick(d))
			r.refuse = refuse
			return true
		}}
	}
	return []spoiler{
		add("unknown parameter", "unknown parameter", func(d *drawer) string {
			return one(d, "unknown=1", "=", "__proto__=x", "%ff=1", "Search=x", "field.=1", "%00=1", "page[]=1")
		}),
		add("no well-formed query", "no well-formed query", func(d *drawer) string { return one(d, "x=%zz", "a=1;b=2", "%=1") }),
		add("long query", "long query", func(*drawer) string { return "search=" + strings.Repeat("a", 20_000) }),
		{"parameter twice", func(d *drawer, r *request) bool {
			if len(r.query) == 0 {
				return false
			}
			again := one(d, r.query...)
			r.query = append(r.query, again)
			if name, _, _ := strings.Cut(again, "="); !r.repeatable(name) {
				r.refuse = "parameter twice"
			}
			return true
		}},
		{"odd parameter", spoilParameter},
		{"forged cursor", forgeCursor},
		{"odd id", spoilID},
		{"odd path", spoilPath},
	}
}

func (r *request) repeatable(name string) bool {
	return slices.ContainsFunc(r.op.parameters, func(p parameter) bool {
		return p.name == name && slices.Contains(p.schema.types(), "array")
	})
}

// spoilParameter gives a parameter a value that it should not have.
func spoilParameter(d *drawer, r *request) bool {
	var known []parameter
	for _, p := range r.op.parameters {
		if p.in == "query" && !strings.Contains(p.name, "<") {
			known = append(known, p)
		}
	}
	if len(known) == 0 {
		return false
	}
	p := one(d, known...)
	r.query = slices.DeleteFunc(r.query, func(s string) bool { return strings.HasPrefix(s, p.name+"=") })
	value := one(d, "-1", "0", "99999999999999999999", "1.5", "1e3", "0x10", "%201", "%2B1", "NaN", "true%20", "TRUE", "%00", "a%00b", "%ff%fe", "%E2%80%AE", "%F0%9F%98%80",
		"..%2F..%2Fetc%2Fpasswd", "Local", "", "%20", "%27%20OR%201%3D1--", "%25", "_", strings.Repeat("x", 5_000), "2026-02-30", "9999-12-31T23:59:59Z",
		"%7B%7D", "%7B%22mode%22%3A%22range%22%2C%22from%22%3A%222026-13-01%22%7D", "%7B%22mode%22%3A%22range%22%2C%22to%22%3A%220000-01-01%22%7D",
		"%7B%22mode%22%3A%22range%22%2C%22from%22%3A%229999-12-31%22%2C%22to%22%3A%220001-01-01%22%7D", "%5B%5B%5B%5B", "null",
		strings.Repeat("%5B", 60), "0190d3c1-7d3a-7f00-8000-000000000000", "-292277022399", "Etc%2FGMT%2B14")
	r.query = append(r.query, p.name+"="+value)
	if s := d.doc.resolve(p.schema); slices.Contains(s.types(), "integer") || s["enum"] != nil {
		r.refuse = "odd parameter"
		if value == "0" && s.number("minimum", 0) <= 0 {
			r.refuse = ""
		}
	}
	return true
}

func (r *request) hasCursor() bool {
	return slices.ContainsFunc(r.op.parameters, func(p parameter) bool { return p.name == "cursor" })
}

// forgeCursor makes a cursor that no answer held, or takes another list's.
func forgeCursor(d *drawer, r *request) bool {
	if !r.hasCursor() {
		return false
	}
	r.query = slices.DeleteFunc(r.query, func(s string) bool { return strings.HasPrefix(s, "cursor=") })
	real := d.pool.pick(d.Rand, one(d, "cursor", "cursor "+r.op.id, "cursor "+r.op.id, "cursor "+r.op.id))
	forged := one(d, real, "x", "e30", "AAAA", strings.Repeat("A", 4_000), base64.RawURLEncoding.EncodeToString([]byte(`{"id":"x","key":null}`)),
		base64.RawURLEncoding.EncodeToString([]byte("i:0190d3c1-7d3a-7f00-8000-000000000000")), base64.RawURLEncoding.EncodeToString([]byte("r:-1")), "====", "%FF")
	if b := []byte(real); len(b) > 0 && d.oneIn(2) {
		b[d.IntN(len(b))] = "Az09-_"[d.IntN(6)]
		forged = string(b)
	}
	if r.page != nil && d.forge != nil {
		forged = url.QueryEscape(d.forge(d.Rand, r.page.cursor))
	}
	r.query = append(r.query, "cursor="+forged)
	return true
}

func spoilID(d *drawer, r *request) bool {
	if r.lost {
		return false
	}
	parts := strings.Split(r.path, "/")
	for i, part := range strings.Split(r.op.path, "/") {
		if strings.HasPrefix(part, "{") {
			parts[i] = one(d, "x", "0190d3c1-7d3a-7f00-8000-00000000000", "0190D3C1-7D3A-7F00-8000-000000000000", "%7B0190d3c1-7d3a-7f00-8000-000000000000%7D",
				"urn:uuid:0190d3c1-7d3a-7f00-8000-000000000000", "0190d3c17d3a7f008000000000000000", "%00", "%ff", "-1", "1", strings.Repeat("a", 3000), "a%2Fb", "%2e%2e", "null", "*", "'")
		}
	}
	path := strings.Join(parts, "/")
	if path == r.path {
		return false
	}
	r.path, r.lost = path, true
	return true
}

func spoilPath(d *drawer, r *request) bool {
	r.lost = true
	r.path = one(d, r.path+"/", strings.Replace(r.path, "/", "//", 1), r.path+"/..", r.path+"/%2e%2e/x", strings.ToUpper(r.path), r.path+"%00", r.path+"/x",
		"/", "/api", "/api/v1", "/api/v1/", "/api/v2/contacts", "/%ff", "/api/v1/contacts;x=1", r.path+"%20", "/api/v1/../../healthz", r.path+"/"+strings.Repeat("a/", 500))
	return true
}

// callSpoilers break method, headers and credentials.
func callSpoilers() []spoiler {
	header := func(name string, values ...string) spoiler {
		return spoiler{name, func(d *drawer, r *request) bool {
			r.set(name, one(d, values...))
			return true
		}}
	}
	long := strings.Repeat("z", 10_000)
	return []spoiler{
		header("If-Match", "", "x", `"`, `"x"`, `W/"1"`, `"-1"`, `"99999999999999999999"`, `*, "1"`, `"1" "2"`, "\xff", `"1",`, long, `"01"`),
		header("If-None-Match", "", "*", `"1"`, `W/"1"`, `"1", "2", *`, "\xff", long), header("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", "x"),
		header("Idempotency-Key", "", " ", "ä", "\xff", strings.Repeat("k", 256), "a b", `"quoted"`, "tab\there"),
		header("Last-Event-ID", "", "0", "-1", "99999999999999999999", "x-1", "\xff", "1-1-1", long, "00000000-0000-0000-0000-000000000000-1", "18446744073709551615"),
		header("X-Request-Id", "a b", "ok-1", long, "\xff", "${jndi:x}"), header("Range", "bytes=0-1", "bytes=-1", "x"),
		header("Accept", "text/html", "*/*;q=0", "", "\xff", "application/json;q=1e309", "text/csv", strings.Repeat("a/b,", 2000)),
		header("Accept-Encoding", "gzip", "identity;q=0", "*;q=0", "br"), header("X-HTTP-Method-Override", "DELETE"),
		header("X-Forwarded-For", "127.0.0.1", "x", long), header("X-Forwarded-Proto", "https"), header("Forwarded", `for="[::1]"`), header("Origin", "https://evil.example", "null", "\xff"),
		header("Sec-Fetch-Site", "cross-site", "x"), header("Cookie", "omnicrm_session=x", "omnicrm_session=; csrf=", "\xff", long), header("Traceparent", "00-x", "\xff"),
		{"content type", spoilMedia},
		{"credentials", spoilCredentials},
		{"workspace", spoilWorkspace},
		{"method", spoilMethod},
		{"used key", reuseKey},
		{"body where none belongs", func(d *drawer, r *request) bool {
			if r.op.body != nil {
				return false
			}
			r.body = []byte(one(d, "{}", "x", "null", strings.Repeat("x", 2_000_000)))
			if r.op.unsafe() {
				r.refuse = "body where none belongs"
			}
			return true
		}},
		{"no body", func(_ *drawer, r *request) bool {
			if !r.op.bodyRequired {
				return false
			}
			r.body = nil
			if !r.op.uploads() {
				r.refuse = "no body"
			}
			return true
		}},
	}
}

func spoilMedia(d *drawer, r *request) bool {
	if r.op.body == nil || len(r.body) == 0 {
		return false
	}
	r.set("Content-Type", one(d, "text/html", "application/xml", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/json;;", "\xff", "json", "*/*",
		"multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=\"\"", "application/cbor"))
	if d.oneIn(4) {
		r.unset("Content-Type")
	}
	if !r.op.uploads() {
		r.refuse = "content type"
	}
	return true
}

func spoilCredentials(d *drawer, r *request) bool {
	r.foreign = true
	r.unset("Cookie")
	r.set("Authorization", one(d, "Bearer x", "Bearer ", "Basic YTpi", "bearer", "\xff", "Bearer "+strings.Repeat("k", 5000), "Digest x"))
	if d.oneIn(3) {
		r.unset("Authorization")
	}
	if r.op.secured {
		r.refuse = "credentials"
	}
	return true
}

func spoilWorkspace(d *drawer, r *request) bool {
	if !r.op.secured {
		return false
	}
	r.set("X-Workspace-Id", one(d, "x", "0190d3c1-7d3a-7f00-8000-000000000000", "\xff", "00000000-0000-0000-0000-000000000000"))
	r.foreign, r.refuse = true, "workspace"
	return true
}

func spoilMethod(d *drawer, r *request) bool {
	method := one(d, http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, "BREW", "get")
	if method == r.method {
		return false
	}
	r.method, r.lost = method, true
	return true
}

// reuseKey sends another request with a key that was used.
func reuseKey(d *drawer, r *request) bool {
	key := d.pool.pick(d.Rand, "Idempotency-Key")
	if key == "" || r.op.method != http.MethodPost {
		return false
	}
	r.set("Idempotency-Key", key)
	return true
}

// uploadSpoilers break files and the forms around them.
func uploadSpoilers() []spoiler {
	upload := func(name string, change func(d *drawer, r *request)) spoiler {
		return spoiler{name, func(d *drawer, r *request) bool {
			if r.file == nil {
				return false
			}
			change(d, r)
			return true
		}}
	}
	raw := func(r *request, media string) {
		r.body = r.file
		r.set("Content-Type", media)
	}
	return []spoiler{
		upload("odd file", func(d *drawer, r *request) {
			r.file = []byte(one(d, "", "\x00", "\xff\xfe", "\xef\xbb\xbf", "\"", "a,b\n\"c", "BEGIN:VCARD\n", "BEGIN:VCARD\nBEGIN:VCARD\n", "{", "[]", "{\"displayName\":1}\n", "PK\x03\x04", "\x1f\x8b\x08",
				"From a@example.com Mon Jan 1\nSubject: x\n\n", strings.Repeat(",", 5000)+"\n", strings.Repeat("a", 200_000), "Name\n"+strings.Repeat("x\n", 2000), "Name,Name,Name\na,b,c\n",
				"N\x00a\x00m\x00e\x00", "Name\tEmail\rA\tb\r", "Name,Email\nA,\xffb\n", "sep=;\nName;Email\nA;b@example.com\n", strings.Repeat("{\"a\":", 20_000)))
			raw(r, "application/octet-stream")
		}),
		upload("another byte in the file", func(d *drawer, r *request) {
			if len(r.file) > 0 {
				r.file = slices.Clone(r.file)
				r.file[d.IntN(len(r.file))] = byte(d.IntN(256))
			}
			raw(r, "application/octet-stream")
		}),
		upload("odd form fields", func(d *drawer, r *request) {
			r.form(d, []field{one(d, field{"format", "x"}, field{"format", "csv"}, field{"onDuplicate", "x"}, field{"mapping", "["}, field{"mapping", strings.Repeat("[", 5000)}, field{"unknown", "1"},
				field{"", "1"}, field{"file", "1"}, field{"fileName", "\x00\xff../../x"}, field{"mapping", "null"}, field{"mapping", strings.Repeat("x", 300_000)}, field{"format\r\nx", "y"})})
		}),
		upload("broken form", func(d *drawer, r *request) {
			r.form(d, nil)
			switch d.IntN(4) {
			case 0:
				r.body = r.body[:d.IntN(len(r.body))]
			case 1:
				r.body = append(slices.Clone(r.body), r.body...)
			case 2:
				r.body = []byte(strings.ReplaceAll(string(r.body), "form-data", one(d, "attachment", "x;;", "form-data; name=file")))
			default:
				r.body = []byte(strings.Replace(string(r.body), "filename=", one(d, "filename*=utf-8''%ff; x=", "file\x00name=", "filename=\xff; y="), 1))
			}
		}),
	}
}

// spoilers are those that suit the request: of what has a body, more often the body.
func (d *drawer) spoilers(r *request) []spoiler {
	switch {
	case r.root != nil && !d.oneIn(3):
		return slices.Concat(bodySpoilers(), bodySpoilers(), textSpoilers())
	case r.file != nil && !d.oneIn(3):
		return slices.Concat(uploadSpoilers(), uploadSpoilers(), textSpoilers()[len(textSpoilers())-1:])
	case r.hasCursor() && d.oneIn(3):
		return []spoiler{{"forged cursor", forgeCursor}}
	case len(r.op.parameters) > 3 && d.oneIn(2):
		return querySpoilers()
	}
	return slices.Concat(querySpoilers(), callSpoilers())
}

// spoil breaks the request in one way, sometimes in two: then nothing is said of
// what the answer must be.
func (d *drawer) spoil(r *request) {
	for range 30 {
		s := one(d, d.spoilers(r)...)
		if s.do(d, r) {
			r.spoiled = append(r.spoiled, s.name)
			if len(r.spoiled) == 2 {
				r.refuse = "" // One may have undone the other.
				return
			}
			if !d.oneIn(5) {
				return
			}
		}
	}
}
