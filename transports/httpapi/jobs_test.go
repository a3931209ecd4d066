package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// hostJob is a kind of the embedding program: its payload says what it does.
func hostJob(ctx context.Context, run *crm.JobRun) error {
	var what string
	if err := run.Payload(&what); err != nil {
		return err
	}
	switch what {
	case "wait":
		<-ctx.Done()
		return ctx.Err()
	case "fail":
		return fmt.Errorf("the letters of list 7: %w", crm.ErrNotFound)
	}
	return run.Result(what)
}

// host starts a job of the embedding program for the owner.
func (s *server) host(t *testing.T, in crm.NewJob) string {
	t.Helper()
	in.Kind = "host_kind"
	j, err := s.app.Jobs.Enqueue(t.Context(), actors()["owner"], in)
	if err != nil {
		t.Fatal(err)
	}
	return j.ID.String()
}

func (s *server) awaitJob(t *testing.T, id, status string) answer {
	t.Helper()
	return s.wait(t, "jobs/"+id, func(a answer) bool { return a.text("status") == status })
}

func TestJobsOfTheEmbeddingProgram(t *testing.T) {
	t.Parallel()
	s := setup(t)
	done := s.awaitJob(t, s.host(t, crm.NewJob{Payload: "x", Priority: crm.PriorityHigh}), "succeeded")
	if done.text("result") != "x" || done.text("kind") != "host_kind" || done.text("priority") != "high" {
		t.Errorf("got %s, want the result and the priority", done.body)
	}
	id := s.host(t, crm.NewJob{Payload: "fail"})
	dead := s.awaitJob(t, id, "failed")
	if dead.text("error.code") != "not_found" || dead.get("attempt") != 1.0 {
		t.Errorf("got %s, want it failed at once", dead.body)
	}
	if a := s.send(t, http.MethodPost, "jobs/"+id+"/retry", "").want(200); a.text("status") != "queued" || a.get("error") != nil {
		t.Errorf("got %s, want it queued again without an error", a.body)
	}
	if a := s.awaitJob(t, id, "failed"); a.get("attempt") != 2.0 {
		t.Errorf("got %s, want a second attempt", a.body)
	}
	id = s.host(t, crm.NewJob{Payload: "wait"})
	s.awaitJob(t, id, "running")
	s.send(t, http.MethodPost, "jobs/"+id+"/cancel", "", "X-Test-Actor", "member").want(404)
	s.send(t, http.MethodPost, "jobs/"+id+"/cancel", "", "X-Test-Actor", "admin").want(200)
	s.awaitJob(t, id, "cancelled")
	s.send(t, http.MethodPost, "jobs/"+id+"/undo", "").want(409, "conflict")
	for query, want := range map[string]int{"host_kind": 3, "no_such_kind": 0} {
		if got := s.send(t, http.MethodGet, "jobs?kind="+query, "").want(200).size("items"); got != want {
			t.Errorf("jobs of kind %s: got %d, want %d", query, got, want)
		}
	}
	s.send(t, http.MethodGet, "jobs?kind=No+Kind", "").want(400, "invalid_query").wantField("kind")
}

func TestStatsTellAdminsWhatRunsPeriodically(t *testing.T) {
	t.Parallel()
	if a := setupStill(t).send(t, http.MethodGet, "jobs/stats", "").want(200); a.size("periodic") != 2 || a.get("periodic.1.status") != nil {
		t.Errorf("before the first run: got %s, want no status", a.body)
	}
	s := setup(t)
	s.wait(t, "jobs/stats", func(a answer) bool { return a.get("periodic.1.status") == "succeeded" })
	a := s.send(t, http.MethodGet, "jobs/stats", "", "X-Test-Actor", "admin").want(200)
	if a.text("periodic.0.kind") != "insight" || a.text("periodic.1.kind") != "purge" || a.get("periodic.1.periodSeconds") != 3600.0 ||
		a.text("periodic.1.finishedAt") == "" || a.text("periodic.1.nextAt") == "" {
		t.Errorf("got %s, want the night's insights and the hourly purge with its last run", a.body)
	}
	if a := s.send(t, http.MethodGet, "jobs/stats", "", "X-Test-Actor", "member").want(200); a.size("periodic") != 0 {
		t.Errorf("a member: got %s, want nothing of it", a.body)
	}
	if got := s.send(t, http.MethodGet, "jobs", "").want(200).size("items"); got != 0 {
		t.Errorf("jobs that the workspace sees: got %d, want none", got)
	}
}

func TestASearchForDuplicatesOverHTTP(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, body := range []string{`{"displayName":"Ana","primaryEmail":"ana@one.example"}`, `{"displayName":"Ana Silva","primaryEmail":"Ana@one.example"}`} {
		s.create(t, body)
	}
	job := s.send(t, http.MethodPost, "contacts/dedupe", "").want(202)
	done := s.waitJob(t, job.text("id"))
	if done.get("result.found") != 1.0 || done.text("result.pairs.0.reasons.0") != "same email" || done.get("result.pairs.0.score") != 0.9 {
		t.Errorf("got %s, want the pair with its reason", done.body)
	}
	s.send(t, http.MethodPost, "contacts/dedupe", "", "X-Test-Actor", "viewer").want(403, "forbidden")
	s.send(t, http.MethodPost, "contacts/dedupe", "", "X-Test-Actor", "reader").want(403, "forbidden")
}
