package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	mediaEvents = "text/event-stream"
	// reconnectAfter is how long a browser waits before it comes back.
	reconnectAfter = time.Second
)

// eventStream writes server-sent events.
type eventStream struct {
	call       *call
	connection *http.ResponseController
	buf        bytes.Buffer
}

// streamActivity sends what happens until the client goes, cannot keep up, loses
// its rights, or the server stops.
func (h *Handler) streamActivity(c *call) error {
	stream, err := h.app.Activity.Stream(c.r.Context(), c.actor, c.r.Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	defer stream.Close()
	header := c.w.Header()
	header.Set("Content-Type", mediaEvents)
	header.Set("X-Accel-Buffering", "no") // Or a proxy would hold the events back.
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return nil
	}
	out := &eventStream{call: c, connection: http.NewResponseController(c.w)}
	_ = out.connection.SetReadDeadline(time.Time{}) // A limit for requests would end the stream.
	// A client that is cut off before the first event knows where it was.
	fmt.Fprintf(&out.buf, "retry: %d\n", reconnectAfter.Milliseconds())
	if reason := stream.Reset(); reason != "" {
		fmt.Fprintf(&out.buf, "event: reset\ndata: {\"reason\":%q}\n", reason)
	}
	fmt.Fprintf(&out.buf, "id: %s\n\n", stream.ID())
	if out.send() != nil {
		return nil // The client is gone: nobody is left to tell.
	}
	if err := h.feed(out, stream); err != nil {
		h.logError(c, "stream ended", err)
	}
	return nil
}

// feed writes activities, and between them looks at the rights.
func (h *Handler) feed(out *eventStream, stream *crm.ActivityStream) error {
	ctx := out.call.r.Context()
	check := time.Now().Add(h.options.StreamCheck)
	for {
		a, err := h.nextBefore(ctx, stream, check)
		switch {
		case err == nil:
			if err := out.activity(stream.ID(), a); err != nil {
				return err
			}
		case ctx.Err() != nil || isStreamEnd(err):
			return nil //nolint:nilerr // These are ends, not failures.
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		if time.Now().Before(check) {
			if out.send() != nil {
				return nil //nolint:nilerr // The client is gone, or does not keep up.
			}
			continue
		}
		if h.recheck(out.call, stream) != nil {
			return nil //nolint:nilerr // Whoever lost the rights is told nothing more.
		}
		check = time.Now().Add(h.options.StreamCheck)
		out.buf.WriteString(": \n\n")
		if out.send() != nil {
			return nil //nolint:nilerr // As above.
		}
	}
}

// nextBefore waits for an activity until the time.
func (h *Handler) nextBefore(ctx context.Context, stream *crm.ActivityStream, until time.Time) (crm.Activity, error) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return stream.Next(ctx)
}

// isStreamEnd tells the ends that are nobody's fault.
func isStreamEnd(err error) bool {
	return errors.Is(err, crm.ErrStreamSlow) || errors.Is(err, crm.ErrUnavailable) || errors.Is(err, crm.ErrForbidden) ||
		errors.Is(err, crm.ErrUnauthenticated)
}

// recheck asks again who is calling: a session may be over by now, a key revoked,
// a role another one.
func (h *Handler) recheck(c *call, stream *crm.ActivityStream) error {
	again := &call{h: h, w: c.w, r: c.r, op: c.op, requestID: c.requestID, address: c.address}
	if err := h.identify(again); err != nil {
		return err
	}
	return stream.Authorize(again.actor)
}

// activity puts one into the buffer.
func (e *eventStream) activity(id string, a crm.Activity) error {
	data, err := json.Marshal(activityRecordOf(a))
	if err != nil {
		return fmt.Errorf("encode activity: %w", err)
	}
	fmt.Fprintf(&e.buf, "id: %s\nevent: %s\ndata: %s\n\n", id, a.Type, data)
	return nil
}

// send writes the buffer and sees to it that it goes out.
func (e *eventStream) send() error {
	if e.buf.Len() == 0 {
		return nil
	}
	_ = e.connection.SetWriteDeadline(time.Now().Add(e.call.h.options.StreamPatience)) // Not every connection can.
	_, err := e.call.w.Write(e.buf.Bytes())
	e.buf.Reset()
	if err != nil {
		return fmt.Errorf("write stream: %w", err)
	}
	if err := e.connection.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("flush stream: %w", err)
	}
	return nil
}
