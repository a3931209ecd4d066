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
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// pagedLists are the lists that take a cursor, each with what begins it. {id} is a
// record of the asker's.
func pagedLists() map[string]struct {
	path string
	kind recordKind
} {
	return map[string]struct {
		path string
		kind recordKind
	}{
		"listContacts":     {"contacts?pageSize=1", ""},
		"listInteractions": {"contacts/{id}/interactions?pageSize=1", aContact},
		"listFocus":        {"focus?limit=1", ""},
		"listImports":      {"imports?pageSize=1", ""},
		"listImportRows":   {"imports/{id}/rows?pageSize=1", aReadyImport},
		"listJobs":         {"jobs?pageSize=1", ""},
		"listKept":         {"jobs/{id}/kept?pageSize=1", aFinishedJob},
		"listActivity":     {"activity?limit=1", ""},
		"listKeys":         {"api-keys?pageSize=1", ""},
		"listMembers":      {"members?pageSize=1", ""},
		"listInvitations":  {"invitations?pageSize=1", ""},
	}
}

// TestCursorsOfOtherWorkspaces goes on in every list with the cursor of the same
// list in another workspace.
func TestCursorsOfOtherWorkspaces(t *testing.T) {
	t.Parallel()
	w := newMatrixWorld(t)
	lists := pagedLists()
	for _, place := range placesOf(t, w.handler, func(name, _ string) bool { return name == "cursor" }) {
		op, _, _ := strings.Cut(place, " ")
		if _, ok := lists[op]; !ok {
			t.Errorf("%s takes a cursor and has no row", op)
		}
		delete(lists, op)
	}
	for op := range lists {
		t.Errorf("%s has a row and takes no cursor", op)
	}
	for _, complaint := range newTwoSides(w).checkCursors() {
		t.Error(complaint)
	}
}

func (f *twoSides) checkCursors() (found []string) {
	f.fill()
	f.w.victim = f.ids[aContact]
	for op, list := range pagedLists() {
		there := strings.ReplaceAll(list.path, "{id}", f.ids[list.kind].String())
		here := strings.ReplaceAll(list.path, "{id}", f.own[list.kind].String())
		first := f.away.send(http.MethodGet, there, "")
		var page struct{ NextCursor string }
		if err := json.Unmarshal(first.Body.Bytes(), &page); err != nil || first.Code != http.StatusOK {
			f.w.t.Fatalf("got %d: %s", first.Code, first.Body)
		}
		if op == "listKept" { // No undo has left anything: its cursors are numbers of rows.
			page.NextCursor = crm.SealCursor([]byte("k:1"))
		}
		if page.NextCursor == "" {
			f.w.t.Fatalf("the other workspace has one page only: %s", first.Body)
		}
		away := f.allAway()
		for _, more := range []string{"&cursor=" + page.NextCursor, ""} {
			next := f.home.send(http.MethodGet, here+more, "")
			if next.Code != http.StatusOK && (next.Code != http.StatusBadRequest || more == "") {
				found = append(found, fmt.Sprintf("%s: got %d: %s", op, next.Code, next.Body))
			}
			for _, id := range idsIn(next) {
				if slices.Contains(away, id) {
					found = append(found, fmt.Sprintf("%s: shows %s of the other workspace: %s", op, id, next.Body))
				}
			}
			if strings.Contains(next.Body.String(), awaySecret) {
				found = append(found, fmt.Sprintf("%s: shows the other workspace's people: %s", op, next.Body))
			}
		}
	}
	return found
}

// fill gives each side pages of what belongs to one record, and people who were
// not heard of for long.
func (f *twoSides) fill() {
	f.w.t.Helper()
	for _, side := range []struct {
		asking
		ids map[recordKind]crm.ID
	}{{f.home, f.own}, {f.away, f.ids}} {
		made := func(path, body string, status int) crm.ID {
			got := side.send(http.MethodPost, path, body)
			if got.Code != status {
				f.w.t.Fatalf("got %d: %s", got.Code, got.Body)
			}
			id, err := crm.ParseID(idsIn(got)[0])
			if err != nil {
				f.w.t.Fatal(err)
			}
			return id
		}
		for range 2 {
			side.ids[aContact] = made("contacts", `{"displayName":"Quiet","stage":"customer"}`, http.StatusCreated)
			of := "contacts/" + side.ids[aContact].String()
			for _, months := range []int{-9, -8, -7} { // Nor of more than a year ago: focus leaves them out.
				at := time.Now().AddDate(0, months, 0).UTC().Format(time.RFC3339)
				made(of+"/interactions", `{"type":"call","direction":"inbound","occurredAt":"`+at+`"}`, http.StatusCreated)
			}
			made(of+"/insights/refresh", "", http.StatusOK)
		}
		side.ids[aReadyImport] = made("imports?format=jsonl", "{\"displayName\":\"One\"}\n{\"displayName\":\"Two\"}\n", http.StatusCreated)
	}
}

// anID is an id in a text.
var anID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// idsIn are the ids in an answer.
func idsIn(got *httptest.ResponseRecorder) []string { return anID.FindAllString(got.Body.String(), -1) }

// allAway are the ids that the other workspace's owner can see.
func (f *twoSides) allAway() []string {
	ids := []string{f.away.w.away.String()}
	for _, path := range []string{
		"contacts?pageSize=200", "contacts?pageSize=200&trash=true", "imports?pageSize=200", "jobs?pageSize=200", "api-keys", "members", "invitations",
		"activity?limit=100", "exports/interactions",
	} {
		ids = append(ids, idsIn(f.away.send(http.MethodGet, path, ""))...)
	}
	return ids
}

// TestIdempotencyKeysOfOthers repeats another's request with another's key: of
// another workspace, and of another member.
func TestIdempotencyKeysOfOthers(t *testing.T) {
	t.Parallel()
	for _, complaint := range newTwoSides(newMatrixWorld(t)).checkKeys() {
		t.Error(complaint)
	}
}

func (f *twoSides) checkKeys() (found []string) {
	w := f.w
	second := asking{w, bySession("second", memberAs(crm.RoleOwner))(w).headers}
	keys := placesOf(w.t, w.handler, func(name, _ string) bool { return name == "Idempotency-Key" })
	tried := 0
	for _, route := range httpapi.RoutesOf(w.handler) {
		rows := matrixTable()[route.ID]
		// A request with a record's id in it is another one for everybody else.
		if !slices.Contains(keys, route.ID+" header Idempotency-Key") || rows[0].kind != "" || rows[0].status != http.StatusCreated {
			continue
		}
		tried++
		headers := []string{"Idempotency-Key", "same-" + route.ID}
		if rows[0].media != "" {
			headers = append(headers, "Content-Type", rows[0].media)
		}
		seen := map[string]bool{"": true}
		for _, who := range []asking{f.away, f.home, second} {
			got := who.send(route.Method, strings.TrimPrefix(route.Path, "/api/v1/")+rows[0].query, rows[0].body, headers...)
			id := strings.Join(idsIn(got)[:min(1, len(idsIn(got)))], "")
			if got.Code != http.StatusCreated || got.Header().Get("Idempotent-Replayed") != "" || seen[id] {
				found = append(found, fmt.Sprintf("%s: got %d, replayed %q: %s", route.ID, got.Code, got.Header().Get("Idempotent-Replayed"), got.Body))
			}
			seen[id] = true
		}
	}
	if tried < 4 {
		found = append(found, fmt.Sprintf("tried %d routes, want the four that create", tried))
	}
	return found
}
