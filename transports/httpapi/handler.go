package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/omnicrm/omnicrm/crm"
)

// Handler serves the API of one CRM. It holds no state beside its options, so
// that any number may stand in one process. It starts nothing and needs no
// close. Safe for parallel use.
type Handler struct {
	app        *crm.CRM
	options    Options
	mux        *http.ServeMux
	operations []*operation
	registry   huma.Registry
	document   []byte
	// literal maps every path without parameters to its methods, because
	// ServeMux would give "/contacts/batch" to "GET /contacts/{id}".
	literal   map[string][]string
	crossSite *http.CrossOriginProtection
	publicTLS bool
	nobodyCan bool
	maxBody   int64
	// bodyTime and stallTime bound the arrival of bodies.
	bodyTime, stallTime time.Duration
	leaving             atomic.Bool
}

// Leave makes /readyz answer 503 from now on, so that whoever spreads requests
// over servers sends no more here. Those that come are still answered. Call it
// some time before the server stops to listen.
func (h *Handler) Leave() { h.leaving.Store(true) }

// New returns the handler of the API: everything under /api/v1, and /healthz
// and /readyz beside it. Mount it anywhere with http.StripPrefix; Location
// headers, cookies and links follow.
func New(app *crm.CRM, o Options) (*Handler, error) {
	if app == nil {
		return nil, errors.New("httpapi: no CRM given")
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &Handler{
		app: app, options: o, mux: http.NewServeMux(), literal: map[string][]string{},
		nobodyCan: o.ActorFunc == nil && o.Identity == nil,
		publicTLS: strings.HasPrefix(o.PublicURL, "https://"),
		maxBody:   maxJSONBody, bodyTime: bodyTime, stallTime: stallTime,
	}
	if err := h.trustOrigins(); err != nil {
		return nil, err
	}
	h.registry = newRegistry()
	h.operations = routes(app.Formats(), o.Identity != nil)
	if o.Metrics != nil {
		h.operations = append(h.operations, metricsRoute())
	}
	for _, op := range h.operations {
		op.prepare(h.registry)
		h.handle(op)
	}
	if h.document, err = h.writeDocument(); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *Handler) trustOrigins() error {
	h.crossSite = http.NewCrossOriginProtection()
	origins := h.options.TrustedOrigins
	if u, err := url.Parse(h.options.PublicURL); err == nil && u.Host != "" {
		origins = append([]string{u.Scheme + "://" + u.Host}, origins...)
	}
	for _, origin := range origins {
		if err := h.crossSite.AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("httpapi: trusted origin: %w", err)
		}
	}
	return nil
}

func (h *Handler) handle(op *operation) {
	if !strings.Contains(op.path, "{") {
		h.literal[op.path] = append(h.literal[op.path], op.method)
		if op.method == http.MethodGet {
			h.literal[op.path] = append(h.literal[op.path], http.MethodHead)
		}
	}
	h.mux.HandleFunc(op.method+" "+op.path, func(w http.ResponseWriter, r *http.Request) {
		a, ok := w.(*answer)
		if !ok { // Unreachable: ServeHTTP is the only caller of the mux.
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		a.routed = true
		a.call.op, a.call.r = op, r
		if err := h.serve(a.call); err != nil {
			h.writeError(a.call, err)
		}
	})
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := pace(w, r, h.bodyTime)
	if body != nil {
		r = r.WithContext(r.Context()) // The caller's request stays as it is.
		r.Body = body
	}
	c := &call{h: h, r: r, body: body}
	a := &answer{ResponseWriter: w, call: c}
	c.w = a
	defer h.answered(c, time.Now()) // After rescue, which may be what answers.
	c.requestID = h.setHeaders(w.Header(), r, formsNowhere)
	defer h.rescue(c)
	switch allow, known := h.literal[r.URL.Path]; {
	case h.nobodyCan && !isHealth(r.URL.Path):
		h.writeError(c, errNobodyCan)
		return
	case known && !slices.Contains(allow, r.Method):
		h.refuse(c, &methodError{allow: strings.Join(allow, ", ")})
		return
	}
	h.mux.ServeHTTP(a, r)
	if a.routed {
		return
	}
	// The mux's own answers are plain text, and its redirects do not know the
	// mount path: both become problems.
	if a.refused == http.StatusMethodNotAllowed {
		h.refuse(c, &methodError{allow: a.scratch.Get("Allow")})
		return
	}
	h.refuse(c, errNoRoute)
}

// refuse answers a request that no route takes. It is counted like any other,
// by who sends it: guessing at paths is limited as guessing at keys is.
func (h *Handler) refuse(c *call, err error) {
	c.direct, c.address = true, h.clientAddress(c.r)
	key, perMinute := addressKey(c.address), h.options.AddressRateLimit
	if !isHealth(c.r.URL.Path) {
		if h.identify(c) == nil {
			key, perMinute = c.who.limitKey, h.options.RateLimit
		}
		if limited := c.take(key, perMinute); limited != nil {
			err = limited
		}
	}
	h.writeError(c, err)
}

// rescue turns a panic into an answer 500, or cuts the connection when the
// answer has begun.
func (h *Handler) rescue(c *call) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint // The server compares the same way.
		panic(cause)
	}
	err := fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
	if c.w.began {
		h.logError(c, "answer broken off", err)
		panic(http.ErrAbortHandler)
	}
	h.writeError(c, err)
}

// answer is the ResponseWriter of one request. Until a route of ours has been
// found it holds back what the mux writes.
type answer struct {
	http.ResponseWriter

	call    *call
	routed  bool
	began   bool
	status  int
	scratch http.Header
	refused int
}

// Header returns the headers of the answer.
func (a *answer) Header() http.Header {
	if a.routed || a.call.direct {
		return a.ResponseWriter.Header()
	}
	if a.scratch == nil {
		a.scratch = http.Header{}
	}
	return a.scratch
}

// WriteHeader begins the answer.
func (a *answer) WriteHeader(status int) {
	if !a.routed && !a.call.direct {
		a.refused = status
		return
	}
	if a.began {
		return
	}
	a.began, a.status = true, status
	a.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body.
func (a *answer) Write(p []byte) (int, error) {
	if !a.routed && !a.call.direct {
		return len(p), nil
	}
	if !a.began {
		a.began, a.status = true, http.StatusOK
	}
	return a.ResponseWriter.Write(p) // A ResponseWriter passes errors on as they are.
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
