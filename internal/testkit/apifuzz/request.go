package apifuzz

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// request is one call before it is sent. Its parts are what goes over the wire,
// so that a spoiler can write what no client library would.
type request struct {
	number int
	op     *operation
	method string
	path   string   // escaped
	query  []string // "name=value", escaped
	fields []field
	body   []byte
	// file is what an upload sends, before it is wrapped into a form.
	file   []byte
	caller *caller
	// page is what it follows, in lists.
	page *listPage
	// tree is the JSON body, for the spoilers.
	tree any
	root schema
	// spoiled lists what was done to it; refuse is set when an answer below 400
	// would be wrong, and lost when the call may reach no operation at all, or
	// another one.
	spoiled []string
	refuse  string
	lost    bool
	// foreign is set when the credentials or the workspace are not the caller's.
	foreign bool
}

type field struct{ name, value string }

// header returns the first value of a header field.
func (r *request) header(name string) string {
	for _, f := range r.fields {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// set replaces a header field.
func (r *request) set(name, value string) {
	r.unset(name)
	r.fields = append(r.fields, field{name, value})
}

func (r *request) unset(name string) {
	r.fields = slices.DeleteFunc(r.fields, func(f field) bool { return strings.EqualFold(f.name, name) })
}

// url is the whole address as it is sent.
func (r *request) url(root string) string {
	text := root + r.path
	if len(r.query) > 0 {
		text += "?" + strings.Join(r.query, "&")
	}
	return text
}

// encode makes the request that the client sends: path and query as they are.
func (r *request) encode(root string) (*http.Request, error) {
	base, err := url.Parse(root)
	if err != nil {
		return nil, fmt.Errorf("parse address of the server: %w", err)
	}
	base.Opaque = "//" + base.Host + r.path
	base.RawQuery = strings.Join(r.query, "&")
	out := &http.Request{Method: r.method, URL: base, Host: base.Host, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	for _, f := range r.fields {
		out.Header.Add(f.name, f.value)
	}
	if len(r.body) > 0 {
		out.Body = newBody(r.body)
		out.ContentLength = int64(len(r.body))
	}
	return out, nil
}

// maxShown bounds the body in a line for the shell.
const maxShown = 3000

// Curl is a line for the shell that sends the request; a body above 3,000 bytes
// is cut, and says so.
func (r *request) curl(root string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "curl -sS -i --path-as-is -X %s %s", r.method, quote(r.url(root)))
	for _, f := range r.fields {
		fmt.Fprintf(&b, " -H %s", quote(f.name+": "+f.value))
	}
	if len(r.body) > 0 {
		shown := r.body[:min(len(r.body), maxShown)]
		fmt.Fprintf(&b, " --data-binary %s", quote(string(shown)))
		if len(shown) < len(r.body) {
			fmt.Fprintf(&b, " # the body has %d bytes", len(r.body))
		}
	}
	return b.String()
}

// quote writes text for a shell, other bytes than visible ASCII by their number.
func quote(s string) string {
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
