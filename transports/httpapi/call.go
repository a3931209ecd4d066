package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/omnicrm/omnicrm/crm"
)

// call is one request on its way through a route.
type call struct {
	h         *Handler
	w         *answer
	r         *http.Request
	op        *operation
	requestID string
	// direct lets writes through although no route was found: an error.
	direct bool

	actor crm.Actor
	// who is the identity's caller; zero for a host's own actors.
	who     caller
	address netip.Addr
	query   url.Values
	// body is the request's, nil without one.
	body *pacedBody
	// raw is the JSON body, tree what it says.
	raw  []byte
	tree any
	// saving is set while an idempotency key is held.
	saving *saving
}

// serve runs the steps that every route has in common: who, how often, from
// where, what, and whether it was answered before.
func (h *Handler) serve(c *call) error {
	c.address = h.clientAddress(c.r)
	if err := h.admit(c); err != nil {
		return err
	}
	if err := c.parseQuery(); err != nil {
		return err
	}
	if c.op.upload && c.body != nil {
		c.body.stall = h.stallTime
	}
	if err := c.readBody(); err != nil {
		return err
	}
	if done, err := h.beginSaved(c); done || err != nil {
		return err
	}
	err := c.op.run(h, c)
	return h.endSaved(c, err)
}

// id reads a path parameter. A malformed one is a 400 invalid_id.
func (c *call) id(name string) (crm.ID, error) {
	id, err := crm.ParseID(c.r.PathValue(name))
	if err != nil {
		return crm.ID{}, &placeError{code: codeInvalidID, err: crm.Invalid(name, crm.CodeInvalid,
			"must be a UUID such as 0190d3c1-7d3a-7f00-8000-000000000000")}
	}
	return id, nil
}

// prefix is the path under which the client sees the handler: what was
// stripped from the request's own path, or Options.BasePath.
func (c *call) prefix() string {
	if base := c.h.options.BasePath; base != "" {
		return base
	}
	asked := c.r.RequestURI
	if i := strings.IndexByte(asked, '?'); i >= 0 {
		asked = asked[:i]
	}
	if !strings.HasPrefix(asked, "/") { // Absolute form, as sent to proxies.
		u, err := url.Parse(asked)
		if err != nil {
			return ""
		}
		asked = u.EscapedPath()
	}
	if prefix, ok := strings.CutSuffix(asked, c.r.URL.EscapedPath()); ok {
		return prefix
	}
	return ""
}

// link returns the path of a resource as the client sees it.
func (c *call) link(parts ...string) string {
	return c.prefix() + apiRoot + "/" + strings.Join(parts, "/")
}

// buffers hold encoded answers until they are sent.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }} // A pool is shared on purpose and holds no state.

// maxPooledBuffer keeps a rare large answer from staying in memory.
const maxPooledBuffer = 1 << 20

// writeJSON sends v as one JSON document.
func (c *call) writeJSON(status int, v any) error {
	buf := buffers.Get().(*bytes.Buffer) // The pool holds nothing else.
	buf.Reset()
	defer func() {
		if buf.Cap() <= maxPooledBuffer {
			buffers.Put(buf)
		}
	}()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return c.send(status, buf.Bytes())
}

// send writes an encoded JSON answer, and keeps it for replays of the same
// idempotency key first.
func (c *call) send(status int, body []byte) error {
	header := c.w.Header()
	if len(body) > 0 {
		header.Set("Content-Type", "application/json")
	}
	c.keep(status, body)
	if status != http.StatusNoContent {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	c.w.WriteHeader(status)
	if c.r.Method == http.MethodHead {
		return nil
	}
	_, _ = c.w.Write(body) // The client is gone: nobody is left to tell.
	return nil
}

// noContent answers 204.
func (c *call) noContent() error { return c.send(http.StatusNoContent, nil) }

// writeRecord sends a record with its ETag, or 304 when the client has it.
func (c *call) writeRecord(status int, version int64, v any) error {
	if c.fresh(version) {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return c.writeJSON(status, v)
}

// writeCreated sends a new record with its place.
func (c *call) writeCreated(location string, version int64, v any) error {
	c.w.Header().Set("Location", location)
	c.w.Header().Set("ETag", etag(version))
	return c.writeJSON(http.StatusCreated, v)
}
