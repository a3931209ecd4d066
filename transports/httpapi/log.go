package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// logError writes the cause of an answer to the log, with the request id and
// without anything the client sent.
func (h *Handler) logError(c *call, what string, err error) {
	level := slog.LevelError
	if errors.Is(err, crm.ErrUnavailable) || errors.Is(err, context.Canceled) {
		level = slog.LevelWarn
	}
	operation := ""
	if c.op != nil {
		operation = c.op.id
	}
	h.options.Logger.LogAttrs(c.r.Context(), level, what, slog.String("requestId", c.requestID), slog.String("operation", operation),
		slog.String("method", knownMethod(c.r.Method)), slog.String("route", c.route()), slog.Any("error", err))
}

// Answered is what became of a request. None of it is personal, and there are
// few values of all but the request's id and the time.
type Answered struct {
	// Route is the pattern of the path, such as "/api/v1/contacts/{id}"; ""
	// where no route takes the path.
	Route string
	// Method is one of those that HTTP knows, else "other".
	Method string
	// Status is that of the answer, 0 when the connection was cut before one.
	Status    int
	Took      time.Duration
	RequestID string
}

func (c *call) route() string {
	if c.op == nil {
		return ""
	}
	return c.op.path
}

// knownMethod keeps what a client makes up out of logs and figures.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// answered tells what became of a request, whatever it was.
func (h *Handler) answered(c *call, begin time.Time) {
	ctx := c.r.Context()
	debug := h.options.Logger.Enabled(ctx, slog.LevelDebug)
	if h.options.Observe == nil && !debug {
		return
	}
	a := Answered{Route: c.route(), Method: knownMethod(c.r.Method), Status: c.w.status, Took: time.Since(begin), RequestID: c.requestID}
	if debug {
		h.options.Logger.LogAttrs(ctx, slog.LevelDebug, "request", slog.String("requestId", a.RequestID), slog.String("method", a.Method),
			slog.String("route", a.Route), slog.Int("status", a.Status), slog.Duration("took", a.Took))
	}
	if h.options.Observe != nil {
		h.options.Observe(ctx, a)
	}
}
