package meilisearch_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when an index leaves a goroutine behind. The connections that
// the client library keeps by itself, and those of the default client, may.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}
