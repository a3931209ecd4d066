package postgres

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

func scanLink(rows *sqlx.Rows) (l identity.Link, err error) {
	err = rows.Scan(&l.Purpose, scanID(&l.User), scanTime(&l.ExpiresAt))
	return l, err
}

// PutLink implements [identity.LinkStore].
func (t *tx) PutLink(ctx context.Context, l identity.Link, token identity.Digest) error {
	// A foreign key passes over NULL only.
	user := sql.NullString{String: uuidOf(l.User), Valid: !l.User.IsZero()}
	n, err := t.change(ctx, fixed(`INSERT INTO crm.sign_in_links (token, purpose, user_id, expires_at) SELECT ?, ?, ?, ?
		WHERE CAST(? AS uuid) IS NULL OR EXISTS (SELECT 1 FROM crm.users WHERE id = ?) ON CONFLICT DO NOTHING`),
		digestBlob(token), string(l.Purpose), user, crm.Micros(l.ExpiresAt), user, user)
	if err == nil && n == 0 {
		err = t.refused(ctx, crm.ID{}, "the link exists already", fixed("SELECT 1 WHERE CAST(? AS uuid) IS NULL OR EXISTS (SELECT 1 FROM crm.users WHERE id = ?)"), user, user)
	}
	return named("put link", missing(err))
}

// PutLink implements [identity.LinkStore].
func (s *Store) PutLink(ctx context.Context, l identity.Link, token identity.Digest) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutLink(ctx, l, token) })
}

// FindLink implements [identity.LinkStore].
func (r reads) FindLink(ctx context.Context, token identity.Digest) (identity.Link, error) {
	l, ok, err := one(ctx, r, scanLink,
		fixed("SELECT purpose, user_id, expires_at FROM crm.sign_in_links WHERE token = ?"), digestBlob(token))
	return found(l, ok, err, "find link")
}

// TakeLink implements [identity.LinkStore].
func (t *tx) TakeLink(ctx context.Context, token identity.Digest) (identity.Link, error) {
	l, ok, err := one(ctx, t, scanLink,
		fixed("DELETE FROM crm.sign_in_links WHERE token = ? RETURNING purpose, user_id, expires_at"), digestBlob(token))
	return found(l, ok, err, "take link")
}

// TakeLink implements [identity.LinkStore].
func (s *Store) TakeLink(ctx context.Context, token identity.Digest) (identity.Link, error) {
	return inTxValue(ctx, s, func(t *tx) (identity.Link, error) { return t.TakeLink(ctx, token) })
}

func scanAttempts(rows *sqlx.Rows) (a identity.Attempts, err error) {
	err = rows.Scan(&a.Count, scanTime(&a.Last))
	return a, err
}

// GetAttempts implements [identity.AttemptStore].
func (r reads) GetAttempts(ctx context.Context, subject identity.Digest) (identity.Attempts, error) {
	a, _, err := one(ctx, r, scanAttempts, fixed("SELECT count, last_at FROM crm.sign_in_attempts WHERE subject = ?"), digestBlob(subject))
	return a, named("get attempts", err)
}

// PutAttempts implements [identity.AttemptStore].
func (t *tx) PutAttempts(ctx context.Context, subject identity.Digest, a identity.Attempts) error {
	if a.Count == 0 {
		_, err := t.exec(ctx, fixed("DELETE FROM crm.sign_in_attempts WHERE subject = ?"), digestBlob(subject))
		return named("put attempts", err)
	}
	_, err := t.exec(ctx, fixed(`INSERT INTO crm.sign_in_attempts (subject, count, last_at) VALUES (?, ?, ?)
		ON CONFLICT (subject) DO UPDATE SET count = excluded.count, last_at = excluded.last_at`),
		digestBlob(subject), a.Count, crm.Micros(a.Last))
	return named("put attempts", err)
}

// PutAttempts implements [identity.AttemptStore].
func (s *Store) PutAttempts(ctx context.Context, subject identity.Digest, a identity.Attempts) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutAttempts(ctx, subject, a) })
}
