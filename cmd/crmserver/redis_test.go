package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/internal/testkit/redistest"
)

// TestServersAndWorkersOverRedis has two servers and a worker share jobs and
// limits, while Redis is emptied and killed.
func TestServersAndWorkersOverRedis(t *testing.T) {
	t.Parallel()
	const rows = 3_000
	r := redistest.Start(t, redistest.Options{Password: "hunter2"})
	env := []string{"CRM_REDIS_URL=" + r.URL(), "CRM_RATE_LIMIT=400"}
	h := newHome(t)
	one := h.serveIn(env, "--workers=0")
	other := h.serveIn(env, "--workers=0")
	w := h.backgroundIn(env, "worker", "--debug-addr=0")
	c := h.caller(one)
	created := 0 // Some of them are people of an earlier import.
	done := func(id string) func() bool {
		return func() bool {
			state := get[importState](c, "/api/v1/imports/"+id)
			if state.Status != "committed" {
				return false
			}
			created += state.Counts.Created
			return true
		}
	}
	queue := func() string {
		_, text := visit(t, browser(t), w.debugURL()+"/readyz", nil)
		return text
	}
	until(t, "an import by way of Redis", done(c.upload(41, rows)))
	if n := r.Client().Get(t.Context(), "asynq:{crm:normal}:processed").Val(); n == "" || n == "0" {
		t.Errorf("tasks that came over Redis: got %q, want some", n)
	}
	r.Flush()
	until(t, "an import after Redis was emptied", done(c.upload(42, rows)))
	r.Kill()
	until(t, "an import without Redis", done(c.upload(43, rows)))
	until(t, "the worker to say so", func() bool { return strings.Contains(queue(), `"queue":{"status":"degraded"`) })
	r.Start()
	until(t, "the worker to say that it is back", func() bool { return strings.Contains(queue(), `"queue":{"status":"ok"`) })
	until(t, "an import when Redis is back", done(c.upload(44, rows)))

	// The allowance of a key is one for both servers.
	d := *c
	d.base = other.hello.URL
	passed, refused := 0, 0
	for i := range 1_000 {
		status, _, err := []*caller{c, &d}[i%2].send(http.MethodGet, "/api/v1/contacts?pageSize=1", "", nil)
		switch {
		case err != nil:
			t.Fatal(err)
		case status == http.StatusTooManyRequests:
			refused++
		default:
			passed++
		}
		if refused == 10 {
			break
		}
	}
	if refused == 0 || passed > 600 {
		t.Errorf("requests to two servers: %d passed and %d were refused, want about 400 to pass in all", passed, refused)
	}
	for _, s := range []*running{w, other, one} {
		s.stop()
		if strings.Contains(s.log.String(), "hunter2") {
			t.Errorf("the log holds the password:\n%s", s.log)
		}
	}
	if got := h.clean(); got != created || got < 3*rows {
		t.Errorf("contacts: got %d, want the %d that the imports made", got, created)
	}
}

func TestARedisThatCannotBeUsedIsOneSentence(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t, redistest.Options{Password: "right"})
	h := newHome(t)
	for _, test := range []struct {
		url, want string
		code      int
	}{
		{"redis://:hunter2@" + r.Addr(), "another user or password", exitFailed},
		{"redis://:hunter2@127.0.0.1:1", "nothing listens there", exitFailed},
		{"rediss://:hunter2@" + r.Addr(), "write redis for rediss", exitFailed},
		{"http://:hunter2@h", "--redis-url (CRM_REDIS_URL): url must be like redis://", exitMisuse},
		{"redis://h/hunter2", "no number of a database", exitMisuse},
	} {
		for _, args := range [][]string{{"serve", "--addr=127.0.0.1:0"}, {"worker"}} {
			c := h.command(args...)
			c.Env = append(c.Env, "CRM_REDIS_URL="+test.url)
			out, err := c.CombinedOutput()
			text := string(out)
			if err == nil || c.ProcessState.ExitCode() != test.code || !strings.Contains(text, test.want) || strings.Contains(text, "hunter2") || strings.Count(text, "\n") > 2 {
				t.Errorf("%v with %s: got exit %d and %q, want %d and a sentence that says %q", args, test.url, c.ProcessState.ExitCode(), text, test.code, test.want)
			}
		}
	}
	c := h.command("user", "list") // It has no jobs to bring to anybody.
	c.Env = append(c.Env, "CRM_REDIS_URL=redis://127.0.0.1:1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("user list while Redis is away: %v %s", err, out)
	}
}
