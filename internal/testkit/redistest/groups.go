package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// StartCluster starts a cluster of one server that serves all slots, and returns
// the server and the cluster's URL.
func StartCluster(t testing.TB) (server *Server, address string) {
	t.Helper()
	s := Start(t, Options{Args: []string{"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"}})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := s.Client()
	if err := c.ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		t.Fatalf("give the cluster its slots: %v", err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := c.ClusterInfo(ctx).Result()
		if err == nil && strings.Contains(info, "cluster_state:ok") {
			return s, "redis-cluster://" + s.Addr()
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the cluster does not come up: %v %s", err, info)
		case <-tick.C:
		}
	}
}

// StartSentinel starts a server and a Sentinel that watches it as "primary", and
// returns the server and the URL by which the Sentinel is asked.
func StartSentinel(t testing.TB) (server *Server, address string) {
	t.Helper()
	s := Start(t, Options{})
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor primary 127.0.0.1 %d 1\nsentinel down-after-milliseconds primary 1000\n", s.Port())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	watcher := &Server{t: t, dir: t.TempDir(), port: FreePort(t)}
	watcher.config = file
	watcher.Start()
	t.Cleanup(watcher.Kill)
	return s, "redis-sentinel://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(watcher.port)) + "/0?master=primary"
}
