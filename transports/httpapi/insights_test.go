package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestInsights(t *testing.T) {
	t.Parallel()
	s := setupStill(t)
	days := func(n int) string { return time.Now().AddDate(0, 0, -n).UTC().Format(time.RFC3339) }
	talk := func(id, kind, direction string, age int) {
		t.Helper()
		s.send(t, http.MethodPost, "contacts/"+id+"/interactions",
			fmt.Sprintf(`{"type":%q,"direction":%q,"occurredAt":%q}`, kind, direction, days(age))).want(201)
	}
	ana := s.create(t, `{"displayName":"Ana","primaryPhone":"202-555-0123","stage":"customer"}`)
	for _, age := range []int{40, 52, 64, 76} {
		talk(ana, "call", "outbound", age)
	}

	t.Run("a judgment has its reasons with their numbers", func(t *testing.T) {
		a := s.send(t, http.MethodGet, "contacts/"+ana+"/insights", "").want(200)
		for path, want := range map[string]any{
			"contactId": ana, "parts.0.part": "recency", "parts.0.weight": 35.0, "parts.0.reason": "last contact 40 days ago",
			"reasons.1": "4 exchanges in 90 days, usually every 12 days", "parts.2.reason": "4 calls and meetings", "parts.3.points": 7.5,
			"followUp.due": true, "followUp.suggestedAction.type": "call", "followUp.suggestedAction.text": "Call Ana",
			"followUp.suggestedAction.reason": "40 days quiet, usually every 12 days", "trend.direction": "new", "trend.recent": 4.0,
			"forecast.days": 30.0,
		} {
			if got := a.get(path); got != want {
				t.Errorf("%s: got %v, want %v", path, got, want)
			}
		}
		if got := s.send(t, http.MethodGet, "contacts/"+ana, "").want(200).get("score"); got != nil {
			t.Errorf("the score before anything computed it: got %v", got)
		}
	})

	t.Run("a refresh stores the score and puts who is due in the focus", func(t *testing.T) {
		if a := s.send(t, http.MethodGet, "focus", "").want(200); a.size("items") != 0 || a.get("total") != 0.0 {
			t.Errorf("got %s", a.body)
		}
		a := s.send(t, http.MethodPost, "contacts/"+ana+"/insights/refresh", "").want(200)
		c := s.send(t, http.MethodGet, "contacts/"+ana, "").want(200)
		if c.get("score") != a.get("score") || c.get("version") != 1.0 {
			t.Errorf("got %s with score %v, want %v", c.body, c.get("score"), a.get("score"))
		}
		f := s.send(t, http.MethodGet, "focus", "").want(200)
		for path, want := range map[string]any{
			"total": 1.0, "totalRelation": "eq", "nextCursor": nil, "items.0.contact.id": ana, "items.0.score": a.get("score"),
			"items.0.reasons.0": "last contact 40 days ago", "items.0.suggestedAction.text": "Call Ana",
			"items.0.suggestedAction.reason": "40 days quiet, usually every 12 days",
		} {
			if got := f.get(path); got != want {
				t.Errorf("%s: got %v, want %v", path, got, want)
			}
		}
	})

	t.Run("the dashboard suggests it", func(t *testing.T) {
		d := s.send(t, http.MethodGet, "dashboard", "").want(200)
		for path, want := range map[string]any{
			"totals.followUpsDue": 1.0, "focus.0.contact.id": ana, "focus.0.suggestedAction.text": "Call Ana",
			"focus.0.suggestedAction.reason": "40 days quiet, usually every 12 days", "focus.0.reasons.0": "last contact 40 days ago",
		} {
			if got := d.get(path); got != want {
				t.Errorf("%s: got %v, want %v", path, got, want)
			}
		}
	})

	t.Run("the focus pages, whoever waits for an answer first", func(t *testing.T) {
		bo := s.create(t, `{"displayName":"Bo","primaryEmail":"bo@example.com"}`)
		talk(bo, "email", "inbound", 3)
		s.send(t, http.MethodPost, "contacts/"+bo+"/insights/refresh", "").want(200)
		first := s.send(t, http.MethodGet, "focus?limit=1", "").want(200)
		if first.text("items.0.suggestedAction.text") != "Answer Bo by email" || first.get("total") != 2.0 {
			t.Errorf("got %s", first.body)
		}
		second := s.send(t, http.MethodGet, "focus?limit=1&cursor="+first.text("nextCursor"), "").want(200)
		if second.text("items.0.contact.id") != ana || second.get("nextCursor") != nil {
			t.Errorf("got %s", second.body)
		}
		for _, query := range []string{"limit=0", "limit=101", "cursor=x", "page=1"} {
			s.send(t, http.MethodGet, "focus?"+query, "").want(400, "invalid_query")
		}
	})

	t.Run("one without a history has no follow-up, one in the trash is judged and not in the focus", func(t *testing.T) {
		jan := s.create(t, `{"displayName":"Jan"}`)
		if a := s.send(t, http.MethodGet, "contacts/"+jan+"/insights", "").want(200); a.get("followUp") != nil || a.get("score") != 0.0 {
			t.Errorf("got %s", a.body)
		}
		s.send(t, http.MethodDelete, "contacts/"+ana, "").want(204)
		s.send(t, http.MethodGet, "contacts/"+ana+"/insights", "").want(200)
		if f := s.send(t, http.MethodGet, "focus", "").want(200); f.size("items") != 1 || f.get("total") != 1.0 {
			t.Errorf("got %s", f.body)
		}
		s.send(t, http.MethodPost, "contacts/"+ana+"/erase", "").want(204)
		s.send(t, http.MethodGet, "contacts/"+ana+"/insights", "").want(404, "not_found")
		s.send(t, http.MethodPost, "contacts/"+ana+"/insights/refresh", "").want(404, "not_found")
		s.send(t, http.MethodGet, "contacts/x/insights", "").want(400, "invalid_id")
	})
}
