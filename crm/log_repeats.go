package crm

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// repeatEvery is how often the same warning is logged. What looks for work many
// times a second would fill the log while a database is away.
const repeatEvery = 10 * time.Second

// repeats is a handler that leaves out warnings whose message was logged within
// repeatEvery, and says with the next one how many they were.
type repeats struct {
	slog.Handler
	seen *seenWarnings
}

type seenWarnings struct {
	now func() time.Time
	mu  sync.Mutex
	// by message: the time of the last one logged, and how many were left out since.
	last map[string]time.Time
	left map[string]int
}

func withoutRepeats(log *slog.Logger, now func() time.Time) *slog.Logger {
	return slog.New(repeats{log.Handler(), &seenWarnings{now: now, last: map[string]time.Time{}, left: map[string]int{}}})
}

// Handle implements slog.Handler.
func (r repeats) Handle(ctx context.Context, record slog.Record) error {
	if record.Level == slog.LevelWarn {
		left, again := r.seen.again(record.Message)
		if again {
			return nil
		}
		if left > 0 {
			record = record.Clone()
			record.AddAttrs(slog.Int("leftOut", left))
		}
	}
	return r.Handler.Handle(ctx, record)
}

// again counts a message, and returns how many of it were left out where it is
// to be logged.
func (s *seenWarnings) again(message string) (left int, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if last, ok := s.last[message]; ok && now.Sub(last) < repeatEvery {
		s.left[message]++
		return 0, true
	}
	left = s.left[message]
	s.last[message], s.left[message] = now, 0
	return left, false
}

// WithAttrs implements slog.Handler.
func (r repeats) WithAttrs(attrs []slog.Attr) slog.Handler {
	return repeats{r.Handler.WithAttrs(attrs), r.seen}
}

// WithGroup implements slog.Handler.
func (r repeats) WithGroup(name string) slog.Handler {
	return repeats{r.Handler.WithGroup(name), r.seen}
}
