package httpapi_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

const people = "Name,Email,Shoe\nAnn,ann@example.com,42\nBen,nobody,43\nCid,cid@example.com,\n"

func TestImports(t *testing.T) {
	t.Parallel()
	s := setup(t)

	t.Run("upload, dry run, commit, rows, report and undo", func(t *testing.T) {
		a := s.send(t, http.MethodPost, "imports?format=csv&fileName=people.csv", people, "Content-Type", "text/csv").want(201)
		id := a.text("id")
		if a.header.Get("Location") != "/api/v1/imports/"+id || a.header.Get("ETag") == "" {
			t.Errorf("got %v", a.header)
		}
		for path, want := range map[string]any{
			"status": "ready", "format": "csv", "fileName": "people.csv", "counts.rows": 3.0, "counts.created": 2.0, "counts.problems": 1.0,
			"mapping.0.column": "Name", "mapping.0.target": "displayName", "mapping.0.sample": "Ann", "onDuplicate": "update", "error": nil,
		} {
			if got := a.get(path); got != want {
				t.Errorf("%s: got %v, want %v: %s", path, got, want, a.body)
			}
		}
		if got := s.send(t, http.MethodGet, "contacts", "").get("total"); got != 0.0 {
			t.Fatalf("a dry run wrote %v contacts", got)
		}
		commit := s.send(t, http.MethodPost, "imports/"+id+"/commit", `{"onDuplicate":"skip"}`).want(202)
		if got := commit.header.Get("Location"); got != "/api/v1/jobs/"+commit.text("id") {
			t.Errorf("got Location %s", got)
		}
		if job := s.waitJob(t, commit.text("id")); job.get("status") != "succeeded" {
			t.Fatalf("got %s", job.body)
		}
		if a := s.send(t, http.MethodGet, "imports/"+id, "").want(200); a.get("status") != "committed" || a.get("counts.created") != 2.0 || strings.Contains(a.body, "Ann") {
			t.Errorf("got %s, want it committed, without a value of the file", a.body)
		}
		s.checkRows(t, id)
		undo := s.send(t, http.MethodPost, "imports/"+id+"/undo", "").want(202)
		s.waitJob(t, undo.text("id"))
		if got := s.send(t, http.MethodGet, "contacts", "").get("total"); got != 0.0 {
			t.Errorf("got %v contacts after the undo", got)
		}
		s.send(t, http.MethodPost, "imports/"+id+"/undo", "").want(409, "conflict")
	})

	t.Run("a form may have its fields before and behind the file", func(t *testing.T) {
		mapping := `[{"column":"Name","target":"company"},{"column":"Email","target":"ignore"},{"column":"Shoe","target":"ignore"}]`
		form, media := formOf(t, "b", [2]string{"format", "csv"}, [2]string{"file", people}, [2]string{"mapping", mapping}, [2]string{"onDuplicate", "create"})
		a := s.send(t, http.MethodPost, "imports", form, "Content-Type", media).want(201)
		if a.get("mapping.0.target") != "company" || a.get("onDuplicate") != "create" || a.get("fileName") != "people.csv" || a.get("counts.created") != 3.0 {
			t.Errorf("got %s", a.body)
		}
	})

	t.Run("imports are listed newest first by cursor", func(t *testing.T) {
		for range 3 {
			s.send(t, http.MethodPost, "imports", people, "Content-Type", "text/csv").want(201)
		}
		seen := map[string]bool{}
		cursor := ""
		for {
			a := s.send(t, http.MethodGet, "imports?pageSize=2"+cursor, "").want(200)
			for i := range a.size("items") {
				seen[a.text(fmt.Sprintf("items.%d.id", i))] = true
			}
			next, more := a.get("nextCursor").(string)
			if !more {
				break
			}
			cursor = "&cursor=" + next
		}
		if len(seen) != 5 {
			t.Errorf("got %d imports", len(seen))
		}
		if got := s.send(t, http.MethodGet, "imports?pageSize=200", "").want(200).get("total"); got != 5.0 {
			t.Errorf("got %v", got)
		}
	})
}

func (s *server) checkRows(t *testing.T, id string) {
	t.Helper()
	a := s.send(t, http.MethodGet, "imports/"+id+"/rows?pageSize=2", "").want(200)
	if a.size("items") != 2 || a.get("items.0.row") != 1.0 || a.get("items.0.outcome") != "created" || a.get("items.1.contactId") == "" {
		t.Errorf("got %s", a.body)
	}
	a = s.send(t, http.MethodGet, "imports/"+id+"/rows?pageSize=2&cursor="+a.text("nextCursor"), "").want(200)
	if a.size("items") != 1 || a.get("nextCursor") != nil {
		t.Errorf("got %s", a.body)
	}
	a = s.send(t, http.MethodGet, "imports/"+id+"/rows?outcome=problem", "").want(200)
	if a.size("items") != 1 || a.get("items.0.row") != 2.0 || a.get("items.0.problems.0.field") != "emails[0].address" || a.get("items.0.contactId") != nil {
		t.Errorf("got %s", a.body)
	}
	for _, csv := range []answer{
		s.send(t, http.MethodGet, "imports/"+id+"/rows", "", "Accept", "text/csv").want(200), s.send(t, http.MethodGet, "imports/"+id+"/rows?format=csv", "").want(200),
	} {
		if !strings.HasPrefix(csv.header.Get("Content-Type"), "text/csv") || !strings.HasPrefix(csv.header.Get("Content-Disposition"), "attachment") ||
			!strings.HasPrefix(csv.body, "row,outcome") || !strings.Contains(csv.body, "\n2,problem,") {
			t.Errorf("got %v %s", csv.header, csv.body)
		}
	}
	all := s.send(t, http.MethodGet, "imports/"+id+"/rows?format=csv", "").want(200)
	if got := strings.Count(all.body, "\n"); got != 4 {
		t.Errorf("lines of the report of everything: got %d, want 4: %s", got, all.body)
	}
	some := s.send(t, http.MethodGet, "imports/"+id+"/rows?format=csv&outcome=created", "").want(200)
	if got := strings.Count(some.body, "\n"); got != 3 || strings.Contains(some.body, "problem,") {
		t.Errorf("report of what was created: got %s, want 2 rows", some.body)
	}
	s.send(t, http.MethodGet, "imports/"+id+"/rows?format=csv&pageSize=2", "").want(400, "invalid_query").wantField("pageSize")
	for accept, want := range map[string]string{
		"text/csv, */*;q=0.1": "text/csv", "application/json;q=0.5, text/csv;q=0.6": "text/csv", "text/*, application/json;q=0.9": "text/csv",
		"*/*": "application/json", "text/csv;q=0.2, application/json": "application/json", "text/csv;q=0": "application/json", "text/csv;q=x": "application/json",
	} {
		got := s.send(t, http.MethodGet, "imports/"+id+"/rows", "", "Accept", accept).want(200).header.Get("Content-Type")
		if !strings.HasPrefix(got, want) {
			t.Errorf("Accept: %s: got %s, want %s", accept, got, want)
		}
	}
	s.send(t, http.MethodGet, "imports/"+id+"/rows?cursor=abc", "").want(400, "invalid_query").wantField("cursor")
	s.send(t, http.MethodGet, "imports/"+id+"/rows?cursor=cjotMQ", "").want(400, "invalid_query").wantField("cursor")
}

func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.MaxImportBytes = 10_000 })
	big := strings.Repeat("Ann,ann@example.com\n", 501)
	form := func(fields ...[2]string) (string, string) { return formOf(t, "b", fields...) }
	for _, c := range []struct {
		name, query  string
		body, media  string
		want         int
		code, field  string
		unknownSized bool
	}{
		{name: "a file that is too large", body: big, media: "text/csv", want: 413, code: "payload_too_large"},
		{name: "one that does not say its size", body: big, media: "text/csv", want: 413, code: "payload_too_large", unknownSized: true},
		{name: "an unknown format", query: "?format=xlsx", body: people, media: "text/csv", want: 400, code: "invalid_query", field: "format"},
		{name: "an unknown parameter", query: "?dryRun=1", body: people, media: "text/csv", want: 400, code: "invalid_query", field: "dryRun"},
		{name: "an unknown way with duplicates", query: "?onDuplicate=merge", body: people, media: "text/csv", want: 400, code: "invalid_query", field: "onDuplicate"},
		{name: "an empty file", query: "?format=csv", media: "text/csv", want: 400, code: "invalid_body", field: "file"},
		{name: "a header alone", body: "Name,Email\n", media: "text/csv", want: 400, code: "invalid_body", field: "file"},
		{name: "a picture", body: "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", media: "application/octet-stream", want: 400, code: "invalid_body", field: "file"},
		{name: "another content type", body: people, media: "application/x-www-form-urlencoded", want: 415, code: "unsupported_media_type"},
		{name: "a form without a boundary", body: people, media: "multipart/form-data", want: 415, code: "unsupported_media_type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRequest(http.MethodPost, s.url("imports"+c.query), c.body, "Content-Type", c.media)
			if c.unknownSized {
				r.ContentLength = -1
			}
			a := s.sendRequest(t, r).want(c.want, c.code)
			if c.field != "" {
				a.wantField(c.field)
			}
		})
	}
	for _, c := range []struct {
		name   string
		fields [][2]string
		field  string
		want   int
	}{
		{"a form without a file", [][2]string{{"format", "csv"}}, "file", 400},
		{"a part without a name", [][2]string{{"", people}}, "body", 400},
		{"an unknown field", [][2]string{{"color", "red"}, {"file", people}}, "color", 400},
		{"an unknown field behind the file", [][2]string{{"file", people}, {"color", "red"}}, "color", 400},
		{"a field twice", [][2]string{{"format", "csv"}, {"format", "csv"}, {"file", people}}, "format", 400},
		{"two files", [][2]string{{"file", people}, {"file", people}}, "file", 400},
		{"the format behind the file", [][2]string{{"file", people}, {"format", "csv"}}, "format", 400},
		{"a mapping that is no JSON", [][2]string{{"mapping", "x"}, {"file", people}}, "mapping", 400},
		{"a mapping with an unknown member", [][2]string{{"mapping", `[{"column":"Name","target":"notes","x":1}]`}, {"file", people}}, "mapping[0].x", 400},
		{"a mapping of a column that the file has not", [][2]string{{"mapping", `[{"column":"Nobody","target":"notes"}]`}, {"file", people}}, "mapping[0]", 400},
		{"the same behind the file", [][2]string{{"file", people}, {"mapping", `[{"column":"Name","target":"notes"},{"column":"Name","target":"tags"}]`}}, "mapping[1]", 400},
		{"an unknown target behind the file", [][2]string{{"file", people}, {"mapping", `[{"column":"Name","target":"shoeSize"}]`}}, "mapping[0]", 400},
		{"a file that is too large", [][2]string{{"file", big}}, "", 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, media := form(c.fields...)
			a := s.send(t, http.MethodPost, "imports", body, "Content-Type", media).want(c.want)
			if c.field != "" {
				a.wantField(c.field)
			}
		})
	}
	t.Run("a compressed file", func(t *testing.T) {
		s.send(t, http.MethodPost, "imports", people, "Content-Type", "text/csv", "Content-Encoding", "gzip").want(415, "unsupported_media_type")
	})
	t.Run("a form that was cut off", func(t *testing.T) {
		body, media := form([2]string{"file", people})
		s.send(t, http.MethodPost, "imports", body[:len(body)-30], "Content-Type", media).want(400, "invalid_body")
	})
	t.Run("a commit with unknown members, and one of nothing", func(t *testing.T) {
		id := s.send(t, http.MethodPost, "imports", people, "Content-Type", "text/csv").want(201).text("id")
		s.send(t, http.MethodPost, "imports/"+id+"/commit", `{"dryRun":true}`).want(400, "invalid_body").wantField("dryRun")
		s.send(t, http.MethodPost, "imports/"+id+"/commit", "", "If-Match", `"99"`).want(412)
		s.waitJob(t, s.send(t, http.MethodPost, "imports/"+id+"/commit", "").want(202).text("id"))
		s.send(t, http.MethodPost, "imports/"+id+"/commit", "").want(409, "conflict")
	})
	a := s.send(t, http.MethodGet, "imports", "").want(200)
	if a.size("items") != 1 {
		t.Errorf("refused uploads left imports: %s", a.body)
	}
}

// A dry run that takes longer than a caller should wait goes on as a job.
func TestAnUploadWhoseDryRunTakesTooLong(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.PreviewWait = time.Nanosecond })
	a := s.send(t, http.MethodPost, "imports?onDuplicate=skip", people, "Content-Type", "text/csv").want(201)
	if a.get("status") != "previewing" || a.get("counts.rows") != 0.0 || a.get("onDuplicate") != "skip" {
		t.Errorf("got %s, want it to be previewing", a.body)
	}
	if job := s.waitJob(t, a.text("jobId")); job.get("status") != "succeeded" {
		t.Fatalf("got %s", job.body)
	}
	a = s.send(t, http.MethodGet, "imports/"+a.text("id"), "").want(200)
	for path, want := range map[string]any{
		"status": "ready", "counts.rows": 3.0, "counts.created": 2.0, "counts.problems": 1.0, "onDuplicate": "skip", "error": nil,
	} {
		if got := a.get(path); got != want {
			t.Errorf("%s: got %v, want %v: %s", path, got, want, a.body)
		}
	}
	if rows := s.send(t, http.MethodGet, "imports/"+a.text("id")+"/rows", "").want(200); rows.size("items") != 3 {
		t.Errorf("rows of the dry run: got %s, want 3", rows.body)
	}
	s.waitJob(t, s.send(t, http.MethodPost, "imports/"+a.text("id")+"/commit", "").want(202).text("id"))
	if got := s.send(t, http.MethodGet, "contacts", "").get("total"); got != 2.0 {
		t.Errorf("contacts: got %v, want 2", got)
	}
}

func TestExports(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create(t, `{"displayName":"Zoë Łukasz","primaryEmail":"zoe@example.com","tags":["x"]}`)
	s.create(t, `{"displayName":"=cmd|' /C calc'!A0"}`)
	for format, want := range map[string]struct{ media, text string }{
		"csv": {"text/csv", "Zoë Łukasz"}, "vcard": {"text/vcard", "FN:Zoë Łukasz"}, "jsonl": {"", `"displayName":"Zoë Łukasz"`},
	} {
		a := s.send(t, http.MethodGet, "exports/contacts?tag=x&format="+format, "").want(200)
		if !strings.HasPrefix(a.header.Get("Content-Type"), want.media) || !strings.Contains(a.body, want.text) || strings.Contains(a.body, "calc") {
			t.Errorf("%s: got %v %s", format, a.header, a.body)
		}
		if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment; filename=") {
			t.Errorf("got %s", got)
		}
		if head := s.send(t, http.MethodHead, "exports/contacts?format="+format, "").want(200); head.body != "" {
			t.Errorf("got %s", head.body)
		}
	}
	s.send(t, http.MethodGet, "exports/contacts?format=xlsx", "").want(400, "invalid_query").wantField("format")
	s.send(t, http.MethodGet, "exports/contacts?page=1", "").want(400, "invalid_query").wantField("page")
	if a := s.send(t, http.MethodGet, "exports/contacts?search=nobodyatall", "").want(200); strings.Contains(a.body, "Zoë") {
		t.Errorf("got %s", a.body)
	}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	s := setup(t)
	// The first purge notes in a bulk action that its set is gone, which is a version.
	s.wait(t, "jobs/stats", func(a answer) bool { return a.get("periodic.1.status") == "succeeded" })
	s.create(t, `{"displayName":"A"}`)
	id := s.send(t, http.MethodPost, "contacts/bulk-tag", `{"filter":{},"add":["x"]}`).want(202).text("jobId")
	job := s.waitJob(t, id)
	for path, want := range map[string]any{"status": "succeeded", "kind": "bulk_update", "error": nil, "progress.done": 1.0, "progress.total": 1.0, "attempt": 1.0} {
		if got := job.get(path); got != want {
			t.Errorf("%s: got %v, want %v: %s", path, got, want, job.body)
		}
	}
	s.send(t, http.MethodGet, "jobs/"+id, "", "If-None-Match", job.header.Get("ETag")).want(304)
	s.send(t, http.MethodPost, "jobs/"+id+"/cancel", "").want(409, "conflict")
	s.send(t, http.MethodPost, "jobs/"+id+"/retry", "").want(409, "conflict")
	s.send(t, http.MethodPost, "jobs/"+id+"/undo", "", "If-Match", `"99"`).want(412)
	for query, want := range map[string]int{"": 1, "?status=succeeded": 1, "?status=failed": 0, "?kind=bulk_update": 1, "?kind=purge": 0, "?batchId=" + crm.NewID().String(): 0} {
		if got := s.send(t, http.MethodGet, "jobs"+query, "").want(200).size("items"); got != want {
			t.Errorf("%s: got %d jobs, want %d", query, got, want)
		}
	}
	for query, field := range map[string]string{"?status=happy": "status", "?kind=": "kind", "?cursor=abc": "cursor", "?pageSize=201": "pageSize", "?status=failed&status=queued": "status"} {
		s.send(t, http.MethodGet, "jobs"+query, "").want(400, "invalid_query").wantField(field)
	}
	if a := s.send(t, http.MethodGet, "jobs/stats", "").want(200); a.size("items") != 1 || a.get("items.0.count") != 1.0 {
		t.Errorf("got %s", a.body)
	}
}

func TestWhatAnUndoLeavesIsListed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.send(t, http.MethodPost, "imports", people, "Content-Type", "text/csv").want(201).text("id")
	s.waitJob(t, s.send(t, http.MethodPost, "imports/"+id+"/commit", "").want(202).text("id"))
	contact := s.send(t, http.MethodGet, "imports/"+id+"/rows?outcome=created", "").want(200).text("items.0.contactId")
	s.send(t, http.MethodPatch, "contacts/"+contact, `{"notes":"called"}`).want(200)
	undo := s.send(t, http.MethodPost, "imports/"+id+"/undo", "").want(202).text("id")
	s.waitJob(t, undo)
	for _, list := range []string{"imports/" + id + "/rows?outcome=kept", "jobs/" + undo + "/kept"} {
		a := s.send(t, http.MethodGet, list, "").want(200)
		if a.size("items") != 1 || a.text("items.0.contactId") != contact || a.get("items.0.row") != 1.0 || a.text("items.0.problems.0.code") != "kept_edited" {
			t.Errorf("%s: got %s", list, a.body)
		}
	}
	report := s.send(t, http.MethodGet, "imports/"+id+"/rows?format=csv&outcome=kept", "").want(200)
	if !strings.Contains(report.body, "\n1,kept,"+contact+",") {
		t.Errorf("report: got %s", report.body)
	}
	job := s.send(t, http.MethodPost, "contacts/bulk-update", `{"filter":{},"set":{"stage":"lead"}}`).want(202).text("jobId")
	s.waitJob(t, job)
	s.create(t, `{"displayName":"Not in it"}`)
	s.send(t, http.MethodPatch, "contacts/"+contact, `{"stage":"customer"}`).want(200)
	undo = s.send(t, http.MethodPost, "jobs/"+job+"/undo", "").want(202).text("id")
	s.waitJob(t, undo)
	a := s.send(t, http.MethodGet, "jobs/"+undo+"/kept", "").want(200)
	if a.size("items") != 1 || a.text("items.0.contactId") != contact || a.text("items.0.problems.0.field") != "stage" {
		t.Errorf("bulk action: got %s", a.body)
	}
	s.send(t, http.MethodGet, "jobs/"+undo+"/kept?cursor=abc", "").want(400, "invalid_query").wantField("cursor")
}

// The real file arrives whole over HTTP.
func TestImportOfARealFile(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "contacts-us-congress.google.csv"))
	if err != nil {
		t.Skipf("no shared data beside the checkout: %v", err)
	}
	s := setup(t)
	for _, want := range [][2]float64{{537, 0}, {0, 537}} {
		a := s.send(t, http.MethodPost, "imports?fileName=google.csv", string(data), "Content-Type", "text/csv").want(201)
		if a.get("counts.created") != want[0] || a.get("counts.unchanged") != want[1] {
			t.Fatalf("got %v", a.get("counts"))
		}
		job := s.waitJob(t, s.send(t, http.MethodPost, "imports/"+a.text("id")+"/commit", "").want(202).text("id"))
		if job.get("status") != "succeeded" {
			t.Fatalf("got %s", job.body)
		}
	}
	if got := s.send(t, http.MethodGet, "contacts", "").get("total"); got != 537.0 {
		t.Errorf("got %v contacts", got)
	}
}
