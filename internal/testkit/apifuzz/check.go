package apifuzz

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// check lists what is wrong with the answer.
func (f *fuzzer) check(r *request, a *answer) []string {
	c := &checker{f: f, r: r, a: a}
	c.always()
	if a.status >= http.StatusBadRequest {
		c.problem()
	}
	if r.lost || r.method == http.MethodHead {
		return c.wrong
	}
	if f.doc.methods[r.op.path] != nil && a.status == http.StatusMethodNotAllowed {
		c.add("405 for a method that the document has")
	}
	if r.refuse != "" && a.status < http.StatusBadRequest {
		c.add("%d although the call breaks a rule: %s", a.status, r.refuse)
	}
	c.documented()
	return c.wrong
}

// checker collects what is wrong with one answer.
type checker struct {
	f     *fuzzer
	r     *request
	a     *answer
	wrong []string
}

func (c *checker) add(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

// always checks what holds for every answer.
func (c *checker) always() {
	for _, name := range []string{"X-Request-Id", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy", "Content-Security-Policy", "X-Frame-Options"} {
		if c.a.header.Get(name) == "" {
			c.add("no header %s", name)
		}
	}
	if c.a.status >= http.StatusInternalServerError && !c.f.mayFail(c.r, c.a.status) {
		c.add("the server failed: %d", c.a.status)
	}
	if c.a.status >= http.StatusMultipleChoices && c.a.status < http.StatusBadRequest && c.a.status != http.StatusNotModified {
		c.add("a redirect: %d", c.a.status)
	}
	for name, values := range c.a.header {
		for _, value := range values {
			if !utf8.ValidString(value) || strings.ContainsAny(value, "\r\n\x00") {
				c.add("header %s holds %q", name, value)
			}
		}
	}
}

func (f *fuzzer) mayFail(r *request, status int) bool {
	return r.op != nil && slices.Contains(f.options.MayFail[r.op.id], status)
}

// needed are the headers that go with a status.
func needed(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "WWW-Authenticate"
	case http.StatusMethodNotAllowed:
		return "Allow"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "Retry-After"
	}
	return ""
}

// problem checks that an error is a problem document that says what it is.
func (c *checker) problem() {
	if name := needed(c.a.status); name != "" && c.a.header.Get(name) == "" {
		c.add("%d without %s", c.a.status, name)
	}
	if c.r.method == http.MethodHead {
		if len(c.a.body) > 0 {
			c.add("a body for HEAD")
		}
		return
	}
	if c.f.mayFail(c.r, c.a.status) {
		return
	}
	if c.a.media != "application/problem+json" {
		c.add("a refusal of type %q", c.a.header.Get("Content-Type"))
		return
	}
	c.problemBody()
}

func (c *checker) problemBody() {
	var p struct {
		Type, Title, Detail, Code, RequestID string
		Status                               int
		Errors                               []struct{ Field, Code, Message string }
	}
	if err := json.Unmarshal(c.a.body, &p); err != nil {
		c.add("the problem is no JSON: %v", err)
		return
	}
	if p.Status != c.a.status || p.RequestID != c.a.header.Get("X-Request-Id") || p.Type == "" || p.Title == "" || p.Detail == "" || p.Code == "" {
		c.add("the problem does not say what happened")
	}
	if c.a.status == http.StatusBadRequest && len(p.Errors) == 0 {
		c.add("the problem names no place")
	}
	for _, e := range p.Errors {
		if e.Field == "" || e.Code == "" || e.Message == "" {
			c.add("the problem has the broken rule %+v", e)
		}
	}
	if !utf8.Valid(c.a.body) {
		c.add("the problem is not UTF-8")
	}
}

// documented checks the answer against the document: status, media type, headers
// and body.
func (c *checker) documented() {
	content, ok := c.r.op.answers[c.a.status]
	switch {
	case !ok:
		c.add("the status %d is not documented for %s", c.a.status, c.r.op.id)
		return
	case len(content) == 0:
		if len(c.a.body) > 0 {
			c.add("a body where none is documented")
		}
		return
	}
	if _, ok := content[c.a.media]; !ok {
		c.add("the media type %q is not documented for %d", c.a.media, c.a.status)
		return
	}
	switch c.a.media {
	case "text/event-stream":
		c.stream()
	case "application/jsonl", "application/x-ndjson":
		c.lines()
	case "application/json", "application/problem+json":
		c.schema(c.r.op, c.a.status, c.a.media, c.a.body)
	default:
		if !utf8.Valid(c.a.body) {
			c.add("the body is not UTF-8")
		}
	}
}

// schema validates a JSON body.
func (c *checker) schema(op *operation, status int, media string, body []byte) {
	if !utf8.Valid(body) {
		c.add("the body is not UTF-8")
	}
	path := op.path
	for strings.Contains(path, "{") {
		open, end := strings.IndexByte(path, '{'), strings.IndexByte(path, '}')
		path = path[:open] + "0190d3c1-7d3a-7f00-8000-000000000000" + path[end+1:]
	}
	asked, err := http.NewRequest(op.method, c.f.options.URL+path, nil) //nolint:noctx // Never sent: the validator finds the operation by it.
	if err != nil {
		c.add("%v", err)
		return
	}
	ok, errs := c.f.validator.ValidateHttpResponse(asked, &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {media}}, Body: io.NopCloser(bytes.NewReader(body)), Request: asked,
	})
	if ok {
		return
	}
	for _, e := range errs {
		places := make([]string, len(e.SchemaValidationErrors))
		for i, s := range e.SchemaValidationErrors {
			places[i] = s.Reason + " at " + s.FieldPath
		}
		c.add("the body breaks the document: %s: %s; %s", e.Message, e.Reason, strings.Join(places, "; "))
	}
}

// lineRecords are the operations whose answers a line of an export, or the data of
// an event, is like.
func lineRecords() map[string]string {
	return map[string]string{"exportContacts": "getContact", "exportInteractions": "getInteraction"}
}

func (c *checker) lines() {
	like := c.f.doc.find(lineRecords()[c.r.op.id])
	if like == nil {
		return
	}
	for line := range bytes.Lines(c.a.body) {
		c.schema(like, http.StatusOK, "application/json", line)
	}
}

// stream checks that the text is made of whole events, but for the last.
func (c *checker) stream() {
	like := c.f.doc.find("listActivity")
	text := string(c.a.body)
	if !utf8.ValidString(text) {
		c.add("the stream is not UTF-8")
	}
	if i := strings.LastIndex(text, "\n\n"); i >= 0 {
		text = text[:i]
	}
	for event := range strings.SplitSeq(text, "\n\n") {
		var name, data string
		for line := range strings.SplitSeq(event, "\n") {
			key, value, ok := strings.Cut(line, ": ")
			switch {
			case key == "id" && ok:
				c.f.pool.add("event", value)
			case key == "event" && ok:
				name = value
			case key == "data" && ok:
				data = value
			case key == "retry" && ok, line == ": ", line == ":":
			default:
				c.add("the stream has the line %q", line)
			}
		}
		if data != "" && name != "reset" && like != nil {
			page := `{"items":[` + data + `],"total":1,"totalRelation":"eq","nextCursor":null}`
			c.schema(like, http.StatusOK, "application/json", []byte(page))
		}
	}
}
