package httpapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestContactLists(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for i := range 7 {
		s.create(t, fmt.Sprintf(`{"displayName":"Person %d","company":"Acme","stage":"lead","tags":["t%d","all"],"source":"s%d","primaryEmail":"p%d@example.com","fields":{"shoe":"%d"}}`, i, i%2, i%3, i, 40+i))
	}
	s.create(t, `{"displayName":"Zoë Łukasz","stage":"customer","notes":"met in Paris"}`)
	names := func(a answer) string {
		a.want(200)
		var got []string
		for i := range a.size("items") {
			got = append(got, strings.TrimPrefix(a.text(fmt.Sprintf("items.%d.displayName", i)), "Person "))
		}
		return strings.Join(got, " ")
	}
	get := func(query string) answer { return s.send(t, http.MethodGet, "contacts?"+query, "").want(200) }

	t.Run("the envelope has items, an exact total and a cursor", func(t *testing.T) {
		a := get("")
		if a.size("items") != 8 || a.get("total") != 8.0 || a.get("totalRelation") != "eq" || a.get("nextCursor") != nil {
			t.Errorf("got %s", a.body)
		}
		if strings.Contains(a.body, "searchBackend") || strings.Contains(a.body, "facets") || strings.Contains(a.body, "highlights") {
			t.Errorf("an envelope without a search: %s", a.body)
		}
	})
	t.Run("pages by cursor and by number agree", func(t *testing.T) {
		var byCursor []string
		cursor := ""
		for page := 1; ; page++ {
			q := "sort=displayName&pageSize=3"
			a := get(q + cursor)
			if got, want := names(get(fmt.Sprintf("%s&page=%d", q, page))), names(a); got != want {
				t.Errorf("page %d: got %s, want %s", page, got, want)
			}
			byCursor = append(byCursor, names(a))
			next, more := a.get("nextCursor").(string)
			if !more {
				break
			}
			cursor = "&cursor=" + url.QueryEscape(next)
		}
		if got, want := strings.Join(byCursor, " "), "0 1 2 3 4 5 6 Zoë Łukasz"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("filters select", func(t *testing.T) {
		for query, want := range map[string]string{
			"stage=customer": "Zoë Łukasz", "stage=customer&stage=lead&order=asc&pageSize=1&sort=displayName": "0", "tag=T0&sort=displayName": "0 2 4 6",
			"tag=t0&tag=all&tagMode=all&sort=displayName": "0 2 4 6", "tag=t0&tag=t1&tagMode=all": "", "source=s2&sort=displayName": "2 5",
			"source=s1&source=s2&sort=displayName": "1 2 4 5", "hasEmail=false": "Zoë Łukasz", "hasPhone=true": "", "field.shoe=43": "3", "trash=true": "",
			"createdAtFilter=" + url.QueryEscape(`{"mode":"today"}`) + "&tz=UTC&hasEmail=false":                "Zoë Łukasz",
			"createdAtFilter=" + url.QueryEscape(`{"mode":"range","to":"2001-01-01"}`):                         "",
			"updatedAtFilter=" + url.QueryEscape(`{"mode":"range","from":"2001-01-01"}`) + "&stage=customer":   "Zoë Łukasz",
			"lastInteractionAtFilter=" + url.QueryEscape(`{"mode":"year"}`):                                    "",
			"createdAtFilter=" + url.QueryEscape(`{"mode":"any"}`) + "&search=" + url.QueryEscape("zoe lukas"): "Zoë Łukasz",
		} {
			if got := names(get(query)); got != want {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
		}
	})
	t.Run("a search ranks, highlights and says who answered", func(t *testing.T) {
		a := s.wait(t, "contacts?search=zoe+lukazs", func(a answer) bool { return a.get("degraded") == false })
		if names(a) != "Zoë Łukasz" || a.text("searchBackend") == "" {
			t.Fatalf("got %s", a.body)
		}
		id := a.text("items.0.id")
		if a.size("highlights."+id) == 0 {
			t.Errorf("no highlights: %s", a.body)
		}
	})
	t.Run("facets count over all matches", func(t *testing.T) {
		a := s.wait(t, "contacts?facets=stage&facets=company&pageSize=1", func(a answer) bool { return a.get("facets.stage") != nil })
		if a.get("facets.stage.0.value") != "lead" || a.get("facets.stage.0.count") != 7.0 || a.get("facets.company.0.value") != "Acme" {
			t.Errorf("got %s", a.body)
		}
	})
}

func TestBulkActions(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ids := make([]string, 4)
	for i := range ids {
		ids[i] = s.create(t, fmt.Sprintf(`{"displayName":"P%d","tags":["old"]}`, i))
	}
	foreign := s.create(t, `{"displayName":"Foreign"}`, "X-Test-Actor", "stranger")
	list := func(ids ...string) string { return `["` + strings.Join(ids, `","`) + `"]` }
	post := func(verb, body string) answer { return s.send(t, http.MethodPost, "contacts/"+verb, body) }

	t.Run("by ids answers the number really changed", func(t *testing.T) {
		for _, c := range []struct {
			verb, body, figure string
			want               float64
		}{
			{"bulk-tag", `{"ids":` + list(ids[0], ids[1], foreign) + `,"add":["new"],"remove":["OLD"]}`, "updated", 2},
			{"bulk-tag", `{"ids":` + list(ids[0], ids[1]) + `,"add":["new"]}`, "updated", 0},
			{"bulk-update", `{"ids":` + list(ids...) + `,"set":{"stage":"lead"}}`, "updated", 4},
			{"bulk-delete", `{"ids":` + list(ids[2], ids[3], ids[3], foreign) + `}`, "deleted", 2},
			{"bulk-delete", `{"ids":` + list(ids[2]) + `}`, "deleted", 0},
			{"bulk-restore", `{"ids":` + list(ids...) + `}`, "restored", 2},
		} {
			if got := post(c.verb, c.body).want(200).get(c.figure); got != c.want {
				t.Errorf("%s %s: got %v, want %v", c.verb, c.body, got, c.want)
			}
		}
		if a := s.send(t, http.MethodGet, "contacts/"+foreign, "", "X-Test-Actor", "stranger").want(200); a.get("version") != 1.0 {
			t.Errorf("the foreign contact changed: %s", a.body)
		}
	})
	t.Run("by filter answers 202 with a job whose result is the figure, and which can be undone", func(t *testing.T) {
		a := post("bulk-update", `{"filter":{"stage":"lead","tag":["new"]},"set":{"stage":"customer"}}`).want(202)
		id := a.text("jobId")
		if got := a.header.Get("Location"); got != "/api/v1/jobs/"+id {
			t.Errorf("got Location %s", got)
		}
		job := s.waitJob(t, id)
		if job.get("status") != "succeeded" || job.get("result.changed") != 2.0 {
			t.Fatalf("got %s", job.body)
		}
		undo := s.send(t, http.MethodPost, "jobs/"+id+"/undo", "").want(202)
		if undone := s.waitJob(t, undo.text("id")); undone.get("status") != "succeeded" {
			t.Fatalf("got %s", undone.body)
		}
		if got := s.send(t, http.MethodGet, "contacts?stage=lead", "").get("total"); got != 4.0 {
			t.Errorf("got %v leads after the undo", got)
		}
	})
	t.Run("ids and filter exclude each other and one is needed", func(t *testing.T) {
		for body, field := range map[string]string{
			`{}`: "ids", `{"ids":` + list(ids[0]) + `,"filter":{}}`: "ids", `{"ids":[]}`: "ids", `{"ids":` + list(strings.Split(strings.Repeat(ids[0]+" ", 1000)+ids[0], " ")...) + `}`: "ids",
			`{"filter":{"stage":"boss"}}`: "filter.stage", `{"filter":{"tz":"Mars"}}`: "filter.tz", `{"filter":{"page":1}}`: "filter.page",
			`{"filter":{"createdAtFilter":{"mode":"range","from":"2026-02-29"}}}`: "filter.createdAtFilter.from", `{"filter":{"search":"` + strings.Repeat("x", 201) + `"}}`: "filter.search",
		} {
			post("bulk-delete", body).want(400, "invalid_body").wantField(field)
		}
		post("bulk-update", `{"ids":`+list(ids[0])+`,"set":{}}`).want(400, "invalid_body").wantField("set")
		post("bulk-update", `{"ids":`+list(ids[0])+`,"set":{"notes":"x"}}`).want(400, "invalid_body").wantField("set.notes")
		post("bulk-tag", `{"ids":`+list(ids[0])+`}`).want(400, "invalid_body").wantField("add")
	})
}

func TestBatches(t *testing.T) {
	t.Parallel()
	s := setup(t)
	known := s.create(t, `{"displayName":"Known","primaryEmail":"known@example.com"}`)
	t.Run("one broken contact does not stop the others", func(t *testing.T) {
		a := s.send(t, http.MethodPost, "contacts/batch", `{"mode":"upsert","contacts":[
			{"displayName":"New","primaryEmail":"new@example.com"},
			{"displayName":"Known","primaryEmail":"KNOWN@example.com","jobTitle":"Boss"},
			{"displayName":"Bad","birthday":"2023-02-29"},
			{"displayName":"Odd","shoeSize":1},
			7,
			{"displayName":"Known","primaryEmail":"known@example.com"}]}`).want(200)
		for path, want := range map[string]any{
			"items.0.outcome": "created", "items.1.outcome": "updated", "items.1.contact.id": known, "items.1.contact.jobTitle": "Boss",
			"items.2.outcome": "problem", "items.2.problems.0.field": "birthday", "items.3.outcome": "problem", "items.3.problems.0.field": "shoeSize",
			"items.4.outcome": "problem", "items.5.outcome": "unchanged",
		} {
			if got := a.get(path); got != want {
				t.Errorf("%s: got %v, want %v: %s", path, got, want, a.body)
			}
		}
	})
	t.Run("create never matches", func(t *testing.T) {
		a := s.send(t, http.MethodPost, "contacts/batch", `{"contacts":[{"displayName":"Known","primaryEmail":"known@example.com"}]}`).want(200)
		if a.get("items.0.outcome") != "created" || a.get("items.0.contact.id") == known {
			t.Errorf("got %s", a.body)
		}
	})
	t.Run("1,001 contacts, none and an unknown mode are refused", func(t *testing.T) {
		s.send(t, http.MethodPost, "contacts/batch", `{"contacts":[`+strings.Repeat(`{"displayName":"A"},`, 1000)+`{"displayName":"A"}]}`).want(400, "invalid_body").wantField("contacts")
		s.send(t, http.MethodPost, "contacts/batch", `{"contacts":[]}`).want(400, "invalid_body").wantField("contacts")
		s.send(t, http.MethodPost, "contacts/batch", `{"mode":"merge","contacts":[{}]}`).want(400, "invalid_body").wantField("mode")
	})
}
