package httpapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

func newRequest(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestRouting(t *testing.T) {
	t.Parallel()
	s := setup(t)
	t.Run("an unknown path is a problem", func(t *testing.T) {
		for _, path := range []string{"/", "/api", "/api/v1", "/api/v1/", "/api/v1/contact", "/api/v1/contacts/", "/api/v1//contacts", "/api/v1/../v1/contacts", "/api/v2/contacts", "/metrics"} {
			s.send(t, http.MethodGet, path, "").want(404, "not_found")
		}
	})
	t.Run("a method that a path does not have is 405 with Allow", func(t *testing.T) {
		id := crm.NewID().String()
		for _, c := range []struct{ method, path, allow string }{
			{http.MethodPut, "contacts", "GET, HEAD, POST"},
			{http.MethodPost, "contacts/" + id, "DELETE, GET, HEAD, PATCH"},
			{http.MethodGet, "contacts/batch", "POST"},
			{http.MethodDelete, "contacts/bulk-tag", "POST"},
			{http.MethodGet, "contacts/" + id + "/erase", "POST"},
			{http.MethodPost, "jobs/stats", "GET, HEAD"},
			{http.MethodOptions, "tags", "GET, HEAD"},
			{"BREW", "tags", "GET, HEAD"},
			{http.MethodPost, "/healthz", "GET, HEAD"},
		} {
			a := s.send(t, c.method, c.path, "").want(405, "method_not_allowed")
			if got := a.header.Get("Allow"); got != c.allow {
				t.Errorf("%s %s: got Allow %s, want %s", c.method, c.path, got, c.allow)
			}
		}
	})
	t.Run("health needs nobody", func(t *testing.T) {
		s.send(t, http.MethodGet, "/healthz", "", "X-Test-Actor", "nobody").want(200)
		a := s.send(t, http.MethodGet, "/readyz", "", "X-Test-Actor", "nobody").want(200)
		if a.get("database.status") != "ok" || a.get("version") != "test" {
			t.Errorf("got %s", a.body)
		}
	})
	t.Run("readiness shows what the drift checks found", func(t *testing.T) {
		s := setup(t)
		if a := s.send(t, http.MethodGet, "/readyz", "").want(200); a.get("index.checkedAt") != nil || a.get("index.wrong") != 0.0 {
			t.Errorf("before the first check: got %s", a.body)
		}
		s.send(t, http.MethodPost, "contacts", `{"displayName":"Ana"}`).want(201)
		s.send(t, http.MethodGet, "contacts?search=ana", "").want(200)
		if _, err := s.app.CheckSearch(context.Background()); err != nil {
			t.Fatal(err)
		}
		if a := s.send(t, http.MethodGet, "/readyz", "").want(200); a.get("index.checkedAt") == nil || a.get("index.contacts") != 1.0 {
			t.Errorf("after a check: got %s", a.body)
		}
	})
	t.Run("readiness is 503 when the server leaves, and requests are answered", func(t *testing.T) {
		s := setup(t)
		s.send(t, http.MethodGet, "/readyz", "").want(200)
		s.handler.Leave()
		if a := s.send(t, http.MethodGet, "/readyz", "").want(503); a.get("status") != "down" || a.get("database.status") != "ok" || a.header.Get("Retry-After") == "" {
			t.Errorf("got %s, want it to be down with a database that is not", a.body)
		}
		s.send(t, http.MethodGet, "/healthz", "").want(200)
		s.send(t, http.MethodPost, "contacts", `{"displayName":"Ana"}`).want(201)
	})
	t.Run("readiness is 503 without a database", func(t *testing.T) {
		s := setup(t)
		if err := s.store.Close(); err != nil {
			t.Fatal(err)
		}
		a := s.send(t, http.MethodGet, "/readyz", "").want(503)
		if a.get("status") != "down" || a.header.Get("Retry-After") == "" {
			t.Errorf("got %s %v", a.body, a.header)
		}
		s.send(t, http.MethodGet, "/healthz", "").want(200)
		b := s.send(t, http.MethodGet, "contacts", "").want(503, "unavailable")
		if b.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})
	t.Run("readiness is 200 and says so when the database can only be read", func(t *testing.T) {
		s := setup(t)
		app, err := crm.New(crm.Config{Store: fullStore{s.store}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		handler, err := httpapi.New(app, httpapi.Options{ActorFunc: whoIsCalling})
		if err != nil {
			t.Fatal(err)
		}
		s.handler, s.root = handler, handler
		a := s.send(t, http.MethodGet, "/readyz", "").want(200)
		if detail, _ := a.get("database.detail").(string); a.get("status") != "degraded" || a.get("database.status") != "degraded" || !strings.Contains(detail, "reads go on") {
			t.Errorf("got %s", a.body)
		}
		s.send(t, http.MethodGet, "contacts", "").want(200)
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("without a sign-in everything but health is 401", func(t *testing.T) {
		bare := open(t, func(*server) httpapi.Options { return httpapi.Options{} })
		bare.send(t, http.MethodGet, "/healthz", "").want(200)
		bare.send(t, http.MethodGet, "/readyz", "").want(200)
		for _, path := range []string{"/api/v1/contacts", "/api/v1/openapi.json", "/api/v1/auth/login", "/api/v1/contacts/x", "/"} {
			bare.send(t, http.MethodGet, path, "").want(401, "unauthorized")
			bare.send(t, http.MethodPost, path, `{}`).want(401, "unauthorized")
		}
	})
}

// fullStore has no room for a write.
type fullStore struct{ crm.Store }

func (fullStore) ProbeWrite(context.Context) error { return crm.ErrUnavailable }

func TestHostActors(t *testing.T) {
	t.Parallel()
	failures := map[string]error{
		"unauthenticated": crm.ErrUnauthenticated, "forbidden": crm.ErrForbidden, "unavailable": crm.ErrUnavailable,
		"unknown": errors.New("directory said: password hunter2"), "zero": nil,
	}
	s := setup(t, func(o *httpapi.Options) {
		o.ActorFunc = func(r *http.Request) (crm.Actor, error) {
			if r.Header.Get("X-Fail") == "panic" {
				panic("directory panicked: hunter2")
			}
			if err, ok := failures[r.Header.Get("X-Fail")]; ok {
				return crm.Actor{}, err
			}
			return whoIsCalling(r)
		}
	})
	for name, want := range map[string]int{"unauthenticated": 401, "forbidden": 403, "unavailable": 503, "unknown": 500, "zero": 401, "panic": 500} {
		a := s.send(t, http.MethodGet, "contacts", "", "X-Fail", name).want(want)
		if strings.Contains(a.body, "hunter2") {
			t.Errorf("the answer leaks: %s", a.body)
		}
		if want == 401 && a.header.Get("WWW-Authenticate") == "" {
			t.Error("no WWW-Authenticate")
		}
		if want == 500 && !strings.Contains(s.log.String(), a.header.Get("X-Request-Id")) {
			t.Errorf("the log has no request id %s", a.header.Get("X-Request-Id"))
		}
	}
	if !strings.Contains(s.log.String(), "hunter2") {
		t.Error("the log has no cause")
	}
	t.Run("a cross-site write is refused, a program's is not", func(t *testing.T) {
		body := `{"displayName":"A"}`
		s.send(t, http.MethodPost, "contacts", body, "Sec-Fetch-Site", "cross-site").want(403, "invalid_csrf")
		s.send(t, http.MethodPost, "contacts", body, "Origin", "https://evil.example").want(403, "invalid_csrf")
		s.send(t, http.MethodPost, "contacts", body, "Sec-Fetch-Site", "same-origin").want(201)
		s.send(t, http.MethodPost, "contacts", body, "Sec-Fetch-Site", "cross-site", "Authorization", "Token x").want(201)
		s.send(t, http.MethodGet, "contacts", "", "Sec-Fetch-Site", "cross-site").want(200)
	})
}

// What each role and scope may is in the matrix (TestSecurityMatrix).
func TestMeTellsRoleAndScopes(t *testing.T) {
	t.Parallel()
	s := setup(t)
	a := s.send(t, http.MethodGet, "me", "", "X-Test-Actor", "reader").want(200)
	if a.get("role") != "owner" || a.size("scopes") != 1 || a.get("workspace.id") != actors()["reader"].Workspace.String() {
		t.Errorf("got %s", a.body)
	}
	if a := s.send(t, http.MethodGet, "me", "").want(200); a.size("scopes") != len(crm.Scopes()) || a.text("workspace.name") == "" {
		t.Errorf("got %s", a.body)
	}
}

func TestETags(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := s.create(t, `{"displayName":"A"}`)
	at := "contacts/" + id

	t.Run("If-None-Match answers 304 while the version is the same", func(t *testing.T) {
		for _, tags := range []string{`"1"`, `W/"1"`, `"7", "1"`, `*`} {
			a := s.send(t, http.MethodGet, at, "", "If-None-Match", tags).want(304)
			if a.body != "" || a.header.Get("ETag") != `"1"` {
				t.Errorf("got %q %v", a.body, a.header)
			}
		}
		s.send(t, http.MethodGet, at, "", "If-None-Match", `"2"`).want(200)
	})
	t.Run("If-Match refuses what does not match strongly", func(t *testing.T) {
		for _, tags := range []string{`"2"`, `W/"1"`, `"2", "3"`, `"abc"`, `"01"`, `"-1"`, `""`} {
			for _, c := range [][2]string{{http.MethodPatch, at}, {http.MethodDelete, at}, {http.MethodPost, at + "/restore"}, {http.MethodPost, at + "/erase"}} {
				body := ""
				if c[0] == http.MethodPatch {
					body = `{"notes":"x"}`
				}
				s.send(t, c[0], c[1], body, "If-Match", tags).want(412, "precondition_failed")
			}
		}
	})
	t.Run("If-Match that is no list of ETags is 400", func(t *testing.T) {
		s.send(t, http.MethodPatch, at, `{"notes":"x"}`, "If-Match", `1`).want(400, "invalid_query").wantField("If-Match")
	})
	t.Run("If-Match of several versions asks for the right first, and for no other one", func(t *testing.T) {
		several := []string{"If-Match", `"98", "99"`, "X-Test-Actor"}
		for _, place := range []string{"contacts/" + id, "contacts/" + crm.NewID().String()} {
			s.send(t, http.MethodPatch, place, `{"notes":"x"}`, append(several, "viewer")...).want(403, "forbidden")
			s.send(t, http.MethodPost, place+"/erase", "", append(several, "member")...).want(403, "forbidden")
		}
		own := s.create(t, `{"displayName":"A"}`)
		s.send(t, http.MethodPatch, "contacts/"+own, `{"notes":"x"}`, append(several, "writer")...).want(412, "precondition_failed")
		s.send(t, http.MethodPatch, "contacts/"+own, `{"notes":"x"}`, "If-Match", `"1", "99"`, "X-Test-Actor", "writer").want(200)
	})
	t.Run("If-Match on an absent record is 404", func(t *testing.T) {
		for _, tags := range []string{`"1"`, `W/"1"`, `*`, `"1", "2"`} {
			s.send(t, http.MethodPatch, "contacts/"+crm.NewID().String(), `{"notes":"x"}`, "If-Match", tags).want(404, "not_found")
		}
	})
	t.Run("If-Match lets the current version pass, among several and by star", func(t *testing.T) {
		for i, tags := range []string{`"1"`, `"1", "2"`, `*`, `"4", W/"9"`} {
			a := s.send(t, http.MethodPatch, at, `{"notes":"`+tags[:1]+strconv.Itoa(i)+`"}`, "If-Match", tags)
			if tags[0] == '"' && a.code != 200 && strings.Contains(a.body, "invalid_body") {
				continue
			}
		}
		version := s.send(t, http.MethodGet, at, "").header.Get("ETag")
		s.send(t, http.MethodPatch, at, `{"notes":"more"}`, "If-Match", `"900", `+version).want(200)
		s.send(t, http.MethodPatch, at, `{"notes":"even more"}`, "If-Match", `*`).want(200)
		version = s.send(t, http.MethodGet, at, "").header.Get("ETag")
		s.send(t, http.MethodPost, at+"/erase", "", "If-Match", version).want(204)
	})
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	t.Run("a well-formed request id is taken, another one is made", func(t *testing.T) {
		if got := s.send(t, http.MethodGet, "contacts", "", "X-Request-Id", "Ab-1_2.3").header.Get("X-Request-Id"); got != "Ab-1_2.3" {
			t.Errorf("got %s", got)
		}
		for _, bad := range []string{"a b", "a\nb", strings.Repeat("x", 65), "ä", "<x>"} {
			got := s.send(t, http.MethodGet, "contacts", "", "X-Request-Id", bad).header.Get("X-Request-Id")
			if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(got) {
				t.Errorf("%q: got %s", bad, got)
			}
		}
	})
	t.Run("the content security policy has a nonce of its own and nothing unsafe", func(t *testing.T) {
		one, two := s.send(t, http.MethodGet, "/healthz", "").header.Get("Content-Security-Policy"), s.send(t, http.MethodGet, "/nowhere", "").header.Get("Content-Security-Policy")
		if one == two || !strings.Contains(one, "nonce-") || strings.Contains(one, "unsafe") || !strings.Contains(one, "frame-ancestors 'none'") {
			t.Errorf("got %s and %s", one, two)
		}
	})
	t.Run("HSTS stands behind TLS only, told by trusted proxies only", func(t *testing.T) {
		hsts := func(remote, scheme string, tls bool) string {
			target := "/healthz"
			if tls {
				target = "https://crm.example.com/healthz"
			}
			r := httptest.NewRequest(http.MethodGet, target, nil)
			r.RemoteAddr = remote
			if scheme != "" {
				r.Header.Set("X-Forwarded-Proto", scheme)
			}
			return s.sendRequest(t, r).header.Get("Strict-Transport-Security")
		}
		if hsts("192.0.2.1:1", "", false) != "" || hsts("192.0.2.1:1", "https", false) != "" || hsts("10.1.1.1:1", "http", false) != "" {
			t.Error("HSTS without TLS")
		}
		if hsts("192.0.2.1:1", "", true) == "" || hsts("10.1.1.1:1", "https", false) == "" {
			t.Error("no HSTS behind TLS")
		}
	})
	t.Run("reads can be revalidated, errors are not stored", func(t *testing.T) {
		id := s.create(t, `{"displayName":"A"}`)
		if got := s.send(t, http.MethodGet, "contacts/"+id, "").header.Get("Cache-Control"); got != "private, no-cache" {
			t.Errorf("got %s", got)
		}
		if got := s.send(t, http.MethodGet, "contacts/x", "").header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("got %s", got)
		}
	})
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) {
		o.RateLimit, o.AddressRateLimit = 5, 3
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	t.Run("a minute's allowance may be spent at once, then 429 with Retry-After", func(t *testing.T) {
		for i := range 5 {
			a := s.send(t, http.MethodGet, "tags", "").want(200)
			if got, want := a.header.Get("RateLimit-Remaining"), strconv.Itoa(4-i); got != want || a.header.Get("RateLimit-Limit") != "5" {
				t.Errorf("got %s remaining, want %s", got, want)
			}
		}
		a := s.send(t, http.MethodGet, "tags", "").want(429, "rate_limited")
		if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 1 || n > 12 {
			t.Errorf("got Retry-After %s", a.header.Get("Retry-After"))
		}
		if n, err := strconv.Atoi(a.header.Get("RateLimit-Reset")); err != nil || n < 1 || n > 60 {
			t.Errorf("got RateLimit-Reset %s", a.header.Get("RateLimit-Reset"))
		}
	})
	t.Run("others are not touched by it, and health is exempt", func(t *testing.T) {
		s.send(t, http.MethodGet, "tags", "", "X-Test-Actor", "admin").want(200)
		for range 20 {
			s.send(t, http.MethodGet, "/healthz", "").want(200)
		}
	})
	t.Run("failed sign-ins count by address, seen through trusted proxies only", func(t *testing.T) {
		from := func(remote, forwarded string) answer {
			r := newRequest(http.MethodGet, s.url("tags"), "", "X-Test-Actor", "nobody", "X-Forwarded-For", forwarded)
			r.RemoteAddr = remote
			return s.sendRequest(t, r)
		}
		for i := range 3 { // A client that lies about its address.
			from("198.51.100.7:1", "203.0.113."+strconv.Itoa(i)).want(401)
		}
		from("198.51.100.7:1", "203.0.113.9").want(429, "rate_limited")
		for i := range 3 { // Many clients behind one proxy; the lie stands left of the truth.
			from("10.1.1.1:1", "1.2.3.4, 203.0.113.50, 10.2.2."+strconv.Itoa(i)).want(401)
		}
		from("10.1.1.1:1", "9.9.9.9, 203.0.113.50").want(429, "rate_limited")
		from("10.1.1.1:1", "203.0.113.51").want(401)
		for i := range 3 { // One customer of a provider has a whole /64.
			from("[2001:db8::"+strconv.Itoa(i)+"]:1", "").want(401)
		}
		from("[2001:db8::77]:1", "").want(429, "rate_limited")
		from("[2001:db8:0:1::1]:1", "").want(401)
	})
	t.Run("a limiter that fails lets requests through and is logged", func(t *testing.T) {
		s := setup(t, func(o *httpapi.Options) { o.RateLimit, o.Limiter = 5, brokenLimiter{} })
		s.send(t, http.MethodGet, "tags", "").want(200)
		if !strings.Contains(s.log.String(), "limiter is down") {
			t.Error("not logged")
		}
	})
}

type brokenLimiter struct{}

func (brokenLimiter) TakeRequest(context.Context, string, int) (httpapi.Allowance, error) {
	return httpapi.Allowance{}, errors.New("limiter is down")
}

func TestMounting(t *testing.T) {
	t.Parallel()
	one, two := setup(t), setup(t)
	mux := http.NewServeMux()
	mux.Handle("/crm/", http.StripPrefix("/crm", one.handler))
	mux.Handle("/other/crm/", http.StripPrefix("/other/crm", two.handler))
	for _, s := range []*server{one, two} {
		s.root = mux
	}
	one.mount, two.mount = "/crm", "/other/crm"

	t.Run("places follow the mount path", func(t *testing.T) {
		for _, s := range []*server{one, two} {
			a := s.send(t, http.MethodPost, "contacts", `{"displayName":"A","sourceId":"1"}`).want(201)
			place := a.header.Get("Location")
			if want := s.mount + "/api/v1/contacts/" + a.text("id"); place != want {
				t.Fatalf("got %s, want %s", place, want)
			}
			if got := s.send(t, http.MethodPost, "contacts", `{"displayName":"A","sourceId":"1"}`).want(409).text("links.conflict"); got != place {
				t.Errorf("got %s, want %s", got, place)
			}
			if got := s.send(t, http.MethodGet, "openapi.json", "").want(200).get("servers.0.url"); got != s.mount {
				t.Errorf("got server %v", got)
			}
			s.send(t, http.MethodGet, "/healthz", "").want(200)
			s.send(t, http.MethodGet, "nothing", "").want(404, "not_found")
		}
	})
	t.Run("two in one process share nothing", func(t *testing.T) {
		id := one.create(t, `{"displayName":"Only here"}`)
		two.send(t, http.MethodGet, "contacts/"+id, "").want(404)
		one.send(t, http.MethodGet, "contacts/"+id, "").want(200)
	})
	t.Run("BasePath is for proxies that strip", func(t *testing.T) {
		s := setup(t, func(o *httpapi.Options) { o.BasePath = "/behind/proxy" })
		a := s.send(t, http.MethodPost, "contacts", `{"displayName":"A"}`).want(201)
		if !strings.HasPrefix(a.header.Get("Location"), "/behind/proxy/api/v1/contacts/") {
			t.Errorf("got %s", a.header.Get("Location"))
		}
	})
	t.Run("options that cannot work are refused", func(t *testing.T) {
		for _, o := range []httpapi.Options{{BasePath: "crm"}, {BasePath: "/crm/"}, {PublicURL: "crm.example.com"}, {MaxImportBytes: -1}, {TrustedOrigins: []string{"nonsense"}}} {
			if _, err := httpapi.New(one.app, o); err == nil {
				t.Errorf("%+v was accepted", o)
			}
		}
		if _, err := httpapi.New(nil, httpapi.Options{}); err == nil {
			t.Error("no CRM was accepted")
		}
	})
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	s := setupStill(t)
	body := `{"displayName":"Once"}`
	t.Run("the same key and body gets the same answer", func(t *testing.T) {
		first := s.send(t, http.MethodPost, "contacts", body, "Idempotency-Key", "k1").want(201)
		again := s.send(t, http.MethodPost, "contacts", body, "Idempotency-Key", "k1").want(201)
		if again.body != first.body || again.header.Get("Location") != first.header.Get("Location") || again.header.Get("ETag") != first.header.Get("ETag") {
			t.Errorf("got %s, want %s", again.body, first.body)
		}
		if first.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" {
			t.Error("a replay is not marked, or the first answer is")
		}
		if got := s.send(t, http.MethodGet, "contacts", "").get("total"); got != 1.0 {
			t.Errorf("got %v contacts", got)
		}
	})
	t.Run("the same key with another body or path is a conflict", func(t *testing.T) {
		s.send(t, http.MethodPost, "contacts", `{"displayName":"Twice"}`, "Idempotency-Key", "k1").want(409, "conflict")
		s.send(t, http.MethodPost, "contacts/batch", `{"contacts":[]}`, "Idempotency-Key", "k1").want(400)
		s.send(t, http.MethodPost, "contacts/bulk-tag", `{"ids":["`+crm.NewID().String()+`"],"add":["x"]}`, "Idempotency-Key", "k1").want(409, "conflict")
	})
	t.Run("a key belongs to its actor and workspace", func(t *testing.T) {
		s.send(t, http.MethodPost, "contacts", `{"displayName":"Other"}`, "Idempotency-Key", "k1", "X-Test-Actor", "admin").want(201)
		s.send(t, http.MethodPost, "contacts", `{"displayName":"Other"}`, "Idempotency-Key", "k1", "X-Test-Actor", "stranger").want(201)
	})
	t.Run("a failed request leaves the key free", func(t *testing.T) {
		s.send(t, http.MethodPost, "contacts", `{"displayName":"A","birthday":"x"}`, "Idempotency-Key", "k2").want(400)
		s.send(t, http.MethodPost, "contacts", body, "Idempotency-Key", "k2").want(201)
	})
	t.Run("answers without a body are replayed too", func(t *testing.T) {
		id := s.create(t, `{"displayName":"E"}`)
		s.send(t, http.MethodPost, "contacts/"+id+"/erase", "", "Idempotency-Key", "k3").want(204)
		s.send(t, http.MethodPost, "contacts/"+id+"/erase", "", "Idempotency-Key", "k3").want(204)
	})
	t.Run("a key is 1 to 255 visible characters", func(t *testing.T) {
		for _, key := range []string{"", "a b", "ä", "a\x7f", strings.Repeat("k", 256)} {
			s.send(t, http.MethodPost, "contacts", body, "Idempotency-Key", key).want(400).wantField("Idempotency-Key")
		}
		s.send(t, http.MethodPost, "contacts", body, "Idempotency-Key", strings.Repeat("k", 255)).want(201)
	})
	t.Run("an upload is the same request by its file, whatever the form around it", func(t *testing.T) {
		file := "Name,Email\nAnn,ann@example.com\n"
		form, media := formOf(t, "boundary-one", [2]string{"file", file})
		first := s.send(t, http.MethodPost, "imports", form, "Content-Type", media, "Idempotency-Key", "k4").want(201)
		form, media = formOf(t, "boundary-two", [2]string{"file", file})
		again := s.send(t, http.MethodPost, "imports", form, "Content-Type", media, "Idempotency-Key", "k4").want(201)
		if again.text("id") != first.text("id") || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("got %s, want %s", again.body, first.body)
		}
		form, media = formOf(t, "boundary-two", [2]string{"file", file + "Ben,ben@example.com\n"})
		s.send(t, http.MethodPost, "imports", form, "Content-Type", media, "Idempotency-Key", "k4").want(409, "conflict")
	})
}
