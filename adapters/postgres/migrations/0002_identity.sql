-- +goose Up
-- Who is calling: the tables of crm/identity. Secrets are kept as their SHA-256
-- (32 bytes), passwords as argon2id hashes. Users, sessions and links are
-- global; everything else is led by the workspace.

CREATE TABLE crm.users (
  id            uuid   NOT NULL PRIMARY KEY,
  email_key     text   COLLATE "C" NOT NULL,
  email         text   NOT NULL,
  name          text   NOT NULL,
  created_at    bigint NOT NULL,
  updated_at    bigint NOT NULL,
  version       bigint NOT NULL,
  password_hash text   NOT NULL -- empty for none
);
CREATE UNIQUE INDEX users_by_email ON crm.users (email_key);

CREATE TABLE crm.members (
  workspace  uuid   NOT NULL REFERENCES crm.workspaces (id),
  user_id    uuid   NOT NULL REFERENCES crm.users (id) ON DELETE CASCADE,
  role       text   COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  version    bigint NOT NULL,
  PRIMARY KEY (workspace, user_id)
);
CREATE INDEX members_by_user ON crm.members (user_id, created_at, workspace, role);
CREATE INDEX members_owning  ON crm.members (workspace) WHERE role = 'owner';

CREATE TABLE crm.sessions (
  token      bytea  NOT NULL PRIMARY KEY,
  id         uuid   NOT NULL,
  user_id    uuid   NOT NULL REFERENCES crm.users (id) ON DELETE CASCADE,
  created_at bigint NOT NULL,
  seen_at    bigint NOT NULL,
  address    text   NOT NULL,
  user_agent text   NOT NULL
);
CREATE UNIQUE INDEX sessions_by_user ON crm.sessions (user_id, id);
CREATE INDEX sessions_by_seen        ON crm.sessions (seen_at);
CREATE INDEX sessions_by_created     ON crm.sessions (created_at);

-- One-time links. user_id is NULL where the link makes the first user.
CREATE TABLE crm.sign_in_links (
  token      bytea  NOT NULL PRIMARY KEY,
  purpose    text   NOT NULL,
  user_id    uuid   REFERENCES crm.users (id) ON DELETE CASCADE,
  expires_at bigint NOT NULL
);
CREATE INDEX sign_in_links_by_user ON crm.sign_in_links (user_id);
CREATE INDEX sign_in_links_by_end  ON crm.sign_in_links (expires_at);

CREATE TABLE crm.sign_in_attempts (
  subject bytea  NOT NULL PRIMARY KEY,
  count   bigint NOT NULL,
  last_at bigint NOT NULL
);
CREATE INDEX sign_in_attempts_by_time ON crm.sign_in_attempts (last_at);

CREATE TABLE crm.api_keys (
  workspace  uuid   NOT NULL,
  id         uuid   NOT NULL,
  digest     bytea  NOT NULL,
  user_id    uuid   NOT NULL,
  name       text   NOT NULL,
  prefix     text   NOT NULL,
  scopes     text   NOT NULL, -- parted by blanks
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  used_at    bigint NOT NULL,
  PRIMARY KEY (workspace, id),
  FOREIGN KEY (workspace, user_id) REFERENCES crm.members (workspace, user_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX api_keys_by_digest ON crm.api_keys (digest);
CREATE INDEX api_keys_by_user          ON crm.api_keys (workspace, user_id, id);

CREATE TABLE crm.invitations (
  workspace  uuid   NOT NULL REFERENCES crm.workspaces (id),
  id         uuid   NOT NULL,
  token      bytea  NOT NULL,
  email_key  text   COLLATE "C" NOT NULL,
  email      text   NOT NULL,
  role       text   NOT NULL,
  invited_by uuid   NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE UNIQUE INDEX invitations_by_token ON crm.invitations (token);
CREATE UNIQUE INDEX invitations_by_email ON crm.invitations (workspace, email_key);
