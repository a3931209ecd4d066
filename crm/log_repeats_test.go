package crm_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func TestRepeatedWarningsAreLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	log := crm.WithoutRepeats(slog.New(slog.NewTextHandler(&out, nil)), func() time.Time { return now }).With("part", "jobs")
	for range 50 {
		log.Warn("no jobs received", "error", errors.New("the database is away"))
		log.Info("told each time")
	}
	log.Warn("another")
	now = now.Add(crm.RepeatEvery)
	log.Warn("no jobs received")
	text := out.String()
	for want, n := range map[string]int{"no jobs received": 2, "told each time": 50, "another": 1, "leftOut=49": 1, "part=jobs": 53} {
		if got := strings.Count(text, want); got != n {
			t.Errorf("%q: got %d times, want %d", want, got, n)
		}
	}
}
