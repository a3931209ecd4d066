package httpapi

import (
	"io"
	"net/http"
	"time"
)

const (
	// bodyTime is how long a JSON body may take to arrive, as long as it takes
	// over a telephone line of 300 kbit/s.
	bodyTime = 30 * time.Second
	// stallTime is how long an upload may stand still.
	stallTime = time.Minute
)

// pacedBody gives the client a time to send its body in, so that one that sends
// a byte now and then holds no connection for ever. Where the server's
// connection knows no deadlines (a test's recorder), nothing is limited.
type pacedBody struct {
	io.ReadCloser
	connection *http.ResponseController
	// whole is how long all of it may take, stall how long each read; zero for
	// no limit.
	whole, stall time.Duration
	begun, over  bool
}

// pace limits how long the body of the request may take.
func (c *call) pace(whole, stall time.Duration) {
	if c.r.Body == nil || c.r.Body == http.NoBody {
		return
	}
	c.r.Body = &pacedBody{ReadCloser: c.r.Body, connection: http.NewResponseController(c.w), whole: whole, stall: stall}
}

// Read implements [io.Reader].
func (b *pacedBody) Read(p []byte) (int, error) {
	switch {
	case b.over:
	case b.stall > 0:
		b.until(time.Now().Add(b.stall))
	case !b.begun:
		b.until(time.Now().Add(b.whole))
	}
	b.begun = true
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && !b.over {
		// The server goes on reading, to see whether the client is still there.
		// After another error it may still want the rest, within the limit.
		b.until(time.Time{})
		b.over = true
	}
	return n, err
}

func (b *pacedBody) until(t time.Time) {
	_ = b.connection.SetReadDeadline(t) // Not every connection can.
}
