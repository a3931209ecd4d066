package httpapi_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// tenancyRow is what a caller of another workspace gets from a route with a
// foreign id: the same as with an id that does not exist.
type tenancyRow struct {
	// kind is whose id stands in the path, or in the body for {id}.
	kind string
	body string
	// want is the status; figure, when set, is what must be 0 in the answer.
	want   int
	figure string
}

// tenancyTable has a row for every route; a new route without one fails.
func tenancyTable() map[string]tenancyRow {
	none := tenancyRow{}
	return map[string]tenancyRow{
		"GET /contacts/{id}":                   {kind: "contact", want: 404},
		"PATCH /contacts/{id}":                 {kind: "contact", body: `{"notes":"x"}`, want: 404},
		"DELETE /contacts/{id}":                {kind: "contact", want: 404},
		"POST /contacts/{id}/restore":          {kind: "contact", want: 404},
		"POST /contacts/{id}/erase":            {kind: "contact", want: 404},
		"POST /contacts/bulk-delete":           {kind: "contact", body: `{"ids":["{id}"]}`, want: 200, figure: "deleted"},
		"POST /contacts/bulk-restore":          {kind: "contact", body: `{"ids":["{id}"]}`, want: 200, figure: "restored"},
		"POST /contacts/bulk-tag":              {kind: "contact", body: `{"ids":["{id}"],"add":["x"]}`, want: 200, figure: "updated"},
		"POST /contacts/bulk-update":           {kind: "contact", body: `{"ids":["{id}"],"set":{"stage":"lead"}}`, want: 200, figure: "updated"},
		"GET /imports/{id}":                    {kind: "import", want: 404},
		"GET /imports/{id}/rows":               {kind: "import", want: 404},
		"POST /imports/{id}/commit":            {kind: "import", want: 404},
		"POST /imports/{id}/undo":              {kind: "import", want: 404},
		"GET /jobs/{id}":                       {kind: "job", want: 404},
		"GET /jobs/{id}/kept":                  {kind: "job", want: 404},
		"POST /jobs/{id}/cancel":               {kind: "job", want: 404},
		"POST /jobs/{id}/retry":                {kind: "job", want: 404},
		"POST /jobs/{id}/undo":                 {kind: "job", want: 404},
		"DELETE /sessions/{id}":                {kind: "session", want: 404},
		"GET /api-keys/{id}":                   {kind: "key", want: 404},
		"GET /invitations/{id}":                {kind: "invitation", want: 404},
		"DELETE /api-keys/{id}":                {kind: "key", want: 404},
		"GET /members/{id}":                    {kind: "user", want: 404},
		"PATCH /members/{id}":                  {kind: "user", body: `{"role":"viewer"}`, want: 404},
		"DELETE /members/{id}":                 {kind: "user", want: 404},
		"DELETE /invitations/{id}":             {kind: "invitation", want: 404},
		"GET /contacts":                        {want: 200, figure: "total"},
		"GET /tags":                            {want: 200, figure: "total"},
		"GET /exports/contacts":                {want: 200},
		"GET /imports":                         {want: 200, figure: "total"},
		"GET /jobs":                            {want: 200, figure: "total"},
		"GET /jobs/stats":                      {want: 200, figure: "total"},
		"GET /invitations":                     {want: 200, figure: "total"},
		"GET /sessions":                        {want: 200},
		"GET /api-keys":                        {want: 200},
		"GET /members":                         {want: 200},
		"GET /me":                              {want: 200},
		"GET /dashboard":                       {want: 200},
		"GET /activity":                        {want: 200},
		"GET /events":                          none, // TestStreamsOfOtherWorkspaces
		"POST /contacts/dedupe":                none,
		"GET /contacts/{id}/interactions":      {want: 404, kind: "contact"},
		"POST /contacts/{id}/interactions":     {want: 404, kind: "contact", body: `{"type":"note","occurredAt":"2026-01-01T00:00:00Z"}`},
		"GET /interactions/{id}":               {want: 404, kind: "interaction"},
		"PATCH /interactions/{id}":             {want: 404, kind: "interaction", body: `{"subject":"mine"}`},
		"DELETE /interactions/{id}":            {want: 404, kind: "interaction"},
		"GET /contacts/{id}/insights":          {want: 404, kind: "contact"},
		"POST /contacts/{id}/insights/refresh": {want: 404, kind: "contact"},
		"GET /focus":                           {want: 200, figure: "total"},
		"GET /exports/interactions":            {want: 200},
		"POST /contacts":                       none, // These make records in the caller's own workspace, or take none.
		"POST /contacts/batch":                 none,
		"POST /imports":                        none,
		"POST /api-keys":                       none,
		"POST /invitations":                    none,
		"POST /invitations/accept":             none,
		"POST /auth/login":                     none,
		"POST /auth/logout":                    none,
		"DELETE /sessions":                     none,
		"GET /openapi.json":                    none,
		"GET /healthz":                         none,
		"GET /readyz":                          none,
	}
}

func TestTenancy(t *testing.T) {
	t.Parallel()
	s := setupIdentity(t)
	home := s.signUp(t, "home@example.com", "Home")
	away := s.signUp(t, "away@example.com", "Away")

	ids := map[string]string{}
	ids["contact"] = s.create(t, `{"displayName":"Maria Secret","tags":["hidden"],"source":"x","sourceId":"1"}`, home.headers()...)
	ids["interaction"] = s.send(t, http.MethodPost, "contacts/"+ids["contact"]+"/interactions",
		`{"type":"call","subject":"hidden","occurredAt":"2026-01-01T00:00:00Z"}`, home.headers()...).want(201).text("id")
	ids["import"] = s.send(t, http.MethodPost, "imports", people, append(home.headers(), "Content-Type", "text/csv")...).want(201).text("id")
	ids["job"] = s.send(t, http.MethodPost, "contacts/bulk-tag", `{"filter":{},"add":["x"]}`, home.headers()...).want(202).text("jobId")
	ids["session"] = s.send(t, http.MethodGet, "sessions", "", home.headers()...).want(200).text("items.0.id")
	ids["key"] = s.send(t, http.MethodPost, "api-keys", `{}`, home.headers()...).want(201).text("id")
	ids["user"] = s.send(t, http.MethodGet, "me", "", home.headers()...).want(200).text("user.id")
	ids["invitation"] = s.send(t, http.MethodPost, "invitations", `{"email":"new@example.com"}`, home.headers()...).want(201).text("id")
	s.wait2(t, "jobs/"+ids["job"], home, func(a answer) bool { return a.text("status") == "succeeded" })

	table := tenancyTable()
	for _, route := range routesOf(s.handler) {
		route = strings.Replace(route, " /api/v1", " ", 1)
		row, ok := table[route]
		if !ok {
			t.Errorf("%s has no row in the tenancy table", route)
			continue
		}
		delete(table, route)
		if row.want == 0 {
			continue
		}
		t.Run(route, func(t *testing.T) {
			method, path, _ := strings.Cut(route, " ")
			ask := func(id string) answer {
				return s.send(t, method, strings.ReplaceAll(path[1:], "{id}", id), strings.ReplaceAll(row.body, "{id}", id), away.headers()...)
			}
			foreign, absent := ask(ids[row.kind]).want(row.want), ask(crm.NewID().String()).want(row.want)
			if got, want := withoutIDs(foreign), withoutIDs(absent); got != want && row.kind != "" {
				t.Errorf("a foreign id gets\n%s\nand an absent one\n%s", got, want)
			}
			if row.figure != "" && foreign.get(row.figure) != 0.0 {
				t.Errorf("got %s", foreign.body)
			}
			for _, secret := range []string{"Maria", "hidden", "home@example.com", "new@example.com"} {
				if strings.Contains(foreign.body, secret) {
					t.Errorf("the answer shows %s: %s", secret, foreign.body)
				}
			}
		})
	}
	for route := range table {
		t.Errorf("%s is in the tenancy table and no route", route)
	}

	t.Run("nothing of the other workspace has changed", func(t *testing.T) {
		a := s.send(t, http.MethodGet, "contacts/"+ids["contact"], "", home.headers()...).want(200)
		if a.get("notes") != nil || a.get("deletedAt") != nil || a.get("stage") != "none" || a.get("version") != 2.0 {
			t.Errorf("got %s", a.body)
		}
		s.send(t, http.MethodGet, "imports/"+ids["import"], "", home.headers()...).want(200)
		if a := s.send(t, http.MethodGet, "api-keys", "", home.headers()...).want(200); a.size("items") != 1 {
			t.Errorf("got %s", a.body)
		}
	})
	t.Run("the same source id in another workspace is no conflict", func(t *testing.T) {
		s.create(t, `{"displayName":"Other","source":"x","sourceId":"1"}`, away.headers()...)
	})
	t.Run("a workspace one is no member of is forbidden, a malformed one is 400", func(t *testing.T) {
		workspace := s.send(t, http.MethodGet, "me", "", home.headers()...).text("workspace.id")
		s.send(t, http.MethodGet, "contacts", "", append(away.headers(), "X-Workspace-Id", workspace)...).want(403, "forbidden")
		s.send(t, http.MethodGet, "contacts", "", append(away.headers(), "X-Workspace-Id", crm.NewID().String())...).want(403, "forbidden")
		s.send(t, http.MethodGet, "contacts", "", append(away.headers(), "X-Workspace-Id", "home")...).want(400, "invalid_id").wantField("X-Workspace-Id")
		s.send(t, http.MethodGet, "contacts", "", append(home.headers(), "X-Workspace-Id", workspace)...).want(200)
	})
}

// withoutIDs is an answer without what differs between any two requests.
func withoutIDs(a answer) string {
	return regexp.MustCompile(`[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).ReplaceAllString(a.body, "#") +
		" " + strings.Join(headerNames(a.header), ",")
}

func headerNames(h http.Header) []string {
	var names []string
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// browser is a signed-in user with cookies.
type browser struct {
	session, csrf string
}

func (b browser) headers() []string {
	return []string{"Cookie", "omnicrm_session=" + b.session + "; csrf=" + b.csrf, "X-Csrf-Token", b.csrf, "Sec-Fetch-Site", "same-origin"}
}

const password = "correct horse battery"

// signUp makes a user with a workspace of their own and signs them in.
func (s *server) signUp(t testing.TB, email, workspace string) browser {
	t.Helper()
	_, _, err := s.identity.Operator.CreateUser(t.Context(), identity.NewAccount{Email: email, Name: workspace + " owner", Password: password, Workspace: workspace})
	if err != nil {
		t.Fatal(err)
	}
	return s.signIn(t, email, password)
}

func (s *server) signIn(t testing.TB, email, password string) browser {
	t.Helper()
	a := s.send(t, http.MethodPost, "auth/login", `{"email":"`+email+`","password":"`+password+`"}`).want(200)
	return browserOf(t, a)
}

func browserOf(t testing.TB, a answer) browser {
	t.Helper()
	var b browser
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		switch c.Name {
		case "omnicrm_session":
			b.session = c.Value
		case "csrf":
			b.csrf = c.Value
		}
	}
	if b.session == "" || b.csrf == "" || a.text("csrfToken") != b.csrf {
		t.Fatalf("got cookies %v", a.header["Set-Cookie"])
	}
	return b
}
