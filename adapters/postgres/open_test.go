package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

func TestWhatCannotBeOpenedSaysWhyAndWhatToDo(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It is closed at once.
	if err != nil {
		t.Fatal(err)
	}
	nobody := dead.Addr().String()
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	const secret = "s3cr3t-word"
	admin := database(t, pgtest.URL(t))
	mustExec(t, admin, "DO $$ BEGIN CREATE ROLE guest LOGIN PASSWORD '"+secret+"'; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
	here := fmt.Sprintf("127.0.0.1:%d", server.Port)
	for name, c := range map[string]struct{ url, hint string }{
		"no server":    {"postgres://crm:" + secret + "@" + nobody + "/crm?sslmode=disable", "is the server running"},
		"no database":  {"postgres://crm:" + secret + "@" + here + "/nothing?sslmode=disable", "createdb"},
		"no TLS":       {"postgres://crm:" + secret + "@" + here + "/crm", "sslmode=disable"},
		"no rights":    {strings.Replace(pgtest.EmptyURL(t), "crm@", "guest:"+secret+"@", 1), "GRANT CREATE"},
		"not a URL":    {"postgres://crm:" + secret + "@:not-a-port/crm", ""},
		"other scheme": {"mysql://crm:" + secret + "@" + here + "/crm", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, err := postgres.Open(ctx, c.url)
			if !errors.Is(err, crm.ErrUnavailable) && !errors.Is(err, crm.ErrInvalid) {
				t.Errorf("got error %v, want crm.ErrUnavailable or crm.ErrInvalid", err)
			}
			if strings.Contains(fmt.Sprint(err), secret) {
				t.Errorf("the error tells the password: %v", err)
			}
			if hint := postgres.Hint(err); !strings.Contains(hint, c.hint) {
				t.Errorf("hint for %v: got %q, want it to hold %q", err, hint, c.hint)
			}
		})
	}
}

func TestOptionsOutOfBoundsAreNamed(t *testing.T) {
	t.Parallel()
	for field, o := range map[string]postgres.Options{
		"Schema":           {Schema: `x"; DROP`},
		"MaxConns":         {MaxConns: 1},
		"StatementTimeout": {StatementTimeout: -1},
		"ConnectTimeout":   {ConnectTimeout: -1},
	} {
		_, err := postgres.OpenWith(t.Context(), "postgres://localhost/crm", o)
		v, ok := errors.AsType[*crm.ValidationError](err)
		if !ok || v.Fields[0].Field != field {
			t.Errorf("%s: got error %v, want a *crm.ValidationError of it", field, err)
		}
	}
}

func TestAHostBringsItsOwnConnections(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := database(t, url)
	mustExec(t, db, "CREATE TABLE orders (id integer PRIMARY KEY)")
	s, err := postgres.New(t.Context(), db, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, workspace("acme"), people(3))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := ask[int](t, db, "SELECT count(*) FROM orders"); n != 0 { // The connections are still the host's.
		t.Errorf("orders: got %d, want 0", n)
	}
	if _, err := s.EventHead(t.Context(), workspace("acme")); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("after Close: got error %v, want crm.ErrUnavailable", err)
	}
}
