package postgres

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
	return []any{scanID(&u.ID), scanExact(&u.Email), scanExact(&u.Name), scanTime(&u.CreatedAt), scanTime(&u.UpdatedAt), &u.Version}
}

func scanUser(rows *sqlx.Rows) (u identity.User, err error) {
	err = rows.Scan(userFields(&u)...)
	return u, err
}

func scanUserRecord(rows *sqlx.Rows) (u identity.UserRecord, err error) {
	err = rows.Scan(append(userFields(&u.User), scanExact(&u.EmailKey), scanExact(&u.PasswordHash))...)
	return u, err
}

// PutUser implements [identity.UserStore].
func (t *tx) PutUser(ctx context.Context, u identity.UserRecord, expect int64) error {
	err := t.put(ctx, put{
		insert: fixed("INSERT INTO crm.users (" + userRecordColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"),
		insertArgs: []any{
			uuidOf(u.ID), exactText(u.Email), exactText(u.Name), crm.Micros(u.CreatedAt), crm.Micros(u.UpdatedAt), u.Version,
			exactText(u.EmailKey), exactText(u.PasswordHash),
		},
		update: fixed(`UPDATE crm.users SET email = ?, name = ?, created_at = ?, updated_at = ?, version = ?, email_key = ?, password_hash = ?
			WHERE id = ? AND version = ? AND NOT EXISTS (SELECT 1 FROM crm.users o WHERE o.email_key = ? AND o.id <> ?)`),
		updateArgs: []any{
			exactText(u.Email), exactText(u.Name), crm.Micros(u.CreatedAt), crm.Micros(u.UpdatedAt), u.Version,
			exactText(u.EmailKey), exactText(u.PasswordHash), uuidOf(u.ID), expect, exactText(u.EmailKey), uuidOf(u.ID),
		},
		exists: func() error { return t.emailTaken(ctx, u) },
		stale: func() error {
			there, err := t.GetUser(ctx, u.ID)
			if err == nil && there.Version == expect {
				return t.emailTaken(ctx, u)
			}
			return t.stale(ctx, u.ID, fixed("SELECT version FROM crm.users WHERE id = ?"), uuidOf(u.ID))
		},
	}, expect)
	return named(fmt.Sprintf("put user %s", u.ID), err)
}

// emailTaken names the user who has the address.
func (t *tx) emailTaken(ctx context.Context, u identity.UserRecord) error {
	other, ok, err := one(ctx, t, scanUserRecord, fixed("SELECT "+userRecordColumns+" FROM crm.users WHERE email_key = ?"), exactText(u.EmailKey))
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
	u, ok, err := one(ctx, r, scanUserRecord, fixed("SELECT "+userRecordColumns+" FROM crm.users WHERE id = ?"), uuidOf(id))
	return found(u, ok, err, fmt.Sprintf("get user %s", id))
}

// FindUser implements [identity.UserStore].
func (r reads) FindUser(ctx context.Context, emailKey string) (identity.UserRecord, error) {
	u, ok, err := one(ctx, r, scanUserRecord, fixed("SELECT "+userRecordColumns+" FROM crm.users WHERE email_key = ?"), exactText(emailKey))
	return found(u, ok, err, "find user by email")
}

// ListUsers implements [identity.UserStore].
func (r reads) ListUsers(ctx context.Context, after crm.ID, limit int) ([]identity.User, error) {
	all, err := list(ctx, r, scanUser, fixed("SELECT "+userColumns+" FROM crm.users WHERE id > ? ORDER BY id LIMIT ?"), uuidOf(after), limit)
	return all, named("list users", err)
}

// DeleteUser implements [identity.UserStore]; the foreign keys take the rest.
func (t *tx) DeleteUser(ctx context.Context, id crm.ID) error {
	return named(fmt.Sprintf("delete user %s", id), t.remove(ctx, "DELETE FROM crm.users WHERE id = ?", uuidOf(id)))
}

// DeleteUser implements [identity.UserStore].
func (s *Store) DeleteUser(ctx context.Context, id crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteUser(ctx, id) })
}
