package crm

import (
	"log/slog"
	"time"
)

// RepeatEvery is how often the same warning is logged.
const RepeatEvery = repeatEvery

// WithoutRepeats is the logger of a CRM on top of another.
func WithoutRepeats(log *slog.Logger, now func() time.Time) *slog.Logger {
	return withoutRepeats(log, now)
}
