package postgres

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

const memberColumns = "m.user_id, u.email, u.name, m.role, m.created_at, m.updated_at, m.version"

func scanMember(rows *sqlx.Rows) (m identity.Member, err error) {
	err = rows.Scan(scanID(&m.User), scanExact(&m.Email), scanExact(&m.Name), &m.Role, scanTime(&m.CreatedAt), scanTime(&m.UpdatedAt), &m.Version)
	return m, err
}

func scanMembership(rows *sqlx.Rows) (m identity.Membership, err error) {
	err = rows.Scan(scanWorkspace(&m.Workspace), scanExact(&m.Name), &m.Role, scanTime(&m.JoinedAt))
	return m, err
}

// PutMember implements [identity.MemberStore].
func (t *tx) PutMember(ctx context.Context, ws crm.WorkspaceID, m identity.Member, expect int64) error {
	err := t.put(ctx, put{
		insert: fixed(`INSERT INTO crm.members (workspace, user_id, role, created_at, updated_at, version) SELECT ?, ?, ?, ?, ?, ?
			WHERE EXISTS (SELECT 1 FROM crm.workspaces WHERE id = ?) AND EXISTS (SELECT 1 FROM crm.users WHERE id = ?) ON CONFLICT DO NOTHING`),
		insertArgs: []any{
			uuidOf(ws), uuidOf(m.User), string(m.Role), crm.Micros(m.CreatedAt), crm.Micros(m.UpdatedAt), m.Version, uuidOf(ws), uuidOf(m.User),
		},
		update: fixed(`UPDATE crm.members SET role = ?, created_at = ?, updated_at = ?, version = ?
			WHERE workspace = ? AND user_id = ? AND version = ?`),
		updateArgs: []any{string(m.Role), crm.Micros(m.CreatedAt), crm.Micros(m.UpdatedAt), m.Version, uuidOf(ws), uuidOf(m.User), expect},
		exists: func() error {
			return t.refused(ctx, m.User, "the user is a member already",
				fixed("SELECT 1 FROM crm.workspaces w JOIN crm.users u ON u.id = ? WHERE w.id = ?"), uuidOf(m.User), uuidOf(ws))
		},
		stale: func() error {
			return t.stale(ctx, m.User, fixed("SELECT version FROM crm.members WHERE workspace = ? AND user_id = ?"), uuidOf(ws), uuidOf(m.User))
		},
	}, expect)
	return named(fmt.Sprintf("put member %s", m.User), err)
}

// PutMember implements [identity.MemberStore].
func (s *Store) PutMember(ctx context.Context, ws crm.WorkspaceID, m identity.Member, expect int64) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutMember(ctx, ws, m, expect) })
}

// GetMember implements [identity.MemberStore].
func (r reads) GetMember(ctx context.Context, ws crm.WorkspaceID, user crm.ID) (identity.Member, error) {
	m, ok, err := one(ctx, r, scanMember, fixed("SELECT "+memberColumns+` FROM crm.members m JOIN crm.users u ON u.id = m.user_id
		WHERE m.workspace = ? AND m.user_id = ?`), uuidOf(ws), uuidOf(user))
	return found(m, ok, err, fmt.Sprintf("get member %s", user))
}

// DeleteMember implements [identity.MemberStore]; the foreign key takes the
// API keys.
func (t *tx) DeleteMember(ctx context.Context, ws crm.WorkspaceID, user crm.ID) error {
	err := t.remove(ctx, "DELETE FROM crm.members WHERE workspace = ? AND user_id = ?", uuidOf(ws), uuidOf(user))
	return named(fmt.Sprintf("delete member %s", user), err)
}

// DeleteMember implements [identity.MemberStore].
func (s *Store) DeleteMember(ctx context.Context, ws crm.WorkspaceID, user crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteMember(ctx, ws, user) })
}

// ListMembers implements [identity.MemberStore].
func (r reads) ListMembers(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]identity.Member, error) {
	all, err := list(ctx, r, scanMember, fixed("SELECT "+memberColumns+` FROM crm.members m JOIN crm.users u ON u.id = m.user_id
		WHERE m.workspace = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?`), uuidOf(ws), uuidOf(after), limit)
	return all, named("list members", err)
}

// CountMembers implements [identity.MemberStore].
func (r reads) CountMembers(ctx context.Context, ws crm.WorkspaceID) (int, error) {
	n, _, err := one(ctx, r, number, fixed("SELECT count(*) FROM crm.members WHERE workspace = ?"), uuidOf(ws))
	return int(n), named("count members", err)
}

// CountOwners implements [identity.MemberStore].
func (r reads) CountOwners(ctx context.Context, ws crm.WorkspaceID) (int, error) {
	n, _, err := one(ctx, r, number, fixed("SELECT count(*) FROM crm.members WHERE workspace = ? AND role = 'owner'"), uuidOf(ws))
	return int(n), named("count owners", err)
}

// ListMemberships implements [identity.MemberStore].
func (r reads) ListMemberships(ctx context.Context, user crm.ID, limit int) ([]identity.Membership, error) {
	all, err := list(ctx, r, scanMembership, fixed(`SELECT m.workspace, w.name, m.role, m.created_at
		FROM crm.members m JOIN crm.workspaces w ON w.id = m.workspace
		WHERE m.user_id = ? ORDER BY m.created_at, m.workspace LIMIT ?`), uuidOf(user), limit)
	return all, named("list memberships", err)
}
