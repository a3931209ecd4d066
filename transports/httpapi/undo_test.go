package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

// wantInTheWay expects a conflict that links the job and says so in words.
func (a answer) wantInTheWay(t *testing.T, job, words string) {
	t.Helper()
	a.want(409, "conflict")
	if link := a.text("links.conflict"); !strings.HasSuffix(link, "/api/v1/jobs/"+job) || !strings.Contains(a.text("detail"), words) {
		t.Errorf("got %s, want a link to job %s and %q", a.body, job, words)
	}
}

func TestABulkActionIsUndoneOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.create(t, `{"displayName":"A"}`)
	job := s.send(t, http.MethodPost, "contacts/bulk-update", `{"filter":{},"set":{"stage":"lead"}}`).want(202).text("jobId")
	if a := s.waitJob(t, job); a.get("undoneBy") != nil {
		t.Errorf("before an undo: got %s, want none", a.body)
	}
	undo := s.send(t, http.MethodPost, "jobs/"+job+"/undo", "").want(202).text("id")
	s.waitJob(t, undo)
	s.send(t, http.MethodPatch, "contacts/"+id, `{"stage":"lead"}`).want(200)
	s.send(t, http.MethodPost, "jobs/"+job+"/undo", "").wantInTheWay(t, undo, "undone already")
	if a := s.send(t, http.MethodGet, "contacts/"+id, "").want(200); a.text("stage") != "lead" {
		t.Errorf("got %s, want the stage that was set by hand", a.body)
	}
	if a := s.send(t, http.MethodGet, "jobs/"+job, "").want(200); a.text("undoneBy") != undo {
		t.Errorf("got %s, want it undone by job %s", a.body, undo)
	}
}

func TestAnActionIsNotTriedAgainBesideItsUndo(t *testing.T) {
	t.Parallel()
	s := setupStill(t)
	s.create(t, `{"displayName":"A"}`)
	job := s.send(t, http.MethodPost, "contacts/bulk-update", `{"filter":{},"set":{"stage":"lead"}}`).want(202).text("jobId")
	s.send(t, http.MethodPost, "jobs/"+job+"/cancel", "").want(200)
	undo := s.send(t, http.MethodPost, "jobs/"+job+"/undo", "").want(202).text("id")
	s.send(t, http.MethodPost, "jobs/"+job+"/retry", "").wantInTheWay(t, undo, "start the action anew")
	s.send(t, http.MethodPost, "jobs/"+job+"/undo", "").wantInTheWay(t, undo, "being undone already")
	s.send(t, http.MethodPost, "jobs/"+undo+"/cancel", "").want(200)
	undo = s.send(t, http.MethodPost, "jobs/"+job+"/undo", "").want(202).text("id")
	if a := s.send(t, http.MethodGet, "jobs/"+job, "").want(200); a.text("undoneBy") != undo {
		t.Errorf("got %s, want it undone by the last undo %s", a.body, undo)
	}
}

func TestAJobOfAnImportThatHasGoneOnIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	s := setupStill(t)
	id := s.send(t, http.MethodPost, "imports", people, "Content-Type", "text/csv").want(201).text("id")
	job := s.send(t, http.MethodPost, "imports/"+id+"/commit", "").want(202).text("id")
	s.send(t, http.MethodPost, "jobs/"+job+"/cancel", "").want(200)
	undo := s.send(t, http.MethodPost, "imports/"+id+"/undo", "").want(202).text("id")
	s.send(t, http.MethodPost, "jobs/"+job+"/retry", "").wantInTheWay(t, undo, "gone on with job")
}
