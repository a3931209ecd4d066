package httpapi_test

import (
	"net/http"
	"testing"
)

func TestBulkFilters(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create(t, `{"displayName":"Ana","fields":{"city":"Bonn"}}`)
	s.create(t, `{"displayName":"Ben","fields":{"city":"Köln"}}`)
	tag := func(filter string) answer {
		return s.send(t, http.MethodPost, "contacts/bulk-tag", `{"add":["x"],"filter":`+filter+`}`)
	}
	t.Run("field.<key> is a custom field, as in the list", func(t *testing.T) {
		job := tag(`{"field.city":"bonn"}`).want(202).text("jobId")
		if got := s.waitJob(t, job).get("result.changed"); got != 1.0 {
			t.Errorf("got %v changed, want 1", got)
		}
	})
	t.Run("fields is the same by name, and both at once agree", func(t *testing.T) {
		job := tag(`{"fields":{"city":"köln"},"field.city":"köln"}`).want(202).text("jobId")
		if got := s.waitJob(t, job).get("result.changed"); got != 1.0 {
			t.Errorf("got %v changed, want 1", got)
		}
		tag(`{"fields":{"city":"köln"},"field.city":"bonn"}`).want(400, "invalid_body").wantField("filter.field.city")
	})
	t.Run("a field that is no field is named", func(t *testing.T) {
		tag(`{"field.":"x"}`).want(400, "invalid_body").wantField("filter.field.")
		tag(`{"field.city":7}`).want(400, "invalid_body").wantField("filter.field.city")
		tag(`{"fields.city":"x"}`).want(400, "invalid_body").wantField("filter.fields.city")
	})
	t.Run("a filter that selects nothing is refused rather than taken for everybody", func(t *testing.T) {
		for filter, field := range map[string]string{
			`{"search":""}`:        "filter.search",
			`{"search":" \t"}`:     "filter.search",
			`{"search":"\u00a0 "}`: "filter.search",
			`{"tag":[]}`:           "filter.tag",
			`{"tag":[" "]}`:        "filter.tag",
			`{"stage":[]}`:         "filter.stage",
			`{"source":[]}`:        "filter.source",
			`{"source":""}`:        "filter.source",
		} {
			tag(filter).want(400, "invalid_body").wantField(field)
		}
	})
	t.Run("an empty filter is everybody", func(t *testing.T) {
		job := s.send(t, http.MethodPost, "contacts/bulk-tag", `{"add":["all"],"filter":{}}`).want(202).text("jobId")
		if got := s.waitJob(t, job).get("result.changed"); got != 2.0 {
			t.Errorf("got %v changed, want 2", got)
		}
	})
}

func TestMessagesNameWhatWasSent(t *testing.T) {
	t.Parallel()
	s := setup(t)
	t.Run("a choice that may be null lists the values only", func(t *testing.T) {
		a := s.send(t, http.MethodPost, "contacts", `{"displayName":"A","stage":"x"}`).want(400).wantField("stage")
		if got, want := a.text("errors.0.message"), "must be one of none, lead, prospect, customer, advocate"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("the short form of an email or phone is named as it was sent", func(t *testing.T) {
		s.send(t, http.MethodPost, "contacts", `{"displayName":"A","primaryEmail":"no"}`).want(400).wantField("primaryEmail")
		s.send(t, http.MethodPost, "contacts", `{"displayName":"A","primaryPhone":"\u0007"}`).want(201)
		s.send(t, http.MethodPost, "contacts", `{"displayName":"A","emails":[{"address":"no"}]}`).want(400).wantField("emails[0].address")
		a := s.send(t, http.MethodPost, "contacts/batch", `{"contacts":[{"displayName":"A","primaryEmail":"no"}]}`).want(200)
		if got := a.text("items.0.problems.0.field"); got != "primaryEmail" {
			t.Errorf("batch: got field %s, want primaryEmail", got)
		}
	})
	t.Run("facets of the trash are refused rather than empty", func(t *testing.T) {
		s.send(t, http.MethodGet, "contacts?trash=true&facets=stage", "").want(400, "invalid_query").wantField("facets")
		s.send(t, http.MethodGet, "contacts?trash=true&facets=stage&search=a", "").want(400, "invalid_query").wantField("facets")
		s.send(t, http.MethodGet, "contacts?trash=false&facets=stage", "").want(200)
	})
}
