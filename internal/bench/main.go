// Command bench measures the bars of the project side by side: every figure
// stands beside its reference, taken in the same run on the same machine.
//
//	go run ./internal/bench            # all, about ten minutes
//	go run ./internal/bench -run P3,P4 # some
//	go run ./internal/bench -million   # also with a million contacts
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/pprof"
	"strings"
	"time"
)

// bench is one run of the program.
type bench struct {
	contacts int
	rounds   int
	million  bool
	// filledDir holds databases that outlive the run.
	filledDir string
	// turn is how long each side of a comparison runs before the other takes over.
	turn  time.Duration
	dir   string
	table table
	out   io.Writer
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == childCommand {
		os.Exit(child(os.Args[2:]))
	}
	only := flag.String("run", "", "comma-separated bars to measure, such as P1,P3; empty for all")
	b := &bench{out: os.Stdout, turn: 2 * time.Second}
	flag.IntVar(&b.contacts, "contacts", 100_000, "contacts in the database")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds that medians are taken of")
	flag.BoolVar(&b.million, "million", false, "also measure with a million contacts (half an hour, 6 GB of disk)")
	flag.StringVar(&b.filledDir, "filled", "", "folder of the filled databases, which then stay for the next run; remove it after an interrupted one")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the measured process into this file")
	flag.Parse()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if err := b.profiled(*profile, func() error { return b.run(context.Background(), *only) }); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// profiled does f under a CPU profile, if a file for one was named.
func (b *bench) profiled(file string, f func() error) error {
	if file == "" {
		return f()
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

// cases in the order of the table.
func (b *bench) cases() []struct {
	id  string
	run func(context.Context) error
} {
	return []struct {
		id  string
		run func(context.Context) error
	}{
		{"P1", b.list},
		{"P2", b.scale},
		{"P3", b.search},
		{"P4", b.imports},
		{"P5", b.jobs},
		{"P7", b.dashboard},
		{"P8", b.binary},
		{"P9", b.streams},
		{"P10", b.memory},
		{"P11", b.creates},
		{"FEED", b.feed},
	}
}

func (b *bench) run(ctx context.Context, only string) error {
	dir, err := os.MkdirTemp("", "omnicrm-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	if b.filledDir == "" {
		b.filledDir = dir
	}
	if err := os.MkdirAll(b.filledDir, 0o700); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for id := range strings.SplitSeq(only, ",") {
		wanted[strings.ToUpper(strings.TrimSpace(id))] = true
	}
	for _, c := range b.cases() {
		if only != "" && !wanted[c.id] {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s ...\n", c.id)
		if err := c.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.id, err)
		}
	}
	return b.table.print(b.out)
}
