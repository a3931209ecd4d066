package identitytest

import (
	"testing"

	"github.com/omnicrm/omnicrm/crm/identity"
)

// TestStore proves that stores keep the promises of [identity.Store]. open
// returns an empty store of its own for every call, which ends with the test;
// it is called from many goroutines.
func TestStore(t *testing.T, open func(testing.TB) identity.Store) {
	t.Helper()
	groups := []struct {
		name string
		test func(t *testing.T, f *fixture)
	}{
		{"users", testUsers},
		{"a user's address is unique by its key", testAddresses},
		{"deleting a user takes everything that signs in as the user", testDeleteUser},
		{"members", testMembers},
		{"memberships come in the order of joining", testMemberships},
		{"owners are counted", testOwners},
		{"sessions", testSessions},
		{"the caller of a session", testSessionCaller},
		{"API keys", testKeys},
		{"the caller with an API key", testKeyCaller},
		{"invitations", testInvitations},
		{"links", testLinks},
		{"attempts", testAttempts},
		{"what has run out is purged", testPurge},
		{"another workspace sees and changes nothing", testTenancy},
		{"text comes back as it was given", testText},
		{"pages begin after the id and end at the limit", testPages},
		{"a failed transaction leaves neither rows nor events", testRollback},
		{"a transaction sees its own writes", testOwnWrites},
		{"a snapshot has users, members, keys and invitations with their secrets", testSnapshot},
		{"a snapshot stays at its moment", testSnapshotMoment},
		{"one link, twenty takers", testLinkRace},
		{"one invitation, twenty takers", testInvitationRace},
		{"twenty attempts at once are all counted", testAttemptRace},
		{"two owners leaving at once leave one", testOwnerRace},
		{"one address, twenty users", testAddressRace},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			group.test(t, newFixture(t, open(t)))
		})
	}
}
