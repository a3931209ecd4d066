package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

const sessionColumns = "id, user_id, created_at, seen_at, address, user_agent"

// sessionFields are the targets of sessionColumns.
func sessionFields(s *identity.Session) []any {
	return []any{scanID(&s.ID), scanID(&s.User), scanTime(&s.CreatedAt), scanTime(&s.SeenAt), scanExact(&s.Address), scanExact(&s.UserAgent)}
}

func scanSession(rows *sqlx.Rows) (s identity.Session, err error) {
	err = rows.Scan(sessionFields(&s)...)
	return s, err
}

// PutSession implements [identity.SessionStore].
func (t *tx) PutSession(ctx context.Context, s identity.Session, token identity.Digest) error {
	n, err := t.change(ctx, fixed("INSERT INTO crm.sessions (token, "+sessionColumns+`) SELECT ?, ?, ?, ?, ?, ?, ?
		WHERE EXISTS (SELECT 1 FROM crm.users WHERE id = ?) ON CONFLICT DO NOTHING`),
		digestBlob(token), uuidOf(s.ID), uuidOf(s.User), crm.Micros(s.CreatedAt), crm.Micros(s.SeenAt), exactText(s.Address), exactText(s.UserAgent),
		uuidOf(s.User))
	if err == nil && n == 0 {
		err = t.refused(ctx, s.ID, "the session exists already", fixed("SELECT 1 FROM crm.users WHERE id = ?"), uuidOf(s.User))
	}
	return named(fmt.Sprintf("put session %s", s.ID), missing(err))
}

// PutSession implements [identity.SessionStore].
func (s *Store) PutSession(ctx context.Context, session identity.Session, token identity.Digest) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutSession(ctx, session, token) })
}

// FindSession implements [identity.SessionStore].
func (r reads) FindSession(ctx context.Context, token identity.Digest) (identity.Session, error) {
	s, ok, err := one(ctx, r, scanSession, fixed("SELECT "+sessionColumns+" FROM crm.sessions WHERE token = ?"), digestBlob(token))
	return found(s, ok, err, "find session")
}

// TouchSession implements [identity.SessionStore].
func (t *tx) TouchSession(ctx context.Context, token identity.Digest, seen time.Time) error {
	_, err := t.exec(ctx, fixed("UPDATE crm.sessions SET seen_at = ? WHERE token = ? AND seen_at < ?"),
		crm.Micros(seen), digestBlob(token), crm.Micros(seen))
	return named("touch session", err)
}

// TouchSession implements [identity.SessionStore].
func (s *Store) TouchSession(ctx context.Context, token identity.Digest, seen time.Time) error {
	return s.inTx(ctx, func(t *tx) error { return t.TouchSession(ctx, token, seen) })
}

// ListSessions implements [identity.SessionStore].
func (r reads) ListSessions(ctx context.Context, user crm.ID, limit int) ([]identity.Session, error) {
	all, err := list(ctx, r, scanSession, fixed("SELECT "+sessionColumns+` FROM crm.sessions
		WHERE user_id = ? ORDER BY id DESC LIMIT ?`), uuidOf(user), limit)
	return all, named("list sessions", err)
}

// DeleteSession implements [identity.SessionStore].
func (t *tx) DeleteSession(ctx context.Context, user, id crm.ID) error {
	err := t.remove(ctx, "DELETE FROM crm.sessions WHERE user_id = ? AND id = ?", uuidOf(user), uuidOf(id))
	return named(fmt.Sprintf("delete session %s", id), err)
}

// DeleteSession implements [identity.SessionStore].
func (s *Store) DeleteSession(ctx context.Context, user, id crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteSession(ctx, user, id) })
}

// DeleteSessions implements [identity.SessionStore].
func (t *tx) DeleteSessions(ctx context.Context, user, keep crm.ID) (int, error) {
	n, err := t.change(ctx, fixed("DELETE FROM crm.sessions WHERE user_id = ? AND id <> ?"), uuidOf(user), uuidOf(keep))
	return int(n), named("delete sessions", err)
}

// DeleteSessions implements [identity.SessionStore].
func (s *Store) DeleteSessions(ctx context.Context, user, keep crm.ID) (int, error) {
	return inTxValue(ctx, s, func(t *tx) (int, error) { return t.DeleteSessions(ctx, user, keep) })
}

// callerColumns are those of a user and of the membership, absent as "".
const callerColumns = "u.id, u.email, u.name, u.created_at, u.updated_at, u.version, coalesce(m.workspace, " + noID + "), coalesce(m.role, '')"

func scanSessionCaller(rows *sqlx.Rows) (c identity.SessionCaller, err error) {
	fields := append(sessionFields(&c.Session), userFields(&c.User)...)
	err = rows.Scan(append(fields, scanWorkspace(&c.Workspace), &c.Role)...)
	return c, err
}

// FindSessionCaller implements [identity.CallerStore].
func (s *Store) FindSessionCaller(ctx context.Context, token identity.Digest, ws crm.WorkspaceID) (identity.SessionCaller, error) {
	const columns = "SELECT s.id, s.user_id, s.created_at, s.seen_at, s.address, s.user_agent, " + callerColumns +
		" FROM crm.sessions s JOIN crm.users u ON u.id = s.user_id LEFT JOIN crm.members m ON m.user_id = u.id AND m.workspace = "
	const first = "(SELECT f.workspace FROM crm.members f WHERE f.user_id = s.user_id ORDER BY f.created_at, f.workspace LIMIT 1)"
	text, args := columns+"? WHERE s.token = ?", []any{uuidOf(ws), digestBlob(token)}
	if ws.IsZero() {
		text, args = columns+first+" WHERE s.token = ?", args[1:]
	}
	c, ok, err := one(ctx, s, scanSessionCaller, fixed(text), args...)
	return found(c, ok, err, "find the caller of a session")
}
