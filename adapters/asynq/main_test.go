package asynq_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a queue leaves a goroutine behind. A child process works.
func TestMain(m *testing.M) {
	if path := os.Getenv(workerVariable); path != "" {
		os.Exit(workOn(path, os.Getenv(redisVariable)))
	}
	goleak.VerifyTestMain(m)
}
