package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := setupIdentity(t)
	ann := s.signUp(t, "ann@example.com", "Home")

	t.Run("the answer names the user and workspaces, the cookies are guarded", func(t *testing.T) {
		a := s.send(t, http.MethodPost, "auth/login", `{"email":"ANN@example.com","password":"`+password+`"}`).want(200)
		if a.get("user.email") != "ann@example.com" || a.get("workspaces.0.name") != "Home" || a.get("workspaces.0.role") != "owner" {
			t.Errorf("got %s", a.body)
		}
		for _, c := range (&http.Response{Header: a.header}).Cookies() {
			if c.HttpOnly != (c.Name == "omnicrm_session") || c.SameSite != http.SameSiteLaxMode || c.Secure || c.Path != "/" || c.MaxAge <= 0 {
				t.Errorf("got %s", c)
			}
		}
	})
	t.Run("behind TLS the cookies are Secure, under a mount path they follow it", func(t *testing.T) {
		root := http.StripPrefix("/crm", s.handler)
		r := newRequest(http.MethodPost, "https://crm.example.com/crm/api/v1/auth/login", `{"email":"ann@example.com","password":"`+password+`"}`)
		w := httptest.NewRecorder()
		root.ServeHTTP(w, r)
		cookies := w.Result().Cookies()
		if len(cookies) != 2 {
			t.Fatalf("got %v: %s", cookies, w.Body)
		}
		for _, c := range cookies {
			if !c.Secure || c.Path != "/crm/" {
				t.Errorf("got %s", c)
			}
		}
	})
	t.Run("a wrong password and an unknown email get the same answer", func(t *testing.T) {
		wrong := s.send(t, http.MethodPost, "auth/login", `{"email":"ann@example.com","password":"wrong wrong wrong"}`).want(401, "unauthorized")
		unknown := s.send(t, http.MethodPost, "auth/login", `{"email":"nobody@example.com","password":"wrong wrong wrong"}`).want(401, "unauthorized")
		if withoutIDs(wrong) != withoutIDs(unknown) {
			t.Errorf("got %s and %s", wrong.body, unknown.body)
		}
		if len(wrong.header["Set-Cookie"]) != 0 {
			t.Error("a failed sign-in sets cookies")
		}
	})
	t.Run("many failures are throttled with Retry-After", func(t *testing.T) {
		for range 50 {
			a := s.send(t, http.MethodPost, "auth/login", `{"email":"victim@example.com","password":"wrong wrong wrong"}`)
			if a.code == 429 {
				if a.text("code") != "rate_limited" || a.header.Get("Retry-After") == "" {
					t.Errorf("got %s %v", a.body, a.header)
				}
				return
			}
			a.want(401)
		}
		t.Error("never throttled")
	})
	t.Run("another site's page cannot sign a browser in", func(t *testing.T) {
		s.send(t, http.MethodPost, "auth/login", `{"email":"ann@example.com","password":"`+password+`"}`, "Origin", "https://evil.example").want(403, "invalid_csrf")
	})
	t.Run("me, sessions, logout", func(t *testing.T) {
		one, two := s.signIn(t, "ann@example.com", password), s.signIn(t, "ann@example.com", password)
		me := s.send(t, http.MethodGet, "me", "", one.headers()...).want(200)
		if me.get("user.email") != "ann@example.com" || me.get("workspace.name") != "Home" || me.get("role") != "owner" {
			t.Errorf("got %s", me.body)
		}
		list := s.send(t, http.MethodGet, "sessions", "", one.headers()...).want(200)
		if list.size("items") < 3 || list.get("items.0.current") != false || list.get("items.1.current") != true {
			t.Errorf("got %s", list.body)
		}
		s.send(t, http.MethodDelete, "sessions/"+list.text("items.0.id"), "", one.headers()...).want(204)
		s.send(t, http.MethodGet, "me", "", two.headers()...).want(401, "unauthorized")
		s.send(t, http.MethodDelete, "sessions", "", one.headers()...).want(204)
		s.send(t, http.MethodGet, "me", "", ann.headers()...).want(401, "unauthorized")
		out := s.send(t, http.MethodPost, "auth/logout", "", one.headers()...).want(204)
		for _, c := range (&http.Response{Header: out.header}).Cookies() {
			if c.MaxAge >= 0 {
				t.Errorf("got %s", c)
			}
		}
		s.send(t, http.MethodGet, "me", "", one.headers()...).want(401, "unauthorized")
	})
}

func TestCSRF(t *testing.T) {
	t.Parallel()
	s := setupIdentity(t)
	ann, ben := s.signUp(t, "ann@example.com", "Home"), s.signUp(t, "ben@example.com", "Away")
	body := `{"displayName":"A"}`
	cookie := func(b browser, csrf string) string {
		c := "omnicrm_session=" + b.session
		if csrf != "" {
			c += "; csrf=" + csrf
		}
		return c
	}
	t.Run("reads need no token", func(t *testing.T) {
		s.send(t, http.MethodGet, "contacts", "", "Cookie", cookie(ann, "")).want(200)
	})
	t.Run("absent is missing_csrf with fresh cookies that work", func(t *testing.T) {
		for _, headers := range [][]string{
			{"Cookie", cookie(ann, "")}, {"Cookie", cookie(ann, ann.csrf)}, {"Cookie", cookie(ann, ""), "X-Csrf-Token", ann.csrf},
		} {
			a := s.send(t, http.MethodPost, "contacts", body, headers...).want(403, "missing_csrf")
			cookies := (&http.Response{Header: a.header}).Cookies()
			if len(cookies) == 0 || cookies[0].Name != "csrf" {
				t.Fatalf("got %v", cookies)
			}
			fresh := cookies[0].Value
			s.send(t, http.MethodPost, "contacts", body, "Cookie", cookie(ann, fresh), "X-Csrf-Token", fresh).want(201)
		}
	})
	t.Run("wrong is invalid_csrf, also another session's own", func(t *testing.T) {
		for _, token := range []string{"x", ann.csrf + "x", ben.csrf} {
			s.send(t, http.MethodPost, "contacts", body, "Cookie", cookie(ann, token), "X-Csrf-Token", token).want(403, "invalid_csrf")
		}
		s.send(t, http.MethodPost, "contacts", body, "Cookie", cookie(ann, ben.csrf), "X-Csrf-Token", ann.csrf).want(403, "invalid_csrf")
	})
	t.Run("the origin is checked as well", func(t *testing.T) {
		good := []string{"Cookie", cookie(ann, ann.csrf), "X-Csrf-Token", ann.csrf}
		s.send(t, http.MethodPost, "contacts", body, good...).want(201)
		for _, site := range []string{"cross-site", "same-site"} {
			s.send(t, http.MethodPost, "contacts", body, append(good, "Sec-Fetch-Site", site)...).want(403, "invalid_csrf")
		}
		s.send(t, http.MethodPost, "contacts", body, append(good, "Origin", "https://evil.example")...).want(403, "invalid_csrf")
		s.send(t, http.MethodPost, "contacts", body, append(good, "Origin", "http://example.com")...).want(201)
	})
	t.Run("trusted origins and the public URL pass", func(t *testing.T) {
		s := setupIdentity(t, func(o *httpapi.Options) {
			o.PublicURL, o.TrustedOrigins = "https://crm.example.org/x", []string{"https://app.example.org"}
		})
		ann := s.signUp(t, "ann@example.com", "Home")
		for _, origin := range []string{"https://crm.example.org", "https://app.example.org"} {
			s.send(t, http.MethodPost, "contacts", body, "Cookie", cookie(ann, ann.csrf), "X-Csrf-Token", ann.csrf, "Origin", origin).want(201)
		}
	})
	t.Run("a session's token is no bearer token", func(t *testing.T) {
		s.send(t, http.MethodPost, "contacts", body, "Authorization", "Bearer "+ann.session).want(401, "unauthorized")
		s.send(t, http.MethodPost, "contacts", body, "Authorization", "Bearer "+ann.session, "Cookie", cookie(ann, ann.csrf)).want(401, "unauthorized")
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := setupIdentity(t)
	ann := s.signUp(t, "ann@example.com", "Home")
	made := s.send(t, http.MethodPost, "api-keys", `{"name":"robot","scopes":["contacts:read"]}`, append(ann.headers(), "Idempotency-Key", "k")...).want(201)
	secret := made.text("key")
	bearer := []string{"Authorization", "Bearer " + secret}

	t.Run("the key is shown once", func(t *testing.T) {
		again := s.send(t, http.MethodPost, "api-keys", `{"name":"robot","scopes":["contacts:read"]}`, append(ann.headers(), "Idempotency-Key", "k")...).want(201)
		if again.get("id") != made.get("id") || again.get("key") != nil {
			t.Errorf("got %s", again.body)
		}
		list := s.send(t, http.MethodGet, "api-keys", "", ann.headers()...).want(200)
		if list.size("items") != 1 || strings.Contains(list.body, secret) || list.get("items.0.name") != "robot" || !strings.HasPrefix(secret, list.text("items.0.prefix")) {
			t.Errorf("got %s", list.body)
		}
	})
	t.Run("a key does what its scopes say, without CSRF", func(t *testing.T) {
		s.send(t, http.MethodGet, "contacts", "", bearer...).want(200)
		s.send(t, http.MethodGet, "contacts", "", append(bearer, "Sec-Fetch-Site", "cross-site")...).want(200)
		s.send(t, http.MethodPost, "contacts", `{"displayName":"A"}`, bearer...).want(403, "forbidden")
		s.send(t, http.MethodGet, "api-keys", "", bearer...).want(403, "forbidden")
		if a := s.send(t, http.MethodGet, "me", "", bearer...).want(200); a.size("scopes") != 1 || a.get("workspace.name") != "Home" {
			t.Errorf("got %s", a.body)
		}
		s.send(t, http.MethodGet, "contacts", "", "Authorization", "bearer "+secret).want(200)
	})
	t.Run("what is no key is 401", func(t *testing.T) {
		for _, header := range []string{"Bearer", "Bearer ", "Bearer x", "Basic " + secret, secret, "Bearer " + secret + "x"} {
			s.send(t, http.MethodGet, "contacts", "", "Authorization", header).want(401, "unauthorized")
		}
	})
	t.Run("a key that may read no contacts may ask who it is", func(t *testing.T) {
		jobs := s.send(t, http.MethodPost, "api-keys", `{"scopes":["jobs"]}`, ann.headers()...).want(201).text("key")
		s.send(t, http.MethodGet, "me", "", "Authorization", "Bearer "+jobs).want(200)
	})
	t.Run("scopes and times that cannot be are refused", func(t *testing.T) {
		for body, field := range map[string]string{
			`{"scopes":["root"]}`: "scopes[0]", `{"expiresAt":"tomorrow"}`: "expiresAt", `{"expiresAt":"2001-01-01T00:00:00Z"}`: "expiresAt", `{"secret":"x"}`: "secret",
		} {
			s.send(t, http.MethodPost, "api-keys", body, ann.headers()...).want(400, "invalid_body").wantField(field)
		}
	})
	t.Run("a revoked key opens nothing", func(t *testing.T) {
		s.send(t, http.MethodDelete, "api-keys/"+made.text("id"), "", ann.headers()...).want(204)
		s.send(t, http.MethodGet, "contacts", "", bearer...).want(401, "unauthorized")
		s.send(t, http.MethodDelete, "api-keys/"+made.text("id"), "", ann.headers()...).want(404, "not_found")
	})
}

func TestMembersAndInvitations(t *testing.T) {
	t.Parallel()
	s := setupIdentity(t)
	ann := s.signUp(t, "ann@example.com", "Home")
	invited := s.send(t, http.MethodPost, "invitations", `{"email":"ben@example.com","role":"admin"}`, ann.headers()...).want(201)
	if list := s.send(t, http.MethodGet, "invitations", "", ann.headers()...).want(200); list.size("items") != 1 || strings.Contains(list.body, invited.text("token")) {
		t.Errorf("got %s", list.body)
	}
	ben := browserOf(t, s.send(t, http.MethodPost, "invitations/accept", `{"token":"`+invited.text("token")+`","name":"Ben","password":"`+password+`"}`).want(200))
	s.send(t, http.MethodPost, "invitations/accept", `{"token":"`+invited.text("token")+`","name":"Ben","password":"`+password+`"}`).want(404, "not_found")
	me := s.send(t, http.MethodGet, "me", "", ben.headers()...).want(200)
	if me.get("role") != "admin" || me.get("workspace.name") != "Home" {
		t.Errorf("got %s", me.body)
	}
	benID, annID := me.text("user.id"), s.send(t, http.MethodGet, "me", "", ann.headers()...).text("user.id")

	t.Run("members are listed, read and changed with versions", func(t *testing.T) {
		if list := s.send(t, http.MethodGet, "members", "", ben.headers()...).want(200); list.size("items") != 2 || list.get("total") != 2.0 {
			t.Errorf("got %s", list.body)
		}
		read := s.send(t, http.MethodGet, "members/"+benID, "", ann.headers()...).want(200)
		s.send(t, http.MethodGet, "members/"+benID, "", append(ann.headers(), "If-None-Match", read.header.Get("ETag"))...).want(304)
		s.send(t, http.MethodPatch, "members/"+benID, `{"role":"member"}`, append(ann.headers(), "If-Match", `"99"`)...).want(412, "precondition_failed")
		a := s.send(t, http.MethodPatch, "members/"+benID, `{"role":"member"}`, append(ann.headers(), "If-Match", read.header.Get("ETag"))...).want(200)
		if a.get("role") != "member" {
			t.Errorf("got %s", a.body)
		}
		s.send(t, http.MethodGet, "members", "", ben.headers()...).want(403, "forbidden")
		s.send(t, http.MethodPatch, "members/"+benID, `{"role":"king"}`, ann.headers()...).want(400, "invalid_body").wantField("role")
	})
	t.Run("the last owner stays", func(t *testing.T) {
		s.send(t, http.MethodPatch, "members/"+annID, `{"role":"viewer"}`, ann.headers()...).want(409, "conflict")
		s.send(t, http.MethodDelete, "members/"+annID, "", ann.headers()...).want(409, "conflict")
	})
	t.Run("a removed member loses access at once", func(t *testing.T) {
		s.send(t, http.MethodGet, "contacts", "", ben.headers()...).want(200)
		s.send(t, http.MethodDelete, "members/"+benID, "", ann.headers()...).want(204)
		if a := s.send(t, http.MethodGet, "contacts", "", ben.headers()...); a.code != 401 && a.code != 403 {
			t.Errorf("got %d: %s", a.code, a.body)
		}
	})
	t.Run("an invitation can be taken back", func(t *testing.T) {
		a := s.send(t, http.MethodPost, "invitations", `{"email":"cid@example.com"}`, ann.headers()...).want(201)
		s.send(t, http.MethodDelete, "invitations/"+a.text("id"), "", ann.headers()...).want(204)
		s.send(t, http.MethodPost, "invitations/accept", `{"token":"`+a.text("token")+`","name":"Cid","password":"`+password+`"}`).want(404, "not_found")
		s.send(t, http.MethodPost, "invitations", `{"email":"ann@example.com"}`, ann.headers()...).want(409, "conflict")
		s.send(t, http.MethodPost, "invitations", `{"email":"nobody"}`, ann.headers()...).want(400, "invalid_body").wantField("email")
	})
}

func TestHostActorsBesideIdentity(t *testing.T) {
	t.Parallel()
	s := setupIdentity(t, func(o *httpapi.Options) {
		o.ActorFunc = func(r *http.Request) (crm.Actor, error) {
			if r.Header.Get("X-Test-Actor") == "" {
				return crm.Actor{}, crm.ErrUnauthenticated
			}
			return whoIsCalling(r)
		}
	})
	ann := s.signUp(t, "ann@example.com", "Home")
	s.send(t, http.MethodGet, "contacts", "", "X-Test-Actor", "viewer").want(200)
	s.send(t, http.MethodGet, "contacts", "", ann.headers()...).want(200)
	s.send(t, http.MethodGet, "contacts", "").want(401, "unauthorized")
}
