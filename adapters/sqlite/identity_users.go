package sqlite

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

const (
	userColumns       = "id, email, name, created_at, updated_at, version"
	userRecordColumns = userColumns + ", email_key, password_hash"
)

// userFields are the targets of userColumns.
func userFields(u *identity.User) []any {
	return []any{scanID(&u.ID), &u.Email, &u.Name, scanTime(&u.CreatedAt), scanTime(&u.UpdatedAt), &u.Version}
}

func scanUser(rows *sqlx.Rows) (u identity.User, err error) {
	err = rows.Scan(userFields(&u)...)
	return u, err
}

func scanUserRecord(rows *sqlx.Rows) (u identity.UserRecord, err error) {
	err = rows.Scan(append(userFields(&u.User), &u.EmailKey, &u.PasswordHash)...)
	return u, err
}

// PutUser implements [identity.UserStore].
func (t *tx) PutUser(ctx context.Context, u identity.UserRecord, expect int64) error {
	err := t.put(ctx, put{
		insert: fixed("INSERT INTO users (" + userRecordColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
		insertArgs: []any{
			blob(u.ID), u.Email, u.Name, crm.Micros(u.CreatedAt), crm.Micros(u.UpdatedAt), u.Version, u.EmailKey, u.PasswordHash,
		},
		update: fixed(`UPDATE users SET email = ?, name = ?, created_at = ?, updated_at = ?, version = ?, email_key = ?, password_hash = ?
			WHERE id = ? AND version = ?`),
		updateArgs: []any{
			u.Email, u.Name, crm.Micros(u.CreatedAt), crm.Micros(u.UpdatedAt), u.Version, u.EmailKey, u.PasswordHash, blob(u.ID), expect,
		},
		exists: func() error { return t.emailTaken(ctx, u) },
		stale: func() error {
			return t.stale(ctx, u.ID, fixed("SELECT version FROM users WHERE id = ?"), blob(u.ID))
		},
	}, expect)
	return named(fmt.Sprintf("put user %s", u.ID), err)
}

// emailTaken names the user who has the address.
func (t *tx) emailTaken(ctx context.Context, u identity.UserRecord) error {
	other, ok, err := one(ctx, t, scanUserRecord, fixed("SELECT "+userRecordColumns+" FROM users WHERE email_key = ?"), u.EmailKey)
	if err != nil {
		return err
	}
	if !ok {
		return existsConflict(u.ID, "the user exists already")
	}
	return existsConflict(other.ID, "a user has the email address already")
}

// PutUser implements [identity.UserStore].
func (s *Store) PutUser(ctx context.Context, u identity.UserRecord, expect int64) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutUser(ctx, u, expect) })
}

// GetUser implements [identity.UserStore].
func (r reads) GetUser(ctx context.Context, id crm.ID) (identity.UserRecord, error) {
	u, ok, err := one(ctx, r, scanUserRecord, fixed("SELECT "+userRecordColumns+" FROM users WHERE id = ?"), blob(id))
	return found(u, ok, err, fmt.Sprintf("get user %s", id))
}

// FindUser implements [identity.UserStore].
func (r reads) FindUser(ctx context.Context, emailKey string) (identity.UserRecord, error) {
	u, ok, err := one(ctx, r, scanUserRecord, fixed("SELECT "+userRecordColumns+" FROM users WHERE email_key = ?"), emailKey)
	return found(u, ok, err, "find user by email")
}

// ListUsers implements [identity.UserStore].
func (r reads) ListUsers(ctx context.Context, after crm.ID, limit int) ([]identity.User, error) {
	all, err := list(ctx, r, scanUser, fixed("SELECT "+userColumns+" FROM users WHERE id > ? ORDER BY id LIMIT ?"), blob(after), limit)
	return all, named("list users", err)
}

// DeleteUser implements [identity.UserStore]; the foreign keys take the rest.
func (t *tx) DeleteUser(ctx context.Context, id crm.ID) error {
	return named(fmt.Sprintf("delete user %s", id), t.remove(ctx, "DELETE FROM users WHERE id = ?", blob(id)))
}

// DeleteUser implements [identity.UserStore].
func (s *Store) DeleteUser(ctx context.Context, id crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteUser(ctx, id) })
}
