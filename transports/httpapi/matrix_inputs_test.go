package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// twin is a request that names an id outside of the path. With a foreign id it
// must be answered as with one that never was.
type twin struct {
	// op and place say what takes the id.
	op, place string
	path      string
	body      string
	status    int
}

// twins has a row for every place but the path where the document takes an id.
// {id} stands for the foreign or absent one, {own} for a record of one's own.
func twins() []twin {
	participant := `"participants":[{"name":"Somebody","contactId":"{id}"}]`
	return []twin{
		{"createInteraction", "body participants[].contactId", "contacts/{own}/interactions", `{"type":"note","occurredAt":"2026-01-01T00:00:00Z",` + participant + `}`, 400},
		{"updateInteraction", "body participants[].contactId", "interactions/{own}", `{` + participant + `}`, 400},
		{"bulkDelete", "body ids[]", "contacts/bulk-delete", `{"ids":["{id}"]}`, 200},
		{"bulkRestore", "body ids[]", "contacts/bulk-restore", `{"ids":["{id}"]}`, 200},
		{"bulkTag", "body ids[]", "contacts/bulk-tag", `{"ids":["{id}"],"add":["x"]}`, 200},
		{"bulkUpdate", "body ids[]", "contacts/bulk-update", `{"ids":["{id}"],"set":{"stage":"lead"}}`, 200},
		{"listActivity", "query contactId", "activity?contactId={id}", "", 200},
		{"listJobs", "query batchId", "jobs?batchId={id}", "", 200},
	}
}

// TestForeignIDsBesideThePath sends foreign ids wherever an id is taken: queries,
// bodies, files.
func TestForeignIDsBesideThePath(t *testing.T) {
	t.Parallel()
	w := newMatrixWorld(t)
	places := placesOf(t, w.handler, func(_, format string) bool { return format == "uuid" })
	for _, row := range twins() {
		if !slices.Contains(places, row.op+" "+row.place) {
			t.Errorf("%s %s takes no id", row.op, row.place)
		}
		places = slices.DeleteFunc(places, func(p string) bool { return p == row.op+" "+row.place })
	}
	for _, place := range places {
		t.Errorf("%s takes an id and has no row", place)
	}
	for _, complaint := range newTwoSides(w).checkTwins() {
		t.Error(complaint)
	}
}

// checkTwins sends each twin and what would match another workspace's contact.
func (f *twoSides) checkTwins() (found []string) {
	for _, row := range twins() {
		ask := func(id crm.ID) string {
			fill := strings.NewReplacer("{own}", f.ownFor(row.path).String(), "{id}", id.String())
			got := f.home.send(f.methodOf(row.op), fill.Replace(row.path), fill.Replace(row.body))
			if got.Code != row.status || strings.Contains(got.Body.String(), awaySecret) {
				found = append(found, fmt.Sprintf("%s %s: got %d, want %d: %s", row.op, row.place, got.Code, row.status, got.Body))
			}
			return sameBut(got)
		}
		if foreign, absent := ask(f.idFor(row)), ask(crm.NewID()); foreign != absent {
			found = append(found, fmt.Sprintf("%s %s: a foreign id gets\n%s\nand one that never was\n%s", row.op, row.place, foreign, absent))
		}
	}
	body := fmt.Sprintf(`{"ids":[%q,%q,%q],"add":["y"]}`, f.own[aContact], f.ids[aContact], crm.NewID())
	if got := f.home.send(http.MethodPost, "contacts/bulk-tag", body).Body.String(); got != `{"updated":1}`+"\n" {
		found = append(found, "own ids beside a foreign one: got "+got)
	}
	if got := f.away.send(http.MethodGet, "contacts/"+f.ids[aContact].String(), "").Header().Get("ETag"); got != `"1"` {
		found = append(found, "the other workspace's contact has the version "+got)
	}
	return append(found, f.checkMatching()...)
}

// asking is somebody who calls.
type asking struct {
	w       *matrixWorld
	headers []string
}

func (a asking) send(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := newRequest(method, "/api/v1/"+path, body, append(slices.Clone(a.headers), headers...)...)
	r.Header.Set("X-Request-Id", "matrix")
	got := httptest.NewRecorder()
	a.w.handler.ServeHTTP(got, r)
	return got
}

// twoSides are the records of two workspaces, and an owner of each.
type twoSides struct {
	w          *matrixWorld
	home, away asking
	own, ids   map[recordKind]crm.ID
}

func newTwoSides(w *matrixWorld) *twoSides {
	f := &twoSides{w: w, own: map[recordKind]crm.ID{}, ids: map[recordKind]crm.ID{}}
	f.home = asking{w, bySession("home", memberAs(crm.RoleOwner))(w).headers}
	f.away = asking{w, bySession("away", func(w *matrixWorld) crm.Actor { return w.stranger })(w).headers}
	for range 3 { // Enough for pages.
		for _, kind := range []recordKind{aContact, aTrashed, anInteraction, aReadyImport, aWaitingJob, aFinishedJob, aKey, aMember, anInvitation} {
			f.own[kind], f.ids[kind] = w.make(kind, w.colleague), w.make(kind, w.stranger)
		}
	}
	w.victim = f.ids[aContact]
	return f
}

func (f *twoSides) ownFor(path string) crm.ID {
	if strings.HasPrefix(path, "interactions/") {
		return f.own[anInteraction]
	}
	return f.own[aContact]
}

func (f *twoSides) idFor(row twin) crm.ID {
	switch row.op {
	case "bulkRestore":
		return f.ids[aTrashed]
	case "listJobs":
		return f.ids[aFinishedJob]
	}
	return f.ids[aContact]
}

// checkMatching writes what another workspace's contact would match by: its id,
// its source, its address.
func (f *twoSides) checkMatching() (found []string) {
	made := f.away.send(http.MethodPost, "contacts", `{"displayName":"`+awaySecret+`","primaryEmail":"there@example.com","source":"crm","sourceId":"7"}`)
	var there struct{ ID crm.ID }
	if err := json.Unmarshal(made.Body.Bytes(), &there); err != nil || made.Code != http.StatusCreated {
		return []string{"make a contact there: got " + made.Body.String()}
	}
	const same = `{"displayName":"Same","primaryEmail":"there@example.com","source":"crm","sourceId":"7"}`
	for _, c := range []struct {
		name, path, body, want string
		status                 int
	}{
		{"an import by id", "imports?format=jsonl", `{"id":"` + there.ID.String() + `","displayName":"By id"}`, `"created":1,"updated":0`, 201},
		{"an import by source", "imports?format=jsonl", strings.Replace(same, "there@", "here@", 1), `"created":1,"updated":0`, 201},
		{"an import by address", "imports?format=jsonl", `{"displayName":"Same","primaryEmail":"there@example.com"}`, `"created":1,"updated":0`, 201},
		{
			"an interaction", "contacts/" + f.own[aContact].String() + "/interactions",
			`{"type":"call","occurredAt":"2026-01-01T00:00:00Z","participants":[{"address":"there@example.com"}]}`, `"contactId":null`, 201,
		},
		{"an upsert", "contacts/batch", `{"mode":"upsert","contacts":[` + same + `]}`, `"outcome":"created"`, 200}, // Last: it makes such a contact here.
	} {
		got := f.home.send(http.MethodPost, c.path, c.body)
		if got.Code != c.status || !strings.Contains(got.Body.String(), c.want) || strings.Contains(got.Body.String(), there.ID.String()) {
			found = append(found, fmt.Sprintf("%s: got %d %s, want %s", c.name, got.Code, got.Body, c.want))
		}
	}
	stranger, err := f.w.identity.Members.Get(f.w.t.Context(), f.w.stranger, f.w.stranger.User)
	if err != nil {
		f.w.t.Fatal(err)
	}
	known, unknown := f.invite(stranger.Email), f.invite("nobody@example.com")
	if known != unknown {
		found = append(found, "an invitation tells who is a user elsewhere: "+known+" and "+unknown)
	}
	return found
}

// invite invites an address, of which the answer is returned without it.
func (f *twoSides) invite(email string) string {
	return strings.ReplaceAll(sameBut(f.home.send(http.MethodPost, "invitations", `{"email":"`+email+`"}`)), email, "#")
}

// varies is what differs between two answers that say the same, beside ids.
var varies = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z|Content-Length: \d+|"token":"[^"]*"`)

// sameBut is an answer without ids, times and what is random.
func sameBut(got *httptest.ResponseRecorder) string {
	return varies.ReplaceAllString(anID.ReplaceAllString(wholeAnswer(got), "#"), "#")
}

// methodOf is the method of a route by its operationId.
func (f *twoSides) methodOf(op string) string {
	f.w.t.Helper()
	for _, route := range httpapi.RoutesOf(f.w.handler) {
		if route.ID == op {
			return route.Method
		}
	}
	f.w.t.Fatalf("no route %s", op)
	return ""
}
