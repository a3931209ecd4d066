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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"
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
	redis.SetLogger(silent{}) // The adapters say what matters; this is the client's own, for the whole process.
	t := terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2) // One to end by, one to insist.
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		<-signals
		os.Exit(report(t, errors.New("stopped at once by a second signal; what was acknowledged is safe")))
	}()
	os.Exit(run(ctx, os.Args[1:], t))
}

// silent is a log that nobody reads.
type silent struct{}

// Printf implements the log of the client of Redis.
func (silent) Printf(context.Context, string, ...any) {}

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
	if err := validText(args); err != nil {
		return report(t, err)
	}
	parsed, err := parser.Parse(spelledOut(args))
	if asked { // Help was printed.
		return exitDone
	}
	if err != nil {
		text := strings.Replace(err.Error(), `must be one of "",`, "must be one of ", 1) // Leaving it out is no value to type.
		return report(t, usageError{fmt.Sprintf("%s\nTry `crmserver %s`.", text, helpFor(err))})
	}
	c.dataGiven = slices.ContainsFunc(parsed.Path, func(p *kong.Path) bool { return p.Flag != nil && p.Flag.Name == "data" })
	if parsed.Command() != "version" {
		err = errors.Join(c.NotYet.refuse(), c.Search.validate())
	}
	if err == nil {
		err = parsed.Run(&c.Globals)
	}
	if err != nil {
		return report(t, err)
	}
	return exitDone
}

// spelledOut turns the ways people ask for help or the version into the
// parser's own.
func spelledOut(args []string) []string {
	args = joinNegative(args)
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case args[0] == "--version":
		return append([]string{"version"}, args[1:]...)
	}
	return args
}

// joinNegative writes "--flag -1" as "--flag=-1": the parser would take the
// number for a flag of one letter.
func joinNegative(args []string) []string {
	var out []string
	for i, a := range args {
		if _, err := strconv.Atoi(a); err == nil && strings.HasPrefix(a, "-") && i > 0 && isLongFlag(args[i-1]) {
			out[len(out)-1] += "=" + a
			continue
		}
		out = append(out, a)
	}
	return out
}

func isLongFlag(arg string) bool {
	return strings.HasPrefix(arg, "--") && len(arg) > 2 && !strings.Contains(arg, "=")
}

// validText refuses bytes that are no text: the parser would replace them
// without a word.
func validText(args []string) error {
	for i, a := range args {
		if !utf8.ValidString(a) {
			return usageError{fmt.Sprintf("argument %d is not valid UTF-8; a file with such a name can be read from standard input, with -", i+1)}
		}
	}
	return nil
}

// helpFor names the command whose help fits the error.
func helpFor(err error) string {
	var p *kong.ParseError
	if errors.As(err, &p) && p.Context != nil {
		if node := p.Context.Selected(); node != nil {
			return strings.Replace(node.FullPath(), "crmserver", "help", 1)
		}
	}
	return "help"
}

// usageError is a misuse that the parser cannot see.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

func report(t terminal, err error) int {
	fmt.Fprintf(t.err, "crmserver: %s\n", explain(err)) //nolint:errcheck // There is nowhere else to say it.
	if _, ok := errors.AsType[usageError](err); ok {
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
