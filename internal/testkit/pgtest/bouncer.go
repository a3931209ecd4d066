package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bouncerConfig has fewer connections to the server than tests open to the
// bouncer, so that they do change between transactions.
const bouncerConfig = `[databases]
* = host=127.0.0.1 port=%d user=crm
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 500
server_reset_query =
logfile = %s
pidfile = %s
`

// PooledURL returns a database as URL does, through a PgBouncer in transaction
// mode, and the URL of the same database past it. Without PgBouncer on this
// machine the test is skipped.
func PooledURL(tb testing.TB) (pooled, direct string) {
	tb.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path = "/usr/sbin/pgbouncer" // Debian keeps it out of the path of users.
	}
	if _, err := os.Stat(path); err != nil {
		tb.Skip("PgBouncer is not installed")
	}
	direct = URL(tb)
	server := Shared(tb)
	folder, err := os.MkdirTemp("", "pgtest-bouncer-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			tb.Error(err)
		}
	})
	who, err := owner(folder)
	if err != nil {
		tb.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		tb.Fatal(err)
	}
	config := filepath.Join(folder, "pgbouncer.ini")
	text := fmt.Sprintf(bouncerConfig, server.Port, port, filepath.Join(folder, "log"), filepath.Join(folder, "pid"))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil { // Another user reads it, and it holds no secret.
		tb.Fatal(err)
	}
	process := exec.Command(path, config) // A program of the machine, which the cleanup ends.
	process.Dir = folder
	process.SysProcAttr = &syscall.SysProcAttr{Credential: who, Pdeathsig: syscall.SIGKILL}
	begun, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // The process ends with the thread that started it.
		defer close(ended)
		err := process.Start()
		begun <- err
		if err == nil {
			_ = process.Wait()
		}
	}()
	if err := <-begun; err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = process.Process.Kill()
		<-ended
	})
	pooled = strings.Replace(direct, fmt.Sprint(server.Port), fmt.Sprint(port), 1) + "&binary_parameters=yes"
	deadline := time.Now().Add(startTime)
	for !answers(pooled) {
		select {
		case <-ended:
			log, _ := os.ReadFile(filepath.Join(folder, "log"))
			tb.Fatalf("pgbouncer did not start: %s", log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			tb.Fatalf("pgbouncer did not answer within %v", startTime)
		}
	}
	return pooled, direct
}
