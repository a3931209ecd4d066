package crm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
)

// workerVariable names the database to a child process that works on its jobs.
const workerVariable = "CRM_TEST_JOBS_OF"

// tagOnce is an effect that can be counted: it commits with the job's end.
func tagOnce(ctx context.Context, run *crm.JobRun) error {
	var name string
	if err := run.Payload(&name); err != nil {
		return err
	}
	return run.InTx(ctx, crm.JobStep{Last: true}, func(tx crm.Tx) error {
		return tx.AddTagCounts(ctx, run.Job.Workspace, []crm.TagDelta{{Key: name, Name: name, Delta: 1}})
	})
}

// workOn runs the jobs of a database until its input ends, or it is killed.
func workOn(path string) int {
	ctx := context.Background()
	store, err := sqlite.Open(ctx, path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	app, err := crm.New(crm.Config{Store: store, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = errors.Join(
			app.Jobs.Register("single", tagOnce, crm.JobOptions{}),
			app.Jobs.Register("short", tagOnce, crm.JobOptions{Short: true}),
			app.Jobs.Register("noop", nothing, crm.JobOptions{Short: true, PerWorkspace: 50}),
			app.Start(ctx))
	}
	if err == nil {
		_, err = io.Copy(io.Discard, os.Stdin)
		err = errors.Join(err, app.Close(), store.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// worker is a child process that works on the jobs of a database.
type worker struct {
	command *exec.Cmd
	input   io.Closer
}

func startWorker(t *testing.T, path string) worker {
	t.Helper()
	c := exec.Command(os.Args[0]) //nolint:noctx // It is killed, or told to end.
	c.Env, c.Stderr = append(os.Environ(), workerVariable+"="+path), os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return worker{c, in}
}

func (w worker) kill() {
	w.command.Process.Kill() //nolint:errcheck // It may have ended.
	w.command.Wait()         //nolint:errcheck // Killed.
}

// TestKilledWorkersEndEveryJobOnce has two processes of four workers each run
// jobs of several workspaces and kills each of them several times.
func TestKilledWorkersEndEveryJobOnce(t *testing.T) {
	t.Parallel()
	n, kills := 900, 2
	if os.Getenv("OMNICRM_SOAK") == "1" {
		n, kills = 10_000, 5
	}
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "crm.db")
	store, err := sqlite.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	kinds := []crm.JobKind{"single", "short", "noop"}
	e := withKinds(t, store, func(app *crm.CRM) error {
		var errs []error
		for _, k := range kinds {
			errs = append(errs, app.Jobs.Register(k, nothing, crm.JobOptions{}))
		}
		return errors.Join(errs...)
	}, func(c *crm.Config) { c.Workers = -1 })
	owners := []crm.Actor{actorOf("acme", "olga", crm.RoleOwner), actorOf("umbrella", "olga", crm.RoleOwner), actorOf("initech", "olga", crm.RoleOwner)}
	for i := 0; i < n; {
		batch := make([]crm.NewJob, min(100, n-i))
		for at := range batch {
			batch[at] = crm.NewJob{Kind: kinds[(i+at)%3], Payload: fmt.Sprintf("job %d", i+at)}
		}
		if _, err := e.Jobs.EnqueueBatch(ctx, owners[i/100%3], batch); err != nil {
			t.Fatal(err)
		}
		i += len(batch)
	}

	seed := uint64(time.Now().UnixNano())
	t.Logf("moments by seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	workers := []worker{startWorker(t, path), startWorker(t, path)}
	defer func() {
		for _, w := range workers {
			w.kill()
		}
	}()
	done := func() int { return e.counted(owners)[crm.JobSucceeded] }
	for k := range 2 * kills {
		moment := done() + 1 + random.IntN(n/(2*kills+2))
		await(t, "the next moment", func() bool { return done() >= min(moment, n) })
		workers[k%2].kill()
		t.Logf("killed at %d of %d", done(), n)
		workers[k%2] = startWorker(t, path)
	}
	if done() == n {
		t.Error("the jobs ended before the last kill: nothing was interrupted")
	}
	killed := time.Now()
	await(t, "the end of every job", func() bool { return done() == n })
	t.Logf("all ended %s after the last kill", time.Since(killed).Round(time.Millisecond))
	e.endedOnce(owners, kinds, n)
	for i, w := range workers {
		w.input.Close() //nolint:errcheck // It ends by it.
		if err := w.command.Wait(); err != nil {
			t.Errorf("worker %d: %v", i, err)
		}
	}
}

// counted adds the figures of several workspaces up by state.
func (e *env) counted(owners []crm.Actor) map[crm.JobStatus]int {
	e.t.Helper()
	total := map[crm.JobStatus]int{}
	for _, o := range owners {
		counts, err := e.Jobs.Stats(context.Background(), o)
		if err != nil {
			e.t.Fatal(err)
		}
		for _, c := range counts {
			total[c.Status] += c.Count
		}
	}
	return total
}

// endedOnce checks that n jobs have succeeded and nothing else is counted, that
// each effect is there once, and that each job has one end in the log.
func (e *env) endedOnce(owners []crm.Actor, kinds []crm.JobKind, n int) {
	e.t.Helper()
	ctx := context.Background()
	counts := e.counted(owners)
	if counts[crm.JobSucceeded] != n || len(counts) != 1 {
		e.t.Errorf("jobs by state: got %v, want %d succeeded and nothing else", counts, n)
	}
	effects, ends := 0, map[crm.ID]int{}
	for _, o := range owners {
		tags, err := e.Tags.List(ctx, o)
		if err != nil {
			e.t.Fatal(err)
		}
		for _, tag := range tags {
			effects++
			equal(e.t, "effects of "+tag.Name, tag.Count, 1)
		}
		for after := crm.Position(0); ; {
			events, err := e.store.ListEvents(ctx, o.Workspace, after, 1_000)
			if err != nil {
				e.t.Fatal(err)
			}
			if len(events) == 0 {
				break
			}
			for _, ev := range events {
				if after = ev.Position; ev.Type == crm.EventJobFinished {
					ends[ev.Subject.ID]++
				}
			}
		}
	}
	withEffect := 0
	for i := range n {
		if kinds[i%3] != "noop" {
			withEffect++
		}
	}
	equal(e.t, "effects", effects, withEffect)
	equal(e.t, "jobs with an end in the log", len(ends), n)
	for id, times := range ends {
		equal(e.t, "ends of "+id.String(), times, 1)
	}
}
