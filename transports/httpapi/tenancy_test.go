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

// What a caller of another workspace gets from each route is in the matrix
// (TestSecurityMatrix); here is what it leaves open.
func TestTenancy(t *testing.T) {
	t.Parallel()
	s := setupIdentity(t)
	home := s.signUp(t, "home@example.com", "Home")
	away := s.signUp(t, "away@example.com", "Away")
	s.create(t, `{"displayName":"Maria","source":"x","sourceId":"1"}`, home.headers()...)

	t.Run("the same source id in another workspace is no conflict", func(t *testing.T) {
		s.create(t, `{"displayName":"Other","source":"x","sourceId":"1"}`, away.headers()...)
	})
	t.Run("a workspace one is no member of is forbidden, a malformed one is 400", func(t *testing.T) {
		workspace := s.send(t, http.MethodGet, "me", "", home.headers()...).text("workspace.id")
		s.send(t, http.MethodGet, "contacts", "", append(away.headers(), "X-Workspace-Id", workspace)...).want(403, "forbidden")
		s.send(t, http.MethodGet, "contacts", "", append(away.headers(), "X-Workspace-Id", crm.NewID().String())...).want(403, "forbidden")
		s.send(t, http.MethodGet, "contacts", "", append(away.headers(), "X-Workspace-Id", "home")...).want(400, "invalid_id").wantField("X-Workspace-Id")
		s.send(t, http.MethodDelete, "sessions", "", append(away.headers(), "X-Workspace-Id", crm.ID{}.String())...).want(400, "invalid_id").wantField("X-Workspace-Id")
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
