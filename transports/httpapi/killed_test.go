package httpapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/internal/testkit/teststore"
	"github.com/omnicrm/omnicrm/transports/httpapi"
)

// mortalStore loses every answer, as if the process died each time between the
// commit of a write and the saving of its answer.
type mortalStore struct{ teststore.Store }

func (s mortalStore) InTx(ctx context.Context, fn func(tx crm.Tx) error) error {
	return s.Store.InTx(ctx, func(tx crm.Tx) error { return fn(mortalTx{tx}) })
}

type mortalTx struct{ crm.Tx }

func (t mortalTx) PutIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, r crm.IdempotencyRecord) error {
	if r.Answer != nil && r.Answer.Status != 0 {
		return errors.New("the process was killed")
	}
	return t.Tx.PutIdempotencyRecord(ctx, ws, r)
}

// setupMortal returns a server whose answers are lost and whose clock stands
// where the test puts it.
func setupMortal(t *testing.T) (s *server, forward func(time.Duration)) {
	t.Helper()
	s = setupIdentity(t)
	if err := s.app.Close(); err != nil { // Jobs wait where they are.
		t.Fatal(err)
	}
	var ahead time.Duration
	now := func() time.Time { return time.Now().Add(ahead) }
	logger := slog.New(slog.NewTextHandler(s.log, nil))
	var err error
	if s.app, err = crm.New(crm.Config{Store: mortalStore{s.store}, Logger: logger, Now: now}); err != nil {
		t.Fatal(err)
	}
	if s.identity, err = identity.New(identity.Config{Store: s.store, Logger: logger, Now: now}); err != nil {
		t.Fatal(err)
	}
	if s.handler, err = httpapi.New(s.app, httpapi.Options{Identity: s.identity, RateLimit: -1, Logger: logger}); err != nil {
		t.Fatal(err)
	}
	s.root = s.handler
	return s, func(d time.Duration) { ahead += d }
}

// TestNoKeyedRequestRunsTwice loses the answer of every POST that takes an
// Idempotency-Key and sends it again, when its process must be dead.
func TestNoKeyedRequestRunsTwice(t *testing.T) {
	t.Parallel()
	s, forward := setupMortal(t)
	ann := s.signUp(t, "ann@example.com", "Home")
	contact := s.create(t, `{"displayName":"Ann","tags":["old"]}`, ann.headers()...)
	trashed := s.create(t, `{"displayName":"Bob"}`, ann.headers()...)
	s.send(t, http.MethodDelete, "contacts/"+trashed, "", ann.headers()...).want(204)
	erased := s.create(t, `{"displayName":"Cid"}`, ann.headers()...)
	job := func() string {
		return s.send(t, http.MethodPost, "contacts/bulk-tag", `{"filter":{"tag":["old"]},"add":["x"]}`, ann.headers()...).want(202).text("jobId")
	}
	waiting, cancelled := job(), job()
	s.send(t, http.MethodPost, "jobs/"+cancelled+"/cancel", "", ann.headers()...).want(200)
	csv := []string{"Content-Type", "application/jsonl"}
	file := s.send(t, http.MethodPost, "imports", `{"displayName":"Line"}`, append(csv, ann.headers()...)...).want(201).text("id")

	for _, c := range []struct {
		route, path, body string
		headers           []string
		// status is of the repeat: a record is shown again, of other answers it
		// is said that they were given.
		status int
	}{
		{"createContact", "contacts", `{"displayName":"Once"}`, nil, 201},
		{"batchContacts", "contacts/batch", `{"contacts":[{"displayName":"Once"}]}`, nil, 409},
		{"restoreContact", "contacts/" + trashed + "/restore", "", nil, 200},
		{"eraseContact", "contacts/" + erased + "/erase", "", nil, 409},
		{"bulkTag", "contacts/bulk-tag", `{"ids":["` + contact + `"],"add":["new"]}`, nil, 409},
		{"bulkTag that changes nothing", "contacts/bulk-tag", `{"ids":["` + contact + `"],"add":["new"]}`, nil, 409},
		{"bulkUpdate", "contacts/bulk-update", `{"filter":{"tag":["old"]},"set":{"stage":"lead"}}`, nil, 409},
		{"bulkDelete", "contacts/bulk-delete", `{"ids":["` + trashed + `"]}`, nil, 409},
		{"bulkRestore", "contacts/bulk-restore", `{"ids":["` + trashed + `"]}`, nil, 409},
		{"findDuplicates", "contacts/dedupe", "", nil, 409},
		{"createImport", "imports", `{"displayName":"Line"}`, csv, 201},
		{"commitImport", "imports/" + file + "/commit", "", nil, 409},
		{"cancelJob", "jobs/" + waiting + "/cancel", "", nil, 409},
		{"retryJob", "jobs/" + cancelled + "/retry", "", nil, 409},
		{"createKey", "api-keys", `{"name":"robot"}`, nil, 201},
		{"createInvitation", "invitations", `{"email":"bob@example.com"}`, nil, 201},
	} {
		t.Run(c.route, func(t *testing.T) {
			headers := append(append(c.headers, ann.headers()...), "Idempotency-Key", strings.ReplaceAll(c.route, " ", "-"))
			first := s.send(t, http.MethodPost, c.path, c.body, headers...)
			if first.code >= 300 {
				t.Fatalf("got %d %s", first.code, first.body)
			}
			s.send(t, http.MethodPost, c.path, c.body, headers...).want(409)
			forward(3 * time.Minute)
			again := s.send(t, http.MethodPost, c.path, c.body, headers...).want(c.status)
			if c.status == 409 {
				if !strings.Contains(again.body, "was carried out") {
					t.Errorf("got %s, want it to say that it was carried out", again.body)
				}
				return
			}
			if again.get("id") != first.get("id") || again.header.Get("Location") != first.header.Get("Location") || again.header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("got %s with %v, want %s with %v", again.body, again.header, first.body, first.header)
			}
		})
	}
}

// dyingStore ends its process, as far as a request goes, when an import's dry run
// comes to its end.
type dyingStore struct {
	teststore.Store
	died *atomic.Bool
}

func (s dyingStore) InTx(ctx context.Context, fn func(tx crm.Tx) error) error {
	return s.Store.InTx(ctx, func(tx crm.Tx) error { return fn(dyingTx{tx, s.died}) })
}

type dyingTx struct {
	crm.Tx
	died *atomic.Bool
}

func (t dyingTx) PutImport(ctx context.Context, ws crm.WorkspaceID, i crm.Import, expect int64) error {
	if i.Status == crm.ImportReady && !t.died.Swap(true) {
		panic("the process was killed")
	}
	return t.Tx.PutImport(ctx, ws, i, expect)
}

// TestAKilledDryRunIsDoneByTheRepeat uploads a file to a server that dies in the
// dry run: nobody else would ever do that again.
func TestAKilledDryRunIsDoneByTheRepeat(t *testing.T) {
	t.Parallel()
	s := setupIdentity(t)
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	if err := s.app.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.app, err = crm.New(crm.Config{Store: dyingStore{s.store, &atomic.Bool{}}, Logger: slog.New(slog.DiscardHandler), Now: now}); err != nil {
		t.Fatal(err)
	}
	if s.handler, err = httpapi.New(s.app, httpapi.Options{Identity: s.identity, RateLimit: -1, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	s.root = s.handler
	ann := s.signUp(t, "ann@example.com", "Home")
	upload := func() answer {
		return s.send(t, http.MethodPost, "imports", `{"displayName":"Line"}`, append(ann.headers(), "Content-Type", "application/jsonl", "Idempotency-Key", "file")...)
	}
	if first := upload(); first.code < 500 {
		t.Fatalf("got %d %s, want the server to die", first.code, first.body)
	}
	ahead.Store(int64(3 * time.Minute))
	again := upload().want(201)
	if again.text("status") != "ready" || again.get("counts.created") != 1.0 {
		t.Errorf("got %s, want the figures of the dry run", again.body)
	}
	if all := s.send(t, http.MethodGet, "imports", "", ann.headers()...).want(200); all.size("items") != 1 {
		t.Errorf("got %s, want one import", all.body)
	}
}
