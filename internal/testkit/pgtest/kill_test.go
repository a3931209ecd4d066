package pgtest

import (
	"context"
	"database/sql"
	"testing"
	"time"
)

func TestAKilledServerComesBackWithWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	s := StartDurable(t)
	db, err := sql.Open("postgres", s.Database(t, Template))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := db.ExecContext(ctx, "CREATE TABLE kept (n int)"); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 3; n++ {
		if _, err := db.ExecContext(ctx, "INSERT INTO kept VALUES ($1)", n); err != nil {
			t.Fatal(err)
		}
		s.Kill()
		if _, err := db.ExecContext(ctx, "SELECT 1"); err == nil && db.PingContext(ctx) == nil {
			t.Log("a process of the killed server still answers")
		}
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
		var got int
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM kept").Scan(&got); err != nil || got != n {
			t.Errorf("after kill %d: got %d rows (%v), want %d", n, got, err, n)
		}
	}
	var fsync string
	if err := db.QueryRowContext(ctx, "SHOW fsync").Scan(&fsync); err != nil || fsync != "on" {
		t.Errorf("fsync: got %s (%v), want on", fsync, err)
	}
}
