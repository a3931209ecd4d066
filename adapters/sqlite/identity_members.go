package sqlite

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

const memberColumns = "m.user_id, u.email, u.name, m.role, m.created_at, m.updated_at, m.version"

func scanMember(rows *sqlx.Rows) (m identity.Member, err error) {
	err = rows.Scan(scanID(&m.User), &m.Email, &m.Name, &m.Role, scanTime(&m.CreatedAt), scanTime(&m.UpdatedAt), &m.Version)
	return m, err
}

func scanMembership(rows *sqlx.Rows) (m identity.Membership, err error) {
	err = rows.Scan(scanWorkspace(&m.Workspace), &m.Name, &m.Role, scanTime(&m.JoinedAt))
	return m, err
}

// PutMember implements [identity.MemberStore].
func (t *tx) PutMember(ctx context.Context, ws crm.WorkspaceID, m identity.Member, expect int64) error {
	err := t.put(ctx, put{
		insert:     fixed("INSERT INTO members (workspace, user_id, role, created_at, updated_at, version) VALUES (?, ?, ?, ?, ?, ?)"),
		insertArgs: []any{blob(ws), blob(m.User), string(m.Role), crm.Micros(m.CreatedAt), crm.Micros(m.UpdatedAt), m.Version},
		update: fixed(`UPDATE members SET role = ?, created_at = ?, updated_at = ?, version = ?
			WHERE workspace = ? AND user_id = ? AND version = ?`),
		updateArgs: []any{string(m.Role), crm.Micros(m.CreatedAt), crm.Micros(m.UpdatedAt), m.Version, blob(ws), blob(m.User), expect},
		exists:     func() error { return existsConflict(m.User, "the user is a member already") },
		stale: func() error {
			return t.stale(ctx, m.User, fixed("SELECT version FROM members WHERE workspace = ? AND user_id = ?"), blob(ws), blob(m.User))
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
	m, ok, err := one(ctx, r, scanMember, fixed("SELECT "+memberColumns+` FROM members m CROSS JOIN users u ON u.id = m.user_id
		WHERE m.workspace = ? AND m.user_id = ?`), blob(ws), blob(user))
	return found(m, ok, err, fmt.Sprintf("get member %s", user))
}

// DeleteMember implements [identity.MemberStore]; the foreign key takes the
// API keys.
func (t *tx) DeleteMember(ctx context.Context, ws crm.WorkspaceID, user crm.ID) error {
	err := t.remove(ctx, "DELETE FROM members WHERE workspace = ? AND user_id = ?", blob(ws), blob(user))
	return named(fmt.Sprintf("delete member %s", user), err)
}

// DeleteMember implements [identity.MemberStore].
func (s *Store) DeleteMember(ctx context.Context, ws crm.WorkspaceID, user crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteMember(ctx, ws, user) })
}

// ListMembers implements [identity.MemberStore]. CROSS JOIN keeps the planner
// to the order of the tables.
func (r reads) ListMembers(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]identity.Member, error) {
	all, err := list(ctx, r, scanMember, fixed("SELECT "+memberColumns+` FROM members m CROSS JOIN users u ON u.id = m.user_id
		WHERE m.workspace = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?`), blob(ws), blob(after), limit)
	return all, named("list members", err)
}

// CountMembers implements [identity.MemberStore].
func (r reads) CountMembers(ctx context.Context, ws crm.WorkspaceID) (int, error) {
	n, _, err := one(ctx, r, number, fixed("SELECT count(*) FROM members WHERE workspace = ?"), blob(ws))
	return int(n), named("count members", err)
}

// CountOwners implements [identity.MemberStore].
func (r reads) CountOwners(ctx context.Context, ws crm.WorkspaceID) (int, error) {
	n, _, err := one(ctx, r, number, fixed("SELECT count(*) FROM members WHERE workspace = ? AND role = 'owner'"), blob(ws))
	return int(n), named("count owners", err)
}

// ListMemberships implements [identity.MemberStore].
func (r reads) ListMemberships(ctx context.Context, user crm.ID, limit int) ([]identity.Membership, error) {
	all, err := list(ctx, r, scanMembership, fixed(`SELECT m.workspace, w.name, m.role, m.created_at
		FROM members m INDEXED BY members_by_user CROSS JOIN workspaces w ON w.id = m.workspace
		WHERE m.user_id = ? ORDER BY m.created_at, m.workspace LIMIT ?`), blob(user), limit)
	return all, named("list memberships", err)
}
