package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// matrixRun asks a handler cell after cell and collects what is wrong.
type matrixRun struct {
	*matrix

	handler    http.Handler
	complaints []string
	// enough is how many complaints end the run, 0 for none.
	enough int
	// asked counts the requests.
	asked int
	// current is the cell that is being asked.
	current matrixCell
	// seen are answers that others must equal: by row, caller and status.
	seen map[string]string
}

func (m *matrix) run(h http.Handler) *matrixRun {
	return &matrixRun{matrix: m, handler: h, seen: map[string]string{}}
}

func (r *matrixRun) complain(c matrixCell, format string, args ...any) {
	r.complaints = append(r.complaints, c.name()+": "+fmt.Sprintf(format, args...))
}

// cell asks what the cell says: a read also by HEAD, and what is refused also
// with preconditions, which must not be looked at first (RFC 9110 13.2.1).
func (r *matrixRun) cell(c matrixCell) {
	r.current = c
	id := r.record(c)
	hidden := r.others(c)
	reads, refused := c.route.Method == http.MethodGet, c.status >= http.StatusBadRequest
	got := r.ask(c, c.route.Method, id, r.keyed(c)...)
	r.checkStatus(c, c.route.Method, got)
	r.checkBody(c, got)
	r.checkList(c, got, hidden)
	switch {
	case reads && refused:
		r.checkStatus(c, http.MethodHead, r.ask(c, http.MethodHead, id, "If-None-Match", "*"))
	case reads:
		r.checkStatus(c, http.MethodHead, r.ask(c, http.MethodHead, id))
	case refused:
		got = r.ask(c, c.route.Method, id, "If-Match", `"98", "99"`)
		r.checkStatus(c, c.route.Method+" with If-Match", got)
		r.checkBody(c, got)
	}
}

// keyed are refused posts, whose Idempotency-Key must not be kept.
func (r *matrixRun) keyed(c matrixCell) []string {
	if c.route.Method != http.MethodPost || c.status < http.StatusBadRequest {
		return nil
	}
	return []string{"Idempotency-Key", r.w.unique()}
}

// ask sends one request.
func (r *matrixRun) ask(c matrixCell, method string, id crm.ID, headers ...string) *httptest.ResponseRecorder {
	r.asked++
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	path := strings.ReplaceAll(c.route.Path, "{id}", id.String()) + c.row.query
	q := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(strings.ReplaceAll(c.row.body, "{id}", id.String())))
	q.Header.Set("X-Request-Id", "matrix")
	switch {
	case c.row.media != "":
		q.Header.Set("Content-Type", c.row.media)
	case c.row.body != "":
		q.Header.Set("Content-Type", "application/json")
	}
	for _, list := range [][]string{c.caller.headers, headers} {
		for i := 0; i+1 < len(list); i += 2 {
			q.Header.Set(list[i], list[i+1])
		}
	}
	w := httptest.NewRecorder()
	if c.row.streams {
		r.handler.ServeHTTP(hangUp{w, cancel}, q)
	} else {
		r.handler.ServeHTTP(w, q)
	}
	return w
}

// hangUp is a client that leaves at the first byte.
type hangUp struct {
	*httptest.ResponseRecorder

	leave func()
}

func (h hangUp) Write(p []byte) (int, error) {
	h.leave()
	return h.ResponseRecorder.Write(p)
}

func (r *matrixRun) checkStatus(c matrixCell, method string, got *httptest.ResponseRecorder) {
	if got.Code != c.status {
		r.complain(c, "%s got %d, want %d: %.300s", method, got.Code, c.status, got.Body)
		return
	}
	if r.documented != nil && !slices.Contains(r.documented[c.route.ID], got.Code) {
		r.complain(c, "%s got %d, which the document does not know", method, got.Code)
	}
	challenge := got.Header().Get("WWW-Authenticate")
	if (challenge != "") != (got.Code == http.StatusUnauthorized) {
		r.complain(c, "%s got %d with WWW-Authenticate %q", method, got.Code, challenge)
	}
	if got.Code < http.StatusBadRequest {
		return
	}
	for _, name := range []string{"ETag", "Location", "Content-Disposition", "Link"} {
		if value := got.Header().Get(name); value != "" {
			r.complain(c, "%s is refused with %s: %s", method, name, value)
		}
	}
	if value := got.Header().Get("Cache-Control"); value != "no-store" {
		r.complain(c, "%s is refused with Cache-Control: %s", method, value)
	}
}

func (r *matrixRun) checkBody(c matrixCell, got *httptest.ResponseRecorder) {
	body := got.Body.String()
	secrets := []string{awaySecret}
	switch {
	case got.Code >= http.StatusBadRequest || c.row.role == "":
		secrets = []string{homeSecret, awaySecret}
	case c.caller.away(r.w):
		secrets = []string{homeSecret}
	}
	for _, secret := range secrets {
		if strings.Contains(strings.ToLower(body), strings.ToLower(secret)) {
			r.complain(c, "shows %s: %.300s", secret, body)
		}
	}
	if got.Code != c.status {
		return // Said already.
	}
	if c.status >= http.StatusBadRequest {
		r.checkProblem(c, got)
	}
	if c.row.figure != "" && c.status < http.StatusBadRequest {
		reached := 1
		if c.harmless() {
			reached = 0
		}
		if want := fmt.Sprintf("{%q:%d}\n", c.row.figure, reached); body != want {
			r.complain(c, "got %s, want %s", body, want)
		}
	}
	if c.harmless() {
		r.checkAlike(c, got)
	}
}

// checkProblem holds a refusal against the documented shape.
func (r *matrixRun) checkProblem(c matrixCell, got *httptest.ResponseRecorder) {
	var p map[string]any
	if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil {
		r.complain(c, "is refused with %q: %v", got.Body, err)
		return
	}
	if p["code"] != c.code || p["status"] != float64(c.status) || p["title"] != http.StatusText(c.status) || p["requestId"] != "matrix" ||
		got.Header().Get("Content-Type") != "application/problem+json" {
		r.complain(c, "is refused as %s with %s, want the code %s", got.Header().Get("Content-Type"), got.Body, c.code)
	}
	for _, name := range []string{"type", "title", "status", "detail", "instance", "code", "requestId", "errors"} {
		if _, ok := p[name]; !ok {
			r.complain(c, "the problem has no %s: %s", name, got.Body)
		}
	}
}

// checkAlike compares answers that must not tell anything: one caller's to any
// id that they cannot reach, and everybody's whose credentials open nothing.
func (r *matrixRun) checkAlike(c matrixCell, got *httptest.ResponseRecorder) {
	whose := c.caller.name
	if c.status == http.StatusUnauthorized {
		whose = "all"
	}
	at := fmt.Sprintf("%p %s %d", c.row, whose, got.Code)
	is := wholeAnswer(got)
	was, ok := r.seen[at]
	if !ok {
		r.seen[at] = is
	} else if was != is {
		r.complain(c, "can be told from another answer:\n%s\nnot\n%s", is, was)
	}
}

// wholeAnswer is every byte of an answer but the nonce, which is random.
func wholeAnswer(got *httptest.ResponseRecorder) string {
	var lines []string
	for name, values := range got.Header() {
		if name != "Content-Security-Policy" {
			lines = append(lines, name+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("%d\n%s\n%s", got.Code, strings.Join(lines, "\n"), got.Body)
}

// all asks the cells that fit, until there are enough complaints.
func (r *matrixRun) all(cells []matrixCell, fit func(matrixCell) bool) {
	for _, c := range cells {
		if r.enough > 0 && len(r.complaints) >= r.enough {
			return
		}
		if !fit(c) {
			continue
		}
		r.cell(c)
		if c.status >= http.StatusBadRequest {
			continue
		}
		if c.row.spends {
			r.renew(c.caller)
		}
		if c.row.tidy != nil {
			c.row.tidy(r.w)
		}
	}
}
