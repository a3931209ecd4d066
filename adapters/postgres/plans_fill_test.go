package postgres_test

import (
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
)

// The workspaces of the filled database: one large, one of a middle size, and
// many small ones.
const (
	largeSize, middleSize, smallSize = 100_000, 5_000, 50
	smallWorkspaces                  = 40
)

// largeWorkspace is the first of them.
func largeWorkspace() crm.WorkspaceID {
	return crm.WorkspaceID{6: 0x40, 8: 0x80, 15: 1}
}

// fillTexts fill a database as years of use would; i counts the records of a
// workspace and w the workspaces.
var fillTexts = []string{
	`CREATE FUNCTION pg_temp.ws(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$
		SELECT CAST('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0') AS uuid) $f$`,
	`CREATE FUNCTION pg_temp.id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$
		SELECT CAST('0190' || lpad(to_hex(n), 4, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0') AS uuid) $f$`,
	`CREATE TEMP TABLE n AS SELECT w, pg_temp.ws(w) AS ws, i, pg_temp.id(i) AS id FROM generate_series(1, $4 + 2) AS w
		CROSS JOIN LATERAL generate_series(CAST(1 AS bigint), CASE w WHEN 1 THEN $1 WHEN 2 THEN $2 ELSE $3 END) AS i`,
	`INSERT INTO crm.workspaces SELECT DISTINCT ws, '', '', '', 0, 0, 1 FROM n`,
	`DROP INDEX crm.contacts_by_text`,
	`INSERT INTO crm.contacts SELECT ws, id, i % 50 = 0, 1, 1, (ARRAY['', 'lead', 'customer', 'inactive'])[1 + i % 4], (ARRAY['', 'import', 'api'])[1 + i % 3],
		i % 5 > 0, i % 3 > 0, i * 1000000, i * 1100000, CASE WHEN i % 2 = 0 THEN i * 1200000 ELSE -4611686018427387904 END,
		CASE WHEN i % 4 = 0 THEN i % 101 ELSE -1 END, CASE WHEN i % 50 = 0 THEN i * 1300000 ELSE -4611686018427387904 END,
		CAST(md5(CAST(i AS text)) AS bytea), '{}', '', left(md5(CAST(i AS text)), 12) FROM n`,
	`INSERT INTO crm.contact_keys SELECT ws, 1, CAST('source' || i AS bytea), id FROM n WHERE i % 3 = 1`,
	`INSERT INTO crm.contact_keys SELECT ws, k, CAST('key' || i AS bytea), id FROM n CROSS JOIN generate_series(2, 3) AS k`,
	`INSERT INTO crm.contact_keys SELECT ws, $5, CAST((ARRAY['a', 'b', 'tag' || i % 500])[1 + i % 3] AS bytea), id FROM n`,
	`INSERT INTO crm.contact_keys SELECT ws, $6, CAST('x' AS bytea) || '\x00' || CAST('y' || i % 20 AS bytea), id FROM n`,
	`INSERT INTO crm.contact_figures SELECT ws, count(*), 0 FROM n GROUP BY ws`,
	`INSERT INTO crm.tags SELECT DISTINCT ws, 'tag' || i % 500, '', 1 FROM n`,
	`INSERT INTO crm.series SELECT ws, s, i, 1 FROM n CROSS JOIN generate_series(1, 4) AS s WHERE i < 10000`,
	`INSERT INTO crm.pending_counts (workspace, what, key, name, series, slot, n) SELECT ws, i % 4, 'tag' || i % 5, '', 1, i, 1 FROM n WHERE i < 1000`,
	`INSERT INTO crm.contact_images (workspace, contact, version, batch, at, row) SELECT ws, id, 1, pg_temp.id(i % 20), i * 1000000, i FROM n WHERE i % 2 = 0`,
	`INSERT INTO crm.events SELECT row_number() OVER (ORDER BY i, w, e), ws, id, (ARRAY['contact.created', 'contact.updated', 'interaction.created', 'job.finished'])[1 + i % 4],
		i * 1000000, 'user', id, 'contact', id, '', 1, CASE WHEN i % 2 = 0 THEN pg_temp.id(i % 20) ELSE '00000000-0000-0000-0000-000000000000' END, '{}',
		CASE WHEN i % 4 = 3 THEN pg_temp.id(i % 7) ELSE '00000000-0000-0000-0000-000000000000' END, CASE WHEN i % 2 = 0 THEN 0 ELSE 2 END
		FROM n CROSS JOIN generate_series(1, 2) AS e`,
	`UPDATE crm.event_log SET head = (SELECT max(position) FROM crm.events)`,
	`INSERT INTO crm.event_inbox (workspace, id, type, at, actor_kind, actor, subject_kind, subject, changed, version, batch, contacts, owner, feed)
		SELECT workspace, id, type, at, actor_kind, actor, subject_kind, subject, changed, version, batch, contacts, owner, feed FROM crm.events WHERE position % 400 = 0`,
	`INSERT INTO crm.event_contacts SELECT workspace, subject, position FROM crm.events WHERE position % 2 = 0`,
	`INSERT INTO crm.event_batches SELECT ws, id, '{}' FROM n WHERE i <= 200`,
	`INSERT INTO crm.interactions SELECT ws, id, 1, i % 10 = 0, (ARRAY['call', 'email', 'note', 'meeting'])[1 + i % 4], 'inbound', i * 1000000, 0, 0,
		CASE WHEN i % 2 = 0 THEN 'mbox' ELSE '' END, CASE WHEN i % 2 = 0 THEN 's' || i ELSE '' END, CASE WHEN i % 2 = 0 THEN CAST('s' || i AS bytea) ELSE '' END, '',
		CASE WHEN i % 3 = 0 THEN pg_temp.id(i % 20) ELSE '00000000-0000-0000-0000-000000000000' END, '[]', '', '' FROM n`,
	`INSERT INTO crm.interaction_links SELECT workspace, id, occurred_at, id, type, direction FROM crm.interactions`,
	`INSERT INTO crm.interaction_strangers SELECT ws, 2, CAST('key' || i % 5000 AS bytea), id FROM n`,
	`INSERT INTO crm.insights SELECT ws, id, 0, i % 101, CASE WHEN i % 3 = 0 THEN i * 1000000 ELSE -4611686018427387904 END, i % 4, '', 0 FROM n`,
	`INSERT INTO crm.contact_views SELECT ws, pg_temp.id(i % 10), id, i * 1000000 FROM n WHERE i % 5 = 0`,
	`INSERT INTO crm.contact_view_counts SELECT ws, id, 1 FROM n`,
	`INSERT INTO crm.imports SELECT ws, id, 1, 'done', pg_temp.id(i % 5), '{}' FROM n WHERE i < 3000`,
	`INSERT INTO crm.import_rows SELECT ws, pg_temp.id(i % 5), 'created', i, i % 10 = 0, id, '' FROM n`,
	`INSERT INTO crm.fingerprints SELECT ws, CAST(md5(CAST(i AS text)) AS uuid), id, pg_temp.id(i % 20) FROM n`,
	`INSERT INTO crm.idempotency_records SELECT ws, 'key' || i, '', '{}', i * 1000000 FROM n WHERE i < 20000`,
	`INSERT INTO crm.jobs SELECT ws, id, (ARRAY['purge', 'import', 'export'])[1 + i % 3],
		CASE i % 1000 WHEN 0 THEN 'queued' WHEN 1 THEN 'scheduled' WHEN 2 THEN 'running' ELSE 'succeeded' END, CASE i % 1000 WHEN 0 THEN true WHEN 1 THEN false END, 0,
		id, '{}', pg_temp.id(i % 50), NULL, NULL, NULL, 0, 0, 0, 3, 0, '', '', CASE WHEN i % 10 = 0 THEN pg_temp.id(i % 20) ELSE '00000000-0000-0000-0000-000000000000' END,
		i % 5000 = 2, i * 1000000, i * 1000000, i * 1000000, i * 1000000, id, i * 1000000, 1 FROM n WHERE i <= 50000`,
	`INSERT INTO crm.blobs SELECT ws, id, id, 1 FROM n WHERE i < 5000`,
	`INSERT INTO crm.blob_uploads SELECT ws, id, i FROM n WHERE i < 2000`,
	`INSERT INTO crm.blob_chunks SELECT ws, id, 0, 'x' FROM n WHERE i < 5000`,
	`CREATE INDEX contacts_by_text ON crm.contacts USING gin (workspace, search_text gin_trgm_ops)`,
}

// fillForPlans fills the database of a connection.
func fillForPlans(tb testing.TB, conn *sqlx.Conn) {
	tb.Helper()
	// Numbers of the statements' arguments.
	size := []any{largeSize, middleSize, smallSize, smallWorkspaces, int(crm.KeyTag), int(crm.KeyField)}
	for _, text := range fillTexts {
		if _, err := conn.ExecContext(tb.Context(), withNumbers(text, size)); err != nil {
			tb.Fatalf("fill by %s: %v", text, err)
		}
	}
	after := []string{"DROP TABLE n", "ANALYZE"}
	for name, value := range postgres.Planner() {
		after = append(after, "SET "+name+" = "+value)
	}
	for _, text := range after {
		if _, err := conn.ExecContext(tb.Context(), text); err != nil {
			tb.Fatal(err)
		}
	}
}
