package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

const invitationColumns = "id, email, role, invited_by, created_at, expires_at"

// invitationFields are the targets of invitationColumns.
func invitationFields(i *identity.Invitation) []any {
	return []any{scanID(&i.ID), scanExact(&i.Email), &i.Role, scanID(&i.InvitedBy), scanTime(&i.CreatedAt), scanTime(&i.ExpiresAt)}
}

func scanInvitation(rows *sqlx.Rows) (i identity.Invitation, err error) {
	err = rows.Scan(invitationFields(&i)...)
	return i, err
}

// scopedInvitation is an invitation with its workspace.
type scopedInvitation struct {
	workspace crm.WorkspaceID
	identity.InvitationRecord
}

func scanScopedInvitation(rows *sqlx.Rows) (i scopedInvitation, err error) {
	err = rows.Scan(append(invitationFields(&i.Invitation), scanExact(&i.EmailKey), scanWorkspace(&i.workspace))...)
	return i, err
}

// PutInvitation implements [identity.InvitationStore].
func (t *tx) PutInvitation(ctx context.Context, ws crm.WorkspaceID, i identity.InvitationRecord, token identity.Digest) error {
	n, err := t.change(ctx, fixed("INSERT INTO crm.invitations (workspace, token, email_key, "+invitationColumns+`) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?
		WHERE EXISTS (SELECT 1 FROM crm.workspaces WHERE id = ?) ON CONFLICT DO NOTHING`),
		uuidOf(ws), digestBlob(token), exactText(i.EmailKey), uuidOf(i.ID), exactText(i.Email), string(i.Role), uuidOf(i.InvitedBy),
		crm.Micros(i.CreatedAt), crm.Micros(i.ExpiresAt), uuidOf(ws))
	if err == nil && n == 0 {
		err = t.invited(ctx, ws, i)
	}
	return named(fmt.Sprintf("put invitation %s", i.ID), missing(err))
}

// invited says why an invitation was not written.
func (t *tx) invited(ctx context.Context, ws crm.WorkspaceID, i identity.InvitationRecord) error {
	open, err := t.FindInvitationOf(ctx, ws, i.EmailKey)
	if err == nil {
		return existsConflict(open.ID, "the address has an invitation already")
	}
	if !errors.Is(err, crm.ErrNotFound) {
		return err
	}
	return t.refused(ctx, i.ID, "the invitation exists already", fixed("SELECT 1 FROM crm.workspaces WHERE id = ?"), uuidOf(ws))
}

// PutInvitation implements [identity.InvitationStore].
func (s *Store) PutInvitation(ctx context.Context, ws crm.WorkspaceID, i identity.InvitationRecord, token identity.Digest) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutInvitation(ctx, ws, i, token) })
}

// GetInvitation implements [identity.InvitationStore].
func (r reads) GetInvitation(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (identity.Invitation, error) {
	i, ok, err := one(ctx, r, scanInvitation,
		fixed("SELECT "+invitationColumns+" FROM crm.invitations WHERE workspace = ? AND id = ?"), uuidOf(ws), uuidOf(id))
	return found(i, ok, err, fmt.Sprintf("get invitation %s", id))
}

// FindInvitation implements [identity.InvitationStore].
func (r reads) FindInvitation(ctx context.Context, token identity.Digest) (crm.WorkspaceID, identity.InvitationRecord, error) {
	i, ok, err := one(ctx, r, scanScopedInvitation,
		fixed("SELECT "+invitationColumns+", email_key, workspace FROM crm.invitations WHERE token = ?"), digestBlob(token))
	i, err = found(i, ok, err, "find invitation")
	return i.workspace, i.InvitationRecord, err
}

// FindInvitationOf implements [identity.InvitationStore].
func (r reads) FindInvitationOf(ctx context.Context, ws crm.WorkspaceID, emailKey string) (identity.Invitation, error) {
	i, ok, err := one(ctx, r, scanInvitation,
		fixed("SELECT "+invitationColumns+" FROM crm.invitations WHERE workspace = ? AND email_key = ?"), uuidOf(ws), exactText(emailKey))
	return found(i, ok, err, "find invitation by email")
}

// ListInvitations implements [identity.InvitationStore].
func (r reads) ListInvitations(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]identity.Invitation, error) {
	all, err := list(ctx, r, scanInvitation,
		fixed("SELECT "+invitationColumns+" FROM crm.invitations WHERE workspace = ? AND id > ? ORDER BY id LIMIT ?"), uuidOf(ws), uuidOf(after), limit)
	return all, named("list invitations", err)
}

// CountInvitations implements [identity.InvitationStore].
func (r reads) CountInvitations(ctx context.Context, ws crm.WorkspaceID) (int, error) {
	n, _, err := one(ctx, r, number, fixed("SELECT count(*) FROM crm.invitations WHERE workspace = ?"), uuidOf(ws))
	return int(n), named("count invitations", err)
}

// DeleteInvitation implements [identity.InvitationStore].
func (t *tx) DeleteInvitation(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	err := t.remove(ctx, "DELETE FROM crm.invitations WHERE workspace = ? AND id = ?", uuidOf(ws), uuidOf(id))
	return named(fmt.Sprintf("delete invitation %s", id), err)
}

// DeleteInvitation implements [identity.InvitationStore].
func (s *Store) DeleteInvitation(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteInvitation(ctx, ws, id) })
}
