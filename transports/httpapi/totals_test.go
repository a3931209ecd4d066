package httpapi_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

func TestTotals(t *testing.T) {
	t.Parallel()
	t.Run("members, keys and invitations are counted whatever the page", func(t *testing.T) {
		s := setupIdentity(t)
		ann := s.signUp(t, "ann@example.com", "Home")
		for n := range 3 {
			token := s.send(t, http.MethodPost, "invitations", fmt.Sprintf(`{"email":"b%d@example.com"}`, n), ann.headers()...).want(201).text("token")
			if n == 0 {
				s.send(t, http.MethodPost, "invitations/accept", `{"token":"`+token+`","password":"`+password+`"}`).want(200)
			}
			s.send(t, http.MethodPost, "api-keys", `{}`, ann.headers()...).want(201)
		}
		for path, want := range map[string]float64{"members": 2, "api-keys": 3, "invitations": 2} {
			first := s.send(t, http.MethodGet, path+"?pageSize=1", "", ann.headers()...).want(200)
			next := s.send(t, http.MethodGet, path+"?pageSize=1&cursor="+first.text("nextCursor"), "", ann.headers()...).want(200)
			for _, a := range []answer{first, next} {
				if a.get("total") != want || a.get("totalRelation") != "eq" || a.size("items") != 1 {
					t.Errorf("%s: got %s, want a total of %v", path, a.body, want)
				}
			}
		}
	})
	t.Run("imports are counted whatever the page, one's own for members", func(t *testing.T) {
		s := setup(t)
		for _, actor := range []string{"owner", "member", "owner"} {
			s.send(t, http.MethodPost, "imports", people, "Content-Type", "text/csv", "X-Test-Actor", actor).want(201)
		}
		for actor, want := range map[string]float64{"owner": 3, "admin": 3, "member": 1} {
			a := s.send(t, http.MethodGet, "imports?pageSize=1", "", "X-Test-Actor", actor).want(200)
			if a.get("total") != want || a.get("totalRelation") != "eq" || a.size("items") != 1 {
				t.Errorf("%s: got %s, want a total of %v", actor, a.body, want)
			}
		}
	})
	t.Run("jobs are counted whatever the page, filtered too, one's own for members", func(t *testing.T) {
		s := setup(t)
		for _, actor := range []string{"owner", "owner", "owner", "member"} {
			job := s.send(t, http.MethodPost, "contacts/bulk-delete", `{"filter":{}}`, "X-Test-Actor", actor).want(202).text("jobId")
			s.waitJob(t, job)
		}
		for _, c := range []struct {
			actor, query string
			want         float64
		}{
			{"owner", "", 4},
			{"owner", "&status=succeeded", 4},
			{"owner", "&status=failed", 0},
			{"owner", "&kind=bulk_update&status=succeeded", 4},
			{"member", "", 1},
		} {
			a := s.send(t, http.MethodGet, "jobs?pageSize=1"+c.query, "", "X-Test-Actor", c.actor).want(200)
			if a.get("total") != c.want || a.get("totalRelation") != "eq" {
				t.Errorf("%s, %q: got %s, want a total of %v", c.actor, c.query, a.body, c.want)
			}
		}
	})
}

func TestJobStatsAreOfWhatOneMaySee(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for range 2 {
		s.waitJob(t, s.send(t, http.MethodPost, "contacts/bulk-delete", `{"filter":{}}`).want(202).text("jobId"))
	}
	if a := s.send(t, http.MethodGet, "jobs/stats", "", "X-Test-Actor", "member").want(200); a.size("items") != 0 {
		t.Errorf("a member without a job: got %s, want none", a.body)
	}
	if a := s.send(t, http.MethodGet, "jobs/stats", "", "X-Test-Actor", "admin").want(200); a.get("items.0.count") != 2.0 {
		t.Errorf("an admin: got %s, want 2", a.body)
	}
}

func TestWhatIsCreatedCanBeRead(t *testing.T) {
	t.Parallel()
	s := setupIdentity(t)
	ann := s.signUp(t, "ann@example.com", "Home")
	for path, body := range map[string]string{"api-keys": `{"name":"robot"}`, "invitations": `{"email":"b@example.com"}`} {
		made := s.send(t, http.MethodPost, path, body, ann.headers()...).want(201)
		tag, place := made.header.Get("ETag"), made.header.Get("Location")
		if tag == "" || place == "" {
			t.Fatalf("%s: got ETag %q and Location %q", path, tag, place)
		}
		got := s.send(t, http.MethodGet, place, "", ann.headers()...).want(200)
		if got.get("id") != made.get("id") || got.header.Get("ETag") != tag || got.get("key") != nil || got.get("token") != nil {
			t.Errorf("%s: got %s with ETag %s, want %s with %s and no secret", path, got.body, got.header.Get("ETag"), made.body, tag)
		}
		s.send(t, http.MethodGet, place, "", append(ann.headers(), "If-None-Match", tag)...).want(304)
		s.send(t, http.MethodDelete, place, "", ann.headers()...).want(204)
		s.send(t, http.MethodGet, place, "", ann.headers()...).want(404, "not_found")
	}
}

// TestAnEditIsNotErased sends an edit and an erase of one version at once, many
// times: the one that comes second is refused.
func TestAnEditIsNotErased(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for range 40 {
		id := s.create(t, `{"displayName":"A"}`)
		var edited, erased answer
		var both sync.WaitGroup
		both.Go(func() {
			edited = s.send(t, http.MethodPatch, "contacts/"+id, `{"notes":"kept"}`, "If-Match", `"1"`)
		})
		both.Go(func() { erased = s.send(t, http.MethodPost, "contacts/"+id+"/erase", "", "If-Match", `"1"`) })
		both.Wait()
		if (edited.code == 200) == (erased.code == 204) {
			t.Fatalf("got %d for the edit and %d for the erase, want one of them refused", edited.code, erased.code)
		}
	}
}

func TestMembersSeeAndCommitTheirOwnImports(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.send(t, http.MethodPost, "imports", people, "Content-Type", "text/csv").want(201).text("id")
	member := []string{"X-Test-Actor", "member"}
	s.send(t, http.MethodGet, "imports/"+id, "", member...).want(404, "not_found")
	s.send(t, http.MethodGet, "imports/"+id+"/rows", "", member...).want(404, "not_found")
	s.send(t, http.MethodGet, "imports/"+id+"/rows?format=csv", "", member...).want(404, "not_found")
	s.send(t, http.MethodPost, "imports/"+id+"/commit", "", member...).want(404, "not_found")
	if a := s.send(t, http.MethodGet, "imports", "", member...).want(200); a.size("items") != 0 || a.get("total") != 0.0 {
		t.Errorf("got %s, want none", a.body)
	}
	job := s.send(t, http.MethodPost, "imports/"+id+"/commit", "", "X-Test-Actor", "admin").want(202).text("id")
	s.waitJob(t, job)
	s.send(t, http.MethodPost, "imports/"+id+"/undo", "", member...).want(404, "not_found")
	s.send(t, http.MethodPost, "imports/"+id+"/undo", "", "X-Test-Actor", "admin").want(202)
}
