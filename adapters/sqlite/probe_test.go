package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	driver "modernc.org/sqlite"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

func TestProbeFindsADatabaseThatCanOnlyBeRead(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), sqlite.Options{})
	put(t, s, workspace("w"), people(1))
	if err := s.OnlyRead(true); err != nil {
		t.Fatal(err)
	}
	err := s.ProbeWrite(t.Context())
	var cause *driver.Error
	if !errors.Is(err, crm.ErrUnavailable) || !errors.As(err, &cause) || cause.Code()&0xff != 8 {
		t.Errorf("got %v, want ErrUnavailable and SQLITE_READONLY", err)
	}
	if n, err := s.CountContacts(t.Context(), workspace("w"), crm.ContactCriteria{}, 0); err != nil || n != 1 || s.Ping(t.Context()) != nil {
		t.Errorf("reads: got %d, %v, want the one contact", n, err)
	}
	if err := s.OnlyRead(false); err != nil {
		t.Fatal(err)
	}
	if err := s.ProbeWrite(t.Context()); err != nil {
		t.Errorf("when it can be written again: got %v, want nil", err)
	}
}

func TestProbeFindsAFolderThatIsGone(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(folder, "crm.db"), sqlite.Options{})
	if err := os.Rename(folder, folder+"-moved"); err != nil {
		t.Fatal(err)
	}
	if err := s.ProbeWrite(t.Context()); !errors.Is(err, crm.ErrUnavailable) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want ErrUnavailable and ErrNotExist", err)
	}
	if err := os.Rename(folder+"-moved", folder); err != nil {
		t.Fatal(err)
	}
	if err := s.ProbeWrite(t.Context()); err != nil {
		t.Errorf("when it is back: got %v, want nil", err)
	}
}

// A probe must not be what fills the disk of a server that nobody uses.
func TestProbesLeaveNothingThatGrows(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, sqlite.Options{Sync: sqlite.SyncNormal})
	probe := func(n int) {
		for range n {
			if err := s.ProbeWrite(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.AwaitCopy(t) // Probes are seconds apart.
		}
	}
	size := func(name string) int64 {
		about, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		return about.Size()
	}
	probe(1)
	before := size(path)
	const probes = 640 // Of a page of 8 KB each: 5 MB of log.
	probe(probes)
	if got, want := size(path+"-wal"), int64(2<<20); got > want {
		t.Errorf("the log after %d probes: got %d bytes, want at most %d", probes, got, want)
	}
	if got := s.ProbeRows(t); got != 1 {
		t.Errorf("rows: got %d, want 1", got)
	}
	files, err := filepath.Glob(path + "*room*")
	if err != nil || len(files) != 0 {
		t.Errorf("files of probes: got %v, %v, want none", files, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := size(path); got > before+1<<20 {
		t.Errorf("the file: got %d bytes, want the %d of before or little more", got, before)
	}
}

// A probe waits behind a long write no longer than its context says, and is
// none the worse for company.
func TestProbesBesideALongWrite(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), sqlite.Options{})
	running, release := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		err := s.InTx(t.Context(), func(crm.Tx) error {
			close(running)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-running
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.ProbeWrite(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("behind a write that does not end: got %v, want DeadlineExceeded", err)
	}
	for range 8 {
		group.Go(func() {
			if err := s.ProbeWrite(t.Context()); err != nil {
				t.Errorf("with time to wait: got %v, want nil", err)
			}
		})
	}
	close(release)
	group.Wait()
}
