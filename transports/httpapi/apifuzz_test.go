package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/internal/testkit/apifuzz"
)

// TestServerKeepsItsOwnDocument calls a server in the ways that its document
// describes, and in ways that it does not: 500 cases, 10,000 by OMNICRM_SOAK=1.
// OMNICRM_FUZZ_SEED and OMNICRM_FUZZ_CASES choose others.
//
// It does not run beside other tests: some of those count on background work that
// takes its time.
func TestServerKeepsItsOwnDocument(t *testing.T) {
	cases, seed := fuzzSize(t)
	t.Run("called by one after the other", func(t *testing.T) {
		s := setupIdentity(t)
		report := s.fuzz(t, s.handler, apifuzz.Options{Seed: seed, Cases: cases})
		tell(t, report)
		// Which operations succeed hangs on how fast jobs run: a short run leaves some out.
		if most := map[bool]int{true: 8, false: 0}[cases < 5_000]; len(report.Unreached) > most {
			t.Errorf("%d operations never answered below 400: %v", len(report.Unreached), report.Unreached)
		}
	})
	t.Run("called by several at once", func(t *testing.T) {
		s := setupIdentity(t)
		var all sync.WaitGroup
		for i := range uint64(4) {
			all.Go(func() {
				tell(t, s.fuzz(t, s.handler, apifuzz.Options{Seed: seed<<8 + i, Cases: cases / 5, Shared: true}))
			})
		}
		all.Wait()
	})
}

// fuzzSize is how many cases there are and which.
func fuzzSize(t *testing.T) (cases int, seed uint64) {
	t.Helper()
	cases, seed = 500, 1
	if os.Getenv("OMNICRM_SOAK") == "1" {
		cases = 10_000
	}
	var err, err2 error
	if text := os.Getenv("OMNICRM_FUZZ_CASES"); text != "" {
		cases, err = strconv.Atoi(text)
	}
	if text := os.Getenv("OMNICRM_FUZZ_SEED"); text != "" {
		seed, err2 = strconv.ParseUint(text, 10, 64)
	}
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return cases, seed
}

// tell reports what a run saw.
func tell(t *testing.T, report *apifuzz.Report) {
	t.Helper()
	for _, failure := range report.Failures {
		t.Error(failure)
	}
	t.Logf("%d cases, %d spoiled, %d refused, %d times what is stored was compared; the slowest took %v: %s",
		report.Cases, report.Spoiled, report.Refused, report.Compared, report.Slowest.Round(time.Millisecond), report.SlowestCase)
	for _, id := range slices.Sorted(maps.Keys(report.Answers)) {
		t.Logf("%-20s %v", id, report.Answers[id])
	}
	for _, way := range slices.Sorted(maps.Keys(report.Ways)) {
		t.Logf("spoiled by %-28s %d times, %d accepted", way, report.Ways[way], report.Accepted[way])
	}
}

// fuzz runs the fuzzer against a handler over the server's CRM.
func (s *server) fuzz(t *testing.T, h http.Handler, o apifuzz.Options) *apifuzz.Report {
	t.Helper()
	web := httptest.NewServer(h)
	defer web.Close()
	team := &crew{s: s, run: o.Seed}
	known := fmt.Sprintf("known%d@example.com", o.Seed)
	if _, _, err := s.identity.Operator.CreateUser(t.Context(), identity.NewAccount{Email: known, Password: password, Workspace: "Home", Role: crm.RoleOwner}); err != nil {
		t.Error(err)
	}
	s.enqueueLater(t, known, 30)
	o.URL, o.Callers = web.URL, team.callers()
	o.Words = map[string][]string{"password": {password}, "email": {known, known, "new1@example.com", "new2@example.com"}}
	o.Forge = forgeCursor
	o.MayFail = map[string][]int{"readyz": {http.StatusServiceUnavailable}}
	report, err := apifuzz.Run(t.Context(), o)
	if err != nil {
		t.Error(err)
		return &apifuzz.Report{}
	}
	if log := s.log.String(); strings.Contains(log, "internal error") || strings.Contains(log, "panic") {
		t.Errorf("the log tells of failures: %.3000s", log)
	}
	return report
}

// forgeCursor puts something else into a cursor and seals it again: the seal has no
// key, so any client can.
func forgeCursor(r *rand.Rand, cursor string) string {
	position, ok := crm.OpenCursor(cursor)
	if !ok {
		return cursor
	}
	var content map[string]any
	if json.Unmarshal(position, &content) != nil {
		return crm.SealCursor([]byte(string(position[:2]) + forgedTexts()[r.IntN(len(forgedTexts()))]))
	}
	for _, name := range []string{"v", "i", "p"} {
		if content[name] != nil && r.IntN(2) == 0 {
			content[name] = forgedTexts()[r.IntN(len(forgedTexts()))]
		}
	}
	forged, err := json.Marshal(content)
	if err != nil {
		return cursor
	}
	return crm.SealCursor(forged)
}

func forgedTexts() []string {
	return []string{
		"", "x", "-1", "0", "99999999999999999999", "AAAA", "AA==", "/////w==", strings.Repeat("QUJD", 500), "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"1:2", "\x00", "null", "1e9", "gICAgICAgICAAQ==",
	}
}

// enqueueLater makes jobs that wait, so that there are some to cancel.
func (s *server) enqueueLater(t *testing.T, email string, n int) {
	t.Helper()
	actor, err := s.identity.Operator.Actor(t.Context(), email, "Home")
	if err != nil {
		t.Error(err)
	}
	jobs := make([]crm.NewJob, n)
	for i := range jobs {
		jobs[i] = crm.NewJob{Kind: "host_kind", Payload: "done", RunAt: time.Now().Add(time.Hour)}
	}
	if _, err := s.app.Jobs.EnqueueBatch(t.Context(), actor, jobs); err != nil {
		t.Error(err)
	}
}

// crew are those who call: with keys of every role, as a browser, and nobody. Who
// signs in again is somebody new: a run may have removed who it was before.
type crew struct {
	s    *server
	run  uint64
	last int
}

func (c *crew) callers() []apifuzz.Caller {
	var callers []apifuzz.Caller
	for _, role := range slices.Backward(crm.Roles()) { // The first user of a workspace owns it.
		callers = append(callers, apifuzz.Caller{Name: string(role), SignIn: func(ctx context.Context) (http.Header, error) { return c.key(ctx, role) }})
	}
	return append(callers, apifuzz.Caller{Name: "browser", SignIn: c.browser}, apifuzz.Caller{Name: "nobody"})
}

// join makes a user.
func (c *crew) join(ctx context.Context, role crm.Role, account identity.NewAccount) (string, error) {
	c.last++
	account.Email, account.Workspace, account.Role = fmt.Sprintf("%s%d.%d@example.com", role, c.run, c.last), "Home", role
	if _, _, err := c.s.identity.Operator.CreateUser(ctx, account); err != nil {
		return "", fmt.Errorf("create %s: %w", role, err)
	}
	return account.Email, nil
}

func (c *crew) key(ctx context.Context, role crm.Role) (http.Header, error) {
	email, err := c.join(ctx, role, identity.NewAccount{NoPassword: true})
	if err != nil {
		return nil, err
	}
	actor, err := c.s.identity.Operator.Actor(ctx, email, "Home")
	if err != nil {
		return nil, fmt.Errorf("act as %s: %w", email, err)
	}
	scopes := crm.Scopes()
	if role != crm.RoleOwner && role != crm.RoleAdmin {
		scopes = nil
	}
	_, key, err := c.s.identity.Keys.Create(ctx, actor, identity.NewKey{Name: "fuzz", Scopes: scopes})
	if err != nil {
		return nil, fmt.Errorf("make key of %s: %w", email, err)
	}
	return http.Header{"Authorization": {"Bearer " + key}}, nil
}

// browser signs in as a browser does.
func (c *crew) browser(ctx context.Context) (http.Header, error) {
	email, err := c.join(ctx, crm.RoleOwner, identity.NewAccount{Password: password})
	if err != nil {
		return nil, err
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/v1/auth/login", strings.NewReader(`{"email":"`+email+`","password":"`+password+`"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	c.s.handler.ServeHTTP(w, r)
	cookies, csrf := []string{}, ""
	for _, cookie := range w.Result().Cookies() {
		cookies = append(cookies, cookie.Name+"="+cookie.Value)
		if cookie.Name == "csrf" {
			csrf = cookie.Value
		}
	}
	if w.Code != http.StatusOK || csrf == "" {
		return nil, fmt.Errorf("sign in: %d %s", w.Code, w.Body)
	}
	return http.Header{"Cookie": {strings.Join(cookies, "; ")}, "X-Csrf-Token": {csrf}}, nil
}
