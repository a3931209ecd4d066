package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/internal/fakedata"
)

func TestFirstRunSetsUpOnce(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	s := h.serve()
	if s.hello.SetUpURL == "" || s.hello.SignInURL != "" {
		t.Fatalf("greeting: got %+v, want a set-up link", s.hello)
	}
	b := browser(t)
	link, err := url.Parse(s.hello.SetUpURL)
	if err != nil {
		t.Fatal(err)
	}
	token, action := link.Query().Get("token"), s.hello.URL+"/setup"
	if status, text := visit(t, b, action+"?token=guessed", nil); status != http.StatusUnauthorized || strings.Contains(text, "<form") {
		t.Errorf("the form of a guessed token: got %d %s, want 401 without a form", status, text)
	}
	status, text := visit(t, b, s.hello.SetUpURL, nil)
	if status != http.StatusOK || !strings.Contains(text, `value="`+token+`"`) || !strings.Contains(text, `name="password"`) {
		t.Fatalf("form: got %d %s, want a form with the token", status, text)
	}

	form := url.Values{
		"token": {token}, "email": {"ana"}, "name": {"Ana <b>Łukasz</b>"}, "password": {"short"},
		"workspace": {"Müller & Söhne"}, "region": {"DE"}, "timeZone": {"Mars/Base"},
	}
	status, text = visit(t, b, action, form)
	if status != http.StatusBadRequest {
		t.Errorf("a bad form: got %d, want 400", status)
	}
	for _, want := range []string{
		`value="ana"`, "Ana &lt;b&gt;Łukasz", "Müller &amp; Söhne", `value="DE"`, "Mars/Base", token, // What was typed stays.
		"email must", "at least 10 characters", "timeZone must", // What is wrong is said.
	} {
		if !strings.Contains(text, want) {
			t.Errorf("a bad form: got %s, want it to have %q", text, want)
		}
	}
	if strings.Contains(text, "short") {
		t.Error("a bad form: the password came back")
	}

	form.Set("email", email)
	form.Set("password", password)
	form.Set("timeZone", "Europe/Berlin")
	wrong := maps.Clone(form)
	wrong.Set("token", "guessed")
	if status, _ := visit(t, browser(t), action, wrong); status != http.StatusUnauthorized {
		t.Errorf("a guessed token: got %d, want 401", status)
	}
	if status, text = visit(t, b, action, form); status != http.StatusOK || !strings.Contains(text, email) {
		t.Fatalf("a good form: got %d %s, want 200", status, text)
	}
	if status, text = visit(t, b, s.hello.URL+"/api/v1/me", nil); status != http.StatusOK || !strings.Contains(text, "Müller \\u0026 Söhne") && !strings.Contains(text, "Müller & Söhne") {
		t.Errorf("me: got %d %s, want the workspace", status, text)
	}
	if status, text = visit(t, browser(t), s.hello.SetUpURL, nil); status != http.StatusUnauthorized || strings.Contains(text, "<form") {
		t.Errorf("the form after the set-up: got %d %s, want 401 without a form", status, text)
	}
	form.Set("email", "eve@example.com")
	if status, text = visit(t, browser(t), action, form); status != http.StatusUnauthorized || !strings.Contains(text, "used already") {
		t.Errorf("the link again: got %d %s, want 401", status, text)
	}
	if got := strings.Count(h.ok(h.run("user", "list", "--json")).out, "\n"); got != 1 {
		t.Errorf("users: got %d, want 1", got)
	}
	s.stop()
	if again := h.serve(); again.hello.SetUpURL != "" {
		t.Errorf("second start: got %+v, want no set-up link", again.hello)
	}
}

func TestDemoSignsInOnce(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	s := h.serve("--demo")
	action, form := formOf(t, s.hello.SignInURL)
	if status, text := visit(t, browser(t), action+"?"+form.Encode(), url.Values{}); status != http.StatusUnauthorized {
		t.Errorf("a token in the address of the form: got %d %s, want 401", status, text)
	}
	b := browser(t)
	status, text := visit(t, b, action, form)
	if status != http.StatusOK || !strings.Contains(text, "signed in as Dana Demo") {
		t.Fatalf("form: got %d %s, want the first page of who is signed in", status, text)
	}
	if status, text = visit(t, b, s.hello.URL+"/api/v1/contacts?pageSize=1", nil); status != http.StatusOK || !strings.Contains(text, `"total":2000`) {
		t.Errorf("contacts: got %d %s, want 2,000", status, text)
	}
	for what, form := range map[string]url.Values{"the link": nil, "the form": form} {
		status, text = visit(t, browser(t), s.hello.SignInURL, form)
		if status != http.StatusUnauthorized || !strings.Contains(text, "used already") || strings.Contains(text, "<form") {
			t.Errorf("%s again: got %d %s, want 401 without a form", what, status, text)
		}
	}
	if status, text = visit(t, browser(t), s.hello.URL+"/", nil); status != http.StatusOK || !strings.Contains(text, "api/v1/openapi.json") || strings.Contains(text, "Dana") {
		t.Errorf("home of somebody else: got %d %s, want links and no name", status, text)
	}
	s.stop()
	if got := h.files(); len(got) > 0 {
		t.Errorf("the demo left files: %v", got)
	}
	if strings.Contains(s.log.String(), "signin?token=") {
		t.Error("the log has the link's token")
	}
}

func TestGreetingForPeople(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	greet := func(args ...string) string {
		c := h.command(append([]string{"serve"}, args...)...)
		var out, log syncBuffer
		c.Stdout, c.Stderr = &out, &log
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = c.Process.Kill()
			_ = c.Wait()
		}()
		until(t, "the greeting", func() bool { return strings.Contains(out.String(), "\n") })
		return out.String()
	}
	if got := greet(); !strings.Contains(got, "/setup?token=") || !strings.Contains(got, "crmserver user create") {
		t.Errorf("first run: got %q, want the link and the command", got)
	}
	if got, want := greet("--addr", "0.0.0.0:0"), "http://localhost:"; !strings.Contains(got, want) {
		t.Errorf("on every address: got %q, want %q", got, want)
	}
	h.ok(h.give(password, "user", "create", "--email", email, "--password-stdin"))
	if got, want := greet("--public-url", "https://crm.example.com/"), "OmniCRM serves at https://crm.example.com\n"; got != want {
		t.Errorf("behind a proxy: got %q, want %q", got, want)
	}
}

func TestServeRefusals(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // Nothing is read from it.
	h.fails(h.run("serve", "--addr", l.Addr().String()), exitFailed, "listen on "+l.Addr().String(), "in use", "--addr")
	h.fails(h.run("serve", "--addr", "here"), exitMisuse, "--addr", "127.0.0.1:8080")
}

func TestTwoServersShareOneFolder(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	one, two := h.serve(), h.serve()
	a := h.caller(one)
	b := &caller{t: t, base: two.hello.URL, key: a.key, http: a.http}
	for i, c := range []*caller{a, b, a, b} {
		if _, err := c.create("Zoë Łukasz " + string(rune('A'+i))); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []*caller{a, b} {
		until(t, "each finds what the other wrote", func() bool { return c.search("zoe lukasz").Total == 4 })
	}
	one.stop()
	if _, err := b.create("Zoë Łukasz E"); err != nil {
		t.Errorf("the other one after a stop: %v", err)
	}
	two.stop()
	if got, want := h.clean(), 5; got != want {
		t.Errorf("contacts: got %d, want %d", got, want)
	}
}

// slowRequest is a request whose body is sent when the test says so.
type slowRequest struct {
	t    *testing.T
	conn net.Conn
	body string
}

// begin sends the head of a POST /contacts and waits until its handler asks for
// the body: from then on the request is under way.
func (c *caller) begin(body string) *slowRequest {
	c.t.Helper()
	host := strings.TrimPrefix(c.base, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /api/v1/contacts HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", host, c.key, len(body))
	if err != nil {
		c.t.Fatal(err)
	}
	const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
	answer := make([]byte, len(goOn))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != goOn {
		c.t.Fatalf("beginning a request: got %q (%v), want %q", answer, err, goOn)
	}
	return &slowRequest{c.t, conn, body}
}

// finish sends the body and returns the status.
func (r *slowRequest) finish() int {
	r.t.Helper()
	if _, err := io.WriteString(r.conn, r.body); err != nil {
		r.t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(r.conn), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func TestSIGTERMEndsRequestsAndParksJobs(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.serve()
	c := h.caller(s)
	const rows = 20_000
	var file bytes.Buffer
	if err := fakedata.New(3).WriteCSV(&file, rows); err != nil {
		t.Fatal(err)
	}
	status, text, err := c.send(http.MethodPost, "/api/v1/imports?fileName=people.csv", "text/csv", &file)
	if err != nil || status != http.StatusCreated {
		t.Fatalf("upload: got %d %s (%v), want 201", status, text, err)
	}
	made := decode[struct{ ID string }](t, result{out: string(text)})
	if status, text, err = c.send(http.MethodPost, "/api/v1/imports/"+made.ID+"/commit", "", nil); err != nil || status != http.StatusAccepted {
		t.Fatalf("commit: got %d %s (%v), want 202", status, text, err)
	}
	db := h.database()
	until(t, "the job runs", func() bool { return h.number(db, "SELECT live FROM contact_figures") > 0 })

	request := c.begin(`{"displayName": "Last Minute"}`)
	s.signal(syscall.SIGTERM)
	until(t, "it stops accepting", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.hello.URL, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	if s.over() {
		t.Error("the server did not wait for the request")
	}
	if got, want := request.finish(), http.StatusCreated; got != want {
		t.Errorf("the request under way: got %d, want %d", got, want)
	}
	if got := s.await(); got != exitDone {
		t.Errorf("exit code: got %d, want 0\n%s", got, s.log)
	}
	if strings.Contains(s.log.String(), "ERR") {
		t.Errorf("log: got %s, want no errors", s.log)
	}
	if got := h.number(db, "SELECT count(*) FROM jobs WHERE status = 'running'"); got != 0 {
		t.Errorf("running jobs without a server: got %d, want 0", got)
	}

	c.base = h.serve().hello.URL
	until(t, "the parked job goes on to its end", func() bool {
		return get[struct{ Status string }](c, "/api/v1/imports/"+made.ID).Status == "committed"
	})
	if got, want := get[found](c, "/api/v1/contacts").Total, rows+1; got != want {
		t.Errorf("contacts: got %d, want %d", got, want)
	}
}

func TestSecondSIGTERMEndsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.serve()
	c := h.caller(s)
	c.begin(`{"displayName": "Never Sent"}`)
	s.signal(os.Interrupt)
	until(t, "it says that it is stopping", func() bool { return strings.Contains(s.log.String(), "stopping") })
	s.signal(syscall.SIGTERM)
	if got, want := s.await(), exitFailed; got != want {
		t.Errorf("exit code: got %d, want %d", got, want)
	}
	if got, want := s.log.String(), "crmserver: stopped at once"; strings.Count(got, want) != 1 || strings.Contains(got, "goroutine") {
		t.Errorf("log: got %s, want one %q", got, want)
	}
	if got, want := h.clean(), 0; got != want {
		t.Errorf("contacts: got %d, want %d", got, want)
	}
}
