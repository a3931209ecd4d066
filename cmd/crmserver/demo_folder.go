package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
)

// demoFolder holds a demo's data among the temporary files, for as long as the
// process lives.
type demoFolder struct{ path string }

const (
	demoPattern = "omnicrm-demo-*"
	// demoGrace is how young a folder may be without a database in it: another
	// demo is just beginning.
	demoGrace = 10 * time.Minute
)

// newDemoFolder makes a folder and removes those that demos left which were
// killed.
func newDemoFolder() (*demoFolder, error) {
	removeDeadDemos(os.TempDir(), time.Now())
	dir, err := os.MkdirTemp("", demoPattern)
	if err != nil {
		return nil, fmt.Errorf("make a folder for the demo: %w", err)
	}
	return &demoFolder{dir}, nil
}

func (f *demoFolder) remove() { _ = os.RemoveAll(f.path) } // It lies in the temporary folder.

// removeDeadDemos removes the folders whose database no process has open, which
// the lock that ends with a process tells. What cannot be looked at or removed,
// such as another user's, stays.
func removeDeadDemos(temp string, now time.Time) {
	folders, err := filepath.Glob(filepath.Join(temp, demoPattern))
	if err != nil {
		return
	}
	for _, dir := range folders {
		info, err := os.Lstat(dir) // A link of that name is none of ours.
		if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
			continue
		}
		path := filepath.Join(dir, databaseName)
		if _, err := os.Stat(path); err != nil && now.Sub(info.ModTime()) < demoGrace {
			continue
		}
		if free, err := sqlite.Unused(path); err == nil && free {
			_ = os.RemoveAll(dir)
		}
	}
}
