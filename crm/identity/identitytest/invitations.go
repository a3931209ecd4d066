package identitytest

import (
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func testInvitations(t *testing.T, f *fixture) {
	ctx := t.Context()
	i := f.invitation(t, f.here, "Ana@Example.com", "1")
	got, err := f.GetInvitation(ctx, f.here, i.ID)
	must(t, err)
	same(t, "by id", got, i.Invitation)
	got, err = f.FindInvitationOf(ctx, f.here, "ana@example.com")
	must(t, err)
	same(t, "by address", got, i.Invitation)
	ws, record, err := f.FindInvitation(ctx, digest("1"))
	must(t, err)
	same(t, "by token", record, i)
	same(t, "its workspace", ws, f.here)

	again := newInvitation("ANA@example.com")
	conflict(t, "the address again", f.PutInvitation(ctx, f.here, again, digest("2")), crm.ConflictExists, i.ID)
	other := f.invitation(t, f.there, "ana@example.com", "3")
	second := f.invitation(t, f.here, "bob@example.com", "4")
	all, err := f.ListInvitations(ctx, f.here, crm.ID{}, 10)
	must(t, err)
	same(t, "the list", all, []identity.Invitation{i.Invitation, second.Invitation})

	count := func(want int) {
		t.Helper()
		n, err := f.CountInvitations(ctx, f.here)
		must(t, err)
		same(t, "number of invitations", n, want)
	}
	count(2)

	must(t, f.DeleteInvitation(ctx, f.here, i.ID))
	count(1)
	fails(t, "delete again", f.DeleteInvitation(ctx, f.here, i.ID), crm.ErrNotFound)
	_, err = f.GetInvitation(ctx, f.here, i.ID)
	fails(t, "get the deleted", err, crm.ErrNotFound)
	_, err = f.FindInvitationOf(ctx, f.here, i.EmailKey)
	fails(t, "find the deleted by address", err, crm.ErrNotFound)
	_, _, err = f.FindInvitation(ctx, digest("1"))
	fails(t, "find the deleted by token", err, crm.ErrNotFound)
	must(t, f.PutInvitation(ctx, f.here, again, digest("2")))
	got, err = f.FindInvitationOf(ctx, f.there, "ana@example.com")
	must(t, err)
	same(t, "the other workspace's", got, other.Invitation)
	fails(t, "an invitation to no workspace",
		f.PutInvitation(ctx, crm.WorkspaceID(crm.NewID()), newInvitation("eve@example.com"), digest("5")), crm.ErrNotFound)
}
