// Package identitytest proves stores of package identity. An adapter's test is
// one line:
//
//	identitytest.TestStore(t, func(tb testing.TB) identity.Store { return openEmpty(tb) })
//
// It uses nothing but the standard library. Every "must" of the ports has a
// test here; a change of a port starts here.
package identitytest
