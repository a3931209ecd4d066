package main

import (
	"cmp"
	"errors"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// The few pages that sign-in links lead to. They need no script and no style
// beyond what the browser has.

// page is what a template shows.
type page struct {
	Title, Text string
	Errors      []string
	// Token is that of the link whose form the page shows.
	Token string
	// SignIn is whom the form signs in.
	SignIn string
	SetUp  bool
	Form   identity.SetUp
	Links  []link
}

type link struct{ URL, Text string }

// Under the header's no-referrer a browser sends a form with "Origin: null", and
// on plain http away from localhost with no Sec-Fetch-Site either, so that its
// origin could not be checked. A page with a form therefore lets the origin be
// told, and no more than that: its address has the token.
var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
{{if .Token}}<meta name="referrer" content="strict-origin">
{{end}}<title>{{.Title}} - OmniCRM</title></head><body><main><h1>{{.Title}}</h1>
{{with .Errors}}<ul role="alert">{{range .}}<li><strong>{{.}}</strong></li>{{end}}</ul>{{end}}
{{with .Text}}<p>{{.}}</p>{{end}}
{{if .SignIn}}<form method="post" action="signin"><input type="hidden" name="token" value="{{.Token}}">
<p><button>Sign in as {{.SignIn}}</button></p></form>{{end}}
{{if .SetUp}}<form method="post" action="setup"><input type="hidden" name="token" value="{{.Token}}">
<p><label>Your email<br><input name="email" type="email" required autocomplete="username" value="{{.Form.Email}}"></label></p>
<p><label>Your name<br><input name="name" required autocomplete="name" value="{{.Form.Name}}"></label></p>
<p><label>Password, at least 10 characters<br><input name="password" type="password" required minlength="10" autocomplete="new-password"></label></p>
<p><label>Name of the workspace<br><input name="workspace" required value="{{.Form.Workspace}}"></label></p>
<p><label>Country of phone numbers without one<br><input name="region" maxlength="2" value="{{.Form.Region}}"></label></p>
<p><label>Time zone<br><input name="timeZone" value="{{.Form.TimeZone}}"></label></p>
<p><button>Set up</button></p></form>{{end}}
{{with .Links}}<ul>{{range .}}<li><a href="{{.URL}}">{{.Text}}</a></li>{{end}}</ul>{{end}}
</main></body></html>
`))

// pages are the paths beside the API, each with its methods.
func (s *server) pages() map[string]map[string]http.HandlerFunc {
	return map[string]map[string]http.HandlerFunc{
		"/":       {http.MethodGet: s.home},
		"/signin": {http.MethodGet: s.signInForm, http.MethodPost: s.signIn},
		"/setup":  {http.MethodGet: s.setUpForm, http.MethodPost: s.setUp},
	}
}

// routes puts the pages beside the API. Paths are compared as they come: a mux
// in front would answer unclean ones by itself, without a header of ours.
func (s *server) routes() http.Handler {
	pages := s.pages()
	return s.underBase(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if methods, ok := pages[r.URL.Path]; ok {
			s.observed(w, r, func(w http.ResponseWriter) { s.page(w, r, methods) })
			return
		}
		s.handler.ServeHTTP(w, r)
	}))
}

// observed counts a page like the API's own requests.
func (s *server) observed(w http.ResponseWriter, r *http.Request, show func(http.ResponseWriter)) {
	begin := time.Now()
	kept := &statusKeeper{ResponseWriter: w}
	show(kept)
	s.told.answered(r.Context(), httpapi.Answered{
		Route: r.URL.Path, Method: knownMethod(r.Method), Status: cmp.Or(kept.status, http.StatusOK), Took: time.Since(begin),
		RequestID: w.Header().Get("X-Request-Id"),
	})
}

// knownMethod is what the pages know; the rest is one figure.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return method
	}
	return "other"
}

// statusKeeper remembers the status of an answer.
type statusKeeper struct {
	http.ResponseWriter

	status int
}

// WriteHeader implements http.ResponseWriter.
func (k *statusKeeper) WriteHeader(status int) {
	k.status = status
	k.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (k *statusKeeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// underBase takes the path of the public address off, where the proxy in front
// has not done so.
func (s *server) underBase(next http.Handler) http.Handler {
	if s.base == "" {
		return next
	}
	stripped := http.StripPrefix(s.base, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == s.base: // The links of the first page are relative.
			if s.handler.BeginPage(w, r) {
				http.Redirect(w, r, s.base+"/", http.StatusPermanentRedirect)
				return
			}
			s.busy(w)
		case strings.HasPrefix(r.URL.Path, s.base+"/"):
			stripped.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// page does what all pages have in common.
func (s *server) page(w http.ResponseWriter, r *http.Request, methods map[string]http.HandlerFunc) {
	if !s.handler.BeginPage(w, r) {
		s.busy(w)
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	show, ok := methods[method]
	if !ok {
		allow := append(slices.Sorted(maps.Keys(methods)), http.MethodHead)
		w.Header().Set("Allow", strings.Join(allow, ", "))
		s.show(w, http.StatusMethodNotAllowed, page{Title: "This page cannot do that"})
		return
	}
	if !s.handler.AllowsOrigin(r) {
		s.show(w, http.StatusForbidden, page{
			Title: "Nothing was done",
			Text:  "This form did not come from a page of this server. Open the link itself, and send the form that it shows.",
		})
		return
	}
	show(w, r)
}

func (s *server) busy(w http.ResponseWriter) {
	s.show(w, http.StatusTooManyRequests, page{Title: "Too many requests", Text: "Wait a minute, then try again."})
}

func (s *server) show(w http.ResponseWriter, status int, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pageTemplate.Execute(w, p); err != nil {
		s.log.Debug("page not written", "error", err)
	}
}

func apiLinks() []link {
	return []link{
		{"api/v1/contacts?pageSize=50", "Contacts"},
		{"api/v1/tags", "Tags"},
		{"api/v1/jobs", "Jobs"},
		{"api/v1/me", "Who am I"},
		{"api/v1/openapi.json", "The API's description (OpenAPI 3.1)"},
		{"readyz", "State of the server"},
	}
}

// home says who is signed in, which is what a sign-in leads to.
func (s *server) home(w http.ResponseWriter, r *http.Request) {
	text := "The server is running."
	if user, ok := s.handler.SignedInUser(r); ok {
		text = "You are signed in as " + user.Name + " (" + user.Email + ")."
	}
	s.show(w, http.StatusOK, page{Title: "OmniCRM", Text: text + " These answer JSON:", Links: apiLinks()})
}

// noSignIn says why a sign-in link does not work.
const noSignIn = "This link was used already, or its ten minutes are over. Start the server again for a new one."

// signInForm leaves the link good, because programs that show a preview of it
// fetch it too: only the form uses it up. It names the user, so that nobody
// takes a link to another's account for their own, and not the address, which a
// preview need not show around.
func (s *server) signInForm(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	user, err := s.identity.Sessions.CheckLink(r.Context(), token)
	if err != nil {
		s.refuse(w, err, noSignIn)
		return
	}
	s.show(w, http.StatusOK, page{
		Title: "Sign in", SignIn: user.Name, Token: token,
		Text: "This link signs in once. It is used up by the button, not by looking at it.",
	})
}

// signIn redeems a one-time link.
func (s *server) signIn(w http.ResponseWriter, r *http.Request) {
	if !s.readForm(w, r, "Sign in") {
		return
	}
	in, err := s.identity.Sessions.RedeemLink(r.Context(), r.PostForm.Get("token"), s.handler.Origin(r))
	if err != nil {
		s.refuse(w, err, noSignIn)
		return
	}
	s.handler.StartSession(w, r, in)
	http.Redirect(w, r, s.base+"/", http.StatusSeeOther)
}

func (s *server) refuse(w http.ResponseWriter, err error, text string) {
	if errors.Is(err, crm.ErrUnauthenticated) || errors.Is(err, crm.ErrNotFound) || errors.Is(err, crm.ErrConflict) {
		s.show(w, http.StatusUnauthorized, page{Title: "This link does not work", Text: text, Links: []link{{"./", "To the first page"}}})
		return
	}
	s.log.Error("sign-in link failed", "error", err)
	s.show(w, http.StatusServiceUnavailable, page{Title: "Not now", Text: "The server could not do that. Try again in a moment."})
}

// noSetUp says why a set-up link does not work.
const noSetUp = "It was used already, it is too old, or there is a user by now. Sign in, or start the server again: while there is no user it prints a new one."

// setUpForm looks whether the link is good before anybody fills the form.
func (s *server) setUpForm(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	if err := s.identity.Sessions.CheckSetUp(r.Context(), token); err != nil {
		s.refuse(w, err, noSetUp)
		return
	}
	s.show(w, http.StatusOK, page{
		Title: "Set up", SetUp: true, Token: token,
		Form: identity.SetUp{Region: crm.DefaultRegion, TimeZone: crm.DefaultTimeZone},
	})
}

// maxForm bounds a form, in bytes.
const maxForm = 64 << 10

// readForm parses a form; false means that it has answered.
func (s *server) readForm(w http.ResponseWriter, r *http.Request, title string) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.show(w, http.StatusBadRequest, page{Title: title, Errors: []string{"The form did not arrive whole. Go back and send it again."}})
		return false
	}
	return true
}

// setUp makes the first user and signs them in.
func (s *server) setUp(w http.ResponseWriter, r *http.Request) {
	if !s.readForm(w, r, "Set up") {
		return
	}
	f := r.PostForm
	in := identity.SetUp{
		Email: f.Get("email"), Name: f.Get("name"), Password: f.Get("password"), Workspace: f.Get("workspace"),
		Region: f.Get("region"), TimeZone: f.Get("timeZone"), Origin: s.handler.Origin(r),
	}
	done, err := s.identity.Sessions.SetUp(r.Context(), f.Get("token"), in)
	if broken := brokenRules(err); len(broken) > 0 {
		in.Password = ""
		s.show(w, http.StatusBadRequest, page{Title: "Set up", SetUp: true, Token: f.Get("token"), Form: in, Errors: broken})
		return
	}
	if err != nil {
		s.refuse(w, err, noSetUp)
		return
	}
	s.handler.StartSession(w, r, done)
	s.show(w, http.StatusOK, page{Title: "Ready", Text: "You are signed in as " + done.User.Email + ". These answer JSON:", Links: apiLinks()})
}
