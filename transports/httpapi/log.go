package httpapi

import (
	"context"
	"errors"
	"log/slog"

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
	h.options.Logger.LogAttrs(c.r.Context(), level, what,
		slog.String("requestId", c.requestID), slog.String("operation", operation), slog.Any("error", err))
}
