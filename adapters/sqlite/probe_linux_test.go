package sqlite_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// The scratch file of the probe leads to a device that is always full.
func TestProbeFindsAFullDisk(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, sqlite.Options{})
	if err := os.Symlink("/dev/full", path+"-room"); err != nil {
		t.Fatal(err)
	}
	if err := s.ProbeWrite(t.Context()); !errors.Is(err, crm.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ErrUnavailable and ENOSPC", err)
	}
	if _, err := os.Stat("/dev/full"); err != nil { // Only the link is removed.
		t.Fatal(err)
	}
	if err := s.ProbeWrite(t.Context()); err != nil {
		t.Errorf("when there is room again: got %v, want nil", err)
	}
}
