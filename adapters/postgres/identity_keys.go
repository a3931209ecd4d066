package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

const keyColumns = "id, user_id, name, prefix, scopes, created_at, expires_at, used_at"

// scopesColumn scans scopes parted by blanks.
type scopesColumn []crm.Scope

// Scan implements sql.Scanner.
func (c *scopesColumn) Scan(src any) error {
	text, ok := src.(string)
	if b, bytes := src.([]byte); bytes {
		text, ok = string(b), true
	}
	if !ok {
		return fmt.Errorf("scan scopes: got %T", src)
	}
	*c = nil
	for scope := range strings.FieldsSeq(text) {
		*c = append(*c, crm.Scope(scope))
	}
	return nil
}

func scopesText(scopes []crm.Scope) string {
	var b strings.Builder
	for i, scope := range scopes {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(scope))
	}
	return b.String()
}

// keyFields are the targets of keyColumns.
func keyFields(k *identity.Key) []any {
	return []any{
		scanID(&k.ID), scanID(&k.User), scanExact(&k.Name), scanExact(&k.Prefix), (*scopesColumn)(&k.Scopes),
		scanTime(&k.CreatedAt), scanTime(&k.ExpiresAt), scanTime(&k.UsedAt),
	}
}

func scanKey(rows *sqlx.Rows) (k identity.Key, err error) {
	err = rows.Scan(keyFields(&k)...)
	return k, err
}

// PutKey implements [identity.KeyStore].
func (t *tx) PutKey(ctx context.Context, ws crm.WorkspaceID, k identity.Key, digest identity.Digest) error {
	n, err := t.change(ctx, fixed("INSERT INTO crm.api_keys (workspace, digest, "+keyColumns+`) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
		WHERE EXISTS (SELECT 1 FROM crm.members WHERE workspace = ? AND user_id = ?) ON CONFLICT DO NOTHING`),
		uuidOf(ws), digestBlob(digest), uuidOf(k.ID), uuidOf(k.User), exactText(k.Name), exactText(k.Prefix), scopesText(k.Scopes),
		crm.Micros(k.CreatedAt), crm.Micros(k.ExpiresAt), crm.Micros(k.UsedAt), uuidOf(ws), uuidOf(k.User))
	if err == nil && n == 0 {
		err = t.refused(ctx, k.ID, "the API key exists already",
			fixed("SELECT 1 FROM crm.members WHERE workspace = ? AND user_id = ?"), uuidOf(ws), uuidOf(k.User))
	}
	return named(fmt.Sprintf("put API key %s", k.ID), missing(err))
}

// PutKey implements [identity.KeyStore].
func (s *Store) PutKey(ctx context.Context, ws crm.WorkspaceID, k identity.Key, digest identity.Digest) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutKey(ctx, ws, k, digest) })
}

// GetKey implements [identity.KeyStore].
func (r reads) GetKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (identity.Key, error) {
	k, ok, err := one(ctx, r, scanKey, fixed("SELECT "+keyColumns+" FROM crm.api_keys WHERE workspace = ? AND id = ?"), uuidOf(ws), uuidOf(id))
	return found(k, ok, err, fmt.Sprintf("get API key %s", id))
}

// ListKeys implements [identity.KeyStore].
func (r reads) ListKeys(ctx context.Context, ws crm.WorkspaceID, q identity.KeyQuery) ([]identity.Key, error) {
	s := fixed("SELECT " + keyColumns + " FROM crm.api_keys WHERE workspace = ? AND id > ? ORDER BY id LIMIT ?")
	args := []any{uuidOf(ws), uuidOf(q.After), q.Limit}
	if !q.User.IsZero() {
		s = fixed("SELECT " + keyColumns + ` FROM crm.api_keys
			WHERE workspace = ? AND user_id = ? AND id > ? ORDER BY id LIMIT ?`)
		args = []any{uuidOf(ws), uuidOf(q.User), uuidOf(q.After), q.Limit}
	}
	all, err := list(ctx, r, scanKey, s, args...)
	return all, named("list API keys", err)
}

// CountKeys implements [identity.KeyStore].
func (r reads) CountKeys(ctx context.Context, ws crm.WorkspaceID, user crm.ID) (int, error) {
	s := fixed("SELECT count(*) FROM crm.api_keys WHERE workspace = ?")
	args := []any{uuidOf(ws)}
	if !user.IsZero() {
		s = fixed("SELECT count(*) FROM crm.api_keys WHERE workspace = ? AND user_id = ?")
		args = append(args, uuidOf(user))
	}
	n, _, err := one(ctx, r, number, s, args...)
	return int(n), named("count API keys", err)
}

// TouchKey implements [identity.KeyStore].
func (t *tx) TouchKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID, used time.Time) error {
	_, err := t.exec(ctx, fixed("UPDATE crm.api_keys SET used_at = ? WHERE workspace = ? AND id = ? AND used_at < ?"),
		crm.Micros(used), uuidOf(ws), uuidOf(id), crm.Micros(used))
	return named("touch API key", err)
}

// TouchKey implements [identity.KeyStore].
func (s *Store) TouchKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID, used time.Time) error {
	return s.inTx(ctx, func(t *tx) error { return t.TouchKey(ctx, ws, id, used) })
}

// DeleteKey implements [identity.KeyStore].
func (t *tx) DeleteKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	err := t.remove(ctx, "DELETE FROM crm.api_keys WHERE workspace = ? AND id = ?", uuidOf(ws), uuidOf(id))
	return named(fmt.Sprintf("delete API key %s", id), err)
}

// DeleteKey implements [identity.KeyStore].
func (s *Store) DeleteKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteKey(ctx, ws, id) })
}

func scanKeyCaller(rows *sqlx.Rows) (c identity.KeyCaller, err error) {
	fields := append(keyFields(&c.Key), userFields(&c.User)...)
	err = rows.Scan(append(fields, scanWorkspace(&c.Workspace), &c.Role)...)
	return c, err
}

// FindKeyCaller implements [identity.CallerStore].
func (s *Store) FindKeyCaller(ctx context.Context, key identity.Digest) (identity.KeyCaller, error) {
	c, ok, err := one(ctx, s, scanKeyCaller, fixed(`SELECT k.id, k.user_id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.used_at, `+callerColumns+`
		FROM crm.api_keys k JOIN crm.users u ON u.id = k.user_id JOIN crm.members m ON m.workspace = k.workspace AND m.user_id = k.user_id
		WHERE k.digest = ?`), digestBlob(key))
	return found(c, ok, err, "find the caller with an API key")
}
