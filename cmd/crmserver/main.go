// Command crmserver runs the CRM as one static binary: the HTTP server and the
// command line around it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitMisuse = 2
)

// version is set by the linker in releases.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// terminal is where a command reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

// run parses and executes one command and returns the exit code.
func run(ctx context.Context, args []string, t terminal) int {
	var c commands
	var asked bool
	parser, err := kong.New(&c,
		kong.Name("crmserver"),
		kong.Description("OmniCRM: a contact-centric CRM in one binary. `crmserver help COMMAND` explains a command."),
		kong.Writers(t.out, t.err),
		kong.Exit(func(int) { asked = true }),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"version": versionText()},
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(t),
	)
	if err != nil {
		return report(t, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if args[0] == "help" {
		args = append(args[1:], "--help")
	}
	parsed, err := parser.Parse(args)
	if asked { // Help was printed.
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(t.err, "crmserver: %v\nTry `crmserver help`.\n", err) //nolint:errcheck // There is nowhere else to say it.
		return exitMisuse
	}
	if err := parsed.Run(&c.Globals); err != nil {
		return report(t, err)
	}
	return exitDone
}

// usageError is a misuse that the parser cannot see.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

func report(t terminal, err error) int {
	fmt.Fprintf(t.err, "crmserver: %s\n", explain(err)) //nolint:errcheck // There is nowhere else to say it.
	var usage usageError
	if errors.As(err, &usage) {
		return exitMisuse
	}
	return exitFailed
}

// versionText is the version, and the commit where the build knows it.
func versionText() string {
	text := version
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return text
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			text += " (" + s.Value[:min(12, len(s.Value))] + ")"
		}
	}
	return text
}
