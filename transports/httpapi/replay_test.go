package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func TestReplays(t *testing.T) {
	t.Parallel()
	s := setupStill(t)
	post := func(path, body, key string, headers ...string) answer {
		return s.send(t, http.MethodPost, path, body, append(headers, "Idempotency-Key", key)...)
	}
	t.Run("a replay shows the record as it is now", func(t *testing.T) {
		body := `{"displayName":"Once"}`
		first := post("contacts", body, "edit").want(201)
		s.send(t, http.MethodPatch, "contacts/"+first.text("id"), `{"notes":"since"}`).want(200)
		again := post("contacts", body, "edit").want(201)
		if again.get("notes") != "since" || again.header.Get("ETag") != `"2"` || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("got %s with %v", again.body, again.header)
		}
	})
	t.Run("after an erase it is 404 and shows nothing", func(t *testing.T) {
		body := `{"displayName":"Ghost Personson","primaryEmail":"ghost@example.com"}`
		id := post("contacts", body, "erase").want(201).text("id")
		s.send(t, http.MethodPost, "contacts/"+id+"/erase", "").want(204)
		for range 2 {
			again := post("contacts", body, "erase").want(404, "not_found")
			if strings.Contains(again.body, "Ghost") || again.header.Get("Location") != "" || !strings.Contains(again.body, "erased since") {
				t.Errorf("got %s with %v", again.body, again.header)
			}
		}
	})
	t.Run("a key that may write and not read gets its own answers again", func(t *testing.T) {
		first := post("contacts", `{"displayName":"W"}`, "w", "X-Test-Actor", "writer").want(201)
		again := post("contacts", `{"displayName":"W"}`, "w", "X-Test-Actor", "writer").want(201)
		if again.body != first.body {
			t.Errorf("got %s, want %s", again.body, first.body)
		}
	})
	t.Run("a request whose process died before it answered is not carried out twice", func(t *testing.T) {
		owner := actors()["owner"]
		die := func(key string) {
			r, err := s.store.GetIdempotencyRecord(t.Context(), owner.Workspace, owner.User.String()+":"+key)
			if err != nil {
				t.Fatal(err)
			}
			r.CreatedAt = r.CreatedAt.Add(-time.Hour)
			r.Answer = &crm.SavedAnswer{Record: r.Answer.Record}
			if err := s.store.PutIdempotencyRecord(t.Context(), owner.Workspace, r); err != nil {
				t.Fatal(err)
			}
		}
		body := `{"displayName":"Once and never twice"}`
		first := post("contacts", body, "died").want(201)
		die("died")
		again := post("contacts", body, "died").want(201)
		if again.body != first.body || again.header.Get("Location") != first.header.Get("Location") || again.header.Get("ETag") != first.header.Get("ETag") {
			t.Errorf("got %s with %v, want %s with %v", again.body, again.header, first.body, first.header)
		}
		batch := `{"contacts":[{"displayName":"Batch one"},{"displayName":"Batch two"}]}`
		post("contacts/batch", batch, "died-batch").want(200)
		die("died-batch")
		lost := post("contacts/batch", batch, "died-batch").want(409, "conflict")
		if !strings.Contains(lost.body, "was carried out") {
			t.Errorf("got %s", lost.body)
		}
	})
	t.Run("a batch is replayed with what is left of it", func(t *testing.T) {
		body := `{"contacts":[{"displayName":"One"},{"displayName":"Two"},{"displayName":"Bad","birthday":"x"}]}`
		first := post("contacts/batch", body, "batch").want(200)
		if again := post("contacts/batch", body, "batch").want(200); again.body != first.body {
			t.Errorf("got %s, want %s", again.body, first.body)
		}
		s.send(t, http.MethodPost, "contacts/"+first.text("items.0.contact.id")+"/erase", "").want(204)
		again := post("contacts/batch", body, "batch").want(200)
		if again.get("items.0.contact") != nil || again.get("items.0.outcome") != "created" || again.get("items.1.contact.displayName") != "Two" ||
			again.get("items.2.problems.0.field") != "birthday" {
			t.Errorf("got %s", again.body)
		}
	})
}

// TestKeptAnswersHoldNoPersonalData sends a person through every route that
// answers with one and looks at what is kept.
func TestKeptAnswersHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const person = `{"displayName":"Ghost Personson","primaryEmail":"ghost@example.com","notes":"Ghost"}`
	gone := s.create(t, person)
	s.send(t, http.MethodDelete, "contacts/"+gone, "").want(204)
	for n, c := range []struct{ path, body, media string }{
		{"contacts", person, ""},
		{"contacts/batch", `{"contacts":[` + person + `]}`, ""},
		{"contacts/" + gone + "/restore", "", ""},
		{"contacts/bulk-tag", `{"ids":["` + gone + `"],"add":["Ghost"]}`, ""},
		{"contacts/bulk-update", `{"filter":{"search":"Ghost"},"set":{"stage":"lead"}}`, ""},
		{"imports?fileName=x.csv", "Name,Email\nGhost Personson,ghost@example.com\n", "text/csv"},
	} {
		headers := []string{"Idempotency-Key", fmt.Sprint(n)}
		if c.media != "" {
			headers = append(headers, "Content-Type", c.media)
		}
		first := s.send(t, http.MethodPost, c.path, c.body, headers...)
		again := s.send(t, http.MethodPost, c.path, c.body, headers...).want(first.code)
		if first.code >= 300 || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: got %d, replayed %q", c.path, first.code, again.header.Get("Idempotent-Replayed"))
		}
		owner := actors()["owner"]
		kept, err := s.store.GetIdempotencyRecord(t.Context(), owner.Workspace, owner.User.String()+":"+fmt.Sprint(n))
		if err != nil || kept.Answer == nil {
			t.Fatalf("%s: got %+v (%v)", c.path, kept, err)
		}
		if strings.Contains(strings.ToLower(string(kept.Answer.Body)+fmt.Sprint(kept.Answer.Header)), "ghost") {
			t.Errorf("%s: kept %s with %v", c.path, kept.Answer.Body, kept.Answer.Header)
		}
	}
}
