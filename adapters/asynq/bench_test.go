package asynq_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/asynq"
	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/redistest"
)

// BenchmarkDelivery enqueues, delivers, runs and ends no-op jobs of a short kind.
func BenchmarkDelivery(b *testing.B) {
	for name, queue := range map[string]func() crm.JobQueue{
		"table": func() crm.JobQueue { return nil },
		"asynq": func() crm.JobQueue {
			return openQueue(b, redistest.Start(b, redistest.Options{}).URL(), asynq.Options{})
		},
	} {
		b.Run(name, func(b *testing.B) {
			ctx := context.Background()
			store, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "crm.db"))
			if err != nil {
				b.Fatal(err)
			}
			app, err := crm.New(crm.Config{Store: store, Queue: queue(), Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			var ran atomic.Int64
			if err := app.Jobs.Register("noop", func(context.Context, *crm.JobRun) error {
				ran.Add(1)
				return nil
			}, crm.JobOptions{Short: true}); err != nil {
				b.Fatal(err)
			}
			if err := app.Start(ctx); err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() {
				if err := app.Close(); err != nil {
					b.Error(err)
				}
				if err := store.Close(); err != nil {
					b.Error(err)
				}
			})
			actor := crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("bench")), User: crm.NamedID("bench"), Role: crm.RoleOwner}
			before := succeeded(b, app, actor)
			b.ResetTimer()
			for done := 0; done < b.N; done += 100 {
				in := make([]crm.NewJob, min(100, b.N-done))
				for i := range in {
					in[i].Kind = "noop"
				}
				if _, err := app.Jobs.EnqueueBatch(ctx, actor, in); err != nil {
					b.Fatal(err)
				}
			}
			for ran.Load() < int64(before+b.N) || succeeded(b, app, actor) < before+b.N {
				time.Sleep(5 * time.Millisecond)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

func succeeded(t testing.TB, app *crm.CRM, actors ...crm.Actor) int {
	t.Helper()
	n := 0
	for _, actor := range actors {
		counts, err := app.Jobs.Stats(context.Background(), actor)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range counts {
			if c.Status == crm.JobSucceeded {
				n += c.Count
			}
		}
	}
	return n
}
