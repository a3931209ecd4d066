package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A body has its time, and an upload may take any as long as it goes on.
func TestASlowBodyEnds(t *testing.T) {
	t.Parallel()
	const limit = 300 * time.Millisecond
	for _, c := range []struct {
		name         string
		whole, stall time.Duration
		pieces       int
		gap          time.Duration
		want         int
	}{
		{"a body that stands still is given up", limit, 0, 1, 0, http.StatusRequestTimeout},
		{"a body that trickles is given up", limit, 0, 20, limit / 5, http.StatusRequestTimeout},
		{"an upload that trickles goes on", 0, limit, 10, limit / 5, http.StatusOK},
		{"an upload that stands still is given up", 0, limit, 1, 0, http.StatusRequestTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			length := max(10, c.pieces)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body := &pacedBody{ReadCloser: r.Body, connection: http.NewResponseController(w), whole: c.whole, stall: c.stall}
				if _, err := io.ReadAll(body); err != nil {
					w.WriteHeader(http.StatusRequestTimeout)
					return
				}
				time.Sleep(2 * limit) // The limit was the body's, not the answer's.
				if r.Context().Err() != nil {
					w.WriteHeader(http.StatusGone)
				}
			}))
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close() //nolint:errcheck // It was only used here.
			_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", length)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for range c.pieces {
					if _, err := conn.Write([]byte("x")); err != nil {
						return
					}
					time.Sleep(c.gap)
				}
			}()
			if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close() //nolint:errcheck // It was not read.
			if answer.StatusCode != c.want {
				t.Errorf("got %d, want %d", answer.StatusCode, c.want)
			}
		})
	}
}
