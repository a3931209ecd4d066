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
	// server is the URL of a Postgres server, empty for none; made are the URLs of
	// the databases there, nil while SQLite is measured.
	server string
	made   map[string]string
	// postgresOnly leaves SQLite out.
	postgresOnly bool
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
	flag.StringVar(&b.server, "postgres", "", "URL of a PostgreSQL server, whose user may make databases: also measure on it")
	flag.BoolVar(&b.postgresOnly, "postgres-only", false, "measure on the PostgreSQL server alone")
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

type benchCase struct {
	id  string
	run func(context.Context) error
}

// cases in the order of the table.
func (b *bench) cases() []benchCase {
	return []benchCase{
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
	want := func(id string) bool { return only == "" || wanted[id] }
	if !b.postgresOnly {
		if err := b.measure(ctx, b.cases(), want); err != nil {
			return err
		}
	}
	if err := b.onPostgres(ctx, want); err != nil {
		return err
	}
	return b.table.print(b.out)
}

func (b *bench) measure(ctx context.Context, cases []benchCase, wanted func(id string) bool) error {
	for _, c := range cases {
		if !wanted(c.id) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s%s ...\n", b.table.prefix, c.id)
		if err := c.run(ctx); err != nil {
			return fmt.Errorf("%s%s: %w", b.table.prefix, c.id, err)
		}
	}
	return nil
}
