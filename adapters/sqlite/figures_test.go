package sqlite_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

func TestFiguresCountWrites(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), sqlite.Options{})
	before := s.Figures()
	const callers = 20
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			if err := s.ProbeWrite(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := s.InTx(t.Context(), func(crm.Tx) error { return errors.New("no") }); err == nil {
		t.Error("got no error of the function")
	}
	after := s.Figures()
	if got := after.Writes - before.Writes; got != callers {
		t.Errorf("writes: got %d, want %d", got, callers)
	}
	if got := after.Commits - before.Commits; got < 1 || got > callers+1 {
		t.Errorf("commits: got %d, want 1 to %d", got, callers+1)
	}
	if after.CommitTime <= before.CommitTime || after.Held < after.CommitTime || after.LogBytes == 0 || after.Waiting != 0 || after.FailedWrites != 0 {
		t.Errorf("figures: got %+v, want the time of the commits, a log, nobody waiting and nothing failed", after)
	}
}

func TestOpenDBMakesThePools(t *testing.T) {
	t.Parallel()
	var pools atomic.Int64
	s := open(t, newFile(t), sqlite.Options{OpenDB: func(c driver.Connector) *sql.DB {
		pools.Add(1)
		return sql.OpenDB(c)
	}})
	if err := s.ProbeWrite(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := pools.Load(); got < 3 { // To migrate, to write, to read, and the copies of the log.
		t.Errorf("pools: got %d, want one for each use", got)
	}
}
