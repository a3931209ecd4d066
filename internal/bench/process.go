package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// statusBytes reads a figure of a process from /proc, in bytes.
func statusBytes(pid int, name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n * 1024, err
		}
	}
	return 0, errors.New("no " + name + " in /proc")
}

// build compiles the server as it is released.
func (b *bench) build(ctx context.Context) (string, error) {
	path := filepath.Join(b.dir, "crmserver")
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "github.com/omnicrm/omnicrm/cmd/crmserver")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, text)
	}
	return path, nil
}

// running is a server in a process of its own.
type running struct {
	cmd     *exec.Cmd
	base    string
	startup time.Duration
}

// start runs the server on a data folder and waits until it is ready.
func startServer(ctx context.Context, binary, data string) (*running, error) {
	c := exec.CommandContext(ctx, binary, "serve", "--addr", "127.0.0.1:0", "--data", data)
	c.Env = append(os.Environ(), "CRM_RATE_LIMIT=0")
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := c.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the server said nothing: %w", err)
	}
	at := strings.Index(line, "http://")
	if at < 0 {
		return nil, fmt.Errorf("no address in %q", line)
	}
	s := &running{cmd: c, base: strings.Fields(line[at:])[0]}
	for {
		answer, err := http.Get(s.base + "/readyz")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				s.startup = time.Since(begin)
				return s, nil
			}
		}
	}
}

func (s *running) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// dataFolder makes a data folder with n contacts and returns it with a key.
func (b *bench) dataFolder(ctx context.Context, n int) (string, string, error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("data-%d", n))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", err
	}
	i, err := openInstance(ctx, filepath.Join(dir, "crm.db"))
	if err != nil {
		return "", "", err
	}
	if err := i.fill(ctx, n); err != nil {
		return "", "", err
	}
	return dir, i.key, i.close()
}

// idlePause lets a server come to rest before its memory is read.
const idlePause = 3 * time.Second

// binary is P8.
func (b *bench) binary(ctx context.Context) error {
	binary, err := b.build(ctx)
	if err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	b.table.add(row{"P8", "static binary", "", megabytes(info.Size()), "", "", "<= 45 MB", info.Size() <= 45e6})
	data, _, err := b.dataFolder(ctx, 10_000)
	if err != nil {
		return err
	}
	var starts []float64
	var idle int64
	for range b.rounds {
		s, err := startServer(ctx, binary, data)
		if err != nil {
			return err
		}
		starts = append(starts, float64(s.startup))
		time.Sleep(idlePause)
		if idle, err = statusBytes(s.cmd.Process.Pid, "VmRSS"); err != nil {
			return err
		}
		if err := s.stop(); err != nil {
			return err
		}
	}
	start := time.Duration(median(starts))
	b.table.add(row{"P8", "start to ready", "10k", ms(start), "", "", "<= 250 ms", start <= 250*time.Millisecond})
	b.table.add(row{"P8", "idle memory", "10k", megabytes(idle), "", "", "<= 60 MB", idle <= 60e6})
	return nil
}

// memory is P10.
func (b *bench) memory(ctx context.Context) error {
	if err := b.memoryAt(ctx, b.contacts, 200e6); err != nil {
		return err
	}
	if b.million {
		return b.memoryAt(ctx, 1_000_000, 1.2e9)
	}
	return nil
}

func (b *bench) memoryAt(ctx context.Context, n int, bar int64) error {
	binary, err := b.build(ctx)
	if err != nil {
		return err
	}
	data, key, err := b.dataFolder(ctx, n)
	if err != nil {
		return err
	}
	s, err := startServer(ctx, binary, data)
	if err != nil {
		return err
	}
	c := newClient(s.base, key, 8)
	queries := searches(2_000)
	_, err = run(ctx, 8, 5*b.turn, func(ctx context.Context, n int) error {
		if n%2 == 0 {
			return c.get(ctx, "/api/v1/contacts?pageSize=50")
		}
		return c.get(ctx, "/api/v1/contacts?pageSize=50&search="+url.QueryEscape(queries[n%len(queries)]))
	})
	if err != nil {
		return err
	}
	peak, err := statusBytes(s.cmd.Process.Pid, "VmHWM")
	if err != nil {
		return err
	}
	now, err := statusBytes(s.cmd.Process.Pid, "VmRSS")
	if err != nil {
		return err
	}
	b.table.add(row{"P10", "server memory under lists and searches (peak " + megabytes(peak) + ")", count(n), megabytes(now), "", "", "<= " + megabytes(bar), peak <= bar})
	return s.stop()
}
