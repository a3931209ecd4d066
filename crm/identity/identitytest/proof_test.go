package identitytest_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
	"github.com/omnicrm/omnicrm/crm/identity/identitytest"
)

// brokenName names the broken store in the process that is to fail.
const brokenName = "IDENTITYTEST_BROKEN_STORE"

func openStore(tb testing.TB) identity.Store {
	tb.Helper()
	store, err := sqlite.Open(tb.Context(), ":memory:")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	return store
}

// TestTheSuiteTurnsRed runs the suite, in a process of its own, on a store
// that breaks one promise, for each promise.
func TestTheSuiteTurnsRed(t *testing.T) {
	if name := os.Getenv(brokenName); name != "" {
		wrap := brokenStores()[name]
		identitytest.TestStore(t, func(tb testing.TB) identity.Store { return wrap(openStore(tb)) })
		return
	}
	t.Parallel()
	for name := range brokenStores() {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheSuiteTurnsRed$")
			cmd.Env = append(os.Environ(), brokenName+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestTheSuiteTurnsRed/") {
				t.Errorf("the suite on a store that %s: got %v, want a failed subtest; it said\n%s", name, err, out)
			}
		})
	}
}

// brokenStores wrap a correct store and each break one promise.
func brokenStores() map[string]func(identity.Store) identity.Store {
	return map[string]func(identity.Store) identity.Store{
		"takes no account of the workspace of a key":   func(s identity.Store) identity.Store { return keysOfAll{s, &scopes{}} },
		"lets a link be taken twice":                   func(s identity.Store) identity.Store { return &sharedLinks{Store: s} },
		"compares addresses without their case":        func(s identity.Store) identity.Store { return foldingFinder{s} },
		"takes a stale version of a member":            func(s identity.Store) identity.Store { return staleMembers{s} },
		"counts owners as of another workspace":        func(s identity.Store) identity.Store { return ownersOfNobody{s} },
		"counts members as of another workspace":       func(s identity.Store) identity.Store { return membersOfNobody{s} },
		"counts everybody's keys as one user's":        func(s identity.Store) identity.Store { return keysOfEverybody{s} },
		"counts the first page of invitations only":    func(s identity.Store) identity.Store { return oneInvitation{s} },
		"uses a link up when it is looked at":          func(s identity.Store) identity.Store { return linksUsedByLooking{s} },
		"ends a page one row early":                    func(s identity.Store) identity.Store { return shortPages{s} },
		"lists sessions oldest first":                  func(s identity.Store) identity.Store { return oldestFirst{s} },
		"notes a wrong time of use":                    func(s identity.Store) identity.Store { return wrongTimes{s} },
		"purges nothing":                               func(s identity.Store) identity.Store { return noPurge{s} },
		"finds a caller without the membership's role": func(s identity.Store) identity.Store { return rolelessCaller{s} },
		"loses events":                                 func(s identity.Store) identity.Store { return eventless{s} },
		"commits what failed":                          func(s identity.Store) identity.Store { return noRollback{s} },
		"deletes another user's session":               func(s identity.Store) identity.Store { return anySession{s} },
		"shows members of another workspace": func(s identity.Store) identity.Store {
			return viewed{s, func(v identity.Snapshot) identity.Snapshot { return membersElsewhere{v} }}
		},
		"loses the digests of keys in a snapshot": func(s identity.Store) identity.Store {
			return viewed{s, func(v identity.Snapshot) identity.Snapshot { return keysWithoutDigest{v} }}
		},
		"loses the tokens of invitations in a snapshot": func(s identity.Store) identity.Store {
			return viewed{s, func(v identity.Snapshot) identity.Snapshot { return invitationsWithoutToken{v} }}
		},
		"loses the passwords in a snapshot": func(s identity.Store) identity.Store {
			return viewed{s, func(v identity.Snapshot) identity.Snapshot { return usersWithoutPassword{v} }}
		},
		"shows in a snapshot what came later": func(s identity.Store) identity.Store {
			return viewed{s, func(v identity.Snapshot) identity.Snapshot { return movingView{v, s} }}
		},
		"keeps a counter that was cleared": func(s identity.Store) identity.Store { return keptAttempts{s} },
	}
}

type scopes struct{ seen []crm.WorkspaceID }

type keysOfAll struct {
	identity.Store
	*scopes
}

func (b keysOfAll) PutKey(ctx context.Context, ws crm.WorkspaceID, k identity.Key, d identity.Digest) error {
	b.seen = append(b.seen, ws)
	return b.Store.PutKey(ctx, ws, k, d)
}

func (b keysOfAll) GetKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (identity.Key, error) {
	k, err := b.Store.GetKey(ctx, ws, id)
	for _, other := range b.seen {
		if err != nil {
			k, err = b.Store.GetKey(ctx, other, id)
		}
	}
	return k, err
}

type sharedLinks struct {
	identity.Store
	last  identity.Link
	taken bool
}

func (b *sharedLinks) TakeLink(ctx context.Context, d identity.Digest) (identity.Link, error) {
	l, err := b.Store.TakeLink(ctx, d)
	if err != nil && b.taken {
		return b.last, nil
	}
	b.last, b.taken = l, err == nil
	return l, err
}

type foldingFinder struct{ identity.Store }

func (b foldingFinder) PutUser(ctx context.Context, u identity.UserRecord, expect int64) error {
	u.EmailKey = strings.ToLower(u.EmailKey)
	return b.Store.PutUser(ctx, u, expect)
}

type staleMembers struct{ identity.Store }

func (b staleMembers) PutMember(ctx context.Context, ws crm.WorkspaceID, m identity.Member, expect int64) error {
	if now, err := b.GetMember(ctx, ws, m.User); err == nil && expect != 0 {
		expect = now.Version
	}
	return b.Store.PutMember(ctx, ws, m, expect)
}

type ownersOfNobody struct{ identity.Store }

func (b ownersOfNobody) CountOwners(ctx context.Context, _ crm.WorkspaceID) (int, error) {
	return b.Store.CountOwners(ctx, crm.WorkspaceID{})
}

type membersOfNobody struct{ identity.Store }

func (b membersOfNobody) CountMembers(ctx context.Context, _ crm.WorkspaceID) (int, error) {
	return b.Store.CountMembers(ctx, crm.WorkspaceID{})
}

type keysOfEverybody struct{ identity.Store }

func (b keysOfEverybody) CountKeys(ctx context.Context, ws crm.WorkspaceID, _ crm.ID) (int, error) {
	return b.Store.CountKeys(ctx, ws, crm.ID{})
}

type oneInvitation struct{ identity.Store }

func (b oneInvitation) CountInvitations(ctx context.Context, ws crm.WorkspaceID) (int, error) {
	all, err := b.ListInvitations(ctx, ws, crm.ID{}, 1)
	return len(all), err
}

type linksUsedByLooking struct{ identity.Store }

func (b linksUsedByLooking) FindLink(ctx context.Context, d identity.Digest) (identity.Link, error) {
	return b.TakeLink(ctx, d)
}

type shortPages struct{ identity.Store }

func (b shortPages) ListMembers(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]identity.Member, error) {
	all, err := b.Store.ListMembers(ctx, ws, after, limit)
	return all[:max(len(all)-1, 0)], err
}

type oldestFirst struct{ identity.Store }

func (b oldestFirst) ListSessions(ctx context.Context, user crm.ID, limit int) ([]identity.Session, error) {
	all, err := b.Store.ListSessions(ctx, user, limit)
	for i := range len(all) / 2 {
		all[i], all[len(all)-1-i] = all[len(all)-1-i], all[i]
	}
	return all, err
}

type wrongTimes struct{ identity.Store }

func (b wrongTimes) TouchKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID, used time.Time) error {
	return b.Store.TouchKey(ctx, ws, id, used.Add(time.Minute))
}

type noPurge struct{ identity.Store }

func (noPurge) PurgeIdentity(context.Context, identity.Expired, int) error { return nil }

type rolelessCaller struct{ identity.Store }

func (b rolelessCaller) FindSessionCaller(ctx context.Context, d identity.Digest, ws crm.WorkspaceID) (identity.SessionCaller, error) {
	c, err := b.Store.FindSessionCaller(ctx, d, ws)
	c.Role = crm.RoleViewer
	return c, err
}

type eventless struct{ identity.Store }

func (b eventless) InIdentityTx(ctx context.Context, fn func(identity.Tx) error) error {
	return b.Store.InIdentityTx(ctx, func(tx identity.Tx) error { return fn(eventlessTx{tx}) })
}

type eventlessTx struct{ identity.Tx }

func (eventlessTx) AppendEvents(context.Context, crm.WorkspaceID, []crm.Event) error { return nil }

type noRollback struct{ identity.Store }

func (b noRollback) InIdentityTx(ctx context.Context, fn func(identity.Tx) error) error {
	var result error
	err := b.Store.InIdentityTx(ctx, func(tx identity.Tx) error {
		result = fn(tx)
		return nil
	})
	if err != nil {
		return err
	}
	return result
}

type anySession struct{ identity.Store }

func (b anySession) DeleteSession(ctx context.Context, user, id crm.ID) error {
	err := b.Store.DeleteSession(ctx, user, id)
	if err == nil {
		return nil
	}
	users, listErr := b.ListUsers(ctx, crm.ID{}, 100)
	for _, u := range users {
		if b.Store.DeleteSession(ctx, u.ID, id) == nil {
			return nil
		}
	}
	if listErr != nil {
		return listErr
	}
	return err
}

type keptAttempts struct{ identity.Store }

func (b keptAttempts) PutAttempts(ctx context.Context, d identity.Digest, a identity.Attempts) error {
	if a.Count == 0 {
		return nil
	}
	return b.Store.PutAttempts(ctx, d, a)
}

// viewed shows broken snapshots.
type viewed struct {
	identity.Store
	wrap func(identity.Snapshot) identity.Snapshot
}

func (b viewed) InIdentitySnapshot(ctx context.Context, fn func(identity.Snapshot) error) error {
	return b.Store.InIdentitySnapshot(ctx, func(v identity.Snapshot) error { return fn(b.wrap(v)) })
}

type membersElsewhere struct{ identity.Snapshot }

func (b membersElsewhere) ListMembers(ctx context.Context, _ crm.WorkspaceID, after crm.ID, limit int) ([]identity.Member, error) {
	var all []identity.Member
	spaces, err := b.ListWorkspaces(ctx, crm.WorkspaceID{}, 10)
	for _, w := range spaces {
		some, listErr := b.Snapshot.ListMembers(ctx, w.ID, after, limit)
		if listErr != nil {
			return nil, listErr
		}
		all = append(all, some...)
	}
	return all, err
}

type keysWithoutDigest struct{ identity.Snapshot }

func (b keysWithoutDigest) ListKeyRecords(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]identity.KeyRecord, error) {
	all, err := b.Snapshot.ListKeyRecords(ctx, ws, after, limit)
	for i := range all {
		all[i].Digest = identity.Digest{}
	}
	return all, err
}

type invitationsWithoutToken struct{ identity.Snapshot }

func (b invitationsWithoutToken) ListInvitationRecords(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]identity.TokenRecord, error) {
	all, err := b.Snapshot.ListInvitationRecords(ctx, ws, after, limit)
	for i := range all {
		all[i].Token = identity.Digest{}
	}
	return all, err
}

type usersWithoutPassword struct{ identity.Snapshot }

func (b usersWithoutPassword) ListUserRecords(ctx context.Context, after crm.ID, limit int) ([]identity.UserRecord, error) {
	all, err := b.Snapshot.ListUserRecords(ctx, after, limit)
	for i := range all {
		all[i].PasswordHash = ""
	}
	return all, err
}

// movingView lists members as they are now.
type movingView struct {
	identity.Snapshot
	now identity.Store
}

func (b movingView) ListMembers(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]identity.Member, error) {
	return b.now.ListMembers(ctx, ws, after, limit)
}
