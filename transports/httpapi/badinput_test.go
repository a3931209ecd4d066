package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func TestJSONBodiesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for _, c := range []struct{ name, body, field string }{
		{"an unknown member", `{"displayName":"A","shoeSize":42}`, "shoeSize"},
		{"an unknown member inside", `{"displayName":"A","emails":[{"address":"a@b.co","kind":"x"}]}`, "emails[0].kind"},
		{"a member of the answer that cannot be set", `{"displayName":"A","version":3}`, "version"},
		{"a key in another case", `{"displayname":"A"}`, "displayname"},
		{"a duplicate key", `{"displayName":"A","displayName":"B"}`, "displayName"},
		{"a duplicate key inside", `{"displayName":"A","fields":{"x":1,"x":2}}`, "fields.x"},
		{"a wrong type", `{"displayName":7}`, "displayName"},
		{"a wrong type inside", `{"displayName":"A","tags":["x",7]}`, "tags[1]"},
		{"a list for a text", `{"displayName":["A"]}`, "displayName"},
		{"an object for a field's value", `{"displayName":"A","fields":{"x":{"y":1}}}`, "fields.x"},
		{"a list as the body", `[]`, "body"},
		{"a text as the body", `"x"`, "body"},
		{"null as the body", `null`, "body"},
		{"10,000 levels", `{"displayName":"A","fields":{"x":` + deep + `}}`, ""},
		{"10,000 open levels", strings.Repeat(`{"a":`, 10_000), ""},
		{"half of a surrogate pair", `{"displayName":"\ud83d"}`, "displayName"},
		{"the other half", `{"displayName":"\ude00"}`, "displayName"},
		{"two first halves", `{"displayName":"\ud83d\ud83d"}`, "displayName"},
		{"a number beyond 2^53", `{"displayName":"A","fields":{"n":9007199254740993}}`, "fields.n"},
		{"a number beyond the range", `{"displayName":"A","fields":{"n":1e400}}`, "fields.n"},
		{"a NUL", `{"displayName":"A\u0000B"}`, "displayName"},
		{"a raw control character", "{\"displayName\":\"A\x01\"}", "displayName"},
		{"invalid UTF-8", "{\"displayName\":\"\xff\"}", "body"},
		{"something behind the end", `{"displayName":"A"} x`, "body"},
		{"a second value", `{"displayName":"A"}{}`, "body"},
		{"a comma too many", `{"displayName":"A",}`, "body"},
		{"a cut body", `{"displayName":"A`, "displayName"},
		{"no JSON", `displayName=A`, "body"},
		{"a leading zero", `{"fields":{"n":012}}`, ""},
		{"a bare point", `{"fields":{"n":1.}}`, "fields.n"},
		{"an unknown escape", `{"displayName":"\x41"}`, "displayName"},
		{"two primary emails", `{"displayName":"A","emails":[{"address":"a@b.co","primary":true},{"address":"c@d.co","primary":true}]}`, "emails"},
		{"an email that is none", `{"displayName":"A","emails":[{"address":"a@b.co"},{"address":"nobody"}]}`, "emails[1].address"},
		{"the short and the long form", `{"displayName":"A","primaryEmail":"a@b.co","emails":[{"address":"c@d.co"}]}`, "primaryEmail"},
		{"a birthday that does not exist", `{"displayName":"A","birthday":"2023-02-29"}`, "birthday"},
		{"an unknown stage", `{"displayName":"A","stage":"boss"}`, "stage"},
		{"no name at all", `{}`, "displayName"},
		{"a name too long", `{"displayName":"` + strings.Repeat("x", 201) + `"}`, "displayName"},
		{"notes too long", `{"displayName":"A","notes":"` + strings.Repeat("x", 5001) + `"}`, "notes"},
		{"too many tags", `{"displayName":"A","tags":["` + strings.Repeat(`x","`, 100) + `y"]}`, "tags"},
		{"an empty body", "", "body"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.send(t, http.MethodPost, "contacts", c.body, "Content-Type", "application/json").want(400, "invalid_body")
			if c.field != "" {
				a.wantField(c.field)
			}
			if a.text("detail") == "" {
				t.Error("no detail")
			}
		})
	}
	if got := s.send(t, http.MethodGet, "contacts", "").get("total"); got != 0.0 {
		t.Errorf("refused bodies left %v contacts", got)
	}

	t.Run("a body over 1,000,000 bytes is 413, at the limit it is read", func(t *testing.T) {
		pad := func(n int) string {
			head, tail := `{"displayName":"A"`, `}`
			return head + strings.Repeat(" ", n-len(head)-len(tail)) + tail
		}
		s.send(t, http.MethodPost, "contacts", pad(1_000_001)).want(413, "payload_too_large")
		s.send(t, http.MethodPost, "contacts", pad(1_000_000)).want(201)
		r := newRequest(http.MethodPost, s.url("contacts"), pad(1_000_001))
		r.ContentLength = -1
		s.sendRequest(t, r).want(413, "payload_too_large")
	})

	t.Run("another content type is 415", func(t *testing.T) {
		for _, media := range []string{"", "text/plain", "application/xml", "application/json; charset=latin1", "application/merge-patch+json", "nonsense/"} {
			s.send(t, http.MethodPost, "contacts", `{"displayName":"A"}`, "Content-Type", media).want(415, "unsupported_media_type")
		}
		s.send(t, http.MethodPost, "contacts", `{"displayName":"A"}`, "Content-Encoding", "gzip").want(415, "unsupported_media_type")
		s.send(t, http.MethodPost, "contacts", `{"displayName":"A"}`, "Content-Type", "application/json; charset=UTF-8").want(201)
	})

	t.Run("a body where none belongs is refused", func(t *testing.T) {
		id := s.create(t, `{"displayName":"A"}`)
		s.send(t, http.MethodPost, "contacts/"+id+"/restore", `{}`).want(400, "invalid_body").wantField("body")
	})

	t.Run("no error repeats what was sent", func(t *testing.T) {
		for _, body := range []string{
			`{"displayName":"A","primaryEmail":"SECRET-7f3"}`, `{"displayName":"A","stage":"SECRET-7f3"}`, `{"displayName":"A","birthday":"SECRET-7f3"}`,
			`{"displayName":"A","fields":{"x":["SECRET-7f3"]}}`, `{"displayName":"A" SECRET-7f3}`,
		} {
			if a := s.send(t, http.MethodPost, "contacts", body).want(400); strings.Contains(a.body, "SECRET") {
				t.Errorf("got %s", a.body)
			}
		}
	})
}

func TestQueriesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, name := range []string{"Ann", "Ben", "Cid"} {
		s.create(t, `{"displayName":"`+name+`"}`)
	}
	cursor := s.send(t, http.MethodGet, "contacts?pageSize=1&sort=displayName", "").want(200).text("nextCursor")
	filter := func(json string) string { return "createdAtFilter=" + url.QueryEscape(json) }
	for _, c := range []struct{ name, query, field string }{
		{"an unknown parameter", "color=red", "color"},
		{"a parameter in another case", "PageSize=2", "PageSize"},
		{"a repeated parameter", "page=1&page=2", "page"},
		{"a repeated search", "search=a&search=b", "search"},
		{"an empty parameter", "stage=", "stage"},
		{"an empty parameter without a sign", "stage", "stage"},
		{"an empty tag among others", "tag=a&tag=", "tag"},
		{"page 0", "page=0", "page"},
		{"page -1", "page=-1", "page"},
		{"page 100001", "page=100001", "page"},
		{"a page that is no number", "page=one", "page"},
		{"a page with a sign", "page=%2B1", "page"},
		{"a page beyond all numbers", "page=99999999999999999999", "page"},
		{"pageSize 0", "pageSize=0", "pageSize"},
		{"pageSize 201", "pageSize=201", "pageSize"},
		{"a forged cursor", "cursor=abc", "cursor"},
		{"a forged cursor of the right form", "cursor=eyJxIjoxfQ", "cursor"},
		{"a cursor of another sort", "cursor=" + cursor, "cursor"},
		{"a cursor of another search", "sort=displayName&search=ann&cursor=" + cursor, "cursor"},
		{"a cursor and a page", "sort=displayName&page=2&cursor=" + cursor, "cursor"},
		{"an unknown sort", "sort=shoe", "sort"},
		{"an unknown order", "order=up", "order"},
		{"an unknown stage", "stage=boss", "stage"},
		{"an unknown tag mode", "tag=a&tagMode=some", "tagMode"},
		{"an unknown facet", "facets=shoe", "facets"},
		{"a boolean that is none", "hasEmail=yes", "hasEmail"},
		{"an unknown zone", "tz=Mars%2FBase", "tz"},
		{"the zone Local", "tz=Local", "tz"},
		{"a search over 200 characters", "search=" + strings.Repeat("x", 201), "search"},
		{"a search with NUL", "search=a%00b", "search"},
		{"invalid UTF-8", "search=%ff", "search"},
		{"a broken escape", "search=%zz", "query"},
		{"a semicolon", "search=a;page=1", "query"},
		{"from after to", filter(`{"mode":"range","from":"2026-02-02","to":"2026-02-01"}`), "createdAtFilter"},
		{"29 February", filter(`{"mode":"range","from":"2026-02-29"}`), "createdAtFilter.from"},
		{"a date filter that is no JSON", "createdAtFilter=today", "createdAtFilter"},
		{"an unknown mode", filter(`{"mode":"decade"}`), "createdAtFilter"},
		{"an unknown member in a date filter", filter(`{"mode":"today","zone":"UTC"}`), "createdAtFilter"},
		{"a repeated member in a date filter", filter(`{"mode":"today","mode":"week"}`), "createdAtFilter"},
		{"dates without the mode range", filter(`{"mode":"today","from":"2026-01-01"}`), "createdAtFilter"},
		{"a custom field without a key", "field.=x", "field."},
		{"a custom field twice", "field.a=1&field.a=2", "field.a"},
		{"a parameter a hundred times too often", strings.Repeat("tag=a&", 101) + "tag=b", "tag"},
		{"a query of megabytes", "search=" + strings.Repeat("x", 20_000), "query"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.send(t, http.MethodGet, "contacts?"+c.query, "").want(400, "invalid_query").wantField(c.field)
		})
	}
	t.Run("a route without parameters refuses any", func(t *testing.T) {
		s.send(t, http.MethodGet, "tags?page=1", "").want(400, "invalid_query").wantField("page")
		s.send(t, http.MethodPost, "contacts?dryRun=true", `{"displayName":"A"}`).want(400, "invalid_query").wantField("dryRun")
	})
	t.Run("a search box that sends every keystroke never gets an error", func(t *testing.T) {
		for _, typed := range []string{"", " ", "a", "an", "ann", "ann ", "'", "-", "@", "+1 (202", "%", "\\", "\"", "王", "😀", "é", "\u200d", "a\tb", "--", "&", "#", strings.Repeat("w ", 100)} {
			s.send(t, http.MethodGet, "contacts?search="+url.QueryEscape(typed), "").want(200)
		}
	})
}

func TestIDsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	gone := s.create(t, `{"displayName":"Gone"}`)
	s.send(t, http.MethodPost, "contacts/"+gone+"/erase", "").want(204)
	job := s.send(t, http.MethodPost, "contacts/bulk-delete", `{"filter":{"search":"nobody"}}`).want(202).text("jobId")
	for _, id := range []string{"1", "abc", "0190d3c1", strings.ReplaceAll(gone, "-", ""), "%7B" + gone + "%7D", gone + "x", "..%2F", "%00", "%ff", "batch"} {
		s.send(t, http.MethodGet, "contacts/"+id, "").want(map[bool]int{true: 405, false: 400}[id == "batch"])
	}
	for name, id := range map[string]string{"erased": gone, "absent": crm.NewID().String(), "of another kind": job, "zero": "00000000-0000-0000-0000-000000000000"} {
		t.Run("an id "+name+" is not found", func(t *testing.T) {
			s.send(t, http.MethodGet, "contacts/"+id, "").want(404, "not_found")
			s.send(t, http.MethodPatch, "contacts/"+id, `{"notes":"x"}`).want(404, "not_found")
			s.send(t, http.MethodDelete, "contacts/"+id, "").want(404, "not_found")
			s.send(t, http.MethodPost, "contacts/"+id+"/restore", "").want(404, "not_found")
			s.send(t, http.MethodPost, "contacts/"+id+"/erase", "").want(404, "not_found")
			s.send(t, http.MethodGet, "imports/"+id, "").want(404, "not_found")
			if got := s.send(t, http.MethodPost, "contacts/bulk-delete", `{"ids":["`+id+`"]}`).want(200).get("deleted"); got != 0.0 {
				t.Errorf("got %v deleted", got)
			}
		})
	}
	s.send(t, http.MethodPost, "contacts/bulk-delete", `{"ids":["`+gone+`","17"]}`).want(400, "invalid_body").wantField("ids[1]")
	t.Run("the nil UUID is no parameter that is left out", func(t *testing.T) {
		const zero = "00000000-0000-0000-0000-000000000000"
		s.send(t, http.MethodGet, "jobs?batchId="+zero, "").want(400, "invalid_query").wantField("batchId")
		s.send(t, http.MethodGet, "activity?contactId="+zero, "").want(400, "invalid_query").wantField("contactId")
	})
	t.Run("the nil UUID is no participant without a contact", func(t *testing.T) {
		const talk = `{"type":"note","occurredAt":"2026-01-05T09:00:00Z"`
		const who = `"participants":[{"name":"A"},{"address":"a@b.co","contactId":"00000000-0000-0000-0000-000000000000"}]}`
		of := "contacts/" + s.create(t, `{"displayName":"A","primaryEmail":"a@b.co"}`) + "/interactions"
		s.send(t, http.MethodPost, of, talk+","+who).want(400, "invalid_body").wantField("participants[1].contactId")
		if got := s.send(t, http.MethodGet, of, "").want(200).get("total"); got != 0.0 {
			t.Errorf("a refused body left %v interactions", got)
		}
		one := "interactions/" + s.send(t, http.MethodPost, of, talk+"}").want(201).text("id")
		s.send(t, http.MethodPatch, one, "{"+who).want(400, "invalid_body").wantField("participants[1].contactId")
	})
	s.send(t, http.MethodGet, "jobs?batchId=17", "").want(400, "invalid_query").wantField("batchId")
	s.send(t, http.MethodGet, "contacts/17", "").want(400, "invalid_id").wantField("id")
}
