package httpapi

import (
	"io"
	"net/http"
	"time"
)

const (
	// bodyTime is how long a body may take to arrive, as long as it takes over a
	// telephone line of 300 kbit/s.
	bodyTime = 30 * time.Second
	// stallTime is how long an upload may stand still.
	stallTime = time.Minute
)

// pacedBody gives the client a time to send its body in, so that one that sends
// a byte now and then holds no connection for ever. The time counts from the
// beginning and also when nobody reads: the server itself reads what a refusal
// has left of a body, before it sends the answer. Where the connection knows no
// deadlines (a test's recorder), nothing is limited.
type pacedBody struct {
	io.ReadCloser
	connection *http.ResponseController
	// stall is how long each read may take from now on; zero leaves the time
	// that the whole body has.
	stall time.Duration
	over  bool
}

// pace limits how long the body of the request may take in all, and returns it,
// or nil when there is none.
func pace(w http.ResponseWriter, r *http.Request, whole time.Duration) *pacedBody {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	b := &pacedBody{ReadCloser: r.Body, connection: http.NewResponseController(w)}
	b.until(time.Now().Add(whole))
	return b
}

// Read implements [io.Reader].
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.stall > 0 && !b.over {
		b.until(time.Now().Add(b.stall))
	}
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
