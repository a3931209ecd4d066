package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm/identity"
)

// pageCase is a token on a page, with whether it opens it.
type pageCase struct {
	page, token string
	good        bool
}

// pageCases has every page that takes a link, with every kind of token.
func pageCases(users bool) []pageCase {
	if !users { // Before the first user there are links that set up only.
		return []pageCase{{"/setup", goodToken, true}, {"/setup", "expired", false}, {"/setup", "never made", false}, {"/setup", "malformed", false}, {"/signin", otherPurpose, false}}
	}
	all := []pageCase{{"/signin", goodToken, true}, {"/setup", otherPurpose, false}}
	for _, page := range []string{"/signin", "/setup"} {
		for _, token := range []string{"used", "of a session", "never made", "malformed"} {
			all = append(all, pageCase{page, token, false})
		}
	}
	return append(all, pageCase{"/signin", "expired", false})
}

// TestThePagesOpenToGoodLinksOnly asks every page with every token, from every
// place. What is refused is told apart by nothing, sets no cookie and changes
// nothing.
func TestThePagesOpenToGoodLinksOnly(t *testing.T) {
	t.Parallel()
	complaints, cases := askPages(t, func(h http.Handler) http.Handler { return h })
	for _, c := range complaints {
		t.Error(c)
	}
	t.Logf("%d cases", cases)
	around := func(change func(w http.ResponseWriter, r *http.Request)) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				change(w, r)
				h.ServeHTTP(w, r)
			})
		}
	}
	for name, broken := range map[string]func(http.Handler) http.Handler{
		"nobody looks where a form comes from": around(func(_ http.ResponseWriter, r *http.Request) { r.Header.Del("Sec-Fetch-Site") }),
		"every page sets cookies": around(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Set-Cookie"] = []string{"a=b", "c=d"}
		}),
		"a dead link is told apart": around(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.RawQuery, "AAAA") {
				_, _ = w.Write([]byte("There never was such a link."))
			}
		}),
	} {
		if complaints, _ := askPages(t, broken); len(complaints) == 0 {
			t.Errorf("%s: nobody sees that", name)
		}
	}
}

// askPages asks each case of a fresh server, of which around may break something.
func askPages(t *testing.T, around func(http.Handler) http.Handler) (complaints []string, cases int) {
	t.Helper()
	begin := func(users bool) *pagesWorld {
		w := newPagesWorld(t)
		w.handler = around(w.handler)
		if users {
			w.fill()
		}
		return w
	}
	for _, users := range []bool{false, true} {
		w, refusals := begin(users), map[string]string{}
		for _, c := range pageCases(users) {
			for method := range w.server.pages()[c.page] {
				for _, from := range []string{"", "same-origin", "same-site", "cross-site"} {
					cases++
					w.checkPage(c, method, from, refusals)
					complaints, w.complaints = append(complaints, w.complaints...), nil
					if !users && w.state()[0] > 0 { // Somebody was set up.
						w = begin(users)
					}
				}
			}
		}
	}
	return complaints, cases
}

func (w *pagesWorld) checkPage(c pageCase, method, from string, refusals map[string]string) {
	w.t.Helper()
	token := w.token(c.token, c.page)
	form := url.Values{"token": {token}, "email": {email}, "name": {"Ana"}, "password": {password}, "workspace": {"W"}}
	before := w.state()
	got := w.ask(method, c.page, form, from)
	want := http.StatusUnauthorized
	done := c.good && method == http.MethodPost
	switch {
	case method == http.MethodPost && (from == "same-site" || from == "cross-site"):
		want, done = http.StatusForbidden, false
	case done && c.page == "/signin":
		want = http.StatusSeeOther
	case c.good:
		want = http.StatusOK
	}
	what := method + " " + c.page + " with a token that is " + c.token + ", from " + from
	if got.Code != want || (len(got.Header()["Set-Cookie"]) == 2) != done {
		w.complain("%s: got %d with cookies %v, want %d: %s", what, got.Code, got.Header()["Set-Cookie"], want, got.Body)
	}
	if !done && before != w.state() {
		w.complain("%s: users, sessions and events were %v and are %v", what, before, w.state())
	}
	if want == http.StatusUnauthorized {
		if was, ok := refusals[c.page]; ok && was != got.Body.String() {
			w.complain("%s can be told from another refusal: got %s, want %s", what, got.Body, was)
		}
		refusals[c.page] = got.Body.String()
	}
	if strings.Contains(got.Body.String(), email) != (done && c.page == "/setup") {
		w.complain("%s: the page has an address, or has none: %s", what, got.Body)
	}
}

func (w *pagesWorld) ask(method, page string, form url.Values, from string, headers ...string) *httptest.ResponseRecorder {
	target, body := page, ""
	if method == http.MethodPost {
		body = form.Encode()
	} else {
		target += "?token=" + url.QueryEscape(form.Get("token"))
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if from != "" {
		r.Header.Set("Sec-Fetch-Site", from)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got := httptest.NewRecorder()
	w.handler.ServeHTTP(got, r)
	return got
}

// TestTheFirstPageNamesWhoIsSignedInOnly shows the first page to everybody, and
// a name to a live session only.
func TestTheFirstPageNamesWhoIsSignedInOnly(t *testing.T) {
	t.Parallel()
	w := newPagesWorld(t)
	w.fill()
	session := func(by *identity.Identity) string {
		link, err := by.Operator.SignInLink(t.Context(), w.user.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		in, err := by.Sessions.RedeemLink(t.Context(), link, identity.Origin{})
		if err != nil {
			t.Fatal(err)
		}
		return in.Token
	}
	ended := session(w.identity)
	if err := w.identity.Sessions.SignOut(t.Context(), ended); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		token string
		named bool
	}{
		"nobody": {"", false}, "a live session": {session(w.identity), true}, "an ended session": {ended, false},
		"an expired session": {session(w.identityAt(-identity.SessionLifetime - time.Hour)), false}, "no session": {"x", false},
	} {
		got := w.ask(http.MethodGet, "/", nil, "", "Cookie", "omnicrm_session="+c.token)
		if named := strings.Contains(got.Body.String(), email); got.Code != http.StatusOK || named != c.named {
			t.Errorf("%s: got %d, named %v, want %v: %s", name, got.Code, named, c.named, got.Body)
		}
	}
	known := map[string]bool{"/": true}
	for _, c := range append(pageCases(true), pageCases(false)...) {
		known[c.page] = true
	}
	for page := range w.server.pages() {
		if !known[page] {
			t.Errorf("the page %s is in no case", page)
		}
	}
}
