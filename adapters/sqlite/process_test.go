package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// childPath names the database in the environment of a child process.
const (
	childPath = "OMNICRM_TEST_SQLITE_PATH"
	childTask = "OMNICRM_TEST_SQLITE_TASK"
)

// TestChild is what the other tests start in a process of its own; without
// their environment it has nothing to do.
func TestChild(t *testing.T) {
	path := os.Getenv(childPath)
	if path == "" {
		return
	}
	s := open(t, path, sqlite.Options{})
	switch os.Getenv(childTask) {
	case "write":
		writeForEver(t, s)
	case "import":
		importForEver(t, s)
	case "upload":
		_, err := s.PutBlob(t.Context(), workspace("w"), crm.NewID(), io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), saysReady{}))
		t.Log(err)
	case "open":
		fmt.Println("ready")
	}
}

// saysReady tells the parent and then keeps the reader waiting.
type saysReady struct{}

func (saysReady) Read([]byte) (int, error) {
	fmt.Println("ready")
	select {}
}

// writeForEver creates contacts from 8 callers and prints each acknowledged id.
func writeForEver(t *testing.T, s crm.Store) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				w := crm.NewContactWrite(person(i), 0)
				if err := create(t.Context(), s, workspace("w"), w); err != nil {
					t.Error(err)
					return
				}
				fmt.Println(w.Contact.ID)
			}
		})
	}
	wg.Wait()
}

// importForEver writes batches without a pause and prints the number of rows.
func importForEver(t *testing.T, s crm.Store) {
	for from := 0; ; from += 500 {
		if err := importBatch(t.Context(), s, workspace("import"), crm.NamedID("import"), from, people(500)); err != nil {
			t.Error(err)
			return
		}
		fmt.Println(from + 500)
	}
}

// child starts this test binary for a task; kill ends it the hard way.
func child(t *testing.T, path, task string) (lines *bufio.Scanner, kill func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self, "-test.run=^TestChild$", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), childPath+"="+path, childTask+"="+task)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		_ = cmd.Wait()
	})
	t.Cleanup(kill)
	return bufio.NewScanner(out), kill
}

func TestKilledProcess(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	rounds := 3
	var acknowledged []crm.ID
	for round := range rounds {
		lines, kill := child(t, path, "write")
		for n := 0; lines.Scan(); n++ {
			if id, err := crm.ParseID(lines.Text()); err == nil {
				acknowledged = append(acknowledged, id)
			}
			if n == 100+50*round {
				kill()
			}
		}
	}
	s := open(t, path, sqlite.Options{})
	missing := 0
	for _, id := range acknowledged {
		if !has(t, s, id) {
			missing++
		}
	}
	if missing > 0 || len(acknowledged) < 100*rounds {
		t.Errorf("of %d acknowledged contacts %d are missing, want at least %d and none", len(acknowledged), missing, 100*rounds)
	}
	total, err := s.CountContacts(t.Context(), workspace("w"), crm.ContactCriteria{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := s.ListContactIDs(t.Context(), workspace("w"), crm.ContactCriteria{}, crm.ID{}, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.ListEvents(t.Context(), workspace("w"), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	if total != len(ids) || total != len(events) {
		t.Errorf("figure %d, contacts %d, events %d: want them equal", total, len(ids), len(events))
	}
}

func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, sqlite.Options{})
	lines, kill := child(t, path, "import")
	if !lines.Scan() {
		t.Fatal("the other process wrote nothing")
	}
	imported := make(chan int)
	go func() {
		n := 1
		for lines.Scan() {
			n++
		}
		imported <- n
	}()
	var longest, all time.Duration
	const creates = 200
	for _, w := range people(creates) {
		began := time.Now()
		if err := create(t.Context(), s, workspace("w"), w); err != nil {
			t.Fatalf("create beside another process's import: got %v, want nil", err)
		}
		took := time.Since(began)
		longest, all = max(longest, took), all+took
	}
	kill()
	batches := <-imported
	t.Logf("%d creates, mean %v, longest %v, beside %d imported batches of 500", creates, all/creates, longest, batches)
	if all/creates > time.Second { // Starved it waited 3.5 s; loose, because the machine may be busy.
		t.Errorf("mean of a create beside another process: got %v, want under a second", all/creates)
	}
}

func TestOrphanedUpload(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	lines, kill := child(t, path, "upload")
	for lines.Scan() && lines.Text() != "ready" {
	}
	s := open(t, path, sqlite.Options{}) // The other one still uploads: its chunks stay.
	if got := s.Chunks(t); got == 0 {
		t.Error("chunks of a running upload: got none, want some")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	kill()
	if got := open(t, path, sqlite.Options{}).Chunks(t); got != 0 {
		t.Errorf("chunks of a killed upload after the next start: got %d, want none", got)
	}
}

func TestProcessesOpenAtOnce(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	var wg sync.WaitGroup
	for range 4 {
		lines, wait := child(t, path, "open")
		wg.Go(func() {
			ready := false
			for lines.Scan() {
				ready = ready || lines.Text() == "ready"
			}
			if !ready {
				t.Error("a process that opened the new file beside others: it failed")
			}
			wait()
		})
	}
	for range 4 {
		wg.Go(func() {
			s, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Errorf("open beside others: got %v, want nil", err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// Of two that close at the same moment neither is the last and both leave
	// the log; the next one to close takes it away.
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(strings.TrimSuffix(path, "/crm.db"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 {
		t.Errorf("files after everybody closed: got %v, want the database alone", left)
	}
}
