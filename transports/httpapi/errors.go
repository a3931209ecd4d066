package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// The errors of the transport itself.
var (
	errNoRoute       = fmt.Errorf("no such route: %w", crm.ErrNotFound)
	errGoneSince     = fmt.Errorf("what the request made is gone: %w", crm.ErrNotFound)
	errNobodyCan     = fmt.Errorf("no sign-in is configured: %w", crm.ErrUnauthenticated)
	errMissingCSRF   = errors.New("missing CSRF token")
	errInvalidCSRF   = errors.New("invalid CSRF token")
	errCrossSite     = errors.New("cross-site write")
	errBodyTooLarge  = errors.New("body too large")
	errUploadTooLong = errors.New("upload too large")
)

// methodError says that the path exists and the method does not.
type methodError struct{ allow string }

func (e *methodError) Error() string { return "method not allowed" }

// mediaError says that the body is of a type the route does not read.
type mediaError struct{ want string }

func (e *mediaError) Error() string { return "unsupported media type" }

// placeError says where an invalid input stood: in the path, the query or a
// header, or the body.
type placeError struct {
	code string
	err  error
}

func (e *placeError) Error() string { return e.err.Error() }
func (e *placeError) Unwrap() error { return e.err }

// busyRetry is what Retry-After says of a dependency that is down.
const busyRetry = 2 * time.Second

// statusRow is one row of the table from errors to answers.
type statusRow struct {
	is     func(error) bool
	status int
	code   string
	detail string
}

func isErr(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func asErr[E error]() func(error) bool {
	return func(err error) bool {
		var e E
		return errors.As(err, &e)
	}
}

// statusTable is the one table from an error to an answer. The first row that
// fits decides; what fits none is a 500 without detail.
func statusTable() []statusRow {
	return []statusRow{
		{asErr[*methodError](), http.StatusMethodNotAllowed, codeMethodNotAllowed, "This path has no such method; the Allow header lists those it has."},
		{isErr(errNoRoute), http.StatusNotFound, codeNotFound, "There is nothing at this path."},
		{isErr(errGoneSince), http.StatusNotFound, codeNotFound, "This request was carried out before; what it made or changed has been erased since."},
		{isErr(errMissingCSRF), http.StatusForbidden, codeMissingCSRF, "Send the value of the csrf cookie in the x-csrf-token header."},
		{isErr(errInvalidCSRF), http.StatusForbidden, codeInvalidCSRF, "The x-csrf-token header does not belong to this session."},
		{isErr(errCrossSite), http.StatusForbidden, codeInvalidCSRF, "Another site's page must not write here."},
		{asErr[*limitedError](), http.StatusTooManyRequests, codeRateLimited, "Too many requests; Retry-After says when the next one may come."},
		{isThrottled, http.StatusTooManyRequests, codeRateLimited, "Too many failed attempts; Retry-After says when the next one may come."},
		{isErr(crm.ErrUnauthenticated), http.StatusUnauthorized, codeUnauthorized, "Sign in, or send an API key as a bearer token."},
		{isErr(crm.ErrForbidden), http.StatusForbidden, codeForbidden, "Your role or the key's scopes do not allow this."},
		{asErr[*mediaError](), http.StatusUnsupportedMediaType, codeUnsupportedMedia, ""},
		{isErr(errBodyTooLarge), http.StatusRequestEntityTooLarge, codePayloadTooLarge, "A JSON body has at most 1,000,000 bytes."},
		{isErr(errUploadTooLong), http.StatusRequestEntityTooLarge, codePayloadTooLarge, "The file is larger than this server accepts."},
		{isErr(crm.ErrTooLarge), http.StatusRequestEntityTooLarge, codePayloadTooLarge, "This is beyond a limit of size or count."},
		{asErr[*placeError](), http.StatusBadRequest, "", ""},
		{isErr(crm.ErrInvalid), http.StatusBadRequest, "", ""},
		{isErr(crm.ErrNotFound), http.StatusNotFound, codeNotFound, "There is no such record in this workspace."},
		{crm.IsStale, http.StatusPreconditionFailed, codePreconditionFailed, "The record has changed since you read it; read it again and repeat the change."},
		{isErr(crm.ErrConflict), http.StatusConflict, codeConflict, "The request contradicts what is stored."},
		{isErr(crm.ErrUnavailable), http.StatusServiceUnavailable, codeUnavailable, "Something this needs is not available; try again later."},
		{isErr(context.DeadlineExceeded), http.StatusServiceUnavailable, codeUnavailable, "This took too long; try again later."},
		{isErr(context.Canceled), http.StatusServiceUnavailable, codeUnavailable, "The request ended early."},
	}
}

// writeError answers an error by the table.
func (h *Handler) writeError(c *call, err error) {
	if c.w.began { // Too late for an answer: cut the connection, so that the client notices.
		h.logError(c, "answer broken off", err)
		panic(http.ErrAbortHandler)
	}
	c.direct = true
	for _, row := range statusTable() {
		if row.is(err) {
			p := problem{Status: row.status, Code: row.code, Detail: row.detail}
			c.complete(&p, err)
			if p.Status >= http.StatusInternalServerError && c.r.Context().Err() == nil {
				h.logError(c, "unavailable", err)
			}
			c.writeProblem(p)
			return
		}
	}
	h.logError(c, "internal error", err)
	c.writeProblem(problem{Status: http.StatusInternalServerError, Code: codeInternal, Detail: "Something went wrong here; quote the request id when you report it."})
}

// isRefusal tells an error that is the request's own fault.
func isRefusal(err error) bool {
	for _, row := range statusTable() {
		if row.is(err) {
			return row.status < http.StatusInternalServerError
		}
	}
	return false
}

// complete adds what a status has beside its row: headers, fields and links.
func (c *call) complete(p *problem, err error) {
	header := c.w.Header()
	switch p.Status {
	case http.StatusMethodNotAllowed:
		if method, ok := errors.AsType[*methodError](err); ok {
			header.Set("Allow", method.allow)
		}
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", `Bearer realm="omnicrm"`)
	case http.StatusForbidden:
		if p.Code == codeMissingCSRF {
			c.h.setCSRFCookie(c)
		}
	case http.StatusTooManyRequests:
		retryAfter(header, retryDelay(err))
	case http.StatusServiceUnavailable:
		retryAfter(header, busyRetry)
	case http.StatusUnsupportedMediaType:
		if media, ok := errors.AsType[*mediaError](err); ok {
			p.Detail = media.want
		}
	case http.StatusConflict:
		c.completeConflict(p, err)
	case http.StatusBadRequest:
		c.completeInvalid(p, err)
	}
}

func retryDelay(err error) time.Duration {
	if limited, ok := errors.AsType[*limitedError](err); ok {
		return limited.retryAfter
	}
	return throttleDelay(err)
}

// completeConflict says what is in the way and links it.
func (c *call) completeConflict(p *problem, err error) {
	var conflict *crm.ConflictError
	if !errors.As(err, &conflict) {
		return
	}
	if conflict.Message != "" {
		p.Detail = sentence(conflict.Message)
	}
	if conflict.ID.IsZero() {
		return
	}
	noun := c.noun(conflict.Reason)
	if noun == "" {
		return
	}
	place := c.link(noun, conflict.ID.String())
	p.Links = &problemLinks{Conflict: place}
	c.w.Header().Set("Link", "<"+place+`>; rel="conflict"`)
}

// noun is the collection that the record in the way is in: of those that the
// route makes or changes, or for a state that forbids it of those that its path
// begins with.
func (c *call) noun(reason crm.ConflictReason) string {
	if c.op == nil {
		return ""
	}
	place := c.op.recordsPath()
	if reason == crm.ConflictState {
		place = c.op.path
	}
	noun, _, _ := strings.Cut(strings.TrimPrefix(place, apiRoot+"/"), "/")
	switch noun {
	case "contacts", "imports", "interactions", "jobs":
		return noun
	}
	return ""
}

// completeInvalid lists the broken rules and picks the code by their place.
func (c *call) completeInvalid(p *problem, err error) {
	if place, ok := errors.AsType[*placeError](err); ok {
		p.Code = place.code
	}
	if invalid, ok := errors.AsType[*crm.ValidationError](err); ok {
		p.Errors = invalid.Fields
	}
	if p.Code == "" {
		p.Code = c.placeOf(p.Errors)
	}
	if len(p.Errors) == 0 {
		p.Detail = "The request is not valid."
		return
	}
	first := p.Errors[0]
	p.Detail = first.Field + " " + first.Message + "."
	if more := len(p.Errors) - 1; more > 0 {
		p.Detail += fmt.Sprintf(" And %d more, see errors.", more)
	}
}

// placeOf tells an error of the query from one of the body: services name
// fields in the API's terms and do not know where they stood.
func (c *call) placeOf(fields []crm.FieldError) string {
	if c.op == nil || (c.op.body == nil && !c.op.upload) {
		return codeInvalidQuery
	}
	for _, f := range fields {
		root, _, _ := strings.Cut(f.Field, ".")
		if _, ok := c.query[root]; ok {
			return codeInvalidQuery
		}
	}
	return codeInvalidBody
}

// sentence makes a message stand on its own.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}
