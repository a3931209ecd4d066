// Package crmtest holds the conformance suites of the ports of package crm.
// An adapter that passes them can stand where the built-in one does, and no
// caller sees a difference:
//
//	func TestConformance(t *testing.T) {
//		crmtest.TestStore(t, func(tb testing.TB) crm.Store {
//			store, err := mystore.Open(tb.Context(), tb.TempDir())
//			if err != nil {
//				tb.Fatal(err)
//			}
//			tb.Cleanup(func() { store.Close() })
//			return store
//		})
//	}
//
// A factory returns a new, empty store (or index) each time it is called and
// registers its own clean-up; a second Close of a store must do nothing. The
// suites call it several times and run in parallel.
//
// The suites are the contract: each "must" in a port's comment has a test
// here, and what no port promises (the order of an unordered answer, say) is
// not asserted. A change of a port starts here.
//
// Where a port lets something happen a little later (an index that is a
// service, a log that is numbered after the commit) the suites wait for it,
// up to ten seconds, or a tenth of what is left of the test's time if that is less.
package crmtest
