package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/fakedata"
)

// childCommand makes this program measure one thing in a process of its own,
// so that its memory is nobody else's.
const childCommand = "child"

// imported is what a child that imports reports.
type imported struct {
	Counts  crm.ImportCounts
	Seconds float64
	// Peak is the highest resident memory, in bytes.
	Peak int64
}

// imports is P4.
func (b *bench) imports(ctx context.Context) error {
	if err := b.importFile(ctx, b.contacts, 15_000); err != nil {
		return err
	}
	if b.million {
		if err := b.importFile(ctx, 1_000_000, 10_000); err != nil {
			return err
		}
	}
	return b.importBeside(ctx)
}

func (b *bench) file(n int) (string, error) {
	path := filepath.Join(b.dir, fmt.Sprintf("people-%d.csv", n))
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	w := bufio.NewWriter(f)
	if err := fakedata.New(seed+2).WriteCSV(w, n); err != nil {
		return "", err
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	return path, f.Close()
}

func (b *bench) importFile(ctx context.Context, n int, bar float64) error {
	file, err := b.file(n)
	if err != nil {
		return err
	}
	database, err := b.place(ctx, b.dir, fmt.Sprintf("import-%d", n))
	if err != nil {
		return err
	}
	first, err := importInChild(ctx, database, file)
	if err != nil {
		return err
	}
	again, err := importInChild(ctx, database, file)
	if err != nil {
		return err
	}
	rate, rateAgain := float64(first.Counts.Rows)/first.Seconds, float64(again.Counts.Rows)/again.Seconds
	size := count(n)
	b.table.add(row{
		"P4", fmt.Sprintf("CSV import (%d created, %d updated, %d ambiguous, %d problems)", first.Counts.Created, first.Counts.Updated, first.Counts.Ambiguous, first.Counts.Problems),
		size, fmt.Sprintf("%.0f rows/s", rate), "", "", fmt.Sprintf(">= %.0f rows/s", bar), rate >= bar,
	})
	b.table.add(row{"P4", "the same, peak memory", size, megabytes(first.Peak), "", "", "<= 150 MB", first.Peak <= 150e6})
	b.table.add(row{
		"P4", fmt.Sprintf("the same file again (%d unchanged)", again.Counts.Unchanged), size, fmt.Sprintf("%.0f rows/s", rateAgain), "", "",
		">= 60000 rows/s", rateAgain >= 60_000 && again.Counts.Created+again.Counts.Updated == 0,
	})
	return nil
}

func importInChild(ctx context.Context, database, file string) (imported, error) {
	self, err := os.Executable()
	if err != nil {
		return imported{}, err
	}
	c := exec.CommandContext(ctx, self, childCommand, "import", database, file)
	c.Stderr = os.Stderr
	text, err := c.Output()
	if err != nil {
		return imported{}, fmt.Errorf("child: %w", err)
	}
	var r imported
	return r, json.Unmarshal(text, &r)
}

// child runs one measurement and prints it as JSON.
func child(args []string) int {
	if len(args) != 3 || args[0] != "import" {
		return 2
	}
	r, err := importHere(context.Background(), args[1], args[2])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// importHere does what "crmserver import" does.
func importHere(ctx context.Context, database, file string) (imported, error) {
	i, err := openIdle(ctx, database)
	if err != nil {
		return imported{}, err
	}
	defer i.close()
	f, err := os.Open(file)
	if err != nil {
		return imported{}, err
	}
	defer f.Close()
	begin := time.Now()
	done, err := i.app.Imports.Run(ctx, i.actor, crm.RunImport{NewImport: crm.NewImport{FileName: file, Body: f}})
	if err != nil {
		return imported{}, err
	}
	r := imported{Counts: done.Counts, Seconds: time.Since(begin).Seconds()}
	r.Peak, err = statusBytes(os.Getpid(), "VmHWM")
	return r, err
}

// importBeside measures searches and creates of the process that imports.
func (b *bench) importBeside(ctx context.Context) error {
	file, err := b.file(b.contacts)
	if err != nil {
		return err
	}
	i, err := b.open(ctx, "beside")
	if err != nil {
		return err
	}
	defer i.close()
	if err := i.fill(ctx, 10_000); err != nil {
		return err
	}
	if err := awaitIndex(ctx, i); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var done atomic.Bool
	var importing sync.WaitGroup
	var importErr error
	importing.Go(func() {
		_, importErr = i.app.Imports.Run(ctx, i.actor, crm.RunImport{NewImport: crm.NewImport{FileName: file, Body: f}})
		done.Store(true)
	})
	people, queries := invent(5_000), searches(500)
	var searchTimes, createTimes []time.Duration
	for n := 0; !done.Load(); n++ {
		at := time.Now()
		if _, err := i.app.Contacts.List(ctx, i.actor, crm.ContactListQuery{Filter: crm.ContactFilter{Search: queries[n%len(queries)]}, PageSize: 50}); err != nil {
			return err
		}
		searchTimes = append(searchTimes, time.Since(at))
		at = time.Now()
		if _, err := i.app.Contacts.Create(ctx, i.actor, people[n%len(people)]); err != nil {
			return err
		}
		createTimes = append(createTimes, time.Since(at))
	}
	importing.Wait()
	s, c := percentile(searchTimes, 0.99), percentile(createTimes, 0.99)
	size := fmt.Sprintf("%s, %d of each", count(b.contacts), len(createTimes))
	b.table.add(row{"P4", "searches beside an import, p99", size, ms(s), "", "", "<= 100 ms", s <= 100*time.Millisecond})
	b.table.add(row{"P4", "creates beside an import, p99", size, ms(c), "", "", "<= 100 ms", c <= 100*time.Millisecond})
	return importErr
}
