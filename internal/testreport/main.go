// Command testreport turns the event stream of `go test -json` into the lines
// that `go test` prints, and adds what those leave out: every skipped test with
// its reason. A run that left something out then says so, and with -strict it
// fails.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
)

func main() {
	strict := flag.Bool("strict", false, "fail when a test was skipped, unless it needs the shared folder and that is absent, or a server that nothing installs")
	shared := flag.String("shared", "../shared", "folder of shared test data that a checkout may lack")
	flag.Parse()

	r := report{out: bufio.NewWriter(os.Stdout), strict: *strict, shared: *shared}
	ok, err := r.read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}
