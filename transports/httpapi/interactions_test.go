package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestInteractions(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ana := s.create(t, `{"displayName":"Ana","primaryEmail":"ana@example.com"}`)
	timeline := "contacts/" + ana + "/interactions"
	const call = `{"type":"call","subject":"Terms","occurredAt":"2026-01-05T10:00:00+01:00","source":"pbx","sourceId":"7"}`

	t.Run("a create answers 201 with the interaction, its place and its ETag", func(t *testing.T) {
		a := s.send(t, http.MethodPost, timeline, call).want(201)
		if got, want := a.header.Get("Location"), "/api/v1/interactions/"+a.text("id"); got != want {
			t.Errorf("got Location %s, want %s", got, want)
		}
		for path, want := range map[string]any{
			"type": "call", "direction": "outbound", "subject": "Terms", "body": nil, "occurredAt": "2026-01-05T09:00:00Z", "version": 1.0,
			"participants.0.role": "to", "participants.0.name": "Ana", "participants.0.contactId": ana, "batchId": nil, "source": "pbx",
		} {
			if got := a.get(path); got != want {
				t.Errorf("%s: got %v, want %v", path, got, want)
			}
		}
		if got := s.send(t, http.MethodGet, "contacts/"+ana, "").want(200).get("lastInteractionAt"); got != "2026-01-05T09:00:00Z" {
			t.Errorf("lastInteractionAt: got %v", got)
		}
		again := s.send(t, http.MethodPost, timeline, call).want(409, "conflict")
		if got, want := again.text("links.conflict"), "/api/v1/interactions/"+a.text("id"); got != want {
			t.Errorf("got link %s, want %s", got, want)
		}
	})

	t.Run("an interaction is changed by a merge patch and deleted, under its version", func(t *testing.T) {
		a := s.send(t, http.MethodPost, timeline, `{"type":"email","body":"x","occurredAt":"2026-01-06T09:00:00Z"}`).want(201)
		one, etag := "interactions/"+a.text("id"), a.header.Get("ETag")
		b := s.send(t, http.MethodPatch, one, `{"body":null,"subject":"S"}`, "If-Match", etag).want(200)
		if b.get("body") != nil || b.get("subject") != "S" || b.header.Get("ETag") != `"2"` {
			t.Errorf("got %s", b.body)
		}
		s.send(t, http.MethodGet, one, "", "If-None-Match", `"2"`).want(304)
		s.send(t, http.MethodPatch, one, `{"subject":"T"}`, "If-Match", etag).want(412, "precondition_failed")
		s.send(t, http.MethodDelete, one, "", "If-Match", etag).want(412, "precondition_failed")
		s.send(t, http.MethodPatch, one, `{"source":"other"}`).want(400, "invalid_body")
		s.send(t, http.MethodDelete, one, "", "If-Match", `"2"`).want(204)
		s.send(t, http.MethodGet, one, "").want(404, "not_found")
	})

	t.Run("a patch cannot take the last contact out", func(t *testing.T) {
		cy := s.create(t, `{"displayName":"Cy"}`)
		one := "interactions/" + s.send(t, http.MethodPost, "contacts/"+cy+"/interactions", `{"type":"note","body":"said by Cy","occurredAt":"2026-01-06T09:00:00Z"}`).want(201).text("id")
		for _, list := range []string{`[]`, `null`, `[{"name":"Cy"}]`} {
			a := s.send(t, http.MethodPatch, one, `{"participants":`+list+`}`).want(400, "invalid_body")
			if got := a.text("errors.0.field"); got != "participants" {
				t.Errorf("%s: got field %q, want participants", list, got)
			}
		}
		s.send(t, http.MethodPatch, one, `{"participants":[{"contactId":"`+ana+`"},{"contactId":"`+cy+`"}]}`).want(200)
		s.send(t, http.MethodPatch, one, `{"participants":[{"contactId":"`+cy+`"}]}`).want(200)
		s.send(t, http.MethodPost, "contacts/"+cy+"/erase", "").want(204)
		s.send(t, http.MethodGet, one, "").want(404, "not_found")
		if a := s.send(t, http.MethodGet, "exports/interactions", "").want(200); strings.Contains(a.body, "said by Cy") {
			t.Errorf("after the erase: got %s", a.body)
		}
	})

	t.Run("a create under a key is carried out once and shows what is there", func(t *testing.T) {
		first := s.send(t, http.MethodPost, timeline, `{"type":"note","body":"once","occurredAt":"2026-01-07T09:00:00Z"}`, "Idempotency-Key", "k1").want(201)
		second := s.send(t, http.MethodPost, timeline, `{"type":"note","body":"once","occurredAt":"2026-01-07T09:00:00Z"}`, "Idempotency-Key", "k1").want(201)
		if first.body != second.body {
			t.Errorf("got\n%s\nthen\n%s", first.body, second.body)
		}
		s.send(t, http.MethodDelete, "interactions/"+first.text("id"), "").want(204)
		s.send(t, http.MethodPost, timeline, `{"type":"note","body":"once","occurredAt":"2026-01-07T09:00:00Z"}`, "Idempotency-Key", "k1").want(404, "not_found")
	})

	t.Run("a timeline pages in both directions, by type", func(t *testing.T) {
		bo := s.create(t, `{"displayName":"Bo"}`)
		for n := range 7 {
			kind := []string{"meeting", "email"}[n%2]
			s.send(t, http.MethodPost, "contacts/"+bo+"/interactions",
				fmt.Sprintf(`{"type":%q,"subject":"%d","occurredAt":"2026-02-0%dT00:00:00Z"}`, kind, n, n+1)).want(201)
		}
		for query, want := range map[string]string{
			"": "6543210", "?order=asc": "0123456", "?type=meeting&order=asc&pageSize=3": "0246", "?pageSize=2": "6543210", "?type=web": "",
		} {
			got, path := "", "contacts/"+bo+"/interactions"+query
			for cursor := ""; ; {
				at := path
				if cursor != "" {
					at += "&cursor=" + cursor
				}
				a := s.send(t, http.MethodGet, at, "").want(200)
				if int(a.get("total").(float64)) != len(want) || a.text("totalRelation") != "eq" {
					t.Errorf("%s: got total %v %s, want %d", query, a.get("total"), a.text("totalRelation"), len(want))
				}
				for n := range a.size("items") {
					got += a.text(fmt.Sprintf("items.%d.subject", n))
				}
				if a.get("nextCursor") == nil {
					break
				}
				cursor = a.text("nextCursor")
			}
			if got != want {
				t.Errorf("%q: got %s, want %s", query, got, want)
			}
		}
		s.send(t, http.MethodGet, "contacts/"+bo+"/interactions?type=fax", "").want(400, "invalid_query")
		s.send(t, http.MethodGet, "contacts/"+bo+"/interactions?cursor=x", "").want(400, "invalid_query")
	})

	t.Run("bad input names its field", func(t *testing.T) {
		many := strings.Repeat(`{"name":"x"},`, 500)
		for body, field := range map[string]string{
			`{}`: "type",
			`{"type":"fax","occurredAt":"2026-01-05T09:00:00Z"}`: "type",
			`{"type":"call"}`: "occurredAt",
			`{"type":"call","occurredAt":"2999-01-05T09:00:00Z"}`:                                                  "occurredAt",
			`{"type":"call","occurredAt":"0001-01-05T09:00:00Z"}`:                                                  "occurredAt",
			`{"type":"call","occurredAt":"yesterday"}`:                                                             "occurredAt",
			`{"type":"note","direction":"inbound","occurredAt":"2026-01-05T09:00:00Z"}`:                            "direction",
			`{"type":"call","occurredAt":"2026-01-05T09:00:00Z","participants":[` + many[:len(many)-1] + `]}`:      "participants",
			`{"type":"call","occurredAt":"2026-01-05T09:00:00Z","participants":[{"role":"boss","name":"x"}]}`:      "participants[0].role",
			`{"type":"call","occurredAt":"2026-01-05T09:00:00Z","participants":[{"contactId":"` + foreign + `"}]}`: "participants[0].contactId",
		} {
			a := s.send(t, http.MethodPost, timeline, body).want(400, "invalid_body")
			if got := a.text("errors.0.field"); got != field {
				t.Errorf("%.120s: got field %q, want %q", body, got, field)
			}
		}
		s.send(t, http.MethodPost, timeline, `{"type":"call","occurredAt":"2026-01-05T09:00:00Z","body":"`+strings.Repeat("x", 10<<20)+`"}`).want(413, "payload_too_large")
	})

	t.Run("the begin of the year 1 is a time that was given", func(t *testing.T) {
		one := "interactions/" + s.send(t, http.MethodPost, timeline, `{"type":"call","occurredAt":"2026-01-06T09:00:00Z"}`).want(201).text("id")
		for at, code := range map[string]string{
			`"0001-01-01T00:00:00Z"`: "invalid", `"0001-01-01T02:00:00+02:00"`: "invalid", `"0001-01-01T00:00:00.0000001Z"`: "invalid", `null`: "required",
		} {
			for _, a := range []answer{
				s.send(t, http.MethodPost, timeline, `{"type":"call","occurredAt":`+at+`}`), s.send(t, http.MethodPatch, one, `{"occurredAt":`+at+`}`),
			} {
				if a.want(400, "invalid_body"); a.text("errors.0.field") != "occurredAt" || a.text("errors.0.code") != code {
					t.Errorf("%s: got %s, want the code %s", at, a.body, code)
				}
			}
		}
		s.send(t, http.MethodDelete, one, "").want(204)
	})

	t.Run("an export has every interaction, a line each", func(t *testing.T) {
		a := s.send(t, http.MethodGet, "exports/interactions", "").want(200)
		if got := strings.Count(a.body, "\n"); got != 8 {
			t.Errorf("got %d lines, want 8:\n%s", got, a.body)
		}
	})
}

// foreign is an id that no workspace has.
const foreign = "01900000-0000-7000-8000-000000000000"
