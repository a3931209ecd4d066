package httpapi_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/teststore"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// breakingFormat fails, or panics, after so many contacts.
type breakingFormat struct {
	crm.JSONLines

	after int
	panic bool
}

func (breakingFormat) FormatName() string { return "breaking" }

func (f breakingFormat) NewWriter(w io.Writer) (crm.ContactWriter, error) {
	return &breakingWriter{format: f, w: w}, nil
}

type breakingWriter struct {
	format breakingFormat
	w      io.Writer
	done   int
}

func (b *breakingWriter) WriteContact(c crm.Contact) error {
	if b.done == b.format.after {
		if b.format.panic {
			panic("disk secret panicked")
		}
		return errors.New("disk secret is full")
	}
	b.done++
	_, err := io.WriteString(b.w, c.DisplayName+strings.Repeat("x", 10_000)+"\n") // More than the server buffers.
	return err
}

func (b *breakingWriter) Close() error { return nil }

func TestExportsThatBreak(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		format breakingFormat
		cut    bool
	}{
		{"an error before the first byte is an answer", breakingFormat{after: 0}, false},
		{"a panic before the first byte is an answer", breakingFormat{after: 0, panic: true}, false},
		{"an error after it cuts the connection", breakingFormat{after: 2}, true},
		{"a panic after it cuts the connection", breakingFormat{after: 2, panic: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			store, err := teststore.Open(t)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close() //nolint:errcheck // Nothing to lose.
			log := &lockedBuffer{}
			logger := slog.New(slog.NewTextHandler(log, nil))
			app, err := crm.New(crm.Config{Store: store, Formats: []crm.Format{c.format}, Logger: logger})
			if err != nil {
				t.Fatal(err)
			}
			defer app.Close() //nolint:errcheck // Nothing to lose.
			for _, name := range []string{"A", "B", "C"} {
				if _, err := app.Contacts.Create(t.Context(), actors()["owner"], crm.NewContact{DisplayName: name}); err != nil {
					t.Fatal(err)
				}
			}
			handler, err := httpapi.New(app, httpapi.Options{ActorFunc: whoIsCalling, Logger: logger})
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(handler)
			defer srv.Close()
			resp, err := http.Get(srv.URL + "/api/v1/exports/contacts?format=breaking")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // Read to its end.
			body, err := io.ReadAll(resp.Body)
			if c.cut != errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %d %q and %v", resp.StatusCode, body, err)
			}
			if !c.cut && (resp.StatusCode != 500 || strings.Contains(string(body), "secret") || resp.Header.Get("Content-Disposition") != "") {
				t.Errorf("got %d %s %v", resp.StatusCode, body, resp.Header)
			}
			if !strings.Contains(log.String(), "disk secret") || !strings.Contains(log.String(), resp.Header.Get("X-Request-Id")) {
				t.Errorf("the log says %s", log)
			}
		})
	}
}
