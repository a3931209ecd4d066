-- +goose Up
-- Who is calling: the tables of crm/identity. Secrets are kept as their SHA-256
-- (32 bytes), passwords as argon2id hashes. Users, sessions and links are
-- global; everything else is led by the workspace.

CREATE TABLE users (
  id            BLOB    NOT NULL PRIMARY KEY,
  email_key     TEXT    NOT NULL,
  email         TEXT    NOT NULL,
  name          TEXT    NOT NULL,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  version       INTEGER NOT NULL,
  password_hash TEXT    NOT NULL -- empty for none
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_by_email ON users (email_key);

CREATE TABLE members (
  workspace  BLOB    NOT NULL REFERENCES workspaces (id),
  user_id    BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role       TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  PRIMARY KEY (workspace, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user_id, created_at, workspace, role);
CREATE INDEX members_owning  ON members (workspace) WHERE role = 'owner';

CREATE TABLE sessions (
  token      BLOB    NOT NULL PRIMARY KEY,
  id         BLOB    NOT NULL,
  user_id    BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  address    TEXT    NOT NULL,
  user_agent TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_seen        ON sessions (seen_at);
CREATE INDEX sessions_by_created     ON sessions (created_at);

-- One-time links. user_id is NULL where the link makes the first user.
CREATE TABLE sign_in_links (
  token      BLOB    NOT NULL PRIMARY KEY,
  purpose    TEXT    NOT NULL,
  user_id    BLOB    REFERENCES users (id) ON DELETE CASCADE,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_links_by_user ON sign_in_links (user_id);
CREATE INDEX sign_in_links_by_end  ON sign_in_links (expires_at);

CREATE TABLE sign_in_attempts (
  subject BLOB    NOT NULL PRIMARY KEY,
  count   INTEGER NOT NULL,
  last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_attempts_by_time ON sign_in_attempts (last_at);

CREATE TABLE api_keys (
  workspace  BLOB    NOT NULL,
  id         BLOB    NOT NULL,
  digest     BLOB    NOT NULL,
  user_id    BLOB    NOT NULL,
  name       TEXT    NOT NULL,
  prefix     TEXT    NOT NULL,
  scopes     TEXT    NOT NULL, -- parted by blanks
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL,
  PRIMARY KEY (workspace, id),
  FOREIGN KEY (workspace, user_id) REFERENCES members (workspace, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX api_keys_by_digest ON api_keys (digest);
CREATE INDEX api_keys_by_user          ON api_keys (workspace, user_id, id);

CREATE TABLE invitations (
  workspace  BLOB    NOT NULL REFERENCES workspaces (id),
  id         BLOB    NOT NULL,
  token      BLOB    NOT NULL,
  email_key  TEXT    NOT NULL,
  email      TEXT    NOT NULL,
  role       TEXT    NOT NULL,
  invited_by BLOB    NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX invitations_by_token ON invitations (token);
CREATE UNIQUE INDEX invitations_by_email ON invitations (workspace, email_key);
