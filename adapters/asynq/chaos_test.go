package asynq_test

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

	"github.com/omnicrm/omnicrm/adapters/asynq"
	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/redistest"
)

// workerVariable names the database to a child process that works on its jobs,
// redisVariable the Redis that brings them.
const (
	workerVariable = "CRM_TEST_JOBS_OF"
	redisVariable  = "CRM_TEST_JOBS_BY"
)

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

// openApp opens a CRM on a file, with jobs over Redis. close ends it all.
func openApp(ctx context.Context, path, address string, workers int) (app *crm.CRM, closeAll func() error, err error) {
	store, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	queue, err := asynq.Open(ctx, address, asynq.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	app, err = crm.New(crm.Config{Store: store, Queue: queue, Workers: workers, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = errors.Join(
			app.Jobs.Register("single", tagOnce, crm.JobOptions{}),
			app.Jobs.Register("short", tagOnce, crm.JobOptions{Short: true}),
			app.Start(ctx))
	}
	if err != nil {
		return nil, nil, errors.Join(err, queue.Close(), store.Close())
	}
	return app, func() error { return errors.Join(app.Close(), queue.Close(), store.Close()) }, nil
}

// workOn runs the jobs of a database until its input ends, or it is killed. While
// Redis is away it cannot begin, and tries again.
func workOn(path, address string) int {
	ctx := context.Background()
	_, closeAll, err := openApp(ctx, path, address, 4)
	for range 100 {
		if !errors.Is(err, crm.ErrUnavailable) {
			break
		}
		time.Sleep(100 * time.Millisecond)
		_, closeAll, err = openApp(ctx, path, address, 4)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, os.Stdin)
		err = errors.Join(err, closeAll())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// worker is a child process.
type worker struct {
	command *exec.Cmd
	input   io.Closer
}

func startWorker(t *testing.T, path, address string) worker {
	t.Helper()
	c := exec.Command(os.Args[0]) //nolint:noctx // It is killed, or told to end.
	c.Env, c.Stderr = append(os.Environ(), workerVariable+"="+path, redisVariable+"="+address), os.Stderr
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

// TestEveryJobEndsOnceWhateverDies has two worker processes on jobs that come
// over Redis, while each of them and Redis are killed, emptied, restarted and
// paused at random.
func TestEveryJobEndsOnceWhateverDies(t *testing.T) {
	t.Parallel()
	n, rounds := 1_200, 8
	if os.Getenv("OMNICRM_SOAK") == "1" {
		n, rounds = 15_000, 100
	}
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "crm.db")
	r := redistest.Start(t, redistest.Options{})
	app, closeAll, err := openApp(ctx, path, r.URL(), -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeAll(); err != nil {
			t.Error(err)
		}
	})
	workers := []worker{startWorker(t, path, r.URL()), startWorker(t, path, r.URL())}
	defer func() {
		for _, w := range workers {
			w.kill()
		}
	}()
	owners := actors("acme", "umbrella", "initech")
	seed := uint64(time.Now().UnixNano())
	t.Logf("moments by seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	done := func() int { return succeeded(t, app, owners...) }
	made := 0
	longest := time.Duration(0)
	for round := range rounds {
		for upTo := n * (round + 1) / rounds; made < upTo; {
			batch := make([]crm.NewJob, min(1+random.IntN(100), upTo-made))
			for i := range batch {
				batch[i] = crm.NewJob{Kind: []crm.JobKind{"single", "short"}[(made+i)%2], Payload: fmt.Sprintf("job %d", made+i)}
			}
			began := time.Now()
			if _, err := app.Jobs.EnqueueBatch(ctx, owners[random.IntN(len(owners))], batch); err != nil {
				t.Fatal(err)
			}
			longest = max(longest, time.Since(began))
			made += len(batch)
		}
		moment := min(done()+random.IntN(n/rounds), made)
		await(t, "the next moment", func() bool { return done() >= moment })
		what := wreck(t, random, r, workers, path)
		t.Logf("%d of %d had ended: %s", done(), made, what)
	}
	began := time.Now()
	await(t, "the end of every job", func() bool { return done() == n })
	t.Logf("all ended %s after the last round; the longest enqueue took %s", time.Since(began).Round(time.Millisecond), longest.Round(time.Millisecond))
	endedOnce(t, app, owners, n)
	for i, w := range workers {
		w.input.Close() //nolint:errcheck // It ends by it.
		if err := w.command.Wait(); err != nil {
			t.Errorf("worker %d: %v", i, err)
		}
	}
}

// wreck does one of the things that happen.
func wreck(t *testing.T, random *rand.Rand, r *redistest.Server, workers []worker, path string) string {
	t.Helper()
	pause := time.Duration(random.IntN(1_500)) * time.Millisecond
	at := random.IntN(len(workers))
	switch random.IntN(6) {
	case 0:
		r.Flush()
		return "Redis emptied"
	case 1:
		r.Kill()
		time.Sleep(pause)
		r.Start()
		return fmt.Sprintf("Redis killed and away for %s", pause)
	case 2:
		r.Restart()
		return "Redis restarted"
	case 3:
		r.Pause()
		time.Sleep(pause)
		r.Resume()
		return fmt.Sprintf("Redis paused for %s", pause)
	case 4:
		workers[at].kill()
		r.Flush()
		workers[at] = startWorker(t, path, r.URL())
		return "a worker killed and Redis emptied"
	}
	workers[at].kill()
	workers[at] = startWorker(t, path, r.URL())
	return "a worker killed"
}

func actors(names ...string) []crm.Actor {
	out := make([]crm.Actor, len(names))
	for i, name := range names {
		out[i] = crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID(name)), User: crm.NamedID("olga"), Role: crm.RoleOwner}
	}
	return out
}

// endedOnce checks that each of n effects is there once.
func endedOnce(t *testing.T, app *crm.CRM, owners []crm.Actor, n int) {
	t.Helper()
	effects := 0
	for _, o := range owners {
		tags, err := app.Tags.List(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags {
			effects++
			if tag.Count != 1 {
				t.Errorf("effects of %s: got %d, want 1", tag.Name, tag.Count)
			}
		}
	}
	if effects != n {
		t.Errorf("effects: got %d, want %d", effects, n)
	}
}

// TestTheJobOfAKilledWorkerRunsAgainWithin15Seconds kills a worker with all that
// it has fetched, claimed or not.
func TestTheJobOfAKilledWorkerRunsAgainWithin15Seconds(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "crm.db")
	r := redistest.Start(t, redistest.Options{})
	app, closeAll, err := openApp(ctx, path, r.URL(), -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeAll(); err != nil {
			t.Error(err)
		}
	})
	owners := actors("acme")
	victim, heir := startWorker(t, path, r.URL()), startWorker(t, path, r.URL())
	defer heir.kill()
	const n = 600
	batch := make([]crm.NewJob, n)
	for i := range batch {
		batch[i] = crm.NewJob{Kind: []crm.JobKind{"single", "short"}[i%2], Payload: fmt.Sprintf("job %d", i)}
	}
	if _, err := app.Jobs.EnqueueBatch(ctx, owners[0], batch); err != nil {
		t.Fatal(err)
	}
	await(t, "the work to go on", func() bool { return succeeded(t, app, owners...) >= n/4 })
	victim.kill()
	killed := time.Now()
	await(t, "the end of every job", func() bool { return succeeded(t, app, owners...) == n })
	took := time.Since(killed)
	t.Logf("all ended %s after the kill", took.Round(time.Millisecond))
	if took > 20*time.Second { // 15, and the work itself on a busy machine.
		t.Errorf("the jobs ended %s after the kill, want 15 s", took)
	}
	endedOnce(t, app, owners, n)
	heir.input.Close() //nolint:errcheck // It ends by it.
	if err := heir.command.Wait(); err != nil {
		t.Error(err)
	}
}
