package crmtest_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

// The suites are only worth something when they turn red. Each fault breaks
// one promise of a correct store, index or format; the proof runs the test that
// has to notice in a process of its own, where a failed test fails nothing
// else, and looks for it in the output.

// faultVariable names the fault to a child process.
const faultVariable = "CRMTEST_FAULT"

func allFaults() []fault {
	return slices.Concat(valueFaults(), pagingFaults(), filterFaults(), writeFaults(), tenancyFaults(), transactionFaults(), eventFaults(),
		feedFaults(), readerFaults(), recordFaults(), interactionFaults(), seriesFaults(), insightFaults(), viewFaults(), snapshotFaults(),
		restoreFaults(), blobFaults(), systemFaults(), claimFaults(), jobFaults(), matchingFaults(), rankingFaults(), answerFaults(), formatFaults(), historyFaults(), deliveryFaults(), limiterFaults())
}

func TestEveryFaultTurnsTheSuiteRed(t *testing.T) {
	t.Parallel()
	// Children compete for the same cores, and some wait for what never comes.
	slots := make(chan struct{}, 2)
	names := map[string]bool{}
	for _, f := range allFaults() {
		if names[f.name] {
			t.Errorf("two faults are named %q", f.name)
		}
		names[f.name] = true
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			output, failed := runChild(t, f)
			if !failed {
				t.Fatalf("the suite is green, want it red; its output:\n%s", output)
			}
			red := regexp.MustCompile(`(?m)^\s*--- FAIL: TestFault/.*(` + f.red + `)`)
			if !red.MatchString(output) {
				t.Errorf("none of the failed tests is %q; the output:\n%s", f.red, output)
			}
			if strings.Contains(output, "\npanic: ") {
				t.Errorf("the suite panicked, want it to report; the output:\n%s", output)
			}
		})
	}
	if len(names) < 30 {
		t.Errorf("got %d faults, want at least 30", len(names))
	}
}

func TestNoFaultLeavesTheSuiteGreen(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"no fault in the store", "no fault in the index", "no fault in the format", "no fault in a history"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if output, failed := runChild(t, fault{name: name}); failed {
				t.Errorf("the suite is red, want it green; its output:\n%s", output)
			}
		})
	}
}

// runChild runs the tests that have to notice a fault, or all, in another
// process.
func runChild(t *testing.T, f fault) (output string, failed bool) {
	t.Helper()
	run := "^TestFault$"
	if f.part != "" {
		run += "/^" + strings.ReplaceAll(f.part, "/", "$/^") + "$"
	}
	if f.red != "" {
		run += "/(" + f.red + ")"
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+run, "-test.timeout=20s", "-test.count=1")
	child.Env = append(os.Environ(), faultVariable+"="+f.name)
	out, err := child.CombinedOutput()
	return string(out), err != nil
}

// TestFault is what the children run. Without a fault to look at there is
// nothing to do: the conformance tests run the correct adapters.
func TestFault(t *testing.T) {
	name := os.Getenv(faultVariable)
	switch name {
	case "":
		return
	case "no fault in the store":
		crmtest.TestStore(t, func(testing.TB) crm.Store { return store() })
		return
	case "no fault in the index":
		crmtest.TestSearchIndex(t, func(testing.TB) crm.SearchIndex { return newBruteIndex() })
		return
	case "no fault in a history":
		crmtest.TestHistories(t, func(testing.TB) crm.Store { return store() }, func(testing.TB) crm.Store { return store() }, fewHistories())
		return
	case "no fault in the format":
		crmtest.TestFormat(t, crm.JSONLines{})
		return
	}
	for _, f := range allFaults() {
		switch {
		case f.name != name:
		case f.store != nil:
			crmtest.TestStore(t, func(testing.TB) crm.Store { return f.store() })
		case f.index != nil:
			crmtest.TestSearchIndex(t, func(testing.TB) crm.SearchIndex { return f.index() })
		case f.format != nil:
			crmtest.TestFormat(t, f.format())
		case f.queue != nil:
			crmtest.TestJobDelivery(t, func(testing.TB) (crm.Store, crm.JobQueue) { return store(), f.queue() })
		case f.limiter != nil:
			crmtest.TestLimiter(t, func(testing.TB) crmtest.Limiter { return f.limiter() })
		case f.twin != nil:
			one := func() crm.Store { return store() }
			if f.alike {
				one = f.twin
			}
			crmtest.TestHistories(t, func(testing.TB) crm.Store { return one() }, func(testing.TB) crm.Store { return f.twin() }, fewHistories())
		}
	}
}

// fewHistories are enough to meet a fault.
func fewHistories() crmtest.HistoryOptions { return crmtest.HistoryOptions{Histories: 5} }
