package crmtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// testTenancy calls every method in one workspace with the ids of another's
// records. What it answers must not depend on whether the other workspace
// exists, and the other workspace must stay as it is. Each method is tried from
// an empty workspace and from one that has records under the same ids.
func testTenancy(t *testing.T, open func(testing.TB) crm.Store) {
	t.Run("every method has a case", checkTenancyCases)
	for name, call := range tenancyCases() {
		for _, twin := range []bool{false, true} {
			from := "an empty workspace"
			if twin {
				from = "a workspace with the same ids"
			}
			t.Run(fmt.Sprintf("%s from %s", name, from), func(t *testing.T) {
				t.Parallel()
				testForeign(newFixture(t, open(t)), call, twin)
			})
		}
	}
}

// tenancyCall calls one method in the workspace with the ids of another's
// records and returns what it answers, in a fixed order.
type tenancyCall func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error)

// checkTenancyCases makes sure that no method of a store is forgotten.
func checkTenancyCases(t *testing.T) {
	cases, elsewhere := tenancyCases(), testedElsewhere()
	for _, method := range methodsOf(reflect.TypeFor[crm.Tx]()) {
		if cases[method] == nil {
			t.Errorf("crm.Tx.%s has no case for tenancy", method)
		}
		delete(cases, method)
	}
	for _, method := range methodsOf(reflect.TypeFor[crm.Store]()) {
		_, inTx := reflect.TypeFor[crm.Tx]().MethodByName(method)
		if !inTx && elsewhere[method] == "" {
			t.Errorf("crm.Store.%s has no test for tenancy, and no reason", method)
		}
	}
	for name := range cases {
		t.Errorf("the case %s names no method of crm.Tx", name)
	}
}

func methodsOf(of reflect.Type) []string {
	var names []string
	for method := range of.Methods() {
		names = append(names, method.Name)
	}
	return names
}

// testedElsewhere says for the methods outside of transactions where another
// workspace is tried, or why there is none.
func testedElsewhere() map[string]string {
	return map[string]string{
		"InTx":                    "holds no data itself",
		"PutBlob":                 "TestBlobs",
		"OpenBlob":                "TestBlobs",
		"DeleteBlob":              "TestBlobs",
		"ListBlobs":               "TestBlobs",
		"DispatchJobs":            "crosses workspaces",
		"ReceiveJobs":             "crosses workspaces: tickets name theirs",
		"ClaimJobs":               "TestJobQueue, wrong tickets",
		"ExtendLease":             "TestJobQueue, lost leases",
		"ReleaseLost":             "crosses workspaces",
		"PurgeJobs":               "crosses workspaces",
		"NextDue":                 "crosses workspaces",
		"CancelAsked":             "crosses workspaces: tickets name theirs",
		"BusyWorkspaces":          "crosses workspaces",
		"QueueDepth":              "crosses workspaces",
		"ListWorkspaces":          "crosses workspaces",
		"EventsAfter":             "crosses workspaces: events name theirs",
		"ClaimReader":             "crosses workspaces",
		"AdvanceReader":           "crosses workspaces",
		"FailReader":              "crosses workspaces",
		"ReleaseReader":           "crosses workspaces",
		"ListReaders":             "crosses workspaces",
		"LogState":                "crosses workspaces",
		"RenewLogEpoch":           "crosses workspaces",
		"PurgeEvents":             "crosses workspaces: TestStore, log",
		"PurgeCandidates":         "crosses workspaces: contacts name theirs",
		"PurgeImages":             "crosses workspaces",
		"PurgeIdempotencyRecords": "crosses workspaces",
		"RecountContacts":         "TestStore, figures: a recount touches one workspace",
		"RecountSeries":           "TestStore, series: a recount touches one workspace",
		"InSnapshot":              "TestStore, snapshot: a view shows nothing of another workspace",
		"BeginRestore":            "crosses workspaces",
		"InRestore":               "holds no data itself",
		"Restoring":               "holds no data",
		"EndRestore":              "holds no data",
		"Ping":                    "holds no data",
		"ProbeWrite":              "holds no data",
		"Close":                   "holds no data",
	}
}

func testForeign(f *fixture, call tenancyCall, twin bool) {
	owner, ids := f.in("owner"), worldIDs(f.in("owner").ws)
	if twin {
		f.inTx(func(tx crm.Tx) error { return writeWorldAs(f.Context(), tx, f.ws, ids, "twin") })
		f.awaitEvents(1)
	}
	alone := f.answer(call, ids)
	f.inTx(func(tx crm.Tx) error { return writeWorldAs(f.Context(), tx, owner.ws, ids, "owner") })
	owner.awaitEvents(1)
	before := owner.dumpAs(ids)
	if got := before.missing(); got != "" {
		f.Fatalf("the other workspace has no %s", got)
	}
	if got := f.answer(call, ids); got != alone {
		f.Errorf("the answer tells that another workspace has the records:\n got %s\nwant %s", got, alone)
	}
	if d := owner.dumpAs(ids).diff(before); d != "" {
		f.Errorf("a call that was rolled back changed another workspace: %s", d)
	}
	_, _ = call(f.Context(), f.s, f.ws, ids)
	f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, []crm.Event{f.event(990)})) // The log has come this far.
	f.awaitEvents(1)
	if d := owner.dumpAs(ids).diff(before); d != "" {
		f.Errorf("the call changed another workspace: %s", d)
	}
}

func (f *fixture) dumpAs(ids idSet) dump {
	f.Helper()
	d, err := dumpAs(f.Context(), f.s, f.ws, ids)
	f.ok("reading the workspace", err)
	return d
}

// answer makes a call in a transaction that is rolled back, and tells what
// came of it.
func (f *fixture) answer(call tenancyCall, ids idSet) string {
	f.Helper()
	var answer string
	back := errors.New("roll back")
	err := f.s.InTx(f.Context(), func(tx crm.Tx) error {
		got, err := call(f.Context(), tx, f.ws, ids)
		answer = fmt.Sprintf("%s, error: %s", got, sayError(err))
		return back
	})
	if !errors.Is(err, back) {
		f.Fatalf("InTx: got error %v, want the one of the function", err)
	}
	return answer
}

// sayError tells errors apart as a caller can.
func sayError(err error) string {
	var conflict *crm.ConflictError
	switch {
	case err == nil:
		return "none"
	case errors.As(err, &conflict):
		return fmt.Sprintf("conflict %s with %s at version %d", conflict.Reason, conflict.ID, conflict.Version)
	case errors.Is(err, crm.ErrNotFound):
		return "not found"
	}
	return err.Error()
}
