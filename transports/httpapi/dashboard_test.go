package httpapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

func TestDashboard(t *testing.T) {
	t.Parallel()
	s := setupStill(t)
	ana := s.create(t, `{"displayName":"Ana"}`)
	s.send(t, http.MethodPost, "contacts/"+ana+"/interactions", `{"type":"call","occurredAt":"`+time.Now().UTC().Format(time.RFC3339)+`"}`).want(201)
	a := s.send(t, http.MethodGet, "dashboard?tz=Asia/Kathmandu", "").want(200)
	for path, want := range map[string]any{
		"totals.contacts": 1.0, "totals.newThisWeek": 1.0, "totals.trendPercent": nil, "totals.interactions7Days": 1.0,
		"growth.29.created": 1.0, "growth.29.total": 1.0, "growth.28.total": 0.0, "interactionTrend.29.count": 1.0,
		"recentContacts.0.id": ana, "sync.state": "off", "system.database.status": "ok", "system.queue.status": "ok", "system.sync.status": "off",
	} {
		if got := a.get(path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	if got := a.header.Get("Cache-Control"); got != "private, max-age=30" {
		t.Errorf("got Cache-Control %q", got)
	}
	s.send(t, http.MethodGet, "dashboard?tz=Asia/Kathmandu", "", "If-None-Match", a.header.Get("ETag")).want(304)
	s.create(t, `{"displayName":"Bo"}`)
	s.send(t, http.MethodGet, "dashboard?tz=Asia/Kathmandu", "", "If-None-Match", a.header.Get("ETag")).want(200)
	s.send(t, http.MethodGet, "dashboard?tz=Mars/Olympus", "").want(400, "invalid_query")
}

// seriesless is a store whose charts fail.
type seriesless struct{ crm.Store }

func (seriesless) ReadSeries(context.Context, crm.WorkspaceID, crm.Series, int64, int64) ([]crm.SeriesCount, error) {
	return nil, errors.New("a secret of the inside")
}

func TestDashboardBlockFails(t *testing.T) {
	t.Parallel()
	s := setup(t)
	app, err := crm.New(crm.Config{Store: seriesless{s.store}, Logger: slog.New(slog.NewTextHandler(s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.root, err = httpapi.New(app, httpapi.Options{ActorFunc: whoIsCalling, Logger: slog.New(slog.NewTextHandler(s.log, nil))}); err != nil {
		t.Fatal(err)
	}
	a := s.send(t, http.MethodGet, "dashboard", "").want(200)
	if a.get("totals.error") != "internal" || a.get("growth.error") != "internal" || a.get("system.database.status") != "ok" {
		t.Errorf("got %s", a.body)
	}
}
