package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/teststore"
)

// slowLimit is the time of a body in these tests.
const slowLimit = time.Second

// setupSlow returns the address of a server whose bodies have little time.
func setupSlow(t *testing.T) string {
	t.Helper()
	store, err := teststore.Open(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	app, err := crm.New(crm.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	owner := crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("home")), User: crm.NamedID("owner"), Role: crm.RoleOwner}
	h, err := New(app, Options{ActorFunc: func(r *http.Request) (crm.Actor, error) {
		if r.Header.Get("Authorization") == "" {
			return crm.Actor{}, crm.ErrUnauthenticated
		}
		return owner, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	h.bodyTime, h.stallTime = slowLimit, slowLimit
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/page" {
			h.ServeHTTP(w, r)
			return
		}
		h.BeginPage(w, r)
		if err := r.ParseForm(); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		select { // The limit is the body's, not the answer's.
		case <-r.Context().Done():
			w.WriteHeader(http.StatusGone)
		case <-time.After(2 * slowLimit):
		}
	})
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// sendSlowly sends the head of a POST and then pieces of its body, one each gap, and
// returns the status of the answer.
func sendSlowly(t *testing.T, address, head string, pieces []string, length int, gap time.Duration) int {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // It was only used here.
	if _, err := fmt.Fprintf(conn, "POST %s\r\nHost: x\r\nContent-Length: %d\r\n\r\n", head, length); err != nil {
		t.Fatal(err)
	}
	ctx, over := context.WithCancel(t.Context())
	defer over()
	go func() {
		tick := time.NewTicker(gap)
		defer tick.Stop()
		for _, piece := range pieces {
			if _, err := conn.Write([]byte(piece)); err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	answer.Body.Close() //nolint:errcheck // It was not read.
	return answer.StatusCode
}

// A body has its time, and an upload may take any as long as it goes on.
func TestASlowBodyEnds(t *testing.T) {
	t.Parallel()
	const (
		contact  = "/api/v1/contacts HTTP/1.1\r\nAuthorization: me\r\nContent-Type: application/json"
		upload   = "/api/v1/imports HTTP/1.1\r\nAuthorization: me\r\nContent-Type: application/jsonl"
		stranger = "/api/v1/contacts HTTP/1.1\r\nContent-Type: application/json"
		nowhere  = "/api/v1/nowhere HTTP/1.1\r\nAuthorization: me\r\nContent-Type: application/json"
		form     = "/page HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded"
	)
	const person = `{"displayName":"A"}`
	letters := strings.Split(person, "")
	for _, c := range []struct {
		name, head string
		pieces     []string
		length     int
		want       int
	}{
		{"a body that comes goes on", contact, []string{person}, len(person), http.StatusCreated},
		{"a body that stands still is given up", contact, []string{`{`}, len(person), http.StatusBadRequest},
		{"a body that trickles is given up", contact, letters, len(person), http.StatusBadRequest},
		{"a refused request answers a slow body", stranger, []string{`{`}, len(person), http.StatusUnauthorized},
		{"so does a path that is none", nowhere, []string{`{`}, len(person), http.StatusNotFound},
		{"an upload that trickles goes on", upload, letters, len(person), http.StatusCreated},
		{"an upload that stands still is given up", upload, []string{`{`}, len(person), http.StatusBadRequest},
		{"a form that comes goes on", form, []string{`a=b`}, 3, http.StatusOK},
		{"a form that stands still is given up", form, []string{`a`}, 3, http.StatusBadRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := sendSlowly(t, setupSlow(t), c.head, c.pieces, c.length, slowLimit/5); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}
