package identity_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// refusing fails the restore of a part after some documents, as a kill would.
type refusing struct {
	*identity.Backup
	fail bool
}

var errKilled = errors.New("killed")

// RestorePart writes and then fails, so that the same documents come again.
func (r refusing) RestorePart(ctx context.Context, docs []crm.PartDocument) error {
	if err := r.Backup.RestorePart(ctx, docs); err != nil || !r.fail {
		return err
	}
	return errKilled
}

func TestWhoSignsInIsRestored(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	f := setup(t)
	owner := f.owner(t)
	viewer := f.join(t, owner, crm.RoleViewer)
	session := f.session(t, owner.User)
	_, key, err := f.Keys.Create(ctx, owner, identity.NewKey{Name: "key", Scopes: []crm.Scope{crm.ScopeContactsRead}})
	must(t, err)
	_, invitation, err := f.Invitations.Create(ctx, owner, identity.NewInvitation{Email: "new@example.com", Role: crm.RoleMember})
	must(t, err)
	var file bytes.Buffer
	app, err := crm.New(crm.Config{Store: f.store})
	must(t, err)
	_, err = app.Backup(ctx, &file, crm.BackupOptions{Part: f.Backup})
	must(t, err)
	if bytes.Contains(file.Bytes(), []byte(key)) {
		t.Error("the backup holds the text of an API key")
	}

	got := setup(t)
	into, err := crm.New(crm.Config{Store: got.store})
	must(t, err)
	restore := func(part crm.BackupPart) error {
		_, err := into.Restore(ctx, bytes.NewReader(file.Bytes()), crm.RestoreOptions{Part: part})
		return err
	}
	fails(t, "without the part", restore(nil), crm.ErrInvalid)
	fails(t, "cut in the middle", restore(refusing{got.Backup, true}), errKilled)
	must(t, restore(refusing{got.Backup, false}))

	in, err := got.signIn(ctx, "ana@example.com", password)
	must(t, err)
	if in.User.ID != owner.User {
		t.Errorf("who signed in: got %s, want %s", in.User.ID, owner.User)
	}
	who, err := got.Keys.Authenticate(ctx, key, owner.Workspace)
	must(t, err)
	if who.Actor.User != owner.User || len(who.Actor.Scopes) != 1 {
		t.Errorf("the caller with the key: got %+v", who.Actor)
	}
	m, err := got.store.GetMember(ctx, owner.Workspace, viewer.User)
	must(t, err)
	if m.Role != crm.RoleViewer {
		t.Errorf("role: got %s, want viewer", m.Role)
	}
	_, err = got.Invitations.Accept(ctx, identity.AcceptInvitation{Token: invitation, Name: "New", Password: password})
	must(t, err)
	_, err = got.Sessions.Authenticate(ctx, session.Token, owner.Workspace)
	fails(t, "a session from before", err, crm.ErrUnauthenticated)
}
